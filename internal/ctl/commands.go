package ctl

import (
	"context"
	"errors"
	"io"
	"strings"

	"example.org/twiddler/client"
	"example.org/twiddler/internal/ini"
)

// A command is one row of the table that drives execution, help and
// completion.
type command struct {
	name     string
	ours     bool     // not a command of the original: listed apart
	upcheck  bool     // the server is asked for its version first
	complete complete // what its arguments are
	help     []string
	run      func(ctx context.Context, s *session, a args) error
}

// args is what follows the name of a command.
type args struct {
	text  string   // without blanks around it
	words []string // text, cut at blanks
	argv  []string // words as the caller's shell cut them; nil if they came as one line
}

// errLeave ends the shell.
var errLeave = errors.New("leave")

// commands returns the table, ordered by name within the original's and ours.
func commands() []command {
	return []command{
		{name: "add", complete: completeGroups, help: addHelp, run: addGroups},
		{name: "avail", help: availHelp, run: avail},
		{name: "clear", upcheck: true, complete: completeProcesses, help: clearHelp, run: clearLogs},
		{name: "exit", help: exitHelp, run: leave},
		{name: "fg", upcheck: true, complete: completeProcesses, help: fgHelp, run: foreground},
		{name: "maintail", upcheck: true, help: maintailHelp, run: maintail},
		{name: "open", help: openHelp, run: open},
		{name: "pid", upcheck: true, complete: completeProcesses, help: pidHelp, run: pid},
		{name: "quit", help: quitHelp, run: leave},
		{name: "reload", help: reloadHelp, run: reload},
		{name: "remove", complete: completeGroups, help: removeHelp, run: removeGroups},
		{name: "reread", help: rereadHelp, run: reread},
		{name: "restart", upcheck: true, complete: completeProcesses, help: restartHelp, run: restart},
		{name: "shutdown", help: shutdownHelp, run: shutdown},
		{name: "signal", upcheck: true, complete: completeSignal, help: signalHelp, run: signalProcesses},
		{name: "start", upcheck: true, complete: completeProcesses, help: startHelp, run: start},
		{name: "status", complete: completeProcesses, help: statusHelp, run: status},
		{name: "stop", upcheck: true, complete: completeProcesses, help: stopHelp, run: stop},
		{name: "tail", upcheck: true, complete: completeProcesses, help: tailHelp, run: tail},
		{name: "update", complete: completeUpdate, help: updateHelp, run: update},
		{name: "version", help: versionHelp, run: version},
		{name: "completion", ours: true, complete: completeShells, help: completionHelp, run: completion},
		{name: "run", ours: true, complete: completeRun, help: runHelp, run: run},
		{name: "scale", ours: true, complete: completeScale, help: scaleHelp, run: scale},
		{name: "twiddle", ours: true, complete: completeTwiddle, help: twiddleHelp, run: twiddle},
	}
}

// find returns the command of that name. help is one that no list shows, and
// so is EOF, which is what the original makes of the end of input.
func find(name string) (command, bool) {
	switch name {
	case "help":
		return command{name: "help", run: help}, true
	case "EOF":
		return command{name: "EOF", run: leave}, true
	}
	for _, c := range commands() {
		if c.name == name {
			return c, true
		}
	}
	return command{}, false
}

// parse cuts a line into command and arguments. A command ends where letters,
// digits and underscores do, so "tail-f" is the command tail. Python 3.11,
// cmd.py, parseline.
func parse(line string) (name, text, rest string) {
	line = strings.TrimSpace(line)
	if after, ok := strings.CutPrefix(line, "?"); ok {
		line = "help " + after
	}
	end := strings.IndexFunc(line, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	if end < 0 {
		end = len(line)
	}
	return line[:end], strings.TrimSpace(line[end:]), line
}

// execute runs one line. What goes wrong has been printed when it returns; the
// only error is errInterrupted. argv is what follows the first word where a
// shell has cut the line already.
func (s *session) execute(ctx context.Context, line string, argv []string) (leave bool, err error) {
	name, text, line := parse(line)
	if line == "" {
		return false, nil
	}
	s.infos = nil
	c, ok := find(name)
	if !ok {
		s.fail(exitGeneric, "*** Unknown syntax: %s", line)
		s.hintCommand(name)
		return false, nil
	}
	a := args{text: text, words: strings.Fields(text), argv: argv}
	err = s.run(ctx, c, a)
	for errors.Is(err, client.ErrUnauthorized) {
		s.say("Server requires authentication")
		if !s.interactive {
			// The original tries again as it is, and shows the second failure.
			s.status = exitGeneric
			err = s.run(ctx, c, a)
			break
		}
		if err = s.askPassword(ctx); err == nil {
			err = s.run(ctx, c, a)
		}
	}
	switch {
	case err == nil:
		return false, nil
	case errors.Is(err, errLeave):
		return true, nil
	case ctx.Err() != nil || errors.Is(err, errInterrupted):
		return false, errInterrupted
	}
	if text, ok := refusal(err); ok {
		s.fail(exitPrivileges, "%s", text)
		return false, nil
	}
	s.fail(exitGeneric, "%s", exceptionLine(err))
	return false, nil
}

func (s *session) run(ctx context.Context, c command, a args) error {
	if c.upcheck {
		if ok, err := s.upcheck(ctx); !ok {
			return err
		}
	}
	return c.run(ctx, s, a)
}

func (s *session) hintCommand(name string) {
	known := []string{"help"}
	for _, c := range commands() {
		known = append(known, c.name)
	}
	if near := ini.Nearest(name, known); near != "" {
		s.hint("did you mean %q?", near)
	}
}

// askPassword asks for the name and password to send from now on.
func (s *session) askPassword(ctx context.Context) error {
	username, err := s.ask(ctx, "Username:")
	if err != nil {
		return err
	}
	password, err := s.terminal.secret(ctx, "Password:")
	if err != nil {
		return noInput(err)
	}
	s.say("")
	s.username, s.password, s.credentials = username, password, true
	s.forget()
	return nil
}

// ask returns the answer to a question.
func (s *session) ask(ctx context.Context, question string) (string, error) {
	answer, err := s.terminal.line(ctx, question)
	return answer, noInput(err)
}

// noInput makes the end of input an error that is not the server's.
func noInput(err error) error {
	if errors.Is(err, io.EOF) {
		return errNoInput
	}
	return err
}

func leave(_ context.Context, s *session, _ args) error {
	s.say("")
	return errLeave
}
