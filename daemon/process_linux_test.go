package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"example.org/twiddler/internal/config"
)

// What changes a whole process is tested in one of its own: the test binary
// is executed again with one test selected, and this variable says what that
// test does.
const actVar = "DAEMON_TEST_ACT"

// TestMain lets the test binary be the copy that startLimit asks.
func TestMain(m *testing.M) {
	if probed() {
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestAct is that test. It is not one otherwise.
func TestAct(t *testing.T) {
	act, arg, _ := strings.Cut(os.Getenv(actVar), ":")
	switch act {
	case "limits":
		os.Exit(actLimits(arg))
	case "daemonize":
		os.Exit(actDaemonize(arg))
	case "memory":
		os.Exit(actMemory())
	}
}

// runAct returns what the act printed on either output. Its exit status is
// not used: a test beside this one may reap any child.
func runAct(t *testing.T, act string, env ...string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, "-test.run=^TestAct$")
	cmd.Env = append(os.Environ(), append(env, actVar+"="+act, "GORACE=atexit_sleep_ms=0")...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Run()
	return out.String()
}

const nobody = 65534

func TestLimits(t *testing.T) {
	t.Parallel()
	var now unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &now); err != nil || now.Max < 8192 {
		t.Skip("needs a hard limit of 8192 descriptors")
	}
	fds, procs := fmt.Sprintf(limitFDs.failure, 5000, 5000), fmt.Sprintf(limitProcs.failure, 100, 100)
	for _, tt := range []struct {
		name string
		script
		want string
	}{
		{"enough", script{Soft: 1024, Hard: 4096, MinFDs: 1024}, "[] <nil> 4095 4096 child 1024 4096"},
		{"equal limits", script{Soft: 4096, Hard: 4096, MinFDs: 1024}, "[] <nil> 4096 4096 child 4096 4096"},
		{"none wanted", script{Soft: 300, Hard: 4096, MinFDs: -1, MinProcs: -1}, "[] <nil> 4095 4096 child 300 4096"},
		{"raise", script{Soft: 256, Hard: 4096, MinFDs: 1024},
			"[Increased RLIMIT_NOFILE limit to 1024] <nil> 4095 4096 child 1024 4096"},
		{"raise processes", script{Soft: 256, Hard: 4096, Procs: 5000, HardProcs: 6000, MinProcs: 6000},
			"[Increased RLIMIT_NPROC limit to 6000] <nil> 4095 4096 child 256 4096"},
		{"raise hard", script{Soft: 256, Hard: 4096, MinFDs: 5000, Mighty: true},
			"[Increased RLIMIT_NOFILE limit to 5000] <nil> 5000 5000 child 5000 5000"},
		{"refused", script{Soft: 256, Hard: 4096, MinFDs: 5000, Nobody: true}, "[] " + fds + " 256 4096"},
		{"refused processes", script{Soft: 256, Hard: 4096, Procs: 50, HardProcs: 50, MinProcs: 100, Nobody: true}, "[] " + procs + " 4095 4096"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.Nobody && os.Getuid() != 0 || tt.Mighty && !mayRaiseHard(t) {
				t.Skip("needs more rights")
			}
			arg, _ := json.Marshal(tt.script)
			if got := runAct(t, "limits:"+string(arg)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// mayRaiseHard reports whether this process has CAP_SYS_RESOURCE, which root
// of a container has not.
func mayRaiseHard(t *testing.T) bool {
	t.Helper()
	m := regexp.MustCompile(`CapEff:\s*([0-9a-f]+)`).FindStringSubmatch(readFile(t, "/proc/self/status"))
	if m == nil {
		t.Fatal("no CapEff in /proc/self/status")
	}
	caps, err := strconv.ParseUint(m[1], 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return caps&(1<<unix.CAP_SYS_RESOURCE) != 0
}

// script is what one process of TestLimits does.
type script struct {
	Soft, Hard       uint64 // descriptors it starts with
	Procs, HardProcs uint64 // processes it starts with, 0 for any number
	MinFDs, MinProcs int
	Nobody           bool // it loses its rights first
	Mighty           bool // it needs the right to raise hard limits
	Stage            int
}

// actLimits sets the limits it is told to, executes itself so that it was
// started with them, raises them, and executes itself once more to see what a
// child would get.
func actLimits(arg string) int {
	var s script
	if err := json.Unmarshal([]byte(arg), &s); err != nil {
		fmt.Print(err)
		return 1
	}
	s.Stage++
	next, _ := json.Marshal(s)
	env := func() []string {
		os.Setenv(actVar, "limits:"+string(next))
		return os.Environ()
	}
	switch s.Stage {
	case 1:
		if s.Procs > 0 {
			unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: s.Procs, Max: s.HardProcs})
		}
		syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: s.Soft, Max: s.Hard})
		fmt.Print(syscall.Exec("/proc/self/exe", os.Args, env()))
		return 1
	case 2:
		if s.Nobody {
			if err := syscall.Setuid(nobody); err != nil {
				fmt.Print(err)
				return 1
			}
		}
		d := &daemon{}
		err := d.raiseLimits(config.Supervisord{MinFDs: s.MinFDs, MinProcs: s.MinProcs})
		fmt.Print(d.raised, " ", err)
		printLimit()
		if err != nil {
			return 2
		}
		fmt.Print(" child")
		attr := &syscall.ProcAttr{Env: env(), Files: []uintptr{0, 1, 2}}
		if pid, err := syscall.ForkExec("/proc/self/exe", os.Args, attr); err == nil {
			exitStatus(pid)
		}
	case 3:
		undoRuntimeLimit()
		printLimit()
	}
	return 0
}

func printLimit() {
	var rl unix.Rlimit
	unix.Getrlimit(unix.RLIMIT_NOFILE, &rl)
	fmt.Print(" ", rl.Cur, " ", rl.Max)
}

// daemonReport is what the daemon of TestDaemonize says about itself once it
// is ready.
type daemonReport struct {
	PID, Session int
	Cmdline      string
	Comm         string
	Stdio        [3]string
	Marker       bool // still in the environment
	Descriptors  []string
}

func TestDaemonize(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	ln.(*net.UnixListener).SetDeadline(time.Now().Add(30 * time.Second))

	// The output ends although the daemon lives: it has let go of it.
	out := runAct(t, "daemonize:"+socket)
	if want := "hello from the daemon\nparent 0 " + selfComm(t) + "\n"; out != want {
		t.Errorf("output = %q, want %q", out, want)
	}
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var got daemonReport
	if err := json.NewDecoder(conn).Decode(&got); err != nil {
		t.Fatal(err)
	}
	self, _ := os.Executable()
	if want := self + "\x00-test.run=^TestAct$\x00"; got.Cmdline != want {
		t.Errorf("command line = %q, want %q", got.Cmdline, want)
	}
	if want := selfComm(t); got.Comm != want {
		t.Errorf("short name = %q, want %q", got.Comm, want)
	}
	if got.PID != got.Session {
		t.Errorf("pid %d in session %d", got.PID, got.Session)
	}
	if want := [3]string{os.DevNull, os.DevNull, os.DevNull}; got.Stdio != want {
		t.Errorf("descriptors lead to %v", got.Stdio)
	}
	if got.Marker {
		t.Error("the marker is still in the environment")
	}
	for _, link := range got.Descriptors {
		if strings.HasPrefix(link, "pipe:") {
			t.Errorf("a pipe is still open: %v", got.Descriptors)
		}
	}
}

// What the daemon says before it is ready reaches the user, and so does its
// exit status.
func TestDaemonizeFails(t *testing.T) {
	t.Parallel()
	for arg, status := range map[string]int{"exit 2": 2, "exit 0": 0, "kill": 128 + 9} {
		out := runAct(t, "daemonize:"+arg)
		want := fmt.Sprintf("hello from the daemon\nparent %d %s\n", status, selfComm(t))
		if out != want {
			t.Errorf("%s: output = %q, want %q", arg, out, want)
		}
	}
}

// A marker that is not from the parent means nothing.
func TestDaemonizeForeignMarker(t *testing.T) {
	t.Parallel()
	out := runAct(t, "daemonize:exit 2", copyVar+"=1:init")
	if !strings.Contains(out, "parent 2 ") {
		t.Errorf("output = %q", out)
	}
}

// selfComm is what the kernel names a run of the test binary.
func selfComm(t *testing.T) string {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(self)
	return name[:min(len(name), 15)]
}

func actDaemonize(arg string) int {
	l, err := Daemonize()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	if l.Parent {
		fmt.Println("parent", l.Status, shortName())
		return l.Status
	}
	fmt.Fprintln(os.Stderr, "hello from the daemon")
	if m := regexp.MustCompile(`^exit (\d)$`).FindStringSubmatch(arg); m != nil {
		status, _ := strconv.Atoi(m[1])
		return status
	}
	if arg == "kill" {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	return reportDaemon(l, arg)
}

func reportDaemon(l *Launch, socket string) int {
	if err := l.Ready(); err != nil {
		return 1
	}
	r := daemonReport{PID: os.Getpid(), Comm: shortName()}
	r.Session, _ = unix.Getsid(0)
	cmdline, _ := os.ReadFile("/proc/self/cmdline")
	r.Cmdline = string(cmdline)
	_, r.Marker = os.LookupEnv(copyVar)
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		link, _ := os.Readlink("/proc/self/fd/" + e.Name())
		if fd, _ := strconv.Atoi(e.Name()); fd < 3 {
			r.Stdio[fd] = link
		} else if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags == 0 {
			continue // inherited from whoever runs the tests
		}
		r.Descriptors = append(r.Descriptors, link)
	}
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return 1
	}
	defer conn.Close()
	if json.NewEncoder(conn).Encode(r) != nil {
		return 1
	}
	return 0
}
