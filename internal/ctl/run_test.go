package ctl

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"example.org/twiddler/client"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/ini"
	"example.org/twiddler/internal/xmlrpc"
)

// A runFake is a server that runs one program, job, which ends when it is told
// to.
type runFake struct {
	*fake
	once sync.Once
	over chan struct{} // closed at the end of job
	text map[string]string
	torn bool
}

// newRunFake has a job in a group of its own, unless there is one, that ends
// as told once end was called.
func newRunFake(t *testing.T, group string, end client.End) *runFake {
	t.Helper()
	f := &runFake{fake: newFake(t), over: make(chan struct{}), text: map[string]string{"stdout": "out", "stderr": "err"}}
	if group == "" {
		group = "job"
	}
	f.answer("twiddler.run", members("id", 1, "group", group, "process", "job"))
	f.handle("twiddler.wait", func([]any) (any, error) {
		<-f.over
		return members("state", end.State, "status", end.Status, "signal", end.Signal, "error", end.Error), nil
	})
	for _, method := range []string{"twiddler.removeGroup", "twiddler.apply"} {
		f.answer(method, members("id", 2, "persisted", false, "steps", []any{}))
	}
	f.get = f.log
	return f
}

func members(pairs ...any) xmlrpc.Struct {
	var s xmlrpc.Struct
	for i := 0; i < len(pairs); i += 2 {
		s = append(s, xmlrpc.Member{Name: pairs[i].(string), Value: pairs[i+1]})
	}
	return s
}

func (f *runFake) end() { f.once.Do(func() { close(f.over) }) }

// ended makes the job one that has ended.
func (f *runFake) ended() *runFake {
	f.end()
	return f
}

// log sends what the job has written, and ends with it.
func (f *runFake) log(w http.ResponseWriter, r *http.Request) {
	channel := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	text, ok := f.text[channel]
	if !ok || r.URL.RawQuery != "whole=1" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if f.torn {
		w.Header().Set("Trailer", tornTrailer)
	}
	_, _ = io.WriteString(w, text)
	_ = http.NewResponseController(w).Flush()
	select {
	case <-f.over:
	case <-r.Context().Done():
	}
	if f.torn {
		w.Header().Set(tornTrailer, "1")
	}
}

func TestRunCalls(t *testing.T) {
	t.Parallel()
	f := newRunFake(t, "g", client.End{})
	const plain = "map[command:true killasgroup:true stopasgroup:true"
	for _, test := range []struct {
		args []string
		call string
	}{
		{[]string{"run", "--name", "job", "--", "sh", "-c", "echo 'x' 100%", "--wait", ""},
			`twiddler.run[job map[command:sh -c 'echo '"'"'x'"'"' 100%%' --wait '' killasgroup:true stopasgroup:true] map[]]`},
		{[]string{"run --name=job --group=g --ttl 60 --reason 'for you' -- true"}, "twiddler.run[job " + plain + "] map[group:g reason:for you ttl:60]]"},
		{[]string{"run", "--name", "job", "--user", "a%b", "--directory", "/x y", "-e", "A=1", "-e", "B=it's 5%,\"\n=", "--", "true"},
			"twiddler.run[job map[command:true directory:/x y environment:'A'='1','B'='it'\"'\"'s 5%%,\"\n=' killasgroup:true " +
				"stopasgroup:true user:a%%b] map[]]"},
	} {
		got := runCtl(t, f.URL, "", test.args...)
		if want := (reply{out: "g:job: started\n"}); got != want {
			t.Errorf("%q = %+v, want %+v", test.args, got, want)
		}
		if calls := strings.Join(f.asked(), " "); calls != test.call {
			t.Errorf("%q calls %s\nwant %s", test.args, calls, test.call)
		}
	}
	var names []string
	f.handle("twiddler.run", func(params []any) (any, error) {
		names = append(names, params[0].(string))
		return members("id", 1, "group", params[0], "process", params[0]), nil
	})
	for range 2 {
		got := runCtl(t, f.URL, "", "run", "--", "true")
		if name := names[len(names)-1]; got.out != name+": started\n" || len(name) != len("run-01234567") || !strings.HasPrefix(name, "run-") {
			t.Errorf("got %+v with the name %s", got, name)
		}
	}
	if names[0] == names[1] {
		t.Errorf("two have the name %s", names[0])
	}
}

