package xmlrpc

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

const declaration = "<?xml version='1.0'?>\n"

// AppendCall appends a request document. The error is about a parameter that
// has no wire form, and then dst is returned as it came.
func AppendCall(dst []byte, method string, params ...any) ([]byte, error) {
	out := append(dst, declaration+"<methodCall>\n<methodName>"...)
	out = appendEscaped(out, method)
	out = append(out, "</methodName>\n<params>\n"...)
	for _, p := range params {
		var err error
		out = append(out, "<param>\n"...)
		if out, err = appendLine(out, p); err != nil {
			return dst, err
		}
		out = append(out, "</param>\n"...)
	}
	return append(out, "</params>\n</methodCall>\n"...), nil
}

// AppendResponse appends an answer document with v as its one value. The
// error is about a value that has no wire form, and then dst is returned as it
// came.
func AppendResponse(dst []byte, v any) ([]byte, error) {
	out := append(dst, declaration+"<methodResponse>\n<params>\n<param>\n"...)
	out, err := appendLine(out, v)
	if err != nil {
		return dst, err
	}
	return append(out, "</param>\n</params>\n</methodResponse>\n"...), nil
}

// AppendFault appends an answer document that is a fault.
func AppendFault(dst []byte, code int, text string) []byte {
	f := Fault{Code: code, Text: text}
	dst = append(dst, declaration+"<methodResponse>\n<fault>\n"...)
	dst = f.AppendXMLRPC(dst)
	return append(dst, "\n</fault>\n</methodResponse>\n"...)
}

// AppendValue appends the <value> element of v, with no line end after it.
// Members of a map are written in sorted order. The error is about a value
// that has no wire form, and then the result is good for nothing.
func AppendValue(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return AppendNil(dst), nil
	case Appender:
		return v.AppendXMLRPC(dst), nil
	case string:
		return AppendString(dst, v), nil
	case bool:
		return AppendBool(dst, v), nil
	case int:
		return AppendInt(dst, int64(v)), nil
	case int32:
		return AppendInt(dst, int64(v)), nil
	case int64:
		return AppendInt(dst, v), nil
	case float64:
		return AppendDouble(dst, v)
	case DateTime:
		return appendDateTime(dst, v), nil
	case []byte:
		return AppendBase64(dst, v), nil
	case []string:
		dst = AppendArrayStart(dst)
		for _, s := range v {
			dst = append(AppendString(dst, s), '\n')
		}
		return AppendArrayEnd(dst), nil
	case []any:
		return appendList(dst, v)
	case Struct:
		return appendStruct(dst, v)
	case map[string]any:
		return appendMap(dst, v)
	}
	return dst, fmt.Errorf("cannot write a %T as XML-RPC", v)
}

func appendList(dst []byte, list []any) (_ []byte, err error) {
	dst = AppendArrayStart(dst)
	for _, v := range list {
		if dst, err = appendLine(dst, v); err != nil {
			return dst, err
		}
	}
	return AppendArrayEnd(dst), nil
}

func appendStruct(dst []byte, members Struct) (_ []byte, err error) {
	dst = AppendStructStart(dst)
	for _, m := range members {
		if dst, err = appendMember(dst, m.Name, m.Value); err != nil {
			return dst, err
		}
	}
	return AppendStructEnd(dst), nil
}

func appendMap(dst []byte, members map[string]any) (_ []byte, err error) {
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	dst = AppendStructStart(dst)
	for _, name := range names {
		if dst, err = appendMember(dst, name, members[name]); err != nil {
			return dst, err
		}
	}
	return AppendStructEnd(dst), nil
}

func appendMember(dst []byte, name string, v any) ([]byte, error) {
	dst, err := appendLine(AppendMemberStart(dst, name), v)
	if err != nil {
		return dst, err
	}
	return append(dst, memberEnd...), nil
}

// appendLine writes v and a line end, which Python leaves out after nil alone.
func appendLine(dst []byte, v any) ([]byte, error) {
	dst, err := AppendValue(dst, v)
	if err != nil || v == nil {
		return dst, err
	}
	return append(dst, '\n'), nil
}

// AppendString appends a value of type string. What XML 1.0 cannot carry
// becomes U+FFFD.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, "<value><string>"...)
	dst = appendEscaped(dst, s)
	return append(dst, "</string></value>"...)
}

// AppendInt appends a value of type int, or i8 if 32 bits cannot hold it.
// The original fails there (HTTP 500) for the want of a type; Python's client
// and most others read i8.
func AppendInt(dst []byte, n int64) []byte {
	if n < math.MinInt32 || n > math.MaxInt32 {
		dst = append(dst, "<value><i8>"...)
		dst = strconv.AppendInt(dst, n, 10)
		return append(dst, "</i8></value>"...)
	}
	dst = append(dst, "<value><int>"...)
	dst = strconv.AppendInt(dst, n, 10)
	return append(dst, "</int></value>"...)
}

// AppendBool appends a value of type boolean.
func AppendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, "<value><boolean>1</boolean></value>"...)
	}
	return append(dst, "<value><boolean>0</boolean></value>"...)
}

// AppendNil appends the value nil, an extension that Supervisor's answers
// never hold.
func AppendNil(dst []byte) []byte { return append(dst, "<value><nil/></value>"...) }

// AppendDouble appends a value of type double, spelt as Python's repr does.
// NaN and the infinities have no wire form and are errors.
func AppendDouble(dst []byte, f float64) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return dst, fmt.Errorf("cannot write %v as XML-RPC", f)
	}
	dst = append(dst, "<value><double>"...)
	// repr uses an exponent below 1e-4 and from 1e16.
	if abs := math.Abs(f); abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	} else {
		start := len(dst)
		dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
		if bytes.IndexByte(dst[start:], '.') < 0 {
			dst = append(dst, ".0"...)
		}
	}
	return append(dst, "</double></value>"...), nil
}

