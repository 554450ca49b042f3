package change

import (
	"context"
	"slices"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/supervisor"
)

// maxHistory is how many changes are remembered. Those that can be undone are
// among them.
const maxHistory = 1000

// An entry is one change and what it takes to undo it.
type entry struct {
	ext.Record
	undoes *entry
	deltas []delta // nil for a change of an earlier life, which can't be undone
}

// A delta is what a change made of one group.
type delta struct {
	group         string
	before, after *config.Group // without processes; nil for not there
	procs         []procDelta
}

// A procDelta is what a change made of one process; nil for not there.
type procDelta struct {
	name          string
	before, after *config.Process
}

// history is the changes in the order in which they were made.
type history struct {
	entries []*entry
	last    int64 // the id given out last
}

func (h *history) add(e *entry) {
	if len(h.entries) == maxHistory {
		h.entries[0] = nil
		h.entries = h.entries[1:]
	}
	h.entries = append(h.entries, e)
}

// restore begins with the records of an earlier life.
func (h *history) restore(records []ext.Record) {
	for _, r := range records[max(0, len(records)-maxHistory):] {
		h.last = max(h.last, r.ID)
		if i := slices.IndexFunc(h.entries, func(e *entry) bool { return e.ID == r.ID }); i >= 0 {
			h.entries = slices.Delete(h.entries, i, i+1) // a later line about the same change
		}
		if r.Result == resultOK {
			h.add(&entry{Record: r})
		}
	}
	for _, e := range h.entries {
		if u := h.find(e.Undoes); u != nil {
			u.Undone = e.ID
		}
	}
}

func (h *history) find(id int64) *entry {
	for _, e := range h.entries {
		if e.ID == id {
			return e
		}
	}
	return nil
}

const resultOK = "ok"

// entry makes the entry of a change that is about to be made.
func (m *Manager) entry(c ext.Caller, r request, plan []supervisor.PlanStep, changes []supervisor.GroupChange) *entry {
	e := m.record(c, r)
	for _, s := range steps(changes, plan) {
		if s.Action != string(supervisor.ActionKeep) {
			e.Steps = append(e.Steps, s)
		}
	}
	for _, ch := range changes {
		e.deltas = append(e.deltas, difference(ch))
	}
	return e
}

// record makes an entry without steps, with an id of its own.
func (m *Manager) record(c ext.Caller, r request) *entry {
	m.history.last++
	e := &entry{undoes: r.undoes, Record: ext.Record{
		ID: m.history.last, Time: now(), Account: c.Account, UID: c.UID, Address: c.Address,
		Method: r.method, Reason: r.how.Reason, Result: resultOK,
	}}
	if r.undoes != nil {
		e.Undoes = r.undoes.ID
	}
	return e
}

// difference is the delta of one group.
func difference(ch supervisor.GroupChange) delta {
	d := delta{group: ch.Name, before: bare(ch.From), after: bare(ch.To)}
	before, after := byName(ch.From), byName(ch.To)
	if ch.From != nil {
		for _, p := range ch.From.Processes {
			if q := after[p.Name]; q != p {
				d.procs = append(d.procs, procDelta{p.Name, p, q})
			}
		}
	}
	if ch.To != nil {
		for _, p := range ch.To.Processes {
			if before[p.Name] == nil {
				d.procs = append(d.procs, procDelta{p.Name, nil, p})
			}
		}
	}
	return d
}

// bare is a group without its processes.
func bare(g *config.Group) *config.Group {
	if g == nil {
		return nil
	}
	b := *g
	b.Processes = nil
	return &b
}

func byName(g *config.Group) map[string]*config.Process {
	if g == nil {
		return nil
	}
	names := make(map[string]*config.Process, len(g.Processes))
	for _, p := range g.Processes {
		names[p.Name] = p
	}
	return names
}

// History implements ext.Changes. A caller that does not hold every group sees
// the changes of those it holds, without what they did to others.
func (m *Manager) History(ctx context.Context, offset, limit int) ([]ext.Record, error) {
	if offset < 0 || limit < 0 {
		return nil, wrong("offset and limit must not be negative")
	}
	caller := ext.CallerOf(ctx)
	if !caller.Role.Valid() {
		return nil, caller.Need(ext.View, "")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var records []ext.Record
	for _, e := range slices.Backward(m.history.entries) {
		if len(records) == limit {
			break
		}
		r, visible := seen(caller, e.Record)
		if !visible {
			continue
		}
		if offset > 0 {
			offset--
			continue
		}
		records = append(records, r)
	}
	return records, nil
}

// seen is a record as far as a caller may see it.
func seen(c ext.Caller, r ext.Record) (ext.Record, bool) {
	if c.HoldsAll() {
		return r, true
	}
	var steps []ext.Step
	for _, s := range r.Steps {
		if c.Holds(s.Group) {
			steps = append(steps, s)
		}
	}
	visible := len(steps) > 0
	r.Steps = steps
	return r, visible
}
