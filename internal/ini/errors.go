package ini

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A MissingHeaderError is text before the first [section] of a file. Its text
// is that of Python 3.11, configparser.py, MissingSectionHeaderError.
type MissingHeaderError struct {
	File string
	Line int    // from 1
	Text string // the line, newline included
}

// Error has three lines: what, where, and the line.
func (e *MissingHeaderError) Error() string {
	return fmt.Sprintf("File contains no section headers.\nfile: %s, line: %d\n%s",
		Repr(e.File), e.Line, Repr(e.Text))
}

// ParseErrors are all lines of one file that are neither header nor option nor
// continuation. Its text is that of Python 3.11, configparser.py, ParsingError.
type ParseErrors struct {
	File  string
	Lines []BadLine // at least one, in file order
}

// A BadLine is one line that could not be understood.
type BadLine struct {
	Line int    // from 1
	Text string // newline included
}

// Error has one line for the file and one for each bad line.
func (e *ParseErrors) Error() string {
	var b strings.Builder
	b.WriteString("Source contains parsing errors: " + Repr(e.File))
	for _, l := range e.Lines {
		fmt.Fprintf(&b, "\n\t[line %2d]: %s", l.Line, Repr(l.Text))
	}
	return b.String()
}

// A DecodeError is the first place in a file that is not UTF-8.
type DecodeError struct {
	File   string
	Line   int // from 1
	Offset int // in bytes from the start of the file, from 0
	Bytes  []byte
	Reason string // as Python's codec puts it
}

// Error is the message of Python's codec, followed by the place in the file,
// which the original leaves out.
func (e *DecodeError) Error() string {
	what := fmt.Sprintf("byte 0x%02x in position %d", e.Bytes[0], e.Offset)
	if n := len(e.Bytes); n > 1 {
		what = fmt.Sprintf("bytes in position %d-%d", e.Offset, e.Offset+n-1)
	}
	return fmt.Sprintf("'utf-8' codec can't decode %s: %s (file: %s, line: %d)",
		what, e.Reason, Repr(e.File), e.Line)
}

// checkUTF8 returns a *DecodeError for the first byte that is not UTF-8.
func checkUTF8(file string, text []byte) error {
	if utf8.Valid(text) {
		return nil
	}
	at := 0
	for {
		r, size := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && size <= 1 {
			break
		}
		at += size
	}
	n, reason := badSequence(text[at:])
	before := universalNewlines(string(text[:at]))
	return &DecodeError{
		File:   file,
		Line:   1 + strings.Count(before, "\n"),
		Offset: at,
		Bytes:  append([]byte(nil), text[at:at+n]...),
		Reason: reason,
	}
}

// badSequence says how many bytes at the start of b Python's codec blames, and
// for what. b does not start with a valid sequence.
func badSequence(b []byte) (n int, reason string) {
	want := 0
	low, high := byte(0x80), byte(0xbf) // of the second byte
	switch c := b[0]; {
	case c >= 0xc2 && c <= 0xdf:
		want = 2
	case c >= 0xe0 && c <= 0xef:
		want = 3
	case c >= 0xf0 && c <= 0xf4:
		want = 4
	default:
		return 1, "invalid start byte"
	}
	switch b[0] {
	case 0xe0:
		low = 0xa0
	case 0xed:
		high = 0x9f
	case 0xf0:
		low = 0x90
	case 0xf4:
		high = 0x8f
	}
	for n = 1; n < want && n < len(b); n++ {
		if b[n] < low || b[n] > high {
			return n, "invalid continuation byte"
		}
		low, high = 0x80, 0xbf
	}
	return n, "unexpected end of data"
}
