package httpd

import (
	"os"

	"golang.org/x/sys/unix"
)

// An inotifyWatch watches the file itself, not its directory: in a busy /tmp
// that makes all the difference to how often we are woken.
type inotifyWatch struct{ events *os.File }

// newFileWatch watches path. If the system refuses (the number of watches is
// limited for each user), it looks now and then instead.
func newFileWatch(path string) fileWatch {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return intervalWatch{}
	}
	events := os.NewFile(uintptr(fd), "inotify")
	// Removing a name of a file that is open changes its number of links, and
	// that is all that happens to it.
	_, err = unix.InotifyAddWatch(fd, path, unix.IN_ATTRIB|unix.IN_MOVE_SELF|unix.IN_DELETE_SELF|unix.IN_DONT_FOLLOW)
	if err != nil {
		_ = events.Close() // nothing was written to it
		return intervalWatch{}
	}
	return &inotifyWatch{events}
}

func (w *inotifyWatch) wait(done <-chan struct{}) bool {
	// Closing the file ends the read. The goroutine ends with this function.
	over := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-done:
			w.close()
		case <-over:
		}
	}()
	var buf [4096]byte
	_, err := w.events.Read(buf[:])
	close(over)
	<-ended
	return err == nil
}

func (w *inotifyWatch) close() { _ = w.events.Close() }
