package daemon

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// A fakeHeap notes what it is told.
type fakeHeap struct {
	total, used uint64
	said        []string
	after       []func() // what waits for the next collection
}

func (h *fakeHeap) allocated() uint64 { return h.total }

func (h *fakeHeap) live() uint64 { return h.used }

func (h *fakeHeap) pace(growth int, most int64) {
	h.said = append(h.said, fmt.Sprintf("pace %d %d", growth, most>>20))
}

func (h *fakeHeap) rest(int64) { h.said = append(h.said, "rest") }

func (h *fakeHeap) collected(f func()) { h.after = append(h.after, f) }

// collect tells all that wait for a collection of one.
func (h *fakeHeap) collect() {
	after := h.after
	h.after = nil
	for _, f := range after {
		f()
	}
}

// newFake returns a keeper that has begun, what it says to the heap, and how
// often it has asked to look once more.
func newFake(used uint64) (*keeper, *fakeHeap, *int) {
	h, looks := &fakeHeap{used: used}, 0
	k := &keeper{heap: h, look: func(time.Duration) { looks++ }}
	k.begin()
	return k, h, &looks
}

func said(t *testing.T, h *fakeHeap, want ...string) {
	t.Helper()
	if !slices.Equal(h.said, want) {
		t.Errorf("the heap was told %q, want %q", h.said, want)
	}
	h.said = nil
}

// The keeper goes on looking as long as there is work, and stops when there is
// none; a collection at rest is work.
func TestKeeperRests(t *testing.T) {
	t.Parallel()
	k, h, looks := newFake(1 << 20)
	said(t, h, "pace 400 64")
	for i := range 3 {
		h.total += littleWork + 1
		k.looked()
		if *looks != 2+i {
			t.Fatalf("asked to look %d times, want %d", *looks, 2+i)
		}
	}
	said(t, h)
	h.total += littleWork
	k.looked()
	said(t, h, "rest")
	k.looked() // a timer that had fired already
	said(t, h)
	if *looks != 4 {
		t.Errorf("asked to look %d times, want 4: nothing may wake up a daemon at rest", *looks)
	}
	h.collect()
	said(t, h, "pace 400 64")
	if *looks != 5 {
		t.Errorf("asked to look %d times, want 5", *looks)
	}
	h.total += littleWork
	k.looked()
	said(t, h, "rest")
}

// As much garbage may gather as is in use, and 16 MiB at least.
func TestKeeperPace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		used uint64
		want string
	}{
		{0, "pace 400 64"}, {1, "pace 400 64"}, {4 << 20, "pace 400 64"}, {8 << 20, "pace 200 64"}, {16 << 20, "pace 100 80"},
		{1 << 40, "pace 100 1572928"}, {math.MaxUint64, "pace 100 1610612800"},
	} {
		_, h, _ := newFake(tt.used)
		said(t, h, tt.want)
	}
	_, h, _ := newFake(1 << 20)
	for _, mb := range []uint64{10, 10, 100, 1} {
		h.used = mb << 20
		h.collect()
	}
	said(t, h, "pace 400 64", "pace 160 64", "pace 100 208", "pace 400 64")
}

// The collections that come with a rest are no work.
func TestKeeperSleepsOn(t *testing.T) {
	t.Parallel()
	k, h, looks := newFake(1 << 20)
	before := h.after
	h.after = nil
	k.looked()
	for _, f := range before {
		f()
	}
	said(t, h, "pace 400 64", "rest")
	h.collect()
	said(t, h, "pace 400 64")
	if *looks != 2 {
		t.Errorf("asked to look %d times, want 2", *looks)
	}
}

// After its end a keeper leaves the collector at work.
func TestKeeperStops(t *testing.T) {
	t.Parallel()
	k, h, looks := newFake(1 << 20)
	k.looked()
	k.stop()
	said(t, h, "pace 400 64", "rest", "pace 400 64")
	h.collect()
	k.looked()
	said(t, h)
	if *looks != 1 {
		t.Errorf("asked to look %d times, want 1", *looks)
	}
}

// A memoryReport is what actMemory saw, in bytes.
type memoryReport struct {
	Base     uint64 // in use at the first rest
	Unheard  uint64 // at most, while garbage was made and nobody listened
	Working  uint64 // at most, while garbage was made and the keeper listened
	AtRest   uint64 // in use at the second rest
	Woken    bool   // whether the keeper heard of the work
	Resting  bool   // whether it came to rest again
	Finished bool
}

// garbage is how much actMemory makes while there is a keeper, in bytes. At
// rest it is collected for each MiB, so less must do.
const garbage = 1 << 30

// Whatever happens at rest, garbage does not gather without bound, and memory
// is given back afterwards.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	var got memoryReport
	text := runAct(t, "memory")
	if err := json.Unmarshal([]byte(text), &got); err != nil || !got.Finished {
		t.Fatalf("%v: %s", err, text)
	}
	const slack = 24 << 20 // of the race detector and of what the runtime keeps in hand
	if testing.Verbose() {
		t.Log(text)
	}
	if limit := got.Base + restRoom + slack; got.Unheard > limit {
		t.Errorf("%d bytes in use when nobody listens, want at most %d", got.Unheard, limit)
	}
	// What is allocated while a collection runs counts as in use, so this is
	// far more than garbageRoom where nothing is done but to allocate.
	if limit := uint64(garbage / 2); got.Working > limit {
		t.Errorf("%d bytes in use while there is work, want at most %d", got.Working, limit)
	}
	if !got.Woken || !got.Resting {
		t.Errorf("the keeper has heard of work: %v; rests in the end: %v", got.Woken, got.Resting)
	}
	if limit := got.Base + garbageRoom; got.AtRest > limit {
		t.Errorf("%d bytes in use at the end, want at most %d", got.AtRest, limit)
	}
}

func inUse() uint64 { return readMetric(mappedMetric) - readMetric(releasedMetric) }

// litter makes so many bytes of garbage and returns the most that was in use meanwhile.
func litter(bytes int) (most uint64) {
	var keep [64][]byte
	for i := range bytes / (16 << 10) {
		keep[i%len(keep)] = make([]byte, 16<<10)
		if i%64 == 0 {
			most = max(most, inUse())
		}
	}
	runtime.KeepAlive(keep)
	return most
}

// actMemory has the heap of a process rest and makes garbage, first with
// nobody there to hear of it, then with a keeper.
func actMemory() int {
	var r memoryReport
	heap := processHeap{limit: math.MaxInt64}
	heap.rest(restRoom)
	r.Base = inUse()
	r.Unheard = litter(garbage / 16)

	var once sync.Once
	begun, woken := false, make(chan struct{})
	k := &keeper{heap: heap}
	k.look = func(time.Duration) {
		if begun { // nothing but a collection leads here
			once.Do(func() { close(woken) })
		}
	}
	k.begin()
	k.looked()
	k.mu.Lock()
	begun = true
	k.mu.Unlock()
	r.Working = litter(garbage)
	<-woken
	r.Woken = true
	for range 100 {
		k.looked()
	}
	k.mu.Lock()
	r.Resting = k.resting
	k.mu.Unlock()
	r.AtRest = inUse()
	r.Finished = true
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		return 1
	}
	return 0
}
