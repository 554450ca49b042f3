package compat

import (
	"slices"
	"strings"
	"testing"
)

// program is the section of a program that only waits, ready at once.
func program(name string, lines ...string) string {
	text := "[program:" + name + "]\ncommand=@CHILD@ wait\nstartsecs=0\n"
	return text + strings.Join(append(lines, ""), "\n")
}

// idle is a program that is not started by itself.
func idle(name string, lines ...string) string {
	return program(name, append([]string{"autostart=false"}, lines...)...)
}

func TestSystemMethods(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base)
		s.call("system.listMethods")
		for _, m := range s.ask("system.listMethods").([]any) {
			s.call("system.methodSignature", m.(string))
			help := s.ask("system.methodHelp", m.(string)).(string)
			s.note("help exists for "+m.(string), len(strings.TrimSpace(help)) > 0)
		}
		s.call("system.methodSignature", "supervisor.nosuch")
		s.call("system.methodSignature", "nosuch")
		s.call("system.methodHelp", "nosuch.method")
		s.call("system.methodHelp")
		s.call("system.methodSignature")
		s.call("system.listMethods", 1)
	})
}

func TestIdentity(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "identifier=ümläut\n")
		s.call("supervisor.getAPIVersion")
		s.call("supervisor.getVersion")
		s.call("supervisor.getIdentification")
		s.call("supervisor.getState")
		s.note("getPID", s.ask("supervisor.getPID").(int) == s.cmd.Process.Pid)
		version, _ := s.ask("supervisor.getSupervisorVersion").(string)
		s.note("getSupervisorVersion", strings.HasPrefix(version, "4."))
	})
}

func TestDispatch(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + idle("a"))
		for _, name := range []string{
			"nosuch", "supervisor", "supervisor.", ".getState", "supervisor.nosuch", "nosuch.getState", "supervisor.getState.x",
			"supervisor._update", "supervisor.__init__", "supervisor.supervisord", "supervisor.supervisord.options.warnings.warn",
			"system.listMethods.x", "system.namespaces", "system._update", " supervisor.getState ", "Supervisor.getState",
			"supervisor.getstate", "supervisor.getState\x20",
		} {
			s.call(name)
		}
		s.call("supervisor.getState", 1)
		s.call("supervisor.startProcess")
		s.call("supervisor.startProcess", "a", true, 1)
		s.call("supervisor.readProcessLog", "a", nothing{}, 0)
		s.call("supervisor.readProcessLog", "a", []any{}, 0)
		s.call("supervisor.signalProcess", "a")
		s.call("supervisor.sendProcessStdin", "a", 5)
		s.call("supervisor.sendProcessStdin", "a", nothing{})
		s.call("supervisor.reloadConfig", "a")
	})
}

// A value no method can use: the original ends the call with a traceback and
// HTTP 500, which no client can tell from a broken server.
func TestDispatchOfUselessValues(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + idle("a"))
		const key = "differs:value-error-is-fault"
		const want = "fault 2 INCORRECT_PARAMETERS"
		s.callDiffers(key, want, "supervisor.getProcessInfo", 5)
		s.callDiffers(key, want, "supervisor.getProcessInfo", nothing{})
		s.callDiffers(key, want, "supervisor.startProcess", []member{{"a", 1}})
		s.callDiffers(key, want, "supervisor.readLog", "abc", 0)
		s.callDiffers(key, want, "supervisor.tailProcessLog", "a", "abc", 0)
		s.callDiffers(key, want, "supervisor.signalProcess", "a", []any{})
		s.callDiffers(key, want, "system.multicall", "text")
		s.callDiffers(key, want, "system.multicall", []any{"text"})
	})
}

