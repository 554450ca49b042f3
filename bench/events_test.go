package bench

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// measureEvents sends a burst of events to one listener that answers at once,
// in turns with a loop that writes the same bytes to the same listener and
// waits for the same answers, over two pipes.
func measureEvents(h *harness) error {
	r := row{what: fmt.Sprintf("%d events through one listener", h.events), unit: "/s"}
	for range h.rounds {
		limit, err := h.pingPong()
		if err != nil {
			return fmt.Errorf("bare ping-pong: %w", err)
		}
		ours, err := h.eventBurst(true)
		if err != nil {
			return err
		}
		r.limit, r.ours = append(r.limit, limit), append(r.ours, ours)
	}
	for range h.theirs {
		if !h.original {
			break
		}
		theirs, err := h.eventBurst(false)
		if err != nil {
			return fmt.Errorf("original: %w", err)
		}
		r.theirs = append(r.theirs, theirs)
	}
	r.checks = []check{atLeast("a bare ping-pong over two pipes", 0.8, ratio(r.ours, r.limit))}
	h.add(r)
	return nil
}

// eventBurst returns events a second, from the first to the last that the
// listener got. All must arrive, in order. What the listener answers is not
// logged: the bare loop logs nothing either.
func (h *harness) eventBurst(ours bool) (float64, error) {
	dir, err := h.newDir()
	if err != nil {
		return 0, err
	}
	gatePath, result := filepath.Join(dir, "gate"), filepath.Join(dir, "result")
	if err := syscall.Mkfifo(gatePath, 0o600); err != nil {
		return 0, err
	}
	s, err := h.up(ours, fmt.Sprintf(`[eventlistener:l]
command=@SELF@ as-listener %s %d
events=PROCESS_COMMUNICATION
stdout_logfile=NONE
buffer_size=%d
startsecs=0
[program:b]
command=@SELF@ as-burst %s %d
startsecs=0
stdout_capture_maxbytes=1MB
stdout_logfile=NONE
`, result, h.events, h.events+10, gatePath, h.events))
	if err != nil {
		return 0, err
	}
	if _, err := s.running(2); err != nil {
		return 0, err
	}
	// The listener is to be ready.
	if err := h.pause(min(h.settle, 200*time.Millisecond)); err != nil {
		return 0, err
	}
	if err := h.openGate(gatePath); err != nil {
		return 0, err
	}
	rate, err := h.eventResult(result)
	if err != nil {
		return 0, err
	}
	_, err = s.stop()
	return rate, err
}

// openGate opens and closes a FIFO as soon as somebody waits in it. Who came
// later would wait for ever.
func (h *harness) openGate(path string) error {
	return h.until("the burst is at its gate", time.Millisecond, func() (bool, error) {
		fd, err := syscall.Open(path, syscall.O_WRONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
		if err == syscall.ENXIO || err == syscall.EINTR {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		return true, syscall.Close(fd)
	})
}

// eventResult waits for what the listener has to say.
func (h *harness) eventResult(path string) (float64, error) {
	var text []byte
	err := h.until("all events have arrived", 5*time.Millisecond, func() (bool, error) {
		var err error
		text, err = os.ReadFile(path)
		return err == nil, nil
	})
	if err != nil {
		return 0, err
	}
	var count, ordered int
	var took time.Duration
	if _, err := fmt.Sscan(string(text), &count, &ordered, (*int64)(&took)); err != nil {
		return 0, err
	}
	if count != h.events || ordered != h.events {
		return 0, fmt.Errorf("%d events, %d in order, want %d", count, ordered, h.events)
	}
	return float64(count-1) / took.Seconds(), nil
}

// pingPong is eventBurst without a daemon.
func (h *harness) pingPong() (float64, error) {
	dir, err := h.newDir()
	if err != nil {
		return 0, err
	}
	result := filepath.Join(dir, "result")
	var in, out [2]int
	for _, p := range []*[2]int{&in, &out} {
		if err := syscall.Pipe2(p[:], syscall.O_CLOEXEC); err != nil {
			return 0, err
		}
	}
	defer syscall.Close(in[1])
	defer syscall.Close(out[0])
	cmd := exec.Command(h.self, "as-listener", result, fmt.Sprint(h.events))
	stdin, stdout := os.NewFile(uintptr(in[0]), "stdin"), os.NewFile(uintptr(out[1]), "stdout")
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = h.environ(), stdin, stdout, os.Stderr
	err = cmd.Start()
	stdin.Close()
	stdout.Close()
	if err != nil {
		return 0, err
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	if err := pump(in[1], out[0], h.events); err != nil {
		return 0, err
	}
	return h.eventResult(result)
}

// pump plays the supervisor: an event for each READY.
func pump(to, from, events int) error {
	buf := make([]byte, 4096)
	await := func(token string) error {
		got := 0
		for got < len(token) {
			n, err := syscall.Read(from, buf[got:])
			if err == syscall.EINTR {
				continue
			}
			if err != nil || n == 0 {
				return fmt.Errorf("the listener has gone: %v", err)
			}
			got += n
		}
		if !bytes.Equal(buf[:got], []byte(token)) {
			return fmt.Errorf("the listener says %q, want %q", buf[:got], token)
		}
		return nil
	}
	if err := await("READY\n"); err != nil {
		return err
	}
	var event []byte
	for i := range events {
		payload := fmt.Sprintf("processname:b groupname:b pid:%d\n%0*d", 12345, payloadLength, i)
		event = fmt.Appendf(event[:0], "ver:3.0 server:supervisor serial:%d pool:l poolserial:%d eventname:PROCESS_COMMUNICATION_STDOUT len:%d\n%s",
			i, i, len(payload), payload)
		if _, err := syscall.Write(to, event); err != nil {
			return err
		}
		if err := await("RESULT 2\nOKREADY\n"); err != nil {
			return err
		}
	}
	return nil
}
