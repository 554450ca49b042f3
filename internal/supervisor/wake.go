package supervisor

import (
	"container/heap"
	"time"
)

// wakeHeap orders the processes that want a Tick by when they want it.
type wakeHeap []*process

func (h wakeHeap) Len() int { return len(h) }

func (h wakeHeap) Less(i, j int) bool {
	if a, b := h[i].wake(), h[j].wake(); a != b {
		return a < b
	}
	if h[i].name.Group != h[j].name.Group {
		return h[i].name.Group < h[j].name.Group
	}
	return h[i].name.Process < h[j].name.Process
}

func (h wakeHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *wakeHeap) Push(x any) {
	p := x.(*process)
	p.index = len(*h)
	*h = append(*h, p)
}

func (h *wakeHeap) Pop() any {
	old := *h
	p := old[len(old)-1]
	old[len(old)-1] = nil
	p.index = -1
	*h = old[:len(old)-1]
	return p
}

// update puts p where its wake now belongs.
func (h *wakeHeap) update(p *process) {
	switch wanted := p.wake() != 0; {
	case !wanted && p.index >= 0:
		heap.Remove(h, p.index)
	case wanted && p.index >= 0:
		heap.Fix(h, p.index)
	case wanted:
		heap.Push(h, p)
	}
}

// earliest is the smaller of two wakes, of which 0 means never.
func earliest(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
