package supervisor

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/proc"
	"example.org/twiddler/internal/sys"
)

// Mood is the state of supervisord as a whole. It costs nothing to ask.
func (l *Loop) Mood() Mood { return Mood(l.mood.Load()) }

// StartProcess starts a process. With wait it returns when the process is
// RUNNING or has failed; without, as soon as there is a child. as is the name
// as the caller wrote it; faults repeat it.
func (l *Loop) StartProcess(ctx context.Context, name Name, as string, wait bool) error {
	if err := l.checkCommand(ctx, name, as); err != nil {
		return err
	}
	return tell(ctx, l, func(reply func(*fault.Error)) Input {
		return StartProcess{Name: name, As: as, Wait: wait, Reply: reply}
	})
}

// RunProcess starts a process without waiting, and returns how to hear of its
// end: when it has come to rest, one value is sent.
func (l *Loop) RunProcess(ctx context.Context, name Name, as string) (<-chan Ended, error) {
	if err := l.checkCommand(ctx, name, as); err != nil {
		return nil, err
	}
	over := make(chan Ended, 1)
	return over, tell(ctx, l, func(reply func(*fault.Error)) Input {
		return StartProcess{Name: name, As: as, Reply: reply, Ended: func(e Ended) { over <- e }}
	})
}

// checkCommand looks whether the command of a process can be run.
func (l *Loop) checkCommand(ctx context.Context, name Name, as string) error {
	cfg, err := read(ctx, l, func(c *Core, _ proc.Moment) (*config.Process, *fault.Error) {
		if p := c.find(name); p != nil {
			return p.cfg, nil
		}
		return nil, fault.New(fault.BadName, as)
	})
	if err != nil {
		return err
	}
	return l.launch.check(cfg)
}

// StopProcess stops a process. With wait it returns when the process is down.
func (l *Loop) StopProcess(ctx context.Context, name Name, as string, wait bool) error {
	return tell(ctx, l, func(reply func(*fault.Error)) Input {
		return StopProcess{name, as, wait, reply}
	})
}

// SignalProcess sends sig to the child of a process.
func (l *Loop) SignalProcess(ctx context.Context, name Name, as string, sig int) error {
	return tell(ctx, l, func(reply func(*fault.Error)) Input {
		return SignalProcess{name, as, sig, reply}
	})
}

// StartGroup starts what is down in one group. The fault for a group that is
// not there is BAD_NAME; what befell each process is in the results.
func (l *Loop) StartGroup(ctx context.Context, group string, wait bool) ([]Result, error) {
	return l.startMany(ctx, group, false, wait)
}

// StartAll starts whatever is down in the groups that the caller of ctx holds.
func (l *Loop) StartAll(ctx context.Context, wait bool) ([]Result, error) {
	return l.startMany(ctx, "", true, wait)
}

func (l *Loop) startMany(ctx context.Context, group string, all, wait bool) ([]Result, error) {
	in := held(ctx)
	cfgs, err := read(ctx, l, func(c *Core, _ proc.Moment) ([]*config.Process, *fault.Error) {
		procs, _ := c.selected(group, all, in)
		var cfgs []*config.Process
		for _, p := range procs {
			if !p.State.Up() {
				cfgs = append(cfgs, p.cfg)
			}
		}
		return cfgs, nil
	})
	if err != nil {
		return nil, err
	}
	refused := map[Name]*fault.Error{}
	for _, cfg := range cfgs {
		if err := l.launch.check(cfg); err != nil {
			refused[Name{cfg.Group, cfg.Name}] = fault.From(err)
		}
	}
	return ask(ctx, l, func(reply func([]Result, *fault.Error)) Input {
		return StartMany{group, all, in, wait, refused, reply}
	})
}

// StopGroup stops what is up in one group.
func (l *Loop) StopGroup(ctx context.Context, group string, wait bool) ([]Result, error) {
	return ask(ctx, l, func(reply func([]Result, *fault.Error)) Input {
		return StopMany{group, false, nil, wait, reply}
	})
}

// StopAll stops whatever is up in the groups that the caller of ctx holds.
func (l *Loop) StopAll(ctx context.Context, wait bool) ([]Result, error) {
	return ask(ctx, l, func(reply func([]Result, *fault.Error)) Input {
		return StopMany{"", true, held(ctx), wait, reply}
	})
}

// SignalGroup sends sig to each child of one group.
func (l *Loop) SignalGroup(ctx context.Context, group string, sig int) ([]Result, error) {
	return ask(ctx, l, func(reply func([]Result, *fault.Error)) Input {
		return SignalMany{group, false, nil, sig, reply}
	})
}

// SignalAll sends sig to every child in the groups that the caller of ctx
// holds.
func (l *Loop) SignalAll(ctx context.Context, sig int) ([]Result, error) {
	return ask(ctx, l, func(reply func([]Result, *fault.Error)) Input {
		return SignalMany{"", true, held(ctx), sig, reply}
	})
}

