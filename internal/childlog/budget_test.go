package childlog

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// Eight descriptors, a hundred files that rotate, four writers: every byte is
// in its file, in order.
func TestBudget(t *testing.T) {
	t.Parallel()
	const budget, writers, each, lines = 8, 4, 25, 2000
	files := NewFiles(func(text string) { t.Error(text) })
	files.SetBudget(budget)
	dir := t.TempDir()
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(w), 1))
			var all [each]*File
			var written [each]int
			for i := range all {
				all[i] = open(t, files, filepath.Join(dir, fmt.Sprintf("%d-%d", w, i)), 200, 20)
				defer all[i].Close()
			}
			for range lines {
				i := rnd.IntN(each)
				all[i].Write(fmt.Appendf(nil, "line %d\n", written[i]))
				written[i]++
				if rnd.IntN(100) == 0 {
					files.Reopen()
				}
				if rnd.IntN(100) == 0 {
					files.SetBudget(1 + rnd.IntN(budget))
				}
			}
			for i := range all {
				wantLines(t, all[i].Path(), written[i])
			}
		})
	}
	wg.Wait()
	if n := len(files.budget.open); n > 0 {
		t.Errorf("%d files are counted after all were closed", n)
	}
}

// wantLines checks a file and its backups.
func wantLines(t *testing.T, path string, want int) {
	t.Helper()
	var text []byte
	for i := 0; ; i++ {
		name := path
		if i > 0 {
			name = fmt.Sprintf("%s.%d", path, i)
		}
		part, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) && i > 0 {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(part) > 200+len("line 1000\n") || i > 0 && len(part) < 200 {
			t.Errorf("%s has %d bytes, which is no rotation at 200", name, len(part))
		}
		text = append(part, text...)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		if line != fmt.Sprintf("line %d\n", n) {
			t.Fatalf("%s: line %d is %q", path, n, line)
		}
		n++
	}
	if n != want {
		t.Errorf("%s has %d lines, want %d", path, n, want)
	}
}

// The one that was written longest ago goes, at any size of the budget.
func TestBudgetOrder(t *testing.T) {
	t.Parallel()
	for _, budget := range []int{1, 2, 8, 100} {
		files := NewFiles(func(text string) { t.Error(text) })
		files.SetBudget(budget)
		rnd := rand.New(rand.NewPCG(1, uint64(budget)))
		dir := t.TempDir()
		var order []string // the last written comes last
		all := make(map[string]*File)
		for i := range 3 * budget {
			f := open(t, files, filepath.Join(dir, fmt.Sprint(i)), 0, 0)
			order, all[f.Path()] = append(order, f.Path()), f
		}
		for range 20 * budget {
			i := rnd.IntN(len(order))
			path := order[i]
			order = append(slices.Delete(order, i, i+1), path)
			all[path].Write([]byte("text\n"))
		}
		want := slices.Sorted(slices.Values(order[len(order)-budget:]))
		if got := openIn(t, files, dir); !slices.Equal(got, want) {
			t.Errorf("budget %d: open %q, want %q", budget, got, want)
		}
		files.SetBudget(0)
		for _, f := range all {
			f.Write([]byte("text\n"))
		}
		if got := openIn(t, files, dir); len(got) != len(order) {
			t.Errorf("without a budget %d of %d are open", len(got), len(order))
		}
		files.SetBudget(1)
		if got := openIn(t, files, dir); len(got) != 1 {
			t.Errorf("with a budget of 1 %q are open", got)
		}
		if files.Shed(); len(openIn(t, files, dir)) != 0 {
			t.Errorf("the last one was not shed")
		}
		for _, f := range all {
			f.Close()
		}
	}
}

// openIn returns the files that are open, as our own books have it and, where
// it can be seen, as the system has it.
func openIn(t *testing.T, files *Files, dir string) []string {
	t.Helper()
	var ours, real []string
	for _, f := range files.all() {
		f.mu.Lock()
		if f.target.Suspendable() {
			ours = append(ours, f.path)
		}
		f.mu.Unlock()
	}
	slices.Sort(ours)
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return ours
	}
	for _, fd := range fds {
		if path, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && filepath.Dir(path) == dir {
			real = append(real, path)
		}
	}
	if slices.Sort(real); !slices.Equal(ours, real) {
		t.Errorf("open %q, the system says %q", ours, real)
	}
	return ours
}

// suspended returns a file that has been written and closed again.
func suspended(t *testing.T, files *Files, path, text string) *File {
	t.Helper()
	f := open(t, files, path, 0, 0)
	f.Write([]byte(text))
	for files.Shed() {
	}
	return f
}

