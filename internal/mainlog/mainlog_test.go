package mainlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"example.org/twiddler/level"
)

// at is a time whose milliseconds would be rounded up.
func at() time.Time { return time.Date(2024, 3, 9, 7, 5, 2, 999_999_999, time.Local) }

func TestLines(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	var copied bytes.Buffer
	var syslog []string
	l := mustOpen(t, Options{Path: path, Level: level.Debug, Copy: &copied, Now: at,
		Syslog: func(line string) { syslog = append(syslog, line) }})
	l.Log(level.Info, "supervisord started with pid 1")
	l.Logf(level.Critical, "%s: %d", "x", 7)
	l.Log(level.Debug, "'cat' stdout output:\na\nb\n")
	l.Log(level.Trace, "too little")
	l.Logf(level.Blather, "too little")
	if l.Enabled(level.Trace) || !l.Enabled(level.Debug) {
		t.Error("Enabled is wrong about trace or debug")
	}
	flush(t, l)
	want := "2024-03-09 07:05:02,999 INFO supervisord started with pid 1\n" +
		"2024-03-09 07:05:02,999 CRIT x: 7\n" +
		"2024-03-09 07:05:02,999 DEBG 'cat' stdout output:\na\nb\n\n"
	wantFile(t, path, want)
	if copied.String() != want {
		t.Errorf("copied %q, want %q", copied.String(), want)
	}
	wantSyslog := []string{
		"2024-03-09 07:05:02,999 INFO supervisord started with pid 1",
		"2024-03-09 07:05:02,999 CRIT x: 7",
		"2024-03-09 07:05:02,999 DEBG 'cat' stdout output:",
		"2024-03-09 07:05:02,999 DEBG a",
		"2024-03-09 07:05:02,999 DEBG b",
	}
	if !slices.Equal(syslog, wantSyslog) {
		t.Errorf("syslog %q, want %q", syslog, wantSyslog)
	}
}

// Supervisor 4.2.5 rotates after the line that reaches the limit.
func TestRotation(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	l := mustOpen(t, Options{Path: path, Level: level.Info, MaxBytes: 60, Backups: 1, Now: at})
	for i := range 5 {
		l.Logf(level.Info, "line %d", i)
	}
	flush(t, l)
	line := func(i int) string { return fmt.Sprintf("2024-03-09 07:05:02,999 INFO line %d\n", i) }
	wantFile(t, path, line(4))
	wantFile(t, path+".1", line(2)+line(3))
}

func TestReopenAndClear(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	l := mustOpen(t, Options{Path: path, Level: level.Info, Now: at})
	l.Log(level.Info, "one")
	flush(t, l)
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	l.Log(level.Info, "two")
	l.Reopen()
	l.Log(level.Info, "three")
	flush(t, l)
	wantFile(t, path+".old", "2024-03-09 07:05:02,999 INFO one\n2024-03-09 07:05:02,999 INFO two\n")
	wantFile(t, path, "2024-03-09 07:05:02,999 INFO three\n")

	l.Log(level.Info, "four")
	if err := l.Clear(); err != nil {
		t.Fatal(err)
	}
	l.Log(level.Info, "five")
	flush(t, l)
	wantFile(t, path, "2024-03-09 07:05:02,999 INFO five\n")
	if l.Path() != path {
		t.Errorf("Path() = %q", l.Path())
	}
}

// If the file can't be opened again, the old one tells why.
func TestReopenFails(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	dir := filepath.Join(top, "a")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l := mustOpen(t, Options{Path: filepath.Join(dir, "log"), Level: level.Info, Now: at})
	if err := os.Rename(dir, filepath.Join(top, "b")); err != nil {
		t.Fatal(err)
	}
	l.Reopen()
	l.Log(level.Info, "after")
	flush(t, l)
	wantFile(t, filepath.Join(top, "b", "log"), "2024-03-09 07:05:02,999 ERRO cannot reopen the main log: open "+
		filepath.Join(dir, "log")+": no such file or directory\n2024-03-09 07:05:02,999 INFO after\n")
}

func TestOpenFails(t *testing.T) {
	t.Parallel()
	if _, err := Open(Options{Path: filepath.Join(t.TempDir(), "no", "log")}); !errors.Is(err, unix.ENOENT) {
		t.Errorf("Open = %v, want ENOENT", err)
	}
}

// Lines that a full disk takes are told of when there is room again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, "16k")
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 8<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "log")
	var copied bytes.Buffer
	l := mustOpen(t, Options{Path: path, Level: level.Info, Copy: &copied, Now: at})
	for i := range 1000 {
		l.Logf(level.Info, "line %d", i)
	}
	flush(t, l)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	l.Log(level.Info, "after")
	flush(t, l)
	text, err := os.ReadFile(path)
	if want := regexp.MustCompile(`\n2024-03-09 07:05:02,999 WARN \d+ lines of this log were lost\n2024-03-09 07:05:02,999 INFO after\n$`); err != nil || !want.Match(text) {
		t.Errorf("the log ends in %q, %v, want %v", text[max(0, len(text)-120):], err, want)
	}
	if !strings.Contains(copied.String(), " ERRO cannot write log file ") || l.Dropped() == 0 {
		t.Errorf("the copy does not tell of the trouble; %d bytes dropped", l.Dropped())
	}
}

