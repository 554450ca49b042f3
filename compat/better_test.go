package compat

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// within waits for a condition at most so long and reports whether it came.
func within(limit time.Duration, cond func() bool) bool {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(limit)
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			return false
		}
	}
	return true
}

// decodes reports whether an answer is valid XML with a value in it.
func (s *stage) decodes(method string, params ...any) bool {
	a, err := s.post(method, params...)
	if err != nil {
		return false
	}
	_, err = a.value()
	return err == nil
}

// Whatever a log holds, reading it gives a client something it can parse.
func TestBetterLogAnswers(t *testing.T) {
	for _, c := range []struct {
		name, text     string
		offset, length int
	}{
		{"colours", `\x1b[31mred\x1b[0m`, 0, 0},
		{"NUL", `a\x00b`, 0, 0},
		{"not UTF-8", `a\xff\xfeb`, 0, 0},
		{"half a rune", `zwölf`, 0, 3},
		{"other half", `zwölf`, 3, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			better(t, func(s *stage) bool {
				s.start(base + "[program:p]\ncommand=@CHILD@ raw '" + c.text + "' touch @DIR@/done wait\nstartsecs=0\nstdout_logfile=@DIR@/out\n")
				s.until("all is written", func() bool { return s.read("done") == "" && len(s.read("out")) > 2 })
				return s.decodes("supervisor.readProcessLog", "p", c.offset, c.length) &&
					s.decodes("supervisor.tailProcessLog", "p", c.offset, 3)
			})
		})
	}
}

// A log of more than 2 GiB can be tailed, and a limit of more be configured.
func TestBetterLargeNumbers(t *testing.T) {
	better(t, func(s *stage) bool {
		s.start(base + idle("p", "stdout_logfile=@DIR@/out"))
		s.write("out", "")
		if err := os.Truncate(s.path("out"), 3<<30); err != nil {
			s.Skip(err)
		}
		return s.decodes("supervisor.tailProcessLog", "p", 0, 10)
	})
	t.Run("limit", func(t *testing.T) {
		better(t, func(s *stage) bool {
			s.start(base + idle("p", "stdout_logfile_maxbytes=3GB"))
			return s.decodes("supervisor.getAllConfigInfo")
		})
	})
}

// A socket that a cleaner of temporary files has removed is there again soon.
func TestBetterSocketComesBack(t *testing.T) {
	better(t, func(s *stage) bool {
		s.start(base)
		s.http.CloseIdleConnections()
		if err := os.Remove(s.path("s.sock")); err != nil {
			s.Fatal(err)
		}
		return within(5*time.Second, func() bool { return s.decodes("supervisor.getState") })
	})
}

// A process that dies is restarted at once, not at the next poll. Nobody calls
// the daemon meanwhile: a call would wake the original up.
func TestBetterRestartAtOnce(t *testing.T) {
	better(t, func(s *stage) bool {
		s.start(base + "[program:p]\ncommand=@CHILD@ pidfile @DIR@/child.pid wait\nstartsecs=0\nautorestart=true\n")
		s.http.CloseIdleConnections()
		pid := func() int {
			n, _ := strconv.Atoi(s.read("child.pid"))
			return n
		}
		s.until("it runs", func() bool { return pid() > 0 })
		quick := 0
		for range 5 {
			before := pid()
			if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
				s.Fatal(err)
			}
			start := time.Now()
			s.until("it runs again", func() bool { return pid() > 0 && pid() != before })
			if time.Since(start) < 500*time.Millisecond {
				quick++
			}
		}
		return quick >= 4
	})
}

// A thousand programs are listed without a noticeable wait.
func TestBetterThousandPrograms(t *testing.T) {
	const limit = 100 * time.Millisecond
	if raceEnabled {
		t.Skip("the race detector makes our daemon as slow as the original")
	}
	better(t, func(s *stage) bool {
		s.start(base + idle("p", "numprocs=1000", "process_name=p%(process_num)04d", "stdout_logfile=NONE", "stderr_logfile=NONE"))
		best := time.Hour
		for try := 0; try < 10 && best > limit; try++ {
			start := time.Now()
			list := s.answer("supervisor.getAllProcessInfo")
			best = min(best, time.Since(start))
			if n := strings.Count(list, "<name>statename</name>"); n != 1000 {
				s.Fatalf("%d processes", n)
			}
		}
		return best <= limit
	})
}

// A standard input that nobody reads takes what is sent or says that it is
// full; the call never breaks, and what was taken arrives.
func TestBetterFullStdin(t *testing.T) {
	better(t, func(s *stage) bool {
		s.start(base + "[program:p]\ncommand=@CHILD@ wait\nstartsecs=0\n")
		s.reaches("p", "RUNNING")
		good := true
		for range 2 {
			good = s.decodes("supervisor.sendProcessStdin", "p", strings.Repeat("x", 100_000)) && good
		}
		return good
	})
}

