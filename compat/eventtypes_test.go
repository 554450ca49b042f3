package compat

import (
	"strconv"
	"strings"
	"testing"
)

// Every change of state, with what its event tells.
func TestEventStates(t *testing.T) {
	t.Run("life", func(t *testing.T) {
		compare(t, func(s *stage) {
			s.start(base + s.pool("l", "PROCESS_STATE", "ok") + "[group:g]\nprograms=p\n" +
				"[program:p]\ncommand=@CHILD@ serve\nprocess_name=p%(process_num)s\nnumprocs=1\nstartsecs=0\nautostart=false\nautorestart=false\nexitcodes=0,3\n")
			s.received("l0", 2)
			for i, end := range []string{"exit 0", "exit 3", "exit 4", "die 9"} {
				s.ask("supervisor.startProcess", "g:p0")
				s.say("g:p0", end)
				s.received("l0", 2+3*(i+1))
			}
			s.ask("supervisor.startProcess", "g:p0")
			s.ask("supervisor.stopProcess", "g:p0")
			s.note("events", s.received("l0", 18))
		})
	})
	t.Run("retries", func(t *testing.T) {
		compare(t, func(s *stage) {
			// Not RUNNING: it is the listener's, at any time.
			s.start(base + s.pool("l", "PROCESS_STATE_STARTING,PROCESS_STATE_BACKOFF,PROCESS_STATE_FATAL", "ok") +
				"[program:bad]\ncommand=/nonexistent\nstartretries=1\n")
			s.note("events", s.received("l0", 6))
			s.reaches("bad", "FATAL")
			s.call("supervisor.getProcessInfo", "bad")
		})
	})
	t.Run("too quick", func(t *testing.T) {
		compare(t, func(s *stage) {
			s.start(base + s.pool("l", "PROCESS_STATE", "ok") + "[program:quick]\ncommand=@CHILD@ exit 0\nstartsecs=9\nstartretries=1\nautostart=false\n")
			s.received("l0", 2)
			s.outcome("supervisor.startProcess", "quick")
			s.note("events", s.received("l0", 7))
		})
	})
	t.Run("restart", func(t *testing.T) {
		compare(t, func(s *stage) {
			s.start(base + s.pool("l", "PROCESS_STATE", "until:@DIR@/go ok", "buffer_size=100") + "[program:p]\ncommand=@CHILD@ serve\nstartsecs=0\nautostart=false\nautorestart=true\n")
			s.reaches("l", "RUNNING")
			s.ask("supervisor.startProcess", "p")
			s.say("p", "exit 1")
			s.until("it runs again", func() bool { return s.times("spawned: 'p'") == 2 })
			s.write("go", "")
			s.note("events", s.received("l0", 7))
		})
	})
}

// A process that is stopped while it waits for its next try has no pid, and
// the next start goes on counting.
func TestEventStoppedInBackoff(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + s.pool("l", "PROCESS_STATE", "ok") + "[program:bad]\ncommand=@CHILD@ exit 3\nstartsecs=9\nstartretries=20\nautostart=false\n")
		s.received("l0", 2)
		s.outcome("supervisor.startProcess", "bad", false)
		s.received("l0", 8) // three tries: it now waits for three seconds
		s.call("supervisor.stopProcess", "bad")
		s.received("l0", 9)
		s.outcome("supervisor.startProcess", "bad", false)
		s.received("l0", 11)
		s.ask("supervisor.stopProcess", "bad")
		s.note("events", s.received("l0", 12))
	})
}

