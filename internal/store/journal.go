package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// journalName is the file whose presence says that a change of several files
// has happened, though they may not show it yet.
const journalName = ".journal"

// A journal is what is left to do. Doing it twice does no harm.
type journal struct {
	// Write has the checksum (SHA-256) of each file that stands aside. One
	// that does not stand aside any more has got its name.
	Write  map[string]string `json:"write"`
	Remove []string          `json:"remove"`
}

func sum(text []byte) string {
	s := sha256.Sum256(text)
	return hex.EncodeToString(s[:])
}

// encode is one line, and one with its checksum.
func (j *journal) encode() ([]byte, error) {
	line, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	line = append(line, '\n')
	return append(line, sum(line)+"\n"...), nil
}

func decode(text []byte) (*journal, error) {
	end := bytes.IndexByte(text, '\n') + 1
	if string(text[end:]) != sum(text[:end])+"\n" {
		return nil, errors.New("its checksum is wrong")
	}
	var j journal
	if err := json.Unmarshal(text[:end], &j); err != nil {
		return nil, err
	}
	for _, name := range j.names() {
		if name == "" || name[0] == '.' || strings.ContainsRune(name, '/') {
			return nil, fmt.Errorf("%q is no name of a file for it", name)
		}
	}
	return &j, nil
}

// names are the files to write, sorted, and then those to remove.
func (j *journal) names() []string {
	return slices.Concat(slices.Sorted(maps.Keys(j.Write)), j.Remove)
}

// readJournal returns the journal, nil if there is none.
func (s *Store) readJournal() (*journal, error) {
	text, err := s.fs.ReadFile(s.path(journalName), maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var j *journal
	if err == nil {
		j, err = decode(text)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot finish an interrupted change: cannot use %s: %w; move it away to go without that change",
			s.path(journalName), err)
	}
	return j, nil
}

// aside returns what is to become a file, ok false if it has become it.
func (j *journal) aside(s *Store, name string) (text []byte, ok bool, err error) {
	path := s.path(asidePrefix + name)
	text, err = s.fs.ReadFile(path, maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, false, nil
	case err == nil && sum(text) != j.Write[name]:
		err = fmt.Errorf("%s is not what was written", path)
	}
	if err != nil {
		return nil, false, fmt.Errorf("cannot finish an interrupted change: %w; move %s away to go without that change",
			err, s.path(journalName))
	}
	return text, true, nil
}

// apply changes texts as the journal will change the files.
func (j *journal) apply(s *Store, texts map[string]content) error {
	for name := range j.Write {
		text, ok, err := j.aside(s, name)
		if err != nil {
			return err
		}
		if ok {
			texts[name] = content{text: text}
		}
	}
	for _, name := range j.Remove {
		delete(texts, name)
	}
	return nil
}

// finish does what a journal says, if there is one, and removes it.
func (s *Store) finish() error {
	j, err := s.readJournal()
	if j == nil || err != nil {
		return err
	}
	for name := range j.Write {
		_, ok, err := j.aside(s, name)
		if err == nil && ok {
			err = s.fs.Rename(s.path(asidePrefix+name), s.path(name))
		}
		if err != nil {
			return err
		}
	}
	for _, name := range j.Remove {
		if err := s.remove(name); err != nil {
			return err
		}
	}
	if err := s.sync(); err != nil {
		return err
	}
	if err := s.remove(journalName); err != nil {
		return err
	}
	return s.sync()
}

// remove removes a file that may be gone.
func (s *Store) remove(name string) error {
	err := s.fs.Remove(s.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