// TestRunEnvironment: the server reads the pairs that were given.
func TestRunEnvironment(t *testing.T) {
	t.Parallel()
	for _, pair := range []string{"A=", "A=b=c", "A=é \"x\" 'y' \\d $e #f, g", "A=\n\t", "a.b@c=%(x)s %", "A=,B=1"} {
		quoted, err := quotePair(pair)
		if err != nil {
			t.Fatal(err)
		}
		line, err := ini.Expand(quoted+","+quoted, "environment", ini.Vars{})
		if err != nil {
			t.Fatal(err)
		}
		key, value, _ := strings.Cut(pair, "=")
		if got, err := ini.Environment(line); err != nil || len(got) != 1 || got[key] != value {
			t.Errorf("%q: %q, %v", pair, got, err)
		}
	}
}

func TestRunUsage(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	cannot := " cannot be sent: it has to be text, in UTF-8 and without control characters"
	for line, want := range map[string]string{
		"run":                        "run requires a command, after --",
		"run --wait":                 "run requires a command, after --",
		"run --":                     "no command after --",
		"run sleep 1":                `"sleep" is no option of run; the command goes after --`,
		"run --wiat -- x":            `unknown option "--wiat": there is ` + strings.Join(runFlagNames(), ", "),
		"run -x -- x":                `unknown option "-x": there is ` + strings.Join(runFlagNames(), ", "),
		"run --wait=yes -- x":        "--wait takes no value",
		"run --name -- x":            "--name requires a value",
		"run --name= -- x":           "--name requires a value",
		"run --wait --name":          "--name requires a value",
		"run --name a --name b -- x": "--name is given twice",
		"run -e x -- x":              `"x" is not KEY=value`,
		"run -e =x -- x":             `"=x" is not KEY=value`,
		"run -e A=\x01 -- x":         "the value of A" + cannot,
		"run -- x \xff":              `the word "\xff"` + cannot,
		"run --ttl 0 -- x":           `a time to live is whole seconds from 1 to 3153600000, not "0"`,
		"run 'x":                     "cannot read the command: No closing quotation",
	} {
		if got, want := runCtl(t, f.URL, "", line), (reply{"", "Error: " + want + "\n", 2}); got != want {
			t.Errorf("%q = %+v, want %+v", line, got, want)
		}
	}
	if calls := f.asked(); len(calls) != 0 {
		t.Errorf("calls %q", calls)
	}
}

// Why a program does not run is on standard error, also when its output would
// not be shown.
func TestRunFaults(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	for _, test := range []struct {
		err  error
		want string
		code int
	}{
		{fault.New(fault.NoFile, "x"), "ERROR: there is no such command: NO_FILE: x\n", 127},
		{fault.New(fault.NotExecutable, "x"), "ERROR: the command cannot be executed: NOT_EXECUTABLE: x\n", 126},
		{fault.New(fault.NotPermitted, "the policy of ann has no command x"), "ERROR: the policy of ann has no command x\n", 4},
		{fault.New(fault.BadName, "g"), "ERROR: BAD_NAME: g\n", 1},
		{fault.New(fault.NotInWhitelist, "run"), "ERROR: the server's whitelist does not allow that\n", 1},
		{fault.Bare(fault.ShutdownState), "ERROR: supervisor shutting down\n", 1},
		{fault.Bare(fault.UnknownMethod), "ERROR: the server has no twiddler that can do this\n" +
			"hint: " + twiddlerHint + ", and to be no Supervisor in Python\n", 3},
	} {
		f.answer("twiddler.run", test.err)
		for _, line := range []string{"run -- x", "run --wait -- x", "run --follow -- x"} {
			if got, want := runCtl(t, f.URL, "", line), (reply{"", test.want, test.code}); got != want {
				t.Errorf("%s after %v = %+v, want %+v", line, test.err, got, want)
			}
		}
	}
	got := runCtl(t, "unix:///nope/s.sock", "", "run", "--wait", "--", "x")
	if want := (reply{"", "unix:///nope/s.sock no such file\n", 7}); got != want {
		t.Errorf("without a server: %+v, want %+v", got, want)
	}
}

