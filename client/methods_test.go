package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/xmlrpc"
	"example.org/twiddler/level"
)

// A wireCase is a typed call, what it must send, what the server answers, and
// what comes of it.
type wireCase struct {
	call   func(context.Context, *Client) (any, error)
	method string
	params []any
	answer any
	want   any
}

// members is how a server sends a struct.
type members = map[string]any

func noResult(err error) (any, error) { return nil, err }

var someResults = []any{
	members{"name": "a", "group": "g", "status": 80, "description": "OK"},
	members{"name": "b", "group": "b", "status": 50, "description": "SPAWN_ERROR: b"},
}

var wantResults = []Result{{"a", "g", 80, "OK"}, {"b", "b", 50, "SPAWN_ERROR: b"}}

func wireCases() []wireCase {
	type C = context.Context
	return []wireCase{
		{func(x C, c *Client) (any, error) { return c.GetAPIVersion(x) }, "supervisor.getAPIVersion", nil, "3.0", "3.0"},
		{func(x C, c *Client) (any, error) { return c.GetSupervisorVersion(x) }, "supervisor.getSupervisorVersion", nil, "4.2.5", "4.2.5"},
		{func(x C, c *Client) (any, error) { return c.GetIdentification(x) }, "supervisor.getIdentification", nil, "supervisor", "supervisor"},
		{func(x C, c *Client) (any, error) { return c.GetPID(x) }, "supervisor.getPID", nil, 12, 12},
		{func(x C, c *Client) (any, error) { return c.GetState(x) }, "supervisor.getState", nil, members{"statecode": 1, "statename": "RUNNING"}, ServerState{1, "RUNNING"}},
		{func(x C, c *Client) (any, error) { return c.ReadLog(x, -5, 0) }, "supervisor.readLog", []any{-5, 0}, "log", "log"},
		{func(x C, c *Client) (any, error) { return noResult(c.ClearLog(x)) }, "supervisor.clearLog", nil, true, nil},
		{func(x C, c *Client) (any, error) { return noResult(c.Shutdown(x)) }, "supervisor.shutdown", nil, true, nil},
		{func(x C, c *Client) (any, error) { return noResult(c.Restart(x)) }, "supervisor.restart", nil, true, nil},
		{
			func(x C, c *Client) (any, error) { return c.ReloadConfig(x) }, "supervisor.reloadConfig", nil,
			[]any{[]any{[]string{"a", "b"}, []string{}, []string{"c"}}}, Reload{[]string{"a", "b"}, []string{}, []string{"c"}},
		},
		{func(x C, c *Client) (any, error) { return noResult(c.AddProcessGroup(x, "g")) }, "supervisor.addProcessGroup", []any{"g"}, true, nil},
		{func(x C, c *Client) (any, error) { return noResult(c.RemoveProcessGroup(x, "g")) }, "supervisor.removeProcessGroup", []any{"g"}, true, nil},
		{func(x C, c *Client) (any, error) { return noResult(c.StartProcess(x, "g:a", false)) }, "supervisor.startProcess", []any{"g:a", false}, true, nil},
		{func(x C, c *Client) (any, error) { return c.StartProcessGroup(x, "g", true) }, "supervisor.startProcessGroup", []any{"g", true}, someResults, wantResults},
		{func(x C, c *Client) (any, error) { return c.StartAllProcesses(x, true) }, "supervisor.startAllProcesses", []any{true}, []any{}, []Result{}},
		{func(x C, c *Client) (any, error) { return noResult(c.StopProcess(x, "g:*", true)) }, "supervisor.stopProcess", []any{"g:*", true}, someResults[:1], nil},
		{func(x C, c *Client) (any, error) { return c.StopProcessGroup(x, "g", false) }, "supervisor.stopProcessGroup", []any{"g", false}, someResults, wantResults},
		{func(x C, c *Client) (any, error) { return c.StopAllProcesses(x, true) }, "supervisor.stopAllProcesses", []any{true}, someResults, wantResults},
		{func(x C, c *Client) (any, error) { return noResult(c.SignalProcess(x, "a", "HUP")) }, "supervisor.signalProcess", []any{"a", "HUP"}, true, nil},
		{func(x C, c *Client) (any, error) { return c.SignalProcessGroup(x, "g", "1") }, "supervisor.signalProcessGroup", []any{"g", "1"}, someResults, wantResults},
		{func(x C, c *Client) (any, error) { return c.SignalAllProcesses(x, "HUP") }, "supervisor.signalAllProcesses", []any{"HUP"}, someResults, wantResults},
		{func(x C, c *Client) (any, error) { return c.ReadProcessStdoutLog(x, "a", 0, 5) }, "supervisor.readProcessStdoutLog", []any{"a", 0, 5}, "out", "out"},
		{func(x C, c *Client) (any, error) { return c.ReadProcessStderrLog(x, "a", 0, 1<<40) }, "supervisor.readProcessStderrLog", []any{"a", 0, 1 << 40}, "err", "err"},
		{func(x C, c *Client) (any, error) { return c.TailProcessStdoutLog(x, "a", 0, 5) }, "supervisor.tailProcessStdoutLog", []any{"a", 0, 5}, []any{"d", 1 << 40, true}, TailResult{"d", 1 << 40, true}},
		{func(x C, c *Client) (any, error) { return c.TailProcessStderrLog(x, "a", 0, 5) }, "supervisor.tailProcessStderrLog", []any{"a", 0, 5}, []any{"", 0, false}, TailResult{}},
		{func(x C, c *Client) (any, error) { return noResult(c.ClearProcessLogs(x, "a")) }, "supervisor.clearProcessLogs", []any{"a"}, true, nil},
		{func(x C, c *Client) (any, error) { return c.ClearAllProcessLogs(x) }, "supervisor.clearAllProcessLogs", nil, someResults, wantResults},
		{func(x C, c *Client) (any, error) { return noResult(c.SendProcessStdin(x, "a", "é\r\n")) }, "supervisor.sendProcessStdin", []any{"a", "é\r\n"}, true, nil},
		{func(x C, c *Client) (any, error) { return noResult(c.SendRemoteCommEvent(x, "t", "d")) }, "supervisor.sendRemoteCommEvent", []any{"t", "d"}, true, nil},
		{func(x C, c *Client) (any, error) { return c.ListMethods(x) }, "system.listMethods", nil, []string{"a.b"}, []string{"a.b"}},
		{func(x C, c *Client) (any, error) { return c.MethodHelp(x, "a.b") }, "system.methodHelp", []any{"a.b"}, "help", "help"},
		{func(x C, c *Client) (any, error) { return c.MethodSignature(x, "a.b") }, "system.methodSignature", []any{"a.b"}, []string{"int", "string"}, []string{"int", "string"}},
		{func(x C, c *Client) (any, error) { return c.Twiddler().GetAPIVersion(x) }, "twiddler.getAPIVersion", nil, "1.0", "1.0"},
		{func(x C, c *Client) (any, error) { return c.Twiddler().GetGroupNames(x) }, "twiddler.getGroupNames", nil, []string{"g"}, []string{"g"}},
		{
			func(x C, c *Client) (any, error) {
				return noResult(c.Twiddler().AddProgramToGroup(x, "g", "p", map[string]any{"command": "ls", "priority": 5}))
			}, "twiddler.addProgramToGroup", []any{"g", "p", map[string]any{"command": "ls", "priority": 5}}, true, nil,
		},
		{func(x C, c *Client) (any, error) { return noResult(c.Twiddler().RemoveProcessFromGroup(x, "g", "p")) }, "twiddler.removeProcessFromGroup", []any{"g", "p"}, true, nil},
		{func(x C, c *Client) (any, error) { return noResult(c.Twiddler().Log(x, "m", level.Warn)) }, "twiddler.log", []any{"m", 30}, true, nil},
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	for _, wire := range wireCases() {
		t.Run(wire.method, func(t *testing.T) {
			t.Parallel()
			var sent *xmlrpc.Call
			c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				sent, _ = xmlrpc.DecodeCall(body, xmlrpc.Limits{})
				answer(t, wire.answer)(w, r)
			}))
			got, err := wire.call(t.Context(), c)
			if err != nil || !reflect.DeepEqual(got, wire.want) {
				t.Errorf("got %#v, %v, want %#v", got, err, wire.want)
			}
			if sent == nil || sent.Method != wire.method || !reflect.DeepEqual(sent.Params, wire.params) {
				t.Errorf("sent %+v, want %s%v", sent, wire.method, wire.params)
			}
		})
	}
}

