package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"example.org/twiddler/internal/xmlrpc"
)

// A caller sends requests over one connection and does as little as possible
// with the answers: it shares the machine with the server.
type caller struct {
	socket string
	conn   net.Conn
	in     *bufio.Reader
	body   []byte
	last   bool // the server closes after this answer
}

func dial(socket string) (*caller, error) {
	c := &caller{socket: socket}
	return c, c.connect()
}

func (c *caller) connect() error {
	conn, err := net.Dial("unix", c.socket)
	if err != nil {
		return err
	}
	c.conn, c.in, c.last = conn, bufio.NewReaderSize(conn, 64<<10), false
	return nil
}

func (c *caller) close() { c.conn.Close() }

// request is the bytes of one call.
func request(method string, params ...any) ([]byte, error) {
	body, err := xmlrpc.AppendCall(nil, method, params...)
	if err != nil {
		return nil, err
	}
	head := fmt.Sprintf("POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n", len(body))
	return append([]byte(head), body...), nil
}

// call sends a request and returns the body of its answer, valid until the
// next call.
func (c *caller) call(request []byte) ([]byte, error) {
	if c.last {
		c.close()
		if err := c.connect(); err != nil {
			return nil, err
		}
	}
	if err := c.conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return nil, err
	}
	if _, err := c.conn.Write(request); err != nil {
		return nil, err
	}
	length, err := c.head()
	if err != nil {
		return nil, err
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	c.body = c.body[:length]
	_, err = io.ReadFull(c.in, c.body)
	return c.body, err
}

// head reads a response up to its body.
func (c *caller) head() (length int, err error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if !bytes.Contains(line, []byte(" 200 ")) {
		return 0, fmt.Errorf("the server answers %q", line)
	}
	length = -1
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		name, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte(": "))
		switch {
		case len(name) == 0 && (length < 0 || length > 64<<20):
			return 0, errors.New("an answer without length")
		case len(name) == 0:
			return length, nil
		case bytes.EqualFold(name, []byte("content-length")):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, err
			}
		case bytes.EqualFold(name, []byte("connection")):
			c.last = bytes.EqualFold(value, []byte("close"))
		}
	}
}

// once makes one call over a connection of its own.
func once(socket, method string, params ...any) ([]byte, error) {
	r, err := request(method, params...)
	if err != nil {
		return nil, err
	}
	c, err := dial(socket)
	if err != nil {
		return nil, err
	}
	defer c.close()
	return c.call(r)
}

// A loadResult is what clients saw that called as fast as they could.
type loadResult struct {
	rate float64 // answers a second
	p99  float64 // milliseconds
}

// load has clients call for a while. Each answer goes to check.
func load(ctx context.Context, socket string, clients int, window time.Duration, request []byte, check func([]byte) error) (loadResult, error) {
	times, errs := make([]sample, clients), make([]error, clients)
	callers := make([]*caller, clients)
	for i := range callers {
		c, err := dial(socket)
		if err != nil {
			return loadResult{}, err
		}
		defer c.close()
		callers[i] = c
	}
	var all sync.WaitGroup
	begun := time.Now()
	end := begun.Add(window)
	for i, c := range callers {
		all.Go(func() {
			for at := time.Now(); at.Before(end) && ctx.Err() == nil; {
				body, err := c.call(request)
				if err == nil {
					err = check(body)
				}
				if err != nil {
					errs[i] = err
					return
				}
				now := time.Now()
				times[i] = append(times[i], now.Sub(at).Seconds()*1e3)
				at = now
			}
		})
	}
	all.Wait()
	took := time.Since(begun)
	var together sample
	for _, t := range times {
		together = append(together, t...)
	}
	if err := errors.Join(append(errs, ctx.Err())...); err != nil {
		return loadResult{}, err
	}
	return loadResult{float64(len(together)) / took.Seconds(), together.quantile(0.99)}, nil
}

// same is a check for answers that never change.
func same(want []byte) func([]byte) error {
	want = bytes.Clone(want)
	return func(got []byte) error {
		if !bytes.Equal(got, want) {
			return fmt.Errorf("the answer is %.200q, want %.200q", got, want)
		}
		return nil
	}
}
