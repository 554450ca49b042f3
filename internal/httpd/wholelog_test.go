package httpd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/proc"
	"example.org/twiddler/internal/rotate"
	"example.org/twiddler/internal/supervisor"
)

// A worker is one process, g:p, until it is removed. Safe for concurrent use.
type worker struct {
	mu   sync.Mutex // guards the fields below
	info supervisor.Info
	gone error
}

func (w *worker) Info(_ context.Context, _ supervisor.Name, _ string) (supervisor.Info, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gone != nil {
		return supervisor.Info{}, w.gone
	}
	return w.info, nil
}

func (w *worker) change(f func(w *worker)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(w)
}

// running serves the log out of a process that runs.
func running(t *testing.T) (s *Server, w *worker, out string) {
	t.Helper()
	out = filepath.Join(t.TempDir(), "out")
	w = &worker{info: supervisor.Info{State: proc.Running, StdoutLog: out}}
	s = serve(t, config.Server{}, Options{}, func(s *Server) { s.HandleLogTails(w, func() string { return "" }) })
	return s, w, out
}

const wholePath = "/logtail/g:p/stdout?whole=1"

// A whole log is sent from its first byte to the last, however its process
// ends, and not a byte is other than in the file.
func TestWholeLog(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*worker){
		"exited":    func(w *worker) { w.info.State = proc.Exited },
		"removed":   func(w *worker) { w.gone = fault.New(fault.BadName, "g:p") },
		"shut down": func(w *worker) { w.gone = fault.Bare(fault.ShutdownState) },
		"anew":      func(w *worker) { w.info.StdoutLog = "/another" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, w, out := running(t)
			start := strings.Repeat("x", 3*tailSize) + "\x00\xff\xe2\x82"
			write(t, out, start)
			_, resp := tailOf(t, s, wholePath)
			expect(t, resp.Body, start)
			add(t, out, "\xacno newline\xe2")
			expect(t, resp.Body, "\xacno newline\xe2")
			add(t, out, "last words")
			w.change(end)
			rest, err := io.ReadAll(resp.Body)
			if err != nil || string(rest) != "last words" || resp.Trailer.Get(tornTrailer) != "" {
				t.Errorf("the rest is %q, %v, trailer %v", rest, err, resp.Trailer)
			}
		})
	}
}

// TestWholeLogRotates reads what a log has and gets while it is rotated under
// the reader's feet: all of it, in order.
func TestWholeLogRotates(t *testing.T) {
	t.Parallel()
	s, w, out := running(t)
	log, err := rotate.Open(out, rotate.Options{MaxBytes: 1000, Backups: 5000})
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	line := func(i int) {
		text := fmt.Sprintf("line %d\n", i)
		want.WriteString(text)
		if _, err := log.Write([]byte(text)); err != nil {
			t.Error(err)
		}
	}
	for i := range 500 {
		line(i)
	}
	if _, err := os.Lstat(out + ".3"); err != nil {
		t.Fatalf("it has not rotated: %v", err)
	}
	_, resp := tailOf(t, s, wholePath)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 8000 {
			line(i)
		}
		w.change(func(w *worker) { w.info.State = proc.Exited })
	}()
	got, err := io.ReadAll(resp.Body)
	<-done
	if err != nil || string(got) != want.String() || resp.Trailer.Get(tornTrailer) != "" {
		t.Errorf("%d bytes, %v, trailer %v; want %d bytes", len(got), err, resp.Trailer, want.Len())
	}
	if err := log.Close(); err != nil {
		t.Error(err)
	}
}

// A stream that may lack a part says so at its end.
func TestWholeLogTorn(t *testing.T) {
	t.Parallel()
	for name, tear := range map[string]func(out string) error{
		"truncated": func(out string) error { return os.Truncate(out, 0) },
		"cleared":   func(out string) error { return errors.Join(os.Remove(out), os.WriteFile(out, nil, 0o600)) },
		"two at once": func(out string) error {
			return errors.Join(os.Remove(out), os.WriteFile(out+".1", nil, 0o600), os.WriteFile(out, nil, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, w, out := running(t)
			write(t, out, "one\n")
			_, resp := tailOf(t, s, wholePath)
			expect(t, resp.Body, "one\n")
			if err := tear(out); err != nil {
				t.Fatal(err)
			}
			add(t, out, "2\n")
			expect(t, resp.Body, "2\n")
			w.change(func(w *worker) { w.info.State = proc.Stopped })
			if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 || resp.Trailer.Get(tornTrailer) == "" {
				t.Errorf("the rest is %q, %v, trailer %v", rest, err, resp.Trailer)
			}
		})
	}
}

// A log that is removed with its process is whole, unless the reader was behind
// a rotation.
func TestWholeLogRemoved(t *testing.T) {
	t.Parallel()
	for _, behind := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "out")
		write(t, path, "one")
		log, err := readWhole(path)
		if err != nil {
			t.Fatal(err)
		}
		read := func(want string) {
			t.Helper()
			if got, err := log.next(); string(got) != want || err != nil {
				t.Errorf("got %q, %v, want %q", got, err, want)
			}
		}
		read("one")
		read("")
		add(t, path, "two")
		if behind {
			if err := os.Rename(path, path+".1"); err != nil {
				t.Fatal(err)
			}
			write(t, path, "three")
			read("two")
			if err := os.Remove(path + ".1"); err != nil {
				t.Fatal(err)
			}
		} else {
			read("two")
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		read("")
		if log.torn != behind {
			t.Errorf("behind: %v, torn: %v", behind, log.torn)
		}
		log.close()
	}
}

// A stream that the server's end breaks off has no end of its own.
func TestWholeLogAtShutdown(t *testing.T) {
	t.Parallel()
	s, _, out := running(t)
	write(t, out, "one\n")
	_, resp := tailOf(t, s, wholePath)
	expect(t, resp.Body, "one\n")
	if err := s.Close(context.Background()); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("it ends with %v", err)
	}
}

func TestWholeLogRefused(t *testing.T) {
	t.Parallel()
	s, w, out := running(t)
	if _, resp := tailOf(t, s, wholePath); resp.StatusCode != http.StatusNotFound {
		t.Errorf("without a file: %v", resp)
	}
	write(t, out, "one\n")
	w.change(func(w *worker) { w.gone = fault.New(fault.BadName, "g:p") })
	if _, resp := tailOf(t, s, wholePath); resp.StatusCode != http.StatusNotFound {
		t.Errorf("without a process: %v", resp)
	}
}
