package ctl

import (
	"context"
	"errors"
	"io"
	"net/url"
	"sync"
	"time"

	"example.org/twiddler/client"
	"example.org/twiddler/fault"
)

var fgHelp = []string{"fg <process>\tConnect to a process in foreground mode", "\t\tCtrl-C to exit"}

// aliveInterval is how often fg looks whether the process still runs while
// nobody types.
const aliveInterval = time.Second

// foreground shows what a process writes and sends it the lines that are
// typed, until Ctrl-C, the end of input, or the end of the process.
// Supervisor 4.2.5, supervisorctl.py, do_fg; it notices the process's end only
// at the next line.
func foreground(ctx context.Context, s *session, a args) error {
	switch len(a.words) {
	case 0:
		return s.usage(exitGeneric, "ERROR: no process name supplied", fgHelp)
	case 1:
	default:
		s.fail(exitGeneric, "ERROR: too many process names supplied")
		return nil
	}
	name := a.words[0]
	c, err := s.server()
	if err != nil {
		return err
	}
	p, err := c.GetProcessInfo(ctx, name)
	switch code, text, isFault := faultOf(err); {
	case isFault && code == fault.BadName:
		s.fail(exitGeneric, "ERROR: bad process name supplied")
		return nil
	case isFault:
		s.say("ERROR: %s", faultRepr(code, text))
		return nil
	case err != nil:
		return err
	case p.State != client.Running:
		s.fail(exitGeneric, "ERROR: process not running")
		return nil
	}
	s.say("%s", pressCtrlC)
	return s.attach(ctx, c, name)
}

// errGone is the end of the process in the foreground.
var errGone = errors.New("process is gone")

// A watchError is why fg ends although nobody asked for it.
type watchError struct{ err error }

func (e *watchError) Error() string { return e.err.Error() }
func (e *watchError) Unwrap() error { return e.err }

func (s *session) attach(ctx context.Context, c *client.Client, name string) error {
	ctx, stop := s.interruptible(ctx)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	var background sync.WaitGroup
	// Both streams and the watch end with ctx, which attach cancels; it waits
	// for them.
	out := &sharedWriter{out: s.out}
	for _, channel := range []string{"stdout", "stderr"} {
		w := s.logWriter(out)
		background.Go(func() { _ = s.stream(ctx, "/logtail/"+url.PathEscape(name)+"/"+channel, w) })
	}
	background.Go(func() { watchProcess(ctx, c, name, cancel) })
	err := s.forward(ctx, c, name)
	if ctx.Err() != nil {
		err = nil // Ctrl-C, unless the watch says otherwise
		var watched *watchError
		if errors.As(context.Cause(ctx), &watched) {
			err = watched.err
		}
	}
	cancel(nil)
	background.Wait()
	code, text, isFault := faultOf(err)
	switch {
	case errors.Is(err, errGone):
		s.say("Process got killed")
	case isFault:
		s.say("ERROR: %s", faultRepr(code, text))
	case err != nil:
		return err
	}
	s.say("Exiting foreground")
	return nil
}

// forward sends lines to the process until they end, or something is wrong.
func (s *session) forward(ctx context.Context, c *client.Client, name string) error {
	for {
		line, err := s.terminal.line(ctx, "")
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		err = c.SendProcessStdin(ctx, name, line+"\n")
		if fault.Is(err, fault.NotRunning) {
			return errGone
		}
		if err != nil {
			return err
		}
		p, err := c.GetProcessInfo(ctx, name)
		if err != nil {
			return err
		}
		if p.State != client.Running {
			return errGone
		}
	}
}

// watchProcess ends ctx when the process no longer runs.
func watchProcess(ctx context.Context, c *client.Client, name string, end context.CancelCauseFunc) {
	tick := time.NewTicker(aliveInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		p, err := c.GetProcessInfo(ctx, name)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			end(&watchError{err})
			return
		case p.State != client.Running:
			end(&watchError{errGone})
			return
		}
	}
}

// A sharedWriter lets two streams write whole pieces to one output.
type sharedWriter struct {
	mu  sync.Mutex // guards writing to out
	out io.Writer
}

func (w *sharedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Write(p)
}
