package config

import (
	"math"
	"strings"
	"time"
	"unicode"

	"example.org/twiddler/internal/ini"
)

// isSpace is Python's str.isspace for one character.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// strip is Python's str.strip.
func strip(s string) string { return strings.TrimFunc(s, isSpace) }

// digit is the decimal value of a digit of any script, -1 for anything else.
func digit(r rune) int64 {
	if r >= '0' && r <= '9' {
		return int64(r - '0')
	}
	if r < 0x80 {
		return -1
	}
	for _, t := range unicode.Nd.R16 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return int64(r-rune(t.Lo)) % 10
		}
	}
	for _, t := range unicode.Nd.R32 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return int64(r-rune(t.Lo)) % 10
		}
	}
	return -1
}

// parseInt is Python's int(s, base): a sign, blanks around, underscores
// between digits, digits of any script. What does not fit saturates.
func parseInt(s string, base int64) (n int64, ok bool) {
	s = strip(s)
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	if base == 8 && len(s) > 2 && (strings.HasPrefix(s, "0o") || strings.HasPrefix(s, "0O")) {
		s = strings.TrimPrefix(s[2:], "_")
	}
	after := '_' // an underscore needs a digit on both sides
	for _, r := range s {
		if r == '_' && after != '_' {
			after = r
			continue
		}
		d := digit(r)
		if d < 0 || d >= base {
			return 0, false
		}
		after = r
		if n > (math.MaxInt64-d)/base {
			n = math.MaxInt64
			continue
		}
		n = n*base + d
	}
	if after == '_' {
		return 0, false
	}
	if negative {
		n = -n
	}
	return n, true
}

// integer is Supervisor 4.2.5, datatypes.py, integer.
func integer(s string) (int64, error) {
	n, ok := parseInt(s, 10)
	if !ok {
		return 0, wrong("invalid literal for int() with base 10: %s", short(ini.Repr(s)))
	}
	return n, nil
}

// short cuts a quoted value to the 200 characters that Python's int shows.
func short(s string) string {
	count := 0
	for i := range s {
		if count == 200 {
			return s[:i]
		}
		count++
	}
	return s
}

// ParseSize reads a size as a configuration file has it, "50MB", in bytes.
func ParseSize(s string) (int64, error) { return byteSize(s) }

// byteSize is Supervisor 4.2.5, datatypes.py, byte_size.
func byteSize(s string) (int64, error) {
	s = strings.ToLower(s)
	factor := int64(1)
	for _, unit := range []struct {
		suffix string
		factor int64
	}{{"kb", 1 << 10}, {"mb", 1 << 20}, {"gb", 1 << 30}} {
		if rest, ok := strings.CutSuffix(s, unit.suffix); ok {
			s, factor = rest, unit.factor
			break
		}
	}
	n, err := integer(s)
	switch {
	case err != nil:
		return 0, err
	case n > math.MaxInt64/factor:
		return math.MaxInt64, nil
	case n < math.MinInt64/factor:
		return math.MinInt64, nil
	}
	return n * factor, nil
}

// octal is Supervisor 4.2.5, datatypes.py, octal_type. Only the permission
// bits are kept; umask and chmod look at no others.
func octal(s string) (int, error) {
	n, ok := parseInt(s, 8)
	if !ok {
		return 0, wrong("%s can not be converted to an octal type", s)
	}
	return int(n & 0o777), nil
}

// seconds turns a configured whole number of seconds into a duration. What
// does not fit is cut to some 292 years.
func seconds(n int64) time.Duration {
	const most = int64(math.MaxInt64 / time.Second)
	return time.Duration(min(max(n, -most), most)) * time.Second
}
