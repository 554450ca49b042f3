package ext

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"example.org/twiddler/fault"
)

// A Role is what a caller must be allowed to do to call a method. The zero
// value is no role: a method without one is refused. Roles are ordered; each
// includes those before it.
type Role int

// The four roles.
const (
	View    Role = iota + 1 // look at states, configuration and logs
	Operate                 // start, stop and signal what is defined
	Define                  // change what is defined
	Admin                   // act on supervisord itself
)

var roles = [...]string{View: "view", Operate: "operate", Define: "define", Admin: "admin"}

// Valid reports whether r is one of the four.
func (r Role) Valid() bool { return r >= View && r <= Admin }

// String is the word that a @role tag and a configuration file use.
func (r Role) String() string {
	if !r.Valid() {
		return "none"
	}
	return roles[r]
}

// ParseRole returns the role that a word stands for.
func ParseRole(word string) (Role, bool) {
	for r := View; r <= Admin; r++ {
		if roles[r] == word {
			return r, true
		}
	}
	return 0, false
}

// A Scope says what a caller must hold to call a method.
type Scope int

// The scopes.
const (
	// Whole is for callers that hold all groups.
	Whole Scope = iota
	// Grouped is for callers that hold only some groups, too: the method has
	// nothing to do with groups, or asks [Caller.May] about those that it shows
	// or changes. It treats a group that the caller does not hold as one that
	// may not be there at all.
	Grouped
)

// A Method is one remote procedure.
type Method struct {
	// Name is that on the wire, without the namespace: "addProgramToGroup".
	Name string

	// Help is the answer to system.methodHelp.
	Help string

	// Signature is the answer to system.methodSignature: XML-RPC type words,
	// that of the result first. A word may be a choice, "string|int".
	Signature []string

	// Params are the names of the parameters, in order. It may be nil.
	Params []string

	// Role is what a caller must be allowed.
	Role Role

	// Scope is what it must hold.
	Scope Scope

	// Defaults stand in for trailing parameters that a call leaves out: the
	// last of them is that of the last parameter.
	Defaults []any

	// Call runs the method, on the goroutine of the caller. It must refuse a
	// wrong number of parameters with the bare fault INCORRECT_PARAMETERS
	// before it does anything else, as what the Bind functions make does.
	Call func(ctx context.Context, params []any) (any, error)
}

var methodName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

// Types lists the words of a signature.
func Types() []string {
	return []string{"string", "int", "boolean", "double", "array", "struct", "dateTime.iso8601", "base64", "nil"}
}

// Check returns the first thing that makes methods unfit for a namespace: a
// name that clients could not call or that is there twice, no signature or an
// unknown type in it, more defaults than parameters, no role, no Call. Servers
// refuse a namespace that does not pass.
func Check(methods []Method) error {
	seen := map[string]bool{}
	for _, m := range methods {
		if seen[m.Name] {
			return fmt.Errorf("method %q is there twice", m.Name)
		}
		seen[m.Name] = true
		if err := m.check(); err != nil {
			return fmt.Errorf("method %q %w", m.Name, err)
		}
	}
	return nil
}

func (m Method) check() error {
	if !methodName.MatchString(m.Name) {
		return fmt.Errorf("has a name that cannot be called")
	}
	if !m.Role.Valid() {
		return fmt.Errorf("has no role")
	}
	if m.Scope != Whole && m.Scope != Grouped {
		return fmt.Errorf("has a scope that is none")
	}
	if m.Call == nil {
		return fmt.Errorf("has no Call")
	}
	if len(m.Signature) == 0 {
		return fmt.Errorf("has no signature")
	}
	for _, choice := range m.Signature {
		for word := range strings.SplitSeq(choice, "|") {
			if !slices.Contains(Types(), word) {
				return fmt.Errorf("has the unknown type %q in its signature", word)
			}
		}
	}
	n := len(m.Signature) - 1
	if m.Params != nil && len(m.Params) != n {
		return fmt.Errorf("has %d parameter names and %d parameters", len(m.Params), n)
	}
	if len(m.Defaults) > n {
		return fmt.Errorf("has %d defaults and %d parameters", len(m.Defaults), n)
	}
	return nil
}

