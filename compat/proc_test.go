package compat

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// finish ends a scenario: it stops what still runs and looks for leftovers.
// The original is not judged; what it leaves is only cleaned up.
func (s *stage) finish() {
	s.Helper()
	if s.cmd != nil && !s.gone() {
		if s.subject.ours {
			s.checkIdle(s.cmd.Process.Pid)
		}
		s.signal(syscall.SIGTERM)
		s.wait()
	}
	if s.subject.ours {
		s.until("no child is left behind", func() bool { return len(s.processes()) == 0 })
		if text := s.read("stderr"); strings.Contains(text, "panic:") || strings.Contains(text, "DATA RACE") {
			s.Errorf("the daemon failed:\n%s", text)
		}
	}
}

// clean kills whatever carries the stage's mark and removes its directory.
func (s *stage) clean() {
	s.http.CloseIdleConnections()
	for _, pid := range s.processes() {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	if s.cmd != nil {
		s.cmd.Process.Kill()
		<-s.exited
	}
	if err := os.RemoveAll(s.dir); err != nil {
		s.Errorf("cannot remove the stage: %v", err)
	}
}

// processes returns the pids of the stage's daemon and of all its descendants.
func (s *stage) processes() []int {
	var pids []int
	names, _ := filepath.Glob("/proc/[0-9]*")
	for _, name := range names {
		env, err := os.ReadFile(name + "/environ")
		if err != nil || !slices.Contains(strings.Split(string(env), "\x00"), marker+s.dir) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(name)); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// checkIdle stops all programs of a daemon of ours and fails the test if it
// then still has a child, dead or alive, or a child's log or pipe.
func (s *stage) checkIdle(pid int) {
	s.Helper()
	if _, err := s.post("supervisor.stopAllProcesses"); err != nil {
		return // a scenario without an open server, or one that is shutting down
	}
	s.until("the daemon has no child", func() bool { return len(children(pid)) == 0 })
	s.until("the daemon has closed all logs of its children", func() bool {
		return len(s.logsOpen(pid)) == 0
	})
}

// children returns the direct children of a process, zombies included.
func children(pid int) []string {
	var out []string
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		out = append(out, strings.Fields(string(text))...)
	}
	return out
}

// descriptors returns what a process has open.
func descriptors(pid int) []string {
	var out []string
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil {
			out = append(out, target)
		}
	}
	return out
}

// logsOpen returns the descriptors into the stage's directory that an idle
// daemon has no use for.
func (s *stage) logsOpen(pid int) []string {
	return slices.DeleteFunc(descriptors(pid), func(target string) bool {
		name, inside := strings.CutPrefix(target, s.dir+"/")
		return !inside || slices.Contains([]string{"main.log", "flag.log", "stdout", "stderr"}, strings.TrimSuffix(name, " (deleted)"))
	})
}
