//go:build !portable

package childlog

import "golang.org/x/sys/unix"

// Finish says that the child is dead: what is in its pipes now, at most 1 MiB
// for each, goes to the streams, then pipes and streams are closed, then done
// is called on the pump's goroutine (on another one after Close). Nil pipes
// are skipped. It does not wait for any of this.
func (p *Pump) Finish(pipes []*Pipe, done func()) {
	finish := func() {
		for _, pipe := range pipes {
			if pipe != nil {
				p.drain(pipe)
			}
		}
		done()
	}
	if !p.post(finish) {
		go done() // ends with done; all pipes are closed already
	}
}

// FinishEmpty is Finish for a child that has left nothing: if the pipes are
// empty, and their streams neither hold back nor report anything, it answers
// true, all that the child has written is in its logs, and the pump closes
// pipes and streams soon. Otherwise it does nothing. It waits for nothing, not
// even for the pump.
func (p *Pump) FinishEmpty(pipes []*Pipe) bool {
	open := false
	for _, pipe := range pipes {
		if pipe == nil {
			continue
		}
		if !pipe.mu.TryLock() {
			return false
		}
		empty := pipe.emptyLocked()
		open = open || pipe.fd >= 0
		pipe.mu.Unlock()
		if !empty {
			return false
		}
	}
	if open {
		p.post(func() {
			for _, pipe := range pipes {
				if pipe != nil {
					p.close(pipe)
				}
			}
		})
	}
	return true
}

func (pipe *Pipe) emptyLocked() bool {
	if !pipe.stream.plain() {
		return false
	}
	if pipe.fd < 0 {
		return true
	}
	n, err := unix.IoctlGetInt(pipe.fd, unix.TIOCINQ)
	return err == nil && n == 0
}

// drain reads what is in the pipe of a dead child, and closes it.
func (p *Pump) drain(pipe *Pipe) {
	pipe.mu.Lock()
	defer pipe.mu.Unlock()
	pipe.sayLocked()
	for total := 0; pipe.fd >= 0 && total < finishBytes; {
		n, _ := readLocked(pipe, p.buf)
		if n == 0 {
			break
		}
		total += n
	}
	p.closeLocked(pipe)
}