// Exists reports whether there is a process of that name.
func (l *Loop) Exists(ctx context.Context, name Name) (bool, error) {
	return read(ctx, l, func(c *Core, _ proc.Moment) (bool, *fault.Error) { return c.find(name) != nil, nil })
}

// GroupExists reports whether there is a live group of that name.
func (l *Loop) GroupExists(ctx context.Context, group string) (bool, error) {
	return read(ctx, l, func(c *Core, _ proc.Moment) (bool, *fault.Error) { return c.byName[group] != nil, nil })
}

// Info describes one process.
func (l *Loop) Info(ctx context.Context, name Name, as string) (Info, error) {
	return read(ctx, l, func(c *Core, now proc.Moment) (Info, *fault.Error) {
		if p := c.find(name); p != nil {
			return p.info(now), nil
		}
		return Info{}, fault.New(fault.BadName, as)
	})
}

// AllInfo describes every process of the groups that the caller of ctx holds,
// by group name, then process name.
func (l *Loop) AllInfo(ctx context.Context) ([]Info, error) {
	infos, err := read(ctx, l, func(c *Core, now proc.Moment) ([]Info, *fault.Error) { return c.allInfo(now), nil })
	if in := held(ctx); in != nil {
		infos = slices.DeleteFunc(infos, func(i Info) bool { return !in(i.Group) })
	}
	sortInfos(infos)
	return infos, err
}

// ConfigInfo describes every process of the configuration last read that is in
// one of the groups that the caller of ctx holds, by process name.
func (l *Loop) ConfigInfo(ctx context.Context) ([]ConfigInfo, error) {
	infos, err := read(ctx, l, func(c *Core, _ proc.Moment) ([]ConfigInfo, *fault.Error) { return c.configInfo(), nil })
	if in := held(ctx); in != nil {
		infos = slices.DeleteFunc(infos, func(i ConfigInfo) bool { return !in(i.Process.Group) })
	}
	slices.SortStableFunc(infos, func(a, b ConfigInfo) int { return cmp.Compare(a.Process.Name, b.Process.Name) })
	return infos, err
}

// GroupNames returns the live groups that the caller of ctx holds, in the
// order they were added.
func (l *Loop) GroupNames(ctx context.Context) ([]string, error) {
	names, err := read(ctx, l, func(c *Core, _ proc.Moment) ([]string, *fault.Error) { return c.groupNames(), nil })
	if in := held(ctx); in != nil {
		names = slices.DeleteFunc(names, func(name string) bool { return !in(name) })
	}
	return names, err
}

// held reports the groups that the caller of ctx holds; nil for all. Calls
// about all processes are about those in them. Whether the caller may have
// what it names is for whoever takes its request to ask.
func held(ctx context.Context) func(group string) bool {
	c := ext.CallerOf(ctx)
	if c.HoldsAll() {
		return nil
	}
	return c.Holds
}

// Apply carries out a list of edits, all or none, and creates the AUTO logs
// of the processes that were added. It returns the processes that were removed.
func (l *Loop) Apply(ctx context.Context, edits ...Edit) ([]*config.Process, error) {
	done, err := ask(ctx, l, func(reply func(Applied, *fault.Error)) Input { return Apply{Edits: edits, Reply: reply} })
	l.launch.createLogs(done.AutoLogs)
	return done.Removed, err
}

// Groups returns the configurations that the live groups have, or will have
// when what leaves them has gone, in the order they were added. They are never
// changed in place.
func (l *Loop) Groups(ctx context.Context) ([]*config.Group, error) {
	return read(ctx, l, func(c *Core, _ proc.Moment) ([]*config.Group, *fault.Error) { return c.wantedGroups(), nil })
}

