package ctl

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"example.org/twiddler/client"
	"example.org/twiddler/fault"
)

const (
	// A program that has ended stays for some seconds. Its output may take
	// longer to be passed on, so it is asked to stay this often for so long.
	keepEvery = 3 * time.Second
	keepFor   = 30 * time.Second

	// removeTimeout bounds the removal of a program, which would go by itself.
	removeTimeout = 10 * time.Second
)

// A runner attends to a program that was run: it passes on its output and
// waits for its end. Only its own goroutine may use it.
type runner struct {
	s           *session
	client      *client.Client
	wait        bool // or only follow
	out, errOut io.Writer
	signals     <-chan os.Signal
	failures    chan string // of what was asked for because of a signal

	program client.Started
	name    string
	early   os.Signal // that came before the program was started
	cause   os.Signal // the first one that came
	signs   int       // how many
	end     *client.End
	unread  []logEnd
	broken  bool // not all output was passed on
	unheard bool // it was stopped since nobody takes its output
}

// A logEnd is the end of one channel of the output.
type logEnd struct {
	channel string
	err     error
}

// errLeft is the end of an attendance before that of the program.
var errLeft = errors.New("left")

// attendRun starts a program and passes its output on until it ends, or until
// a signal says otherwise. The signals go to nobody else meanwhile.
func (s *session) attendRun(ctx context.Context, c *client.Client, request client.Run, wait bool, out io.Writer) error {
	r := &runner{s: s, client: c, wait: wait, out: out, errOut: s.errOut, failures: make(chan string, 8)}
	wanted := []os.Signal{os.Interrupt}
	if wait {
		wanted = append(wanted, syscall.SIGTERM, syscall.SIGHUP)
		s.attending.Store(true)
		defer r.passOn()
	}
	signals, release := catch(wanted...)
	defer release()
	r.signals = signals
	// A reader of ours that goes is an error of writing, not the end of us.
	_, restore := catch(syscall.SIGPIPE)
	defer restore()

	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	err := r.start(ctx, request)
	if err == nil {
		err = r.attend(ctx)
	}
	if errors.Is(err, errLeft) {
		return nil
	}
	return err
}

// catch returns those of some signals that come, but not ones that the process
// was started to ignore, as nohup does. The function it returns ends that.
func catch(wanted ...os.Signal) (<-chan os.Signal, func()) {
	c := make(chan os.Signal, 8)
	wanted = slices.DeleteFunc(wanted, signal.Ignored)
	if len(wanted) > 0 { // none would be all
		signal.Notify(c, wanted...)
	}
	return c, func() { signal.Stop(c) }
}

// passOn gives the signals back to the shell, with one that is to end it.
func (r *runner) passOn() {
	r.s.attending.Store(false)
	if sig, ok := r.cause.(syscall.Signal); ok && r.s.inShell && sig != syscall.SIGINT {
		_ = syscall.Kill(os.Getpid(), sig) // it is our own process
	}
}

// start runs the program. A second signal ends the wait for the answer.
func (r *runner) start(ctx context.Context, request client.Run) error {
	type answer struct {
		started client.Started
		err     error
	}
	answers := make(chan answer, 1)
	go func() { // ends with ctx at the latest
		started, err := r.client.Twiddler().Run(ctx, request)
		answers <- answer{started, err}
	}()
	for {
		select {
		case a := <-answers:
			r.program, r.name = a.started, a.started.Namespec()
			return a.err
		case sig := <-r.signals:
			if r.early != nil {
				r.s.fail(exitBy(sig), "ERROR: the server does not answer: %s may have been started", request.Name)
				return errLeft
			}
			r.early = sig
		}
	}
}

func exitBy(sig os.Signal) int {
	n, _ := sig.(syscall.Signal)
	return exitSignal + int(n)
}

// attend passes the output on and waits for the end.
func (r *runner) attend(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type ending struct {
		end client.End
		err error
	}
	ended, logs := make(chan ending, 1), make(chan logEnd, 2)
	// All three end with ctx at the latest, the last two when what is written
	// has been taken.
	go func() {
		end, err := r.client.Twiddler().Wait(ctx, r.name)
		ended <- ending{end, err}
	}()
	go func() { logs <- logEnd{"stdout", r.s.copyLog(ctx, r.name, "stdout", r.out)} }()
	go func() { logs <- logEnd{"stderr", r.s.copyLog(ctx, r.name, "stderr", r.errOut)} }()
	open := cap(logs)
	defer func() {
		cancel()
		r.settle(logs, open)
	}()
	if r.early != nil && !r.signalled(ctx, r.early) {
		return errLeft
	}
	keep := time.NewTicker(keepEvery)
	defer keep.Stop()
	for open > 0 || r.end == nil {
		select {
		case sig := <-r.signals:
			if !r.signalled(ctx, sig) {
				return errLeft
			}
		case e := <-ended:
			if e.err != nil {
				r.lost(e.err)
				return errLeft
			}
			r.end = &e.end
		case l := <-logs:
			open--
			if l.err != nil && !r.logFailed(ctx, l) {
				return errLeft
			}
		case text := <-r.failures:
			r.s.say("%s", text)
		case <-keep.C:
			if r.end != nil {
				go r.keep(ctx) // ends with ctx at the latest
			}
		}
	}
	r.finish(ctx)
	return nil
}

