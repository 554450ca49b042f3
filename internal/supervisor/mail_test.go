package supervisor

import (
	"strings"

	"example.org/twiddler/internal/listener"
	"example.org/twiddler/internal/proc"
)

// The part of the world that is about events: listeners that answer well,
// badly or not at all, and the rule that no event is lost without a word.

// mail counts the events that were accepted by pools, and those on their way.
type mail map[*pool]struct {
	accepted uint64
	pending  int
}

func (w *world) mail() mail {
	m := mail{}
	for _, p := range w.core.ann.pools {
		entry := m[p]
		entry.accepted, entry.pending = uint64(p.serial), len(p.queue)
		for _, l := range p.group.procs {
			if l.ear != nil && l.ear.held != nil {
				entry.pending++
			}
		}
		m[p] = entry
	}
	return m
}

// checkMail sees that each event that is gone was answered or given up.
func (w *world) checkMail(in Input, before mail, effects []Effect) {
	dropped, settled := 0, 0
	for _, e := range effects {
		if l, ok := e.(Log); ok && strings.Contains(l.Text, "event buffer overflowed") {
			dropped++
		}
	}
	if t, ok := in.(Told); ok && strings.Contains(string(t.Data), "OK") {
		settled = 1
	}
	lost, after := 0, w.mail()
	for p := range before {
		if _, there := after[p]; !there {
			return // what waited in a pool goes with it
		}
	}
	for p, now := range after {
		was := before[p]
		lost += was.pending + int(now.accepted-was.accepted) - now.pending
		if len(p.queue) > p.limit {
			w.t.Errorf("%d events wait in pool %s, buffer_size is %d", len(p.queue), p.name, p.limit)
		}
		if p.ready() != nil && len(p.queue) > 0 {
			w.t.Errorf("a listener is ready and %d events wait", len(p.queue))
		}
	}
	if lost < dropped || lost > dropped+settled {
		w.t.Errorf("%d events gone, %d dropped, at most %d answered", lost, dropped, settled)
	}
}

func (w *world) tell(n Name, text string) {
	w.queue = append(w.queue, Told{n, []byte(text)})
}

// deliverEvent has a listener do something with its event.
func (w *world) deliverEvent(e Send) {
	p := w.core.find(e.Name)
	if !e.Event || p == nil {
		return
	}
	w.trace = append(w.trace, "    send "+e.Name.Process+" "+string(e.Data))
	// The news of the shutdown comes before the signal, in one step.
	served := p.State == proc.Running || p.State == proc.Stopping && w.core.Mood() != MoodRunning
	if !served || p.ear.State != listener.Busy || w.busy[e.Name] {
		w.t.Errorf("event sent to %v, which is %v, %v, busy: %v", e.Name, p.State, p.ear.State, w.busy[e.Name])
	}
	w.busy[e.Name] = true
	pid := w.born[e.Name]
	if w.live[pid] != e.Name {
		w.queue = append(w.queue, SendFailed{e.Name})
		return
	}
	switch w.rnd.IntN(10) {
	case 0: // it never answers
	case 1:
		w.tell(e.Name, "garbage that is no result\n")
	case 2, 3:
		delete(w.busy, e.Name)
		w.tell(e.Name, "RESULT 4\nFAILREADY\n")
	case 4:
		w.die(pid, w.someExit())
	default:
		delete(w.busy, e.Name)
		w.tell(e.Name, "RESULT 2\nOKREADY\n")
	}
}
