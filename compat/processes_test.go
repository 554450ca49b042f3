package compat

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// processLog notes the main log's lines about processes, in order. Where
// several processes are at work, name picks one.
func (s *stage) processLog(name string) {
	s.Helper()
	s.note("main log of "+name, s.finalLog(`(spawned|success|exited|stopped|gave up|spawnerr|killing|INFO reaped)\b.*\b`+name+`\b`))
}

func TestRunning(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "[program:cat]\ncommand=@CHILD@ wait\n")
		s.until("it has been spawned", func() bool { return s.info("cat")["pid"] != 0 })
		s.call("supervisor.getProcessInfo", "cat")
		s.reaches("cat", "RUNNING")
		s.call("supervisor.getProcessInfo", "cat")
		s.call("supervisor.stopProcess", "cat")
		s.call("supervisor.getProcessInfo", "cat")
		s.call("supervisor.startProcess", "cat")
		s.call("supervisor.getProcessInfo", "cat")
		s.signal(15)
		s.note("exit status", s.wait())
		s.note("main log", s.finalLog("started|initialized|CRIT|spawned|success|received|stopped"))
		s.note("standard output is a copy", s.read("stdout") == s.read("main.log"))
		s.note("standard error", s.read("stderr"))
		s.note("pidfile", s.read("pid"))
		s.note("socket", s.read("s.sock"))
	})
}

// How a running process ends, and what autorestart makes of it.
func TestExits(t *testing.T) {
	const conf = "command=@CHILD@ serve\nstartsecs=0\n"
	for _, c := range []struct {
		name, options, end string
		again              bool
	}{
		{"expected", "", "exit 0", false},
		{"unexpected", "", "exit 3", true},
		{"exitcodes", "exitcodes=0,3\n", "exit 3", false},
		{"emptycodes", "exitcodes=\n", "exit 0", true},
		{"never", "autorestart=false\n", "exit 3", false},
		{"always", "autorestart=true\n", "exit 0", true},
		{"signalled", "", "die 9", true},
		{"aborted", "autorestart=false\n", "die 15", false},
		{"spelled", "autorestart=Unexpected\n", "exit 0", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			compare(t, func(s *stage) {
				s.start(base + "[program:p]\n" + conf + c.options)
				s.reaches("p", "RUNNING")
				first := s.info("p")["pid"].(int)
				s.say("p", c.end)
				if c.again {
					s.until("it runs again", func() bool {
						pid := s.info("p")["pid"].(int)
						return pid != first && pid != 0
					})
					s.reaches("p", "RUNNING")
				} else {
					s.reaches("p", "EXITED")
				}
				s.call("supervisor.getProcessInfo", "p")
				s.processLog("p")
				s.call("supervisor.stopProcess", "p")
				s.call("supervisor.startProcess", "p")
				s.call("supervisor.getProcessInfo", "p")
			})
		})
	}
}

func TestTooQuick(t *testing.T) {
	for _, c := range []struct{ name, options string }{
		{"status0", "command=@CHILD@ exit 0\nstartretries=1\n"},
		{"status2", "command=@CHILD@ exit 2\nstartretries=2\n"},
		{"signal", "command=@CHILD@ die 9\nstartretries=0\n"},
		{"negative", "command=@CHILD@ exit 1\nstartretries=-1\n"},
		{"missing", "command=/nonexistent\nstartretries=1\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			compare(t, func(s *stage) {
				s.start(base + "[program:p]\nstartsecs=3\nstderr_logfile=@DIR@/err\n" + c.options)
				s.reaches("p", "FATAL")
				s.call("supervisor.getProcessInfo", "p")
				s.processLog("p")
				s.note("stderr", s.read("err"))
				s.call("supervisor.stopProcess", "p")
				s.call("supervisor.startProcess", "p")
			})
		})
	}
}

