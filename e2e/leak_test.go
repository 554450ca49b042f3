package e2e

import (
	"strings"
	"syscall"
	"testing"
)

const sigTerm = syscall.SIGTERM

func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// holdings are what a daemon has that could leak.
type holdings struct{ descriptors, threads, children int }

func (s *site) holdings() holdings {
	s.client.Close()
	pid := s.cmd.Process.Pid
	return holdings{len(descriptors(pid)), threads(pid), len(children(pid))}
}

// leaves waits until the daemon has no more than before. Threads stay once
// they were needed; their number is bounded by what is done at once.
func (s *site) leaves(before holdings) {
	s.Helper()
	const moreThreads = 6
	s.until("nothing is left over", func() bool {
		now := s.holdings()
		return now.descriptors <= before.descriptors && now.children <= before.children && now.threads <= before.threads+moreThreads
	})
}

// times is how often a text is in the main log and its backups.
func (s *site) times(text string) int { return strings.Count(s.read("main.log"), text) }

// Restarts leave no descriptor, no thread and no zombie.
func TestManyRestarts(t *testing.T) {
	t.Parallel()
	want := 1000
	if *long {
		want = 10000
	}
	s := newSite(t)
	s.start(base + steady + "[program:loop]\ncommand=/bin/true\nstartsecs=0\nautorestart=true\nautostart=false\n")
	s.reaches("steady", "RUNNING")
	before := s.holdings()
	s.call("supervisor.startProcess", "loop")
	s.until("it has been restarted often", func() bool { return s.times("spawned: 'loop'") >= want })
	s.call("supervisor.stopProcess", "loop")
	s.leaves(before)
	s.idle()
	if got := s.state("steady"); got != "RUNNING" {
		t.Error(got)
	}
}

// Reopened logs leave no descriptor, and lose nothing that is written
// meanwhile.
func TestManyReopens(t *testing.T) {
	t.Parallel()
	want := 200
	if *long {
		want = 1000
	}
	s := newSite(t)
	s.start(base + "[program:echo]\ncommand=/bin/cat\nstartsecs=0\nstdout_logfile=@DIR@/echo.log\n")
	s.reaches("echo", "RUNNING")
	before := s.holdings()
	for i := range want {
		s.call("supervisor.sendProcessStdin", "echo", "line\n")
		s.signal(syscall.SIGUSR2)
		s.until("the logs are open again", func() bool { return s.times("supervisord logreopen") > i })
	}
	s.until("every line is there", func() bool { return s.read("echo.log") == strings.Repeat("line\n", want) })
	s.leaves(before)
}

// Programs that come and go leave nothing either.
func TestManyTwiddles(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start(base + steady)
	s.reaches("steady", "RUNNING")
	before := s.holdings()
	for range 100 {
		s.call("twiddler.addProgramToGroup", "g", "x", map[string]any{"command": "/bin/cat", "startsecs": 0, "stdout_logfile": s.path("x.log")})
		s.reaches("g:x", "RUNNING")
		s.call("supervisor.stopProcess", "g:x")
		s.call("twiddler.removeProcessFromGroup", "g", "x")
	}
	s.leaves(before)
}

// A program that is not there, or a restart of everything, leaves nothing.
func TestManyFailures(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start(base + steady)
	s.reaches("steady", "RUNNING")
	before := s.holdings()
	for range 100 {
		for _, options := range []map[string]any{
			{"command": "/bin/cat", "directory": "/no/such/place", "autostart": "false", "startretries": "0"},
			{"command": "/bin/cat", "stdout_logfile": s.path("child"), "autostart": "false", "startretries": "0"},
			{"command": "/etc/hostname/x", "autostart": "false"},
		} {
			s.call("twiddler.addProgramToGroup", "g", "x", options)
			if _, err := s.client.Call(t.Context(), "supervisor.startProcess", "g:x"); err == nil {
				t.Errorf("%v runs", options)
			}
			s.until("it is down", func() bool { st := s.state("g:x"); return st != "BACKOFF" && st != "STARTING" })
			s.call("twiddler.removeProcessFromGroup", "g", "x")
		}
	}
	s.leaves(before)
	for i := range 3 {
		s.call("supervisor.restart")
		s.until("it has restarted", func() bool { return s.times("supervisord started with pid") > i+1 })
		s.ready()
		s.reaches("steady", "RUNNING")
	}
	s.leaves(before)
}
