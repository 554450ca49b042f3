package bench

import (
	"fmt"
	"time"
)

// measureStart starts and stops programs, in turns with the bare loops.
func measureStart(h *harness) error {
	n := h.programs
	var ours, bare, theirs, plain life
	var least sample
	for i := range h.rounds {
		start, stop, err := h.forkAndReap(n)
		if err != nil {
			return err
		}
		bare.add(start, stop)
		if hardLimit() > 5*n+100 {
			took, err := h.forkPlumbed(n)
			if err != nil {
				return fmt.Errorf("fork/exec with pipes and logs: %w", err)
			}
			least = append(least, took.Seconds()*1e3)
		}
		if err := h.startAndStop(&ours, true, quiet("p", n, "")); err != nil {
			return err
		}
		if err := h.startAndStop(&plain, true, quiet("p", n, noLogs)); err != nil {
			return err
		}
		if h.original && i < h.theirs {
			if err := h.startAndStop(&theirs, false, quiet("p", n, "")); err != nil {
				return fmt.Errorf("original: %w", err)
			}
		}
	}
	var others []other
	if len(least) > 0 {
		others = []other{{"fork/exec with 3 pipes and 2 logs", least}}
	}
	h.add(row{
		what: fmt.Sprintf("start %d programs", n), unit: "ms", ours: ours.start, limit: bare.start, theirs: theirs.start,
		others: others,
		checks: append([]check{atMost("the bare fork/exec loop", 1.3, ratio(ours.start, bare.start))}, faster(5, theirs.start, ours.start)...),
	})
	h.add(row{what: fmt.Sprintf("start %d programs without logs", n), unit: "ms", ours: plain.start, limit: bare.start, extra: true})
	h.add(row{
		what: fmt.Sprintf("stop %d programs", n), unit: "ms", ours: ours.stop, limit: bare.stop, theirs: theirs.stop,
		checks: []check{atMost("the bare kill-and-reap loop", 1.3, ratio(ours.stop, bare.stop))},
	})
	return nil
}

// A life is how long starts and stops took, in milliseconds.
type life struct{ start, stop sample }

func (l *life) add(start, stop time.Duration) {
	l.start = append(l.start, start.Seconds()*1e3)
	l.stop = append(l.stop, stop.Seconds()*1e3)
}

// startAndStop measures from the start of the daemon itself until all programs
// run, and from SIGTERM until the daemon has ended, with status 0 and without
// a child left.
func (h *harness) startAndStop(into *life, ours bool, conf string) error {
	s, err := h.boot(ours, conf)
	if err != nil {
		return err
	}
	when, err := s.running(h.programs)
	if err != nil {
		return err
	}
	// What was asked is not part of the stop.
	if err := h.pause(min(h.settle, 300*time.Millisecond)); err != nil {
		return err
	}
	stop, err := s.stop()
	if err != nil {
		return err
	}
	into.add(when.Sub(s.begun), stop)
	return nil
}
