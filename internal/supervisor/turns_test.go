package supervisor

import (
	"strings"
	"testing"
	"time"
)

// queue is turns with a record of what began.
type queue struct {
	t *testing.T
	turns
	order []string
}

func (q *queue) start(name string, ordered, brief bool, priority int) {
	q.add(Spawn{Name: Name{name, name}, Ordered: ordered, Rank: Rank{Group: priority}}, brief)
}

// take takes n turns, and then there must be no more if last.
func (q *queue) take(n int, last bool) (w turn) {
	q.t.Helper()
	for range n {
		var ok bool
		if w, ok = q.next(); !ok {
			q.t.Fatalf("nothing can begin after %q", q.order)
		}
		q.order = append(q.order, w.Name.Group)
	}
	if !last {
		return w
	}
	if more, ok := q.next(); ok {
		q.t.Fatalf("%s began after %q", more.Name.Group, q.order)
	}
	return w
}

func (q *queue) want(order string) {
	q.t.Helper()
	if got := strings.Join(q.order, " "); got != order {
		q.t.Errorf("began %s, want %s", got, order)
	}
	q.order = nil
}

// TestTurns has restarts go past starts that keep an order, and not keep them
// from their turn.
func TestTurns(t *testing.T) {
	t.Parallel()
	q := &queue{t: t}
	for _, name := range []string{"a", "b"} {
		q.start(name, true, false, 1)
	}
	q.start("late", true, false, 2)
	for _, name := range []string{"r1", "r2", "r3", "r4", "r5"} {
		q.start(name, false, false, 0)
	}
	q.take(7, true) // the late one must wait for a and b, and holds up nobody
	for range 2 {
		if rest := q.done(turn{Spawn: Spawn{Ordered: true}}, time.Second); rest != 0 {
			t.Errorf("rest of %v after an ordered start", rest)
		}
	}
	q.take(1, true)
	q.want("r1 a r2 b r3 r4 r5 late")
}

// TestBriefTurns has one child at a time started again of those that live
// briefly, with rests as long as there are more, in the order they died.
func TestBriefTurns(t *testing.T) {
	t.Parallel()
	q := &queue{t: t}
	rest := func(w turn, took, want time.Duration) {
		t.Helper()
		if got := q.done(w, took); got != want {
			t.Errorf("rest after %s: %v, want %v", w.Name.Group, got, want)
		}
	}
	q.start("alone", false, true, 0)
	w := q.take(1, true)
	rest(w, time.Millisecond, 0) // none waits: the next one must not either

	for _, name := range []string{"c1", "c2", "c3"} {
		q.start(name, false, true, 0)
	}
	w = q.take(1, true)
	q.start("free", false, false, 0)
	q.start("ordered", true, false, 1)
	q.take(2, true) // others need not wait for it
	rest(w, time.Millisecond, time.Millisecond)
	q.start("c1", false, true, 0) // dead again
	q.take(0, true)
	q.rested()
	w = q.take(1, true)
	rest(w, time.Hour, maxRest)
	q.rested()
	for range 2 {
		w = q.take(1, true)
		q.done(w, 0) // the clock stood still
	}
	q.want("alone c1 free ordered c2 c3 c1")

	for _, name := range []string{"b1", "b2"} {
		q.start(name, false, true, 0)
		q.start("f"+name, false, false, 0)
	}
	q.take(1, false)
	q.done(q.take(1, false), 0)
	q.take(2, true)
	q.want("fb1 b1 fb2 b2") // neither kind keeps the other from its turn
}
