package e2e

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"example.org/twiddler/client"
)

// A runner is supervisorctl with the command run, while it runs. Only the
// test's goroutine may use it.
type runner struct {
	*site
	cmd         *exec.Cmd
	out, errOut *screen
	exited      chan struct{} // closed when it has ended
}

// A screen collects output. Safe for concurrent use.
type screen struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// ctlCommand is supervisorctl on the site's socket.
func (s *site) ctlCommand(words ...string) *exec.Cmd {
	s.Helper()
	s.write("ctl.conf", "[supervisorctl]\nserverurl=unix://@DIR@/s.sock\n")
	cmd := exec.Command(daemonPath(), append([]string{"ctl", "-c", s.path("ctl.conf")}, words...)...)
	cmd.Dir, cmd.Env = s.dir, append(os.Environ(), marker+s.dir)
	return cmd
}

// begin starts run with these words.
func (s *site) begin(words ...string) *runner {
	s.Helper()
	r := &runner{site: s, cmd: s.ctlCommand(append([]string{"run"}, words...)...), out: &screen{}, errOut: &screen{}, exited: make(chan struct{})}
	r.cmd.Stdout, r.cmd.Stderr = r.out, r.errOut
	if err := r.cmd.Start(); err != nil {
		s.Fatal(err)
	}
	go func() { r.cmd.Wait(); close(r.exited) }() // ends with it, which the test waits for
	s.Cleanup(func() { r.cmd.Process.Kill(); <-r.exited })
	return r
}

// shows waits until the output has a text.
func (r *runner) shows(text string) {
	r.Helper()
	r.until(fmt.Sprintf("run shows %q; it shows %q and %q", text, r.out, r.errOut), func() bool { return strings.Contains(r.out.String(), text) })
}

func (r *runner) send(sig syscall.Signal) {
	r.Helper()
	if err := r.cmd.Process.Signal(sig); err != nil {
		r.Fatal(err)
	}
}

// ends waits for the end and checks what it leaves.
func (r *runner) ends(status int, out, errOut string) {
	r.Helper()
	select {
	case <-r.exited:
	case <-time.After(patience):
		r.Fatalf("run %q does not end; it shows %q and %q", r.cmd.Args, r.out, r.errOut)
	}
	if code := r.cmd.ProcessState.ExitCode(); code != status || r.out.String() != out || r.errOut.String() != errOut {
		r.Errorf("%q: exit status %d\n%q\n%q\nwant %d\n%q\n%q", r.cmd.Args[4:], code, r.out, r.errOut, status, out, errOut)
	}
}

// nothingLeft checks that there is no process, and no log of one.
func (s *site) nothingLeft() {
	s.Helper()
	if all := s.all(); len(all) != 0 {
		s.Errorf("there is still %v", all)
	}
	s.until("no log is left", func() bool {
		logs, err := filepath.Glob(s.path("child", "*"))
		return err == nil && len(logs) == 0
	})
}

