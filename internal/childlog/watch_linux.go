//go:build !portable

package childlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// turnPipes is how many pipes are read in one turn. Who else wants to run
// waits that long: at 128 KiB each some tenths of a millisecond.
const turnPipes = 2

// A watch waits for pipes that can be read. It is an epoll instance in that of
// the runtime, so the goroutine that waits holds neither a thread nor one of
// the slots (P) in which Go runs goroutines. A thread in epoll_wait keeps its
// slot until the runtime's monitor takes it away, which may be after 10 ms,
// and two would keep both that a small machine has.
//
// Only one goroutine may call wait; the other methods are safe for concurrent
// use.
type watch struct {
	poll int
	wake int // an eventfd that is watched
	file *os.File
	conn syscall.RawConn

	// For wait only.
	look   func(poll uintptr) bool
	events [turnPipes + 1]unix.EpollEvent
	ready  int
	err    error
	worked bool // pipes were found ready the last time
}

func newWatch() (w *watch, err error) {
	w = &watch{wake: -1}
	if w.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("cannot make an epoll instance: %w", err)
	}
	// Only a descriptor that does not block goes to the runtime's poller.
	if err = unix.SetNonblock(w.poll, true); err != nil {
		_ = unix.Close(w.poll)
		return nil, fmt.Errorf("cannot make an epoll instance: %w", err)
	}
	w.file = os.NewFile(uintptr(w.poll), "epoll")
	w.look = w.lookOnce
	if err = w.file.SetReadDeadline(time.Time{}); err != nil {
		w.close()
		return nil, fmt.Errorf("cannot watch an epoll instance: %w", err)
	}
	if w.conn, err = w.file.SyscallConn(); err == nil {
		w.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	}
	if err == nil {
		err = w.add(0, w.wake)
	}
	if err != nil {
		w.close()
		return nil, fmt.Errorf("cannot watch pipes: %w", err)
	}
	return w, nil
}

func (w *watch) close() {
	_ = w.file.Close()
	if w.wake >= 0 {
		_ = unix.Close(w.wake)
	}
}

// wait returns events of pipes, at least one or none if rouse was called. They
// are valid until the next call.
func (w *watch) wait() ([]unix.EpollEvent, error) {
	w.ready, w.err = 0, nil
	if err := w.conn.Read(w.look); err != nil {
		return nil, fmt.Errorf("cannot wait for pipes: %w", err)
	}
	pipes := w.events[:0]
	for _, e := range w.events[:w.ready] {
		if eventID(&e) == 0 {
			var count [8]byte
			_, _ = unix.Read(w.wake, count[:])
			continue
		}
		pipes = append(pipes, e)
	}
	return pipes, w.err
}

// lookOnce reports whether wait is to end. If not, it is called again when
// something has become ready since.
func (w *watch) lookOnce(uintptr) bool {
	n, err := unix.EpollWait(w.poll, w.events[:], 0)
	for errors.Is(err, unix.EINTR) {
		n, err = unix.EpollWait(w.poll, w.events[:], 0)
	}
	switch {
	case err == nil && n == 0:
		w.worked = false
		return false
	case err != nil:
		w.err = err
		return true
	case w.worked:
		// There is always more to do. The runtime looks at sockets only when
		// nothing can run, so let it: the eventfd brings us back at once.
		w.worked = false
		w.rouse()
		return false
	}
	w.worked = true
	w.ready = n
	return true
}

// rouse makes wait return. It can't fail but by overflow of the eventfd, and
// then that is readable already.
func (w *watch) rouse() { _, _ = unix.Write(w.wake, binary.NativeEndian.AppendUint64(nil, 1)) }

// add asks for events of fd, with id in them; 0 is the watch's own. Epoll
// carries 64 bits of ours, for which the Go structure has two fields.
func (w *watch) add(id uint64, fd int) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(uint32(id)), Pad: int32(uint32(id >> 32))}
	if err := unix.EpollCtl(w.poll, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("cannot watch pipe: %w", err)
	}
	return nil
}

func (w *watch) remove(fd int) { _ = unix.EpollCtl(w.poll, unix.EPOLL_CTL_DEL, fd, nil) }

func eventID(ev *unix.EpollEvent) uint64 {
	return uint64(uint32(ev.Fd)) | uint64(uint32(ev.Pad))<<32
}
