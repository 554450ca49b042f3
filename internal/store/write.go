package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"example.org/twiddler/internal/config"
)

// Write makes the files of some groups say something else: each group of
// changes gets its overlay, or no file if that is nil. All of it happens or
// nothing, and when Write returns without an error it is on the disk.
//
// The error names the file and the cause. Nothing has changed then, unless it
// says that the old state could not be put back: the disk fails, and nobody
// can tell what will be on it. ctx bounds only the wait for other processes.
// A file whose content means what it is to mean is not touched, so that a
// person's comments stay.
func (s *Store) Write(ctx context.Context, changes map[string]*config.Overlay) error {
	next, err := render(changes)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.check(); err != nil {
		return err
	}
	unlock, err := s.fs.Lock(ctx, s.dir, true)
	if err != nil {
		return err
	}
	defer unlock()
	err = s.settle()
	var steps []step
	if err == nil {
		steps, err = s.plan(next)
	}
	switch {
	case err != nil:
	case len(steps) == 1:
		err = s.one(steps[0])
	case len(steps) > 1:
		err = s.several(steps)
	}
	if err != nil {
		return fmt.Errorf("cannot save changes: %w", err)
	}
	return nil
}

// settle makes sure that what is seen in the directory is on the disk, and
// that an earlier change that is committed has been carried out.
func (s *Store) settle() error {
	if err := s.finish(); err != nil {
		return err
	}
	if !s.dirty {
		return nil
	}
	return s.sync()
}

// sync makes what happened to the names last.
func (s *Store) sync() error {
	err := s.fs.SyncDir(s.dir)
	s.dirty = err != nil
	return err
}

// render writes the new files in memory; nil is for one that is to go.
func render(changes map[string]*config.Overlay) (map[string][]byte, error) {
	next := make(map[string][]byte, len(changes))
	for _, group := range slices.Sorted(maps.Keys(changes)) {
		o := changes[group]
		name := config.OverlayFile(group)
		if o == nil {
			next[name] = nil
			continue
		}
		text, err := o.Render()
		switch {
		case err != nil:
		case o.Group != group:
			err = fmt.Errorf("the changes of group %q are those of group %q", group, o.Group)
		case len(text) > maxFile:
			err = fmt.Errorf("the changes of group %q need %d bytes, and a file may have %d", group, len(text), maxFile)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot save changes: %w", err)
		}
		next[name] = text
	}
	return next, nil
}

// A step is the change of one file; nil is for a file that is not there.
type step struct {
	name     string
	old, new []byte
}

// plan finds out what has to be done, by name.
func (s *Store) plan(next map[string][]byte) ([]step, error) {
	var steps []step
	for _, name := range slices.Sorted(maps.Keys(next)) {
		old, err := s.fs.ReadFile(s.path(name), maxFile)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			old = nil
		case err != nil:
			return nil, err
		case old == nil:
			old = []byte{} // a file that is empty is there
		}
		if !same(name, old, next[name]) {
			steps = append(steps, step{name, old, next[name]})
		}
	}
	return steps, nil
}

// same reports whether two files say the same.
func same(name string, old, next []byte) bool {
	if old == nil || next == nil {
		return old == nil && next == nil
	}
	if bytes.Equal(old, next) {
		return true
	}
	a, err := config.ParseOverlay(name, old)
	if err != nil {
		return false
	}
	b, err := config.ParseOverlay(name, next)
	return err == nil && a.Equal(b)
}

// one changes one file.
func (s *Store) one(st step) error {
	if err := s.put(st.name, st.new); err != nil {
		return err
	}
	err := s.sync()
	if err == nil {
		return nil
	}
	back := s.put(st.name, st.old)
	if back == nil {
		back = s.sync()
	}
	return notBack(err, back)
}

// notBack adds to an error what went wrong when the old state was put back.
func notBack(err, back error) error {
	if back == nil {
		return err
	}
	return fmt.Errorf("%w; and the old state could not be put back: %w", err, back)
}

// put makes a file be there with some content, or not be there, in one
// operation. With an error it is as it was.
func (s *Store) put(name string, text []byte) error {
	if text == nil {
		return s.remove(name)
	}
	aside := asidePrefix + name
	err := s.write(aside, text)
	if err == nil {
		err = s.fs.Rename(s.path(aside), s.path(name))
	}
	if err != nil {
		_ = s.remove(aside) // it does no harm
	}
	return err
}

// write makes a file whose content is on the disk.
func (s *Store) write(name string, text []byte) error {
	if err := s.remove(name); err != nil {
		return err
	}
	f, err := s.fs.Create(s.path(name))
	if err != nil {
		return err
	}
	if _, err = f.Write(text); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// several changes several files.
func (s *Store) several(steps []step) error {
	if err := s.prepare(steps); err != nil {
		s.forget(steps)
		return err
	}
	// The commit.
	err := s.fs.Rename(s.path(asidePrefix+journalName), s.path(journalName))
	if err == nil {
		if err = s.sync(); err == nil {
			// What cannot be done now is done by the next Write, or by Open.
			// Until then the journal says what is so.
			_ = s.finish()
			return nil
		}
		back := s.remove(journalName)
		if back == nil {
			back = s.sync()
		}
		if err = notBack(err, back); back != nil {
			return err
		}
	}
	s.forget(steps)
	return err
}

// prepare writes all that a commit needs, aside.
func (s *Store) prepare(steps []step) error {
	j := journal{Write: map[string]string{}}
	for _, st := range steps {
		if st.new == nil {
			j.Remove = append(j.Remove, st.name)
			continue
		}
		j.Write[st.name] = sum(st.new)
		if err := s.write(asidePrefix+st.name, st.new); err != nil {
			return err
		}
	}
	text, err := j.encode()
	if err != nil {
		return err
	}
	if err := s.write(asidePrefix+journalName, text); err != nil {
		return err
	}
	return s.sync()
}

// forget removes what prepare has made. What stays does no harm.
func (s *Store) forget(steps []step) {
	for _, st := range steps {
		_ = s.remove(asidePrefix + st.name)
	}
	_ = s.remove(asidePrefix + journalName)
}