// An answer of a wrong type is an error of every method, and says which.
func TestMethodsWrongAnswer(t *testing.T) {
	t.Parallel()
	for _, wrong := range []any{1.5, []any{1.5}, []any{[]any{1.5, 1.5, 1.5}}, members{"statecode": "x"}, false, nil} {
		c := serve(t, answer(t, wrong))
		for _, wire := range wireCases() {
			got, err := wire.call(t.Context(), c)
			if err == nil || !strings.Contains(err.Error(), wire.method) {
				t.Errorf("%s answers %v: got %#v, %v, want an error", wire.method, wrong, got, err)
			}
		}
	}
}

func TestProcessInfo(t *testing.T) {
	t.Parallel()
	c := serve(t, answer(t, members{
		"name":           "p",
		"group":          "g",
		"start":          1700000000,
		"stop":           0,
		"now":            1700000100,
		"state":          20,
		"statename":      "RUNNING",
		"spawnerr":       "",
		"exitstatus":     -1,
		"logfile":        "/x",
		"stdout_logfile": "/x",
		"stderr_logfile": "",
		"pid":            123,
		"description":    "pid 123, uptime 0:01:40",
		"added_later":    1,
	}))
	got, err := c.GetProcessInfo(t.Context(), "g:p")
	want := ProcessInfo{
		Name: "p", Group: "g", Start: time.Unix(1700000000, 0), Now: time.Unix(1700000100, 0), State: Running, StateName: "RUNNING",
		ExitStatus: -1, StdoutLogfile: "/x", PID: 123, Description: "pid 123, uptime 0:01:40",
	}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if got.Namespec() != "g:p" || (ProcessInfo{Name: "a", Group: "a"}).Namespec() != "a" {
		t.Errorf("namespec %q", got.Namespec())
	}
}

