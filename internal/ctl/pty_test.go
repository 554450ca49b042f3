package ctl

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// A console is supervisorctl on a terminal. Only the test's goroutine may use
// it.
type console struct {
	*testing.T
	cmd    *exec.Cmd
	pty    *os.File
	exited chan struct{} // closed when the program has ended
	stuck  atomic.Bool   // it had to be killed

	mu   sync.Mutex // guards the fields below
	cond *sync.Cond
	text string // what came and has not been expected yet
	end  bool   // nothing more comes
}

// patience bounds every wait. Nothing waits this long unless it has failed.
const patience = 20 * time.Second

// newConsole starts supervisorctl on a terminal of 100 columns.
func newConsole(t *testing.T, f *fake, conf string, env []string, args ...string) *console {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ctl.conf")
	if err := os.WriteFile(path, []byte("[supervisorctl]\nserverurl="+f.URL+"\n"+conf), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &console{T: t, exited: make(chan struct{})}
	c.cond = sync.NewCond(&c.mu)
	c.cmd = exec.Command(self, append([]string{"-c", path}, args...)...)
	c.cmd.Env = append(os.Environ(), asCommand+"=1", "TERM=xterm", "NO_COLOR=")
	c.cmd.Env = append(c.cmd.Env, env...)
	terminal, err := pty.StartWithSize(c.cmd, &pty.Winsize{Cols: 100, Rows: 30})
	if err != nil {
		t.Skipf("no terminal can be made: %v", err)
	}
	c.pty = unblocked(t, terminal)
	go c.read() // ends when the program does
	go func() { // likewise
		_ = c.cmd.Wait()
		close(c.exited)
	}()
	stuck := time.AfterFunc(patience, func() {
		c.stuck.Store(true)
		_ = c.cmd.Process.Kill()
	})
	t.Cleanup(func() {
		stuck.Stop()
		_ = c.cmd.Process.Kill()
		<-c.exited
		_ = c.pty.Close()
	})
	return c
}

// unblocked is the same terminal, but one whose Close does not wait for a
// Read.
func unblocked(t *testing.T, terminal *os.File) *os.File {
	defer terminal.Close()
	fd, err := unix.FcntlInt(terminal.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fd), "terminal")
}

