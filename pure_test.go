package twiddler

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// impure are the files of the core's package that carry out what it decides.
var impure = []string{"loop.go", "launch.go", "environ.go", "api.go", "socket.go", "streams.go", "attend.go"}

// TestPure keeps the deciding code free of clocks, goroutines and the
// operating system. See docs/architecture.md.
func TestPure(t *testing.T) {
	banned := []string{"context", "log", "log/slog", "math/rand", "math/rand/v2", "net", "os", "os/exec", "sync", "syscall"}
	clock := []string{"After", "AfterFunc", "NewTimer", "NewTicker", "Now", "Since", "Sleep", "Tick", "Until"}
	var files []string
	for _, pattern := range []string{"internal/proc/*.go", "internal/supervisor/*.go", "internal/listener/*.go", "internal/event/*.go"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	for _, name := range files {
		base := filepath.Base(name)
		// The numbers of signals are a table of the operating system's.
		if strings.HasSuffix(name, "_test.go") || slices.Contains(impure, base) || strings.HasPrefix(base, "signal") {
			continue
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, imp := range f.Imports {
			if path := strings.Trim(imp.Path.Value, `"`); slices.Contains(banned, path) {
				t.Errorf("%v: imports %s", fset.Position(imp.Pos()), path)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%v: starts a goroutine", fset.Position(n.Pos()))
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, n.Sel.Name) {
					t.Errorf("%v: reads the clock with time.%s", fset.Position(n.Pos()), n.Sel.Name)
				}
			}
			return true
		})
	}
}
