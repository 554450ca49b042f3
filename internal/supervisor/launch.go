package supervisor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/childlog"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/sys"
	"example.org/twiddler/level"
)

// LaunchOptions are what children are started with.
type LaunchOptions struct {
	Workers   int // how many starts may be under way at once
	Environ   []string
	Path      string // where commands are looked for; "" for the system's own
	MaxFDs    int    // how many descriptors supervisord may have; 0 for any number
	Files     *childlog.Files
	Pump      Pump
	Lender    Lender            // the same; nil for one that lends nothing
	StripANSI func() bool       // asked for each chunk of output
	Syslog    func(line string) // for stdout_syslog and stderr_syslog
	Debug     func(text string) // child output to the main log; nil for none
	// OpenSocket listens on the socket of a FastCGI group.
	OpenSocket func(*config.Socket) (*os.File, error)
	ErrnoName  func(error) string      // ENOENT for that errno
	Create     func(path string) error // creates an empty AUTO log
	Log        func(lv level.Level, text string)
}

// A Pump copies what children write to their logs; *childlog.Pump does.
type Pump interface {
	Add(fd int, s *childlog.Stream) (*childlog.Pipe, error)
	// FinishEmpty closes pipes that are empty and answers true, or does
	// nothing. It must not wait.
	FinishEmpty(pipes []*childlog.Pipe) bool
	// Finish copies what is left in the pipes, closes them and calls done. It
	// must not wait.
	Finish(pipes []*childlog.Pipe, done func())
}

// A launcher starts children in its workers and keeps our ends of their
// pipes. Nothing the loop calls on it blocks.
type launcher struct {
	o      LaunchOptions
	sys    sys.System
	report func(Input)
	wanted *atomic.Uint32 // event.Set: what any listener wants to hear of
	base   *environ
	heed   attention

	mu       sync.Mutex
	changed  *sync.Cond
	turns    turns
	brief    map[Name]struct{} // whose last child has lived briefly
	closed   bool
	children map[Name]*child
	sockets  map[string]*socket // of FastCGI groups, by group
}

// A child is our side of one running child. Its stdin is written by the loop
// only, and never after drain took it out of the table.
type child struct {
	socket string // group whose socket it holds; "" for none
	stdin  *childlog.Input
	pipes  []*childlog.Pipe
	born   time.Time
	hearing
}

func newLauncher(s sys.System, o LaunchOptions, report func(Input), wanted *atomic.Uint32) *launcher {
	l := &launcher{o: o, sys: s, report: report, wanted: wanted, base: newEnviron(o.Environ),
		brief: map[Name]struct{}{}, children: map[Name]*child{}, sockets: map[string]*socket{}}
	l.changed = sync.NewCond(&l.mu)
	l.heed.lender = o.Lender
	return l
}

// start begins the workers; the function it returns ends them. Each ends when
// it has reported the start it is at.
func (l *launcher) start() (stop func()) {
	var workers sync.WaitGroup
	for range max(1, l.o.Workers) {
		workers.Go(l.work)
	}
	return func() {
		l.mu.Lock()
		l.closed = true
		l.changed.Broadcast()
		l.mu.Unlock()
		workers.Wait()
	}
}

func (l *launcher) add(s Spawn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, brief := l.brief[s.Name]
	delete(l.brief, s.Name)
	l.turns.add(s, brief)
	l.changed.Signal()
}

func (l *launcher) work() {
	for {
		w, ok := l.next()
		if !ok {
			return
		}
		begun := time.Now()
		pid, err := l.spawn(w.Spawn)
		took := time.Since(begun)
		l.report(Spawned{w.Name, pid, err})
		l.done(w, took)
	}
}

// next waits for a turn.
func (l *launcher) next() (turn, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.closed {
		if w, ok := l.turns.next(); ok {
			return w, true
		}
		l.changed.Wait()
	}
	return turn{}, false
}

func (l *launcher) done(w turn, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rest := l.turns.done(w, took)
	switch {
	case rest > 0:
		// Nobody waits for it: it ends by itself, after maxRest at the latest.
		time.AfterFunc(rest, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.turns.rested()
			l.changed.Signal()
		})
	case w.Ordered:
		l.changed.Broadcast()
	case w.brief:
		l.changed.Signal()
	}
}

// check looks whether the command of p can be run, as its spawn will.
func (l *launcher) check(p *config.Process) error {
	_, _, err := l.sys.Resolve(p.Command, l.path(p))
	return commandFault(err)
}

func (l *launcher) path(p *config.Process) string {
	if path, ok := p.Environment["PATH"]; ok {
		return path
	}
	return l.o.Path
}

