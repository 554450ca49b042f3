// Package change makes changes of what runs: atomic, previewed, undoable,
// audited, and, if asked for, persistent. It is what package ext calls
// Changes.
//
// Every change, whatever it is made of, becomes a list of groups with the
// configuration they have and the one they are to have, for the loop to take
// them from one to the other. This package makes that list and keeps what is
// known of changes beside the groups themselves: the history, the leases, and
// the files that outlive a restart.
package change

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/supervisor"
	"example.org/twiddler/level"
)

// A Loop owns the groups; *supervisor.Loop does.
type Loop interface {
	Groups(ctx context.Context) ([]*config.Group, error)
	GroupExists(ctx context.Context, group string) (bool, error)
	Plan(ctx context.Context, changes ...supervisor.GroupChange) ([]supervisor.PlanStep, error)
	Transit(ctx context.Context, changes ...supervisor.GroupChange) ([]supervisor.PlanStep, func(context.Context) error, error)
	Apply(ctx context.Context, edits ...supervisor.Edit) ([]*config.Process, error)
	AddGroup(ctx context.Context, group string) error
	RemoveGroup(ctx context.Context, group string) error
	RunProcess(ctx context.Context, name supervisor.Name, as string) (<-chan supervisor.Ended, error)
	Info(ctx context.Context, name supervisor.Name, as string) (supervisor.Info, error)
	Reload(ctx context.Context) (added, changed, removed []string, err error)
}

// A Store is where changes are written down; *store.Store is one.
type Store interface {
	// Write replaces the overlays of these groups, all or none; nil removes one.
	Write(ctx context.Context, overlays map[string]*config.Overlay) error
}

// Options are what a manager is made of.
type Options struct {
	Loop   Loop
	Config func() *config.Config          // the configuration last read
	Load   func() (*config.Config, error) // reads it anew, without putting it in force
	Policy config.PolicyHost

	Store      Store // nil for none
	PersistAll bool  // all changes are written down
	Audit      *Audit

	Log func(level.Level, string)
}

// A Manager makes changes. Its methods are safe for concurrent use; one change
// is decided at a time.
type Manager struct {
	o    Options
	quit chan struct{} // closed by Close

	history history
	leases  leases

	mu         sync.Mutex // guards the rest, and what is decided from one look at the groups
	transients map[leaseName]*transient
	passages   map[*passage]bool
	gone       map[string]bool            // groups of the files that a change removed
	saved      map[string]*config.Overlay // what is written down
	made       map[string]*config.Overlay // what of it the live groups are made of
}

var _ ext.Changes = (*Manager)(nil)

// New returns a manager. The configuration in force has the overlays that the
// groups were made of.
func New(o Options) *Manager {
	m := &Manager{o: o, quit: make(chan struct{}), transients: map[leaseName]*transient{},
		passages: map[*passage]bool{}, gone: map[string]bool{}}
	m.leases = leases{expire: m.expire, all: map[leaseName]*lease{}}
	if o.Audit != nil {
		m.history.restore(o.Audit.tail())
	}
	cfg := o.Config()
	m.adopt(cfg, nil)
	for _, ov := range cfg.Overlays {
		if ov.Removed && cfg.Base(ov.Group) != nil {
			m.gone[ov.Group] = true
		}
	}
	return m
}

// Close ends the leases, without removing anything. It waits for nothing, and
// must be called once.
func (m *Manager) Close() {
	m.leases.close()
	close(m.quit)
}

// A request is one change to be made.
type request struct {
	method string
	how    ext.How
	undoes *entry
	edit   func(ctx context.Context, d *draft) error
	after  func() // called when the change has been made; may be nil

	// Of what reads the files again; nil for the rest.
	config *config.Config             // what the draft is read with, for the one in force
	saved  map[string]*config.Overlay // what is written down
}

// maxTries bounds how often a change is planned again because somebody else
// was quicker.
const maxTries = 5

// commit makes a change. Once begun it is not given up when the caller hangs
// up, but only the wait for what has to stop.
func (m *Manager) commit(ctx context.Context, r request) (ext.Outcome, error) {
	if err := ctx.Err(); err != nil {
		return ext.Outcome{}, err
	}
	out, wait, err := m.decide(context.WithoutCancel(ctx), r)
	if err != nil || wait == nil {
		return out, err
	}
	return out, wait(ctx)
}

