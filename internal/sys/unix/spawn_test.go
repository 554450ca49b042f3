//go:build linux

package unix

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"example.org/twiddler/internal/sys"
)

func TestChildFindsItself(t *testing.T) {
	t.Parallel()
	w := theWorld()
	c := child("report")
	c.Env = append(c.Env, "A=1", "B=x y")
	got := w.fields(t, c)
	cwd, _ := os.Getwd()
	for key, want := range map[string]string{
		"fds":  "0 1 2",
		"cwd":  cwd,
		"pgid": got["pid"], // a process group of its own,
		"sid":  strconv.Itoa(sid()),
		"args": "kid arg",
		"env":  roleVar + "=report " + hurry + " A=1 B=x y",
		"ids":  fmt.Sprint(os.Getuid(), " ", os.Geteuid(), " ", os.Getgid(), " ", os.Getegid()),
	} {
		if got[key] != want {
			t.Errorf("%s = %q, want %q", key, got[key], want)
		}
	}
}

func sid() int {
	sid, _, _ := syscall.Syscall(syscall.SYS_GETSID, 0, 0, 0)
	return int(sid)
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	c := child("report")
	c.Dir, _ = filepath.EvalSymlinks(t.TempDir())
	if got := theWorld().fields(t, c)["cwd"]; got != c.Dir {
		t.Errorf("cwd = %q, want %q", got, c.Dir)
	}
}

// Children with several umasks, and none, at the same time.
func TestUmask(t *testing.T) {
	t.Parallel()
	w := theWorld()
	own := w.fields(t, child("report"))["umask"]
	var wg sync.WaitGroup
	for i := range 24 {
		mask := []int{-1, 0o27, 0o77, 0}[i%4]
		wg.Go(func() {
			c := child("report")
			c.Umask = mask
			want := own
			if mask >= 0 {
				want = fmt.Sprintf("%03o", mask)
			}
			if got := w.fields(t, c)["umask"]; got != want {
				t.Errorf("umask = %s, want %s", got, want)
			}
		})
	}
	wg.Wait()
}

// The same where threads cannot have a umask of their own. Not in parallel: it
// changes the umask of this process, in which other tests have a System, too.
func TestUmaskShared(t *testing.T) {
	w := theWorld()
	s := New(Options{})
	s.umasks.unshare = func() error { return syscall.EPERM }
	defer s.Close()
	shared := &world{System: s, exits: w.exits}
	var wg sync.WaitGroup
	for i := range 12 {
		mask := 0o20 + i%2
		wg.Go(func() {
			c := child("report")
			c.Umask = mask
			st, err := shared.Start(c)
			if err != nil {
				t.Error(err)
				return
			}
			out := readAll(t, st.Stdout)
			closeAll([3]int{st.Stdin, st.Stdout, st.Stderr})
			if want := fmt.Sprintf("\numask %03o\n", mask); !strings.Contains(out, want) {
				t.Errorf("got %q, want %q in it", out, want)
			}
			w.exit(t, st.PID)
		})
	}
	wg.Wait()
}

func TestStartAfterClose(t *testing.T) {
	t.Parallel()
	w := theWorld()
	s := New(Options{UmaskThreads: 1})
	s.Close()
	c := child("exit:4")
	c.Umask = 0o22
	st, err := s.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	closeAll([3]int{st.Stdin, st.Stdout, st.Stderr})
	if e := w.exit(t, st.PID); e.Code != 4 {
		t.Errorf("exit = %v, want code 4", e)
	}
}

