package supervisor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/proc"
	"example.org/twiddler/internal/sys"
	"example.org/twiddler/level"
)

// Options are what a loop is made of.
type Options struct {
	System   sys.System
	Children <-chan os.Signal // a value means: some child may have exited
	Launch   LaunchOptions

	Core CoreOptions
	Log  func(level.Level, string) // must not block

	// Reread loads the configuration again; its error becomes the text of
	// CANT_REREAD. It runs in the goroutine of the caller of Reload.
	Reread func() ([]*config.Group, error)
}

// Loop is the goroutine that owns a [Core]. It is the only code that steps
// the core, signals a child or reaps one. Its other methods are safe for
// concurrent use; they block until the answer is there or ctx is done, and
// answer [*fault.Error].
type Loop struct {
	o        Options
	core     *Core
	launch   *launcher
	inbox    chan Input
	mood     atomic.Int32
	wanted   atomic.Uint32 // event.Set: what any listener wants to hear of
	birth    time.Time     // Moment.Mono counts from one second before this
	done     chan struct{}
	rereadMu sync.Mutex    // one Reload at a time
	strays   []Input       // inputs that carrying out effects gave rise to
	always   chan struct{} // closed
}

// inboxSize bounds what waits for the loop. Whoever finds it full waits.
const inboxSize = 256

// NewLoop returns a loop without groups. It does nothing until Run.
func NewLoop(o Options) *Loop {
	l := &Loop{
		o:     o,
		core:  NewCore(o.Core),
		inbox: make(chan Input, inboxSize),
		birth: time.Now(),
		done:  make(chan struct{}),

		always: make(chan struct{}),
	}
	close(l.always)
	l.mood.Store(int32(MoodRunning))
	l.launch = newLauncher(o.System, o.Launch, l.report, &l.wanted)
	return l
}

// Run owns the core until a shutdown has come to its end, and returns whether
// it is to be followed by a new start. It first starts the goroutines that
// start children, and ends them before it returns.
func (l *Loop) Run() (restart bool) {
	defer close(l.done)
	stop := l.launch.start()
	defer stop()
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	armed := time.Duration(0)
	for !l.core.Done() {
		if wake, _ := l.core.NextWake(); wake != armed {
			armed = wake
			if wake == 0 {
				timer.Stop()
			} else {
				timer.Reset(wake - l.now().Mono)
			}
		}
		if told, ok := l.launch.heed.listen(); ok {
			l.step(told)
		}
		select {
		case in := <-l.inbox:
			if told, ok := in.(Told); ok {
				l.launch.heed.told(l.launch.child(told.Name))
			}
			l.step(in)
		case <-l.awake():
			runtime.Gosched()
		case <-l.o.Children:
			l.o.Log(level.Debug, "received SIGCHLD indicating a child quit")
			for _, e := range l.o.System.Reap() {
				l.step(Reaped{e.PID, proc.Exit{Code: e.Code, Signal: e.Signal, Core: e.Core}})
			}
		case <-timer.C:
			armed = 0
			l.step(Tick{})
		}
	}
	return l.core.Mood() == MoodRestarting
}

// awake is a channel from which a value can be had only while the loop is not
// to sleep, because a listener is about to answer.
func (l *Loop) awake() <-chan struct{} {
	if len(l.launch.heed.kept) > 0 {
		return l.always
	}
	return nil
}

func (l *Loop) now() proc.Moment {
	t := time.Now()
	return proc.Moment{Mono: t.Sub(l.birth) + time.Second, Wall: t}
}

func (l *Loop) step(in Input) {
	l.carryOut(l.core.Step(l.now(), in))
	for len(l.strays) > 0 {
		in := l.strays[0]
		l.strays = l.strays[1:]
		l.carryOut(l.core.Step(l.now(), in))
	}
}

func (l *Loop) carryOut(effects []Effect) {
	// Before anybody is answered, so that who hears of a shutdown sees it.
	l.mood.Store(int32(l.core.Mood()))
	l.wanted.Store(uint32(l.core.ann.wanted))
	for _, e := range effects {
		switch e := e.(type) {
		case Spawn:
			l.launch.add(e)
		case Kill:
			l.kill(e)
		case Drain:
			if l.launch.drain(e.Name) {
				l.strays = append(l.strays, Drained(e))
			}
		case Write:
			e.Reply(l.launch.write(e))
		case Send:
			if !l.launch.send(e) && e.Event {
				l.strays = append(l.strays, SendFailed{e.Name})
			}
		case Relimit:
			l.launch.relimit(e)
		case Reply:
			e.Send()
		case Log:
			l.o.Log(e.Level, e.Text)
		}
	}
}

func (l *Loop) kill(e Kill) {
	err := l.o.System.Signal(e.PID, e.Signal, e.Group)
	switch {
	case err == nil:
	case errors.Is(err, syscall.ESRCH):
		l.o.Log(level.Debug, fmt.Sprintf("unable to signal %s (pid %d), it probably just exited on its own: %v",
			e.Name.Process, e.PID, err))
	default:
		if e.Failed != nil {
			e.Failed(err.Error())
		}
		l.strays = append(l.strays, KillFailed{PID: e.PID, Send: e.Send, Text: err.Error()})
	}
}

// report posts what a worker has to say. The loop ends only when no worker
// has anything left to report.
func (l *Loop) report(in Input) {
	select {
	case l.inbox <- in:
	case <-l.done:
	}
}

func (l *Loop) post(ctx context.Context, in Input) error {
	select {
	case l.inbox <- in:
		return nil
	case <-l.done:
		return fault.Bare(fault.ShutdownState)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// An answer is what a call gets back.
type answer[T any] struct {
	value T
	err   *fault.Error
}

// ask posts the input that build makes and waits for its one reply. The
// channel holds one value, so the loop never waits for a caller that has gone
// away.
func ask[T any](ctx context.Context, l *Loop, build func(reply func(T, *fault.Error)) Input) (T, error) {
	got := make(chan answer[T], 1)
	var none T
	if err := l.post(ctx, build(func(v T, err *fault.Error) { got <- answer[T]{v, err} })); err != nil {
		return none, err
	}
	select {
	case a := <-got:
		return a.result()
	case <-ctx.Done():
		return none, ctx.Err()
	case <-l.done:
	}
	select {
	case a := <-got: // answered by the last step
		return a.result()
	default:
		return none, fault.Bare(fault.ShutdownState)
	}
}

func (a answer[T]) result() (T, error) {
	if a.err != nil {
		return a.value, a.err
	}
	return a.value, nil
}

// tell is ask for a call that answers nothing but an error.
func tell(ctx context.Context, l *Loop, build func(reply func(*fault.Error)) Input) error {
	_, err := ask(ctx, l, func(reply func(struct{}, *fault.Error)) Input {
		return build(func(err *fault.Error) { reply(struct{}{}, err) })
	})
	return err
}

// read runs a function on the core, which must only read and copy.
func read[T any](ctx context.Context, l *Loop, f func(c *Core, now proc.Moment) (T, *fault.Error)) (T, error) {
	return ask(ctx, l, func(reply func(T, *fault.Error)) Input {
		return Query{func(c *Core, now proc.Moment) { reply(f(c, now)) }}
	})
}
