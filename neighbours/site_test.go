package neighbours

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.org/twiddler/client"
)

// patience bounds every wait. Nothing waits this long unless it has failed.
const patience = 2 * time.Minute

// base is the configuration all stories start from: a unix socket, and a
// server on TCP that asks for a password.
const base = `[unix_http_server]
file=@DIR@/s.sock
[inet_http_server]
port=127.0.0.1:@PORT@
username=me
password=secret
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://@DIR@/s.sock
[supervisord]
logfile=@DIR@/main.log
pidfile=@DIR@/pid
childlogdir=@DIR@
`

// A site is one daemon, run for one story in a directory of its own. Only the
// story's goroutine may use it.
type site struct {
	*testing.T
	pair
	dir   string
	port  int
	env   []string
	notes []note

	rpc    *client.Client
	exited chan struct{} // closed when the daemon has ended
}

func newSite(t *testing.T, with pair) *site {
	t.Helper()
	// Not t.TempDir: the path of a unix socket has room for some 100 bytes, and
	// logrotate refuses directories that others may write to.
	dir := fmt.Sprintf("/tmp/neighbours%010d", rand.Uint32())
	if err := errors.Join(os.Mkdir(dir, 0o755), os.Chmod(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &site{T: t, pair: with, dir: dir}
	s.port = s.freePort()
	s.env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + dir, "LANG=C.UTF-8", "TZ=UTC"}
	return s
}

// freePort finds a port of the loopback interface that no other site has
// taken. It is below those that the system gives to clients.
func (s *site) freePort() int {
	s.Helper()
	for port := 20000; port < 21000; port++ {
		if os.Mkdir(tool(fmt.Sprintf("port-%d", port)), 0o755) != nil {
			continue
		}
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	s.Fatal("no port is free")
	return 0
}

// path is a path in the site's directory.
func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

// write makes a file in the site's directory; placeholders are replaced.
func (s *site) write(name, text string) {
	s.Helper()
	text = strings.NewReplacer("@DIR@", s.dir, "@PORT@", fmt.Sprint(s.port)).Replace(text)
	if err := os.WriteFile(s.path(name), []byte(text), 0o644); err != nil {
		s.Fatal(err)
	}
}

// read is the content of a file in the site's directory; it may be absent.
func (s *site) read(name string) string {
	text, err := os.ReadFile(s.path(name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.Fatal(err)
	}
	return string(text)
}

// start runs the daemon on base and more until the test ends, and waits until
// the given processes have reached their states.
func (s *site) start(more string, states map[string]string) {
	s.Helper()
	s.write("supervisord.conf", base+more)
	out, err := os.Create(s.path("output"))
	if err != nil {
		s.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(s.daemon, "-n", "-c", s.path("supervisord.conf"))
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.dir, s.env, out, out
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	exited := make(chan struct{})
	s.exited = exited
	go func() { _ = cmd.Wait(); close(exited) }() // ends with the daemon
	s.Cleanup(func() { s.end(cmd.Process) })
	if s.rpc, err = client.New("unix://" + s.path("s.sock")); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(s.rpc.Close)
	for name, state := range states {
		s.reaches(name, state)
	}
}

// end stops the daemon; no story outlives its daemon's children.
func (s *site) end(daemon *os.Process) {
	_ = daemon.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(patience):
		s.Errorf("the daemon does not end\n%s", s.read("main.log"))
		_ = daemon.Kill()
		<-s.exited
	}
}

// reaches waits until a process is in a state.
func (s *site) reaches(name, state string) {
	s.Helper()
	s.until(name+" is "+state, func() bool {
		info, err := s.rpc.GetProcessInfo(s.Context(), name)
		return err == nil && info.StateName == state
	})
}

// until waits for a condition that nobody announces.
func (s *site) until(what string, cond func() bool) {
	s.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !cond() {
		select {
		case <-tick.C:
		case <-s.exited:
			s.Fatalf("the daemon has ended before %s\n%s%s", what, s.read("output"), s.read("main.log"))
		case <-deadline:
			s.Fatalf("waited %v in vain until %s\n%s%s", patience, what, s.read("output"), s.read("main.log"))
		}
	}
}

// run runs a program and returns its exit status and what it wrote.
func (s *site) run(stdin, program string, args ...string) (code int, stdout, stderr string) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), patience)
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

// must is run for a program that has to succeed; it returns the output.
func (s *site) must(program string, args ...string) string {
	s.Helper()
	code, out, diag := s.run("", program, args...)
	if code != 0 {
		s.Fatalf("%s %q exits with %d\n%s%s", program, args, code, out, diag)
	}
	return out
}

// script is the path of a file in testdata.
func (s *site) script(name string) string {
	s.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		s.Fatal(err)
	}
	return path
}

// A volatile is a part of a text that changes from run to run.
type volatile struct {
	pattern *regexp.Regexp
	with    string
}

func volatiles() []volatile {
	return []volatile{
		{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}`), "TIME"},
		{regexp.MustCompile(`pid \d+, uptime \d+:\d\d:\d\d`), "pid P, uptime T"},
		{regexp.MustCompile(`(---[\w.]+-)[a-z0-9_]{8}(\.log)`), "${1}XXXXXXXX$2"},
		{regexp.MustCompile(`: file: \S+ line: \d+`), ": file: F line: N"},
		{regexp.MustCompile(`[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M`), "DATE"},
		{regexp.MustCompile(`("?\b(?:start|stop|now|pid)"?: ?"?)[1-9]\d*`), "${1}N"},
		{regexp.MustCompile(`\b(pid[ :]+)\d+`), "${1}N"},
	}
}

// note records an observation, without what must differ between two runs.
func (s *site) note(label string, text any) {
	normal := fmt.Sprint(text)
	for _, v := range volatiles() {
		normal = v.pattern.ReplaceAllString(normal, v.with)
	}
	normal = strings.NewReplacer(s.dir, "$DIR", s.daemon, "$SUPERVISORD", s.ctl, "$SUPERVISORCTL",
		fmt.Sprint(s.port), "$PORT").Replace(normal)
	s.notes = append(s.notes, note{label, normal})
}

// want records an observation that must also be as given.
func (s *site) want(label, text, want string) {
	s.Helper()
	s.note(label, text)
	if text != want {
		s.Errorf("%s on %s:\n%s\nwant:\n%s", label, s.name, text, want)
	}
}
