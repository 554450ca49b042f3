// Package store keeps what was changed at run time in a directory: one file
// for each group, that a person may read, edit and delete.
//
// A [Store.Write] of any number of files happens wholly or not at all, also if
// the process is killed or the power fails at any moment:
//
//   - New contents are written aside, in files whose names begin with a dot,
//     and reach the disk (fsync) before anything else happens.
//   - The change of one file then happens with one rename, or one removal.
//   - For several files a journal, written aside as well, lists what is to be
//     renamed and removed, with checksums. The rename that gives the journal
//     its name is the commit: from then on whoever reads the directory sees the
//     new state, whether the renames that it lists have happened or not. [Open]
//     and the next Write do what is left of it.
//   - After each of these the directory reaches the disk before the next.
//
// A Write that fails before its commit leaves what there was. A lock on the
// directory (flock) keeps processes apart; it ends with its process.
package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"example.org/twiddler/internal/config"
)

const (
	maxFiles = 100_000  // in the directory
	maxFile  = 16 << 20 // bytes in one of them

	suffix      = ".conf"
	asidePrefix = ".new-" // of a file that is to be renamed
)

// Options are what a store is opened with.
type Options struct {
	// Owners are the users, beside root and the one we run as, whom the
	// directory and its files may belong to: the one we shall become.
	Owners []int

	// FS is nil for that of the operating system.
	FS FS
}

// A Store is a directory that is open. Its methods are safe for concurrent
// use; they wait for the disk.
type Store struct {
	dir string
	o   Options
	fs  FS
	mu  sync.Mutex // one Write at a time

	// dirty says that what is seen in the directory may not be on the disk:
	// somebody could not see to it, or we do not know.
	dirty bool
}

// Open opens a directory, and makes it if it is not there; its parent must be.
// What an interrupted Write has left is finished or discarded. A directory
// that others can write to is refused, since who can write to it decides what
// runs.
func Open(dir string, o Options) (*Store, error) {
	s := newStore(dir, o)
	if _, err := s.fs.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := s.create(); err != nil {
			return nil, fmt.Errorf("cannot make the directory for changes: %w", err)
		}
	}
	if _, err := s.check(); err != nil {
		return nil, err
	}
	unlock, err := s.fs.Lock(context.Background(), dir, true)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := s.finish(); err != nil {
		return nil, err
	}
	s.clean()
	return s, nil
}

func newStore(dir string, o Options) *Store {
	s := &Store{dir: filepath.Clean(dir), o: o, fs: o.FS, dirty: true}
	if s.fs == nil {
		s.fs = disk{}
	}
	return s
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, name) }

