package ini

import (
	"strings"
	"unicode/utf8"
)

// A LexError is what shell words can be wrong in. Its texts are those of
// Python 3.11, shlex.py, shlex.read_token.
type LexError string

// A text ends within quotes, or with a backslash.
const (
	NoClosingQuotation LexError = "No closing quotation"
	NoEscapedCharacter LexError = "No escaped character"
)

// Error is the text of the original.
func (e LexError) Error() string { return string(e) }

// Split cuts a command into words like Python's shlex.split: blanks of ASCII
// separate, quotes join, a backslash takes the next character as it is. It is
// no shell: #, $, * and ; are ordinary. The error is a [LexError].
func Split(command string) ([]string, error) {
	words := make([]string, 0, 8)
	for rest := command; ; {
		rest = strings.TrimLeft(rest, shellBlanks)
		if rest == "" {
			return words, nil
		}
		n := strings.IndexAny(rest, shellBlanks+shellQuoting)
		if n < 0 {
			return append(words, rest), nil
		}
		if strings.IndexByte(shellBlanks, rest[n]) >= 0 {
			words = append(words, rest[:n])
			rest = rest[n:]
			continue
		}
		word, after, err := quotedWord(rest, n)
		if err != nil {
			return nil, err
		}
		words = append(words, word)
		rest = after
	}
}

const (
	shellBlanks  = " \t\r\n"
	shellQuoting = `'"\`
)

// quotedWord reads a word with quotes or backslashes in it, the first of them
// at from.
func quotedWord(s string, from int) (word, rest string, err error) {
	var b strings.Builder
	b.WriteString(s[:from])
	s = s[from:]
	for s != "" && strings.IndexByte(shellBlanks, s[0]) < 0 {
		if strings.IndexByte(shellQuoting, s[0]) < 0 {
			b.WriteByte(s[0])
			s = s[1:]
			continue
		}
		if s, err = quotedPiece(&b, s); err != nil {
			return "", "", err
		}
	}
	return b.String(), s, nil
}

// quotedPiece takes '...', "..." or a backslash and a character from the start
// of s, writes what it stands for, and returns what follows it.
func quotedPiece(b *strings.Builder, s string) (rest string, err error) {
	switch s[0] {
	case '\'':
		text, rest, ok := strings.Cut(s[1:], "'")
		if !ok {
			return "", NoClosingQuotation
		}
		b.WriteString(text)
		return rest, nil
	case '"':
		return doubleQuoted(b, s[1:])
	}
	if len(s) == 1 {
		return "", NoEscapedCharacter
	}
	_, size := utf8.DecodeRuneInString(s[1:])
	b.WriteString(s[1 : 1+size])
	return s[1+size:], nil
}

// doubleQuoted takes the text up to the next double quote. In it a backslash
// escapes a double quote and a backslash and is itself otherwise.
func doubleQuoted(b *strings.Builder, s string) (rest string, err error) {
	for {
		n := strings.IndexAny(s, `"\`)
		if n < 0 {
			return "", NoClosingQuotation
		}
		b.WriteString(s[:n])
		if s[n] == '"' {
			return s[n+1:], nil
		}
		if n+1 == len(s) {
			return "", NoEscapedCharacter
		}
		if next := s[n+1]; next != '"' && next != '\\' {
			b.WriteByte('\\')
		}
		_, size := utf8.DecodeRuneInString(s[n+1:])
		b.WriteString(s[n+1 : n+1+size])
		s = s[n+1+size:]
	}
}
