package childlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"example.org/twiddler/internal/rotate"
)

// AutoMode is the mode of AUTO log files. Files opened with it are not looked
// for behind symbolic links, since their directory may be one that everybody
// can write to.
const AutoMode os.FileMode = 0o600

const (
	queueSoft  = 256 << 10       // a slow target's pipes pause here
	queueLimit = 4 << 20         // room for the last output of children that die meanwhile
	stallAfter = 2 * time.Second // without progress, nobody waits for a target
	lastWait   = 5 * time.Second // how long a closed slow target may take for what is queued
)

// Files opens child log files, one File for each path, however many streams
// write it, so that two streams with one file do not rotate it against each
// other. Safe for concurrent use.
type Files struct {
	warn   func(text string)
	budget budget
	room   func() bool // budget.shed, made once for all files

	mu   sync.Mutex // guards the map and the refs of the files in it
	open map[string]*File
}

// NewFiles returns an empty set. The function warn gets one line for the main
// log when a file can't be written, and when it can again; it must not wait.
func NewFiles(warn func(text string)) *Files {
	f := &Files{warn: warn, open: make(map[string]*File), budget: budget{open: make(map[*File]struct{})}}
	f.room = f.budget.shed
	return f
}

// SetBudget bounds how many regular files have a descriptor; 0, as at first,
// stands for no bound. Over it, the file that was written longest ago is
// closed until its next write. That one opens the path again, makes it if it
// is not there, and goes on at its end. Whoever else is in the midst of an
// open may have one descriptor more, and targets that can't be had again by
// their path (FIFOs, what is under /dev or /proc) do not count.
func (f *Files) SetBudget(limit int) { f.budget.setLimit(limit) }

// Shed closes an eighth of the regular files until their next write, for a
// caller that finds no descriptor left (EMFILE). It reports whether it is
// worth to try again.
func (f *Files) Shed() bool { return f.room() }

// Open opens path for appending, or shares it with those who have it open; then
// the limits given last hold for all. A mode of 0 means 0666 less the umask;
// see AutoMode. No maxBytes, or less, means no rotation, and no backups that
// the file is truncated instead. The error wraps the errno. It may wait for
// the disk; the caller closes the file.
func (f *Files) Open(path string, mode os.FileMode, maxBytes int64, backups int) (*File, error) {
	key := path
	if abs, err := filepath.Abs(path); err == nil {
		key = abs
	}
	f.mu.Lock()
	file, shared := f.open[key]
	if !shared {
		file = &File{files: f, path: key}
		f.open[key] = file
	}
	file.refs++
	f.mu.Unlock()

	o := rotate.Options{Mode: mode, MaxBytes: maxBytes, Backups: backups, NoFollow: mode == AutoMode, Room: f.room}
	if err := file.ensure(o); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// Reopen closes and opens again all files that are open, after logrotate or
// its like moved them away (SIGUSR2). It takes some 20 microseconds for each
// file: not for a goroutine that must not wait.
func (f *Files) Reopen() {
	for _, file := range f.all() {
		if err := file.change((*rotate.File).Reopen); err != nil {
			f.warn(fmt.Sprintf("cannot reopen log file %q: %v", file.path, cause(err)))
		}
	}
}

// Clear removes the file at path and makes it anew, if a stream has it open;
// otherwise it does nothing and answers false. Backups stay.
func (f *Files) Clear(path string) (open bool, err error) {
	key := path
	if abs, err := filepath.Abs(path); err == nil {
		key = abs
	}
	f.mu.Lock()
	file, open := f.open[key]
	f.mu.Unlock()
	if !open {
		return false, nil
	}
	return true, file.change((*rotate.File).Clear)
}

// SetLimits changes when the file at path rotates and how many backups stay,
// if a stream has it open. It never waits: a file that is being written gets
// its limits a moment later.
func (f *Files) SetLimits(path string, maxBytes int64, backups int) {
	key := path
	if abs, err := filepath.Abs(path); err == nil {
		key = abs
	}
	f.mu.Lock()
	file := f.open[key]
	f.mu.Unlock()
	if file != nil {
		file.limits.Store(&limits{maxBytes, backups})
	}
}

// Flush waits until the slow targets have taken what is queued for them. Call
// it before the process exits.
func (f *Files) Flush(ctx context.Context) error {
	var errs []error
	for _, file := range f.all() {
		file.mu.Lock()
		q := file.queue
		file.mu.Unlock()
		if q == nil {
			continue
		}
		if err := q.Flush(ctx); err != nil {
			errs = append(errs, fmt.Errorf("cannot write all of log file %q: %w", file.path, err))
		}
	}
	return errors.Join(errs...)
}

func (f *Files) all() []*File {
	f.mu.Lock()
	defer f.mu.Unlock()
	files := make([]*File, 0, len(f.open))
	for _, file := range f.open {
		files = append(files, file)
	}
	return files
}

// release drops one reference; with the last one the file is closed, after
// what is queued for it is written.
func (f *Files) release(file *File) {
	f.mu.Lock()
	file.refs--
	last := file.refs == 0
	file.closes++
	closes := file.closes
	f.mu.Unlock()
	if !last {
		return
	}
	file.mu.Lock()
	q := file.queue
	if q != nil {
		_ = file.target.Target().SetWriteDeadline(time.Now().Add(lastWait)) // where there are deadlines
	}
	file.mu.Unlock()
	if q != nil {
		q.Do(func() { f.discard(file, closes) })
		return
	}
	f.discard(file, closes)
}

// discard closes a file, unless somebody opened it again since the release
// that asked for it.
func (f *Files) discard(file *File, closes int32) {
	f.mu.Lock()
	if file.refs > 0 || file.closes != closes {
		f.mu.Unlock()
		return
	}
	delete(f.open, file.path)
	f.mu.Unlock()

	file.mu.Lock()
	defer file.mu.Unlock()
	if file.target != nil {
		_ = file.target.Close()
		file.target = nil // Reopen may still know the file
		f.budget.settle(file)
	}
}

// A File is an open child log file. Safe for concurrent use.
type File struct {
	files  *Files
	path   string
	refs   int32         // guarded by files.mu, as is closes
	closes int32         // how often it was closed
	stamp  atomic.Uint64 // when it was written last, on the budget's clock
	limits atomic.Pointer[limits]

	mu      sync.Mutex   // guards the fields below, and writing to a regular file
	target  *rotate.File // nil until it could be opened
	guard   *rotate.Guard
	queue   *rotate.Queue // nil for a file that never makes us wait
	counted bool          // it has a descriptor that counts in the budget
}

// limits are new ones for a file, until its next write.
type limits struct {
	maxBytes int64
	backups  int
}

// Write appends p, or counts it as dropped. It never waits for a reader.
func (f *File) Write(p []byte) {
	if len(p) == 0 {
		return
	}
	f.mu.Lock()
	if f.queue != nil {
		f.queue.Write(p)
		f.mu.Unlock()
		return
	}
	if f.limits.Load() != nil {
		l := f.limits.Swap(nil)
		f.target.SetLimits(l.maxBytes, l.backups)
	}
	notice := f.guard.Write(p)
	f.files.budget.touch(f)
	f.files.budget.settle(f)
	f.mu.Unlock()
	f.tell(notice)
}

// Close gives up the caller's share of the file. Nothing may be written to it
// through this share any more.
func (f *File) Close() { f.files.release(f) }

// Path is the absolute path of the file.
func (f *File) Path() string { return f.path }

// Dropped is the number of bytes that were lost since the file was opened.
func (f *File) Dropped() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.guard.Dropped()
}

