package compat

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// python makes calls with a client in Python and returns what it printed.
func (s *stage) python(server string, calls ...[]any) string {
	s.Helper()
	var in strings.Builder
	for _, call := range calls {
		line, err := json.Marshal(call)
		if err != nil {
			s.Fatal(err)
		}
		fmt.Fprintf(&in, "%s\n", line)
	}
	script, err := filepath.Abs("testdata/calls.py")
	if err != nil {
		s.Fatal(err)
	}
	code, out, diag := s.run(in.String(), python, append([]string{script}, strings.Fields(server)...)...)
	if code != 0 {
		s.Fatalf("%s exits with %d: %s", script, code, diag)
	}
	return out
}

// ctl runs the original's supervisorctl and notes what it prints and its exit
// status.
func (s *stage) ctl(args ...string) {
	s.Helper()
	s.ctlSays("", args...)
}

// bareNumber is a pid as supervisorctl pid prints it.
var bareNumber = regexp.MustCompile(`(?m)^((?:supervisor> )?)[1-9]\d*$`)

// ctlUnordered is ctl for commands on several processes, whose lines come in
// the order in which the processes happened to finish.
func (s *stage) ctlUnordered(args ...string) {
	s.Helper()
	code, out, diag := s.run("", originalCtl, append([]string{"-c", s.path("supervisord.conf")}, args...)...)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	slices.Sort(lines)
	s.note("supervisorctl "+strings.Join(args, " "), fmt.Sprintf("%s\n%sexit status %d", strings.Join(lines, "\n"), diag, code))
}

func (s *stage) ctlSays(stdin string, args ...string) {
	s.Helper()
	code, out, diag := s.run(stdin, originalCtl, append([]string{"-c", s.path("supervisord.conf")}, args...)...)
	out = bareNumber.ReplaceAllString(out, "${1}N")
	s.note("supervisorctl "+strings.Join(args, " "), fmt.Sprintf("%s%sexit status %d", out, diag, code))
}

// The session of a Python program, with the standard library over TCP and
// with the package's own transport over the unix socket.
func TestPythonClients(t *testing.T) {
	for _, server := range []string{"http://127.0.0.1:@PORT@", "unix://@DIR@/s.sock"} {
		t.Run(strings.SplitN(server, ":", 2)[0], func(t *testing.T) {
			compare(t, func(s *stage) {
				s.start(inet + base + idle("cat") + program("é<&>") +
					"[program:log]\ncommand=@CHILD@ raw 'zwölf\\n<&>\\tx\\n' wait\nstartsecs=0\nstdout_logfile=@DIR@/out\n")
				s.reaches("é<&>", "RUNNING")
				s.content("out", "\tx\n")
				s.note("session", s.python(s.fill(server), []any{"supervisor.getState"}, []any{"supervisor.getAPIVersion"}, []any{"supervisor.startProcess", "cat"},
					[]any{"supervisor.startProcess", "cat"}, []any{"supervisor.getProcessInfo", "cat"}, []any{"supervisor.getAllProcessInfo"},
					[]any{"supervisor.stopProcess", "cat"}, []any{"supervisor.stopProcess", "cat"}, []any{"supervisor.startAllProcesses", true},
					[]any{"supervisor.readProcessStdoutLog", "log", 0, 0}, []any{"supervisor.tailProcessStdoutLog", "log", 0, 5},
					[]any{"supervisor.sendProcessStdin", "cat", "é\n"}, []any{"supervisor.sendProcessStdin", "cat", nil}, []any{"supervisor.signalProcess", "cat", "CONT"},
					[]any{"system.listMethods"}, []any{"system.multicall", []any{map[string]any{"methodName": "supervisor.getState", "params": []any{}}}},
					[]any{"nosuch.method"}, []any{"supervisor.reloadConfig"}, []any{"supervisor.getPID", 1}, []any{"supervisor.shutdown"}))
				s.note("exit status", s.wait())
			})
		})
	}
}

func TestPythonCredentials(t *testing.T) {
	compare(t, func(s *stage) {
		s.write("supervisord.conf", strings.Replace(base, "s.sock\n", "s.sock\nusername=u\npassword=p\n", 1))
		s.launch("-n", "-c", s.path("supervisord.conf"))
		s.logged("started with")
		s.note("right", s.python("unix://"+s.path("s.sock")+" u p", []any{"supervisor.getState"}, []any{"supervisor.getState"}))
		s.note("wrong", s.python("unix://"+s.path("s.sock")+" u x", []any{"supervisor.getState"}, []any{"supervisor.getState"}))
		s.note("none", s.python("unix://"+s.path("s.sock"), []any{"supervisor.getState"}))
	})
}

