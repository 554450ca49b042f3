package httpd

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"example.org/twiddler/internal/config"
	"example.org/twiddler/level"
)

const (
	backlog      = 1024 // Supervisor 4.2.5, http.py
	maxSunPath   = 107  // bytes of a path that a socket can be bound to on Linux
	probeTimeout = time.Second
	linkAttempts = 5
	// The waits before another try to bring a socket file back.
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
)

// errTaken means that the path belongs to something that is not ours to remove.
var errTaken = errors.New("the path of the socket is taken")

// A chownError is a failure to give the socket to its owner.
type chownError struct{ err error }

func (e *chownError) Error() string { return e.err.Error() }
func (e *chownError) Unwrap() error { return e.err }

// A unixListener listens at a path, and goes on doing so when the socket file
// is removed: it makes another one, and leaves connections as they are.
type unixListener struct {
	conf   config.Server
	stderr io.Writer
	log    Logger
	done   chan struct{} // closed by Close
	watch  sync.WaitGroup

	mu   sync.Mutex
	cur  net.Listener // guarded by mu
	file os.FileInfo  // guarded by mu; the socket file we made
	over bool         // guarded by mu; Close was called
}

func listenUnix(c config.Server, o Options) (*unixListener, error) {
	u := &unixListener{conf: c, stderr: o.Stderr, log: o.Log, done: make(chan struct{})}
	l, info, err := u.bind()
	if err != nil {
		return nil, err
	}
	u.cur, u.file = l, info
	return u, nil
}

// Accept implements net.Listener. A listener that was replaced is no error.
func (u *unixListener) Accept() (net.Conn, error) {
	for {
		l := u.current()
		c, err := l.Accept()
		if err == nil || !errors.Is(err, net.ErrClosed) || u.current() == l {
			return c, err
		}
	}
}

// Addr implements net.Listener.
func (u *unixListener) Addr() net.Addr { return &net.UnixAddr{Name: u.conf.File, Net: "unix"} }

// Close implements net.Listener. It removes the socket file, unless somebody
// has put another one there.
func (u *unixListener) Close() error {
	u.mu.Lock()
	if u.over {
		u.mu.Unlock()
		return net.ErrClosed
	}
	u.over = true
	close(u.done)
	u.mu.Unlock()
	u.watch.Wait()
	if u.ours() {
		_ = os.Remove(u.conf.File) // if it went in this instant, so much the better
	}
	return u.current().Close()
}

func (u *unixListener) current() net.Listener {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.cur
}

// ours reports whether the path holds the file that we made.
func (u *unixListener) ours() bool {
	info, err := os.Lstat(u.conf.File)
	u.mu.Lock()
	defer u.mu.Unlock()
	return err == nil && os.SameFile(info, u.file)
}

// keep brings the socket file back when it is removed, until Close. It may be
// called once.
func (u *unixListener) keep() {
	u.mu.Lock()
	if u.over {
		u.mu.Unlock()
		return
	}
	u.watch.Add(1)
	u.mu.Unlock()
	defer u.watch.Done()
	for {
		// Watch first, then look: a removal between the two is seen.
		w := newFileWatch(u.conf.File)
		ok := true
		if u.ours() {
			ok = w.wait(u.done)
		} else {
			ok = u.restore()
		}
		w.close()
		if !ok {
			return
		}
	}
}

// restore makes the socket file again. It reports false if that is no longer
// wanted, because of Close or because the path is somebody else's now.
func (u *unixListener) restore() bool {
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		l, info, err := u.bind()
		switch {
		case err == nil:
			return u.replace(l, info)
		case errors.Is(err, errTaken) || errors.Is(err, syscall.EADDRINUSE):
			u.log.Log(level.Warn, fmt.Sprintf("cannot bring back socket %s: another program has put something there", u.conf.File))
			return false
		case wait == firstRetry:
			u.log.Log(level.Warn, fmt.Sprintf("cannot bring back socket %s, trying on: %v", u.conf.File, err))
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-u.done:
			t.Stop()
			return false
		}
	}
}

func (u *unixListener) replace(l net.Listener, info os.FileInfo) bool {
	u.mu.Lock()
	old := u.cur
	over := u.over
	u.cur, u.file = l, info
	u.mu.Unlock()
	_ = old.Close() // nobody can find it any more
	if !over {
		u.log.Log(level.Warn, fmt.Sprintf("socket %s was removed; made it again", u.conf.File))
	}
	return !over
}

