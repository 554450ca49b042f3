package supervisor

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/proc"
)

var (
	seed  = flag.Uint64("seed", 0, "run only this simulation seed")
	seeds = flag.Int("seeds", 3000, "how many simulation seeds to run")
)

// TestSimulation lets operators and an operating system do whatever comes to
// their mind to a core, and checks after each step what must always hold.
func TestSimulation(t *testing.T) {
	t.Parallel()
	if *seed != 0 {
		simulate(t, *seed)
		return
	}
	for s := range *seeds {
		if simulate(t, uint64(s+1)); t.Failed() {
			t.Fatalf("seed %d failed; run it alone with -seed=%d", s+1, s+1)
		}
	}
}

func simulate(t *testing.T, seed uint64) {
	w := newWorld(t, seed)
	defer func() {
		if t.Failed() {
			for _, l := range w.trace[max(0, len(w.trace)-60):] {
				t.Log(l)
			}
		}
	}()
	w.stuck = w.rnd.IntN(10) == 0
	for _, g := range w.core.available {
		w.addGroup(g.Name)
	}
	for range 300 {
		if t.Failed() || w.core.Done() {
			break
		}
		switch w.rnd.IntN(12) {
		case 0, 1:
			w.operate()
		case 2:
			w.twiddle()
		case 3:
			w.exitSome()
		case 4, 5, 6:
			w.advance()
		default:
			w.deliver()
		}
	}
	w.step(Shutdown{Restart: w.rnd.IntN(2) == 0, Reply: w.nothing("shutdown")})
	w.settle()
}

// settle goes on until the shutdown is done, and checks what it leaves.
func (w *world) settle() {
	for range 20000 {
		if w.t.Failed() || w.core.Done() && len(w.queue) == 0 {
			break
		}
		w.deliver()
		if !w.core.Done() {
			w.advance()
		}
	}
	if !w.core.Done() || w.asked != w.told {
		w.t.Errorf("after shutdown: done is %v, %d of %d calls answered", w.core.Done(), w.told, w.asked)
	}
	if _, ok := w.core.NextWake(); ok {
		w.t.Error("after shutdown: still wants to be woken")
	}
	if len(w.live) > 0 && !w.stuck {
		w.t.Errorf("after shutdown: %d children", len(w.live))
	}
}

func (w *world) nothing(what string) func() {
	done := w.called(what)
	return func() { done(nil) }
}

func (w *world) results(what string) func([]Result, *fault.Error) {
	done := w.called(what)
	return func(rs []Result, err *fault.Error) {
		done(err)
		seen := map[Name]bool{}
		for _, r := range rs {
			n := Name{r.Group, r.Name}
			if seen[n] {
				w.t.Errorf("%s: %v is there twice", what, n)
			}
			seen[n] = true
		}
	}
}

func (w *world) applied(what string) func(Applied, *fault.Error) {
	done := w.called(what)
	return func(_ Applied, err *fault.Error) { done(err) }
}

func (w *world) someName() Name {
	return Name{string("abcde"[w.rnd.IntN(5)]), fmt.Sprint("p", w.rnd.IntN(4))}
}

func (w *world) operate() {
	n, wait := w.someName(), w.rnd.IntN(2) == 0
	all := w.rnd.IntN(3) == 0
	switch w.rnd.IntN(13) {
	case 12:
		w.step(RemoteEvent{"sim", "text", w.nothing("event")})
	case 0, 1, 2:
		in := StartProcess{Name: n, As: n.Process, Wait: wait, Reply: w.called("start")}
		if w.rnd.IntN(2) == 0 {
			in.Ended = w.over(n)
		}
		w.step(in)
	case 3, 4, 5:
		w.step(StopProcess{n, n.Process, wait, w.called("stop")})
	case 6:
		w.step(SignalProcess{n, n.Process, 1, w.called("signal")})
	case 7:
		refused := map[Name]*fault.Error{}
		if w.rnd.IntN(3) == 0 {
			refused[n] = fault.New(fault.NoFile, "gone")
		}
		w.step(StartMany{n.Group, all, nil, wait, refused, w.results("start many")})
	case 8:
		w.step(StopMany{n.Group, all, nil, wait, w.results("stop many")})
	case 9:
		w.step(SignalMany{n.Group, all, nil, 1, w.results("signal many")})
	case 10:
		w.step(WriteStdin{n, n.Process, []byte("x"), w.called("write")})
	case 11:
		if w.rnd.IntN(8) == 0 {
			w.step(Shutdown{Restart: w.rnd.IntN(2) == 0, Reply: w.nothing("shutdown")})
		}
	}
}

func (w *world) addGroup(name string) {
	w.step(AddProcessGroup{name, w.applied("add group " + name)})
}

