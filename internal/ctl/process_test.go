package ctl

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/xmlrpc"
)

// exceptionOf is the line for a fault that no command handles.
func exceptionOf(code int, name string) string {
	return fmt.Sprintf("error: <class 'xmlrpc.client.Fault'>, <Fault %d: '%s'>: file: supervisorctl line: 0\n", code, name)
}

func unknownResult(code int, name string) string {
	return fmt.Sprintf("error: <class 'ValueError'>, Unknown result code %d for %s: file: supervisorctl line: 0\n", code, name)
}

// TestFaultsOfOperations has a row for each fault of each operation: as the
// fault of one process, and as one result among those of a group and of all.
// Supervisor 4.2.5, supervisorctl.py, _startresult, _signalresult,
// _clearresult, set_exitstatus_from_xmlrpc_fault.
func TestFaultsOfOperations(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		line string // with N for the name
		code fault.Code
		want string // with N for the name
		exit int
	}{
		{"start N", fault.Success, "N: started", 0},
		{"start N", fault.BadName, "N: ERROR (no such process)", 1},
		{"start N", fault.NoFile, "N: ERROR (no such file)", 1},
		{"start N", fault.NotExecutable, "N: ERROR (file is not executable)", 1},
		{"start N", fault.AlreadyStarted, "N: ERROR (already started)", 0},
		{"start N", fault.SpawnError, "N: ERROR (spawn error)", 7},
		{"start N", fault.AbnormalTermination, "N: ERROR (abnormal termination)", 7},
		{"start N", fault.Failed, "", 1},
		{"start N", fault.ShutdownState, "", 1},
		{"start N", fault.NotRunning, "", 1},
		{"stop N", fault.Success, "N: stopped", 0},
		{"stop N", fault.BadName, "N: ERROR (no such process)", 1},
		{"stop N", fault.BadSignal, "N: ERROR (bad signal name)", 1},
		{"stop N", fault.NotRunning, "N: ERROR (not running)", 0},
		{"stop N", fault.Failed, "FAILED: it is stuck", 1},
		{"stop N", fault.ShutdownState, "", 1},
		{"signal HUP N", fault.Success, "N: signalled", 0},
		{"signal HUP N", fault.BadName, "N: ERROR (no such process)", 1},
		{"signal HUP N", fault.BadSignal, "N: ERROR (bad signal name)", 1},
		{"signal HUP N", fault.NotRunning, "N: ERROR (not running)", 7},
		{"signal HUP N", fault.Failed, "FAILED: it is stuck", 1},
		{"signal HUP N", fault.SpawnError, "", 1},
		{"clear N", fault.Success, "N: cleared", 0},
		{"clear N", fault.BadName, "N: ERROR (no such process)", 1},
		{"clear N", fault.Failed, "N: ERROR (failed)", 1},
		{"clear N", fault.NoFile, "", 1},
	} {
		t.Run(fmt.Sprintf("%s %v", test.line, test.code), func(t *testing.T) {
			t.Parallel()
			verb, _, _ := strings.Cut(test.line, " ")
			f := newFake(t)
			text := test.code.String()
			if test.code == fault.Failed {
				text = "FAILED: it is stuck"
			}
			results := []any{result("g", "p", int(test.code), text)}
			one, all := verb+"Process", verb+"AllProcesses"
			if verb == "clear" {
				one, all = "clearProcessLogs", "clearAllProcessLogs"
			}
			f.answer(all, results)
			f.answer(verb+"ProcessGroup", results)
			f.answer(one, any(true))
			if test.code != fault.Success {
				f.answer(one, &xmlrpcFault{int(test.code), text})
			}
			want := strings.ReplaceAll(test.want, "N", "g:p") + "\n"
			if test.want == "" {
				want = unknownResult(int(test.code), "g:p")
			}
			f.one(t, strings.Replace(test.line, "N", "g:p", 1), want, test.exit)
			f.one(t, strings.Replace(test.line, "N", "all", 1), want, test.exit)
			if verb != "clear" {
				f.one(t, strings.Replace(test.line, "N", "g:*", 1), want, test.exit)
			}
		})
	}
}

