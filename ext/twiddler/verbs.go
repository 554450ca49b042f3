package twiddler

import (
	"context"
	"math"
	"time"

	"example.org/twiddler/ext"
)

// Apply carries out a list of changes, all or none. Each is a struct with
// action (add, replace, remove or scale), group, and what the action needs:
// program, or process to remove a single one; kind and programs for a group;
// options; numprocs; ttl in seconds.
//
//	@param array changes    structs, in order
//	@param struct [how={}]  dry_run, persist, wait, reason
//	@return struct          id, persisted, steps
//	@role define
//	@scope groups
func (t *Twiddler) Apply(ctx context.Context, changes []any, how map[string]any) (ext.Struct, error) {
	return t.change(ctx, "apply", how, func(c ext.Changes, h ext.How) (ext.Outcome, error) {
		list, err := parseChanges(changes)
		if err != nil {
			return ext.Outcome{}, err
		}
		return c.Apply(ctx, list, h)
	})
}

// Update reads the configuration files again and touches just the processes
// whose own settings are others there. What was changed at run time stays.
//
//	@param array [groups=[]]  names of groups; empty for all
//	@param struct [how={}]    dry_run, persist, wait, reason
//	@return struct            id, persisted, steps
//	@role admin
func (t *Twiddler) Update(ctx context.Context, groups []string, how map[string]any) (ext.Struct, error) {
	return t.change(ctx, "update", how, func(c ext.Changes, h ext.How) (ext.Outcome, error) {
		return c.Update(ctx, groups, h)
	})
}

// AddGroup adds a group: one of any programs, with priority and programs (a
// struct of options by name) as its options, or one that a section of that
// kind makes by itself.
//
//	@param string group     name of the new group
//	@param string kind      group, program, eventlistener or fcgi-program
//	@param struct options   options of the group
//	@param struct [how={}]  dry_run, persist, wait, reason, ttl in seconds
//	@return struct          id, persisted, steps
//	@role define
//	@scope groups
func (t *Twiddler) AddGroup(ctx context.Context, group, kind string, options, how map[string]any) (ext.Struct, error) {
	c, err := t.changes(ctx, "addGroup")
	if err != nil {
		return nil, err
	}
	h, ttl, err := parseLeasedHow(how)
	if err != nil {
		return nil, err
	}
	change, err := groupChange(ext.Change{Action: ext.Add, Group: group, Kind: kind, TTL: ttl}, options)
	if err != nil {
		return nil, err
	}
	out, err := c.Apply(ctx, []ext.Change{change}, h)
	return outcome(out), err
}

// RemoveGroup stops the processes of a group and removes it.
//
//	@param string group     name of the group
//	@param struct [how={}]  dry_run, persist, wait, reason
//	@return struct          id, persisted, steps
//	@role define
//	@scope groups
func (t *Twiddler) RemoveGroup(ctx context.Context, group string, how map[string]any) (ext.Struct, error) {
	return t.change(ctx, "removeGroup", how, func(c ext.Changes, h ext.How) (ext.Outcome, error) {
		return c.Apply(ctx, []ext.Change{{Action: ext.Remove, Group: group}}, h)
	})
}

// Scale gives a program another number of processes. Those that stay are not
// touched; the highest numbers go first.
//
//	@param string program   group:program, or one word for both
//	@param int numprocs     how many processes
//	@param struct [how={}]  dry_run, persist, wait, reason
//	@return struct          id, persisted, steps
//	@role define
//	@scope groups
func (t *Twiddler) Scale(ctx context.Context, program string, numprocs int, how map[string]any) (ext.Struct, error) {
	return t.change(ctx, "scale", how, func(c ext.Changes, h ext.How) (ext.Outcome, error) {
		g, p := split(program)
		return c.Apply(ctx, []ext.Change{{Action: ext.Scale, Group: g, Program: p, Numprocs: numprocs}}, h)
	})
}

