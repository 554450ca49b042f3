package compat

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// script is the command line of a program of the suite in Python.
func script(t testing.TB, name string) string {
	t.Helper()
	path, err := filepath.Abs("testdata/events/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return python + " " + path + " "
}

// pool is the section of a listener on the Python package's childutils, that
// reacts to its events as testdata/events/listener.py says and keeps them in a
// file named after its process.
func (s *stage) pool(name, events, reactions string, lines ...string) string {
	s.Helper()
	text := "[eventlistener:" + name + "]\ncommand=" + script(s, "listener.py") +
		"@DIR@/events-" + name + "%(process_num)s " + reactions + "\nstartsecs=0\nevents=" + events + "\n"
	return text + strings.Join(append(lines, ""), "\n")
}

// rude is the section of a listener that does as testdata/events/rude.py says.
func (s *stage) rude(name, words string, lines ...string) string {
	s.Helper()
	text := "[eventlistener:" + name + "]\ncommand=" + script(s, "rude.py") + words + "\nstartsecs=0\nevents=REMOTE_COMMUNICATION\n"
	return text + strings.Join(append(lines, ""), "\n")
}

// received waits until a listener has got so many events and returns them,
// without the parts that differ from run to run: pids, and the lengths of
// texts that hold one.
func (s *stage) received(file string, count int) string {
	s.Helper()
	file = "events-" + file
	s.until(fmt.Sprintf("%s has %d events", file, count), func() bool { return strings.Count(s.read(file), "\n---\n") >= count })
	return hideLengths(s.read(file))
}

var (
	payloadLength = regexp.MustCompile(` len:\d+$`)
	tickTime      = regexp.MustCompile(`when:\d+`)
)

func hideLengths(text string) string {
	events := strings.Split(text, "\n---\n")
	for i, event := range events {
		header, payload, _ := strings.Cut(event, "\n")
		if strings.Contains(payload, "pid:") {
			header = payloadLength.ReplaceAllString(header, " len:L")
		}
		events[i] = header + "\n" + payload
	}
	return tickTime.ReplaceAllString(strings.Join(events, "\n---\n"), "when:W")
}

// tell sends an event that only its text sets apart.
func (s *stage) tell(texts ...string) {
	s.Helper()
	for _, text := range texts {
		s.ask("supervisor.sendRemoteCommEvent", "test", text)
	}
}

// listenerLog is what the main log says of listeners and their events. What
// the original does with an event that nobody can take at the moment is left
// out: it tries again at each turn of its loop.
func (s *stage) listenerLog(name string) string {
	return s.mainLog(`(DEBG|WARN) ` + name + `: |sent to listener ` + name + `$|pool .* overflowed`)
}

const remote = "REMOTE_COMMUNICATION"

// The envelope counts characters, serials go up by one, and an event that
// nobody wants has none.
func TestListenerEnvelope(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "loglevel=debug\nidentifier=ich\n" + s.pool("l", remote, "ok"))
		s.tell("plain", "dätä € 😀", "", "two\nlines\n")
		s.ask("supervisor.sendRemoteCommEvent", "", "a:b <&>")
		s.ask("supervisor.sendRemoteCommEvent", "zwölf x:y", "after an empty one")
		s.note("events", s.received("l0", 6))
		s.logged("event 5 sent")
		s.until("the last one is done", func() bool { return s.times("event was processed") == 6 })
		s.note("main log", s.listenerLog("l"))
	})
}

// Serials are common to all pools, pool serials are each pool's own.
func TestListenerSerials(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + s.pool("all", "PROCESS_STATE_STOPPED,"+remote, "ok") + s.pool("some", remote, "ok") + idle("p"))
		s.tell("one")
		s.ask("supervisor.startProcess", "p") // nobody wants to know
		s.ask("supervisor.stopProcess", "p")
		s.tell("two")
		s.note("all", s.received("all0", 3))
		s.note("some", s.received("some0", 2))
	})
}

// What is rejected comes again with its serials, before what came later.
func TestListenerRejects(t *testing.T) {
	for _, reaction := range []string{"fail", `'raw:RESULT 3\nYES'`, `'raw:RESULT 2\nok'`, `'raw:RESULT 6\nzw\xc3\xb6lf'`} {
		t.Run(reaction, func(t *testing.T) {
			compare(t, func(s *stage) {
				s.start(base + "loglevel=debug\n" + s.pool("l", remote, "until:@DIR@/go "+reaction+" "+reaction+" ok"))
				s.tell("one", "two")
				s.write("go", "")
				s.note("events", s.received("l0", 4))
				s.until("all is done", func() bool { return s.times("event was processed") == 2 })
				s.note("main log", s.listenerLog("l"))
			})
		})
	}
}

