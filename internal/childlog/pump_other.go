//go:build !linux || portable

package childlog

import (
	"errors"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A Pump copies from pipes to streams with a goroutine for each pipe, and a
// buffer only while there is something to read. Streams and done functions
// are called one at a time. Add, Finish and Close are safe for concurrent use
// and never wait for a pipe.
type Pump struct {
	turn sync.Mutex // held around every call of a stream or a done function
	bufs sync.Pool
	over chan struct{} // closed by Close

	mu      sync.Mutex // guards the fields below
	pipes   map[*Pipe]struct{}
	closed  bool
	readers sync.WaitGroup // one for each pipe; Run waits for them
}

// A Pipe is what Add returned for one pipe.
type Pipe struct {
	file     *os.File
	stream   *Stream
	quit     chan struct{} // closed when the pipe is to be closed
	quitOnce sync.Once
	gone     chan struct{} // closed when it is closed
	drain    bool          // read what is left; set before quit is closed
}

// NewPump returns a pump without pipes.
func NewPump() (*Pump, error) {
	return &Pump{
		bufs:  sync.Pool{New: func() any { return new([readBytes]byte) }},
		over:  make(chan struct{}),
		pipes: make(map[*Pipe]struct{}),
	}, nil
}

// Run returns after Close, when all pipes are closed.
func (p *Pump) Run() {
	<-p.over
	p.readers.Wait()
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
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	pipe := &Pipe{
		file: os.NewFile(uintptr(fd), "pipe"), stream: s,
		quit: make(chan struct{}), gone: make(chan struct{}),
	}
	p.pipes[pipe] = struct{}{}
	p.readers.Add(1)
	go p.copy(pipe) // ends with the pipe; Run waits for it
	return pipe, nil
}

// Finish says that the child is dead: what is in its pipes now, at most 1 MiB
// for each, goes to the streams, then pipes and streams are closed, then done
// is called from a goroutine of the pump. Nil pipes are skipped. It does not
// wait for any of this.
func (p *Pump) Finish(pipes []*Pipe, done func()) {
	for _, pipe := range pipes {
		if pipe != nil {
			pipe.stop(true)
		}
	}
	go func() { // ends with done, when the readers of these pipes have ended
		for _, pipe := range pipes {
			if pipe != nil {
				<-pipe.gone
			}
		}
		p.turn.Lock()
		defer p.turn.Unlock()
		done()
	}()
}

// FinishEmpty does nothing here: only its reader knows what is in a pipe.
func (p *Pump) FinishEmpty([]*Pipe) bool { return false }

// Lend lends nothing here: each pipe has its reader.
func (p *Pump) Lend(*Pipe) bool { return false }

// Overhear reads nothing: there is nothing lent.
func (p *Pump) Overhear(*Pipe, []byte) (n int, lent bool) { return 0, false }

// TakeBack does nothing.
func (p *Pump) TakeBack(*Pipe) {}

// Close ends Run and closes all pipes and streams. What is still in the pipes
// is not read, what Finish was asked for is done. It does not wait for Run.
func (p *Pump) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.closed = true
	for pipe := range p.pipes {
		pipe.stop(false)
	}
	close(p.over)
}

// stop ends the pipe's reader, which may be waiting for output or for room.
func (pipe *Pipe) stop(drain bool) {
	pipe.quitOnce.Do(func() {
		pipe.drain = drain
		close(pipe.quit)
		_ = pipe.file.SetReadDeadline(time.Unix(1, 0))
	})
}

// copy reads until the end of the file or until stop.
func (p *Pump) copy(pipe *Pipe) {
	defer p.readers.Done()
	defer close(pipe.gone)
	conn, err := pipe.file.SyscallConn()
	for err == nil {
		room := make(chan struct{})
		if pipe.stream.park(func() { close(room) }) {
			select {
			case <-room:
			case <-pipe.quit:
			}
		}
		more := true
		err = conn.Read(func(fd uintptr) bool {
			var n int
			n, more = p.read(int(fd), pipe)
			return n > 0 || !more // else wait until it is readable
		})
		if !more {
			err = os.ErrClosed
		}
	}
	select {
	case <-pipe.quit:
		if pipe.drain && conn != nil {
			p.rest(pipe)
		}
	default:
	}
	p.mu.Lock()
	delete(p.pipes, pipe)
	p.mu.Unlock()
	p.turn.Lock()
	defer p.turn.Unlock()
	_ = pipe.file.Close()
	pipe.stream.Close()
}

// rest reads what is in the pipe of a dead child. Its deadline has passed, so
// it reads without the poller.
func (p *Pump) rest(pipe *Pipe) {
	conn, err := pipe.file.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) {
		for total := 0; total < finishBytes; {
			n, _ := p.read(int(fd), pipe)
			if n == 0 {
				return
			}
			total += n
		}
	})
}

// read reads once. There is more to come unless it met the end of the file or
// an error.
func (p *Pump) read(fd int, pipe *Pipe) (n int, more bool) {
	buf := p.bufs.Get().(*[readBytes]byte)
	defer p.bufs.Put(buf)
	for {
		n, err := unix.Read(fd, buf[:])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return 0, true
		case err != nil || n <= 0:
			return 0, false
		}
		p.turn.Lock()
		defer p.turn.Unlock()
		pipe.stream.Write(buf[:n])
		return n, true
	}
}
