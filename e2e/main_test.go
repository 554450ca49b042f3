// Package e2e runs the program as it is shipped, and does to it what its
// documentation says and what goes wrong in practice.
//
//	go test ./e2e -scale   5,000 children instead of 2,000
//	go test ./e2e -long    10,000 restarts and 1,000 reopened logs
package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var (
	scale = flag.Bool("scale", false, "run 5,000 children instead of 2,000")
	long  = flag.Bool("long", false, "make 10,000 restarts and 1,000 reopens")
)

// python is the interpreter that Debian's package of Supervisor belongs to.
const python = "/usr/bin/python3"

// daemonVar names the binary that TestMain has built.
const daemonVar = "TWIDDLER_E2E_DAEMON"

func TestMain(m *testing.M) { os.Exit(runAll(m)) }

func runAll(m *testing.M) int {
	flag.Parse()
	dir, err := os.MkdirTemp("", "e2e-bin-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = build(filepath.Join(dir, "supervisord"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// build makes the binary as make build does: what it needs of memory and of
// wake-ups must be that of the shipped one, not of one that looks for races.
func build(path string) error {
	os.Setenv(daemonVar, path)
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "../cmd/supervisord")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build supervisord: %v\n%s", err, text)
	}
	return nil
}

func daemonPath() string { return os.Getenv(daemonVar) }

// needReference skips a test that cannot run without Python and the package of
// the original Supervisor.
func needReference(t *testing.T, check ...string) {
	t.Helper()
	out, err := exec.Command(python, append([]string{"-c"}, check...)...).CombinedOutput()
	if err == nil {
		return
	}
	text := fmt.Sprintf("cannot run %s -c %q: %v\n%s", python, check, err, out)
	if os.Getenv("TWIDDLER_REQUIRE_REFERENCE") == "1" {
		t.Fatal(text)
	}
	t.Skip(text)
}