// Standard output as a pipe that nobody reads: the file gets everything.
func TestStuckCopy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "log")
		r, w := io.Pipe()
		l, err := Open(Options{Path: path, Level: level.Info, Copy: w, Now: at})
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Repeat("x", 1000)
		for range 3000 { // three times what may wait
			l.Log(level.Info, text)
			synctest.Wait()
		}
		info, err := os.Stat(path)
		if err != nil || info.Size() != 3000*(29+1000+1) {
			t.Errorf("the file has %d bytes, %v, want all", info.Size(), err)
		}
		begin := time.Now()
		if err := l.Close(); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != closeWait {
			t.Errorf("Close = %v after %v, want a deadline after %v", err, time.Since(begin), closeWait)
		}
		r.Close()
	})
}

// A copy that had no room says how much it lacks.
func TestSlowCopy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		l, err := Open(Options{Level: level.Info, Copy: w, Now: at})
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Repeat("x", 1000)
		for range 2000 {
			l.Log(level.Info, text)
		}
		var got bytes.Buffer
		go func() { _, _ = io.Copy(&got, r) }() // ends when w is closed
		synctest.Wait()
		l.Log(level.Info, "after")
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		w.Close()
		synctest.Wait()
		kept := strings.Count(got.String(), text)
		want := fmt.Sprintf("2024-03-09 07:05:02,999 WARN %d lines of this log were lost\n2024-03-09 07:05:02,999 INFO after\n", 2000-kept)
		if kept == 2000 || !strings.HasSuffix(got.String(), "x\n"+want) {
			t.Errorf("%d lines kept, the end is %q, want %q", kept, got.String()[max(0, got.Len()-130):], want)
		}
	})
}

// A broken pipe ends the copy, once, and not the process.
func TestBrokenCopy(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r.Close()
	l := mustOpen(t, Options{Path: path, Level: level.Info, Copy: w, Now: at})
	for range 3 {
		l.Log(level.Info, "line")
		flush(t, l)
	}
	flush(t, l)
	line := "2024-03-09 07:05:02,999 INFO line\n"
	wantFile(t, path, line+"2024-03-09 07:05:02,999 WARN cannot copy the main log to standard output: "+
		"write |1: broken pipe; it is no longer copied\n"+line+line)
}

func TestFIFO(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	l := mustOpen(t, Options{Path: path, Level: level.Info, MaxBytes: 1, Backups: 1, Now: at})
	l.Log(level.Info, "one")
	l.Reopen()
	if err := l.Clear(); err != nil {
		t.Error(err)
	}
	flush(t, l)
	r, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if got, err := io.ReadAll(r); string(got) != "2024-03-09 07:05:02,999 INFO one\n" {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	l := mustOpen(t, Options{Path: path, Level: level.Info, Now: at})
	l.Log(level.Info, "one")
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Error(err)
	}
	l.Log(level.Info, "two")
	l.Reopen()
	if err := errors.Join(l.Clear(), l.Flush(t.Context())); err != nil {
		t.Error(err)
	}
	wantFile(t, path, "2024-03-09 07:05:02,999 INFO one\n")
}

func TestSlog(t *testing.T) {
	t.Parallel()
	var copied bytes.Buffer
	l := mustOpen(t, Options{Level: level.Debug, Copy: &copied, Now: at})
	s := l.Slog()
	s.Info("hello", "n", 1, slog.Group("g", "a", "b"))
	s.With("x", true).WithGroup("y").WithGroup("").Warn("careful", "z", 2*time.Second, slog.Attr{})
	s.Error("bad")
	s.Debug("detail")
	s.Log(t.Context(), slog.LevelDebug-4, "trace")
	s.Log(t.Context(), slog.LevelInfo+1, "notice")
	flush(t, l)
	want := "INFO hello n=1 g.a=b\nWARN careful x=true y.z=2s\nERRO bad\nDEBG detail\nINFO notice\n"
	if got := strings.ReplaceAll(copied.String(), "2024-03-09 07:05:02,999 ", ""); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHTTPErrorLog(t *testing.T) {
	t.Parallel()
	var copied bytes.Buffer
	l := mustOpen(t, Options{Level: level.Info, Copy: &copied, Now: at})
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(200)
		w.WriteHeader(200)
	}))
	srv.Config.ErrorLog = slog.NewLogLogger(l.Slog().Handler(), slog.LevelWarn)
	srv.Start()
	resp, err := http.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	srv.Close()
	flush(t, l)
	if !strings.Contains(copied.String(), "WARN http: superfluous response.WriteHeader call") {
		t.Errorf("got %q", copied.String())
	}
}

func BenchmarkLog(b *testing.B) {
	l, err := Open(Options{Path: filepath.Join(b.TempDir(), "log"), Level: level.Info, MaxBytes: 50 << 20, Backups: 2})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		l.Log(level.Info, "success: cat entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)")
	}
	b.StopTimer()
	b.ReportMetric(float64(l.Dropped()), "dropped-B")
	if err := l.Close(); err != nil {
		b.Error(err)
	}
}

func mustOpen(t *testing.T, o Options) *Logger {
	t.Helper()
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func flush(t *testing.T, l *Logger) {
	t.Helper()
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func wantFile(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); string(got) != want {
		t.Errorf("%s holds %q, %v, want %q", filepath.Base(path), got, err, want)
	}
}
