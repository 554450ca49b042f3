package config

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"example.org/twiddler/internal/ini"
)

// ParseOverlay reads the text of a file of [Overlay.Render], which a person
// may have edited. The file is only named, not opened; it must be called as
// [OverlayFile] calls the file of its group. What the options of programs say
// is looked at by [Config.Merge]. The error is an [*Errors] with all that is
// wrong, and its lines.
func ParseOverlay(file string, text []byte) (*Overlay, error) {
	p := &overlayParser{o: &Overlay{place: overlayPlace{file: file, line: 1, lines: map[string]int{}}}, taken: map[string]bool{}}
	doc, err := ini.Parse(file, text)
	if err != nil {
		return nil, &Errors{Problems: syntaxProblems(file, err)}
	}
	for _, o := range doc.Defaults().Own() {
		p.wrong(o.File, o.Line, "DEFAULT", "", "", wrong("a file of one group has no defaults"))
		break
	}
	p.readGroup(doc)
	for _, s := range doc.Sections() {
		p.section(s)
	}
	p.settle()
	if len(p.problems) > 0 {
		return nil, &Errors{Problems: p.problems}
	}
	return p.o, nil
}

// An overlayParser is in the middle of a file, between two sections.
type overlayParser struct {
	o        *Overlay
	scales   []Scale         // of any program
	taken    map[string]bool // programs that have a section, with their Nth
	problems []Problem
}

func (p *overlayParser) wrong(file string, line int, section, key, value string, err error) {
	p.problems = append(p.problems, Problem{File: file, Line: line, Section: section, Key: key, Value: value, Text: err.Error()})
}

// badOption records what is wrong with an option.
func (p *overlayParser) badOption(s *ini.Section, o ini.Option, err error) {
	p.wrong(o.File, o.Line, s.Name, o.Key, o.Value, err)
}

// badSection records what is wrong with a section.
func (p *overlayParser) badSection(s *ini.Section, err error) {
	p.wrong(s.File, s.Line, s.Name, "", "", err)
}

// options hands each option of a section to one of the functions.
func (p *overlayParser) options(s *ini.Section, set map[string]func(value string) error) {
	for _, o := range s.Own() {
		f := set[o.Key]
		if f == nil {
			var known []string
			for key := range set {
				known = append(known, key)
			}
			text := "there is no such option here"
			if slices.Sort(known); len(known) > 0 {
				text += "; known are " + strings.Join(known, ", ")
			}
			p.badOption(s, o, wrong("%s", text))
		} else if err := f(o.Value); err != nil {
			p.badOption(s, o, err)
		}
	}
}

