package config

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// Every value comes back from the file as it was.
func TestOverlayValues(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"", "x", "a b", " x", "x ", "a ; b", "a # b", ";a", "#a", "a;b", "%", "%%(here)s", "a\nb", "a\n b", "a\n\nb", "a\n", "\na",
		"a\n;b", "a\n#b", "a\n[x]", "a\nb = c", "\xff\xfe", "\x00", "a\rb", "a\r\nb", "\t", "a\tb", "\u00a0x", "a\u2028b", "a\u00a0;b",
		`"`, `"quoted"`, `a\x3b`, `\ ;`, `'a ; "b"'`, "=", ": ;", "[x]", "ä ; 世界", "\x1c", "a\v;b", "a\u0085b", strings.Repeat("x ;", 999),
	} {
		o := &Overlay{Group: "g", Whole: true, Programs: []OverlayProgram{{Nth: 1, Section: &Section{Program: "p",
			Settings: []Setting{{"command", value}, {"umask", "022"}}}}}}
		text, err := o.Render()
		if err != nil {
			t.Errorf("%q: %v", value, err)
			continue
		}
		back, err := ParseOverlay("g.conf", text)
		if err != nil || !back.Equal(o) || back.Programs[0].Section.Settings[0].Value != value {
			t.Errorf("%q: %v\n%s", value, err, text)
		}
	}
}

// A name that no file can hold is refused, with the program that has it.
func TestOverlayNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a\nb", "a\t;b", "\xff", ""} {
		if _, err := (&Overlay{Group: name, Removed: true}).Render(); (err == nil) != (name == "") {
			t.Errorf("group %q: %v", name, err)
		}
		o := &Overlay{Group: "g", Whole: true, Programs: []OverlayProgram{{Nth: 1, Section: &Section{Program: "x" + name}}}}
		if _, err := o.Render(); (err == nil) != (name == "") || err != nil && !strings.Contains(err.Error(), "program \"x") {
			t.Errorf("program %q: %v", name, err)
		}
	}
	seen := map[string]bool{}
	for _, row := range [][2]string{
		{"web", "web.conf"}, {"a/b", "a%2Fb.conf"}, {".", "%2E.conf"}, {"..", "%2E..conf"}, {"a b", "a%20b.conf"}, {"%", "%25.conf"}, {"ä", "%C3%A4.conf"},
		{"", "%.conf"},
	} {
		if got := OverlayFile(row[0]); got != row[1] {
			t.Errorf("%q: %s", row[0], got)
		}
	}
	for _, name := range []string{strings.Repeat("x", 200), strings.Repeat("x", 201), strings.Repeat("x", 999), strings.Repeat("/", 99)} {
		got := OverlayFile(name)
		if len(got) > 206 || seen[got] {
			t.Errorf("%d bytes: %s", len(name), got)
		}
		seen[got] = true
	}
}

