package supervisor

import (
	"cmp"
	"slices"
	"time"

	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/listener"
	"example.org/twiddler/internal/proc"
)

// A group is a live process group.
type group struct {
	cfg    *config.Group // what it was made of, with the twiddles since; never changed in place
	grows  bool          // the array of cfg.Processes is ours to append to
	listed int           // index of cfg in Core.available; -1 once that was read anew
	procs  []*process    // in order of configuration
	byName map[string]*process
	pool   *pool // of event listeners; nil for other groups

	leaving bool          // goes when its processes have gone
	heir    *config.Group // takes its place then; nil for none
}

// A process is one live process.
type process struct {
	proc.Machine
	name    Name
	cfg     *config.Process
	group   *group
	logs    Logs
	waiters []*waiter
	report  time.Duration // when to say again that a caller waits for its stop; 0 for never
	index   int           // in Core.wakes, or -1
	awaited bool          // the shutdown waits for it
	ear     *ear          // of an event listener; nil for others
	fate    *fate         // what becomes of it when it is down; nil for nothing
}

func (p *process) wake() time.Duration { return earliest(p.Wake, p.report) }

// socket is what p shares with the other processes of its [fcgi-program:x]. A
// program of another kind in such a group has pipes like any other.
func (p *process) socket() *config.Socket {
	if p.cfg.Kind == config.FastCGI {
		return p.group.cfg.Socket // nil if the program is listed in a [group:x]
	}
	return nil
}

func (p *process) rank() Rank { return Rank{p.group.cfg.Priority, p.cfg.Priority} }

// newProcess makes a stopped process of g and names its AUTO logs.
func (c *Core) newProcess(g *group, cfg *config.Process) *process {
	p := &process{
		Machine: proc.Machine{Spec: &cfg.Spec},
		name:    Name{g.cfg.Name, cfg.Name},
		cfg:     cfg,
		group:   g,
		index:   -1,
	}
	if cfg.Kind == config.EventListener && g.pool != nil {
		p.ear = &ear{Machine: listener.New(cfg.Name, g.pool.handler)}
	}
	c.nameLogs(p)
	if c.mood < MoodRunning {
		p.Step(proc.Moment{}, proc.Hold{}, nil)
	}
	return p
}

// nameLogs says where the output of p goes.
func (c *Core) nameLogs(p *process) {
	p.logs = Logs{Stdout: c.logPath(p.cfg, p.cfg.Stdout, "stdout")}
	if !p.cfg.RedirectStderr {
		p.logs.Stderr = c.logPath(p.cfg, p.cfg.Stderr, "stderr")
	}
}

func (c *Core) logPath(cfg *config.Process, ch config.Channel, channel string) string {
	switch ch.Log {
	case config.LogAuto:
		return c.autoName(cfg.Name, channel)
	case config.LogFile:
		return ch.Path
	}
	return ""
}

// put makes p a process of the group. One of the same name gives way to it.
func (g *group) put(p *process) {
	if old := g.byName[p.name.Process]; old != nil {
		g.procs = slices.DeleteFunc(g.procs, func(q *process) bool { return q == old })
	}
	g.byName[p.name.Process] = p
	g.procs = append(g.procs, p)
}

// selected returns the processes of one group or, if all is set, of those that
// in reports, nil for every one, in the order in which mass calls act: by group priority, then process priority, ties in
// order of configuration. Supervisor 4.2.5, rpcinterface.py, _getAllProcesses.
func (c *Core) selected(name string, all bool, in func(group string) bool) ([]*process, bool) {
	var groups []*group
	if all {
		groups = c.among(in)
		slices.SortStableFunc(groups, func(a, b *group) int { return cmp.Compare(a.cfg.Priority, b.cfg.Priority) })
	} else if g := c.byName[name]; g != nil {
		groups = []*group{g}
	} else {
		return nil, false
	}
	var procs []*process
	for _, g := range groups {
		procs = append(procs, g.byPriority()...)
	}
	return procs, true
}

// among returns the groups that in reports, nil for all.
func (c *Core) among(in func(group string) bool) []*group {
	groups := slices.Clone(c.groups)
	if in != nil {
		groups = slices.DeleteFunc(groups, func(g *group) bool { return !in(g.cfg.Name) })
	}
	return groups
}

// byPriority returns the processes in ascending priority, ties in order of
// configuration.
func (g *group) byPriority() []*process {
	procs := slices.Clone(g.procs)
	slices.SortStableFunc(procs, func(a, b *process) int { return cmp.Compare(a.cfg.Priority, b.cfg.Priority) })
	return procs
}
