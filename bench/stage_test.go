package bench

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"example.org/twiddler/client"
)

// marker is in the environment of all that the harness starts.
const marker = "TWIDDLER_BENCH="

// profiles says where a daemon built by make profile writes its profile.
const profiles = "TWIDDLER_PROFILES="

// A stage is one daemon in a directory of its own.
type stage struct {
	h      *harness
	ours   bool
	dir    string
	cmd    *exec.Cmd
	begun  time.Time
	ended  chan struct{} // closed when the daemon has been reaped
	client *client.Client
}

// base is the configuration all measurements start from.
const base = `[unix_http_server]
file=@DIR@/s.sock
[supervisorctl]
serverurl=unix://@DIR@/s.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisord]
logfile=@DIR@/main.log
logfile_maxbytes=0
pidfile=@DIR@/pid
childlogdir=@DIR@/child
minfds=@FDS@
`

const twiddlerInterface = `[rpcinterface:twiddler]
supervisor.rpcinterface_factory = supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface
`

// quiet is a program of n processes that do nothing and die at once on TERM.
// Both outputs have a log of their own, as is the default.
func quiet(name string, n int, more string) string {
	return fmt.Sprintf("[program:%s]\ncommand=%s infinity\nnumprocs=%d\nprocess_name=%%(program_name)s_%%(process_num)05d\nstartsecs=0\n%s\n",
		name, sleepPath, n, more)
}

const (
	sleepPath = "/bin/sleep"
	noLogs    = "stdout_logfile=NONE\nstderr_logfile=NONE"
)

// boot starts a daemon on base and more, and returns at once.
func (h *harness) boot(ours bool, more string) (*stage, error) {
	dir, err := h.newDir()
	if err != nil {
		return nil, err
	}
	s := &stage{h: h, ours: ours, dir: dir, ended: make(chan struct{})}
	if ours || h.twiddler {
		more = twiddlerInterface + more
	}
	fds := strconv.Itoa(5*h.crowd + 300)
	if hard := hardLimit(); hard < 5*h.crowd+300 {
		fds = strconv.Itoa(hard)
	}
	conf := strings.NewReplacer("@DIR@", dir, "@FDS@", fds, "@SELF@", h.self).Replace(base + more)
	if err := os.WriteFile(s.conf(), []byte(conf), 0o644); err != nil {
		return nil, err
	}
	path := originalDaemon
	if ours {
		path = h.daemon
	}
	s.cmd = exec.Command(path, "-n", "-s", "-c", s.conf())
	s.cmd.Dir, s.cmd.Env = dir, h.environ()
	diag, err := os.Create(filepath.Join(dir, "stderr"))
	if err != nil {
		return nil, err
	}
	defer diag.Close()
	s.cmd.Stderr = diag
	if s.client, err = client.New("unix://" + s.socket()); err != nil {
		return nil, err
	}
	s.begun = time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	// Ends with the daemon, which killMarked kills at the latest.
	go func() { _ = s.cmd.Wait(); close(s.ended) }()
	return s, nil
}

// up starts a daemon and waits until it answers.
func (h *harness) up(ours bool, more string) (*stage, error) {
	s, err := h.boot(ours, more)
	if err != nil {
		return nil, err
	}
	return s, s.answers()
}

func (s *stage) answers() error {
	return s.h.until("the daemon answers", 10*time.Millisecond, func() (bool, error) {
		select {
		case <-s.ended:
			text, _ := os.ReadFile(filepath.Join(s.dir, "stderr"))
			return false, fmt.Errorf("the daemon ended: %v\n%s", s.cmd.ProcessState, text)
		default:
		}
		_, err := s.client.GetState(s.h.ctx)
		return err == nil, nil
	})
}

func (h *harness) environ() []string {
	return []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + h.dir, "LANG=C.UTF-8", marker + h.dir,
		profiles + os.Getenv(strings.TrimSuffix(profiles, "="))}
}

func (s *stage) conf() string   { return filepath.Join(s.dir, "supervisord.conf") }
func (s *stage) socket() string { return filepath.Join(s.dir, "s.sock") }
func (s *stage) pid() int       { return s.cmd.Process.Pid }

// running waits until n children exist and all n programs are RUNNING, and
// returns when that was. Who asks for states every few milliseconds measures
// the answers, so the children are counted first.
func (s *stage) running(n int) (time.Time, error) {
	var when time.Time
	err := s.h.until(fmt.Sprintf("%d children run", n), 3*time.Millisecond, func() (bool, error) {
		when = time.Now()
		return len(children(s.pid())) >= n, nil
	})
	if err == nil {
		err = s.answers()
	}
	if err != nil {
		return when, err
	}
	first := true
	return when, s.h.until(fmt.Sprintf("%d programs are RUNNING", n), 10*time.Millisecond, func() (bool, error) {
		if !first {
			when = time.Now()
		}
		first = false
		up, err := s.up()
		return up == n, err
	})
}

// up is how many programs are RUNNING.
func (s *stage) up() (int, error) {
	all, err := s.client.GetAllProcessInfo(s.h.ctx)
	n := 0
	for _, p := range all {
		if p.StateName == "RUNNING" {
			n++
		}
	}
	return n, err
}

// stop ends the daemon by SIGTERM, and returns how long that took. It is an
// error if the daemon fails or leaves a child behind.
func (s *stage) stop() (time.Duration, error) {
	s.client.Close()
	left := children(s.pid())
	begun := time.Now()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	select {
	case <-s.ended:
	case <-time.After(90 * time.Second):
		return 0, errors.New("the daemon does not end")
	}
	took := time.Since(begun)
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		return 0, fmt.Errorf("the daemon ended: %v", s.cmd.ProcessState)
	}
	for _, pid := range left {
		if err := syscall.Kill(pid, 0); err == nil && isMarked(strconv.Itoa(pid), s.h.dir) {
			return 0, fmt.Errorf("child %d was left behind", pid)
		}
	}
	return took, nil
}

// children returns the direct children of a process, zombies included.
func children(pid int) []int {
	var out []int
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, f := range bytes.Fields(text) {
			if pid, err := strconv.Atoi(string(f)); err == nil {
				out = append(out, pid)
			}
		}
	}
	return out
}

// isMarked reports whether a process was started by the harness of dir.
func isMarked(pid, dir string) bool {
	env, err := os.ReadFile("/proc/" + pid + "/environ")
	return err == nil && bytes.Contains(append([]byte{0}, env...), []byte("\x00"+marker+dir+"\x00"))
}

// killMarked kills all that the harness of dir has started, daemons first, so
// that nothing is started again meanwhile.
func killMarked(dir string) {
	for range 5 { // what was being started as we looked is found next time
		found := false
		names, _ := filepath.Glob("/proc/[0-9]*")
		for _, name := range names {
			pid := filepath.Base(name)
			if isMarked(pid, dir) {
				n, _ := strconv.Atoi(pid)
				found = syscall.Kill(n, syscall.SIGKILL) == nil || found
			}
		}
		if !found {
			return
		}
	}
}

// hardLimit is how many descriptors a daemon may be allowed.
func hardLimit() int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 1024
	}
	return int(min(l.Max, 1<<20))
}
