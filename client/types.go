package client

import (
	"fmt"
	"time"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/xmlrpc"
)

// A ProcessState is the state of a process. Supervisor 4.2.5, states.py,
// ProcessStates.
type ProcessState int

// The states of a process.
const (
	Stopped  ProcessState = 0
	Starting ProcessState = 10
	Running  ProcessState = 20
	Backoff  ProcessState = 30
	Stopping ProcessState = 40
	Exited   ProcessState = 100
	Fatal    ProcessState = 200
	Unknown  ProcessState = 1000
)

// Live reports whether the server is trying to keep the process running:
// STARTING, RUNNING and BACKOFF.
func (s ProcessState) Live() bool { return s == Starting || s == Running || s == Backoff }

// A ServerState is the state of supervisord itself. Answers hold only 1,
// RUNNING, in practice: in any other state calls are refused with
// fault.ShutdownState.
type ServerState struct {
	Code int
	Name string // "RUNNING"
}

// A ProcessInfo is what is known of one process.
type ProcessInfo struct {
	Name, Group      string
	Start, Stop, Now time.Time // zero for never; whole seconds
	State            ProcessState
	StateName        string // "RUNNING"
	SpawnErr         string // why the last start failed, or ""
	ExitStatus       int    // -1 if a signal ended it
	StdoutLogfile    string // "" for none
	StderrLogfile    string
	PID              int // 0 while there is none
	Description      string
}

// Namespec is the name that calls take: "group:name", or the name alone if it
// is also the group's.
func (p ProcessInfo) Namespec() string { return namespec(p.Group, p.Name) }

func namespec(group, name string) string {
	if group == name {
		return name
	}
	return group + ":" + name
}

// A ConfigInfo is the configuration of one process, as last read from the
// file.
type ConfigInfo struct {
	Name, Group     string
	InUse           bool // a group of that name is live
	Command         string
	Directory       string // "" for none
	UID             int    // -1 for none
	AutoStart       bool
	AutoRestart     string // "true", "false", "unexpected"; "" from a server before 4.4
	ExitCodes       []int
	GroupPriority   int
	ProcessPriority int
	StartRetries    int
	StartWait       time.Duration // startsecs: how long it must stay up
	StopSignal      int
	StopWait        time.Duration
	KillAsGroup     bool
	RedirectStderr  bool
	Stdout, Stderr  LogConfig
	ServerURL       string // "" for none
}

// A LogConfig is the configuration of one output of a process.
type LogConfig struct {
	File            string // "" for none, "auto" for one not named yet
	MaxBytes        int64  // 0 for no rotation
	Backups         int
	CaptureMaxBytes int64
	Events          bool
	Syslog          bool
}

// A Result is what a mass call did to one process.
type Result struct {
	Name, Group string
	Status      int    // a fault.Code; fault.Success if all went well
	Description string // "OK", or the text of the fault
}

// Err is nil for success, else a *fault.Error.
func (r Result) Err() error {
	if fault.Code(r.Status) == fault.Success {
		return nil
	}
	return (&xmlrpc.Fault{Code: r.Status, Text: r.Description}).Unwrap()
}

// Namespec is the name that calls take, as [ProcessInfo.Namespec].
func (r Result) Namespec() string { return namespec(r.Group, r.Name) }

// A TailResult is the end of a log.
type TailResult struct {
	Data     string
	Offset   int64 // the size of the log in bytes: where to go on
	Overflow bool  // there is more before Data than was asked from
}

// A Reload is what a re-read of the configuration found, as names of groups.
// Nothing of it is in effect yet.
type Reload struct {
	Added, Changed, Removed []string
}

// fields takes the members of a struct and keeps the first that has a wrong
// type. A missing member is the zero value: servers differ in what they send.
type fields struct {
	members map[string]any
	err     error
}

func fieldsOf(v any) *fields {
	members, ok := v.(map[string]any)
	if !ok {
		return &fields{err: fmt.Errorf("%T, want a struct", v)}
	}
	return &fields{members: members}
}

func field[T any](f *fields, name string) (v T) {
	got, ok := f.members[name]
	if !ok {
		return v
	}
	v, ok = got.(T)
	if !ok && f.err == nil {
		f.err = fmt.Errorf("member %s is %T, want %T", name, got, v)
	}
	return v
}

// flag also takes the integers that a server may send for a boolean.
func (f *fields) flag(name string) bool {
	if n, ok := f.members[name].(int); ok {
		return n != 0
	}
	return field[bool](f, name)
}

// optional reads a string for which the wire has "none".
func (f *fields) optional(name string) string {
	if s := field[string](f, name); s != "none" {
		return s
	}
	return ""
}

func (f *fields) time(name string) time.Time {
	if n := field[int](f, name); n != 0 {
		return time.Unix(int64(n), 0)
	}
	return time.Time{}
}

func (f *fields) seconds(name string) time.Duration {
	return time.Duration(field[int](f, name)) * time.Second
}

