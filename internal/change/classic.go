package change

import (
	"context"
	"fmt"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/supervisor"
	"example.org/twiddler/level"
)

// AddGroup makes a group of the configuration live, as the method
// addProcessGroup of Supervisor, and remembers who did it.
func (m *Manager) AddGroup(ctx context.Context, group string) error {
	return m.classic(ctx, "addProcessGroup", group, m.o.Loop.AddGroup)
}

// RemoveGroup forgets a group that is down, as the method removeProcessGroup
// of Supervisor, and remembers who did it. It is never written down: the group
// is there again after a restart.
func (m *Manager) RemoveGroup(ctx context.Context, group string) error {
	return m.classic(ctx, "removeProcessGroup", group, m.o.Loop.RemoveGroup)
}

// classic makes a change that Supervisor knows. What goes wrong with the audit
// log does not keep it from being made: to its callers it is the method that
// it always was.
func (m *Manager) classic(ctx context.Context, method, group string, call func(context.Context, string) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	whole := context.WithoutCancel(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	from, err := m.live(whole, group)
	if err != nil {
		return err
	}
	if err := call(whole, group); err != nil {
		return err
	}
	to, err := m.live(whole, group)
	if err != nil || from == to {
		return err // it was shutting down, or somebody else has undone it already
	}
	e := m.record(ext.CallerOf(ctx), request{method: method})
	changes := []supervisor.GroupChange{{Name: group, From: from, To: to}}
	e.deltas = []delta{difference(changes[0])}
	e.Steps = []ext.Step{{Group: group, Action: string(supervisor.ActionRemove)}}
	if to != nil {
		delete(m.gone, group)
		e.Steps[0].Action = string(supervisor.ActionAdd)
	}
	for _, p := range e.deltas[0].procs {
		action := supervisor.ActionRemove
		if p.after != nil {
			action = addition(p.after)
		}
		e.Steps = append(e.Steps, ext.Step{Group: group, Process: p.name, Action: string(action)})
	}
	e.leases = m.endLeases(changes, nil)
	m.settleTransients(changes)
	m.history.add(e)
	if m.o.Audit != nil {
		if err := m.o.Audit.append(e.Record, nil); err != nil {
			m.o.Log(level.Critical, fmt.Sprintf("change %d, %s of %s, is not in the audit log: %v", e.ID, method, group, err))
		}
	}
	return nil
}
