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
//	@scope groups               the method may be called for some groups only,
//	                            and checks them itself
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
	"errors"
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
	reference  string   // Markdown file, as seen from dir; empty for none
}

func main() {
	j, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = j.run()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "rpcdoc: %v\n", err)
		os.Exit(1)
	}
}

// parse reads the command line.
func parse(args []string) (job, error) {
	j := job{dir: "."}
	flags := flag.NewFlagSet("rpcdoc", flag.ContinueOnError)
	types := flags.String("type", "", "receiver `types`, separated by commas")
	namespaces := flags.String("namespace", "", "namespace `names`, one for each type (default: the types in lower case)")
	flags.StringVar(&j.table, "o", "methods_gen.go", "`file` for the method table")
	flags.StringVar(&j.reference, "doc", "", "also write a reference in Markdown to this `file`")
	if err := flags.Parse(args); err != nil {
		return j, err
	}
	if flags.NArg() > 0 {
		return j, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return j, j.name(*types, *namespaces)
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
	files, err := j.output()
	if err != nil {
		return err
	}
	for path, text := range files {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// output returns the text of each file to write.
func (j *job) output() (map[string][]byte, error) {
	pkg, err := load(j.dir, j.table, j.types)
	if err != nil {
		return nil, err
	}
	table, err := pkg.table()
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{filepath.Join(j.dir, j.table): table}
	if j.reference != "" {
		files[filepath.Join(j.dir, j.reference)] = pkg.markdown(j.namespaces)
	}
	return files, nil
}