func processInfo(v any) (ProcessInfo, error) {
	f := fieldsOf(v)
	return ProcessInfo{
		Name:          field[string](f, "name"),
		Group:         field[string](f, "group"),
		Start:         f.time("start"),
		Stop:          f.time("stop"),
		Now:           f.time("now"),
		State:         ProcessState(field[int](f, "state")),
		StateName:     field[string](f, "statename"),
		SpawnErr:      field[string](f, "spawnerr"),
		ExitStatus:    field[int](f, "exitstatus"),
		StdoutLogfile: field[string](f, "stdout_logfile"),
		StderrLogfile: field[string](f, "stderr_logfile"),
		PID:           field[int](f, "pid"),
		Description:   field[string](f, "description"),
	}, f.err
}

func configInfo(v any) (ConfigInfo, error) {
	f := fieldsOf(v)
	info := ConfigInfo{
		Name:            field[string](f, "name"),
		Group:           field[string](f, "group"),
		InUse:           f.flag("inuse"),
		Command:         field[string](f, "command"),
		Directory:       f.optional("directory"),
		UID:             -1,
		AutoStart:       f.flag("autostart"),
		AutoRestart:     f.autoRestart(),
		GroupPriority:   field[int](f, "group_prio"),
		ProcessPriority: field[int](f, "process_prio"),
		StartRetries:    field[int](f, "startretries"),
		StartWait:       f.seconds("startsecs"),
		StopSignal:      field[int](f, "stopsignal"),
		StopWait:        f.seconds("stopwaitsecs"),
		KillAsGroup:     f.flag("killasgroup"),
		RedirectStderr:  f.flag("redirect_stderr"),
		Stdout:          f.log("stdout"),
		Stderr:          f.log("stderr"),
		ServerURL:       f.optional("serverurl"),
	}
	for _, code := range field[[]any](f, "exitcodes") {
		n, ok := code.(int)
		if !ok && f.err == nil {
			f.err = fmt.Errorf("an exit code is %T, want int", code)
		}
		info.ExitCodes = append(info.ExitCodes, n)
	}
	if uid, ok := f.members["uid"].(int); ok {
		info.UID = uid
	}
	return info, f.err
}

func (f *fields) log(output string) LogConfig {
	return LogConfig{
		File:            f.optional(output + "_logfile"),
		MaxBytes:        int64(field[int](f, output+"_logfile_maxbytes")),
		Backups:         field[int](f, output+"_logfile_backups"),
		CaptureMaxBytes: int64(field[int](f, output+"_capture_maxbytes")),
		Events:          f.flag(output + "_events_enabled"),
		Syslog:          f.flag(output + "_syslog"),
	}
}

// autoRestart reads what Supervisor 4.4 sends: a boolean or the word
// "unexpected".
func (f *fields) autoRestart() string {
	switch v := f.members["autorestart"].(type) {
	case string:
		return v
	case bool:
		return fmt.Sprint(v)
	case int:
		return fmt.Sprint(v != 0)
	}
	return ""
}

func result(v any) (Result, error) {
	f := fieldsOf(v)
	return Result{
		Name:        field[string](f, "name"),
		Group:       field[string](f, "group"),
		Status:      field[int](f, "status"),
		Description: field[string](f, "description"),
	}, f.err
}

func tailResult(v any) (TailResult, error) {
	list, ok := v.([]any)
	if !ok || len(list) != 3 {
		return TailResult{}, fmt.Errorf("%T, want an array of three", v)
	}
	data, isString := list[0].(string)
	offset, isInt := list[1].(int)
	overflow, isBool := list[2].(bool)
	if !isString || !isInt || !isBool {
		return TailResult{}, fmt.Errorf("%T, %T and %T, want a string, an int and a bool", list[0], list[1], list[2])
	}
	return TailResult{Data: data, Offset: int64(offset), Overflow: overflow}, nil
}

func reload(v any) (Reload, error) {
	if outer, ok := v.([]any); ok && len(outer) == 1 {
		v = outer[0]
	}
	lists, ok := v.([]any)
	if !ok || len(lists) != 3 {
		return Reload{}, fmt.Errorf("%T, want three arrays", v)
	}
	var r Reload
	var err error
	for i, into := range []*[]string{&r.Added, &r.Changed, &r.Removed} {
		if *into, err = stringList(lists[i]); err != nil {
			return Reload{}, err
		}
	}
	return r, nil
}

func stringList(v any) ([]string, error) {
	return listOf(v, func(v any) (string, error) {
		s, ok := v.(string)
		if !ok {
			return "", fmt.Errorf("%T, want a string", v)
		}
		return s, nil
	})
}

func listOf[T any](v any, convert func(any) (T, error)) ([]T, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("%T, want an array", v)
	}
	out := make([]T, 0, len(list))
	for _, e := range list {
		t, err := convert(e)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}
