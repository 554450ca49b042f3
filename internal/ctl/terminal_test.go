package ctl

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

func TestPlainLines(t *testing.T) {
	t.Parallel()
	r, w := pipe(t)
	if _, err := w.WriteString("one\r\ntwo\n\nlast"); err != nil {
		t.Fatal(err)
	}
	w.Close()
	var out bytes.Buffer
	p := newPlain(r, &out, io.Discard)
	for _, want := range []string{"one", "two", "", "last"} {
		if got, err := p.line(t.Context(), "> "); got != want || err != nil {
			t.Errorf("line = %q, %v, want %q", got, err, want)
		}
	}
	for range 2 {
		if _, err := p.line(t.Context(), "> "); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
	}
	if out.String() != strings.Repeat("> ", 6) {
		t.Errorf("prompts %q", out.String())
	}
}

// TestPlainIsInterrupted: the wait ends, and what comes later is not lost.
func TestPlainIsInterrupted(t *testing.T) {
	t.Parallel()
	r, w := pipe(t)
	p := newPlain(r, io.Discard, io.Discard)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := p.line(ctx, ""); !errors.Is(err, errInterrupted) {
		t.Fatalf("err = %v", err)
	}
	if _, err := w.WriteString("later\n"); err != nil {
		t.Fatal(err)
	}
	if got, err := p.line(t.Context(), ""); got != "later" || err != nil {
		t.Errorf("line = %q, %v", got, err)
	}
}

func TestPlainBoundsLines(t *testing.T) {
	t.Parallel()
	zero, err := os.Open("/dev/zero")
	if err != nil {
		t.Skip("there is no /dev/zero")
	}
	defer zero.Close()
	if _, err := newPlain(zero, io.Discard, io.Discard).line(t.Context(), ""); err != errLongLine {
		t.Errorf("err = %v", err)
	}
}

func TestIsTerminal(t *testing.T) {
	t.Parallel()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if isTerminal(null) {
		t.Error("the null device is no terminal")
	}
	if columns, rows := windowSize(null); columns != 80 || rows != 24 {
		t.Errorf("size = %d, %d", columns, rows)
	}
}

// TestShellPiped: Python 3.11, cmd.py, cmdloop with input that is no terminal.
func TestShellPiped(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.answer("getAllProcessInfo", []any{process("a", "a", 0, "STOPPED", "")})
	f.answer("getSupervisorVersion", "v")
	const status = "a                                STOPPED   \n"
	for stdin, want := range map[string]string{
		"":                            "supervisor> \n",
		"quit\nversion\n":             "supervisor> \n",
		"EOF\nversion\n":              "supervisor> \n",
		"\n  \nversion":               "supervisor> supervisor> supervisor> v\nsupervisor> \n",
		"foo\nstatus x\nexit\n":       "supervisor> *** Unknown syntax: foo\nsupervisor> x: ERROR (no such process)\nsupervisor> \n",
		"shutdown\n":                  "supervisor> Really shut the remote supervisord process down y/N? error: <class 'EOFError'>, EOF when reading a line: file: supervisorctl line: 0\nsupervisor> \n",
		"reload\nno\nversion\nexit\n": "supervisor> Really restart the remote supervisord process y/N? supervisor> v\nsupervisor> \n",
	} {
		if got := runCtl(t, f.URL, stdin); got.out != status+want || got.code != 0 {
			t.Errorf("%q = %d\n%s\nwant\n%s", stdin, got.code, got.out, status+want)
		}
	}
}

func TestForegroundRefuses(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.handle("getProcessInfo", func(params []any) (any, error) {
		switch params[0] {
		case "idle":
			return process("idle", "idle", 0, "STOPPED", ""), nil
		case "late":
			return nil, &xmlrpcFault{6, "SHUTDOWN_STATE"}
		}
		return nil, &xmlrpcFault{10, "BAD_NAME: x"}
	})
	f.one(t, "fg", "ERROR: no process name supplied\n"+strings.Join(fgHelp, "\n")+"\n", 1)
	f.one(t, "fg a b", "ERROR: too many process names supplied\n", 1)
	f.one(t, "fg x", "ERROR: bad process name supplied\n", 1)
	f.one(t, "fg idle", "ERROR: process not running\n", 1)
	f.one(t, "fg late", "ERROR: <Fault 6: 'SHUTDOWN_STATE'>\n", 0)
}

// TestForegroundForwards sends lines until the process is gone, or they end.
func TestForegroundForwards(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.streams["/logtail/g:a/stdout"] = ""
	f.streams["/logtail/g:a/stderr"] = ""
	f.answer("getProcessInfo", process("g", "a", 20, "RUNNING", ""))
	var sent []string
	f.handle("sendProcessStdin", func(params []any) (any, error) {
		text := params[1].(string)
		sent = append(sent, text)
		switch text {
		case "gone\n":
			return nil, &xmlrpcFault{70, "NOT_RUNNING: g:a"}
		case "odd\n":
			return nil, &xmlrpcFault{20, "NO_FILE: g:a"}
		case "stop\n":
			f.answer("getProcessInfo", process("g", "a", 100, "EXITED", ""))
		}
		return true, nil
	})
	const head, tail = "==> Press Ctrl-C to exit <==\n", "Exiting foreground\n"
	for _, test := range []struct{ stdin, want string }{
		{"", head + tail},
		{"a\n\nb", head + tail},
		{"gone\nx\n", head + "Process got killed\n" + tail},
		{"odd\nx\n", head + "ERROR: <Fault 20: 'NO_FILE: g:a'>\n" + tail},
		{"stop\nx\n", head + "Process got killed\n" + tail},
	} {
		if got := runCtl(t, f.URL, test.stdin, "fg", "g:a"); got.out != test.want || got.code != 0 {
			t.Errorf("%q = %+v, want %q", test.stdin, got, test.want)
		}
	}
	if got := strings.Join(sent, ""); got != "a\n\nb\ngone\nodd\nstop\n" {
		t.Errorf("sent %q", got)
	}
}
