package xmlrpc

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
)

// A corpusCase is a document of Python's xmlrpc.client, or one made by hand
// that it reads, with the value that it reads from it.
type corpusCase struct {
	Name  string `json:"n"`
	XML   string `json:"xml"`
	Value any    `json:"v"`
}

func corpus(t testing.TB) []corpusCase {
	t.Helper()
	data, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []corpusCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 50 {
		t.Fatalf("%d cases, want 50", len(cases))
	}
	return cases
}

// want turns a value of the corpus into what DecodeResponse returns for it.
// JSON has one kind of number: got says which is meant.
func want(t *testing.T, v, got any) any {
	t.Helper()
	switch v := v.(type) {
	case float64:
		if _, isInt := got.(int); isInt {
			return int(v)
		}
	case []any:
		list, _ := got.([]any)
		for i := range v {
			if i < len(list) {
				v[i] = want(t, v[i], list[i])
			}
		}
	case map[string]any:
		if text, ok := v["$dt"].(string); ok {
			return DateTime(text)
		}
		if text, ok := v["$b64"].(string); ok {
			data, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
		members, _ := got.(map[string]any)
		for name := range v {
			v[name] = want(t, v[name], members[name])
		}
	}
	return v
}

func TestCorpusDecodes(t *testing.T) {
	t.Parallel()
	for _, c := range corpus(t) {
		got, err := DecodeResponse([]byte(c.XML))
		if m, ok := c.Value.(map[string]any); ok && m["$fault"] != nil {
			var f *Fault
			if !errors.As(err, &f) || f.Code != 10 || f.Text != "BAD_NAME: foo" {
				t.Errorf("%s: got %v, %v, want a fault", c.Name, got, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		if w := want(t, c.Value, got); !reflect.DeepEqual(got, w) {
			t.Errorf("%s: got %#v, want %#v", c.Name, got, w)
		}
	}
}

// A value read from a document that Python wrote is written as the same
// document: exceptions are the order of members, which a map does not keep,
// and carriage returns, which Python writes so that nobody can read them.
func TestCorpusEncodes(t *testing.T) {
	t.Parallel()
	same := 0
	for _, c := range corpus(t) {
		if strings.HasPrefix(c.Name, "raw_") || c.Name == "latin1_decl" || c.Name == "procinfo" || c.Name == "crlf" {
			continue
		}
		v, err := DecodeResponse([]byte(c.XML))
		var got []byte
		var f *Fault
		if errors.As(err, &f) {
			got, err = AppendFault(nil, f.Code, f.Text), nil
		} else if err == nil {
			got, err = AppendResponse(nil, v)
		}
		text := string(got)
		if c.Name == "struct_uni" { // members in Python's order: ключ, "a b", ""
			got, err = AppendResponse(nil, Struct{{"ключ", "знач"}, {"a b", 1}, {"", "emptykey"}})
			text = string(got)
		}
		if err != nil || text != c.XML {
			t.Errorf("%s: got %v\n%s\nwant\n%s", c.Name, err, text, c.XML)
		}
		same++
	}
	if same < 30 {
		t.Errorf("compared %d documents, want at least 30", same)
	}
}
