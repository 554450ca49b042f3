package change

import (
	"context"
	"slices"
	"sync"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/supervisor"
)

// The bounds of what is remembered. A large group that is changed often would
// fill the memory otherwise; the newest change is kept whatever its size.
const (
	maxHistory = 1000    // changes
	maxSteps   = 200_000 // steps of all of them; more, and the oldest are forgotten
	maxKept    = 50_000  // processes for an undo; more, and the oldest can't be undone
)

// An entry is one change and what it takes to undo it. All but the record is
// for who holds the manager's mu.
type entry struct {
	ext.Record
	undoes *entry // until it is in the history
	deltas []delta
	leases map[leaseName]time.Duration // that it ended
	faded  bool                        // the deltas were given up for want of room
}

// kept is how many processes an entry keeps for an undo.
func (e *entry) kept() int {
	n := 0
	for _, d := range e.deltas {
		n += len(d.procs)
	}
	return n
}

// tell takes over the steps of a plan, but for those that keep something.
func (e *entry) tell(all []ext.Step) {
	e.Steps = nil
	for _, s := range all {
		if s.Action != string(supervisor.ActionKeep) {
			e.Steps = append(e.Steps, s)
		}
	}
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

// history is the changes in the order in which they were made. Safe for
// concurrent use; nothing is waited for under mu.
type history struct {
	mu      sync.Mutex
	entries []*entry
	last    int64 // the id given out last; for who holds the manager's mu
	steps   int   // of all entries
	kept    int   // processes, by all entries
}

// add puts a change that was made into the history.
func (h *history) add(e *entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.addLocked(e)
}

func (h *history) addLocked(e *entry) {
	if e.undoes != nil {
		e.undoes.Undone = e.ID
		e.undoes = nil // or a row of them would never be forgotten
	}
	h.entries = append(h.entries, e)
	h.steps += len(e.Steps)
	h.kept += e.kept()
	for _, old := range h.entries {
		if h.kept <= maxKept || old == e {
			break
		}
		h.fade(old)
	}
	for len(h.entries) > maxHistory || h.steps > maxSteps && len(h.entries) > 1 {
		h.forget(0)
	}
}

// fade gives up what it takes to undo a change.
func (h *history) fade(e *entry) {
	if e.deltas != nil {
		h.kept -= e.kept()
		e.deltas, e.leases, e.faded = nil, nil, true
	}
}

// forget takes an entry out of the history.
func (h *history) forget(i int) {
	e := h.entries[i]
	h.steps -= len(e.Steps)
	h.kept -= e.kept()
	if i > 0 {
		h.entries = slices.Delete(h.entries, i, i+1)
		return
	}
	h.entries[0] = nil
	h.entries = h.entries[1:]
}

// restore begins with the records of an earlier life.
func (h *history) restore(records []ext.Record) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range records {
		h.last = max(h.last, r.ID)
	}
	for _, r := range records[max(0, len(records)-2*maxHistory):] {
		if i := slices.IndexFunc(h.entries, func(e *entry) bool { return e.ID == r.ID }); i >= 0 {
			h.forget(i) // this is a later line about the same change
		}
		if r.Result == resultOK {
			h.addLocked(&entry{Record: r})
		}
	}
	for _, e := range h.entries {
		if u := h.findLocked(e.Undoes); u != nil {
			u.Undone = e.ID
		}
	}
}

// find returns the change with an id, nil if it is not known.
func (h *history) find(id int64) *entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.findLocked(id)
}

func (h *history) findLocked(id int64) *entry {
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
	e.tell(steps(changes, plan))
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
			// What is only read anew, and says what it said, is not touched.
			if q := after[p.Name]; q == nil || len(p.Changes(q)) > 0 {
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
	m.history.mu.Lock()
	defer m.history.mu.Unlock()
	records := []ext.Record{}
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