// run --wait ends as the program does, and leaves nothing of it.
func TestRunWaits(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start(base)
	for _, test := range []struct {
		words       []string
		status      int
		out, errOut string
	}{
		{[]string{"--", "true"}, 0, "", ""},
		{[]string{"--", "sh", "-c", "printf out; printf err >&2; exit 7"}, 7, "out", "err"},
		{[]string{"--name", "x", "--", "sh", "-c", "kill -USR1 $$"}, 138, "", "x: ended by signal 10 (SIGUSR1)\n"},
		{[]string{"--name", "x", "--group", "g", "--", "sh", "-c", "kill -9 $$"}, 137, "", "g:x: ended by signal 9 (SIGKILL)\n"},
		{[]string{"-e", "A=it's \"5%\", é", "-e", "B=", "--directory", s.path("child"), "--", "sh", "-c", `echo "$A/$B/$PWD/100%"`},
			0, "it's \"5%\", é//" + s.path("child") + "/100%\n", ""},
		{[]string{"--", "printf", `\000\377\342\202 x`}, 0, "\x00\xff\xe2\x82 x", ""},
		{[]string{"--", "/nope"}, 127, "", "ERROR: there is no such command: NO_FILE: can't find command '/nope'\n"},
		{[]string{"--", s.path("main.log")}, 126, "",
			"ERROR: the command cannot be executed: NOT_EXECUTABLE: command at '" + s.path("main.log") + "' is not executable\n"},
		{[]string{"--name", "x", "--directory", "/nope", "--", "true"}, 1, "", "ERROR: SPAWN_ERROR: x: couldn't chdir to /nope: ENOENT\n"},
		{[]string{"--name", "x", "--group", "nope", "--", "true"}, 1, "", "ERROR: BAD_NAME: group: nope\n"},
		{[]string{"--name", "x", "--ttl", "1", "--", "sleep", "100"}, 143, "", "x: ended by signal 15 (SIGTERM)\n"},
	} {
		s.begin(append([]string{"--wait"}, test.words...)...).ends(test.status, test.out, test.errOut)
		s.nothingLeft()
	}
	status, out := s.ctl("run", "--name", "x", "--", "sh", "-c", "exit 3")
	if status != 0 || out != "x: started\n" {
		t.Errorf("without --wait: %d, %q", status, out)
	}
	s.reaches("x", "EXITED")
	s.until("it goes by itself", func() bool { return len(s.all()) == 0 })
	s.nothingLeft()
}

// The output is complete and in order, however much there is, and whatever
// becomes of the log meanwhile.
func TestRunOutput(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start(base)
	const lines = 3_000_000 // 23 MB in each channel
	r := s.ctlCommand("run", "--wait", "--", "sh", "-c", fmt.Sprintf("seq %d >&2 & seq %d; wait; printf end", lines, lines))
	out, errOut := &counter{}, &counter{}
	r.Stdout, r.Stderr = out, errOut
	if err := r.Run(); err != nil {
		t.Error(err)
	}
	if out.next != lines || string(out.rest) != "end" || errOut.next != lines || len(errOut.rest) != 0 {
		t.Errorf("%d lines and %q, %d lines and %q", out.next, out.rest, errOut.next, errOut.rest)
	}
	s.nothingLeft()

	// Lines of both channels come as they are written.
	both := s.begin("--wait", "--name", "x", "--", "sh", "-c", "echo one; echo two >&2; while [ ! -e go ]; do sleep 0.02; done; echo three")
	both.shows("one\n")
	s.until("stderr comes as well", func() bool { return both.errOut.String() == "two\n" })
	s.write("go", "")
	both.ends(0, "one\nthree\n", "two\n")
}

// A counter reads the numbers from 1 on, one in each line.
type counter struct {
	next int // the last one that was right
	rest []byte
}

func (c *counter) Write(p []byte) (int, error) {
	c.rest = append(c.rest, p...)
	for {
		line, after, ok := bytes.Cut(c.rest, []byte("\n"))
		if !ok || string(line) != fmt.Sprint(c.next+1) {
			return len(p), nil
		}
		c.next++
		c.rest = after
	}
}

// A log that rotates while it is read is passed on whole.
func TestRunRotates(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start(base)
	const size = 110_000_000 // two rotations
	r := s.ctlCommand("run", "--wait", "--", "sh", "-c", fmt.Sprintf("yes abcdefg | head -c %d", size))
	out := &sameBytes{pattern: "abcdefg\n"}
	var errOut bytes.Buffer
	r.Stdout, r.Stderr = out, &errOut
	if err := r.Run(); err != nil || out.n != size || out.wrong {
		t.Errorf("%v: %d bytes, wrong: %v\n%s", err, out.n, out.wrong, &errOut)
	}
	s.nothingLeft()
}

// A sameBytes checks that it is written a pattern again and again.
type sameBytes struct {
	pattern string
	n       int
	wrong   bool
}

