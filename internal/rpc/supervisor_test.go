package rpc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/sys"
)

// A step is one call and its answer, in short.
type step struct {
	method string
	params []any
	want   string
}

func p(params ...any) []any { return params }

func (w *world) play(steps []step) {
	w.t.Helper()
	for _, s := range steps {
		if got := w.text("supervisor."+s.method, s.params...); got != s.want {
			w.t.Errorf("%s%v: %s, want %s", s.method, s.params, got, s.want)
		}
	}
}

func TestSimpleMethods(t *testing.T) {
	t.Parallel()
	w := newWorld(t, programs)
	w.play([]step{
		{"getAPIVersion", nil, `"3.0"`},
		{"getVersion", nil, `"3.0"`},
		{"getSupervisorVersion", nil, `"4.2.5"`},
		{"getIdentification", nil, `"here"`},
		{"getState", nil, "map[statecode:1 statename:RUNNING]"},
		{"getPID", nil, fmt.Sprint(os.Getpid())},
		{"getPID", p(1), "2 INCORRECT_PARAMETERS"},
		{"getProcessInfo", nil, "2 INCORRECT_PARAMETERS"},
		{"nope", nil, "1 UNKNOWN_METHOD"},
		{"_update", p(""), "1 UNKNOWN_METHOD"},
		{"getState.x", nil, "1 UNKNOWN_METHOD"},
	})
	for _, name := range []string{"getState", "nope.getState", " supervisor.getState ", ".", "supervisor.", "supervisor.GetState"} {
		if got := w.text(name); got != "1 UNKNOWN_METHOD" {
			t.Errorf("%q: %s, want 1 UNKNOWN_METHOD", name, got)
		}
	}
}

func TestStartStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t, programs)
	w.fake.FailResolve("/bin/many 0", &sys.CommandError{NotFound: true, Text: "can't find command '/bin/many'"})
	w.fake.FailResolve("/bin/many 1", &sys.CommandError{Text: "command at '/bin/many' is a directory"})
	w.play([]step{
		{"startProcess", p("nope"), "10 BAD_NAME: nope"},
		{"startProcess", p("many"), "10 BAD_NAME: many"},
		{"startProcess", p("cat:cat:x"), "10 BAD_NAME: cat:cat:x"},
		{"startProcess", p(""), "10 BAD_NAME: "},
		{"startProcess", p(5), "2 INCORRECT_PARAMETERS"},
		{"startProcess", p("cat"), "true"},
		{"startProcess", p("cat"), "60 ALREADY_STARTED: cat"},
		{"startProcess", p("cat:cat", "0"), "60 ALREADY_STARTED: cat:cat"},
		{"startProcess", p("cat:*"), "[]"},
		{"startProcess", p("nope:*"), "10 BAD_NAME: nope:*"},
		{"startProcess", p("nope:"), "10 BAD_NAME: nope:"},
		{"startProcess", p("many:many_0"), "20 NO_FILE: can't find command '/bin/many'"},
		{"startProcess", p("many:many_1"), "21 NOT_EXECUTABLE: command at '/bin/many' is a directory"},
		{"startProcessGroup", p("many"), "[many:many_0=20 NO_FILE: can't find command '/bin/many' " +
			"many:many_1=21 NOT_EXECUTABLE: command at '/bin/many' is a directory]"},
		{"startProcessGroup", p("many:*"), "10 BAD_NAME: many:*"},
		{"stopProcess", p("many:many_0"), "70 NOT_RUNNING: many:many_0"},
		{"stopProcess", p("nope"), "10 BAD_NAME: nope"},
		{"stopProcess", p("nope:*"), "10 BAD_NAME: nope:*"},
		{"stopProcessGroup", p("nope"), "10 BAD_NAME: nope"},
		{"stopProcess", p("cat:"), "[cat:cat=80 OK]"},
		{"stopProcess", p("cat"), "70 NOT_RUNNING: cat"},
		{"startProcess", p("cat", false), "true"},
		{"stopProcess", p("cat"), "true"},
		{"stopProcessGroup", p("cat"), "[]"},
		{"startProcess", p("slow", false), "true"},
		{"stopAllProcesses", p(true, 1), "2 INCORRECT_PARAMETERS"},
	})
	if got := w.text("supervisor.stopAllProcesses"); !strings.Contains(got, "slow:slow=80 OK") {
		t.Errorf("stopAllProcesses: %s", got)
	}
}

func TestSpawnFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t, programs)
	w.fake.FailStart("cat", "unknown error making dispatchers for 'cat': EACCES")
	w.play([]step{
		{"startProcess", p("cat"), "50 SPAWN_ERROR: cat"},
		{"stopProcess", p("cat"), "true"}, // out of BACKOFF
	})
}

