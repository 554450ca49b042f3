package supervisor

import (
	"fmt"
	"slices"
	"time"

	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/event"
	"example.org/twiddler/internal/listener"
	"example.org/twiddler/internal/proc"
	"example.org/twiddler/level"
)

// A pool is a group of event listeners: what it subscribed to, and the events
// that wait for one of its processes. They wait in memory only.
type pool struct {
	group   *group
	name    string
	wants   event.Set
	handler listener.Handler
	limit   int           // buffer_size: how many may wait; those in flight do not count
	queue   []parcel      // the next one first
	serial  event.Counter // deals pool serials
	stirred bool          // something has changed since the last dispatch
}

// A parcel is an event on its way through one pool. It keeps its serials when
// it is sent again.
type parcel struct {
	event              event.Event
	serial, poolSerial uint64
}

// An ear is what is known of a listener process beside its state as a process.
type ear struct {
	*listener.Machine
	held *parcel // in flight: sent and not answered
	deaf bool    // it does not take what is written to it
}

// announcer is the part of the core that tells of events.
type announcer struct {
	server  string // identifier of supervisord, for envelopes
	pools   []*pool
	wanted  event.Set // what any pool wants
	serials *event.Counter
	clock   event.Clock
	tickAt  time.Duration // when a tick event may be due; 0 for never
}

func (c *Core) subscribe(now proc.Moment, g *group) {
	if g.cfg.Kind != config.EventListener {
		return
	}
	handler, _ := listener.ParseHandler(g.cfg.ResultHandler) // an unknown one did not load
	g.pool = &pool{
		group:   g,
		name:    g.cfg.Name,
		wants:   event.Subscribe(g.cfg.Events...),
		handler: handler,
		limit:   g.cfg.BufferSize,
	}
	c.ann.pools = append(c.ann.pools, g.pool)
	c.resubscribed(now)
}

func (c *Core) unsubscribe(now proc.Moment, g *group) {
	if g.pool != nil {
		c.ann.pools = slices.DeleteFunc(c.ann.pools, func(p *pool) bool { return p == g.pool })
		c.resubscribed(now)
	}
}

func (c *Core) resubscribed(now proc.Moment) {
	c.ann.wanted = 0
	for _, p := range c.ann.pools {
		c.ann.wanted |= p.wants
	}
	c.ann.clock.Due(now.Wall, nil) // the time until now is nobody's
	c.setTick(now)
}

// emit announces e to the pools that want it. Events nobody wants take no
// serial.
func (c *Core) emit(e event.Event, out []Effect) []Effect {
	if !c.ann.wanted.Has(e.Type) {
		return out
	}
	serial := c.ann.serials.Next()
	for _, p := range c.ann.pools {
		if p.wants.Has(e.Type) {
			out = p.makeRoom(out)
			p.queue = append(p.queue, parcel{e, serial, p.serial.Next()})
			p.stirred = true
		}
	}
	return out
}

// emitChange announces a change of state. Building the event is left out where
// nobody listens.
func (c *Core) emitChange(n Name, ch proc.Change, out []Effect) []Effect {
	if c.ann.wanted == 0 || !c.ann.wanted.Has(event.OfState(ch.To.String())) {
		return out
	}
	return c.emit(event.StateChange{
		Group: n.Group, Process: n.Process,
		From: ch.From.String(), To: ch.To.String(),
		PID: ch.PID, Tries: ch.Tries, Expected: ch.Expected,
	}.Event(), out)
}

// makeRoom drops the oldest event that waits, if the buffer is full.
// Supervisor 4.2.5, process.py, _acceptEvent.
func (p *pool) makeRoom(out []Effect) []Effect {
	if len(p.queue) < p.limit {
		return out
	}
	dropped := p.queue[0]
	p.queue = p.queue[1:]
	return append(out, Log{level.Error,
		fmt.Sprintf("pool %s event buffer overflowed, discarding event %d", p.name, dropped.serial)})
}

// reshape gives the pool another subscription and buffer. What no longer fits
// is dropped, the oldest first.
func (p *pool) reshape(cfg *config.Group, out []Effect) []Effect {
	p.wants, p.limit = event.Subscribe(cfg.Events...), cfg.BufferSize
	for len(p.queue) > p.limit {
		out = p.makeRoom(out)
	}
	return out
}

// requeue puts an event back at the head, to be sent again.
func (p *pool) requeue(e parcel, out []Effect) []Effect {
	out = append(out, Log{level.Debug,
		fmt.Sprintf("rebuffering event %d for pool %s (buf size=%d, max=%d)", e.serial, p.name, len(p.queue), p.limit)})
	out = p.makeRoom(out)
	p.queue = slices.Insert(p.queue, 0, e)
	p.stirred = true
	return out
}

