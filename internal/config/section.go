package config

import (
	"maps"
	"slices"
	"strings"

	"example.org/twiddler/internal/ini"
)

// A Section is what the processes of one program were made of. It never
// changes, and all processes of the program share it.
type Section struct {
	Kind    Kind   // EventListener for [eventlistener:x], and so on
	Program string // name of the section, without its prefix

	// Client says that it is read as addProgramToGroup does, not as a section
	// of a file is; see [Config.AddProgram].
	Client bool

	// Settings are the options that are known, as they were written: with
	// %(here)s replaced and nothing else expanded.
	Settings []Setting
}

// A Setting is one option and its value.
type Setting struct{ Key, Value string }

// kindPrefix is what stands before the colon in the name of a section.
var kindPrefix = [...]string{Programs: "program:", EventListener: "eventlistener:", FastCGI: "fcgi-program:"}

// Title is the name of the section as it stands in brackets, "program:web".
func (s *Section) Title() string { return kindPrefix[s.Kind] + s.Program }

// Lookup returns the value of an option as it was written.
func (s *Section) Lookup(key string) (string, bool) {
	for _, o := range s.Settings {
		if o.Key == key {
			return o.Value, true
		}
	}
	return "", false
}

// With returns a copy in which an option has another value.
func (s *Section) With(key, value string) *Section {
	next := *s
	next.Settings = slices.Clone(s.Settings)
	i := slices.IndexFunc(next.Settings, func(o Setting) bool { return o.Key == key })
	if i < 0 {
		next.Settings = append(next.Settings, Setting{key, value})
	} else {
		next.Settings[i].Value = value
	}
	return &next
}

// Equal reports whether two sections say the same, in whatever order.
func (s *Section) Equal(other *Section) bool {
	was, before := s.Lookup("numprocs")
	is, after := other.Lookup("numprocs")
	return before == after && was == is && s.sameProgram(other)
}

func (s *Section) table() map[string]string {
	t := make(map[string]string, len(s.Settings))
	for _, o := range s.Settings {
		t[o.Key] = o.Value
	}
	return t
}

// kindTable is the whole table of one kind of program section.
func kindTable(k Kind) []Option {
	switch k {
	case EventListener:
		return describe(options(listenerOptions), programTable())
	case FastCGI:
		return describe(options(fcgiOptions), programTable())
	}
	return programTable()
}

// optionTables are those of the kinds of program sections.
type optionTables [len(kindPrefix)][]Option

func newOptionTables() (t optionTables) {
	for kind := range t {
		t[kind] = kindTable(Kind(kind))
	}
	return t
}

// NewSection makes a section of options as a client sends them, with values of
// any type that a decoder of XML-RPC makes. Keys may be in any case. The error
// is a [*ProgramError]: an unknown option, or a value of a type that means
// nothing for its option. What the values say is looked at by
// [Config.ReadGroup] and [Config.ReadProgram].
func NewSection(kind Kind, program string, typed map[string]any) (*Section, error) {
	s := &Section{Kind: kind, Program: program}
	table := kindTable(kind)
	for _, key := range slices.Sorted(maps.Keys(typed)) {
		i := slices.IndexFunc(table, func(o Option) bool { return o.Key == strings.ToLower(key) })
		if i < 0 {
			return nil, &ProgramError{Text: unknownOption(s.Title(), key, table)}
		}
		text, ok, err := untype(&table[i], typed[key])
		if err != nil {
			return nil, &ProgramError{Text: s.Title() + "." + table[i].Key + ": " + err.Error()}
		}
		if ok {
			s.Settings = append(s.Settings, Setting{table[i].Key, text})
		}
	}
	return s, nil
}

func unknownOption(section, key string, table []Option) string {
	keys := make([]string, len(table))
	for i, o := range table {
		keys[i] = o.Key
	}
	text := "[" + section + "] has no option " + ini.Repr(key)
	if near := ini.Nearest(strings.ToLower(key), keys); near != "" {
		text += `; did you mean "` + near + `"?`
	}
	return text
}

// sectionOf is the Section of a program that is being read.
func (l *loader) sectionOf(src *source) *Section {
	if src.made != nil {
		return src.made
	}
	s := &Section{Program: afterColon(src.name), Client: src.section == nil}
	for kind, prefix := range kindPrefix {
		if strings.HasPrefix(src.name, prefix) {
			s.Kind = Kind(kind)
		}
	}
	for _, o := range l.tables[s.Kind] {
		// What cannot be read is reported when the option is.
		if found, ok, err := src.lookup(&o); ok && err == nil {
			s.Settings = append(s.Settings, Setting{o.Key, found.Value})
		}
	}
	return s
}

// sourceOfMade returns a section that was made before as a source.
func sourceOfMade(s *Section, file string) *source {
	return &source{name: s.Title(), file: file, made: s}
}
