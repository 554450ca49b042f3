package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"example.org/twiddler/internal/config"
)

const memDir = "/state"

// overlay is one that says n.
func overlay(group string, n int) *config.Overlay {
	s := &config.Section{Kind: config.Programs, Program: "p", Settings: []config.Setting{{Key: "command", Value: fmt.Sprintf("/bin/p ; %d", n)}}}
	return &config.Overlay{Group: group, Whole: true, Priority: &n, Programs: []config.OverlayProgram{{Nth: 1, Section: s}}}
}

// state is what a directory says, in one line.
func state(t *testing.T, all []*config.Overlay, err error) string {
	t.Helper()
	if err != nil {
		t.Fatalf("cannot read: %v", err)
	}
	var words []string
	for _, o := range all {
		words = append(words, fmt.Sprintf("%s=%d", o.Group, *o.Priority))
	}
	return strings.Join(words, " ")
}

// A change is what a Write is asked to do: groups and their numbers, 0 to
// remove one.
type change map[string]int

func (c change) overlays() map[string]*config.Overlay {
	all := map[string]*config.Overlay{}
	for group, n := range c {
		all[group] = nil
		if n != 0 {
			all[group] = overlay(group, n)
		}
	}
	return all
}

// after is the line of state after a change.
func (c change) after(before change) string {
	all := maps.Clone(before)
	maps.Copy(all, c)
	var words []string
	for _, group := range slices.Sorted(maps.Keys(all)) {
		if all[group] != 0 {
			words = append(words, fmt.Sprintf("%s=%d", group, all[group]))
		}
	}
	return strings.Join(words, " ")
}

var (
	before  = change{"a": 1, "b": 1, "c": 1}
	changes = []change{
		{"a": 2}, {"new": 2}, {"b": 0}, {"a": 2, "b": 2}, {"a": 2, "new": 2, "b": 0, "c": 0}, {"a": 0, "b": 0},
		{"x": 2, "y": 2, "z": 2, "a": 2, "b": 2, "c": 0},
	}
)

// disk1 is a disk with the state before, all of it synced.
func disk1(t *testing.T) (*memFS, *Store) {
	t.Helper()
	m := newMemFS()
	s := open(t, m)
	if err := s.Write(context.Background(), before.overlays()); err != nil {
		t.Fatal(err)
	}
	m.ops = 0
	return m, s
}

// again is a disk like m, as much of it synced, and the store that wrote to it.
func (m *memFS) again() (*memFS, *Store) {
	next := m.copy()
	s := newStore(memDir, Options{FS: next})
	s.dirty = false
	return next, s
}

func open(t *testing.T, m *memFS) *Store {
	t.Helper()
	s, err := Open(memDir, Options{FS: m})
	if err != nil {
		t.Fatalf("cannot open: %v", err)
	}
	return s
}

func read(t *testing.T, m *memFS) string {
	t.Helper()
	all, err := Read(memDir, Options{FS: m})
	return state(t, all, err)
}

// points is how many operations a change takes.
func points(t *testing.T, c change) int {
	t.Helper()
	m, s := disk1(t)
	if err := s.Write(context.Background(), c.overlays()); err != nil {
		t.Fatal(err)
	}
	for name := range m.names {
		if strings.HasPrefix(name, ".") {
			t.Fatalf("%v leaves %s behind", c, name)
		}
	}
	if got, want := read(t, m), c.after(before); got != want {
		t.Fatalf("%v: %s, want %s", c, got, want)
	}
	return m.ops
}

// The power fails at every operation of a change, and what was not synced is
// there or not: the old state is found, or the new one.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	first, _ := disk1(t)
	cases := 0
	for i, c := range changes {
		old, next := change{}.after(before), c.after(before)
		found := map[string]int{}
		for at := range points(t, c) + 1 {
			for seed := range uint64(24) {
				rnd := rand.New(rand.NewPCG(seed, uint64(at)))
				m, s := first.again()
				m.crashAt, m.torn = at, seed%2 == 0
				err := s.Write(context.Background(), c.overlays())
				if err != nil && !errors.Is(err, errCrash) {
					t.Fatalf("change %d, point %d: %v", i, at, err)
				}
				last := m.reboot(int(seed/2)%4, rnd)
				got := read(t, last)
				if seed < 8 {
					recover1(t, last, rnd)
				}
				if got != old && got != next || err == nil && got != next {
					t.Fatalf("change %d, point %d, seed %d: %s, want %s or %s; Write said %v", i, at, seed, got, old, next, err)
				}
				found[got]++
				cases++
			}
		}
		if found[old] == 0 || found[next] == 0 {
			t.Errorf("change %d: one of both was never found: %v", i, found)
		}
	}
	t.Logf("%d power losses", cases)
}

// recover1 returns what is found after a power loss. The power fails again, at
// each operation of what finishes or discards the change: nothing else is
// found then.
func recover1(t *testing.T, m *memFS, rnd *rand.Rand) string {
	t.Helper()
	want := read(t, m)
	for at := 0; ; at++ {
		again := m.reboot(keepAll, rnd)
		again.crashAt, again.torn = at, at%2 == 0
		_, err := Open(memDir, Options{FS: again})
		done := again.ops <= at
		if err != nil && done {
			t.Fatalf("cannot open: %v", err)
		}
		last := again.reboot(rnd.IntN(4), rnd)
		if got := read(t, last); got != want {
			t.Fatalf("%s before it was opened, and %s after another power loss at %d", want, got, at)
		}
		s := open(t, last)
		all, err := s.Load()
		if got := state(t, all, err); got != want {
			t.Fatalf("%s before it was opened, %s afterwards", want, got)
		}
		for name := range last.names {
			if strings.HasPrefix(name, ".") {
				t.Fatalf("%s is left behind", name)
			}
		}
		if err := s.Write(context.Background(), change{"a": 9, "last": 9}.overlays()); err != nil {
			t.Fatal(err)
		}
		if done {
			return want
		}
	}
}

