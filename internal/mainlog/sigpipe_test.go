package mainlog

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"example.org/twiddler/level"
)

const childFile = "MAINLOG_TEST_FILE" // set in the environment of the test's own child

// TestMain is also the child of TestSIGPIPE: it logs to a broken standard
// output, by which the os package would end it.
func TestMain(m *testing.M) {
	path := os.Getenv(childFile)
	if path == "" {
		os.Exit(m.Run())
	}
	l, err := Open(Options{Path: path, Level: level.Info, Copy: os.Stdout})
	if err != nil {
		os.Exit(3)
	}
	l.Log(level.Info, "one")
	if l.Flush(context.Background()) != nil || l.Close() != nil {
		os.Exit(4)
	}
	os.Exit(5)
}

func TestSIGPIPE(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	path := filepath.Join(t.TempDir(), "log")
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childFile+"="+path)
	cmd.Stdout = w
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != 5 {
		t.Errorf("the child ended with %v, want status 5", err)
	}
	text, err := os.ReadFile(path)
	if err != nil || strings.Count(string(text), "broken pipe; it is no longer copied") != 1 {
		t.Errorf("the log is %q, %v", text, err)
	}
}