// Run runs a program once. It is added, started, and goes by itself a while
// after its end, with its logs if they are AUTO.
//
//	@param string program   its name, and that of its group unless how names one
//	@param struct options   as in a program section
//	@param struct [how={}]  group, ttl, reason
//	@return struct          id, group, process
//	@role define
//	@scope groups
func (t *Twiddler) Run(ctx context.Context, program string, options, how map[string]any) (ext.Struct, error) {
	c, err := t.changes(ctx, "run")
	if err != nil {
		return nil, err
	}
	f := &fields{what: "how", all: how}
	r := ext.Run{Name: program, Options: options, TTL: f.ttl(), Group: f.text("group"), Reason: f.text("reason")}
	if err := f.done(); err != nil {
		return nil, err
	}
	id, err := c.Run(ctx, r)
	if err != nil {
		return nil, err
	}
	group := r.Group
	if group == "" {
		group = program
	}
	return ext.Struct{{Name: "id", Value: int(id)}, {Name: "group", Value: group}, {Name: "process", Value: program}}, nil
}

// Wait waits for the end of a program that was run.
//
//	@param string name  group:process, or one word for both
//	@return struct      state, status, signal, error
//	@role view
//	@scope groups
func (t *Twiddler) Wait(ctx context.Context, name string) (ext.Struct, error) {
	c, err := t.changes(ctx, "wait")
	if err != nil {
		return nil, err
	}
	g, p := split(name)
	e, err := c.Wait(ctx, g, p)
	if err != nil {
		return nil, err
	}
	return ext.Struct{{Name: "state", Value: e.State}, {Name: "status", Value: e.Status},
		{Name: "signal", Value: e.Signal}, {Name: "error", Value: e.Error}}, nil
}

// Undo takes a change back, if no later one stands in the way.
//
//	@param int id           of the change
//	@param struct [how={}]  dry_run, persist, wait, reason
//	@return struct          id, persisted, steps
//	@role define
//	@scope groups
func (t *Twiddler) Undo(ctx context.Context, id int, how map[string]any) (ext.Struct, error) {
	return t.change(ctx, "undo", how, func(c ext.Changes, h ext.How) (ext.Outcome, error) {
		return c.Undo(ctx, int64(id), h)
	})
}

// Renew gives the lease of a group or a program a new time to live. A whole
// group is named by "group:", "group:*" or one word.
//
//	@param string name  group:program, group: or group
//	@param int ttl      seconds from now
//	@return boolean     always true
//	@role define
//	@scope groups
func (t *Twiddler) Renew(ctx context.Context, name string, ttl int) (bool, error) {
	c, err := t.changes(ctx, "renew")
	if err != nil {
		return false, err
	}
	d, err := parseTTL(ttl)
	if err != nil {
		return false, wrong("%v", err)
	}
	g, p := splitLease(name)
	if err := c.Renew(ctx, g, p, d); err != nil {
		return false, err
	}
	return true, nil
}

// GetLeases answers what goes by itself, and in how many seconds.
//
//	@return array  structs of group, program ("" for the whole group) and ttl
//	@role view
//	@scope groups
func (t *Twiddler) GetLeases(ctx context.Context) ([]any, error) {
	c, err := t.changes(ctx, "getLeases")
	if err != nil {
		return nil, err
	}
	leases, err := c.Leases(ctx)
	list := make([]any, len(leases))
	for i, l := range leases {
		list[i] = ext.Struct{{Name: "group", Value: l.Group}, {Name: "program", Value: l.Program},
			{Name: "ttl", Value: int(math.Ceil(max(l.Left, 0).Seconds()))}}
	}
	return list, err
}

// maxHistory bounds one answer.
const maxHistory = 1000

// History answers what was changed, the newest first.
//
//	@param int [offset=0]  how many to leave out
//	@param int [limit=20]  how many to answer at most; 1000 is all there may be
//	@return array          structs
//	@role view
//	@scope groups
func (t *Twiddler) History(ctx context.Context, offset, limit int) ([]any, error) {
	c, err := t.changes(ctx, "history")
	if err != nil {
		return nil, err
	}
	if offset < 0 || limit < 0 {
		return nil, wrong("offset and limit must not be negative, and are %d and %d", offset, limit)
	}
	records, err := c.History(ctx, offset, min(limit, maxHistory))
	list := make([]any, len(records))
	for i, r := range records {
		list[i] = record(r)
	}
	return list, err
}

