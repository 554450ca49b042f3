package ext

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Struct is an XML-RPC struct whose members are sent in this order.
type Struct []Member

// A Member is one name and value of a [Struct].
type Member struct {
	Name  string
	Value any
}

// mustConvert panics if no parameter could ever become a T.
func mustConvert[T any](method string) {
	switch any(new(T)).(type) {
	case *string, *int, *int64, *float64, *bool, *map[string]any, *[]any, *[]string, *[]byte, *any:
	default:
		panic(fmt.Sprintf("ext: method %q has a parameter of type %T, which no value converts to", method, *new(T)))
	}
}

// convert makes a T of a decoded value, or reports that it cannot.
func convert[T any](v any) (T, bool) {
	if t, ok := v.(T); ok {
		return t, true
	}
	var t T
	ok := false
	switch p := any(&t).(type) {
	case *any:
		ok = v == nil // anything else has been a T
	case *int:
		*p, ok = AsInt(v)
	case *int64:
		var n int
		n, ok = AsInt(v)
		*p = int64(n)
	case *float64:
		*p, ok = asFloat(v)
	case *bool:
		*p, ok = Truth(v), true
	case *map[string]any:
		*p, ok = AsStruct(v)
	case *[]string:
		*p, ok = asStrings(v)
	}
	return t, ok
}

// AsInt is Python's int(v): an int, a bool, a float64 cut off, or a decimal
// string with blanks around it and single underscores inside.
func AsInt(v any) (int, bool) {
	switch v := v.(type) {
	case int:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case float64:
		// Beyond 63 bits the conversion has no defined result; NaN fails too.
		if v > -(1<<63) && v < 1<<63 {
			return int(v), true
		}
	case string:
		digits, ok := plainNumber(v)
		n, err := strconv.Atoi(digits)
		return n, ok && err == nil
	}
	return 0, false
}

func asFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case string:
		digits, ok := plainNumber(v)
		// Hexadecimal is Go's spelling only, not Python's.
		f, err := strconv.ParseFloat(digits, 64)
		return f, ok && err == nil && !strings.ContainsAny(digits, "xX")
	default:
		n, ok := AsInt(v)
		return float64(n), ok
	}
}

// plainNumber removes what Python allows in a number and strconv does not.
func plainNumber(s string) (string, bool) {
	s = strings.TrimSpace(s)
	for i := range len(s) {
		if s[i] == '_' && (i == 0 || i == len(s)-1 || !digit(s[i-1]) || !digit(s[i+1])) {
			return "", false
		}
	}
	return strings.ReplaceAll(s, "_", ""), true
}

func digit(b byte) bool { return b >= '0' && b <= '9' }

// Truth is Python's bool(v): false for nil, false, zero, and what is empty.
func Truth(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case int:
		return v != 0
	case int64:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case []byte:
		return len(v) > 0
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return true
}

// AsStruct is Python's dict(v) for what a client can send: a struct, or an
// array of pairs of a name and a value, the last of equal names winning.
func AsStruct(v any) (map[string]any, bool) {
	switch v := v.(type) {
	case map[string]any:
		return v, true
	case []any:
		m := make(map[string]any, len(v))
		for _, e := range v {
			pair, ok := e.([]any)
			if !ok || len(pair) != 2 {
				return nil, false
			}
			name, ok := pair[0].(string)
			if !ok {
				return nil, false
			}
			m[name] = pair[1]
		}
		return m, true
	}
	return nil, false
}

func asStrings(v any) ([]string, bool) {
	list, ok := v.([]any)
	if !ok {
		return nil, false
	}
	out := make([]string, len(list))
	for i, e := range list {
		if out[i], ok = e.(string); !ok {
			return nil, false
		}
	}
	return out, true
}

// floatText is Python's repr of a float.
func floatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	// Python changes to the exponent form at 1e-5 and 1e16.
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
