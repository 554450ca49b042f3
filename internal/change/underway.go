package change

import (
	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/supervisor"
)

// A passage is a change whose caller still waits for what has to stop. Until
// then nobody else may change the same things: of two who do so at once, one
// is refused. A caller that does not wait, or has hung up, stands in nobody's
// way, so that what never stops does not lock anybody out.
type passage struct {
	id     int64
	caller ext.Caller
	things map[supervisor.Name]bool // processes, and groups without one
}

// enter notes that the caller of a change waits. The caller holds m.mu.
func (m *Manager) enter(caller ext.Caller, out ext.Outcome) *passage {
	p := &passage{id: out.ID, caller: caller, things: map[supervisor.Name]bool{}}
	for _, s := range out.Steps {
		if s.Action != string(supervisor.ActionKeep) {
			p.things[supervisor.Name{Group: s.Group, Process: s.Process}] = true
		}
	}
	m.passages[p] = true
	return p
}

// leave is for a caller that no longer waits.
func (m *Manager) leave(p *passage) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.passages, p)
}

// free returns the fault CONFLICT if a change would touch what another one is
// about to change. The caller holds m.mu.
func (m *Manager) free(steps []ext.Step) error {
	if len(m.passages) == 0 {
		return nil
	}
	for _, s := range steps {
		name := supervisor.Name{Group: s.Group, Process: s.Process}
		for p := range m.passages {
			if s.Action == string(supervisor.ActionKeep) || !p.things[name] {
				continue
			}
			what := "group " + s.Group
			if s.Process != "" {
				what = name.Spec()
			}
			return fault.Errorf(fault.Conflict, "%s is being changed by change %d of %s; try again when that is done", what, p.id, p.caller)
		}
	}
	return nil
}
