package supervisor

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/proc"
)

// A world is a fake operating system and a fake set of operators, both driven
// by one random source.
type world struct {
	t      *testing.T
	rnd    *rand.Rand
	core   *Core
	now    proc.Moment
	queue  []Input // what will happen, in no particular order
	live   map[int]Name
	reaped map[int]bool // pids the core has been told are gone
	born   map[Name]int // child pid by name
	lives  map[Name]*life
	next   int // last pid given out
	named  int // AUTO logs named
	asked  int
	told   int
	stuck  bool // the operating system refuses signals
	trace  []string
	busy   map[Name]bool       // listeners that have an event
	was    map[Name]*process   // who was there at the beginning of the step
	specs  map[Name]*proc.Spec // what they had then
}

// A life is what the world remembers of a process, to judge the core by.
type life struct {
	of       *process
	spawned  time.Duration // when Spawned was delivered
	stopped  time.Duration // when the stop signal was sent
	patience time.Duration // stopwaitsecs at that time
	failures int           // failed starts since the last success, end or giving up
	since    time.Duration // the last failure
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{
		t: t, rnd: rand.New(rand.NewPCG(seed, 0)),
		now:  proc.Moment{Mono: time.Second, Wall: time.Unix(1e9, 0)},
		live: map[int]Name{}, reaped: map[int]bool{}, born: map[Name]int{}, lives: map[Name]*life{}, next: 100,
		busy: map[Name]bool{},
	}
	w.core = NewCore(CoreOptions{Available: w.someGroups(), Identifier: "sim",
		AutoName: func(process, channel string) string {
			w.named++
			return fmt.Sprintf("%s-%s-%d", process, channel, w.named)
		}})
	return w
}

// someGroups makes an available configuration, sorted as a loaded one is.
func (w *world) someGroups() []*config.Group {
	var groups []*config.Group
	for i, name := range []string{"a", "b", "c", "d"} {
		if w.rnd.IntN(4) == 0 {
			continue
		}
		g := &config.Group{Name: name, Priority: []int{1, 5, 5, 999}[i]}
		for j := range w.rnd.IntN(4) {
			g.Processes = append(g.Processes, w.someProcess(name, fmt.Sprint("p", j)))
		}
		groups = append(groups, g)
	}
	if w.rnd.IntN(2) == 0 {
		groups = append(groups, w.somePool())
	}
	return groups
}

// somePool makes event listeners.
func (w *world) somePool() *config.Group {
	g := &config.Group{Name: "e", Priority: -1, Kind: config.EventListener, BufferSize: 1 + w.rnd.IntN(4),
		Events: []string{"PROCESS_STATE", "PROCESS_GROUP", "REMOTE_COMMUNICATION", "SUPERVISOR_STATE_CHANGE"}}
	if w.rnd.IntN(2) == 0 {
		g.Events = append(g.Events, "TICK_5")
	}
	for j := range 1 + w.rnd.IntN(2) {
		p := w.someProcess("e", fmt.Sprint("p", j))
		p.Kind, p.AutoStart = config.EventListener, true
		g.Processes = append(g.Processes, p)
	}
	return g
}

func (w *world) someProcess(group, name string) *config.Process {
	return &config.Process{
		Spec: proc.Spec{
			Name: name, Group: group,
			StartWait:    time.Duration(w.rnd.IntN(3)) * time.Second,
			StartRetries: w.rnd.IntN(4),
			AutoRestart:  proc.Restart(w.rnd.IntN(3)),
			ExitCodes:    []int{0},
			StopSignal:   15,
			StopWait:     time.Duration(w.rnd.IntN(3)) * time.Second,
			StopAsGroup:  w.rnd.IntN(4) == 0,
			KillAsGroup:  w.rnd.IntN(4) == 0,
		},
		Priority:  w.rnd.IntN(3),
		AutoStart: w.rnd.IntN(2) == 0,
		Stdout:    config.Channel{Log: config.LogKind(w.rnd.IntN(2)), Path: ""},
		UID:       -1, Umask: -1,
	}
}

func (w *world) life(n Name) *life {
	p := w.core.find(n)
	if w.lives[n] == nil || w.lives[n].of != p {
		w.lives[n] = &life{of: p} // another one of that name
	}
	return w.lives[n]
}

// called counts one call and returns what must be run once with its answer.
func (w *world) called(what string) func(*fault.Error) {
	w.asked++
	answered := false
	return func(err *fault.Error) {
		if answered {
			w.t.Errorf("%s answered twice", what)
		}
		answered = true
		w.told++
		w.trace = append(w.trace, fmt.Sprintf("    answer %s: %v", what, err))
	}
}

// deliver lets one of the things happen that have been caused.
func (w *world) deliver() {
	if len(w.queue) == 0 {
		return
	}
	i := w.rnd.IntN(len(w.queue))
	in := w.queue[i]
	w.queue = slices.Delete(w.queue, i, i+1)
	w.step(in)
}

// advance lets time pass, to the next wake or by chance. Now and then the
// calendar jumps, which nothing may notice.
func (w *world) advance() {
	d := time.Duration(w.rnd.IntN(1500)) * time.Millisecond
	if at, ok := w.core.NextWake(); ok && w.rnd.IntN(3) > 0 {
		d = max(0, at-w.now.Mono)
	}
	w.now.Mono += d
	w.now.Wall = w.now.Wall.Add(d)
	if w.rnd.IntN(10) == 0 {
		w.now.Wall = w.now.Wall.Add(time.Duration(w.rnd.IntN(200)-100) * time.Hour)
	}
	w.step(Tick{})
}

