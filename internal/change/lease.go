package change

import (
	"cmp"
	"context"
	"fmt"
	"slices"
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
	ends  time.Time // on the monotonic clock
	timer *time.Timer
}

// lease begins a lease, or gives one a new time. The caller holds m.mu.
func (m *Manager) lease(name leaseName, ttl time.Duration) {
	if m.closed {
		return
	}
	m.endLease(name)
	l := &lease{ends: time.Now().Add(ttl)}
	l.timer = time.AfterFunc(ttl, func() { m.expire(name, l) })
	m.leases[name] = l
}

// endLease forgets a lease. The caller holds m.mu.
func (m *Manager) endLease(name leaseName) {
	if l := m.leases[name]; l != nil {
		l.timer.Stop()
		delete(m.leases, name)
	}
}

// settleLeases ends the leases of what is not there any more. The caller holds
// m.mu.
func (m *Manager) settleLeases(changes []supervisor.GroupChange) {
	if len(m.leases) == 0 {
		return
	}
	for _, ch := range changes {
		for name := range m.leases {
			if name.group == ch.Name && !holds(ch.To, name.program) {
				m.endLease(name)
			}
		}
	}
}

// holds reports whether a group is there, with the program.
func holds(g *config.Group, program string) bool {
	return g != nil && (program == "" || len(ofProgram(g, program)) > 0)
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
			if m.leases[name] != l || !holds(g, name.program) {
				gone = true // renewed, or removed, in the meantime
				return nil
			}
			return d.removeLeased(name)
		},
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case gone && m.leases[name] == l:
		m.endLease(name)
	case gone:
	case err != nil && m.leases[name] == l && !fault.Is(err, fault.ShutdownState):
		// It must not stay for ever because of, say, a full disk.
		m.o.Log(level.Error, fmt.Sprintf("cannot remove %s, whose lease has run out; trying again in %v: %v", name, expireAgain, err))
		l.timer.Reset(expireAgain)
	case err == nil:
		m.o.Log(level.Info, fmt.Sprintf("removed %s: %s", name, reason))
	}
}

// removeLeased takes away what a lease is for.
func (d *draft) removeLeased(name leaseName) error {
	if name.program == "" {
		d.set(name.group, nil)
		return nil
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
	m.mu.Lock()
	defer m.mu.Unlock()
	name := leaseName{group, program}
	if m.leases[name] == nil {
		return fault.New(fault.BadName, fmt.Sprintf("%s has no lease", name))
	}
	m.lease(name, ttl)
	return nil
}

// Leases implements ext.Changes.
func (m *Manager) Leases(ctx context.Context) ([]ext.Lease, error) {
	caller := ext.CallerOf(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []ext.Lease
	for name, l := range m.leases {
		if caller.May(ext.View, name.group) {
			all = append(all, ext.Lease{Group: name.group, Program: name.program, Left: max(0, time.Until(l.ends))})
		}
	}
	slices.SortFunc(all, func(a, b ext.Lease) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Program, b.Program))
	})
	return all, nil
}
