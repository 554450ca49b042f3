package ini

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// render is the converted argument, padded to its width.
func (s spec) render() (string, error) {
	switch s.conv {
	case 's':
		return s.text(s.arg.String()), nil
	case 'r', 'a':
		return s.text(s.quoted()), nil
	case 'c':
		return s.char()
	case 'd', 'i', 'u', 'o', 'x', 'X', 'e', 'E', 'f', 'F', 'g', 'G':
		if !s.arg.isInt {
			return "", s.wrongType(s.arg.typeName())
		}
		return s.pad(s.digits()), nil
	}
	return "", s.wrongType("")
}

// wrongType is the error for an argument of a type that conv does not take, or
// for a conv that does not exist. Python 3.11, unicodeobject.c,
// mainformatlong, formatchar and unicode_format_arg_format.
func (s spec) wrongType(typeName string) error {
	switch s.conv {
	case 'd', 'i', 'u':
		return formatError(fmt.Sprintf("%%%c format: a real number is required, not %s", s.conv, typeName))
	case 'o', 'x', 'X':
		return formatError(fmt.Sprintf("%%%c format: an integer is required, not %s", s.conv, typeName))
	case 'e', 'E', 'f', 'F', 'g', 'G':
		return needsNumber + formatError(typeName)
	case 'c':
		return needsChar
	}
	shown := s.conv
	if shown < 31 || shown > 126 {
		shown = '?'
	}
	return formatError(fmt.Sprintf("unsupported format character '%c' (0x%x) at index %d", shown, s.conv, s.at))
}

// quoted is the argument as %r or %a shows it.
func (s spec) quoted() string {
	switch {
	case s.arg.isInt:
		return s.arg.String()
	case s.conv == 'a':
		return ascii(s.arg.text)
	}
	return Repr(s.arg.text)
}

// text cuts t to the precision and fills it up to the width, both in
// characters.
func (s spec) text(t string) string {
	if s.prec >= 0 {
		t = firstRunes(t, s.prec)
	}
	return s.fill(t)
}

// char is %c: a string of one character, or the character of a number.
func (s spec) char() (string, error) {
	if s.arg.isInt {
		if s.arg.num < 0 || s.arg.num > utf8.MaxRune {
			return "", charOutOfRange
		}
		return s.fill(string(rune(s.arg.num))), nil
	}
	if utf8.RuneCountInString(s.arg.text) != 1 {
		return "", s.wrongType(s.arg.typeName())
	}
	return s.fill(s.arg.text), nil
}

// fill puts blanks on the left, or with the flag on the right.
func (s spec) fill(t string) string {
	n := s.width - utf8.RuneCountInString(t)
	switch {
	case n <= 0:
		return t
	case s.left:
		return t + strings.Repeat(" ", n)
	}
	return strings.Repeat(" ", n) + t
}

// digits is the argument converted to a number without width or plus sign. The
// prefix ("-", "0x", "-0x") is what zeros are put behind.
func (s spec) digits() (prefix, digits string) {
	n := uint64(s.arg.num)
	if s.arg.num < 0 {
		prefix, n = "-", -n
	}
	switch s.conv {
	case 'e', 'E', 'f', 'F', 'g', 'G':
		return prefix, s.float(float64(n))
	case 'o':
		digits = strconv.FormatUint(n, 8)
	case 'x', 'X':
		digits = strconv.FormatUint(n, 16)
	default:
		digits = strconv.FormatUint(n, 10)
	}
	if missing := s.prec - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	if s.alt && strings.ContainsRune("oxX", s.conv) {
		prefix += "0" + strings.ToLower(string(s.conv))
	}
	if s.conv == 'X' {
		prefix, digits = strings.ToUpper(prefix), strings.ToUpper(digits)
	}
	return prefix, digits
}

// float is a number in one of C's floating point formats.
func (s spec) float(f float64) string {
	prec := s.prec
	if prec < 0 {
		prec = 6
	}
	if s.alt {
		return fmt.Sprintf("%#.*"+string(s.conv), prec, f)
	}
	text := strconv.FormatFloat(f, byte(unicode.ToLower(s.conv)), prec, 64)
	if unicode.IsUpper(s.conv) {
		text = strings.ToUpper(text)
	}
	return text
}

// pad adds the plus sign and fills a number up to the width, with zeros behind
// its prefix if the flag says so.
func (s spec) pad(prefix, digits string) string {
	if !strings.HasPrefix(prefix, "-") {
		switch {
		case s.plus:
			prefix = "+" + prefix
		case s.blank:
			prefix = " " + prefix
		}
	}
	if missing := s.width - len(prefix) - len(digits); s.zero && !s.left && missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	return s.fill(prefix + digits)
}

// firstRunes is the start of s, at most n characters long.
func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
