package childlog

import (
	"fmt"
	"strings"
)

// quoteBytes writes p as Python's repr of bytes.
func quoteBytes(p []byte) string {
	quote := pythonQuote(string(p))
	var b strings.Builder
	b.Grow(len(p) + 3)
	b.WriteByte('b')
	b.WriteByte(quote)
	for _, c := range p {
		switch {
		case quoteCommon(&b, rune(c), quote):
		case c >= 0x20 && c < 0x7f:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	b.WriteByte(quote)
	return b.String()
}

// quoteCommon writes what has an escape of its own.
func quoteCommon(b *strings.Builder, r rune, quote byte) bool {
	switch r {
	case '\\', rune(quote):
		b.WriteByte('\\')
		b.WriteRune(r)
	case '\t':
		b.WriteString(`\t`)
	case '\n':
		b.WriteString(`\n`)
	case '\r':
		b.WriteString(`\r`)
	default:
		return false
	}
	return true
}

func pythonQuote(s string) byte {
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		return '"'
	}
	return '\''
}
