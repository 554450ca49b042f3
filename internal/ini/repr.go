package ini

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Repr quotes s as Python 3's repr does: in single quotes, or in double ones
// if that saves escaping. A byte that is not UTF-8 is shown as the lone
// surrogate Python would hold in its place.
func Repr(s string) string { return quote(s, unicode.IsPrint) }

// ascii is Python's ascii: like Repr, with all but ASCII escaped.
func ascii(s string) string {
	return quote(s, func(r rune) bool { return r < utf8.RuneSelf && unicode.IsPrint(r) })
}

// quote writes s as a Python literal; plain tells what may stand for itself.
func quote(s string, plain func(rune) bool) string {
	q := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		q = '"'
	}
	var b strings.Builder
	b.Grow(len(s) + 2)
	b.WriteRune(q)
	for i, size := 0, 0; i < len(s); i += size {
		var r rune
		r, size = utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\udc%02x`, s[i])
			continue
		}
		writeQuoted(&b, r, q, plain)
	}
	b.WriteRune(q)
	return b.String()
}

// writeQuoted writes one character of a literal in quotes q.
func writeQuoted(b *strings.Builder, r, q rune, plain func(rune) bool) {
	switch {
	case r == q || r == '\\':
		b.WriteByte('\\')
		b.WriteRune(r)
	case r == '\n':
		b.WriteString(`\n`)
	case r == '\r':
		b.WriteString(`\r`)
	case r == '\t':
		b.WriteString(`\t`)
	case plain(r):
		b.WriteRune(r)
	case r < 0x100:
		fmt.Fprintf(b, `\x%02x`, r)
	case r < 0x10000:
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		fmt.Fprintf(b, `\U%08x`, r)
	}
}
