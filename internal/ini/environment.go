package ini

import (
	"strings"
	"unicode/utf8"
)

// Environment reads the value of an environment= option, expanded already:
// KEY=value pairs, quoted like shell words. Of a key written twice the last
// value counts. The error is a [LexError] or an [*EnvironmentError].
//
// The tokens are taken by four, and the fourth, meant to be a comma, may be
// anything. This is the POSIX mode lexer that Supervisor has had since 4.4; in
// 4.2.5 a backslash is an ordinary character, and quotes at both ends are cut
// off afterwards. datatypes.py, dict_of_key_value_pairs.
func Environment(value string) (map[string]string, error) {
	pairs := make(map[string]string)
	l := envLexer{text: value}
	for {
		var tokens [4]string
		n := 0
		for ; n < len(tokens); n++ {
			token, ok, err := l.token()
			if err != nil {
				return nil, err
			}
			if !ok {
				break
			}
			tokens[n] = token
		}
		if n == 0 {
			return pairs, nil
		}
		if n < 3 || tokens[1] != "=" {
			return nil, l.unexpectedEnd()
		}
		pairs[tokens[0]] = tokens[2]
	}
}

// An EnvironmentError is a list that does not consist of KEY=value.
type EnvironmentError struct{ Value string }

// Error is the text of Supervisor 4.2.5, datatypes.py,
// dict_of_key_value_pairs.
func (e *EnvironmentError) Error() string {
	return "Unexpected end of key/value pairs in value '" + e.Value + "'"
}

// An envLexer is Python's shlex in POSIX mode, with more word characters and
// without whitespace_split. Python 3.11, shlex.py, shlex.read_token.
type envLexer struct {
	text string
	pos  int // in bytes
}

// unexpectedEnd is the error for the whole value. The original reads all
// tokens before it looks at one, so a wrong quote further on is told first.
func (l *envLexer) unexpectedEnd() error {
	for {
		_, ok, err := l.token()
		if err != nil {
			return err
		}
		if !ok {
			return &EnvironmentError{Value: l.text}
		}
	}
}

// token returns the next token: a word, or one character that is in no word.
func (l *envLexer) token() (token string, ok bool, err error) {
	l.skipBlanks()
	if l.pos >= len(l.text) {
		return "", false, nil
	}
	if r, size := l.peek(); !startsWord(r) {
		l.pos += size
		return l.text[l.pos-size : l.pos], true, nil
	}
	var b strings.Builder
	for l.pos < len(l.text) {
		r, size := l.peek()
		switch {
		case strings.ContainsRune(shellQuoting, r):
			rest, err := quotedPiece(&b, l.text[l.pos:])
			if err != nil {
				return "", false, err
			}
			l.pos = len(l.text) - len(rest)
		case isEnvWord(r):
			b.WriteString(l.text[l.pos : l.pos+size])
			l.pos += size
		default:
			if r == '#' {
				l.skipLine()
			}
			return b.String(), true, nil
		}
	}
	return b.String(), true, nil
}

// skipBlanks skips blanks and comments, which start at a # and take the line.
func (l *envLexer) skipBlanks() {
	for l.pos < len(l.text) {
		switch l.text[l.pos] {
		case ' ', '\t', '\r', '\n':
			l.pos++
		case '#':
			l.skipLine()
		default:
			return
		}
	}
}

// skipLine skips to behind the next newline.
func (l *envLexer) skipLine() {
	if n := strings.IndexByte(l.text[l.pos:], '\n'); n >= 0 {
		l.pos += n + 1
		return
	}
	l.pos = len(l.text)
}

// peek is the next character and its length.
func (l *envLexer) peek() (rune, int) { return utf8.DecodeRuneInString(l.text[l.pos:]) }

// startsWord tells whether a word can start with r.
func startsWord(r rune) bool { return isEnvWord(r) || strings.ContainsRune(shellQuoting, r) }

// isEnvWord tells whether r is one of the word characters: of POSIX mode,
// which knows the letters of Latin-1, and those Supervisor adds.
func isEnvWord(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return true
	case r >= 0xc0 && r <= 0xff:
		return r != '×' && r != '÷'
	}
	return strings.ContainsRune("_/.+-():", r)
}