func (c *console) read() {
	piece := make([]byte, 4096)
	for {
		n, err := c.pty.Read(piece)
		c.mu.Lock()
		c.text += string(piece[:n])
		c.end = err != nil
		c.cond.Broadcast()
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// expect waits for a text on the screen and returns what came before it.
func (c *console) expect(want string) string {
	c.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if before, after, ok := strings.Cut(c.text, want); ok {
			c.text = after
			return before
		}
		if c.end {
			c.Fatalf("the end came before %q; the screen has %q", want, c.text)
		}
		c.cond.Wait()
	}
}

// press types keys.
func (c *console) press(keys string) {
	c.Helper()
	if _, err := c.pty.WriteString(keys); err != nil {
		c.Fatal(err)
	}
}

// finish waits for the end and checks the exit status and the rest of the
// screen.
func (c *console) finish(code int, rest string) {
	c.Helper()
	<-c.exited
	if c.stuck.Load() {
		c.Error("it does not end")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.end {
		c.cond.Wait()
	}
	if c.text != rest || c.cmd.ProcessState.ExitCode() != code {
		c.Errorf("exit status %d after %q, want %d and %q", c.cmd.ProcessState.ExitCode(), c.text, code, rest)
	}
}

const ctrlC, ctrlD = "\x03", "\x04"

func consoleFake(t *testing.T) *fake {
	f := newFake(t)
	f.answer("getAllProcessInfo", []any{process("cat", "cat", 20, "RUNNING", "x"), process("evil\u009b", "evil\u009b", 200, "FATAL", "y")})
	f.answer("getProcessInfo", process("cat", "cat", 20, "RUNNING", "x"))
	f.answer("getSupervisorVersion", "v4")
	f.streams["/logtail/cat/stdout"] = "out \x1b[32mgreen\x1b[0m \x1b]0;title\a.\n"
	f.streams["/logtail/cat/stderr"] = "err\n"
	return f
}

func TestConsoleShell(t *testing.T) {
	t.Parallel()
	f := consoleFake(t)
	history := filepath.Join(t.TempDir(), "history")
	if err := os.WriteFile(history, []byte("version\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := newConsole(t, f, "history_file="+history+"\nprompt=me", nil)
	c.expect("cat                              \x1b[32mRUNNING\x1b[0m   x\r\n")
	c.expect("evil<U+009B>                     \x1b[31mFATAL\x1b[0m     y\r\n")
	c.expect("me> ")
	c.press("\x1b[A\r") // up: the line of the last time
	c.expect("v4\r\n")
	c.press("stat\tc\t\r")
	c.expect("status cat")
	c.expect("RUNNING")
	c.expect("me> ")
	c.press(ctrlD)
	c.expect("\r\n")
	c.finish(0, "")
	if text, err := os.ReadFile(history); err != nil || string(text) != "version\nstatus cat \n" {
		t.Errorf("history %q, %v", text, err)
	}
}

func TestConsoleColours(t *testing.T) {
	t.Parallel()
	for _, env := range []string{"NO_COLOR=1", "TERM=dumb"} {
		c := newConsole(t, consoleFake(t), "", []string{env}, "status", "cat")
		c.finish(0, "cat                              RUNNING   x\r\n")
	}
	c := newConsole(t, consoleFake(t), "", nil, "status", "cat")
	c.finish(0, "cat                              \x1b[32mRUNNING\x1b[0m   x\r\n")
}

func TestConsoleDumb(t *testing.T) {
	t.Parallel()
	c := newConsole(t, consoleFake(t), "", []string{"TERM=dumb"})
	c.expect("supervisor> ")
	c.press("version\n")
	c.expect("v4\r\n")
	c.expect("supervisor> ")
	c.press(ctrlC)
	c.expect("\r\n")
	c.finish(0, "")
}

// TestConsoleHistoryUnwritable: as with the original, nobody is told.
func TestConsoleHistoryUnwritable(t *testing.T) {
	t.Parallel()
	c := newConsole(t, consoleFake(t), "history_file=/nonexistent/dir/history", nil)
	c.expect("supervisor> ")
	c.press("version\r")
	c.expect("v4\r\n")
	c.expect("supervisor> ")
	c.press(ctrlC)
	c.expect("\r\n")
	c.finish(0, "")
}

// TestConsoleFollow: Ctrl-C ends the stream and not the shell.
func TestConsoleFollow(t *testing.T) {
	t.Parallel()
	c := newConsole(t, consoleFake(t), "", nil)
	c.expect("supervisor> ")
	for range 2 {
		c.press("tail -f cat\r")
		c.expect("==> Press Ctrl-C to exit <==\r\n")
		c.expect("out \x1b[32mgreen\x1b[0m .\r\n")
		c.press(ctrlC)
		c.expect("supervisor> ")
	}
	c.press("quit\r")
	c.expect("\r\n")
	c.finish(0, "\r\n")
}

func TestConsoleFollowOnce(t *testing.T) {
	t.Parallel()
	c := newConsole(t, consoleFake(t), "", nil, "tail", "-f", "cat", "stderr")
	c.expect("==> Press Ctrl-C to exit <==\r\nerr\r\n")
	c.press(ctrlC)
	c.expect("^C")
	c.finish(0, "\r\n")
}

func TestConsoleForeground(t *testing.T) {
	t.Parallel()
	f := consoleFake(t)
	lines := make(chan string, 4)
	f.handle("sendProcessStdin", func(params []any) (any, error) {
		lines <- params[1].(string)
		return true, nil
	})
	c := newConsole(t, f, "", nil)
	c.expect("supervisor> ")
	c.press("fg cat\r")
	c.expect("==> Press Ctrl-C to exit <==\r\n")
	c.expect("green")
	c.press("hello there\n")
	if got := <-lines; got != "hello there\n" {
		t.Errorf("the process reads %q", got)
	}
	c.press("half a li" + ctrlC)
	c.expect("Exiting foreground\r\n")
	c.expect("supervisor> ")
	c.press("version\r")
	c.expect("v4\r\n")
	c.press("fg cat\r")
	c.expect("==> Press Ctrl-C to exit <==\r\n")
	// Nobody types: the end of the process shows by itself.
	f.answer("getProcessInfo", process("cat", "cat", 100, "EXITED", ""))
	c.expect("Process got killed\r\nExiting foreground\r\n")
	c.expect("supervisor> ")
	c.press(ctrlD)
	c.expect("\r\n")
	c.finish(0, "")
}

func TestConsolePassword(t *testing.T) {
	t.Parallel()
	f := consoleFake(t)
	f.password = "secret"
	c := newConsole(t, f, "", nil, "-i", "version")
	c.expect("Server requires authentication\r\nUsername:")
	c.press("me\n")
	c.expect("Password:")
	c.press("secret\n")
	if before := c.expect("v4\r\n"); before != "\r\n\r\n" {
		t.Errorf("after the password the screen has %q", before)
	}
	c.finish(0, "")
}

func TestConsoleWatch(t *testing.T) {
	t.Parallel()
	f := consoleFake(t)
	c := newConsole(t, f, "", nil, "status", "-w", "cat")
	c.expect("\x1b[2J\x1b[Hcat                              \x1b[32mRUNNING\x1b[0m   x\x1b[K\r\n\x1b[J")
	f.answer("getAllProcessInfo", []any{process("cat", "cat", 100, "EXITED", "then")})
	c.expect("\x1b[Hcat                              \x1b[2mEXITED\x1b[0m    then\x1b[K\r\n\x1b[J")
	c.press(ctrlC)
	c.expect("^C\r\n")
	c.finish(0, "")
}

// TestConsoleGoesAway: a terminal that closes ends the program, whatever it is
// doing.
func TestConsoleGoesAway(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"", "tail -f cat\r", "fg cat\r", "status -w\r", "shutdown\r"} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			c := newConsole(t, consoleFake(t), "", nil)
			c.expect("supervisor> ")
			if line != "" {
				c.press(line)
				c.expect("\n")
			}
			if err := c.pty.Close(); err != nil {
				t.Fatal(err)
			}
			<-c.exited
			if c.stuck.Load() {
				t.Error("it does not end")
			}
		})
	}
}