// Output as events, a chunk each, whatever it is and wherever else it goes.
func TestEventLogs(t *testing.T) {
	for _, c := range []struct{ name, options string }{
		{"files", "stdout_logfile=@DIR@/out\nstderr_logfile=@DIR@/err\n"},
		{"no files", "stdout_logfile=NONE\nstderr_logfile=NONE\n"},
		{"redirected", "redirect_stderr=true\n"},
		{"captured", "stdout_capture_maxbytes=1KB\nstderr_capture_maxbytes=1KB\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			compare(t, func(s *stage) {
				s.start(base + s.pool("l", "PROCESS_LOG", "ok") +
					"[program:p]\ncommand=@CHILD@ serve\nstartsecs=0\nstdout_events_enabled=true\nstderr_events_enabled=true\n" + c.options)
				s.reaches("p", "RUNNING")
				// Long enough for capture mode, which holds back short ones.
				for i, words := range []string{
					"out a-line-of-more-than-24-bytes", "err another-line-of-that-many", `raw zwölf-Größen,-€-und-😀-\n\n`,
					`raw Latin-1,-zw\xf6lf-gr\xfc\xdfe-it's\n`, `raw \x1b[31mred-and-more-of-that\x1b[0m\x00\n`, `rawerr no-line-feed-at-the-end-of-it`,
					`raw a<!--XSUPERVISOR:BEGIN-->it's-\x22captured\x22-so-many-bytes<!--XSUPERVISOR:END-->and-so-on,-more-than-24-bytes`,
				} {
					s.say("p", words)
					s.received("l0", i+1)
				}
				s.content("events-l0", "and-so-on,-more-than-24-bytes\n---\n")
				s.note("events", s.received("l0", 7))
			})
		})
	}
}

func TestEventLogsStripped(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "strip_ansi=true\n" + s.pool("l", "PROCESS_LOG_STDOUT,PROCESS_COMMUNICATION_STDOUT", "ok") +
			"[program:p]\ncommand=@CHILD@ serve\nstartsecs=0\nstdout_events_enabled=true\n" +
			"[program:c]\ncommand=@CHILD@ raw '<!--XSUPERVISOR:BEGIN-->\\x1b[31mred\\x1b[0m<!--XSUPERVISOR:END-->' wait\nautostart=false\nstartsecs=0\nstdout_capture_maxbytes=1KB\n")
		s.reaches("p", "RUNNING")
		s.say("p", `raw \x1b[31mred\x1b[0m-plain\n`)
		s.received("l0", 1)
		s.ask("supervisor.startProcess", "c")
		s.note("events", s.received("l0", 2))
	})
}

// Texts between the capture tokens.
func TestEventCommunications(t *testing.T) {
	const begin, end = "<!--XSUPERVISOR:BEGIN-->", "<!--XSUPERVISOR:END-->"
	for _, c := range []struct{ name, words, options string }{
		{"stdout", "raw '" + begin + "hello\\n" + end + "'", ""},
		{"stderr", "rawerr '" + begin + "hello\\n" + end + "'", ""},
		{"redirected", "rawerr '" + begin + "hello" + end + "'", "redirect_stderr=true\n"},
		{"empty", "raw '" + begin + end + "more'", ""},
		{"not UTF-8", "raw '" + begin + "zw\\xf6lf" + end + "'", ""},
		{"UTF-8", "raw '" + begin + "zwölf €" + end + "'", ""},
		{"nested", "raw '" + begin + "one" + begin + "two" + end + "'", ""},
		{"bounded", "raw '" + begin + strings.Repeat("0123456789", 12) + end + "'", "stdout_capture_maxbytes=100\n"},
		{"in pieces", "raw '" + begin + "one two three four five' until @DIR@/go raw ' six seven eight nine ten" + end + "'", ""},
	} {
		if !strings.Contains(c.options, "stdout_capture") {
			c.options += "stdout_capture_maxbytes=1KB\nstderr_capture_maxbytes=1KB\n"
		}
		t.Run(c.name, func(t *testing.T) {
			compare(t, func(s *stage) {
				s.start(base + "loglevel=debug\n" + s.pool("l", "PROCESS_COMMUNICATION", "ok") +
					"[program:p]\ncommand=@CHILD@ " + c.words + " wait\nstartsecs=0\n" + c.options)
				if c.name == "in pieces" {
					s.logged("four five")
					s.write("go", "")
				}
				s.note("events", s.received("l0", 1))
				s.note("main log", s.mainLog("emitted"))
			})
		})
	}
}