// A queue that is full loses its oldest event. The event that a listener has
// is in no queue; when it comes back it takes the place of the oldest too.
func TestListenerOverflow(t *testing.T) {
	for _, reaction := range []string{"ok", "fail ok"} {
		t.Run(reaction, func(t *testing.T) {
			compare(t, func(s *stage) {
				s.start(base + s.pool("l", remote, "until:@DIR@/go "+reaction, "buffer_size=2"))
				s.tell("zero")
				s.received("l0", 1)
				s.tell("one", "two", "three", "four")
				s.write("go", "")
				s.note("events", s.received("l0", 3))
				s.tell("five")
				s.note("last event", s.received("l0", 4))
				s.note("main log", s.mainLog("overflowed|WARN"))
			})
		})
	}
}

// A listener that ends, in whatever way, gets its event again when it runs
// again.
func TestListenerDies(t *testing.T) {
	t.Run("exits", func(t *testing.T) {
		compare(t, func(s *stage) {
			s.start(base + "loglevel=debug\n" + s.pool("l", remote, "until:@DIR@/go die:@DIR@/died ok", "autorestart=true"))
			s.tell("one", "two")
			s.write("go", "")
			s.note("events", s.received("l0", 3))
			s.until("all is done", func() bool { return s.times("event was processed") == 2 })
			s.note("main log", s.mainLog("exited: l|l: |sent to listener"))
		})
	})
	t.Run("killed", func(t *testing.T) {
		compare(t, func(s *stage) {
			s.start(base + s.pool("l", remote, "until:@DIR@/go ok", "autorestart=true"))
			s.tell("one", "two")
			s.received("l0", 1)
			s.run("", "/bin/kill", "-9", fmt.Sprint(s.info("l")["pid"]))
			s.received("l0", 2)
			s.write("go", "")
			s.note("events", s.received("l0", 3))
			s.note("main log", s.mainLog("exited: l"))
		})
	})
	t.Run("stopped", func(t *testing.T) {
		compare(t, func(s *stage) {
			s.start(base + s.pool("l", remote, "until:@DIR@/go ok"))
			s.tell("one", "two")
			s.received("l0", 1)
			s.ask("supervisor.stopProcess", "l")
			s.write("go", "")
			s.ask("supervisor.startProcess", "l")
			s.note("events", s.received("l0", 3))
		})
	})
}

// What a listener may say, right and wrong. Each is asked about one event
// after it was ready; the last line tells what became of it.
func TestListenerProtocol(t *testing.T) {
	for _, c := range []struct{ name, answer, last string }{
		{"the word is not read", `XXXXXXX2\nOK`, "BUSY -> ACKNOWLEDGED"},
		{"blanks and signs", `RESULT  +0_2 \t\nOK`, "BUSY -> ACKNOWLEDGED"},
		{"ready with the answer", `RESULT 2\nOKREADY\n`, "event 1 sent"},
		{"line feed after the answer", `RESULT 2\nOK\nREADY\n`, "UNKNOWN state"},
		{"no greeting after the answer", `RESULT 2\nOKhello\n`, "UNKNOWN state"},
		{"no number", `RESULT two\n`, "UNKNOWN state"},
		{"fraction", `RESULT 2.0\nOK`, "UNKNOWN state"},
		{"too short a line", `OK\n`, "UNKNOWN state"},
		{"empty line", `\n`, "UNKNOWN state"},
		{"quotes", `RESULT it\x27s "x"\n`, "UNKNOWN state"},
		{"UTF-8", `RESULT zw\xc3\xb6lf\n`, "UNKNOWN state"},
		{"not UTF-8", `RESULT it\x27s \xff\n`, "UNKNOWN state"},
		{"ready instead of an answer", `READY\n`, "UNKNOWN state"},
	} {
		t.Run(c.name, func(t *testing.T) {
			compare(t, func(s *stage) {
				s.start(base + "loglevel=debug\n" + s.rude("l", `'READY\n' until:@DIR@/go '`+c.answer+"'"))
				s.tell("one", "two")
				s.logged("event 0 sent")
				s.write("go", "")
				s.logged(c.last)
				s.note("main log", s.listenerLog("l"))
				s.call("supervisor.getProcessInfo", "l")
			})
		})
	}
}

