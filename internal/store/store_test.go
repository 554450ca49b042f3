package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"example.org/twiddler/internal/config"
)

// writerVar makes this binary write to a directory for ever.
const writerVar = "STORE_TEST_WRITER"

// limitedVar makes this binary write files that are longer than it may.
const limitedVar = "STORE_TEST_LIMITED"

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerVar); dir != "" {
		fmt.Fprintln(os.Stderr, writeForever(dir))
		os.Exit(1)
	}
	if dir := os.Getenv(limitedVar); dir != "" {
		fmt.Print(writeLimited(dir))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// writeForever changes three groups at once, again and again, and says so each
// time: they have the same number, and b is there if that is odd.
func writeForever(dir string) error {
	s, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	all, err := s.Load()
	if err != nil {
		return err
	}
	n := 0
	if len(all) > 0 {
		n = *all[0].Priority
	}
	for {
		n++
		c := change{"a": n, "b": n * (n % 2), "c": n}
		if err := s.Write(context.Background(), c.overlays()); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// A process that writes is killed, with SIGKILL, at any moment: what is found
// is what it said last, or the next.
func TestKill(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	rnd := rand.New(rand.NewPCG(1, 2))
	last := 0
	for range 25 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), writerVar+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewScanner(out)
		for range 1 + rnd.IntN(8) {
			if in.Scan() {
				fmt.Sscan(in.Text(), &last)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for in.Scan() { // what it had said before it died
			fmt.Sscan(in.Text(), &last)
		}
		_ = cmd.Wait() // it was killed
		all, err := Read(dir, Options{})
		got := state(t, all, err)
		if got != (change{"a": last, "b": last * (last % 2), "c": last}).after(change{}) &&
			got != (change{"a": last + 1, "b": (last + 1) * ((last + 1) % 2), "c": last + 1}).after(change{}) {
			t.Fatalf("%s, and it said %d last", got, last)
		}
	}
	if last < 25 {
		t.Errorf("only %d changes", last)
	}
}

// writeLimited changes two groups, with a limit on the size of files that the
// second one exceeds: the system ends a write in the middle.
func writeLimited(dir string) error {
	signal.Ignore(syscall.SIGXFSZ)
	limit := syscall.Rlimit{Cur: 8 << 10, Max: 8 << 10}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	s, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	next := change{"a": 2, "b": 2}.overlays()
	p := &next["b"].Programs[0]
	p.Section = p.Section.With("environment", strings.Repeat("A", 16<<10))
	return s.Write(context.Background(), next)
}

// A write that the system ends in the middle refuses the whole change.
func TestFileTooLarge(t *testing.T) {
	t.Parallel()
	s, dir := real(t)
	if err := s.Write(t.Context(), change{"a": 1, "b": 1}.overlays()); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), limitedVar+"="+dir)
	out, err := cmd.Output()
	if want := "cannot save changes: write " + dir + "/.new-b.conf: file too large"; err != nil || string(out) != want {
		t.Errorf("%q, %v, want %q", out, err, want)
	}
	all, err := s.Load()
	if got := state(t, all, err); got != "a=1 b=1" {
		t.Error(got)
	}
	if got := names(t, dir); len(got) != 2 {
		t.Errorf("%q", got)
	}
}

// real opens a directory of the machine's.
func real(t *testing.T) (*Store, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s, dir
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := []string{}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestStore(t *testing.T) {
	t.Parallel()
	s, dir := real(t)
	for _, c := range []change{{"a": 1}, {"b/c": 2, "a": 3}, {"a": 0}, {"a": 0}, {}, {"a": 4, "b/c": 0}} {
		if err := s.Write(t.Context(), c.overlays()); err != nil {
			t.Fatalf("%v: %v", c, err)
		}
	}
	all, err := s.Load()
	if got := state(t, all, err); got != "a=4" {
		t.Error(got)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"a.conf"}) {
		t.Errorf("%q", got)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "a.conf"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

// A person's file stays as it is while it means the same.
func TestWriteLeavesComments(t *testing.T) {
	t.Parallel()
	s, dir := real(t)
	path := filepath.Join(dir, "a.conf")
	const text = "# mine\n[group:a]\nremoved = yes\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, o := range []*config.Overlay{{Group: "a", Removed: true}, overlay("a", 1)} {
		if err := s.Write(t.Context(), map[string]*config.Overlay{"a": o}); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || (string(got) == text) != o.Removed {
			t.Errorf("%v: %q, %v", o, got, err)
		}
	}
}

// What others may write to is refused, and what is no overlay is told with its
// place; the rest can be read.
func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	s, dir := real(t)
	if err := s.Write(t.Context(), change{"good": 1}.overlays()); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"bad.conf": "[group:bad]\nremoved=perhaps\n", "other.conf": "[group:x]\n", "open.conf": "[group:open]\nremoved=true\n",
		"good.conf~": "nonsense", ".hidden.conf": "nonsense", "README": "nonsense",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "open.conf"), 0o602); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "sub.conf"), 0o700); err != nil {
		t.Fatal(err)
	}
	all, err := s.Load()
	if len(all) != 1 || all[0].Group != "good" {
		t.Errorf("%v", all)
	}
	var wrong *config.Errors
	if !errors.As(err, &wrong) {
		t.Fatal(err)
	}
	want := []string{
		dir + "/bad.conf:2: [group:bad] removed=perhaps: not a valid boolean value: 'perhaps'",
		dir + "/open.conf: it can be written to by others (mode 0602), who would decide what runs; chmod go-w it",
		dir + "/other.conf:1: [group:x]: the file of group 'x' must be called x.conf, not other.conf",
		dir + "/sub.conf: this is no file",
	}
	if got := wrong.List(); !slices.Equal(got, want) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, shared := filepath.Join(dir, "file"), filepath.Join(dir, "shared")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(shared, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(shared, 0o770); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		file:                           file + " is no directory",
		shared:                         shared + " can be written to by others (mode 0770)",
		filepath.Join(dir, "no", "no"): "cannot make the directory for changes: mkdir " + filepath.Join(dir, "no", "no") + ": no such file or directory",
	} {
		if _, err := Open(path, Options{}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Open: %v, want %s", err, want)
		}
	}
	if all, err := Read(filepath.Join(dir, "nothing"), Options{}); all != nil || err != nil {
		t.Errorf("%v, %v", all, err)
	}
	if os.Getuid() != 0 {
		return // only root can give a directory away
	}
	if err := os.Chmod(shared, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(shared, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(shared, Options{}); err == nil || !strings.Contains(err.Error(), "belongs to uid 12345") {
		t.Error(err)
	}
	if _, err := Open(shared, Options{Owners: []int{12345}}); err != nil {
		t.Error(err)
	}
}

// What cannot be written is refused before anything is.
func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	s, dir := real(t)
	for want, c := range map[string]map[string]*config.Overlay{
		"of group \"b\" are those of group \"a\"": {"a": overlay("a", 1), "b": overlay("a", 1)},
		"need ":             {"a": overlay("a", 1), "b": {Group: "b", Whole: true, Programs: []config.OverlayProgram{{Nth: 1, Section: &config.Section{Program: "p", Settings: []config.Setting{{Key: "command", Value: strings.Repeat("x", maxFile)}}}}}}},
		"program \"p\\nq\"": {"a": overlay("a", 1), "b": {Group: "b", Whole: true, Programs: []config.OverlayProgram{{Nth: 1, Section: &config.Section{Program: "p\nq"}}}}},
	} {
		if err := s.Write(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

// Two stores of one directory, as of two processes, do not get in each other's
// way; a reader never sees half a change.
func TestConcurrentWriters(t *testing.T) {
	t.Parallel()
	s, dir := real(t)
	other, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i, w := range []*Store{s, other, s} {
		wg.Go(func() {
			for n := range 10 {
				n = n*10 + i + 1
				if err := w.Write(t.Context(), change{"a": n, "b": n, "c": n}.overlays()); err != nil {
					t.Error(err)
				}
				all, err := Read(dir, Options{})
				if err != nil || len(all) != 3 || *all[0].Priority != *all[1].Priority || *all[0].Priority != *all[2].Priority {
					t.Errorf("%v, %v", all, err)
				}
			}
		})
	}
	wg.Wait()
}

// Waiting for another process ends with its context.
func TestLockWaits(t *testing.T) {
	t.Parallel()
	s, dir := real(t)
	unlock, err := disk{}.Lock(t.Context(), dir, true)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Write(ctx, change{"a": 1}.overlays()); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), dir) {
		t.Errorf("%v", err)
	}
	unlock()
	if err := s.Write(t.Context(), change{"a": 1}.overlays()); err != nil {
		t.Error(err)
	}
}

// fails tries to write, and checks that nothing has changed.
func fails(t *testing.T, s *Store, c change, want error) {
	t.Helper()
	dir := s.dir
	before, err := Read(dir, Options{Owners: []int{12345}})
	old := state(t, before, err)
	err = s.Write(context.Background(), c.overlays())
	if !errors.Is(err, want) || !strings.Contains(err.Error(), dir) {
		t.Errorf("%v, want %v", err, want)
	}
	after, err := Read(dir, Options{Owners: []int{12345}})
	if got := state(t, after, err); got != old {
		t.Errorf("%s, and before it was %s", got, old)
	}
	for _, name := range names(t, dir) {
		if strings.HasPrefix(name, ".") {
			t.Errorf("%s is left behind", name)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, groups := range []int{1, 3} {
		b.Run(fmt.Sprintf("%d", groups), func(b *testing.B) {
			s, err := Open(filepath.Join(b.TempDir(), "state"), Options{})
			if err != nil {
				b.Fatal(err)
			}
			for n := 1; b.Loop(); n++ {
				c := change{}
				for i := range groups {
					c[fmt.Sprintf("g%d", i)] = n
				}
				if err := s.Write(b.Context(), c.overlays()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
