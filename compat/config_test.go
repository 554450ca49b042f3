package compat

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// minimal is a configuration without a server, for daemons that are not to
// start anyway.
const minimal = "[supervisord]\nlogfile=@DIR@/main.log\npidfile=@DIR@/pid\nchildlogdir=@DIR@/child\n"

// A badConfig is a configuration that no daemon starts on.
type badConfig struct{ name, text string }

// refuse runs the daemon on each configuration and notes how it refuses it.
func refuse(t *testing.T, cases []badConfig) {
	t.Helper()
	compare(t, func(s *stage) {
		var lines [][]string
		for i, c := range cases {
			name := fmt.Sprintf("bad%d.conf", i)
			s.write(name, c.text)
			lines = append(lines, []string{"-n", "-c", s.path(name)})
		}
		for i, result := range s.runs(lines) {
			s.note(cases[i].name, result)
		}
	})
}

// runs runs the daemon with each command line, which must make it end, and
// returns what came of it.
func (s *stage) runs(lines [][]string) []string {
	s.Helper()
	if s.subject.ours {
		var out []string
		for _, args := range lines {
			out = append(out, s.brief(args))
		}
		return out
	}
	return s.forked(lines)
}

// brief runs the daemon, which has little time to end.
func (s *stage) brief(args []string) string {
	ctx, cancel := context.WithTimeout(context.Background(), patience/4)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.subject.daemon, args...)
	var stdout, stderr strings.Builder
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = s.dir, s.env, &stdout, &stderr, time.Second
	if cmd.Run(); ctx.Err() != nil {
		return "does not end: " + stdout.String() + stderr.String()
	}
	return fmt.Sprintf("exit status %d\n%s%s", cmd.ProcessState.ExitCode(), &stdout, &stderr)
}

// forked runs the original with each command line, quicker than one by one.
func (s *stage) forked(lines [][]string) []string {
	s.Helper()
	var out []string
	var in strings.Builder
	for _, args := range lines {
		text, err := json.Marshal(append([]string{s.subject.daemon}, args...))
		if err != nil {
			s.Fatal(err)
		}
		fmt.Fprintf(&in, "%s\n", text)
	}
	script, err := filepath.Abs("testdata/original.py")
	if err != nil {
		s.Fatal(err)
	}
	_, answers, diag := s.run(in.String(), python, script)
	for line := range strings.Lines(answers) {
		var code int
		var stdout, stderr string
		if err := json.Unmarshal([]byte(line), &[]any{&code, &stdout, &stderr}); err != nil {
			s.Fatalf("%s: %v", line, err)
		}
		out = append(out, fmt.Sprintf("exit status %d\n%s%s", code, stdout, stderr))
	}
	if len(out) != len(lines) {
		s.Fatalf("%d answers for %d command lines: %s", len(out), len(lines), diag)
	}
	return out
}

func TestBadSyntax(t *testing.T) {
	refuse(t, []badConfig{
		{"empty", ""},
		{"no section", "logfile=x\n"},
		{"no supervisord", "[program:x]\ncommand=cat\n"},
		{"key without delimiter", minimal + "nonsense\nmore nonsense\n"},
		{"rem", minimal + "rem this is no comment\n"},
		{"empty header", "[]\n" + minimal},
		{"open header", "[supervisord\nlogfile=x\n"},
		{"include without files", minimal + "[include]\n"},
		{"include of a broken file", minimal + "[include]\nfiles=bad.conf.d\n[include]\nx=y\n[program:p]\ncommand\n"},
		{"expansion", minimal + "identifier=%(nope)s\n"},
		{"percent", minimal + "identifier=100%\n"},
		{"conversion", minimal + "identifier=%(here)b\n"},
		{"number wanted", minimal + "identifier=%(here)d\n"},
	})
}

func TestBadSupervisordOptions(t *testing.T) {
	var cases []badConfig
	for _, line := range []string{
		"logfile=@DIR@/nope/x", "logfile_maxbytes=x", "logfile_maxbytes=10tb", "logfile_maxbytes=1.5mb", "logfile_backups=x", "loglevel=warning", "loglevel=",
		"pidfile=/nope/pid", "umask=9", "umask=x", "nodaemon=maybe", "silent=2", "minfds=x", "minprocs=1k", "nocleanup=y",
		"childlogdir=@DIR@/nope", "user=nosuchuser", "user=99999", "directory=@DIR@/nope", "strip_ansi=", "environment=A", "environment=A=1,B",
		"environment==x", "identifier=%(here", "minfds=0x10",
	} {
		cases = append(cases, badConfig{line, minimal + line + "\n"})
	}
	refuse(t, cases)
}

