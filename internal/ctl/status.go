package ctl

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"example.org/twiddler/client"
	"example.org/twiddler/fault"
)

var (
	statusHelp = []string{
		"status <name>\t\tGet status for a single process",
		"status <gname>:*\tGet status for all processes in a group",
		"status <name> <name>\tGet status for multiple named processes",
		"status\t\t\tGet all process status info",
		"status --json [...]\tThe same as JSON, all that is known of each process",
		"status --watch [...]\tThe same, and again whenever it changes (-w, Ctrl-C to exit)",
	}
	pidHelp = []string{
		"pid\t\t\tGet the PID of supervisord.",
		"pid <name>\t\tGet the PID of a single child process by name.",
		"pid all\t\t\tGet the PID of every child process, one per line.",
	}
)

// status shows the processes that are named, or all. It has its own exit
// status for a server that is not there. Supervisor 4.2.5, supervisorctl.py,
// do_status.
func status(ctx context.Context, s *session, a args) error {
	var names []string
	asJSON, watching := false, false
	for _, word := range a.words {
		switch word {
		case "--json":
			asJSON = true
		case "--watch", "-w":
			watching = true
		default:
			names = append(names, word)
		}
	}
	if asJSON && watching {
		s.fail(exitInvalidArgs, "Error: status --json and --watch do not go together")
		return nil
	}
	ok, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	if !ok {
		s.status = exitStatusUnknown
		return nil
	}
	c, err := s.server()
	if err != nil {
		return err
	}
	if watching {
		return s.watch(ctx, c, names)
	}
	all, err := c.GetAllProcessInfo(ctx)
	if err != nil {
		return err
	}
	shown, bad := match(all, names)
	if asJSON {
		return s.showJSON(shown, bad)
	}
	for _, text := range bad {
		s.fail(exitStatusUnknown, "%s", text)
	}
	for _, line := range s.statusLines(shown) {
		_, _ = io.WriteString(s.out, line+"\n")
	}
	s.noteStates(shown)
	return nil
}

// noteStates sets the exit status if a process does not run. It wins over the
// status for an unknown name.
func (s *session) noteStates(shown []client.ProcessInfo) {
	for _, p := range shown {
		switch p.State {
		case client.Stopped, client.Exited, client.Fatal, client.Unknown:
			s.status = exitStatusNotRunning
		}
	}
}

// match returns the processes that names stand for, one given twice twice, and
// a line for each name that stands for none. No name, or all among them, is
// every process.
func match(all []client.ProcessInfo, names []string) (shown []client.ProcessInfo, bad []string) {
	if len(names) == 0 || slices.Contains(names, "all") {
		return all, nil
	}
	for _, name := range names {
		group, process, whole := split(name)
		before := len(shown)
		for _, p := range all {
			if p.Group == group && (whole || p.Name == process) {
				shown = append(shown, p)
			}
		}
		switch {
		case len(shown) > before:
		case whole:
			bad = append(bad, group+": ERROR (no such group)")
		default:
			bad = append(bad, name+": ERROR (no such process)")
		}
	}
	return shown, bad
}

// Columns of a status line, in characters.
const (
	nameColumn  = 30 // and more where a name is longer
	nameGap     = 3
	stateColumn = 10
)

// statusLines are the lines of the processes. The columns move with the
// longest name that is shown.
func (s *session) statusLines(shown []client.ProcessInfo) []string {
	width := s.nameWidth(shown)
	lines := make([]string, 0, len(shown))
	for _, p := range shown {
		name, state := s.harmless(p.Namespec()), s.harmless(p.StateName)
		lines = append(lines, fmt.Sprintf("%-*s", width+nameGap, name)+
			s.paint(p.State, fmt.Sprintf("%-*s", stateColumn, state))+s.harmless(p.Description))
	}
	return lines
}

func (s *session) nameWidth(shown []client.ProcessInfo) int {
	width := nameColumn
	for _, p := range shown {
		width = max(width, utf8.RuneCountInString(s.harmless(p.Namespec())))
	}
	return width
}

// harmless is text from the server as it may go to the output.
func (s *session) harmless(text string) string {
	if s.tty {
		return visible(text)
	}
	return text
}

// Colours, as the numbers of SGR.
const (
	green  = "32"
	yellow = "33"
	red    = "31"
	faint  = "2"
)

// paint colours the word of a state, not the blanks after it.
func (s *session) paint(state client.ProcessState, text string) string {
	colour := yellow // on the way
	switch state {
	case client.Running:
		colour = green
	case client.Fatal, client.Unknown:
		colour = red
	case client.Stopped, client.Exited:
		colour = faint
	}
	return s.tint(colour, text)
}

// tint colours a text, not the blanks after it, where colours are wanted.
func (s *session) tint(colour, text string) string {
	if !s.colour {
		return text
	}
	word := strings.TrimRight(text, " ")
	return "\x1b[" + colour + "m" + word + "\x1b[0m" + text[len(word):]
}

// pid prints the pid of the server or of processes. Supervisor 4.2.5,
// supervisorctl.py, do_pid.
func pid(ctx context.Context, s *session, a args) error {
	c, err := s.server()
	if err != nil {
		return err
	}
	switch {
	case len(a.words) == 0:
		n, err := c.GetPID(ctx)
		if err != nil {
			return err
		}
		s.say("%d", n)
		return nil
	case slices.Contains(a.words, "all"):
		infos, err := c.GetAllProcessInfo(ctx)
		if err != nil {
			return err
		}
		for _, p := range infos {
			s.say("%d", p.PID)
		}
		return nil
	}
	for _, name := range a.words {
		p, err := c.GetProcessInfo(ctx, name)
		switch {
		case fault.Is(err, fault.BadName):
			s.fail(exitGeneric, "No such process %s", name)
			continue
		case err != nil:
			return err
		}
		s.say("%s", strconv.Itoa(p.PID))
		if p.PID == 0 {
			s.status = exitNotRunning
		}
	}
	return nil
}
