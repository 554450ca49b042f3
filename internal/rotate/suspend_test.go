package rotate

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSuspend(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	f := mustOpen(t, path, Options{MaxBytes: 10, Backups: 2})
	for _, text := range []string{"0123", "4567", "89", "ab", "cdefghij", "k"} {
		write(t, f, text)
		if !f.Suspend() {
			t.Fatal("an open file can't be suspended")
		}
		if f.Suspend() || f.Suspendable() || f.out.isOpen() {
			t.Fatal("suspended, yet open")
		}
	}
	if got := read(t, dir); got["log"] != "k" || got["log.1"] != "abcdefghij" || got["log.2"] != "0123456789" {
		t.Errorf("files %v, want them rotated at 10 bytes", got)
	}
}

// Whatever happened to the path meanwhile, a suspended file goes on there.
func TestSuspendMoved(t *testing.T) {
	t.Parallel()
	tests := []struct {
		what string
		do   func(f *File, path string) error
		want string // what stands at the path before the next write; "-" for no file
	}{
		{"moved", func(_ *File, path string) error { return os.Rename(path, path+".moved") }, "-"},
		{"removed", func(_ *File, path string) error { return os.Remove(path) }, "-"},
		{"truncated", func(_ *File, path string) error { return os.Truncate(path, 0) }, ""},
		{"moved and reopened", func(f *File, path string) error {
			return errors.Join(os.Rename(path, path+".moved"), f.Reopen())
		}, ""},
		{"reopened", func(f *File, _ string) error { return f.Reopen() }, "old"},
		{"cleared", func(f *File, _ string) error { return f.Clear() }, ""},
		{"removed and cleared", func(f *File, path string) error { return errors.Join(os.Remove(path), f.Clear()) }, ""},
		{"replaced", func(_ *File, path string) error {
			return errors.Join(os.Remove(path), os.WriteFile(path, []byte("new:"), 0o600))
		}, "new:"},
	}
	for _, tt := range tests {
		dir := t.TempDir()
		path := filepath.Join(dir, "log")
		f := mustOpen(t, path, Options{})
		write(t, f, "old")
		f.Suspend()
		if err := tt.do(f, path); err != nil {
			t.Fatal(err)
		}
		if f.Suspendable() {
			t.Errorf("%s: open before it is written", tt.what)
		}
		got, there := read(t, dir)["log"]
		if there == (tt.want == "-") || there && got != tt.want {
			t.Errorf("%s: holds %q, exists %v, want %q", tt.what, got, there, tt.want)
		}
		write(t, f, "text")
		if want := strings.TrimPrefix(tt.want, "-") + "text"; read(t, dir)["log"] != want {
			t.Errorf("%s: holds %q after a write, want %q", tt.what, read(t, dir)["log"], want)
		}
		if moved, ok := read(t, dir)["log.moved"]; ok && moved != "old" {
			t.Errorf("%s: the old file holds %q", tt.what, moved)
		}
	}
}

// What would be lost by it is not suspended.
func TestNotSuspended(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, "/dev/null"} {
		if f := mustOpen(t, path, Options{}); f.Suspend() || !f.out.isOpen() {
			t.Errorf("%s was suspended", path)
		}
	}
	// The old file, which was moved away with its directory, is all there is.
	path := filepath.Join(dir, "a", "log")
	put(t, path, "")
	f := mustOpen(t, path, Options{})
	if err := os.Rename(filepath.Dir(path), filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	if err := f.Reopen(); !errors.Is(err, unix.ENOENT) {
		t.Errorf("Reopen = %v, want ENOENT", err)
	}
	if f.Suspend() {
		t.Error("suspended after a reopen that failed")
	}
	write(t, f, "text")
	if got := read(t, filepath.Join(dir, "b")); got["log"] != "text" {
		t.Errorf("files %v, want text in the moved log", got)
	}
}

// Nobody may have to wait for a path that was a regular file.
func TestSuspendedBecomesFIFO(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	f := mustOpen(t, path, Options{})
	f.Suspend()
	if err := errors.Join(os.Remove(path), unix.Mkfifo(path, 0o600)); err != nil {
		t.Fatal(err)
	}
	if n, err := f.Write([]byte("text")); n != 0 || err == nil || f.Blocks() {
		t.Errorf("Write to a FIFO = %d, %v, Blocks %v, want an error", n, err, f.Blocks())
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(t, f, "text")
}

// A rotation that failed is not tried again because the file was suspended,
// yet it is tried for another file.
func TestSuspendAfterRotationFailed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	put(t, filepath.Join(dir, "log.1", "in the way"), "")
	f := mustOpen(t, path, Options{MaxBytes: 4, Backups: 1})
	if n, err := f.Write([]byte("aaaaaaaa")); n != 8 || err == nil {
		t.Errorf("Write = %d, %v, want 8 and an error", n, err)
	}
	f.Suspend()
	write(t, f, "b") // 9 of 12 bytes
	f.Suspend()
	if err := errors.Join(os.Remove(path), os.RemoveAll(filepath.Join(dir, "log.1"))); err != nil {
		t.Fatal(err)
	}
	write(t, f, "ccccc")
	if got := read(t, dir); got["log"] != "" || got["log.1"] != "ccccc" {
		t.Errorf("files %v, want log.1 with ccccc", got)
	}
}

func TestWriteAfterClose(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	f := mustOpen(t, path, Options{})
	if err := errors.Join(f.Close(), os.Remove(path)); err != nil {
		t.Fatal(err)
	}
	if n, err := f.Write([]byte("text")); n != 0 || !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Write = %d, %v, want ErrClosed", n, err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is back: %v", err)
	}
}
