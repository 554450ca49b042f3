package supervisor

import (
	"fmt"
	"slices"
	"time"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/proc"
)

// transit changes what is wanted, of one group or of several.
func (w *world) transit() {
	var in Transition
	stale := false
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		if w.rnd.IntN(3) > 0 {
			continue
		}
		ch := GroupChange{Name: name, From: w.core.wanted(name)}
		if w.rnd.IntN(12) == 0 {
			ch.From, stale = &config.Group{Name: name}, true
		}
		ch.To = w.someTarget(name, w.core.wanted(name))
		in.Groups = append(in.Groups, ch)
	}
	in.DryRun = w.rnd.IntN(5) == 0
	done := w.called("transition")
	if !stale && !in.DryRun && w.core.Mood() == MoodRunning {
		in.Done = w.called("end of transition")
	}
	var planned []PlanStep
	var refused *fault.Error
	in.Reply = func(p Planned, err *fault.Error) {
		planned, refused = p.Steps, err
		done(err)
	}
	before := w.processes()
	pids := map[Name]int{}
	for n, p := range before {
		pids[n] = p.PID
	}
	names := w.names()
	w.step(in)
	if stale && refused == nil {
		w.t.Error("a transition from what is not there was not refused")
	}
	if (stale || in.DryRun || w.core.Mood() != MoodRunning) && !slices.Equal(names, w.names()) {
		w.t.Errorf("a transition that was refused or not meant changed\n%v to\n%v", names, w.names())
	}
	w.checkPlan(planned, before, pids, in.DryRun)
}

// over is told once, and when the process is at rest.
func (w *world) over(n Name) func(Ended) {
	told := false
	return func(e Ended) {
		if told || !e.State.Down() {
			w.t.Errorf("%v is over as %v, told before: %v", n, e.State, told)
		}
		told = true
	}
}

// checkPlan sees that what is kept or changed runs on.
func (w *world) checkPlan(steps []PlanStep, before map[Name]*process, pids map[Name]int, dry bool) {
	after := w.processes()
	for _, s := range steps {
		p, was := after[s.Name], before[s.Name]
		switch {
		case s.Name.Process == "" || dry:
		case s.Action == ActionKeep, s.Action == ActionChange:
			if p == nil || p != was || p.PID != pids[s.Name] {
				w.t.Errorf("%v was to %s, and is another now", s.Name, s.Action)
			}
		case s.Action == ActionRemove:
			if p != nil && p == was {
				w.t.Errorf("%v was down and to be removed, and is there", s.Name)
			}
		case s.Action == ActionStart || s.Action == ActionAdd || s.Action == ActionRestart:
			if p == nil && w.core.wanted(s.Name.Group) == nil {
				w.t.Errorf("%v was to %s, and is not there", s.Name, s.Action)
			}
		}
	}
}

func (w *world) processes() map[Name]*process {
	all := map[Name]*process{}
	for _, g := range w.core.groups {
		for _, p := range g.procs {
			all[p.name] = p
		}
	}
	return all
}

// someTarget is what becomes of a group: nothing, or itself with some
// processes the same, some with other settings, and some new.
func (w *world) someTarget(name string, from *config.Group) *config.Group {
	if w.rnd.IntN(6) == 0 {
		return nil
	}
	to := &config.Group{Name: name, Priority: w.rnd.IntN(9)}
	if name == "e" {
		to = w.somePool()
		to.Processes = nil
		if w.rnd.IntN(10) == 0 {
			to.Kind = config.Programs // another kind of group altogether
		}
	}
	for j := range 4 {
		process := fmt.Sprint("p", j)
		var old *config.Process
		if from != nil {
			if i := slices.IndexFunc(from.Processes, func(p *config.Process) bool { return p.Name == process }); i >= 0 {
				old = from.Processes[i]
			}
		}
		if p := w.someVersion(name, process, old); p != nil {
			p.Kind = to.Kind
			to.Processes = append(to.Processes, p)
		}
	}
	return to
}

func (w *world) someVersion(group, name string, old *config.Process) *config.Process {
	if old == nil {
		if w.rnd.IntN(2) == 0 {
			return nil
		}
		return w.someProcess(group, name)
	}
	next := *old
	switch w.rnd.IntN(5) {
	case 0:
		return nil
	case 1:
		return w.someProcess(group, name)
	case 2:
		next.Command += "x" // needs a restart
	case 3:
		next.StopWait, next.AutoRestart = time.Duration(w.rnd.IntN(3))*time.Second, proc.Restart(w.rnd.IntN(3))
		next.Stdout.MaxBytes++
	}
	return &next
}

// checkWanted sees that the processes of g are those its configuration wants,
// or are on their way to it.
func (w *world) checkWanted(g *group) {
	if g.leaving {
		if len(g.procs) == 0 {
			w.t.Errorf("group %s has nobody left and is still there", g.cfg.Name)
		}
		for _, p := range g.procs {
			if !p.leaving() {
				w.t.Errorf("%v stays in a group that is leaving", p.name)
			}
		}
		return
	}
	staying := 0
	for _, p := range g.procs {
		if !p.leaving() {
			staying++
		}
	}
	if staying != len(g.cfg.Processes) {
		w.t.Errorf("group %s has %d processes that stay, and wants %d", g.cfg.Name, staying, len(g.cfg.Processes))
	}
	for _, cfg := range g.cfg.Processes {
		p := g.byName[cfg.Name]
		if p == nil {
			w.t.Errorf("%v is wanted and not there", Name{g.cfg.Name, cfg.Name})
			continue
		}
		will := p.cfg
		if p.fate != nil {
			will = p.fate.next
		}
		if will != cfg {
			w.t.Errorf("%v will not be what is wanted", p.name)
		}
	}
}