func (b *sameBytes) Write(p []byte) (int, error) {
	for _, c := range p {
		b.wrong = b.wrong || c != b.pattern[b.n%len(b.pattern)]
		b.n++
	}
	return len(p), nil
}

// Signals stop what is waited for; a second one kills it.
func TestRunIsStopped(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start(base)
	const stopping = "stopping x; Ctrl-C once more kills it\n"
	for sig, status := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143, syscall.SIGHUP: 129} {
		// What the command has started goes, too.
		r := s.begin("--wait", "--name", "x", "--", "sh", "-c", "echo up; sleep 1000; echo never")
		r.shows("up\n")
		r.send(sig)
		r.ends(status, "up\n", stopping)
		s.nothingLeft()
	}
	r := s.begin("--wait", "--name", "x", "--", "sh", "-c", "exec 2>/dev/null; trap 'echo no' INT TERM; echo up; while :; do sleep 0.02; done")
	r.shows("up\n")
	r.send(syscall.SIGINT)
	r.shows("no\n") // it has got the signal and goes on
	r.send(syscall.SIGINT)
	r.ends(130, "up\nno\n", stopping+"killing x\n")
	s.nothingLeft()

	r = s.begin("--wait", "--name", "x", "--", "sh", "-c", "exec 2>/dev/null; trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.02; done")
	r.shows("up\n")
	r.send(syscall.SIGINT)
	r.ends(130, "up\nbye\n", stopping)
	s.nothingLeft()
}

// Ctrl-C on a terminal is the same.
func TestRunOnTerminal(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start(base)
	cmd := s.ctlCommand("run", "--wait", "--name", "x", "--", "sh", "-c", "echo up; sleep 1000")
	terminal, err := pty.Start(cmd)
	if err != nil {
		t.Skipf("no terminal can be made: %v", err)
	}
	defer terminal.Close()
	text := &screen{}
	read := make(chan struct{})
	go func() { defer close(read); io.Copy(text, terminal) }() // ends with the program
	s.until("it is up", func() bool { return strings.Contains(text.String(), "up\r\n") })
	if _, err := terminal.WriteString("\x03"); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	<-read
	if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.HasSuffix(text.String(), "stopping x; Ctrl-C once more kills it\r\n") {
		t.Errorf("exit status %d, %q", code, text)
	}
	s.nothingLeft()
}

// A program that nobody waits for goes on, and goes by itself after its end:
// one that is followed, and one whose supervisorctl was killed.
func TestRunGoesOn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start(base)
	r := s.begin("--follow", "--name", "x", "--", "sh", "-c", "echo up; while [ ! -e go ]; do sleep 0.02; done")
	r.shows("up\n")
	r.send(syscall.SIGINT)
	r.ends(0, "up\n", "x goes on\n")
	k := s.begin("--wait", "--name", "y", "--", "sh", "-c", "echo up; while [ ! -e go ]; do sleep 0.02; done")
	k.shows("up\n")
	k.send(syscall.SIGKILL)
	k.ends(-1, "up\n", "")
	for _, name := range []string{"x", "y"} {
		if state := s.state(name); state != "RUNNING" {
			t.Errorf("%s is %s", name, state)
		}
	}
	s.write("go", "")
	s.until("both go by themselves", func() bool { return len(s.all()) == 0 })
	s.nothingLeft()
	s.begin("--follow", "--", "sh", "-c", "echo a; exit 4").ends(4, "a\n", "")
}

// Nobody reads the output any more: the program is stopped.
func TestRunIntoClosedPipe(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start(base)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := s.ctlCommand("run", "--wait", "--name", "x", "--", "yes")
	var errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = w, &errOut
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Error(err)
	}
	r.Close()
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(errOut.String(), "broken pipe; stopping x\n") {
		t.Errorf("exit status %d\n%s", code, &errOut)
	}
	s.nothingLeft()
}

