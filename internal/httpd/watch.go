package httpd

import "time"

// lookInterval is how often to look at a file that the system does not watch
// for us.
const lookInterval = 5 * time.Second

// A fileWatch waits for a change of one file: of its links, its name, its mode
// or its owner.
type fileWatch interface {
	// wait returns true when the file may have changed since the watch was
	// made, false when done was closed.
	wait(done <-chan struct{}) bool
	close()
}

// An intervalWatch looks now and then, where the system cannot tell.
type intervalWatch struct{}

func (intervalWatch) wait(done <-chan struct{}) bool {
	t := time.NewTimer(lookInterval)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-done:
		return false
	}
}

func (intervalWatch) close() {}
