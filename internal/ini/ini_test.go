package ini

import (
	"errors"
	"slices"
	"testing"
)

// parse is Parse of a text without errors.
func parse(tb testing.TB, file, text string) *Document {
	tb.Helper()
	d, err := Parse(file, []byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// lookup is what Lookup finds, or "<none>".
func lookup(d *Document, section, key string) string {
	s := d.Section(section)
	if s == nil {
		return "<no section>"
	}
	o, ok := s.Lookup(key)
	if !ok {
		return "<none>"
	}
	return o.Value
}

func TestParsePositions(t *testing.T) {
	t.Parallel()
	d := parse(t, "a.conf", "; first\n\n[program:cat]\ncommand = x\n  y\n\n  z\nUser=me\r\n[b]\rk=1\n[program:cat]\nuser=you\n")
	cat := d.Section("program:cat")
	if cat.File != "a.conf" || cat.Line != 3 {
		t.Errorf("section at %s:%d, want a.conf:3", cat.File, cat.Line)
	}
	want := []Option{
		{Key: "command", Value: "x\ny\n\nz", File: "a.conf", Line: 4},
		{Key: "user", Value: "you", File: "a.conf", Line: 12},
	}
	if got := cat.Options(); !slices.Equal(got, want) {
		t.Errorf("options are %v, want %v", got, want)
	}
	if k, _ := d.Section("b").Lookup("k"); k.Line != 10 {
		t.Errorf("k is at line %d, want 10: each kind of newline ends a line", k.Line)
	}
}

// Each row is about one line of [s], with the value Python 3.11 gives k.
func TestParseInlineComments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ line, want string }{
		{"k=a ;b", "a"},
		{"k=a\t#b", "a"},
		{"k=a\u00a0;b", "a"}, // any blank will do
		{"k=a;b", "a;b"},
		{"k=a#b ;c", "a#b"},
		{"k=a;b ;c", "a;b"},
		{"k=a #b ;c", "a"},
		{"k=a ;b #c", "a"},
		{"k=a;b ;c #d", "a;b ;c"}, // the first # is found together with the first ;
		{"k=a#b #c ;d", "a#b #c"},
		{"k=a;b ;c#d", "a;b"},
		{`k="a ;b"`, `"a`},
		{"k=;a", ";a"},
		{"k= ;a", ""},
	} {
		d := parse(t, "x", "[s]\n"+c.line+"\n")
		if got := lookup(d, "s", "k"); got != c.want {
			t.Errorf("%q gives %q, want %q", c.line, got, c.want)
		}
	}
}

func TestParseErrorPositions(t *testing.T) {
	t.Parallel()
	_, err := Parse("x.conf", []byte("[s]\njunk\na=1\n=2\n  it's more\n"))
	var bad *ParseErrors
	if !errors.As(err, &bad) {
		t.Fatalf("error is %v, want ParseErrors", err)
	}
	want := []BadLine{{2, "junk\n"}, {4, "=2\n"}, {5, "  it's more\n"}}
	if bad.File != "x.conf" || !slices.Equal(bad.Lines, want) {
		t.Errorf("bad lines are %v of %s, want %v", bad.Lines, bad.File, want)
	}
	text := "Source contains parsing errors: 'x.conf'\n\t[line  2]: 'junk\\n'\n\t[line  4]: '=2\\n'\n\t[line  5]: \"  it's more\\n\""
	if bad.Error() != text {
		t.Errorf("text is %q, want %q", bad.Error(), text)
	}

	_, err = Parse("x.conf", []byte("\n  # c\n a=1 ; c\n[s]\n"))
	var missing *MissingHeaderError
	if !errors.As(err, &missing) {
		t.Fatalf("error is %v, want MissingHeaderError", err)
	}
	if missing.File != "x.conf" || missing.Line != 3 || missing.Text != " a=1 ; c\n" {
		t.Errorf("error is about %s:%d %q", missing.File, missing.Line, missing.Text)
	}
	text = "File contains no section headers.\nfile: 'x.conf', line: 3\n' a=1 ; c\\n'"
	if missing.Error() != text {
		t.Errorf("text is %q, want %q", missing.Error(), text)
	}
}

