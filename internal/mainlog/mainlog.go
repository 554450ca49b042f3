// Package mainlog writes supervisord's own log.
//
// Nobody waits for it: a line goes to a queue, and one goroutine, which exists
// while something is queued, writes it to the file. The copy on standard
// output has a queue of its own, so that a terminal or a pipe that nobody
// reads does not hold up the file. What does not fit is dropped, and a line
// says how much.
package mainlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"example.org/twiddler/internal/rotate"
	"example.org/twiddler/level"
)

const (
	queueBytes = 1 << 20
	closeWait  = 2 * time.Second // for what is queued when the log is closed
)

// Options say where lines go.
type Options struct {
	Path     string            // "" for no file; what can't be rotated, such as /dev/stdout, is just written
	Syslog   func(line string) // nil for none; gets whole lines, with time and level; must not wait
	MaxBytes int64             // rotate the file at this size; 0 or negative: never
	Backups  int               // files kept; 0 or negative: none
	Level    level.Level       // this and what is more severe is written
	Copy     io.Writer         // gets every line, too: stdout in the foreground; nil for none
	Mode     os.FileMode       // of the file, before umask; 0 means 0666
	Now      func() time.Time  // nil for time.Now
}

// A Logger is an open main log. Safe for concurrent use; no method but Clear,
// Flush and Close waits.
type Logger struct {
	options Options
	file    *rotate.File  // nil without a file; only its queue's goroutine touches it
	guard   *rotate.Guard // before file
	lines   *rotate.Queue // before guard
	copies  *rotate.Queue // before Copy; nil without
	blocks  bool          // the file is none that never waits
	once    sync.Once     // for Close
	closed  atomic.Bool
}

// Open opens the log. The error wraps the errno.
func Open(o Options) (*Logger, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	l := &Logger{options: o}
	if o.Path != "" {
		file, err := rotate.Open(o.Path, rotate.Options{Mode: o.Mode, MaxBytes: o.MaxBytes, Backups: o.Backups})
		if err != nil {
			return nil, err
		}
		l.file, l.blocks = file, file.Blocks()
		l.guard = rotate.NewGuard(file, o.Path, l.gap)
		l.lines = rotate.NewQueue(fileTarget{l}, rotate.QueueOptions{
			// The file rotates between two lines: those that wait are
			// written as one only where it will not.
			Limit: queueBytes, Whole: true, Together: file.Room,
			Lost: func(lost rotate.Loss) { l.guard.Lose(lost, rotate.ErrSlow) },
		})
	}
	if o.Copy != nil {
		c := &copyTarget{w: harmless(o.Copy), l: l}
		l.copies = rotate.NewQueue(c, rotate.QueueOptions{Limit: queueBytes, Lost: c.lose})
	}
	return l, nil
}

// Log writes one message, which may be of several lines. Supervisor 4.2.5,
// loggers.py: local time, milliseconds cut off.
func (l *Logger) Log(lv level.Level, text string) {
	if !l.Enabled(lv) || l.closed.Load() {
		return
	}
	now := l.options.Now()
	if l.options.Syslog != nil {
		for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
			l.options.Syslog(string(entry(now, lv, line)))
		}
	}
	if l.lines == nil && l.copies == nil {
		return
	}
	line := append(entry(now, lv, text), '\n')
	if l.lines != nil {
		l.lines.Write(line)
	}
	if l.copies != nil {
		l.copies.Write(line)
	}
}

// Logf is Log with a format.
func (l *Logger) Logf(lv level.Level, format string, args ...any) {
	if l.Enabled(lv) {
		l.Log(lv, fmt.Sprintf(format, args...))
	}
}

// Enabled reports whether messages of that level are written.
func (l *Logger) Enabled(lv level.Level) bool { return lv >= l.options.Level }

// Path is the path of the file, "" without one.
func (l *Logger) Path() string { return l.options.Path }