func TestStdinNeverEnds(t *testing.T) {
	t.Parallel()
	w := theWorld()
	s := w.start(t, child("echo"))
	if _, err := syscall.Write(s.Stdin, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	// More children are born meanwhile: were the pipe's end theirs too,
	// closing ours below would not be the end of it.
	w.start(t, child("echo"))
	dup, _ := unix.FcntlInt(uintptr(s.Stdout), unix.F_DUPFD_CLOEXEC, 0)
	f := os.NewFile(uintptr(dup), "stdout")
	defer f.Close()
	buf := make([]byte, 5)
	if _, err := io.ReadFull(f, buf); err != nil || string(buf) != "hello" {
		t.Fatalf("read %q, %v", buf, err)
	}
	syscall.Close(s.Stdin)
	s.Stdin = -1
	if e := w.exit(t, s.PID); e != (sys.Exit{PID: s.PID}) {
		t.Errorf("exit = %v, want code 0", e)
	}
}

func TestRedirectStderr(t *testing.T) {
	t.Parallel()
	w := theWorld()
	c := child("both")
	c.RedirectStderr = true
	s := w.start(t, c)
	if s.Stderr != -1 {
		t.Errorf("Stderr = %d, want -1", s.Stderr)
	}
	if got := readAll(t, s.Stdout); got != "outerr" {
		t.Errorf("output = %q, want outerr", got)
	}
	w.exit(t, s.PID)
	if s := w.start(t, child("both")); readAll(t, s.Stdout) != "out" || readAll(t, s.Stderr) != "err" {
		t.Error("apart: stdout and stderr are mixed up")
	}
}

func TestSocketAsStdin(t *testing.T) {
	t.Parallel()
	w := theWorld()
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	f, err := ln.(*net.UnixListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c := child("echo") // reading a listening socket is an error: it ends
	c.Socket = int(f.Fd())
	s := w.start(t, c)
	if s.Stdin != -1 {
		t.Errorf("Stdin = %d, want -1", s.Stdin)
	}
	w.exit(t, s.PID)
	if _, err := f.Stat(); err != nil {
		t.Errorf("the caller's socket was closed: %v", err)
	}
}

func TestExits(t *testing.T) {
	t.Parallel()
	w := theWorld()
	if _, e := w.run(t, child("exit:7")); e.Code != 7 || e.Signal != 0 {
		t.Errorf("exit = %v, want code 7", e)
	}
	s := w.start(t, child("echo"))
	if err := w.Signal(s.PID, int(syscall.SIGKILL), true); err != nil {
		t.Fatal(err)
	}
	if e := w.exit(t, s.PID); e.Code != 0 || e.Signal != 9 || e.Core {
		t.Errorf("exit = %v, want signal 9", e)
	}
	if err := w.Signal(s.PID, 0, false); err != syscall.ESRCH {
		t.Errorf("Signal after the end = %v, want ESRCH", err)
	}
}

// Signals that kill(2) would send to many are refused.
func TestSignalNobody(t *testing.T) {
	t.Parallel()
	for _, pid := range []int{1, 0, -1, -5} {
		for _, group := range []bool{false, true} {
			if err := theWorld().Signal(pid, 0, group); err != syscall.ESRCH {
				t.Errorf("Signal(%d, 0, %v) = %v, want ESRCH", pid, group, err)
			}
		}
	}
}

func TestStartErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	script := filepath.Join(dir, "script") // without #!
	if err := os.WriteFile(script, []byte("echo hello\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		set  func(c *sys.Child)
		want string
	}{
		{"no directory", func(c *sys.Child) { c.Dir = "/nope" }, "couldn't chdir to /nope: ENOENT"},
		{"file as directory", func(c *sys.Child) { c.Dir = script }, "couldn't chdir to " + script + ": ENOTDIR"},
		{"no file", func(c *sys.Child) { c.File = "/nope"; c.Argv = []string{"nope"} }, "couldn't exec nope: ENOENT"},
		{"no file in a directory", func(c *sys.Child) { c.File = "/nope"; c.Dir = dir }, "couldn't exec kid: ENOENT"},
		{"directory", func(c *sys.Child) { c.File = dir }, "couldn't exec kid: EACCES"},
		{"script without #!", func(c *sys.Child) { c.File = script }, "couldn't exec kid: ENOEXEC"},
		{"nul", func(c *sys.Child) { c.Env = []string{"A=\x00"} }, "couldn't exec kid: EINVAL"},
		{"too long", func(c *sys.Child) { c.Argv = []string{"kid", strings.Repeat("x", 1<<20)} }, "couldn't exec kid: E2BIG"},
		{"no user", func(c *sys.Child) { c.User = "it's nobody I know" },
			`couldn't setuid to it's nobody I know: Can't find username "it's nobody I know"`},
		{"no uid", func(c *sys.Child) { c.User = "54321987" }, "couldn't setuid to 54321987: Can't find uid 54321987"},
	} {
		c := child("exit:0")
		tt.set(c)
		_, err := theWorld().Start(c)
		e, ok := errors.AsType[*sys.StartError](err)
		if !ok || e.Text != tt.want {
			t.Errorf("%s: Start = %v, want %s", tt.name, err, tt.want)
			continue
		}
		log := "supervisor: " + tt.want + "\nsupervisor: child process was not spawned\n"
		if e.ChildLog != log {
			t.Errorf("%s: ChildLog = %q, want %q", tt.name, e.ChildLog, log)
		}
	}
}

// Nothing is left behind by births, deaths and failures.
func TestNoLeaks(t *testing.T) {
	t.Parallel()
	// In a process of its own: here other tests come and go.
	n := "1000"
	if testing.Short() {
		n = "100"
	}
	c := child("start:cycles:" + n)
	if out, e := theWorld().run(t, c); e.Code != 0 {
		t.Errorf("%v: %s", e, out)
	}
}

func TestNarrowDaemon(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]string{
		"emfile":  "too many open files to spawn 'kid'",
		"nproc":   "Too many processes in process table to spawn 'kid'",
		"limits":  "ok",
		"cloexec": "ok",
	} {
		t.Run(arg, func(t *testing.T) {
			t.Parallel()
			if arg == "nproc" {
				needRoot(t)
			}
			out, e := theWorld().run(t, child("start:"+arg))
			if e.Code != 0 || out != want {
				t.Errorf("%v, %q, want %q", e, out, want)
			}
		})
	}
}

// startIn is a daemon of its own in a child process.
func startIn(arg string) int {
	s := New(Options{})
	arg, n, _ := strings.Cut(arg, ":")
	switch arg {
	case "cycles":
		n, _ := strconv.Atoi(n)
		return cycles(s, n)
	case "emfile":
		syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 7, Max: 7})
	case "nproc": // root is exempt, so as somebody else
		const rlimitNPROC = 6
		if _, _, err := DropPrivileges("nobody"); err != nil {
			fmt.Print(err)
			return 1
		}
		syscall.Setrlimit(rlimitNPROC, &syscall.Rlimit{Cur: 1, Max: 1})
	case "limits":
		return sameLimits(s)
	case "cloexec":
		return inherited(s)
	}
	c := child("exit:0")
	if arg == "unprivileged" {
		c.User = "root"
	}
	if _, err := s.Start(c); err != nil {
		fmt.Print(err)
	}
	return 0
}