// What goes wrong between fork and exec is a spawn error with its reason in
// ours; the original sees a child that exits with 127.
func TestExecFailures(t *testing.T) {
	for _, c := range []struct{ name, options, reason string }{
		{"directory", "command=@CHILD@ wait\ndirectory=/nonexistent\n", "couldn't chdir to /nonexistent: ENOENT"},
		{"closed directory", "command=@CHILD@ wait\ndirectory=@DIR@/closed\nuser=nobody\n", "couldn't chdir to $DIR/closed: EACCES"},
		{"script", "command=@DIR@/script\n", "couldn't exec $DIR/script: ENOEXEC"},
		{"interpreter", "command=@DIR@/noscript\n", "couldn't exec $DIR/noscript: ENOENT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.Contains(c.options, "user=") && os.Getuid() != 0 {
				t.Skip("only root can start programs as another user")
			}
			compare(t, func(s *stage) {
				s.write("script", "exit 0\n")
				s.write("noscript", "#!/nonexistent/interpreter\n")
				s.run("", "/bin/chmod", "755", s.path("script"), s.path("noscript"))
				s.run("", "/bin/mkdir", "-m", "700", s.path("closed"))
				s.start(base + "[program:p]\nstartsecs=3\nstartretries=0\nstderr_logfile=@DIR@/err\n" + c.options)
				s.reaches("p", "FATAL")
				s.note("stderr", s.read("err"))
				s.differs("differs:exec-failure", "spawnerr", s.info("p")["spawnerr"], c.reason)
				s.call("supervisor.startProcess", "p")
			})
		})
	}
}

// A start that fails is tried again later and later, and the count survives a
// stop in between.
func TestBackoff(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "[program:p]\ncommand=@CHILD@ exit 1\nstartsecs=3\nstartretries=20\n")
		s.reaches("p", "BACKOFF")
		s.call("supervisor.getProcessInfo", "p")
		s.call("supervisor.startProcess", "p")
		s.call("supervisor.signalProcess", "p", "HUP")
		s.call("supervisor.removeProcessGroup", "p")
		s.call("supervisor.stopProcess", "p")
		s.call("supervisor.getProcessInfo", "p")
		s.call("supervisor.stopProcess", "p")
		s.call("supervisor.removeProcessGroup", "p")
		s.processLog("p")
	})
}

func TestBackoffEndsWell(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "[program:p]\ncommand=@DIR@/late wait\nstartsecs=0\nstartretries=9\n")
		s.reaches("p", "BACKOFF")
		s.run("", "/bin/cp", tool("child"), s.path("late"))
		s.reaches("p", "RUNNING")
		s.call("supervisor.getProcessInfo", "p")
		s.note("first and last line", s.finalLog("spawnerr|success"))
	})
}

// What stopping does to processes that obey, hesitate or refuse.
func TestStopping(t *testing.T) {
	for _, c := range []struct{ name, options string }{
		{"term", "command=@CHILD@ quit 15 0 out ready wait\n"},
		{"status", "command=@CHILD@ quit 15 7 out ready wait\n"},
		{"usr2", "command=@CHILD@ quit 12 0 out ready wait\nstopsignal=USR2\n"},
		{"number", "command=@CHILD@ quit 2 5 out ready wait\nstopsignal=2\n"},
		{"killed", "command=@CHILD@ out ready wait\nstopsignal=KILL\n"},
		{"refused", "command=@CHILD@ ignore 15 out ready wait\nstopwaitsecs=1\n"},
		{"nosignal", "command=@CHILD@ out ready wait\nstopwaitsecs=1\nstopsignal=0\n"},
		{"expected", "command=@CHILD@ quit 15 7 out ready wait\nexitcodes=7\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			compare(t, func(s *stage) {
				s.start(base + "loglevel=debug\n[program:p]\nstartsecs=0\nstdout_logfile=@DIR@/out\n" + c.options)
				s.content("out", "ready")
				s.call("supervisor.stopProcess", "p")
				s.call("supervisor.getProcessInfo", "p")
				s.note("main log", s.finalLog("killing|stopped|exited|attempted"))
				s.note("output", s.read("out"))
			})
		})
	}
}

// stopasgroup and killasgroup decide whether a grandchild hears of it.
func TestProcessGroups(t *testing.T) {
	const words = "command=@CHILD@ ignore 15 spawn trap,15,pidfile,@DIR@/grandchild,out,ready,wait wait\nstopwaitsecs=1\n"
	for _, c := range []struct{ name, options string }{
		{"alone", words + "stopasgroup=false\nkillasgroup=false\n"},
		{"kill", words + "killasgroup=true\n"},
		{"both", words + "stopasgroup=true\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			compare(t, func(s *stage) {
				s.start(base + "loglevel=debug\n[program:p]\nstartsecs=0\nstdout_logfile=@DIR@/out\n" + c.options)
				s.content("out", "ready")
				s.call("supervisor.stopProcess", "p")
				s.call("supervisor.getProcessInfo", "p")
				s.note("main log", s.finalLog("killing|stopped"))
				s.note("output", s.read("out"))
				survives := c.name == "alone"
				s.until("the grandchild's fate is as configured", func() bool {
					_, _, dead := s.run("", "/bin/kill", "-0", s.read("grandchild"))
					return survives == (dead == "")
				})
				if survives {
					s.run("", "/bin/kill", "-9", s.read("grandchild"))
				}
			})
		})
	}
}

