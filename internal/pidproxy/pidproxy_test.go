package pidproxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// role is the variable that makes the test binary one of the processes of a
// test: the proxy, the command it runs, or the server that has the pidfile.
const role = "PIDPROXY_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "":
		os.Exit(m.Run())
	case "proxy":
		os.Setenv(role, os.Getenv("PIDPROXY_TEST_COMMAND"))
		os.Exit(Main(os.Args, os.Stdout, os.Stderr))
	case "launcher":
		launch()
	case "server":
		serve()
	case "exit":
		n, err := strconv.Atoi(os.Args[1])
		if err != nil {
			os.Exit(99)
		}
		os.Exit(n)
	case "die":
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

// launch is a command like mysqld_safe: it runs a server, ends when that does,
// and says which signals it got itself.
func launch() {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP)
	server := exec.Command(os.Args[0], os.Args[1:]...)
	server.Env = append(os.Environ(), role+"=server")
	server.Stdout = os.Stdout
	if err := server.Start(); err != nil {
		os.Exit(99)
	}
	exited := make(chan error, 1)
	go func() { exited <- server.Wait() }()
	for {
		select {
		case sig := <-signals:
			fmt.Println("launcher:", sig)
		case <-exited:
			fmt.Println("launcher: server ended")
			os.Exit(7)
		}
	}
}

// serve writes its pid to the file of the first argument and says which
// signals it gets. It takes a while to end after a signal that asks for it.
func serve() {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals)
	err := os.WriteFile(os.Args[1], []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600)
	if err != nil {
		os.Exit(99)
	}
	fmt.Println("server: up")
	for sig := range signals {
		switch sig {
		case syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT:
			<-time.After(300 * time.Millisecond) // the work of stopping, not a wait for anything
			fmt.Println("server: stopped by", sig)
			os.Exit(0)
		case syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2:
			fmt.Println("server:", sig)
		}
	}
}

// A run is a proxy in a process of its own.
type run struct {
	t       *testing.T
	cmd     *exec.Cmd
	lines   chan string // of its output, closed at the end
	stderr  string      // file with its errors
	pidfile string
}

// proxied starts a proxy around the test binary in a role.
func proxied(t *testing.T, command string, args ...string) *run {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := &run{t: t, pidfile: filepath.Join(t.TempDir(), "pid")}
	if len(args) == 0 {
		args = []string{r.pidfile}
	}
	r.start(exec.Command(self, append([]string{r.pidfile, self}, args...)...),
		role+"=proxy", "PIDPROXY_TEST_COMMAND="+command)
	return r
}

// start runs a command and collects its lines.
func (r *run) start(cmd *exec.Cmd, environ ...string) {
	r.t.Helper()
	r.cmd, r.lines = cmd, make(chan string, 100)
	out, w, err := os.Pipe()
	if err != nil {
		r.t.Fatal(err)
	}
	// A group of its own, so that nothing is left of a test that fails.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Env = append(os.Environ(), environ...)
	// Files, since whoever outlives the proxy would keep a pipe open.
	r.stderr = filepath.Join(r.t.TempDir(), "stderr")
	stderr, err := os.Create(r.stderr)
	if err != nil {
		r.t.Fatal(err)
	}
	defer stderr.Close()
	cmd.Stdout, cmd.Stderr = w, stderr
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	w.Close()
	go func() {
		defer close(r.lines)
		defer out.Close()
		var text []byte
		for buf := make([]byte, 1024); ; {
			n, err := out.Read(buf)
			text = append(text, buf[:n]...)
			for line, rest, ok := bytes.Cut(text, []byte("\n")); ok; line, rest, ok = bytes.Cut(text, []byte("\n")) {
				r.lines <- string(line)
				text = rest
			}
			if err != nil {
				return
			}
		}
	}()
	r.t.Cleanup(func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
}

// expect waits for a line of output.
func (r *run) expect(want string) {
	r.t.Helper()
	for late := time.After(20 * time.Second); ; {
		select {
		case line, ok := <-r.lines:
			if !ok {
				r.t.Fatalf("output ended without %q; errors: %s", want, r.errors())
			}
			if line == want {
				return
			}
		case <-late:
			r.t.Fatalf("no line %q", want)
		}
	}
}

func (r *run) errors() string {
	text, err := os.ReadFile(r.stderr)
	if err != nil {
		r.t.Error(err)
	}
	return string(text)
}

func (r *run) signal(sig syscall.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(sig); err != nil {
		r.t.Fatal(err)
	}
}

// status waits for the end and returns the exit status.
func (r *run) status() int {
	r.t.Helper()
	err := r.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.t.Fatal(err)
	}
	return r.cmd.ProcessState.ExitCode()
}

func TestForward(t *testing.T) {
	t.Parallel()
	r := proxied(t, "launcher")
	r.expect("server: up")
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2} {
		r.signal(sig)
		r.expect("server: " + sig.String())
	}
	r.signal(syscall.SIGTERM)
	if got := r.status(); got != 0 {
		t.Errorf("status after a stop is %d, want 0", got)
	}
	// The proxy has ended, so all of this must have been written already.
	r.expect("server: stopped by terminated")
	r.expect("launcher: server ended")
}

func TestStopSignals(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			r := proxied(t, "server")
			r.expect("server: up")
			r.signal(sig)
			if got := r.status(); got != 0 {
				t.Errorf("status = %d, want 0", got)
			}
			r.expect("server: stopped by " + sig.String())
		})
	}
}

func TestStatusOfCommand(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		command, arg string
		want         int
	}{
		{"exit", "0", 0},
		{"exit", "3", 3},
		{"die", "x", 128 + 9},
	} {
		before := time.Now()
		r := proxied(t, test.command, test.arg)
		if got := r.status(); got != test.want {
			t.Errorf("%s %s: status = %d, want %d", test.command, test.arg, got, test.want)
		}
		if took := time.Since(before); took > 4*time.Second {
			t.Errorf("%s %s: noticed after %v", test.command, test.arg, took)
		}
	}
}

