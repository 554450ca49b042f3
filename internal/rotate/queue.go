package rotate

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"
)

// itemBytes is how much small writes are gathered to. It is also the measure
// of progress: a target that does not take it in QueueOptions.Stall stalls.
const itemBytes = 16 << 10

// ErrSlow is the cause of what a Queue drops.
var ErrSlow = errors.New("nobody reads it fast enough")

// QueueOptions bound a Queue.
type QueueOptions struct {
	Limit int           // bytes that may wait; more are dropped
	Soft  int           // bytes at which Park asks producers to pause; 0 for Limit
	Stall time.Duration // how long a target may take nothing before nobody waits for it any longer
	Whole bool          // each Write becomes one write to the target, none are joined
	Lost  func(Loss)    // what was dropped, called between the writes around the gap; nil to forget

	// Together is asked how many bytes of writes that are Whole may be written
	// as one, if they wait anyway; nil for none. It is called by the queue's
	// goroutine between two writes.
	Together func() int64
}

// A Queue writes to a target that may block, from a goroutine that exists
// only while something is queued; it ends when all is written. Write never
// waits. Safe for concurrent use.
type Queue struct {
	w       io.Writer
	options QueueOptions

	mu       sync.Mutex // guards the fields below
	items    []item
	head     int    // items before it are done
	spare    []byte // a buffer to use again
	pending  int    // bytes in items and in the write under way
	lost     Loss   // dropped since the last item was queued
	running  bool
	stalled  bool
	progress int64    // items written so far
	parked   []func() // producers that wait for room
	timer    *time.Timer
	watch    int   // which setting of the timer counts
	seen     int64 // progress when it was set
}

// An item is bytes to write or something to do.
type item struct {
	data []byte
	do   func()
}

// NewQueue returns a queue before w. The result of w's writes is ignored:
// let it be something that deals with its own errors.
func NewQueue(w io.Writer, o QueueOptions) *Queue {
	if o.Soft == 0 {
		o.Soft = o.Limit
	}
	return &Queue{w: w, options: o}
}

// Write queues a copy of p, or drops it when the queue is full and answers
// false.
func (q *Queue) Write(p []byte) bool {
	if len(p) == 0 {
		return true
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	limit := q.options.Limit
	if q.stalled {
		limit = q.options.Soft
	}
	if q.pending > 0 && q.pending+len(p) > limit {
		q.lost = q.lost.Add(LossOf(p))
		return false
	}
	q.confessLocked()
	q.pending += len(p)
	if q.options.Whole {
		q.addLocked(p)
		return true
	}
	for part := range slices.Chunk(p, itemBytes) {
		q.addLocked(part)
	}
	return true
}

// addLocked queues p, with the last item if they fit into one.
func (q *Queue) addLocked(p []byte) {
	last := len(q.items) - 1
	if !q.options.Whole && last >= q.head && q.items[last].do == nil && len(q.items[last].data)+len(p) <= itemBytes {
		q.items[last].data = append(q.items[last].data, p...)
		return
	}
	data := append(q.spare, p...)
	q.spare = nil
	q.pushLocked(item{data: data})
}

// Do has fn called from the queue's goroutine after all that was queued
// before it. It may wait there, but not for this queue.
func (q *Queue) Do(fn func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.confessLocked()
	q.pushLocked(item{do: fn})
}

// Flush waits until all that is queued now is written.
func (q *Queue) Flush(ctx context.Context) error {
	q.mu.Lock()
	idle := !q.running && q.lost == Loss{}
	q.mu.Unlock()
	if idle {
		return nil
	}
	done := make(chan struct{})
	q.Do(func() { close(done) })
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Park tells a producer whether it should pause. If so it calls resume later,
// once, from another goroutine: when there is room, or when the target has
// stalled and it is no use to wait.
func (q *Queue) Park(resume func()) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stalled || q.pending < q.options.Soft {
		return false
	}
	q.parked = append(q.parked, resume)
	if q.timer == nil {
		q.watchLocked()
	}
	return true
}

// confessLocked queues the account of what was dropped.
func (q *Queue) confessLocked() {
	if q.lost == (Loss{}) {
		return
	}
	lost, tell := q.lost, q.options.Lost
	q.lost = Loss{}
	if tell != nil {
		q.pushLocked(item{do: func() { tell(lost) }})
	}
}

func (q *Queue) pushLocked(i item) {
	q.items = append(q.items, i)
	if !q.running {
		q.running = true
		go q.run()
	}
}

// run ends when there is nothing left to do. Flush waits for it.
func (q *Queue) run() {
	for {
		room := int64(0)
		if q.options.Together != nil {
			room = q.options.Together()
		}
		next, ok := q.next(room)
		if !ok {
			return
		}
		if next.do != nil {
			next.do()
			continue
		}
		_, _ = q.w.Write(next.data) // w deals with its own errors, see NewQueue
		for _, resume := range q.written(next.data) {
			resume()
		}
	}
}

// next takes the first item and, while they fit into room, those that follow.
func (q *Queue) next(room int64) (item, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.head == len(q.items) {
		q.items, q.head, q.spare, q.running = nil, 0, nil, false
		return item{}, false
	}
	i := q.takeLocked()
	for room = min(room, itemBytes); i.do == nil && q.head < len(q.items); {
		next := q.items[q.head]
		if next.do != nil || int64(len(i.data)+len(next.data)) > room {
			break
		}
		i.data = append(i.data, q.takeLocked().data...)
	}
	if q.head > 64 && q.head*2 > len(q.items) {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	return i, true
}

func (q *Queue) takeLocked() item {
	i := q.items[q.head]
	q.items[q.head] = item{}
	q.head++
	return i
}

// written accounts for data and returns the producers that may go on.
func (q *Queue) written(data []byte) []func() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pending -= len(data)
	q.progress++
	q.stalled = false
	if cap(data) <= itemBytes {
		q.spare = data[:0]
	}
	if q.pending > q.options.Soft/2 {
		return nil
	}
	return q.unparkLocked()
}

func (q *Queue) unparkLocked() []func() {
	if q.timer != nil {
		q.timer.Stop()
		q.timer = nil
		q.watch++
	}
	parked := q.parked
	q.parked = nil
	return parked
}

// watchLocked has progress looked at after the time of a stall.
func (q *Queue) watchLocked() {
	q.seen = q.progress
	q.watch++
	watch := q.watch
	q.timer = time.AfterFunc(q.options.Stall, func() { q.checkStall(watch) })
}

// checkStall gives up waiting if nothing was written since the watch began.
func (q *Queue) checkStall(watch int) {
	q.mu.Lock()
	if watch != q.watch {
		q.mu.Unlock() // fired while it was being stopped
		return
	}
	var parked []func()
	if q.progress == q.seen {
		q.stalled = true
		parked = q.unparkLocked()
	} else {
		q.watchLocked()
	}
	q.mu.Unlock()
	for _, resume := range parked {
		resume()
	}
}
