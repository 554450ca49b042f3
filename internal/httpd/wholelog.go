package httpd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/supervisor"
)

const (
	// A whole log is looked at soon after something was new, and ever later
	// while nothing is, up to followInterval: whoever waits for a short program
	// is not to wait for the stream.
	firstLook = 2 * time.Millisecond

	// tornTrailer is in the trailer of a stream that may lack a part.
	tornTrailer = "X-Log-Torn"

	maxBackups = 10000 // that are looked for
	maxShifts  = 5     // of the backups, while one of them is opened
)

// A wholeLog reads a log from its first byte on, through all rotations that it
// has gone or goes through. Only its owner may use it.
type wholeLog struct {
	path    string
	file    *os.File
	offset  int64
	leaving bool // the log goes on in another file; the rest of this one is read first
	newest  bool // it was so when it was read last
	torn    bool // a part may be missing: it was cleared, or rotated away unread
	buf     [pieceRead]byte
}

// readWhole opens the oldest file of a log.
func readWhole(path string) (*wholeLog, error) {
	w := &wholeLog{path: path}
	for range maxShifts {
		oldest := w.oldest()
		file, err := openRegular(w.backup(oldest))
		if errors.Is(err, os.ErrNotExist) && oldest > 0 {
			continue
		}
		if err != nil {
			return nil, err
		}
		w.file = file
		if w.oldest() == oldest {
			w.newest = w.isNewest()
			return w, nil
		}
		w.close() // moved while it was opened: it may be another by now
	}
	return nil, fmt.Errorf("cannot read log %q: it rotates too fast", path)
}

func (w *wholeLog) close() { _ = w.file.Close() } // it was only read

func (w *wholeLog) stat() (os.FileInfo, error) { return w.file.Stat() }

// backup is the path of a rotated file; number 0 is the one being written.
func (w *wholeLog) backup(i int) string {
	if i == 0 {
		return w.path
	}
	return fmt.Sprintf("%s.%d", w.path, i)
}

// eachBackup calls f for the files of the log, the newest first, until it
// returns false. While a log rotates one number is missing.
func (w *wholeLog) eachBackup(f func(i int, info os.FileInfo) bool) {
	missing := 0
	for i := 0; i <= maxBackups && missing < 2; i++ {
		info, err := os.Lstat(w.backup(i))
		if err != nil {
			if i > 0 {
				missing++
			}
			continue
		}
		missing = 0
		if !f(i, info) {
			return
		}
	}
}

func (w *wholeLog) oldest() (oldest int) {
	w.eachBackup(func(i int, _ os.FileInfo) bool {
		oldest = i
		return true
	})
	return oldest
}

// next returns what is new, valid until the next call; nothing if nothing is.
func (w *wholeLog) next() ([]byte, error) {
	for {
		n, err := w.file.ReadAt(w.buf[:], w.offset)
		if n > 0 {
			w.offset += int64(n)
			w.newest = w.isNewest()
			return w.buf[:n], nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		info, err := w.file.Stat()
		if err != nil {
			return nil, err
		}
		switch current, statErr := os.Lstat(w.path); {
		case info.Size() < w.offset:
			w.offset, w.torn = 0, true
		case w.leaving:
			w.leaving = false
			if !w.moveOn(info) {
				return nil, nil
			}
		case statErr == nil && !os.SameFile(current, info):
			w.leaving = true // nothing is added to this one from now on
		case errors.Is(statErr, os.ErrNotExist) && !w.newest && w.find(info) != 1:
			w.newest, w.torn = true, true // removed, with what came after this one
			return nil, nil
		default:
			// If there is no newest one, and this is the one before, it may
			// just be rotating: lacking judges when it can't be any more.
			return nil, nil
		}
	}
}

// lacking reports whether a part may be missing, of a log that nobody writes to
// any more.
func (w *wholeLog) lacking() bool {
	_, err := os.Lstat(w.path)
	return w.torn || errors.Is(err, os.ErrNotExist) && !w.newest
}

// isNewest reports whether the file that is read is the one being written.
func (w *wholeLog) isNewest() bool {
	info, err := w.file.Stat()
	if err != nil {
		return false
	}
	current, err := os.Lstat(w.path)
	return err == nil && os.SameFile(current, info)
}

// moveOn opens the file that the log went on in. It is not there for a moment
// while the log rotates.
func (w *wholeLog) moveOn(old os.FileInfo) bool {
	for range maxShifts {
		at := w.find(old)
		file, err := openRegular(w.backup(max(at-1, 0)))
		if err != nil {
			return false
		}
		if w.find(old) != at {
			_ = file.Close() // moved while it was opened: it may be another by now
			continue
		}
		w.close()
		w.file, w.offset, w.newest = file, 0, at <= 1
		w.torn = w.torn || at < 0
		return true
	}
	return false
}

// find is the number of a file among the backups, -1 if it is not there any
// more.
func (w *wholeLog) find(file os.FileInfo) int {
	at := -1
	w.eachBackup(func(i int, info os.FileInfo) bool {
		if os.SameFile(info, file) {
			at = i
		}
		return at < 0
	})
	return at
}

// copyWhole sends a whole log, and ends when its process is down and all has
// been sent. What breaks off before has no last chunk.
func (t *tail) copyWhole(gone <-chan struct{}) {
	timer := time.NewTimer(firstLook)
	defer timer.Stop()
	wait, over := firstLook, false
	for {
		data, err := t.log.next()
		if err != nil {
			return
		}
		if len(data) > 0 {
			if t.send(data) != nil {
				return
			}
			wait = firstLook
			continue
		}
		if over {
			t.last()
			return
		}
		if over = t.over(); over {
			continue // with what it wrote since the last look
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-t.server.stop.Done():
			if over = t.over(); !over {
				return
			}
		case <-gone:
			return
		}
		wait = min(2*wait, followInterval)
	}
}

// last ends a stream, and says whether it is whole.
func (t *tail) last() {
	text := "0\r\n\r\n"
	if w, ok := t.log.(*wholeLog); ok && w.lacking() {
		text = "0\r\n" + tornTrailer + ": 1\r\n\r\n"
	}
	if t.chunked {
		_, _ = t.conn.Write([]byte(text)) // who does not get it knows that something is missing
	}
}

// isOver tells whether a process is down, or has another log by now. So it is
// when there is nothing any more that runs processes, at the server's end.
func isOver(processes Processes, name supervisor.Name, path string) func() bool {
	return func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
		defer cancel()
		info, err := processes.Info(ctx, name, name.Spec())
		if err != nil {
			return fault.Is(err, fault.BadName) || fault.Is(err, fault.ShutdownState)
		}
		return info.State.Down() || info.StdoutLog != path && info.StderrLog != path
	}
}
