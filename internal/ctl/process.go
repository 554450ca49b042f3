package ctl

import (
	"context"
	"fmt"
	"slices"

	"example.org/twiddler/client"
	"example.org/twiddler/fault"
)

var (
	startHelp = []string{
		"start <name>\t\tStart a process",
		"start <gname>:*\t\tStart all processes in a group",
		"start <name> <name>\tStart multiple processes or groups",
		"start all\t\tStart all processes",
	}
	stopHelp = []string{
		"stop <name>\t\tStop a process",
		"stop <gname>:*\t\tStop all processes in a group",
		"stop <name> <name>\tStop multiple processes or groups",
		"stop all\t\tStop all processes",
	}
	restartHelp = []string{
		"restart <name>\t\tRestart a process",
		"restart <gname>:*\tRestart all processes in a group",
		"restart <name> <name>\tRestart multiple processes or groups",
		"restart all\t\tRestart all processes",
		"Note: restart does not reread config files. For that, see reread and update.",
	}
	signalHelp = []string{
		"signal <signal name> <name>\t\tSignal a process",
		"signal <signal name> <gname>:*\t\tSignal all processes in a group",
		"signal <signal name> <name> <name>\tSignal multiple processes or groups",
		"signal <signal name> all\t\tSignal all processes",
	}
	clearHelp = []string{
		"clear <name>\t\tClear a process' log files.",
		"clear <name> <name>\tClear multiple process' log files",
		"clear all\t\tClear all process' log files",
	}
)

// An operation is what start, stop, signal and clear have in common: something
// is done to processes by name, to groups, or to all, and each result has its
// line.
type operation struct {
	done      string                // "started"
	errors    map[fault.Code]string // the words for each fault
	verbatim  bool                  // FAILED shows its own text
	ignored   fault.Code            // does not change the exit status; 0 for none
	badGroup  int                   // exit status for an unknown group
	all       func(context.Context, *client.Client) ([]client.Result, error)
	group     func(context.Context, *client.Client, string) ([]client.Result, error) // nil: it knows no groups
	processes func(context.Context, *client.Client, string) error
}

// Supervisor 4.2.5, supervisorctl.py, _startresult and do_start.
func startOperation() operation {
	return operation{
		done: "started",
		errors: map[fault.Code]string{
			fault.BadName:             "no such process",
			fault.NoFile:              "no such file",
			fault.NotExecutable:       "file is not executable",
			fault.AlreadyStarted:      "already started",
			fault.SpawnError:          "spawn error",
			fault.AbnormalTermination: "abnormal termination",
		},
		ignored:  fault.AlreadyStarted,
		badGroup: exitInvalidArgs,
		all: func(ctx context.Context, c *client.Client) ([]client.Result, error) {
			return c.StartAllProcesses(ctx, true)
		},
		group: func(ctx context.Context, c *client.Client, name string) ([]client.Result, error) {
			return c.StartProcessGroup(ctx, name, true)
		},
		processes: func(ctx context.Context, c *client.Client, name string) error {
			return c.StartProcess(ctx, name, true)
		},
	}
}

// signalErrors are the words of stop and signal. Supervisor 4.2.5,
// supervisorctl.py, _signalresult.
func signalErrors() map[fault.Code]string {
	return map[fault.Code]string{
		fault.BadName:    "no such process",
		fault.BadSignal:  "bad signal name",
		fault.NotRunning: "not running",
	}
}

// Supervisor 4.2.5, supervisorctl.py, do_stop.
func stopOperation() operation {
	return operation{
		done: "stopped", errors: signalErrors(), verbatim: true, ignored: fault.NotRunning, badGroup: exitGeneric,
		all: func(ctx context.Context, c *client.Client) ([]client.Result, error) {
			return c.StopAllProcesses(ctx, true)
		},
		group: func(ctx context.Context, c *client.Client, name string) ([]client.Result, error) {
			return c.StopProcessGroup(ctx, name, true)
		},
		processes: func(ctx context.Context, c *client.Client, name string) error {
			return c.StopProcess(ctx, name, true)
		},
	}
}

// Supervisor 4.2.5, supervisorctl.py, do_signal.
func signalOperation(signal string) operation {
	return operation{
		done: "signalled", errors: signalErrors(), verbatim: true, badGroup: exitGeneric,
		all: func(ctx context.Context, c *client.Client) ([]client.Result, error) {
			return c.SignalAllProcesses(ctx, signal)
		},
		group: func(ctx context.Context, c *client.Client, name string) ([]client.Result, error) {
			return c.SignalProcessGroup(ctx, name, signal)
		},
		processes: func(ctx context.Context, c *client.Client, name string) error {
			return c.SignalProcess(ctx, name, signal)
		},
	}
}