func TestSignals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, programs)
	w.play([]step{
		{"signalProcess", p("nope", "bad"), "10 BAD_NAME: nope"},
		{"signalProcess", p("cat", "bad"), "11 BAD_SIGNAL: bad"}, // before the state
		{"signalProcess", p("cat", "HUP"), "70 NOT_RUNNING: cat"},
		{"signalProcess", p("cat:*", "bad"), "[]"},
		{"signalProcess", p("nope:*", "bad"), "10 BAD_NAME: nope:*"},
		{"signalProcessGroup", p("nope", "bad"), "10 BAD_NAME: nope"},
		{"startProcess", p("cat"), "true"},
		{"signalProcess", p("cat", " sigwinch "), "true"},
		{"signalProcess", p("cat", "WINCH"), "true"},
		{"signalProcess", p("cat", 28), "true"},
		{"signalProcess", p("cat", "28"), "true"},
		{"signalProcess", p("cat", 28.9), "true"},
		{"signalProcess", p("cat", 0), "true"},
		{"signalProcess", p("cat", 40), "11 BAD_SIGNAL: 40"},
		{"signalProcess", p("cat", 99), "11 BAD_SIGNAL: 99"},
		{"signalProcess", p("cat", "RTMIN+1"), "11 BAD_SIGNAL: RTMIN+1"},
		{"signalProcess", p("cat", []any{}), "2 INCORRECT_PARAMETERS"},
		{"signalProcess", p("cat:*", "bad"), "[cat:cat=11 BAD_SIGNAL: bad]"},
		{"signalProcess", p("cat:*", "CHLD"), "[cat:cat=80 OK]"},
		{"signalProcessGroup", p("cat", "bad"), "[cat:cat=11 BAD_SIGNAL: bad]"},
		{"signalProcessGroup", p("many", "WINCH"), "[]"},
		{"signalProcessGroup", p("cat", []any{}), "2 INCORRECT_PARAMETERS"},
	})
	for _, s := range w.fake.Signals()[:6] {
		if s.Sig != int(syscall.SIGWINCH) && s.Sig != 0 || s.Group {
			t.Errorf("sent %+v", s)
		}
	}
}

// Mass calls answer by what they did, so both programs of g are up first.
func TestMassCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, strings.ReplaceAll(programs, "priority=", "autostart=false\nstartsecs=0\npriority="))
	w.play([]step{
		{"startProcessGroup", p("g"), "[g:b=80 OK g:a=80 OK]"}, // by priority
		{"signalProcessGroup", p("g", "WINCH"), "[g:b=80 OK g:a=80 OK]"},
		{"signalAllProcesses", p("WINCH"), "[g:b=80 OK g:a=80 OK]"},
		{"signalAllProcesses", p("bad"), "[g:a=11 BAD_SIGNAL: bad g:b=11 BAD_SIGNAL: bad]"},
		{"signalAllProcesses", p([]any{}), "2 INCORRECT_PARAMETERS"},
		{"stopProcessGroup", p("g", false), "[g:b=80 OK g:a=80 OK]"},
	})
	got, err := w.call("supervisor.clearAllProcessLogs")
	if list, ok := got.([]any); err != nil || !ok || len(list) != 6 {
		t.Errorf("clearAllProcessLogs: %v, %v; want six structs", got, err)
	}
	if got := w.text("supervisor.startAllProcesses", false); strings.Count(got, "=80 OK") < 4 {
		t.Errorf("startAllProcesses: %s", got)
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t, programs)
	w.play([]step{
		{"addProcessGroup", p("cat"), "90 ALREADY_ADDED: cat"},
		{"addProcessGroup", p("nope"), "10 BAD_NAME: nope"},
		{"removeProcessGroup", p("nope"), "10 BAD_NAME: nope"},
		{"removeProcessGroup", p("g:*"), "10 BAD_NAME: g:*"},
		{"startProcess", p("cat"), "true"},
		{"removeProcessGroup", p("cat"), "91 STILL_RUNNING: cat"},
		{"stopProcess", p("cat"), "true"},
		{"removeProcessGroup", p("cat"), "true"},
		{"getProcessInfo", p("cat"), "10 BAD_NAME: cat"},
		{"reloadConfig", nil, `[[["cat"] [] []]]`},
		{"addProcessGroup", p("cat"), "true"},
		{"reloadConfig", nil, "[[[] [] []]]"},
	})
	w.reread = func() ([]*config.Group, error) { return nil, errors.New("could not find config file /x") }
	w.play([]step{{"reloadConfig", nil, "92 CANT_REREAD: could not find config file /x"}})
}

func TestStdinAndEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, programs)
	w.play([]step{
		{"sendProcessStdin", p("nope", 5), "2 INCORRECT_PARAMETERS: 5"}, // before the name
		{"sendProcessStdin", p("nope", "x"), "10 BAD_NAME: nope"},
		{"sendProcessStdin", p("g:*", "x"), "10 BAD_NAME: g:*"},
		{"sendProcessStdin", p("cat", "x"), "70 NOT_RUNNING: cat"},
		{"sendProcessStdin", p("cat", []byte{0xff}), "70 NOT_RUNNING: cat"},
		{"startProcess", p("cat"), "true"},
		{"sendProcessStdin", p("cat", "x"), "20 NO_FILE: cat"}, // these children have no pipes
		{"sendRemoteCommEvent", p("a", "b"), "true"},
		{"sendRemoteCommEvent", p(1, 2.5), "true"},
		{"sendRemoteCommEvent", p("a"), "2 INCORRECT_PARAMETERS"},
	})
	if want := []string{"a=b", "1=2.5"}; !slices.Equal(w.events, want) {
		t.Errorf("events %q, want %q", w.events, want)
	}
}

