package config

import (
	"errors"
	"fmt"
	"strings"

	"example.org/twiddler/internal/ini"
)

// A Problem is one thing that is wrong with a configuration, and where it was
// written.
type Problem struct {
	File       string // "" for the command line
	Line       int    // from 1; 0 if no line is to blame
	Section    string
	Key, Value string // Key is "" if no option is to blame; Value as written
	Text       string // as Supervisor words it
	suffix     string // " in section 'program:x' (file: 'x.conf')", where the original adds it
}

// String is the problem with its place, in one line: "x.conf:12: [program:x] startsecs=a: text".
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d", p.Line)
		}
		b.WriteString(": ")
	}
	if p.Section != "" {
		fmt.Fprintf(&b, "[%s]", p.Section)
		if p.Key != "" {
			fmt.Fprintf(&b, " %s=%s", p.Key, p.Value)
		}
		b.WriteString(": ")
	}
	b.WriteString(p.Text)
	return strings.ReplaceAll(b.String(), "\n", `\n`)
}

// Errors is what [Load] returns for a configuration that cannot be used.
type Errors struct {
	// Problems holds at least one, in the order in which Supervisor looks.
	Problems []Problem
	// Messages is what there is to say beside: mistakes that would not keep
	// the configuration from being used.
	Messages []Message
	// Overlays says that the problems are in the files of overlays, each in
	// one that can be done without.
	Overlays bool

	text string // the first one in the original's words
}

// Error is the text of the one problem Supervisor stops at, in its words.
func (e *Errors) Error() string {
	if e.text == "" && len(e.Problems) > 0 {
		return e.Problems[0].String() // of an overlay, which the original does not know
	}
	return e.text
}

// List has one line for each problem, with its place.
func (e *Errors) List() []string {
	lines := make([]string, 0, len(e.Problems))
	for _, p := range e.Problems {
		lines = append(lines, p.String())
	}
	return lines
}

// A ProgramError says why [Config.AddProgram] refuses a program.
type ProgramError struct {
	Text string // with section and file, as the original adds them

	// NoDetail says that the original's fault is INCORRECT_PARAMETERS alone,
	// without any text; Text is then for our own log.
	NoDetail bool
}

func (e *ProgramError) Error() string { return e.Text }

// errNoDetail marks a typed value for which the original answers with the
// bare fault.
var errNoDetail = errors.New("value has the wrong type")

// syntaxProblems are the problems of a file that could not be parsed: one for
// each line that is to blame.
func syntaxProblems(file string, err error) []Problem {
	var header *ini.MissingHeaderError
	var lines *ini.ParseErrors
	var decode *ini.DecodeError
	switch {
	case errors.As(err, &header):
		return []Problem{{File: file, Line: header.Line,
			Text: "no section header before " + ini.Repr(header.Text)}}
	case errors.As(err, &lines):
		problems := make([]Problem, 0, len(lines.Lines))
		for _, l := range lines.Lines {
			problems = append(problems, Problem{File: file, Line: l.Line,
				Text: "cannot understand " + ini.Repr(l.Text)})
		}
		return problems
	case errors.As(err, &decode):
		return []Problem{{File: file, Line: decode.Line, Text: err.Error()}}
	}
	return []Problem{{File: file, Text: err.Error()}}
}

// A valueError says what is wrong with a value. It begins as the original
// begins it, in capitals or not.
type valueError string

func (e valueError) Error() string { return string(e) }

// wrong returns a valueError.
func wrong(format string, args ...any) error { return valueError(fmt.Sprintf(format, args...)) }