func TestRunWait(t *testing.T) {
	t.Parallel()
	remove := "twiddler.removeGroup[job map[reason:job has ended]]"
	for _, test := range []struct {
		name, group string
		end         client.End
		change      func(*runFake)
		want        reply
		calls       string
	}{
		{name: "good", end: client.End{State: "EXITED"}, want: reply{"out", "err", 0}, calls: remove},
		{name: "bad", end: client.End{State: "EXITED", Status: 7}, want: reply{"out", "err", 7}, calls: remove},
		{name: "in a group", group: "g", end: client.End{State: "EXITED"}, want: reply{"out", "err", 0},
			calls: "twiddler.apply[[map[action:remove group:g program:job]] map[reason:g:job has ended]]"},
		{name: "killed", end: client.End{State: "EXITED", Status: -1, Signal: 9}, want: reply{"out", "errjob: ended by signal 9 (SIGKILL)\n", 137}, calls: remove},
		{name: "stopped", end: client.End{State: "STOPPED", Status: -1, Signal: 15}, want: reply{"out", "errjob: ended by signal 15 (SIGTERM)\n", 143}, calls: remove},
		{name: "never", end: client.End{State: "STOPPED", Status: -1}, want: reply{"out", "errERROR: job: STOPPED, and its exit status is not known\n", 1}, calls: remove},
		{name: "not started", end: client.End{State: "FATAL", Error: "no fork"}, change: func(f *runFake) { f.text = nil },
			want: reply{"", "ERROR: job could not be started: no fork\n", 1}, calls: remove},
		{name: "torn", end: client.End{State: "EXITED"}, change: func(f *runFake) { f.torn = true; f.text = map[string]string{"stdout": "o", "stderr": ""} },
			want: reply{"o", "ERROR: job: cannot read its stderr: " + errTorn.Error() + "\nERROR: job: cannot read its stdout: " + errTorn.Error() + "\n", 1}, calls: remove},
		{name: "no log", end: client.End{State: "EXITED", Status: 3}, change: func(f *runFake) { delete(f.text, "stderr") },
			want: reply{"out", "ERROR: job: cannot read its stderr: the server answers with status 404\n", 3}, calls: remove},
		{name: "cannot remove", end: client.End{State: "EXITED"}, change: func(f *runFake) { f.answer("twiddler.removeGroup", fault.Bare(fault.Conflict)) },
			want: reply{"out", "err", 0}, calls: remove},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newRunFake(t, test.group, test.end).ended()
			if test.change != nil {
				test.change(f)
			}
			got := runCtl(t, f.URL, "", "run", "--wait", "--name", "job", "--", "x")
			got.errOut = sorted(got.errOut)
			if got != test.want {
				t.Errorf("got %+v\nwant %+v", got, test.want)
			}
			if calls := f.asked(); len(calls) != 3 || calls[1] != "twiddler.wait["+nameIn(test.group)+"]" || calls[2] != test.calls {
				t.Errorf("calls %q", calls)
			}
		})
	}
}

func nameIn(group string) string {
	if group == "" {
		return "job"
	}
	return group + ":job"
}

