package compat

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// FastCGI groups are changed by another socket, not by its mode.
func TestFastCGIChanges(t *testing.T) {
	const conf = base + "[fcgi-program:u]\ncommand=@CHILD@ wait\nautostart=false\nsocket=unix://@DIR@/u.fcgi\n"
	compare(t, func(s *stage) {
		s.start(conf)
		for _, now := range []string{conf + "socket_mode=0777\nsocket_backlog=5\n", strings.Replace(conf, "u.fcgi", "v.fcgi", 1), strings.Replace(conf, "fcgi-program", "program", 1)} {
			s.write("supervisord.conf", now)
			s.call("supervisor.reloadConfig")
		}
	})
}

// Without its own section the main interface is not there.
func TestNoMainInterface(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(strings.Replace(base, "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n", "", 1))
		s.call("system.listMethods")
		s.call("supervisor.getState")
		s.ctl("status")
		s.ctl("pid")
		s.ctl("reread")
	})
}

// In the foreground the directory and the umask are those of the caller.
func TestForegroundStaysPut(t *testing.T) {
	compare(t, func(s *stage) {
		s.write("work/.keep", "")
		s.start(base + "directory=@DIR@/work\numask=077\n[program:p]\ncommand=@CHILD@ cwd umask\nstartsecs=0\nautorestart=false\nstdout_logfile=relative.log\n")
		s.reaches("p", "EXITED")
		s.note("program", s.read("relative.log"))
		s.note("main log", s.mainLog("directory|daemonizing"))
	})
}

// A relative -c is looked for in the directory of the moment.
func TestRelativeConfiguration(t *testing.T) {
	compare(t, func(s *stage) {
		s.write("work/.keep", "")
		s.write("r.conf", base+"directory=@DIR@/work\n")
		code, out, diag := s.run("", s.subject.daemon, "-c", "r.conf")
		s.note("parent", fmt.Sprint(code, out, diag))
		s.until("it answers", func() bool { _, err := s.post("supervisor.getState"); return err == nil })
		s.call("supervisor.reloadConfig")
		s.write("work/r.conf", base+"identifier=second\n")
		s.call("supervisor.reloadConfig")
		s.call("supervisor.restart")
		s.until("it is back", func() bool { return s.times("started with") == 2 })
		s.until("it answers", func() bool { _, err := s.post("supervisor.getState"); return err == nil })
		s.call("supervisor.getIdentification")
		s.call("supervisor.shutdown")
		s.until("it is gone", func() bool { return len(s.processes()) == 0 })
	})
}

// AUTO and NONE are words for logs of programs, not for the daemon's files.
func TestDaemonFileNames(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(strings.NewReplacer("@DIR@/main.log", "AUTO", "@DIR@/pid", "NONE").Replace(base), "-s")
		s.until("the pidfile is written", func() bool { return s.read("NONE") == fmt.Sprintln(s.cmd.Process.Pid) })
		s.content("AUTO", "supervisord started with pid")
		s.signal(syscall.SIGTERM)
		s.note("exit status", s.wait())
	})
}

// The first of PATH that is there is taken, whatever it is.
func TestPathIsNotSearchedOn(t *testing.T) {
	compare(t, func(s *stage) {
		s.write("one/tool/.keep", "")
		s.write("two/other", "text")
		s.run("", "/bin/mkdir", "-p", s.path("three"))
		for _, name := range []string{"tool", "other"} {
			s.run("", "/bin/cp", tool("child"), s.path("three", name))
		}
		const env = "\nenvironment=PATH=\"@DIR@/one:@DIR@/two:@DIR@/three\"\nautostart=false\n"
		s.start(base + "[program:folder]\ncommand=tool wait" + env + "[program:text]\ncommand=other wait" + env +
			"[program:relative]\ncommand=three/tool cwd\nstartsecs=0\nautorestart=false\nautostart=false\nstdout_logfile=@DIR@/out\n" +
			"[program:here]\ncommand=tool cwd\nstartsecs=0\nautorestart=false\ndirectory=@DIR@/three\nenvironment=PATH=\":@DIR@/three\"\nautostart=false\nstdout_logfile=@DIR@/here\n")
		for _, name := range []string{"folder", "text", "relative", "here"} {
			s.call("supervisor.startProcess", name)
		}
		s.reaches("relative", "EXITED")
		s.note("relative", s.read("out"))
		s.reaches("here", "EXITED")
		s.note("here", s.read("here"))
	})
}

