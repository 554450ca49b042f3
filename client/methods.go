package client

import (
	"context"
	"errors"
	"fmt"
)

// The methods of the supervisor namespace, under their names on the wire.
// Five have a second name there (getVersion, readMainLog, readProcessLog,
// tailProcessLog, clearProcessLog), which is for Call only.
//
// A name is "group:name" or, where they are equal, one word. StartProcess,
// StopProcess and SignalProcess also take "group:*"; faults of its processes
// are then joined into one error.

// GetAPIVersion returns the version of the interface, "3.0".
func (c *Client) GetAPIVersion(ctx context.Context) (string, error) {
	return call(ctx, c, as[string], "supervisor.getAPIVersion")
}

// GetSupervisorVersion returns the version of the server.
func (c *Client) GetSupervisorVersion(ctx context.Context) (string, error) {
	return call(ctx, c, as[string], "supervisor.getSupervisorVersion")
}

// GetIdentification returns the server's identifier option.
func (c *Client) GetIdentification(ctx context.Context) (string, error) {
	return call(ctx, c, as[string], "supervisor.getIdentification")
}

// GetState returns the state of the server.
func (c *Client) GetState(ctx context.Context) (ServerState, error) {
	return call(ctx, c, func(v any) (ServerState, error) {
		f := fieldsOf(v)
		return ServerState{Code: field[int](f, "statecode"), Name: field[string](f, "statename")}, f.err
	}, "supervisor.getState")
}

// GetPID returns the process id of the server.
func (c *Client) GetPID(ctx context.Context) (int, error) {
	return call(ctx, c, as[int], "supervisor.getPID")
}

// ReadLog returns length bytes of the server's own log from offset. A length
// of 0 is all that follows; a negative offset, with length 0, counts from the
// end.
func (c *Client) ReadLog(ctx context.Context, offset, length int64) (string, error) {
	return call(ctx, c, as[string], "supervisor.readLog", offset, length)
}

// ClearLog empties the server's own log.
func (c *Client) ClearLog(ctx context.Context) error {
	return c.do(ctx, "supervisor.clearLog")
}

// Shutdown stops all processes and ends the server. It returns before that
// has happened.
func (c *Client) Shutdown(ctx context.Context) error {
	return c.do(ctx, "supervisor.shutdown")
}

// Restart stops all processes and starts the server anew. It returns before
// that has happened.
func (c *Client) Restart(ctx context.Context) error {
	return c.do(ctx, "supervisor.restart")
}

// ReloadConfig makes the server read its configuration again, and tells what
// differs from the live groups. It changes none of them.
func (c *Client) ReloadConfig(ctx context.Context) (Reload, error) {
	return call(ctx, c, reload, "supervisor.reloadConfig")
}

// AddProcessGroup makes a group of the configuration last read live.
func (c *Client) AddProcessGroup(ctx context.Context, name string) error {
	return c.do(ctx, "supervisor.addProcessGroup", name)
}

// RemoveProcessGroup removes a live group whose processes are all stopped.
func (c *Client) RemoveProcessGroup(ctx context.Context, name string) error {
	return c.do(ctx, "supervisor.removeProcessGroup", name)
}

// StartProcess starts a process. With wait it returns when the process is
// RUNNING or has failed.
func (c *Client) StartProcess(ctx context.Context, name string, wait bool) error {
	return c.do(ctx, "supervisor.startProcess", name, wait)
}

// StartProcessGroup starts the processes of a group that do not run, and
// tells what became of those.
func (c *Client) StartProcessGroup(ctx context.Context, name string, wait bool) ([]Result, error) {
	return call(ctx, c, results, "supervisor.startProcessGroup", name, wait)
}

// StartAllProcesses starts every process that does not run, and tells what
// became of those.
func (c *Client) StartAllProcesses(ctx context.Context, wait bool) ([]Result, error) {
	return call(ctx, c, results, "supervisor.startAllProcesses", wait)
}

// StopProcess stops a process. With wait it returns when the process is gone.
func (c *Client) StopProcess(ctx context.Context, name string, wait bool) error {
	return c.do(ctx, "supervisor.stopProcess", name, wait)
}

// StopProcessGroup stops the processes of a group that run, and tells what
// became of those.
func (c *Client) StopProcessGroup(ctx context.Context, name string, wait bool) ([]Result, error) {
	return call(ctx, c, results, "supervisor.stopProcessGroup", name, wait)
}

// StopAllProcesses stops every process that runs, and tells what became of
// those.
func (c *Client) StopAllProcesses(ctx context.Context, wait bool) ([]Result, error) {
	return call(ctx, c, results, "supervisor.stopAllProcesses", wait)
}

// SignalProcess sends a signal, as a name ("HUP", "SIGHUP") or a number, to a
// process.
func (c *Client) SignalProcess(ctx context.Context, name, signal string) error {
	return c.do(ctx, "supervisor.signalProcess", name, signal)
}