// The process is killed at every operation, and what it did is not on the disk
// yet. The next one does the same, and only then the power fails.
func TestKilledThenPowerLoss(t *testing.T) {
	t.Parallel()
	first, _ := disk1(t)
	for i, c := range changes {
		for at := range points(t, c) {
			m, s := first.again()
			m.crashAt = at
			_ = s.Write(context.Background(), c.overlays())
			m.crashAt = -1
			if err := open(t, m).Write(context.Background(), c.overlays()); err != nil {
				t.Fatal(err)
			}
			if got, want := read(t, m.reboot(loseAll, rand.New(rand.NewPCG(0, 0)))), c.after(before); got != want {
				t.Errorf("change %d, point %d: %s, want %s", i, at, got, want)
			}
		}
	}
}

// An operation fails, once, twice or from then on: a Write that fails has
// changed nothing, unless it says so; one that succeeds has changed all.
func TestFailures(t *testing.T) {
	t.Parallel()
	first, _ := disk1(t)
	for i, c := range changes {
		count := points(t, c)
		for n, times := range []int{1, 2, 1000} {
			cause := []error{syscall.EIO, syscall.ENOSPC, syscall.EROFS}[n]
			for at := range count {
				if text := failAt(t, first, c, at, times, cause); text != "" {
					t.Errorf("change %d, point %d, %d times %v: %s", i, at, times, cause, text)
				}
			}
		}
	}
}

// failAt lets operations of a change fail, and says what is wrong then.
func failAt(t *testing.T, first *memFS, c change, at, times int, cause error) string {
	t.Helper()
	m, s := first.again()
	m.fail = func(op int) error {
		if op >= at && op < at+times {
			return cause
		}
		return nil
	}
	err := s.Write(context.Background(), c.overlays())
	m.fail = nil
	old, next, got := change{}.after(before), c.after(before), read(t, m)
	unsure := err != nil && strings.Contains(err.Error(), "could not be put back")
	for seed := range uint64(16) {
		later := read(t, m.reboot(int(seed%4), rand.New(rand.NewPCG(uint64(at), seed))))
		if got != later && !unsure {
			return got + " now, " + later + " later"
		}
	}
	switch {
	case err != nil && !errors.Is(err, cause):
		return "the cause is not told: " + err.Error()
	case err == nil && got != next:
		return "it succeeded, and left " + got
	case unsure && times == 1:
		return "one failure was too much: " + err.Error()
	case err != nil && !unsure && got != old:
		return "it failed, and left " + got
	}
	// When the trouble is over, it works again.
	if err := s.Write(context.Background(), c.overlays()); err != nil {
		return "the next one fails: " + err.Error()
	}
	if got := recover1(t, m.reboot(loseAll, rand.New(rand.NewPCG(1, 1))), rand.New(rand.NewPCG(2, 2))); got != next {
		return "the next one left " + got
	}
	return ""
}

// Whatever a journal holds, it names files of its directory or is refused.
func FuzzJournal(f *testing.F) {
	f.Add([]byte(`{"write":{"a.conf":"x"},"remove":["b.conf"]}`))
	f.Add([]byte(`{"remove":["../b"]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		text = append(text, '\n')
		j, err := decode(append(text, sum(text)+"\n"...))
		if err != nil {
			return
		}
		for _, name := range j.names() {
			if name == "" || strings.Contains(name, "/") || strings.HasPrefix(name, ".") {
				t.Errorf("it names %q", name)
			}
		}
		again, err := j.encode()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := decode(again); err != nil || !slices.Equal(back.names(), j.names()) {
			t.Errorf("%v becomes %v, %v", j, back, err)
		}
	})
}

// A journal that was damaged is no reason to guess.
func TestDamagedJournal(t *testing.T) {
	t.Parallel()
	m, s := disk1(t)
	m.ops, m.crashAt = 0, points(t, changes[3])-5 // before the renames
	_ = s.Write(context.Background(), changes[3].overlays())
	m = m.reboot(keepAll, rand.New(rand.NewPCG(0, 0)))
	if m.names[journalName] == nil || m.names[asidePrefix+"a.conf"] == nil {
		t.Fatalf("%v", m.names)
	}
	for name, data := range map[string]string{journalName: "{}\n", asidePrefix + "a.conf": "[group:a]\n"} {
		n := m.reboot(keepAll, rand.New(rand.NewPCG(0, 0)))
		n.names[name].data = []byte(data)
		_, err := Open(memDir, Options{FS: n})
		_, err2 := Read(memDir, Options{FS: n})
		for _, err := range []error{err, err2} {
			if err == nil || !strings.Contains(err.Error(), "/state/"+name) || !strings.Contains(err.Error(), "move") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for _, text := range []string{"", "\n", "{}\n" + sum([]byte("{}\n")), `{"write":{"../x":""}}` + "\n", `{"remove":[".x"]}` + "\n"} {
		if strings.Contains(text, "x") {
			text += sum([]byte(text)) + "\n"
		}
		if j, err := decode([]byte(text)); err == nil {
			t.Errorf("%q: %v", text, j)
		}
	}
}