// Two processes of one name are one; of two groups of one name the first is
// there.
func TestEqualNames(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "[program:p]\ncommand=@CHILD@ wait\nprocess_name=same\nstartsecs=0\n[program:q]\ncommand=@CHILD@ wait\nprocess_name=same\nstartsecs=0\n[group:g]\nprograms=p,q\n" +
			program("a") + program("b") + "[group:a]\nprograms=b\npriority=5\n" + program("c") + "[group:one]\nprograms=c\n[group:two]\nprograms=c\n")
		s.running("g:same", "a:b", "one:c", "two:c")
		s.call("supervisor.getAllProcessInfo")
	})
}

func TestOddSignalNames(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "[program:p]\ncommand=@CHILD@ wait\nstartsecs=0\n")
		s.running("p")
		for _, name := range []any{"SIG_DFL", "_DFL", "_BLOCK", "_MASK", "_UNBLOCKX", "rtmax ", "CLD", "poll", "0", "\tchld"} {
			s.call("supervisor.signalProcess", "p", name)
		}
	})
}

// Bytes that are no text, in the main log.
func TestUndecodableOutput(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "loglevel=debug\n[program:p]\ncommand=@CHILD@ raw 'it\\x27s-\\xff\\x00\\n' until @DIR@/go rawerr 'zwölf\\n' wait\nstartsecs=0\n")
		s.content("main.log", "stdout output")
		s.write("go", "")
		s.content("main.log", "zwölf")
		text := s.read("main.log")
		s.note("output", text[strings.Index(text, "'p' stdout"):])
	})
}

// The socket of a FastCGI program is its standard input, exists while one of
// its processes does, and stays behind as a file. A group of programs knows
// nothing of it. The original tries each socket at its start.
func TestFastCGI(t *testing.T) {
	const what = "/usr/bin/stat -L -c %%F /proc/self/fd/0\nstartsecs=0\nautorestart=false\nautostart=false\n"
	compare(t, func(s *stage) {
		s.start(base +
			"[fcgi-program:u]\ncommand=@CHILD@ wait\nsocket=unix://@DIR@/%(program_name)s.fcgi\nsocket_mode=0750\nstartsecs=0\nautostart=false\n" +
			"numprocs=2\nprocess_name=u%(process_num)d\nstdout_logfile=NONE\n" +
			"[fcgi-program:kind]\ncommand=" + what + "socket=tcp://127.0.0.1:@PORT@\nstdout_logfile=@DIR@/kind\npriority=3\n" +
			"[fcgi-program:member]\ncommand=" + what + "socket=unix://@DIR@/member.fcgi\nstdout_logfile=@DIR@/member\n" +
			"[group:g]\nprograms=member\n")
		trial := s.mainLog("socket")
		s.differs("differs:fastcgi-no-trial", "trial", trial, "")
		for _, name := range []string{"kind", "g:member"} {
			s.ask("supervisor.startProcess", name, false)
			s.reaches(name, "EXITED")
		}
		s.note("standard input", s.read("kind")+s.read("member")+s.read("member.fcgi"))
		s.callUnordered("supervisor.startProcessGroup", "u")
		s.running("u:u0", "u:u1")
		s.call("supervisor.sendProcessStdin", "u:u0", "x")
		_, out, _ := s.run("", "/usr/bin/stat", "-c", "%a %F", s.path("u.fcgi"))
		s.note("file", out)
		for _, name := range []string{"u:u0", "u:u1"} {
			s.call("supervisor.stopProcess", name)
		}
		log := func() string { return strings.TrimPrefix(strings.TrimPrefix(s.mainLog("socket"), trial), "\n") }
		s.until("the socket is closed", func() bool { return strings.Contains(log(), "Closing socket unix") })
		_, out, _ = s.run("", "/usr/bin/stat", "-c", "%F", s.path("u.fcgi"))
		s.note("file after the end", out)
		s.note("main log", log())
	})
}

