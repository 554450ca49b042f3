//go:build !portable

package childlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// A Pump copies from pipes to streams on one goroutine, that of Run. An idle
// pipe costs no goroutine, no buffer, and no wake-up. Add, Finish and Close
// are safe for concurrent use and never wait for a pipe.
//
// Each pipe is read once in a turn, so one that floods does not starve others.
type Pump struct {
	epoll, wake int    // descriptors; wake is an eventfd
	buf         []byte // only Run touches it

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
	stream *Stream

	// mu guards the fields below and the stream. Run holds it while it copies,
	// so who must not wait only tries it.
	mu     sync.Mutex
	fd     int    // -1 when closed
	away   bool   // out of epoll: parked or lent
	lent   bool   // see Lend
	unsaid []byte // read by the borrower, and not yet in the log
}

// NewPump returns a pump without pipes. It holds two descriptors until Close.
func NewPump() (*Pump, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("cannot make an epoll instance: %w", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		_ = unix.Close(epoll)
		return nil, fmt.Errorf("cannot make an eventfd: %w", err)
	}
	p := &Pump{epoll: epoll, wake: wake, buf: make([]byte, readBytes), pipes: make(map[uint64]*Pipe), nextID: 1}
	if err := p.watch(0, wake); err != nil { // 0: the pump's own
		_ = unix.Close(epoll)
		_ = unix.Close(wake)
		return nil, err
	}
	return p, nil
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

	var events [128]unix.EpollEvent
	for !p.work() {
		// What was reported may be answered on this thread, before it sleeps.
		runtime.Gosched()
		n, err := unix.EpollWait(p.epoll, events[:], -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			break // the descriptor is bad: there is nothing to wait for
		}
		for i := range max(n, 0) {
			p.turn(eventID(&events[i]))
		}
	}
	p.end()
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
	pipe := &Pipe{id: p.nextID, fd: fd, stream: s}
	p.nextID++
	p.pipes[pipe.id] = pipe
	if err := p.watch(pipe.id, fd); err != nil {
		delete(p.pipes, pipe.id)
		return nil, err
	}
	return pipe, nil
}

// Finish says that the child is dead: what is in its pipes now, at most 1 MiB
// for each, goes to the streams, then pipes and streams are closed, then done
// is called on the pump's goroutine (on another one after Close). Nil pipes
// are skipped. It does not wait for any of this.
func (p *Pump) Finish(pipes []*Pipe, done func()) {
	finish := func() {
		for _, pipe := range pipes {
			if pipe != nil {
				p.drain(pipe)
			}
		}
		done()
	}
	if !p.post(finish) {
		go done() // ends with done; all pipes are closed already
	}
}

// FinishEmpty is Finish for a child that has left nothing: if the pipes are
// empty, and their streams neither hold back nor report anything, it answers
// true, all that the child has written is in its logs, and the pump closes
// pipes and streams soon. Otherwise it does nothing. It waits for nothing, not
// even for the pump.
func (p *Pump) FinishEmpty(pipes []*Pipe) bool {
	open := false
	for _, pipe := range pipes {
		if pipe == nil {
			continue
		}
		if !pipe.mu.TryLock() {
			return false
		}
		empty := pipe.emptyLocked()
		open = open || pipe.fd >= 0
		pipe.mu.Unlock()
		if !empty {
			return false
		}
	}
	if open {
		p.post(func() {
			for _, pipe := range pipes {
				if pipe != nil {
					p.close(pipe)
				}
			}
		})
	}
	return true
}

func (pipe *Pipe) emptyLocked() bool {
	if !pipe.stream.plain() {
		return false
	}
	if pipe.fd < 0 {
		return true
	}
	n, err := unix.IoctlGetInt(pipe.fd, unix.TIOCINQ)
	return err == nil && n == 0
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
		// It can't fail but by overflow, and then there is a wake-up already.
		_, _ = unix.Write(p.wake, binary.NativeEndian.AppendUint64(nil, 1))
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
	_ = unix.Close(p.epoll)
	_ = unix.Close(p.wake)
	p.mu.Unlock()
}

// turn reads once from the pipe an event is about.
func (p *Pump) turn(id uint64) {
	if id == 0 {
		_, _ = unix.Read(p.wake, p.buf[:8]) // work follows
		return
	}
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
		_ = unix.EpollCtl(p.epoll, unix.EPOLL_CTL_DEL, pipe.fd, nil)
		return
	}
	if _, more := p.readLocked(pipe); !more {
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
	if err := p.watch(pipe.id, pipe.fd); err != nil {
		p.closeLocked(pipe) // no memory for it: better its end than to forget it
	}
}

// drain reads what is in the pipe of a dead child, and closes it.
func (p *Pump) drain(pipe *Pipe) {
	pipe.mu.Lock()
	defer pipe.mu.Unlock()
	pipe.sayLocked()
	for total := 0; pipe.fd >= 0 && total < finishBytes; {
		n, _ := p.readLocked(pipe)
		if n == 0 {
			break
		}
		total += n
	}
	p.closeLocked(pipe)
}

// readLocked reads once. There is more to come unless it met the end of the file or
// an error.
func (p *Pump) readLocked(pipe *Pipe) (n int, more bool) {
	for {
		n, err := unix.Read(pipe.fd, p.buf)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return 0, true
		case err != nil || n <= 0:
			return 0, false
		}
		pipe.stream.Write(p.buf[:n])
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
		_ = unix.EpollCtl(p.epoll, unix.EPOLL_CTL_DEL, pipe.fd, nil)
	}
	_ = unix.Close(pipe.fd)
	pipe.fd = -1
	pipe.stream.Close()
}

// watch asks for events of fd, with id in them. Epoll carries 64 bits of ours,
// for which the Go structure has two fields.
func (p *Pump) watch(id uint64, fd int) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(uint32(id)), Pad: int32(uint32(id >> 32))}
	if err := unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("cannot watch pipe: %w", err)
	}
	return nil
}

func eventID(ev *unix.EpollEvent) uint64 {
	return uint64(uint32(ev.Fd)) | uint64(uint32(ev.Pad))<<32
}
