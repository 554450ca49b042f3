package ini

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzParse(f *testing.F) {
	var cases []iniCase
	readCorpus(f, "testdata/ini-cases.json", &cases)
	for _, c := range cases {
		f.Add([]byte(c.Text))
	}
	f.Add([]byte("[a]\nb=\xff"))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := Parse("x", text)
		if err != nil {
			checkParseError(t, text, err)
			return
		}
		for _, s := range d.Sections() {
			checkSection(t, text, s)
		}
		// Merged into nothing, and into itself, it is the same.
		merged := newDocument()
		merged.Merge(d)
		merged.Merge(d)
		if !maps.EqualFunc(content(merged), content(d), maps.Equal) {
			t.Errorf("%q: merged %q, parsed %q", text, content(merged), content(d))
		}
		merged.ReplaceHere("/d")
		for _, s := range merged.Sections() {
			for _, o := range s.Options() {
				if strings.Contains(o.Value, herePattern) {
					t.Errorf("%q: [%s] %s = %q after ReplaceHere", text, s.Name, o.Key, o.Value)
				}
			}
		}
	})
}

// checkParseError fails unless err is one of the three, about lines that exist.
func checkParseError(t *testing.T, text []byte, err error) {
	t.Helper()
	lines := 1 + strings.Count(universalNewlines(string(text)), "\n")
	var missing *MissingHeaderError
	var bad *ParseErrors
	var decode *DecodeError
	var at []int
	switch {
	case errors.As(err, &missing):
		at = []int{missing.Line}
	case errors.As(err, &decode):
		at = []int{decode.Line}
	case errors.As(err, &bad):
		for _, l := range bad.Lines {
			at = append(at, l.Line)
		}
	}
	if len(at) == 0 || !slices.IsSorted(at) || at[0] < 1 || at[len(at)-1] > lines {
		t.Errorf("%q: %T at lines %d of %d", text, err, at, lines)
	}
	if (decode != nil) == utf8.Valid(text) {
		t.Errorf("%q: %v", text, err)
	}
}

// checkSection checks what holds for every section of any text.
func checkSection(t *testing.T, text []byte, s *Section) {
	t.Helper()
	if s.Name == "" || s.Name == defaultSection {
		t.Errorf("%q has a section %q", text, s.Name)
	}
	for _, o := range s.Options() {
		got, ok := s.Lookup(o.Key)
		if !ok || got != o {
			t.Errorf("%q: Lookup(%q) = %v, Options has %v", text, o.Key, got, o)
		}
		if o.Key == "" || o.Key != strings.ToLower(o.Key) || o.Line < 1 {
			t.Errorf("%q: option %+v", text, o)
		}
		if trimSpaceRight(o.Value) != o.Value {
			t.Errorf("%q: %s = %q ends in a blank", text, o.Key, o.Value)
		}
	}
}

func FuzzExpand(f *testing.F) {
	var cases []struct{ In string }
	readCorpus(f, "testdata/expand-cases.json", &cases)
	for _, c := range cases {
		f.Add(c.In)
	}
	f.Add("%(n)*.*ld \xff%")
	f.Fuzz(func(t *testing.T, value string) {
		got, err := Expand(value, "x", corpusVars())
		if err != nil && (got != "" || !strings.HasPrefix(err.Error(), "Format string ")) {
			t.Errorf("Expand(%q) = %q, %v", value, got, err)
		}
		if len(got) > maxExpanded+len(value) {
			t.Errorf("Expand(%q) has %d bytes", value, len(got))
		}
		escaped := strings.ReplaceAll(value, "%", "%%")
		if back, err := Expand(escaped, "x", Vars{}); err != nil || back != value {
			t.Errorf("Expand(%q) = %q, %v, want the text without escapes", escaped, back, err)
		}
		if same, err := Expand("%(v)s", "x", Vars{}.With(String("v", value))); err != nil || same != value {
			t.Errorf("a value %q is expanded to %q, %v", value, same, err)
		}
	})
}

func FuzzSplit(f *testing.F) {
	var cases []shlexCase
	readCorpus(f, "testdata/shlex-cases.json", &cases)
	for _, c := range cases {
		f.Add(c.Text)
	}
	f.Fuzz(func(t *testing.T, command string) {
		words, err := Split(command)
		if err != nil {
			if err != NoClosingQuotation && err != NoEscapedCharacter {
				t.Errorf("Split(%q) fails with %v", command, err)
			}
			words = strings.Split(command, "'") // any words will do
		}
		for _, quote := range []func(string) string{singleQuoted, doubleQuotes, escaped} {
			var line []string
			for _, w := range words {
				line = append(line, quote(w))
			}
			joined := strings.Join(line, " \t")
			if again, err := Split(joined); err != nil || !slices.Equal(again, words) {
				t.Errorf("Split(%q) = %q, %v, want %q", joined, again, err, words)
			}
		}
	})
}

// singleQuoted is a word in single quotes, as a shell reads it.
func singleQuoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'"'"'`) + "'" }

// doubleQuotes is a word in double quotes.
func doubleQuotes(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// escaped is a word with a backslash before each character.
func escaped(s string) string {
	if s == "" {
		return "''"
	}
	var b strings.Builder
	for i := range len(s) {
		if utf8.RuneStart(s[i]) || !utf8.ValidString(s) {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func FuzzEnvironment(f *testing.F) {
	var cases []struct{ In string }
	readCorpus(f, "testdata/environment-cases.json", &cases)
	for _, c := range cases {
		f.Add(c.In)
	}
	f.Fuzz(func(t *testing.T, value string) {
		pairs, err := Environment(value)
		if err != nil {
			var e *EnvironmentError
			if !errors.As(err, &e) && err != NoClosingQuotation && err != NoEscapedCharacter {
				t.Errorf("Environment(%q) fails with %v", value, err)
			}
			pairs = map[string]string{value: value}
		}
		var list []string
		for key, text := range pairs {
			list = append(list, doubleQuotes(key)+"="+singleQuoted(text))
		}
		joined := strings.Join(list, ",\n")
		if again, err := Environment(joined); err != nil || !maps.Equal(again, pairs) {
			t.Errorf("Environment(%q) = %q, %v, want %q", joined, again, err, pairs)
		}
	})
}

func FuzzMatch(f *testing.F) {
	var cases []struct{ In [2]string }
	readCorpus(f, "testdata/match-cases.json", &cases)
	for _, c := range cases {
		f.Add(c.In[0], c.In[1])
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		got := matchName(pattern, name)
		if matchName("*"+pattern, "x"+name) != matchName("*"+pattern, "y"+name) && !strings.ContainsAny(pattern, "xy[") {
			t.Errorf("*%s tells x%s and y%s apart", pattern, name, name)
		}
		if got && !matchName("*"+pattern+"*", name) {
			t.Errorf("%q matches %q, with stars around it does not", pattern, name)
		}
		if !hasMagic(pattern) && utf8.ValidString(pattern) && utf8.ValidString(name) && got != (pattern == name) {
			t.Errorf("matchName(%q, %q) = %t without wildcards", pattern, name, got)
		}
	})
}