// A socket that cannot be had is the trouble of its program.
func TestFastCGIFails(t *testing.T) {
	compare(t, func(s *stage) {
		s.write("supervisord.conf", base+program("good")+"[fcgi-program:bad]\ncommand=@CHILD@ wait\nstartretries=0\nsocket=unix://@DIR@/nope/bad.fcgi\n")
		s.launch("-n", "-s", "-c", s.path("supervisord.conf"))
		s.until("it is up or gone", func() bool { return s.gone() || s.mainLog("spawned") != "" })
		s.differs("differs:fastcgi-no-trial", "is gone", s.gone(), "false")
		if !s.gone() {
			s.reaches("bad", "FATAL")
			s.reaches("good", "RUNNING")
		}
	})
}

// Of a listener's options on its channels only those of stderr work.
func TestListenerChannels(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "loglevel=debug\n" + s.pool("l", "PROCESS_LOG,PROCESS_COMMUNICATION", "ok") +
			"[eventlistener:x]\ncommand=@CHILD@ raw 'READY\\n' rawerr '<!--XSUPERVISOR:BEGIN-->captured<!--XSUPERVISOR:END-->' err a-line-of-more-than-24-bytes wait\n" +
			"events=TICK_3600\nstartsecs=0\nautostart=false\nstdout_events_enabled=true\nstderr_events_enabled=true\nstdout_capture_maxbytes=1KB\n" +
			"stderr_capture_maxbytes=1KB\nstdout_syslog=true\nstdout_logfile=@DIR@/x.out\nstderr_logfile=@DIR@/x.err\n")
		s.logged("l: ACKNOWLEDGED -> READY")
		s.ask("supervisor.startProcess", "x")
		s.content("events-l0", "a-line-of-more-than-24-bytes\n")
		s.content("events-l0", "eventname:PROCESS_COMMUNICATION_STDERR")
		s.logged("x: ACKNOWLEDGED -> READY")
		s.note("has events of stdout", strings.Contains(s.read("events-l0"), "_STDOUT"))
		s.note("stdout", s.read("x.out"))
		s.note("stderr", s.read("x.err"))
		i := strings.Index(s.read("main.log"), "'x' stdout output")
		s.note("main log", strings.Split(s.read("main.log")[max(i, 0):], "\n")[:2])
	})
}

// What a reread does at once beside what it tells of groups: options of the
// output, names of automatic logs, and what later programs inherit. The
// original also takes a new name, and looks for its log at the new place.
func TestRereadOfTheDaemon(t *testing.T) {
	const p = "[program:p]\ncommand=@CHILD@ serve\nstartsecs=0\nstdout_logfile=@DIR@/out\n"
	compare(t, func(s *stage) {
		s.start(base + p)
		s.running("p")
		s.write("supervisord.conf", strings.Replace(base, "main.log", "other.log", 1)+"strip_ansi=true\nidentifier=new\nloglevel=debug\nenvironment=NEW=\"1\"\n"+p+
			"[program:q]\ncommand=@CHILD@ env NEW wait\nstartsecs=0\n")
		s.call("supervisor.reloadConfig")
		s.say("p", `raw \x1b[31mred\x1b[0m-plain\n`)
		s.content("out", "plain")
		s.note("colours", fmt.Sprintf("%q", s.read("out")))
		s.call("supervisor.addProcessGroup", "q")
		s.reaches("q", "RUNNING")
		s.until("it has written", func() bool { return s.ask("supervisor.readProcessLog", "q", 0, 0) != "" })
		s.note("environment", s.ask("supervisor.readProcessLog", "q", 0, 0))
		s.files("child/q-*")
		s.files("other.log")
		s.note("main log", s.mainLog("DEBG|NEW"))
		s.callDiffers("differs:reread-keeps-the-daemon", "supervisor", "supervisor.getIdentification")
		s.callDiffers("differs:reread-keeps-the-daemon", "20", "supervisor.readLog", 0, 2)
	})
}

// A factory or a handler that is not built in is named, with what is.
func TestFactories(t *testing.T) {
	compare(t, func(s *stage) {
		for _, c := range []struct{ text, want string }{
			{"[rpcinterface:x]\nsupervisor.rpcinterface_factory=nosuch.module:make\n", "nosuch.module:make cannot be resolved within [rpcinterface:x]"},
			{"[eventlistener:l]\ncommand=cat\nevents=TICK_5\nresult_handler=nosuch.module:handler\n", "nosuch.module:handler cannot be resolved within [eventlistener:l]"},
		} {
			s.write("x.conf", base+c.text)
			out := s.runs([][]string{{"-n", "-s", "-c", s.path("x.conf")}})[0]
			s.note("begins the same", strings.HasPrefix(out, "exit status 2\nError: "+c.want))
			s.differs("differs:plugin-texts", "goes on with a reason", strings.HasPrefix(out, "exit status 2\nError: "+c.want+": "), "true")
		}
	})
}