// Bind0 publishes f as m: it returns m with its Call set.
//
// The Bind functions convert each parameter to the type that f takes: a
// string only from a string; an int or int64 from an integer, a decimal
// string, a float64 (cut off) or a bool; a float64 from the same; a bool from
// anything, false for nil, zero and what is empty, as in Python; a
// map[string]any also from an array of pairs; []any, []string, []byte from
// their like; any takes everything. What cannot be converted, and a wrong
// number of parameters, is the bare fault INCORRECT_PARAMETERS. f taking
// another type panics here, not in the call.
func Bind0[R any](m Method, f func(context.Context) (R, error)) Method {
	m.Call = func(ctx context.Context, params []any) (any, error) {
		if len(params) != 0 {
			return nil, fault.Bare(fault.IncorrectParameters)
		}
		return result(f(ctx))
	}
	return m
}

// Bind1 is Bind0 for a function of one parameter.
func Bind1[A, R any](m Method, f func(context.Context, A) (R, error)) Method {
	mustConvert[A](m.Name)
	m.Call = func(ctx context.Context, params []any) (any, error) {
		p := arguments{given: params, defaults: m.Defaults}
		a := take[A](&p, 1, 0)
		if p.bad {
			return nil, fault.Bare(fault.IncorrectParameters)
		}
		return result(f(ctx, a))
	}
	return m
}

// Bind2 is Bind0 for a function of two parameters.
func Bind2[A, B, R any](m Method, f func(context.Context, A, B) (R, error)) Method {
	mustConvert[A](m.Name)
	mustConvert[B](m.Name)
	m.Call = func(ctx context.Context, params []any) (any, error) {
		p := arguments{given: params, defaults: m.Defaults}
		a, b := take[A](&p, 2, 0), take[B](&p, 2, 1)
		if p.bad {
			return nil, fault.Bare(fault.IncorrectParameters)
		}
		return result(f(ctx, a, b))
	}
	return m
}

// Bind3 is Bind0 for a function of three parameters.
func Bind3[A, B, C, R any](m Method, f func(context.Context, A, B, C) (R, error)) Method {
	mustConvert[A](m.Name)
	mustConvert[B](m.Name)
	mustConvert[C](m.Name)
	m.Call = func(ctx context.Context, params []any) (any, error) {
		p := arguments{given: params, defaults: m.Defaults}
		a, b, c := take[A](&p, 3, 0), take[B](&p, 3, 1), take[C](&p, 3, 2)
		if p.bad {
			return nil, fault.Bare(fault.IncorrectParameters)
		}
		return result(f(ctx, a, b, c))
	}
	return m
}

// Bind4 is Bind0 for a function of four parameters.
func Bind4[A, B, C, D, R any](m Method, f func(context.Context, A, B, C, D) (R, error)) Method {
	mustConvert[A](m.Name)
	mustConvert[B](m.Name)
	mustConvert[C](m.Name)
	mustConvert[D](m.Name)
	m.Call = func(ctx context.Context, params []any) (any, error) {
		p := arguments{given: params, defaults: m.Defaults}
		a, b, c, d := take[A](&p, 4, 0), take[B](&p, 4, 1), take[C](&p, 4, 2), take[D](&p, 4, 3)
		if p.bad {
			return nil, fault.Bare(fault.IncorrectParameters)
		}
		return result(f(ctx, a, b, c, d))
	}
	return m
}

// result drops the zero value that comes with an error.
func result[R any](r R, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return r, nil
}

// arguments are the parameters of one call with the defaults behind them.
type arguments struct {
	given, defaults []any
	bad             bool // a wrong number, or one that could not be converted
}

// take converts the i-th of n parameters.
func take[T any](p *arguments, n, i int) T {
	var zero T
	optional := min(len(p.defaults), n)
	if p.bad || len(p.given) > n || len(p.given) < n-optional {
		p.bad = true
		return zero
	}
	var v any
	if i < len(p.given) {
		v = p.given[i]
	} else {
		v = p.defaults[len(p.defaults)-(n-i)]
	}
	t, ok := convert[T](v)
	p.bad = !ok
	return t
}
