package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/xmlrpc"
)

// answer is a server that answers every call with v.
func answer(t *testing.T, v any) http.HandlerFunc {
	doc, err := xmlrpc.AppendResponse(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(doc) }
}

func newClient(t *testing.T, url string, options ...Option) *Client {
	t.Helper()
	c, err := New(url, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func serve(t *testing.T, handler http.Handler, options ...Option) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return newClient(t, server.URL, options...)
}

// socketPath is short enough for a unix socket, unlike t.TempDir's.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "client")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s.sock")
}

func TestRequest(t *testing.T) {
	t.Parallel()
	type request struct{ method, path, user, password, contentType, body string }
	var got request
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		user, password, _ := r.BasicAuth()
		got = request{r.Method, r.URL.Path, user, password, r.Header.Get("Content-Type"), string(body)}
		answer(t, 7)(w, r)
	}), Credentials("me", "a:b"))
	v, err := c.Call(t.Context(), "a.b", "x", 1)
	if err != nil || v != 7 {
		t.Fatalf("Call = %v, %v, want 7", v, err)
	}
	body, _ := xmlrpc.AppendCall(nil, "a.b", "x", 1)
	if want := (request{"POST", "/RPC2", "me", "a:b", "text/xml", string(body)}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if _, err := c.Call(t.Context(), "a.b", struct{}{}); err == nil {
		t.Error("a parameter without wire form is no error")
	}
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	c := newClient(t, "unix://"+path)
	_, err := c.GetState(t.Context())
	if !errors.Is(err, ErrNoSocket) || errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "cannot reach unix://"+path+": ") {
		t.Errorf("no socket: %v", err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: answer(t, map[string]any{"statecode": 1, "statename": "RUNNING"})}}
	server.Start()
	got, err := c.GetState(t.Context())
	if err != nil || got != (ServerState{1, "RUNNING"}) {
		t.Errorf("GetState = %v, %v", got, err)
	}
	server.Close()
	if _, err = c.GetState(t.Context()); !errors.Is(err, ErrRefused) || errors.Is(err, ErrNoSocket) {
		t.Errorf("stale socket: %v", err)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(nil)
	url := strings.Replace(server.URL, "http://", "http://me:secret@", 1)
	server.Close()
	_, err := newClient(t, url).GetPID(t.Context())
	if !errors.Is(err, ErrRefused) || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
}

func TestFault(t *testing.T) {
	t.Parallel()
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(xmlrpc.AppendFault(nil, 60, "ALREADY_STARTED: web"))
	}))
	err := c.StartProcess(t.Context(), "web", true)
	var f *fault.Error
	if !errors.As(err, &f) || *f != *fault.New(fault.AlreadyStarted, "web") || err.Error() != "ALREADY_STARTED: web" {
		t.Errorf("error %#v", err)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	for _, code := range []int{301, 400, 401, 404, 411, 500, 204} {
		c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(code)
		}))
		_, err := c.GetPID(t.Context())
		var status *StatusError
		if !errors.As(err, &status) || status.Code != code || errors.Is(err, ErrUnauthorized) != (code == 401) {
			t.Errorf("status %d: error %v", code, err)
		}
		var f *fault.Error
		if errors.As(err, &f) {
			t.Errorf("status %d is the fault %v", code, f)
		}
	}
}

func TestBadAnswers(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "<html></html>", "<methodResponse>"} {
		c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }))
		if v, err := c.Call(t.Context(), "a.b"); err == nil {
			t.Errorf("%q: got %v, want an error", text, v)
		}
	}
	cut := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, "<methodResponse>")
	}))
	if v, err := cut.Call(t.Context(), "a.b"); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut answer: got %v, %v", v, err)
	}
}

func TestMaxResponse(t *testing.T) {
	t.Parallel()
	doc, err := xmlrpc.AppendResponse(nil, strings.Repeat("x", 5000))
	if err != nil {
		t.Fatal(err)
	}
	for _, chunked := range []bool{false, true} {
		handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if chunked {
				w.(http.Flusher).Flush()
			}
			_, _ = w.Write(doc)
		})
		if _, err := serve(t, handler, MaxResponse(int64(len(doc)))).Call(t.Context(), "a.b"); err != nil {
			t.Errorf("chunked %v: answer at the bound: %v", chunked, err)
		}
		if v, err := serve(t, handler, MaxResponse(int64(len(doc)-1))).Call(t.Context(), "a.b"); !errors.Is(err, ErrTooLarge) {
			t.Errorf("chunked %v: answer beyond the bound: %v, %v", chunked, v, err)
		}
	}
}

