package rpc

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/proc"
	"example.org/twiddler/internal/supervisor"
	"example.org/twiddler/internal/xmlrpc"
)

func TestSeconds(t *testing.T) {
	t.Parallel()
	for want, when := range map[int64]time.Time{
		0: {}, 5: time.Unix(5, 999), math.MaxInt32: time.Unix(1<<40, 0), math.MinInt32: time.Unix(-1<<40, 0),
	} {
		if got := seconds(when); got != want {
			t.Errorf("seconds(%v) = %d, want %d", when, got, want)
		}
	}
}

// member is one member of a struct on the wire.
func member(name, kind, text string) string {
	return fmt.Sprintf("<member>\n<name>%s</name>\n<value><%s>%s</%s></value>\n</member>\n", name, kind, text, kind)
}

func TestInfoOnTheWire(t *testing.T) {
	t.Parallel()
	i := supervisor.Info{
		Name: "a", Group: "g", State: proc.Exited, Start: time.Unix(100, 0), Stop: time.Unix(200, 0), Now: time.Unix(300, 0),
		SpawnErr: "Bad exit code -1", ExitStatus: -1, StdoutLog: "/o&", PID: 0,
	}
	want := "<value><struct>\n" + member("name", "string", "a") + member("group", "string", "g") +
		member("start", "int", "100") + member("stop", "int", "200") + member("now", "int", "300") +
		member("state", "int", "100") + member("statename", "string", "EXITED") +
		member("spawnerr", "string", "Bad exit code -1") + member("exitstatus", "int", "-1") +
		member("logfile", "string", "/o&amp;") + member("stdout_logfile", "string", "/o&amp;") +
		member("stderr_logfile", "string", "") + member("pid", "int", "0") +
		member("description", "string", time.Unix(200, 0).Format("Jan 02 03:04 PM")) + "</struct></value>"
	if got := string(infoAnswer(i).AppendXMLRPC(nil)); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// A list is what the general encoder makes of the same members.
func TestInfosOnTheWire(t *testing.T) {
	t.Parallel()
	infos := infosAnswer{
		{Name: "up", Group: "g", State: proc.Running, Start: time.Unix(5, 0), Now: time.Unix(1<<40, 0), Uptime: 90061 * time.Second,
			StdoutLog: "/var/log/a&b-stdout---supervisor.log", StderrLog: "/var/log/<err>", PID: math.MaxInt32},
		{Name: "äöü & <long name of a process>", Group: "\x00\r", State: proc.Fatal, SpawnErr: "can't find <cmd>", ExitStatus: 255},
		{Name: "b", Group: "h", State: proc.Backoff},
		{Name: "c", Group: "h", State: proc.Stopped, Stop: time.Unix(-1<<40, 0)},
		{Name: "d", Group: "h", State: proc.Unknown, ExitStatus: -1},
	}
	var list []any
	for i := range infos {
		p := (*supervisor.Info)(&infos[i])
		list = append(list, xmlrpc.Struct{
			{Name: "name", Value: p.Name}, {Name: "group", Value: p.Group}, {Name: "start", Value: seconds(p.Start)},
			{Name: "stop", Value: seconds(p.Stop)}, {Name: "now", Value: seconds(p.Now)}, {Name: "state", Value: int(p.State)},
			{Name: "statename", Value: p.State.String()}, {Name: "spawnerr", Value: p.SpawnErr},
			{Name: "exitstatus", Value: p.ExitStatus}, {Name: "logfile", Value: p.StdoutLog},
			{Name: "stdout_logfile", Value: p.StdoutLog}, {Name: "stderr_logfile", Value: p.StderrLog},
			{Name: "pid", Value: p.PID}, {Name: "description", Value: p.Description()},
		})
	}
	want, err := xmlrpc.AppendResponse(nil, list)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := xmlrpc.AppendResponse(nil, infos); err != nil || string(got) != string(want) {
		t.Errorf("%v: got %s\nwant %s", err, got, want)
	}
}

func TestConfigOnTheWire(t *testing.T) {
	t.Parallel()
	c := supervisor.ConfigInfo{
		Process: &config.Process{
			Spec: proc.Spec{
				Name: "a", Group: "g", StartWait: time.Second, StartRetries: 3, AutoRestart: proc.RestartUnexpected,
				ExitCodes: []int{0, 2}, StopSignal: 15, StopWait: 10 * time.Second, KillAsGroup: true,
			},
			Command: "/bin/a", Priority: 999, AutoStart: true, UID: -1, ServerURL: "unix:///auto", AutoServerURL: true,
			Stdout: config.Channel{MaxBytes: 3 << 30, Backups: 10, Events: true},
			Stderr: config.Channel{CaptureMaxBytes: 1, Syslog: true},
		},
		GroupPriority: 5, InUse: true, StdoutLog: "auto",
	}
	want := "<value><array><data>\n<value><struct>\n" +
		member("autostart", "boolean", "1") + member("autorestart", "string", "unexpected") +
		member("directory", "string", "none") + member("uid", "string", "none") + member("command", "string", "/bin/a") +
		"<member>\n<name>exitcodes</name>\n<value><array><data>\n<value><int>0</int></value>\n<value><int>2</int></value>\n" +
		"</data></array></value>\n</member>\n" +
		member("group", "string", "g") + member("group_prio", "int", "5") + member("inuse", "boolean", "1") +
		member("killasgroup", "boolean", "1") + member("name", "string", "a") + member("process_prio", "int", "999") +
		member("redirect_stderr", "boolean", "0") + member("startretries", "int", "3") + member("startsecs", "int", "1") +
		member("stdout_capture_maxbytes", "int", "0") + member("stdout_events_enabled", "boolean", "1") +
		member("stdout_logfile", "string", "auto") + member("stdout_logfile_backups", "int", "10") +
		member("stdout_logfile_maxbytes", "i8", "3221225472") + member("stdout_syslog", "boolean", "0") +
		member("stopsignal", "int", "15") + member("stopwaitsecs", "int", "10") +
		member("stderr_capture_maxbytes", "int", "1") + member("stderr_events_enabled", "boolean", "0") +
		member("stderr_logfile", "string", "none") + member("stderr_logfile_backups", "int", "0") +
		member("stderr_logfile_maxbytes", "int", "0") + member("stderr_syslog", "boolean", "1") +
		member("serverurl", "string", "none") + "</struct></value>\n</data></array></value>"
	if got := string(configsAnswer{c}.AppendXMLRPC(nil)); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	c.Process.UID, c.Process.AutoRestart = 33, proc.RestartAlways
	c.Process.ServerURL, c.Process.AutoServerURL = "unix:///x", false
	got := string(configsAnswer{c}.AppendXMLRPC(nil))
	for _, part := range []string{member("uid", "int", "33"), member("autorestart", "boolean", "1"), member("serverurl", "string", "unix:///x")} {
		if !strings.Contains(got, part) {
			t.Errorf("no %s in %s", part, got)
		}
	}
}

func TestInfoMethods(t *testing.T) {
	t.Parallel()
	w := newWorld(t, programs)
	w.play([]step{{"getProcessInfo", p("g:*"), "10 BAD_NAME: g:*"}, {"getProcessInfo", p("nope"), "10 BAD_NAME: nope"}})
	one, err := w.call("supervisor.getProcessInfo", "cat:cat")
	if err != nil {
		t.Fatal(err)
	}
	if m := one.(map[string]any); len(m) != 14 || m["description"] != "Not started" || m["logfile"] != w.dir+"/cat.log" {
		t.Errorf("getProcessInfo: %v", one)
	}
	for method, want := range map[string]string{
		"supervisor.getAllProcessInfo": "cat:cat g:a g:b many:many_0 many:many_1 slow:slow",
		"supervisor.getAllConfigInfo":  "g:a g:b cat:cat many:many_0 many:many_1 slow:slow",
	} {
		got, err := w.call(method)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, v := range got.([]any) {
			names = append(names, fmt.Sprintf("%v:%v", v.(map[string]any)["group"], v.(map[string]any)["name"]))
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %s, want %s", method, got, want)
		}
	}
}

func BenchmarkAllInfo(b *testing.B) {
	infos := make(infosAnswer, 1000)
	for i := range infos {
		infos[i] = supervisor.Info{
			Name: fmt.Sprintf("process_%d", i), Group: "group", State: proc.Running, Start: time.Unix(1_700_000_000+int64(i)/600, 0), Now: time.Unix(1_700_000_100, 0),
			StdoutLog: "/var/log/supervisor/process-stdout.log", StderrLog: "/var/log/supervisor/process-stderr.log", PID: i,
		}
	}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = xmlrpc.AppendResponse(buf[:0], infos)
	}
}
