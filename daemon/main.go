// Package daemon is supervisord: what a binary with or without extensions of
// its own calls from main.
package daemon

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/ctl"
	"example.org/twiddler/internal/pidproxy"
	"example.org/twiddler/internal/sample"
)

// Version is what clients are told. It is the version of Supervisor whose
// behaviour this program has, since clients compare it.
const Version = "4.3.0"

// Main runs supervisord with the given extensions, and ends the process. The
// extension twiddler is not built in by itself: list its Factory too.
//
// The exit status is 0 after a shutdown, 2 if the command line or the
// configuration cannot be used or a socket cannot be had, and 1 if anything
// else prevents the start.
func Main(factories ...ext.Factory) {
	if probed() {
		os.Exit(0)
	}
	os.Exit(dispatch(os.Args, factories))
}

// programs are what the binary is beside supervisord: by a link of that name,
// or by that word after the name of supervisord, where no other operand may
// stand.
var programs = []struct {
	link, word string
	main       func(argv []string) int
}{
	{"supervisorctl", "ctl", func(argv []string) int { return ctl.Main(argv, os.Stdin, os.Stdout, os.Stderr) }},
	{"pidproxy", "pidproxy", func(argv []string) int { return pidproxy.Main(argv, os.Stdout, os.Stderr) }},
	{"echo_supervisord_conf", "conf", func(argv []string) int { return sample.Main(argv, os.Stdout, os.Stderr) }},
}

// shortGrowth is by how many percent the heap of a command grows before it is
// collected: with the runtime's least heap of 4 MiB for 100 no command that
// does its work and ends ever is.
const shortGrowth = 800

// dispatch runs the program that the binary was called as, by a link of that
// name or by its first argument.
func dispatch(argv []string, factories []ext.Factory) int {
	for _, p := range programs {
		if filepath.Base(argv[0]) == p.link {
			debug.SetGCPercent(shortGrowth)
			return p.main(argv)
		}
		if len(argv) > 1 && argv[1] == p.word {
			debug.SetGCPercent(shortGrowth)
			return p.main(append([]string{argv[0] + " " + p.word}, argv[2:]...))
		}
	}
	return run(argv, factories, os.Stdout, os.Stderr)
}

// A usageError ends the program with status 2 and a hint at the help.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }

func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

func run(argv []string, factories []ext.Factory, stdout, stderr io.Writer) int {
	flags, err := parseFlags(argv)
	switch {
	case err != nil:
		return complain(stderr, argv[0], err)
	case flags.help:
		printHelp(stdout, argv[0])
		return 0
	case flags.version:
		fmt.Fprintln(stdout, Version)
		return 0
	}
	d := &daemon{argv: argv, flags: flags, factories: factories, stdout: stdout, stderr: stderr}
	if flags.check {
		return d.check()
	}
	defer keepMemory()()
	defer profile()()
	for {
		restart, err := d.live()
		switch {
		case errors.Is(err, errParent):
			return d.launch.Status
		case err != nil:
			return complain(stderr, argv[0], err)
		case !restart:
			return 0
		}
		d.restarted = true
	}
}

// complain says what is wrong the way Supervisor does, and returns the exit
// status for it. Supervisor 4.2.5, options.py, usage.
func complain(stderr io.Writer, program string, err error) int {
	fmt.Fprintf(stderr, "Error: %v\n", err)
	var u *usageError
	if !errors.As(err, &u) {
		return 1
	}
	fmt.Fprintf(stderr, "For help, use %s -h\n", program)
	return 2
}
