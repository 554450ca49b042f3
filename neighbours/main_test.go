package neighbours

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The original, as Debian's package supervisor installs it.
const (
	originalDaemon = "/usr/bin/supervisord"
	originalCtl    = "/usr/bin/supervisorctl"
	python         = "/usr/bin/python3"
)

// toolsVar names the directory that TestMain has put our binary in.
const toolsVar = "TWIDDLER_NEIGHBOURS_TOOLS"

func TestMain(m *testing.M) { os.Exit(runAll(m)) }

func runAll(m *testing.M) int {
	dir, err := os.MkdirTemp("", "neighbours-tools-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = install(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	os.Setenv(toolsVar, dir)
	return m.Run()
}

// install puts our daemon into dir, and our supervisorctl, which is a link to
// it.
func install(dir string) error {
	daemon := filepath.Join(dir, "supervisord")
	if err := os.Symlink("supervisord", filepath.Join(dir, "supervisorctl")); err != nil {
		return err
	}
	if path := os.Getenv("TWIDDLER_DAEMON"); path != "" {
		return os.Symlink(path, daemon)
	}
	text, err := exec.Command("go", "build", "-o", daemon, "../cmd/supervisord").CombinedOutput()
	if err != nil {
		return fmt.Errorf("cannot build the daemon: %v\n%s", err, text)
	}
	return nil
}

// tool is the path of a file that belongs to this run.
func tool(name string) string { return filepath.Join(os.Getenv(toolsVar), name) }

// A pair is a daemon with a supervisorctl.
type pair struct {
	name   string
	daemon string
	ctl    string
}

func original() pair { return pair{"original", originalDaemon, originalCtl} }
func twiddler() pair { return pair{"twiddler", tool("supervisord"), tool("supervisorctl")} }

// need skips a test whose programs are not all installed; the original is
// always one of them.
func need(t *testing.T, paths ...string) {
	t.Helper()
	var missing []string
	for _, path := range append([]string{originalDaemon, originalCtl, python}, paths...) {
		if _, err := os.Stat(path); err != nil {
			missing = append(missing, path)
		}
	}
	if len(missing) != 0 {
		lacks(t, strings.Join(missing, ", "))
	}
}

// lacks ends a test that lacks something tools/setup-neighbours installs.
func lacks(t *testing.T, what string) {
	t.Helper()
	text := what + " is not installed: run tools/setup-neighbours"
	if os.Getenv("TWIDDLER_REQUIRE_NEIGHBOURS") == "1" {
		t.Fatal(text)
	}
	t.Skip(text)
}

// compare runs a story on both daemons, or with other pairs, and compares what
// it noted with the notes of the first.
func compare(t *testing.T, story func(s *site), pairs ...pair) {
	t.Helper()
	t.Parallel()
	if len(pairs) == 0 {
		pairs = []pair{original(), twiddler()}
	}
	notes := make([][]note, len(pairs))
	t.Run("on", func(t *testing.T) {
		for i, with := range pairs {
			t.Run(with.name, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, with)
				story(s)
				notes[i] = s.notes
			})
		}
	})
	if t.Failed() {
		return
	}
	for i, with := range pairs[1:] {
		compareNotes(t, with.name, notes[0], notes[i+1])
	}
}

// onOurs runs a story that only our daemon can play. It judges by itself.
func onOurs(t *testing.T, story func(s *site)) {
	t.Helper()
	t.Parallel()
	story(newSite(t, twiddler()))
}

// A note is one observation of a story.
type note struct{ label, text string }

func compareNotes(t *testing.T, name string, theirs, ours []note) {
	t.Helper()
	if len(theirs) == 0 || len(theirs) != len(ours) {
		t.Errorf("the original has %d observations, %s has %d", len(theirs), name, len(ours))
		return
	}
	for i, want := range theirs {
		t.Logf("%s\n%s", want.label, want.text)
		if got := ours[i]; got != want {
			t.Errorf("%s\nthe original:\n%s\n%s:\n%s", want.label, want.text, name, got.text)
		}
	}
}