// Short output of a program in capture mode reaches its log.
func TestBetterCaptureTail(t *testing.T) {
	better(t, func(s *stage) bool {
		s.start(base + "[program:p]\ncommand=@CHILD@ out short\nstartsecs=0\nautorestart=false\nstdout_logfile=@DIR@/out\nstdout_capture_maxbytes=1MB\n")
		s.reaches("p", "EXITED")
		return s.read("out") == "short\n"
	})
}

// A pipe cannot be rotated. The original tries at every write and logs a
// traceback each time.
func TestBetterPipeAsLog(t *testing.T) {
	better(t, func(s *stage) bool {
		s.piped = true
		s.start(base+"[program:p]\ncommand=@CHILD@ out one until @DIR@/go flood 5000 100 touch @DIR@/done wait\nstartsecs=0\nstdout_logfile=/dev/stdout\n", "-s")
		s.content("stdout", "one")
		s.write("go", "")
		s.until("all comes through", func() bool { return s.read("done") == "" && strings.Contains(s.read("stdout"), "4999\n") })
		return s.mainLog("CRIT uncaptured|Illegal seek") == ""
	})
}

// A socket path that is a directory is an error, not a reason to try for ever.
func TestBetterSocketIsDirectory(t *testing.T) {
	onOurs(t, func(s *stage) {
		s.write("bad.conf", minimal+"[unix_http_server]\nfile=@DIR@/child\n")
		if out := s.brief([]string{"-n", "-s", "-c", s.path("bad.conf")}); !strings.HasPrefix(out, "exit status 2\n") {
			s.Error(out)
		}
		if _, err := os.Stat(s.path("child")); err != nil {
			s.Error(err)
		}
	})
}

// A log that cannot be written holds up neither the child nor anyone else,
// and writing goes on by itself once it can.
func TestBetterUnwritableLog(t *testing.T) {
	onOurs(t, func(s *stage) {
		s.start(base + "[program:full]\ncommand=@CHILD@ flood 20000 100 touch @DIR@/flooded serve\nstartsecs=0\nstdout_logfile=/dev/full\nstdout_logfile_maxbytes=0\n" +
			"[program:other]\ncommand=@CHILD@ out hello serve\nstartsecs=0\nstdout_logfile=@DIR@/gone/other\n" +
			"[program:quiet]\ncommand=@CHILD@ wait\nstartsecs=0\n")
		s.until("two megabytes are gone", func() bool { return s.read("flooded") == "" })
		s.reaches("other", "BACKOFF", "FATAL")
		if err := os.Mkdir(s.path("gone"), 0o755); err != nil {
			s.Fatal(err)
		}
		s.ask("supervisor.stopProcess", "full")
		if s.info("other")["statename"] == "FATAL" {
			s.ask("supervisor.startProcess", "other")
		}
		s.content("gone/other", "hello")
		s.reaches("quiet", "RUNNING")
	})
}

// A document that is meant to hurt is refused; the daemon goes on.
func TestBetterHostileDocuments(t *testing.T) {
	onOurs(t, func(s *stage) {
		s.start(base + idle("p"))
		bomb := "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\">"
		for c := 'b'; c <= 'k'; c++ {
			bomb += fmt.Sprintf("<!ENTITY %c \"%s\">", c, strings.Repeat(fmt.Sprintf("&%c;", c-1), 10))
		}
		bomb += "]><methodCall><methodName>&k;</methodName></methodCall>"
		nested := "<methodCall><methodName>supervisor.getState</methodName><params><param>" + strings.Repeat("<value><array><data>", 200_000)
		for _, doc := range []string{bomb, nested, nested + strings.Repeat("</data></array></value>", 200_000), strings.Repeat("<", 1<<20), getState[:50]} {
			resp, err := s.http.Post("http://daemon/RPC2", "text/xml", strings.NewReader(doc))
			if err != nil {
				s.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != 400 && resp.StatusCode != 413 {
				s.Errorf("%.40q...: %s", doc, resp.Status)
			}
		}
		s.expect("map[statecode:1 statename:RUNNING]", "supervisor.getState")
	})
}

// Nothing is left open by many restarts and many reopened logs.
func TestBetterNoLeaks(t *testing.T) {
	onOurs(t, func(s *stage) {
		s.start(base + "[program:loop]\ncommand=@CHILD@ exit 0\nstartsecs=0\nautorestart=true\nautostart=false\n[program:steady]\ncommand=@CHILD@ wait\nstartsecs=0\n")
		s.reaches("steady", "RUNNING")
		pid := s.cmd.Process.Pid
		before := len(descriptors(pid))
		s.ask("supervisor.startProcess", "loop")
		s.until("it has been restarted many times", func() bool { return s.times("spawned: 'loop'") > 300 })
		s.ask("supervisor.stopProcess", "loop")
		for i := range 30 {
			s.signal(syscall.SIGUSR2)
			s.until("the logs are open again", func() bool { return s.times("logreopen") > i })
		}
		if !within(5*time.Second, func() bool { return len(descriptors(pid)) <= before }) {
			s.Errorf("%d descriptors, before there were %d:\n%s", len(descriptors(pid)), before, strings.Join(descriptors(pid), "\n"))
		}
		if c := children(pid); len(c) != 1 {
			s.Errorf("children %v, want one", c)
		}
	})
}
