//go:build !portable

package childlog

import (
	"errors"

	"golang.org/x/sys/unix"
)

// unsaidBytes is how much a borrower may have read that is not in the log yet.
const unsaidBytes = 4 << 10

// Lend gives the pipe of a stream with a Tap to the caller, who from now on
// reads it with Overhear, in place of the Tap. It is false, and nothing has
// changed, if the pump is at this pipe now, or it is not one to lend. It does
// not wait. Finish and Close work as ever.
func (p *Pump) Lend(pipe *Pipe) bool {
	if pipe == nil || !pipe.mu.TryLock() {
		return false
	}
	defer pipe.mu.Unlock()
	if pipe.fd < 0 || pipe.away || pipe.stream.c.Tap == nil {
		return false
	}
	pipe.away, pipe.lent = true, true
	pipe.watch.remove(pipe.fd)
	return true
}

// Overhear reads what is in a pipe that was lent, if anything. It never waits.
// After false the pipe is no longer lent: it is the pump's turn to copy to the
// log, or to find out that the pipe has ended.
func (p *Pump) Overhear(pipe *Pipe, buf []byte) (n int, lent bool) {
	if !pipe.mu.TryLock() {
		return 0, true
	}
	defer pipe.mu.Unlock()
	if !pipe.lent || pipe.fd < 0 {
		return 0, false
	}
	n, err := unix.Read(pipe.fd, buf)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		// The child may be waiting for this very processor.
		_, _, _ = unix.Syscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
		return 0, true
	case err != nil || n <= 0:
		p.takeBack(pipe)
		return 0, false
	}
	if pipe.stream.logs() {
		pipe.unsaid = append(pipe.unsaid, buf[:n]...)
		if len(pipe.unsaid) >= unsaidBytes {
			p.takeBack(pipe)
			return n, false
		}
	}
	return n, true
}

// TakeBack ends what Lend began. It does not wait.
func (p *Pump) TakeBack(pipe *Pipe) { p.takeBack(pipe) }

// takeBack needs no lock, for the pump does it.
func (p *Pump) takeBack(pipe *Pipe) {
	p.post(func() {
		pipe.mu.Lock()
		defer pipe.mu.Unlock()
		if pipe.lent {
			pipe.sayLocked()
			p.rejoinLocked(pipe)
		}
	})
}

// sayLocked writes to the log what a borrower has read.
func (pipe *Pipe) sayLocked() {
	if len(pipe.unsaid) > 0 {
		pipe.stream.record(pipe.unsaid)
		pipe.unsaid = nil
	}
}
