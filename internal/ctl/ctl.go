// Package ctl is supervisorctl: it runs one command, or a shell, against a
// supervisord, this project's or the original.
//
// What it prints is what scripts read: the texts, their order and the exit
// statuses of Supervisor 4.2.5, supervisorctl.py, are kept to the character.
// What is added beyond them (JSON, colours, hints) never shows where a program
// reads the output of an old command.
package ctl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
)

// Exit statuses. Supervisor 4.2.5, supervisorctl.py, LSBInitExitStatuses and
// LSBStatusExitStatuses.
const (
	exitGeneric       = 1
	exitInvalidArgs   = 2
	exitUnimplemented = 3
	exitPrivileges    = 4 // nobody listens, or the account may not do that
	exitNotInstalled  = 5
	exitNotRunning    = 7

	exitStatusNotRunning = 3 // of status alone
	exitStatusUnknown    = 4
)

// Main runs supervisorctl and returns its exit status. argv[0] is the name of
// the program in texts. Nothing of the process but its environment, working
// directory and signals is used beside the arguments; a line editor and colours
// appear only if stdin and stdout are the process's own and are terminals.
func Main(argv []string, stdin *os.File, stdout, stderr io.Writer) int {
	flags, err := parseFlags(argv[1:])
	if err != nil {
		return complain(stderr, argv[0], err)
	}
	if flags.help {
		printUsage(stdout, argv[0])
		return 0
	}
	if len(flags.operands) > 0 {
		switch flags.operands[0] {
		case completeCommand:
			return completeWords(argv[0], flags, stdout)
		case "completion":
			// Needs no server, and no configuration that could be wrong.
			return printScript(argv[0], flags.operands[1:], stdout)
		}
	}
	o, err := configure(argv[0], flags)
	if err != nil {
		return complain(stderr, argv[0], err)
	}
	for _, p := range o.plugins {
		fmt.Fprintf(stderr, "warning: [%s]: cannot load the plugin %q: it is written in Python; its commands are missing\n",
			p.Section, p.Factory)
	}
	s := newSession(o, stdin, stdout, stderr)
	if len(flags.operands) > 0 {
		return s.once(context.Background(), flags.operands)
	}
	s.shell(context.Background())
	return 0
}

// once runs one command and returns the exit status. The words are one line
// with blanks between them, wherever the caller's shell has cut it: Ansible
// sends "signal USR1" as one word.
func (s *session) once(ctx context.Context, operands []string) int {
	defer s.close()
	var argv []string
	if len(operands) > 1 {
		argv = operands[1:]
	}
	_, err := s.execute(ctx, strings.Join(operands, " "), argv)
	if err != nil && s.status == 0 {
		return exitGeneric // interrupted
	}
	return s.status
}

// interruptible returns a context that SIGINT ends, which then does not end
// the process.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, os.Interrupt)
}

// complain says what is wrong with options or configuration, in the original's
// form, and returns the exit status for it. Supervisor 4.2.5, options.py,
// usage.
func complain(stderr io.Writer, program string, err error) int {
	fmt.Fprintf(stderr, "Error: %v\n", err)
	var syntax *syntaxError
	if errors.As(err, &syntax) {
		return exitGeneric // the original ends with a traceback, and this status
	}
	fmt.Fprintf(stderr, "For help, use %s -h\n", program)
	return exitInvalidArgs
}