func (w *world) die(pid int, exit proc.Exit) {
	// What it has not said yet is never heard.
	w.queue = slices.DeleteFunc(w.queue, func(in Input) bool {
		t, ok := in.(Told)
		return ok && t.Name == w.live[pid]
	})
	delete(w.born, w.live[pid])
	delete(w.live, pid)
	w.queue = append(w.queue, Reaped{pid, exit})
}

func (w *world) someExit() proc.Exit {
	if w.rnd.IntN(4) == 0 {
		return proc.Exit{Signal: 11, Core: true}
	}
	return proc.Exit{Code: w.rnd.IntN(3)}
}

func (w *world) exitSome() {
	if pids := slices.Sorted(maps.Keys(w.live)); len(pids) > 0 {
		w.die(pids[w.rnd.IntN(len(pids))], w.someExit())
	}
}

// step gives the core one input, plays the operating system to its effects,
// and checks what must always hold.
func (w *world) step(in Input) {
	w.trace = append(w.trace, fmt.Sprintf("%v %T %s", w.now.Mono, in, describe(in)))
	before, mail := w.names(), w.mail()
	w.was, w.specs = w.processes(), map[Name]*proc.Spec{}
	for n, p := range w.was {
		w.specs[n] = p.Spec
	}
	switch in := in.(type) {
	case Reaped:
		w.reaped[in.PID] = true
	case Spawned:
		if in.Err == nil {
			w.life(in.Name).spawned = w.now.Mono
		}
	}
	effects := w.core.Step(w.now, in)
	w.checkMail(in, mail, effects)
	for i, e := range effects {
		w.play(e, effects[i+1:])
	}
	w.checkAtomic(in, before)
	w.checkState(in)
}

func (w *world) play(e Effect, rest []Effect) {
	switch e := e.(type) {
	case Spawn:
		w.trace = append(w.trace, fmt.Sprint("    spawn ", e.Name))
		w.spawn(e)
	case Drain:
		w.queue = append(w.queue, Drained(e))
	case Kill:
		w.trace = append(w.trace, fmt.Sprintf("    kill %d %d", e.PID, e.Signal))
		w.kill(e)
	case Notify:
		w.trace = append(w.trace, fmt.Sprintf("    %v %v -> %v", e.Name, e.Change.From, e.Change.To))
		w.checkChange(e, rest)
	case Send:
		w.deliverEvent(e)
	case Write:
		if w.live[w.born[e.Name]] != e.Name && !w.dying(e.Name) {
			w.t.Errorf("write to %v, which has no child", e.Name)
		}
		e.Reply(nil)
	case Reply:
		e.Send()
	}
}

// dying reports whether the end of the child of n has not been told yet.
func (w *world) dying(n Name) bool {
	p := w.core.find(n)
	return p != nil && p.PID != 0 && !w.reaped[p.PID]
}

func (w *world) spawn(e Spawn) {
	if w.core.Mood() != MoodRunning {
		w.t.Errorf("spawn of %v while going down", e.Name)
	}
	l := w.life(e.Name)
	if wait := time.Duration(l.failures) * time.Second; l.failures > 0 && w.core.find(e.Name).Tries > 0 &&
		w.now.Mono-l.since < wait && !w.manual(e.Name) {
		w.t.Errorf("%v tried again %v after failure %d", e.Name, w.now.Mono-l.since, l.failures)
	}
	if w.rnd.IntN(5) == 0 {
		w.queue = append(w.queue, Spawned{e.Name, 0, errors.New("fork: EAGAIN")})
		return
	}
	if pid, ok := w.born[e.Name]; ok {
		w.t.Errorf("second child of %v while pid %d lives", e.Name, pid)
	}
	w.next++
	pid := w.next
	w.live[pid], w.born[e.Name] = e.Name, pid
	w.queue = append(w.queue, Spawned{e.Name, pid, nil})
	delete(w.busy, e.Name)
	if e.Process.Kind == config.EventListener {
		w.tell(e.Name, "READY\n")
	}
	if w.rnd.IntN(4) == 0 {
		w.die(pid, w.someExit()) // may be reaped before Spawned is heard
	}
}

// manual reports whether the start in hand may have been an operator's, who
// need not wait for a backoff.
func (w *world) manual(n Name) bool {
	for _, l := range slices.Backward(w.trace) {
		if len(l) > 0 && l[0] != ' ' {
			return !isTick(l)
		}
	}
	return false
}

func (w *world) kill(e Kill) {
	if w.reaped[e.PID] {
		w.t.Errorf("signal %d to pid %d, which has been reaped", e.Signal, e.PID)
	}
	p := w.core.find(e.Name)
	l := w.life(e.Name)
	switch {
	case e.Send:
	case e.Signal == 9:
		if wait := w.now.Mono - l.stopped; wait < l.patience {
			w.t.Errorf("%v killed %v after it was told to stop", e.Name, wait)
		}
		if e.Group != p.Spec.KillAsGroup {
			w.t.Errorf("SIGKILL of %v: group is %v", e.Name, e.Group)
		}
	default:
		l.stopped, l.patience = w.now.Mono, p.Spec.StopWait
		if e.Group != p.Spec.StopAsGroup {
			w.t.Errorf("stop of %v: group is %v", e.Name, e.Group)
		}
		w.checkShutdownOrder(p)
	}
	if w.stuck && w.rnd.IntN(4) == 0 {
		w.queue = append(w.queue, KillFailed{PID: e.PID, Send: e.Send, Text: "EPERM"})
		return
	}
	if _, ok := w.live[e.PID]; ok && (e.Signal == 9 || w.rnd.IntN(3) > 0) {
		w.die(e.PID, proc.Exit{Signal: e.Signal})
	}
}
