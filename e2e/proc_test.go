package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// procFile is a file of /proc/PID, "" when the process is gone.
func procFile(pid int, name string) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
	return strings.TrimSpace(string(text))
}

// pids are all processes there are.
func pids() []int {
	entries, _ := os.ReadDir("/proc")
	var all []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			all = append(all, pid)
		}
	}
	return all
}

// processes are those that were started at a site and still run.
func (s *site) processes() []int {
	var found []int
	for _, pid := range pids() {
		env, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if bytes.Contains(append([]byte{0}, env...), []byte("\x00"+marker+s.dir+"\x00")) {
			found = append(found, pid)
		}
	}
	return found
}

// children are the children of a process, those that wait to be reaped
// included.
func children(parent int) []int {
	var found []int
	for _, pid := range pids() {
		stat := procFile(pid, "stat")
		// The name, in parentheses, may hold anything.
		fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
		if len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			found = append(found, pid)
		}
	}
	return found
}

// descriptors are what a process has open.
func descriptors(pid int) []string {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, _ := os.ReadDir(dir)
	var open []string
	for _, e := range entries {
		if target, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil {
			open = append(open, e.Name()+" "+target)
		}
	}
	return open
}

func threads(pid int) int {
	entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	return len(entries)
}

var switchLine = regexp.MustCompile(`voluntary_ctxt_switches:\s*(\d+)`)

// switches is how often the threads of a process have been given or have left
// a processor.
func switches(pid int) (sum int) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	for _, file := range files {
		text, _ := os.ReadFile(file)
		for _, m := range switchLine.FindAllSubmatch(text, -1) {
			n, _ := strconv.Atoi(string(m[1]))
			sum += n
		}
	}
	return sum
}

var residentLine = regexp.MustCompile(`VmRSS:\s*(\d+) kB`)

// resident is the memory of a process, in bytes.
func resident(pid int) int {
	m := residentLine.FindStringSubmatch(procFile(pid, "status"))
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1])
	return n << 10
}
