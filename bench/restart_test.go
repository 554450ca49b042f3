package bench

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// measureRestart kills a child and waits for the first instructions of the
// one that takes its place.
func measureRestart(h *harness) error {
	ours, stopOurs, err := h.phoenixOf(true)
	if err != nil {
		return err
	}
	bare, err := h.newPhoenix()
	if err != nil {
		return err
	}
	_, stopBare, err := h.role(append([]string{"as-respawn"}, bare.argv...)...)
	if err != nil {
		return err
	}
	defer stopBare()
	p50 := row{what: "SIGKILL to the new child, p50", unit: "ms"}
	p99 := row{what: "SIGKILL to the new child, p99", unit: "ms"}
	var allBare, allOurs sample // one turn has too few for a p99
	for range h.rounds {
		b, err := bare.kills(h.restarts, 5*time.Millisecond)
		if err != nil {
			return fmt.Errorf("bare loop: %w", err)
		}
		o, err := ours.kills(h.restarts, 5*time.Millisecond)
		if err != nil {
			return err
		}
		p50.limit, p50.ours = append(p50.limit, b.median()), append(p50.ours, o.median())
		allBare, allOurs = append(allBare, b...), append(allOurs, o...)
	}
	p99.limit, p99.ours = sample{allBare.quantile(0.99)}, sample{allOurs.quantile(0.99)}
	if err := stopOurs(); err != nil {
		return err
	}
	if h.original {
		theirs, stop, err := h.phoenixOf(false)
		if err != nil {
			return err
		}
		if p50.theirs, err = theirs.kills(min(h.restarts, 6), 5*time.Millisecond); err != nil {
			return fmt.Errorf("original: %w", err)
		}
		if err := stop(); err != nil {
			return err
		}
	}
	if p50.others, err = h.otherPhoenixes(); err != nil {
		return err
	}
	p50.checks = []check{atMost("the bare loop", 1.5, ratio(p50.ours, p50.limit))}
	p99.checks = []check{atMost("the bare loop", 2.5, ratio(p99.ours, p99.limit))}
	h.add(p50)
	h.add(p99)
	return nil
}

// A phoenix is a program that tells its pid to a FIFO as it begins.
type phoenix struct {
	fifo *os.File
	argv []string
	dir  string
	pid  int // of the last that told
}

func (h *harness) newPhoenix() (*phoenix, error) {
	dir, err := h.newDir()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "fifo")
	file, err := fifo(path)
	if err != nil {
		return nil, err
	}
	p := &phoenix{fifo: file, argv: []string{h.self, "as-stamp", path}, dir: dir}
	if runtime.GOARCH == "amd64" {
		p.argv = []string{filepath.Join(dir, "run")}
		err = os.WriteFile(p.argv[0], tinyProgram(path), 0o755)
	}
	return p, err
}

// phoenixOf starts a daemon with one phoenix.
func (h *harness) phoenixOf(ours bool) (*phoenix, func() error, error) {
	p, err := h.newPhoenix()
	if err != nil {
		return nil, nil, err
	}
	command := p.argv[0]
	for _, a := range p.argv[1:] {
		command += " " + a
	}
	s, err := h.up(ours, "[program:p]\ncommand="+command+"\nstartsecs=0\nautorestart=true\n")
	if err != nil {
		return nil, nil, err
	}
	return p, func() error {
		info, err := s.client.GetProcessInfo(h.ctx, "p")
		if err != nil || info.PID != p.pid {
			return fmt.Errorf("the daemon says that the child is %d, the child that it is %d: %v", info.PID, p.pid, err)
		}
		_, err = s.stop()
		return err
	}, nil
}

// told waits until a child has told its pid.
func (p *phoenix) told() error {
	var b [8]byte
	if err := p.fifo.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return err
	}
	if _, err := p.fifo.Read(b[:]); err != nil {
		return err
	}
	pid := int(binary.LittleEndian.Uint64(b[:]))
	if pid < 2 || pid == p.pid {
		return fmt.Errorf("pid %d after %d", pid, p.pid)
	}
	p.pid = pid
	return nil
}

// kills kills the child n times, each time after it has lived for a while, and
// returns how many milliseconds it took to come back.
func (p *phoenix) kills(n int, after time.Duration) (sample, error) {
	if p.pid == 0 {
		if err := p.told(); err != nil {
			return nil, err
		}
	}
	var out sample
	for range n {
		<-time.After(after)
		begun := time.Now()
		if err := syscall.Kill(p.pid, syscall.SIGKILL); err != nil {
			return nil, err
		}
		if err := p.told(); err != nil {
			return nil, err
		}
		out = append(out, time.Since(begun).Seconds()*1e3)
	}
	return out, nil
}

// otherPhoenixes measures the supervisors that are installed. They put off a
// restart to a second after the last, so the child lives longer.
func (h *harness) otherPhoenixes() ([]other, error) {
	var out []other
	for _, o := range []struct{ name, command string }{{"runit", "runsv"}, {"s6", "s6-supervise"}} {
		path, err := exec.LookPath(o.command)
		if errors.Is(err, exec.ErrNotFound) || runtime.GOARCH != "amd64" {
			continue
		}
		p, err := h.newPhoenix()
		if err != nil {
			return nil, err
		}
		cmd := exec.Command(path, p.dir)
		cmd.Env, cmd.Dir = append(h.environ(), "LD_LIBRARY_PATH="+os.Getenv("LD_LIBRARY_PATH")), p.dir
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		got, err := p.kills(min(h.restarts, 8), 1200*time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.name, err)
		}
		out = append(out, other{o.name, got})
	}
	return out, nil
}
