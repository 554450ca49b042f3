package supervisor

import (
	"cmp"
	"slices"

	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/proc"
)

// What readers get is copied here, on the loop, in one step; so all of one
// answer is true at one instant. Shaping and encoding happen elsewhere.

func (p *process) info(now proc.Moment) Info {
	i := Info{
		Name:       p.name.Process,
		Group:      p.name.Group,
		State:      p.State,
		Start:      p.Started.Wall,
		Stop:       p.Ended,
		Now:        now.Wall,
		SpawnErr:   p.SpawnErr,
		ExitStatus: p.ExitStatus,
		StdoutLog:  p.logs.Stdout,
		StderrLog:  p.logs.Stderr,
		PID:        p.PID,
	}
	if !i.Start.IsZero() {
		i.Uptime = now.Mono - p.Started.Mono
	}
	return i
}

// allInfo describes every process, by group name, then process name.
func (c *Core) allInfo(now proc.Moment) []Info {
	n := 0
	for _, g := range c.groups {
		n += len(g.procs)
	}
	infos := make([]Info, 0, n)
	for _, g := range c.groups {
		for _, p := range g.procs {
			infos = append(infos, p.info(now))
		}
	}
	return infos
}

func sortInfos(infos []Info) {
	// Usually they are in order already, and to see that without copying them
	// takes a tenth of the time.
	sorted := true
	for i := 1; i < len(infos) && sorted; i++ {
		a, b := &infos[i-1], &infos[i]
		sorted = a.Group < b.Group || a.Group == b.Group && a.Name <= b.Name
	}
	if sorted {
		return
	}
	slices.SortFunc(infos, func(a, b Info) int {
		if c := cmp.Compare(a.Group, b.Group); c != 0 {
			return c
		}
		return cmp.Compare(a.Name, b.Name)
	})
}

// configInfo describes every process of the available configuration.
func (c *Core) configInfo() []ConfigInfo {
	var infos []ConfigInfo
	for _, g := range c.available {
		live := c.byName[g.Name]
		for _, p := range g.Processes {
			i := ConfigInfo{Process: p, GroupPriority: g.Priority, InUse: live != nil}
			if live != nil && live.cfg == g && live.byName[p.Name] != nil {
				logs := live.byName[p.Name].logs
				i.StdoutLog, i.StderrLog = logs.Stdout, logs.Stderr
			} else {
				i.StdoutLog, i.StderrLog = unnamed(p.Stdout), unnamed(p.Stderr)
			}
			infos = append(infos, i)
		}
	}
	return infos
}

// unnamed is the log of a process that has not been created yet.
func unnamed(ch config.Channel) string {
	switch ch.Log {
	case config.LogAuto:
		return "auto"
	case config.LogFile:
		return ch.Path
	}
	return ""
}

func (c *Core) groupNames() []string {
	names := make([]string, len(c.groups))
	for i, g := range c.groups {
		names[i] = g.cfg.Name
	}
	return names
}