// Supervisor 4.2.5, supervisorctl.py, _clearresult and do_clear.
func clearOperation() operation {
	return operation{
		done:   "cleared",
		errors: map[fault.Code]string{fault.BadName: "no such process", fault.Failed: "failed"},
		all: func(ctx context.Context, c *client.Client) ([]client.Result, error) {
			return c.ClearAllProcessLogs(ctx)
		},
		processes: func(ctx context.Context, c *client.Client, name string) error { return c.ClearProcessLogs(ctx, name) },
	}
}

func start(ctx context.Context, s *session, a args) error {
	if len(a.words) == 0 {
		return s.usage(exitInvalidArgs, "Error: start requires a process name", startHelp)
	}
	return s.operate(ctx, startOperation(), a.words)
}

func stop(ctx context.Context, s *session, a args) error {
	if len(a.words) == 0 {
		return s.usage(exitGeneric, "Error: stop requires a process name", stopHelp)
	}
	return s.operate(ctx, stopOperation(), a.words)
}

// restart stops all that is named and then starts it: a name that is unknown
// is told twice.
func restart(ctx context.Context, s *session, a args) error {
	if len(a.words) == 0 {
		return s.usage(exitGeneric, "Error: restart requires a process name", restartHelp)
	}
	if err := s.operate(ctx, stopOperation(), a.words); err != nil {
		return err
	}
	return s.operate(ctx, startOperation(), a.words)
}

func signalProcesses(ctx context.Context, s *session, a args) error {
	if len(a.words) < 2 {
		return s.usage(exitGeneric, "Error: signal requires a signal name and a process name", signalHelp)
	}
	return s.operate(ctx, signalOperation(a.words[0]), a.words[1:])
}

func clearLogs(ctx context.Context, s *session, a args) error {
	if len(a.words) == 0 {
		return s.usage(exitGeneric, "Error: clear requires a process name", clearHelp)
	}
	return s.operate(ctx, clearOperation(), a.words)
}

// usage prints what is wrong with the arguments, and the help.
func (s *session) usage(status int, text string, help []string) error {
	s.fail(status, "%s", text)
	s.lines(help)
	return nil
}

func (s *session) lines(lines []string) {
	for _, line := range lines {
		s.say("%s", line)
	}
}

// operate does o to everything named.
func (s *session) operate(ctx context.Context, o operation, names []string) error {
	c, err := s.server()
	if err != nil {
		return err
	}
	if slices.Contains(names, "all") {
		results, err := o.all(ctx, c)
		if err != nil {
			return err
		}
		return s.reportAll(o, results)
	}
	for _, name := range names {
		if _, _, whole := split(name); whole && o.group != nil {
			err = s.operateGroup(ctx, c, o, name)
		} else {
			err = s.operateProcess(ctx, c, o, name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *session) operateGroup(ctx context.Context, c *client.Client, o operation, name string) error {
	group, _, _ := split(name)
	results, err := o.group(ctx, c, group)
	if fault.Is(err, fault.BadName) {
		s.fail(o.badGroup, "%s: ERROR (no such group)", group)
		return nil
	}
	if code, text, ok := faultOf(err); ok && code == fault.NotPermitted {
		s.fail(exitPrivileges, "%s: ERROR (%s)", group, withoutCode(code, text))
		return nil
	}
	if err != nil {
		return err
	}
	return s.reportAll(o, results)
}

func (s *session) operateProcess(ctx context.Context, c *client.Client, o operation, name string) error {
	group, process, whole := split(name)
	if whole {
		process = "None" // Python's word for nothing; only clear comes here
	}
	err := o.processes(ctx, c, name)
	if err == nil {
		s.say("%s: %s", join(group, process), o.done)
		return nil
	}
	code, text, ok := faultOf(err)
	if !ok {
		return err
	}
	return s.report(o, client.Result{Name: process, Group: group, Status: int(code), Description: text})
}

func (s *session) reportAll(o operation, results []client.Result) error {
	for _, r := range results {
		if err := s.report(o, r); err != nil {
			return err
		}
	}
	return nil
}

// report prints the line of one result and sets the exit status by it.
func (s *session) report(o operation, r client.Result) error {
	name, code := join(r.Group, r.Name), fault.Code(r.Status)
	words, known := o.errors[code]
	switch {
	case code == fault.Success:
		s.say("%s: %s", name, o.done)
	case known:
		s.say("%s: ERROR (%s)", name, words)
	case code == fault.NotPermitted:
		s.fail(exitPrivileges, "%s: ERROR (%s)", name, withoutCode(code, r.Description))
		return nil
	case code == fault.Failed && o.verbatim:
		s.say("%s", r.Description)
	default:
		return valueError(fmt.Sprintf("Unknown result code %d for %s", int(code), name))
	}
	switch code {
	case o.ignored, fault.Success:
	case fault.SpawnError, fault.AbnormalTermination, fault.NotRunning:
		s.status = exitNotRunning
	default:
		s.status = exitGeneric
	}
	return nil
}