func TestEventTick(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + s.pool("l", "TICK_5", "ok"))
		s.note("event", s.received("l0", 1))
		_, when, _ := strings.Cut(s.read("events-l0"), "when:")
		seconds, err := strconv.Atoi(strings.SplitN(when, "\n", 2)[0])
		s.note("is a multiple of five", err == nil && seconds%5 == 0)
	})
}

// Groups come and go. A pool is told of itself when it comes, and not when it
// goes.
func TestEventGroups(t *testing.T) {
	compare(t, func(s *stage) {
		const events = "PROCESS_GROUP"
		other := s.pool("other", events, "ok", "priority=-1")
		s.start(base + idle("before", "priority=-5") + s.pool("l", events, "ok", "priority=-2") + other + idle("after") + idle("far", "priority=5"))
		s.received("l0", 4)
		s.received("other0", 3)
		s.write("supervisord.conf", base+idle("before", "priority=-5")+s.pool("l", events, "ok", "priority=-2")+other+idle("new"))
		s.call("supervisor.reloadConfig")
		s.call("supervisor.addProcessGroup", "new")
		s.received("l0", 5)
		s.call("supervisor.removeProcessGroup", "far")
		s.received("l0", 6)
		s.received("other0", 5)
		s.ask("supervisor.stopProcess", "other")
		s.call("supervisor.removeProcessGroup", "other")
		s.received("l0", 7)
		s.call("supervisor.addProcessGroup", "other")
		s.reaches("other", "RUNNING")
		s.note("l", s.received("l0", 8))
		s.note("other", s.received("other0", 6))
	})
}

// The daemon as a whole. Its serials go on over a restart, those of pools do
// not.
func TestEventSupervisorState(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + s.pool("l", "SUPERVISOR_STATE_CHANGE", "ok") +
			"[program:slow]\ncommand=@CHILD@ ignore 15 touch @DIR@/deaf wait\nstartsecs=0\nstopwaitsecs=1\n")
		s.until("it ignores SIGTERM", func() bool { return s.read("deaf") == "" })
		s.received("l0", 1)
		s.call("supervisor.restart")
		s.received("l0", 3)
		s.reaches("slow", "RUNNING")
		s.until("it ignores SIGTERM again", func() bool { return s.times("spawned: 'slow'") == 2 })
		s.call("supervisor.shutdown")
		s.wait()
		s.note("events", s.received("l0", 4))
	})
}

// Events of what is stopped by the shutdown still arrive.
func TestEventsOfShutdown(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "loglevel=debug\n" + s.pool("l", "PROCESS_STATE_STOPPING,PROCESS_STATE_STOPPED,SUPERVISOR_STATE_CHANGE_STOPPING,PROCESS_STATE_FATAL", "ok") +
			"[program:bad]\ncommand=/nonexistent\nstartretries=20\npriority=3\n" +
			program("quick", "priority=2") +
			"[program:slow]\ncommand=@CHILD@ ignore 15 touch @DIR@/deaf wait\nstartsecs=0\nstopwaitsecs=3\npriority=1\n")
		s.until("it ignores SIGTERM", func() bool { return s.read("deaf") == "" })
		s.logged("l: ACKNOWLEDGED -> READY")
		s.reaches("l", "RUNNING")
		s.reaches("bad", "BACKOFF")
		s.call("supervisor.shutdown")
		s.wait()
		// What comes after the slow one was told may come too late for a
		// listener that is itself told to stop.
		text, _, _ := strings.Cut(s.received("l0", 5), "processname:slow groupname:slow from_state:STOPPING")
		s.note("events", text)
	})
}