// What a listener may say before it is sent anything.
func TestListenerGreeting(t *testing.T) {
	for _, c := range []struct{ name, greeting, last string }{
		{"in pieces", `REA' until:@DIR@/go 'DY\n`, "-> READY"},
		{"less than a greeting", `XYZ' until:@DIR@/go 'ZY\n`, "UNKNOWN state"},
		{"another word", `HELLO\n`, "UNKNOWN state"},
		{"twice", `READY\nREADY\n`, "UNKNOWN state"},
		{"then a word", `READY\nx`, "UNKNOWN state"},
		{"then another greeting", `nothing\n' until:@DIR@/go 'READY\n`, "UNKNOWN state"},
	} {
		t.Run(c.name, func(t *testing.T) {
			compare(t, func(s *stage) {
				s.start(base + "loglevel=debug\n" + s.rude("l", "'"+c.greeting+"'"))
				s.logged("'l' stdout output")
				s.write("go", "")
				s.logged(c.last)
				s.note("main log", s.listenerLog("l"))
				s.call("supervisor.getProcessInfo", "l")
			})
		})
	}
}

// The original hangs at these, or for ever.
func TestListenerBadLengths(t *testing.T) {
	const lost = "WARN l: has entered the UNKNOWN state and will no longer receive events, this usually indicates the process violated the eventlistener protocol"
	for _, c := range []struct{ key, name, answer, want string }{
		{"differs:listener-empty-result", "empty", `RESULT 0\n`, "WARN l: event was rejected"},
		{"differs:listener-result-bounds", "negative", `RESULT -1\n`, "WARN l: bad result line: 'RESULT -1'\n" + lost},
		{"differs:listener-result-bounds", "huge", `RESULT 99999999999\n`, "WARN l: bad result line: 'RESULT 99999999999'\n" + lost},
	} {
		t.Run(c.name, func(t *testing.T) {
			compare(t, func(s *stage) {
				s.start(base + "loglevel=debug\n" + s.rude("l", `'READY\n' until:@DIR@/go '`+c.answer+"'"))
				s.tell("one")
				s.logged("event 0 sent")
				s.write("go", "")
				s.until("the answer is read", func() bool { return strings.Contains(s.read("main.log"), `'l' stdout output:`+"\nb'RESULT") })
				s.ask("supervisor.getState") // the original has gone on by then
				if s.subject.ours {
					s.logged(strings.Split(c.want, "\n")[0])
				}
				s.differs(c.key, "warnings", s.mainLog("WARN l: "), c.want)
			})
		})
	}
}

// Listeners take turns only when those before them are busy, in the order of
// their names as text.
func TestListenerOrder(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "loglevel=debug\n" + s.pool("l", remote, "until:@DIR@/go ok", "numprocs=11", "process_name=l_%(process_num)d"))
		s.until("all are ready", func() bool { return s.times("-> READY") == 11 })
		s.tell("zero", "one", "two", "three")
		for _, file := range []string{"l0", "l1", "l10", "l2"} {
			s.note(file, s.received(file, 1))
		}
		s.write("go", "")
		s.until("all are ready again", func() bool { return s.times("-> READY") == 15 })
		s.tell("four")
		s.note("first again", s.received("l0", 2))
		s.logged("event 4 sent")
		s.note("main log", s.mainLog("sent to listener"))
	})
}

// A pool has its place among the groups by its priority: it hears of itself and
// of those that come after it, and outlives those in the shutdown.
func TestListenerPriorities(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "loglevel=debug\n" + s.pool("b", "PROCESS_STATE_RUNNING,PROCESS_GROUP_ADDED", "ok", "priority=-2") +
			s.pool("a", "PROCESS_STATE_RUNNING,PROCESS_GROUP_ADDED", "ok") + program("z", "priority=-5") + program("p", "priority=5"))
		s.note("b", s.received("b0", 7))
		s.note("a", s.received("a0", 6))
		s.call("supervisor.getAllProcessInfo")
		s.signal(15)
		s.note("exit status", s.wait())
		s.note("main log", s.mainLog("spawned|killing"))
	})
}

// A listener that has not been up for startsecs gets nothing, ready or not.
func TestListenerStartsecs(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "loglevel=debug\n" + strings.Replace(s.pool("l", remote, "ok"), "startsecs=0", "startsecs=3", 1))
		s.tell("one")
		s.logged("ACKNOWLEDGED -> READY")
		s.note("state", s.info("l")["statename"])
		s.note("before", s.read("events-l0"))
		s.note("events", s.received("l0", 1))
		s.note("main log", s.mainLog("entered RUNNING|event 0 sent"))
	})
}

