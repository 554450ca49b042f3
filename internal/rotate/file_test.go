package rotate

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The expected directories are what Supervisor 4.2.5 left after the same
// writes through loggers.handle_file.
func TestRotation(t *testing.T) {
	t.Parallel()
	type files = map[string]string
	tests := []struct {
		before   files
		maxBytes int64
		backups  int
		writes   []string
		want     files
	}{
		{nil, 10, 2, []string{"0123", "4567", "89ab", "cdef"}, files{"log": "cdef", "log.1": "0123456789ab"}},
		{nil, 10, 2, []string{strings.Repeat("0123456789", 3), "x"}, files{"log": "x", "log.1": strings.Repeat("0123456789", 3)}},
		{nil, 4, 2, []string{"aaaa", "bbbb", "cccc", "dddd", "e"}, files{"log": "e", "log.1": "dddd", "log.2": "cccc"}},
		{nil, 4, 0, []string{"aaaa", "bb", "cccc", "d"}, files{"log": "d"}},
		{nil, 4, -1, []string{"aaaa", "bb", "cccc", "d"}, files{"log": "d"}},
		{nil, 0, 2, []string{"aaaa", "bb", "cccc", "d"}, files{"log": "aaaabbccccd"}},
		{files{"log": "12345678"}, 10, 1, []string{"9", "a", "b"}, files{"log": "b", "log.1": "123456789a"}},
		{files{"log.1": "one", "log.3": "three"}, 3, 3, []string{"new"}, files{"log": "", "log.1": "new", "log.2": "one", "log.3": "three"}},
		{files{"log.1": "one", "log.2": "two", "log.3": "three", "log.4": "four"}, 3, 2, []string{"new", "n"},
			files{"log": "n", "log.1": "new", "log.2": "one", "log.3": "three", "log.4": "four"}},
		{nil, 4, 1, []string{"aaaa", "bbbb", "cc"}, files{"log": "cc", "log.1": "bbbb"}},
		// The original fails at every write with a negative limit.
		{nil, -5, 1, []string{"aaaa", "bbbb", "cc"}, files{"log": "aaaabbbbcc"}},
	}
	for i, tt := range tests {
		dir := t.TempDir()
		for name, text := range tt.before {
			put(t, filepath.Join(dir, name), text)
		}
		f := mustOpen(t, filepath.Join(dir, "log"), Options{MaxBytes: tt.maxBytes, Backups: tt.backups})
		for _, w := range tt.writes {
			if n, err := f.Write([]byte(w)); n != len(w) || err != nil {
				t.Errorf("case %d: Write(%q) = %d, %v", i, w, n, err)
			}
		}
		if got := read(t, dir); !maps.Equal(got, tt.want) {
			t.Errorf("case %d: files %v, want %v", i, got, tt.want)
		}
	}
}

// A copy and truncate by logrotate is seen: the size is the file's, not a
// count of our own.
func TestCopyTruncate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	f := mustOpen(t, path, Options{MaxBytes: 10, Backups: 1})
	write(t, f, "12345678")
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	write(t, f, "abcd")
	if got := read(t, dir); len(got) != 1 || got["log"] != "abcd" {
		t.Errorf("files %v, want only log with abcd", got)
	}
}

// While a rotation can't be done, nothing is lost and it is not tried for
// every write; a directory stands in the way, which stops root, too.
func TestRotationFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	put(t, filepath.Join(dir, "log.1", "in the way"), "")
	f := mustOpen(t, path, Options{MaxBytes: 4, Backups: 1})
	if n, err := f.Write([]byte("aaaa")); n != 4 || err == nil {
		t.Errorf("Write = %d, %v, want 4 and an error", n, err)
	}
	write(t, f, "bb")
	if err := os.RemoveAll(filepath.Join(dir, "log.1")); err != nil {
		t.Fatal(err)
	}
	write(t, f, "cc")
	write(t, f, "d")
	if got := read(t, dir); got["log"] != "d" || got["log.1"] != "aaaabbcc" {
		t.Errorf("files %v, want log.1 with aaaabbcc", got)
	}
}

func TestMode(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	f := mustOpen(t, path, Options{Mode: 0o600, MaxBytes: 2, Backups: 1})
	write(t, f, "abc")
	for _, name := range []string{path, path + ".1"} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v, want 0600", name, info.Mode(), err)
		}
	}
}

func TestReopen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	f := mustOpen(t, path, Options{})
	write(t, f, "old")
	if f.Moved() {
		t.Error("Moved() before the file was moved")
	}
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	write(t, f, "er")
	if !f.Moved() {
		t.Error("not Moved() after the file was moved")
	}
	if err := f.Reopen(); err != nil {
		t.Fatal(err)
	}
	write(t, f, "new")
	if got := read(t, dir); got["log"] != "new" || got["log.moved"] != "older" {
		t.Errorf("files %v, want log new, log.moved older", got)
	}
}

