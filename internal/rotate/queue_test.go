package rotate

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A gate is a target that takes a write when it is told to.
type gate struct {
	pass chan struct{}
	mu   sync.Mutex
	got  bytes.Buffer
	n    int
}

func newGate() *gate { return &gate{pass: make(chan struct{})} }

func (g *gate) Write(p []byte) (int, error) {
	<-g.pass
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n++
	return g.got.Write(p)
}

func (g *gate) text() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.got.String()
}

func TestQueueOrder(t *testing.T) {
	t.Parallel()
	var got []string
	q := NewQueue(writerFunc(func(p []byte) (int, error) {
		got = append(got, string(p))
		return len(p), nil
	}), QueueOptions{Limit: 1 << 20, Whole: true})
	var want []string
	for i := range 1000 {
		line := strings.Repeat("x", i%50+1)
		q.Write([]byte(line))
		want = append(want, line)
		if i%100 == 0 {
			q.Do(func() { got = append(got, "do") })
			want = append(want, "do")
		}
	}
	if err := q.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("written in another order, or not as single writes")
	}
}

// Small writes are joined, large ones are split, so that progress shows.
func TestQueueSizes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		q := NewQueue(g, QueueOptions{Limit: 1 << 20})
		q.Write([]byte("first"))
		synctest.Wait() // it is being written
		for range 100 {
			q.Write([]byte("small"))
		}
		q.Write(make([]byte, 3*itemBytes))
		close(g.pass)
		synctest.Wait()
		if len(g.text()) != 5+500+3*itemBytes || g.n != 5 {
			t.Errorf("%d bytes in %d writes, want %d in 5", len(g.text()), g.n, 505+3*itemBytes)
		}
	})
}

func TestQueueDrops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		q := NewQueue(g, QueueOptions{Limit: 10, Whole: true,
			Lost: func(l Loss) { g.mu.Lock(); g.got.Write(gapForTest(l)); g.mu.Unlock() }})
		for _, line := range []string{"1234\n", "5678\n"} {
			if !q.Write([]byte(line)) {
				t.Errorf("Write(%q) was dropped", line)
			}
		}
		if q.Write([]byte("a\n")) || q.Write([]byte("b\n")) {
			t.Error("a full queue took more")
		}
		g.pass <- struct{}{}
		synctest.Wait()
		if !q.Write([]byte("c\n")) {
			t.Error("a queue with room dropped")
		}
		close(g.pass)
		synctest.Wait()
		if got, want := g.text(), "1234\n5678\n[4 bytes, 2 lines]\nc\n"; got != want {
			t.Errorf("written %q, want %q", got, want)
		}
	})
}

// Flush accounts for what was dropped even if nothing comes after it.
func TestQueueFlush(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		var lost Loss
		q := NewQueue(g, QueueOptions{Limit: 3, Lost: func(l Loss) { lost = l }})
		q.Write([]byte("abc"))
		q.Write([]byte("d"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := q.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Flush of a stuck queue = %v", err)
		}
		close(g.pass)
		if err := q.Flush(t.Context()); err != nil || lost.Bytes != 1 {
			t.Errorf("Flush = %v with %v lost, want 1 byte", err, lost)
		}
	})
}

func TestQueueParks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		q := NewQueue(g, QueueOptions{Limit: 100 * itemBytes, Soft: 4 * itemBytes, Stall: time.Second})
		resumed := make(chan time.Time, 1)
		resume := func() { resumed <- time.Now() }
		if q.Park(resume) {
			t.Error("parked with an empty queue")
		}
		q.Write(make([]byte, 4*itemBytes))
		if !q.Park(resume) {
			t.Fatal("not parked with a full queue")
		}
		// A slow target is waited for, as long as it moves.
		begin := time.Now()
		for range 2 {
			time.Sleep(900 * time.Millisecond)
			g.pass <- struct{}{}
		}
		if got := (<-resumed).Sub(begin); got != 1800*time.Millisecond {
			t.Errorf("resumed after %v, want 1.8s, with half of the queue written", got)
		}
		close(g.pass)
		synctest.Wait()
	})
}

// When a target stalls, producers go on and lose what does not fit.
func TestQueueStalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		q := NewQueue(g, QueueOptions{Limit: 100, Soft: 4, Stall: time.Second})
		q.Write([]byte("abcd"))
		resumed := make(chan time.Time, 1)
		begin := time.Now()
		if !q.Park(func() { resumed <- time.Now() }) {
			t.Fatal("not parked with a full queue")
		}
		if got := (<-resumed).Sub(begin); got != time.Second {
			t.Errorf("resumed after %v, want 1s", got)
		}
		if q.Park(func() {}) {
			t.Error("parked before a stalled target")
		}
		if q.Write([]byte("e")) {
			t.Error("a stalled queue took more than its soft limit")
		}
		g.pass <- struct{}{}
		synctest.Wait()
		q.Write([]byte("fghi"))
		if !q.Park(func() {}) {
			t.Error("not parked before a target that moves again")
		}
		close(g.pass)
		synctest.Wait()
		if got := g.text(); got != "abcdfghi" {
			t.Errorf("written %q, want abcdfghi", got)
		}
	})
}
