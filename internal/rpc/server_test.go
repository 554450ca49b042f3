package rpc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/level"
)

func post(t *testing.T, s *Server, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/RPC2", strings.NewReader(body))
	r.Header.Set("Content-Length", "0") // ContentLength is what counts
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func callOf(method string) string {
	return "<?xml version='1.0'?>\n<methodCall>\n<methodName>" + method + "</methodName>\n<params>\n</params>\n</methodCall>\n"
}

// Byte for byte what Supervisor 4.2.5 answers.
func TestGolden(t *testing.T) {
	t.Parallel()
	s := newWorld(t, programs).server
	const head = "<?xml version='1.0'?>\n<methodResponse>\n"
	for method, want := range map[string]string{
		"supervisor.getState": head + "<params>\n<param>\n<value><struct>\n" +
			"<member>\n<name>statecode</name>\n<value><int>1</int></value>\n</member>\n" +
			"<member>\n<name>statename</name>\n<value><string>RUNNING</string></value>\n</member>\n" +
			"</struct></value>\n</param>\n</params>\n</methodResponse>\n",
		"supervisor.getAPIVersion": head + "<params>\n<param>\n<value><string>3.0</string></value>\n</param>\n</params>\n</methodResponse>\n",
		"supervisor.nope": head + "<fault>\n<value><struct>\n" +
			"<member>\n<name>faultCode</name>\n<value><int>1</int></value>\n</member>\n" +
			"<member>\n<name>faultString</name>\n<value><string>UNKNOWN_METHOD</string></value>\n</member>\n" +
			"</struct></value>\n</fault>\n</methodResponse>\n",
	} {
		w := post(t, s, callOf(method))
		if got := w.Body.String(); got != want || w.Code != 200 || w.Header().Get("Content-Type") != "text/xml" {
			t.Errorf("%s: %d %v %q, want %q", method, w.Code, w.Header(), got, want)
		}
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t, programs)
	if err := w.server.add(Namespace{"odd", odd()}); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, body string
		status     int
		log        string
	}{
		{"not XML", "hello", 400, "ERRO XML-RPC request data 'hello' is invalid: unmarshallable"},
		{"empty", "", 400, "ERRO XML-RPC request data '' is invalid: unmarshallable"},
		{"cut off", callOf("supervisor.getState")[:60], 400, "is invalid: unmarshallable"},
		{"long", "<" + strings.Repeat("y", 300), 400, strings.Repeat("y", 255) + "'... is invalid: unmarshallable"},
		{"bad int", "<methodCall><methodName>supervisor.getState</methodName><params><param><value><int></int></value></param></params></methodCall>",
			400, "unmarshallable"},
		{"no method", "<methodCall></methodCall>", 400, "is invalid: no method name"},
		{"empty method", callOf(""), 400, "is invalid: no method name"},
		{"bad UTF-8", callOf("\xff"), 400, "unmarshallable"},
		{"fault", callOf("supervisor.startProcess"), 200, "TRAC XML-RPC method supervisor.startProcess() returned fault: [2] INCORRECT_PARAMETERS"},
		{"answer", callOf("supervisor.getPID"), 200, "TRAC XML-RPC method supervisor.getPID() returned successfully"},
		{"called", callOf("supervisor.getAPIVersion"), 200, "TRAC XML-RPC method called: supervisor.getAPIVersion()"},
		{"bug", callOf("odd.panic"), 500, "CRIT Handling XML-RPC request with data 'odd.panic' raised an unexpected exception: oh"},
		{"not encodable", callOf("odd.wrong"), 500, "raised an unexpected exception: cannot write a chan int"},
	}
	for _, tt := range tests {
		got := post(t, w.server, tt.body)
		if got.Code != tt.status {
			t.Errorf("%s: status %d, want %d", tt.name, got.Code, tt.status)
		}
		if _, ok := w.log.find(tt.log); !ok {
			t.Errorf("%s: %q is not in the log: %q", tt.name, tt.log, w.log.lines)
		}
	}
}

