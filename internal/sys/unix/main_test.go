//go:build linux

package unix

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"example.org/twiddler/internal/sys"
)

// These tests need a /proc, so they run on Linux only.

// roleVar turns the test binary into one of the children of this package's
// tests.
const roleVar = "UNIX_TEST_ROLE"

// hurry keeps the race detector from waiting a second at the end of a child.
const hurry = "GORACE=atexit_sleep_ms=0"

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "getent" {
		os.Exit(fakeGetent(os.Args[1:]))
	}
	if role := os.Getenv(roleVar); role != "" {
		os.Exit(play(role))
	}
	IgnoreSignals()
	if err := CloseOnExec(); err != nil { // of whoever runs the tests
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// play is the life of a child.
func play(role string) int {
	role, arg, _ := strings.Cut(role, ":")
	switch role {
	case "exit":
		code, _ := strconv.Atoi(arg)
		return code
	case "report":
		return report()
	case "echo": // lives until its stdin ends
		io.Copy(os.Stdout, os.Stdin)
		return 0
	case "both":
		fmt.Fprint(os.Stdout, "out")
		fmt.Fprint(os.Stderr, "err")
		return 0
	case "adopt":
		return adopt()
	case "grandchild":
		return grandchild()
	case "drop":
		return drop(arg)
	case "start": // as a daemon with few rights and little room
		return startIn(arg)
	}
	return 99
}

// report prints what a child finds itself with, one "key value" a line.
func report() int {
	dir, err := syscall.Open("/proc/self/fd", syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return 1
	}
	buf := make([]byte, 8192)
	n, err := syscall.ReadDirent(dir, buf)
	if err != nil {
		return 1
	}
	_, _, names := syscall.ParseDirent(buf[:n], -1, nil)
	// What has the flag did not come through exec: the runtime opened it.
	names = slices.DeleteFunc(names, func(s string) bool {
		fd, _ := strconv.Atoi(s)
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		return err != nil || flags&unix.FD_CLOEXEC != 0
	})
	slices.Sort(names)
	cwd, _ := os.Getwd()
	groups, _ := os.Getgroups()
	slices.Sort(groups)
	sid, _, _ := syscall.Syscall(syscall.SYS_GETSID, 0, 0, 0)
	fmt.Println("fds", strings.Join(names, " "))
	fmt.Println("cwd", cwd)
	fmt.Printf("umask %03o\n", syscall.Umask(0))
	fmt.Println("pid", os.Getpid())
	fmt.Println("pgid", syscall.Getpgrp())
	fmt.Println("sid", sid)
	fmt.Println("ids", os.Getuid(), os.Geteuid(), os.Getgid(), os.Getegid())
	fmt.Println("groups", strings.Trim(fmt.Sprint(groups), "[]"))
	fmt.Println("args", strings.Join(os.Args, " "))
	fmt.Println("env", strings.Join(os.Environ(), " "))
	return 0
}

// world is the part of a supervisor that these tests need: the one System of
// this process and the one goroutine that reaps.
type world struct {
	*System
	mu    sync.Mutex
	exits map[int]sys.Exit // not yet asked for
	wake  chan struct{}    // closed and replaced after each reaping
}

var theWorld = sync.OnceValue(func() *world {
	w := &world{System: New(Options{}), exits: map[int]sys.Exit{}, wake: make(chan struct{})}
	notify := w.Notify()
	go func() { // to the end of the tests
		for range notify {
			w.mu.Lock()
			for _, e := range w.Reap() {
				w.exits[e.PID] = e
			}
			close(w.wake)
			w.wake = make(chan struct{})
			w.mu.Unlock()
		}
	}()
	return w
})

// exit waits for the end of a child.
func (w *world) exit(t testing.TB, pid int) sys.Exit {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		w.mu.Lock()
		e, ok := w.exits[pid]
		delete(w.exits, pid)
		wake := w.wake
		w.mu.Unlock()
		if ok {
			return e
		}
		select {
		case <-wake:
		case <-timeout:
			t.Fatalf("child %d has not ended", pid)
		}
	}
}

// child is a run of the test binary in a role.
func child(role string) *sys.Child {
	return &sys.Child{
		Name:   "kid",
		File:   "/proc/self/exe", // users other than root cannot enter go test's directory
		Argv:   []string{"kid", "arg"},
		Env:    []string{roleVar + "=" + role, hurry},
		Umask:  -1,
		Socket: -1,
	}
}

// start starts c; the descriptors in its answer are closed with the test.
func (w *world) start(t testing.TB, c *sys.Child) *sys.Started {
	t.Helper()
	s, err := w.Start(c)
	if err != nil {
		t.Fatalf("Start(%v) = %v", c, err)
	}
	t.Cleanup(func() { closeAll([3]int{s.Stdin, s.Stdout, s.Stderr}) })
	return &s
}

// run starts c and returns what it wrote, stderr after stdout.
func (w *world) run(t testing.TB, c *sys.Child) (string, sys.Exit) {
	t.Helper()
	s := w.start(t, c)
	out := readAll(t, s.Stdout) + readAll(t, s.Stderr)
	return out, w.exit(t, s.PID)
}

// readAll reads to the end; -1 has nothing to read.
func readAll(t testing.TB, fd int) string {
	t.Helper()
	if fd < 0 {
		return ""
	}
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(dup), "pipe") // non-blocking: reads wait in the poller
	defer f.Close()
	var out bytes.Buffer
	if _, err := out.ReadFrom(f); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// fields runs the report role and returns its lines by key.
func (w *world) fields(t testing.TB, c *sys.Child) map[string]string {
	t.Helper()
	out, e := w.run(t, c)
	if e.Code != 0 || e.Signal != 0 {
		t.Fatalf("report ended with %v: %s", e, out)
	}
	m := map[string]string{}
	for line := range strings.Lines(out) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		m[key] = value
	}
	return m
}

func needRoot(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
}
