package main

import (
	"bytes"
	"fmt"
	"go/doc/comment"
	"strings"
)

// markdown is the reference of the namespaces, one for each receiver.
func (s *source) markdown(namespaces []string) []byte {
	var b bytes.Buffer
	b.WriteString("<!-- Written by tools/rpcdoc from doc comments in Go; change those. -->\n")
	for i, r := range s.receivers {
		ns := namespaces[i]
		fmt.Fprintf(&b, "\n# Namespace `%s`\n\n| method | result | role |\n|---|---|---|\n", ns)
		for _, m := range r.methods {
			fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s |\n", m.call(m.name), anchor(ns, m.name), cell(m.result.typeWord()), m.who())
		}
		for _, m := range r.methods {
			m.section(&b, ns)
		}
	}
	return b.Bytes()
}

func (m *method) section(b *bytes.Buffer, ns string) {
	fmt.Fprintf(b, "\n## %s.%s\n\n", ns, m.name)
	fmt.Fprintf(b, "`%s.%s`, for the role %s.\n", ns, m.call(m.name), m.who())
	if len(m.aliases) > 0 {
		names := make([]string, len(m.aliases))
		for i, a := range m.aliases {
			names[i] = fmt.Sprintf("`%s.%s`", ns, a)
		}
		fmt.Fprintf(b, "Also called %s.\n", strings.Join(names, ", "))
	}
	fmt.Fprintf(b, "\n%s\n", inMarkdown(m.text(m.name)))
	if len(m.params) > 0 {
		b.WriteString("\n| parameter | type | |\n|---|---|---|\n")
		for _, p := range m.params {
			fmt.Fprintf(b, "| `%s` | %s | %s |\n", p.name, cell(p.typeWord()), cell(inMarkdown(p.withDefault())))
		}
	}
	returns := strings.TrimSpace(m.result.typeWord() + "  " + inMarkdown(m.result.text))
	fmt.Fprintf(b, "\nReturns %s.\n", strings.TrimSuffix(strings.Replace(returns, "  ", ": ", 1), "."))
}

// who is the role that the method takes, and for what.
func (m *method) who() string {
	if m.grouped {
		return m.role.String()
	}
	return m.role.String() + " over all groups"
}

// call is the method as a caller writes it: log(message, [level]).
func (m *method) call(wire string) string {
	names := make([]string, len(m.params))
	for i, p := range m.params {
		names[i] = p.name
		if p.deflt != "" {
			names[i] = "[" + p.name + "]"
		}
	}
	return wire + "(" + strings.Join(names, ", ") + ")"
}

// anchor is that of the section's heading, which loses the dot.
func anchor(ns, name string) string { return strings.ToLower(ns + name) }

// cell keeps a text from ending the cell of a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// inMarkdown is a doc comment's text in Markdown.
func inMarkdown(s string) string {
	var parser comment.Parser
	var printer comment.Printer
	return strings.TrimSpace(string(printer.Markdown(parser.Parse(s))))
}
