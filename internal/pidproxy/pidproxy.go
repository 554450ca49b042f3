package pidproxy

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// farewell is how long the command may take to end after the process of the
// pidfile has, before it is left to itself.
const farewell = time.Second

// The statuses a shell would have for a command that cannot be started.
const (
	statusNotExecutable = 126
	statusNotFound      = 127
)

// Main runs the program and returns its exit status. argv has the name it was
// called by, then the pidfile and the command with its arguments. The command
// gets this process's own standard files; stdout and stderr are for messages.
// Main takes over the process's signals, and is for a process of its own.
func Main(argv []string, stdout, stderr io.Writer) int {
	if len(argv) < 3 {
		name := "pidproxy"
		if len(argv) > 0 {
			name = argv[0]
		}
		fmt.Fprintf(stdout, usage, name)
		return 1
	}
	// Asked for before the start, so that no signal is lost in between.
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT,
		syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGQUIT)
	defer signal.Stop(signals)

	command, err := start(argv[2:])
	if err != nil {
		fmt.Fprintf(stderr, "pidproxy: cannot start %q: %v\n", argv[2], err)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, exec.ErrNotFound) {
			return statusNotFound
		}
		return statusNotExecutable
	}
	p := &proxy{pidfile: argv[1], command: command, stdout: stdout, stderr: stderr}
	return p.run(signals)
}

const usage = `Usage: %s PIDFILE COMMAND [ARGUMENT...]

Run COMMAND, and pass the signals TERM, HUP, INT, USR1, USR2 and QUIT on to the
process whose pid is in PIDFILE.
`

// start starts the command with our own standard files, in our own process
// group, so that killasgroup reaches it.
func start(argv []string) (*os.Process, error) {
	path, err := find(argv[0])
	if err != nil {
		return nil, err
	}
	return os.StartProcess(path, argv, &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
}

// find returns the file of a command.
func find(name string) (string, error) {
	if strings.ContainsRune(name, filepath.Separator) {
		return name, nil
	}
	here := "." + string(filepath.Separator) + name
	if _, err := os.Stat(here); err == nil {
		return here, nil
	}
	return exec.LookPath(name)
}

// A proxy is one run of the program. Only the goroutine of run touches it.
type proxy struct {
	pidfile        string
	command        *os.Process
	stdout, stderr io.Writer

	stopping bool            // a signal to stop has been delivered
	ended    bool            // the command has
	target   <-chan struct{} // closed when the process of the pidfile has gone; nil if that is not waited for
}

// run passes signals on until there is nothing left to stand for.
func (p *proxy) run(signals <-chan os.Signal) int {
	exited := make(chan int, 1)
	go func() { exited <- wait(p.command) }() // ends with the command
	var enough <-chan time.Time
	for {
		select {
		case sig := <-signals:
			p.forward(sig.(syscall.Signal))
		case status := <-exited:
			p.ended = true
			if !p.stopping {
				return status
			}
		case <-p.target:
			p.target = nil
			enough = time.After(farewell)
		case <-enough:
			return 0
		}
		if p.stopping && p.ended && p.target == nil {
			return 0
		}
	}
}

// wait returns the command's exit status as a shell would tell it.
func wait(command *os.Process) int {
	state, err := command.Wait()
	if err != nil {
		return 1 // somebody else has reaped it: its status is lost
	}
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return state.ExitCode()
}

// forward delivers one signal.
func (p *proxy) forward(sig syscall.Signal) {
	stop := sig == syscall.SIGTERM || sig == syscall.SIGINT || sig == syscall.SIGQUIT
	gone, ok := p.signalPidfile(sig)
	switch {
	case !stop:
	case ok:
		p.stopping, p.target = true, gone
	case !p.stopping:
		// While it is being stopped, the process of the pidfile may well have
		// removed that: the command needs no signal then.
		if err := p.command.Signal(sig); err != nil {
			fmt.Fprintf(p.stderr, "pidproxy: cannot signal the command: %v\n", err)
		}
		p.stopping = true
	}
}

// signalPidfile sends a signal to the process of the pidfile. The channel is
// closed when that has gone. ok is false if the signal could not be sent.
func (p *proxy) signalPidfile(sig syscall.Signal) (gone <-chan struct{}, ok bool) {
	pid, err := readPid(p.pidfile)
	if err != nil {
		fmt.Fprintf(p.stdout, "Can't read child pidfile %s!\n", p.pidfile) // Supervisor 4.2.5, pidproxy.py, passtochild
		return nil, false
	}
	gone = watch(pid) // first, while the pid can't be another process's yet
	if err := syscall.Kill(pid, sig); err != nil {
		fmt.Fprintf(p.stderr, "pidproxy: cannot signal process %d of %s: %v\n", pid, p.pidfile, err)
		return nil, false
	}
	return gone, true
}