// Over a connection: what the head of a request decides.
func TestHeads(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(newWorld(t, programs).server)
	t.Cleanup(server.Close)
	call := callOf("supervisor.getAPIVersion")
	tests := []struct {
		name, request string
		status, size  int
	}{
		{"GET", "GET /RPC2 HTTP/1.1\r\nHost: x\r\n\r\n", 400, 136},
		{"PUT", "PUT /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 400, 136},
		{"lower case", "post /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 400, 136},
		{"no length", "POST /RPC2 HTTP/1.1\r\nHost: x\r\n\r\n", 411, 140},
		{"length 0", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 400, 136},
		{"chunked", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411, 140},
		{"1.0", fmt.Sprintf("POST /RPC2 HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s", len(call), call), 200, -1},
	}
	for _, tt := range tests {
		c, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, tt.request); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != tt.status || tt.size >= 0 && len(body) != tt.size {
			t.Errorf("%s: %d, %d bytes, %v; want %d, %d bytes", tt.name, resp.StatusCode, len(body), err, tt.status, tt.size)
		}
		_ = c.Close()
	}
}

// slowly gives a body in pieces.
type slowly struct{ io.Reader }

func (s slowly) Read(p []byte) (int, error) { return s.Reader.Read(p[:min(len(p), 1000)]) }

func TestReadBody(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, firstRead, firstRead + 1, 5 * firstRead} {
		text := strings.Repeat("x", size)
		r := httptest.NewRequest(http.MethodPost, "/", slowly{strings.NewReader(text + "more")})
		r.ContentLength = int64(size)
		if got, err := readBody(nil, r); err != nil || string(got) != text {
			t.Errorf("a body of %d bytes: %d bytes, %v", size, len(got), err)
		}
		r = httptest.NewRequest(http.MethodPost, "/", slowly{strings.NewReader(text)})
		r.ContentLength = 1 << 40
		got, err := readBody(nil, r)
		if !errors.Is(err, io.ErrUnexpectedEOF) || len(got) != size || cap(got) > 2*max(size, firstRead) {
			t.Errorf("a body cut off after %d bytes: %d of %d bytes, %v", size, len(got), cap(got), err)
		}
	}
}

// Nobody is told of a call whose client has gone, nor is it a fault.
func TestClientGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, programs)
	called := make(chan struct{})
	wait := ext.Bind0(ext.Method{Name: "wait", Signature: []string{"nil"}, Role: ext.View}, func(ctx context.Context) (any, error) {
		close(called)
		<-ctx.Done()
		return nil, ctx.Err()
	})
	if err := w.server.add(Namespace{"x", []ext.Method{wait}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	go func() {
		<-called
		cancel()
	}()
	defer func() {
		if failure := recover(); failure != http.ErrAbortHandler {
			t.Errorf("recovered %v, want http.ErrAbortHandler", failure)
		}
		if line, ok := w.log.find("CRIT"); ok {
			t.Errorf("logged %q", line)
		}
	}()
	r := httptest.NewRequest(http.MethodPost, "/RPC2", strings.NewReader(callOf("x.wait")))
	w.server.ServeHTTP(httptest.NewRecorder(), r.WithContext(ctx))
}

// A sink is an http.ResponseWriter that keeps nothing.
type sink struct{ header http.Header }

func (s sink) Header() http.Header         { return s.header }
func (s sink) Write(p []byte) (int, error) { return len(p), nil }
func (s sink) WriteHeader(int)             {}

func BenchmarkServeHTTP(b *testing.B) {
	s, err := NewServer(quiet{}, []Namespace{{"x", []ext.Method{
		ext.Bind0(ext.Method{Name: "y", Signature: []string{"struct"}, Role: ext.View}, func(context.Context) (any, error) {
			return moodAnswer(1), nil
		}),
	}}})
	if err != nil {
		b.Fatal(err)
	}
	text := callOf("x.y")
	body := strings.NewReader(text)
	r := httptest.NewRequest(http.MethodPost, "/RPC2", io.NopCloser(body))
	r.ContentLength = int64(len(text))
	w := sink{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		body.Reset(text)
		s.ServeHTTP(w, r)
	}
}

// quiet is a log that wants nothing.
type quiet struct{}

func (quiet) Log(level.Level, string)  {}
func (quiet) Enabled(level.Level) bool { return false }