// Priorities order starts upwards, a client's stops upwards too, and the
// shutdown downwards, group by group.
func TestPriorities(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "loglevel=debug\n" + program("z", "priority=1") + program("a", "priority=20") + program("m") + program("k", "priority=5") +
			program("l", "priority=3") + program("b", "priority=22") + program("c", "priority=21") +
			"[group:g]\nprograms=k,l,m\npriority=10\n")
		s.running("z", "a", "b", "c", "g:k", "g:l", "g:m")
		// Within a group nobody waits for another at first.
		s.note("first start", s.finalLog("spawned: '[zabc]'"))
		s.call("supervisor.getAllProcessInfo")
		s.callUnordered("supervisor.stopAllProcesses")
		s.note("stop", s.finalLog("killing"))
		s.call("supervisor.startAllProcesses")
		s.running("z", "a", "b", "c", "g:k", "g:l", "g:m")
		s.note("second start", strings.Split(s.finalLog("spawned"), "\n")[7:])
		s.signal(15)
		s.note("exit status", s.wait())
		s.note("shutdown", s.finalLog("killing"))
		s.note("waiting", strings.SplitN(s.finalLog("waiting for .* to die"), "\n", 2)[0])
	})
}

// A stop that arrives while a process starts, and a start while it stops.
func TestCrossings(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "[program:slow]\ncommand=@CHILD@ touch @DIR@/slow wait\nstartsecs=20\nautostart=false\n" +
			"[program:stubborn]\ncommand=@CHILD@ ignore 15 out ready wait\nstartsecs=0\nstopwaitsecs=2\nstdout_logfile=@DIR@/out\n")
		s.call("supervisor.startProcess", "slow", false)
		s.until("it has begun", func() bool { return s.read("slow") == "" })
		s.call("supervisor.getProcessInfo", "slow")
		s.call("supervisor.signalProcess", "slow", "0")
		s.call("supervisor.stopProcess", "slow")
		s.call("supervisor.getProcessInfo", "slow")
		s.processLog("slow")
		s.content("out", "ready")
		s.call("supervisor.stopProcess", "stubborn", false)
		s.call("supervisor.getProcessInfo", "stubborn")
		s.call("supervisor.startProcess", "stubborn", false)
		s.call("supervisor.removeProcessGroup", "stubborn")
		s.call("supervisor.stopProcessGroup", "stubborn")
		s.reaches("stubborn", "STOPPED")
		s.processLog("stubborn")
		s.note("warning", s.finalLog("already running"))
	})
}

// A waiting start is answered when the process dies before its time or is
// stopped by another client.
func TestWaitingCalls(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "[program:dies]\ncommand=@CHILD@ serve\nstartsecs=30\nautostart=false\nautorestart=false\nstartretries=0\n" +
			"[program:stopped]\ncommand=@CHILD@ wait\nstartsecs=30\nautostart=false\n")
		done := make(chan string, 1)
		begin := func(name string) {
			go func() {
				a, err := s.post("supervisor.startProcess", name)
				done <- fmt.Sprint(a.body, err)
			}()
			s.until("it has been spawned", func() bool { return s.info(name)["pid"] != 0 })
		}
		begin("dies")
		s.say("dies", "exit 1")
		s.note("start of dies", <-done)
		begin("stopped")
		s.ask("supervisor.stopProcess", "stopped")
		s.note("start of stopped", <-done)
	})
}

// startsecs is a minimum: RUNNING is not reached before it.
func TestStartsecs(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "[program:p]\ncommand=@CHILD@ wait\nstartsecs=2\nautostart=false\n[program:neg]\ncommand=@CHILD@ wait\nstartsecs=-1\n")
		s.call("supervisor.startProcess", "p")
		i := s.info("p")
		s.note("seconds to RUNNING are enough", i["now"].(int)-i["start"].(int) >= 2)
		s.reaches("neg", "RUNNING")
		s.processLog("p")
		s.processLog("neg")
	})
}
