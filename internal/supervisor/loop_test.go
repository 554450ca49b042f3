package supervisor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/childlog"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/proc"
	"example.org/twiddler/internal/sys"
	"example.org/twiddler/internal/sys/systest"
	"example.org/twiddler/level"
)

// nopPump finds every pipe empty.
type nopPump struct{}

func (nopPump) Add(int, *childlog.Stream) (*childlog.Pipe, error) { return nil, nil }
func (nopPump) FinishEmpty([]*childlog.Pipe) bool                 { return false }
func (nopPump) Finish(_ []*childlog.Pipe, done func())            { go done() }

// A stage is a loop over a fake system, in fake time.
type stage struct {
	*Loop
	t       *testing.T
	fake    *systest.Fake
	restart chan bool

	mu    sync.Mutex
	lines []string
}

// play runs f on a stage with one group for each process, and then shuts
// down. Time is fake: durations are exact.
func play(t *testing.T, procs []*config.Process, f func(s *stage)) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{t: t, fake: systest.New(), restart: make(chan bool, 1)}
		s.Loop = NewLoop(Options{
			System:   s.fake,
			Children: s.fake.Notify(),
			Launch: LaunchOptions{
				Workers: 4, Pump: nopPump{}, Files: childlog.NewFiles(func(string) {}),
				ErrnoName: error.Error, Log: s.log, Create: func(string) error { return nil },
			},
			Core: CoreOptions{AutoName: func(string, string) string { return "" }},
			Log:  s.log,
		})
		go func() { s.restart <- s.Run() }()
		var groups []*config.Group
		for _, p := range procs {
			groups = append(groups, &config.Group{Name: p.Group, Priority: p.Priority, Processes: []*config.Process{p}})
		}
		if err := s.Begin(t.Context(), groups); err != nil {
			t.Fatal(err)
		}
		f(s)
		if err := s.Shutdown(t.Context()); err != nil && !fault.Is(err, fault.ShutdownState) {
			t.Errorf("shutdown: %v", err)
		}
		s.restart <- <-s.restart // wait for the end, and leave it for others
	})
}

func (s *stage) log(lv level.Level, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, lv.String()+" "+text)
}

// logged reports whether a line that contains text has been logged.
func (s *stage) logged(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.lines, func(l string) bool { return strings.Contains(l, text) })
}

func (s *stage) state(name string) proc.State {
	i, err := s.Info(s.t.Context(), Name{name, name}, name)
	if err != nil {
		s.t.Fatal(err)
	}
	return i.State
}

func program(name string, change func(*config.Process)) *config.Process {
	p := &config.Process{Spec: proc.Spec{
		Name: name, Group: name, StartWait: time.Second, StartRetries: 3,
		AutoRestart: proc.RestartUnexpected, ExitCodes: []int{0}, StopSignal: 15, StopWait: 10 * time.Second,
	}, Command: name, Priority: 999, UID: -1, Umask: -1}
	if change != nil {
		change(p)
	}
	return p
}

