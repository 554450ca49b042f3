package supervisor

import "time"

const (
	// briefLife is how long a child lives at most that is started again in
	// its turn only.
	briefLife = time.Second
	// maxRest is the longest rest between two such starts.
	maxRest = 20 * time.Millisecond
)

// Turns are the starts that wait for a worker, and who is next.
//
// Starts that must keep an order wait in ordered: a higher rank begins only
// when those of a lower one are done. All others go past them, but only one
// for each of them that could begin.
//
// Children that had lived briefly are started again one at a time. As long as
// more of them wait, there is a rest after each as long as its start took:
// crash loops get half of what one processor can do, and leave the rest to
// clients and to all else that runs on the machine. One that crashes alone is
// never kept waiting.
type turns struct {
	free    []Spawn
	brief   []Spawn
	ordered []Spawn
	passed  bool // another start was taken while an ordered one could have been
	freed   bool // a free start was taken while a brief one could have been
	paced   bool // a brief one is under way, or the rest after it
	running int  // ordered starts under way
	rank    Rank // theirs
}

// A turn is a start that a worker has taken.
type turn struct {
	Spawn
	brief bool
}

func (t *turns) add(s Spawn, brief bool) {
	switch {
	case s.Ordered:
		t.ordered = append(t.ordered, s)
	case brief:
		t.brief = append(t.brief, s)
	default:
		t.free = append(t.free, s)
	}
}

// next is what a worker is to do now, if there is anything. Call done after
// it.
func (t *turns) next() (turn, bool) {
	due := len(t.ordered) > 0 && (t.running == 0 || !t.rank.less(t.ordered[0].Rank))
	free, brief := len(t.free) > 0, len(t.brief) > 0 && !t.paced
	switch {
	case (free || brief) && !(due && t.passed):
		t.passed = due
		if free && !(brief && t.freed) {
			t.freed = brief
			return turn{take(&t.free), false}, true
		}
		t.freed, t.paced = false, true
		return turn{take(&t.brief), true}, true
	case due:
		t.passed = false
		s := take(&t.ordered)
		t.running++
		t.rank = s.Rank
		return turn{s, false}, true
	}
	return turn{}, false
}

// done is for a turn that took so long. If it returns a duration, rested must
// be called when that has passed.
func (t *turns) done(w turn, took time.Duration) (rest time.Duration) {
	switch {
	case w.Ordered:
		t.running--
	case w.brief && len(t.brief) > 0 && took > 0:
		return min(took, maxRest)
	case w.brief:
		t.paced = false
	}
	return 0
}

func (t *turns) rested() { t.paced = false }

func take(queue *[]Spawn) Spawn {
	q := *queue
	s := q[0]
	q[0] = Spawn{}
	*queue = q[1:]
	if len(q) == 1 {
		*queue = nil
	}
	return s
}
