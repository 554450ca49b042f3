package ctl

import (
	"slices"
	"strings"
	"testing"
)

// TestHelp: the block of the original comes first, to the character. Python
// 3.11, cmd.py, print_topics.
func TestHelp(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	want := "\ndefault commands (type help <topic>):\n=====================================\n" +
		"add    exit      open  reload  restart   start   tail   \n" +
		"avail  fg        pid   remove  shutdown  status  update \n" +
		"clear  maintail  quit  reread  signal    stop    version\n\n" +
		"\ntwiddler commands (type help <topic>):\n======================================\ncompletion  run  scale  twiddle\n\n"
	f.one(t, "help", want, 0)
	f.one(t, "?", want, 0)
	f.one(t, "help nope", "*** No help on nope\n", 0)
	f.one(t, "help EOF", "*** No help on EOF\n", 0)
	f.one(t, "help start all", "*** No help on start all\n", 0)
	f.one(t, "? version", versionHelp[0]+"\n", 0)
	f.one(t, "?version", versionHelp[0]+"\n", 0)
}

func TestEveryCommandHasHelp(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	for _, c := range commands() {
		if len(c.help) == 0 || !strings.HasPrefix(c.help[0], c.name) {
			t.Errorf("%s: help %q", c.name, c.help)
		}
		f.one(t, "help "+c.name, strings.Join(c.help, "\n")+"\n", 0)
	}
	if calls := f.asked(); len(calls) != 0 {
		t.Errorf("help asks the server: %q", calls)
	}
}

// TestColumns has what Python 3.11, cmd.Cmd.columnize, prints.
func TestColumns(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		words string
		width int
		want  []string
	}{
		{"a", 79, []string{"a"}},
		{"a b", 79, []string{"a  b"}},
		{"aaa b cc", 5, []string{"aaa", "b", "cc"}},
		{"aaa b cc", 7, []string{"aaa  cc", "b  "}},
		{"a b c d e", 7, []string{"a  c  e", "b  d"}},
	} {
		if got := columns(strings.Fields(test.words), test.width); !slices.Equal(got, test.want) {
			t.Errorf("columns(%s, %d) = %q, want %q", test.words, test.width, got, test.want)
		}
	}
}

// TestParse: Python 3.11, cmd.py, parseline.
func TestParse(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][3]string{
		"":               {"", "", ""},
		"  status  a b ": {"status", "a b", "status  a b"},
		"tail-f x":       {"tail", "-f x", "tail-f x"},
		"?start":         {"help", "start", "help start"},
		"?":              {"help", "", "help "},
		"!ls":            {"", "!ls", "!ls"},
		"x_1:y":          {"x_1", ":y", "x_1:y"},
		"étoile":         {"", "étoile", "étoile"},
	} {
		name, text, rest := parse(line)
		if got := [3]string{name, text, rest}; got != want {
			t.Errorf("parse(%q) = %q, want %q", line, got, want)
		}
	}
}

func TestUnknownSyntax(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	for line, want := range map[string]reply{
		"foo":        {"*** Unknown syntax: foo\n", "", 1},
		" foo  bar ": {"*** Unknown syntax: foo  bar\n", "", 1},
		"!x":         {"*** Unknown syntax: !x\n", "", 1},
		"statsu a":   {"*** Unknown syntax: statsu a\n", "hint: did you mean \"status\"?\n", 1},
		"STOP a":     {"*** Unknown syntax: STOP a\n", "hint: did you mean \"stop\"?\n", 1},
		"   ":        {},
		"":           {},
	} {
		if got := runCtl(t, f.URL, "", line); got != want {
			t.Errorf("%q = %+v, want %+v", line, got, want)
		}
	}
}
