package childlog

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"time"

	"example.org/twiddler/internal/rotate"
)

const (
	syslogHead  = "<14>"     // facility user (1), level info (6), as Python's syslog.syslog
	syslogBytes = 1 << 20    // what may wait for the receiver
	syslogLine  = 32 << 10   // longer lines are cut; receivers cut them shorter still
	syslogStamp = time.Stamp // RFC 3164
)

// Syslog sends lines to the local syslog, through the socket that the C
// library uses. It connects when it must, and again after the receiver was
// restarted. A receiver that is slow has a queue of 1 MiB; beyond it, and
// while there is none, lines are dropped and counted. Safe for concurrent use.
type Syslog struct {
	ident string
	paths []string
	queue *rotate.Queue

	mu      sync.Mutex // guards the fields below; the queue's goroutine connects
	conn    net.Conn
	stream  bool // conn is a stream: a zero byte ends a message
	dropped uint64
}

// NewSyslog returns a sender whose lines bear ident, the base name of our
// argv[0]. It does not connect yet. The socket is at the first of paths that
// takes a connection; none mean the usual places.
func NewSyslog(ident string, paths ...string) *Syslog {
	if len(paths) == 0 {
		paths = []string{"/dev/log", "/var/run/syslog", "/var/run/log"}
	}
	s := &Syslog{ident: ident, paths: paths}
	s.queue = rotate.NewQueue(syslogTarget{s}, rotate.QueueOptions{
		Limit: syslogBytes, Whole: true,
		Lost: func(l rotate.Loss) { s.drop(uint64(l.Lines)) },
	})
	return s
}

// Send sends one line. It never waits.
func (s *Syslog) Send(line string) {
	line = strings.ReplaceAll(line, "\x00", " ") // it would end the message
	if len(line) > syslogLine {
		line = line[:syslogLine]
	}
	// The newline is for counting; it is not sent.
	s.queue.Write(append(s.message(line), '\n'))
}

// Dropped is the number of lines that were not sent. What has just been
// dropped may be counted with the next line only.
func (s *Syslog) Dropped() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped
}

// Flush waits until all lines are sent or dropped.
func (s *Syslog) Flush(ctx context.Context) error { return s.queue.Flush(ctx) }

// Close closes the connection. A later Send would connect again.
func (s *Syslog) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeLocked()
}

func (s *Syslog) message(line string) []byte {
	b := make([]byte, 0, len(line)+len(s.ident)+32)
	b = append(b, syslogHead...)
	b = time.Now().AppendFormat(b, syslogStamp)
	b = append(b, ' ')
	b = append(b, s.ident...)
	b = append(b, ": "...)
	return append(b, line...)
}

// send sends a message, with a new connection if the old one is broken.
func (s *Syslog) send(message []byte) error {
	var err error
	for range 2 {
		conn, stream, cerr := s.connect()
		if cerr != nil {
			return cerr
		}
		out := message
		if stream {
			out = append(message[:len(message):len(message)], 0)
		}
		if _, err = conn.Write(out); err == nil {
			return nil
		}
		s.Close()
	}
	return err
}

func (s *Syslog) connect() (conn net.Conn, stream bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		return s.conn, s.stream, nil
	}
	var errs []error
	for _, path := range s.paths {
		for _, network := range []string{"unixgram", "unix"} {
			conn, err := net.Dial(network, path)
			if err == nil {
				s.conn, s.stream = conn, network == "unix"
				return s.conn, s.stream, nil
			}
			errs = append(errs, err)
		}
	}
	return nil, false, errors.Join(errs...)
}

func (s *Syslog) closeLocked() {
	if s.conn != nil {
		_ = s.conn.Close()
		s.conn = nil
	}
}

func (s *Syslog) drop(lines uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped += lines
}

// syslogTarget is what the queue writes to: one message at a time.
type syslogTarget struct{ s *Syslog }

func (t syslogTarget) Write(p []byte) (int, error) {
	if err := t.s.send(p[:len(p)-1]); err != nil {
		t.s.drop(1)
	}
	return len(p), nil
}
