package httpd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/level"
)

// A testLog keeps what is logged and tells of each line.
type testLog struct {
	mu    sync.Mutex
	lines []string
	news  chan struct{}
}

func newLog() *testLog { return &testLog{news: make(chan struct{}, 1)} }

func (l *testLog) Enabled(level.Level) bool { return true }

func (l *testLog) Log(lv level.Level, text string) {
	l.mu.Lock()
	l.lines = append(l.lines, lv.String()+" "+text)
	l.mu.Unlock()
	select {
	case l.news <- struct{}{}:
	default:
	}
}

func (l *testLog) find(part string) (string, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.Contains(line, part) {
			return line, true
		}
	}
	return "", false
}

// await returns the first line with part in it, once there is one.
func (l *testLog) await(t *testing.T, part string) string {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		if line, ok := l.find(part); ok {
			return line
		}
		select {
		case <-l.news:
		case <-deadline:
			t.Fatalf("no line with %q in the log: %q", part, l.lines)
		}
	}
}

var hello = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.Path, data)
})

// serve runs a server on a unix socket until the end of the test.
func serve(t *testing.T, c config.Server, o Options, routes func(*Server)) *Server {
	t.Helper()
	if o.Log == nil {
		o.Log = newLog()
	}
	c.Unix, c.Mode, c.UID, c.GID = true, 0o700, -1, -1
	if c.File == "" {
		c.File = filepath.Join(t.TempDir(), "s.sock")
	}
	s, err := Listen(c, o)
	if err != nil {
		t.Fatal(err)
	}
	routes(s)
	run(t, s)
	return s
}

// run runs s until the end of the test.
func run(t *testing.T, s *Server) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- s.Run() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = s.Close(ctx) // may have been closed
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// A client is one connection.
type client struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

func dial(t *testing.T, s *Server) *client {
	t.Helper()
	c, err := net.Dial(s.Addr().Network(), s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &client{t, c, bufio.NewReader(c)}
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
}

// answer reads one whole answer.
func (c *client) answer() (*http.Response, string) {
	c.t.Helper()
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.t.Fatalf("no answer: %v", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("answer is not whole: %v", err)
	}
	return resp, string(body)
}

// closed fails unless the server closes the connection.
func (c *client) closed() {
	c.t.Helper()
	if b, err := c.r.ReadByte(); err == nil {
		c.t.Fatalf("got %q, want the connection closed", b)
	} else if ne, ok := err.(net.Error); ok && ne.Timeout() {
		c.t.Fatal("the connection is still open")
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	s := serve(t, config.Server{}, Options{}, func(s *Server) {
		s.Handle("/RPC2*", ext.View, hello)
		s.Handle("/", ext.View, hello)
		s.Handle("/tail.html", ext.View, hello)
	})
	tests := []struct {
		method, uri string
		status      int
		body        string
	}{
		{"GET", "/RPC2", 200, "GET /RPC2 "},
		{"GET", "/RPC2/", 200, "GET /RPC2/ "},
		{"GET", "/RPC2x", 200, "GET /RPC2x "},
		{"GET", "/RPC2/foo?bar", 200, "GET /RPC2/foo "},
		{"GET", "/%52PC2", 200, "GET /RPC2 "}, // decoded before it is matched
		{"GET", "/tail.html?processname=x", 200, "GET /tail.html "},
		{"GET", "//tail.html", 200, "GET //tail.html "},
		{"GET", "/tail.htmlx", 404, ""},
		{"GET", "/", 200, "GET / "},
		{"GET", "/nope", 404, ""},
		{"HEAD", "/nope", 404, ""},
		{"POST", "/RPC3", 400, ""},
		{"PUT", "/nope", 400, ""},
		{"OPTIONS", "*", 400, ""},
	}
	for _, tt := range tests {
		c := dial(t, s)
		c.send(tt.method + " " + tt.uri + " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
		resp, err := http.ReadResponse(c.r, &http.Request{Method: tt.method})
		if err != nil {
			t.Errorf("%s %s: %v", tt.method, tt.uri, err)
			continue
		}
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != tt.status || tt.body != "" && string(body) != tt.body {
			t.Errorf("%s %s: answered %d %q, want %d %q", tt.method, tt.uri, resp.StatusCode, body, tt.status, tt.body)
		}
		if got := resp.Header.Get("Server"); got != "Medusa/1.12" {
			t.Errorf("%s %s: Server is %q", tt.method, tt.uri, got)
		}
		if resp.Header.Get("Date") == "" {
			t.Errorf("%s %s: no Date", tt.method, tt.uri)
		}
	}
}

func TestRouteNeedsRole(t *testing.T) {
	t.Parallel()
	s := newServer(nil, config.Server{}, Options{Log: newLog()})
	for _, role := range []ext.Role{0, -1, ext.Admin + 1} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Handle accepted the role %d", role)
				}
			}()
			s.Handle("/x", role, hello)
		}()
	}
	if h, _ := s.route("/x"); h != nil {
		t.Error("a refused route is served")
	}
}