// Reopen opens the file again after somebody moved it away (SIGUSR2). Lines
// logged before go to the old file, lines logged after to the new one. If it
// can't be opened, the old one is written while it exists, and every line
// tries again.
func (l *Logger) Reopen() {
	if l.file == nil || l.blocks || l.closed.Load() {
		return
	}
	l.lines.Do(func() {
		if err := l.file.Reopen(); err != nil {
			// This is the queue's turn: the line comes before those that wait.
			l.guard.Write(append(entry(l.options.Now(), level.Error, "cannot reopen the main log: "+err.Error()), '\n'))
		}
	})
}

// Clear removes the file and makes it anew (the RPC method clearLog). Backups
// stay. It waits for what was logged before.
func (l *Logger) Clear() error {
	if l.file == nil || l.blocks || l.closed.Load() {
		return nil
	}
	cleared := make(chan error, 1)
	l.lines.Do(func() { cleared <- l.file.Clear() })
	return <-cleared
}

// Flush waits until what was logged before is written.
func (l *Logger) Flush(ctx context.Context) error {
	var errs []error
	for _, q := range []*rotate.Queue{l.lines, l.copies} {
		if q == nil || l.closed.Load() {
			continue
		}
		if err := q.Flush(ctx); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Dropped is the number of bytes that the file has lost so far.
func (l *Logger) Dropped() uint64 {
	if l.guard == nil {
		return 0
	}
	return l.guard.Dropped()
}

// Close writes what is queued, for two seconds at most, and closes the file.
// Later messages are dropped. Copy stays open.
func (l *Logger) Close() error {
	var err error
	l.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeWait)
		defer cancel()
		if l.blocks {
			_ = l.file.Target().SetWriteDeadline(time.Now().Add(closeWait)) // where there are deadlines
		}
		err = l.Flush(ctx)
		l.closed.Store(true)
		if l.lines != nil {
			l.lines.Do(func() { _ = l.file.Close() })
		}
	})
	return err
}

// gap is the line that stands for lines that were lost.
func (l *Logger) gap(lost rotate.Loss) []byte {
	text := fmt.Sprintf("%d lines of this log were lost", lost.Lines)
	return append(entry(l.options.Now(), level.Warn, text), '\n')
}

// entry formats a message without its newline.
func entry(now time.Time, lv level.Level, text string) []byte {
	b := make([]byte, 0, len(text)+32)
	b = now.AppendFormat(b, "2006-01-02 15:04:05,000")
	b = append(b, ' ')
	b = append(b, lv.String()...)
	b = append(b, ' ')
	return append(b, text...)
}

// fileTarget is what the queue before the file writes to. Notices of trouble
// have nowhere to go but the copy.
type fileTarget struct{ l *Logger }

func (t fileTarget) Write(p []byte) (int, error) {
	if notice := t.l.guard.Write(p); notice != "" && t.l.copies != nil {
		t.l.copies.Write(append(entry(t.l.options.Now(), level.Error, notice), '\n'))
	}
	return len(p), nil
}

// copyTarget is what the queue before Copy writes to. After the first error
// nothing is copied any more. Only the queue's goroutine touches it.
type copyTarget struct {
	w    io.Writer
	l    *Logger
	over bool
}

func (c *copyTarget) Write(p []byte) (int, error) {
	if c.over {
		return len(p), nil
	}
	if _, err := c.w.Write(p); err != nil {
		c.over = true
		if c.l.lines != nil {
			text := fmt.Sprintf("cannot copy the main log to standard output: %v; it is no longer copied", err)
			c.l.lines.Write(append(entry(c.l.options.Now(), level.Warn, text), '\n'))
		}
	}
	return len(p), nil
}

func (c *copyTarget) lose(lost rotate.Loss) { _, _ = c.Write(c.l.gap(lost)) }

// harmless returns w so that writing to it can't end the process: the os
// package raises SIGPIPE when standard output or error is a broken pipe, and
// ignoring the signal would be inherited by the children.
func harmless(w io.Writer) io.Writer {
	file, ok := w.(*os.File)
	if !ok || file.Fd() > 2 {
		return w
	}
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return w // no descriptor left: it stays dangerous
	}
	return os.NewFile(uintptr(fd), file.Name())
}