const ctlPrograms = "[program:web]\ncommand=@CHILD@ trap 10 out ready wait\nstartsecs=0\nstdout_logfile=@DIR@/web.out\nstderr_logfile=@DIR@/web.err\n" +
	"[program:idle]\ncommand=@CHILD@ wait\nautostart=false\nstartsecs=0\n" +
	"[program:w]\ncommand=@CHILD@ wait\nnumprocs=2\nprocess_name=w_%(process_num)02d\nstartsecs=0\n[group:grp]\nprograms=w\n" +
	"[program:bad]\ncommand=/nonexistent\nautostart=false\n"

func (s *stage) ctlStart(conf string) {
	s.Helper()
	s.start(conf)
	for _, name := range []string{"web", "grp:w_00", "grp:w_01"} {
		s.reaches(name, "RUNNING")
	}
	s.content("web.out", "ready")
}

func TestCtlStatus(t *testing.T) {
	compare(t, func(s *stage) {
		s.ctlStart(base + ctlPrograms)
		s.ctl("status")
		s.ctl("status", "web")
		s.ctl("status web")
		s.ctl("status", "grp:", "idle", "nope")
		s.ctl("status", "grp:*")
		s.ctl("status", "nope", "nope:*")
		s.ctl("avail")
		s.ctl("pid", "idle", "nope")
		s.ctl("version", "x")
		s.ctl("maintail", "-x")
		s.ctl("nonsense")
	})
}

func TestCtlActions(t *testing.T) {
	compare(t, func(s *stage) {
		s.ctlStart(base + ctlPrograms)
		for _, line := range []string{"start web", "stop idle", "signal USR1 web", "start nope", "start bad", "restart grp:w_00", "restart nope", "signal NOPE web", "clear web", "clear nope"} {
			s.ctl(strings.Fields(line)...)
		}
		s.ctlUnordered("stop", "grp:*")
		s.ctlUnordered("start", "grp:")
		s.ctlUnordered("restart", "all")
		s.content("web.out", "ready")
		s.ctl("signal USR1", "web")
		s.ctl("signal USR1", "idle")
		s.content("web.out", "got signal 10")
		s.ctl("tail", "web")
		s.ctl("tail", "-4", "web", "stdout")
		s.ctl("tail", "web", "stderr")
		s.ctl("tail", "nope")
		s.ctl("tail", "idle")
	})
}

// The shell, fed from a pipe, does everything in one process.
func TestCtlShell(t *testing.T) {
	compare(t, func(s *stage) {
		s.ctlStart(base + ctlPrograms)
		s.ctlSays(strings.Join([]string{
			"status", "", "stop web idle", "start web", "start grp:w_00 web nope", "pid grp:w_01", "pid nope", "pid all", "signal HUP nope", "signal USR1 grp:nope", "stop nope:*",
			"start nope:", "tail", "tail web bad", "tail -x web", "maintail x", "reread", "update", "add web", "add nope", "remove web", "remove nope", "restart", "clear",
			"avail", "version x", "nonsense", "help", "help start", "status all nope", "stop grp:w_00", "start grp:*", "exit",
		}, "\n") + "\n")
		s.ctlSays("stop web\nshutdown\ny\n", "-i")
		s.note("exit status", s.wait())
		s.ctl("status")
		s.ctl("start", "web")
		s.ctl("shutdown")
	})
}

func TestCtlReload(t *testing.T) {
	compare(t, func(s *stage) {
		s.ctlStart(base + ctlPrograms)
		s.ctl("reread")
		s.write("supervisord.conf", base+strings.Replace(ctlPrograms, "[program:idle]", "[program:newp]", 1)+program("web2"))
		s.ctl("reread")
		s.ctl("add", "newp", "web2")
		s.ctl("add", "newp")
		s.reaches("web2", "RUNNING")
		s.ctl("remove", "web2")
		s.ctl("stop", "web2")
		s.ctl("remove", "web2")
		s.ctl("remove", "web2")
		s.ctl("update")
		s.write("supervisord.conf", base+strings.Replace(ctlPrograms, "wait\nnumprocs=2", "wait\nnumprocs=3", 1))
		s.ctl("update", "nope", "web")
		s.ctl("update")
		s.ctl("update")
		s.until("the new process runs", func() bool { return strings.Contains(s.mainLog("success"), "w_02") })
		s.ctl("status")
		s.write("supervisord.conf", base+"[program:x]\n")
		s.ctl("reread")
		s.write("supervisord.conf", base+ctlPrograms)
		s.ctl("reload")
		s.until("it is back", func() bool { return s.times("started with") == 2 })
		s.reaches("web", "RUNNING")
		s.ctl("pid", "idle")
		s.ctl("shutdown")
		s.note("exit status", s.wait())
	})
}
