// Package ini reads configuration text the way Supervisor does: the dialect
// of Python's RawConfigParser, % expansion, shell words, the environment=
// list, and the file patterns of [include].
//
// It knows no section and no option by name, but for [DEFAULT] and %(here)s.
// Nothing in it keeps state between calls; apart from [Glob] it never touches
// the file system.
package ini

import "strings"

// defaultSection lends its options to all others and is not listed itself.
const defaultSection = "DEFAULT"

// herePattern is what [Document.ReplaceHere] replaces. It is text, not a
// conversion: %%(here)s is replaced as well.
const herePattern = "%(here)s"

// A Document is the content of one file, or of several that were merged. Only
// one goroutine may use it while it changes; afterwards it is safe to read
// from many.
type Document struct {
	defaults *Section
	sections []*Section
	index    map[string]*Section
}

// A Section is one [name] with the options written under it, wherever they
// stand.
type Section struct {
	Name string // as written, blanks included
	File string // that first had the section, as given to [Parse]
	Line int    // of its first header, from 1

	doc     *Document
	options []Option
	index   map[string]int
	settled bool // holds no herePattern, its share of the defaults included
}

// An Option is one key and its value.
type Option struct {
	Key   string // lower case
	Value string // lines joined with \n, comments gone, not expanded
	File  string // as given to [Parse]
	Line  int    // of the key, from 1
}

// newDocument returns a document without sections.
func newDocument() *Document {
	d := &Document{index: make(map[string]*Section)}
	d.defaults = &Section{Name: defaultSection, doc: d}
	return d
}

// Sections lists the sections in the order of their first appearance, without
// [DEFAULT]. The caller must not change the slice.
func (d *Document) Sections() []*Section { return d.sections }

// Section returns the section of that name, nil if there is none. [DEFAULT]
// is not found here.
func (d *Document) Section(name string) *Section { return d.index[name] }

// Defaults is the [DEFAULT] section, empty if no file has one.
func (d *Document) Defaults() *Section { return d.defaults }

// Merge adds the sections of other as if its text had followed: a later key
// wins, a section keeps its first position and the file that first had it.
// other is as before, and may be used on.
// Supervisor 4.2.5, options.py, UnhosedConfigParser.read.
func (d *Document) Merge(other *Document) {
	if len(other.defaults.options) > 0 {
		d.unsettle()
	}
	d.defaults.merge(other.defaults)
	for _, from := range other.sections {
		d.ensure(from.Name, from.File, from.Line).merge(from)
	}
}

// ReplaceHere writes dir for each %(here)s in the values of all sections. A
// section gets its own copy of a default with %(here)s in it, so that a later
// file, replaced with another directory, does not change it any more.
// Supervisor 4.2.5, options.py, UnhosedConfigParser.expand_here.
func (d *Document) ReplaceHere(dir string) {
	for _, s := range d.sections {
		if s.settled {
			continue
		}
		for _, o := range s.Options() {
			if strings.Contains(o.Value, herePattern) {
				o.Value = strings.ReplaceAll(o.Value, herePattern, dir)
				s.set(o)
			}
		}
		s.settled = !strings.Contains(dir, herePattern)
	}
}

// unsettle makes the next ReplaceHere look at every section again.
func (d *Document) unsettle() {
	for _, s := range d.sections {
		s.settled = false
	}
}

// ensure returns the section of that name, made now if there is none.
func (d *Document) ensure(name, file string, line int) *Section {
	if name == defaultSection {
		return d.defaults
	}
	s, ok := d.index[name]
	if !ok {
		s = &Section{Name: name, File: file, Line: line, doc: d}
		d.index[name] = s
		d.sections = append(d.sections, s)
	}
	return s
}

// Lookup returns the option with that key (lower case), from the section or
// else from [DEFAULT].
func (s *Section) Lookup(key string) (Option, bool) {
	if i, ok := s.index[key]; ok {
		return s.options[i], true
	}
	if i, ok := s.doc.defaults.index[key]; ok {
		return s.doc.defaults.options[i], true
	}
	return Option{}, false
}

// Options returns all options in force: those of [DEFAULT] first, with the
// section's own value where it has one, then the section's others in the
// order they were first written. The slice is the caller's.
func (s *Section) Options() []Option {
	defaults := s.doc.defaults
	all := make([]Option, 0, len(defaults.options)+len(s.options))
	if s != defaults {
		for _, o := range defaults.options {
			if i, ok := s.index[o.Key]; ok {
				o = s.options[i]
			}
			all = append(all, o)
		}
	}
	for _, o := range s.options {
		if _, ok := defaults.index[o.Key]; !ok || s == defaults {
			all = append(all, o)
		}
	}
	return all
}

// Own returns the options written in the section itself, without [DEFAULT],
// in the order they were first written. The caller must not change the slice.
func (s *Section) Own() []Option { return s.options }

// merge sets all options that from has itself.
func (s *Section) merge(from *Section) {
	s.settled = false
	for _, o := range from.options {
		s.set(o)
	}
}

// set writes an option over the one with its key, or adds it at the end.
func (s *Section) set(o Option) {
	if i, ok := s.index[o.Key]; ok {
		s.options[i] = o
		return
	}
	if s.index == nil {
		s.index = make(map[string]int)
	}
	s.index[o.Key] = len(s.options)
	s.options = append(s.options, o)
}
