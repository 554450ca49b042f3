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
	cases := 0
	for i, c := range changes {
		old, next := change{}.after(before), c.after(before)
		found := map[string]int{}
		for at := range points(t, c) + 1 {
			for seed := range uint64(32) {
				rnd := rand.New(rand.NewPCG(seed, uint64(at)))
				m, s := disk1(t)
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
	for i, c := range changes {
		for at := range points(t, c) {
			m, s := disk1(t)
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
	for i, c := range changes {
		old, next := change{}.after(before), c.after(before)
		for _, cause := range []error{syscall.ENOSPC, syscall.EIO, syscall.EROFS} {
			for _, times := range []int{1, 2, 1000} {
				for at := range points(t, c) {
					m, s := disk1(t)
					m.fail = func(op int) error {
						if op >= at && op < at+times {
							return cause
						}
						return nil
					}
					err := s.Write(context.Background(), c.overlays())
					if err != nil && !errors.Is(err, cause) {
						t.Fatalf("change %d, point %d: the cause is not told: %v", i, at, err)
					}
					got := read(t, m)
					m.fail = nil
					unsure := err != nil && strings.Contains(err.Error(), "could not be put back")
					for seed := range uint64(32) {
						later := read(t, m.reboot(int(seed%4), rand.New(rand.NewPCG(uint64(at), seed))))
						if got != later && !unsure {
							t.Errorf("change %d, point %d: %s now, %s later", i, at, got, later)
						}
					}
					switch {
					case err == nil && got != next:
						t.Errorf("change %d, point %d, %d times %v: it succeeded, and left %s", i, at, times, cause, got)
					case unsure:
						if times == 1 {
							t.Errorf("change %d, point %d: one failure was too much: %v", i, at, err)
						}
					case err != nil && got != old:
						t.Errorf("change %d, point %d, %d times %v: it failed, and left %s", i, at, times, cause, got)
					}
					// When the trouble is over, it works again.
					if err := s.Write(context.Background(), c.overlays()); err != nil {
						t.Errorf("change %d, point %d: the next one fails: %v", i, at, err)
					}
					if got := recover1(t, m.reboot(loseAll, rand.New(rand.NewPCG(1, 1))), rand.New(rand.NewPCG(2, 2))); got != next {
						t.Errorf("change %d, point %d: the next one left %s", i, at, got)
					}
				}
			}
		}
	}
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
