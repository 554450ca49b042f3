package xmlrpc

import (
	"bytes"
	"errors"
	"unicode/utf8"
)

// ErrNoMethod is the error of a well-formed call that names no method.
// Supervisor 4.2.5, xmlrpc.py, continue_request: "no method name".
var ErrNoMethod = errors.New("no method name")

// Limits bound a decoded document. A zero field means its default.
type Limits struct {
	Depth  int // arrays and structs in one another; default 64
	Values int // values in all, arrays and structs counted too; default 262144
}

// A server's answers may be larger than what it accepts: the configuration of
// 100,000 processes has 3 million values.
const (
	defaultDepth   = 64
	defaultValues  = 1 << 18
	responseValues = 1 << 22
)

// DecodeCall reads a request. The error is ErrNoMethod, or says where and why
// the document cannot be read. The result holds no reference to data.
//
// As in the original, the name of the root element and the declared encoding
// mean nothing (a call is UTF-8), a missing <params> is no parameters, a value
// of an unknown type is a string, a boolean is true only for the text 1, and
// base64 that is UTF-8 is a string. Beyond it, i8 and nil are read as what
// they are. Supervisor 4.2.5, xmlrpc.py, loads.
func DecodeCall(data []byte, limits Limits) (*Call, error) {
	d := decoder{limits: limits, call: true}
	if err := d.begin(data); err != nil {
		return nil, err
	}
	call, err := d.document()
	if err != nil {
		return nil, err
	}
	if call.Method == "" {
		return nil, ErrNoMethod
	}
	return call, nil
}

// DecodeResponse reads an answer. An answer that is a fault is a *Fault, in
// which errors.As also finds a *fault.Error; any other error is about a
// document that cannot be read. The result holds no reference to data.
//
// Control characters are accepted although XML forbids them: Supervisor up to
// 4.4 sends those in a log as they are.
func DecodeResponse(data []byte) (any, error) {
	d := decoder{limits: Limits{Values: responseValues}}
	if err := d.begin(data); err != nil {
		return nil, err
	}
	return d.response()
}

// A decoder builds values from one document.
type decoder struct {
	scanner
	limits Limits
	call   bool // a request, not an answer
	nested int  // open arrays and structs
	values int  // values so far
	size   int  // members of the last struct that was read
}

// begin checks the characters of the document and takes its declaration.
func (d *decoder) begin(data []byte) error {
	if d.limits.Depth == 0 {
		d.limits.Depth = defaultDepth
	}
	if d.limits.Values == 0 {
		d.limits.Values = defaultValues
	}
	d.data = bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF"))
	if err := d.declaration(); err != nil {
		return err
	}
	if !utf8.Valid(d.data) {
		return d.errorf("not UTF-8")
	}
	if i := d.forbidden(); i >= 0 {
		return &syntaxError{i, "character that XML forbids"}
	}
	return nil
}

// forbidden finds the first character that XML forbids, or returns -1: U+FFFE
// and U+FFFF, which are valid UTF-8, and in a call control characters.
func (d *decoder) forbidden() int {
	end := len(d.data)
	for i := 0; i < end; {
		n := bytes.IndexByte(d.data[i:], 0xEF)
		if n < 0 {
			break
		}
		if i += n; d.data[i+1] == 0xBF && d.data[i+2] >= 0xBE {
			end = i
		}
		i++
	}
	if d.call {
		for i, c := range d.data[:end] {
			if c < ' ' && !isSpace(c) {
				return i
			}
		}
	}
	if end < len(d.data) {
		return end
	}
	return -1
}

// declaration takes <?xml …?> and, in an answer, minds its encoding.
func (d *decoder) declaration() error {
	if !d.at("<?xml") || len(d.data) <= len("<?xml") || !isSpace(d.data[len("<?xml")]) {
		return nil
	}
	n := bytes.Index(d.data, []byte("?>"))
	if n < 0 {
		return d.errorf("XML declaration without end")
	}
	d.pos = n + len("?>")
	if d.call {
		return nil
	}
	switch encoding := encodingIn(d.data[:n]); string(bytes.ToLower(encoding)) {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
	case "iso-8859-1", "latin-1", "latin1":
		d.data = latin1(d.data)
	default:
		return d.errorf("unknown encoding %q", encoding)
	}
	return nil
}