// bind makes the socket under a name of its own, gives it its mode, and links
// it to its path: whoever finds it there finds it ready.
// Supervisor 4.2.5, http.py, supervisor_af_unix_http_server.
func (u *unixListener) bind() (net.Listener, os.FileInfo, error) {
	temp := u.conf.File + "." + strconv.Itoa(os.Getpid())
	if len(temp) > maxSunPath {
		temp = filepath.Join(filepath.Dir(u.conf.File), "."+strconv.Itoa(os.Getpid()))
	}
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	syscall.ForkLock.RLock() // no child may get it
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, err
	}
	socket := os.NewFile(uintptr(fd), u.conf.File)
	defer func() { _ = socket.Close() }() // the listener has its own copy
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: temp}); err != nil {
		return nil, nil, err
	}
	defer func() { _ = os.Remove(temp) }() // gone already if it was renamed
	if err := os.Chmod(temp, u.conf.Mode); err != nil {
		return nil, nil, err
	}
	if err := unix.Listen(fd, backlog); err != nil {
		return nil, nil, err
	}
	l, err := net.FileListener(socket)
	if err != nil {
		return nil, nil, err
	}
	info, err := u.publish(temp)
	if err != nil {
		_ = l.Close()
		return nil, nil, err
	}
	return l, info, nil
}

// publish links the socket to its path and gives it to its owner.
func (u *unixListener) publish(temp string) (os.FileInfo, error) {
	info, err := os.Lstat(temp)
	if err != nil {
		return nil, err
	}
	if err := u.link(temp); err != nil {
		return nil, err
	}
	if u.conf.UID >= 0 || u.conf.GID >= 0 {
		if err := os.Lchown(u.conf.File, u.conf.UID, u.conf.GID); err != nil {
			_ = os.Remove(u.conf.File) // the error at hand is the one to tell
			return nil, &chownError{err}
		}
	}
	return info, nil
}

func (u *unixListener) link(temp string) error {
	err := os.Link(temp, u.conf.File)
	for range linkAttempts {
		if err == nil {
			return nil
		}
		there, lerr := os.Lstat(u.conf.File)
		switch {
		case lerr == nil:
			if err := u.unlinkStale(there); err != nil {
				return err
			}
			err = os.Link(temp, u.conf.File)
		case errors.Is(err, fs.ErrExist):
			err = os.Link(temp, u.conf.File) // it went between the two
		case unlinkable(err):
			// Some file systems have no hard links.
			err = os.Rename(temp, u.conf.File)
		default:
			return err
		}
	}
	return err
}

// unlinkable reports whether err can come from a file system that has no hard
// links for sockets.
func unlinkable(err error) bool {
	for _, errno := range []syscall.Errno{syscall.EPERM, syscall.ENOTSUP, syscall.EOPNOTSUPP, syscall.ENOSYS, syscall.EXDEV} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// unlinkStale removes what is at the path if nobody listens there. The
// original removes a file of any kind; this one only a socket, a link or an
// empty file, since anything else is there by mistake and may be missed.
func (u *unixListener) unlinkStale(there os.FileInfo) error {
	kind := there.Mode().Type()
	if kind != fs.ModeSocket && kind != fs.ModeSymlink && (kind != 0 || there.Size() > 0) {
		return fmt.Errorf("%w: %w", errTaken, syscall.EEXIST)
	}
	if answers(u.conf.File) {
		return fmt.Errorf("%w: %w", errTaken, syscall.EADDRINUSE)
	}
	// It must still be the file that nobody answered at.
	if again, err := os.Lstat(u.conf.File); err != nil || !os.SameFile(there, again) {
		return nil
	}
	// Supervisor 4.2.5, http.py. On standard error since no log is open for it.
	_, _ = fmt.Fprintf(u.stderr, "Unlinking stale socket %s\n", u.conf.File)
	if err := os.Remove(u.conf.File); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// answers reports whether somebody listens at path. The original waits for an
// answer to a request, without a limit; to be there is enough for us.
func answers(path string) bool {
	c, err := net.DialTimeout("unix", path, probeTimeout)
	if err == nil {
		_ = c.Close() // only its being there mattered
		return true
	}
	// Anything else than a refusal, such as a full queue or a lack of rights,
	// means that somebody is there.
	return !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, fs.ErrNotExist)
}