// readGroup reads the section that names the group.
func (p *overlayParser) readGroup(doc *ini.Document) {
	var found []*ini.Section
	for _, s := range doc.Sections() {
		if strings.HasPrefix(s.Name, "group:") {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		p.wrong(p.o.place.file, 1, "", "", "", wrong("there must be one section [group:NAME], and there are %d", len(found)))
		return
	}
	s := found[0]
	p.o.Group, p.o.place.line = afterColon(s.Name), s.Line
	if err := fileOf(p.o.place.file, p.o.Group); err != nil {
		p.badSection(s, err)
	}
	kind := false
	p.options(s, map[string]func(string) error{
		removedKey: func(v string) (err error) { p.o.Removed, err = boolean(v); return err },
		wholeKey:   func(v string) (err error) { p.o.Whole, err = boolean(v); return err },
		kindKey:    func(v string) (err error) { kind = true; p.o.Kind, err = kindOf(v); return err },
		"priority": func(v string) error {
			n := 0
			p.o.Priority = &n
			return setInt(&n, v)
		},
	})
	if kind && !p.o.Whole {
		p.badSection(s, wrong("kind is that of the configuration, unless whole = true"))
	}
}

// kindOf reads the word for a kind of group.
func kindOf(word string) (Kind, error) {
	for _, k := range []Kind{Programs, EventListener, FastCGI} {
		if word == k.String() {
			return k, nil
		}
	}
	return 0, wrong("%s is none of program, eventlistener, fcgi-program", ini.Repr(word))
}

// section reads a section that is not the group's.
func (p *overlayParser) section(s *ini.Section) {
	name := afterColon(s.Name)
	switch {
	case strings.HasPrefix(s.Name, "group:"):
	case strings.HasPrefix(s.Name, removePrefix):
		p.options(s, map[string]func(string) error{})
		p.o.Without = append(p.o.Without, name)
		p.o.place.lines[s.Name] = s.Line
	case strings.HasPrefix(s.Name, scalePrefix):
		p.scale(s, name)
	default:
		for kind, prefix := range kindPrefix {
			if strings.HasPrefix(s.Name, prefix) {
				p.program(s, Kind(kind), name)
				return
			}
		}
		p.badSection(s, wrong("a file of changes has no such section; known are [group:NAME], [remove:NAME], [scale:NAME], "+
			"[program:NAME], [eventlistener:NAME], [fcgi-program:NAME]"))
	}
}

// scale reads a [scale:x].
func (p *overlayParser) scale(s *ini.Section, name string) {
	n := Scale{Program: name, place: overlayPlace{file: s.File, line: s.Line}}
	p.options(s, map[string]func(string) error{
		"numprocs": func(v string) error {
			err := setInt(&n.Numprocs, v)
			if err == nil && (n.Numprocs < 1 || n.Numprocs > maxProcesses) {
				err = wrong("numprocs must be between 1 and %d", maxProcesses)
			}
			return err
		},
		withoutKey: func(v string) (err error) { n.Without, err = numbers(v); return err },
	})
	if n.Numprocs == 0 && len(n.Without) == 0 && len(s.Own()) == 0 {
		p.badSection(s, wrong("it must have numprocs, or without, or both"))
	}
	p.scales = append(p.scales, n)
}

// numbers reads process numbers with commas between them.
func numbers(text string) ([]int, error) {
	var all []int
	for _, word := range list(text) {
		n, err := integer(word)
		if err != nil {
			return nil, err
		}
		if n < math.MinInt32 || n > math.MaxInt32 || len(all) == maxProcesses {
			return nil, wrong("%s is too much for numbers of processes", word)
		}
		all = append(all, int(n))
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// program reads a whole program.
func (p *overlayParser) program(s *ini.Section, kind Kind, name string) {
	place := overlayPlace{file: s.File, line: s.Line, lines: map[string]int{}}
	program := OverlayProgram{Section: &Section{Kind: kind, Program: name}, Nth: 1, place: place}
	if base, nth, ok := strings.Cut(name, "/"); ok {
		n, err := strconv.Atoi(nth)
		if err != nil || n < 2 || strconv.Itoa(n) != nth {
			p.badSection(s, wrong("after the slash, which makes it a further program of that name, must be a number from 2"))
		}
		program.Section.Program, program.Nth = base, n
	}
	key := programKey(&program)
	if p.taken[key] {
		p.badSection(s, wrong("there is another program %s in this file", ini.Repr(key)))
	}
	p.taken[key] = true
	table := kindTable(kind)
	for _, o := range s.Own() {
		if err := program.set(o, table); err != nil {
			p.badOption(s, o, err)
		}
	}
	p.o.Programs = append(p.o.Programs, program)
}

// programKey is what [scale:x] calls a program.
func programKey(p *OverlayProgram) string {
	if p.Nth == 1 {
		return strip(p.Section.Program)
	}
	return strip(p.Section.Program) + "/" + strconv.Itoa(p.Nth)
}

// set takes one option of a program.
func (p *OverlayProgram) set(o ini.Option, table []Option) error {
	if o.Key == inheritKey {
		inherit, err := boolean(o.Value)
		p.Section.Client = !inherit
		return err
	}
	key, inQuotes := strings.CutSuffix(o.Key, quoted)
	if !slices.ContainsFunc(table, func(t Option) bool { return t.Key == key }) {
		return wrong("%s", unknownOption(p.Section.Title(), key, table))
	}
	if p.place.lines[key] != 0 {
		return wrong("it stands in line %d already", p.place.lines[key])
	}
	value := o.Value
	if inQuotes {
		var err error
		if value, err = strconv.Unquote(value); err != nil || o.Value[0] != '"' {
			return wrong("it is not a text in double quotes, with backslashes as in the language C")
		}
	}
	p.place.lines[key] = o.Line
	p.Section.Settings = append(p.Section.Settings, Setting{key, value})
	return nil
}

// settle checks how the sections go together.
func (p *overlayParser) settle() {
	o := p.o
	for _, s := range p.scales {
		i := slices.IndexFunc(o.Programs, func(program OverlayProgram) bool { return programKey(&program) == s.Program })
		switch {
		case i < 0:
			o.Scales = append(o.Scales, s)
		case s.Numprocs != 0:
			p.wrong(s.place.file, s.place.line, scalePrefix+s.Program, "", "",
				wrong("numprocs of a program that is in this file must stand in its own section"))
		default:
			o.Programs[i].Without = s.Without
		}
	}
	slices.Sort(o.Without)
	slices.SortFunc(o.Scales, func(a, b Scale) int { return cmp.Compare(a.Program, b.Program) })
	if len(p.problems) > 0 {
		return
	}
	var err error
	switch {
	case o.Removed && (o.Whole || o.Priority != nil || len(o.Programs)+len(o.Without)+len(o.Scales) > 0):
		err = errors.New("a group that is removed has nothing else in its file")
	case o.Whole && len(o.Without)+len(o.Scales) > 0:
		err = errors.New("a group of which whole = true has nothing of the configuration that [remove:NAME] and [scale:NAME] could mean")
	}
	if err != nil {
		p.wrong(o.place.file, o.place.line, "group:"+o.Group, "", "", err)
	}
}
