package childlog

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
)

// A budget bounds how many regular log files have a descriptor. Over it, the
// least recently written one is suspended: its next write opens it again. The
// bound holds between two calls; each goroutine in the midst of an open may
// have one descriptor more.
//
// A write of a file that is open leaves nothing but a stamp, so the files are
// in no order. When one has to go, the oldest eighth is looked for at once
// and then used up one by one, less those that are written meanwhile: eight
// files looked at for each that goes.
//
// Its mutex is taken under that of a File. Under both, another File's mutex
// is tried, never waited for: what is locked is in use and may stay open.
type budget struct {
	clock atomic.Uint64 // the last stamp

	mu      sync.Mutex // guards the fields below
	limit   int        // 0: none
	open    map[*File]struct{}
	victims []victim // the oldest is the last
}

// A victim is a file that may go, unless its stamp is another by now.
type victim struct {
	file  *File
	stamp uint64
}

// fewVictims is the least that is looked for at once: some may be in use.
const fewVictims = 16

// touch says that f has been written. The caller holds f.mu.
func (b *budget) touch(f *File) {
	// The file that has the last stamp needs no newer one: a child that
	// floods costs a load for each chunk.
	if f.stamp.Load() != b.clock.Load() {
		f.stamp.Store(b.clock.Add(1))
	}
}

// settle counts f in or out after something was done to it, and suspends
// others to make up for it. The caller holds f.mu.
func (b *budget) settle(f *File) {
	holds := f.target != nil && f.target.Suspendable()
	if holds == f.counted {
		return
	}
	f.counted = holds
	b.mu.Lock()
	defer b.mu.Unlock()
	if !holds {
		delete(b.open, f)
		return
	}
	f.stamp.Store(b.clock.Add(1))
	b.open[f] = struct{}{}
	b.trimLocked()
}

func (b *budget) setLimit(limit int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limit = limit
	b.trimLocked()
}

// shed suspends an eighth of the files that are open, whatever the limit, and
// reports whether there were any. The caller may hold one File's mutex.
func (b *budget) shed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := len(b.open)
	for len(b.open) > before-max(before/8, 1) && b.suspendLocked() {
	}
	return len(b.open) < before
}

func (b *budget) trimLocked() {
	for b.limit > 0 && len(b.open) > b.limit && b.suspendLocked() {
	}
}

// suspendLocked suspends the least recently written file that is not in use;
// false if there is none.
func (b *budget) suspendLocked() bool {
	if b.useLocked() {
		return true
	}
	b.chooseLocked()
	return b.useLocked()
}

// useLocked suspends the oldest victim that still may go.
func (b *budget) useLocked() bool {
	for last := len(b.victims) - 1; last >= 0; last-- {
		v := b.victims[last]
		b.victims[last] = victim{}
		b.victims = b.victims[:last]
		if v.file.stamp.Load() == v.stamp && b.tryLocked(v.file) {
			return true
		}
	}
	return false
}

func (b *budget) tryLocked(f *File) bool {
	if !f.mu.TryLock() {
		return false
	}
	defer f.mu.Unlock()
	if !f.counted || !f.target.Suspend() {
		return false
	}
	f.counted = false
	delete(b.open, f)
	return true
}

func (b *budget) chooseLocked() {
	all := make([]victim, 0, len(b.open))
	for f := range b.open {
		all = append(all, victim{f, f.stamp.Load()})
	}
	slices.SortFunc(all, func(x, y victim) int { return cmp.Compare(y.stamp, x.stamp) })
	n := min(max(len(all)/8, fewVictims), len(all))
	b.victims = append(b.victims[:0], all[len(all)-n:]...)
}
