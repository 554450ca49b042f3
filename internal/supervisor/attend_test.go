package supervisor

import (
	"testing"
	"testing/synctest"
	"time"

	"example.org/twiddler/internal/childlog"
)

// A lender plays one listener's pipe.
type lender struct {
	words   []string
	lent    bool
	refused int // how often to refuse
}

func (f *lender) Lend(*childlog.Pipe) bool {
	if f.refused > 0 {
		f.refused--
		return false
	}
	f.lent = true
	return true
}

func (f *lender) Overhear(_ *childlog.Pipe, buf []byte) (n int, lent bool) {
	if len(f.words) > 0 && f.lent {
		n = copy(buf, f.words[0])
		f.words = f.words[1:]
	}
	return n, f.lent
}

func (f *lender) TakeBack(*childlog.Pipe) { f.lent = false }

func TestAttention(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pipe := &lender{}
		a := &attention{lender: pipe}
		c := &child{pipes: []*childlog.Pipe{nil}, hearing: hearing{name: Name{"l", "l"}}}
		answer := func(after time.Duration) { // by way of the pump
			a.sent(c)
			a.coming.Add(1)
			time.Sleep(after)
			a.told(c)
		}
		kept := func(want bool, when string) {
			t.Helper()
			if len(a.kept) > 0 != want || c.hearing.kept != want || pipe.lent != want {
				t.Fatalf("kept is %v %v %v %s", len(a.kept) > 0, c.hearing.kept, pipe.lent, when)
			}
		}
		for range promptAnswers - 1 {
			answer(patience / 2)
		}
		kept(false, "without an event")
		answer(patience)
		a.sent(c)
		kept(false, "after an answer that was late")
		for range promptAnswers {
			answer(0)
		}
		a.coming.Add(1)
		a.sent(c)
		kept(false, "while its words are on their way")
		a.told(c)
		pipe.refused = 1
		a.sent(c)
		kept(false, "though the pump was at it")

		a.sent(c)
		kept(true, "after prompt answers")
		pipe.words = []string{"RESULT"}
		if told, ok := a.listen(); !ok || told.Name != c.hearing.name || string(told.Data) != "RESULT" {
			t.Errorf("heard %q, %v", told.Data, ok)
		}
		a.sent(c)
		time.Sleep(patience)
		a.listen()
		kept(true, "for a moment")
		time.Sleep(time.Nanosecond)
		a.listen()
		kept(false, "after no answer")
		for range impatience {
			answer(0)
		}
		a.sent(c)
		kept(false, "soon after no answer")
		for range promptAnswers {
			answer(0)
		}
		a.sent(c)
		kept(true, "after many prompt answers")
		pipe.lent = false // it has ended
		if _, ok := a.listen(); ok {
			t.Error("heard something")
		}
		kept(false, "after its end")
		a.sent(c)
		kept(true, "once more")
		a.forget(c)
		if len(a.kept) > 0 {
			t.Error("not forgotten")
		}
		a.told(nil) // of a listener that has gone
	})
}
