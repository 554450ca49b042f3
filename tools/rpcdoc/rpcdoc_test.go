package main

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.org/twiddler/ext"
	"example.org/twiddler/tools/rpcdoc/testdata/good"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden compares the output for testdata/good with the files there. The
// table is a part of that package, so it compiles.
func TestGolden(t *testing.T) {
	t.Parallel()
	check(t, "testdata/good", []string{"-type", "Notes,Clock", "-doc", "reference.md"})
}

// TestUpToDate runs every go:generate line of this tool in memory.
func TestUpToDate(t *testing.T) {
	t.Parallel()
	found := 0
	err := filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && (e.Name() == "testdata" || e.Name() == ".git") {
			return fs.SkipDir
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			words := strings.Fields(line)
			if len(words) > 3 && words[0] == "//go:generate" && strings.HasSuffix(words[3], "tools/rpcdoc") {
				found++
				check(t, filepath.Dir(path), words[4:])
			}
		}
		return nil
	})
	if err != nil || found == 0 {
		t.Errorf("%d go:generate lines found, %v", found, err)
	}
}

// check compares what the tool would write in dir with what is there.
func check(t *testing.T, dir string, args []string) {
	t.Helper()
	j, err := parse(args)
	if err != nil {
		t.Errorf("%s: rpcdoc %v: %v", dir, args, err)
		return
	}
	j.dir = dir
	files, err := j.output()
	if err != nil {
		t.Errorf("%s: rpcdoc %v: %v", dir, args, err)
	}
	for path, got := range files {
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Error(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil || string(got) != string(want) {
			t.Errorf("%s is out of date (%v); run go generate and read the difference. Now:\n%s", path, err, got)
		}
	}
}

func TestTableIsUsable(t *testing.T) {
	t.Parallel()
	var names []string
	methods := new(good.Notes).Methods()
	for _, m := range methods {
		names = append(names, m.Name)
	}
	if got, want := strings.Join(names, " "), "add append push getPID urlFor list"; got != want {
		t.Errorf("methods are %s, want %s", got, want)
	}
	if err := errors.Join(ext.Check(methods), ext.Check(good.Clock{}.Methods())); err != nil {
		t.Errorf("Check: %v", err)
	}
	for i, want := range map[int]string{0: "3", 4: "[{deep true} {scale 1.5} {who <nil>}]"} {
		params := [][]any{0: {"a", 3}, 4: {map[string]any{}}}[i]
		v, err := methods[i].Call(t.Context(), params)
		if err != nil || ext.Text(v) != want {
			t.Errorf("%s = %v, %v; want %s", methods[i].Name, v, err, want)
		}
	}
	for _, want := range []string{"push appends a line", "@param string text  what to add, in one | line\n", `(default "a]b")`, "\n@return int  the number of lines"} {
		if !strings.Contains(methods[2].Help, want) {
			t.Errorf("help of %s lacks %q:\n%s", methods[2].Name, want, methods[2].Help)
		}
	}
	if strings.Contains(methods[2].Help, "@role") || strings.Contains(methods[2].Help, "@alias") {
		t.Errorf("help of %s has tags that mean nothing to a caller:\n%s", methods[2].Name, methods[2].Help)
	}
}

// TestMistakes has one method for each mistake. The line counts from the
// comment, which begins at line 5 of the file.
func TestMistakes(t *testing.T) {
	t.Parallel()
	const ok = "// F does.\n//\n//\t@return boolean\n//\t@role view\n"
	const sig = "func (t *T) F(ctx context.Context) (bool, error) { return true, nil }"
	rows := []struct{ text, want string }{
		{sig, "5: F has no comment"},
		{"//\t@return boolean\n//\t@role view\n" + sig, "7: F has no comment that says what it does"},
		{"// F does.\n//\n//\t@role view\n" + sig, "8: F has no @return"},
		{"// F does.\n//\n//\t@return boolean\n" + sig, "8: F has no @role"},
		{"/* F does.\n@return boolean\n*/\n" + sig, "5: write the comment with //"},
		{"// F does.\n//\n//\t@return bool\n" + sig, `7: "bool" is not one of the types string, int, boolean, double, array, struct, dateTime.iso8601, base64, nil`},
		{"// F does.\n//\n//\t@return string\n//\t@role view\n" + sig, "7: F returns a bool, so its type is boolean, not string"},
		{"// F does.\n//\n//\t@return boolean\n//\t@return boolean\n//\t@role view\n" + sig, "8: a second @return"},
		{"// F does.\n//\n//\t@return boolean\n//\t@role root\n" + sig, `8: "root" is not one of the roles view, operate, define, admin`},
		{ok + "//\t@scope group\n" + sig, `9: "group" is not the scope groups; a method without @scope needs all groups`},
		{ok + "//\t@alias a.b\n" + sig, `9: @alias needs the name of a method, not "a.b"`},
		{ok + "//\t@name\n" + sig, `9: @name needs the name of a method, not ""`},
		{ok + "//\t@returns boolean\n" + sig, "9: unknown tag @returns"},
		{ok + "// More.\n" + sig, "9: prose after the tags; indent it if it continues one"},
		{ok + "//\t@param string a\n" + sig, "10: F has 0 parameters but 1 @param tags"},
		{ok + "//\t@param string\n" + sig, `9: @param needs a type and a name, not "string"`},
		{ok + "//\t@param int [a=x]\n" + sig, `9: "x" is no default for a parameter of type int`},
		{ok + "//\t@param boolean [a=1]\n" + sig, `9: "1" is no default for a parameter of type boolean`},
		{ok + "//\t@param array [a=1]\n" + sig, `9: "1" is no default for a parameter of type array`},
		{ok + "//\t@param int [a=1]\n//\t@param int b\n" + sig, "10: parameter b is required but stands after one that is not"},
		{ok + "func (t *T) F() (bool, error) { return true, nil }", "9: the first parameter of F must be a context.Context"},
		{ok + "func (t *T) F(ctx context.Context) error { return nil }", "9: F must return a value and an error"},
		{ok + "func (t *T) F(ctx context.Context) (bool, int) { return true, 1 }", "9: F must return a value and an error"},
		{ok + "func (t *T) F(ctx context.Context, a string) (bool, error) { return true, nil }", "9: F has 1 parameters but 0 @param tags"},
		{ok + "func (t *T) F(ctx context.Context, a, b, c, d, e string) (bool, error) { return true, nil }", "9: F has 5 parameters; 4 are the most there can be"},
		{ok + "//\t@param string a\nfunc (t *T) F(ctx context.Context, a int) (bool, error) { return true, nil }", "9: parameter a is a int, so its type is int, not string"},
		{ok + "//\t@param string|int a\nfunc (t *T) F(ctx context.Context, a string) (bool, error) { return true, nil }", "9: parameter a is a string, so its type is string, not string|int"},
		{ok + "//\t@param int a\nfunc (t *T) F(ctx context.Context, a uint) (bool, error) { return true, nil }", "10: no value of a client converts to a uint"},
		{ok + "//\t@param string b\n//\t@param string a\nfunc (t *T) F(ctx context.Context, a, b string) (bool, error) { return true, nil }", "9: parameter 1 is a, not b"},
		{ok + "func (t *T) F(ctx context.Context) ([]T, error) { return nil, nil }", "7: F returns a []T, so its type is array, not boolean"},
		{ok + "func (t *T) F(ctx context.Context) (T, error) { return T{}, nil }", "7: F returns a T, so its type is struct, not boolean"},
		{ok + "//\t@alias g\n" + sig + "\n\n// G is g.\n//\n//\t@return boolean\n//\t@role view\nfunc (t *T) G(ctx context.Context) (bool, error) { return true, nil }", "16: F and G are both called g"},
	}
	for _, row := range rows {
		dir := t.TempDir()
		text := "package p\n\nimport \"context\"\n\n" + row.text + "\n\ntype T struct{}\n"
		if err := os.WriteFile(filepath.Join(dir, "p.go"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		j := job{dir: dir, types: []string{"T"}, namespaces: []string{"t"}, table: "out.go"}
		if err := j.run(); err == nil || err.Error() != "p.go:"+row.want {
			t.Errorf("run = %v, want p.go:%s, for\n%s", err, row.want, text)
		}
		if _, err := os.Stat(filepath.Join(dir, "out.go")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a table was written for\n%s", text)
		}
	}
}

func TestAllMistakesAreReported(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := "package p\n\ntype T struct{}\n\nfunc (T) F() {}\nfunc (T) G() {}\n"
	if err := os.WriteFile(filepath.Join(dir, "p.go"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := load(dir, "out.go", []string{"T"})
	if want := "p.go:5: F has no comment\np.go:6: G has no comment"; err == nil || err.Error() != want {
		t.Errorf("load = %v, want %s", err, want)
	}
}

func TestNothingToPublish(t *testing.T) {
	t.Parallel()
	if _, err := load("testdata/good", "methods_gen.go", []string{"Missing"}); err == nil || !strings.Contains(err.Error(), "type Missing has no exported methods") {
		t.Errorf("load of a missing type: %v", err)
	}
	if _, err := load(t.TempDir(), "methods_gen.go", []string{"T"}); err == nil || !strings.Contains(err.Error(), "no Go files") {
		t.Errorf("load of an empty directory: %v", err)
	}
}

func TestRunWritesBoth(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text, err := os.ReadFile("testdata/good/good.go")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "good.go"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	j := job{dir: dir, table: "methods_gen.go", reference: "ref.md"}
	if err := errors.Join(j.name("Notes,Clock", ""), j.run()); err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{"methods_gen.go": "methods_gen.go", "ref.md": "reference.md"} {
		a, errA := os.ReadFile(filepath.Join(dir, got))
		b, errB := os.ReadFile(filepath.Join("testdata/good", want))
		if err := errors.Join(errA, errB); err != nil || string(a) != string(b) {
			t.Errorf("%s differs from testdata/good/%s (%v)", got, want, err)
		}
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"":                          "-type is missing",
		"-type A,B -namespace a":    "2 types but 1 namespaces",
		"-type A more":              `unexpected argument "more"`,
		"-type A,B -o x.go -doc y":  "",
		"-type A,B -namespace ns,b": "",
	} {
		j, err := parse(strings.Fields(args))
		if want == "" && (err != nil || len(j.namespaces) != 2) {
			t.Errorf("parse(%s) = %+v, %v", args, j, err)
		}
		if want != "" && (err == nil || err.Error() != want) {
			t.Errorf("parse(%s) = %v, want %s", args, err, want)
		}
	}
}

func TestWireName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"GetPID": "getPID", "PID": "pid", "URLFor": "urlFor", "Log": "log", "A": "a", "AddProgramToGroup": "addProgramToGroup"} {
		if got := wireName(name); got != want {
			t.Errorf("wireName(%s) = %s, want %s", name, got, want)
		}
	}
}
