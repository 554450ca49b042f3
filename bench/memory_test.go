package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// measureMemory looks at daemons whose children do nothing: what they hold,
// and, with most children, whether they ever wake up.
func measureMemory(h *harness) error {
	for _, c := range []struct {
		programs int
		most     float64 // MB
		theirs   bool
	}{{0, 9, true}, {h.programs, 14, true}, {h.crowd, 30, false}} {
		r := row{what: fmt.Sprintf("memory, %d quiet children with logs", c.programs), unit: "MB"}
		if c.programs == 0 {
			r.what = "memory without programs"
		}
		ours, err := h.look(true, c.programs, c.programs == h.crowd)
		if err != nil {
			return err
		}
		r.ours = sample{ours.pss}
		if c.theirs && h.original {
			theirs, err := h.look(false, c.programs, false)
			if err != nil {
				return fmt.Errorf("original: %w", err)
			}
			r.theirs = sample{theirs.pss}
		}
		r.checks = []check{{fmt.Sprintf("at most %g MB", c.most), fmt.Sprintf("%.1f MB", ours.pss), ours.pss <= c.most}}
		h.add(r)
		if c.programs == h.crowd {
			if err := h.addIdle(ours); err != nil {
				return err
			}
		}
	}
	return nil
}

// addIdle compares with the original at the smaller number: it polls, and
// what it does for each child grows with their number.
func (h *harness) addIdle(ours state) error {
	cpu := row{what: fmt.Sprintf("idle CPU, %d quiet children", h.crowd), unit: "%", ours: sample{ours.cpu}}
	wake := row{what: fmt.Sprintf("idle wake-ups, %d quiet children", h.crowd), unit: "/min", ours: sample{ours.wakes}}
	cpu.checks = []check{{"0.0 %", fmt.Sprintf("%.2f %%", ours.cpu), ours.cpu < 0.05}}
	wake.checks = []check{{fmt.Sprintf("none in %v", h.idle), fmt.Sprintf("%.0f", ours.wakes*h.idle.Minutes()), ours.wakes == 0}}
	if h.original {
		theirs, err := h.look(false, h.programs, true)
		if err != nil {
			return fmt.Errorf("original: %w", err)
		}
		cpu.theirs, wake.theirs = sample{theirs.cpu}, sample{theirs.wakes}
	}
	h.add(cpu)
	h.add(wake)
	return nil
}

// A state is what a quiet daemon is seen to do.
type state struct {
	pss   float64 // MB
	cpu   float64 // % of one core
	wakes float64 // switches of its threads, a minute
}

// look starts a daemon with n quiet children, lets it come to rest, and looks.
func (h *harness) look(ours bool, n int, idle bool) (state, error) {
	var out state
	conf := ""
	if n > 0 {
		conf = quiet("p", n, "")
	}
	s, err := h.boot(ours, conf)
	if err != nil {
		return out, err
	}
	if _, err := s.running(n); err != nil {
		return out, err
	}
	s.client.Close()
	if err := h.pause(h.settle); err != nil {
		return out, err
	}
	if out.pss, err = pss(s.pid()); err != nil {
		return out, err
	}
	if idle {
		before, err := activity(s.pid())
		if err != nil {
			return out, err
		}
		begun := time.Now()
		if err := h.pause(h.idle); err != nil {
			return out, err
		}
		after, err := activity(s.pid())
		if err != nil {
			return out, err
		}
		took := time.Since(begun)
		const tick = 10 * time.Millisecond // USER_HZ is 100
		out.cpu = 100 * float64(time.Duration(after.ticks-before.ticks)*tick) / float64(took)
		out.wakes = float64(after.switches-before.switches) / took.Minutes()
	}
	if up, err := s.up(); err != nil || up != n {
		return out, fmt.Errorf("%d programs are RUNNING at the end, want %d: %v", up, n, err)
	}
	_, err = s.stop()
	return out, err
}

// pss is what a process holds, its share of what it shares with others, in MB.
func pss(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		if f := strings.Fields(lines.Text()); len(f) > 1 && f[0] == "Pss:" {
			kb, err := strconv.Atoi(f[1])
			return float64(kb) * 1024 / 1e6, err
		}
	}
	return 0, fmt.Errorf("no Pss of process %d", pid)
}

// A usage is what a process has done since it began.
type usage struct {
	ticks    int // of processor time
	switches int // times a thread of it went to sleep or was made to wait
}

func activity(pid int) (usage, error) {
	var u usage
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, err
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	f := strings.Fields(rest)
	const utime, stime = 11, 12 // counted from the state, which follows the name
	for _, i := range []int{utime, stime} {
		n, err := strconv.Atoi(f[i])
		if err != nil {
			return u, err
		}
		u.ticks += n
	}
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	for _, file := range files {
		text, _ := os.ReadFile(file) // a thread may have ended
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) == 2 && strings.HasSuffix(f[0], "ctxt_switches:") {
				n, _ := strconv.Atoi(f[1])
				u.switches += n
			}
		}
	}
	return u, err
}
