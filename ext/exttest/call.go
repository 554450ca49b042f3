package exttest

import (
	"reflect"
	"testing"

	"example.org/twiddler/ext"
)

// New makes an extension as supervisord would for a section with these
// options, nil for none, and ends the test if it or its methods are refused.
func New(t testing.TB, f ext.Factory, h ext.Host, options map[string]string) ext.Extension {
	t.Helper()
	if found, err := ext.Lookup([]ext.Factory{f}, f.Name); err != nil || found.Name != f.Name {
		t.Fatalf("factory %q cannot be looked up: %v", f.Name, err)
	}
	if options == nil {
		options = map[string]string{}
	}
	e, err := f.New(h, options)
	if err != nil {
		t.Fatalf("extension %q with %v: %v", f.Name, options, err)
	}
	if err := ext.Check(e.Methods()); err != nil {
		t.Fatalf("extension %q: %v", f.Name, err)
	}
	return e
}

// Call calls a method as a client would, with decoded values, and returns its
// result or its fault. It ends the test if there is no such method, and fails
// it if the result is one that cannot be sent.
func Call(t testing.TB, e ext.Extension, method string, params ...any) (any, error) {
	t.Helper()
	for _, m := range e.Methods() {
		if m.Name != method {
			continue
		}
		v, err := m.Call(t.Context(), params)
		if bad, ok := unsendable(v); err == nil && ok {
			t.Errorf("%s%v returned a %T, which cannot be sent", method, params, bad)
		}
		return v, err
	}
	t.Fatalf("there is no method %q", method)
	return nil, nil
}

// Want fails the test unless a call returns want.
func Want(t testing.TB, e ext.Extension, want any, method string, params ...any) {
	t.Helper()
	got, err := Call(t, e, method, params...)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s%v = %v, %v; want %v", method, params, got, err, want)
	}
}

// WantFault fails the test unless a call returns a fault of this text, such as
// "BAD_NAME: web".
func WantFault(t testing.TB, e ext.Extension, text, method string, params ...any) {
	t.Helper()
	got, err := Call(t, e, method, params...)
	if err == nil || err.Error() != text {
		t.Errorf("%s%v = %v, %v; want the fault %s", method, params, got, err, text)
	}
}

// unsendable finds the first part of a result that the server cannot encode.
func unsendable(v any) (any, bool) {
	switch v := v.(type) {
	case string, bool, int, float64, []string, interface{ AppendXMLRPC([]byte) []byte }:
		return nil, false
	case []any:
		for _, e := range v {
			if bad, ok := unsendable(e); ok {
				return bad, true
			}
		}
		return nil, false
	case map[string]any:
		for _, e := range v {
			if bad, ok := unsendable(e); ok {
				return bad, true
			}
		}
		return nil, false
	case ext.Struct:
		for _, m := range v {
			if bad, ok := unsendable(m.Value); ok {
				return bad, true
			}
		}
		return nil, false
	}
	return v, true
}