func TestBadProgramOptions(t *testing.T) {
	cases := []badConfig{
		{"no command", minimal + "[program:x]\n"},
		{"blank in name", minimal + "[program:x y]\ncommand=cat\n"},
		{"colon in name", minimal + "[program:x:y]\ncommand=cat\n"},
		{"slash in name", minimal + "[program:x/y]\ncommand=cat\n"},
	}
	for _, line := range []string{
		"process_name=a b", "process_name=%(nope)s", "numprocs=x", "numprocs=2", "numprocs=2\nprocess_name=%(program_name)s", "numprocs_start=x", "priority=high",
		"priority=%(program_name)s", "autostart=maybe", "autorestart=sometimes", "startsecs=x", "startsecs=1.5", "startretries=x", "exitcodes=x", "exitcodes=256",
		"exitcodes=0,", "exitcodes=-1", "stopsignal=NOPE", "stopsignal=99", "stopsignal=", "stopwaitsecs=x", "stopasgroup=x", "killasgroup=x",
		"stopasgroup=true\nkillasgroup=false", "user=", "umask=9", "umask=", "directory=%(nope)s", "environment=A",
		"environment=A=%(nope)s", "redirect_stderr=x", "stdout_logfile=%(nope)s",
		"stdout_logfile_maxbytes=x", "stderr_logfile_maxbytes=1tb", "stdout_logfile_backups=x", "stderr_logfile_backups=x", "stdout_capture_maxbytes=x",
		"stderr_capture_maxbytes=x", "stdout_events_enabled=x", "stderr_events_enabled=x", "stdout_syslog=x", "stderr_syslog=x", "autostart=%(process_num)d",
		"command=%(nope)s", "command=date +%Y", "command=x%", "command=%(process_num)", "command=%(program_name)d",
	} {
		cases = append(cases, badConfig{line, minimal + "[program:x]\ncommand=cat\n" + line + "\n"})
	}
	refuse(t, cases[:len(cases)/2])
	t.Run("more", func(t *testing.T) { refuse(t, cases[len(cases)/2:]) })
}

func TestBadServers(t *testing.T) {
	var cases []badConfig
	for _, text := range []string{
		"[unix_http_server]\n", "[inet_http_server]\n", "[inet_http_server:x]\n", "[inet_http_server]\nport=x\n", "[inet_http_server]\nport=0\n",
		"[inet_http_server]\nport=70000\n", "[inet_http_server]\nport=localhost:\n", "[inet_http_server]\nport=localhost:abc\n",
		"[inet_http_server]\nport=localhost:0\n", "[inet_http_server]\nport=localhost:70000\n", "[inet_http_server]\nport=127.0.0.1:1\nusername=u\n",
		"[inet_http_server]\nport=127.0.0.1:1\npassword=p\n", "[unix_http_server]\nfile=@DIR@/s\nchmod=9\n", "[unix_http_server]\nfile=@DIR@/s\nchown=nosuchuser\n",
		"[unix_http_server]\nfile=@DIR@/s\nchown=root:nosuchgroup\n", "[unix_http_server]\nfile=@DIR@/nope/s\n",
		"[unix_http_server]\nfile=@DIR@/s\nusername=%(ENV_NOPE)s\npassword=x\n",
	} {
		cases = append(cases, badConfig{text, minimal + text})
	}
	refuse(t, cases)
}

func TestBadGroups(t *testing.T) {
	const a = "[program:a]\ncommand=cat\n"
	var cases []badConfig
	for _, text := range []string{
		"[group:g]\nprograms=nope\n", a + "[group:g]\nprograms=a,nope\n", a + "[group:g]\nprograms=a,\n", a + "[group:g]\nprograms=a\npriority=x\n",
		a + "[fcgi-program:a]\ncommand=cat\nsocket=tcp://127.0.0.1:1\n[group:g]\nprograms=a\n",
		"[eventlistener:l]\ncommand=cat\n", "[eventlistener:l]\ncommand=cat\nevents=NOPE\n", "[eventlistener:l]\nevents=TICK_5\n",
		"[eventlistener:l]\ncommand=cat\nevents=TICK_5\nbuffer_size=0\n", "[eventlistener:l]\ncommand=cat\nevents=TICK_5\nredirect_stderr=true\n",
		"[fcgi-program:f]\ncommand=cat\n", "[fcgi-program:f]\ncommand=cat\nsocket=nope\n", "[fcgi-program:f]\ncommand=cat\nsocket=unix://relative\n",
		"[fcgi-program:f]\ncommand=cat\nsocket=tcp://127.0.0.1:99999\n", "[fcgi-program:f]\ncommand=cat\nsocket=tcp://127.0.0.1:1\nsocket_mode=0700\n",
		"[fcgi-program:f]\ncommand=cat\nsocket=unix:///tmp/x\nsocket_mode=9\n", "[fcgi-program:f]\ncommand=cat\nsocket=unix:///tmp/x\nsocket_owner=nosuch\n",
		"[fcgi-program:f]\ncommand=cat\nsocket=unix:///tmp/x\nsocket_backlog=0\n", "[rpcinterface:x]\n", "[group:a b]\nprograms=\n",
	} {
		cases = append(cases, badConfig{text, minimal + text})
	}
	refuse(t, cases)
}

