package ini

import (
	"slices"
	"strconv"
)

// Vars are the names an expansion may use. A Vars never changes: With and
// WithTable return one that holds more and shares the rest, so thousands of
// processes can each add their names to one environment at little cost. The
// zero value is empty. Safe for concurrent use.
type Vars struct{ top *layer }

// A layer is one addition to the names below it.
type layer struct {
	below  *layer
	vars   []Var             // of With
	prefix string            // of WithTable
	table  map[string]string // of WithTable
}

// A Var is a name and its value. Make one with [String] or [Int].
type Var struct {
	Name  string
	value value
}

// A value is a string or an int, as Supervisor's expansions are.
type value struct {
	text  string
	num   int
	isInt bool
}

// String is a name for a string.
func String(name, text string) Var { return Var{Name: name, value: value{text: text}} }

// Int is a name for a number, which number conversions take as well.
func Int(name string, n int) Var { return Var{Name: name, value: value{num: n, isInt: true}} }

// With returns v and these names, which hide names of v. It keeps the slice.
func (v Vars) With(vars ...Var) Vars {
	return Vars{&layer{below: v.top, vars: vars}}
}

// WithTable returns v and the names of a table of strings, each with prefix
// before it ("ENV_"); they hide names of v. It keeps the table, which must not
// change any more.
func (v Vars) WithTable(prefix string, table map[string]string) Vars {
	return Vars{&layer{below: v.top, prefix: prefix, table: table}}
}

// Names returns all names, sorted.
func (v Vars) Names() []string {
	var names []string
	for l := v.top; l != nil; l = l.below {
		for _, x := range l.vars {
			names = append(names, x.Name)
		}
		for key := range l.table {
			names = append(names, l.prefix+key)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// lookup finds the value of a name, the newest first.
func (v Vars) lookup(name string) (value, bool) {
	for l := v.top; l != nil; l = l.below {
		for _, x := range slices.Backward(l.vars) {
			if x.Name == name {
				return x.value, true
			}
		}
		if n := len(l.prefix); len(name) >= n && name[:n] == l.prefix {
			if text, ok := l.table[name[n:]]; ok {
				return value{text: text}, true
			}
		}
	}
	return value{}, false
}

// String is the value as %s shows it.
func (v value) String() string {
	if v.isInt {
		return strconv.Itoa(v.num)
	}
	return v.text
}

// typeName is the name of its type in Python's error texts.
func (v value) typeName() string {
	if v.isInt {
		return "int"
	}
	return "str"
}
