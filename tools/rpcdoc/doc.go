package main

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"example.org/twiddler/ext"
)

// A doc is what the comment of a method says.
type doc struct {
	prose   string
	params  []param
	result  param // without a name
	role    ext.Role
	grouped bool // from @scope
	aliases []string
	name    string // from @name; empty for none
	pos     token.Pos
}

// A param is a @param or @return tag.
type param struct {
	types []string // the choice, usually of one
	name  string
	text  string
	deflt string // a Go literal; empty for a parameter that is required
	pos   token.Pos
}

func (p param) typeWord() string { return strings.Join(p.types, "|") }

// A tag is one tag of a comment, with the lines that continue it joined.
type tag struct {
	word, rest string
	pos        token.Pos
}

var (
	directive  = regexp.MustCompile(`^//[a-z0-9]+:[a-z0-9]`)
	optional   = regexp.MustCompile(`^\[([A-Za-z_]\w*)=(.*?)\](?:\s+|$)`)
	identifier = regexp.MustCompile(`^[A-Za-z_]\w*$`)
	wireWord   = regexp.MustCompile(`^[A-Za-z]\w*$`)
)

// parseDoc reads the comment of a method.
func (s *source) parseDoc(fn *ast.FuncDecl) (doc, error) {
	d := doc{pos: fn.Name.Pos()}
	prose, tags, err := s.split(fn)
	if err != nil {
		return d, err
	}
	d.prose = prose
	for _, t := range tags {
		if err := s.apply(&d, t); err != nil {
			return d, err
		}
	}
	switch {
	case prose == "":
		err = s.errorf(d.pos, "%s has no comment that says what it does", fn.Name.Name)
	case d.result.types == nil:
		err = s.errorf(d.pos, "%s has no @return", fn.Name.Name)
	case !d.role.Valid():
		err = s.errorf(d.pos, "%s has no @role", fn.Name.Name)
	}
	return d, err
}

// split parts the prose of a comment from its tags.
func (s *source) split(fn *ast.FuncDecl) (prose string, tags []tag, err error) {
	if fn.Doc == nil {
		return "", nil, s.errorf(fn.Name.Pos(), "%s has no comment", fn.Name.Name)
	}
	var lines []string
	for _, c := range fn.Doc.List {
		if directive.MatchString(c.Text) {
			continue
		}
		line, ok := strings.CutPrefix(c.Text, "//")
		if !ok {
			return "", nil, s.errorf(c.Pos(), "write the comment with //")
		}
		text := strings.TrimSpace(line)
		indented := strings.HasPrefix(line, "\t") || strings.HasPrefix(line, "  ")
		switch {
		case strings.HasPrefix(text, "@"):
			word, rest, _ := strings.Cut(text, " ")
			tags = append(tags, tag{word, strings.TrimSpace(rest), c.Pos()})
		case tags == nil:
			lines = append(lines, strings.TrimPrefix(line, " "))
		case text == "":
		case !indented:
			return "", nil, s.errorf(c.Pos(), "prose after the tags; indent it if it continues one")
		default:
			last := &tags[len(tags)-1]
			last.rest += " " + text
		}
	}
	return strings.TrimSpace(strings.Join(lines, "\n")), tags, nil
}

// apply adds what one tag says to d.
func (s *source) apply(d *doc, t tag) error {
	switch t.word {
	case "@param":
		p, err := s.parseParam(t)
		if err == nil && p.deflt == "" && len(d.params) > 0 && d.params[len(d.params)-1].deflt != "" {
			err = s.errorf(t.pos, "parameter %s is required but stands after one that is not", p.name)
		}
		d.params = append(d.params, p)
		return err
	case "@return":
		if d.result.types != nil {
			return s.errorf(t.pos, "a second @return")
		}
		word, text, _ := strings.Cut(t.rest, " ")
		types, err := s.parseTypes(t, word)
		d.result = param{types: types, text: strings.TrimSpace(text), pos: t.pos}
		return err
	case "@role":
		role, ok := ext.ParseRole(t.rest)
		if !ok {
			return s.errorf(t.pos, "%q is not one of the roles view, operate, define, admin", t.rest)
		}
		d.role = role
		return nil
	case "@scope":
		if t.rest != "groups" {
			return s.errorf(t.pos, "%q is not the scope groups; a method without @scope needs all groups", t.rest)
		}
		d.grouped = true
		return nil
	case "@alias", "@name":
		if !wireWord.MatchString(t.rest) {
			return s.errorf(t.pos, "%s needs the name of a method, not %q", t.word, t.rest)
		}
		if t.word == "@name" {
			d.name = t.rest
		} else {
			d.aliases = append(d.aliases, t.rest)
		}
		return nil
	}
	return s.errorf(t.pos, "unknown tag %s", t.word)
}

// parseParam reads "TYPE name text" or "TYPE [name=default] text".
func (s *source) parseParam(t tag) (param, error) {
	word, rest, _ := strings.Cut(t.rest, " ")
	rest = strings.TrimSpace(rest)
	p := param{pos: t.pos}
	types, err := s.parseTypes(t, word)
	if err != nil {
		return p, err
	}
	p.types = types
	if m := optional.FindStringSubmatch(rest); m != nil {
		literal, ok := defaultLiteral(m[2], types)
		if !ok {
			return p, s.errorf(t.pos, "%q is no default for a parameter of type %s", m[2], word)
		}
		p.name, p.deflt, p.text = m[1], literal, rest[len(m[0]):]
		return p, nil
	}
	p.name, p.text, _ = strings.Cut(rest, " ")
	p.text = strings.TrimSpace(p.text)
	if !identifier.MatchString(p.name) {
		return p, s.errorf(t.pos, "@param needs a type and a name, not %q", t.rest)
	}
	return p, nil
}

func (s *source) parseTypes(t tag, choice string) ([]string, error) {
	types := strings.Split(choice, "|")
	for _, word := range types {
		if !slices.Contains(ext.Types(), word) {
			return nil, s.errorf(t.pos, "%q is not one of the types %s", word, strings.Join(ext.Types(), ", "))
		}
	}
	return types, nil
}

// defaultLiteral is the Go literal of a default written in a tag, as the
// first of the types that it can be.
func defaultLiteral(text string, types []string) (string, bool) {
	switch {
	case text == "[]" && slices.Contains(types, "array"):
		return "[]any{}", true
	case text == "{}" && slices.Contains(types, "struct"):
		return "map[string]any{}", true
	}
	narrowFirst := []string{"nil", "boolean", "int", "double", "string"}
	for _, word := range narrowFirst {
		if !slices.Contains(types, word) {
			continue
		}
		switch word {
		case "nil":
			if text == "nil" {
				return text, true
			}
		case "boolean":
			if text == "true" || text == "false" {
				return text, true
			}
		case "int":
			if n, err := strconv.Atoi(text); err == nil {
				return strconv.Itoa(n), true
			}
		case "double":
			if f, err := strconv.ParseFloat(text, 64); err == nil {
				return "float64(" + strconv.FormatFloat(f, 'g', -1, 64) + ")", true
			}
		case "string":
			if unquoted, err := strconv.Unquote(text); err == nil {
				text = unquoted
			}
			return strconv.Quote(text), true
		}
	}
	return "", false
}