// shows starts a program that prints its arguments and notes them: a look at
// what the parser made of a text.
func (s *stage) shows(conf string) {
	s.Helper()
	s.start(conf)
	s.until("all have printed", func() bool {
		for _, p := range s.ask("supervisor.getAllProcessInfo").([]any) {
			if !slices.Contains([]any{"EXITED", "FATAL"}, p.(map[string]any)["statename"]) {
				return false
			}
		}
		return true
	})
	for _, p := range s.ask("supervisor.getAllProcessInfo").([]any) {
		info := p.(map[string]any)
		name := info["group"].(string) + ":" + info["name"].(string)
		s.note(name, s.ask("supervisor.readProcessLog", name, 0, 0))
	}
	s.note("main log", s.finalLog("INFO Included|No file|WARN For"))
}

func TestDialect(t *testing.T) {
	compare(t, func(s *stage) {
		s.shows(base + strings.ReplaceAll(`# a comment
; another
[program:comments]
command=@CHILD@ args a;b a#b "c # d
; not part of it
[program:inline]
command=@CHILD@ args one ; two # three
[program:colon]
COMMAND : @CHILD@ args a=b:c
startsecs=0
AutoRestart: false
[program:continued]
command =
   @CHILD@ args
   ; left out
   one

   two
[program:twice]
command=@CHILD@ args first
command=@CHILD@ args second
[program:merged]
command=@CHILD@ args old
priority=3
[ program:odd]
command=@CHILD@ args ignored
[program: trimmed ]
command=@CHILD@ args trimmed
  [program:indented]
  command=@CHILD@ args indented
  priority=5
[program:merged] junk after it
command=@CHILD@ args new
[program:unknown]
command=@CHILD@ args known
wibble=1
dependent_startup=true
[whatever:x]
y=z
`, "command", "startsecs=0\nautorestart=false\nstartretries=0\ncommand"))
	})
}

// [DEFAULT] reaches every section, RPC interfaces included, which then refuse
// to be made with an option they do not know.
func TestDefaultSection(t *testing.T) {
	const defaults = "[DEFAULT]\nstartsecs=0\nautorestart=false\npriority=7\nstdout_logfile=@DIR@/out\n"
	compare(t, func(s *stage) {
		s.write("bad.conf", base+defaults)
		s.note("with an RPC interface", lastLines(s.runs([][]string{{"-n", "-s", "-c", s.path("bad.conf")}})[0], 2))
		s.write("supervisord.conf", minimal+defaults+"[program:p]\ncommand=@CHILD@ out hello touch @DIR@/done\n")
		s.launch("-n", "-c", s.path("supervisord.conf"))
		s.until("the program has run", func() bool { return s.read("done") == "" })
		s.logged("exited: p")
		s.note("output", s.read("out"))
		s.note("main log", s.finalLog(" p |'p'"))
	})
}

// lastLines is the end of a text.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func TestExpansion(t *testing.T) {
	compare(t, func(s *stage) {
		s.env = append(s.env, "OUTER=from outside", "PERCENT=50%")
		s.shows(base + `environment=GLOBAL="g%(here)s"
[program:p]
command=@CHILD@ args "%(ENV_OUTER)s" %(ENV_GLOBAL)s %(program_name)-6s| %(process_num)03d %(process_num)x %(numprocs)d %%(here)s 100%%
startsecs=0
autorestart=false
numprocs=2
numprocs_start=10
process_name=%(program_name)s-%(process_num)02x
[program:percent]
command=@CHILD@ args %(ENV_PERCENT)s
startsecs=0
autorestart=false
`)
	})
}

func TestEnvironmentForms(t *testing.T) {
	for i, value := range []string{
		`A=1,B="x,y",C='z'`, `A=1,`, `A=a b`, `A="",B=2`, `A=/usr/bin:.+-(),B=x`, `A=1;B=2`, `A=1 , B = 2`, `A=1,A=2`, `A="x;y",B="#"`, `A=100%%`, `A="100%%"`,
		`A="%(ENV_HOME)s"`, "A=1,\n  B=2",
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			compare(t, func(s *stage) {
				s.start(base + "[program:p]\ncommand=@CHILD@ env A,B,C\nstartsecs=0\nautorestart=false\nstdout_logfile=@DIR@/out\nenvironment=" + value + "\n")
				s.reaches("p", "EXITED")
				s.note(value, s.read("out"))
			})
		})
	}
}

