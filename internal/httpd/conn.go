package httpd

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"example.org/twiddler/ext"
)

// What a client may take of us.
const (
	maxHead      = 64 << 10 // bytes of a request's head
	defaultBody  = 32 << 20 // bytes of a request's body; the original has no bound
	defaultConns = 1024     // connections at once
	headTimeout  = 30 * time.Second
	bodyTimeout  = 30 * time.Second // for a body, and a second more for each bodyRate bytes
	bodyRate     = 64 << 10
	// A client must take a piece of its answer within pieceTimeout. A stream
	// holds nothing but a descriptor, and its reader may be a pager, so it gets
	// longer.
	pieceSize     = 64 << 10
	pieceTimeout  = time.Minute
	streamTimeout = 10 * time.Minute
)

// A conn is a connection whose writes have to get on.
type conn struct {
	lazyConn
	patience atomic.Int64  // for one piece; a time.Duration
	latest   time.Time     // the write deadline; only Write touches it
	idle     atomic.Uint64 // since when it waits for a request, in UnixNano; 0 if it does not
	closed   func()
	once     sync.Once

	// Who is at the other end. Set before the first request.
	uid, gid, pid int // on a unix socket; -1 if it is not known
	address       string
	plain         bool // the context has the caller already, for a server that is plain
}

// Write gives the client its time for each piece. It has one caller at a time,
// as net/http's connections do. A deadline that is far enough away is left as
// it is: an answer now and then would not notice the difference. A long answer
// is handed over whole, and has more time if a piece of it was taken in its
// time.
func (c *conn) Write(p []byte) (n int, err error) {
	for {
		patience := time.Duration(c.patience.Load())
		now := time.Now()
		if left := c.latest.Sub(now); left < patience*3/4 || left > patience || len(p) > pieceSize {
			c.latest = now.Add(patience)
			if err := c.Conn.SetWriteDeadline(c.latest); err != nil {
				return n, err
			}
		}
		m, err := c.Conn.Write(p[n:])
		n += m
		if m >= pieceSize && errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		return n, err
	}
}

// CloseWrite lets net/http end an answer without breaking off the connection
// while the client still sends, which could cost it the answer.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

func (c *conn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.closed)
	return err
}

// A limitListener accepts no more than so many connections at once. When there
// are as many, the one that has waited longest for its next request gives way;
// while none waits, new ones queue in the system.
type limitListener struct {
	net.Listener
	slots  chan struct{} // one element for each connection
	closed chan struct{}
	once   sync.Once

	full   atomic.Bool   // Accept looks for a connection to close
	turns  atomic.Uint64 // counts connections that become idle: a clock that costs less
	idling chan struct{} // capacity 1: one has become idle

	mu    sync.Mutex
	conns map[*conn]struct{} // guarded by mu
}

func newLimitListener(l net.Listener, limit int) *limitListener {
	if limit <= 0 {
		limit = defaultConns
	}
	return &limitListener{
		Listener: l,
		slots:    make(chan struct{}, limit),
		closed:   make(chan struct{}),
		idling:   make(chan struct{}, 1),
		conns:    map[*conn]struct{}{},
	}
}

func (l *limitListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if !l.admit() {
		_ = nc.Close()
		return nil, net.ErrClosed
	}
	c := &conn{lazyConn: lazyConn{Conn: nc}}
	c.patience.Store(int64(pieceTimeout))
	c.closed = func() {
		l.mu.Lock()
		delete(l.conns, c)
		l.mu.Unlock()
		<-l.slots
	}
	l.mu.Lock()
	l.conns[c] = struct{}{}
	l.mu.Unlock()
	return c, nil
}

// admit waits for a slot. It reports false if the listener was closed.
func (l *limitListener) admit() bool {
	select {
	case l.slots <- struct{}{}:
		return true
	default:
	}
	l.full.Store(true)
	defer l.full.Store(false)
	for {
		l.closeIdle()
		select {
		case l.slots <- struct{}{}:
			return true
		case <-l.idling:
		case <-l.closed:
			return false
		}
	}
}

// closeIdle closes the connection that has been idle for longest.
func (l *limitListener) closeIdle() {
	l.mu.Lock()
	var oldest *conn
	since := uint64(0)
	for c := range l.conns {
		if t := c.idle.Load(); t != 0 && (oldest == nil || t < since) {
			oldest, since = c, t
		}
	}
	l.mu.Unlock()
	if oldest != nil {
		_ = oldest.Close() // its owner sees the error
	}
}

// closeAll closes every connection there is.
func (l *limitListener) closeAll() {
	l.mu.Lock()
	conns := slices.Collect(maps.Keys(l.conns))
	l.mu.Unlock()
	for _, c := range conns {
		_ = c.Close() // its owner sees the error
	}
}

// note is the server's ConnState.
func (l *limitListener) note(nc net.Conn, state http.ConnState) {
	c := connOf(nc)
	if c == nil {
		return
	}
	if state != http.StateIdle {
		c.idle.Store(0)
		return
	}
	c.idle.Store(l.turns.Add(1))
	if l.full.Load() {
		select {
		case l.idling <- struct{}{}:
		default:
		}
	}
}

func (l *limitListener) Close() error {
	err := error(nil)
	l.once.Do(func() {
		close(l.closed)
		err = l.Listener.Close()
	})
	return err
}

// connKey is the key of a request's *conn in its context.
type connKey struct{}

// withConn is the context of a connection. On a plain server nobody but one
// caller gets past the authentication, so that the context can have it once
// for all requests.
func (s *Server) withConn(ctx context.Context, nc net.Conn) context.Context {
	c := connOf(nc)
	if c == nil {
		return ctx
	}
	c.uid, c.gid, c.pid = peer(c.Conn)
	if c.address = nc.RemoteAddr().String(); s.conf.Unix {
		c.address = s.conf.File
	}
	if c.plain = s.plain(); c.plain {
		who := ext.Caller{Role: ext.Admin}
		if s.own != nil {
			who = s.own.is
		}
		ctx = ext.WithCaller(ctx, s.at(c, who))
	}
	return context.WithValue(ctx, connKey{}, c)
}

// connOf is the connection of our listener below nc, nil if there is none.
func connOf(nc net.Conn) *conn {
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	c, _ := nc.(*conn)
	return c
}

// A body is a request's body that has to arrive in time, read or unread:
// net/http waits for one that a handler leaves alone.
type body struct {
	io.ReadCloser
	conn *conn
}

// bound begins the time in which a request's body has to arrive.
func (b *body) bound(r *http.Request) {
	c, ok := r.Context().Value(connKey{}).(*conn)
	if !ok {
		return // not of our listener
	}
	b.ReadCloser, b.conn = r.Body, c
	timeout := bodyTimeout + time.Duration(max(0, r.ContentLength)/bodyRate)*time.Second
	_ = c.setReadTimeout(timeout) // fails only on a closed connection, as the next read will
	r.Body = b
}

// Read ends the deadline with the body: it must not cut off a client that
// waits for its answer. After any other error it stays, since net/http tries
// to read the rest.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		_ = b.conn.SetReadDeadline(time.Time{}) // as above
	}
	return n, err
}
