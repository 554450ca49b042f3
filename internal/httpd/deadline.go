package httpd

import (
	"net"
	"sync"
	"time"
)

// A lazyConn sets a read deadline when a read is about to wait, and not when it
// is told to. A request usually arrives in one piece, and then the bounds on
// its head and its body, set and taken back, would cost more than the answer.
type lazyConn struct {
	net.Conn

	mu      sync.Mutex
	reading bool          // guarded by mu
	wanted  time.Time     // guarded by mu; the deadline as the owner knows it
	timeout time.Duration // guarded by mu; in its place, if not 0: from the next read that waits
	set     time.Time     // guarded by mu; the one of the connection
}

// Read implements net.Conn. It has one caller at a time, as net/http's
// connections do.
func (c *lazyConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	c.reading = true
	err := c.applyLocked()
	c.mu.Unlock()
	n := 0
	if err == nil {
		n, err = c.Conn.Read(p)
	}
	c.mu.Lock()
	c.reading = false
	c.mu.Unlock()
	return n, err
}

// SetReadDeadline implements net.Conn. A read that waits already feels it.
func (c *lazyConn) SetReadDeadline(t time.Time) error {
	return c.change(t, 0)
}

// setReadTimeout is SetReadDeadline of a time from now. It may be later by as
// much as the data takes that is here already.
func (c *lazyConn) setReadTimeout(d time.Duration) error {
	return c.change(time.Time{}, d)
}

func (c *lazyConn) change(deadline time.Time, timeout time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wanted, c.timeout = deadline, timeout
	if !c.reading {
		return nil
	}
	return c.applyLocked()
}

// SetDeadline implements net.Conn.
func (c *lazyConn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.Conn.SetWriteDeadline(t)
}

func (c *lazyConn) applyLocked() error {
	if c.timeout > 0 {
		c.wanted, c.timeout = time.Now().Add(c.timeout), 0
	}
	if c.wanted.Equal(c.set) {
		return nil
	}
	c.set = c.wanted
	return c.Conn.SetReadDeadline(c.wanted)
}
