package ctl

import (
	"net/http"
	"strings"
	"testing"

	"example.org/twiddler/fault"
)

// TestTail: Supervisor 4.2.5, supervisorctl.py, do_tail.
func TestTail(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	help := strings.Join(tailHelp, "\n") + "\n"
	for _, test := range []struct {
		line, want string
		code       int
		call       string // "" for none
	}{
		{"tail", "Error: too few arguments\n" + help, 1, ""},
		{"tail a b c d", "Error: too many arguments\n" + help, 1, ""},
		{"tail -f", "Error: tail requires process name\n", 1, ""},
		{"tail -5", "Error: tail requires process name\n", 1, ""},
		{"tail a foo", "Error: bad channel 'foo'\n", 1, ""},
		{"tail a it's", "Error: bad channel \"it's\"\n", 1, ""},
		{"tail -x a", "Error: bad argument -x\n", 1, ""},
		{"tail -x a foo", "Error: bad channel 'foo'\n", 1, ""},
		{"tail a", "out\n", 0, "readProcessStdoutLog[a -1600 0]"},
		{"tail a STDERR", "err\n", 0, "readProcessStderrLog[a -1600 0]"},
		{"tail a what stdout", "out\n", 0, "readProcessStdoutLog[a -1600 0]"},
		{"tail -100 g:a stderr", "err\n", 0, "readProcessStderrLog[g:a -100 0]"},
		{"tail -0 a", "out\n", 0, "readProcessStdoutLog[a 0 0]"},
	} {
		f.answer("readProcessStdoutLog", "out")
		f.answer("readProcessStderrLog", "err")
		f.one(t, test.line, test.want, test.code)
		if got := strings.Join(f.asked(), " "); got != test.call {
			t.Errorf("%q: calls %q, want %q", test.line, got, test.call)
		}
	}
}

func TestTailFaults(t *testing.T) {
	t.Parallel()
	for code, want := range map[fault.Code]string{
		fault.NoFile:  "ERROR (no log file)",
		fault.Failed:  "ERROR (unknown error reading log)",
		fault.BadName: "ERROR (no such process name)",
	} {
		f := newFake(t)
		f.answer("readProcessStdoutLog", fault.New(code, "g:a"))
		f.answer("readLog", fault.New(code, "/log"))
		f.one(t, "tail g:a", "g:a: "+want+"\n", 1)
		if code == fault.BadName {
			f.one(t, "maintail", exceptionOf(10, "BAD_NAME: /log"), 1)
		} else {
			f.one(t, "maintail", "supervisord: "+want+"\n", 1)
		}
	}
	f := newFake(t)
	f.answer("readProcessStdoutLog", fault.New(fault.BadArguments, "x"))
	f.one(t, "tail a", exceptionOf(3, "BAD_ARGUMENTS: x"), 1)
}

func TestMaintail(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.answer("readLog", "log\nlines\n")
	f.one(t, "maintail", "log\nlines\n\n", 0)
	f.one(t, "maintail -7", "log\nlines\n\n", 0)
	if got := strings.Join(f.asked(), " "); got != "readLog[-1600 0] readLog[-7 0]" {
		t.Errorf("calls %q", got)
	}
	f.one(t, "maintail a b", "Error: too many arguments\n"+strings.Join(maintailHelp, "\n")+"\n", 1)
	f.one(t, "maintail a", "Error: bad argument a\n", 1)
	f.one(t, "maintail -a", "Error: bad argument -a\n", 1)
	f.one(t, "maintail -99999999999", "Error: bad argument -99999999999\n", 1)
}

func TestFollowUnknown(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	got := runCtl(t, f.URL, "", "tail", "-f", "g:no pe")
	want := reply{out: "==> Press Ctrl-C to exit <==\n", errOut: f.URL + "/logtail/g:no/pe Cannot read, status code 404\n"}
	if got.out != "Error: bad channel 'pe'\n" || got.code != 1 {
		t.Errorf("two words: %+v", got)
	}
	got = runCtl(t, f.URL, "", "tail", "-f", "g:nope")
	want.errOut = f.URL + "/logtail/g:nope/stdout Cannot read, status code 404\n"
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestFollowUntilTheServerEnds: a stream that is closed ends the command, well
// or not. Only a terminal needs protection from what is in a log.
func TestFollowUntilTheServerEnds(t *testing.T) {
	t.Parallel()
	const log = "\x1b[31mred\x1b[0m \x1b]0;title\a\ttab half \xff a li"
	f := newFake(t)
	f.get = func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(log))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler) // the connection breaks off
	}
	f.one(t, "maintail -f", "==> Press Ctrl-C to exit <==\n"+log, 0)
}