// SignalProcessGroup sends a signal to the processes of a group that run.
func (c *Client) SignalProcessGroup(ctx context.Context, name, signal string) ([]Result, error) {
	return call(ctx, c, results, "supervisor.signalProcessGroup", name, signal)
}

// SignalAllProcesses sends a signal to every process that runs.
func (c *Client) SignalAllProcesses(ctx context.Context, signal string) ([]Result, error) {
	return call(ctx, c, results, "supervisor.signalAllProcesses", signal)
}

// GetProcessInfo tells about one process.
func (c *Client) GetProcessInfo(ctx context.Context, name string) (ProcessInfo, error) {
	return call(ctx, c, processInfo, "supervisor.getProcessInfo", name)
}

// GetAllProcessInfo tells about every process, in order of group and name.
func (c *Client) GetAllProcessInfo(ctx context.Context) ([]ProcessInfo, error) {
	return call(ctx, c, list(processInfo), "supervisor.getAllProcessInfo")
}

// GetAllConfigInfo returns the configuration last read, in order of names.
func (c *Client) GetAllConfigInfo(ctx context.Context) ([]ConfigInfo, error) {
	return call(ctx, c, list(configInfo), "supervisor.getAllConfigInfo")
}

// ReadProcessStdoutLog reads a process's log as [Client.ReadLog] does the
// server's.
func (c *Client) ReadProcessStdoutLog(ctx context.Context, name string, offset, length int64) (string, error) {
	return call(ctx, c, as[string], "supervisor.readProcessStdoutLog", name, offset, length)
}

// ReadProcessStderrLog reads a process's error log as [Client.ReadLog] does
// the server's.
func (c *Client) ReadProcessStderrLog(ctx context.Context, name string, offset, length int64) (string, error) {
	return call(ctx, c, as[string], "supervisor.readProcessStderrLog", name, offset, length)
}

// TailProcessStdoutLog returns the last length bytes of a process's log, fewer
// if offset+length is beyond its end.
func (c *Client) TailProcessStdoutLog(ctx context.Context, name string, offset, length int64) (TailResult, error) {
	return call(ctx, c, tailResult, "supervisor.tailProcessStdoutLog", name, offset, length)
}

// TailProcessStderrLog is [Client.TailProcessStdoutLog] for the error log.
func (c *Client) TailProcessStderrLog(ctx context.Context, name string, offset, length int64) (TailResult, error) {
	return call(ctx, c, tailResult, "supervisor.tailProcessStderrLog", name, offset, length)
}

// ClearProcessLogs empties the logs of a running process.
func (c *Client) ClearProcessLogs(ctx context.Context, name string) error {
	return c.do(ctx, "supervisor.clearProcessLogs", name)
}

// ClearAllProcessLogs empties the logs of every running process.
func (c *Client) ClearAllProcessLogs(ctx context.Context) ([]Result, error) {
	return call(ctx, c, results, "supervisor.clearAllProcessLogs")
}

// SendProcessStdin writes chars to the standard input of a process. No line
// end is added.
func (c *Client) SendProcessStdin(ctx context.Context, name, chars string) error {
	return c.do(ctx, "supervisor.sendProcessStdin", name, chars)
}

// SendRemoteCommEvent emits a REMOTE_COMMUNICATION event.
func (c *Client) SendRemoteCommEvent(ctx context.Context, kind, data string) error {
	return c.do(ctx, "supervisor.sendRemoteCommEvent", kind, data)
}

// call calls a method and converts its result.
func call[T any](ctx context.Context, c *Client, convert func(any) (T, error), method string, params ...any) (T, error) {
	var zero T
	v, err := c.Call(ctx, method, params...)
	if err != nil {
		return zero, err
	}
	t, err := convert(v)
	if err != nil {
		return zero, fmt.Errorf("cannot use the answer of %s: %w", method, err)
	}
	return t, nil
}

// do calls a method that answers true, or one result for each process if it
// was called with the name of a whole group.
func (c *Client) do(ctx context.Context, method string, params ...any) error {
	v, err := c.Call(ctx, method, params...)
	if err != nil {
		return err
	}
	if v == true {
		return nil
	}
	list, err := results(v)
	if err != nil {
		return fmt.Errorf("cannot use the answer of %s: %v", method, v)
	}
	var failed []error
	for _, r := range list {
		failed = append(failed, r.Err())
	}
	return errors.Join(failed...)
}

func as[T any](v any) (T, error) {
	t, ok := v.(T)
	if !ok {
		return t, fmt.Errorf("%T, want %T", v, t)
	}
	return t, nil
}

func list[T any](convert func(any) (T, error)) func(any) ([]T, error) {
	return func(v any) ([]T, error) { return listOf(v, convert) }
}

func results(v any) ([]Result, error) { return listOf(v, result) }
