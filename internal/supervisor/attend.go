package supervisor

import (
	"slices"
	"sync/atomic"
	"time"

	"example.org/twiddler/internal/childlog"
)

// A Lender lets the loop read what a listener says; *childlog.Pump does. Its
// methods must not wait.
type Lender interface {
	Lend(*childlog.Pipe) bool
	Overhear(p *childlog.Pipe, buf []byte) (n int, lent bool)
	TakeBack(*childlog.Pipe)
}

const (
	// patience is how soon a prompt listener answers, and so how long the loop
	// looks for an answer before it sleeps.
	patience = 100 * time.Microsecond
	// promptAnswers in a row are needed before the loop looks for the next
	// itself, and so many more after it has looked in vain.
	promptAnswers, impatience = 3, 64
)

// An attention is how the loop hears the answers of listeners that give them
// at once. By way of the pump each would wake two threads, which takes longer
// than such an answer. As long as they come, the loop keeps a listener's pipe
// and reads it between two inputs; when none has come for a moment the pump
// gets it back. Only the loop touches it, but for coming.
type attention struct {
	lender Lender
	coming atomic.Int32 // Told inputs that the pump has reported, and the loop not seen
	kept   []*child     // whose stdout was lent
	buf    []byte
}

// hearing is what a child that is a listener has of this.
type hearing struct {
	name     Name
	sent     time.Time // when it was sent an event
	prompt   int       // answers in a row that came at once
	answered bool      // it has spoken since
	kept     bool
}

// sent notes that a listener has an event to answer.
func (a *attention) sent(c *child) {
	if a.lender == nil {
		return
	}
	h := &c.hearing
	h.sent, h.answered = time.Now(), false
	if h.kept || h.prompt < promptAnswers || !a.lender.Lend(c.pipes[0]) {
		return
	}
	// What it said before and is still on its way here must come first. From
	// now on there will be no more of it.
	if a.coming.Load() > 0 {
		a.lender.TakeBack(c.pipes[0])
		return
	}
	h.kept = true
	a.kept = append(a.kept, c)
}

// told notes what a listener, nil if it has gone, said by way of the pump.
func (a *attention) told(c *child) {
	a.coming.Add(-1)
	switch {
	case c == nil || a.lender == nil || c.hearing.answered:
	case time.Since(c.hearing.sent) < patience:
		c.hearing.prompt++
		c.hearing.answered = true
	default:
		c.hearing.prompt = min(c.hearing.prompt, 0)
		c.hearing.answered = true
	}
}

// listen returns what one of the kept listeners has said, if any of them has.
// It is valid until the next call.
func (a *attention) listen() (Told, bool) {
	for i := 0; i < len(a.kept); i++ {
		c := a.kept[i]
		if a.buf == nil {
			a.buf = make([]byte, 4<<10)
		}
		n, lent := a.lender.Overhear(c.pipes[0], a.buf)
		switch {
		case lent && n == 0 && time.Since(c.hearing.sent) > patience:
			a.lender.TakeBack(c.pipes[0])
			if !c.hearing.answered {
				c.hearing.prompt = -impatience
			}
			lent = false
		case n > 0:
			c.hearing.answered = true
		}
		if !lent {
			a.forget(c)
			i--
		}
		if n > 0 {
			return Told{c.hearing.name, a.buf[:n]}, true
		}
	}
	return Told{}, false
}

// forget is for a pipe that is no longer lent, or about to be finished.
func (a *attention) forget(c *child) {
	if c.hearing.kept {
		c.hearing.kept = false
		a.kept = slices.DeleteFunc(a.kept, func(k *child) bool { return k == c })
	}
}
