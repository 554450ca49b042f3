package httpd

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/supervisor"
)

// logs are the processes of a test, by group and name.
type logs map[supervisor.Name]supervisor.Info

func (l logs) Info(_ context.Context, name supervisor.Name, spec string) (supervisor.Info, error) {
	info, ok := l[name]
	if !ok {
		return info, fault.New(fault.BadName, spec)
	}
	return info, nil
}

// tails serves the log out of a process g:p, err of its stderr, and main.
func tails(t *testing.T) (s *Server, out, err, main string) {
	t.Helper()
	dir := t.TempDir()
	out, err, main = filepath.Join(dir, "out"), filepath.Join(dir, "err"), filepath.Join(dir, "main")
	s = serve(t, config.Server{}, Options{}, func(s *Server) {
		s.HandleLogTails(logs{
			{Group: "g", Process: "p"}: {StdoutLog: out, StderrLog: err},
			{Group: "a", Process: "a"}: {StdoutLog: out},
		}, func() string { return main })
	})
	return s, out, err, main
}

func add(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// tailOf asks for a stream as supervisorctl does, an empty line too many.
func tailOf(t *testing.T, s *Server, path string) (*client, *http.Response) {
	t.Helper()
	c := dial(t, s)
	c.send("GET " + path + " HTTP/1.1\r\nHost: \r\nAccept-Encoding: chunked\r\nAccept: */*\r\n" +
		"User-agent: Supervisor HTTP Client\r\n\r\n\r\n")
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c, resp
}

// expect fails unless the next bytes of a stream are want.
func expect(t *testing.T, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Fatalf("got %q, %v; want %q", got[:n], err, want)
	}
}

func TestLogTail(t *testing.T) {
	t.Parallel()
	s, out, errLog, main := tails(t)
	for path, file := range map[string]string{
		"/logtail/g:p": out, "/logtail/g%3Ap": out, "/logtail/g:p/stdout": out, "/logtail/a": out,
		"/logtail/g:p/stderr": errLog, "/mainlogtail": main, "/mainlogtailxyz": main,
	} {
		write(t, file, strings.Repeat("x", 500)+strings.Repeat("y", 2000)+"tail of "+filepath.Base(file)+" 1234567")
		_, resp := tailOf(t, s, path)
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/plain;charset=utf-8" ||
			resp.Header.Get("Last-Modified") == "" || len(resp.TransferEncoding) != 1 {
			t.Errorf("%s: answered %v", path, resp)
		}
		if got, want := resp.Header.Get("X-Accel-Buffering") != "", strings.HasPrefix(path, "/logtail"); got != want {
			t.Errorf("%s: X-Accel-Buffering is there: %v, want %v", path, got, want)
		}
		end := "tail of " + filepath.Base(file) + " 1234567"
		expect(t, resp.Body, strings.Repeat("y", tailSize-len(end))+end)
		add(t, file, "more\n")
		expect(t, resp.Body, "more\n")
	}
}

func TestLogTailRefused(t *testing.T) {
	t.Parallel()
	s, out, _, _ := tails(t)
	write(t, out, "x")
	for request, status := range map[string]int{
		"GET /logtail":              404,
		"GET /logtail/":             404,
		"GET /logtail/nope":         404,
		"GET /logtail/g":            404,
		"GET /logtail/g:*":          404,
		"GET /logtail/g:p/other":    404,
		"GET /logtail/g:p/stdout/x": 404,
		"GET /logtail/a/stderr":     404, // has none
		"GET /logtail/g:p/stderr":   404, // is not there yet
		"GET /mainlogtail":          404,
		"POST /logtail/g:p":         400,
		"HEAD /mainlogtail":         400,
	} {
		c := dial(t, s)
		c.send(request + " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
		resp, err := http.ReadResponse(c.r, &http.Request{Method: strings.Fields(request)[0]})
		if err != nil || resp.StatusCode != status {
			t.Errorf("%s: answered %v, %v; want %d", request, resp, err, status)
		}
	}
}

func TestLogTailFollows(t *testing.T) {
	t.Parallel()
	s, out, _, _ := tails(t)
	write(t, out, "")
	_, resp := tailOf(t, s, "/logtail/a")
	add(t, out, "one\n")
	expect(t, resp.Body, "one\n")
	if err := os.Truncate(out, 0); err != nil {
		t.Fatal(err)
	}
	expect(t, resp.Body, "==> File truncated <==\n")
	add(t, out, "two\n")
	expect(t, resp.Body, "two\n")
	// Rotated: what was written to the old file is not lost.
	add(t, out, "three\n")
	if err := os.Rename(out, out+".1"); err != nil {
		t.Fatal(err)
	}
	add(t, out, "four\n")
	expect(t, resp.Body, "three\nfour\n")
	// Removed: the old file stays until there is another.
	if err := os.Remove(out); err != nil {
		t.Fatal(err)
	}
	write(t, out, strings.Repeat("long ", 1<<16))
	expect(t, resp.Body, strings.Repeat("long ", 1<<16))
}

func TestLogTailCutsAtCharacters(t *testing.T) {
	t.Parallel()
	s, out, _, _ := tails(t)
	write(t, out, "é"+strings.Repeat("x", tailSize-1)) // the tail begins inside of é
	_, resp := tailOf(t, s, "/logtail/a")
	expect(t, resp.Body, strings.Repeat("x", tailSize-1))
	chunks := bufio.NewReader(resp.Body)
	add(t, out, "a\xc3")
	expect(t, chunks, "a")
	add(t, out, "\xa9")
	expect(t, chunks, "é")
	add(t, out, "\xff\xe2")
	expect(t, chunks, "\xff\xe2") // what stays half a character is passed on in the end
}

func TestLogTailOfOldClient(t *testing.T) {
	t.Parallel()
	s, out, _, _ := tails(t)
	write(t, out, "one\n")
	c := dial(t, s)
	c.send("GET /logtail/a HTTP/1.0\r\n\r\n")
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(resp.TransferEncoding) != 0 {
		t.Errorf("chunks for HTTP/1.0: %v", resp.TransferEncoding)
	}
	expect(t, resp.Body, "one\n")
	add(t, out, "two\n")
	expect(t, resp.Body, "two\n")
}

// A client that goes is noticed although nothing is written.
func TestLogTailEndsWithClient(t *testing.T) {
	t.Parallel()
	s, out, _, _ := tails(t)
	write(t, out, "one\n")
	c, resp := tailOf(t, s, "/logtail/a")
	expect(t, resp.Body, "one\n")
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s.streams.wait(ctx)
	if err := ctx.Err(); err != nil {
		t.Errorf("the stream did not end: %v", err)
	}
}

func TestLogTailEndsWithServer(t *testing.T) {
	t.Parallel()
	s, out, _, _ := tails(t)
	write(t, out, "one\n")
	_, resp := tailOf(t, s, "/logtail/a")
	expect(t, resp.Body, "one\n")
	if err := s.Close(context.Background()); err != nil {
		t.Errorf("Close: %v", err)
	}
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 {
		t.Errorf("then got %q, %v; want the regular end", rest, err)
	}
}

func TestLogTailOfPipe(t *testing.T) {
	t.Parallel()
	if _, err := follow("/dev/null"); err == nil {
		t.Error("a device can be followed")
	}
}
