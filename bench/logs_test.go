package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const writers = 8

// measureLogs has 8 children write as fast as they are read, in turns into our
// rotated logs and into the files of a bare copier.
func measureLogs(h *harness) error {
	r := row{what: fmt.Sprintf("log capture, %d writers, rotated files", writers), unit: "MB/s"}
	bare := map[string]sample{}
	for range h.rounds {
		best := 0.0
		for _, how := range []string{"copy", "splice"} {
			got, err := h.capture(how)
			if err != nil {
				return fmt.Errorf("%s: %w", how, err)
			}
			bare[how] = append(bare[how], got)
			best = max(best, got)
		}
		r.limit = append(r.limit, best)
		got, err := h.capture("ours")
		if err != nil {
			return err
		}
		r.ours = append(r.ours, got)
	}
	for range h.theirs {
		if !h.original {
			break
		}
		got, err := h.capture("original")
		if err != nil {
			return fmt.Errorf("original: %w", err)
		}
		r.theirs = append(r.theirs, got)
	}
	r.others = []other{{"read/write", bare["copy"]}, {"splice", bare["splice"]}}
	r.checks = []check{atLeast("the better bare copier", 0.8, ratio(r.ours, r.limit))}
	h.add(r)
	return nil
}

// A race is a number of children that begin to write at one moment.
type race struct {
	gate, report *os.File
	paths        [2]string
}

func newRace(dir string) (*race, error) {
	r := &race{paths: [2]string{filepath.Join(dir, "report"), filepath.Join(dir, "gate")}}
	var err1, err2 error
	r.report, err1 = fifo(r.paths[0])
	r.gate, err2 = fifo(r.paths[1])
	return r, errors.Join(err1, err2)
}

// await reads one letter of each child.
func (r *race) await(letter byte) error {
	if err := r.report.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		return err
	}
	buf := make([]byte, writers)
	if _, err := io.ReadFull(r.report, buf); err != nil {
		return err
	}
	if strings.Trim(string(buf), string(letter)) != "" {
		return fmt.Errorf("the writers say %q, want only %q", buf, letter)
	}
	return nil
}

// capture returns megabytes a second, from the moment at which the writers may
// begin until all bytes are in the files, and checks that they are what was
// written.
func (h *harness) capture(how string) (float64, error) {
	dir, err := h.newDir()
	if err != nil {
		return 0, err
	}
	r, err := newRace(dir)
	if err != nil {
		return 0, err
	}
	defer r.report.Close()
	lines := h.logBytes / lineLength
	stop, err := h.startWriters(how, dir, r)
	if err != nil {
		return 0, err
	}
	if err := r.await('r'); err != nil {
		return 0, err
	}
	begun := time.Now()
	if err := r.gate.Close(); err != nil {
		return 0, err
	}
	if err := r.await('d'); err != nil {
		return 0, err
	}
	total := int64(writers * lines * lineLength)
	err = h.until("all bytes are in the files", time.Millisecond, func() (bool, error) {
		n, err := logSize(dir)
		return n == total, err
	})
	if err != nil {
		return 0, err
	}
	took := time.Since(begun)
	if err := stop(); err != nil {
		return 0, err
	}
	for i := range writers {
		if err := checkLines(filepath.Join(dir, fmt.Sprintf("w%d.log", i)), lines); err != nil {
			return 0, err
		}
	}
	return float64(total) / 1e6 / took.Seconds(), os.RemoveAll(dir)
}

// startWriters starts 8 writers under a daemon or a copier.
func (h *harness) startWriters(how, dir string, r *race) (stop func() error, err error) {
	size := fmt.Sprint(h.logBytes)
	if how == "copy" || how == "splice" {
		cmd, kill, err := h.role("as-copy", how, dir, fmt.Sprint(writers), h.self, "as-writer", r.paths[0], r.paths[1], size)
		if err != nil {
			return nil, err
		}
		return func() error {
			defer kill()
			return cmd.Wait()
		}, nil
	}
	// Rotated some ten times, and nothing is ever removed.
	s, err := h.up(how == "ours", fmt.Sprintf(`[program:w]
command=@SELF@ as-writer %s %s %s
numprocs=%d
process_name=w%%(process_num)d
startsecs=0
stdout_logfile=%s/w%%(process_num)d.log
stdout_logfile_maxbytes=%d
stdout_logfile_backups=100
`, r.paths[0], r.paths[1], size, writers, dir, h.logBytes/10))
	if err != nil {
		return nil, err
	}
	return func() error { _, err := s.stop(); return err }, nil
}

// logSize is how much is in all logs of a directory and their backups. A file
// that is renamed between listing and looking is found the next time.
func logSize(dir string) (int64, error) {
	names, err := filepath.Glob(filepath.Join(dir, "w*.log*"))
	var total int64
	for _, name := range names {
		info, err := os.Stat(name)
		if errors.Is(err, os.ErrNotExist) {
			return -1, nil
		}
		if err != nil {
			return 0, err
		}
		total += info.Size()
	}
	return total, err
}

// checkLines reads a log from its oldest backup on: every line must be there,
// once and in order. A rotation may fall within a line.
func checkLines(path string, lines int) error {
	backups, err := filepath.Glob(path + ".*")
	if err != nil {
		return err
	}
	var parts []io.Reader
	for i := len(backups); i >= 0; i-- {
		name := path
		if i > 0 {
			name = path + "." + strconv.Itoa(i)
		}
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		parts = append(parts, file)
	}
	in := bufio.NewScanner(io.MultiReader(parts...))
	next := 0
	var want []byte
	for ; in.Scan(); next++ {
		if want = fmt.Appendf(want[:0], "%0*d", lineLength-1, next); !bytes.Equal(in.Bytes(), want) {
			return fmt.Errorf("%s has %.110q, want line %d", path, in.Text(), next)
		}
	}
	if next != lines || in.Err() != nil {
		return fmt.Errorf("%s has %d lines, want %d: %v", path, next, lines, in.Err())
	}
	return nil
}
