package change

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/supervisor"
	"example.org/twiddler/level"
)

// A leaseName is what a lease is for: a program of a group, or with "" the
// whole group.
type leaseName struct{ group, program string }

func (n leaseName) String() string {
	if n.program == "" {
		return n.group
	}
	return supervisor.Name{Group: n.group, Process: n.program}.Spec()
}

// A lease is the right of something to be there for a time.
type lease struct {
	ttl   time.Duration
	ends  time.Time // on the monotonic clock
	timer *time.Timer
	over  bool // it has run out, and what it is for is being removed
}

// leases are all that go by themselves. Safe for concurrent use; nothing is
// waited for under mu, so that a lease can be renewed and supervisord can end
// while a change hangs on a disk.
type leases struct {
	expire func(leaseName, *lease)

	mu     sync.Mutex
	all    map[leaseName]*lease
	closed bool
}

// has reports whether something goes by itself.
func (s *leases) has(name leaseName) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[name] != nil
}

// begin begins a lease, in the place of any that there is.
func (s *leases) begin(name leaseName, ttl time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beginLocked(name, ttl)
}

func (s *leases) beginLocked(name leaseName, ttl time.Duration) {
	if s.closed {
		return
	}
	s.endLocked(name)
	l := &lease{ttl: ttl, ends: time.Now().Add(ttl)}
	l.timer = time.AfterFunc(ttl, func() { s.expire(name, l) })
	s.all[name] = l
}

// end forgets a lease and returns its time to live, 0 if there was none.
func (s *leases) end(name leaseName) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.endLocked(name)
}

func (s *leases) endLocked(name leaseName) time.Duration {
	l := s.all[name]
	if l == nil {
		return 0
	}
	l.timer.Stop()
	delete(s.all, name)
	return l.ttl
}

// close forgets all of them, and lets no others begin.
func (s *leases) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for name := range s.all {
		s.endLocked(name)
	}
}

// of returns the names of the leases of a group and its programs.
func (s *leases) of(group string) []leaseName {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []leaseName
	for name := range s.all {
		if name.group == group {
			names = append(names, name)
		}
	}
	return names
}

// claim marks l, which has run out, so that it can't be renewed while what it
// is for is being removed; false if it was renewed or ended already.
func (s *leases) claim(name leaseName, l *lease) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[name] != l {
		return false
	}
	l.over = true
	return true
}

// again lets l, whose end has failed, end once more; false if it is not the
// lease of that name any more.
func (s *leases) again(name leaseName, l *lease) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[name] != l {
		return false
	}
	l.over = false
	l.timer.Reset(expireAgain)
	return true
}

// passing reports whether something is to go by itself: it has a lease, or runs
// once. The caller holds m.mu.
func (m *Manager) passing(name leaseName) bool {
	return m.transients[name] != nil || m.leases.has(name)
}

// settleLeases does to the leases what a change has done to what they are
// for. It returns those that ended because that is gone.
func (m *Manager) settleLeases(d *draft, changes []supervisor.GroupChange) map[leaseName]time.Duration {
	ended := m.endLeases(changes, d.leases)
	for name, ttl := range d.leases {
		if ttl > 0 && holds(d.group(name.group), name.program) {
			m.leases.begin(name, ttl)
		}
	}
	return ended
}

// endLeases ends the leases of what changes have taken away, and of what is
// there anew. It returns those that ended.
func (m *Manager) endLeases(changes []supervisor.GroupChange, anew map[leaseName]time.Duration) map[leaseName]time.Duration {
	ended := map[leaseName]time.Duration{}
	for _, ch := range changes {
		for _, name := range m.leases.of(ch.Name) {
			if _, again := anew[name]; again || !holds(ch.To, name.program) {
				ended[name] = m.leases.end(name)
			}
		}
	}
	return ended
}

// holds reports whether a group is there, with the program.
func holds(g *config.Group, program string) bool {
	return g != nil && (program == "" || slices.ContainsFunc(g.Processes, func(p *config.Process) bool { return p.Program == program }))
}

// expire stops and removes what a lease was for.
func (m *Manager) expire(name leaseName, l *lease) {
	ctx := ext.WithCaller(context.Background(), ext.Caller{Account: "lease", UID: -1, PID: -1, Role: ext.Admin})
	gone := false
	reason := fmt.Sprintf("the lease of %s was not renewed", name)
	if m.ended(name) {
		reason = fmt.Sprintf("%s has ended", name)
	}
	_, err := m.commit(ctx, request{
		method: "lease", how: ext.How{NoWait: true, Reason: reason},
		edit: func(_ context.Context, d *draft) error {
			g := d.group(name.group)
			if gone = !m.leases.claim(name, l); gone {
				return nil // renewed, or removed, in the meantime
			}
			if gone = !holds(g, name.program); gone {
				m.leases.end(name)
				return nil
			}
			return d.removeLeased(name)
		},
	})
	switch {
	case gone:
	case err == nil:
		m.o.Log(level.Info, fmt.Sprintf("removed %s: %s", name, reason))
	case fault.Is(err, fault.ShutdownState):
	case m.leases.again(name, l):
		// It must not stay for ever because of, say, a full disk.
		m.o.Log(level.Error, fmt.Sprintf("cannot remove %s, whose lease has run out; trying again in %v: %v", name, expireAgain, err))
	}
}

// removeLeased takes away what a lease is for.
func (d *draft) removeLeased(name leaseName) error {
	if name.program == "" {
		return d.removeGroup(ext.Change{Group: name.group})
	}
	return d.remove(ext.Change{Group: name.group, Program: name.program})
}

// expireAgain is when to try again to end a lease.
const expireAgain = 5 * time.Second

// Renew implements ext.Changes.
func (m *Manager) Renew(ctx context.Context, group, program string, ttl time.Duration) error {
	if err := config.MayDefine(ext.CallerOf(ctx), group); err != nil {
		return err
	}
	if ttl <= 0 {
		return wrong("ttl must be more than 0")
	}
	name := leaseName{group, program}
	m.leases.mu.Lock()
	defer m.leases.mu.Unlock()
	switch l := m.leases.all[name]; {
	case l == nil:
		return fault.Errorf(fault.BadName, "%s has no lease", name)
	case l.over:
		return fault.Errorf(fault.BadName, "the lease of %s has run out", name)
	}
	m.leases.beginLocked(name, ttl)
	return nil
}

// Leases implements ext.Changes.
func (m *Manager) Leases(ctx context.Context) ([]ext.Lease, error) {
	caller := ext.CallerOf(ctx)
	if !caller.Role.Valid() {
		return nil, caller.Need(ext.View, "")
	}
	m.leases.mu.Lock()
	defer m.leases.mu.Unlock()
	all := []ext.Lease{}
	for name, l := range m.leases.all {
		if caller.May(ext.View, name.group) {
			all = append(all, ext.Lease{Group: name.group, Program: name.program, Left: max(0, time.Until(l.ends))})
		}
	}
	slices.SortFunc(all, func(a, b ext.Lease) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Program, b.Program))
	})
	return all, nil
}