// park asks a producer to pause, see rotate.Queue.Park.
func (f *File) park(resume func()) bool {
	return f.queue != nil && f.queue.Park(resume)
}

// ensure opens the file if it is not, and opens it again if its path names
// another file by now: whoever opens a log file finds it at its path.
func (f *File) ensure(o rotate.Options) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.limits.Store(nil)
	if f.target != nil {
		f.target.SetLimits(o.MaxBytes, o.Backups)
		if f.queue != nil {
			_ = f.target.Target().SetWriteDeadline(time.Time{}) // it may have been closing
		}
		if f.target.Moved() {
			defer f.files.budget.settle(f)
			return f.target.Reopen()
		}
		return nil
	}
	target, err := rotate.Open(f.path, o)
	if err != nil {
		return err
	}
	f.target = target
	f.files.budget.settle(f)
	f.guard = rotate.NewGuard(target, f.path, marker)
	if target.Blocks() {
		f.queue = rotate.NewQueue(guarded{f}, rotate.QueueOptions{
			Limit: queueLimit, Soft: queueSoft, Stall: stallAfter,
			Lost: func(l rotate.Loss) { f.tell(f.guard.Lose(l, rotate.ErrSlow)) },
		})
	}
	return nil
}

// change reopens or clears a regular file.
func (f *File) change(how func(*rotate.File) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.target == nil || f.queue != nil {
		return nil
	}
	defer f.files.budget.settle(f)
	return how(f.target)
}

func (f *File) tell(notice string) {
	if notice != "" {
		f.files.warn(notice)
	}
}

// guarded is what the queue of a slow target writes to.
type guarded struct{ f *File }

func (g guarded) Write(p []byte) (int, error) {
	g.f.tell(g.f.guard.Write(p))
	return len(p), nil
}

func marker(l rotate.Loss) []byte {
	return fmt.Appendf(nil, "[twiddler: %d bytes lost]\n", l.Bytes)
}

// cause is the reason in err, without the path that the caller prints anyway.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
