// Confdoc writes the manual of the configuration file: the prose of
// manual.md.tmpl, with tables of options from those by which the file is read.
//
//	//go:generate go run example.org/twiddler/tools/confdoc -o ../../docs/configuration.md
//
// Without -o it writes to standard output.
package main

import (
	"bytes"
	_ "embed"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/template"

	"example.org/twiddler/internal/config"
)

//go:embed manual.md.tmpl
var prose string

func main() {
	out := flag.String("o", "", "the `file` to write")
	flag.Parse()
	text, err := manual(prose)
	if err == nil {
		if *out == "" {
			_, err = os.Stdout.Write(text)
		} else {
			err = os.WriteFile(*out, text, 0o644)
		}
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "confdoc: %v\n", err)
		os.Exit(1)
	}
}

// manual fills in the prose. It is an error if a kind of section has no place
// in it.
func manual(prose string) ([]byte, error) {
	missing := map[string]config.SectionKind{}
	for _, k := range config.Sections() {
		missing[k.Name] = k
	}
	t, err := template.New("manual").Funcs(template.FuncMap{
		// options is the table of one kind of section. Keys that another kind
		// has too are left out if that is named.
		"options": func(name string, but ...string) (string, error) {
			k, ok := missing[name]
			if !ok {
				return "", fmt.Errorf("no kind of section is called %q, or it was there before", name)
			}
			delete(missing, name)
			return table(k, but)
		},
	}).Parse(prose)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, nil); err != nil {
		return nil, err
	}
	for name := range missing {
		return nil, fmt.Errorf("the manual has no place for [%s]", name)
	}
	return b.Bytes(), nil
}

// table is the options of one kind of section in Markdown.
func table(k config.SectionKind, but []string) (string, error) {
	left := map[string]config.Option{}
	for _, other := range but {
		for _, o := range find(other).Options {
			left[o.Key] = o
		}
	}
	var b strings.Builder
	b.WriteString("| option | value | default | expands | |\n|---|---|---|---|---|")
	options := slices.Clone(k.Options)
	slices.SortStableFunc(options, func(a, b config.Option) int { return optional(a) - optional(b) })
	for _, o := range options {
		if left[o.Key] == o {
			continue
		}
		fmt.Fprintf(&b, "\n| `%s` | %s | %s | %s | %s |", o.Key, cell(o.Type), cell(deflt(o)), names(o.Expands), cell(o.Help))
	}
	return b.String(), nil
}

func find(name string) config.SectionKind {
	for _, k := range config.Sections() {
		if k.Name == name {
			return k
		}
	}
	return config.SectionKind{}
}

// optional sorts what a section must have before the rest.
func optional(o config.Option) int {
	if deflt(o) == "required" {
		return 0
	}
	return 1
}

// deflt is the column of the default.
func deflt(o config.Option) string {
	switch {
	case o.Default != "":
		return "`" + o.Default + "`"
	case o.Absent == "an error":
		return "required"
	}
	return o.Absent
}

// names is the column of expansions: the key of a row in the manual's table of
// names.
func names(e config.Expands) string {
	switch e {
	case config.ExpandsEnv:
		return "env"
	case config.ExpandsHere:
		return "here"
	case config.ExpandsSocket:
		return "socket"
	case config.ExpandsHost:
		return "host"
	case config.ExpandsProgram:
		return "program"
	case config.ExpandsTwice:
		return "twice"
	}
	return "process"
}

// cell keeps a text from ending the cell of a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
