package ini

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
)

// readCorpus decodes a file of odd inputs with Python 3.11's answers.
func readCorpus(tb testing.TB, file string, cases any) {
	tb.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	if err := json.Unmarshal(text, cases); err != nil {
		tb.Fatal(err)
	}
}

// An iniCase is a document and what RawConfigParser makes of it.
type iniCase struct {
	Text   string                       `json:"d"`
	Result map[string]map[string]string `json:"r"`
	Error  string                       `json:"e"`
}

// A shlexCase is a string and what shlex.split makes of it.
type shlexCase struct {
	Text   string   `json:"s"`
	Result []string `json:"r"`
	Error  string   `json:"e"`
}

// content is a document as Python's items() shows it.
func content(d *Document) map[string]map[string]string {
	all := make(map[string]map[string]string)
	for _, s := range d.Sections() {
		all[s.Name] = make(map[string]string)
		for _, o := range s.Options() {
			all[s.Name][o.Key] = o.Value
		}
	}
	return all
}

// pythonError is the error with the name of Python's class for it.
func pythonError(err error) string {
	switch err.(type) {
	case nil:
		return ""
	case *MissingHeaderError:
		return "MissingSectionHeaderError: " + err.Error()
	case *ParseErrors:
		return "ParsingError: " + err.Error()
	}
	return fmt.Sprintf("%T: %v", err, err)
}

func TestParseCorpus(t *testing.T) {
	t.Parallel()
	var cases []iniCase
	readCorpus(t, "testdata/ini-cases.json", &cases)
	if len(cases) != 231 {
		t.Errorf("corpus has %d documents, want 231", len(cases))
	}
	for _, c := range cases {
		d, err := Parse("x", []byte(c.Text))
		if got := pythonError(err); got != c.Error {
			t.Errorf("Parse(%q) fails with\n%s\nwant\n%s", c.Text, got, c.Error)
			continue
		}
		if err != nil {
			continue
		}
		if got := content(d); !maps.EqualFunc(got, c.Result, maps.Equal) {
			t.Errorf("Parse(%q) = %q, want %q", c.Text, got, c.Result)
		}
	}
}

func TestSplitCorpus(t *testing.T) {
	t.Parallel()
	var cases []shlexCase
	readCorpus(t, "testdata/shlex-cases.json", &cases)
	if len(cases) != 572 {
		t.Errorf("corpus has %d strings, want 572", len(cases))
	}
	for _, c := range cases {
		got, err := Split(c.Text)
		if text := errorText(err); text != c.Error || !slices.Equal(got, c.Result) {
			t.Errorf("Split(%q) = %q, %q, want %q, %q", c.Text, got, text, c.Result, c.Error)
		}
	}
}

// The random corpora are written by testdata/generate.py.

func TestParseRandom(t *testing.T) {
	t.Parallel()
	var cases []struct {
		In       string
		Sections []json.RawMessage // [name, [[key, value]]]
		Error    string
	}
	readCorpus(t, "testdata/parse-cases.json", &cases)
	for _, c := range cases {
		d, err := Parse("it's.conf", []byte(c.In))
		if got := pythonError(err); got != c.Error {
			t.Errorf("Parse(%q) fails with\n%s\nwant\n%s", c.In, got, c.Error)
			continue
		}
		if err != nil {
			continue
		}
		var got, want []string
		for _, s := range d.Sections() {
			got = append(got, "["+s.Name+"]")
			for _, o := range s.Options() {
				got = append(got, o.Key+"="+o.Value)
			}
		}
		for _, raw := range c.Sections {
			want = append(want, flatten(t, raw)...)
		}
		if !slices.Equal(got, want) {
			t.Errorf("Parse(%q) = %q, want %q", c.In, got, want)
		}
	}
}

// flatten turns [name, [[key, value]]] into a header and its lines.
func flatten(t *testing.T, raw json.RawMessage) []string {
	t.Helper()
	var name string
	var items [][2]string
	if err := json.Unmarshal(raw, &[]any{&name, &items}); err != nil {
		t.Fatal(err)
	}
	lines := []string{"[" + name + "]"}
	for _, item := range items {
		lines = append(lines, item[0]+"="+item[1])
	}
	return lines
}

func TestExpandRandom(t *testing.T) {
	t.Parallel()
	var cases []struct{ In, Out, Error string }
	readCorpus(t, "testdata/expand-cases.json", &cases)
	for _, c := range cases {
		got, err := Expand(c.In, "sec.opt", corpusVars())
		if text := errorText(err); text != c.Error || got != c.Out {
			t.Errorf("Expand(%q) = %q, %q, want %q, %q", c.In, got, text, c.Out, c.Error)
		}
	}
}

// corpusVars are the names of testdata/generate.py.
func corpusVars() Vars {
	return Vars{}.
		With(String("x", "abc"), Int("n", 5), Int("m", -1234567), String("o", "q")).
		WithTable("", map[string]string{"e": "", "u": "é\u3000日\x00'\""}).
		With(Int("big", 1<<62), String("a(b)", "paren"), String(" s", "sp"))
}

func TestEnvironmentRandom(t *testing.T) {
	t.Parallel()
	var cases []struct {
		In    string
		Out   map[string]string
		Error string
	}
	readCorpus(t, "testdata/environment-cases.json", &cases)
	for _, c := range cases {
		got, err := Environment(c.In)
		if text := errorText(err); text != c.Error || !maps.Equal(got, c.Out) {
			t.Errorf("Environment(%q) = %q, %q, want %q, %q", c.In, got, text, c.Out, c.Error)
		}
	}
}

func TestMatchRandom(t *testing.T) {
	t.Parallel()
	var cases []struct {
		In  [2]string
		Out bool
	}
	readCorpus(t, "testdata/match-cases.json", &cases)
	for _, c := range cases {
		if got := matchName(c.In[0], c.In[1]); got != c.Out {
			t.Errorf("matchName(%q, %q) = %t, want %t", c.In[0], c.In[1], got, c.Out)
		}
	}
}

// errorText is the text of an error, "" for none.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
