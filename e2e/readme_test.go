package e2e

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// newExample is a site that is laid out like the repository after make build,
// so that its example and its script can run beside another one: all that
// differs is the port.
func newExample(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	for _, dir := range []string{"bin", "examples", "run"} {
		if err := os.Mkdir(s.path(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(daemonPath(), s.path("bin", "supervisord")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"run", "supervisord.conf"} {
		text, err := os.ReadFile(filepath.Join("..", "examples", name))
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.ReplaceAll(text, []byte("127.0.0.1:9001"), []byte(s.fill("127.0.0.1:@PORT@")))
		if err := os.WriteFile(s.path("examples", name), text, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.connect("run/supervisor.sock")
	return s
}

// startExample does what make run does.
func (s *site) startExample() {
	s.Helper()
	s.exec(exec.Command("./examples/run"))
	s.ready()
}

// sessions are the transcripts of a document: the text of each block that is
// marked as one.
func sessions(t *testing.T, document string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", document))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range regexp.MustCompile("(?s)```pycon\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		found = append(found, m[1])
	}
	if len(found) == 0 {
		t.Fatalf("%s has no session", document)
	}
	return found
}

// A typist sits before Python's prompt.
type typist struct {
	*site
	in     io.Writer
	out    chan []byte
	output strings.Builder
}

func newTypist(s *site) *typist {
	s.Helper()
	cmd := exec.Command(python, "-q", "-i", "-u")
	cmd.Dir = s.dir
	in, err := cmd.StdinPipe()
	if err != nil {
		s.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		s.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	err = cmd.Start()
	w.Close()
	if err != nil {
		s.Fatal(err)
	}
	y := &typist{site: s, in: in, out: make(chan []byte)}
	// Ends when Python has ended and all it wrote is read.
	go func() {
		defer close(y.out)
		defer r.Close()
		for {
			buf := make([]byte, 4096)
			n, err := r.Read(buf)
			if err != nil {
				return
			}
			y.out <- buf[:n]
		}
	}()
	s.Cleanup(func() {
		in.Close() // Python ends at the end of its input
		for range y.out {
		}
		cmd.Wait()
	})
	return y
}

const prompt = ">>> "

// answer waits for the next prompt and returns what was printed before it.
func (y *typist) answer() string {
	y.Helper()
	deadline := time.After(patience)
	for !strings.HasSuffix(y.output.String(), prompt) {
		select {
		case text, ok := <-y.out:
			if !ok {
				y.Fatalf("Python has ended: %s", y.output.String())
			}
			y.output.Write(text)
		case <-deadline:
			y.Fatalf("Python gives no prompt: %q", y.output.String())
		}
	}
	text := strings.TrimSuffix(y.output.String(), prompt)
	y.output.Reset()
	return text
}

// replay types the lines of a session and returns the session as it is now.
// Between two lines passes as much time as a person would take: until nothing
// is on its way.
func (y *typist) replay(session string) string {
	y.Helper()
	var now strings.Builder
	y.answer()
	for line := range strings.Lines(session) {
		typed, ok := strings.CutPrefix(line, prompt)
		if !ok {
			continue
		}
		if _, err := io.WriteString(y.in, y.local(typed)); err != nil {
			y.Fatal(err)
		}
		now.WriteString(line)
		now.WriteString(y.answer())
		y.settled()
	}
	return now.String()
}

// local is a line of a document with the port of this site.
func (s *site) local(line string) string {
	return strings.NewReplacer("127.0.0.1:9001", s.fill("127.0.0.1:@PORT@"), "127.0.0.1:9009", s.fill("127.0.0.1:@PORT@")).Replace(line)
}

// settled waits until no process is about to start or to end.
func (s *site) settled() {
	s.Helper()
	s.until("everything has settled", func() bool {
		all, err := s.client.GetAllProcessInfo(s.Context())
		if err != nil {
			s.Fatal(err)
		}
		for _, p := range all {
			passing := p.StateName == "STARTING" || p.StateName == "STOPPING" || p.StateName == "BACKOFF"
			if passing || (p.Name == "ls" || p.Name == "date") && p.StateName == "RUNNING" {
				return false
			}
		}
		return true
	})
}

// listing is what ls prints, as Python shows the first 50 bytes of it. What is
// in a directory is different everywhere.
var listing = regexp.MustCompile(`(?m)^'total \d+\\n[-dl][-rwxst]{9}.{1,40}'$`)

func blur(session string) string {
	if m := listing.FindString(session); len(m) != 50+2+strings.Count(m, `\n`) {
		return session
	}
	return listing.ReplaceAllString(session, "<50 bytes of a listing>")
}

// The sessions of the README work as they stand there.
func TestReadmeSessions(t *testing.T) {
	t.Parallel()
	all := sessions(t, "README.md")
	if len(all) != 2 || !strings.Contains(all[0], "http://") || !strings.Contains(all[1], "SupervisorTransport") {
		t.Fatalf("README.md should have a session over TCP and one over the unix socket, it has %q", all)
	}
	needReference(t, "import supervisor.xmlrpc")
	s := newExample(t)
	s.startExample()
	s.settled()
	for _, want := range all {
		got := newTypist(s).replay(want)
		if !strings.Contains(blur(want), "<50 bytes of a listing>") {
			t.Errorf("no listing in the session\n%s", want)
		}
		if blur(got) != blur(want) {
			t.Errorf("the session is now\n%s\nin README.md it is\n%s", got, want)
		}
	}
}

// So does the one about twiddling.
func TestTwiddlingSession(t *testing.T) {
	t.Parallel()
	needReference(t, "import xmlrpc.client")
	s := newExample(t)
	s.startExample()
	s.settled()
	for _, want := range sessions(t, "docs/twiddling.md") {
		if got := newTypist(s).replay(want); got != want {
			t.Errorf("the session is now\n%s\nin docs/twiddling.md it is\n%s", got, want)
		}
	}
}

// make run prints what to type, what it prints can be typed, and Ctrl-C ends
// all of it.
func TestExampleRun(t *testing.T) {
	t.Parallel()
	needReference(t, "import xmlrpc.client")
	s := newExample(t)
	s.startExample()
	s.settled()

	var typed strings.Builder
	for line := range strings.Lines(s.read("output")) {
		if line, ok := strings.CutPrefix(line, "    "); ok {
			// The prompt shows a listing in one line if it is not printed.
			typed.WriteString(prompt + strings.Replace(line, "print(", "(", 1))
		}
	}
	if !strings.Contains(typed.String(), "addProgramToGroup") {
		t.Fatalf("the script printed\n%s", s.read("output"))
	}
	got := newTypist(s).replay(typed.String())
	if strings.Contains(got, "Traceback") {
		t.Error(got)
	}
	if !strings.Contains(blur(got), "<50 bytes of a listing>") {
		t.Errorf("no listing:\n%s", got)
	}
	for _, p := range []string{"('clock', 'RUNNING')", "('greeting', 'EXITED')", "('worker_0', 'RUNNING')", "('worker_1', 'RUNNING')"} {
		if !strings.Contains(got, p) {
			t.Errorf("no %s in\n%s", p, got)
		}
	}
	if status := s.stop(syscall.SIGINT); status != 0 {
		t.Errorf("exit status %d", status)
	}
	for _, name := range []string{"run/supervisor.sock", "run/supervisord.pid"} {
		if _, err := os.Lstat(s.path(name)); !os.IsNotExist(err) {
			t.Errorf("%s is left behind: %v", name, err)
		}
	}
}

// blocks are the commands of a document that are shown with their output.
func blocks(t *testing.T, document string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", document))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		found = append(found, m[1])
	}
	return found
}

// What a command prints that is different each time.
var (
	dateLine = regexp.MustCompile(`(?m)^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d UTC \d{4}$`)
	pidField = regexp.MustCompile(`pid \d+, uptime \d:\d\d:\d\d`)
	waitTime = regexp.MustCompile(`(checks no password for) \w+,`)
	recordAt = regexp.MustCompile(`(?m)^(\d+) \d{4}-\d\d-\d\d \d\d:\d\d:\d\d (.*) \(uid \d+, [^)]*\)$`)
	leaseEnd = regexp.MustCompile(`(?m)^(\S+:\S+ +)(\d+h)?(\d+m)?\d+s$`)
	exitDate = regexp.MustCompile(`(?m)(EXITED +)\w{3} \d\d \d\d:\d\d [AP]M$`)
)

func blurOutput(text string) string {
	text = pidField.ReplaceAllString(dateLine.ReplaceAllString(text, "<date>"), "<running>")
	text = waitTime.ReplaceAllString(text, "$1 <wait>,")
	text = leaseEnd.ReplaceAllString(recordAt.ReplaceAllString(text, "$1 <date> $2 <caller>"), "$1<time left>")
	return exitDate.ReplaceAllString(text, "$1<date>")
}

// A step is a command of a block, and what it prints there.
type step struct{ command, output string }

func steps(block string) []step {
	var found []step
	for line := range strings.Lines(block) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			found = append(found, step{command: command})
		} else if len(found) > 0 {
			found[len(found)-1].output += line
		}
	}
	return found
}

// shell runs the commands of a block as a person would, and compares what they
// print.
func (s *site) shell(document, block string) {
	s.Helper()
	for _, want := range steps(block) {
		var got string
		run := func() bool {
			cmd := exec.Command("/bin/sh", "-c", s.local(want.command))
			cmd.Dir = s.dir
			cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C")
			out, _ := cmd.CombinedOutput() // a status is part of what a block shows, if it matters
			got = string(out)
			return blurOutput(got) == blurOutput(want.output)
		}
		if strings.HasPrefix(want.command, "tail ") {
			s.until("the end of the log is\n"+want.output, run) // a person would look again
		} else if !run() {
			s.Errorf("%s: $ %sprints\n%snot\n%s", document, want.command, got, want.output)
		}
		s.settled()
	}
}

// The commands that the documents show with their output have that output.
func TestDocumentedCommands(t *testing.T) {
	t.Parallel()
	for _, document := range []string{"README.md", "docs/twiddling.md", "docs/operating.md"} {
		t.Run(filepath.Base(document), func(t *testing.T) {
			t.Parallel()
			all := blocks(t, document)
			if len(all) == 0 {
				t.Fatalf("%s shows no command", document)
			}
			s := newExample(t)
			s.startExample()
			s.settled()
			for _, want := range all {
				s.shell(document, want)
			}
		})
	}
}

// The extension of the example works as its document says, as a binary of its
// own.
func TestExtensionSession(t *testing.T) {
	t.Parallel()
	needReference(t, "import xmlrpc.client")
	text, err := os.ReadFile("../docs/extensions.md")
	if err != nil {
		t.Fatal(err)
	}
	conf := regexp.MustCompile("(?s)cat > run/cache.conf <<END\n(.*?)END\n").FindStringSubmatch(string(text))
	if conf == nil {
		t.Fatal("docs/extensions.md has no configuration")
	}
	s := newSite(t)
	if err := os.Mkdir(s.path("run"), 0o755); err != nil {
		t.Fatal(err)
	}
	binary := s.path("supervisord-cache")
	if out, err := exec.Command("go", "build", "-o", binary, "../examples/extension/cmd/supervisord-cache").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.write("run/cache.conf", s.local(conf[1])+"[unix_http_server]\nfile=s.sock\n")
	s.exec(exec.Command(binary, "-c", "run/cache.conf"))
	s.ready()
	for _, want := range sessions(t, "docs/extensions.md") {
		if got := newTypist(s).replay(want); got != want {
			t.Errorf("the session is now\n%s\nin docs/extensions.md it is\n%s", got, want)
		}
	}
}
