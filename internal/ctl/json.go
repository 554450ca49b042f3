package ctl

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// maxNesting bounds arrays and objects in one another, as the server does.
const maxNesting = 64

// A node is a JSON value that knows where it stands. Its value is a string,
// json.Number, bool, []node or []member.
type node struct {
	source *source
	at     int // offset
	value  any
}

// A member is one of an object; its node is the value.
type member struct {
	node
	name string
}

// A source is a JSON text.
type source struct {
	name, text string
	dec        *json.Decoder
}

// parseJSON reads the one value of a text. Values that no call can carry and
// members that are there twice are errors, with their place.
func parseJSON(name, text string) (node, error) {
	src := &source{name: name, text: text, dec: json.NewDecoder(strings.NewReader(text))}
	src.dec.UseNumber()
	root, err := src.value(0)
	if err != nil {
		return node{}, err
	}
	if at := src.next(); at < len(text) {
		return node{}, src.wrong(at, "there is more after the end of the array")
	}
	return root, nil
}

// next is where the next token begins: behind blanks, and the one comma or
// colon that may follow a value.
func (s *source) next() int {
	const blanks = " \t\r\n"
	at := int(s.dec.InputOffset())
	rest := strings.TrimLeft(s.text[at:], blanks)
	if at > 0 && !strings.ContainsRune("[{", rune(s.text[at-1])) && rest != "" && strings.ContainsRune(",:", rune(rest[0])) {
		rest = strings.TrimLeft(rest[1:], blanks)
	}
	return len(s.text) - len(rest)
}

func (s *source) wrong(at int, format string, args ...any) error {
	before := s.text[:min(at, len(s.text))]
	line := strings.Count(before, "\n") + 1
	column := len([]rune(before[strings.LastIndexByte(before, '\n')+1:])) + 1
	return fmt.Errorf("%s:%d:%d: %s", s.name, line, column, fmt.Sprintf(format, args...))
}

func (n node) wrong(format string, args ...any) error { return n.source.wrong(n.at, format, args...) }

// token reads the next one and returns where it begins.
func (s *source) token() (json.Token, int, error) {
	at := s.next()
	token, err := s.dec.Token()
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, at, s.wrong(len(s.text), "the text ends too early")
	case err != nil:
		return nil, at, s.wrong(at, "%v", err)
	}
	return token, at, nil
}

func (s *source) value(depth int) (node, error) {
	token, at, err := s.token()
	if err != nil {
		return node{}, err
	}
	n := node{source: s, at: at, value: token}
	delim, nested := token.(json.Delim)
	switch {
	case token == nil:
		return node{}, n.wrong("null cannot be sent")
	case !nested:
		return n, nil
	case depth == maxNesting:
		return node{}, n.wrong("more than %d arrays and objects in one another", maxNesting)
	case delim == '[':
		n.value, err = s.array(depth)
	default:
		n.value, err = s.object(depth)
	}
	return n, err
}

func (s *source) array(depth int) ([]node, error) {
	list := []node{}
	for s.dec.More() {
		n, err := s.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	_, _, err := s.token()
	return list, err
}

func (s *source) object(depth int) ([]member, error) {
	all := []member{}
	seen := map[string]bool{}
	for s.dec.More() {
		token, at, err := s.token()
		if err != nil {
			return nil, err
		}
		name, ok := token.(string)
		if !ok || seen[name] {
			return nil, s.wrong(at, "%q is there twice", name)
		}
		seen[name] = true
		n, err := s.value(depth + 1)
		if err != nil {
			return nil, err
		}
		all = append(all, member{n, name})
	}
	_, _, err := s.token()
	return all, err
}

// what is what people call the type of a value.
func (n node) what() string {
	switch n.value.(type) {
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case bool:
		return "a boolean"
	case []node:
		return "an array"
	}
	return "an object"
}

// plain is the value as a call takes it.
func (n node) plain() (any, error) {
	switch v := n.value.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return int(i), nil
		}
		f, err := v.Float64()
		if err != nil || !strings.ContainsAny(v.String(), ".eE") {
			return nil, n.wrong("the number %s is too large", v)
		}
		return f, nil
	case []node:
		list := make([]any, len(v))
		for i, e := range v {
			var err error
			if list[i], err = e.plain(); err != nil {
				return nil, err
			}
		}
		return list, nil
	case []member:
		table := make(map[string]any, len(v))
		for _, m := range v {
			var err error
			if table[m.name], err = m.plain(); err != nil {
				return nil, err
			}
		}
		return table, nil
	default:
		return v, nil
	}
}

func (m member) text() (string, error) {
	v, ok := m.value.(string)
	if !ok {
		return "", m.wrong("%s must be a string, not %s", m.name, m.what())
	}
	return v, nil
}

// count is a whole number that is not 0.
func (m member) count() (int, error) {
	number, ok := m.value.(json.Number)
	if !ok {
		return 0, m.wrong("%s must be a whole number, not %s", m.name, m.what())
	}
	n, err := number.Int64()
	if err != nil || n < 1 {
		return 0, m.wrong("%s must be a whole number from 1 on, not %s", m.name, number)
	}
	return int(n), nil
}

func (m member) table() (map[string]any, error) {
	if _, ok := m.value.([]member); !ok {
		return nil, m.wrong("%s must be an object, not %s", m.name, m.what())
	}
	v, err := m.plain()
	table, _ := v.(map[string]any)
	return table, err
}

// tables is an object of objects.
func (m member) tables() (map[string]map[string]any, error) {
	members, ok := m.value.([]member)
	if !ok {
		return nil, m.wrong("%s must be an object, not %s", m.name, m.what())
	}
	all := make(map[string]map[string]any, len(members))
	for _, inner := range members {
		table, err := inner.table()
		if err != nil {
			return nil, err
		}
		all[inner.name] = table
	}
	return all, nil
}

// ttl is a number of seconds as a duration, unless there was an error before.
func ttl(m member, n int, err error) (time.Duration, error) {
	if err != nil {
		return 0, err
	}
	if n > maxTTL {
		return 0, m.wrong("ttl must be 1 to %d seconds, not %d", maxTTL, n)
	}
	return time.Duration(n) * time.Second, nil
}
