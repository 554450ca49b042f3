package xmlrpc

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"time"
	"unicode/utf8"
)

// value takes a <value> element. At the end tag of what is around it, it
// takes nothing and reports false.
func (d *decoder) value() (v any, ok bool, err error) {
	name, ok, err := d.start()
	if err != nil || !ok {
		return nil, false, err
	}
	if string(name) != "value" {
		return nil, false, d.errorf("unexpected <%s>", name)
	}
	if d.values++; d.values > d.limits.Values {
		return nil, false, d.errorf("more than %d values", d.limits.Values)
	}
	text, err := d.text()
	if err != nil {
		return nil, false, err
	}
	if d.empty || d.at("</") {
		return string(text), true, d.end(name)
	}
	kind, _, err := d.start()
	if err != nil {
		return nil, false, err
	}
	if v, err = d.typed(kind); err != nil {
		return nil, false, err
	}
	if err := d.end(kind); err != nil {
		return nil, false, err
	}
	return v, true, d.end(name)
}

// typed takes the content of an element that says the type of a value. A
// prefix of its name is dropped, as Python's client does ("ex:nil").
func (d *decoder) typed(kind []byte) (any, error) {
	switch string(kind[bytes.LastIndexByte(kind, ':')+1:]) {
	case "array":
		return d.nest((*decoder).array)
	case "struct":
		return d.nest((*decoder).structure)
	}
	text, err := d.text()
	if err != nil {
		return nil, err
	}
	switch string(kind[bytes.LastIndexByte(kind, ':')+1:]) {
	case "int", "i1", "i2", "i4", "i8":
		return d.integer(text)
	case "boolean":
		return d.boolean(text)
	case "double":
		return d.double(text)
	case "nil":
		return nil, nil
	case "base64":
		return d.base64(text)
	case "dateTime.iso8601":
		return d.dateTime(text)
	case "string":
		return string(text), nil
	}
	if !d.call {
		return nil, d.errorf("unknown type <%s>", kind)
	}
	return string(text), nil
}

// nest reads what may hold values in turn.
func (d *decoder) nest(read func(*decoder) (any, error)) (any, error) {
	if d.nested++; d.nested > d.limits.Depth {
		return nil, d.errorf("more than %d arrays and structs in one another", d.limits.Depth)
	}
	v, err := read(d)
	d.nested--
	return v, err
}

func (d *decoder) array() (any, error) {
	name, ok, err := d.start()
	if err != nil {
		return nil, err
	}
	if !ok || string(name) != "data" {
		return nil, d.errorf("array without data")
	}
	list := []any{}
	for {
		v, ok, err := d.value()
		if err != nil {
			return nil, err
		}
		if !ok {
			return list, d.end(name)
		}
		list = append(list, v)
	}
}

// structure reads a struct; of two members with one name the last one counts.
func (d *decoder) structure() (any, error) {
	// The next struct of a list mostly has as many. The bound keeps small
	// documents from asking for much.
	const most = 16
	members := make(map[string]any, min(d.size, most))
	for {
		name, ok, err := d.start()
		if err != nil || !ok {
			d.size = len(members)
			return members, err
		}
		if string(name) != "member" {
			return nil, d.errorf("unexpected <%s>", name)
		}
		key, v, err := d.member()
		if err != nil {
			return nil, err
		}
		members[key] = v
		if err := d.end(name); err != nil {
			return nil, err
		}
	}
}

func (d *decoder) member() (key string, v any, err error) {
	name, ok, err := d.start()
	if err != nil {
		return "", nil, err
	}
	if !ok || string(name) != "name" {
		return "", nil, d.errorf("member without name")
	}
	if key, err = d.leaf(); err != nil {
		return "", nil, err
	}
	if err := d.end(name); err != nil {
		return "", nil, err
	}
	v, ok, err = d.value()
	if err == nil && !ok {
		err = d.errorf("member without value")
	}
	return key, v, err
}

func (d *decoder) integer(text []byte) (any, error) {
	n, err := strconv.ParseInt(string(bytes.Trim(text, " \t\r\n")), 10, strconv.IntSize)
	if err != nil {
		return nil, d.errorf("bad integer")
	}
	return int(n), nil
}

func (d *decoder) boolean(text []byte) (any, error) {
	if !d.call && string(text) != "0" && string(text) != "1" {
		return nil, d.errorf("bad boolean")
	}
	return string(text) == "1", nil
}

// double refuses what Go reads beyond decimal numbers, and the infinities.
func (d *decoder) double(text []byte) (any, error) {
	text = bytes.Trim(text, " \t\r\n")
	for _, c := range text {
		if (c < '0' || c > '9') && bytes.IndexByte([]byte("+-.eE"), c) < 0 {
			return nil, d.errorf("bad double")
		}
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return nil, d.errorf("bad double")
	}
	return f, nil
}

func (d *decoder) base64(text []byte) (any, error) {
	packed := make([]byte, 0, len(text))
	for _, c := range text {
		if !isSpace(c) {
			packed = append(packed, c)
		}
	}
	n, err := base64.StdEncoding.Decode(packed, packed)
	if err != nil {
		return nil, d.errorf("bad base64")
	}
	if packed = packed[:n]; d.call && utf8.Valid(packed) {
		return string(packed), nil
	}
	return packed, nil
}

// dateTime keeps the text of an answer, whatever it is, as Python's client
// does; a call's must be of the one form that the original reads.
func (d *decoder) dateTime(text []byte) (any, error) {
	date := DateTime(bytes.Trim(text, " \t\r\n"))
	if _, err := time.Parse(dateTimeLayout, string(date)); err != nil && d.call {
		return nil, d.errorf("bad dateTime")
	}
	return date, nil
}
