package client

import (
	"fmt"
	"time"

	"example.org/twiddler/ext"
)

// What the methods of [Twiddler] take and answer, as extensions see it. Two
// things are other than there: a program's options are sent as they are, so
// their types are those of [Client.Call], and times are whole seconds.
type (
	// Change is one change of what is to run.
	Change = ext.Change
	// How says how a change is made; the zero value is as usual.
	How = ext.How
	// Outcome is what a change did, or would do.
	Outcome = ext.Outcome
	// Step is what happens to one process, or to the settings of a group.
	Step = ext.Step
	// OptionChange is one option with another value.
	OptionChange = ext.OptionChange
	// Run is a program that is to run once.
	Run = ext.Run
	// End is how a program that was run has ended.
	End = ext.End
	// Record is one change in the history.
	Record = ext.Record
	// Lease says when something goes by itself.
	Lease = ext.Lease
	// Unsaved is a group whose changes are not written down as they are.
	Unsaved = ext.Unsaved
)

// Started is a program that [Twiddler.Run] has started.
type Started struct {
	ID             int64 // of the change in the history
	Group, Process string
}

// Namespec is the name that calls take: "group:process", or the process alone
// if its name is also the group's.
func (s Started) Namespec() string { return namespec(s.Group, s.Process) }

// The actions of a [Change], and the kinds of groups that one can make.
const (
	Add     = ext.Add
	Replace = ext.Replace
	Remove  = ext.Remove
	Scale   = ext.Scale

	KindGroup    = ext.KindGroup
	KindProgram  = ext.KindProgram
	KindListener = ext.KindListener
	KindFastCGI  = ext.KindFastCGI
)

// encodeHow leaves out what is as usual, so that servers need not know it.
func encodeHow(h How) map[string]any {
	how := map[string]any{}
	if h.DryRun {
		how["dry_run"] = true
	}
	if h.Persist != nil {
		how["persist"] = *h.Persist
	}
	if h.NoWait {
		how["wait"] = false
	}
	if h.Reason != "" {
		how["reason"] = h.Reason
	}
	return how
}

func encodeChanges(changes []Change) ([]any, error) {
	list := make([]any, len(changes))
	for i, c := range changes {
		var err error
		if list[i], err = encodeChange(c); err != nil {
			return nil, fmt.Errorf("cannot send change %d: %w", i+1, err)
		}
	}
	return list, nil
}

func encodeChange(c Change) (map[string]any, error) {
	m := map[string]any{"action": c.Action, "group": c.Group}
	for name, text := range map[string]string{"program": c.Program, "process": c.Process, "kind": c.Kind} {
		if text != "" {
			m[name] = text
		}
	}
	if c.Options != nil {
		m["options"] = c.Options
	}
	if c.Programs != nil {
		programs := make(map[string]any, len(c.Programs))
		for name, options := range c.Programs {
			programs[name] = options
		}
		m["programs"] = programs
	}
	if c.Action == Scale || c.Numprocs != 0 {
		m["numprocs"] = c.Numprocs
	}
	if c.TTL != 0 {
		seconds, err := wholeSeconds(c.TTL)
		if err != nil {
			return nil, err
		}
		m["ttl"] = seconds
	}
	return m, nil
}

// wholeSeconds refuses what would be cut off.
func wholeSeconds(d time.Duration) (int, error) {
	if d%time.Second != 0 {
		return 0, fmt.Errorf("a time to live has to be whole seconds, and is %v", d)
	}
	return int(d / time.Second), nil
}

func outcome(v any) (Outcome, error) {
	f := fieldsOf(v)
	return Outcome{ID: int64(field[int](f, "id")), Persisted: f.flag("persisted"), Steps: f.steps()}, f.err
}

// steps is the member of that name, which has to be there.
func (f *fields) steps() []Step {
	v, ok := f.members["steps"]
	if !ok && f.err == nil {
		f.err = fmt.Errorf("no member steps")
	}
	return listMember(f, v, step)
}

// listMember converts an array, and keeps the first thing that is wrong with it.
func listMember[T any](f *fields, v any, convert func(any) (T, error)) []T {
	if f.err != nil {
		return nil
	}
	all, err := listOf(v, convert)
	f.err = err
	return all
}

func step(v any) (Step, error) {
	f := fieldsOf(v)
	s := Step{Group: field[string](f, "group"), Process: field[string](f, "process"), Action: field[string](f, "action")}
	if changes, ok := f.members["changes"]; ok {
		s.Changes = listMember(f, changes, optionChange)
	}
	return s, f.err
}

func optionChange(v any) (OptionChange, error) {
	f := fieldsOf(v)
	return OptionChange{Option: field[string](f, "option"), Old: field[string](f, "old"), New: field[string](f, "new")}, f.err
}

func record(v any) (Record, error) {
	f := fieldsOf(v)
	r := Record{
		ID:      int64(field[int](f, "id")),
		Account: field[string](f, "account"),
		UID:     -1,
		Address: field[string](f, "address"),
		Method:  field[string](f, "method"),
		Reason:  field[string](f, "reason"),
		Steps:   f.steps(),
		Result:  field[string](f, "result"),
		Saved:   f.flag("persisted"),
		Undone:  int64(field[int](f, "undone")),
		Undoes:  int64(field[int](f, "undoes")),
	}
	if _, ok := f.members["uid"]; ok {
		r.UID = field[int](f, "uid")
	}
	at, err := time.Parse(time.RFC3339, field[string](f, "time"))
	if err != nil && f.err == nil {
		f.err = fmt.Errorf("member time: %w", err)
	}
	r.Time = at
	return r, f.err
}

func started(v any) (Started, error) {
	f := fieldsOf(v)
	return Started{ID: int64(field[int](f, "id")), Group: f.needed("group"), Process: f.needed("process")}, f.err
}

func end(v any) (End, error) {
	f := fieldsOf(v)
	return End{State: f.needed("state"), Status: field[int](f, "status"), Signal: field[int](f, "signal"),
		Error: field[string](f, "error")}, f.err
}

// needed is a string that has to be there.
func (f *fields) needed(name string) string {
	text := field[string](f, name)
	if text == "" && f.err == nil {
		f.err = fmt.Errorf("no member %s", name)
	}
	return text
}

func lease(v any) (Lease, error) {
	f := fieldsOf(v)
	return Lease{Group: field[string](f, "group"), Program: field[string](f, "program"), Left: f.seconds("ttl")}, f.err
}

func unsaved(v any) (Unsaved, error) {
	f := fieldsOf(v)
	return Unsaved{Group: field[string](f, "group"), Saved: field[string](f, "saved"), Live: field[string](f, "live")}, f.err
}