// decide makes the change and returns how to wait for its end; nil if there is
// nothing to wait for.
func (m *Manager) decide(ctx context.Context, r request) (ext.Outcome, func(context.Context) error, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for try := 1; ; try++ {
		out, wait, err := m.try(ctx, r)
		var raced *racedError
		switch {
		case errors.As(err, &raced) && try == maxTries:
			return out, nil, raced.err
		case errors.As(err, &raced):
			continue
		case err != nil || wait == nil || r.how.NoWait:
			return out, nil, err
		}
		p := m.enter(ext.CallerOf(ctx), out)
		return out, func(ctx context.Context) error {
			defer m.leave(p)
			return wait(ctx)
		}, nil
	}
}

// A racedError says that the groups were changed past the manager between two
// looks at them.
type racedError struct{ err error }

func (e *racedError) Error() string { return e.err.Error() }

// raced marks the fault of a group that is not what it was.
func raced(err error) error {
	if fault.Is(err, fault.Conflict) {
		return &racedError{err}
	}
	return err
}

func (m *Manager) try(ctx context.Context, r request) (out ext.Outcome, wait func(context.Context) error, err error) {
	d, err := m.draft(ctx, r)
	if err != nil {
		return out, nil, err
	}
	if err := r.edit(ctx, d); err != nil {
		return out, nil, err
	}
	changes := d.changes()
	if err := m.mayDefine(d); err != nil {
		return out, nil, err
	}
	overlays, persist, err := m.overlays(d, changes, r.how)
	if err != nil {
		return out, nil, err
	}
	plan, err := m.o.Loop.Plan(ctx, changes...)
	if err != nil {
		return out, nil, raced(err)
	}
	out.Steps, out.Persisted = steps(changes, plan), persist
	switch {
	case r.how.DryRun:
		return out, nil, nil
	case len(changes) == 0:
		m.done(d, r, nil, nil)
		return out, nil, nil
	}
	if err := m.free(out.Steps); err != nil {
		return ext.Outcome{}, nil, err
	}
	if err := m.write(ctx, overlays); err != nil {
		return ext.Outcome{}, nil, err
	}
	// What is only read anew, and says what it said, is no change to remember.
	var e *entry
	if slices.ContainsFunc(out.Steps, func(s ext.Step) bool { return s.Action != string(supervisor.ActionKeep) }) {
		e = m.entry(d.caller, r, plan, changes)
		e.Saved = persist
		if err := m.begin(e, d); err != nil {
			return ext.Outcome{}, nil, m.unwrite(ctx, d, overlays, err)
		}
	}
	plan, wait, err = m.o.Loop.Transit(ctx, changes...)
	if err != nil {
		m.fail(e, err)
		return ext.Outcome{}, nil, raced(m.unwrite(ctx, d, overlays, err))
	}
	out.Steps = steps(changes, plan)
	ended := m.done(d, r, changes, overlays)
	if e != nil {
		out.ID = e.ID
		e.tell(out.Steps)
		e.leases = ended
		m.history.add(e)
	}
	return out, wait, nil
}

// done keeps what is known of a change that has been made, and returns the
// leases that it ended.
func (m *Manager) done(d *draft, r request, changes []supervisor.GroupChange, overlays map[string]*config.Overlay) map[leaseName]time.Duration {
	if r.after != nil {
		r.after()
	}
	for group, o := range overlays {
		m.noteSaved(group, o)
	}
	for _, ch := range changes {
		if ch.To == nil && d.base(ch.Name) != nil {
			m.gone[ch.Name] = true
		} else {
			delete(m.gone, ch.Name)
		}
	}
	m.settleTransients(changes)
	return m.settleLeases(d, changes)
}

// steps are those of a plan as callers see them, with one for each group that
// comes or goes before those of its processes.
func steps(changes []supervisor.GroupChange, plan []supervisor.PlanStep) []ext.Step {
	all := make([]ext.Step, 0, len(changes)+len(plan))
	for _, ch := range changes {
		switch {
		case ch.From == nil:
			all = append(all, ext.Step{Group: ch.Name, Action: string(supervisor.ActionAdd)})
		case ch.To == nil:
			all = append(all, ext.Step{Group: ch.Name, Action: string(supervisor.ActionRemove)})
		}
		// A plan has the groups in the order of the changes.
		for len(plan) > 0 && plan[0].Name.Group == ch.Name {
			all = append(all, publicStep(plan[0]))
			plan = plan[1:]
		}
	}
	return all
}

func publicStep(p supervisor.PlanStep) ext.Step {
	s := ext.Step{Group: p.Name.Group, Process: p.Name.Process, Action: string(p.Action)}
	for _, c := range p.Changes {
		s.Changes = append(s.Changes, ext.OptionChange{Option: c.Option, Old: c.Old, New: c.New})
	}
	return s
}

// now is the time for the history.
func now() time.Time { return time.Now().Round(0) }
