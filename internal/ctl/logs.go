package ctl

import (
	"bytes"
	"context"
	"io"
	"net/url"
	"strconv"
	"strings"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/ini"
)

var (
	tailHelp = []string{
		"tail [-f] <name> [stdout|stderr] (default stdout)",
		"Ex:",
		"tail -f <name>\t\tContinuous tail of named process stdout",
		"\t\t\tCtrl-C to exit.",
		"tail -100 <name>\tlast 100 *bytes* of process stdout",
		"tail <name> stderr\tlast 1600 *bytes* of process stderr",
	}
	maintailHelp = []string{
		"maintail -f \tContinuous tail of supervisor main log file (Ctrl-C to exit)",
		"maintail -100\tlast 100 *bytes* of supervisord main log file",
		"maintail\tlast 1600 *bytes* of supervisor main log file",
		"",
	}
)

// tailBytes is how much of a log is shown unless a number is given.
const tailBytes = 1600

// pressCtrlC is the first line of everything that goes on until Ctrl-C.
const pressCtrlC = "==> Press Ctrl-C to exit <=="

// tail shows the end of a process's log. Supervisor 4.2.5, supervisorctl.py,
// do_tail.
func tail(ctx context.Context, s *session, a args) error {
	words := a.words
	switch {
	case len(words) < 1:
		return s.usage(exitGeneric, "Error: too few arguments", tailHelp)
	case len(words) > 3:
		return s.usage(exitGeneric, "Error: too many arguments", tailHelp)
	}
	modifier := ""
	if strings.HasPrefix(words[0], "-") {
		modifier, words = words[0], words[1:]
	}
	if len(words) == 0 {
		s.fail(exitGeneric, "Error: tail requires process name")
		return nil
	}
	name, channel := words[0], "stdout"
	if len(words) > 1 {
		channel = strings.ToLower(words[len(words)-1])
	}
	if channel != "stdout" && channel != "stderr" {
		s.fail(exitGeneric, "Error: bad channel %s", ini.Repr(channel))
		return nil
	}
	if modifier == "-f" {
		return s.followLog(ctx, "/logtail/"+url.PathEscape(name)+"/"+channel, "/logtail/"+name+"/"+channel)
	}
	n, ok := s.tailLength(modifier)
	if !ok {
		return nil
	}
	c, err := s.server()
	if err != nil {
		return err
	}
	read := c.ReadProcessStdoutLog
	if channel == "stderr" {
		read = c.ReadProcessStderrLog
	}
	text, err := read(ctx, name, -n, 0)
	if fault.Is(err, fault.BadName) {
		s.fail(exitGeneric, "%s: ERROR (no such process name)", name)
		return nil
	}
	return s.showLog(name, text, err)
}

// maintail shows the end of the server's own log. Supervisor 4.2.5,
// supervisorctl.py, do_maintail.
func maintail(ctx context.Context, s *session, a args) error {
	modifier := ""
	switch {
	case len(a.words) > 1:
		return s.usage(exitGeneric, "Error: too many arguments", maintailHelp)
	case len(a.words) == 1 && !strings.HasPrefix(a.words[0], "-"):
		s.fail(exitGeneric, "Error: bad argument %s", a.words[0])
		return nil
	case len(a.words) == 1:
		modifier = a.words[0]
	}
	if modifier == "-f" {
		return s.followLog(ctx, "/mainlogtail", "/mainlogtail")
	}
	n, ok := s.tailLength(modifier)
	if !ok {
		return nil
	}
	c, err := s.server()
	if err != nil {
		return err
	}
	text, err := c.ReadLog(ctx, -n, 0)
	return s.showLog("supervisord", text, err)
}

// tailLength reads -N. A length of 0 is the whole log.
func (s *session) tailLength(modifier string) (n int64, ok bool) {
	if modifier == "" {
		return tailBytes, true
	}
	// 32 bits: what the wire can carry.
	n, err := strconv.ParseInt(modifier[1:], 10, 32)
	if err != nil {
		s.fail(exitGeneric, "Error: bad argument %s", modifier)
		return 0, false
	}
	return n, true
}

// showLog prints what was read of a log, or why it was not.
func (s *session) showLog(name, text string, err error) error {
	switch {
	case fault.Is(err, fault.NoFile):
		s.fail(exitGeneric, "%s: ERROR (no log file)", name)
	case fault.Is(err, fault.Failed):
		s.fail(exitGeneric, "%s: ERROR (unknown error reading log)", name)
	case err != nil:
		return err
	default:
		var b bytes.Buffer
		_, _ = io.WriteString(s.logWriter(&b), text) // a buffer takes all
		_, _ = io.WriteString(s.out, b.String()+"\n")
	}
	return nil
}

// logWriter returns what log text goes through on its way to out.
func (s *session) logWriter(out io.Writer) io.Writer {
	if s.tty {
		return &logFilter{out: out}
	}
	return out
}