func (w *world) twiddle() {
	n := w.someName()
	switch w.rnd.IntN(9) {
	case 6, 7, 8:
		w.transit()
	case 0:
		w.addGroup(n.Group)
	case 1:
		w.step(Reload{w.someGroups(), func(a, c, r []string) {}})
	case 2:
		w.step(Apply{Edits: []Edit{RemoveGroup{n.Group}}, Reply: w.applied("remove group")})
	case 3:
		w.step(Apply{Edits: []Edit{AddProcesses{n.Group, []*config.Process{w.someProcess(n.Group, n.Process)}}}, Reply: w.applied("add")})
	case 4:
		w.step(Apply{Edits: []Edit{RemoveProcess{n}}, Reply: w.applied("remove")})
	case 5:
		var edits []Edit
		for range 1 + w.rnd.IntN(4) {
			edits = append(edits, w.someEdit())
		}
		w.step(Apply{Edits: edits, Reply: w.applied("edits")})
	}
}

func (w *world) someEdit() Edit {
	n := w.someName()
	switch w.rnd.IntN(4) {
	case 0:
		return AddGroup{&config.Group{Name: n.Group, Priority: w.rnd.IntN(9), Processes: []*config.Process{w.someProcess(n.Group, n.Process)}}}
	case 1:
		return RemoveGroup{n.Group}
	case 2:
		return AddProcesses{n.Group, []*config.Process{w.someProcess(n.Group, n.Process)}}
	}
	return RemoveProcess{n}
}

// names lists what is supervised, to see whether an edit changed it.
func (w *world) names() []string {
	var names []string
	for _, g := range w.core.groups {
		names = append(names, g.cfg.Name+":")
		for _, p := range g.procs {
			names = append(names, g.cfg.Name+":"+p.name.Process)
		}
	}
	return names
}

// checkAtomic sees that a refused list of edits changed nothing.
func (w *world) checkAtomic(in Input, before []string) {
	last := w.trace[len(w.trace)-1]
	if _, ok := in.(Apply); ok && strings.Contains(last, "answer") && !strings.HasSuffix(last, "<nil>") {
		if after := w.names(); !slices.Equal(before, after) {
			w.t.Errorf("refused edits changed\n%v to\n%v", before, after)
		}
	}
}

func (w *world) checkChange(e Notify, rest []Effect) {
	p, ch := w.core.find(e.Name), e.Change
	if p == nil {
		last := !slices.ContainsFunc(rest, func(o Effect) bool { n, ok := o.(Notify); return ok && n.Name == e.Name })
		if last && !ch.To.Down() {
			w.t.Errorf("%v was forgotten when it became %v", e.Name, ch.To)
		}
		return
	}
	if old := w.was[e.Name]; old != nil && old != p {
		return // one has made place for another, and it may be of either
	}
	l, spec := w.life(e.Name), p.Spec
	if old := w.specs[e.Name]; old != nil {
		spec = old // it may have been replaced in the same step
	}
	if !allowed[[2]proc.State{ch.From, ch.To}] {
		w.t.Errorf("%v went %v -> %v", e.Name, ch.From, ch.To)
	}
	switch ch.To {
	case proc.Running:
		if up := w.now.Mono - l.spawned; up < p.Spec.StartWait {
			w.t.Errorf("%v is RUNNING after %v, startsecs is %v", e.Name, up, p.Spec.StartWait)
		}
		l.failures = 0
	case proc.Backoff:
		l.failures++
		l.since = w.now.Mono
		if ch.Tries != l.failures {
			w.t.Errorf("%v: BACKOFF tells of %d tries, there were %d", e.Name, ch.Tries, l.failures)
		}
	case proc.Fatal:
		if w.core.Mood() == MoodRunning && l.failures <= spec.StartRetries {
			w.t.Errorf("%v gave up after %d tries, startretries is %d", e.Name, l.failures, spec.StartRetries)
		}
		l.failures = 0
	case proc.Exited:
		l.failures = 0
		again := spec.AutoRestart == proc.RestartAlways || spec.AutoRestart == proc.RestartUnexpected && !ch.Expected
		if got := spawns(rest, e.Name); got != (again && w.core.Mood() == MoodRunning) {
			w.t.Errorf("%v exited (expected: %v, autorestart %v): started again is %v", e.Name, ch.Expected, spec.AutoRestart, got)
		}
	}
	if p.State == proc.Backoff && l.failures > spec.StartRetries {
		w.t.Errorf("%v waits for another try after %d failures, startretries is %d", e.Name, l.failures, spec.StartRetries)
	}
}

func spawns(effects []Effect, n Name) bool {
	return slices.ContainsFunc(effects, func(e Effect) bool {
		s, ok := e.(Spawn)
		return ok && s.Name == n
	})
}

