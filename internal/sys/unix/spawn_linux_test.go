package unix

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"example.org/twiddler/internal/sys"
)

// cat shows what a program that is not written in Go finds at its start; the
// Go runtime would have changed handlers and limits by then.
func cat(t testing.TB, file string) *sys.Child {
	t.Helper()
	path, argv, err := New(Options{}).Resolve("cat "+file, "")
	if err != nil {
		t.Skip(err)
	}
	return &sys.Child{Name: "cat", File: path, Argv: argv, Umask: -1, Socket: -1}
}

func TestSignalDispositions(t *testing.T) {
	t.Parallel()
	out, _ := theWorld().run(t, cat(t, "/proc/self/status"))
	field := func(name string) (mask uint64) {
		m := regexp.MustCompile(name + `:\s*([0-9a-f]+)`).FindStringSubmatch(out)
		if m == nil {
			t.Fatalf("no %s in %q", name, out)
		}
		fmt.Sscanf(m[1], "%x", &mask)
		return mask
	}
	want := uint64(1)<<(syscall.SIGPIPE-1) | uint64(1)<<(syscall.SIGXFSZ-1)
	// What the tests themselves were started with stays, as under nohup.
	var inherited uint64
	own, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	if m := regexp.MustCompile(`SigIgn:\s*([0-9a-f]+)`).FindSubmatch(own); m != nil {
		fmt.Sscanf(string(m[1]), "%x", &inherited)
	}
	if got := field("SigIgn"); got&^inherited != want&^inherited || got&want != want {
		t.Errorf("SigIgn = %x, want %x beside %x", got, want, inherited)
	}
	if got := field("SigBlk"); got != 0 {
		t.Errorf("SigBlk = %x, want 0", got)
	}
	if got := field("SigCgt"); got != 0 {
		t.Errorf("SigCgt = %x, want 0", got)
	}
}

// sameLimits starts a child from a process whose soft limit for descriptors
// is below the hard one. The Go runtime raises the former for itself and must
// give the child what was there before.
func sameLimits(s *System) int {
	const low = 300
	if os.Getenv("AGAIN") == "" {
		var limit syscall.Rlimit
		syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
		limit.Cur = low
		syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
		fmt.Print(syscall.Exec("/proc/self/exe", os.Args, append(os.Environ(), "AGAIN=1")))
		return 1
	}
	path, argv, err := s.Resolve("cat /proc/self/limits", "")
	if err != nil {
		fmt.Print("ok") // nothing to look with
		return 0
	}
	out, err := output(s, &sys.Child{Name: "cat", File: path, Argv: argv, Umask: -1, Socket: -1})
	if err != nil || !regexp.MustCompile(fmt.Sprintf(`Max open files +%d `, low)).MatchString(out) {
		fmt.Print(err, out)
		return 1
	}
	fmt.Print("ok")
	return 0
}

// inherited has descriptors as a careless parent may leave them open.
func inherited(s *System) int {
	for _, fd := range []int{3, 17, 200} {
		if err := syscall.Dup3(0, fd, 0); err != nil {
			fmt.Print(err)
			return 1
		}
	}
	if err := CloseOnExec(); err != nil {
		fmt.Print(err)
		return 1
	}
	if out, err := output(s, child("report")); err != nil || !strings.HasPrefix(out, "fds 0 1 2\n") {
		fmt.Print(err, out)
		return 1
	}
	fmt.Print("ok")
	return 0
}

// output runs c in a process without a reaper.
func output(s *System, c *sys.Child) (string, error) {
	st, err := s.Start(c)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	_, err = io.Copy(&out, os.NewFile(uintptr(st.Stdout), "stdout"))
	return out.String(), err
}

// A subreaper gets the children of its dead children.
func TestSubreaper(t *testing.T) {
	t.Parallel()
	if out, e := theWorld().run(t, child("adopt")); e.Code != 0 {
		t.Errorf("%v: %s", e, out)
	}
}

func adopt() int {
	if err := Subreaper(); err != nil {
		fmt.Print(err)
		return 1
	}
	s := New(Options{})
	notify := s.Notify()
	st, err := s.Start(child("grandchild"))
	if err != nil {
		fmt.Print(err)
		return 1
	}
	codes := map[int]bool{}
	for len(codes) < 2 {
		for _, e := range s.Reap() {
			codes[e.Code] = true
			if e.PID == st.PID { // now the grandchild may end
				syscall.Close(st.Stdin)
			}
		}
		if len(codes) < 2 {
			<-notify
		}
	}
	if !codes[5] || !codes[0] {
		fmt.Print(codes)
		return 1
	}
	return 0
}

// grandchild leaves a child behind that shares its stdin.
func grandchild() int {
	attr := &syscall.ProcAttr{Env: []string{roleVar + "=echo", hurry}, Files: []uintptr{0, 1, 2}}
	if _, err := syscall.ForkExec("/proc/self/exe", os.Args, attr); err != nil {
		return 1
	}
	return 5
}