// xmlrpcFault is a fault with a text of its own.
type xmlrpcFault struct {
	code int
	text string
}

func (e *xmlrpcFault) Error() string { return e.text }

func (e *xmlrpcFault) Unwrap() error { return (&xmlrpc.Fault{Code: e.code, Text: e.text}).Unwrap() }

func TestOperationsOnUnknownGroups(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	for _, verb := range []string{"start", "stop", "signal"} {
		f.answer(verb+"ProcessGroup", fault.New(fault.BadName, "x"))
	}
	f.answer("clearProcessLogs", fault.New(fault.BadName, "x:*"))
	f.one(t, "start x:", "x: ERROR (no such group)\n", 2)
	f.one(t, "stop x:*", "x: ERROR (no such group)\n", 1)
	f.one(t, "signal HUP x:*", "x: ERROR (no such group)\n", 1)
	f.one(t, "clear x:*", "x:None: ERROR (no such process)\n", 1)
	f.one(t, "restart x:*", "x: ERROR (no such group)\nx: ERROR (no such group)\n", 2)
}

// TestOperationsStopAtTheFirstSurprise: what is not in the tables ends the
// command, and names after it are not touched.
func TestOperationsStopAtTheFirstSurprise(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.answer("stopProcessGroup", fault.Bare(fault.ShutdownState))
	f.answer("stopAllProcesses", fault.Bare(fault.ShutdownState))
	f.answer("stopProcess", true)
	f.answer("startProcess", true)
	f.one(t, "stop a g:* b", "a: stopped\n"+exceptionOf(6, "SHUTDOWN_STATE"), 1)
	f.one(t, "restart a g:*", "a: stopped\n"+exceptionOf(6, "SHUTDOWN_STATE"), 1)
	f.one(t, "stop all", exceptionOf(6, "SHUTDOWN_STATE"), 1)
	want := []string{"stopProcess[a true]", "stopProcessGroup[g true]",
		"stopProcess[a true]", "stopProcessGroup[g true]", "stopAllProcesses[true]"}
	if got := f.asked(); !slices.Equal(got, want) {
		t.Errorf("calls = %q, want %q", got, want)
	}
}

// TestLastFailureDecides: a success does not reset the exit status.
func TestLastFailureDecides(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	faults := map[string]error{"bad": fault.New(fault.BadName, "bad"), "dead": fault.New(fault.SpawnError, "dead")}
	f.handle("startProcess", func(params []any) (any, error) { return true, faults[params[0].(string)] })
	f.one(t, "start bad dead ok", "bad: ERROR (no such process)\ndead: ERROR (spawn error)\nok: started\n", 7)
	f.one(t, "start dead bad ok", "dead: ERROR (spawn error)\nbad: ERROR (no such process)\nok: started\n", 1)
}

func TestAllWinsOverNames(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.answer("signalAllProcesses", []any{result("a", "a", 80, "OK"), result("g", "b", 70, "NOT_RUNNING")})
	f.one(t, "signal USR1 x all y", "a: signalled\ng:b: ERROR (not running)\n", 7)
	if got := f.asked(); !slices.Equal(got, []string{"signalAllProcesses[USR1]"}) {
		t.Errorf("calls = %q", got)
	}
}

func TestMissingNames(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	for line, want := range map[string]struct {
		text string
		help []string
		code int
	}{
		"start":      {"Error: start requires a process name", startHelp, 2},
		"stop":       {"Error: stop requires a process name", stopHelp, 1},
		"restart":    {"Error: restart requires a process name", restartHelp, 1},
		"signal":     {"Error: signal requires a signal name and a process name", signalHelp, 1},
		"signal HUP": {"Error: signal requires a signal name and a process name", signalHelp, 1},
		"clear":      {"Error: clear requires a process name", clearHelp, 1},
	} {
		f.one(t, line, want.text+"\n"+strings.Join(want.help, "\n")+"\n", want.code)
	}
	if got := f.asked(); len(got) != 0 {
		t.Errorf("calls = %q", got)
	}
}