// Transit takes groups from one configuration to another, all or none. The
// fault for a group that is not what the change says it is now is CONFLICT.
// What has to stop goes on stopping after it has returned: wait returns when
// it is down, or with why it can't be stopped.
func (l *Loop) Transit(ctx context.Context, changes ...GroupChange) (steps []PlanStep, wait func(context.Context) error, err error) {
	done := make(chan *fault.Error, 1)
	planned, err := ask(ctx, l, func(reply func(Planned, *fault.Error)) Input {
		return Transition{Groups: changes, Reply: reply, Done: func(err *fault.Error) { done <- err }}
	})
	l.launch.createLogs(planned.AutoLogs)
	wait = func(ctx context.Context) error {
		select {
		case err := <-done:
			if err != nil {
				return err
			}
			return nil
		case <-l.done:
			return fault.Bare(fault.ShutdownState)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return planned.Steps, wait, err
}

// Plan returns what Transit would do, and does nothing.
func (l *Loop) Plan(ctx context.Context, changes ...GroupChange) ([]PlanStep, error) {
	planned, err := ask(ctx, l, func(reply func(Planned, *fault.Error)) Input {
		return Transition{Groups: changes, DryRun: true, Reply: reply}
	})
	return planned.Steps, err
}

// Begin makes the configured groups live, all or none, and starts what is to
// start by itself. Call it once, before anything else.
func (l *Loop) Begin(ctx context.Context, groups []*config.Group) error {
	edits := make([]Edit, len(groups))
	for i, g := range groups {
		edits[i] = AddGroup{g}
	}
	done, err := ask(ctx, l, func(reply func(Applied, *fault.Error)) Input {
		return Apply{Edits: edits, First: true, Reply: reply}
	})
	l.launch.createLogs(done.AutoLogs)
	return err
}

// RemoteEvent announces what a client has to say to event listeners.
func (l *Loop) RemoteEvent(ctx context.Context, kind, data string) error {
	return tell(ctx, l, func(reply func(*fault.Error)) Input {
		return RemoteEvent{kind, data, func() { reply(nil) }}
	})
}

// AddGroup makes a group of the configuration last read live.
func (l *Loop) AddGroup(ctx context.Context, group string) error {
	done, err := ask(ctx, l, func(reply func(Applied, *fault.Error)) Input { return AddProcessGroup{group, reply} })
	l.launch.createLogs(done.AutoLogs)
	return err
}

// RemoveGroup forgets a group, all of whose processes must be down.
func (l *Loop) RemoveGroup(ctx context.Context, group string) error {
	_, err := l.Apply(ctx, RemoveGroup{group})
	return err
}

// Reload reads the configuration again and tells how the live groups differ
// from it. A configuration that does not load changes nothing.
func (l *Loop) Reload(ctx context.Context) (added, changed, removed []string, err error) {
	l.rereadMu.Lock()
	defer l.rereadMu.Unlock()
	groups, err := l.o.Reread()
	if err != nil {
		return nil, nil, nil, fault.New(fault.CantReread, err.Error())
	}
	diff, err := ask(ctx, l, func(reply func([3][]string, *fault.Error)) Input {
		return Reload{groups, func(a, c, r []string) { reply([3][]string{a, c, r}, nil) }}
	})
	return diff[0], diff[1], diff[2], err
}

// WriteStdin sends data to the stdin of a child. What the pipe does not take
// at once is sent as it drains.
func (l *Loop) WriteStdin(ctx context.Context, name Name, as string, data []byte) error {
	return tell(ctx, l, func(reply func(*fault.Error)) Input {
		return WriteStdin{name, as, data, reply}
	})
}

// ClearLogs removes and recreates the logs that a live process holds open;
// those of one that is down are left alone. Supervisor 4.2.5, process.py,
// removelogs.
func (l *Loop) ClearLogs(ctx context.Context, name Name, as string) error {
	logs, err := read(ctx, l, func(c *Core, _ proc.Moment) (Logs, *fault.Error) {
		p := c.find(name)
		switch {
		case p == nil:
			return Logs{}, fault.New(fault.BadName, as)
		case p.PID == 0:
			return Logs{}, nil
		}
		return p.logs, nil
	})
	if err != nil {
		return err
	}
	if l.launch.clear(logs) != nil {
		return fault.New(fault.Failed, as)
	}
	return nil
}

// ClearAllLogs is ClearLogs for every process that StopAll would see, in its
// order.
func (l *Loop) ClearAllLogs(ctx context.Context) ([]Result, error) {
	in := held(ctx)
	names, err := read(ctx, l, func(c *Core, _ proc.Moment) ([]Name, *fault.Error) {
		procs, _ := c.selected("", true, in)
		names := make([]Name, len(procs))
		for i, p := range procs {
			names[i] = p.name
		}
		return names, nil
	})
	if err != nil {
		return nil, err
	}
	results := make([]Result, 0, len(names))
	for _, n := range names {
		r := Result{Name: n.Process, Group: n.Group}
		if err := l.ClearLogs(ctx, n, n.Spec()); err != nil {
			r.Err = fault.From(err)
		}
		results = append(results, r)
	}
	return results, nil
}

// Shutdown stops everything and then ends Run. It returns at once.
func (l *Loop) Shutdown(ctx context.Context) error { return l.goDown(ctx, false) }

// Restart is Shutdown, after which Run asks for a new start.
func (l *Loop) Restart(ctx context.Context) error { return l.goDown(ctx, true) }

func (l *Loop) goDown(ctx context.Context, restart bool) error {
	return tell(ctx, l, func(reply func(*fault.Error)) Input {
		return Shutdown{Restart: restart, Reply: func() { reply(nil) }}
	})
}

// commandFault turns why a command can't be run into the fault for it.
func commandFault(err error) error {
	var c *sys.CommandError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &c) && c.NotFound:
		return fault.New(fault.NoFile, c.Text)
	}
	return fault.New(fault.NotExecutable, err.Error())
}
