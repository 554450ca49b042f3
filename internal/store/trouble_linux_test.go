package store

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"example.org/twiddler/internal/config"
)

// A full disk refuses a change and keeps what there was; with room it works
// again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k,mode=700"); err != nil {
		t.Skipf("cannot mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s, err := Open(filepath.Join(dir, "state"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), change{"a": 1, "b": 1}.overlays()); err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(dir, "filler")
	for size := 64 << 10; size > 0; size -= 4 << 10 { // whatever pages are left
		if err := os.WriteFile(filler, make([]byte, size), 0o600); err == nil {
			break
		}
	}
	fails(t, s, change{"a": 2}, syscall.ENOSPC)
	fails(t, s, change{"a": 2, "b": 2, "c": 2}, syscall.ENOSPC)
	if err := os.Truncate(filler, 44<<10); err != nil { // room for one or two files, not for all
		t.Fatal(err)
	}
	big := change{"a": 2, "b": 2, "c": 2}.overlays()
	big["d"] = overlay("d", 2)
	big["d"].Programs[0].Section = big["d"].Programs[0].Section.With("environment", strings.Repeat("A", 32<<10))
	if err := s.Write(t.Context(), big); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Error(err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), map[string]*config.Overlay{"a": nil, "b": overlay("b", 3)}); err != nil {
		t.Error(err)
	}
	all, err := s.Load()
	if got := state(t, all, err); got != "b=3" {
		t.Error(got)
	}
}

// A directory that we may not write to refuses a change, and can be read.
func TestReadOnlyDirectory(t *testing.T) {
	t.Parallel()
	// Not t.TempDir, which nobody else can get into.
	top, err := os.MkdirTemp("", "store-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(top) })
	if err := os.Chmod(top, 0o755); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(top, "state")
	s, err := Open(dir, Options{Owners: []int{12345}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), change{"a": 1, "b": 1}.overlays()); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		for _, path := range []string{dir, filepath.Join(dir, "a.conf"), filepath.Join(dir, "b.conf")} {
			if err := os.Chown(path, 12345, 12345); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	asNobody(t, func() {
		fails(t, s, change{"a": 2}, syscall.EACCES)
		fails(t, s, change{"a": 0}, syscall.EACCES)
		fails(t, s, change{"a": 2, "b": 2, "c": 2}, syscall.EACCES)
		if _, err := Open(dir, Options{Owners: []int{12345}}); err != nil {
			t.Errorf("cannot be opened: %v", err)
		}
	})
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), change{"a": 2, "b": 2, "c": 2}.overlays()); err != nil {
		t.Error(err)
	}
}

// asNobody runs f as a user whom permissions mean something to. Only the
// thread's identity for files changes, and the thread ends with it.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Getuid() != 0 {
		f()
		return
	}
	done := make(chan bool)
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread is not used again
		syscall.RawSyscall(syscall.SYS_SETFSUID, 12345, 0, 0)
		f()
	}()
	<-done
}
