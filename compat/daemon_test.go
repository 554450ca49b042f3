package compat

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Each of the signals that end the daemon, with a program to wait for.
func TestEndingSignals(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT} {
		t.Run(sig.String(), func(t *testing.T) {
			compare(t, func(s *stage) {
				s.start(base + program("a") + program("b", "priority=1") + idle("c"))
				s.reaches("a", "RUNNING")
				s.reaches("b", "RUNNING")
				s.signal(sig)
				s.note("exit status", s.wait())
				s.note("main log", s.finalLog("received|stopped|waiting"))
				s.note("leftovers", s.read("pid")+s.read("s.sock"))
			})
		})
	}
}

func TestRestartBySignal(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + program("old", "priority=1") + program("both"))
		s.running("old", "both")
		s.write("supervisord.conf", base+"identifier=second\n"+program("new", "priority=2")+program("both"))
		s.signal(syscall.SIGHUP)
		s.until("the new configuration is there", func() bool {
			a, err := s.post("supervisor.getIdentification")
			return err == nil && strings.Contains(a.body, "second")
		})
		s.reaches("new", "RUNNING")
		s.reaches("both", "RUNNING")
		s.call("supervisor.getAllProcessInfo")
		s.note("same pid", s.ask("supervisor.getPID") == s.cmd.Process.Pid)
		s.note("pidfile", s.read("pid") == fmt.Sprintln(s.cmd.Process.Pid))
		s.note("main log", s.finalLog("received|stopped|spawned|started with|initialized"))
	})
}

// A configuration that has become wrong ends the daemon at a restart.
func TestRestartOnBadConfig(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + program("p"))
		s.reaches("p", "RUNNING")
		s.write("supervisord.conf", base+"loglevel=nonsense\n")
		s.signal(syscall.SIGHUP)
		s.note("exit status", s.wait())
		s.note("stderr", s.read("stderr"))
		s.note("pidfile", s.read("pid"))
	})
}

// A restart that is asked for during a shutdown is refused; a shutdown during
// a restart wins.
func TestCrossingSignals(t *testing.T) {
	const slow = "[program:slow]\ncommand=@CHILD@ ignore 15 out ready until @DIR@/go exit 0\nstartsecs=0\nstdout_logfile=@DIR@/out\n"
	for _, order := range [][2]syscall.Signal{{syscall.SIGTERM, syscall.SIGHUP}, {syscall.SIGHUP, syscall.SIGTERM}, {syscall.SIGTERM, syscall.SIGINT}} {
		t.Run(fmt.Sprintf("%v %v", order[0], order[1]), func(t *testing.T) {
			compare(t, func(s *stage) {
				s.start(base + slow)
				s.content("out", "ready")
				s.signal(order[0])
				s.logged("received")
				s.signal(order[1])
				s.until("both signals are logged", func() bool { return s.times("received|ignored") == 2 })
				s.write("go", "")
				s.note("exit status", s.wait())
				s.note("main log", s.finalLog("received|ignored|stopped"))
			})
		})
	}
}

func TestPidfile(t *testing.T) {
	compare(t, func(s *stage) {
		s.write("pid", "1\n")
		s.start(base)
		s.until("the pidfile is written", func() bool { return s.read("pid") == fmt.Sprintln(s.cmd.Process.Pid) })
		s.files("pid")
		s.signal(syscall.SIGTERM)
		s.note("exit status", s.wait())
		s.note("pidfile", s.read("pid"))
	})
}

func TestPidfileUnwritable(t *testing.T) {
	compare(t, func(s *stage) {
		s.write("pid/keep", "")
		s.start(base)
		s.logged("could not write")
		s.call("supervisor.getState")
		s.note("main log", s.finalLog("pidfile|CRIT could|started"))
	})
}

// Daemonized, it lives on in a session of its own, with its own umask and
// directory.
func TestDaemonize(t *testing.T) {
	compare(t, func(s *stage) {
		s.write("work/.keep", "")
		s.write("supervisord.conf", base+"directory=@DIR@/work\numask=077\n[program:p]\ncommand=@CHILD@ cwd umask leader wait\nstartsecs=0\nstdout_logfile=out\n")
		code, out, diag := s.run("", s.subject.daemon, "-c", s.path("supervisord.conf"))
		s.note("parent", fmt.Sprint(code, out, diag))
		s.until("the pidfile is written", func() bool { return s.read("pid") != "(no file)" })
		s.until("it answers", func() bool { _, err := s.post("supervisor.getState"); return err == nil })
		s.content("work/out", "session")
		s.note("program", s.read("work/out"))
		pid, err := strconv.Atoi(strings.TrimSpace(s.read("pid")))
		if err != nil {
			s.Fatal(err)
		}
		cwd, _ := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
		s.note("directory", cwd)
		for fd := range 3 {
			target, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, fd))
			s.note(fmt.Sprintf("descriptor %d", fd), target)
		}
		_, modes, _ := s.run("", "/usr/bin/stat", "-c", "%a %n", s.path("pid"), s.path("work/out"), s.path("main.log"))
		s.note("modes", modes)
		s.note("own pid", s.ask("supervisor.getPID") == pid)
		s.call("supervisor.shutdown")
		s.until("it is gone", func() bool { return len(s.processes()) == 0 })
		// Ours opens its servers after it has left the terminal, not before.
		lines := strings.Split(s.finalLog(""), "\n")
		slices.Sort(lines)
		s.note("main log", strings.Join(lines, "\n"))
		s.note("leftovers", s.read("pid")+s.read("s.sock"))
	})
}

// A socket that nobody listens on any more is replaced; a live one is not.
func TestStaleSocket(t *testing.T) {
	compare(t, func(s *stage) {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: s.path("s.sock"), Net: "unix"})
		if err != nil {
			s.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		l.Close()
		s.start(base)
		s.call("supervisor.getState")
		s.note("stderr", s.read("stderr"))
	})
}

func TestSocketInUse(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + program("p"))
		s.reaches("p", "RUNNING")
		s.write("second.conf", strings.ReplaceAll(base, "main.log", "second.log"))
		code, out, diag := s.run("", s.subject.daemon, "-n", "-s", "-c", s.path("second.conf"))
		s.note("second", fmt.Sprint(code, out, diag))
		code, out, diag = s.run("", s.subject.daemon, "-c", s.path("second.conf"))
		s.note("second, daemonizing", fmt.Sprint(code, out, diag))
		s.call("supervisor.getState")
		s.call("supervisor.getProcessInfo", "p")
		s.note("pidfile", s.read("pid") == fmt.Sprintln(s.cmd.Process.Pid))
	})
}

func TestPortInUse(t *testing.T) {
	compare(t, func(s *stage) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			s.Fatal(err)
		}
		defer l.Close()
		s.port = l.Addr().(*net.TCPAddr).Port
		s.write("supervisord.conf", inet+base)
		code, out, diag := s.run("", s.subject.daemon, "-n", "-s", "-c", s.path("supervisord.conf"))
		s.note("refused", fmt.Sprint(code, out, diag))
		code, out, diag = s.run("", s.subject.daemon, "-c", s.path("supervisord.conf"))
		s.note("refused, daemonizing", fmt.Sprint(code, out, diag))
		s.note("pidfile", s.read("pid"))
	})
}

func TestSocketOptions(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give a socket away")
	}
	compare(t, func(s *stage) {
		s.start(strings.Replace(base, "s.sock\n", "s.sock\nchmod=0765\nchown=nobody:root\n", 1))
		_, out, _ := s.run("", "/usr/bin/stat", "-c", "%a %U %G %F", s.path("s.sock"))
		s.note("socket", out)
		names, _ := filepath.Glob(s.path("s.sock*"))
		s.note("names", names)
	})
}

// The forms of the command line, as Python's getopt takes them.
func TestCommandLine(t *testing.T) {
	compare(t, func(s *stage) {
		s.write("x.conf", minimal+"loglevel=nonsense\n")
		conf := s.path("x.conf")
		lines := [][]string{
			{"-nc", conf}, {"-c" + conf}, {"-nc" + conf}, {"--configuration=" + conf}, {"--configuration", conf}, {"--conf", conf}, {"--nod", "--conf=" + conf},
			{"-x"}, {"--nope"}, {"-c"}, {"--configuration"}, {"--nodaemon=1"}, {"--log=x"}, {"-c", conf, "operand"}, {"-c", conf, "--", "-x"},
			{"-n", "-n", "-c", conf}, {"-c", conf, "-c", conf}, {"-c", conf, "--configuration", conf}, {"-e", "nope"}, {"--loglevel=nope"}, {"-m", "9"},
			{"-c", conf, "-e", "info", "-e", "warn"}, {"-c", conf, "-y", "x"}, {"-c", conf, "-z", "x"}, {"-c", conf, "-l", "/nope/x"},
			{"-c", conf, "-j", "/nope/x"}, {"-c", conf, "-d", "/nope"}, {"-c", conf, "-q", "/nope"}, {"-c", conf, "-a", "x"}, {"-c", conf, "--minprocs=x"},
			{"-c", conf, "-u", "nosuchuser"}, {"-c", conf, "-i", "me", "-k"}, {"-c", s.path("nope.conf")}, {"-c", s.dir},
		}
		for i, result := range s.runs(lines) {
			s.note(strings.Join(lines[i], " "), result)
		}
		for _, flag := range []string{"-v", "--version", "--vers", "-vx"} {
			code, out, diag := s.run("", s.subject.daemon, flag)
			version := strings.HasPrefix(out, "4.") && strings.Count(out, "\n") == 1
			s.note(flag, fmt.Sprint(code, version, diag))
		}
		for _, flag := range []string{"-h", "--help", "-?"} {
			code, out, diag := s.run("", s.subject.daemon, flag)
			s.note(flag, fmt.Sprint(code, strings.Contains(out, "--nodaemon") && strings.Contains(out, "-c"), diag))
		}
	})
}

// -t checks a configuration and names all that is wrong with it, each with its
// place. In the original it is short for --strip_ansi.
func TestCheckFlag(t *testing.T) {
	compare(t, func(s *stage) {
		s.write("x.conf", minimal+"loglevel=nonsense\n[program:a]\n[program:b]\ncommand=cat\nstartsecs=x\n")
		out := s.runs([][]string{{"-t", "-n", "-c", s.path("x.conf")}})[0]
		all := strings.HasPrefix(out, "exit status 2\n")
		for _, place := range []string{"x.conf:5: ", "x.conf:6: ", "x.conf:9: "} {
			all = all && strings.Contains(out, place)
		}
		s.differs("differs:flag-t", "-t names every problem", all, "true")
		s.note("--strip_ansi", s.runs([][]string{{"--strip_ansi", "-n", "-c", s.path("x.conf")}})[0])
	})
}

func TestFlagsWin(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base+"identifier=file\nloglevel=debug\n"+program("auto"), "-i", "flag", "-l", s.path("flag.log"), "-j", s.path("flag.pid"), "-q", s.dir, "-e", "info")
		s.reaches("auto", "RUNNING")
		s.call("supervisor.getIdentification")
		s.note("main log", s.read("main.log"))
		s.note("pidfile", s.read("flag.pid") == fmt.Sprintln(s.cmd.Process.Pid))
		s.files("auto-*")
		s.call("supervisor.reloadConfig")
		s.call("supervisor.getIdentification")
	})
}

// Orphans of a dead child do not trouble the daemon.
func TestGrandchildKeepsPipe(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "[program:p]\ncommand=@CHILD@ spawn pidfile,@DIR@/grandchild,out,here,wait until @DIR@/go exit 0\nstartsecs=0\nautorestart=false\nstdout_logfile=@DIR@/out\n")
		s.content("out", "here")
		s.write("go", "")
		s.reaches("p", "EXITED")
		s.call("supervisor.getProcessInfo", "p")
		s.note("main log", s.finalLog("exited"))
		s.run("", "/bin/kill", "-9", s.read("grandchild"))
	})
}
