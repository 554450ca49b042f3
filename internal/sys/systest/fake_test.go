package systest

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"example.org/twiddler/internal/sys"
)

func start(t *testing.T, f *Fake, name string) int {
	t.Helper()
	s, err := f.Start(&sys.Child{Name: name, Argv: []string{name}, Socket: -1, Umask: -1})
	if err != nil {
		t.Fatal(err)
	}
	if s.Stdin != -1 || s.Stdout != -1 || s.Stderr != -1 {
		t.Errorf("Start(%s) = %v, want no pipes", name, s)
	}
	return s.PID
}

func notified(f *Fake) bool {
	select {
	case <-f.Notify():
		return true
	default:
		return false
	}
}

func TestLifeAndDeath(t *testing.T) {
	t.Parallel()
	f := New()
	a, b := start(t, f, "a"), start(t, f, "b")
	if a != 101 || b != 102 || notified(f) || len(f.Reap()) != 0 {
		t.Fatalf("pids %d, %d, want 101, 102, both alive", a, b)
	}
	if err := f.Signal(a, int(syscall.SIGTERM), true); err != nil {
		t.Error(err)
	}
	if !f.Exit(sys.Exit{PID: b, Code: 3}) || f.Exit(sys.Exit{PID: b}) {
		t.Error("a child must die once")
	}
	if err := f.Signal(b, 9, false); err != nil {
		t.Errorf("signal to a zombie = %v", err)
	}
	if !notified(f) || notified(f) {
		t.Error("two deaths must make one value")
	}
	if got, want := fmt.Sprint(f.Reap()), "[{101 0 15} {102 3 0}]"; got != want {
		t.Errorf("Reap = %s, want %s", got, want)
	}
	if got := f.Reap(); len(got) != 0 {
		t.Errorf("second Reap = %v", got)
	}
	if err := f.Signal(a, 15, false); err != syscall.ESRCH {
		t.Errorf("signal to a reaped child = %v, want ESRCH", err)
	}
	want := []Signal{{a, 15, true}, {b, 9, false}, {a, 15, false}}
	if got := f.Signals(); !slices.Equal(got, want) {
		t.Errorf("Signals = %v, want %v", got, want)
	}
	if got := f.Births(); len(got) != 2 || got[1].PID != b || got[1].Child.Name != "b" {
		t.Errorf("Births = %v", got)
	}
}

func TestScriptedSignals(t *testing.T) {
	t.Parallel()
	f := New()
	f.Ignore("deaf", syscall.SIGTERM, syscall.SIGKILL)
	f.Handle("tidy", syscall.SIGTERM, 0)
	f.Refuse("foreign", syscall.EPERM)
	deaf, tidy, foreign := start(t, f, "deaf"), start(t, f, "tidy"), start(t, f, "foreign")
	for _, pid := range []int{deaf, tidy} {
		for _, sig := range []syscall.Signal{0, syscall.SIGCONT, syscall.SIGTERM} {
			if err := f.Signal(pid, int(sig), false); err != nil {
				t.Error(err)
			}
		}
	}
	if err := f.Signal(foreign, 9, false); err != syscall.EPERM {
		t.Errorf("Signal = %v, want EPERM", err)
	}
	if got := f.Living(""); !slices.Equal(got, []int{deaf, foreign}) {
		t.Errorf("Living = %v", got)
	}
	f.Signal(deaf, 9, false)
	if got, want := fmt.Sprint(f.Reap()), fmt.Sprintf("[{%d 0 0} {%d 0 9}]", tidy, deaf); got != want {
		t.Errorf("Reap = %s, want %s", got, want)
	}
	f.Refuse("foreign", nil)
	f.Signal(foreign, 9, false)
	if got := f.Living("foreign"); len(got) != 0 {
		t.Errorf("Living = %v, want none", got)
	}
}

func TestScriptedFailures(t *testing.T) {
	t.Parallel()
	f := New()
	f.FailStart("a", "no room", "still no room")
	for _, want := range []string{"no room", "still no room"} {
		_, err := f.Start(&sys.Child{Name: "a"})
		if e, ok := errors.AsType[*sys.StartError](err); !ok || e.Text != want {
			t.Errorf("Start = %v, want %s", err, want)
		}
	}
	start(t, f, "a")

	f.FailResolve("a b", &sys.CommandError{NotFound: true, Text: "can't find command 'a'"})
	if _, _, err := f.Resolve("a b", ""); err == nil || err.Error() != "can't find command 'a'" {
		t.Errorf("Resolve = %v", err)
	}
	f.FailResolve("a b", nil)
	if file, argv, err := f.Resolve("a b", ""); file != "/bin/a" || len(argv) != 2 || err != nil {
		t.Errorf("Resolve = %s, %v, %v", file, argv, err)
	}
	if file, _, _ := f.Resolve("/x/a b", ""); file != "/x/a" {
		t.Errorf("Resolve = %s, want /x/a", file)
	}
	if _, _, err := f.Resolve(" ", ""); err == nil || err.Error() != "command is empty" {
		t.Errorf("Resolve = %v", err)
	}
}

func TestEarlyExit(t *testing.T) {
	t.Parallel()
	f := New()
	f.ExitAtOnce("a", 2)
	pid := start(t, f, "a")
	if got := f.Reap(); len(got) != 1 || got[0] != (sys.Exit{PID: pid, Code: 2}) {
		t.Errorf("Reap = %v", got)
	}
	start(t, f, "a")
	if got := f.Reap(); len(got) != 0 {
		t.Errorf("the second child died too: %v", got)
	}
	if !f.Exit(sys.Exit{PID: 7}) || len(f.Reap()) != 1 {
		t.Error("a stranger was not reaped")
	}
}

// A start can be held in flight, and in a bubble that costs no time.
func TestHold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := New()
		release := f.Hold("a")
		begin := time.Now()
		born := make(chan int, 1)
		go func() { born <- start(t, f, "a") }()
		start(t, f, "b")
		synctest.Wait()
		if len(f.Births()) != 1 {
			t.Fatal("a was born while it was held")
		}
		time.AfterFunc(time.Minute, release)
		pid := <-born
		if took := time.Since(begin); took != time.Minute {
			t.Errorf("birth after %v, want 1m", took)
		}
		start(t, f, "a")
		time.AfterFunc(time.Hour, func() { f.Exit(sys.Exit{PID: pid}) })
		<-f.Notify()
		if got := f.Reap(); len(got) != 1 || got[0].PID != pid {
			t.Errorf("Reap = %v", got)
		}
	})
}