// took reports how long f takes.
func took(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

func TestStartWaitsForStartsecs(t *testing.T) {
	t.Parallel()
	play(t, []*config.Process{program("cat", func(p *config.Process) { p.StartWait = 7 * time.Second })}, func(s *stage) {
		cat := Name{"cat", "cat"}
		d := took(func() {
			if err := s.StartProcess(s.t.Context(), cat, "cat", true); err != nil {
				s.t.Error(err)
			}
		})
		if d != 7*time.Second {
			s.t.Errorf("startProcess answered after %v, want startsecs = 7s", d)
		}
		d = took(func() {
			if err := s.StopProcess(s.t.Context(), cat, "cat", true); err != nil {
				s.t.Error(err)
			}
		})
		if d != 0 {
			s.t.Errorf("stopProcess answered after %v, the child died at once", d)
		}
		if err := s.StopProcess(s.t.Context(), cat, "cat:cat", true); err == nil || err.Error() != "NOT_RUNNING: cat:cat" {
			s.t.Errorf("second stop: %v, want NOT_RUNNING: cat:cat", err)
		}
	})
}

func TestTriesGetFurtherApart(t *testing.T) {
	t.Parallel()
	play(t, []*config.Process{program("bad", func(p *config.Process) { p.AutoStart = true })}, func(s *stage) {
		s.fake.FailResolve("bad", &sys.CommandError{NotFound: true, Text: "can't find command 'bad'"})
		if err := s.StartProcess(s.t.Context(), Name{"bad", "bad"}, "bad", true); !fault.Is(err, fault.NoFile) {
			s.t.Errorf("start of a missing command: %v, want NO_FILE", err)
		}
	})
	play(t, []*config.Process{program("bad", nil)}, func(s *stage) {
		s.fake.FailStart("bad", "no", "no", "no", "no")
		start := time.Now()
		if err := s.StartProcess(s.t.Context(), Name{"bad", "bad"}, "bad", true); !fault.Is(err, fault.SpawnError) {
			s.t.Errorf("start: %v, want SPAWN_ERROR", err)
		}
		for s.state("bad") != proc.Fatal {
			time.Sleep(100 * time.Millisecond) // fake
			synctest.Wait()
		}
		// Waits of 1, 2 and 3 seconds between four tries.
		if d := time.Since(start); d != 6*time.Second {
			s.t.Errorf("gave up after %v, want 6s", d)
		}
	})
}

func TestKillAfterStopwaitsecs(t *testing.T) {
	t.Parallel()
	play(t, []*config.Process{program("deaf", nil)}, func(s *stage) {
		s.fake.Ignore("deaf", syscall.SIGTERM)
		deaf := Name{"deaf", "deaf"}
		if err := s.StartProcess(s.t.Context(), deaf, "deaf", true); err != nil {
			s.t.Fatal(err)
		}
		if d := took(func() { s.StopProcess(s.t.Context(), deaf, "deaf", true) }); d != 10*time.Second {
			s.t.Errorf("stopped after %v, want stopwaitsecs = 10s", d)
		}
		if !s.logged("with SIGKILL") || !s.logged("waiting for deaf to stop") {
			s.t.Errorf("log: %q", s.lines)
		}
	})
}

func TestRefusedSignal(t *testing.T) {
	t.Parallel()
	play(t, []*config.Process{program("other", nil)}, func(s *stage) {
		other := Name{"other", "other"}
		if err := s.StartProcess(s.t.Context(), other, "other", true); err != nil {
			s.t.Fatal(err)
		}
		s.fake.Refuse("other", syscall.EPERM)
		if err := s.SignalProcess(s.t.Context(), other, "other", 1); !fault.Is(err, fault.Failed) {
			s.t.Errorf("signal: %v, want FAILED", err)
		}
		if got := s.state("other"); got != proc.Unknown {
			s.t.Errorf("state is %v, want UNKNOWN", got)
		}
	})
}

// TestClientLeaves: a client that hangs up ends its waiting and nothing else.
func TestClientLeaves(t *testing.T) {
	t.Parallel()
	play(t, []*config.Process{program("cat", nil)}, func(s *stage) {
		ctx, cancel := context.WithTimeout(s.t.Context(), 300*time.Millisecond)
		defer cancel()
		if err := s.StartProcess(ctx, Name{"cat", "cat"}, "cat", true); !errors.Is(err, context.DeadlineExceeded) {
			s.t.Errorf("start: %v, want the context's error", err)
		}
		time.Sleep(time.Second) // fake
		if got := s.state("cat"); got != proc.Running {
			s.t.Errorf("state is %v, want RUNNING", got)
		}
	})
}

// TestRanks: what has a higher priority number is not started before all that
// has a lower one has been; restarts do not stand in that queue.
func TestRanks(t *testing.T) {
	t.Parallel()
	var procs []*config.Process
	for i, priority := range []int{1, 1, 2, 2} {
		procs = append(procs, program(fmt.Sprint("p", i), func(p *config.Process) { p.Priority = priority }))
	}
	procs = append(procs, program("back", func(p *config.Process) { p.StartWait = 0; p.AutoRestart = proc.RestartAlways }))
	play(t, procs, func(s *stage) {
		release := s.fake.Hold("p0")
		if err := s.StartProcess(s.t.Context(), Name{"back", "back"}, "back", true); err != nil {
			s.t.Fatal(err)
		}
		go s.StartAll(s.t.Context(), true)
		synctest.Wait()
		s.fake.Exit(sys.Exit{PID: s.fake.Living("back")[0]})
		synctest.Wait()
		var names []string
		for _, b := range s.fake.Births() {
			names = append(names, b.Child.Name)
		}
		if want := []string{"back", "p1", "back"}; !slices.Equal(names, want) {
			s.t.Errorf("started %v while p0 is on its way, want %v", names, want)
		}
		release()
		synctest.Wait()
		if n := len(s.fake.Living("")); n != 5 {
			s.t.Errorf("%d children, want 5", n)
		}
	})
}

func TestAfterTheEnd(t *testing.T) {
	t.Parallel()
	play(t, []*config.Process{program("cat", func(p *config.Process) { p.AutoStart = true })}, func(s *stage) {
		synctest.Wait()
		if err := s.Restart(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
		restart := <-s.restart
		s.restart <- restart
		if !restart {
			s.t.Error("Run does not ask for a new start")
		}
		if n := len(s.fake.Living("")); n != 0 {
			s.t.Errorf("%d children are left", n)
		}
		if _, err := s.AllInfo(s.t.Context()); !fault.Is(err, fault.ShutdownState) {
			s.t.Errorf("a call after the end: %v, want SHUTDOWN_STATE", err)
		}
	})
}

// BenchmarkRestart is an exit and restart among 5,000 processes.
func BenchmarkRestart(b *testing.B) {
	const n = 5000
	c := NewCore(CoreOptions{AutoName: func(string, string) string { return "" }})
	now := proc.Moment{Mono: time.Second, Wall: time.Unix(1e9, 0)}
	names, pids := make([]Name, n), make([]int, n)
	var edits []Edit
	for i := range n {
		p := program(fmt.Sprintf("p%04d", i), func(p *config.Process) { p.AutoRestart = proc.RestartAlways; p.AutoStart = true })
		names[i], pids[i] = Name{p.Name, p.Name}, i+1
		edits = append(edits, AddGroup{&config.Group{Name: p.Name, Processes: []*config.Process{p}}})
	}
	c.Step(now, Apply{Edits: edits, Reply: func(Applied, *fault.Error) {}})
	for i := range n {
		c.Step(now, Spawned{names[i], pids[i], nil})
	}
	now.Mono += 2 * time.Second
	c.Step(now, Tick{})
	next := n
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		k := i % n
		c.Step(now, Reaped{PID: pids[k]})
		c.Step(now, Drained{names[k]})
		next++
		pids[k] = next
		c.Step(now, Spawned{names[k], next, nil})
		now.Mono += 2 * time.Second / n
		c.Step(now, Tick{})
	}
}
