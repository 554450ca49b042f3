package httpd

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/config"
)

// A pipeListener accepts connections that live in memory, which fake time
// works for. They have no buffer: a write takes until somebody reads.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (p *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipeListener) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (p *pipeListener) dial(t *testing.T) *client {
	t.Helper()
	ours, theirs := net.Pipe()
	p.conns <- theirs
	t.Cleanup(func() { _ = ours.Close() })
	return &client{t, ours, bufio.NewReader(ours)}
}

// inBubble runs f with a server in fake time.
func inBubble(t *testing.T, o Options, c config.Server, routes func(*Server), f func(t *testing.T, s *Server, p *pipeListener)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		o.Log = newLog()
		s := newServer(p, c, o)
		routes(s)
		run(t, s)
		f(t, s, p)
	})
}

// within fails unless f takes between least and most of fake time.
func within(t *testing.T, what string, least, most time.Duration, f func()) {
	t.Helper()
	start := time.Now()
	f()
	if took := time.Since(start); took < least || took > most {
		t.Errorf("%s took %v, want between %v and %v", what, took, least, most)
	}
}

func echo(s *Server) { s.Handle("/RPC2*", ext.View, hello) }

func TestSlowHead(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{}, config.Server{}, echo, func(t *testing.T, _ *Server, p *pipeListener) {
		for _, text := range []string{"", "POST /RPC2 HT", "POST /RPC2 HTTP/1.1\r\nHost: x\r\n"} {
			c := p.dial(t)
			within(t, "closing the connection", headTimeout, headTimeout+time.Second, func() {
				c.send(text)
				_, _ = io.Copy(io.Discard, c.r) // until it is closed
			})
		}
	})
}

func TestSlowBody(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{}, config.Server{}, echo, func(t *testing.T, _ *Server, p *pipeListener) {
		c := p.dial(t)
		within(t, "giving up a body", bodyTimeout, bodyTimeout+time.Second, func() {
			c.send("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
			_, _ = io.Copy(io.Discard, c.r)
		})
	})
}

// net/http reads what a handler left of the body before it answers; a stranger
// must not get to wait there.
func TestSlowBodyOfStranger(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{}, config.Server{Username: "u", Password: "p"}, echo, func(t *testing.T, _ *Server, p *pipeListener) {
		c := p.dial(t)
		within(t, "giving up a stranger", 0, bodyTimeout+time.Second, func() {
			c.send("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
			_, _ = io.Copy(io.Discard, c.r)
		})
	})
}

func TestLongBodyGetsTime(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{}, config.Server{}, echo, func(t *testing.T, _ *Server, p *pipeListener) {
		c := p.dial(t)
		c.send("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 10485760\r\n\r\n")
		go func() {
			for range 160 { // 64 KiB in a second
				time.Sleep(time.Second) // fake time
				_, _ = io.WriteString(c, strings.Repeat("x", 65536))
			}
		}()
		if resp, body := c.answer(); resp.StatusCode != 200 || len(body) != 10485760+len("POST /RPC2 ") {
			t.Errorf("answered %d and %d bytes", resp.StatusCode, len(body))
		}
	})
}

func TestClientThatNeverReads(t *testing.T) {
	t.Parallel()
	var failed chan error
	inBubble(t, Options{}, config.Server{}, func(s *Server) {
		failed = make(chan error, 1) // here, since it must belong to the bubble
		s.Handle("/big", ext.View, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, err := io.WriteString(w, strings.Repeat("x", 1<<20))
			failed <- err
		}))
	}, func(t *testing.T, _ *Server, p *pipeListener) {
		c := p.dial(t)
		within(t, "giving up a client", pieceTimeout, pieceTimeout+time.Second, func() {
			c.send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
			if err := <-failed; err == nil {
				t.Error("a write that nobody reads has no error")
			}
		})
	})
}

func TestSlowReaderGetsAll(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	inBubble(t, Options{}, config.Server{}, func(s *Server) {
		s.Handle("/big", ext.View, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat("x", size))
		}))
	}, func(t *testing.T, _ *Server, p *pipeListener) {
		c := p.dial(t)
		c.send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
		resp, err := http.ReadResponse(c.r, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for buf := make([]byte, 32<<10); err == nil; {
			time.Sleep(15 * time.Second) // fake time; the whole takes eight minutes
			var n int
			n, err = io.ReadFull(resp.Body, buf)
			got += n
		}
		if got != size {
			t.Errorf("got %d bytes, then %v; want %d", got, err, size)
		}
	})
}

