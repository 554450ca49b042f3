package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.org/twiddler/fault"
)

const reference = "/usr/bin/supervisord"

// Each cat echoes its input and lives until it is stopped. A stop that comes
// between fork and exec is lost on the original; stopwaitsecs bounds that.
const referenceConfig = `[supervisord]
nodaemon=true
directory=%[1]s
childlogdir=%[1]s
logfile=%[1]s/main.log
pidfile=%[1]s/pid
[unix_http_server]
file=%[1]s/s.sock
username=me
password=a:b
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[program:cat]
command=/bin/cat
autostart=false
startsecs=0
stopwaitsecs=2
stdout_logfile=%[1]s/cat.out
stderr_logfile=%[1]s/cat.err
[program:many]
command=/bin/cat
process_name=%%(program_name)s_%%(process_num)d
numprocs=2
stopwaitsecs=2
autostart=false
startsecs=0
exitcodes=0,3
[program:missing]
command=/nonexistent
autostart=false
%[2]s`

// startReference runs the original in a directory of its own until the test
// ends, and returns the URL of its socket and its configuration file.
func startReference(t *testing.T) (url, configFile string) {
	t.Helper()
	if _, err := os.Stat(reference); err != nil {
		t.Skip("needs " + reference)
	}
	dir := filepath.Dir(socketPath(t))
	configFile = filepath.Join(dir, "conf")
	writeConfig(t, configFile, "")
	cmd := exec.Command(reference, "-c", configFile)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	started, ended := make(chan bool), make(chan bool)
	go func() { // ends with the server
		defer close(ended)
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if strings.Contains(lines.Text(), "supervisord started with pid") {
				close(started)
				break
			}
		}
		for lines.Scan() {
			continue
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		_ = cmd.Wait()
	})
	select {
	case <-started: // written after the socket is bound
	case <-ended:
		t.Fatal("the reference does not start")
	}
	return "unix://" + filepath.Join(dir, "s.sock"), configFile
}

func writeConfig(t *testing.T, file, more string) {
	t.Helper()
	text := fmt.Sprintf(referenceConfig, filepath.Dir(file), more)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// The subtests share one server, in this order.
func TestReference(t *testing.T) {
	t.Parallel()
	url, configFile := startReference(t)
	c := newClient(t, url, Credentials("me", "a:b"))
	if _, err := newClient(t, url).GetPID(t.Context()); !errors.Is(err, ErrUnauthorized) {
		t.Errorf("without password: %v", err)
	}
	if _, err := newClient(t, url, Credentials("me", "a")).GetPID(t.Context()); !errors.Is(err, ErrUnauthorized) {
		t.Errorf("wrong password: %v", err)
	}
	t.Run("server", func(t *testing.T) { referenceServer(t, c) })
	t.Run("process", func(t *testing.T) { referenceProcess(t, c) })
	t.Run("logs", func(t *testing.T) { referenceLogs(t, c) })
	t.Run("groups", func(t *testing.T) { referenceGroups(t, c) })
	t.Run("faults", func(t *testing.T) { referenceFaults(t, c) })
	t.Run("reload", func(t *testing.T) { referenceReload(t, c, configFile) })
	t.Run("system", func(t *testing.T) { referenceSystem(t, c) })
	t.Run("shutdown", func(t *testing.T) {
		if err := c.Restart(t.Context()); err != nil {
			t.Errorf("Restart: %v", err)
		}
		// The server comes back under the same socket.
		eventually(t, func() bool { s, err := c.GetState(t.Context()); return err == nil && s.Name == "RUNNING" })
		if err := c.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		eventually(t, func() bool {
			_, err := c.GetState(t.Context())
			return errors.Is(err, ErrNoSocket) || errors.Is(err, ErrRefused)
		})
	})
}

// eventually waits for what another program does in its own time.
func eventually(t *testing.T, done func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("it does not happen")
		}
	}
}

