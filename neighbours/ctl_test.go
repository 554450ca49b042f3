package neighbours

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

const ctlPrograms = `[program:web]
command=/bin/cat
stdout_logfile=@DIR@/web.log
[program:idle]
command=/bin/cat
autostart=false
[program:w]
command=/bin/cat
numprocs=2
process_name=w_%(process_num)02d
startsecs=0
[group:grp]
programs=w
`

// mixed is each supervisorctl with each daemon.
func mixed() []pair {
	theirs, ours := original(), twiddler()
	return []pair{
		theirs,
		{"our supervisorctl on the original", theirs.daemon, ours.ctl},
		{"the original's supervisorctl on ours", ours.daemon, theirs.ctl},
		ours,
	}
}

func (s *site) ctlStart() {
	s.Helper()
	s.start(ctlPrograms, map[string]string{"grp:w_00": "RUNNING", "grp:w_01": "RUNNING", "web": "RUNNING"})
}

// Commands that the tests with one of the two supervisorctls leave out, or run
// inside of the client, here each with the installed program.
func TestSupervisorctl(t *testing.T) {
	need(t)
	compare(t, func(s *site) {
		s.ctlStart()
		if err := s.rpc.SendProcessStdin(s.Context(), "web", "one\ntwo\n"); err != nil {
			s.Fatal(err)
		}
		s.until("the line is in the log", func() bool { return s.read("web.log") == "one\ntwo\n" })
		for _, line := range []string{
			"status", "-s|http://127.0.0.1:@PORT@|-u|me|-p|secret|status", "-s|http://127.0.0.1:@PORT@|-u|me|-p|no|status",
			"maintail|-60", "tail|web", "tail|-3|web", "tail|web|stderr", "tail -3 web stdout", "avail", "pid|all", "clear|web", "tail|web",
			"clear|idle|nope", "signal|CONT|web|grp:*", "stop|idle|web", "start|web", "restart|web|nope", "open|unix://@DIR@/s.sock",
			"open|http://127.0.0.1:1", "remove|web", "add|grp|nope", "update|grp", "reread|x", "reload|x", "version|x", "help|tail", "help|fg",
		} {
			s.ctlNotes(line)
		}
		s.write("supervisord.conf", base+strings.ReplaceAll(ctlPrograms, "program:idle", "program:newp"))
		for _, line := range []string{"reread", "update", "status|newp|idle", "start|newp", "reload"} {
			s.ctlNotes(line)
		}
		s.until("it is back", func() bool { return strings.Count(s.read("main.log"), "supervisord started with pid") == 2 })
		s.reaches("web", "RUNNING")
		s.ctlNotes("status|web|newp")
		s.ctlNotes("shutdown")
		<-s.exited
		s.ctlNotes("status")
		s.ctlNotes("shutdown")
	}, mixed()...)
}

// ctlNotes notes what supervisorctl says to arguments that are cut at "|".
func (s *site) ctlNotes(line string) {
	s.Helper()
	args := strings.Split(strings.NewReplacer("@DIR@", s.dir, "@PORT@", fmt.Sprint(s.port)).Replace(line), "|")
	code, out, diag := s.run("", s.ctl, append([]string{"-c", s.path("supervisord.conf")}, args...)...)
	if strings.HasPrefix(line, "pid") {
		out = onlyNumbers(out)
	}
	s.note(line, fmt.Sprintf("%s%sexit status %d", out, diag, code))
}

// onlyNumbers replaces numbers that are not 0 and stand alone on a line.
func onlyNumbers(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.Trim(line, "0123456789") == "" && line != "" && line != "0" {
			lines[i] = "N"
		}
	}
	return strings.Join(lines, "\n")
}

// A terminal is a supervisorctl that runs until Ctrl-C.
type terminal struct {
	*site
	cmd *exec.Cmd
	in  io.WriteCloser
	out *os.File // what it writes, a file so that nobody need read it
}

func (s *site) terminal(args ...string) *terminal {
	s.Helper()
	out, err := os.CreateTemp(s.dir, "terminal")
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { out.Close() })
	cmd := exec.CommandContext(s.Context(), s.ctl, append([]string{"-c", s.path("supervisord.conf")}, args...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, out, out
	// Python holds back what it writes to a file.
	cmd.Env = append(s.env, "PYTHONUNBUFFERED=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		s.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	return &terminal{s, cmd, in, out}
}

func (c *terminal) text() string {
	c.Helper()
	text, err := os.ReadFile(c.out.Name())
	if err != nil {
		c.Fatal(err)
	}
	return string(text)
}

// shows waits until a text has been written.
func (c *terminal) shows(text string) {
	c.Helper()
	c.until("supervisorctl shows "+text, func() bool { return strings.Contains(c.text(), text) })
}

// incidental is what the original says when Ctrl-C meets it in the middle of
// reading, which is a matter of luck.
var incidental = regexp.MustCompile(`(?m)^\S+ Cannot connect, .*\n`)

// interrupt presses Ctrl-C, and returns what was written and the exit status.
// Until the program has ended it keeps doing something.
func (c *terminal) interrupt(meanwhile func()) string {
	c.Helper()
	if err := c.cmd.Process.Signal(syscall.SIGINT); err != nil {
		c.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = c.cmd.Wait(); close(ended) }() // ends with the program, which runs as long as the test at most
	c.until("supervisorctl has ended", func() bool {
		select {
		case <-ended:
			return true
		default:
			meanwhile()
			return false
		}
	})
	text := strings.TrimSpace(incidental.ReplaceAllString(c.text(), ""))
	return fmt.Sprintf("%s\nexit status %d", text, c.cmd.ProcessState.ExitCode())
}

// What is written to a log while somebody follows it, until Ctrl-C.
func TestSupervisorctlFollow(t *testing.T) {
	need(t)
	compare(t, func(s *site) {
		s.ctlStart()
		say := func(line string) {
			s.Helper()
			if err := s.rpc.SendProcessStdin(s.Context(), "web", line+"\n"); err != nil {
				s.Fatal(err)
			}
		}
		say("before")
		s.until("the line is in the log", func() bool { return s.read("web.log") == "before\n" })
		follow := s.terminal("tail", "-f", "web")
		follow.shows("before\n")
		say("zwölf <&>")
		follow.shows("zwölf <&>\n")
		s.note("tail -f", follow.interrupt(func() {}))

		main := s.terminal("maintail", "-f")
		main.shows("success: web")
		if err := s.rpc.StartProcess(s.Context(), "idle", true); err != nil {
			s.Fatal(err)
		}
		main.shows("success: idle")
		text := main.interrupt(func() {})
		s.note("maintail -f", text[strings.LastIndex(text, "INFO success: idle"):])
	}, mixed()...)
}

// A program in the foreground: what is typed reaches it, what it writes is
// shown, and Ctrl-C leaves it running.
func TestSupervisorctlForeground(t *testing.T) {
	need(t)
	compare(t, func(s *site) {
		s.ctlStart()
		fg := s.terminal("fg", "web")
		if _, err := io.WriteString(fg.in, "hello\n"); err != nil {
			s.Fatal(err)
		}
		fg.shows("hello\n")
		// The original looks whether it is to end when a log has grown, or after
		// half a minute.
		wake := func() {
			if err := s.rpc.SendProcessStdin(s.Context(), "web", "more\n"); err != nil {
				s.Fatal(err)
			}
		}
		s.note("fg", strings.ReplaceAll(fg.interrupt(wake), "more\n", ""))
		s.ctlNotes("status|web")
	}, mixed()...)
}