// Save writes down what was changed at run time, so that it outlives a
// restart.
//
//	@param array [groups=[]]  names of groups; empty for all
//	@return array             names of the groups whose file was written or removed
//	@role define
//	@scope groups
func (t *Twiddler) Save(ctx context.Context, groups []string) ([]string, error) {
	c, err := t.changes(ctx, "save")
	if err != nil {
		return nil, err
	}
	return c.Save(ctx, groups)
}

// Diff answers the groups whose changes are not written down as they are, with
// the text of both.
//
//	@return array  structs of group, saved and live
//	@role define
//	@scope groups
func (t *Twiddler) Diff(ctx context.Context) ([]any, error) {
	c, err := t.changes(ctx, "diff")
	if err != nil {
		return nil, err
	}
	unsaved, err := c.Unsaved(ctx)
	list := make([]any, len(unsaved))
	for i, u := range unsaved {
		list[i] = ext.Struct{{Name: "group", Value: u.Group}, {Name: "saved", Value: u.Saved}, {Name: "live", Value: u.Live}}
	}
	return list, err
}

// Export answers what was changed at run time, as text for a file.
//
//	@param array [groups=[]]  names of groups; empty for all
//	@return string            the text
//	@role define
//	@scope groups
func (t *Twiddler) Export(ctx context.Context, groups []string) (string, error) {
	c, err := t.changes(ctx, "export")
	if err != nil {
		return "", err
	}
	return c.Export(ctx, groups)
}

// changes makes the checks that come first, and returns what changes things.
func (t *Twiddler) changes(ctx context.Context, method string) (ext.Changes, error) {
	if err := t.admit(ctx, method); err != nil {
		return nil, err
	}
	return t.host.Changes(), nil
}

// change is the frame of all methods that change something.
func (t *Twiddler) change(ctx context.Context, method string, how map[string]any,
	do func(ext.Changes, ext.How) (ext.Outcome, error)) (ext.Struct, error) {
	c, err := t.changes(ctx, method)
	if err != nil {
		return nil, err
	}
	h, err := parseHow(how)
	if err != nil {
		return nil, err
	}
	out, err := do(c, h)
	return outcome(out), err
}

func outcome(out ext.Outcome) ext.Struct {
	return ext.Struct{{Name: "id", Value: int(out.ID)}, {Name: "persisted", Value: out.Persisted},
		{Name: "steps", Value: steps(out.Steps)}}
}

func steps(all []ext.Step) []any {
	list := make([]any, len(all))
	for i, s := range all {
		changes := make([]any, len(s.Changes))
		for j, c := range s.Changes {
			changes[j] = ext.Struct{{Name: "option", Value: c.Option}, {Name: "old", Value: c.Old}, {Name: "new", Value: c.New}}
		}
		list[i] = ext.Struct{{Name: "group", Value: s.Group}, {Name: "process", Value: s.Process},
			{Name: "action", Value: s.Action}, {Name: "changes", Value: changes}}
	}
	return list
}

func record(r ext.Record) ext.Struct {
	return ext.Struct{
		{Name: "id", Value: int(r.ID)},
		{Name: "time", Value: r.Time.UTC().Format(time.RFC3339)},
		{Name: "account", Value: r.Account},
		{Name: "uid", Value: r.UID},
		{Name: "address", Value: r.Address},
		{Name: "method", Value: r.Method},
		{Name: "reason", Value: r.Reason},
		{Name: "steps", Value: steps(r.Steps)},
		{Name: "result", Value: r.Result},
		{Name: "persisted", Value: r.Saved},
		{Name: "undone", Value: int(r.Undone)},
		{Name: "undoes", Value: int(r.Undoes)},
	}
}