// What keeps the daemon from starting is one line, not a traceback.
func TestMainLogCannotBeOpened(t *testing.T) {
	compare(t, func(s *stage) {
		s.write("dir/main.log/.keep", "")
		s.write("x.conf", strings.Replace(minimal, "main.log", "dir/main.log", 1))
		s.differs("differs:tracebacks", "status", s.runs([][]string{{"-n", "-s", "-c", s.path("x.conf")}})[0],
			"exit status 1\nError: cannot open log file \"$DIR/dir/main.log\": open $DIR/dir/main.log: is a directory\n")
	})
}

// SIGUSR1 has no meaning of its own; it is no reason to leave all children.
func TestOtherSignals(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "loglevel=debug\n" + idle("p"))
		s.ask("supervisor.startProcess", "p")
		s.ask("supervisor.stopProcess", "p")
		s.logged("SIGCHLD")
		s.note("main log", strings.Split(s.mainLog("SIGCHLD"), "\n")[0])
		s.signal(syscall.SIGUSR1)
		s.until("it is gone or lives on", func() bool { _, err := s.post("supervisor.getState"); return s.gone() || s.subject.ours && err == nil })
		s.differs("differs:signal-usr1", "is gone", s.gone(), "false")
	})
}

// Only the call that waits for a stop is announced.
func TestStopIsAnnounced(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "[program:p]\ncommand=@CHILD@ ignore 15 out ready wait\nstartsecs=0\nstopwaitsecs=3\nstdout_logfile=@DIR@/out\n" +
			"[program:zero]\ncommand=@CHILD@ ignore 15 out ready wait\nstartsecs=0\nstopwaitsecs=0\nstdout_logfile=@DIR@/zero\n")
		s.content("out", "ready")
		s.content("zero", "ready")
		s.call("supervisor.stopProcess", "p")
		s.logged("stopped: p")
		s.note("main log", s.mainLog("waiting for p|killing 'p'|stopped: p"))
		s.call("supervisor.stopProcess", "zero") // killed at the next turn, in the original again at each
		s.logged("killing 'zero'")
		s.note("without patience", strings.Split(s.mainLog("killing 'zero'"), "\n")[0])
	})
}

// A limit below zero makes the original lose all output.
func TestNegativeLimit(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "[program:p]\ncommand=@CHILD@ out hello touch @DIR@/done wait\nstartsecs=0\nstdout_logfile=@DIR@/out\nstdout_logfile_maxbytes=-1\n")
		s.until("it has written", func() bool { return s.read("done") == "" })
		if s.subject.ours {
			s.content("out", "hello\n")
		}
		s.reaches("p", "RUNNING")
		s.callDiffers("differs:negative-limit", "hello\n", "supervisor.readProcessLog", "p", 0, 0)
	})
}

func TestMoreRequests(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base)
		for _, r := range []struct{ label, text string }{
			{"lower case", strings.Replace(request("/RPC2", "1.1", "", getState), "POST", "post", 1)},
			{"other path", request("/RPC3", "1.1", "", getState)},
			{"post logtail", "POST /logtail/p HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"},
			{"dots", "GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n"},
			{"escaped dots", "GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n"},
			{"folder with slash", "GET /images/ HTTP/1.1\r\nHost: x\r\n\r\n"},
		} {
			c := s.dial()
			c.send(r.text)
			c.receive(r.label)
		}
		for _, path := range []string{"/", "/RPC2", "/mainlogtail"} {
			c := s.dial()
			c.send("HEAD " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
			line, err := c.in.ReadString('\n')
			s.note("HEAD "+path, fmt.Sprint(line, err))
		}
	})
}