func check(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

func referenceServer(t *testing.T, c *Client) {
	ctx := t.Context()
	if v, err := c.GetAPIVersion(ctx); err != nil || v != "3.0" {
		t.Errorf("GetAPIVersion = %q, %v", v, err)
	}
	if v, err := c.GetSupervisorVersion(ctx); err != nil || !strings.HasPrefix(v, "4.") {
		t.Errorf("GetSupervisorVersion = %q, %v", v, err)
	}
	if v, err := c.GetIdentification(ctx); err != nil || v != "supervisor" {
		t.Errorf("GetIdentification = %q, %v", v, err)
	}
	if v, err := c.GetState(ctx); err != nil || v != (ServerState{1, "RUNNING"}) {
		t.Errorf("GetState = %v, %v", v, err)
	}
	if v, err := c.GetPID(ctx); err != nil || v < 2 {
		t.Errorf("GetPID = %v, %v", v, err)
	}
	if v, err := c.ReadLog(ctx, 0, 0); err != nil || !strings.Contains(v, "supervisord started") {
		t.Errorf("ReadLog = %q, %v", v, err)
	}
	check(t, "ClearLog", c.ClearLog(ctx))
	check(t, "SendRemoteCommEvent", c.SendRemoteCommEvent(ctx, "a", "b"))
	configs, err := c.GetAllConfigInfo(ctx)
	if err != nil || len(configs) != 4 {
		t.Fatalf("GetAllConfigInfo = %v, %v", configs, err)
	}
	many := configs[1]
	if many.Name != "many_0" || many.Group != "many" || !many.InUse || many.UID != -1 || many.Directory != "" || many.Command != "/bin/cat" ||
		!slices.Equal(many.ExitCodes, []int{0, 3}) || many.StopWait != 2*time.Second || many.Stdout.MaxBytes != 50<<20 {
		t.Errorf("config of many_0: %+v", many)
	}
}

func referenceProcess(t *testing.T, c *Client) {
	ctx := t.Context()
	info, err := c.GetProcessInfo(ctx, "cat")
	if err != nil || info.State != Stopped || !info.Start.IsZero() || info.Description != "Not started" || info.PID != 0 {
		t.Errorf("GetProcessInfo = %+v, %v", info, err)
	}
	check(t, "StartProcess", c.StartProcess(ctx, "cat", true))
	info, err = c.GetProcessInfo(ctx, "cat")
	if err != nil || info.State != Running || info.PID == 0 || time.Since(info.Start) > time.Hour || info.Now.Before(info.Start) {
		t.Errorf("GetProcessInfo = %+v, %v", info, err)
	}
	check(t, "SignalProcess", c.SignalProcess(ctx, "cat", "CONT"))
	check(t, "StopProcess", c.StopProcess(ctx, "cat", true))
	all, err := c.GetAllProcessInfo(ctx)
	if err != nil || len(all) != 4 || all[0].StateName != "STOPPED" || all[2].Namespec() != "many:many_1" {
		t.Errorf("GetAllProcessInfo = %+v, %v", all, err)
	}
}

func referenceLogs(t *testing.T, c *Client) {
	ctx := t.Context()
	check(t, "StartProcess", c.StartProcess(ctx, "cat", true))
	// The original sends the escape as it is, which is no XML.
	const text = "plain é \x1b[1mbold\x1b[0m <&>\n"
	check(t, "SendProcessStdin", c.SendProcessStdin(ctx, "cat", "plain é \u001b[1mbold"))
	eventually(t, func() bool {
		got, err := c.ReadProcessStdoutLog(ctx, "cat", 0, 0)
		return err == nil && got == "plain é \uFFFD[1mbold"
	})
	check(t, "StopProcess", c.StopProcess(ctx, "cat", true))
	info, err := c.GetProcessInfo(ctx, "cat")
	check(t, "GetProcessInfo", err)
	if err := os.WriteFile(info.StdoutLogfile, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	size := int64(len(text))
	if got, err := c.ReadProcessStdoutLog(ctx, "cat", -6, 0); err != nil || got != "m <&>\n" {
		t.Errorf("ReadProcessStdoutLog = %q, %v", got, err)
	}
	if got, err := c.TailProcessStdoutLog(ctx, "cat", 0, 1000); err != nil || got != (TailResult{text, size, false}) {
		t.Errorf("TailProcessStdoutLog = %+v, %v", got, err)
	}
	if got, err := c.TailProcessStderrLog(ctx, "cat", 0, 10); err != nil || got != (TailResult{}) {
		t.Errorf("TailProcessStderrLog = %+v, %v", got, err)
	}
	if got, err := c.ReadProcessStderrLog(ctx, "cat", 0, 0); err != nil || got != "" {
		t.Errorf("ReadProcessStderrLog = %q, %v", got, err)
	}
	check(t, "ClearProcessLogs", c.ClearProcessLogs(ctx, "cat"))
	if got, err := c.ClearAllProcessLogs(ctx); err != nil || len(got) != 4 || got[0].Err() != nil {
		t.Errorf("ClearAllProcessLogs = %+v, %v", got, err)
	}
}

func referenceGroups(t *testing.T, c *Client) {
	ctx := t.Context()
	both := []Result{{"many_0", "many", 80, "OK"}, {"many_1", "many", 80, "OK"}}
	if got, err := c.StartProcessGroup(ctx, "many", true); err != nil || !reflect.DeepEqual(got, both) {
		t.Errorf("StartProcessGroup = %v, %v", got, err)
	}
	if got, err := c.SignalProcessGroup(ctx, "many", "CONT"); err != nil || !reflect.DeepEqual(got, both) {
		t.Errorf("SignalProcessGroup = %v, %v", got, err)
	}
	if got, err := c.SignalAllProcesses(ctx, "CONT"); err != nil || !reflect.DeepEqual(got, both) {
		t.Errorf("SignalAllProcesses = %v, %v", got, err)
	}
	if got, err := c.StopProcessGroup(ctx, "many", false); err != nil || !reflect.DeepEqual(got, both) {
		t.Errorf("StopProcessGroup = %v, %v", got, err)
	}
	if got, err := c.StopAllProcesses(ctx, true); err != nil {
		t.Errorf("StopAllProcesses = %v, %v", got, err)
	}
	// A process that is still STOPPING is passed over by stopAllProcesses and
	// cannot be started yet.
	eventually(t, func() bool {
		all, err := c.GetAllProcessInfo(ctx)
		return err == nil && !slices.ContainsFunc(all, func(i ProcessInfo) bool { return i.StateName == "STOPPING" })
	})
	check(t, "StartProcess of a group", c.StartProcess(ctx, "many:*", true))
	check(t, "StopProcess of a group", c.StopProcess(ctx, "many:*", true))
	got, err := c.StartAllProcesses(ctx, true)
	n := slices.IndexFunc(got, func(r Result) bool { return r.Name == "missing" })
	if err != nil || len(got) != 4 || n < 0 || got[n].Err() == nil {
		t.Errorf("StartAllProcesses = %v, %v", got, err)
	}
	if got, err := c.StopAllProcesses(ctx, true); err != nil || len(got) != 3 {
		t.Errorf("StopAllProcesses = %v, %v", got, err)
	}
}

func referenceFaults(t *testing.T, c *Client) {
	ctx := t.Context()
	_, tooMany := c.Call(ctx, "supervisor.getPID", 1)
	_, unknown := c.Call(ctx, "supervisor.nonsense")
	_, badRead := c.ReadLog(ctx, -3, 2)
	for _, row := range []struct {
		err  error
		want *fault.Error
	}{
		{c.StartProcess(ctx, "nope", true), fault.New(fault.BadName, "nope")},
		{c.StartProcess(ctx, "", true), fault.New(fault.BadName, "")},
		{c.StartProcess(ctx, "missing", true), fault.New(fault.NoFile, "can't find command '/nonexistent'")},
		{c.StopProcess(ctx, "cat", true), fault.New(fault.NotRunning, "cat")},
		{c.SignalProcess(ctx, "cat", "<nonsense>"), fault.New(fault.BadSignal, "<nonsense>")},
		{c.AddProcessGroup(ctx, "cat"), fault.New(fault.AlreadyAdded, "cat")},
		{tooMany, fault.Bare(fault.IncorrectParameters)},
		{unknown, fault.Bare(fault.UnknownMethod)},
		{badRead, fault.Bare(fault.BadArguments)},
		{c.Twiddler().AddProgramToGroup(ctx, "g", "p", nil), fault.Bare(fault.UnknownMethod)},
	} {
		var got *fault.Error
		if !errors.As(row.err, &got) || *got != *row.want {
			t.Errorf("got %#v, want %#v", row.err, row.want)
		}
	}
	var status *StatusError
	if _, err := c.Call(ctx, "supervisor.readLog", "x", "y"); !errors.As(err, &status) || status.Code != 500 {
		t.Errorf("got %v, want the status 500", err)
	}
}

func referenceReload(t *testing.T, c *Client, configFile string) {
	ctx := t.Context()
	writeConfig(t, configFile, "[program:new]\ncommand=/bin/cat\nautostart=false\n")
	if got, err := c.ReloadConfig(ctx); err != nil || !reflect.DeepEqual(got, Reload{[]string{"new"}, []string{}, []string{}}) {
		t.Errorf("ReloadConfig = %+v, %v", got, err)
	}
	check(t, "AddProcessGroup", c.AddProcessGroup(ctx, "new"))
	check(t, "RemoveProcessGroup", c.RemoveProcessGroup(ctx, "new"))
	writeConfig(t, configFile, "[program:bad]\n")
	if _, err := c.ReloadConfig(ctx); !fault.Is(err, fault.CantReread) {
		t.Errorf("ReloadConfig = %v, want CANT_REREAD", err)
	}
	writeConfig(t, configFile, "")
}

// Every method that the reference has, has a typed method here, or is a
// second name of one.
func referenceSystem(t *testing.T, c *Client) {
	ctx := t.Context()
	methods, err := c.ListMethods(ctx)
	if err != nil || len(methods) != 41 {
		t.Errorf("ListMethods = %v, %v", methods, err)
	}
	aliases := []string{"getVersion", "readMainLog", "readProcessLog", "tailProcessLog", "clearProcessLog"}
	for _, method := range methods {
		_, name, _ := strings.Cut(method, ".")
		_, found := reflect.TypeOf(c).MethodByName(strings.ToUpper(name[:1]) + name[1:])
		if found == slices.Contains(aliases, name) {
			t.Errorf("%s: has a typed method %v", method, found)
		}
	}
	if got, err := c.MethodHelp(ctx, "supervisor.getPID"); err != nil || got == "" {
		t.Errorf("MethodHelp = %q, %v", got, err)
	}
	if got, err := c.MethodSignature(ctx, "supervisor.startProcess"); err != nil || !slices.Equal(got, []string{"boolean", "string", "boolean"}) {
		t.Errorf("MethodSignature = %q, %v", got, err)
	}
	got, err := c.Multicall(ctx, []MethodCall{
		{"supervisor.getAPIVersion", nil},
		{"supervisor.startProcess", []any{"nope"}},
		{"supervisor.getProcessInfo", []any{"cat"}},
	})
	if err != nil || len(got) != 3 || got[0].Value != "3.0" || !fault.Is(got[1].Err, fault.BadName) || got[2].Err != nil {
		t.Errorf("Multicall = %+v, %v", got, err)
	}
}
