// Package bench measures this project's supervisord and the original
// Supervisor side by side, together with what the machine itself allows: the
// same work done by a bare loop, in the same run, in turns. make bench prints
// the table; docs/performance.md explains its rows.
//
// Like packages compat and e2e it is no part of the program, so all of it is
// in test files. Its binary is at once the harness and what the daemons
// supervise: a first argument that begins with "as-" is a role, see roles.
package bench

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if role, ok := roles()[os.Args[1]]; ok {
			role(os.Args[2:])
			os.Exit(0)
		}
	}
	long := flag.Bool("long", false, "print the table of all measurements, and run no test")
	brief := flag.Bool("brief", false, "as -long, with small counts: it shows that the harness works and judges nothing")
	only := flag.String("only", ".*", "measure only those whose whole name matches this regular expression, of "+names())
	alone := flag.Bool("alone", false, "leave out the original Supervisor")
	rounds := flag.Int("rounds", 0, "turns of ours and the limit; 0 for as many as are usual")
	out := flag.String("o", "", "also write the table to this file")
	flag.Parse()
	if !*long && !*brief {
		os.Exit(m.Run())
	}
	s := longSizes()
	if *brief {
		s = shortSizes()
	}
	if *rounds > 0 {
		s.rounds = *rounds
	}
	if err := printTable(s, *only, *out, *alone); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// printTable measures and prints. What can be measured is printed even if
// something else failed.
func printTable(s sizes, only, path string, alone bool) error {
	pattern, err := regexp.Compile("^(" + only + ")$")
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	h, err := newHarness(ctx, s, os.Stderr)
	if err != nil {
		return err
	}
	defer h.close()
	if alone {
		h.original, h.twiddler = false, false
	}
	failed := h.run(pattern)
	out := io.Writer(os.Stdout)
	if path != "" {
		file, err := os.Create(path)
		if err != nil {
			return err
		}
		defer file.Close()
		out = io.MultiWriter(os.Stdout, file)
	}
	writeTable(out, h.rows, h.machine())
	return failed
}

// TestHarness runs every measurement in its short form. Each checks that its
// work was done; no time is judged.
func TestHarness(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	h, err := newHarness(ctx, shortSizes(), testLog{t})
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	if err := h.run(regexp.MustCompile("")); err != nil {
		t.Error(err)
	}
	want := map[string]bool{}
	for _, r := range h.rows {
		want[r.what] = true
		if len(r.ours) == 0 {
			t.Errorf("%s: nothing was measured", r.what)
		}
		if len(r.checks) == 0 && !r.extra {
			t.Errorf("%s: nothing is judged", r.what)
		}
	}
	if len(want) != len(h.rows) || len(h.rows) < 20 {
		t.Errorf("%d rows with %d names, want at least 20 different ones", len(h.rows), len(want))
	}
}

// testLog sends the harness's progress to the test's log.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Logf("%s", p)
	return len(p), nil
}
