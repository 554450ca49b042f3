//go:build !portable

package childlog

import (
	"errors"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// A Pump copies from pipes to streams on two goroutines: that of Run, which
// also does what Finish and others ask for, and its aide. One alone could not
// keep up with writers on two processors: for each byte that they copy into a
// pipe there are two copies to make. An idle pipe costs no goroutine, no
// buffer, and no wake-up. Add, Finish and Close are safe for concurrent use
// and never wait for a pipe.
//
// Each pipe is read once in a turn, so one that floods does not starve others.
type Pump struct {
	watches [2]*watch   // Run's and the aide's
	halted  atomic.Bool // the aide is to end
	buf     []byte      // only Run touches it

	mu     sync.Mutex // guards the fields below
	pipes  map[uint64]*Pipe
	nextID uint64
	todo   []func() // for Run
	closed bool     // by Close
	active bool     // Run has begun, or Close acts in its place
	ended  bool     // the last todo is done
}

// A Pipe is what Add returned for one pipe. Its number is never used again,
// unlike that of its descriptor, so that a late event can't reach another.
type Pipe struct {
	id     uint64
	watch  *watch // the one that it belongs to
	stream *Stream

	// mu guards the fields below and the stream. Run holds it while it copies,
	// so who must not wait only tries it.
	mu     sync.Mutex
	fd     int    // -1 when closed
	away   bool   // out of epoll: parked or lent
	lent   bool   // see Lend
	unsaid []byte // read by the borrower, and not yet in the log
}

// NewPump returns a pump without pipes. It holds four descriptors until Close.
func NewPump() (*Pump, error) {
	p := &Pump{pipes: make(map[uint64]*Pipe), nextID: 1}
	for i := range p.watches {
		var err error
		if p.watches[i], err = newWatch(); err != nil {
			p.release()
			return nil, err
		}
	}
	p.buf = make([]byte, readBytes)
	return p, nil
}

// release closes the pump's own descriptors.
func (p *Pump) release() {
	for _, w := range p.watches {
		if w != nil {
			w.close()
		}
	}
}

// Run pumps until Close. Call it once.
func (p *Pump) Run() {
	p.mu.Lock()
	begun := p.active
	p.active = true
	p.mu.Unlock()
	if begun {
		return // closed before it began
	}

	var aide sync.WaitGroup
	aide.Go(p.assist) // ended below, and waited for
	for !p.work() {
		ready, err := p.watches[0].wait()
		if err != nil {
			break // the descriptor is bad: there is nothing to wait for
		}
		for i := range ready {
			p.turn(eventID(&ready[i]), p.buf)
		}
	}
	p.halted.Store(true)
	p.watches[1].rouse()
	aide.Wait()
	p.end()
}

// assist copies from the pipes that are the aide's.
func (p *Pump) assist() {
	var buf []byte // until there is something to read
	for !p.halted.Load() {
		ready, err := p.watches[1].wait()
		if err != nil {
			return
		}
		for i := range ready {
			if buf == nil {
				buf = make([]byte, readBytes)
			}
			p.turn(eventID(&ready[i]), buf)
		}
	}
}

// Add has the pump copy from fd, which must be non-blocking, to s. From now
// on the pump owns both and closes them: at the end of the file, at Finish, or
// at Close. After an error they are still the caller's.
func (p *Pump) Add(fd int, s *Stream) (*Pipe, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, ErrClosed
	}
	// The two of a child most often have one goroutine, which keeps what they
	// report in order.
	pipe := &Pipe{id: p.nextID, watch: p.watches[p.nextID>>1&1], fd: fd, stream: s}
	p.nextID++
	p.pipes[pipe.id] = pipe
	if err := pipe.watch.add(pipe.id, fd); err != nil {
		delete(p.pipes, pipe.id)
		return nil, err
	}
	return pipe, nil
}

