package e2e

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// steady is a program that ends with its supervisord, however that ends.
const steady = "[program:steady]\ncommand=/bin/cat\nstartsecs=0\n"

// exists reports whether there is a file, or something else, of that name.
func (s *site) exists(name string) bool {
	_, err := os.Lstat(s.path(name))
	return err == nil
}

// A configuration that can't be used ends the start with 2, a text that says
// where and what, and nothing done.
func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, conf string
		args       []string
		want       []string
	}{
		{"value", base + "minfds=many\n", []string{"-n"}, []string{"'many'"}},
		{"program", base + "[program:p]\ncommand=/bin/cat\nstartsecs=soon\n", []string{"-n"}, []string{"'soon'", "program:p", "supervisord.conf"}},
		{"no command", base + "[program:p]\nstartsecs=1\n", []string{"-n"}, []string{"program:p", "command"}},
		{"factory", base + "[rpcinterface:x]\nsupervisor.rpcinterface_factory = no.such:thing\n", []string{"-n"},
			[]string{"no.such:thing", "rpcinterface:x"}},
		{"not a configuration", "what is this\n", []string{"-n"}, []string{"supervisord.conf"}},
		{"all problems", base + "minfds=many\n[program:p]\ncommand=/bin/cat\nstartsecs=soon\n[program:q]\nnumprocs=few\n", []string{"-t"},
			[]string{"supervisord.conf:13: ", "many", "supervisord.conf:16: ", "soon", "few", " problems found"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.write("supervisord.conf", c.conf)
			status, out := s.run(append(c.args, "-c", s.path("supervisord.conf"))...)
			if status != 2 {
				t.Errorf("exit status %d", status)
			}
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
			for _, name := range []string{"main.log", "pid", "s.sock"} {
				if s.exists(name) {
					t.Errorf("there is a %s", name)
				}
			}
		})
	}
}

func TestMissingConfiguration(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, flag := range []string{"-n", "-t"} {
		status, out := s.run(flag, "-c", s.path("nothing.conf"))
		if status != 2 || !strings.Contains(out, "nothing.conf") {
			t.Errorf("%s: exit status %d\n%s", flag, status, out)
		}
	}
}

// A second supervisord on the port or the socket of the first says so, and
// the first does not notice.
func TestPortInUse(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start(base + "[inet_http_server]\nport=127.0.0.1:@PORT@\n" + steady)
	s.reaches("steady", "RUNNING")
	tcp := "[supervisord]\nnodaemon=true\nlogfile=@DIR@/second.log\npidfile=@DIR@/second.pid\n"
	for name, conf := range map[string]string{
		"port":   tcp + "[inet_http_server]\nport=127.0.0.1:@PORT@\n",
		"socket": tcp + "[unix_http_server]\nfile=@DIR@/s.sock\n",
	} {
		s.write("second.conf", conf)
		status, out := s.run("-s", "-c", s.path("second.conf"))
		if status != 2 || !strings.Contains(out, "Another program is already listening on") {
			t.Errorf("%s: exit status %d\n%s", name, status, out)
		}
	}
	if s.exists("second.pid") {
		t.Error("the second has left a pidfile")
	}
	if got := s.state("steady"); got != "RUNNING" {
		t.Error(got)
	}
	if got := s.read("pid"); got != strconv.Itoa(s.cmd.Process.Pid)+"\n" {
		t.Errorf("the pidfile of the first says %q", got)
	}
}

// What a killed supervisord leaves behind does not keep the next from starting.
func TestKilledDaemon(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start(base + steady)
	s.reaches("steady", "RUNNING")
	s.signal(syscall.SIGKILL)
	s.wait()
	if !s.exists("s.sock") || !s.exists("pid") {
		t.Fatal("nothing is left behind")
	}
	s.until("its child has ended", func() bool { return len(s.processes()) == 0 })
	s.launch()
	s.ready()
	s.reaches("steady", "RUNNING")
	if got := s.read("pid"); got != strconv.Itoa(s.cmd.Process.Pid)+"\n" {
		t.Errorf("the pidfile says %q", got)
	}
	if status := s.stop(syscall.SIGTERM); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if s.exists("s.sock") || s.exists("pid") {
		t.Error("socket or pidfile are left behind")
	}
}

