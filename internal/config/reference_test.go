package config

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"example.org/twiddler/internal/proc"
	"example.org/twiddler/level"
)

// python is the interpreter that has the original.
const python = "/usr/bin/python3"

// testEnviron is the environment in which both read.
var testEnviron = []string{"HOME=/nowhere", "LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin"}

// A referenceCase is a configuration that both read.
type referenceCase struct {
	name  string
	text  string            // of supervisord.conf
	files map[string]string // others
	flags []Override
	ours  string // our error, where it differs on purpose
}

// original runs all cases through the original, each in its directory.
func original(t *testing.T, cases []referenceCase, dirs []string) []map[string]any {
	t.Helper()
	jobs := make([]map[string]any, len(cases))
	for i, c := range cases {
		args := []string{"-c", "supervisord.conf"}
		for _, f := range c.flags {
			args = append(args, f.Flag)
			if f.Value != "" {
				args = append(args, f.Value)
			}
		}
		jobs[i] = map[string]any{"args": args, "dir": dirs[i]}
	}
	return runJobs(t, jobs)
}

// runJobs runs dump.py once.
func runJobs(t *testing.T, jobs []map[string]any) []map[string]any {
	t.Helper()
	var input bytes.Buffer
	for _, job := range jobs {
		if err := json.NewEncoder(&input).Encode(job); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(python, "testdata/dump.py")
	cmd.Stdin = &input
	cmd.Env = testEnviron
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("dump.py: %v\n%s", err, complaints.String())
	}
	var answers []map[string]any
	decoder := json.NewDecoder(bytes.NewReader(out))
	for range jobs {
		var answer map[string]any
		if err := decoder.Decode(&answer); err != nil {
			t.Fatalf("dump.py: %v\n%s", err, complaints.String())
		}
		answers = append(answers, answer)
	}
	return answers
}

// realOptions takes from outside what the original sees.
func realOptions(dir string, flags []Override) LoadOptions {
	o := testOptions(dir)
	o.Environ = testEnviron
	o.Hostname, _ = os.Hostname()
	o.TempDir = "/tmp"
	o.UID = os.Getuid()
	o.Overrides = flags
	o.KnownHandlers, o.KnownEvents = nil, nil
	o.LookupGroup = func(name string) (int, error) {
		g, err := user.LookupGroup(name)
		if _, notNumber := strconv.Atoi(name); notNumber == nil {
			g, err = user.LookupGroupId(name)
		}
		if err != nil {
			return -1, err
		}
		return strconv.Atoi(g.Gid)
	}
	o.LookupUser = func(name string) (int, int, error) {
		u, err := user.Lookup(name)
		if _, notNumber := strconv.Atoi(name); notNumber == nil {
			u, err = user.LookupId(name)
		}
		if err != nil {
			return -1, -1, err
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		return uid, gid, nil
	}
	return o
}

// requireReference skips the test if the original is not installed.
func requireReference(t *testing.T) {
	t.Helper()
	if err := exec.Command(python, "-c", "import supervisor.options").Run(); err != nil {
		if os.Getenv("TWIDDLER_REQUIRE_REFERENCE") == "1" {
			t.Fatalf("%s has no module supervisor: %v", python, err)
		}
		t.Skipf("%s has no module supervisor: %v", python, err)
	}
}

// TestReference reads each configuration with the original and with ours: the
// first error must have the same text, or everything must have the same
// value.
func TestReference(t *testing.T) {
	t.Parallel()
	requireReference(t)
	cases := slices.Concat(goodCases, badCases)
	dirs := make([]string, len(cases))
	for i, c := range cases {
		files := map[string]string{"supervisord.conf": c.text}
		for name, text := range c.files {
			files[name] = text
		}
		dir, err := filepath.EvalSymlinks(write(t, files))
		if err != nil {
			t.Fatal(err)
		}
		dirs[i] = dir
	}
	answers := original(t, cases, dirs)
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ours, err := Load(realOptions(dirs[i], c.flags))
			if text, failed := answers[i]["error"]; failed || err != nil {
				compareErrors(t, c, text, err)
				return
			}
			want := answers[i]["config"].(map[string]any)
			for key, got := range dump(t, ours) {
				if !reflect.DeepEqual(got, want[key]) {
					t.Errorf("%s differs\n ours: %v\ntheirs: %v", key, got, want[key])
				}
			}
		})
	}
}

// compareErrors compares the first error of both.
func compareErrors(t *testing.T, c referenceCase, original any, err error) {
	t.Helper()
	want, _ := original.(string)
	if c.ours != "" {
		if want == c.ours {
			t.Errorf("the original has the text %q too: no difference", want)
		}
		want = c.ours
	}
	if err == nil {
		t.Fatalf("Load went well, the original says %q", want)
	}
	if err.Error() != want {
		t.Errorf("Load differs\n ours: %s\ntheirs: %s", err, want)
	}
}