// AppendBase64 appends a value of type base64, in lines of 76 characters.
func AppendBase64(dst, data []byte) []byte {
	const line = 57 // bytes that make 76 characters
	dst = append(dst, "<value><base64>\n"...)
	for chunk := range slices.Chunk(data, line) {
		dst = base64.StdEncoding.AppendEncode(dst, chunk)
		dst = append(dst, '\n')
	}
	return append(dst, "</base64></value>"...)
}

func appendDateTime(dst []byte, d DateTime) []byte {
	dst = append(dst, "<value><dateTime.iso8601>"...)
	dst = appendEscaped(dst, string(d))
	return append(dst, "</dateTime.iso8601></value>"...)
}

// AppendArrayStart opens an array. Its elements follow, each with a line end
// after it, and then [AppendArrayEnd].
func AppendArrayStart(dst []byte) []byte { return append(dst, "<value><array><data>\n"...) }

// AppendArrayEnd closes an array.
func AppendArrayEnd(dst []byte) []byte { return append(dst, "</data></array></value>"...) }

// AppendStructStart opens a struct. Its members follow, and then
// [AppendStructEnd].
func AppendStructStart(dst []byte) []byte { return append(dst, "<value><struct>\n"...) }

// AppendStructEnd closes a struct.
func AppendStructEnd(dst []byte) []byte { return append(dst, "</struct></value>"...) }

const memberEnd = "</member>\n"

// AppendMemberStart opens a member of a struct. One value follows, and then
// [AppendMemberEnd].
func AppendMemberStart(dst []byte, name string) []byte {
	dst = append(dst, "<member>\n<name>"...)
	dst = appendEscaped(dst, name)
	return append(dst, "</name>\n"...)
}

// AppendMemberEnd ends the value's line and closes the member.
func AppendMemberEnd(dst []byte) []byte { return append(dst, "\n"+memberEnd...) }

// AppendMemberString appends a member of type string.
func AppendMemberString(dst []byte, name, s string) []byte {
	return AppendMemberEnd(AppendString(AppendMemberStart(dst, name), s))
}

// AppendMemberInt appends a member of type int, or i8 as [AppendInt] does.
func AppendMemberInt(dst []byte, name string, n int64) []byte {
	return AppendMemberEnd(AppendInt(AppendMemberStart(dst, name), n))
}

// AppendMemberBool appends a member of type boolean.
func AppendMemberBool(dst []byte, name string, b bool) []byte {
	return AppendMemberEnd(AppendBool(AppendMemberStart(dst, name), b))
}

// AppendText appends s as character data, for who writes the tags around it. A
// carriage return is written as a reference, since every XML parser turns a
// bare one into a line feed; what XML 1.0 cannot carry becomes U+FFFD.
func AppendText(dst []byte, s string) []byte { return appendEscaped(dst, s) }

func appendEscaped(dst []byte, s string) []byte {
	for {
		n := plainPrefix(s)
		dst = append(dst, s[:n]...)
		if n == len(s) {
			return dst
		}
		switch c := s[n]; {
		case c == '&':
			dst = append(dst, "&amp;"...)
		case c == '<':
			dst = append(dst, "&lt;"...)
		case c == '>':
			dst = append(dst, "&gt;"...)
		case c == '\r':
			dst = append(dst, "&#13;"...)
		case c < utf8.RuneSelf:
			dst = append(dst, "\uFFFD"...)
		default:
			r, size := utf8.DecodeRuneInString(s[n:])
			if !validRune(r) {
				r = utf8.RuneError
			}
			dst = utf8.AppendRune(dst, r)
			n += size - 1
		}
		s = s[n+1:]
	}
}

// plainPrefix counts the leading ASCII bytes that stand for themselves. It
// looks at eight at once while there is nothing else among them: names and
// paths are most of a long answer.
func plainPrefix(s string) int {
	i := 0
	for ; len(s)-i >= 8; i += 8 {
		t := s[i : i+8]
		// One load; the compiler knows this form.
		w := uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 |
			uint64(t[4])<<32 | uint64(t[5])<<40 | uint64(t[6])<<48 | uint64(t[7])<<56
		if suspicious(w) {
			break
		}
	}
	for ; i < len(s); i++ {
		c := s[i]
		if c >= utf8.RuneSelf || c == '&' || c == '<' || c == '>' || c < ' ' && c != '\n' && c != '\t' {
			return i
		}
	}
	return len(s)
}

// suspicious reports whether any of eight bytes may need more than a copy: is
// not ASCII, a control character, or one of the three that XML gives a meaning.
// It never misses one; a byte after one of those may be taken for one too.
func suspicious(w uint64) bool {
	const (
		ones = 0x0101010101010101
		tops = 0x8080808080808080
	)
	amp, lt, gt := w^'&'*ones, w^'<'*ones, w^'>'*ones
	// A byte below n borrows from its top bit when n is taken from it.
	found := (w - ' '*ones) | (amp - ones) | (lt - ones) | (gt - ones)
	return (found|w)&tops != 0
}

// validRune reports whether XML 1.0 can carry r (its production Char).
func validRune(r rune) bool {
	return r >= ' ' && r != 0xFFFE && r != 0xFFFF && utf8.ValidRune(r) || r == '\t' || r == '\n' || r == '\r'
}
