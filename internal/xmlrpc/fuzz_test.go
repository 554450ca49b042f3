package xmlrpc

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// What DecodeCall accepts, encoding/xml accepts with the same result or
// refuses, and it survives being written and read again: but for control
// characters, which base64 can bring into a string.
func FuzzDecodeCall(f *testing.F) {
	for _, c := range seeds(f) {
		f.Add([]byte(c.XML))
		f.Add([]byte(strings.ReplaceAll(c.XML, "<params>", "<methodName>a.b</methodName><params>")))
	}
	f.Add([]byte("\xEF\xBB\xBF<!DOCTYPE x SYSTEM 'y'><x a='b'><methodName>&#x41;]<![CDATA[]]]]></methodName><params/></x><?pi ?>"))
	f.Add(callOf("<value><array><data><value><base64>A000</base64></value></data></array></value>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		call, err := DecodeCall(data, Limits{})
		if err != nil {
			return
		}
		slow, err := oracleCall(data)
		if err == nil && !reflect.DeepEqual(call, slow) {
			t.Errorf("got %#v, the oracle %#v", call, slow)
		}
		again, err := AppendCall(nil, call.Method, call.Params...)
		if err != nil {
			t.Fatalf("cannot write %#v: %v", call, err)
		}
		reread, err := DecodeCall(again, Limits{})
		call.Params, _ = readableIn(call.Params).([]any)
		if err != nil || !reflect.DeepEqual(reread, call) {
			t.Errorf("written and read: %#v, %v, want %#v", reread, err, call)
		}
	})
}

// An answer is read or refused, without panic; one that is read survives
// being written and read again, but for characters that XML cannot carry.
func FuzzDecodeResponse(f *testing.F) {
	for _, c := range seeds(f) {
		f.Add([]byte(c.XML))
	}
	f.Add([]byte("<?xml version='1.0' encoding='latin1'?><methodResponse><params><param><value>\xe9\x1b</value></param></params></methodResponse>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := DecodeResponse(data)
		var fault *Fault
		if errors.As(err, &fault) {
			_, err = DecodeResponse(AppendFault(nil, fault.Code, fault.Text))
			if got, ok := err.(*Fault); !ok || got.Code != fault.Code || got.Text != readable(fault.Text) {
				t.Errorf("written and read: %#v, want %#v", err, fault)
			}
		}
		if err != nil {
			return
		}
		again, err := AppendResponse(nil, v)
		if err != nil {
			t.Fatalf("cannot write %#v: %v", v, err)
		}
		reread, err := DecodeResponse(again)
		if err != nil {
			t.Fatalf("cannot read %q: %v", again, err)
		}
		if s, ok := v.(string); ok && reread != readable(s) || !ok && reflect.TypeOf(reread) != reflect.TypeOf(v) {
			t.Errorf("written and read: %#v, want %#v", reread, v)
		}
	})
}

// Whatever a value holds, its document is XML to a strict parser that is not
// ours, and reads back as what XML can carry of it.
func FuzzAppendResponse(f *testing.F) {
	f.Add("a<b>&]]>\r\n", "name", int64(1)<<40, 1.5)
	f.Add("\x00\x1b\xff\xed\xa0\x80\uFFFE", "\x01", int64(-1), math.MaxFloat64)
	f.Fuzz(func(t *testing.T, text, name string, n int64, d float64) {
		in := []any{Struct{{name, text}}, int(n), []byte(text), DateTime(text)}
		want := []any{map[string]any{readable(name): readable(text)}, int(n), []byte(text), DateTime(strings.Trim(readable(text), " \t\r\n"))}
		if !math.IsNaN(d) && !math.IsInf(d, 0) {
			in, want = append(in, d), append(want, d)
		}
		doc, err := AppendResponse(nil, in)
		if err != nil {
			t.Fatal(err)
		}
		strict := xml.NewDecoder(strings.NewReader(string(doc)))
		for err == nil {
			_, err = strict.Token()
		}
		if !errors.Is(err, io.EOF) {
			t.Errorf("%q is not XML: %v", doc, err)
		}
		if got, err := DecodeResponse(doc); err != nil || !reflect.DeepEqual(got, any(want)) {
			t.Errorf("read %#v, %v, want %#v", got, err, want)
		}
	})
}

// seeds are the documents of the corpus that are small enough to mutate fast.
func seeds(f *testing.F) []corpusCase {
	return slices.DeleteFunc(corpus(f), func(c corpusCase) bool { return len(c.XML) > 2000 })
}

// readableIn replaces what XML 1.0 cannot carry in all strings of a value.
func readableIn(v any) any {
	switch v := v.(type) {
	case string:
		return readable(v)
	case []any:
		for i := range v {
			v[i] = readableIn(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = readableIn(v[name])
		}
	}
	return v
}

// readable replaces what XML 1.0 cannot carry, slowly.
func readable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t', r == '\n', r == '\r', r >= ' ' && r < 0xD800, r >= 0xE000 && r <= 0xFFFD, r > 0xFFFF:
			return r
		}
		return '\uFFFD'
	}, s)
}
