package change

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/ini"
)

// An Audit is a log of changes: a JSON object in each line, appended and
// fsynced before the change is made. A change that could not be made after all
// gets a second line, with the same id and the reason as its result. Values of
// environments are hidden in it. Safe for concurrent use.
type Audit struct {
	path     string
	maxBytes int64
	backups  int

	mu   sync.Mutex
	file *os.File
	size int64
}

// maxTail bounds how much of an earlier log is read at the start, in bytes.
const maxTail = 4 << 20

// OpenAudit opens the log at path, made with mode 0600 if it is not there. It
// is rotated before it grows over maxBytes, 0 for never; so many backups are
// kept, at least one. An incomplete last line, of a machine that lost power,
// is ended.
func OpenAudit(path string, maxBytes int64, backups int) (*Audit, error) {
	a := &Audit{path: path, maxBytes: maxBytes, backups: max(1, backups)}
	if err := a.open(); err != nil {
		return nil, fmt.Errorf("cannot open the audit log: %w", err)
	}
	return a, nil
}

// Close closes the log.
func (a *Audit) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.file.Close()
}

// open opens the file, and leaves what is open if it can't.
func (a *Audit) open() error {
	f, err := os.OpenFile(a.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: a.path, Err: errors.New("not a regular file")}
	}
	size := int64(0)
	if err == nil {
		size, err = endLine(f, st.Size())
	}
	if err == nil && size == 0 {
		err = syncDir(filepath.Dir(a.path)) // it may be new
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	if a.file != nil {
		_ = a.file.Close() // all of it is on the disk
	}
	a.file, a.size = f, size
	return nil
}

// endLine ends the last line of f if it is not, and returns the size.
func endLine(f *os.File, size int64) (int64, error) {
	if size == 0 {
		return 0, nil
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], size-1); err != nil {
		return 0, err
	}
	if last[0] == '\n' {
		return size, nil
	}
	n, err := f.Write([]byte("\n"))
	return size + int64(n), err
}

// A line is one line of the log.
type line struct {
	ID      int64     `json:"id"`
	Time    time.Time `json:"time"`
	Account string    `json:"account"`
	UID     int       `json:"uid"`
	Address string    `json:"address"`
	Method  string    `json:"method"`
	Reason  string    `json:"reason,omitempty"`
	Steps   []step    `json:"steps"`
	Defined []defined `json:"defined,omitempty"`
	Result  string    `json:"result"`
	Saved   bool      `json:"persisted"`
	Undoes  int64     `json:"undoes,omitempty"`
}

type step struct {
	Group   string   `json:"group"`
	Process string   `json:"process,omitempty"`
	Action  string   `json:"action"`
	Changes []option `json:"changes,omitempty"`
}

type option struct {
	Option string `json:"option"`
	Old    string `json:"old"`
	New    string `json:"new"`
}

// defined is a section that a change brought.
type defined struct {
	Group   string            `json:"group"`
	Section string            `json:"section"`
	Options map[string]string `json:"options"`
}

// append writes one line and returns when it is on the disk. With an error
// the log is as before.
func (a *Audit) append(r ext.Record, def []definition) error {
	text, err := json.Marshal(lineOf(r, def))
	if err != nil {
		return err
	}
	text = append(text, '\n')
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.ready(int64(len(text))); err != nil {
		return fmt.Errorf("cannot write the audit log: %w", err)
	}
	n, err := a.file.Write(text)
	if err == nil {
		err = a.file.Sync()
	}
	if err == nil {
		a.size += int64(n)
		return nil
	}
	return fmt.Errorf("cannot write the audit log: %w", errors.Join(err, a.file.Truncate(a.size)))
}

// ready sees that the file is the one at the path, and has room.
func (a *Audit) ready(more int64) error {
	here, err := a.file.Stat()
	if err != nil {
		return err
	}
	if there, err := os.Stat(a.path); err != nil || !os.SameFile(here, there) {
		return a.open() // somebody has moved it away
	}
	if here.Size() != a.size { // what is left of a failure, or somebody else wrote
		if a.size, err = endLine(a.file, here.Size()); err != nil {
			return err
		}
	}
	if a.maxBytes <= 0 || a.size == 0 || a.size+more <= a.maxBytes {
		return nil
	}
	for i := a.backups - 1; i >= 1; i-- {
		if err := os.Rename(a.backup(i), a.backup(i+1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.Rename(a.path, a.backup(1)); err != nil {
		return err
	}
	return a.open()
}

func (a *Audit) backup(i int) string { return fmt.Sprintf("%s.%d", a.path, i) }

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// tail returns the last records, the oldest first. What can't be read is left
// out: it is only for looking at.
func (a *Audit) tail() []ext.Record {
	a.mu.Lock()
	defer a.mu.Unlock()
	var records []ext.Record
	for _, path := range []string{a.backup(1), a.path} {
		text, err := readEnd(path)
		if err != nil {
			continue
		}
		for l := range bytes.Lines(text) {
			var parsed line
			if json.Unmarshal(l, &parsed) == nil && parsed.ID > 0 {
				records = append(records, parsed.record())
			}
		}
	}
	return records
}

// readEnd returns the last lines of a file, at most maxTail bytes.
func readEnd(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	from := max(0, st.Size()-maxTail)
	return io.ReadAll(io.NewSectionReader(f, from, maxTail))
}

func lineOf(r ext.Record, def []definition) line {
	l := line{ID: r.ID, Time: r.Time, Account: r.Account, UID: r.UID, Address: r.Address, Method: r.Method,
		Reason: r.Reason, Steps: []step{}, Result: r.Result, Saved: r.Saved, Undoes: r.Undoes}
	for _, s := range r.Steps {
		t := step{Group: s.Group, Process: s.Process, Action: s.Action}
		for _, c := range s.Changes {
			t.Changes = append(t.Changes, option(c))
		}
		l.Steps = append(l.Steps, t)
	}
	seen := map[*config.Section]bool{}
	for _, d := range def {
		for _, p := range d.procs {
			if s := p.Section; !seen[s] {
				seen[s] = true
				l.Defined = append(l.Defined, defined{d.group.Name, s.Title(), redacted(s)})
			}
		}
	}
	return l
}

func (l *line) record() ext.Record {
	r := ext.Record{ID: l.ID, Time: l.Time, Account: l.Account, UID: l.UID, Address: l.Address, Method: l.Method,
		Reason: l.Reason, Result: l.Result, Saved: l.Saved, Undoes: l.Undoes}
	for _, s := range l.Steps {
		t := ext.Step{Group: s.Group, Process: s.Process, Action: s.Action}
		for _, c := range s.Changes {
			t.Changes = append(t.Changes, ext.OptionChange(c))
		}
		r.Steps = append(r.Steps, t)
	}
	return r
}

// redacted is the options of a section without the values of its environment,
// which may be secret.
func redacted(s *config.Section) map[string]string {
	options := make(map[string]string, len(s.Settings))
	for _, o := range s.Settings {
		value := o.Value
		if o.Key == "environment" {
			value = config.Hidden
			if env, err := ini.Environment(o.Value); err == nil {
				names := slices.Sorted(maps.Keys(env))
				for i, name := range names {
					names[i] = name + "=" + config.Hidden
				}
				value = strings.Join(names, ",")
			}
		}
		options[o.Key] = value
	}
	return options
}
