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
		text := ""
		if err != nil {
			text = err.Error()
		}
		if text != c.Error || !slices.Equal(got, c.Result) {
			t.Errorf("Split(%q) = %q, %q, want %q, %q", c.Text, got, text, c.Result, c.Error)
		}
	}
}
