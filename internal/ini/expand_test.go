package ini

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// processVars are names as a process has them.
func processVars() Vars {
	return Vars{}.
		WithTable("ENV_", map[string]string{"HOME": "/root", "LANG": "C"}).
		With(String("here", "/etc"), String("program_name", "cat")).
		With(Int("process_num", 7), Int("numprocs", 10))
}

func TestExpand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ value, want string }{
		{"", ""},
		{"plain", "plain"},
		{"%(here)s/x", "/etc/x"},
		{"%(program_name)s_%(process_num)02d", "cat_07"},
		{"%(ENV_HOME)s:%(ENV_LANG)s", "/root:C"},
		{"%(numprocs)s", "10"},
		{"%(process_num)x %(numprocs)X %(numprocs)#x %(numprocs)o", "7 A 0xa 12"},
		{"[%(program_name)-6s] [%(program_name)6s] [%(program_name).2s]", "[cat   ] [   cat] [ca]"},
		{"%(program_name)r %(process_num)c", "'cat' \a"},
		{"%(process_num)e %(process_num)g %(process_num).1f", "7.000000e+00 7 7.0"},
		{"%(process_num)+d %(process_num)ld", "+7 7"},
		{"100%%", "100%"},
		{"%%(here)s", "%(here)s"},
		{"date +%%s", "date +%s"},
	} {
		got, err := Expand(c.value, "program:cat.command", processVars())
		if err != nil || got != c.want {
			t.Errorf("Expand(%q) = %q, %v, want %q", c.value, got, err, c.want)
		}
	}
}

func TestExpandUnknownName(t *testing.T) {
	t.Parallel()
	_, err := Expand("it's %(nope)s", "program:cat.command", processVars())
	want := `Format string "it's %(nope)s" for 'program:cat.command' contains names ('nope') which cannot be expanded. ` +
		"Available names: ENV_HOME, ENV_LANG, here, numprocs, process_num, program_name"
	if err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
	var e *ExpandError
	if !errors.As(err, &e) || e.Unknown != "nope" || e.Reason != "" || len(e.Names) != 6 {
		t.Errorf("error is %+v", e)
	}
}

func TestExpandBadFormat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ value, reason string }{
		{"%", "incomplete format"},
		{"50%", "incomplete format"},
		{"%(here)", "incomplete format"},
		{"%(here)5.", "incomplete format"},
		{"%(here", "incomplete format key"},
		{"%(a(b)", "incomplete format key"},
		{"%(here)d", "%d format: a real number is required, not str"},
		{"%(here)x", "%x format: an integer is required, not str"},
		{"%(here)f", "must be real number, not str"},
		{"%(here)c", "%c requires int or char"},
		{"echo 5%b", "unsupported format character 'b' (0x62) at index 7"},
		{"é%(here)é", "unsupported format character '?' (0xe9) at index 8"},
		{"%(here)%", "unsupported format character '%' (0x25) at index 7"},
		{"%(here)s %s", "not enough arguments for format string"},
		{"%(here)s %d", "not enough arguments for format string"},
		{"%d", "%d format: a real number is required, not dict"},
		{"%*d", "* wants int"},
		{"%(here)*s", "* wants int"},
		{"%(numprocs)*d", "not enough arguments for format string"},
		{"%(numprocs).*d", "not enough arguments for format string"},
		{"%(numprocs)99999999999999999999d", "width too big"},
		{"%(numprocs).99999999999999999999d", "precision too big"},
		// Ours: in Python these three paste the whole mapping.
		{"date +%s", "not enough arguments for format string"},
		{"100% sure", "not enough arguments for format string"},
		{"%r", "not enough arguments for format string"},
	} {
		_, err := Expand(c.value, "environment", processVars())
		want := "Format string " + Repr(c.value) + " for 'environment' is badly formatted: " + c.reason
		if err == nil || err.Error() != want {
			t.Errorf("Expand(%q) fails with %v, want %s", c.value, err, want)
		}
	}
}

func TestExpandIsBounded(t *testing.T) {
	t.Parallel()
	_, err := Expand(strings.Repeat("%(here)65536s", 300), "x", processVars())
	if err == nil || !strings.HasSuffix(err.Error(), "result too big") {
		t.Errorf("error is %.40v, want one about the size", err)
	}
	got, err := Expand("%(here)65536s", "x", processVars())
	if err != nil || len(got) != maxField {
		t.Errorf("the widest field gives %d bytes, %v", len(got), err)
	}
}

func TestExpandBytes(t *testing.T) {
	t.Parallel()
	vars := Vars{}.With(String("x", "a\xffé"), Int("n", -1), Int("rune", 0x1F600))
	for _, c := range []struct{ value, want string }{
		{"\xfe%(x)s", "\xfea\xffé"},
		{"%(x)4s|", " a\xffé|"}, // a stray byte is a character
		{"%(x).2s", "a\xff"},
		{"%(x)r", `'a\udcffé'`},
		{"%(x)a", `'a\udcff\xe9'`},
		{"%(rune)c", "😀"},
	} {
		if got, err := Expand(c.value, "x", vars); err != nil || got != c.want {
			t.Errorf("Expand(%q) = %q, %v, want %q", c.value, got, err, c.want)
		}
	}
	if _, err := Expand("%(n)c", "x", vars); err == nil || !strings.HasSuffix(err.Error(), ": %c arg not in range(0x110000)") {
		t.Errorf("%%c of -1 fails with %v", err)
	}
}

func TestVarsLayers(t *testing.T) {
	t.Parallel()
	base := Vars{}.With(String("a", "1"), String("b", "1"), String("b", "2"))
	left := base.With(String("a", "left"))
	right := base.WithTable("", map[string]string{"a": "right", "c": "right"}).With(Int("n", 1))
	for _, c := range []struct {
		vars Vars
		want string
	}{{base, "1 2"}, {left, "left 2"}, {right, "right 2"}} {
		if got, err := Expand("%(a)s %(b)s", "x", c.vars); err != nil || got != c.want {
			t.Errorf("Expand = %q, %v, want %q", got, err, c.want)
		}
	}
	if got := right.Names(); !slices.Equal(got, []string{"a", "b", "c", "n"}) {
		t.Errorf("names are %q", got)
	}
	if _, err := Expand("%(x)s", "x", Vars{}); err == nil || !strings.HasSuffix(err.Error(), "Available names: ") {
		t.Errorf("without names the error is %v", err)
	}
}

// The rows are Python 3.11's.
func TestRepr(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"", "''"},
		{"a", "'a'"},
		{"it's", `"it's"`},
		{`say "hi"`, `'say "hi"'`},
		{`it's "x"`, `'it\'s "x"'`},
		{"\\ \n\r\t\x00\x1b\x7f", `'\\ \n\r\t\x00\x1b\x7f'`},
		{"é日😀", "'é日😀'"},
		{"\u00a0\u00ad\u2028\u200b\ufeff", `'\xa0\xad\u2028\u200b\ufeff'`},
		{"\U000e0001\U0010ffff", `'\U000e0001\U0010ffff'`},
		{"\ufffd", "'\ufffd'"},
		{"\xff\xc3", `'\udcff\udcc3'`},
	} {
		if got := Repr(c.text); got != c.want {
			t.Errorf("Repr(%q) = %s, want %s", c.text, got, c.want)
		}
	}
}
