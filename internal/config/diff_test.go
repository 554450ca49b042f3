package config

import (
	"slices"
	"strings"
	"testing"
)

// TestDiff: config.md 6.5 and xmlrpc.md 4.6, what makes a group changed.
func TestDiff(t *testing.T) {
	t.Parallel()
	const program = "[program:x]\ncommand=x\nstdout_logfile=a.log\n"
	const listener = "[eventlistener:x]\ncommand=x\nevents=TICK,EVENT\n"
	const fcgi = "[fcgi-program:x]\ncommand=x\nsocket=unix:///tmp/x\n"
	for _, row := range []struct {
		old, new string
		changed  bool
	}{
		{program, program, false},
		{program, program + "stdout_logfile=AUTO\n", false},
		{program + "stdout_logfile=AUTO\n", program + "stdout_logfile=NONE\n", false},
		{program, program + "stdout_logfile=NONE\n", true},
		{program, program + "stdout_logfile=b.log\n", true},
		{program, program + "autorestart=false\n", true},
		{program, program + "serverurl=AUTO\n", false},
		{program, program + "serverurl=\n", true},
		{program, program + "serverurl=http://x\n", true},
		{program, program + "user=alice\n", true},
		{program + "user=alice\n", program + "user=1000\n", false},
		{program, program + "numprocs=2\nprocess_name=%(process_num)s\n", true},
		{program, program + "[group:g]\nprograms=x\n", true},
		{listener, strings.Replace(listener, "TICK,EVENT", "event, tick", 1), false},
		{listener, strings.Replace(listener, "TICK,EVENT", "TICK", 1), true},
		{listener, listener + "buffer_size=11\n", true},
		{listener, listener + "priority=-2\n", true},
		{listener, program, true},
		{fcgi, fcgi + "socket_mode=0777\nsocket_backlog=5\n", false},
		{fcgi, strings.Replace(fcgi, "tmp/x", "tmp/y", 1), true},
		{fcgi, program, true},
		{"[group:g]\nprograms=a,b\n[program:a]\ncommand=a\n[program:b]\ncommand=b\n",
			"[group:g]\nprograms=b,a\n[program:a]\ncommand=a\n[program:b]\ncommand=b\n", true},
	} {
		live, available := mustLoad(t, "[supervisord]\n"+row.old), mustLoad(t, "[supervisord]\n"+row.new)
		added, changed, removed := Diff(live.Groups, available.Groups)
		if same := len(added)+len(changed)+len(removed) == 0; same == row.changed {
			t.Errorf("Diff of\n%s\nand\n%s = %v, %v, %v", row.old, row.new, added, changed, removed)
		}
	}
}

// TestProcessEqual: each option alone makes a process another one.
func TestProcessEqual(t *testing.T) {
	t.Parallel()
	base, err := loadProgram(t, "command=x")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"command=y", "process_name=y", "priority=1", "autostart=0", "autorestart=1", "startsecs=2", "startretries=4",
		"stopsignal=INT", "stopwaitsecs=1", "stopasgroup=1", "killasgroup=1", "exitcodes=1", "redirect_stderr=1",
		"environment=A=1", "directory=/", "umask=0", "user=root", "serverurl=x",
		"stdout_logfile_backups=1", "stdout_logfile_maxbytes=1", "stdout_capture_maxbytes=1", "stdout_events_enabled=1",
		"stdout_syslog=1", "stderr_logfile_backups=1", "stderr_logfile_maxbytes=1", "stderr_capture_maxbytes=1",
		"stderr_events_enabled=1", "stderr_syslog=1",
	} {
		other, err := loadProgram(t, "command=x", line)
		if err != nil {
			t.Fatal(err)
		}
		if base[0].Equal(other[0]) || other[0].Equal(base[0]) {
			t.Errorf("a process is equal to one with %s", line)
		}
		if !other[0].Equal(other[0]) {
			t.Errorf("a process with %s is not equal to itself", line)
		}
	}
}

func TestDiffOrder(t *testing.T) {
	t.Parallel()
	group := func(name string, priority int) *Group { return &Group{Name: name, Priority: priority} }
	live := []*Group{group("z", 1), group("same", 1), group("a", 1), group("c2", 1), group("c1", 1)}
	available := []*Group{group("n2", 1), group("c1", 2), group("same", 1), group("n1", 1), group("c2", 2)}
	added, changed, removed := Diff(live, available)
	if !slices.Equal(added, []string{"n2", "n1"}) || !slices.Equal(changed, []string{"c1", "c2"}) ||
		!slices.Equal(removed, []string{"z", "a"}) {
		t.Errorf("Diff = %v, %v, %v", added, changed, removed)
	}
}