// A call may wait for hours, and so may a connection between two calls.
func TestWaitingIsNotBounded(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{}, config.Server{}, func(s *Server) {
		s.Handle("/wait", ext.View, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body)
			select {
			case <-time.After(5 * time.Hour):
			case <-r.Context().Done():
			}
			hello(w, r)
		}))
	}, func(t *testing.T, _ *Server, p *pipeListener) {
		c := p.dial(t)
		for range 2 {
			within(t, "a long call", 5*time.Hour, 5*time.Hour+time.Second, func() {
				c.send("POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
				if resp, _ := c.answer(); resp.StatusCode != 200 {
					t.Errorf("answered %d, want 200", resp.StatusCode)
				}
			})
			time.Sleep(7 * time.Hour) // fake time
		}
	})
}

func TestHangUpEndsRequest(t *testing.T) {
	t.Parallel()
	var ended chan struct{}
	inBubble(t, Options{}, config.Server{}, func(s *Server) {
		ended = make(chan struct{}) // here, since it must belong to the bubble
		s.Handle("/wait", ext.View, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body)
			<-r.Context().Done()
			close(ended)
		}))
	}, func(t *testing.T, _ *Server, p *pipeListener) {
		c := p.dial(t)
		c.send("POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
		synctest.Wait()
		_ = c.Close()
		<-ended
	})
}

func TestHangUpInBody(t *testing.T) {
	t.Parallel()
	var ended chan error
	inBubble(t, Options{}, config.Server{}, func(s *Server) {
		ended = make(chan error, 1) // here, since it must belong to the bubble
		s.Handle("/wait", ext.View, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, err := io.ReadAll(r.Body)
			ended <- err
		}))
	}, func(t *testing.T, s *Server, p *pipeListener) {
		c := p.dial(t)
		c.send("POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\nabc")
		_ = c.Close()
		if err := <-ended; err == nil {
			t.Error("half a body looks whole")
		}
		synctest.Wait()
		if n := len(s.listener.conns); n != 0 {
			t.Errorf("%d connections are left", n)
		}
	})
}

func TestMaxConns(t *testing.T) {
	t.Parallel()
	var release chan struct{}
	inBubble(t, Options{MaxConns: 2}, config.Server{}, func(s *Server) {
		release = make(chan struct{}) // here, since it must belong to the bubble
		echo(s)
		s.Handle("/wait", ext.View, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	}, func(t *testing.T, _ *Server, p *pipeListener) {
		ask := func(c *client) {
			c.send("GET /RPC2 HTTP/1.1\r\nHost: x\r\n\r\n")
			c.answer()
			synctest.Wait()
			time.Sleep(time.Second) // fake time
		}
		first, second := p.dial(t), p.dial(t)
		ask(first)
		ask(second)
		third := p.dial(t)
		ask(third) // in the place of the first, which has been idle for longest
		first.closed()

		for _, c := range []*client{second, third} {
			c.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
		}
		synctest.Wait()
		fourth := p.dial(t)
		answered := make(chan struct{})
		go func() {
			ask(fourth)
			close(answered)
		}()
		synctest.Wait()
		select {
		case <-answered:
			t.Error("a third connection was served at once")
		default:
		}
		close(release) // second and third become idle, and the older one goes
		second.answer()
		third.answer()
		<-answered
	})
}

func TestCloseAnswersWhatIsOwed(t *testing.T) {
	t.Parallel()
	var release chan struct{}
	inBubble(t, Options{}, config.Server{}, func(s *Server) {
		release = make(chan struct{}) // here, since it must belong to the bubble
		echo(s)
		s.Handle("/wait", ext.View, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-release
			hello(w, r)
		}))
	}, func(t *testing.T, s *Server, p *pipeListener) {
		c := p.dial(t)
		c.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
		synctest.Wait()
		closed := make(chan error, 1)
		go func() { closed <- s.Close(t.Context()) }()
		synctest.Wait()
		other := p.dial(t) // the listener closes last
		other.send("GET /RPC2 HTTP/1.1\r\nHost: x\r\n\r\n")
		if resp, _ := other.answer(); resp.StatusCode != 200 || !resp.Close {
			t.Errorf("while closing: answered %d, close %v, want 200 and true", resp.StatusCode, resp.Close)
		}
		close(release)
		if _, body := c.answer(); body != "GET /wait " {
			t.Errorf("answered %q", body)
		}
		if err := <-closed; err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

func TestCloseIsBounded(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{}, config.Server{}, func(s *Server) {
		s.Handle("/wait", ext.View, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		}))
	}, func(t *testing.T, s *Server, p *pipeListener) {
		c := p.dial(t)
		c.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		within(t, "Close", 5*time.Second, 6*time.Second, func() {
			if err := s.Close(ctx); err == nil {
				t.Error("Close tells nothing of an answer it cut off")
			}
		})
		c.closed()
	})
}
