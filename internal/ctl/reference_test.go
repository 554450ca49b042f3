package ctl

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
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

const (
	originalDaemon = "/usr/bin/supervisord"
	python         = "/usr/bin/python3"
)

// The original's client, started once: each line of its input is a command
// line, which a forked child runs as the program does.
const originalClient = `
import json, os, sys, tempfile
sys.argv = ["supervisorctl"]
from supervisor import supervisorctl
for line in sys.stdin:
    args, text = json.loads(line)
    files = [tempfile.TemporaryFile() for _ in range(3)]
    files[0].write(text.encode()); files[0].seek(0)
    pid = os.fork()
    if pid == 0:
        for fd in range(3): os.dup2(files[fd].fileno(), fd)
        sys.stdin = open(0, closefd=False)
        code = 1
        try:
            supervisorctl.main(args)
            code = 0
        except SystemExit as e:
            code = e.code or 0
        except BaseException:
            import traceback; traceback.print_exc()
        sys.stdout.flush(); sys.stderr.flush()
        os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    for f in files: f.seek(0)
    print(json.dumps([code, files[1].read().decode("utf-8", "replace"), files[2].read().decode("utf-8", "replace")]), flush=True)
`

// needReference skips a test that cannot run without the original.
func needReference(t *testing.T) {
	t.Helper()
	_, err := os.Stat(originalDaemon)
	if err == nil {
		err = exec.Command(python, "-c", "import supervisor.supervisorctl").Run()
	}
	switch {
	case err == nil:
	case os.Getenv("TWIDDLER_REQUIRE_REFERENCE") == "1":
		t.Fatalf("the original Supervisor is not installed: %v", err)
	default:
		t.Skipf("the original Supervisor is not installed: %v", err)
	}
}

// A ctl runs supervisorctl, one of the two.
type ctl func(stdin string, args ...string) reply

func ours(t *testing.T) ctl {
	return func(stdin string, args ...string) reply { return runMain(t, stdin, args...) }
}

func original(t *testing.T) ctl {
	t.Helper()
	cmd := exec.Command(python, "-c", originalClient)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "LANG=C.UTF-8", "LC_ALL=C.UTF-8")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	answers := bufio.NewReader(out)
	return func(stdin string, args ...string) reply {
		t.Helper()
		line, err := json.Marshal([]any{args, stdin})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.Write(append(line, '\n')); err != nil {
			t.Fatal(err)
		}
		answer, err := answers.ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		var r reply
		if err := json.Unmarshal(answer, &[]any{&r.code, &r.out, &r.errOut}); err != nil {
			t.Fatal(err)
		}
		return r
	}
}

const referenceConfig = `[unix_http_server]
file=@DIR@/s.sock
username=me
password=a:b
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://%(here)s/s.sock
username=me
password=a:b
[supervisord]
logfile=@DIR@/main.log
pidfile=@DIR@/pid
childlogdir=@DIR@
[program:cat]
command=/bin/cat
stopwaitsecs=2
stdout_logfile=@DIR@/cat.log
[program:idle]
command=/bin/cat
autostart=false
[program:none]
command=/bin/cat
stdout_logfile=NONE
stopwaitsecs=2
[program:bad]
command=/nonexistent/x
autostart=false
[program:noexec]
command=@DIR@/supervisord.conf
autostart=false
[program:quick]
command=/bin/false
startsecs=1
startretries=0
autostart=false
[program:w]
process_name=%(program_name)s_%(process_num)02d
numprocs=3
command=/bin/cat
stopwaitsecs=2
[group:g]
programs=w
priority=5
`

// startDaemon runs a daemon until the test ends, and waits until it answers.
func startDaemon(t *testing.T, program string) (dir string) {
	t.Helper()
	// Not t.TempDir: the path of a unix socket has room for some 100 bytes.
	dir, err := os.MkdirTemp("/tmp", "ctl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	writeConfig(t, dir, referenceConfig)
	cmd := exec.Command(program, "-n", "-c", filepath.Join(dir, "supervisord.conf"))
	var out bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { _ = cmd.Wait(); close(exited) }() // ends with the daemon
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-exited:
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			<-exited
		}
	})
	run := ours(t)
	deadline := time.After(2 * patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		r := run("", "-c", filepath.Join(dir, "supervisord.conf"), "status cat none g:*")
		if strings.Count(r.out, "RUNNING") == 5 {
			return dir
		}
		select {
		case <-tick.C:
		case <-exited:
			t.Fatalf("%s ended: %s", program, &out)
		case <-deadline:
			t.Fatalf("%s does not answer: %+v\n%s", program, r, &out)
		}
	}
}

