package twiddler

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "example.org/twiddler/"

// rows are the layers of the program, from the top. A package may import what
// is in a lower row. See docs/architecture.md.
var rows = []struct {
	packages []string
	why      string // what an import upwards would break
}{
	{[]string{"cmd/supervisord", "examples/extension/cmd/supervisord-cache"}, "a main package is imported by nobody"},
	{[]string{"daemon"}, "only main packages may start a daemon"},
	{[]string{"internal/ctl", "internal/pidproxy", "internal/sample"}, "supervisorctl is a client like any other"},
	{[]string{"internal/httpd", "client", "internal/sys/unix", "examples/extension"}, "what answers and what starts must not know how it is wired"},
	{[]string{"internal/rpc", "internal/web", "internal/change"}, "what is answered must not depend on how it is reached"},
	{[]string{"internal/errorpage"}, "what it says is said by all that serve HTTP"},
	{[]string{"internal/supervisor", "internal/store"}, "the owner of all state must not know who asks"},
	{[]string{"internal/mainlog", "internal/childlog", "internal/config", "ext/twiddler", "ext/exttest"}, "configuration, logs and extensions must work without a supervisor"},
	{[]string{"internal/rotate", "ext"}, "extensions are written against the public API alone"},
	{[]string{"internal/proc", "internal/event", "internal/ini", "internal/xmlrpc", "internal/listener",
		"internal/sys/systest", "internal/getopt", "internal/pemfile"}, "the bottom must stand alone"},
	{[]string{"internal/sys", "fault", "level"}, "everybody uses these"},
}

// standalone are packages whose imports are fewer than their row allows.
var standalone = map[string][]string{
	"ext/twiddler":   {"ext", "fault"},
	"ext/exttest":    {"ext", "fault", "level"},
	"internal/proc":  {"level"},
	"internal/event": {},
}

// TestImports keeps the layers: imports only go down.
func TestImports(t *testing.T) {
	for path, imports := range packages(t) {
		row := rowOf(path)
		if row < 0 {
			t.Errorf("%s has no row: add it to rows in this test and to docs/architecture.md", path)
			continue
		}
		for _, imp := range imports {
			if imp == "net/http" && row >= rowOf("internal/supervisor") {
				t.Errorf("%s imports net/http: nothing below rpc may know of HTTP", path)
			}
			own, ok := strings.CutPrefix(imp, module)
			if !ok {
				continue
			}
			if to := rowOf(own); to <= row {
				t.Errorf("%s imports %s, which is not below it: %s", path, own, rows[max(to, 0)].why)
			}
			if allowed, ok := standalone[path]; ok && !slices.Contains(allowed, own) {
				t.Errorf("%s imports %s; it may import %v only", path, own, allowed)
			}
		}
	}
}

func rowOf(path string) int {
	return slices.IndexFunc(rows, func(r struct {
		packages []string
		why      string
	}) bool {
		return slices.Contains(r.packages, path)
	})
}

// packages returns what each package of the program imports, tests and tools
// left out.
func packages(t *testing.T) map[string][]string {
	found := map[string][]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "tools" || d.Name() == "compat" || path != "." && d.Name()[0] == '.') {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || !strings.Contains(path, "/") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		for _, imp := range f.Imports {
			found[dir] = append(found[dir], strings.Trim(imp.Path.Value, `"`))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
