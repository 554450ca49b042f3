package twiddler

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
)

// maxTTL bounds a lease: longer ones are mistakes, and would not fit a
// duration.
const maxTTL = 100 * 365 * 24 * 3600

// wrong is the fault for a parameter, with what is the matter with it.
func wrong(format string, args ...any) error {
	return fault.New(fault.IncorrectParameters, fmt.Sprintf(format, args...))
}

// fields reads the members of a struct one by one, and complains about those
// that nobody asked for.
type fields struct {
	what string // of which struct, for errors
	all  map[string]any
	seen []string
	err  error
}

func (f *fields) take(key string) (any, bool) {
	f.seen = append(f.seen, key)
	v, ok := f.all[key]
	return v, ok
}

func (f *fields) fail(key, want string) {
	if f.err == nil {
		f.err = wrong("%s: %s must be %s", f.what, key, want)
	}
}

func (f *fields) text(key string) string {
	v, ok := f.take(key)
	s, is := v.(string)
	if ok && !is {
		f.fail(key, "a string")
	}
	return s
}

func (f *fields) number(key string) int {
	v, ok := f.take(key)
	if !ok {
		return 0
	}
	n, is := ext.AsInt(v)
	if _, boolean := v.(bool); !is || boolean {
		f.fail(key, "a whole number")
	}
	return n
}

func (f *fields) truth(key string, absent bool) bool {
	v, ok := f.take(key)
	if !ok {
		return absent
	}
	b, is := v.(bool)
	if !is {
		f.fail(key, "a boolean")
	}
	return b
}

func (f *fields) table(key string) map[string]any {
	v, ok := f.take(key)
	if !ok {
		return nil
	}
	m, is := v.(map[string]any)
	if !is {
		f.fail(key, "a struct")
	}
	return m
}

// done returns the first error: an unknown member is one.
func (f *fields) done() error {
	if f.err != nil {
		return f.err
	}
	for _, key := range slices.Sorted(maps.Keys(f.all)) {
		if !slices.Contains(f.seen, key) {
			return wrong("%s: unknown member %q; it may have %s", f.what, key, strings.Join(f.seen, ", "))
		}
	}
	return nil
}

func parseHow(how map[string]any) (ext.How, error) {
	f := &fields{what: "how", all: how}
	h := ext.How{DryRun: f.truth("dry_run", false), NoWait: !f.truth("wait", true), Reason: f.text("reason")}
	if _, ok := how["persist"]; ok {
		persist := f.truth("persist", false)
		h.Persist = &persist
	}
	f.seen = append(f.seen, "persist")
	return h, f.done()
}

func parseChanges(list []any) ([]ext.Change, error) {
	changes := make([]ext.Change, 0, len(list))
	for i, v := range list {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, wrong("change %d must be a struct", i+1)
		}
		c, err := parseChange(fmt.Sprintf("change %d", i+1), m)
		if err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	return changes, nil
}

func parseChange(what string, m map[string]any) (ext.Change, error) {
	f := &fields{what: what, all: m}
	c := ext.Change{
		Action: f.text("action"), Group: f.text("group"), Program: f.text("program"), Process: f.text("process"),
		Kind: f.text("kind"), Options: f.table("options"), Numprocs: f.number("numprocs"),
	}
	programs, err := programTables(what, f.table("programs"))
	if err != nil {
		return c, err
	}
	c.Programs = programs
	if _, ok := m["ttl"]; ok {
		if c.TTL, err = parseTTL(f.number("ttl")); err != nil {
			return c, err
		}
	}
	f.seen = append(f.seen, "ttl")
	return c, f.done()
}

// groupChange puts the options of a group where they belong.
func groupChange(c ext.Change, options map[string]any) (ext.Change, error) {
	c.Options = options
	if c.Kind != ext.KindGroup {
		return c, nil
	}
	c.Options = maps.Clone(options)
	v, ok := c.Options["programs"]
	delete(c.Options, "programs")
	table, is := v.(map[string]any)
	if ok && !is {
		return c, wrong("options: programs must be a struct of options by name of program")
	}
	var err error
	c.Programs, err = programTables("options", table)
	return c, err
}

func programTables(what string, table map[string]any) (map[string]map[string]any, error) {
	if table == nil {
		return nil, nil
	}
	programs := make(map[string]map[string]any, len(table))
	for name, v := range table {
		options, ok := v.(map[string]any)
		if !ok {
			return nil, wrong("%s: programs: %q must be a struct of options", what, name)
		}
		programs[name] = options
	}
	return programs, nil
}

func parseTTL(seconds int) (time.Duration, error) {
	if seconds < 1 || seconds > maxTTL {
		return 0, wrong("ttl must be 1 to %d seconds, not %d", maxTTL, seconds)
	}
	return time.Duration(seconds) * time.Second, nil
}

// takeTTL takes the ttl out of how.
func takeTTL(how map[string]any) (time.Duration, map[string]any, error) {
	if _, ok := how["ttl"]; !ok {
		return 0, how, nil
	}
	f := &fields{what: "how", all: how}
	n := f.number("ttl")
	if f.err != nil {
		return 0, nil, f.err
	}
	ttl, err := parseTTL(n)
	rest := maps.Clone(how)
	delete(rest, "ttl")
	return ttl, rest, err
}

// split reads "group:program", or one word for both.
func split(name string) (group, program string) {
	group, program, two := strings.Cut(name, ":")
	if !two {
		return group, group
	}
	return group, program
}

// splitLease reads "group:program"; "group:" and one word are a whole group.
func splitLease(name string) (group, program string) {
	group, program, _ = strings.Cut(name, ":")
	return group, program
}
