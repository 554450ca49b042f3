package bench

import (
	"bytes"
	"fmt"

	"example.org/twiddler/internal/xmlrpc"
)

// measureRPC has 16 clients ask for the daemon's state, at several numbers of
// programs, in turns with a constant server.
func measureRPC(h *harness) error {
	body, err := xmlrpc.AppendResponse(nil, xmlrpc.Struct{{Name: "statecode", Value: 1}, {Name: "statename", Value: "RUNNING"}})
	if err != nil {
		return err
	}
	constant, stop, err := h.constant(body)
	if err != nil {
		return err
	}
	defer stop()
	for _, n := range []int{1, max(2, h.programs/10), h.programs} {
		if err := h.stateRows(n, constant, body); err != nil {
			return fmt.Errorf("%d programs: %w", n, err)
		}
	}
	return nil
}

func (h *harness) stateRows(n int, constant string, body []byte) error {
	ask, err := request("supervisor.getState")
	if err != nil {
		return err
	}
	s, err := h.up(true, quiet("p", n, ""))
	if err != nil {
		return err
	}
	if _, err := s.running(n); err != nil {
		return err
	}
	const clients = 16
	rate := row{what: fmt.Sprintf("getState, 16 clients, %d programs", n), unit: "/s"}
	p99 := row{what: fmt.Sprintf("getState p99, 16 clients, %d programs", n), unit: "ms"}
	err = h.inTurns(constant, s.socket(), clients, ask, same(body), same(body), func(limit, ours loadResult) {
		rate.limit, p99.limit = append(rate.limit, limit.rate), append(p99.limit, limit.p99)
		rate.ours, p99.ours = append(rate.ours, ours.rate), append(p99.ours, ours.p99)
	})
	if err != nil {
		return err
	}
	if _, err := s.stop(); err != nil {
		return err
	}
	if h.original {
		theirs, err := h.theirState(n, ask, body)
		if err != nil {
			return fmt.Errorf("original: %w", err)
		}
		rate.theirs, p99.theirs = sample{theirs.rate}, sample{theirs.p99}
	}
	rate.checks = []check{atLeast("the constant server", 0.95, ratio(rate.ours, rate.limit))}
	p99.checks = []check{atMost("the constant server's", 1.2, ratio(p99.ours, p99.limit))}
	h.add(rate)
	h.add(p99)
	return nil
}

// inTurns loads the constant server and ours, one after the other, and notes
// each pair of results.
func (h *harness) inTurns(constant, socket string, clients int, ask []byte, checkLimit, checkOurs func([]byte) error,
	note func(limit, ours loadResult)) error {
	for range h.rounds {
		limit, err := load(h.ctx, constant, clients, h.window, ask, checkLimit)
		if err != nil {
			return err
		}
		ours, err := load(h.ctx, socket, clients, h.window, ask, checkOurs)
		if err != nil {
			return err
		}
		note(limit, ours)
	}
	return nil
}

func (h *harness) theirState(n int, ask, body []byte) (loadResult, error) {
	s, err := h.up(false, quiet("p", n, ""))
	if err != nil {
		return loadResult{}, err
	}
	if _, err := s.running(n); err != nil {
		return loadResult{}, err
	}
	got, err := load(h.ctx, s.socket(), 16, h.window, ask, same(body))
	if err != nil {
		return got, err
	}
	_, err = s.stop()
	return got, err
}

// measureInfo has clients ask for the states of all programs, in turns with a
// server that answers as many bytes without looking.
func measureInfo(h *harness) error {
	n := h.programs
	ask, err := request("supervisor.getAllProcessInfo")
	if err != nil {
		return err
	}
	s, err := h.up(true, quiet("p", n, ""))
	if err != nil {
		return err
	}
	if _, err := s.running(n); err != nil {
		return err
	}
	body, err := once(s.socket(), "supervisor.getAllProcessInfo")
	if err != nil {
		return err
	}
	body = bytes.Clone(body)
	if err := allRunning(body, n); err != nil {
		return err
	}
	constant, stop, err := h.constant(body)
	if err != nil {
		return err
	}
	defer stop()
	const clients = 4
	rate := row{what: fmt.Sprintf("getAllProcessInfo, 4 clients, %d programs", n), unit: "/s"}
	err = h.inTurns(constant, s.socket(), clients, ask, same(body), like(body), func(limit, ours loadResult) {
		rate.limit, rate.ours = append(rate.limit, limit.rate), append(rate.ours, ours.rate)
	})
	if err != nil {
		return err
	}
	// What was checked only in part under load is checked whole again.
	if body, err = once(s.socket(), "supervisor.getAllProcessInfo"); err != nil {
		return err
	}
	if err := allRunning(body, n); err != nil {
		return err
	}
	if _, err := s.stop(); err != nil {
		return err
	}
	rate.checks = []check{atLeast("a constant answer of the same size", 0.6, ratio(rate.ours, rate.limit))}
	if err := h.theirInfo(&rate, ask); err != nil {
		return fmt.Errorf("original: %w", err)
	}
	h.add(rate)
	return nil
}

// theirInfo asks the original, which takes a second for each answer.
func (h *harness) theirInfo(rate *row, ask []byte) error {
	if !h.original {
		return nil
	}
	s, err := h.up(false, quiet("p", h.programs, ""))
	if err != nil {
		return err
	}
	if _, err := s.running(h.programs); err != nil {
		return err
	}
	for range h.theirs {
		got, err := load(h.ctx, s.socket(), 1, h.window, ask, func(body []byte) error { return allRunning(body, h.programs) })
		if err != nil {
			return err
		}
		rate.theirs = append(rate.theirs, got.rate)
	}
	got := rate.ours.median() / rate.theirs.median()
	rate.checks = append(rate.checks, check{"at least 1000 x Supervisor's rate", fmt.Sprintf("%.0f x", got), got >= 1000})
	_, err = s.stop()
	return err
}

// allRunning decodes an answer of getAllProcessInfo and looks at each program.
func allRunning(body []byte, n int) error {
	v, err := xmlrpc.DecodeResponse(body)
	if err != nil {
		return err
	}
	list, _ := v.([]any)
	up := 0
	for _, p := range list {
		info, _ := p.(map[string]any)
		if pid, _ := info["pid"].(int); info["statename"] == "RUNNING" && pid > 1 {
			up++
		}
	}
	if up != n || len(list) != n {
		return fmt.Errorf("%d of %d programs are RUNNING, want %d", up, len(list), n)
	}
	return nil
}

// like is a check for answers in which only times change: as long, but for
// digits of uptimes, with the same beginning and end.
func like(want []byte) func([]byte) error {
	return func(got []byte) error {
		const edge = 60
		if d := len(got) - len(want); d < -len(want)/20 || d > len(want)/20 ||
			!bytes.Equal(got[:edge], want[:edge]) || !bytes.Equal(got[len(got)-edge:], want[len(want)-edge:]) {
			return fmt.Errorf("an answer of %d bytes, want about %d", len(got), len(want))
		}
		return nil
	}
}
