package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
)

// A source is a parsed package and the receivers found in it.
type source struct {
	name      string // of the package
	fset      *token.FileSet
	files     []*ast.File // by file name, so that the order is the same each time
	named     map[string]ast.Expr
	receivers []*receiver
}

// A receiver is one type with its published methods, in the order of the
// source.
type receiver struct {
	typ     string
	name    string // of the receiver in the source, and whether it is a pointer
	pointer bool
	methods []*method
}

// A method is one published method.
type method struct {
	goName string
	name   string // on the wire
	doc
}

// load parses the package in dir, without its tests and the file that will be
// written, and returns the published methods of types. The error holds all
// mistakes.
func load(dir, output string, types []string) (*source, error) {
	s := &source{fset: token.NewFileSet(), named: map[string]ast.Expr{}}
	if err := s.parse(dir, output); err != nil {
		return nil, err
	}
	var problems []error
	for _, typ := range types {
		r := &receiver{typ: typ}
		problems = append(problems, s.collect(r))
		if len(r.methods) == 0 && errors.Join(problems...) == nil {
			problems = append(problems, fmt.Errorf("%s: type %s has no exported methods", dir, typ))
		}
		s.receivers = append(s.receivers, r)
	}
	return s, errors.Join(problems...)
}

func (s *source) parse(dir, output string) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	slices.Sort(paths)
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") || filepath.Base(path) == output {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(s.fset, path, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		if s.name != "" && s.name != f.Name.Name {
			return fmt.Errorf("%s: packages %s and %s in one directory", path, s.name, f.Name.Name)
		}
		s.name = f.Name.Name
		s.files = append(s.files, f)
		s.rememberTypes(f)
	}
	if len(s.files) == 0 {
		return fmt.Errorf("%s: no Go files", dir)
	}
	return nil
}

// rememberTypes keeps what the package's own type names stand for.
func (s *source) rememberTypes(f *ast.File) {
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range g.Specs {
			if t, ok := spec.(*ast.TypeSpec); ok {
				s.named[t.Name.Name] = t.Type
			}
		}
	}
}

// collect adds the published methods of r's type.
func (s *source) collect(r *receiver) error {
	var problems []error
	wire := map[string]string{} // name on the wire: method in Go
	for _, f := range s.files {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !r.owns(fn) || !fn.Name.IsExported() || fn.Name.Name == "Methods" {
				continue
			}
			m, err := s.method(fn)
			if err != nil {
				problems = append(problems, err)
				continue
			}
			for _, name := range append([]string{m.name}, m.aliases...) {
				if other, dup := wire[name]; dup {
					problems = append(problems, s.errorf(fn.Pos(), "%s and %s are both called %s", other, m.goName, name))
				}
				wire[name] = m.goName
			}
			r.methods = append(r.methods, m)
		}
	}
	return errors.Join(problems...)
}

// owns reports whether fn is a method of the type, and notes how the source
// calls the receiver.
func (r *receiver) owns(fn *ast.FuncDecl) bool {
	if fn.Recv == nil || len(fn.Recv.List) != 1 {
		return false
	}
	typ, pointer := fn.Recv.List[0].Type, false
	if star, ok := typ.(*ast.StarExpr); ok {
		typ, pointer = star.X, true
	}
	id, ok := typ.(*ast.Ident)
	if !ok || id.Name != r.typ {
		return false
	}
	r.pointer = r.pointer || pointer
	if names := fn.Recv.List[0].Names; r.name == "" && len(names) == 1 && names[0].Name != "_" {
		r.name = names[0].Name
	}
	return true
}

// method checks one method: its comment, then the comment against its types.
func (s *source) method(fn *ast.FuncDecl) (*method, error) {
	m := &method{goName: fn.Name.Name, name: wireName(fn.Name.Name)}
	d, err := s.parseDoc(fn)
	if err != nil {
		return nil, err
	}
	m.doc = d
	if d.name != "" {
		m.name = d.name
	}
	return m, s.checkTypes(fn, &m.doc)
}

// wireName makes a leading capital, or a leading run of them that is a word
// of its own, lower case: getPID, pid, urlFor.
func wireName(name string) string {
	r := []rune(name)
	n := 0
	for n < len(r) && unicode.IsUpper(r[n]) {
		n++
	}
	if n > 1 && n < len(r) && unicode.IsLower(r[n]) {
		n-- // the last capital begins the next word
	}
	return strings.ToLower(string(r[:n])) + string(r[n:])
}

func (s *source) errorf(pos token.Pos, format string, args ...any) error {
	p := s.fset.Position(pos)
	return fmt.Errorf("%s:%d: %s", filepath.Base(p.Filename), p.Line, fmt.Sprintf(format, args...))
}
