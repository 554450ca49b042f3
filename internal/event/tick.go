package event

import (
	"strconv"
	"time"
)

// tickers are the tick events, in the order they are sent when several are
// due. Supervisor 4.2.5, events.py, TICK_EVENTS.
var tickers = [...]struct {
	typ    Type
	period int64 // seconds
}{{Tick5, 5}, {Tick60, 60}, {Tick3600, 3600}}

// A Clock notices the beginning of 5 seconds, a minute and an hour. The zero
// value has seen no time yet. Only its owner may touch it.
type Clock struct {
	slices [len(tickers)]int64 // the period seen last, by its first second
	seen   bool
}

// Due appends the tick events that are due at now. The first call only notes
// where now is. However many periods have passed since the last call, or even
// if now went back, there is one event of a kind, of the newest period.
// Supervisor 4.2.5, supervisord.py, tick.
func (c *Clock) Due(now time.Time, out []Event) []Event {
	for i, t := range tickers {
		slice := floor(now.Unix(), t.period)
		if c.seen && slice != c.slices[i] {
			out = append(out, Event{Type: t.typ, Payload: "when:" + strconv.FormatInt(slice, 10)})
		}
		c.slices[i] = slice
	}
	c.seen = true
	return out
}

// UntilTick returns how long after now the next tick event in wanted is due,
// or 0 if none is wanted. It is more than 0 and at most an hour.
func UntilTick(now time.Time, wanted Set) time.Duration {
	var wait time.Duration
	for _, t := range tickers {
		if !wanted.Has(t.typ) {
			continue
		}
		next := time.Unix(floor(now.Unix(), t.period)+t.period, 0)
		if d := next.Sub(now); wait == 0 || d < wait {
			wait = d
		}
	}
	return wait
}

// floor is the greatest multiple of period that is not more than n.
func floor(n, period int64) int64 {
	rest := n % period
	if rest < 0 {
		rest += period
	}
	return n - rest
}
