package childlog

import (
	"bufio"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The form is the C library's: priority, time, ident.
const syslogForm = `^<14>[A-Z][a-z]{2} [ 123]\d \d\d:\d\d:\d\d prog: `

func TestSyslog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	s := NewSyslog("prog", path)
	defer s.Close()
	s.Send("nobody is there")
	flush(t, s)
	if got := s.Dropped(); got != 1 {
		t.Errorf("Dropped() = %d, want 1", got)
	}
	for range 2 { // the receiver is restarted once
		l, err := net.ListenPacket("unixgram", path)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		s.Send("cat one\x00two")
		s.Send(strings.Repeat("x", 100000))
		buf := make([]byte, 1<<20)
		n, _, err := l.ReadFrom(buf)
		if want := regexp.MustCompile(syslogForm + `cat one two$`); err != nil || !want.Match(buf[:n]) {
			t.Errorf("received %q, %v, want %v", buf[:n], err, want)
		}
		n, _, err = l.ReadFrom(buf)
		if err != nil || n < syslogLine || n > syslogLine+100 {
			t.Errorf("received %d bytes, %v, want %d and a little", n, err, syslogLine)
		}
		flush(t, s)
		l.Close()
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Dropped(); got != 1 {
		t.Errorf("Dropped() = %d, want still 1", got)
	}
}

func TestSyslogStream(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := NewSyslog("prog", filepath.Join(t.TempDir(), "absent"), path)
	defer s.Close()
	s.Send("cat one")
	s.Send("cat two")
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	for _, want := range []string{"cat one", "cat two"} {
		got, err := r.ReadString(0)
		if err != nil || !regexp.MustCompile(syslogForm+want+"\x00$").MatchString(got) {
			t.Errorf("received %q, %v, want %s", got, err, want)
		}
	}
}

// A receiver that does not read holds nobody up.
func TestSyslogIsSlow(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	l, err := net.ListenPacket("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	s := NewSyslog("prog", path)
	line := strings.Repeat("x", 1000)
	const lines = 10000
	for range lines {
		s.Send(line)
	}
	l.Close() // ends the wait; the rest is dropped
	flush(t, s)
	if got := s.Dropped(); got == 0 || got > lines {
		t.Errorf("Dropped() = %d of %d", got, lines)
	}
}

func flush(t *testing.T, s *Syslog) {
	t.Helper()
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}
