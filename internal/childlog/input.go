package childlog

import (
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// inputBytes is how much may wait for a child that does not read its stdin.
const inputBytes = 1 << 20

// ErrFull is the answer of an Input whose child has not read for long.
var ErrFull = errors.New("too much is waiting to be read")

// An Input is our end of a child's stdin. Safe for concurrent use.
type Input struct {
	mu     sync.Mutex // guards the fields below
	fd     int        // -1 after Close
	err    error      // ErrClosed when nobody can read any more
	queued []byte     // what the pipe had no room for
	flight int        // bytes that the writer is writing now
	writer *os.File   // a duplicate of fd that waits for room; nil when nothing is queued
}

// NewInput takes over fd, which must be non-blocking.
func NewInput(fd int) *Input { return &Input{fd: fd} }

// Write writes what the pipe has room for and queues the rest, which is
// written as the child reads. It never waits. The error is ErrClosed after
// Close or when the child has closed its end, and ErrFull when more than 1 MiB
// would wait; then nothing of p is taken. A single p is never too large for an
// empty queue. Any other error means that there is no descriptor left for the
// queue, and p may be written in part.
func (i *Input) Write(p []byte) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.err != nil {
		return i.err
	}
	if i.writer != nil {
		if i.flight+len(i.queued)+len(p) > inputBytes {
			return ErrFull
		}
		i.queued = append(i.queued, p...)
		return nil
	}
	for len(p) > 0 {
		n, err := unix.Write(i.fd, p)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return i.queueLocked(p)
		case err != nil:
			i.err = ErrClosed
			return i.err
		default:
			p = p[n:]
		}
	}
	return nil
}

// Close closes the pipe; the child sees the end of the file. What is queued
// is dropped.
func (i *Input) Close() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.fd < 0 {
		return
	}
	_ = unix.Close(i.fd)
	i.fd, i.err, i.queued = -1, ErrClosed, nil
	if i.writer != nil {
		_ = i.writer.Close() // its goroutine ends
	}
}

// queueLocked starts the goroutine that waits for room. It works on a
// duplicate, so that a pipe that is never full costs nothing in the poller of
// the Go runtime.
func (i *Input) queueLocked(p []byte) error {
	fd, err := unix.FcntlInt(uintptr(i.fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return err
	}
	i.queued = append(i.queued, p...)
	i.writer = os.NewFile(uintptr(fd), "stdin")
	go i.run(i.writer)
	return nil
}

// run ends when the queue is empty, at an error, or at Close.
func (i *Input) run(w *os.File) {
	for {
		i.mu.Lock()
		p := i.queued
		i.queued, i.flight = nil, len(p)
		if len(p) == 0 || i.err != nil {
			i.writer = nil
			i.mu.Unlock()
			_ = w.Close()
			return
		}
		i.mu.Unlock()
		if _, err := w.Write(p); err != nil {
			i.mu.Lock()
			i.err = ErrClosed
			i.mu.Unlock()
		}
	}
}
