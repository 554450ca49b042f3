package ext

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Text is Python's str(v) of a decoded value: True, 1.5, None, [1, 'a']. It is
// what the original shows where a client sends something else than a string.
// Members of a struct are in the order of their names.
func Text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return strings.ToValidUTF8(string(v), "\uFFFD")
	case dated:
		return dateText(v)
	case nil, bool, int, int64, float64, []any, map[string]any:
		return string(appendRepr(nil, v))
	}
	return fmt.Sprint(v)
}

// Repr is Python's repr(v) of a decoded value: as Text, but a string has its
// quotes.
func Repr(v any) string { return string(appendRepr(nil, v)) }

// dated is what dates of any decoder have in common.
type dated interface{ Time() (time.Time, error) }

// dateText writes a date of XML-RPC as Python's datetime does.
func dateText(d dated) string {
	t, err := d.Time()
	if err != nil {
		return fmt.Sprint(d)
	}
	return t.Format(time.DateTime)
}

// appendRepr appends Python's repr of a decoded value.
func appendRepr(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "None"...)
	case bool:
		if v {
			return append(dst, "True"...)
		}
		return append(dst, "False"...)
	case int:
		return strconv.AppendInt(dst, int64(v), 10)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case float64:
		return append(dst, floatText(v)...)
	case string:
		return appendQuoted(dst, v)
	case []any:
		dst = append(dst, '[')
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendRepr(dst, e)
		}
		return append(dst, ']')
	case map[string]any:
		dst = append(dst, '{')
		for i, k := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = append(appendQuoted(dst, k), ": "...)
			dst = appendRepr(dst, v[k])
		}
		return append(dst, '}')
	}
	return appendQuoted(dst, Text(v)) // binary data or a date
}

// appendQuoted is Python's repr of a str.
func appendQuoted(dst []byte, s string) []byte {
	quote := '\''
	if strings.ContainsRune(s, '\'') && !strings.ContainsRune(s, '"') {
		quote = '"'
	}
	dst = append(dst, byte(quote))
	for _, r := range s {
		switch {
		case r == quote || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case unicode.IsPrint(r):
			dst = append(dst, string(r)...)
		case r < 0x100:
			dst = fmt.Appendf(dst, `\x%02x`, r)
		case r < 0x10000:
			dst = fmt.Appendf(dst, `\u%04x`, r)
		default:
			dst = fmt.Appendf(dst, `\U%08x`, r)
		}
	}
	return append(dst, byte(quote))
}
