package change

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"strings"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/supervisor"
	"example.org/twiddler/level"
)

// linger is how long a program that was run stays after its end, for whoever
// ran it to read the last of its output.
const linger = 10 * time.Second

// A transient is a program that runs once and goes by itself.
type transient struct {
	name leaseName
	over chan struct{} // closed at its end
	end  ext.End       // set by then
	logs []string      // AUTO logs, which go with it

	rested bool // it was there after its end; guarded by the manager's mutex
}

// runDefaults are the options of a program that runs once. The first ones
// can't be others.
func runDefaults() (fixed, usual map[string]any) {
	return map[string]any{"autostart": "false", "autorestart": "false", "numprocs": "1", "process_name": "%(program_name)s"},
		map[string]any{"startsecs": "0", "startretries": "0"}
}

// Run implements ext.Changes.
func (m *Manager) Run(ctx context.Context, r ext.Run) (int64, error) {
	group := r.Group
	if group == "" {
		group = r.Name
	}
	if err := config.MayDefine(ext.CallerOf(ctx), group); err != nil {
		return 0, err
	}
	change, err := runChange(r)
	if err != nil {
		return 0, err
	}
	never := false
	how := ext.How{NoWait: true, Persist: &never, Reason: r.Reason}
	t := &transient{name: leaseName{change.Group, change.Program}, over: make(chan struct{})}
	var made *config.Process
	out, err := m.commit(ctx, request{method: "run", how: how, edit: func(_ context.Context, d *draft) error {
		if err := d.apply(change); err != nil {
			return err
		}
		made = byName(d.group(change.Group))[t.process().Process]
		return nil
	}, after: func() { m.transients[t.name] = t }})
	if err != nil {
		return 0, err
	}
	whole := context.WithoutCancel(ctx)
	err = m.noteLogs(whole, t, made)
	var over <-chan supervisor.Ended
	if err == nil {
		over, err = m.o.Loop.RunProcess(whole, t.process(), t.process().Spec())
		err = m.withReason(whole, t, err)
	}
	if err != nil {
		m.mu.Lock()
		t.rested = true // nobody reads its logs
		m.mu.Unlock()
		close(t.over)
		return 0, errors.Join(err, m.dropTransient(t, "it could not be started"))
	}
	go m.attend(t, over) // ends with the process, or with Close
	return out.ID, nil
}

// withReason adds to a spawn error what went wrong: nobody can ask afterwards.
func (m *Manager) withReason(ctx context.Context, t *transient, err error) error {
	if !fault.Is(err, fault.SpawnError) {
		return err
	}
	info, infoErr := m.o.Loop.Info(ctx, t.process(), t.process().Spec())
	if infoErr != nil || info.SpawnErr == "" {
		return err
	}
	return fault.New(fault.SpawnError, fmt.Sprintf("%s: %s", t.process().Spec(), info.SpawnErr))
}

// runChange is what adds a program that runs once.
func runChange(r ext.Run) (ext.Change, error) {
	c := ext.Change{Action: ext.Add, Group: r.Group, Program: r.Name, TTL: r.TTL, Options: map[string]any{}}
	if r.Name == "" {
		return c, wrong("what is run needs a name")
	}
	if c.Group == "" {
		c.Group, c.Program, c.Kind = r.Name, "", ext.KindProgram
	}
	fixed, usual := runDefaults()
	maps.Copy(c.Options, usual)
	for key, v := range r.Options {
		if _, ok := fixed[strings.ToLower(key)]; ok {
			return c, wrong("what is run once cannot have the option %s", key)
		}
		c.Options[strings.ToLower(key)] = v
	}
	maps.Copy(c.Options, fixed)
	return c, nil
}

// process is the one process of t.
func (t *transient) process() supervisor.Name {
	if t.name.program == "" {
		return supervisor.Name{Group: t.name.group, Process: t.name.group}
	}
	return supervisor.Name{Group: t.name.group, Process: t.name.program}
}