// dispatch sends what waits to the listeners that are ready, the first one in
// order of configuration first.
func (c *Core) dispatch(out []Effect) []Effect {
	for _, p := range c.ann.pools {
		if !p.stirred {
			continue
		}
		p.stirred = false
		for len(p.queue) > 0 {
			l := p.ready()
			if l == nil {
				break
			}
			e := p.queue[0]
			p.queue = p.queue[1:]
			l.ear.held = &e
			l.ear.Sent(e.event.HasProcess())
			head := event.Header{Server: c.ann.server, Pool: p.name, Serial: e.serial, PoolSerial: e.poolSerial}
			out = append(out, Send{l.name, head.Append(make([]byte, 0, len(e.event.Payload)+160), e.event), true})
			if !c.quiet {
				out = append(out, Log{level.Debug, fmt.Sprintf("event %d sent to listener %s", e.serial, l.name.Process)})
			}
		}
	}
	return out
}

// ready returns a listener that can be sent an event, or nil. One that has
// not run for startsecs is not served yet.
func (p *pool) ready() *process {
	for _, l := range p.group.procs {
		if l.ear != nil && l.State == proc.Running && l.ear.State == listener.Ready && l.Live() && !l.ear.deaf {
			return l
		}
	}
	return nil
}

// stir has the pool of p, if it is a listener, looked at after this step.
func (p *process) stir() {
	if p.ear != nil {
		p.group.pool.stirred = true
	}
}

// told gives a listener's output to its protocol.
func (c *Core) told(in Told, out []Effect) []Effect {
	p := c.find(in.Name)
	if p == nil || p.ear == nil {
		return out
	}
	return c.heed(p, p.ear.Feed(in.Data, nil), out)
}

// deafened notes that a listener could not be sent its event.
func (c *Core) deafened(in SendFailed, out []Effect) []Effect {
	p := c.find(in.Name)
	if p == nil || p.ear == nil || p.ear.held == nil {
		return out
	}
	e := *p.ear.held
	p.ear.held, p.ear.deaf = nil, true
	out = append(out, Log{level.Debug, fmt.Sprintf(
		"epipe occurred while sending event %d to listener %s, listener state unchanged", e.serial, p.name.Process)})
	return p.group.pool.requeue(e, out)
}

// earGone notes that a listener's child has ended and been heard to the end.
func (c *Core) earGone(p *process, out []Effect) []Effect {
	if p.ear == nil {
		return out
	}
	out = c.heed(p, p.ear.Gone(nil), out)
	p.ear.held, p.ear.deaf = nil, false
	return out
}

// heed does what the protocol asks for.
func (c *Core) heed(p *process, actions []listener.Action, out []Effect) []Effect {
	pool := p.group.pool
	for _, a := range actions {
		switch a := a.(type) {
		case listener.Log:
			out = append(out, Log{a.Level, a.Text})
		case listener.BadLine:
			out = append(out, Log{level.Warn, fmt.Sprintf("%s: bad result line: %s", p.name.Process, quoted(a.Line))})
		case listener.Settle:
			p.ear.held = nil
		case listener.Requeue:
			if p.ear.held != nil {
				e := *p.ear.held
				p.ear.held = nil
				out = pool.requeue(e, out)
			}
		case listener.WriteStdin:
			if p.ear.held != nil {
				e := p.ear.held.event
				out = append(out, Send{Name{e.Group, e.Process}, a.Data, false})
			}
		}
	}
	pool.stirred = true
	return out
}

// quoted is a line as Supervisor's log shows it, between single quotes.
func quoted(line []byte) string { return "'" + event.Text(line) + "'" }

// ticks announces the ticks that are due.
func (c *Core) ticks(now proc.Moment, out []Effect) []Effect {
	if c.ann.tickAt == 0 || now.Mono < c.ann.tickAt {
		return out
	}
	for _, e := range c.ann.clock.Due(now.Wall, nil) {
		out = c.emit(e, out)
	}
	c.setTick(now)
	return out
}

// maxTickWait bounds how late a tick can be after the calendar has jumped.
const maxTickWait = time.Minute

func (c *Core) setTick(now proc.Moment) {
	c.ann.tickAt = 0
	if wait := event.UntilTick(now.Wall, c.ann.wanted); wait > 0 {
		c.ann.tickAt = now.Mono + min(wait, maxTickWait)
	}
}
