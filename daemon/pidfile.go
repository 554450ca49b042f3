package daemon

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// A Pidfile is the file that holds the pid of this process.
type Pidfile struct {
	path string
	line string
}

// WritePidfile writes the pid of this process and a newline to path, over
// whatever is there, with the mode that the umask leaves. A reader finds the
// old content or the new, if the directory can be written to. The text of the
// error is Supervisor's (4.2.5, options.py, write_pidfile); it says all there
// is for the log.
func WritePidfile(path string) (*Pidfile, error) {
	p := &Pidfile{path: path, line: strconv.Itoa(os.Getpid()) + "\n"}
	if p.replace() != nil && p.overwrite() != nil {
		return nil, fmt.Errorf("could not write pidfile %s", path)
	}
	return p, nil
}

// replace renames a finished file over the old one. Not over a link or a
// device: those are written through, as by the original.
func (p *Pidfile) replace() error {
	if info, err := os.Lstat(p.path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("cannot replace %q: not a regular file", p.path)
	}
	// The name has the pid in it: nobody else means this file, and what a
	// crash left under it may go. O_EXCL follows no link that waits there.
	temp := filepath.Join(filepath.Dir(p.path), "."+filepath.Base(p.path)+"."+strconv.Itoa(os.Getpid()))
	os.Remove(temp)
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = f.WriteString(p.line)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(temp, p.path)
	}
	if err != nil {
		os.Remove(temp)
	}
	return err
}

// overwrite is for a file in a directory that is not ours to write to. One
// write puts the line there before the rest of a longer one is cut off.
func (p *Pidfile) overwrite() error {
	f, err := os.OpenFile(p.path, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	_, err = f.WriteString(p.line)
	if info, statErr := f.Stat(); err == nil && statErr == nil && info.Mode().IsRegular() {
		err = f.Truncate(int64(len(p.line)))
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	return err
}

// Remove deletes the file if it still holds the pid of this process. That it
// is gone, or another's by now, is no error.
func (p *Pidfile) Remove() error {
	if info, err := os.Stat(p.path); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(p.path)
	if err != nil {
		return nil
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(len(p.line))+1))
	if err != nil || string(data) != p.line {
		return nil
	}
	if err := os.Remove(p.path); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("cannot remove pidfile %q: %v", p.path, err)
	}
	return nil
}