func TestMulticall(t *testing.T) {
	call := func(method string, params ...any) []member {
		return []member{{"methodName", method}, {"params", append([]any{}, params...)}}
	}
	compare(t, func(s *stage) {
		s.start(base + idle("a") + idle("b", "startsecs=1"))
		s.call("system.multicall", []any{})
		s.call("system.multicall", []any{call("supervisor.getState"), call("supervisor.nosuch"), call("supervisor.getProcessInfo", "nope")})
		s.call("system.multicall", []any{[]member{{"methodName", "supervisor.getAPIVersion"}}})
		s.call("system.multicall", []any{[]member{{"params", []any{}}}})
		s.call("system.multicall", []any{[]member{}})
		s.call("system.multicall", []any{call("system.multicall", []any{})})
		s.call("system.multicall", []any{call("system.methodSignature", "supervisor.getState"), call("system.methodHelp", "x")})
		s.call("system.multicall", []any{call("supervisor.getState", 1), call("supervisor.startProcess")})
		s.call("system.multicall", []any{call("supervisor.startProcess", "b"), call("supervisor.stopProcess", "b"),
			call("supervisor.startProcess", "b", false), call("supervisor.startProcess", "b"), call("supervisor.stopAllProcesses")})
		s.call("system.multicall", 5)
		s.call("system.multicall")
		s.call("system.multicall", []any{}, 1)
		s.note("states", s.info("a")["statename"].(string)+" "+s.info("b")["statename"].(string))
	})
}

func TestStartFaults(t *testing.T) {
	compare(t, func(s *stage) {
		s.write("plain", "text")
		s.start(base + idle("a") +
			"[program:missing]\ncommand=/nonexistent/program\nautostart=false\n" +
			"[program:nopath]\ncommand=nonexistent-program\nautostart=false\n" +
			"[program:plain]\ncommand=@DIR@/plain\nautostart=false\n" +
			"[program:folder]\ncommand=@DIR@\nautostart=false\n" +
			"[program:quote]\ncommand=/bin/echo 'x\nautostart=false\n" +
			"[program:doublequote]\ncommand=/bin/echo \"it's\nautostart=false\n" +
			"[program:escape]\ncommand=/bin/echo x\\\nautostart=false\n" +
			"[program:empty]\ncommand=\nautostart=false\n" +
			"[program:quick]\ncommand=@CHILD@ exit 0\nautostart=false\nstartsecs=5\nstartretries=0\n" +
			"[program:atonce]\ncommand=@CHILD@ exit 3\nautostart=false\nstartsecs=0\nautorestart=false\n")
		for _, name := range []string{"nope", "", ":", "nope:*", "nope:", "nope:a", "a:nope", "a:a:a", "a:*:x", "missing", "nopath",
			"plain", "folder", "quote", "doublequote", "escape", "empty", "missing:missing"} {
			s.call("supervisor.startProcess", name)
		}
		s.call("supervisor.startProcess", "missing:*")
		s.call("supervisor.startProcessGroup", "missing")
		s.call("supervisor.startProcess", "a")
		s.call("supervisor.startProcess", "a")
		s.call("supervisor.startProcess", "a:a")
		s.call("supervisor.startProcess", "a", false)
		s.call("supervisor.startProcess", "quick")
		s.reaches("quick", "FATAL")
		s.call("supervisor.getProcessInfo", "quick")
		s.call("supervisor.startProcess", "atonce", "0")
		s.reaches("atonce", "EXITED")
		s.call("supervisor.getProcessInfo", "atonce")
		s.call("supervisor.getProcessInfo", "missing")
	})
}

func TestStopFaults(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + idle("a") +
			"[program:stubborn]\ncommand=@CHILD@ ignore 15 out ready wait\nstartsecs=0\nstopwaitsecs=2\nstdout_logfile=@DIR@/stubborn\n")
		s.call("supervisor.stopProcess", "nope")
		s.call("supervisor.stopProcess", "a")
		s.call("supervisor.stopProcess", "a:*")
		s.call("supervisor.startProcess", "a")
		s.call("supervisor.stopProcess", "a:a")
		s.call("supervisor.stopProcess", "a")
		s.call("supervisor.getProcessInfo", "a")
		s.content("stubborn", "ready")
		s.call("supervisor.stopProcess", "stubborn", false)
		s.note("state", s.info("stubborn")["statename"])
		s.call("supervisor.stopProcess", "stubborn")
		s.call("supervisor.startProcess", "stubborn", false)
		s.call("supervisor.startProcess", "stubborn")
		s.reaches("stubborn", "STOPPED")
		s.call("supervisor.getProcessInfo", "stubborn")
		s.call("supervisor.stopProcess", "nope", 1, 2)
	})
}