func TestConfigInfo(t *testing.T) {
	t.Parallel()
	c := serve(t, answer(t, []any{
		members{
			"name":                    "p",
			"group":                   "g",
			"uid":                     "none",
			"directory":               "none",
			"autostart":               1,
			"autorestart":             "unexpected",
			"exitcodes":               []any{0, 2},
			"startsecs":               3,
			"stopwaitsecs":            10,
			"stdout_logfile":          "auto",
			"stdout_logfile_maxbytes": 1 << 31,
			"stderr_syslog":           true,
		},
		members{"uid": 33, "autorestart": false, "serverurl": "unix:///x", "directory": "/d"},
	}))
	got, err := c.GetAllConfigInfo(t.Context())
	want := []ConfigInfo{
		{
			Name: "p", Group: "g", UID: -1, AutoStart: true, AutoRestart: "unexpected", ExitCodes: []int{0, 2}, StartWait: 3 * time.Second,
			StopWait: 10 * time.Second, Stdout: LogConfig{File: "auto", MaxBytes: 1 << 31}, Stderr: LogConfig{Syslog: true},
		},
		{UID: 33, AutoRestart: "false", ServerURL: "unix:///x", Directory: "/d"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
}

// The faults of a whole group are found in the one error.
func TestWholeGroupFaults(t *testing.T) {
	t.Parallel()
	c := serve(t, answer(t, someResults))
	err := c.StartProcess(t.Context(), "g:*", true)
	if !fault.Is(err, fault.SpawnError) || err.Error() != "SPAWN_ERROR: b" {
		t.Errorf("error %v", err)
	}
}

func TestResult(t *testing.T) {
	t.Parallel()
	if err := wantResults[0].Err(); err != nil || wantResults[0].Namespec() != "g:a" {
		t.Errorf("%+v: %v", wantResults[0], err)
	}
	var f *fault.Error
	if err := wantResults[1].Err(); !errors.As(err, &f) || *f != *fault.New(fault.SpawnError, "b") || wantResults[1].Namespec() != "b" {
		t.Errorf("%+v: %v", wantResults[1], err)
	}
}

func TestMulticall(t *testing.T) {
	t.Parallel()
	var sent *xmlrpc.Call
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent, _ = xmlrpc.DecodeCall(body, xmlrpc.Limits{})
		answer(t, []any{true, &xmlrpc.Fault{Code: 10, Text: "BAD_NAME: x"}, []any{"one"}, members{"faultCode": "odd"}})(w, r)
	}))
	calls := []MethodCall{{"a.b", []any{"x", 1}}, {"c.d", nil}, {"e.f", nil}, {"g.h", nil}}
	got, err := c.Multicall(t.Context(), calls)
	if err != nil || len(got) != 4 {
		t.Fatalf("got %v, %v", got, err)
	}
	if got[0].Value != true || got[0].Err != nil || !fault.Is(got[1].Err, fault.BadName) ||
		!reflect.DeepEqual(got[2].Value, []any{"one"}) || got[3].Err != nil {
		t.Errorf("got %+v", got)
	}
	first := map[string]any{"methodName": "a.b", "params": []any{"x", 1}}
	if parts, ok := sent.Params[0].([]any); !ok || len(parts) != 4 || !reflect.DeepEqual(parts[0], first) ||
		!reflect.DeepEqual(parts[1], map[string]any{"methodName": "c.d", "params": []any{}}) {
		t.Errorf("sent %v", sent.Params)
	}
	if got, err := c.Multicall(t.Context(), calls[:1]); err == nil {
		t.Errorf("four results for one call: %v, want an error", got)
	}
}

func TestProcessStateLive(t *testing.T) {
	t.Parallel()
	for _, s := range []ProcessState{Stopped, Starting, Running, Backoff, Stopping, Exited, Fatal, Unknown} {
		if want := s == 10 || s == 20 || s == 30; s.Live() != want {
			t.Errorf("%d: Live = %v", s, s.Live())
		}
	}
}
