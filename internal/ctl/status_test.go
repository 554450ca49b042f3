package ctl

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/twiddler/client"
	"example.org/twiddler/fault"
)

func statusFake(t *testing.T) *fake {
	f := newFake(t)
	f.answer("getAllProcessInfo", []any{
		process("cat", "cat", 20, "RUNNING", "pid 4711, uptime 0:00:01"),
		process("g", "a", 10, "STARTING", ""),
		process("g", "b", 40, "STOPPING", ""),
		process("idle", "idle", 0, "STOPPED", "Not started"),
	})
	return f
}

// TestStatus: Supervisor 4.2.5, supervisorctl.py, do_status, _show_statuses.
func TestStatus(t *testing.T) {
	t.Parallel()
	f := statusFake(t)
	const (
		cat  = "cat                              RUNNING   pid 4711, uptime 0:00:01\n"
		a    = "g:a                              STARTING  \n"
		b    = "g:b                              STOPPING  \n"
		idle = "idle                             STOPPED   Not started\n"
	)
	for _, test := range []struct {
		line, want string
		code       int
	}{
		{"status", cat + a + b + idle, 3},
		{"status all nope", cat + a + b + idle, 3},
		{"status cat", cat, 0},
		{"status g:a", a, 0},
		{"status g:*", a + b, 0},
		{"status g: cat cat", a + b + cat + cat, 0},
		{"status g", "g: ERROR (no such process)\n", 4},
		{"status g:x", "g:x: ERROR (no such process)\n", 4},
		{"status cat x:*", "x: ERROR (no such group)\n" + cat, 4},
		{"status idle nope", "nope: ERROR (no such process)\n" + idle, 3},
		{"status *", "*: ERROR (no such process)\n", 4},
	} {
		f.one(t, test.line, test.want, test.code)
	}
}

func TestStatusColumns(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	long := strings.Repeat("ä", 40)
	f.answer("getAllProcessInfo", []any{
		process(long, long, 20, "RUNNING", "x"), process("b", "b", 200, "FATAL", `unknown error (try "tail b")`),
	})
	f.one(t, "status", long+"   RUNNING   x\n"+
		"b"+strings.Repeat(" ", 42)+"FATAL     unknown error (try \"tail b\")\n", 3)
	f.one(t, "status b", "b"+strings.Repeat(" ", 32)+"FATAL     unknown error (try \"tail b\")\n", 3)
	f.answer("getAllProcessInfo", []any{})
	f.one(t, "status", "", 0)
	f.answer("getAllProcessInfo", fault.Bare(fault.ShutdownState))
	f.one(t, "status", exceptionOf(6, "SHUTDOWN_STATE"), 1)
}

// TestStatesOfStatus: which states make status fail.
func TestStatesOfStatus(t *testing.T) {
	t.Parallel()
	for state, code := range map[client.ProcessState]int{
		client.Stopped: 3, client.Starting: 0, client.Running: 0, client.Backoff: 0,
		client.Stopping: 0, client.Exited: 3, client.Fatal: 3, client.Unknown: 3,
	} {
		f := newFake(t)
		f.answer("getAllProcessInfo", []any{process("a", "a", int(state), "S", "")})
		if got := runCtl(t, f.URL, "", "status"); got.code != code {
			t.Errorf("state %d: exit status %d, want %d", state, got.code, code)
		}
	}
}

