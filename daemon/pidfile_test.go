package daemon

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

func ownLine() string { return strconv.Itoa(os.Getpid()) + "\n" }

func TestPidfile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "d.pid")
	for _, before := range []string{"", "1\n", "12345678901234567890\nand more\n"} {
		if before != "" {
			writeFile(t, path, before)
		}
		p, err := WritePidfile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := readFile(t, path); got != ownLine() {
			t.Errorf("over %q: file = %q, want %q", before, got, ownLine())
		}
		if err := p.Remove(); err != nil {
			t.Error(err)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 0 {
			t.Errorf("left behind: %v", entries)
		}
		if err := p.Remove(); err != nil {
			t.Errorf("second Remove = %v", err)
		}
	}
}

func TestPidfileMode(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plain, path := filepath.Join(dir, "plain"), filepath.Join(dir, "d.pid")
	f, err := os.Create(plain) // 0666 and the umask
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if _, err := WritePidfile(path); err != nil {
		t.Fatal(err)
	}
	want, _ := os.Stat(plain)
	if got, _ := os.Stat(path); got.Mode() != want.Mode() {
		t.Errorf("mode = %v, want %v", got.Mode(), want.Mode())
	}
}

// Links and devices are written through, not replaced.
func TestPidfileThroughLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	target, path := filepath.Join(dir, "target"), filepath.Join(dir, "d.pid")
	writeFile(t, target, "12345678901234567890\nand more\n")
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
	if _, err := WritePidfile(path); err != nil {
		t.Fatal(err)
	}
	if got := readFile(t, target); got != ownLine() {
		t.Errorf("target = %q, want %q", got, ownLine())
	}
	p, err := WritePidfile(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	p.Remove()
	if info, err := os.Lstat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Fatalf("%s is now %v, %v", os.DevNull, info, err)
	}
}

func TestPidfileOfAnother(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "d.pid")
	p, err := WritePidfile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{"1\n", ownLine() + "\n", "", "x" + ownLine()} {
		writeFile(t, path, other)
		if err := p.Remove(); err != nil {
			t.Error(err)
		}
		if got := readFile(t, path); got != other {
			t.Errorf("file = %q, want %q", got, other)
		}
	}
}

func TestPidfileErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "no", "d.pid"), ""} {
		_, err := WritePidfile(path)
		if want := "could not write pidfile " + path; err == nil || err.Error() != want {
			t.Errorf("WritePidfile(%q) = %v, want %s", path, err, want)
		}
	}
}

// A reader sees a whole line at every moment.
func TestPidfileIsWhole(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "d.pid")
	const old = "12345678901234567890\n"
	writeFile(t, path, old)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 300 {
			if _, err := WritePidfile(path); err != nil {
				t.Error(err)
			}
		}
	}()
	for {
		if got := readFile(t, path); got != old && got != ownLine() {
			t.Fatalf("a reader saw %q", got)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
