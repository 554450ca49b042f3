package config

import (
	"maps"
	"slices"
)

// Diff compares the groups that are live with those a new configuration
// offers: names that are new and names that are not the same any more, in the
// order of available, and names that are gone, in the order of live.
// Supervisor 4.2.5, supervisord.py, diff_to_active.
func Diff(live, available []*Group) (added, changed, removed []string) {
	current := make(map[string]*Group, len(live))
	for _, g := range live {
		current[g.Name] = g
	}
	offered := make(map[string]bool, len(available))
	for _, g := range available {
		offered[g.Name] = true
		switch old, ok := current[g.Name]; {
		case !ok:
			added = append(added, g.Name)
		case !g.Equal(old):
			changed = append(changed, g.Name)
		}
	}
	for _, g := range live {
		if !offered[g.Name] {
			removed = append(removed, g.Name)
		}
	}
	return added, changed, removed
}

// Equal reports whether two groups are configured alike, with the same
// processes in the same order. Of a socket only the address counts.
// Supervisor 4.2.5, options.py, __eq__ of the group classes.
func (g *Group) Equal(other *Group) bool {
	if g.Name != other.Name || g.Priority != other.Priority || g.Kind != other.Kind ||
		g.BufferSize != other.BufferSize || g.ResultHandler != other.ResultHandler ||
		!slices.Equal(g.Events, other.Events) {
		return false
	}
	if g.Kind == FastCGI && g.Socket.URL != other.Socket.URL {
		return false
	}
	return slices.EqualFunc(g.Processes, other.Processes, (*Process).Equal)
}

// Equal reports whether two processes are configured alike. A log file that
// is AUTO on either side is not compared, and neither is which server AUTO
// stands for in serverurl. Supervisor 4.2.5, options.py, ProcessConfig.__eq__.
func (p *Process) Equal(other *Process) bool {
	return p.sameSpec(other) &&
		p.Command == other.Command &&
		p.Priority == other.Priority &&
		p.AutoStart == other.AutoStart &&
		p.Directory == other.Directory &&
		p.sameUser(other) &&
		p.Umask == other.Umask &&
		p.RedirectStderr == other.RedirectStderr &&
		p.sameServer(other) &&
		maps.Equal(p.Environment, other.Environment) &&
		p.Stdout.equal(&other.Stdout) &&
		p.Stderr.equal(&other.Stderr)
}

// sameSpec compares what the state machine knows, but for the group.
func (p *Process) sameSpec(other *Process) bool {
	return p.Name == other.Name &&
		p.StartWait == other.StartWait &&
		p.StartRetries == other.StartRetries &&
		p.AutoRestart == other.AutoRestart &&
		slices.Equal(p.ExitCodes, other.ExitCodes) &&
		p.StopSignal == other.StopSignal &&
		p.StopWait == other.StopWait &&
		p.StopAsGroup == other.StopAsGroup &&
		p.KillAsGroup == other.KillAsGroup
}

// sameUser compares uids; the names of users that do not exist, which a
// tolerant load leaves, are compared as written.
func (p *Process) sameUser(other *Process) bool {
	return p.UID == other.UID && (p.UID >= 0 || p.User == other.User)
}

// sameServer compares serverurl as written.
func (p *Process) sameServer(other *Process) bool {
	if p.AutoServerURL || other.AutoServerURL {
		return p.AutoServerURL == other.AutoServerURL
	}
	return p.ServerURL == other.ServerURL
}

// equal compares all but a name that one side leaves to us.
func (c *Channel) equal(other *Channel) bool {
	if c.Log != LogAuto && other.Log != LogAuto && (c.Log != other.Log || c.Path != other.Path) {
		return false
	}
	return c.MaxBytes == other.MaxBytes &&
		c.Backups == other.Backups &&
		c.CaptureMaxBytes == other.CaptureMaxBytes &&
		c.Events == other.Events &&
		c.Syslog == other.Syslog
}