// The rows are those of compat notes taken on Supervisor 4.2.5.
func TestLogs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, programs)
	path := filepath.Join(w.dir, "cat.log")
	w.play([]step{
		{"readProcessLog", p("cat", 0, 0), "20 NO_FILE: " + path},
		{"readProcessStderrLog", p("cat", 0, 0), "20 NO_FILE"},
		{"tailProcessLog", p("cat", 0, 5), `["" 0 false]`},
		{"tailProcessStderrLog", p("cat", 0, 5), `["" 0 false]`},
		{"readLog", p(0, 0), "20 NO_FILE"},
		{"clearLog", nil, "20 NO_FILE"},
		{"clearProcessLogs", p("cat"), "true"},
	})
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.log.path = path
	w.play([]step{
		{"readProcessStdoutLog", p("cat", 0, 0), `"0123456789"`},
		{"readProcessLog", p("cat", "5", 100), `"56789"`},
		{"readProcessLog", p("cat", -3, 0), `"789"`},
		{"readProcessLog", p("cat", -3, 2), "3 BAD_ARGUMENTS"},
		{"readProcessLog", p("cat", 0, -1), "3 BAD_ARGUMENTS"},
		{"readProcessLog", p("cat", "abc", 0), "2 INCORRECT_PARAMETERS"},
		{"readProcessLog", p("cat:*", 0, 0), "10 BAD_NAME: cat:*"},
		{"tailProcessStdoutLog", p("cat", 0, 5), `["56789" 10 true]`},
		{"tailProcessLog", p("cat", 5, 100), `["0123456789" 10 false]`},
		{"tailProcessLog", p("nope", 5, 100), "10 BAD_NAME: nope"},
		{"tailProcessStderrLog", p("nope", 5, 100), "10 BAD_NAME: nope"},
		{"readProcessStderrLog", p("nope", 5, 100), "10 BAD_NAME: nope"},
		{"readLog", p(2, 3.9), `"234"`},
		{"readMainLog", p(-3, 2), "3 BAD_ARGUMENTS"},
		{"clearLog", nil, "true"},
		{"clearProcessLog", p("nope"), "10 BAD_NAME: nope"},
		{"clearProcessLog", p("g:*"), "10 BAD_NAME: g:*"},
	})
	if _, ok := w.log.find("INFO reopening log file"); !ok {
		t.Error("clearLog is not logged")
	}
	w.log.clear = syscall.EPERM
	w.log.path = w.dir // which cannot be read
	w.play([]step{{"clearLog", nil, "30 FAILED"}, {"readLog", p(0, 0), "30 FAILED"}})
}

func TestShutdownState(t *testing.T) {
	t.Parallel()
	w := newWorld(t, programs)
	w.fake.Ignore("cat", syscall.SIGTERM)
	w.play([]step{
		{"startProcess", p("cat"), "true"}, // holds up the shutdown
		{"shutdown", nil, "true"},
	})
	for name, m := range w.server.methods {
		params := make([]any, len(m.Signature)-1)
		for i, kind := range m.Signature[1:] {
			params[i] = map[string]any{"int": 0, "boolean": true, "string": "nope", "array": []any{}}[kind]
		}
		want := "6 SHUTDOWN_STATE"
		switch {
		case name == "supervisor.sendRemoteCommEvent":
			want = "true"
		case name == "system.listMethods":
			continue
		case name == "system.multicall":
			want = "[]"
		case strings.HasPrefix(name, "system."):
			want = "4 SIGNATURE_UNSUPPORTED"
		}
		if got := w.text(name, params...); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if got := w.text("supervisor.startProcess"); got != "2 INCORRECT_PARAMETERS" {
		t.Errorf("a wrong number of parameters: %s", got)
	}
}

func TestRestartState(t *testing.T) {
	t.Parallel()
	w := newWorld(t, programs)
	w.fake.Ignore("cat", syscall.SIGTERM)
	w.play([]step{
		{"startProcess", p("cat"), "true"},
		{"restart", nil, "true"},
		{"restart", nil, "6 SHUTDOWN_STATE"},
	})
}

// A client that hangs up ends only its own waiting.
func TestHangUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, programs)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	longer, end := linger(ctx)
	defer end()
	for _, wait := range []bool{false, true} {
		if _, err := w.server.call(longer, "supervisor.startProcess", []any{"slow", wait}); wait == (err == nil) {
			t.Errorf("startProcess for a client that is gone, wait %v: %v", wait, err)
		}
	}
	if got := len(w.fake.Living("slow")); got != 1 {
		t.Errorf("%d children, want 1", got)
	}
	start := time.Now()
	<-longer.Done()
	if time.Since(start) > 2*lingerTime {
		t.Error("a client that is gone is waited for")
	}
}