// What comes to a file from outside while it is closed.
func TestBudgetReopen(t *testing.T) {
	t.Parallel()
	tests := []struct {
		what   string
		do     func(files *Files, path string) error
		before string // what the file holds then; "-" for no file
	}{
		{"moved", func(_ *Files, path string) error { return os.Rename(path, path+".1") }, "-"},
		{"deleted", func(_ *Files, path string) error { return os.Remove(path) }, "-"},
		{"moved, SIGUSR2", func(files *Files, path string) error {
			err := os.Rename(path, path+".1")
			files.Reopen()
			return err
		}, ""},
		{"cleared", func(files *Files, path string) error {
			if open, err := files.Clear(path); !open || err != nil {
				return fmt.Errorf("Clear = %v, %v", open, err)
			}
			return nil
		}, ""},
		{"deleted, opened by another", func(files *Files, path string) error {
			err := os.Remove(path)
			f, oerr := files.Open(path, 0, 0, 0)
			if oerr == nil {
				f.Close()
			}
			return errors.Join(err, oerr)
		}, ""},
	}
	for _, tt := range tests {
		files := NewFiles(func(text string) { t.Errorf("%s: %s", tt.what, text) })
		path := filepath.Join(t.TempDir(), "log")
		f := suspended(t, files, path, "old\n")
		if err := tt.do(files, path); err != nil {
			t.Errorf("%s: %v", tt.what, err)
		}
		if got := openIn(t, files, filepath.Dir(path)); len(got) > 0 {
			t.Errorf("%s: open before it is written", tt.what)
		}
		text, err := os.ReadFile(path)
		if missing := errors.Is(err, os.ErrNotExist); missing != (tt.before == "-") || !missing && string(text) != tt.before {
			t.Errorf("%s: holds %q, %v, want %q", tt.what, text, err, tt.before)
		}
		f.Write([]byte("new\n"))
		wantFile(t, path, "new\n")
		if text, err := os.ReadFile(path + ".1"); err == nil && string(text) != "old\n" {
			t.Errorf("%s: the old file holds %q", tt.what, text)
		}
		f.Close()
	}
}

// A directory that is removed while its file is closed, and comes back.
func TestBudgetRemovedDirectory(t *testing.T) {
	t.Parallel()
	var w warnings
	files := NewFiles(w.add)
	dir := filepath.Join(t.TempDir(), "sub")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "log")
	f := suspended(t, files, path, "old\n")
	defer f.Close()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("lost\n"))
	f.Write([]byte("lost, too\n"))
	if _, err := files.Open(path, 0, 0, 0); !errors.Is(err, unix.ENOENT) {
		t.Errorf("Open = %v, want ENOENT", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("text\n"))
	wantFile(t, path, "[twiddler: 15 bytes lost]\ntext\n")
	if got := w.all(); len(got) != 2 || f.Dropped() != 15 {
		t.Errorf("warnings %q and %d dropped, want one of loss, one of its end, and 15", got, f.Dropped())
	}
}

// What can't be had again is not closed, and does not count.
func TestBudgetSparesTargets(t *testing.T) {
	t.Parallel()
	files := NewFiles(func(string) {}) // that a reopen failed
	files.SetBudget(1)
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	slow := open(t, files, fifo, 0, 0)
	defer slow.Close()
	if err := os.Mkdir(filepath.Join(dir, "a"), 0o700); err != nil {
		t.Fatal(err)
	}
	moved := open(t, files, filepath.Join(dir, "a", "log"), 0, 0)
	defer moved.Close()
	if err := os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	files.Reopen() // in vain: what there is now is the file in b
	for i := range 3 {
		f := open(t, files, filepath.Join(dir, fmt.Sprint(i)), 0, 0)
		defer f.Close()
	}
	moved.Write([]byte("text\n"))
	wantFile(t, filepath.Join(dir, "b", "log"), "text\n")
	if n := len(files.budget.open); n != 1 {
		t.Errorf("%d files count, want 1", n)
	}
	slow.mu.Lock()
	defer slow.mu.Unlock()
	if slow.target.Target() == nil {
		t.Error("the FIFO was closed")
	}
}

// A child of this test finds no descriptor left, again and again. The limit is
// the whole process's, so this one keeps its own.
func TestNoDescriptorLeft(t *testing.T) {
	t.Parallel()
	const variable = "CHILDLOG_TEST_DESCRIPTORS"
	if os.Getenv(variable) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNoDescriptorLeft$")
		cmd.Env = append(os.Environ(), variable+"=few")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	// The Go runtime dies when it finds no descriptor for its poller.
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	limit := unix.Rlimit{Cur: 48, Max: 48}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	files := NewFiles(func(text string) { t.Error(text) })
	dir := t.TempDir()
	var all [100]*File
	for i := range all { // more than there can be at once
		all[i] = open(t, files, filepath.Join(dir, fmt.Sprint(i)), 200, 20)
	}
	const lines = 100
	for n := range lines {
		for _, f := range all {
			f.Write(fmt.Appendf(nil, "line %d\n", n)) // some rotate, which takes two
		}
	}
	for files.Shed() { // to have some for the test
	}
	for _, f := range all {
		wantLines(t, f.Path(), lines)
	}
	// Others have them all: nothing of ours would help.
	for {
		fd, err := unix.Dup(0)
		if errors.Is(err, unix.EMFILE) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
	}
	if _, err := files.Open(filepath.Join(dir, "one more"), 0, 0, 0); !errors.Is(err, unix.EMFILE) {
		t.Errorf("Open = %v, want EMFILE", err)
	}
}