// settle waits until nothing is written any more, but not for a reader that
// has stopped reading when a signal comes.
func (r *runner) settle(logs <-chan logEnd, open int) {
	for open > 0 && r.signs < 3 {
		select {
		case <-logs:
			open--
		case <-r.signals:
			return
		}
	}
}

// signalled does what a signal asks for, and reports whether to go on.
func (r *runner) signalled(ctx context.Context, sig os.Signal) bool {
	r.signs++
	if r.cause == nil {
		r.cause = sig
	}
	switch {
	case !r.wait:
		r.s.say("%s goes on", r.name)
		return false
	case r.end != nil: // and its output is not taken
		r.s.status = exitBy(r.cause)
		r.remove(ctx)
		return false
	case r.signs == 1:
		r.stop(ctx)
		r.s.say("stopping %s; Ctrl-C once more kills it", r.name)
	case r.signs == 2:
		r.ask("kill", func() error { return r.client.SignalProcess(ctx, r.name, "KILL") })
		r.s.say("killing %s", r.name)
	default:
		r.s.fail(exitBy(r.cause), "ERROR: left %s, which has not ended", r.name)
		return false
	}
	return true
}

func (r *runner) stop(ctx context.Context) {
	r.ask("stop", func() error { return r.client.StopProcess(ctx, r.name, true) })
}

// ask makes a call without waiting. That the program has ended meanwhile is no
// failure.
func (r *runner) ask(verb string, call func() error) {
	go func() { // ends with the call, which ctx bounds
		err := call()
		if err == nil || fault.Is(err, fault.NotRunning) || fault.Is(err, fault.BadName) || errors.Is(err, context.Canceled) {
			return
		}
		select {
		case r.failures <- "ERROR: cannot " + verb + " " + r.name + ": " + err.Error():
		default: // as often before
		}
	}()
}

// logFailed sees to output that cannot be passed on, and reports whether to go
// on.
func (r *runner) logFailed(ctx context.Context, l logEnd) bool {
	var write writeError
	if !errors.As(l.err, &write) {
		r.unread = append(r.unread, l) // the end tells what it means
		return true
	}
	r.broken = true
	if !r.wait {
		r.s.fail(exitGeneric, "ERROR: %s; %s goes on", logError(l.channel, l.err), r.name)
		return false
	}
	if r.end == nil && r.cause == nil {
		r.unheard = true
		r.stop(ctx)
		r.s.say("ERROR: %s; stopping %s", logError(l.channel, l.err), r.name)
	}
	return true
}

// keep asks for a program that has ended to stay.
func (r *runner) keep(ctx context.Context) {
	lease := r.name
	if r.program.Group == r.program.Process {
		lease = r.program.Group + ":"
	}
	_ = r.client.Twiddler().Renew(ctx, lease, keepFor) // what comes too late shows in the output
}

// remove removes the program. If that fails it goes by itself.
func (r *runner) remove(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, removeTimeout)
	defer cancel()
	t, how := r.client.Twiddler(), client.How{Reason: r.name + " has ended"}
	if r.program.Group == r.program.Process {
		_, _ = t.RemoveGroup(ctx, r.program.Group, how)
		return
	}
	_, _ = t.Apply(ctx, []client.Change{{Action: client.Remove, Group: r.program.Group, Program: r.program.Process}}, how)
}

// finish removes a program that has ended, and makes its exit status ours.
func (r *runner) finish(ctx context.Context) {
	failed := r.end.State == "FATAL"
	for _, l := range r.unread {
		if missing := statusError(404); failed && errors.Is(l.err, missing) {
			continue // it had no chance to write
		}
		r.broken = true
		r.s.say("ERROR: %s: %s", r.name, logError(l.channel, l.err))
	}
	if r.wait {
		r.remove(ctx)
	}
	switch {
	case r.cause != nil:
		r.s.status = exitBy(r.cause)
	case r.unheard:
		r.s.status = exitGeneric
	case failed:
		r.s.fail(exitGeneric, "ERROR: %s could not be started: %s", r.name, r.end.Error)
	case r.end.Signal != 0:
		sig := syscall.Signal(r.end.Signal)
		r.s.fail(exitBy(sig), "%s: ended by signal %d (%s)", r.name, r.end.Signal, unix.SignalName(sig))
	case r.end.Status < 0:
		r.s.fail(exitGeneric, "ERROR: %s: %s, and its exit status is not known", r.name, r.end.State)
	default:
		r.s.status = r.end.Status
	}
	if r.broken && r.s.status == 0 {
		r.s.status = exitGeneric
	}
}

// lost says what is known of a program whose end could not be waited for.
func (r *runner) lost(err error) {
	code, text, isFault := faultOf(err)
	switch {
	case isFault && code == fault.ShutdownState:
		r.s.fail(exitGeneric, "ERROR: supervisor shutting down: it stops %s", r.name)
	case isFault && code == fault.BadName:
		r.s.fail(exitGeneric, "ERROR: %s was removed before its end could be seen", r.name)
	case isFault:
		r.s.fail(exitGeneric, "ERROR: cannot wait for %s, which goes on: %s", r.name, text)
	default:
		r.s.fail(exitGeneric, "ERROR: the connection is lost: %v", err)
		r.s.hint("%s goes on if the server does, and goes by itself after its end", r.name)
	}
}
