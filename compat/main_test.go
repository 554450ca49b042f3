package compat

import (
	"flag"
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

// toolsVar names the directory that TestMain has built the binaries in.
const toolsVar = "TWIDDLER_COMPAT_TOOLS"

func TestMain(m *testing.M) { os.Exit(runAll(m)) }

func runAll(m *testing.M) int {
	flag.Parse()
	dir, err := os.MkdirTemp("", "compat-tools-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = buildTools(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	os.Setenv(toolsVar, dir)
	// The scenarios wait far more than they compute.
	if !given("test.parallel") {
		flag.Set("test.parallel", "14")
	}
	return m.Run()
}

// given reports whether a flag stood on the command line.
func given(name string) bool {
	found := false
	flag.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// buildTools puts our daemon and the scenarios' child program into dir, which
// must be open to other users since some children run as one.
func buildTools(dir string) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	if err := build(filepath.Join(dir, "child"), "./testdata/child"); err != nil {
		return err
	}
	if path := os.Getenv("TWIDDLER_DAEMON"); path != "" {
		return os.Symlink(path, filepath.Join(dir, "supervisord"))
	}
	flags := []string{}
	if raceEnabled {
		flags = append(flags, "-race")
	}
	return build(filepath.Join(dir, "supervisord"), "../cmd/supervisord", flags...)
}

func build(out, pkg string, flags ...string) error {
	args := append([]string{"build", "-o", out}, flags...)
	text, err := exec.Command("go", append(args, pkg)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("cannot build %s: %v\n%s", pkg, err, text)
	}
	return nil
}

// tool is the path of a program that TestMain has built.
func tool(name string) string { return filepath.Join(os.Getenv(toolsVar), name) }

// A subject is a daemon that scenarios run on.
type subject struct {
	name   string
	daemon string
	ours   bool
}

func original() subject { return subject{"original", originalDaemon, false} }
func twiddler() subject { return subject{"twiddler", tool("supervisord"), true} }

// needOriginal skips a test that cannot run without the original.
func needOriginal(t *testing.T) {
	t.Helper()
	var missing []string
	for _, path := range []string{originalDaemon, originalCtl, python} {
		if _, err := os.Stat(path); err != nil {
			missing = append(missing, path)
		}
	}
	if len(missing) == 0 {
		return
	}
	text := "the original Supervisor is not installed (" + strings.Join(missing, ", ") + "): apt-get install supervisor"
	if os.Getenv("TWIDDLER_REQUIRE_REFERENCE") == "1" {
		t.Fatal(text)
	}
	t.Skip(text)
}

// compare runs a story on both daemons and compares what it noted.
func compare(t *testing.T, story func(s *stage)) {
	t.Helper()
	needOriginal(t)
	t.Parallel()
	var theirs, our []note
	t.Run("on", func(t *testing.T) {
		t.Run("original", func(t *testing.T) { t.Parallel(); theirs = play(t, original(), story) })
		t.Run("twiddler", func(t *testing.T) { t.Parallel(); our = play(t, twiddler(), story) })
	})
	if !t.Failed() {
		compareNotes(t, theirs, our)
	}
}

// onOurs runs a story on our daemon alone. It judges by itself.
func onOurs(t *testing.T, story func(s *stage)) {
	t.Helper()
	t.Parallel()
	play(t, twiddler(), story)
}

// better runs a story about something the original gets wrong. The story must
// answer true on ours, and false on the original: otherwise it shows nothing.
func better(t *testing.T, story func(s *stage) bool) {
	t.Helper()
	needOriginal(t)
	t.Parallel()
	for _, on := range []subject{original(), twiddler()} {
		t.Run(on.name, func(t *testing.T) {
			t.Parallel()
			play(t, on, func(s *stage) {
				if good := story(s); good != on.ours {
					t.Errorf("the story came out %t on the %s", good, on.name)
				}
			})
		})
	}
}

// play runs a story on one daemon and returns its notes.
func play(t *testing.T, on subject, story func(s *stage)) []note {
	s := newStage(t, on)
	story(s)
	s.finish()
	return s.notes
}
