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
	_, boolean := v.(bool)
	fraction, double := v.(float64)
	if !is || boolean || double && fraction != float64(n) {
		f.fail(key, "a whole number")
	}
	return n
}

// ttl is the member ttl, in seconds; 0 if it is not there.
func (f *fields) ttl() time.Duration {
	if _, ok := f.all["ttl"]; !ok {
		f.seen = append(f.seen, "ttl")
		return 0
	}
	n := f.number("ttl")
	d, err := parseTTL(n)
	if err != nil && f.err == nil {
		f.err = wrong("%s: %v", f.what, err)
	}
	return d
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
	h := f.how()
	return h, f.done()
}

// parseLeasedHow is parseHow where there may be a ttl, too.
func parseLeasedHow(how map[string]any) (ext.How, time.Duration, error) {
	f := &fields{what: "how", all: how}
	h, ttl := f.how(), f.ttl()
	return h, ttl, f.done()
}

func (f *fields) how() ext.How {
	h := ext.How{DryRun: f.truth("dry_run", false)}
	if _, ok := f.all["persist"]; ok {
		persist := f.truth("persist", false)
		h.Persist = &persist
	} else {
		f.seen = append(f.seen, "persist")
	}
	h.NoWait = !f.truth("wait", true)
	h.Reason = f.text("reason")
	return h
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
		Kind: f.text("kind"), Options: f.table("options"), Numprocs: f.number("numprocs"), TTL: f.ttl(),
	}
	c.Programs = f.programs()
	return c, f.done()
}

// groupChange puts the options of a group where they belong.
func groupChange(c ext.Change, options map[string]any) (ext.Change, error) {
	c.Options = options
	if c.Kind != ext.KindGroup {
		return c, nil
	}
	f := &fields{what: "options", all: options}
	c.Programs = f.programs()
	c.Options = maps.Clone(options)
	delete(c.Options, "programs")
	return c, f.err
}

// programs is the member of that name: options by name of program.
func (f *fields) programs() map[string]map[string]any {
	table := f.table("programs")
	if table == nil {
		return nil
	}
	programs := make(map[string]map[string]any, len(table))
	for _, name := range slices.Sorted(maps.Keys(table)) {
		options, ok := table[name].(map[string]any)
		if !ok {
			f.fail(fmt.Sprintf("programs: %q", name), "a struct of options")
		}
		programs[name] = options
	}
	return programs
}

func parseTTL(seconds int) (time.Duration, error) {
	if seconds < 1 || seconds > maxTTL {
		return 0, fmt.Errorf("ttl must be 1 to %d seconds, not %d", maxTTL, seconds)
	}
	return time.Duration(seconds) * time.Second, nil
}

// split reads "group:program", or one word for both.
func split(name string) (group, program string) {
	group, program, two := strings.Cut(name, ":")
	if !two {
		return group, group
	}
	return group, program
}

// splitLease reads "group:program"; "group:", "group:*" and one word are a
// whole group.
func splitLease(name string) (group, program string) {
	group, program, _ = strings.Cut(name, ":")
	if program == "*" {
		program = ""
	}
	return group, program
}
