package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/proc"
)

// policyHost is a machine with the users root, app and toor, whose uid is 0.
func policyHost() PolicyHost {
	return PolicyHost{
		Resolve: func(p *Process) (string, error) {
			file, _, _ := strings.Cut(p.Command, " ")
			if file == "gone" {
				return "", errors.New("can't find command 'gone'")
			}
			if !strings.Contains(file, "/") {
				file = "/usr/bin/" + file
			}
			return file, nil
		},
		UserName: func(uid int) string { return map[int]string{0: "root", 1000: "app"}[uid] },
	}
}

func TestCheckPolicy(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"logs", "logs/deep", "other"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"logs/out": "../other", "logs/in": "deep", "alias": "logs", "logs/nowhere": "../new"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	logs, alias := filepath.Join(dir, "logs"), filepath.Join(dir, "alias")
	strict := ext.Policy{AllowedUsers: []string{"app"}, AllowedCommands: []string{"/opt/app/*", "/usr/bin/env"}, MaxProcesses: 3}
	with := func(change func(*ext.Policy)) *ext.Policy { p := strict; change(&p); return &p }
	inLogs := with(func(p *ext.Policy) { p.AllowedDirectories = []string{logs} })
	inAlias := with(func(p *ext.Policy) { p.AllowedDirectories = []string{alias} })
	users := func(names ...string) *ext.Policy { return with(func(p *ext.Policy) { p.AllowedUsers = names }) }
	env := func(names ...string) *ext.Policy { return with(func(p *ext.Policy) { p.AllowedEnvironment = names }) }
	open := &ext.Policy{AllowedUsers: []string{"*"}, AllowedCommands: []string{"*"}, AllowedDirectories: []string{"*"},
		AllowedEnvironment: []string{"*"}, AllowedGroups: []string{"*"}, MaxProcesses: 3}
	logTo := func(path string) func(*Group, *Process) {
		return func(_ *Group, p *Process) { p.Stdout = Channel{Log: LogFile, Path: path} }
	}
	as := func(user string, uid int) func(*Group, *Process) {
		return func(_ *Group, p *Process) { p.User, p.UID = user, uid }
	}
	run := func(command string) func(*Group, *Process) {
		return func(_ *Group, p *Process) { p.Command = command }
	}
	set := func(name string) func(*Group, *Process) {
		return func(_ *Group, p *Process) { p.Environment = map[string]string{name: "1"} }
	}
	socket := func(s Socket) func(*Group, *Process) {
		return func(g *Group, _ *Process) { g.Kind, g.Socket = FastCGI, &s }
	}
	rows := []struct {
		policy *ext.Policy
		change func(*Group, *Process)
		want   string // a part of the fault; "" for none
	}{
		{&strict, nil, ""},
		{&strict, func(g *Group, _ *Process) { g.Name = "db" }, `account "ci" does not hold the group "db"`},
		{with(func(p *ext.Policy) { p.AllowedGroups = []string{"web-*"} }), nil,
			`group web: the account may not define programs in it; allowed_groups is web-*`},
		{with(func(p *ext.Policy) { p.MaxProcesses = 2 }), nil, `there would be 3 processes; max_processes is 2`},

		{&strict, as("", -1), `process web:x: the user of supervisord, root, is not allowed; allowed_users is app`},
		{&strict, as("root", 0), `the user root is not allowed`},
		{&strict, as("0", 0), `the user 0 is not allowed`},
		{&strict, as("1000", 1000), ""},
		{&strict, as("4711", 4711), `the user 4711 is not allowed`},
		{users("root"), as("", -1), ""},
		{users("toor"), as("toor", 0), ""},
		{users("toor"), as("0", 0), "is not allowed"},
		{users("4711"), as("4711", 4711), ""},
		{users("*app"), as("0", 0), "is not allowed"},
		{open, as("", -1), ""},
		{open, as("nobody", -1), ""},

		{&strict, run("/opt/app/sub/run"), `process web:x: the command /opt/app/sub/run is not allowed; allowed_commands is /opt/app/*, /usr/bin/env`},
		{&strict, run("env A=1 sh"), ""},
		{&strict, run("sh -c true"), "the command /usr/bin/sh is not allowed"},
		{&strict, run("./run"), "must be an absolute path"},
		{&strict, run("/opt/app/../../bin/sh"), "must be an absolute path without . and .."},
		{&strict, run("gone"), "can't find command 'gone'"},
		{open, run("./run"), "must be an absolute path"},
		{open, run("/anything/at/all"), ""},

		{&strict, set("A"), `the variable A is not allowed; allowed_environment allows nothing`},
		{env("A*", "B"), set("AB"), ""},
		{env("A*", "B"), set("BA"), "the variable BA is not allowed"},
		{env("*"), set("ANY"), ""},
		{env("*"), set("LD_PRELOAD"), "the variable LD_PRELOAD is not allowed; allowed_environment is *"},
		{env("*"), set("PATH"), "the variable PATH is not allowed"},
		{env("*"), set("BASH_ENV"), "the variable BASH_ENV is not allowed"},
		{env("*", "PATH"), set("PATH"), ""},
		{env("LD_*"), set("LD_PRELOAD"), ""},

		{&strict, func(_ *Group, p *Process) { p.Directory = logs }, "allowed_directories allows nothing"},
		{inLogs, func(_ *Group, p *Process) { p.Directory = logs }, ""},
		{inLogs, func(_ *Group, p *Process) { p.Directory = "logs" }, "is not an allowed one"},
		{inLogs, func(_ *Group, p *Process) { p.Directory = logs + "/../other" }, "is not an allowed one"},
		{inLogs, func(_ *Group, p *Process) { p.Directory = dir }, "is not an allowed one"},
		{inLogs, func(_ *Group, p *Process) { p.Directory = logs + "x" }, "is not an allowed one"},
		{&strict, logTo(logs + "/a.log"), "stdout_logfile " + logs + "/a.log is not in an allowed directory"},
		{inLogs, logTo(logs + "/a.log"), ""},
		{inLogs, logTo(logs + "/deep/new/a.log"), ""},
		{inLogs, logTo(logs + "/in/a.log"), ""},
		{inLogs, logTo(logs + "/out/a.log"), "is not in an allowed directory"},
		{inLogs, logTo(logs + "/nowhere"), "is not in an allowed directory"},
		{inLogs, logTo("/dev/stdout"), "is not in an allowed directory"},
		{inAlias, logTo(alias + "/a.log"), ""},
		{inAlias, logTo(alias + "/out/a.log"), "is not in an allowed directory"},
		{inLogs, logTo(alias + "/a.log"), "is not in an allowed directory"},
		{open, logTo("/etc/passwd"), ""},
		{inLogs, func(_ *Group, p *Process) { p.Stderr = Channel{Log: LogFile, Path: "/x"} }, "stderr_logfile /x is not"},
		{&strict, func(_ *Group, p *Process) { p.Stdout.Log, p.Stderr.Log = LogAuto, LogNone }, ""},
		{&strict, func(_ *Group, p *Process) { p.Name = "../../etc/cron.d/x" }, "has a slash or a control character"},
		{&strict, func(_ *Group, p *Process) { p.Name = "x\ny" }, "has a slash or a control character"},

		{open, func(g *Group, _ *Process) { g.Kind = EventListener }, "an event listener hears of all groups"},
		{open, func(_ *Group, p *Process) { p.Kind = EventListener }, "an event listener hears of all groups"},
		{inLogs, socket(Socket{Unix: true, Path: logs + "/s", UID: -1}), ""},
		{inLogs, socket(Socket{Unix: true, Path: logs + "/s", UID: 1000}), ""},
		{inLogs, socket(Socket{Unix: true, Path: logs + "/s", UID: 0}), "the owner 0 of the socket is not allowed"},
		{inLogs, socket(Socket{Unix: true, Path: "/run/s", UID: -1}), "socket /run/s is not in an allowed directory"},
		{&strict, socket(Socket{Host: "localhost", Port: 9000}), ""},
		{&strict, socket(Socket{Host: "localhost", Port: 80}), "socket has port 80; the ports from 1024 are allowed"},
	}
	for _, row := range rows {
		g := &Group{Name: "web"}
		p := &Process{Spec: proc.Spec{Group: "web", Name: "x"}, Command: "/opt/app/run", User: "app", UID: 1000}
		if row.change != nil {
			row.change(g, p)
		}
		c := ext.Caller{Account: "ci", Role: ext.Define, Groups: []string{"web*"}, Policy: row.policy}
		err := CheckPolicy(c, policyHost(), g, []*Process{p}, 2)
		switch {
		case row.want == "" && err != nil:
			t.Errorf("%+v in %+v: %v, want no error", *p, *g, err)
		case row.want != "" && (!fault.Is(err, fault.NotPermitted) || !strings.Contains(err.Error(), row.want)):
			t.Errorf("%+v in %+v: %v, want %q", *p, *g, err, row.want)
		}
	}
}

// TestCheckPolicyRoles: what a caller may do beside its policy.
func TestCheckPolicyRoles(t *testing.T) {
	t.Parallel()
	root := &Process{Spec: proc.Spec{Group: "web", Name: "x"}, Command: "./anything", Environment: map[string]string{"LD_PRELOAD": "x"}}
	for _, row := range []struct {
		c  ext.Caller
		g  Group
		ok bool
	}{
		{ext.Caller{Role: ext.Admin}, Group{Name: "web", Kind: EventListener}, true},
		{ext.Caller{Role: ext.Admin, Groups: []string{"web"}}, Group{Name: "web"}, true},
		{ext.Caller{Role: ext.Admin, Groups: []string{"db"}}, Group{Name: "web"}, false},
		{ext.Caller{Role: ext.Operate}, Group{Name: "web"}, false},
		{ext.Caller{}, Group{Name: "web"}, false},
	} {
		if err := CheckPolicy(row.c, policyHost(), &row.g, []*Process{root}, 1000); (err == nil) != row.ok {
			t.Errorf("%+v in %+v: %v", row.c, row.g, err)
		}
	}
}