func TestSignalMethods(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + idle("stopped") +
			"[program:a]\ncommand=@CHILD@ trap 10 trap 28 out ready wait\nstartsecs=0\nstdout_logfile=@DIR@/a\n" +
			"[program:b]\ncommand=@CHILD@ trap 10 out ready wait\nstartsecs=0\nstdout_logfile=@DIR@/b\n" +
			"[group:g]\nprograms=b\n")
		s.content("a", "ready")
		s.content("b", "ready")
		for _, sig := range []any{"USR1", "sigusr1", 10, "10", " sigusr1 ", 10.0} {
			before := strings.Count(s.read("a"), "got signal")
			s.call("supervisor.signalProcess", "a", sig)
			s.until("the signal arrives", func() bool { return strings.Count(s.read("a"), "got signal") > before })
		}
		s.call("supervisor.signalProcess", "a", " sigwinch ")
		s.content("a", "got signal 28")
		for _, sig := range []any{"NOSUCH", "", 99, 40, "RTMIN+1", "-1", 32, "1x", "SIG"} {
			s.call("supervisor.signalProcess", "a", sig)
		}
		s.call("supervisor.signalProcess", "a", 0)
		s.call("supervisor.signalProcess", "stopped", "NOSUCH")
		s.call("supervisor.signalProcess", "stopped", "HUP")
		s.call("supervisor.signalProcess", "nope", "NOSUCH")
		s.call("supervisor.signalProcess", "g:*", "USR1")
		s.call("supervisor.signalProcess", "g:", "NOSUCH")
		s.call("supervisor.signalProcessGroup", "g", "USR1")
		s.call("supervisor.signalProcessGroup", "g:*", "USR1")
		s.call("supervisor.signalProcessGroup", "nope", "USR1")
		s.call("supervisor.signalProcessGroup", "stopped", "NOSUCH")
		s.call("supervisor.signalAllProcesses", "USR1")
		s.call("supervisor.signalAllProcesses", "NOSUCH")
		s.note("nothing else arrived", s.finalLog("exited|stopped"))
	})
}

func TestGroupMethods(t *testing.T) {
	const conf = base +
		"[program:c]\ncommand=@CHILD@ wait\nautostart=false\nstartsecs=0\npriority=3\n" +
		"[program:d]\ncommand=@CHILD@ wait\nautostart=false\nstartsecs=0\npriority=1\n" +
		"[program:many]\ncommand=@CHILD@ wait\nautostart=false\nstartsecs=0\nnumprocs=3\nprocess_name=%(program_name)s_%(process_num)02d\npriority=5\n" +
		"[program:bad]\ncommand=/nonexistent\nautostart=false\n" +
		"[group:g]\nprograms=c,d,bad\npriority=2\n[group:hollow]\nprograms=\n"
	compare(t, func(s *stage) {
		s.start(conf)
		s.callUnordered("supervisor.startProcessGroup", "g")
		s.call("supervisor.startProcessGroup", "g")
		s.call("supervisor.startProcessGroup", "nope")
		s.call("supervisor.startProcessGroup", "g:*")
		s.call("supervisor.startProcessGroup", "hollow")
		s.callUnordered("supervisor.startProcess", "many:*")
		s.call("supervisor.startProcess", "many")
		s.call("supervisor.stopProcess", "many:many_01")
		s.callUnordered("supervisor.startAllProcesses")
		s.call("supervisor.stopProcessGroup", "many", false)
		for _, name := range []string{"many:many_00", "many:many_01", "many:many_02"} {
			s.reaches(name, "STOPPED")
		}
		s.call("supervisor.stopProcessGroup", "hollow")
		s.call("supervisor.stopProcessGroup", "nope")
		s.call("supervisor.stopAllProcesses", false)
		s.reaches("g:c", "STOPPED")
		s.reaches("g:d", "STOPPED")
		s.callUnordered("supervisor.startAllProcesses", false)
		s.callUnordered("supervisor.stopAllProcesses")
		s.call("supervisor.stopAllProcesses")
		s.call("supervisor.getAllProcessInfo")
		s.note("started in this order", s.finalLog("spawned: '[cd]'"))
	})
}

