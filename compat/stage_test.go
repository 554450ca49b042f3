package compat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait. Nothing waits this long unless it has failed.
const patience = 90 * time.Second

// marker is in the environment of a stage's daemon and so of all its children.
const marker = "TWIDDLER_STAGE="

// base is the configuration most scenarios start from. It ends in its
// [supervisord] section so that a scenario can go on there.
const base = `[unix_http_server]
file=@DIR@/s.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://@DIR@/s.sock
[supervisord]
logfile=@DIR@/main.log
pidfile=@DIR@/pid
childlogdir=@DIR@/child
`

// inet is one more server, on a free port of the loopback interface.
const inet = `[inet_http_server]
port=127.0.0.1:@PORT@
`

// A stage is one daemon, run for one scenario in a directory of its own.
// Only the scenario's goroutine may use it.
type stage struct {
	*testing.T
	subject subject
	dir     string
	port    int
	env     []string
	piped   bool     // the daemon's standard output is to be a pipe
	prefix  []string // a command that runs the daemon; it must become it by exec
	notes   []note

	cmd    *exec.Cmd
	exited chan struct{} // closed when cmd has ended
	http   *http.Client
}

func newStage(t *testing.T, on subject) *stage {
	t.Helper()
	// Not t.TempDir: the path of a unix socket has room for some 100 bytes, and
	// sizes of files that hold the path must not depend on the run.
	dir := fmt.Sprintf("/tmp/compat%010d", rand.Uint32())
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := &stage{T: t, subject: on, dir: dir}
	t.Cleanup(s.clean)
	for _, d := range []string{dir, s.path("child")} {
		if err := errors.Join(os.MkdirAll(d, 0o755), os.Chmod(d, 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	s.env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + dir, "LANG=C.UTF-8", "TZ=UTC", marker + dir}
	s.http = &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", s.path("s.sock"))
		},
	}}
	return s
}

// path is a path in the stage's directory.
func (s *stage) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

// fill replaces the placeholders of a configuration.
func (s *stage) fill(text string) string {
	s.Helper()
	if s.port == 0 && strings.Contains(text, "@PORT@") {
		s.port = s.freePort()
	}
	return strings.NewReplacer("@DIR@", s.dir, "@PORT@", fmt.Sprint(s.port), "@CHILD@", tool("child")).Replace(text)
}

