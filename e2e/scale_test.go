package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// many is a program of n processes that do nothing, to be added at run time.
func many(n int) map[string]any {
	return map[string]any{"command": "/bin/cat", "numprocs": strconv.Itoa(n), "process_name": "%(program_name)s_%(process_num)05d", "startsecs": "0"}
}

// running is how many processes are up.
func (s *site) running() int {
	s.Helper()
	all, err := s.client.GetAllProcessInfo(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	n := 0
	for _, p := range all {
		if p.StateName == "RUNNING" {
			n++
		}
	}
	return n
}

// fastest is the least time that f takes of n times: what it costs, without
// what else the machine does meanwhile.
func fastest(n int, f func()) time.Duration {
	best := time.Hour
	for range n {
		begun := time.Now()
		f()
		best = min(best, time.Since(begun))
	}
	return best
}

// costs are the times of an answer and of a program more.
type costs struct{ state, add time.Duration }

func (s *site) measure() costs {
	s.Helper()
	var c costs
	c.state = fastest(300, func() { s.call("supervisor.getState") })
	serial := 0
	var added []string
	c.add = fastest(100, func() {
		serial++
		name := fmt.Sprintf("more%d", serial)
		s.call("twiddler.addProgramToGroup", "g", name, map[string]any{"command": "/bin/cat", "autostart": "false"})
		added = append(added, name)
	})
	for _, name := range added {
		s.call("twiddler.removeProcessFromGroup", "g", name)
	}
	return c
}

// idle waits for three seconds in which no thread of the daemon runs. There is
// no event that says so: what must not be is one in each three seconds.
func (s *site) idle() {
	s.Helper()
	const stretch = 3 * time.Second
	s.client.Close()
	pid := s.cmd.Process.Pid
	seen, since := switches(pid), time.Now()
	s.until("the daemon does nothing for three seconds", func() bool {
		if now := switches(pid); now != seen {
			seen, since = now, time.Now()
		}
		return time.Since(since) > stretch
	})
}

// Nothing that is asked of the daemon costs more for the number of children
// it has, children that are quiet cost nothing, and little memory.
func TestScale(t *testing.T) {
	total := 2000
	if *scale {
		total = 5000
	}
	const (
		first  = 1000
		factor = 10 // between two measurements on a busy machine
	)
	s := newSite(t)
	s.start(base + "[group:crowd]\nprograms=\n")
	few := s.measure()

	s.call("twiddler.addProgramToGroup", "crowd", "first", many(first))
	s.until("the first thousand run", func() bool { return s.running() == first })
	s.idle()
	if got := resident(s.cmd.Process.Pid); got > 20<<20 {
		t.Errorf("%d children take %.1f MB of memory, want less than 20", first, float64(got)/(1<<20))
	} else {
		t.Logf("%d children: %.1f MB", first, float64(got)/(1<<20))
	}

	s.call("twiddler.addProgramToGroup", "crowd", "second", many(total-first))
	s.until("all run", func() bool { return s.running() == total })
	crowd := children(s.cmd.Process.Pid)
	if len(crowd) != total {
		t.Errorf("%d children, want %d", len(crowd), total)
	}
	s.idle()
	lots := s.measure()
	t.Logf("getState %v with none, %v with %d; addProgramToGroup %v and %v", few.state, lots.state, total, few.add, lots.add)
	// What grew with the number would be a hundred times as much and more.
	if lots.state > factor*few.state {
		t.Errorf("getState takes %v with %d children and %v with none", lots.state, total, few.state)
	}
	if lots.add > factor*few.add {
		t.Errorf("one program more takes %v with %d children and %v with none", lots.add, total, few.add)
	}

	// A child that dies among so many is back, and nobody else has changed.
	victim := crowd[len(crowd)/2]
	kill(t, victim)
	s.until("it is back", func() bool {
		now := children(s.cmd.Process.Pid)
		return len(now) == total && !slices.Contains(now, victim)
	})
	same := 0
	for _, pid := range children(s.cmd.Process.Pid) {
		if slices.Contains(crowd, pid) {
			same++
		}
	}
	if same != total-1 {
		t.Errorf("%d children are the same, want %d", same, total-1)
	}
	if n := strings.Count(s.read("main.log"), "spawned: "); n != total+1 {
		t.Errorf("%d starts, want %d", n, total+1)
	}
	if status := s.stop(sigTerm); status != 0 {
		t.Errorf("exit status %d", status)
	}
}