func TestStatusJSON(t *testing.T) {
	t.Parallel()
	f := statusFake(t)
	for _, args := range [][]string{{"status", "--json"}, {"status --json all"}} {
		got := runCtl(t, f.URL, "", args...)
		var list []map[string]any
		if err := json.Unmarshal([]byte(got.out), &list); err != nil || len(list) != 4 || got.code != 3 {
			t.Fatalf("%q = %+v (%v)", args, got, err)
		}
		first := list[0]
		for key, want := range map[string]any{"name": "cat", "group": "cat", "state": 20.0, "statename": "RUNNING",
			"description": "pid 4711, uptime 0:00:01", "pid": 4711.0, "start": 100.0, "stop": 0.0, "now": 200.0,
			"exitstatus": 0.0, "spawnerr": "", "stdout_logfile": "/log", "stderr_logfile": ""} {
			if first[key] != want {
				t.Errorf("%s = %v, want %v", key, first[key], want)
			}
		}
		if len(first) != 13 {
			t.Errorf("%d members: %v", len(first), first)
		}
	}
	got := runCtl(t, f.URL, "", "status", "nope", "--json")
	if want := (reply{"[]\n", "nope: ERROR (no such process)\n", 4}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	f.one(t, "status --json -w", "Error: status --json and --watch do not go together\n", 2)
}

func TestPID(t *testing.T) {
	t.Parallel()
	f := statusFake(t)
	f.answer("getPID", 99)
	f.handle("getProcessInfo", func(params []any) (any, error) {
		switch params[0] {
		case "cat":
			return process("cat", "cat", 20, "RUNNING", ""), nil
		case "idle":
			return process("idle", "idle", 0, "STOPPED", ""), nil
		case "odd":
			return nil, fault.New(fault.Failed, "x")
		}
		return nil, fault.New(fault.BadName, "x")
	})
	f.one(t, "pid", "99\n", 0)
	f.one(t, "pid all", "4711\n0\n0\n0\n", 0)
	f.one(t, "pid cat", "4711\n", 0)
	f.one(t, "pid cat idle", "4711\n0\n", 7)
	f.one(t, "pid idle nope cat", "0\nNo such process nope\n4711\n", 1)
	f.one(t, "pid g:*", "No such process g:*\n", 1)
	f.one(t, "pid odd cat", exceptionOf(30, "FAILED: x"), 1)
}

// TestDrawChanges: a watched status that is piped has a line for each change,
// and none for time that passes.
func TestDrawChanges(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	s := &session{options: &options{}, out: &out}
	draw := s.drawChanges()
	a := client.ProcessInfo{Name: "a", Group: "a", State: client.Running, StateName: "RUNNING", PID: 5, Description: "uptime 1"}
	b := client.ProcessInfo{Name: "b", Group: "b", State: client.Stopped, StateName: "STOPPED"}
	draw([]client.ProcessInfo{a, b}, nil)
	a.Description = "uptime 2"
	draw([]client.ProcessInfo{a, b}, nil)
	a.PID = 6
	draw([]client.ProcessInfo{a, b}, nil)
	draw(nil, []string{"refused"})
	draw(nil, []string{"refused"})
	draw([]client.ProcessInfo{b}, nil)
	var words []string
	for line := range strings.Lines(out.String()) {
		words = append(words, strings.Fields(line)[0])
	}
	if want := []string{"a", "b", "a", "refused", "b"}; !slices.Equal(words, want) {
		t.Errorf("lines of %q, want %q:\n%s", words, want, out.String())
	}
}

func TestDrawScreen(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	s := &session{options: &options{}, out: &out, tty: true, size: func() (int, int) { return 60, 4 }}
	shown := make([]client.ProcessInfo, 5)
	for i := range shown {
		shown[i] = client.ProcessInfo{Name: "p\x1b", Group: "p\x1b", StateName: "RUNNING", Description: strings.Repeat("d", 99)}
	}
	s.drawScreen(shown, nil)
	line := "p^[                              RUNNING   " + strings.Repeat("d", 17) + "\x1b[K\n"
	if want := "\x1b[H" + line + line + "… and 3 more\x1b[K\n\x1b[J"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestPaint(t *testing.T) {
	t.Parallel()
	s := &session{}
	if got := s.paint(client.Running, "RUNNING   "); got != "RUNNING   " {
		t.Errorf("without colours: %q", got)
	}
	s.colour = true
	for state, want := range map[client.ProcessState]string{
		client.Running: "\x1b[32mX\x1b[0m  ", client.Backoff: "\x1b[33mX\x1b[0m  ",
		client.Fatal: "\x1b[31mX\x1b[0m  ", client.Exited: "\x1b[2mX\x1b[0m  ",
	} {
		if got := s.paint(state, "X  "); got != want {
			t.Errorf("%d: %q, want %q", state, got, want)
		}
	}
}

func TestSeconds(t *testing.T) {
	t.Parallel()
	if got := seconds(time.Time{}); got != 0 {
		t.Errorf("never = %d", got)
	}
	if got := seconds(time.Unix(7, 9)); got != 7 {
		t.Errorf("%d, want 7", got)
	}
}
