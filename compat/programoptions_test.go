package compat

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// report runs one program to its end and notes what it printed, with its
// environment and options as given.
func (s *stage) report(command string, options ...string) {
	s.Helper()
	s.start(base + "[program:p]\nstartsecs=0\nautorestart=false\nstdout_logfile=@DIR@/out\nstderr_logfile=@DIR@/err\ncommand=" +
		command + "\n" + strings.Join(options, "\n") + "\n")
	s.reaches("p", "EXITED", "FATAL", "BACKOFF")
	s.note("output", s.read("out"))
	s.note("errors", s.read("err"))
	s.call("supervisor.getProcessInfo", "p")
}

// One row is one program whose output shows what its options did.
func TestProgramOptions(t *testing.T) {
	for _, c := range []struct {
		name, command string
		options       []string
	}{
		{"plain", "@CHILD@ cwd umask ids leader", nil},
		{"directory", "@CHILD@ cwd", []string{"directory=@DIR@/child"}},
		{"relative directory", "@CHILD@ cwd", []string{"directory=child"}},
		{"expanded directory", "@CHILD@ cwd", []string{"directory=%(here)s/child"}},
		{"umask", "@CHILD@ umask", []string{"umask=027"}},
		{"umask bare", "@CHILD@ umask", []string{"umask=7"}},
		{"umask prefixed", "@CHILD@ umask", []string{"umask=0o77"}},
		{"environment", "@CHILD@ env A,B,C,D,SUPERVISOR_ENABLED,SUPERVISOR_PROCESS_NAME,SUPERVISOR_GROUP_NAME,SUPERVISOR_SERVER_URL,HOME,USER",
			[]string{`environment=A=1,B="two, three",C='q %(process_num)s %(program_name)s %(group_name)s',D=""`}},
		{"environment overrides", "@CHILD@ env PATH,SUPERVISOR_ENABLED,SUPERVISOR_PROCESS_NAME", []string{`environment=PATH="/nowhere",SUPERVISOR_ENABLED="0",SUPERVISOR_PROCESS_NAME=x`}},
		{"environment across lines", "@CHILD@ env A,B", []string{"environment=A=1,", "  B=2"}},
		{"environment in command", "@CHILD@ out %(ENV_A)s out %(ENV_HOME)s", []string{"environment=A=1"}},
		{"serverurl", "@CHILD@ env SUPERVISOR_SERVER_URL", []string{"serverurl=http://localhost:9999"}},
		{"serverurl empty", "@CHILD@ env SUPERVISOR_SERVER_URL", []string{"serverurl="}},
		{"serverurl auto", "@CHILD@ env SUPERVISOR_SERVER_URL", []string{"serverurl= auto"}},
		{"whole environment", "@CHILD@ environ", []string{"environment=Z=1"}},
		{"quotes", `@CHILD@ args 'a b' "c \"d\" \x" e\ f '' "" #g $HOME ~ *`, nil},
		{"command across lines", "@CHILD@ args\n  one\n  two", nil},
		{"percent", "@CHILD@ args 100%%", nil},
		{"expansions", "@CHILD@ args %(program_name)s %(group_name)s %(process_num)02d %(numprocs)s %(here)s %(host_node_name)s", nil},
		{"redirect", "@CHILD@ out one err two out three", []string{"redirect_stderr=true"}},
		{"redirect over a file", "@CHILD@ err two", []string{"redirect_stderr=true", "stderr_logfile=@DIR@/err"}},
		{"signals", "/bin/grep -E Sig(Blk|Ign) /proc/self/status", nil},
		{"descriptors", "/bin/ls /proc/self/fd", nil},
		{"stdin is a pipe", "/usr/bin/stat -L -c %%F /proc/self/fd/0", nil},
		{"no such user id of ours", "@CHILD@ ids", []string{"user=root"}},
		{"path lookup", "true", nil},
		{"path of the environment", "mine out hello", []string{`environment=PATH="@DIR@/bin"`}},
		{"syslog off", "@CHILD@ out x", []string{"stdout_syslog=false", "stderr_syslog=off"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			compare(t, func(s *stage) {
				s.write("bin/.keep", "")
				s.run("", "/bin/cp", tool("child"), s.path("bin/mine"))
				s.report(c.command, c.options...)
			})
		})
	}
}

func TestUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can start programs as another user")
	}
	for _, c := range []struct {
		name    string
		options []string
	}{
		{"name", []string{"user=nobody"}},
		{"number", []string{"user=65534"}},
		{"supplementary groups", []string{"user=mail"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			compare(t, func(s *stage) {
				s.report("@CHILD@ ids cwd env HOME,USER,LOGNAME", c.options...)
			})
		})
	}
}

func TestDaemonUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	compare(t, func(s *stage) {
		s.run("", "/bin/chown", "-R", "nobody", s.dir)
		s.start(base + "user=nobody\n[program:p]\ncommand=@CHILD@ ids\nstartsecs=0\nautorestart=false\nstdout_logfile=@DIR@/out\n" +
			"[program:same]\ncommand=@CHILD@ ids wait\nstartsecs=0\nuser=nobody\nstdout_logfile=@DIR@/same\n" +
			"[program:other]\ncommand=@CHILD@ wait\nstartsecs=3\nstartretries=0\nuser=mail\nstderr_logfile=@DIR@/other\n")
		s.reaches("p", "EXITED")
		s.reaches("other", "FATAL")
		s.content("same", "uid")
		s.note("ids", s.read("out")+s.read("same"))
		s.note("other user", s.read("other"))
		s.note("main log", s.finalLog("Set uid|CRIT|gave up"))
		_, owners, _ := s.run("", "/usr/bin/stat", "-c", "%U %a %n", s.path("main.log"), s.path("pid"), s.path("s.sock"), s.path("out"))
		s.note("owners", owners)
	})
}

func TestGlobalEnvironment(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + `environment=GLOBAL="g",BOTH="g",PATH="/usr/bin:/bin"` + "\n" +
			"[program:p]\ncommand=@CHILD@ env GLOBAL,BOTH,OWN,PATH out %(ENV_GLOBAL)s out %(ENV_BOTH)s\nstartsecs=0\nautorestart=false\n" +
			"environment=BOTH=p,OWN=%(ENV_GLOBAL)s\nstdout_logfile=@DIR@/out\n")
		s.reaches("p", "EXITED")
		s.note("output", s.read("out"))
	})
}

// The server that children are told of: the first unix socket, else the last
// port.
func TestServerURL(t *testing.T) {
	const rest = "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n" +
		"[supervisord]\nlogfile=@DIR@/main.log\npidfile=@DIR@/pid\nchildlogdir=@DIR@/child\n" +
		"[program:p]\ncommand=@CHILD@ env SUPERVISOR_SERVER_URL wait\nstdout_logfile=@DIR@/out\n"
	for _, c := range []struct{ name, servers string }{
		{"none", ""},
		{"star", "[inet_http_server]\nport=*:@PORT@\nallow_unauthenticated_network=true\n"},
		{"bare", "[inet_http_server]\nport=@PORT@\nallow_unauthenticated_network=true\n"},
		{"host", "[inet_http_server]\nport=127.0.0.1:@PORT@\n"},
		{"two sockets", "[unix_http_server:b]\nfile=@DIR@/b.sock\n[unix_http_server:a]\nfile=@DIR@/a.sock\n[inet_http_server]\nport=127.0.0.1:@PORT@\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			compare(t, func(s *stage) {
				s.write("supervisord.conf", c.servers+rest)
				s.launch("-n", "-c", s.path("supervisord.conf"))
				s.content("out", "URL")
				s.note("url", s.read("out"))
				s.signal(15)
				s.note("exit status", s.wait())
				s.note("main log", s.finalLog("CRIT Server|RPC interface"))
			})
		})
	}
}

func TestNumprocs(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base +
			"[program:w]\ncommand=@CHILD@ out %(process_num)d-%(program_name)s-%(numprocs)s env SUPERVISOR_PROCESS_NAME,SUPERVISOR_GROUP_NAME,N wait\nstartsecs=0\n" +
			"numprocs=3\nnumprocs_start=9\nprocess_name=%(program_name)s_%(process_num)02d\n" +
			"environment=N=\"%(process_num)s\"\nstdout_logfile=@DIR@/%(program_name)s-%(process_num)s.log\n" +
			"[program:none]\ncommand=@CHILD@ wait\nnumprocs=0\n" +
			"[program:renamed]\ncommand=@CHILD@ wait\nprocess_name=other\nstartsecs=0\n" +
			"[program:member]\ncommand=@CHILD@ out %(group_name)s wait\nprocess_name=%(group_name)s-x\nstartsecs=0\nstdout_logfile=@DIR@/member\n[group:team]\nprograms=member\n")
		for _, name := range []string{"w:w_09", "w:w_10", "w:w_11", "renamed:other", "team:team-x"} {
			s.reaches(name, "RUNNING")
		}
		s.content("member", "team")
		for _, name := range []string{"w-9.log", "w-10.log", "w-11.log", "member"} {
			s.until(name+" is written", func() bool { return name == "member" || strings.Contains(s.read(name), "N=") })
			s.note(name, s.read(name))
		}
		s.call("supervisor.getAllProcessInfo")
		s.call("supervisor.startProcessGroup", "none")
		// Those of equal priority start at the same time in ours.
		lines := strings.Split(s.finalLog("spawned"), "\n")
		slices.Sort(lines)
		s.note("spawned", strings.Join(lines, "\n"))
	})
}

// Limits: the daemon raises its own to minfds; a limit above stays.
func TestLimits(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "minfds=1000\nminprocs=10\n[program:p]\ncommand=/bin/grep -E files|core /proc/self/limits\nstartsecs=0\nautorestart=false\nstdout_logfile=@DIR@/out\n")
		s.reaches("p", "EXITED")
		s.note("limits", s.read("out"))
		s.note("main log", s.finalLog("RLIMIT"))
	})
}