// One connection serves one call after another, errors included.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	var opened, calls atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1)%3 == 0 {
			http.Error(w, "no", http.StatusInternalServerError)
			return
		}
		answer(t, 7)(w, r)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	c := newClient(t, server.URL)
	for range 9 {
		_, _ = c.GetPID(t.Context())
	}
	if calls.Load() != 9 || opened.Load() != 1 {
		t.Errorf("%d calls over %d connections, want 9 over 1", calls.Load(), opened.Load())
	}
}

// The context bounds the waiting, and only that: without a deadline a call
// waits for as long as the server takes.
func TestContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer ours.Close()
		defer theirs.Close()
		c, err := New("http://server")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.http.Transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) { return ours, nil }
		go io.Copy(io.Discard, theirs) // ends with the pipe
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Hour)
		defer cancel()
		began := time.Now()
		_, err = c.GetPID(ctx)
		if waited := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || waited != 5*time.Hour {
			t.Errorf("after %v: %v, want the deadline after 5h", waited, err)
		}
	})
}

func TestNew(t *testing.T) {
	t.Parallel()
	type made struct{ shown, endpoint, username, password string }
	for _, c := range []struct {
		url  string
		want made
	}{
		{"http://localhost:9001", made{"http://localhost:9001", "http://localhost:9001/RPC2", "", ""}},
		{"http://localhost:9001/", made{"http://localhost:9001/", "http://localhost:9001/RPC2", "", ""}},
		{"http://localhost:9001/RPC2", made{"http://localhost:9001/RPC2", "http://localhost:9001/RPC2", "", ""}},
		{"https://h/proxied/RPC2", made{"https://h/proxied/RPC2", "https://h/proxied/RPC2", "", ""}},
		{"http://u:p%3Aq@h:1", made{"http://h:1", "http://h:1/RPC2", "u", "p:q"}},
		{"http://[::1]:9001", made{"http://[::1]:9001", "http://[::1]:9001/RPC2", "", ""}},
		{"unix:///run/a b%20.sock", made{"unix:///run/a b%20.sock", "http://localhost/RPC2", "", ""}},
	} {
		got, err := New(c.url)
		if err != nil {
			t.Errorf("New(%q): %v", c.url, err)
			continue
		}
		if g := (made{got.shown, got.endpoint, got.username, got.password}); !reflect.DeepEqual(g, c.want) {
			t.Errorf("New(%q) = %+v, want %+v", c.url, g, c.want)
		}
	}
	for _, url := range []string{"", "localhost:9001", "ftp://x", "http://", "http:///RPC2", "unix://", "http://u:secret@h/?x", "http://u:secret@h:port", "http://h/#x"} {
		if _, err := New(url); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("New(%q): error %v", url, err)
		}
	}
}

// TestTLS: a server that the system does not trust, and one that is left alone
// for a while.
func TestTLS(t *testing.T) {
	t.Parallel()
	status := http.StatusOK
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if status != http.StatusOK {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
			return
		}
		answer, err := xmlrpc.AppendResponse(nil, "3.0")
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(answer)
	}))
	defer s.Close()
	c, err := New(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Call(t.Context(), "supervisor.getVersion"); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("a server nobody vouches for: %v", err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	if c, err = New(s.URL, TLS(&tls.Config{RootCAs: pool})); err != nil {
		t.Fatal(err)
	}
	if v, err := c.Call(t.Context(), "supervisor.getVersion"); err != nil || v != "3.0" {
		t.Errorf("getVersion = %v, %v", v, err)
	}
	status = http.StatusTooManyRequests
	_, err = c.Call(t.Context(), "supervisor.getVersion")
	var refused *StatusError
	if !errors.As(err, &refused) || refused.Code != status || refused.RetryAfter != 7*time.Second {
		t.Errorf("getVersion = %#v", err)
	}
}
