// Rpcdoc publishes the exported methods of a Go type as remote procedures. It
// checks the tags in their doc comments against the Go types, and writes the
// table that package ext calls a namespace.
//
//	//go:generate go run example.org/twiddler/tools/rpcdoc -type Cache
//
// Flags:
//
//	-type A,B        the receiver types, pointer or not
//	-namespace a,b   what their namespaces are called; the types in lower case
//	-o file          the table, in the package's directory; methods_gen.go
//	-doc file        also a reference in Markdown; none
//
// A published method has the form func(ctx context.Context, ...) (R, error)
// and a comment with these tags, indented, after the prose:
//
//	@param TYPE name text       one for each parameter, in order
//	@param TYPE [name=v] text   one that calls may leave out, with what it is then
//	@return TYPE text           required
//	@role WORD                  required: view, operate, define or admin
//	@alias name                 another name of the method; any number
//	@name name                  the name on the wire, if it is not the Go name
//	                            with a lower-case letter first
//
// A text may go on in further indented lines. TYPE is a word of
// XML-RPC or a choice such as string|int; a choice, and a word that does not
// fit the Go type, need a parameter or result of type any.
//
// Every exported method of the type is published, but for Methods. Mistakes
// are reported as file:line: text, all of them, and nothing is written.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A job is one run of the tool.
type job struct {
	dir        string // of the package
	types      []string
	namespaces []string // one for each type
	table      string   // name of the file to write in dir
	reference  string   // path of the Markdown file; empty for none
}

func main() {
	types := flag.String("type", "", "receiver `types`, separated by commas")
	namespaces := flag.String("namespace", "", "namespace `names`, one for each type (default: the types in lower case)")
	table := flag.String("o", "methods_gen.go", "`file` for the method table")
	reference := flag.String("doc", "", "also write a reference in Markdown to this `file`")
	flag.Parse()
	j := job{dir: ".", table: *table, reference: *reference}
	err := j.name(*types, *namespaces)
	if err == nil && flag.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	if err == nil {
		err = j.run()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "rpcdoc: %v\n", err)
		os.Exit(1)
	}
}

// name sets the types and their namespaces from the flags.
func (j *job) name(types, namespaces string) error {
	if types == "" {
		return fmt.Errorf("-type is missing")
	}
	j.types = strings.Split(types, ",")
	if namespaces == "" {
		namespaces = strings.ToLower(types)
	}
	j.namespaces = strings.Split(namespaces, ",")
	if len(j.namespaces) != len(j.types) {
		return fmt.Errorf("%d types but %d namespaces", len(j.types), len(j.namespaces))
	}
	return nil
}

// run writes the files, or none if there is a mistake in the package.
func (j *job) run() error {
	pkg, err := load(j.dir, j.table, j.types)
	if err != nil {
		return err
	}
	table, err := pkg.table()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(j.dir, j.table), table, 0o644); err != nil {
		return err
	}
	if j.reference == "" {
		return nil
	}
	return os.WriteFile(j.reference, pkg.markdown(j.namespaces), 0o644)
}