// TestNoPidfile stops a command that has not written its pidfile.
func TestNoPidfile(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"none": "", "garbage": "abc\n", "a group": "-1\n", "dead": "4194305\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			other := filepath.Join(t.TempDir(), "other")
			r := proxied(t, "server", other)
			r.expect("server: up")
			want := "Can't read child pidfile " + r.pidfile + "!"
			if text != "" {
				if err := os.WriteFile(r.pidfile, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			r.signal(syscall.SIGHUP) // goes nowhere: the command may not expect it
			if name != "dead" {
				r.expect(want)
			}
			r.signal(syscall.SIGTERM)
			r.expect("server: stopped by terminated")
			if got := r.status(); got != 0 {
				t.Errorf("status = %d, want 0", got)
			}
			if name == "dead" && !strings.Contains(r.errors(), "cannot signal process 4194305") {
				t.Errorf("errors are %q", r.errors())
			}
		})
	}
}

// TestLingering has a command that does not end with its server.
func TestLingering(t *testing.T) {
	t.Parallel()
	server := exec.Command(os.Args[0], filepath.Join(t.TempDir(), "pid"))
	server.Env = append(os.Environ(), role+"=server")
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Process.Kill() })
	if _, err := io.ReadFull(out, make([]byte, len("server: up\n"))); err != nil {
		t.Fatal(err)
	}
	r := proxied(t, "server", filepath.Join(t.TempDir(), "other"))
	r.expect("server: up")
	if err := os.WriteFile(r.pidfile, fmt.Appendln(nil, server.Process.Pid), 0o600); err != nil {
		t.Fatal(err)
	}
	r.signal(syscall.SIGTERM)
	if got := r.status(); got != 0 {
		t.Errorf("status = %d, want 0", got)
	}
	if err := server.Wait(); err != nil {
		t.Errorf("the process of the pidfile: %v", err)
	}
}

func TestCannotStart(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for command, want := range map[string]int{
		filepath.Join(dir, "none"): 127,
		"no-such-command-anywhere": 127,
		plain:                      126,
		dir:                        126,
	} {
		stderr.Reset()
		if got := Main([]string{"pidproxy", "pid", command}, &stdout, &stderr); got != want {
			t.Errorf("%s: status = %d, want %d", command, got, want)
		}
		if want := fmt.Sprintf("pidproxy: cannot start %q: ", command); !strings.HasPrefix(stderr.String(), want) {
			t.Errorf("errors are %q, want %q and a reason", stderr.String(), want)
		}
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, argv := range [][]string{nil, {"x/pidproxy"}, {"x/pidproxy", "pid"}} {
		var stdout, stderr bytes.Buffer
		if got := Main(argv, &stdout, &stderr); got != 1 {
			t.Errorf("%q: status = %d, want 1", argv, got)
		}
		if !strings.HasPrefix(stdout.String(), "Usage: ") || stderr.Len() > 0 {
			t.Errorf("%q: stdout %q, stderr %q", argv, stdout.String(), stderr.String())
		}
	}
}

func TestReadPid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for text, want := range map[string]int{
		"12":                      12,
		" 12 \n":                  12,
		"12\n/data\n":             12, // postmaster.pid of PostgreSQL
		"+12\n":                   12, // as Python's int
		"":                        0,
		"\n":                      0,
		"x":                       0,
		"1":                       0, // the whole machine's, or a container's
		"0":                       0, // kill(0) is our own group
		"-1":                      0, // all processes
		"-12":                     0, // a group
		strings.Repeat("9", 5000): 0,
		strconv.Itoa(os.Getpid()): 0, // it would be for ever
	} {
		path := filepath.Join(dir, "pid")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readPid(path)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%.20q: %d, %v; want %d", text, got, err, want)
		}
	}
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, dir, filepath.Join(dir, "none")} {
		if got, err := readPid(path); err == nil {
			t.Errorf("%s: %d, want an error", path, got)
		}
	}
}

// TestWatch covers both ways to see the end of a process.
func TestWatch(t *testing.T) {
	t.Parallel()
	for name, watch := range map[string]func(int) <-chan struct{}{"told": watch, "looking": watchByLooking} {
		cmd := exec.Command("/bin/cat")
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		gone := watch(cmd.Process.Pid)
		select {
		case <-gone:
			t.Errorf("%s: gone before its time", name)
		case <-time.After(3 * look):
		}
		in.Close()
		cmd.Wait()
		select {
		case <-gone:
		case <-time.After(10 * time.Second):
			t.Errorf("%s: its end goes unnoticed", name)
		}
	}
}

// TestReference shows that the original does the same where it matters.
func TestReference(t *testing.T) {
	t.Parallel()
	const original = "/usr/bin/pidproxy"
	if _, err := os.Stat(original); err != nil {
		t.Skip("Supervisor is not installed")
	}
	if out, err := exec.Command(original, "pid").Output(); err == nil || err.Error() != "exit status 1" || len(out) == 0 {
		t.Errorf("usage of the original: %v, %q", err, out)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := &run{t: t, pidfile: filepath.Join(t.TempDir(), "pid")}
	r.start(exec.Command(original, r.pidfile, self, r.pidfile), role+"=launcher")
	r.expect("server: up")
	r.signal(syscall.SIGUSR2)
	r.expect("server: user defined signal 2")
	r.signal(syscall.SIGTERM)
	if got := r.status(); got != 0 {
		t.Errorf("status of the original after a stop: %d", got)
	}
	r.expect("server: stopped by terminated")
}
