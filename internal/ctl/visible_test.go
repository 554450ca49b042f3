package ctl

import (
	"strings"
	"testing"
)

func TestVisible(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain ä\t\n":   "plain ä\t\n",
		"\x1b[31m\a\r":  "^[[31m^G^M",
		"\x00\x7f":      "^@^?",
		"\u009b31m":     "<U+009B>31m",
		"\u202egnp.exe": "<U+202E>gnp.exe",
		"a\xffb":        "a\ufffdb",
	} {
		if got := visible(text); got != want {
			t.Errorf("visible(%q) = %q, want %q", text, got, want)
		}
	}
}

// TestLogFilter cuts each text at every place: a filter must not care how its
// input arrives.
func TestLogFilter(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain ä\r\n\ttab":                     "plain ä\r\n\ttab",
		"\x1b[31;1mred\x1b[m\x1b[38:5:1m":      "\x1b[31;1mred\x1b[m\x1b[38:5:1m",
		"a\x1b[2Jb\x1b[Hc\x1b[?25ld\x1b[6n":    "abcd",
		"a\x1b]0;title\ab\x1b]52;c;x\x1b\\c":   "abc",
		"a\x1bP1$r\x1b\\b\x1bcc\x1b(Bd\x1b#8e": "abcde",
		"a\x1b[>4;1mb":                         "ab",
		"a\x1b[3\nb":                           "a\nb",
		"a\x1b]never ends\nb":                  "a\nb",
		"bell\a nul\x00 back\b":                "bell^G nul^@ back^H",
		"\u009b2Jx":                            "<U+009B>2Jx",
		"\xff\xc3":                             "\ufffd", // the second may be half a character
		"a\x1b\x1b[31mb":                       "a\x1b[31mb",
	} {
		for cut := range len(text) + 1 {
			var out strings.Builder
			f := &logFilter{out: &out}
			for _, piece := range []string{text[:cut], text[cut:]} {
				if n, err := f.Write([]byte(piece)); n != len(piece) || err != nil {
					t.Errorf("Write(%q) = %d, %v", piece, n, err)
				}
			}
			if got := out.String(); got != want {
				t.Errorf("%q cut at %d: %q, want %q", text, cut, got, want)
			}
		}
	}
}

// TestLogFilterIsBounded: a sequence without end does not hold the log back.
func TestLogFilterIsBounded(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	f := &logFilter{out: &out}
	for range 1000 {
		if _, err := f.Write([]byte("\x1b]0;" + strings.Repeat("x", 100))); err != nil {
			t.Fatal(err)
		}
		if len(f.held) > maxSequence {
			t.Fatalf("%d bytes held", len(f.held))
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("an escape character went through")
	}
	if !strings.Contains(out.String(), "xxx") {
		t.Error("nothing went through")
	}
}

func FuzzLogFilter(f *testing.F) {
	f.Add("a\x1b[31mb\x1b]0;t\a\u009b", 3)
	f.Fuzz(func(t *testing.T, text string, cut int) {
		var whole, pieces strings.Builder
		if _, err := (&logFilter{out: &whole}).Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		p := &logFilter{out: &pieces}
		cut = min(max(cut, 0), len(text))
		for _, piece := range []string{text[:cut], text[cut:]} {
			if _, err := p.Write([]byte(piece)); err != nil {
				t.Fatal(err)
			}
		}
		// What exceeds the bound may be shown in another way.
		if len(text) < maxSequence && whole.String() != pieces.String() {
			t.Errorf("%q cut at %d: %q, whole %q", text, cut, pieces.String(), whole.String())
		}
		for rest := pieces.String(); ; {
			i := strings.IndexByte(rest, 0x1b)
			if i < 0 {
				break
			}
			rest = rest[i:]
			end := strings.IndexByte(rest, 'm')
			if end < 2 || rest[1] != '[' || !onlySGR([]byte(rest[2:end])) {
				t.Fatalf("%q lets %q through", text, rest)
			}
			rest = rest[end:]
		}
	})
}
