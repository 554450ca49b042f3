package level

import "testing"

func TestLevels(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		level      Level
		word, name string
	}{
		{50, "CRIT", "critical"}, {40, "ERRO", "error"}, {30, "WARN", "warn"}, {20, "INFO", "info"},
		{10, "DEBG", "debug"}, {5, "TRAC", "trace"}, {3, "BLAT", "blather"},
	} {
		if got := tt.level.String(); got != tt.word || !tt.level.Valid() {
			t.Errorf("level %d is %s, want %s", int(tt.level), got, tt.word)
		}
		if l, ok := Parse("  " + tt.name); ok {
			t.Errorf("Parse takes blanks, and makes %v of them", l)
		}
		if l, ok := Parse(tt.name); !ok || l != tt.level {
			t.Errorf("Parse(%q) = %v, %v", tt.name, l, ok)
		}
		if l, ok := ParseWord(tt.word); !ok || l != tt.level {
			t.Errorf("ParseWord(%q) = %v, %v", tt.word, l, ok)
		}
	}
	if Level(15).Valid() {
		t.Error("15 is no level")
	}
	if _, ok := Parse("warning"); ok {
		t.Error("loglevel=warning is not accepted by Supervisor")
	}
	if _, ok := ParseWord("info"); !ok {
		t.Error("words are taken in any case")
	}
}
