package daemon

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

const (
	// garbageRoom is how much garbage may gather before it is collected while
	// there is work. Collections more often than that take more from clients
	// than all else that an answer needs.
	garbageRoom = 16 << 20
	// maxGrowth is the growth, in percent, at which the runtime's least heap
	// is garbageRoom: it allows 4 MiB for 100.
	maxGrowth = 400
	// minGrowth keeps the collector from being busy all the time when what
	// is in use is larger than garbageRoom.
	minGrowth = 100

	// lookInterval is how long there must be next to no work before memory is
	// given back.
	lookInterval = time.Second
	// littleWork is how much may be allocated in that time by what is not
	// called work: some dozen calls.
	littleWork = 256 << 10
	// restRoom is how much may be allocated at rest before the collector runs,
	// and with it the keeper: the part of it that the runtime keeps in hand,
	// and as much for garbage.
	restRoom = 2 << 20
)

// A keeper decides how much garbage may gather. While there is work that is a
// lot, since collecting takes time from clients. When there was next to none
// for a second it collects, gives the memory back to the system, and turns the
// collector's pace and its clock off, so that a daemon without work has no
// cause to wake up. What little happens then is bounded by a limit on memory:
// when that is reached the runtime collects by itself, and this is how the
// keeper hears that there is work again. So nobody has to tell it, and without
// it nothing can grow.
//
// Its methods are safe for concurrent use.
type keeper struct {
	heap heap
	look func(time.Duration) // calls looked once, after that time

	mu      sync.Mutex
	stopped bool   // guarded by mu
	resting bool   // guarded by mu
	growth  int    // guarded by mu; what was set last, 0 at rest
	most    int64  // guarded by mu; set with it
	seen    uint64 // guarded by mu; what had been allocated at the last look
	armed   int    // guarded by mu; counts the collections that were waited for
}

// A heap is the part of the runtime that a keeper uses.
type heap interface {
	// allocated is how many bytes have ever been allocated.
	allocated() uint64
	// live is how many bytes the last collection found in use.
	live() uint64
	// pace has the collector run when the heap has grown by so many percent,
	// or the memory in use comes near most bytes.
	pace(growth int, most int64)
	// rest collects, gives back what is free, and has the collector run only
	// when the memory in use has grown by room bytes.
	rest(room int64)
	// collected calls f once, after the next collection, in a goroutine that is
	// not the caller's.
	collected(f func())
}

// keepMemory begins to decide for this process. What it returns ends that, and
// leaves the collector as it is while there is work.
func keepMemory() (stop func()) {
	k := &keeper{heap: processHeap{limit: debug.SetMemoryLimit(-1)}}
	timer := time.AfterFunc(time.Hour, k.looked)
	k.look = func(d time.Duration) { timer.Reset(d) }
	k.begin()
	return func() {
		k.stop()
		timer.Stop()
	}
}

func (k *keeper) begin() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.workLocked()
	k.armLocked()
}

// workLocked lets garbage gather, and looks again whether there is work.
func (k *keeper) workLocked() {
	k.resting = false
	k.paceLocked()
	k.seen = k.heap.allocated()
	k.look(lookInterval)
}

// paceLocked allows garbageRoom, or as much as is in use if that is more. The
// growth alone is no bound: what is allocated while the collector runs counts
// as in use, and when it has to wait for a processor five times of that is
// allowed next, and so on.
func (k *keeper) paceLocked() {
	live := min(k.heap.live(), 1<<50)
	growth := int(min(max(100*garbageRoom/max(live, 1), minGrowth), maxGrowth))
	most := int64(live*3/2/garbageRoom+4) * garbageRoom
	if growth != k.growth || most != k.most {
		k.growth, k.most = growth, most
		k.heap.pace(growth, most)
	}
}

// armLocked waits for the next collection, and forgets the one it waited for.
func (k *keeper) armLocked() {
	k.armed++
	serial := k.armed
	k.heap.collected(func() { k.collected(serial) })
}

// collected ends a rest, or allows as much garbage as what is in use now asks
// for.
func (k *keeper) collected(serial int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.stopped || serial != k.armed:
		return
	case k.resting:
		k.workLocked()
	default:
		k.paceLocked()
	}
	k.armLocked()
}

// looked comes to rest if there was next to no work since the last look.
func (k *keeper) looked() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stopped || k.resting {
		return
	}
	if k.heap.allocated()-k.seen > littleWork {
		k.workLocked()
		return
	}
	k.resting, k.growth = true, 0
	k.heap.rest(restRoom)
	k.armLocked()
}

func (k *keeper) stop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stopped = true
	k.paceLocked()
}

// processHeap is the heap of this process.
type processHeap struct {
	limit int64 // what the operator allows by GOMEMLIMIT
}

const (
	allocatedMetric = "/gc/heap/allocs:bytes"
	liveMetric      = "/gc/heap/live:bytes"
	mappedMetric    = "/memory/classes/total:bytes"
	releasedMetric  = "/memory/classes/heap/released:bytes"
)

func readMetric(name string) uint64 {
	sample := [1]metrics.Sample{{Name: name}}
	metrics.Read(sample[:])
	return sample[0].Value.Uint64()
}

func (processHeap) allocated() uint64 { return readMetric(allocatedMetric) }

func (processHeap) live() uint64 { return readMetric(liveMetric) }

func (h processHeap) pace(growth int, most int64) {
	debug.SetMemoryLimit(min(h.limit, most))
	debug.SetGCPercent(growth)
}

func (h processHeap) rest(room int64) {
	// Pools keep what they have over one collection.
	runtime.GC()
	debug.FreeOSMemory()
	debug.SetMemoryLimit(min(h.limit, int64(readMetric(mappedMetric)-readMetric(releasedMetric))+room))
	// Without a pace there is no collection by the clock either.
	debug.SetGCPercent(-1)
}

func (processHeap) collected(f func()) {
	// The next collection finds that nobody has this value.
	runtime.AddCleanup(new(sentinel), func(f func()) { f() }, f)
}

// A sentinel tells by its end that there was a collection. It has a size, and a
// pointer, so that it shares its memory with nothing.
type sentinel struct{ _ *sentinel }
