package e2e

import (
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// orphans is a program that leaves a process without a parent behind, again
// and again. Each is a child of nobody that somebody has to reap.
const orphans = `[program:orphans]
command=/bin/sh -c 'for i in 1 2 3 4 5; do sh -c "sleep 0.01 &"; done; exec cat'
startsecs=0
stopasgroup=true
`

// zombies are the children of a process that wait to be reaped.
func zombies(parent int) []int {
	return slices.DeleteFunc(children(parent), func(pid int) bool {
		return !strings.Contains(procFile(pid, "status"), "zombie")
	})
}

// As PID 1, it reaps what the kernel hands to it.
func TestPID1(t *testing.T) {
	t.Parallel()
	unshare := []string{"unshare", "--pid", "--fork", "--kill-child"}
	if err := exec.Command(unshare[0], append(unshare[1:], "true")...).Run(); err != nil {
		t.Skipf("cannot make a PID namespace: %v", err)
	}
	s := newSite(t)
	s.write("supervisord.conf", base+"loglevel=debug\n"+orphans)
	s.exec(exec.Command(unshare[0], append(unshare[1:], daemonPath(), "-n", "-s", "-c", s.path("supervisord.conf"))...))
	s.ready()
	if got := s.read("pid"); got != "1\n" {
		t.Errorf("the pidfile says %q", got)
	}
	s.reapsOrphans(children(s.cmd.Process.Pid)[0])
	if _, err := s.client.Call(t.Context(), "supervisor.shutdown"); err != nil {
		t.Fatal(err)
	}
	if status := s.wait(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// As subreaper, it does so for its own descendants.
func TestSubreaper(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start(base + "loglevel=debug\nsubreaper=true\n" + orphans)
	s.reapsOrphans(s.cmd.Process.Pid)
	if status := s.stop(sigTerm); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// reapsOrphans waits until the five orphans are reaped, and nothing but the
// program is left.
func (s *site) reapsOrphans(daemon int) {
	s.Helper()
	s.until("the orphans are reaped", func() bool { return s.times("reaped unknown pid") >= 5 })
	s.until("only the program is left", func() bool { return len(children(daemon)) == 1 && len(zombies(daemon)) == 0 })
	if got := s.state("orphans"); got != "RUNNING" {
		s.Error(got)
	}
}

var openFiles = regexp.MustCompile(`Max open files\s+(\d+)`)

// openLimit is the soft limit of descriptors of a process.
func openLimit(pid int) int {
	m := openFiles.FindStringSubmatch(procFile(pid, "limits"))
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

// With many programs it gives itself the descriptors that it needs, and its
// children the limit that it was started with.
func TestDescriptorLimits(t *testing.T) {
	t.Parallel()
	const soft, programs = 512, 400
	s := newSite(t)
	script := fmt.Sprintf("ulimit -Sn %d; exec %s -n -s -c %s",
		soft, daemonPath(), s.path("supervisord.conf"))
	if err := exec.Command("/bin/sh", "-c", "[ $(ulimit -Hn) = unlimited ] || [ $(ulimit -Hn) -ge 4096 ]").Run(); err != nil {
		t.Skip("needs a hard limit of 4,096 descriptors")
	}
	s.write("supervisord.conf", base+"minfds=256\n")
	s.exec(exec.Command("/bin/sh", "-c", script))
	s.ready()
	s.call("twiddler.addProgramToGroup", "g", "p", many(programs))
	s.until("all run", func() bool { return s.running() == programs })
	pid := s.cmd.Process.Pid
	if got := openLimit(pid); got <= soft {
		t.Errorf("supervisord may have %d descriptors", got)
	}
	for _, child := range children(pid) {
		if got := openLimit(child); got != soft {
			t.Fatalf("child %d may have %d descriptors, want %d", child, got, soft)
		}
	}
}