// Requests that the original breaks at, or answers with more than is asked for.
func TestOddRequests(t *testing.T) {
	const malformed, bad = "differs:malformed-requests", "HTTP/1.1 400 Bad Request"
	entity := strings.Replace(getState, "<methodCall>", "<!DOCTYPE x [<!ENTITY a 'get'>]><methodCall>", 1)
	compare(t, func(s *stage) {
		s.start(base)
		for _, r := range []struct{ key, label, text, want string }{
			{malformed, "bad length", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n", bad},
			{malformed, "bytes", request("/RPC2", "1.1", "", strings.Replace(getState, "getState", "get\xff", 1)), bad},
			{malformed, "no request", "hello there\r\n\r\n", bad},
			{malformed, "one word", "hello\r\n\r\n", bad},
			{"differs:doctype", "entities", request("/RPC2", "1.1", "", strings.Replace(entity, "getState", "&a;State", 1)), bad},
			{"differs:expect-continue", "expect", request("/RPC2", "1.1", "Expect: 100-continue\r\n", getState), "HTTP/1.1 100 Continue"},
			{"differs:logtail-without-name", "logtail", "GET /logtail HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 Not Found"},
			{"differs:static-files", "folder", "GET /images HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 Not Found"},
			{"differs:static-files", "template", "GET /status.html HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 Not Found"},
			{"differs:page-confirms", "link in a browser", "GET /index.html?action=stopall HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: cross-site\r\n\r\n", "HTTP/1.1 200 OK"},
		} {
			c := s.dial()
			c.send(r.text)
			line, _ := c.in.ReadString('\n')
			s.differs(r.key, r.label, strings.TrimSpace(line), r.want)
		}
		c := s.dial()
		c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		s.differs("differs:page-headers", "page", strings.Contains(c.answer(), "X-Frame-Options: "), "true")
	})
}

func TestOddCredentials(t *testing.T) {
	const key = "differs:malformed-credentials"
	compare(t, func(s *stage) {
		s.write("supervisord.conf", strings.Replace(base, "s.sock\n", "s.sock\nusername=user\npassword=pass\n", 1))
		s.launch("-n", "-c", s.path("supervisord.conf"))
		s.logged("started with")
		for _, c := range []struct{ line, want string }{
			{basic("nocolon"), "HTTP/1.1 400 Bad Request"}, {"Authorization: Basic !!!\r\n", "HTTP/1.1 400 Bad Request"},
			{"Authorization: Basic\r\n", "HTTP/1.1 400 Bad Request"}, {basic("\xff\xff:x"), "HTTP/1.1 401 Unauthorized"},
			{"Authorization: nonsense\r\n", ""}, {"", ""},
		} {
			conn := s.dial()
			conn.send(request("/RPC2", "1.1", c.line, getState))
			if c.want == "" {
				conn.receive("with " + c.line)
				continue
			}
			s.differs(key, "with "+c.line, lineOne(conn.answer()), c.want)
		}
	})
}

// A second daemon on the same socket leaves the first one's logs alone.
func TestSecondInstance(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + program("p"))
		s.running("p")
		s.write("second.conf", strings.ReplaceAll(base, "main.log", "second.log"))
		code, _, _ := s.run("", s.subject.daemon, "-n", "-s", "-c", s.path("second.conf"))
		s.note("status", code)
		_, names, _ := s.run("", "/bin/ls", s.path("child"))
		s.differs("differs:second-instance", "logs", names, "p-stderr---supervisor-XXXXXXXX.log\np-stdout---supervisor-XXXXXXXX.log\n")
	})
}

// A start that fails leaves nothing behind.
func TestLaterServerFails(t *testing.T) {
	compare(t, func(s *stage) {
		s.write("x.conf", minimal+"[unix_http_server:a]\nfile=@DIR@/a.sock\n[unix_http_server:b]\nfile=@DIR@/nope/b.sock\n")
		s.note("status", s.runs([][]string{{"-n", "-s", "-c", s.path("x.conf")}})[0])
		s.differs("differs:failed-start-cleans", "socket", s.read("a.sock"), "(no file)")
	})
}

// A group that is added again has automatic logs of its own.
func TestLogsOfRemovedGroups(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + idle("p"))
		s.call("supervisor.removeProcessGroup", "p")
		s.files("child/*")
		s.call("supervisor.addProcessGroup", "p")
		_, names, _ := s.run("", "/bin/ls", s.path("child"))
		s.differs("differs:auto-logs-anew", "logs", strings.Count(names, "\n"), "4")
	})
}

// The lines of levels below INFO that tell of the inside.
func TestTraceLines(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "loglevel=trace\n" + idle("p"))
		c := s.dial()
		c.send("GET /ok.html HTTP/1.1\r\nHost: x\r\n\r\n")
		c.answer()
		s.outcome("supervisor.nosuch")
		s.outcome("supervisor.stopProcess", "p")
		s.logged("NOT_RUNNING: p")
		s.note("calls", s.mainLog("TRAC XML-RPC method (called: )?supervisor.stopProcess"))
		get := s.mainLog("GET /ok.html")
		head, size := get[:strings.LastIndex(get, " ")], get[strings.LastIndex(get, " ")+1:]
		s.note("request", head[:strings.Index(head, "[")]+head[strings.Index(head, "]"):])
		s.differs("differs:trace-lines", "size", size, "2")
		s.differs("differs:trace-lines", "unknown method", s.mainLog("supervisor.nosuch"), "")
	})
}

// The original takes an event out of its queue and puts it back, with a line
// in the log, to find that every listener is busy.
func TestWaitingEventIsNotLogged(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "loglevel=debug\n" + strings.Replace(s.pool("l", remote, "ok"), "startsecs=0", "startsecs=2", 1))
		s.tell("one", "two")
		s.note("events", s.received("l0", 2))
		s.differs("differs:rebuffering-lines", "is logged", s.times("rebuffering event 1") > 0, "false")
	})
}

// A child that the process had before it became the daemon.
func TestStrangers(t *testing.T) {
	compare(t, func(s *stage) {
		s.prefix = []string{"/bin/sh", "-c", s.fill("/bin/sh -c 'until [ -e @DIR@/go ]; do sleep 0.1; done; exit 7' & exec \"$@\""), "sh"}
		s.start(base + "loglevel=debug\n")
		s.write("go", "")
		s.logged("reaped unknown pid")
		s.differs("differs:strangers", "main log", s.mainLog("reaped unknown"), "DEBG reaped unknown pid N (exit status 7)")
	})
}

func TestRootSearchesConfiguration(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root is warned")
	}
	compare(t, func(s *stage) {
		s.write("supervisord.conf", minimal+"loglevel=nonsense\n")
		_, _, diag := s.run("", s.subject.daemon, "-n")
		s.note("warnings", strings.Count(diag, "running as root and it is searching"))
	})
}

// A value of no use within a multicall has the same answer as elsewhere.
func TestMulticallOfUselessValues(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + idle("a"))
		s.callDiffers("differs:multicall-value-error", "[map[faultCode:2 faultString:INCORRECT_PARAMETERS]]", "system.multicall",
			[]any{[]member{{"methodName", "supervisor.readLog"}, {"params", []any{"abc", 0}}}})
		// A struct stands for its names and a string for its characters there.
		for _, params := range []any{"a", []member{{"a", 1}}} {
			s.callDiffers("differs:odd-arguments", "[map[faultCode:2 faultString:INCORRECT_PARAMETERS]]", "system.multicall",
				[]any{[]member{{"methodName", "supervisor.getProcessInfo"}, {"params", params}}})
		}
		s.callDiffers("differs:odd-arguments", "fault 2 INCORRECT_PARAMETERS", "system.methodHelp", 5)
		s.callDiffers("differs:odd-arguments", "fault 2 INCORRECT_PARAMETERS", "system.methodSignature", nothing{})
	})
}

// A second request behind one that waits is served after it.
func TestPipelinedBehindWaiting(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + idle("p", "startsecs=2"))
		c := s.dial()
		c.send(request("/RPC2", "1.1", "", document("supervisor.startProcess", []any{"p"})) + request("/RPC2", "1.1", "", getState))
		first := lineOne(c.answer())
		s.differs("differs:waiting-connections", "answers", first+", "+lineOne(c.answer()), "HTTP/1.1 200 OK, HTTP/1.1 200 OK")
	})
}

// What 4.2.5 has not, and later versions do.
func TestVersion(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + idle("p"))
		s.callDiffers("differs:version", "4.3.0", "supervisor.getSupervisorVersion")
		s.differs("differs:config-info-autorestart", "autorestart", strings.Contains(s.answer("supervisor.getAllConfigInfo"),
			"<name>autorestart</name>\n<value><string>unexpected</string></value>"), "true")
	})
}
