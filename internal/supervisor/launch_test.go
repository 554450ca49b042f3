package supervisor

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// TestBriefLives has a launcher know who has lived briefly, once, and not
// remember for ever those who are not started again.
func TestBriefLives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLauncher(nil, LaunchOptions{}, nil, nil)
		name := Name{"g", "p"}
		next := func() bool {
			l.add(Spawn{Name: name})
			w, ok := l.next()
			if !ok || w.Name != name {
				t.Fatalf("next = %v, %v, want %v", w, ok, name)
			}
			l.done(w, time.Millisecond)
			return w.brief
		}
		born := time.Now()
		time.Sleep(briefLife - 1)
		l.noteLifeLocked(name, &child{born: born})
		if !next() {
			t.Errorf("a life of %v is not brief", briefLife-1)
		}
		if next() {
			t.Error("the second start after a brief life is put off as well")
		}
		time.Sleep(time.Nanosecond)
		l.noteLifeLocked(name, &child{born: born})
		if next() {
			t.Errorf("a life of %v is brief", briefLife)
		}
		for i := range 1000 {
			l.noteLifeLocked(Name{"g", strconv.Itoa(i)}, &child{born: time.Now()})
		}
		if len(l.brief) > 70 {
			t.Errorf("%d brief lives are remembered of programs that do not exist", len(l.brief))
		}
	})
}

// TestRest has two children that live briefly started one after the other,
// with a rest between.
func TestRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLauncher(nil, LaunchOptions{}, nil, nil)
		names := []Name{{"g", "a"}, {"g", "b"}}
		for _, n := range names {
			l.noteLifeLocked(n, &child{born: time.Now()})
			l.add(Spawn{Name: n})
		}
		begun := time.Now()
		for _, n := range names {
			w, ok := l.next()
			if !ok || w.Name != n {
				t.Fatalf("next = %v, %v, want %v", w.Name, ok, n)
			}
			l.done(w, 3*time.Millisecond)
		}
		if waited := time.Since(begun); waited != 3*time.Millisecond {
			t.Errorf("the second began after a rest of %v, want 3ms", waited)
		}
	})
}