// dump is a configuration as dump.py prints it.
func dump(t *testing.T, c *Config) map[string]any {
	t.Helper()
	d := map[string]any{
		"supervisord": dumpSupervisord(c),
		"environment": c.Supervisord.Environment,
		"groups":      dumpGroups(c.Groups),
		"servers":     dumpServers(c.Servers),
		"warnings":    dumpMessages(c.Messages, level.Warn),
		"infos":       dumpMessages(c.Messages, level.Info),
	}
	if c.Supervisord.Environment == nil {
		d["environment"] = map[string]string{}
	}
	plugins := []any{}
	for _, i := range c.RPCInterfaces {
		plugins = append(plugins, []any{i.Name, i.Options})
	}
	d["plugins"] = plugins
	return viaJSON(t, d)
}

// viaJSON gives values the types that decoded JSON has.
func viaJSON(t *testing.T, d map[string]any) map[string]any {
	t.Helper()
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var back map[string]any
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

// orNil is nil for the zero value, which stands for Python's None.
func orNil[T comparable](v, none T) any {
	if v == none {
		return nil
	}
	return v
}

func dumpSupervisord(c *Config) map[string]any {
	s := c.Supervisord
	logfile := s.Logfile
	if s.LogSyslog {
		logfile = "syslog"
	}
	return map[string]any{
		"logfile": logfile, "logfile_maxbytes": s.LogfileMaxBytes, "logfile_backups": s.LogfileBackups,
		"loglevel": int(s.LogLevel), "pidfile": s.Pidfile, "umask": int(s.Umask),
		"nodaemon": s.NoDaemon, "silent": s.Silent,
		"minfds": s.MinFDs, "minprocs": s.MinProcs, "nocleanup": s.NoCleanup,
		"childlogdir": s.ChildLogDir, "user": orNil(s.User, ""), "directory": orNil(s.Directory, ""),
		"strip_ansi": s.StripANSI, "identifier": s.Identifier, "serverurl": orNil(c.ServerURL, ""),
	}
}

func dumpGroups(groups []*Group) []any {
	kinds := map[Kind]string{
		Programs: "ProcessGroupConfig", EventListener: "EventListenerPoolConfig", FastCGI: "FastCGIGroupConfig",
	}
	all := []any{}
	for _, g := range groups {
		processes := []any{}
		for _, p := range g.Processes {
			processes = append(processes, dumpProcess(p))
		}
		d := map[string]any{"kind": kinds[g.Kind], "name": g.Name, "priority": g.Priority, "processes": processes}
		if g.Kind == EventListener {
			d["events"], d["buffer_size"] = g.Events, g.BufferSize
		}
		if s := g.Socket; s != nil {
			socket := map[string]any{"url": s.URL, "backlog": orNil(s.Backlog, 0), "owner": nil, "mode": nil}
			if s.UID >= 0 {
				socket["owner"] = []int{s.UID, s.GID}
			}
			if s.Unix {
				socket["mode"] = int(s.Mode)
			}
			d["socket"] = socket
		}
		all = append(all, d)
	}
	return all
}

func dumpProcess(p *Process) map[string]any {
	restart := map[proc.Restart]string{
		proc.RestartAlways: "always", proc.RestartNever: "never", proc.RestartUnexpected: "unexpected",
	}
	environment := p.Environment
	if environment == nil {
		environment = map[string]string{}
	}
	d := map[string]any{
		"name": p.Name, "uid": orNil(p.UID, -1), "command": p.Command, "directory": orNil(p.Directory, ""),
		"umask": orNil(p.Umask, -1), "priority": p.Priority, "autostart": p.AutoStart,
		"autorestart": restart[p.AutoRestart], "startsecs": p.StartWait.Seconds(), "startretries": p.StartRetries,
		"stopsignal": p.StopSignal, "stopwaitsecs": p.StopWait.Seconds(), "stopasgroup": p.StopAsGroup,
		"killasgroup": p.KillAsGroup, "exitcodes": p.ExitCodes, "redirect_stderr": p.RedirectStderr,
		"environment": environment, "serverurl": p.ServerURL,
	}
	if p.AutoServerURL {
		d["serverurl"] = nil
	}
	for std, c := range map[string]Channel{"stdout": p.Stdout, "stderr": p.Stderr} {
		d[std+"_logfile"] = map[LogKind]any{LogNone: nil, LogAuto: "AUTO", LogFile: c.Path}[c.Log]
		d[std+"_logfile_maxbytes"], d[std+"_logfile_backups"] = c.MaxBytes, c.Backups
		d[std+"_capture_maxbytes"], d[std+"_events_enabled"], d[std+"_syslog"] = c.CaptureMaxBytes, c.Events, c.Syslog
	}
	return d
}

func dumpServers(servers []Server) []any {
	all := []any{}
	for _, s := range servers {
		d := map[string]any{
			"section": s.Section, "host": nil, "port": nil, "file": nil, "chmod": nil, "chown": nil,
			"username": orNil(s.Username, ""), "password": orNil(s.Password, ""),
		}
		if s.Unix {
			d["file"], d["chmod"], d["chown"] = s.File, int(s.Mode), []int{s.UID, s.GID}
		} else {
			d["host"], d["port"] = s.Host, s.Port
		}
		all = append(all, d)
	}
	return all
}

// dumpMessages are the messages of one level that the original has too.
func dumpMessages(messages []Message, lv level.Level) []string {
	all := []string{}
	for _, m := range messages {
		if m.Level == lv && (strings.HasPrefix(m.Text, "For [") || strings.Contains(m.Text, " file ")) {
			all = append(all, m.Text)
		}
	}
	return all
}