// ended reports whether a lease is that of a program that was run and is over.
func (m *Manager) ended(name leaseName) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.transients[name]
	if t == nil {
		return false
	}
	select {
	case <-t.over:
		return true
	default:
		return false
	}
}

// attend waits for the end of t, and lets it go a while later.
func (m *Manager) attend(t *transient, over <-chan supervisor.Ended) {
	var e supervisor.Ended
	select {
	case e = <-over:
	case <-m.quit:
		return
	}
	t.end = ext.End{State: e.State.String(), Status: e.Status, Signal: e.Exit.Signal, Error: e.SpawnErr}
	m.mu.Lock()
	defer m.mu.Unlock()
	defer close(t.over)            // last: who is told may remove it at once
	if m.transients[t.name] == t { // nobody has removed it
		t.rested = true
		m.leases.begin(t.name, linger)
	}
}

// dropTransient removes t now.
func (m *Manager) dropTransient(t *transient, why string) error {
	ctx := ext.WithCaller(context.Background(), ext.Caller{Account: "supervisord", UID: -1, PID: -1, Role: ext.Admin})
	never := false
	_, err := m.commit(ctx, request{method: "run", how: ext.How{NoWait: true, Persist: &never, Reason: why},
		edit: func(_ context.Context, d *draft) error {
			if m.transients[t.name] != t {
				return nil
			}
			return d.removeLeased(t.name)
		}})
	return err
}

// Wait implements ext.Changes.
func (m *Manager) Wait(ctx context.Context, group, process string) (ext.End, error) {
	if err := ext.CallerOf(ctx).Need(ext.View, group); err != nil {
		return ext.End{}, err
	}
	m.mu.Lock()
	t := m.transients[leaseName{group, process}]
	if t == nil && group == process {
		t = m.transients[leaseName{group, ""}]
	}
	m.mu.Unlock()
	if t == nil {
		return ext.End{}, fault.New(fault.BadName, supervisor.Name{Group: group, Process: process}.Spec())
	}
	select {
	case <-t.over:
		return t.end, nil
	case <-m.quit:
		return ext.End{}, fault.Bare(fault.ShutdownState)
	case <-ctx.Done():
		return ext.End{}, ctx.Err()
	}
}

// settleTransients forgets those that are not there any more, and removes
// their AUTO logs. The caller holds m.mu.
func (m *Manager) settleTransients(changes []supervisor.GroupChange) {
	for _, ch := range changes {
		for name, t := range m.transients {
			if name.group != ch.Name || holds(ch.To, name.program) {
				continue
			}
			delete(m.transients, name)
			go m.sweep(t, t.rested) // ends with the process and linger, or with Close
		}
	}
}

// sweep removes the AUTO logs of t when it is down: at once if it was there
// after its end, and else when whoever reads them has had time to.
func (m *Manager) sweep(t *transient, rested bool) {
	select {
	case <-t.over:
	case <-m.quit:
		return // the next start removes them
	}
	if !rested {
		late := time.NewTimer(linger)
		defer late.Stop()
		select {
		case <-late.C:
		case <-m.quit:
			return
		}
	}
	for _, path := range t.logs {
		for i := 0; ; i++ {
			name := path
			if i > 0 {
				name = fmt.Sprintf("%s.%d", path, i)
			}
			if err := os.Remove(name); err != nil {
				if !errors.Is(err, fs.ErrNotExist) {
					m.o.Log(level.Warn, fmt.Sprintf("cannot remove the log of %s: %v", t.name, err))
				}
				break
			}
		}
	}
}

// noteLogs finds the logs that go with t.
func (m *Manager) noteLogs(ctx context.Context, t *transient, p *config.Process) error {
	info, err := m.o.Loop.Info(ctx, t.process(), t.name.String())
	if err != nil {
		return err
	}
	if p.Stdout.Log == config.LogAuto {
		t.logs = append(t.logs, info.StdoutLog)
	}
	if p.Stderr.Log == config.LogAuto && info.StderrLog != "" {
		t.logs = append(t.logs, info.StderrLog)
	}
	return nil
}