func TestRoleIsAsked(t *testing.T) {
	t.Parallel()
	lowly := NewAuthority([]config.Account{{Name: "x", UID: os.Getuid(), GID: -1, Role: ext.View}})
	s := serve(t, config.Server{}, Options{Authority: lowly}, func(s *Server) {
		s.Handle("/view", ext.View, hello)
		s.Handle("/admin", ext.Admin, hello)
	})
	for path, status := range map[string]int{"/view": 200, "/admin": 403} {
		c := dial(t, s)
		c.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
		if resp, _ := c.answer(); resp.StatusCode != status {
			t.Errorf("GET %s: answered %d, want %d", path, resp.StatusCode, status)
		}
	}
}

func TestAuthentication(t *testing.T) {
	t.Parallel()
	pack := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	const sha = "{SHA}6367c48dd193d56ea7b0baad25b19455e529f5ee" // of abc123
	tests := []struct {
		password, header string
		status           int
	}{
		{"abc123", "", 401},
		{"abc123", "Authorization: Basic " + pack("u:abc123"), 200},
		{"abc123", "authorization: bAsIc " + pack("u:abc123"), 200},
		{"abc123", "Authorization: Basic " + pack("u:abc124"), 401},
		{"abc123", "Authorization: Basic " + pack("v:abc123"), 401},
		{"abc123", "Authorization: Basic " + pack("u:"), 401},
		{"abc123", "Authorization: Basic " + pack("u:abc1234"), 401},
		{"abc123", "Authorization: Digest " + pack("u:abc123"), 401},
		{"abc123", "Authorization: Basic", 400},
		{"abc123", "Authorization: Basic !!!", 400},
		{"abc123", "Authorization: Basic " + pack("uabc123"), 400},
		{"a:b", "Authorization: Basic " + pack("u:a:b"), 200},
		{sha, "Authorization: Basic " + pack("u:abc123"), 200},
		{sha, "Authorization: Basic " + pack("u:"+sha), 401},
		{strings.ToUpper(sha), "Authorization: Basic " + pack("u:abc123"), 401}, // compared in lower case only
		{"", "Authorization: Basic " + pack("u:"), 200},
		{"", "Authorization: Basic " + pack("u:x"), 401},
	}
	for _, tt := range tests {
		s := newServer(nil, config.Server{Username: "u", Password: tt.password}, Options{Log: newLog()})
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET / HTTP/1.1\r\nHost: x\r\n" + tt.header + "\r\n\r\n")))
		if tt.header == "" {
			r, err = http.NewRequest(http.MethodGet, "/", nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		got := 200
		switch _, _, err := s.admit(r); err {
		case errNoCredentials:
			got = 401
		case errMalformed:
			got = 400
		}
		if got != tt.status {
			t.Errorf("password %q, %q: %d, want %d", tt.password, tt.header, got, tt.status)
		}
	}
}

// What a stranger gets is the same on every path, and byte for byte that of
// Supervisor 4.2.5 but for the order of headers.
func TestUnauthorized(t *testing.T) {
	t.Parallel()
	log := newLog()
	s := serve(t, config.Server{Username: "u", Password: "p"}, Options{Log: log}, func(s *Server) {
		s.Handle("/RPC2*", ext.View, hello)
	})
	for _, path := range []string{"/RPC2", "/nope", "/"} {
		c := dial(t, s)
		c.send("POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
		resp, body := c.answer()
		if resp.StatusCode != 401 || len(body) != 137 || !strings.Contains(body, "<p>Message: Unauthorized.\r\n") {
			t.Errorf("POST %s: answered %d %q", path, resp.StatusCode, body)
		}
		if got := resp.Header.Get("WWW-Authenticate"); got != `Basic realm="default"` {
			t.Errorf("POST %s: WWW-Authenticate is %q", path, got)
		}
		if !resp.Close {
			t.Errorf("POST %s: no Connection: close", path)
		}
		c.closed()
	}
	if line, ok := log.find("without any HTTP"); ok {
		t.Errorf("logged %q about a server with a username", line)
	}
}

func TestOpenServerIsLogged(t *testing.T) {
	t.Parallel()
	log := newLog()
	newServer(nil, config.Server{Section: "unix_http_server"}, Options{Log: log})
	log.await(t, "CRIT Server 'unix_http_server' running without any HTTP authentication checking")
}

func TestPanic(t *testing.T) {
	t.Parallel()
	log := newLog()
	s := serve(t, config.Server{}, Options{Log: log}, func(s *Server) {
		s.Handle("/before", ext.View, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oh") }))
		s.Handle("/after", ext.View, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half")
			panic("no")
		}))
	})
	c := dial(t, s)
	c.send("GET /before HTTP/1.1\r\nHost: x\r\n\r\n")
	if resp, body := c.answer(); resp.StatusCode != 500 || len(body) != 146 {
		t.Errorf("answered %d %q, want the page for 500", resp.StatusCode, body)
	}
	if line := log.await(t, "Server Error: oh"); !strings.Contains(line, "httpd.TestPanic") {
		t.Errorf("no stack in %q", line)
	}
	c = dial(t, s)
	c.send("GET /after HTTP/1.1\r\nHost: x\r\n\r\n")
	resp, err := http.ReadResponse(c.r, nil)
	if err == nil {
		_, err = io.ReadAll(resp.Body)
	}
	if err == nil {
		t.Error("an answer that was cut off looks whole")
	}
	log.await(t, "Server Error: no")
}

func TestAccessLine(t *testing.T) {
	t.Parallel()
	log := newLog()
	s := serve(t, config.Server{}, Options{Log: log}, func(s *Server) { s.Handle("/RPC2*", ext.View, hello) })
	c := dial(t, s)
	c.send("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab")
	c.answer()
	line := log.await(t, "TRAC localhost:0 - - [")
	if !strings.HasSuffix(line, `] "POST /RPC2 HTTP/1.1" 200 13`) {
		t.Errorf("logged %q", line)
	}
}

func TestRefusedBodies(t *testing.T) {
	t.Parallel()
	s := serve(t, config.Server{}, Options{Body: 10}, func(s *Server) { s.Handle("/RPC2*", ext.View, hello) })
	tests := []struct {
		name, head string
		status     int
	}{
		{"chunked", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 411},
		{"too long", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n01234567890", 413},
		{"huge length", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 9223372036854775807\r\n\r\n", 413},
		{"no number", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n", 400},
		{"two lengths", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
		{"no request", "nonsense\r\n\r\n", 400},
		{"long head", "GET /RPC2 HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 80<<10) + "\r\n\r\n", 431},
	}
	for _, tt := range tests {
		c := dial(t, s)
		// The server may answer, and close, before it has taken all of it.
		go func() { _, _ = io.WriteString(c, tt.head) }()
		if resp, _ := c.answer(); resp.StatusCode != tt.status {
			t.Errorf("%s: answered %d, want %d", tt.name, resp.StatusCode, tt.status)
		}
		c.closed()
	}
}

func TestKeepAliveAndPipelining(t *testing.T) {
	t.Parallel()
	s := serve(t, config.Server{}, Options{}, func(s *Server) { s.Handle("/RPC2*", ext.View, hello) })
	c := dial(t, s)
	var all bytes.Buffer
	for i := range 3 {
		fmt.Fprintf(&all, "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n%d", i)
	}
	c.send(all.String())
	for i := range 3 {
		if _, body := c.answer(); body != fmt.Sprintf("POST /RPC2 %d", i) {
			t.Errorf("answer %d is %q", i, body)
		}
	}
	c.send("GET /RPC2 HTTP/1.0\r\n\r\n")
	if resp, _ := c.answer(); !resp.Close {
		t.Error("a connection of HTTP/1.0 is kept open")
	}
	c.closed()
}