// Close ends Run and closes all pipes and streams. What is still in the pipes
// is not read, what Finish was asked for is done. It does not wait for Run.
func (p *Pump) Close() {
	p.mu.Lock()
	p.closed = true
	idle := !p.active
	p.active = true // Run will not begin
	p.mu.Unlock()
	if idle {
		p.work()
		p.end()
		return
	}
	p.post(func() {})
}

// post hands Run something to do; false if Run has ended.
func (p *Pump) post(fn func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return false
	}
	p.todo = append(p.todo, fn)
	if len(p.todo) == 1 {
		p.watches[0].rouse()
	}
	return true
}

// work does what was posted and reports whether the pump is closed.
func (p *Pump) work() bool {
	for {
		p.mu.Lock()
		todo, closed := p.todo, p.closed
		p.todo = nil
		p.mu.Unlock()
		if len(todo) == 0 {
			return closed
		}
		for _, fn := range todo {
			fn()
		}
	}
}

// end closes everything. What is posted meanwhile is still done.
func (p *Pump) end() {
	p.mu.Lock()
	pipes := p.pipes
	p.pipes = map[uint64]*Pipe{}
	p.closed = true
	p.mu.Unlock()
	for _, pipe := range pipes {
		p.close(pipe)
	}
	for {
		p.work()
		p.mu.Lock()
		if len(p.todo) == 0 {
			break
		}
		p.mu.Unlock()
	}
	p.ended = true
	p.release()
	p.mu.Unlock()
}

// turn reads once from the pipe an event is about.
func (p *Pump) turn(id uint64, buf []byte) {
	p.mu.Lock()
	pipe := p.pipes[id]
	p.mu.Unlock()
	if pipe == nil {
		return // an event from before it was closed
	}
	pipe.mu.Lock()
	defer pipe.mu.Unlock()
	if pipe.away || pipe.fd < 0 {
		return // an event from before
	}
	if pipe.stream.park(func() { p.post(func() { p.unpark(pipe) }) }) {
		// Out of epoll, not just without events: it would report a hang-up.
		pipe.away = true
		pipe.watch.remove(pipe.fd)
		return
	}
	if _, more := readLocked(pipe, buf); !more {
		p.closeLocked(pipe)
	}
}

func (p *Pump) unpark(pipe *Pipe) {
	pipe.mu.Lock()
	defer pipe.mu.Unlock()
	p.rejoinLocked(pipe)
}

// rejoinLocked watches a pipe again that was parked or lent.
func (p *Pump) rejoinLocked(pipe *Pipe) {
	if !pipe.away || pipe.fd < 0 {
		return
	}
	pipe.away, pipe.lent = false, false
	if err := pipe.watch.add(pipe.id, pipe.fd); err != nil {
		p.closeLocked(pipe) // no memory for it: better its end than to forget it
	}
}

// readLocked reads once. There is more to come unless it met the end of the file or
// an error.
func readLocked(pipe *Pipe, buf []byte) (n int, more bool) {
	for {
		n, err := unix.Read(pipe.fd, buf)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return 0, true
		case err != nil || n <= 0:
			return 0, false
		}
		pipe.stream.Write(buf[:n])
		return n, true
	}
}

func (p *Pump) close(pipe *Pipe) {
	pipe.mu.Lock()
	defer pipe.mu.Unlock()
	p.closeLocked(pipe)
}

// closeLocked closes a pipe and its stream, once. Closing the descriptor is not
// enough to leave epoll: a child of ours in the midst of a fork may share it.
func (p *Pump) closeLocked(pipe *Pipe) {
	if pipe.fd < 0 {
		return
	}
	p.mu.Lock()
	delete(p.pipes, pipe.id)
	p.mu.Unlock()
	pipe.sayLocked()
	if !pipe.away {
		pipe.watch.remove(pipe.fd)
	}
	_ = unix.Close(pipe.fd)
	pipe.fd = -1
	pipe.stream.Close()
}