// A disk that is full stops no child and no call. When there is room again the
// logs go on, with a mark where something is missing.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	disk := s.path("disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("cannot mount a small disk: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(disk, 0) }) // before the site is removed
	conf := strings.Replace(base, "logfile=@DIR@/main.log", "logfile=@DIR@/disk/main.log", 1)
	s.start(conf + steady + `[program:flood]
command=/bin/sh -c 'i=0; while [ $i -lt 20000 ]; do echo "line $i of many, long enough to fill a disk"; i=$((i+1)); done; touch @DIR@/done; while read l; do echo "later: $l"; done'
startsecs=0
stdout_logfile=@DIR@/disk/flood.log
`)
	s.until("the child has written all", func() bool { return s.exists("done") })
	if got := s.state("steady") + " " + s.state("flood"); got != "RUNNING RUNNING" {
		t.Error(got)
	}
	s.call("twiddler.addProgramToGroup", "g", "new", map[string]any{"command": "/bin/cat", "startsecs": "0"})
	s.reaches("g:new", "RUNNING")

	if err := os.Truncate(filepath.Join(disk, "flood.log"), 0); err != nil {
		t.Fatal(err)
	}
	s.call("supervisor.sendProcessStdin", "flood", "hello\n")
	s.until("the log goes on", func() bool { return strings.HasSuffix(s.read("disk/flood.log"), "later: hello\n") })
	if text := s.read("disk/flood.log"); !strings.Contains(text, " bytes lost]\n") {
		t.Errorf("no mark where bytes are missing: %q", text)
	}
	s.stop(syscall.SIGTERM)
}

// hold connects to the unix socket and writes the beginning of something.
func (s *site) hold(text string) net.Conn {
	s.Helper()
	conn, err := net.Dial("unix", s.path("s.sock"))
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, text); err != nil {
		s.Fatal(err)
	}
	return conn
}

// post is a request that asks for all of a log.
func post(method string) string {
	body := "<?xml version='1.0'?><methodCall><methodName>" + method + "</methodName><params>" +
		"<param><value><string>talker</string></value></param><param><value><int>0</int></value></param>" +
		"<param><value><int>0</int></value></param></params></methodCall>"
	return fmt.Sprintf("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// Clients that hang up half way, and clients that never read what they have
// asked for, disturb nobody and leave nothing.
func TestRudeClients(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start(base + steady + `[program:talker]
command=/bin/sh -c 'head -c 8000000 /dev/zero | tr "\0" x; exec cat'
startsecs=0
stdout_logfile=@DIR@/talker.log
`)
	s.until("there is something to read", func() bool { return len(s.read("talker.log")) == 8000000 })
	s.client.Close()
	pid := s.cmd.Process.Pid
	calm := len(descriptors(pid))

	request := post("supervisor.readProcessStdoutLog")
	var held []net.Conn
	for i := range 20 {
		held = append(held,
			s.hold(request),                  // never reads
			s.hold(request[:len(request)/2]), // never ends its request
			s.hold("GET /logtail/talker HTTP/1.1\r\nHost: x\r\n\r\n"), // never reads a stream
		)
		s.hold(request[:i*10]).Close() // hangs up half way
		s.hold(request).Close()        // hangs up before the answer
	}
	for range 50 {
		if got := s.state("steady"); got != "RUNNING" {
			t.Fatal(got)
		}
	}
	s.call("twiddler.addProgramToGroup", "g", "new", map[string]any{"command": "/bin/cat", "startsecs": "0"})
	s.reaches("g:new", "RUNNING")
	s.call("supervisor.stopProcess", "g:new")
	s.call("twiddler.removeProcessFromGroup", "g", "new")

	for _, conn := range held {
		conn.Close()
	}
	s.client.Close()
	s.until("their descriptors are closed", func() bool { s.client.Close(); return len(descriptors(pid)) <= calm })
	if status := s.stop(syscall.SIGTERM); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// A client that never reads does not hold up the end either.
func TestRudeClientAtShutdown(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start(base + steady)
	s.reaches("steady", "RUNNING")
	s.hold("GET /mainlogtail HTTP/1.1\r\nHost: x\r\n\r\n")
	s.hold("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n<?xml")
	begun := time.Now()
	if status := s.stop(syscall.SIGTERM); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if took := time.Since(begun); took > 30*time.Second {
		t.Errorf("the end took %v", took)
	}
}

// Started the usual way, it detaches when it can serve, and reports what keeps
// it from that to the terminal.
func TestDetached(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("supervisord.conf", base+steady)
	cmd := exec.Command(daemonPath(), "-c", s.path("supervisord.conf"))
	cmd.Env = append(os.Environ(), marker+s.dir)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%v\n%s", err, out)
	}
	// It can be asked at once: that is what the command waited for.
	pid, err := s.client.GetPID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := s.read("pid"); got != strconv.Itoa(pid)+"\n" {
		t.Errorf("the pidfile says %q, getPID %d", got, pid)
	}
	if _, err := s.client.GetProcessInfo(t.Context(), "steady"); err != nil {
		t.Error(err)
	}
	if status, out := s.run("-c", s.path("supervisord.conf")); status != 2 || !strings.Contains(out, "already listening") {
		t.Errorf("the second: exit status %d\n%s", status, out)
	}
	if err := s.client.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.until("it has ended", func() bool { return len(s.processes()) == 0 })
	if s.exists("s.sock") || s.exists("pid") {
		t.Error("socket or pidfile are left behind")
	}
}