func TestParseOverlayRefuses(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ text, want string }{
		{"", "g.conf:1: there must be one section [group:NAME], and there are 0"},
		{"[group:g]\n[group:h]\n", "g.conf:1: there must be one section [group:NAME], and there are 2"},
		{"[group:h]\n", "g.conf:1: [group:h]: the file of group 'h' must be called h.conf, not g.conf"},
		{"x=1\n", "g.conf:1: no section header before 'x=1\\n'"},
		{"[group:g]\nnonsense\n", "g.conf:2: cannot understand 'nonsense\\n'"},
		{"[group:g]\n\xff\n", "g.conf:2: 'utf-8' codec can't decode byte 0xff in position 10: invalid start byte (file: 'g.conf', line: 2)"},
		{"[group:g]\n[DEFAULT]\nx=1\n", "g.conf:3: [DEFAULT]: a file of one group has no defaults"},
		{"[group:g]\npriority=x\n", "g.conf:2: [group:g] priority=x: invalid literal for int() with base 10: 'x'"},
		{"[group:g]\nremoved=perhaps\n", "g.conf:2: [group:g] removed=perhaps: not a valid boolean value: 'perhaps'"},
		{"[group:g]\nprograms=a\n", "g.conf:2: [group:g] programs=a: there is no such option here; known are kind, priority, removed, whole"},
		{"[group:g]\nwhole=1\nkind=pool\n", "g.conf:3: [group:g] kind=pool: 'pool' is none of program, eventlistener, fcgi-program"},
		{"[group:g]\nkind=program\n", "g.conf:1: [group:g]: kind is that of the configuration, unless whole = true"},
		{"[group:g]\nremoved=1\npriority=1\n", "g.conf:1: [group:g]: a group that is removed has nothing else in its file"},
		{"[group:g]\nwhole=1\n[remove:x]\n", "g.conf:1: [group:g]: a group of which whole = true has nothing of the configuration that [remove:NAME] and [scale:NAME] could mean"},
		{"[group:g]\n[program:p]\ncomand=x\n", `g.conf:3: [program:p] comand=x: [program:p] has no option 'comand'; did you mean "command"?`},
		{"[group:g]\n[program:p]\ncommand=x\ncommand (quoted)=\"x\"\n", `g.conf:4: [program:p] command (quoted)="x": it stands in line 3 already`},
		{"[group:g]\n[program:p]\ncommand (quoted)=x\n", `g.conf:3: [program:p] command (quoted)=x: it is not a text in double quotes, with backslashes as in the language C`},
		{"[group:g]\n[program:p]\ncommand (quoted)='x'\n", `g.conf:3: [program:p] command (quoted)='x': it is not a text in double quotes, with backslashes as in the language C`},
		{"[group:g]\n[program:p/x]\n", "g.conf:2: [program:p/x]: after the slash, which makes it a further program of that name, must be a number from 2"},
		{"[group:g]\n[program:p]\n[fcgi-program:p]\n", "g.conf:3: [fcgi-program:p]: there is another program 'p' in this file"},
		{"[group:g]\n[program:p]\n[scale:p]\nnumprocs=2\n", "g.conf:3: [scale:p]: numprocs of a program that is in this file must stand in its own section"},
		{"[group:g]\n[scale:p]\nnumprocs=0\n", "g.conf:3: [scale:p] numprocs=0: numprocs must be between 1 and 100000"},
		{"[group:g]\n[scale:p]\nwithout=1,x\n", "g.conf:3: [scale:p] without=1,x: invalid literal for int() with base 10: 'x'"},
		{"[group:g]\n[scale:p]\n", "g.conf:2: [scale:p]: it must have numprocs, or without, or both"},
		{"[group:g]\n[supervisord]\n", "g.conf:2: [supervisord]: a file of changes has no such section; known are " +
			"[group:NAME], [remove:NAME], [scale:NAME], [program:NAME], [eventlistener:NAME], [fcgi-program:NAME]"},
	} {
		_, err := ParseOverlay("g.conf", []byte(row.text))
		var all *Errors
		if !errors.As(err, &all) || err.Error() != row.want {
			t.Errorf("%q:\n%v, want\n%s", row.text, err, row.want)
		}
	}
}

// What can be read can be written, and comes back the same; and no text makes
// the reader fail in another way than with an error.
func FuzzParseOverlay(f *testing.F) {
	for _, text := range []string{
		"[group:g]\nremoved=true\n", "[group:g]\nwhole=true\nkind=fcgi-program\npriority=-3\n[fcgi-program:g]\nsocket=unix:///x\n",
		"[group:g]\n[remove:a]\n[scale:b]\nnumprocs=3\nwithout=1, 2\n[program:c]\ncommand (quoted)=\"a \\x3b b\"\n[program:c/2]\n" +
			"inherit_environment=no\ncommand=x\n\ty\n[scale:c/2]\nwithout=0\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := ParseOverlay("g.conf", []byte(text))
		if err != nil {
			var all *Errors
			if !errors.As(err, &all) || len(all.Problems) == 0 {
				t.Fatalf("%v", err)
			}
			return
		}
		again, err := o.Render()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := ParseOverlay("g.conf", again); err != nil || !back.Equal(o) {
			t.Fatalf("%v\n%s", err, again)
		}
	})
}

// The file that the documentation shows is one that would be written.
func TestOverlayInManual(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../../docs/twiddling.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(manual), "```ini\n[group:g]\n\n")
	text, _, _ := strings.Cut(rest, "```")
	text = "[group:g]\n\n" + text
	o := parseOverlay(t, "g.conf", text)
	again, err := o.Render()
	if err != nil || len(o.Without) != 1 || len(o.Scales) != 1 || len(o.Programs) != 1 {
		t.Fatalf("%+v, %v", o, err)
	}
	if _, got, _ := strings.Cut(string(again), "\n\n"); got != text {
		t.Errorf("%s\nin the manual:\n%s", got, text)
	}
}