func (l *launcher) spawn(s Spawn) (pid int, err error) {
	p := s.Process
	file, argv, err := l.sys.Resolve(p.Command, l.path(p))
	if err != nil {
		return 0, err
	}
	from := &origin{name: s.Name}
	stdout, stderr, err := l.streams(s, from)
	if err != nil {
		return 0, err
	}
	fd, err := l.acquire(s)
	if err != nil {
		l.noteFailure(err, stdout, stderr)
		return 0, err
	}
	job := &sys.Child{
		Name:           p.Name,
		File:           file,
		Argv:           argv,
		Dir:            p.Directory,
		Env:            l.base.child(p),
		Umask:          p.Umask,
		User:           p.User,
		RedirectStderr: p.RedirectStderr,
		Socket:         fd,
	}
	started, err := l.sys.Start(job)
	if f := (*sys.StartError)(nil); errors.As(err, &f) && f.NoFDs && l.o.Files.Shed() {
		started, err = l.sys.Start(job)
	}
	if err != nil {
		l.releaseOf(s)
		l.noteFailure(err, stdout, stderr)
		return 0, err
	}
	from.pid = started.PID
	c := &child{born: time.Now(), hearing: hearing{name: s.Name}}
	if s.Socket != nil {
		c.socket = s.Name.Group
	}
	if started.Stdin >= 0 {
		c.stdin = childlog.NewInput(started.Stdin)
	}
	c.pipes = append(c.pipes, l.capture(started.Stdout, stdout), l.capture(started.Stderr, stderr))
	l.mu.Lock()
	l.children[s.Name] = c
	l.mu.Unlock()
	l.budget()
	return started.PID, nil
}

// ownFDs are descriptors set aside for connections and supervisord itself.
const ownFDs = 300

// budget leaves to log files the descriptors that pipes do not take.
func (l *launcher) budget() {
	if l.o.MaxFDs == 0 {
		return
	}
	l.mu.Lock()
	n := len(l.children)
	l.mu.Unlock()
	if n%64 == 1 {
		l.o.Files.SetBudget(max(64, l.o.MaxFDs-ownFDs-3*(n+64)))
	}
}

// drain has the last output of a child copied to its logs, and reports it, or
// answers true if there is none.
func (l *launcher) drain(name Name) (drained bool) {
	l.mu.Lock()
	c := l.children[name]
	delete(l.children, name)
	l.noteLifeLocked(name, c)
	l.mu.Unlock()
	l.heed.forget(c)
	if c.stdin != nil {
		c.stdin.Close()
	}
	if c.socket != "" {
		l.release(c.socket)
	}
	if l.o.Pump.FinishEmpty(c.pipes) {
		return true
	}
	l.o.Pump.Finish(c.pipes, func() { l.report(Drained{name}) })
	return false
}

// noteLifeLocked remembers who has lived briefly until its next start. Those
// that are never started again are forgotten when they become many.
func (l *launcher) noteLifeLocked(name Name, c *child) {
	if time.Since(c.born) >= briefLife {
		return
	}
	if len(l.brief) > 2*len(l.children)+64 {
		clear(l.brief)
	}
	l.brief[name] = struct{}{}
}

func (l *launcher) write(w Write) *fault.Error {
	stdin := l.stdin(w.Name)
	if stdin == nil {
		return fault.New(fault.NoFile, w.As)
	}
	switch err := stdin.Write(w.Data); {
	case err == nil:
		return nil
	case errors.Is(err, childlog.ErrFull):
		return fault.Errorf(fault.Failed, "%s does not read its stdin: %v", w.As, err)
	}
	return fault.New(fault.NoFile, w.As)
}

// send reports whether the child took the bytes, or will as it reads.
func (l *launcher) send(s Send) bool {
	c := l.child(s.Name)
	if c == nil || c.stdin == nil || c.stdin.Write(s.Data) != nil {
		return false
	}
	if s.Event {
		l.heed.sent(c)
	}
	return true
}

// stdin is our end of a child's stdin, nil if there is no child or no pipe.
func (l *launcher) stdin(n Name) *childlog.Input {
	if c := l.child(n); c != nil {
		return c.stdin
	}
	return nil
}

// child is nil if there is none.
func (l *launcher) child(n Name) *child {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.children[n]
}

func (l *launcher) clear(logs Logs) error {
	var errs []error
	for _, path := range []string{logs.Stdout, logs.Stderr} {
		if path != "" {
			_, err := l.o.Files.Clear(path)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// relimit gives logs that are open other limits. One that is shared gets them
// for all.
func (l *launcher) relimit(r Relimit) {
	set := func(path string, ch config.Channel) {
		if path != "" {
			l.o.Files.SetLimits(path, ch.MaxBytes, ch.Backups)
		}
	}
	set(r.Logs.Stdout, r.Process.Stdout)
	set(r.Logs.Stderr, r.Process.Stderr)
}

// createLogs makes the AUTO logs of new processes. One that can't be made is
// the trouble of its process, when that is started.
func (l *launcher) createLogs(paths []string) {
	for _, path := range paths {
		if err := l.o.Create(path); err != nil && !errors.Is(err, fs.ErrExist) {
			l.o.Log(level.Warn, fmt.Sprintf("cannot create log file %q: %v", path, err))
		}
	}
}