// The end of supervisord while a program is waited for.
func TestRunAtShutdown(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start(base)
	r := s.begin("--wait", "--name", "x", "--", "sh", "-c", "echo up; exec sleep 1000")
	r.shows("up\n")
	s.stop(syscall.SIGTERM)
	<-r.exited
	code, text := r.cmd.ProcessState.ExitCode(), r.errOut.String()
	if seen := text == "x: ended by signal 15 (SIGTERM)\n" && code == 143; !seen && (code != 1 || text != "ERROR: supervisor shutting down: it stops x\n") {
		t.Errorf("exit status %d, %q", code, text)
	}
}

// As root, a program runs as another user.
func TestRunAsUser(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	s := newSite(t)
	if err := os.Chmod(s.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s.start(base)
	s.begin("--wait", "--user", "nobody", "--", "id", "-un").ends(0, "nobody\n", "")
	r := s.begin("--wait", "--user", "nobody-at-all", "--", "id", "-un")
	<-r.exited
	if code, text := r.cmd.ProcessState.ExitCode(), r.errOut.String(); code != 1 || !strings.Contains(text, "nobody-at-all") {
		t.Errorf("exit status %d, %q", code, text)
	}
	s.nothingLeft()
}

// Over TCP and TLS with a password, within the policy of an account, and not
// beyond.
func TestRunIsAuthorized(t *testing.T) {
	t.Parallel()
	for scheme, lines := range map[string][2]string{
		"http":  {},
		"https": {"tls_certificate=@DIR@/server.pem\ntls_key=@DIR@/server.key\n", "tls_ca=@DIR@/ca.pem\n"},
	} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			runAuthorized(t, scheme, lines[0], lines[1])
		})
	}
}

func runAuthorized(t *testing.T, scheme, server, ctl string) {
	s := newSite(t)
	s.certificate("ca", "")
	s.certificate("server", "ca")
	s.start(`[inet_http_server]
port=127.0.0.1:@PORT@
` + server + `
[account:ann]
password=pw
role=define
allowed_users=*
allowed_groups=ann-*
allowed_commands=/bin/echo
[account:eve]
password=pw
role=view
` + base)
	s.write("net.conf", "[supervisorctl]\nserverurl="+scheme+"://127.0.0.1:@PORT@\n"+ctl)
	for _, test := range []struct {
		user, name, command string
		status              int
		want                string
	}{
		{"ann", "ann-x", "/bin/echo", 0, "hello\n"},
		{"ann", "ann-x", "/bin/cat", 4, "ERROR: "},
		{"ann", "bob-x", "/bin/echo", 4, "ERROR: "},
		{"eve", "ann-x", "/bin/echo", 4, "ERROR: "},
	} {
		status, out := s.run("ctl", "-c", s.path("net.conf"), "-u", test.user, "-p", "pw", "run", "--wait", "--name", test.name, "--", test.command, "hello")
		if status != test.status || !strings.HasPrefix(out, test.want) || strings.Contains(out, "NOT_PERMITTED") {
			t.Errorf("%v: exit status %d\n%s", test, status, out)
		}
	}
	s.nothingLeft()
	status, out := s.run("ctl", "-c", s.path("net.conf"), "-u", "ann", "-p", "wrong", "run", "--wait", "--", "/bin/echo")
	if status != 1 || !strings.HasPrefix(out, "Server requires authentication\n") {
		t.Errorf("with a wrong password: exit status %d\n%s", status, out)
	}
}

// A Go program does the same with the client.
func TestRunFromGo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start(base)
	tw := s.client.Twiddler()
	p, err := tw.Run(t.Context(), client.Run{Name: "x", Group: "g", Options: map[string]any{"command": "sh -c 'exit 5'", "exitcodes": "5"}})
	if err != nil || p.Namespec() != "g:x" {
		t.Fatalf("%+v, %v", p, err)
	}
	end, err := tw.Wait(t.Context(), p.Namespec())
	if want := (client.End{State: "EXITED", Status: 5}); err != nil || end != want {
		t.Errorf("%+v, %v, want %+v", end, err, want)
	}
}
