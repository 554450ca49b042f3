package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// measureCtl runs supervisorctl status, cold each time, in turns with a
// program that does nothing.
func measureCtl(h *harness) error {
	for _, c := range []struct {
		programs int
		more     float64 // milliseconds
	}{{10, 5}, {h.programs, 12}} {
		if err := h.statusRow(c.programs, c.more); err != nil {
			return fmt.Errorf("%d programs: %w", c.programs, err)
		}
	}
	return nil
}

func (h *harness) statusRow(n int, more float64) error {
	s, err := h.up(true, quiet("p", n, ""))
	if err != nil {
		return err
	}
	if _, err := s.running(n); err != nil {
		return err
	}
	link := filepath.Join(s.dir, "supervisorctl")
	if err := os.Symlink(h.daemon, link); err != nil {
		return err
	}
	r := row{what: fmt.Sprintf("supervisorctl status, %d programs", n), unit: "ms"}
	var added sample
	for range h.rounds * h.runs {
		nothing, err := s.command(0, "/bin/true")
		if err != nil {
			return err
		}
		status, err := s.command(n, link, "-c", s.conf(), "status")
		if err != nil {
			return err
		}
		r.limit, r.ours = append(r.limit, nothing), append(r.ours, status)
		added = append(added, status-nothing)
	}
	for range h.theirs {
		if !h.original {
			break
		}
		// Theirs asks ours: what its own daemon takes is in another row.
		status, err := s.command(n, originalCtl, "-c", s.conf(), "status")
		if err != nil {
			return fmt.Errorf("original: %w", err)
		}
		r.theirs = append(r.theirs, status)
	}
	got := added.median()
	r.checks = []check{{fmt.Sprintf("at most %g ms more than true", more), fmt.Sprintf("%.1f ms", got), got <= more}}
	h.add(r)
	_, err = s.stop()
	return err
}

// command runs a program, which must succeed and print n lines of running
// programs, and returns its milliseconds.
func (s *stage) command(n int, argv ...string) (float64, error) {
	path := filepath.Join(s.dir, "output")
	out, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer out.Close()
	begun := time.Now()
	p, err := os.StartProcess(argv[0], argv, &os.ProcAttr{Dir: s.dir, Env: s.h.environ(), Files: []*os.File{nil, out, out}})
	if err != nil {
		return 0, err
	}
	state, err := p.Wait()
	took := time.Since(begun)
	if err != nil {
		return 0, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	if up := strings.Count(string(text), " RUNNING "); !state.Success() || up != n || strings.Count(string(text), "\n") != n {
		return 0, fmt.Errorf("%q: %v, %d of %d programs run:\n%.500s", argv, state, up, n, text)
	}
	return took.Seconds() * 1e3, nil
}