// cycles starts and reaps n children, good ones and bad ones.
func cycles(s *System, n int) int {
	notify := s.Notify()
	openFDs() // the first use of a file opens the runtime's own descriptors
	before := openFDs()
	for i := range n {
		c := child("exit:3")
		c.RedirectStderr = i%2 == 0
		if i%10 == 0 {
			c.File = "/nope"
		}
		st, err := s.Start(c)
		if (err != nil) != (i%10 == 0) {
			fmt.Print(err)
			return 1
		}
		if err != nil {
			continue
		}
		closeAll([3]int{st.Stdin, st.Stdout, st.Stderr})
		for exits := s.Reap(); ; exits = s.Reap() {
			if slices.ContainsFunc(exits, func(e sys.Exit) bool { return e.PID == st.PID }) {
				break
			}
			<-notify
		}
	}
	if _, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
		fmt.Print("children are left: ", err)
		return 1
	}
	if after := openFDs(); !slices.Equal(after, before) {
		fmt.Printf("open are %q, before %q", after, before)
		return 1
	}
	return 0
}

// openFDs returns what the pipes and files among the open descriptors lead to.
func openFDs() []string {
	entries, _ := os.ReadDir("/proc/self/fd")
	var links []string
	for _, e := range entries {
		link, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil {
			links = append(links, link)
		}
	}
	slices.Sort(links)
	return links
}

// BenchmarkStart compares Start with the least that has to be done.
func BenchmarkStart(b *testing.B) {
	w := theWorld()
	c := child("exit:0")
	file, err := os.Readlink(c.File)
	if err != nil {
		b.Skip(err)
	}
	if path, _, err := w.Resolve("true", ""); err == nil {
		file = path // shorter than the life of a Go program
	}
	c.File = file
	b.Run("Start", func(b *testing.B) {
		for b.Loop() {
			s, err := w.Start(c)
			if err != nil {
				b.Fatal(err)
			}
			closeAll([3]int{s.Stdin, s.Stdout, s.Stderr})
			w.exit(b, s.PID)
		}
	})
	b.Run("StartUmask", func(b *testing.B) {
		c := *c
		c.Umask = 0o22
		for b.Loop() {
			s, err := w.Start(&c)
			if err != nil {
				b.Fatal(err)
			}
			closeAll([3]int{s.Stdin, s.Stdout, s.Stderr})
			w.exit(b, s.PID)
		}
	})
	b.Run("ForkExec", func(b *testing.B) {
		attr := &syscall.ProcAttr{Env: c.Env, Files: []uintptr{0, 1, 2}}
		for b.Loop() {
			pid, err := syscall.ForkExec(c.File, c.Argv, attr)
			if err != nil {
				b.Fatal(err)
			}
			w.exit(b, pid)
		}
	})
}