func (s *Store) create() error {
	if err := s.fs.Mkdir(s.dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return s.fs.SyncDir(filepath.Dir(s.dir))
}

// check refuses a directory whose content anybody else may decide.
func (s *Store) check() (Info, error) {
	info, err := s.fs.Stat(s.dir)
	switch {
	case err != nil:
		return info, fmt.Errorf("cannot look at the directory for changes: %w", err)
	case !info.Mode.IsDir():
		return info, fmt.Errorf("%s is no directory", s.dir)
	case info.Mode.Perm()&0o022 != 0:
		return info, fmt.Errorf("%s can be written to by others (mode %04o), who would decide what runs; chmod go-w it",
			s.dir, info.Mode.Perm())
	}
	return info, s.checkOwner(s.dir, info)
}

func (s *Store) checkOwner(path string, info Info) error {
	if info.UID <= 0 || info.UID == os.Geteuid() || slices.Contains(s.o.Owners, info.UID) {
		return nil
	}
	return fmt.Errorf("%s belongs to uid %d, who would decide what runs; chown it to root or to the user of supervisord", path, info.UID)
}

// clean removes files that were written aside and never renamed. Those that
// cannot be removed do no harm.
func (s *Store) clean() {
	names, err := s.fs.ReadDir(s.dir)
	if err != nil {
		return
	}
	for _, name := range names {
		if strings.HasPrefix(name, asidePrefix) {
			_ = s.fs.Remove(s.path(name))
		}
	}
}

// Read reads a directory as [Store.Load] does, and changes nothing in it: an
// interrupted Write counts, or does not, as it would after [Open]. A directory
// that is not there has nothing in it.
func Read(dir string, o Options) ([]*config.Overlay, error) {
	s := newStore(dir, o)
	if _, err := s.fs.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return s.Load()
}

// Load reads all files. The error is a [*config.Errors] that has all that is
// wrong with any of them; what could be read is returned beside it. Files
// whose names begin with a dot or do not end in .conf are left alone.
func (s *Store) Load() ([]*config.Overlay, error) {
	texts, err := s.texts()
	if err != nil {
		return nil, &config.Errors{Problems: []config.Problem{{File: s.dir, Text: err.Error()}}}
	}
	var all []*config.Overlay
	var problems []config.Problem
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		o, err := config.ParseOverlay(s.path(name), texts[name].text)
		var wrong *config.Errors
		switch {
		case texts[name].err != nil:
			problems = append(problems, config.Problem{File: s.path(name), Text: texts[name].err.Error()})
		case errors.As(err, &wrong):
			problems = append(problems, wrong.Problems...)
		default:
			all = append(all, o)
		}
	}
	if len(problems) > 0 {
		return all, &config.Errors{Problems: problems, Overlays: true}
	}
	return all, nil
}

// asideSuffix is what a file that was set aside has behind its name.
const asideSuffix = ".bad"

// SetAside renames a file that could not be used, so that it is neither read
// nor written over, and returns its new path. Nothing is ever lost by it: if
// there is one of that name, it gets another.
func (s *Store) SetAside(path string) (string, error) {
	if filepath.Dir(path) != s.dir {
		return "", fmt.Errorf("%s is not in %s", path, s.dir)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	unlock, err := s.fs.Lock(context.Background(), s.dir, true)
	if err != nil {
		return "", err
	}
	defer unlock()
	to := path + asideSuffix
	for i := 1; ; i++ {
		if _, err := s.fs.Stat(to); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return "", err
		}
		to = fmt.Sprintf("%s%s.%d", path, asideSuffix, i)
	}
	if err := s.fs.Rename(path, to); err != nil {
		return "", err
	}
	return to, s.fs.SyncDir(s.dir)
}

// content is that of one file, or why it cannot be had.
type content struct {
	text []byte
	err  error
}

// texts are the files as they are, or are about to be.
func (s *Store) texts() (map[string]content, error) {
	info, err := s.check()
	if err != nil {
		return nil, err
	}
	unlock, err := s.fs.Lock(context.Background(), s.dir, false)
	if err != nil {
		return nil, err
	}
	defer unlock()
	j, err := s.readJournal()
	if err != nil {
		return nil, err
	}
	names, err := s.fs.ReadDir(s.dir)
	if err != nil {
		return nil, err
	}
	all := map[string]content{}
	for _, name := range names {
		if strings.HasSuffix(name, suffix) && name[0] != '.' {
			all[name] = s.text(name, info)
		}
	}
	if j != nil {
		if err := j.apply(s, all); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// text reads one file, unless others decide what is in it: those who may write
// to it and can reach it.
func (s *Store) text(name string, dir Info) content {
	path := s.path(name)
	info, err := s.fs.Stat(path)
	if err != nil {
		return content{err: err}
	}
	reach := dir.Mode.Perm() & 0o011 << 1 // from may search to may write
	switch {
	case !info.Mode.IsRegular():
		return content{err: errors.New("this is no file")}
	case info.Mode.Perm()&reach != 0:
		return content{err: fmt.Errorf("it can be written to by others (mode %04o), who would decide what runs; chmod go-w it", info.Mode.Perm())}
	}
	if err := s.checkOwner("it", info); err != nil {
		return content{err: err}
	}
	text, err := s.fs.ReadFile(path, maxFile)
	return content{text, err}
}