func TestProcessInfo(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + program("a", "stdout_logfile=NONE", "stderr_logfile=@DIR@/a.err") +
			idle("Z") + idle("é&<b>") + program("b_2") + program("b_10", "redirect_stderr=true") + program("b") +
			"[group:a2]\nprograms=b,b_10,b_2\n")
		s.running("a", "a2:b", "a2:b_10", "a2:b_2")
		s.call("supervisor.getAllProcessInfo")
		for _, name := range []string{"a", "a:a", "Z", "é&<b>", "a2:b_10", "a2:*", "a2", "b", "a:b", "", ":a", "a:"} {
			s.call("supervisor.getProcessInfo", name)
		}
		for _, method := range []string{"readProcessLog", "tailProcessLog"} {
			s.call("supervisor."+method, "a2:*", 0, 0)
			s.call("supervisor."+method, "nope", 0, 0)
		}
		s.call("supervisor.clearProcessLogs", "a2:*")
		s.call("supervisor.sendProcessStdin", "a2:*", "x")
	})
}

func TestConfigInfo(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + program("plain") + "[program:full]\ncommand=@CHILD@ wait\nautostart=false\nautorestart=false\n" +
			"directory=/tmp\nuser=root\nexitcodes=0,2,7\nkillasgroup=true\npriority=4\nredirect_stderr=true\nstartretries=9\n" +
			"startsecs=8\nstdout_capture_maxbytes=1MB\nstdout_events_enabled=true\nstdout_logfile=@DIR@/full\n" +
			"stdout_logfile_backups=3\nstdout_logfile_maxbytes=2KB\nstopsignal=USR1\nstopwaitsecs=6\nserverurl=http://localhost:1\n" +
			"stderr_logfile=NONE\nstderr_events_enabled=1\nstderr_capture_maxbytes=5\nnumprocs=2\nprocess_name=p%(process_num)d\n" +
			"[program:x]\ncommand=@CHILD@ wait\nautostart=no\nstdout_logfile=AUTO\nstderr_logfile=none\nenvironment=A=1\n" +
			"[group:gg]\nprograms=x\npriority=7\n")
		s.note("config", strings.ReplaceAll(withoutAutorestart(s.answer("supervisor.getAllConfigInfo")), "\n</member>", "</member>"))
		s.write("supervisord.conf", base+idle("later")+program("plain", "priority=3"))
		s.call("supervisor.reloadConfig")
		s.note("config after a reread", withoutAutorestart(s.answer("supervisor.getAllConfigInfo")))
	})
}

// withoutAutorestart takes out the member that Supervisor has since 4.3.
func withoutAutorestart(body string) string {
	parts := strings.Split(body, "<member>\n")
	parts = slices.DeleteFunc(parts, func(p string) bool { return strings.HasPrefix(p, "<name>autorestart</name>") })
	return strings.Join(parts, "<member>\n")
}

func TestStdinMethod(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + idle("stopped") +
			"[program:echo]\ncommand=@CHILD@ out ready echo\nstartsecs=0\nstdout_logfile=@DIR@/echo\n" +
			"[program:deaf]\ncommand=@CHILD@ ignore 15 out ready wait\nstartsecs=0\nstopwaitsecs=1\nstdout_logfile=@DIR@/deaf\n")
		s.content("echo", "ready")
		s.content("deaf", "ready")
		s.call("supervisor.sendProcessStdin", "echo", "one ")
		s.call("supervisor.sendProcessStdin", "echo:echo", "line\ntwö\n")
		s.call("supervisor.sendProcessStdin", "echo", "")
		s.content("echo", `"twö"`)
		s.note("read", s.read("echo"))
		s.call("supervisor.sendProcessStdin", "stopped", "x")
		s.call("supervisor.sendProcessStdin", "nope", "x")
		s.call("supervisor.stopProcess", "deaf", false)
		s.call("supervisor.sendProcessStdin", "deaf", "x")
		s.call("supervisor.sendRemoteCommEvent", "kind", "data")
		s.call("supervisor.sendRemoteCommEvent", 1, 2)
		s.call("supervisor.sendRemoteCommEvent", "kind")
	})
}

