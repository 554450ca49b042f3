package ini

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tree makes a directory with these files; a name that ends in a slash is a
// directory.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range names {
		path := filepath.Join(root, name)
		dir := filepath.Dir(path)
		if strings.HasSuffix(name, "/") {
			dir = path
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if dir == path {
			continue
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// The rows are the answers of Python 3.11's sorted(glob.glob(pattern)) for the
// same tree.
func TestGlob(t *testing.T) {
	t.Parallel()
	root := tree(t, "a.conf", "b.conf", "B.conf", "é.conf", ".hidden.conf", "[x].conf", "c.ini",
		"d/e.conf", "d/f/g.conf", "d/.h/i.conf", "x{a,b}", `back\slash`, "empty/")
	if err := os.Symlink("nowhere", filepath.Join(root, "dangling.lnk")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("d", filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ pattern, want string }{
		{"*.conf", "B.conf [x].conf a.conf b.conf é.conf"},
		{"?.conf", "B.conf a.conf b.conf é.conf"},
		{"[ab].conf", "a.conf b.conf"},
		{"[!a].conf", "B.conf b.conf é.conf"},
		{"[^a].conf", "a.conf"}, // ^ is a character like others
		{"[a-b].conf", "a.conf b.conf"},
		{"[b-a].conf", ""},
		{"[[]x].conf", "[x].conf"},
		{"[x].conf", ""},
		{"[x.conf", ""},
		{".*", ".hidden.conf"},
		{".hidden.conf", ".hidden.conf"},
		{"**", `B.conf [x].conf a.conf b.conf back\slash c.ini d dangling.lnk empty link x{a,b} é.conf`},
		{"**/*.conf", "d/e.conf link/e.conf"},
		{"*/*/*.conf", "d/f/g.conf link/f/g.conf"},
		{"*/", "d/ empty/ link/"},
		{"*/e.conf", "d/e.conf link/e.conf"},
		{"d/*", "d/e.conf d/f"},
		{"d//*.conf", "d/e.conf"},
		{"./*.ini", "./c.ini"},
		{"d/../*.ini", "d/../c.ini"},
		{"*/../c.ini", "d/../c.ini empty/../c.ini link/../c.ini"},
		{"a.conf", "a.conf"},
		{"a.conf/", ""},
		{"d/", "d/"},
		{"missing", ""},
		{"missing/*.conf", ""},
		{"a.conf/*", ""},
		{"dangling.lnk", "dangling.lnk"},
		{"*.lnk", "dangling.lnk"},
		{"{a,b}.conf", ""},
		{"x{a,b}", "x{a,b}"},
		{`back\*`, `back\slash`},
		{"~", ""},
		{"a.con\x00f", ""},
	} {
		var got []string
		for _, path := range Glob(root + "/" + c.pattern) {
			got = append(got, strings.TrimPrefix(path, root+"/"))
		}
		if shown := strings.Join(got, " "); shown != c.want {
			t.Errorf("Glob(%q) = %q, want %q", c.pattern, shown, c.want)
		}
	}
}

func TestGlobFromHere(t *testing.T) {
	t.Parallel()
	// Tests run in the directory of their package.
	if got := Glob("glob_tes?.go"); !slices.Equal(got, []string{"glob_test.go"}) {
		t.Errorf("Glob of a relative pattern = %q", got)
	}
	if got := Glob("testdat[a]/ini-*.json"); !slices.Equal(got, []string{"testdata/ini-cases.json"}) {
		t.Errorf("Glob of a relative directory = %q", got)
	}
	if got := Glob(""); got != nil {
		t.Errorf("Glob of nothing = %q", got)
	}
	if got := Glob("/"); !slices.Equal(got, []string{"/"}) {
		t.Errorf("Glob(/) = %q", got)
	}
}

// A pattern full of stars takes no longer than pattern times name.
func TestMatchIsNotExponential(t *testing.T) {
	t.Parallel()
	if matchName(strings.Repeat("*a", 2000)+"b", strings.Repeat("a", 4000)) {
		t.Error("matched a name without b")
	}
}