func TestIncludes(t *testing.T) {
	const p = "command=@CHILD@ args %(here)s\nstartsecs=0\nautorestart=false\n"
	compare(t, func(s *stage) {
		s.write("conf.d/b.conf", "[program:b]\n"+p+"[program:main]\npriority=4\n")
		s.write("conf.d/a.conf", "[program:a]\n"+p)
		s.write("conf.d/.hidden.conf", "[program:hidden]\n"+p)
		s.write("conf.d/nested/x.conf", "[program:nested]\n"+p)
		s.write("conf.d/c.conf", "[include]\nfiles=nested/*.conf\n[program:c]\n"+p)
		s.write("other.ini", "[program:a]\ncommand=@CHILD@ args overridden\n")
		s.shows(base + "[include]\nfiles = conf.d/*.conf nope/*.conf\n  %(here)s/other.ini  conf.d\n[program:main]\n" + p)
	})
}

func TestWarnings(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + program("p", "stdout_logfile=AUTO", "stdout_logfile_maxbytes=0") +
			program("q", "redirect_stderr=true", "stderr_logfile=@DIR@/q") +
			program("r", "numprocs=2", "process_name=r%(process_num)d", "stderr_logfile_maxbytes=0"))
		s.reaches("p", "RUNNING")
		s.note("main log", s.finalLog("WARN|INFO Included"))
	})
}

// A program whose user or log directory does not exist must not keep all the
// others from running: it is that program's failure, with its own text.
func TestProgramsOwnTrouble(t *testing.T) {
	for _, line := range []string{"user=nosuchuser", "stdout_logfile=@DIR@/nope/x"} {
		t.Run(strings.SplitN(line, "=", 2)[0], func(t *testing.T) {
			compare(t, func(s *stage) {
				s.write("supervisord.conf", base+program("good")+"[program:bad]\ncommand=@CHILD@ wait\nstartretries=0\n"+line+"\n")
				s.launch("-n", "-s", "-c", s.path("supervisord.conf"))
				s.until("it is up or gone", func() bool { return s.gone() || strings.Contains(s.mainLog("spawned"), "good") })
				s.differs("differs:tolerant-start", line, s.gone(), "false")
				if s.gone() {
					return
				}
				s.reaches("bad", "FATAL")
				if text := s.info("bad")["description"].(string); text == "" {
					s.Error("nothing says what is wrong with the program")
				}
			})
		})
	}
}

// Later versions than 4.2.5 read environment= as a shell would.
func TestEnvironmentQuoting(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + `[program:p]
command=@CHILD@ env A,B
startsecs=0
autorestart=false
stdout_logfile=@DIR@/out
environment=A="x\\y",B="a"b"c"
`)
		s.reaches("p", "EXITED")
		s.differs("differs:environment-quoting", "output", s.read("out"), "A=x\\y\nB=abc\n")
	})
}

// A bare %s made the original paste its whole dictionary, secrets included.
func TestBareConversion(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base)
		s.write("supervisord.conf", base+"[program:p]\ncommand=/bin/date +%s\n")
		s.callDiffers("differs:bare-conversion", "fault 92 CANT_REREAD: Format string '/bin/date +%s' for 'program:p.command' is badly formatted: "+
			"not enough arguments for format string in section 'program:p' (file: '$DIR/supervisord.conf')", "supervisor.reloadConfig")
	})
}

// An unknown key is legal; ours names it once so that a slip is found.
func TestUnknownOption(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + program("p", "startsec=3"))
		s.reaches("p", "RUNNING")
		lines := s.finalLog("WARN")
		s.differs("differs:unknown-option-warning", "warning", strings.Contains(lines, "startsec") && strings.Contains(lines, "startsecs"), "true")
	})
}

// The file is looked for beside the program, in the current directory and in
// the usual places.
func TestSearchPath(t *testing.T) {
	compare(t, func(s *stage) {
		for _, name := range []string{"supervisord.conf", "etc/supervisord.conf"} {
			s.write(name, minimal+"loglevel=nonsense-"+strings.ReplaceAll(name, "/", "-")+"\n")
			code, _, diag := s.run("", s.subject.daemon, "-n")
			s.note(name, fmt.Sprintf("%d %s", code, lastLines(diag, 2)))
			s.run("", "/bin/rm", s.path(name))
		}
	})
}