// Every method but the few that look at nothing refuses to work while the
// daemon shuts down, before it looks at its arguments but after it counted them.
func TestShutdownState(t *testing.T) {
	for _, how := range []string{"shutdown", "restart"} {
		t.Run(how, func(t *testing.T) {
			compare(t, func(s *stage) {
				s.start(base + "[program:slow]\ncommand=@CHILD@ ignore 15 out ready until @DIR@/go exit 0\nstartsecs=0\nstdout_logfile=@DIR@/slow\nstopwaitsecs=30\n")
				s.content("slow", "ready")
				s.call("supervisor." + how)
				s.until("it begins", func() bool { return strings.HasPrefix(s.outcome("supervisor.getState"), "fault 6") })
				for _, m := range s.ask("system.listMethods").([]any) {
					name := m.(string)
					if name == "system.multicall" {
						continue
					}
					signature := s.ask("system.methodSignature", name).([]any)
					params := []any{}
					for _, kind := range signature[1:] {
						params = append(params, map[string]any{"string": "nope", "int": 0, "boolean": true, "array": []any{}, "struct": []member{}}[kind.(string)])
					}
					if strings.HasPrefix(name, "supervisor.") {
						s.call(name, params...)
					}
					s.call(name, append(params, 1, 2)...)
				}
				s.call("system.multicall", []any{[]member{{"methodName", "supervisor.getState"}}, []member{{"methodName", "system.methodHelp"}, {"params", []any{"nope"}}}})
				s.write("go", "")
				if how == "shutdown" {
					s.note("exit status", s.wait())
					return
				}
				s.until("it is back", func() bool {
					a, err := s.post("supervisor.getState")
					return err == nil && strings.Contains(a.body, "RUNNING")
				})
				s.note("same pid", s.ask("supervisor.getPID") == s.cmd.Process.Pid)
				s.until("the program runs again", func() bool { return s.times("spawned") == 2 })
				s.note("sequence", s.finalLog("received|started with|waiting for|spawned|stopped:"))
			})
		})
	}
}

func TestReloadMethods(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + program("keep") + program("change") + program("drop") + program("zap"))
		s.running("keep", "change", "drop", "zap")
		s.call("supervisor.reloadConfig")
		s.call("supervisor.addProcessGroup", "keep")
		s.call("supervisor.addProcessGroup", "nope")
		s.call("supervisor.removeProcessGroup", "nope")
		s.call("supervisor.removeProcessGroup", "keep")
		s.write("supervisord.conf", base+program("keep")+program("change", "priority=1")+program("b_new")+idle("a_new"))
		s.call("supervisor.reloadConfig")
		s.call("supervisor.reloadConfig")
		s.call("supervisor.addProcessGroup", "b_new")
		s.reaches("b_new", "RUNNING")
		s.call("supervisor.addProcessGroup", "b_new")
		s.call("supervisor.addProcessGroup", "a_new")
		s.call("supervisor.getProcessInfo", "a_new")
		s.call("supervisor.removeProcessGroup", "change")
		s.call("supervisor.stopProcessGroup", "change")
		s.call("supervisor.removeProcessGroup", "change")
		s.call("supervisor.getProcessInfo", "change")
		s.call("supervisor.addProcessGroup", "change")
		s.reaches("change", "RUNNING")
		s.call("supervisor.stopProcess", "drop")
		s.call("supervisor.removeProcessGroup", "drop")
		s.call("supervisor.addProcessGroup", "drop")
		s.call("supervisor.reloadConfig")
		s.call("supervisor.getAllProcessInfo")
	})
}

// What reloadConfig says of a configuration it cannot use; nothing changes.
func TestReloadFaults(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + program("a"))
		s.running("a")
		for _, bad := range []string{
			"[program:x]\n", "[program:x]\ncommand=cat\nautostart=maybe\n", "[program:x y]\ncommand=cat\n",
			"[group:g]\nprograms=nope\n", "[program:x]\ncommand=%(nope)s\n", "[eventlistener:l]\ncommand=cat\n",
			"[eventlistener:l]\ncommand=cat\nevents=NOPE\n", "[fcgi-program:f]\ncommand=cat\n",
		} {
			s.write("supervisord.conf", base+program("a")+bad)
			s.note("reloadConfig with "+bad, s.answer("supervisor.reloadConfig"))
		}
		s.write("supervisord.conf", "nothing\n")
		s.note("reloadConfig of nonsense", s.answer("supervisor.reloadConfig"))
		s.call("supervisor.getAllProcessInfo")
	})
}