// encodingIn returns the value of encoding= in a declaration.
func encodingIn(decl []byte) []byte {
	_, rest, ok := bytes.Cut(decl, []byte("encoding"))
	rest = bytes.TrimLeft(rest, " \t\r\n=")
	if !ok || len(rest) == 0 {
		return nil
	}
	value, _, _ := bytes.Cut(rest[1:], rest[:1])
	return value
}

// latin1 converts to UTF-8. ASCII, where the declaration is, keeps its place.
func latin1(data []byte) []byte {
	out := make([]byte, 0, len(data)+len(data)/8)
	for _, c := range data {
		out = utf8.AppendRune(out, rune(c))
	}
	return out
}

// document reads the root element of a call.
func (d *decoder) document() (*Call, error) {
	root, err := d.open()
	if err != nil {
		return nil, err
	}
	var call Call
	var method, params bool
	for {
		name, ok, err := d.start()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		switch {
		case string(name) == "methodName" && !method:
			method = true
			call.Method, err = d.leaf()
		case string(name) == "params" && !params:
			params = true
			call.Params, err = d.params()
		default:
			err = d.errorf("unexpected <%s>", name)
		}
		if err != nil {
			return nil, err
		}
		if err := d.end(name); err != nil {
			return nil, err
		}
	}
	return &call, d.close(root)
}

// response reads the root element of an answer.
func (d *decoder) response() (any, error) {
	root, err := d.open()
	if err != nil {
		return nil, err
	}
	if string(root) != "methodResponse" {
		return nil, d.errorf("<%s> is no answer", root)
	}
	name, ok, err := d.start()
	if err != nil {
		return nil, err
	}
	var result any
	var fault *Fault
	switch {
	case ok && string(name) == "params":
		var params []any
		if params, err = d.params(); err == nil && len(params) != 1 {
			err = d.errorf("%d values in an answer", len(params))
		} else if err == nil {
			result = params[0]
		}
	case ok && string(name) == "fault":
		fault, err = d.fault()
	default:
		err = d.errorf("answer without params or fault")
	}
	if err != nil {
		return nil, err
	}
	if err := d.end(name); err != nil {
		return nil, err
	}
	if err := d.close(root); err != nil {
		return nil, err
	}
	if fault != nil {
		return nil, fault
	}
	return result, nil
}

// open takes what may stand before the root element, and its start tag.
func (d *decoder) open() ([]byte, error) {
	if err := d.blank(); err != nil {
		return nil, err
	}
	name, ok, err := d.start()
	if err == nil && !ok {
		err = d.errorf("document without an element")
	}
	return name, err
}

// close takes the end tag of the root element, and what may follow.
func (d *decoder) close(root []byte) error {
	if err := d.end(root); err != nil {
		return err
	}
	if err := d.blank(); err != nil {
		return err
	}
	if d.pos != len(d.data) {
		return d.errorf("more than one root element")
	}
	return nil
}

// blank takes the text outside the root element, which must be white space.
func (d *decoder) blank() error {
	text, err := d.text()
	if err == nil && len(bytes.Trim(text, " \t\r\n")) > 0 {
		err = d.errorf("text outside the root element")
	}
	return err
}

// leaf takes the text of an element that has no elements in it.
func (d *decoder) leaf() (string, error) {
	text, err := d.text()
	return string(text), err
}

// params takes <param> elements, of one value each.
func (d *decoder) params() ([]any, error) {
	var list []any
	for {
		name, ok, err := d.start()
		if err != nil || !ok {
			return list, err
		}
		if string(name) != "param" {
			return nil, d.errorf("unexpected <%s>", name)
		}
		v, ok, err := d.value()
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, d.errorf("parameter without value")
		}
		list = append(list, v)
		if err := d.end(name); err != nil {
			return nil, err
		}
	}
}

// fault takes the value of a fault.
func (d *decoder) fault() (*Fault, error) {
	v, ok, err := d.value()
	if err != nil {
		return nil, err
	}
	members, isStruct := v.(map[string]any)
	code, isInt := members["faultCode"].(int)
	text, isString := members["faultString"].(string)
	if !ok || !isStruct || !isInt || !isString {
		return nil, d.errorf("fault without code and text")
	}
	return &Fault{Code: code, Text: text}, nil
}