func writeConfig(t *testing.T, dir, text string) {
	t.Helper()
	text = strings.ReplaceAll(text, "@DIR@", dir)
	if err := os.WriteFile(filepath.Join(dir, "supervisord.conf"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A step is one run of supervisorctl.
type step struct {
	args  string // cut at "|"; without -c, the configuration is put in front
	stdin string
	any   bool   // the order of the lines is that of the processes' ends
	edit  string // the configuration is this from now on
}

// steps are played in order, on one daemon.
func steps() []step {
	var all []step
	add := func(lines ...string) {
		for _, line := range lines {
			all = append(all, step{args: line})
		}
	}
	add("status", "status|cat", "status idle", "status|nope", "status g:*", "status g:", "status x:*", "status g",
		"status cat cat", "status nope idle", "status all nope", "start", "stop", "restart", "signal", "signal HUP",
		"start cat", "stop|idle", "start nope", "start x:*", "stop x:*", "signal HUP x:*", "stop nope", "start bad",
		"start noexec", "start quick", "status bad", "signal XX cat", "signal WINCH|cat", "signal USR2 idle",
		"signal 28 g:*", "signal sigwinch none nope idle", "restart g:w_00", "restart|nope", "pid", "pid cat",
		"pid cat idle nope", "pid idle", "pid all", "pid g:*")
	all = append(all, step{args: "stop g:*", any: true}, step{args: "stop g:*"}, step{args: "start g:*", any: true},
		step{args: "start g:*"}, step{args: "restart cat g:*", any: true}, step{args: "signal WINCH all", any: true})
	add("tail", "tail a b c d", "tail -f", "tail -100", "tail cat foo", "tail -x cat", "tail cat", "tail nope",
		"tail cat STDERR", "tail none", "tail|-f|nope", "tail -f none", "tail cat x stdout", "maintail -1 -2",
		"maintail x", "maintail -x", "fg", "fg a b", "fg nope", "fg idle", "reread", "avail", "avail x",
		"update", "update nope", "add", "add cat", "add nope", "remove cat", "remove nope", "clear", "clear cat",
		"clear g:*", "clear nope", "clear cat idle", "shutdown x", "reload x", "version", "version x", "open foo",
		"open http://127.0.0.1:1", "open unix:///nope", "quit", "exit", "help help", "help EOF", "help nope", "foo",
		"foo bar  baz", "!x", "status-x", "EOF", "", " ", "-s|unix:///nope|pid", "-s|ftp://x|pid", "-u|you|pid",
		"-p|wrong|status", "-p|wrong|shutdown", "-i|pid cat", "-x", "-s|x|pid", "-c|/nonexistent|pid")
	all = append(all, step{args: "clear all", any: true})
	for _, c := range commands() {
		if !c.ours && c.name != "status" && c.name != "update" { // which have more to tell here
			add("help " + c.name)
		}
	}
	for _, stdin := range []string{"", "status cat\nquit\npid\n", "\n \nfoo\nexit", "shutdown\nn\nreload\n\nversion\n",
		"shutdown\n", "fg idle\nversion\n", "open http://127.0.0.1:1\nversion\n"} {
		all = append(all, step{stdin: stdin})
	}
	all = append(all, step{args: "-i|shutdown", stdin: "no\n"}, step{args: "-i|reload"})
	changed := strings.ReplaceAll(referenceConfig, "autostart=false\n[program:none]", "priority=7\n[program:none]")
	changed = strings.ReplaceAll(changed, "program:none", "program:new")
	for _, line := range []string{"reread", "avail", "update nope new", "status new", "update idle", "reread"} {
		all = append(all, step{args: line, edit: changed})
	}
	all = append(all, step{args: "update", edit: changed}, step{args: "update", edit: changed}, step{args: "status cat", edit: changed},
		step{args: "stop new", edit: changed}, step{args: "remove new", edit: changed}, step{args: "add new", edit: changed},
		step{args: "reread", edit: "[supervisord]\n[program:x]\n[supervisorctl]\nserverurl=unix://@DIR@/s.sock\nusername=me\npassword=a:b\n"},
		step{args: "stop all", edit: changed, any: true}, step{args: "status", edit: changed},
		step{args: "start all", edit: changed, any: true}, step{args: "shutdown", edit: changed})
	return all
}

// play runs all steps on a daemon of its own and returns what they left.
func play(t *testing.T, run ctl, daemon string) []string {
	dir := startDaemon(t, daemon)
	conf := filepath.Join(dir, "supervisord.conf")
	config := referenceConfig
	var notes []string
	for _, s := range steps() {
		if s.edit != "" && s.edit != config {
			config = s.edit
			writeConfig(t, dir, config)
		}
		var args []string
		if s.args != "" || s.stdin == "" {
			args = strings.Split(s.args, "|")
		}
		if len(args) == 0 || args[0] != "-c" {
			args = append([]string{"-c", conf}, args...)
		}
		r := run(s.stdin, args...)
		notes = append(notes, fmt.Sprintf("%q %q = %d\n%s%s", s.args, s.stdin, r.code,
			normal(dir, s, r.out), normal(dir, s, r.errOut)))
	}
	return notes
}

var (
	uptimes    = regexp.MustCompile(`pid \d+, uptime \d+:\d\d:\d\d`)
	stopTimes  = regexp.MustCompile(`(?m)[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M$`)
	exceptions = regexp.MustCompile(`(?m): file: .* line: \d+$`)
	pids       = regexp.MustCompile(`(?m)^[1-9]\d*$`)
	versions   = regexp.MustCompile(`(?m)4\.\d\.\d$`)
	incidental = regexp.MustCompile(`(?m)^CLOSED Cannot connect, .*\n`)
)

// normal is a text without what differs between two runs.
func normal(dir string, s step, text string) string {
	text = strings.ReplaceAll(text, dir, "@DIR@")
	for pattern, by := range map[*regexp.Regexp]string{uptimes: "pid P, uptime U", stopTimes: "TIME",
		exceptions: ": file: F line: N", pids: "PID", versions: "VERSION", incidental: ""} {
		text = pattern.ReplaceAllString(text, by)
	}
	if s.any {
		lines := slices.Sorted(strings.Lines(text))
		text = strings.Join(lines, "")
	}
	return text
}

// TestAgainstOriginal plays the same commands with both clients on the
// original's daemon, and with ours on our daemon.
func TestAgainstOriginal(t *testing.T) {
	t.Parallel()
	needReference(t)
	binary := filepath.Join(t.TempDir(), "supervisord")
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/supervisord").CombinedOutput(); err != nil {
		t.Fatalf("cannot build the daemon: %v\n%s", err, out)
	}
	var reference, client, both []string
	t.Run("on", func(t *testing.T) {
		t.Run("original", func(t *testing.T) { t.Parallel(); reference = play(t, original(t), originalDaemon) })
		t.Run("client", func(t *testing.T) { t.Parallel(); client = play(t, ours(t), originalDaemon) })
		t.Run("both", func(t *testing.T) { t.Parallel(); both = play(t, ours(t), binary) })
	})
	if t.Failed() {
		return
	}
	for name, notes := range map[string][]string{"our client": client, "our client on our daemon": both} {
		for i, want := range reference {
			if notes[i] != want {
				t.Errorf("%s, step %d:\n%s\nthe original:\n%s", name, i, notes[i], want)
			}
		}
	}
}

// TestOriginalShowsOurHelp: the list of commands begins as the original's.
func TestOriginalShowsOurHelp(t *testing.T) {
	t.Parallel()
	needReference(t)
	theirs, our := original(t), ours(t)
	for _, line := range []string{"help", "?", "help status", "help update"} {
		want, got := theirs("", "-s", "unix:///nope", line), our("", "-s", "unix:///nope", line)
		if !strings.HasPrefix(got.out, want.out) || got.code != want.code {
			t.Errorf("%q = %+v, want %+v and more", line, got, want)
		}
	}
}

// TestFollowOriginal follows logs that the original serves.
func TestFollowOriginal(t *testing.T) {
	t.Parallel()
	needReference(t)
	dir := startDaemon(t, originalDaemon)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	s := &session{options: &options{url: "unix://" + dir + "/s.sock", username: "me", password: "a:b", credentials: true}}
	for path, want := range map[string]string{"/mainlogtail": "success: ", "/logtail/cat/stdout": "typed"} {
		r, w := io.Pipe()
		done := make(chan error, 1)
		go func() { // ends when the reader is closed
			done <- s.stream(ctx, path, w)
			w.Close()
		}()
		if path != "/mainlogtail" {
			c, err := s.server()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.SendProcessStdin(ctx, "cat", "typed\n"); err != nil {
				t.Fatal(err)
			}
			s.forget()
		}
		lines := bufio.NewScanner(r)
		found := false
		for !found && lines.Scan() {
			found = strings.Contains(lines.Text(), want)
		}
		r.Close()
		if !found {
			t.Errorf("%s has no %q: %v", path, want, <-done)
		}
	}
	if err := s.stream(ctx, "/logtail/none/stdout", io.Discard); err != statusError(http.StatusNotFound) {
		t.Errorf("a process without log: %v", err)
	}
}
