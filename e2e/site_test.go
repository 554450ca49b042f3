package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.org/twiddler/client"
)

// patience bounds every wait. Nothing waits this long unless it has failed.
const patience = 60 * time.Second

// marker is in the environment of a site's daemon and so of all its children.
const marker = "TWIDDLER_SITE="

// base is what most configurations begin with. It ends in [supervisord].
const base = `[unix_http_server]
file=@DIR@/s.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[rpcinterface:twiddler]
supervisor.rpcinterface_factory = supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface
[group:g]
programs=
[supervisord]
logfile=@DIR@/main.log
pidfile=@DIR@/pid
childlogdir=@DIR@/child
`

// A site is a directory with a configuration, and the daemons that are run on
// it, one at a time. Only the test's goroutine may use it.
type site struct {
	*testing.T
	dir  string
	port int

	cmd    *exec.Cmd
	exited chan struct{} // closed when cmd has ended
	client *client.Client
}

func newSite(t *testing.T) *site {
	t.Helper()
	// Not t.TempDir: the path of a unix socket has room for some 100 bytes.
	dir, err := os.MkdirTemp("", "e2e-")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{T: t, dir: dir}
	t.Cleanup(s.clean)
	if err := os.Mkdir(s.path("child"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.connect("s.sock")
	return s
}

// connect makes the site's client one of the unix socket at a path.
func (s *site) connect(socket string) {
	s.Helper()
	c, err := client.New("unix://" + s.path(socket))
	if err != nil {
		s.Fatal(err)
	}
	s.client = c
}

// clean ends what still runs. A test that has not failed must have left
// nothing to end but the daemon.
func (s *site) clean() {
	s.client.Close()
	if s.cmd != nil && !s.gone() {
		s.cmd.Process.Signal(syscall.SIGTERM)
		s.wait()
	}
	for _, pid := range s.processes() {
		s.Errorf("process %d (%s) was left behind", pid, procFile(pid, "comm"))
		syscall.Kill(pid, syscall.SIGKILL)
	}
	os.RemoveAll(s.dir)
}

func (s *site) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

// fill replaces the placeholders of a configuration.
func (s *site) fill(text string) string {
	s.Helper()
	if s.port == 0 && strings.Contains(text, "@PORT@") {
		s.port = freePort(s.T)
	}
	return strings.NewReplacer("@DIR@", s.dir, "@PORT@", strconv.Itoa(s.port)).Replace(text)
}

// freePort finds a port below those that the system gives to clients. Another
// process may take it before the daemon does; the tests of this package start
// looking at different ones.
func freePort(t *testing.T) int {
	t.Helper()
	start := 12000 + (os.Getpid()*131+int(time.Now().UnixNano()/1000))%9000
	for port := start; port < start+500; port++ {
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

func (s *site) write(name, text string) {
	s.Helper()
	if err := os.WriteFile(s.path(name), []byte(s.fill(text)), 0o644); err != nil {
		s.Fatal(err)
	}
}

// read is the content of a file of the site, "" if there is none.
func (s *site) read(name string) string {
	text, _ := os.ReadFile(s.path(name))
	return string(text)
}

// start writes a configuration, runs the daemon on it and waits until it
// answers.
func (s *site) start(conf string) {
	s.Helper()
	s.write("supervisord.conf", conf)
	s.launch()
	s.ready()
}

// launch runs the daemon in the foreground.
func (s *site) launch() {
	s.Helper()
	s.exec(exec.Command(daemonPath(), "-n", "-s", "-c", s.path("supervisord.conf")))
}

// exec starts a command as the daemon of the site.
func (s *site) exec(cmd *exec.Cmd) {
	s.Helper()
	out, err := os.OpenFile(s.path("output"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		s.Fatal(err)
	}
	defer out.Close()
	cmd.Env = append(os.Environ(), marker+s.dir)
	cmd.Stdout, cmd.Stderr = out, out
	if cmd.Dir == "" {
		cmd.Dir = s.dir
	}
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	// Ends with the daemon, which clean ends at the latest.
	exited := make(chan struct{})
	s.cmd, s.exited = cmd, exited
	go func() { cmd.Wait(); close(exited) }()
}

// ready waits until the daemon answers.
func (s *site) ready() {
	s.Helper()
	s.until("the daemon answers", func() bool {
		if s.gone() {
			s.Fatalf("the daemon ended: %s\n%s\n%s", s.cmd.ProcessState, s.read("output"), s.read("main.log"))
		}
		_, err := s.client.GetState(s.Context())
		return err == nil
	})
}

func (s *site) gone() bool {
	select {
	case <-s.exited:
		return true
	default:
		return false
	}
}

// wait waits for the daemon's end and returns its exit status.
func (s *site) wait() int {
	s.Helper()
	select {
	case <-s.exited:
	case <-time.After(patience):
		s.cmd.Process.Kill()
		<-s.exited
		s.Errorf("the daemon does not end\n%s", s.read("main.log"))
	}
	return s.cmd.ProcessState.ExitCode()
}

func (s *site) signal(sig syscall.Signal) {
	s.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.Fatal(err)
	}
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
		case <-deadline:
			log := s.read("main.log")
			s.Fatalf("waited %v in vain until %s\n%s\n%s", patience, what, s.read("output"), log[max(0, len(log)-4000):])
		}
	}
}

// bound is the context of one call.
func (s *site) bound() (context.Context, context.CancelFunc) {
	return context.WithTimeout(s.Context(), patience)
}

// call makes an RPC that must succeed.
func (s *site) call(method string, params ...any) any {
	s.Helper()
	ctx, cancel := s.bound()
	defer cancel()
	v, err := s.client.Call(ctx, method, params...)
	if err != nil {
		s.Fatalf("%s%v: %v", method, params, err)
	}
	return v
}

// state is the state of a process, or why it is not known.
func (s *site) state(name string) string {
	ctx, cancel := s.bound()
	defer cancel()
	info, err := s.client.GetProcessInfo(ctx, name)
	if err != nil {
		return err.Error()
	}
	return info.StateName
}

// reaches waits until a process is in a state.
func (s *site) reaches(name, state string) {
	s.Helper()
	s.until(name+" is "+state, func() bool { return s.state(name) == state })
}

// stop ends the daemon and returns its exit status. Nothing may be left.
func (s *site) stop(sig syscall.Signal) int {
	s.Helper()
	s.signal(sig)
	status := s.wait()
	for _, pid := range s.processes() {
		s.Errorf("process %d (%s) outlived the daemon", pid, procFile(pid, "comm"))
	}
	return status
}

// run runs the daemon's binary to its end with arguments.
func (s *site) run(args ...string) (status int, output string) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, daemonPath(), args...)
	cmd.Dir, cmd.Env = s.dir, append(os.Environ(), marker+s.dir)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		s.Fatalf("supervisord %q: %v\n%s", args, err, &out)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}