// freePort finds a port that nobody uses and no other stage has taken. It is
// below those that the system gives to clients.
func (s *stage) freePort() int {
	s.Helper()
	for port := 21000; port < 32000; port++ {
		if os.Mkdir(tool(fmt.Sprintf("port-%d", port)), 0o755) != nil {
			continue
		}
		if l, err := net.Listen("tcp", fmt.Sprintf(":%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	s.Fatal("no port is free")
	return 0
}

// write makes a file in the stage's directory; placeholders are replaced.
func (s *stage) write(name, text string) {
	s.Helper()
	if err := os.MkdirAll(filepath.Dir(s.path(name)), 0o755); err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(s.path(name), []byte(s.fill(text)), 0o644); err != nil {
		s.Fatal(err)
	}
}

// read is the content of a file in the stage's directory, or why there is none.
func (s *stage) read(name string) string {
	text, err := os.ReadFile(s.path(name))
	if errors.Is(err, os.ErrNotExist) {
		return "(no file)"
	}
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// start runs the daemon in the foreground on a configuration and waits until
// it answers on its unix socket.
func (s *stage) start(conf string, args ...string) {
	s.Helper()
	s.write("supervisord.conf", conf)
	s.launch(append([]string{"-n", "-c", s.path("supervisord.conf")}, args...)...)
	s.ready()
}

// launch runs the daemon with the given arguments and does not wait.
func (s *stage) launch(args ...string) {
	s.Helper()
	out, err1 := os.OpenFile(s.path("stdout"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	diag, err2 := os.OpenFile(s.path("stderr"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err := errors.Join(err1, err2); err != nil {
		s.Fatal(err)
	}
	defer out.Close()
	defer diag.Close()
	if s.piped {
		out = s.pipeTo(out)
		defer out.Close()
	}
	words := append(append(slices.Clone(s.prefix), s.subject.daemon), args...)
	s.cmd = exec.Command(words[0], words[1:]...)
	s.cmd.Dir, s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = s.dir, s.env, out, diag
	if err := s.cmd.Start(); err != nil {
		s.Fatal(err)
	}
	// Ends with the daemon, which clean kills at the latest.
	exited, cmd := make(chan struct{}), s.cmd
	s.exited = exited
	go func() { cmd.Wait(); close(exited) }()
}

// pipeTo returns the write end of a pipe that is copied to a file.
func (s *stage) pipeTo(file *os.File) *os.File {
	s.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		s.Fatal(err)
	}
	to, err := os.OpenFile(file.Name(), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		s.Fatal(err)
	}
	// Ends when the daemon and its children have closed the pipe.
	go func() { io.Copy(to, r); to.Close(); r.Close() }()
	return w
}

// ready waits until the daemon answers.
func (s *stage) ready() {
	s.Helper()
	s.until("the daemon answers", func() bool {
		if s.gone() {
			s.Fatalf("the daemon ended: %s\nstderr:\n%s\nmain log:\n%s", s.cmd.ProcessState, s.read("stderr"), s.read("main.log"))
		}
		_, err := s.post("system.listMethods")
		return err == nil
	})
}

// gone reports whether the daemon has ended.
func (s *stage) gone() bool {
	select {
	case <-s.exited:
		return true
	default:
		return false
	}
}

// until waits for a condition that nobody announces.
func (s *stage) until(what string, cond func() bool) {
	s.Helper()
	tick := time.NewTicker(15 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			s.Fatalf("waited %v in vain until %s\nstderr:\n%s\nmain log:\n%s", patience, what, s.read("stderr"), s.read("main.log"))
		}
	}
}

// signal sends a signal to the daemon.
func (s *stage) signal(sig syscall.Signal) {
	s.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.Fatal(err)
	}
}

// wait waits for the daemon's end and returns its exit status.
func (s *stage) wait() int {
	s.Helper()
	select {
	case <-s.exited:
	case <-time.After(patience):
		s.Fatalf("the daemon does not end\nmain log:\n%s", s.read("main.log"))
	}
	return s.cmd.ProcessState.ExitCode()
}

// run starts a program, the daemon most of the time, with arguments and
// returns its exit status and what it wrote.
func (s *stage) run(stdin, program string, args ...string) (code int, stdout, stderr string) {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var out, diag bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = s.dir, s.env, strings.NewReader(stdin), &out, &diag
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		s.Fatalf("%s %q does not end: %s%s", program, args, &out, &diag)
	}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		s.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), diag.String()
}

// logLine is a line of the main log; what does not match continues the last.
var logLine = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ([A-Z]{4}) (.*)$`)

// mainLog is the main log without its times, of the lines that match. The
// original's remarks on its own descriptors are left out: they name objects of
// its interpreter.
func (s *stage) mainLog(pattern string) string {
	keep := regexp.MustCompile(pattern)
	var out []string
	for line := range strings.Lines(s.read("main.log")) {
		line = strings.TrimSuffix(line, "\n")
		if keep.MatchString(line) && !strings.Contains(line, "stopped monitoring") {
			out = append(out, logLine.ReplaceAllString(line, "$1 $2"))
		}
	}
	return strings.Join(out, "\n")
}

// finalLog is mainLog once nothing has been added for a while: ours answers a
// client before the line about it is in the file.
func (s *stage) finalLog(pattern string) string {
	s.Helper()
	text, quiet := s.read("main.log"), 0
	s.until("the main log is calm", func() bool {
		if now := s.read("main.log"); now != text {
			text, quiet = now, 0
		}
		quiet++
		return quiet > 8
	})
	return s.mainLog(pattern)
}

// times is how many lines of the main log match.
func (s *stage) times(pattern string) int {
	text := s.mainLog(pattern)
	if text == "" {
		return 0
	}
	return strings.Count(text, "\n") + 1
}

// logged waits until the main log has a line that matches.
func (s *stage) logged(pattern string) {
	s.Helper()
	s.until("the main log has "+pattern, func() bool { return s.mainLog(pattern) != "" })
}

// content waits until a file in the stage's directory contains a text.
func (s *stage) content(name, text string) {
	s.Helper()
	s.until(name+" contains "+text, func() bool { return strings.Contains(s.read(name), text) })
}