// A file whose directory was moved away is written on there. One whose
// directory was removed loses what is written until the directory is back.
func TestReopenFails(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	dir := filepath.Join(top, "a")
	path := filepath.Join(dir, "log")
	put(t, path, "")
	f := mustOpen(t, path, Options{})
	write(t, f, "1")
	if err := os.Rename(dir, filepath.Join(top, "b")); err != nil {
		t.Fatal(err)
	}
	if err := f.Reopen(); !errors.Is(err, unix.ENOENT) {
		t.Errorf("Reopen = %v, want ENOENT", err)
	}
	write(t, f, "2")
	if got := read(t, filepath.Join(top, "b")); got["log"] != "12" {
		t.Errorf("files %v, want 12 in the moved log", got)
	}
	if err := os.RemoveAll(filepath.Join(top, "b")); err != nil {
		t.Fatal(err)
	}
	_ = f.Reopen()
	if n, err := f.Write([]byte("3")); n != 0 || !errors.Is(err, unix.ENOENT) {
		t.Errorf("Write = %d, %v, want 0 and ENOENT", n, err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, f, "4")
	if got := read(t, dir); got["log"] != "4" {
		t.Errorf("files %v, want 4 in the new log", got)
	}
}

func TestClear(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	put(t, path+".1", "backup")
	f := mustOpen(t, path, Options{})
	write(t, f, "old")
	for range 2 { // the second time it is not there
		if err := f.Clear(); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Clear(); err != nil {
		t.Fatal(err)
	}
	write(t, f, "new")
	if got := read(t, dir); got["log"] != "new" || got["log.1"] != "backup" {
		t.Errorf("files %v, want log new, log.1 backup", got)
	}
}

func TestNoFollow(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	put(t, path, "")
	if err := os.Symlink(path, path+".link"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path+".link", Options{NoFollow: true}); !errors.Is(err, unix.ELOOP) {
		t.Errorf("Open of a link = %v, want ELOOP", err)
	}
	mustOpen(t, path+".link", Options{})
}

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for path, want := range map[string]error{
		filepath.Join(dir, "no", "log"): unix.ENOENT,
		dir:                             unix.EISDIR,
	} {
		if _, err := Open(path, Options{}); !errors.Is(err, want) {
			t.Errorf("Open(%q) = %v, want %v", path, err, want)
		}
	}
}

func TestDevices(t *testing.T) {
	t.Parallel()
	f := mustOpen(t, "/dev/null", Options{MaxBytes: 1, Backups: 1})
	write(t, f, "gone")
	if f.Blocks() || f.Moved() {
		t.Errorf("/dev/null: Blocks %v, Moved %v, want neither", f.Blocks(), f.Moved())
	}
	if err := errors.Join(f.Clear(), f.Reopen()); err != nil {
		t.Error(err)
	}
	f = mustOpen(t, "/dev/full", Options{})
	if n, err := f.Write([]byte("x")); n != 0 || !errors.Is(err, unix.ENOSPC) {
		t.Errorf("/dev/full: Write = %d, %v, want ENOSPC", n, err)
	}
}

// The original waits for a reader, with all its children.
func TestFIFO(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	f := mustOpen(t, path, Options{MaxBytes: 1, Backups: 1})
	if !f.Blocks() {
		t.Error("a FIFO does not block")
	}
	write(t, f, "text")
	r, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	buf := make([]byte, 8)
	if n, err := r.Read(buf); string(buf[:n]) != "text" {
		t.Errorf("read %q, %v", buf[:n], err)
	}
}

// A descriptor of ours that can't be opened by its path, such as a socket as
// standard output under systemd or inetd, is duplicated.
func TestOwnSocket(t *testing.T) {
	t.Parallel()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	peer := os.NewFile(uintptr(fds[1]), "peer")
	defer peer.Close()
	defer unix.Close(fds[0])
	f := mustOpen(t, fmt.Sprintf("/dev/fd/%d", fds[0]), Options{MaxBytes: 1})
	write(t, f, "text")
	buf := make([]byte, 8)
	if n, err := peer.Read(buf); string(buf[:n]) != "text" {
		t.Errorf("read %q, %v", buf[:n], err)
	}
	// A socket that is none of our descriptors stays an error.
	path := filepath.Join(t.TempDir(), "sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Open(path, Options{}); !errors.Is(err, unix.ENXIO) {
		t.Errorf("Open of a socket = %v, want ENXIO", err)
	}
}

func mustOpen(t *testing.T, path string, o Options) *File {
	t.Helper()
	f, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func write(t *testing.T, f *File, text string) {
	t.Helper()
	if n, err := f.Write([]byte(text)); n != len(text) || err != nil {
		t.Errorf("Write(%q) = %d, %v", text, n, err)
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
