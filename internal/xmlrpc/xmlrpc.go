// Package xmlrpc reads and writes the XML-RPC documents that Supervisor's
// clients and servers exchange, over byte slices: no sockets, no reflection,
// no goroutines. Its functions are safe for concurrent use.
//
// Written documents have, byte for byte, the layout of Python's
// xmlrpc.client.dumps, because shell checks look for fixed lines in it. They
// are valid XML whatever bytes a string holds: a character that XML 1.0 cannot
// carry, and a byte that is not UTF-8, is written as U+FFFD.
//
// Reading is for hostile input. Nothing is fetched, no entity is defined, and
// [Limits] bound what a document can make of its size. The size itself is for
// the caller to bound: a decoded document takes at most about 30 times its
// length.
//
// Wire values and their Go values:
//
//	string                     string
//	int, i1, i2, i4, i8        int; one that does not fit is an error
//	boolean                    bool
//	double                     float64, always finite
//	nil, ex:nil                nil
//	array                      []any
//	struct                     map[string]any
//	dateTime.iso8601           DateTime
//	base64                     []byte; in a call a string if it is UTF-8
//
// Writing takes these and int32, int64, []string, [Struct] and [Appender].
package xmlrpc

import (
	"fmt"
	"strings"
	"time"

	"example.org/twiddler/fault"
)

// A Struct is a struct whose members are written in the given order.
type Struct []Member

// A Member is one named value of a [Struct].
type Member struct {
	Name  string
	Value any // anything AppendResponse can write
}

// An Appender writes itself: one whole <value>…</value> element appended to
// dst, with no line end after it, built from this package's Append functions.
type Appender interface {
	AppendXMLRPC(dst []byte) []byte
}

// An Array is an array of values that write themselves.
type Array[E Appender] []E

// AppendXMLRPC writes the array.
func (a Array[E]) AppendXMLRPC(dst []byte) []byte {
	dst = AppendArrayStart(dst)
	for _, e := range a {
		dst = append(e.AppendXMLRPC(dst), '\n')
	}
	return AppendArrayEnd(dst)
}

// A Call is a decoded request.
type Call struct {
	Method string // as sent, not trimmed; never empty
	Params []any  // nil if there are none
}

// A DateTime is a point in time as its document spells it, without a zone:
// "20261123T09:01:02".
type DateTime string

const dateTimeLayout = "20060102T15:04:05"

// NewDateTime returns the text for t in t's own zone, whole seconds.
func NewDateTime(t time.Time) DateTime { return DateTime(t.Format(dateTimeLayout)) }

// Time reads the text as UTC. It accepts the form of XML-RPC and that of
// ISO 8601 with dashes, with or without a zone.
func (d DateTime) Time() (time.Time, error) {
	for _, layout := range []string{dateTimeLayout, dateTimeLayout + "Z07:00", "2006-01-02T15:04:05", time.RFC3339} {
		if t, err := time.Parse(layout, string(d)); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("cannot read date %q", string(d))
}

// A Fault is an answer that is an error. Its text is kept exactly; errors.As
// finds the [fault.Error] it stands for. As an [Appender] it is the struct that
// takes the place of a result in the answer of system.multicall.
type Fault struct {
	Code int
	Text string // "BAD_NAME: web:nginx"
}

// Error is the text alone.
func (f *Fault) Error() string { return f.Text }

// Unwrap returns the fault as a *fault.Error. A text that does not begin with
// the name of its code, as a server of another make sends it, is the detail.
func (f *Fault) Unwrap() error {
	code := fault.Code(f.Code)
	name := code.String()
	if f.Text == name {
		return fault.Bare(code)
	}
	if detail, ok := strings.CutPrefix(f.Text, name+": "); ok {
		return fault.New(code, detail)
	}
	return fault.New(code, f.Text)
}

// AppendXMLRPC writes the fault as a struct of faultCode and faultString.
func (f *Fault) AppendXMLRPC(dst []byte) []byte {
	dst = AppendStructStart(dst)
	dst = AppendMemberInt(dst, "faultCode", int64(f.Code))
	dst = AppendMemberString(dst, "faultString", f.Text)
	return AppendStructEnd(dst)
}