// While it is busy a listener may call the daemon, and wait for the answer.
func TestListenerCallsBack(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + s.pool("l", "PROCESS_COMMUNICATION", "stop:p state:p ok") +
			"[program:p]\ncommand=@CHILD@ raw '<!--XSUPERVISOR:BEGIN-->stop me<!--XSUPERVISOR:END-->' out x wait\nstartsecs=0\nstdout_capture_maxbytes=1KB\n")
		s.received("l0", 1)
		s.content("events-l0", "STOPPED")
		s.note("events", s.received("l0", 1))
	})
}

// A listener that has closed its standard input is passed over.
func TestListenerClosedStdin(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "loglevel=debug\n" + s.rude("a", `close 'READY\n'`, "priority=-2") + s.pool("b", remote, "ok"))
		s.logged("a: ACKNOWLEDGED -> READY")
		s.tell("one")
		s.note("b", s.received("b0", 1))
		s.logged("epipe occurred")
		s.note("main log", strings.Split(s.mainLog("epipe"), "\n")[0])
		s.note("a", s.info("a")["statename"])
	})
}

// An event that nobody reads waits for its listener; it is no reason to end.
func TestBetterUnreadEvents(t *testing.T) {
	better(t, func(s *stage) bool {
		s.start(base + "loglevel=debug\n" + s.rude("l", `'READY\n' until:@DIR@/go 'RESULT 2\nOKREADY\n'`))
		s.tell(strings.Repeat("x", 200_000))
		s.logged("event 0 sent")
		s.write("go", "")
		s.logged("event was processed")
		_, err := s.post("supervisor.sendRemoteCommEvent", "test", "two")
		if err == nil {
			s.until("the second is sent", func() bool { return s.gone() || s.mainLog("event 1 sent") != "" })
		}
		return !within(time.Second, s.gone)
	})
}

// An event is delivered once, however many names of a pool cover it.
func TestListenerOverlappingNames(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + s.pool("l", "EVENT,REMOTE_COMMUNICATION", "ok"))
		s.reaches("l", "RUNNING")
		s.tell("one", "two")
		s.until("both are there", func() bool { return strings.Contains(s.read("events-l0"), "two\n---\n") })
		s.until("all is quiet", func() bool { return s.subject.ours || strings.Count(s.read("events-l0"), "two\n---\n") == 2 })
		s.differs("differs:listener-event-once", "times", strings.Count(s.read("events-l0"), "type:test"), "2")
	})
}

// What a listener rejects comes back to its own pool alone.
func TestListenerRejectionStays(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + s.pool("l", remote, "fail ok") + s.pool("other", "TICK_3600", "ok"))
		s.reaches("other", "RUNNING")
		s.tell("one")
		s.received("l0", 2)
		if !s.subject.ours {
			s.received("other0", 1)
		}
		s.differs("differs:listener-rejection-stays", "of the other pool", s.read("events-other0"), "(no file)")
	})
}

// The result handler of supervisor_twiddler, which works under no Python the
// original runs on.
func TestListenerWritesStdin(t *testing.T) {
	onOurs(t, func(s *stage) {
		const handler = "result_handler=supervisor_twiddler.resulthandler:stdin_write_handler"
		s.start(base + s.pool("l", "PROCESS_COMMUNICATION,"+remote, `'raw:RESULT 12\nSTDIN:hello\n' 'raw:RESULT 10\nSTDIN:two\n' fail ok 'raw:RESULT 7\nSTDIN:x'`, handler) +
			"[program:p]\ncommand=@CHILD@ raw '<!--XSUPERVISOR:BEGIN-->one<!--XSUPERVISOR:END--><!--XSUPERVISOR:BEGIN-->two<!--XSUPERVISOR:END-->' out x echo\n" +
			"startsecs=0\nstdout_capture_maxbytes=1KB\nstdout_logfile=@DIR@/out\n")
		s.content("out", `read "hello"`)
		s.content("out", `read "two"`)
		s.tell("rejected, then accepted", "no process")
		s.logged("l: event caused an error")
		s.logged("l: has entered the UNKNOWN state")
		if got := strings.Count(s.received("l0", 5), "type:test\nrejected"); got != 2 {
			s.Errorf("the rejected event came %d times", got)
		}
	})
}