// sorted orders lines, of which those about two channels come as they may.
func sorted(text string) string {
	lines := strings.SplitAfter(text, "\n")
	if len(lines) < 3 {
		return text
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// With --follow the exit status is the program's too, but nothing is removed.
func TestRunFollow(t *testing.T) {
	t.Parallel()
	f := newRunFake(t, "", client.End{State: "EXITED", Status: 5}).ended()
	got := runCtl(t, f.URL, "", "run", "--follow", "--", "x")
	if want := (reply{"out", "err", 5}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if calls := f.asked(); len(calls) != 2 {
		t.Errorf("calls %q", calls)
	}
}

// What is lost while waiting is told, with what is known of the program.
func TestRunLost(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		answer func([]any) (any, error)
		want   string
	}{
		{func([]any) (any, error) { panic(http.ErrAbortHandler) },
			"ERROR: the connection is lost: cannot reach @URL@: EOF\nhint: job goes on if the server does, and goes by itself after its end\n"},
		{func([]any) (any, error) { return nil, fault.Bare(fault.ShutdownState) }, "ERROR: supervisor shutting down: it stops job\n"},
		{func([]any) (any, error) { return nil, fault.New(fault.BadName, "job") }, "ERROR: job was removed before its end could be seen\n"},
		{func([]any) (any, error) { return nil, fault.New(fault.NotPermitted, "wait") },
			"ERROR: cannot wait for job, which goes on: NOT_PERMITTED: wait\n"},
	} {
		f := newRunFake(t, "", client.End{})
		f.text = map[string]string{"stdout": "", "stderr": ""}
		f.handle("twiddler.wait", test.answer)
		got := runCtl(t, f.URL, "", "run", "--wait", "--", "x")
		if want := (reply{"", strings.ReplaceAll(test.want, "@URL@", f.URL), 1}); got != want {
			t.Errorf("got %+v\nwant %+v", got, want)
		}
	}
}

// Ctrl-C stops the program, once more kills it, and a third time leaves it.
func TestRunInterrupted(t *testing.T) {
	t.Parallel()
	for presses := 1; presses <= 3; presses++ {
		t.Run(fmt.Sprint(presses), func(t *testing.T) {
			t.Parallel()
			f := newRunFake(t, "", client.End{State: "STOPPED", Status: -1, Signal: 15})
			defer f.end()
			f.text = map[string]string{"stdout": "ready", "stderr": ""}
			stop, kill := make(chan struct{}), make(chan struct{}) // closed when it was asked for
			f.handle("stopProcess", func([]any) (any, error) {
				close(stop)
				if presses == 1 {
					f.end()
				}
				<-f.over
				return true, nil
			})
			f.handle("signalProcess", func([]any) (any, error) {
				close(kill)
				if presses == 2 {
					f.end()
				}
				<-f.over
				return true, nil
			})
			c := newConsole(t, f.fake, "", nil, "run", "--wait", "--", "x")
			c.expect("ready")
			c.press(ctrlC)
			c.expect("stopping job; Ctrl-C once more kills it\r\n")
			c.awaits(stop)
			if presses > 1 {
				c.press(ctrlC)
				c.expect("killing job\r\n")
				c.awaits(kill)
			}
			if presses > 2 {
				c.press(ctrlC)
				c.expect("ERROR: left job, which has not ended\r\n")
			}
			c.finish(130, "")
			calls := strings.Join(f.asked(), " ")
			if got := strings.Contains(calls, "removeGroup[job"); got != (presses < 3) || !strings.Contains(calls, "stopProcess[job true]") ||
				strings.Contains(calls, "signalProcess[job KILL]") != (presses > 1) {
				t.Errorf("calls %s", calls)
			}
		})
	}
}

// Ctrl-C leaves a program that is followed running, in the shell too, which
// then goes on.
func TestRunDetached(t *testing.T) {
	t.Parallel()
	f := newRunFake(t, "", client.End{})
	defer f.end()
	f.text = map[string]string{"stdout": "ready", "stderr": ""}
	c := newConsole(t, f.fake, "", nil, "run", "--follow", "--", "x")
	c.expect("ready")
	c.press(ctrlC)
	c.expect("job goes on\r\n")
	c.finish(0, "")

	f.answer("getAllProcessInfo", []any{})
	c = newConsole(t, f.fake, "prompt=p\n", nil)
	c.expect("p> ")
	c.press("run --follow -- x\r")
	c.expect("ready")
	c.press(ctrlC)
	c.expect("job goes on\r\n")
	c.expect("p> ")
	c.press("quit\r")
	<-c.exited
	if calls := strings.Join(f.asked(), " "); strings.Contains(calls, "stopProcess") || strings.Contains(calls, "remove") {
		t.Errorf("calls %s", calls)
	}
}

// In the shell, SIGHUP stops what is waited for before it ends the shell.
func TestRunHangUpInShell(t *testing.T) {
	t.Parallel()
	f := newRunFake(t, "", client.End{State: "STOPPED", Status: -1, Signal: 15})
	defer f.end()
	f.text = map[string]string{"stdout": "ready", "stderr": ""}
	f.answer("getAllProcessInfo", []any{})
	f.handle("stopProcess", func([]any) (any, error) {
		f.end()
		return true, nil
	})
	c := newConsole(t, f.fake, "prompt=p\n", nil)
	c.expect("p> ")
	c.press("run --wait -- x\r")
	c.expect("ready")
	hangUp(c)
	c.expect("stopping job")
	<-c.exited
	if calls := strings.Join(f.asked(), " "); !strings.Contains(calls, "stopProcess[job true]") || !strings.Contains(calls, "removeGroup[job") {
		t.Errorf("calls %s", calls)
	}
	if !endedBy(c, 1) {
		t.Errorf("the shell ends with %v", c.cmd.ProcessState)
	}
}

// awaits waits for a call, which comes before the end if it comes at all.
func (c *console) awaits(call <-chan struct{}) {
	c.Helper()
	select {
	case <-call:
	case <-c.exited:
		c.Fatal("it ended without the call")
	}
}

func hangUp(c *console) {
	c.Helper()
	if err := c.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		c.Fatal(err)
	}
}

func endedBy(c *console, sig syscall.Signal) bool {
	status, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == sig
}