// checkShutdownOrder sees that p is told to stop only when all groups of
// higher priority are down.
func (w *world) checkShutdownOrder(p *process) {
	if !p.awaited || w.stuck {
		return // an operator may be quicker
	}
	for _, g := range w.core.groups {
		for _, o := range g.procs {
			if g.cfg.Priority > p.group.cfg.Priority && !o.State.Down() {
				w.t.Errorf("%v told to stop while %v is %v", p.name, o.name, o.State)
			}
		}
	}
}

// checkState looks at the whole core after a step.
func (w *world) checkState(in Input) {
	spawning, live := 0, 0
	for name, g := range w.core.byName {
		if g.cfg.Name != name || len(g.procs) != len(g.byName) || !slices.Contains(w.core.groups, g) {
			w.t.Errorf("group %s is not in order", name)
		}
		for _, p := range g.procs {
			if p.Spawning() {
				spawning++
			}
			if p.Live() {
				live++
			}
			w.checkProcess(in, g, p)
		}
		w.checkWanted(g)
	}
	for _, p := range w.core.wakes {
		if w.core.find(p.name) != p {
			w.t.Errorf("%v is forgotten and will be woken", p.name)
		}
	}
	if len(w.core.groups) != len(w.core.byName) {
		w.t.Errorf("%d groups in order, %d by name", len(w.core.groups), len(w.core.byName))
	}
	if spawning != w.core.inFlight {
		w.t.Errorf("%d processes are being started, the core counts %d", spawning, w.core.inFlight)
	}
	if live != len(w.core.byPID) {
		w.t.Errorf("%d processes have a living child, %d are known by pid", live, len(w.core.byPID))
	}
	if w.core.inFlight == 0 && len(w.core.early) > 0 {
		w.t.Errorf("early exits kept for nothing: %v", slices.Collect(maps.Keys(w.core.early)))
	}
}

func (w *world) checkProcess(in Input, g *group, p *process) {
	if g.byName[p.name.Process] != p || p.group != g {
		w.t.Errorf("%v is not where its group says", p.name)
	}
	if _, ok := in.(Tick); ok && p.wake() != 0 && p.wake() <= w.now.Mono {
		w.t.Errorf("%v overslept: wake was due %v ago", p.name, w.now.Mono-p.wake())
	}
	if (p.wake() != 0) != (p.index >= 0) {
		w.t.Errorf("%v wants to be woken: %v; will be: %v", p.name, p.wake() != 0, p.index >= 0)
	}
	if p.PID != 0 && p.Live() && w.core.byPID[p.PID] != p {
		w.t.Errorf("%v has pid %d, which is not known", p.name, p.PID)
	}
	switch p.State {
	case proc.Running, proc.Stopping:
		if p.PID == 0 {
			w.t.Errorf("%v is %v without a pid", p.name, p.State)
		}
	case proc.Stopped, proc.Exited, proc.Fatal, proc.Backoff:
		if p.PID != 0 {
			w.t.Errorf("%v is %v with pid %d", p.name, p.State, p.PID)
		}
	}
	if p.State.Down() && len(p.waiters) > 0 {
		w.t.Errorf("%v is %v and %d callers still wait", p.name, p.State, len(p.waiters))
	}
	if p.fate != nil && !p.busy() {
		w.t.Errorf("%v is %v and has not met its fate", p.name, p.State)
	}
}

func describe(in Input) string {
	switch in := in.(type) {
	case StartProcess:
		return fmt.Sprint(in.Name, " wait=", in.Wait)
	case StopProcess:
		return fmt.Sprint(in.Name, " wait=", in.Wait)
	case Apply:
		return fmt.Sprintf("%+v", in.Edits)
	case Transition:
		return fmt.Sprintf("dry=%v %+v", in.DryRun, in.Groups)
	case Spawned, Reaped, Drained, KillFailed:
		return fmt.Sprintf("%+v", in)
	}
	return ""
}

func isTick(line string) bool { return strings.Contains(line, "supervisor.Tick") }

var allowed = map[[2]proc.State]bool{
	{proc.Stopped, proc.Starting}: true, {proc.Exited, proc.Starting}: true,
	{proc.Fatal, proc.Starting}: true, {proc.Backoff, proc.Starting}: true,
	{proc.Starting, proc.Running}: true, {proc.Starting, proc.Backoff}: true,
	{proc.Starting, proc.Stopping}: true, {proc.Running, proc.Stopping}: true,
	{proc.Running, proc.Exited}: true, {proc.Stopping, proc.Stopped}: true,
	{proc.Backoff, proc.Stopped}: true, {proc.Backoff, proc.Fatal}: true,
	{proc.Starting, proc.Unknown}: true, {proc.Running, proc.Unknown}: true,
	{proc.Stopping, proc.Unknown}: true, {proc.Unknown, proc.Stopped}: true,
}
