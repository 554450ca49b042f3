package ctl

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// visible makes a text harmless for a terminal: control characters show, ESC
// as ^[. Tabs and line ends are left, they are our own.
func visible(s string) string {
	if !strings.ContainsFunc(s, harmful) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if harmful(r) {
			b.WriteString(caret(r))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// harmful reports whether a terminal might obey r. Formatting characters of
// Unicode, which can turn the order of a line, count.
func harmful(r rune) bool {
	return r != '\t' && r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
}

func caret(r rune) string {
	switch {
	case r < 0x20:
		return "^" + string(r+'@')
	case r == 0x7f:
		return "^?"
	}
	return fmt.Sprintf("<U+%04X>", r)
}

// A logFilter passes the text of a log on to a terminal. Colours (SGR
// sequences) stay; other escape sequences are left out, since they could move
// the cursor, rename the window or make the terminal type for its user. It
// remembers what a piece that comes later goes on with.
type logFilter struct {
	out  io.Writer
	held []byte // the start of a sequence or of a character
}

// maxSequence bounds what is held back, in bytes; longer sequences are not
// colours.
const maxSequence = 256

// Write never fails for the reason of what is in p.
func (f *logFilter) Write(p []byte) (int, error) {
	text := append(f.held, p...)
	var b []byte
	for len(text) > 0 {
		// No further than the bound, or many sequences without end would each be
		// looked through to the end.
		n, show := element(text[:min(len(text), maxSequence+1)])
		if n == 0 && len(text) <= maxSequence {
			break // more of it may follow
		}
		if n == 0 {
			n, show = 1, nil
		}
		b = append(b, show...)
		text = text[n:]
	}
	f.held = append([]byte(nil), text...)
	if _, err := f.out.Write(b); err != nil {
		return 0, err
	}
	return len(p), nil
}

// element returns the length of what text begins with and what to show for it.
// A length of 0 means that it is not complete.
func element(text []byte) (n int, show []byte) {
	if text[0] == 0x1b {
		return sequence(text)
	}
	if !utf8.FullRune(text) {
		return 0, nil
	}
	r, size := utf8.DecodeRune(text)
	switch {
	case r == utf8.RuneError && size == 1:
		return 1, []byte(string(utf8.RuneError))
	case r == '\r' || !harmful(r):
		return size, text[:size]
	}
	return size, []byte(caret(r))
}

// sequence measures an escape sequence. ECMA-48, 5.3, 5.4 and 5.6.
func sequence(text []byte) (n int, show []byte) {
	if len(text) == 1 {
		return 0, nil
	}
	switch text[1] {
	case '[':
		for i := 2; i < len(text); i++ {
			switch c := text[i]; {
			case c >= 0x40 && c <= 0x7e:
				if c == 'm' && onlySGR(text[2:i]) {
					return i + 1, text[:i+1]
				}
				return i + 1, nil
			case c < 0x20 || c > 0x7e:
				return i, nil // broken off
			}
		}
		return 0, nil
	case ']', 'P', 'X', '^', '_': // a string for the terminal, up to BEL or ESC \
		for i := 2; i < len(text); i++ {
			switch {
			case text[i] == 0x07:
				return i + 1, nil
			case text[i] == 0x1b && i+1 < len(text) && text[i+1] == '\\':
				return i + 2, nil
			case text[i] == '\n':
				return i, nil // broken off
			}
		}
		return 0, nil
	}
	for i := 1; i < len(text); i++ {
		if c := text[i]; c < 0x20 || c > 0x2f {
			if c >= 0x30 && c <= 0x7e {
				return i + 1, nil
			}
			return i, nil // broken off
		}
	}
	return 0, nil
}

func onlySGR(parameters []byte) bool {
	for _, c := range parameters {
		if (c < '0' || c > '9') && c != ';' && c != ':' {
			return false
		}
	}
	return true
}
