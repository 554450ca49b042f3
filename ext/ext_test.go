package ext

import (
	"strings"
	"testing"
)

func factory(name string, aliases ...string) Factory {
	return Factory{Name: name, Aliases: aliases, New: func(Host, map[string]string) (Extension, error) { return nil, nil }}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	all := []Factory{factory("cache", "old.cache:make"), factory("twiddler")}
	for spec, want := range map[string]string{"cache": "cache", "old.cache:make": "cache", "twiddler": "twiddler"} {
		if f, err := Lookup(all, spec); err != nil || f.Name != want {
			t.Errorf("Lookup(%q) = %q, %v; want %q", spec, f.Name, err, want)
		}
	}
	_, err := Lookup(all, "Cache")
	want := `cannot find extension "Cache": this program has cache or old.cache:make, twiddler; ` +
		`extensions are Go packages built into it, and examples/extension shows how`
	if err == nil || err.Error() != want {
		t.Errorf("Lookup of an unknown one: %v, want %s", err, want)
	}
	if _, err := Lookup(nil, ""); err == nil || !strings.Contains(err.Error(), "has no extension;") {
		t.Errorf("Lookup without factories: %v", err)
	}
}

func TestLookupPanicsOnMistakesInMain(t *testing.T) {
	t.Parallel()
	for want, factories := range map[string][]Factory{
		`"a" and "a" both answer to "a"`:     {factory("a"), factory("a")},
		`"a" and "b" both answer to "m:f"`:   {factory("a", "m:f"), factory("b", "m:f")},
		`"a" and "m:f" both answer to "m:f"`: {factory("a", "m:f"), factory("m:f")},
		`factory "" lacks`:                   {factory("")},
		`factory "c" lacks`:                  {{Name: "c"}},
	} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.Contains(r.(string), want) {
					t.Errorf("panic = %v, want one with %q", r, want)
				}
			}()
			_, err := Lookup(factories, "nothing")
			t.Errorf("Lookup returned %v, want a panic with %q", err, want)
		}()
	}
}

func TestStateNames(t *testing.T) {
	t.Parallel()
	for s, want := range map[State]string{2: "FATAL", 1: "RUNNING", 0: "RESTARTING", -1: "SHUTDOWN", 9: "STATE9"} {
		if got := s.String(); got != want {
			t.Errorf("State(%d) = %s, want %s", int(s), got, want)
		}
	}
}
