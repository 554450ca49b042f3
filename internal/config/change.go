package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/twiddler/internal/proc"
)

// A Change is one option that two configurations have different values for.
type Change struct {
	Option   string // as in a file; "environment NAME" for one variable
	Old, New string // as in a file; values of the environment are hidden
	Restart  bool   // a process that runs has to be started anew for it
}

// A trait is one option of a T that can be compared.
type trait[T any] struct {
	option  string
	restart bool
	text    func(*T) string
}

// processTraits are all options of a process but its environment, in the
// order of the manual. What is not marked takes effect on a running process.
var processTraits = []trait[Process]{
	{"command", true, func(p *Process) string { return p.Command }},
	{"directory", true, func(p *Process) string { return p.Directory }},
	{"user", true, func(p *Process) string { return p.User }},
	{"umask", true, func(p *Process) string { return octalText(p.Umask) }},
	{"serverurl", true, serverText},
	{"redirect_stderr", true, func(p *Process) string { return strconv.FormatBool(p.RedirectStderr) }},
	{"priority", false, func(p *Process) string { return strconv.Itoa(p.Priority) }},
	{"autostart", false, func(p *Process) string { return strconv.FormatBool(p.AutoStart) }},
	{"autorestart", false, func(p *Process) string { return restartText(p.AutoRestart) }},
	{"startsecs", false, func(p *Process) string { return secondsText(p.StartWait) }},
	{"startretries", false, func(p *Process) string { return strconv.Itoa(p.StartRetries) }},
	{"exitcodes", false, func(p *Process) string { return codesText(p.ExitCodes) }},
	{"stopsignal", false, func(p *Process) string { return strings.TrimPrefix(proc.SignalName(p.StopSignal), "SIG") }},
	{"stopwaitsecs", false, func(p *Process) string { return secondsText(p.StopWait) }},
	{"stopasgroup", false, func(p *Process) string { return strconv.FormatBool(p.StopAsGroup) }},
	{"killasgroup", false, func(p *Process) string { return strconv.FormatBool(p.KillAsGroup) }},
}

// channelTraits are the options of one output, without the std in front. Log
// files are compared by themselves.
var channelTraits = []trait[Channel]{
	{"_logfile_maxbytes", false, func(c *Channel) string { return strconv.FormatInt(c.MaxBytes, 10) }},
	{"_logfile_backups", false, func(c *Channel) string { return strconv.Itoa(c.Backups) }},
	{"_capture_maxbytes", true, func(c *Channel) string { return strconv.FormatInt(c.CaptureMaxBytes, 10) }},
	{"_events_enabled", true, func(c *Channel) string { return strconv.FormatBool(c.Events) }},
	{"_syslog", true, func(c *Channel) string { return strconv.FormatBool(c.Syslog) }},
}

// Changes lists how next differs from p, which has the same name. It is more
// exact than Equal: a log file that was AUTO and has a name now is a change.
func (p *Process) Changes(next *Process) []Change {
	if p == next {
		return nil
	}
	all := compare(nil, "", processTraits, p, next)
	if p.User == next.User && !p.sameUser(next) {
		// A name that stands for another user by now.
		all = append(all, Change{"user", p.User, next.User, true})
	} else if p.sameUser(next) {
		all = slices.DeleteFunc(all, func(c Change) bool { return c.Option == "user" })
	}
	all = p.Stdout.changes(&next.Stdout, "stdout", all)
	all = p.Stderr.changes(&next.Stderr, "stderr", all)
	return environmentChanges(p.Environment, next.Environment, all)
}

func compare[T any](all []Change, prefix string, traits []trait[T], old, next *T) []Change {
	for _, t := range traits {
		if a, b := t.text(old), t.text(next); a != b {
			all = append(all, Change{prefix + t.option, a, b, t.restart})
		}
	}
	return all
}

func (c *Channel) changes(next *Channel, std string, all []Change) []Change {
	if c.Log != next.Log || c.Path != next.Path {
		all = append(all, Change{std + "_logfile", c.fileText(), next.fileText(), true})
	}
	return compare(all, std, channelTraits, c, next)
}

// Limits are what bounds a log file: bytes and backups.
func (c *Channel) Limits() [2]int64 { return [2]int64{c.MaxBytes, int64(c.Backups)} }

// environmentChanges names the variables that differ, and hides what they
// hold: it may be a password.
func environmentChanges(old, next map[string]string, all []Change) []Change {
	names := maps.Clone(old)
	if names == nil {
		names = map[string]string{}
	}
	maps.Copy(names, next)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		a, before := old[name]
		b, after := next[name]
		if before != after || a != b {
			all = append(all, Change{"environment " + name, hidden(before), hidden(after), true})
		}
	}
	return all
}

// Hidden stands for a value that is not shown.
const Hidden = "***"

func hidden(set bool) string {
	if set {
		return Hidden
	}
	return ""
}

// groupTraits are what two groups of one name and kind can differ in, beside
// their processes. All of it takes effect at once.
var groupTraits = []trait[Group]{
	{"priority", false, func(g *Group) string { return strconv.Itoa(g.Priority) }},
	{"buffer_size", false, func(g *Group) string { return strconv.Itoa(g.BufferSize) }},
	{"result_handler", false, func(g *Group) string { return g.ResultHandler }},
	{"events", false, func(g *Group) string { return strings.Join(g.Events, ",") }},
}

// Changes lists how the settings of next, a group of the same name, differ
// from those of g, without their processes. A change that needs a restart
// makes all processes of the group new: another kind of group, another socket.
func (g *Group) Changes(next *Group) []Change {
	if g == next {
		return nil
	}
	all := compare(nil, "", groupTraits, g, next)
	if g.Kind != next.Kind {
		all = append(all, Change{"kind", g.Kind.String(), next.Kind.String(), true})
	} else if g.Kind == FastCGI && *g.Socket != *next.Socket {
		all = append(all, Change{"socket", g.Socket.text(), next.Socket.text(), true})
	}
	return all
}

// String is the word for a kind of group that a client uses.
func (k Kind) String() string {
	switch k {
	case EventListener:
		return "eventlistener"
	case FastCGI:
		return "fcgi-program"
	}
	return "program"
}

func (s *Socket) text() string {
	if !s.Unix {
		return fmt.Sprintf("%s backlog %d", s.URL, s.Backlog)
	}
	return fmt.Sprintf("%s owner %d:%d mode %04o backlog %d", s.URL, s.UID, s.GID, s.Mode, s.Backlog)
}

func (c *Channel) fileText() string {
	switch c.Log {
	case LogAuto:
		return "AUTO"
	case LogFile:
		return c.Path
	}
	return "NONE"
}

func serverText(p *Process) string {
	if p.AutoServerURL {
		return "AUTO"
	}
	return p.ServerURL
}

func octalText(mask int) string {
	if mask < 0 {
		return ""
	}
	return fmt.Sprintf("%03o", mask)
}

func restartText(r proc.Restart) string {
	switch r {
	case proc.RestartNever:
		return "false"
	case proc.RestartAlways:
		return "true"
	}
	return "unexpected"
}

func codesText(codes []int) string {
	words := make([]string, len(codes))
	for i, c := range codes {
		words[i] = strconv.Itoa(c)
	}
	return strings.Join(words, ",")
}

func secondsText(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }
