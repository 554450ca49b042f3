package compat

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// files notes the names and sizes of the files that match a pattern in the
// stage's directory.
func (s *stage) files(pattern string) {
	s.Helper()
	names, err := filepath.Glob(s.path(pattern))
	if err != nil {
		s.Fatal(err)
	}
	var out []string
	for _, name := range names {
		st, err := os.Stat(name)
		if err != nil {
			s.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%s %d %v", strings.TrimPrefix(name, s.dir), st.Size(), st.Mode()))
	}
	s.note("files "+pattern, strings.Join(out, "\n"))
}

// A log of ten bytes, read and tailed through every kind of window.
func TestReadLogWindows(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "[program:p]\ncommand=@CHILD@ raw 0123456789 rawerr abcdefghij wait\nstartsecs=0\nstdout_logfile=@DIR@/out\nstderr_logfile=@DIR@/err\n" +
			idle("silent", "stdout_logfile=NONE", "stderr_logfile=NONE") + idle("never", "stdout_logfile=@DIR@/never") + idle("auto"))
		s.content("out", "9")
		s.content("err", "j")
		windows := [][2]int{{0, 0}, {5, 100}, {0, 5}, {10, 0}, {20, 0}, {20, 5}, {-3, 0}, {-30, 0}, {-3, 2}, {-3, -2}, {3, -2}, {0, -1},
			{0, 10}, {0, 15}, {10, 5}, {5, 5}, {5, 3}, {-3, 20}, {-15, 30}, {8, 4}, {9, 2}}
		for _, w := range windows {
			s.call("supervisor.readProcessStdoutLog", "p", w[0], w[1])
			s.call("supervisor.tailProcessStdoutLog", "p", w[0], w[1])
		}
		for _, method := range []string{"readProcessLog", "readProcessStderrLog", "tailProcessLog", "tailProcessStderrLog"} {
			for _, name := range []string{"p", "p:p", "silent", "never", "auto", "nope"} {
				s.call("supervisor."+method, name, 2, 3)
			}
			s.call("supervisor."+method, "p", "2", " 3 ")
			s.call("supervisor."+method, "p", 2.9, true)
			s.call("supervisor."+method, "p", verbatim("<i8>2</i8>"), verbatim("<i4> 3 </i4>"))
			s.call("supervisor."+method, "p", 1<<30, 1<<30)
			s.call("supervisor."+method, "p", 1)
		}
	})
}

func TestClearLogs(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "[program:p]\ncommand=@CHILD@ out one serve\nstartsecs=0\nstdout_logfile=@DIR@/out\nstderr_logfile=@DIR@/err\n" +
			"[program:gone]\ncommand=@CHILD@ out one\nstartsecs=0\nautorestart=false\nstdout_logfile=@DIR@/gone\n" + idle("never"))
		s.content("out", "one")
		s.reaches("gone", "EXITED")
		s.call("supervisor.clearProcessLogs", "p")
		s.note("after clear", s.read("out"))
		s.say("p", "out two err three")
		s.content("out", "two")
		s.content("err", "three")
		s.call("supervisor.clearProcessLog", "gone")
		s.note("of an ended process", s.read("gone"))
		s.call("supervisor.clearProcessLogs", "never")
		s.call("supervisor.clearProcessLogs", "nope")
		s.call("supervisor.clearProcessLogs", "p:*")
		s.call("supervisor.clearAllProcessLogs")
		s.note("after clear all", s.read("out")+s.read("err"))
		s.say("p", "out four")
		s.content("out", "four")
		s.note("in the end", s.read("out"))
	})
}

func TestMainLogMethods(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + idle("p"))
		text := s.ask("supervisor.readLog", 0, 0).(string)
		s.note("whole", text == s.read("main.log"))
		s.note("last", text[len(text)-10:] == s.ask("supervisor.readMainLog", -10, 0))
		s.call("supervisor.readLog", 0, 4)
		s.call("supervisor.readLog", -3, 2)
		s.call("supervisor.readLog", 1)
		s.call("supervisor.clearLog")
		s.note("after clear", s.finalLog(""))
		s.call("supervisor.readLog", 24, 0)
		s.call("supervisor.startProcess", "p")
		s.note("log goes on", s.finalLog("spawned"))
		if err := os.Remove(s.path("main.log")); err != nil {
			s.Fatal(err)
		}
		s.call("supervisor.readLog", 0, 0)
		s.call("supervisor.clearLog")
	})
}

// Rotation: which files there are and what they hold after ten lines of ten
// bytes, written one at a time.
func TestRotation(t *testing.T) {
	for _, c := range []struct{ name, options string }{
		{"three backups", "stdout_logfile_maxbytes=20\nstdout_logfile_backups=3\n"},
		{"one backup", "stdout_logfile_maxbytes=25\nstdout_logfile_backups=1\n"},
		{"no backups", "stdout_logfile_maxbytes=30\nstdout_logfile_backups=0\n"},
		{"no limit", "stdout_logfile_maxbytes=0\nstdout_logfile_backups=3\n"},
		{"each line", "stdout_logfile_maxbytes=1\nstdout_logfile_backups=2\n"},
		{"more than ten", "stdout_logfile_maxbytes=1\nstdout_logfile_backups=12\n"},
		{"negative backups", "stdout_logfile_maxbytes=20\nstdout_logfile_backups=-2\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			compare(t, func(s *stage) {
				s.write("out", "before---\n")
				s.write("out.2", "older----\n")
				s.start(base + "[program:p]\ncommand=@CHILD@ serve\nstartsecs=0\nstdout_logfile=@DIR@/out\nstderr_logfile=@DIR@/err\n" + c.options)
				s.running("p")
				for i := range 10 {
					s.say("p", fmt.Sprintf("out line----%d err %d", i, i))
					s.content("err", fmt.Sprint(i)) // the line on stdout was written before
					s.until("the line is in a log", func() bool { return s.logHas(fmt.Sprintf("line----%d", i), c.options) })
				}
				names, _ := filepath.Glob(s.path("out*"))
				for _, name := range names {
					s.note(filepath.Base(name), s.read(filepath.Base(name)))
				}
			})
		})
	}
}

// logHas reports whether a line has come through to the log or, where no file
// keeps it, whether the log has been emptied since.
func (s *stage) logHas(line, options string) bool {
	names, _ := filepath.Glob(s.path("out*"))
	for _, name := range names {
		if strings.Contains(s.read(filepath.Base(name)), line) {
			return true
		}
	}
	return strings.Contains(options, "backups=0") || strings.Contains(options, "backups=-2")
}

func TestLogFiles(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "identifier=my.id\n" +
			program("auto") + idle("autoidle") + program("none", "stdout_logfile=NONE", "stderr_logfile=off") +
			program("redirected", "redirect_stderr=true") + program("empty", "stdout_logfile=", "stderr_logfile=") +
			program("home", "stdout_logfile=~/home.log", "stderr_logfile=relative.log") +
			program("named", "stdout_logfile=@DIR@/%(program_name)s-%(process_num)s.log") +
			idle("namedidle", "stdout_logfile=@DIR@/idle.log") +
			"[program:shared]\ncommand=@CHILD@ out one err two wait\nstartsecs=0\nstdout_logfile=@DIR@/shared.log\nstderr_logfile=@DIR@/shared.log\n")
		for _, name := range []string{"auto", "none", "redirected", "empty", "home", "named", "shared"} {
			s.reaches(name, "RUNNING")
		}
		s.content("shared.log", "one")
		s.content("shared.log", "two")
		s.files("child/*")
		s.files("[^m]*.log")
		s.call("supervisor.getAllProcessInfo")
		s.call("supervisor.stopAllProcesses", false)
	})
}

// AUTO logs of an earlier run are removed at start, and nothing else.
func TestLogCleanup(t *testing.T) {
	const autos = "child/a-stdout---supervisor-abcdefgh.log child/a-stdout---supervisor-abcdefgh.log.1 child/b-stderr---supervisor-x.log.12345 " +
		"child/c-stdout---supervisor-x.log.bak child/a-stdout---other-abcdefgh.log child/keep.log child/---supervisor-x.log child/a---supervisor-.log"
	for _, c := range []struct{ name, options string }{{"cleanup", ""}, {"nocleanup", "nocleanup=true\n"}} {
		t.Run(c.name, func(t *testing.T) {
			compare(t, func(s *stage) {
				for name := range strings.FieldsSeq(autos) {
					s.write(name, "old")
				}
				s.start(base + c.options)
				s.files("child/*")
			})
		})
	}
}

func TestStripANSI(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + `strip_ansi=true
[program:p]
command=@CHILD@ raw '\x1b[31mred\x1b[0m plain \x1b[2K\x1b[1;32mgreen\x1b[m\n' raw '\x1b]0;title\x07 \x1b(B\n' out end wait
startsecs=0
stdout_logfile=@DIR@/out
redirect_stderr=true
`)
		s.content("out", "end")
		lines := strings.SplitN(s.read("out"), "\n", 2)
		s.note("colours", fmt.Sprintf("%q", lines[0]))
	})
}

func TestColoursAreKept(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "[program:p]\ncommand=@CHILD@ raw '\\x1b[31mred\\x1b[0m\\x00\\xff\\r\\n' out end wait\nstartsecs=0\nstdout_logfile=@DIR@/out\n")
		s.content("out", "end")
		s.note("bytes", fmt.Sprintf("%q", s.read("out")))
	})
}

// Capture mode keeps what stands between the tokens out of the log.
func TestCapture(t *testing.T) {
	const long = "0123456789012345678901234567890123456789"
	compare(t, func(s *stage) {
		s.start(base + "loglevel=debug\n[program:p]\ncommand=@CHILD@ out before-" + long +
			" raw '<!--XSUPERVISOR:BEGIN-->captured" + long + "<!--XSUPERVISOR:END-->' out after-" + long + " out more-" + long +
			" wait\nstartsecs=0\nstdout_logfile=@DIR@/out\nstdout_capture_maxbytes=1MB\n")
		s.logged("comm event")
		s.content("out", "more-")
		s.until("the last line is whole", func() bool { return strings.HasSuffix(s.read("out"), "\n") || !s.subject.ours })
		// The original holds back the last bytes of what it has.
		s.note("log", strings.TrimSuffix(strings.SplitAfter(s.read("out"), "more-")[0], "\n"))
		s.note("event", s.finalLog("emitted"))
	})
}

// With debug in the main log the output of children is copied there.
func TestOutputInMainLog(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "loglevel=debug\n[program:p]\ncommand=@CHILD@ out one until @DIR@/go err two wait\nstartsecs=0\nstdout_logfile=NONE\n")
		s.until("the output is there", func() bool { return strings.Contains(s.read("main.log"), "one\n") })
		s.write("go", "")
		s.until("the output is there", func() bool { return strings.Contains(s.read("main.log"), "two\n") })
		out := regexp.MustCompile(`'p' std(out|err) output:\n.*\n`).FindAllString(s.read("main.log"), -1)
		s.note("output", strings.Join(out, ""))
	})
}

// SIGUSR2 opens all logs again; what was moved away stays as it is.
func TestReopen(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "[program:p]\ncommand=@CHILD@ out one serve\nstartsecs=0\nstdout_logfile=@DIR@/out\nstderr_logfile=@DIR@/err\n")
		s.content("out", "one")
		for _, name := range []string{"out", "main.log"} {
			if err := os.Rename(s.path(name), s.path(name+".old")); err != nil {
				s.Fatal(err)
			}
		}
		s.say("p", "out two")
		s.content("out.old", "two")
		s.signal(syscall.SIGUSR2)
		s.content("main.log.old", "logreopen")
		s.until("the logs are there", func() bool { return s.read("out") != "(no file)" && s.read("main.log") != "(no file)" })
		s.say("p", "out three")
		s.content("out", "three")
		s.note("old", s.read("out.old"))
		s.note("new", s.read("out"))
		s.ask("supervisor.stopProcess", "p")
		// The original says that it waits only if it looks in time.
		s.note("main log", s.finalLog("stopped:|spawned|received"))
		s.note("old main log", strings.Contains(s.read("main.log.old"), "received SIGUSR2 indicating log reopen request"))
	})
}

// The main log rotates like any other.
func TestMainLogRotation(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "logfile_maxbytes=600\nlogfile_backups=2\n" + idle("p"))
		for range 8 {
			s.ask("supervisor.startProcess", "p")
			s.ask("supervisor.stopProcess", "p")
		}
		s.finalLog("")
		names, _ := filepath.Glob(s.path("main.log*"))
		for i, name := range names {
			s.note("file", filepath.Base(name))
			st, err := os.Stat(name)
			if err != nil {
				s.Fatal(err)
			}
			s.note("is full", i == 0 || st.Size() >= 600 && st.Size() < 700)
		}
	})
}

func TestMainLogOptions(t *testing.T) {
	for _, c := range []struct {
		name, options string
		args          []string
	}{
		{"levels", "loglevel=warn\n", nil},
		{"critical", "loglevel=CRITICAL\n", nil},
		{"silent", "silent=true\n", nil},
		{"silent flag", "", []string{"-s"}},
		{"trace", "loglevel=trace\n", nil},
		{"flag wins", "loglevel=error\n", []string{"-e", "info"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			compare(t, func(s *stage) {
				s.start(base+c.options+program("p")+"[program:x]\ncommand=/nonexistent\nautostart=false\n", c.args...)
				s.reaches("p", "RUNNING")
				s.ask("supervisor.stopProcess", "p")
				s.call("supervisor.startProcess", "x")
				s.signal(syscall.SIGTERM)
				s.wait()
				s.note("main log", s.finalLog("(INFO|WARN) .*(initialized|started|spawned|success|stopped|received)|CRIT|ERRO"))
				calls := strings.Split(s.finalLog("TRAC XML-RPC method (called|.*fault)"), "\n")
				slices.Sort(calls) // how often the suite asks is no matter
				s.note("calls", slices.Compact(calls))
				s.note("standard output is a copy", s.read("stdout") == s.read("main.log"))
			})
		})
	}
}

// Children write to what the daemon's standard output is.
func TestDevStdout(t *testing.T) {
	for _, path := range []string{"/dev/stdout", "/dev/fd/1", "/dev/stderr"} {
		t.Run(filepath.Base(path), func(t *testing.T) {
			compare(t, func(s *stage) {
				s.start(base+"silent=true\n[program:p]\ncommand=@CHILD@ out hello err there wait\nstartsecs=0\nstdout_logfile="+path+
					"\nstdout_logfile_maxbytes=0\nstderr_logfile="+path+"\nstderr_logfile_maxbytes=0\n", "-s")
				name := "stdout"
				if path == "/dev/stderr" {
					name = "stderr"
				}
				s.content(name, "hello")
				s.content(name, "there")
				s.note("both are there", strings.Count(s.read(name), "hello")+strings.Count(s.read(name), "there"))
			})
		})
	}
}

// Much output arrives whole and in order.
func TestFlood(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "[program:p]\ncommand=@CHILD@ flood 30000 50\nstartsecs=0\nautorestart=false\nstdout_logfile=@DIR@/out\nstdout_logfile_maxbytes=0\n")
		s.reaches("p", "EXITED")
		text := s.read("out")
		inOrder := true
		for i := range 30000 {
			inOrder = inOrder && strings.HasPrefix(text[min(i*50, len(text)):], fmt.Sprintf("%049d\n", i))
		}
		s.note("size", len(text))
		s.note("in order", inOrder)
	})
}

// Output and the main log go to syslog. The daemon gets a device directory of
// its own, in a mount namespace, with a socket of ours as /dev/log.
func TestSyslog(t *testing.T) {
	if os.Getuid() != 0 || exec.Command("/usr/bin/unshare", "-m", "/bin/true").Run() != nil {
		t.Skip("only root can give a daemon its own /dev")
	}
	compare(t, func(s *stage) {
		s.write("dev/.keep", "")
		socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.path("dev/log"), Net: "unixgram"})
		if err != nil {
			s.Fatal(err)
		}
		defer socket.Close()
		s.prefix = []string{"/usr/bin/unshare", "-m", "/bin/sh", "-c", s.fill("/bin/mknod -m 666 @DIR@/dev/null c 1 3 && " +
			"/bin/mknod -m 666 @DIR@/dev/urandom c 1 9 && /bin/mount --bind @DIR@/dev /dev && exec \"$@\""), "sh"}
		s.start(strings.Replace(base, "logfile=@DIR@/main.log", "logfile=syslog", 1)+
			"[program:p]\ncommand=@CHILD@ raw 'one\\ntwo\\n\\n' until @DIR@/go err three\nstartsecs=0\nautorestart=false\n"+
			"stdout_syslog=true\nstderr_syslog=true\nstdout_logfile=@DIR@/out\nstderr_logfile=syslog\n", "-s")
		s.content("out", "two")
		s.write("go", "")
		s.reaches("p", "EXITED")
		s.note("file", s.read("out"))
		s.call("supervisor.readLog", 0, 0)
		s.call("supervisor.clearLog")
		s.note("messages", s.datagrams(socket))
	})
}

// datagrams receives what is waiting on a syslog socket, without the times.
func (s *stage) datagrams(socket *net.UnixConn) string {
	s.Helper()
	var out []string
	buf := make([]byte, 1<<16)
	stamp := regexp.MustCompile(`^(<\d+>)[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d `)
	for !slices.ContainsFunc(out, func(m string) bool { return strings.Contains(m, "exited: p") }) {
		socket.SetReadDeadline(time.Now().Add(patience))
		n, err := socket.Read(buf)
		if err != nil {
			s.Fatalf("%v after %q", err, out)
		}
		out = append(out, stamp.ReplaceAllString(strings.TrimRight(string(buf[:n]), "\x00\n"), "$1"))
	}
	return strings.Join(out, "\n")
}
