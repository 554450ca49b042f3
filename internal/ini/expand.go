package ini

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Bounds of what a format string may ask for. Python has none that matter; a
// value that long could not be used for anything.
const (
	maxField    = 1 << 16 // characters of one width or precision
	maxExpanded = 1 << 24 // bytes of the result, about
)

// An ExpandError is a value that cannot be expanded. Its texts are those of
// Supervisor 4.2.5, options.py, expand.
type ExpandError struct {
	Value   string   // the whole value
	Option  string   // what it is the value of: "program:x.command", "environment"
	Reason  string   // what is wrong, in Python's words; "" for an unknown name
	Unknown string   // then that name
	Names   []string // and all names there are, sorted
}

// Error names the value, the option, and the reason.
func (e *ExpandError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("Format string %s for %s contains names (%s) which cannot be "+
			"expanded. Available names: %s",
			Repr(e.Value), Repr(e.Option), Repr(e.Unknown), strings.Join(e.Names, ", "))
	}
	return fmt.Sprintf("Format string %s for %s is badly formatted: %s",
		Repr(e.Value), Repr(e.Option), e.Reason)
}

// Expand does Python's "value % vars". name is the option, for the error,
// which is an [*ExpandError].
//
// It differs on purpose in one point: %s, %r and %a without a (name) are
// errors. Python pastes the whole mapping into the value there, with all
// secrets of the environment; "100% sure" is such a format, with a space flag.
func Expand(value, name string, vars Vars) (string, error) {
	if !strings.Contains(value, "%") {
		return value, nil
	}
	f := formatter{format: value, vars: vars}
	if err := f.run(); err != nil {
		var unknown unknownName
		if errors.As(err, &unknown) {
			return "", &ExpandError{Value: value, Option: name, Unknown: string(unknown), Names: vars.Names()}
		}
		return "", &ExpandError{Value: value, Option: name, Reason: err.Error()}
	}
	return f.out.String(), nil
}

// An unknownName is a name that vars does not have: Python's KeyError.
type unknownName string

func (e unknownName) Error() string { return Repr(string(e)) }

// The reasons of bad format strings. Python 3.11, unicodeobject.c.
const (
	incompleteFormat   formatError = "incomplete format"
	incompleteKey      formatError = "incomplete format key"
	notEnoughArguments formatError = "not enough arguments for format string"
	starWantsInt       formatError = "* wants int"
	widthTooBig        formatError = "width too big"
	precisionTooBig    formatError = "precision too big"
	needsNumber        formatError = "must be real number, not "
	needsChar          formatError = "%c requires int or char"
	charOutOfRange     formatError = "%c arg not in range(0x110000)"
	resultTooBig       formatError = "result too big" // ours
)

// A formatError is a reason in Python's words.
type formatError string

func (e formatError) Error() string { return string(e) }

// A formatter walks over one format string.
type formatter struct {
	format string
	pos    int // in bytes
	vars   Vars
	named  bool // a (name) has been seen; from then on Python's errors differ
	out    strings.Builder
}

// A spec is one conversion.
type spec struct {
	arg                          value
	hasArg                       bool
	spent                        bool // a * took the argument
	left, plus, blank, alt, zero bool
	width, prec                  int // -1 for none
	conv                         rune
	at                           int // position of conv, in characters
}

// run writes the whole result.
func (f *formatter) run() error {
	for {
		percent := strings.IndexByte(f.format[f.pos:], '%')
		if percent < 0 {
			f.out.WriteString(f.format[f.pos:])
			return nil
		}
		f.out.WriteString(f.format[f.pos : f.pos+percent])
		f.pos += percent + 1
		if f.peek() == '%' {
			f.pos++
			f.out.WriteByte('%')
			continue
		}
		s, err := f.spec()
		if err != nil {
			return err
		}
		text, err := s.render()
		if err != nil {
			return err
		}
		if f.out.Len()+len(text) > maxExpanded {
			return resultTooBig
		}
		f.out.WriteString(text)
	}
}

// end stands for the end of the format string.
const end rune = -1

// peek is the next character, not taken.
func (f *formatter) peek() rune {
	if f.pos >= len(f.format) {
		return end
	}
	r, _ := utf8.DecodeRuneInString(f.format[f.pos:])
	return r
}

// next takes the next character.
func (f *formatter) next() rune {
	r, size := utf8.DecodeRuneInString(f.format[f.pos:])
	f.pos += size
	if size == 0 {
		return end
	}
	return r
}

// spec reads what follows a percent sign.
func (f *formatter) spec() (spec, error) {
	s := spec{width: -1, prec: -1}
	if f.peek() == '(' {
		if err := f.name(&s); err != nil {
			return s, err
		}
	}
	f.flags(&s)
	var err error
	if s.width, err = f.number(&s, widthTooBig); err != nil {
		return s, err
	}
	if f.peek() == '.' {
		f.pos++
		if s.prec, err = f.number(&s, precisionTooBig); err != nil {
			return s, err
		}
		s.prec = max(s.prec, 0)
	}
	if c := f.peek(); c == 'h' || c == 'l' || c == 'L' {
		f.pos++ // C's length modifiers mean nothing
	}
	s.at = utf8.RuneCountInString(f.format[:f.pos])
	if s.conv = f.next(); s.conv == end {
		return s, incompleteFormat
	}
	switch {
	case s.spent:
		return s, notEnoughArguments
	case !s.hasArg:
		return s, f.nameless(s)
	}
	return s, nil
}

// name reads "(name)", in which parentheses nest, and looks it up.
func (f *formatter) name(s *spec) error {
	f.pos++
	start, depth := f.pos, 1
	for depth > 0 {
		switch f.next() {
		case '(':
			depth++
		case ')':
			depth--
		case end:
			return incompleteKey
		}
	}
	name := f.format[start : f.pos-1]
	v, ok := f.vars.lookup(name)
	if !ok {
		return unknownName(name)
	}
	s.arg, s.hasArg = v, true
	f.named = true
	return nil
}

// flags reads any number of flags.
func (f *formatter) flags(s *spec) {
	for {
		switch f.peek() {
		case '-':
			s.left = true
		case '+':
			s.plus = true
		case ' ':
			s.blank = true
		case '#':
			s.alt = true
		case '0':
			s.zero = true
		default:
			return
		}
		f.pos++
	}
}

// number reads a width or precision, -1 if there is none. A * takes the
// argument, and then there is none left to convert.
func (f *formatter) number(s *spec, tooBig formatError) (int, error) {
	if f.peek() == '*' {
		switch {
		case s.spent, !s.hasArg && f.named:
			return 0, notEnoughArguments
		case !s.hasArg, !s.arg.isInt:
			return 0, starWantsInt
		}
		s.spent = true
		f.pos++
		return 0, nil
	}
	n := -1
	for c := f.peek(); c >= '0' && c <= '9'; c = f.peek() {
		f.pos++
		if n = max(n, 0)*10 + int(c-'0'); n > maxField {
			return 0, tooBig
		}
	}
	return n, nil
}

// nameless is the error for a conversion without a name. Before the first
// name Python takes the mapping itself for the argument.
func (f *formatter) nameless(s spec) error {
	switch {
	case f.named:
		return notEnoughArguments
	case strings.ContainsRune("sra", s.conv):
		return notEnoughArguments // Python would go on
	}
	return s.wrongType("dict")
}
