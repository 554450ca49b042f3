package compat

import (
	"regexp"
	"strings"
	"testing"
)

// listener is a pool of one that writes all events to a file.
const listener = "[eventlistener:l]\ncommand=@CHILD@ listen @DIR@/events\nstartsecs=0\nevents="

// events waits until so many events have come and returns all.
func (s *stage) events(want string) string {
	s.Helper()
	s.content("events", want)
	s.until("the last event is whole", func() bool { return strings.HasSuffix(s.read("events"), "\n---\n") })
	length := regexp.MustCompile(` len:\d+`)
	return length.ReplaceAllString(s.read("events"), " len:L")
}

// All that a listener hears of programs that start, speak, die and are stopped.
func TestEvents(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "identifier=events\n" + listener + "PROCESS_STATE,PROCESS_LOG,PROCESS_COMMUNICATION,REMOTE_COMMUNICATION,SUPERVISOR_STATE_CHANGE,PROCESS_GROUP\n" +
			"[program:p]\ncommand=@CHILD@ serve\nstartsecs=0\nautostart=false\nautorestart=false\nstdout_events_enabled=true\nstderr_events_enabled=true\nstderr_capture_maxbytes=1KB\n" +
			"[program:bad]\ncommand=/nonexistent\nstartretries=0\nautostart=false\n[program:quick]\ncommand=@CHILD@ exit 3\nautostart=false\nstartsecs=9\nstartretries=0\n" +
			"[program:slow]\ncommand=@CHILD@ ignore 15 out ready wait\nautostart=false\nstartsecs=0\nstopwaitsecs=2\nstdout_logfile=@DIR@/slow\n")
		s.events("groupname:slow")
		s.ask("supervisor.startProcess", "p")
		s.events("processname:p groupname:p from_state:STARTING pid:")
		s.say("p", "out hello")
		s.events("channel:stdout")
		s.say("p", "rawerr <!--XSUPERVISOR:BEGIN-->captured<!--XSUPERVISOR:END-->")
		s.events("eventname:PROCESS_COMMUNICATION_STDERR")
		s.ask("supervisor.sendRemoteCommEvent", "kind", "some data\n")
		s.events("type:kind")
		s.say("p", "exit 5")
		s.events("expected:0")
		s.ask("supervisor.startProcess", "p")
		s.ask("supervisor.stopProcess", "p")
		s.events("from_state:STOPPING")
		s.outcome("supervisor.startProcess", "quick")
		s.events("processname:quick groupname:quick from_state:BACKOFF")
		s.ask("supervisor.removeProcessGroup", "bad")
		s.events("eventname:PROCESS_GROUP_REMOVED")
		s.note("events", s.events("groupname:bad\n"))
		s.ask("supervisor.startProcess", "slow")
		s.content("slow", "ready")
		s.ask("supervisor.shutdown")
		all := s.events("processname:slow groupname:slow from_state:RUNNING")
		s.note("first events of the shutdown", all[strings.LastIndex(all, "SUPERVISOR_STATE_CHANGE"):])
		s.note("exit status", s.wait())
	})
}

// Only what is asked for, by abstract names too.
func TestEventSelection(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + listener + "PROCESS_STATE_EXITED , process_state_fatal\n" + idle("p") +
			"[program:x]\ncommand=@CHILD@ exit 0\nstartsecs=0\nautorestart=false\nautostart=false\nexitcodes=0\n")
		s.ask("supervisor.startProcess", "p")
		s.ask("supervisor.stopProcess", "p")
		s.ask("supervisor.startProcess", "x")
		s.note("events", s.events("expected:1"))
		s.call("supervisor.getProcessInfo", "x")
	})
}