// The reasons and the blamed bytes are those of Python 3.11's codec.
func TestParseDecodeError(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		line int
		want string
	}{
		{"[s]\na=\xff\n", 2, "byte 0xff in position 6: invalid start byte"},
		{"[s]\r\na=\x80\n", 2, "byte 0x80 in position 7: invalid start byte"},
		{"\xe9t\xe9\n", 1, "byte 0xe9 in position 0: invalid continuation byte"},
		{"é\n\n\xe2\x82x", 3, "bytes in position 4-5: invalid continuation byte"},
		{"\xed\xa0\x80", 1, "byte 0xed in position 0: invalid continuation byte"},
		{"\xc0\xaf", 1, "byte 0xc0 in position 0: invalid start byte"},
		{"\xf4\x90\x80\x80", 1, "byte 0xf4 in position 0: invalid continuation byte"},
		{"a\xf0\x9f\x98", 1, "bytes in position 1-3: unexpected end of data"},
		{"a\xc3", 1, "byte 0xc3 in position 1: unexpected end of data"},
	} {
		_, err := Parse("x", []byte(c.text))
		var bad *DecodeError
		if !errors.As(err, &bad) {
			t.Errorf("Parse(%q): error is %v, want a DecodeError", c.text, err)
			continue
		}
		want := "'utf-8' codec can't decode " + c.want + " (file: 'x', line: " + string(rune('0'+c.line)) + ")"
		if bad.Error() != want || bad.Line != c.line {
			t.Errorf("Parse(%q) fails with %q at line %d, want %q", c.text, bad, bad.Line, want)
		}
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	d := parse(t, "x", "[a]\nown=1\nshared=a\n[DEFAULT]\nshared=d\nother=o\n[b]\n")
	if n := len(d.Sections()); n != 2 || d.Section("DEFAULT") != nil {
		t.Errorf("%d sections, DEFAULT is %v; want 2, not it", n, d.Section("DEFAULT"))
	}
	for _, c := range []struct{ section, key, want string }{
		{"a", "own", "1"}, {"a", "shared", "a"}, {"a", "other", "o"},
		{"b", "own", "<none>"}, {"b", "shared", "d"},
	} {
		if got := lookup(d, c.section, c.key); got != c.want {
			t.Errorf("[%s] %s = %q, want %q", c.section, c.key, got, c.want)
		}
	}
	keys := func(options []Option) (all []string) {
		for _, o := range options {
			all = append(all, o.Key)
		}
		return all
	}
	if got := keys(d.Section("a").Options()); !slices.Equal(got, []string{"shared", "other", "own"}) {
		t.Errorf("options of a are %q", got)
	}
	if got := keys(d.Section("a").Own()); !slices.Equal(got, []string{"own", "shared"}) {
		t.Errorf("own options of a are %q", got)
	}
	if got := keys(d.Defaults().Options()); !slices.Equal(got, []string{"shared", "other"}) {
		t.Errorf("defaults are %q", got)
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	d := parse(t, "main", "[a]\nx=1\ny=1\n[b]\n")
	included := parse(t, "inc", "[DEFAULT]\nd=1\n[c]\nx=3\n[a]\ny=2\nz=2\n")
	d.Merge(included)
	var names []string
	for _, s := range d.Sections() {
		names = append(names, s.Name+"@"+s.File)
	}
	if want := []string{"a@main", "b@main", "c@inc"}; !slices.Equal(names, want) {
		t.Errorf("sections are %q, want %q", names, want)
	}
	want := []Option{
		{Key: "x", Value: "1", File: "main", Line: 2},
		{Key: "y", Value: "2", File: "inc", Line: 6},
		{Key: "z", Value: "2", File: "inc", Line: 7},
	}
	if got := d.Section("a").Own(); !slices.Equal(got, want) {
		t.Errorf("[a] has %v, want %v", got, want)
	}
	if got := lookup(d, "b", "d"); got != "1" {
		t.Errorf("the default of the included file is %q in [b], want 1", got)
	}

	// The merged document stands alone: what is merged in next changes it only.
	d.Merge(parse(t, "next", "[c]\nx=4\n"))
	if got := lookup(included, "c", "x"); got != "3" {
		t.Errorf("merging changed the source: x is %q, want 3", got)
	}
}

// Supervisor 4.2.5, options.py, read_config: expand_here after the main file
// and again after each included file, each time over all sections.
func TestReplaceHere(t *testing.T) {
	t.Parallel()
	d := parse(t, "main", "[DEFAULT]\nlog=%(here)s/log\nplain=p\n[a]\nx=%(here)s:%(here)s\ny=%%(here)s\nz=%(here)d\n")
	d.ReplaceHere("/main")
	d.Merge(parse(t, "inc", "[a]\nv=%(here)s\n[b]\nw=%(here)s\n"))
	d.ReplaceHere("/inc")
	for _, c := range []struct{ section, key, want string }{
		{"a", "x", "/main:/main"},
		{"a", "y", "%/main"},
		{"a", "z", "%(here)d"},
		{"a", "v", "/inc"},
		{"b", "w", "/inc"},
		{"a", "log", "/main/log"},
		{"b", "log", "/inc/log"},
		{"b", "plain", "p"},
	} {
		if got := lookup(d, c.section, c.key); got != c.want {
			t.Errorf("[%s] %s = %q, want %q", c.section, c.key, got, c.want)
		}
	}
	if o, _ := d.Defaults().Lookup("log"); o.Value != "%(here)s/log" {
		t.Errorf("the default itself is %q, want it untouched", o.Value)
	}
	if n := len(d.Section("b").Own()); n != 2 {
		t.Errorf("[b] has %d options of its own, want w and log", n)
	}

	// A default that a later file brings reaches the sections that are done.
	d.Merge(parse(t, "last", "[DEFAULT]\nnew=%(here)s\n"))
	d.ReplaceHere("/last")
	if got := lookup(d, "a", "new"); got != "/last" {
		t.Errorf("new default is %q in [a], want /last", got)
	}
}

// A directory of that odd name is replaced again, as in the original.
func TestReplaceHereInDirectory(t *testing.T) {
	t.Parallel()
	d := parse(t, "main", "[a]\nx=%(here)s/x\n")
	d.ReplaceHere("/%(here)s")
	d.ReplaceHere("/2")
	if got := lookup(d, "a", "x"); got != "//2/x" {
		t.Errorf("x = %q, want //2/x", got)
	}
}
