package bench

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"example.org/twiddler/internal/xmlrpc"
)

// loadConf has 8 programs that write without end, into small rotated logs, and
// some that are started again and again.
const loadConf = `[program:flood]
command=/usr/bin/yes this is a line of a log that nobody will ever read
numprocs=8
process_name=%(program_name)s_%(process_num)d
startsecs=0
autostart=false
stdout_logfile=@DIR@/flood%(process_num)d.log
stdout_logfile_maxbytes=1MB
stdout_logfile_backups=1
[program:loop]
command=/bin/true
numprocs=@LOOPS@
process_name=%(program_name)s_%(process_num)02d
startsecs=0
autostart=false
autorestart=true
`

// measureLoad looks at the slowest answers while children keep the daemon
// busy. One client calls at a steady pace; the constant server is called in
// between, and shows what the machine leaves to any server meanwhile.
func measureLoad(h *harness) error {
	body, err := xmlrpc.AppendResponse(nil, xmlrpc.Struct{{Name: "statecode", Value: 1}, {Name: "statename", Value: "RUNNING"}})
	if err != nil {
		return err
	}
	constant, stop, err := h.constant(body)
	if err != nil {
		return err
	}
	defer stop()
	ours, limit, err := h.busyTimes(true, constant, body, h.rounds)
	if err != nil {
		return err
	}
	var theirs [3]sample
	if h.original {
		if theirs, _, err = h.busyTimes(false, constant, body, min(h.theirs, 2)); err != nil {
			return fmt.Errorf("original: %w", err)
		}
	}
	for i, what := range []string{"quiet", "while 8 children flood logs", fmt.Sprintf("while %d crash-loop", h.loops)} {
		r := row{what: "getState p99, one client, " + what, unit: "ms", extra: i == 0}
		r.ours, r.limit = sample{ours[i].quantile(0.99)}, sample{limit[i].quantile(0.99)}
		if h.original {
			r.theirs = sample{theirs[i].quantile(0.99)}
		}
		if i > 0 {
			r.checks = []check{
				atMost("the quiet p99", 3, ours[i].quantile(0.99)/ours[0].quantile(0.99)),
			}
		}
		h.add(r)
	}
	return nil
}

// busyTimes returns how many milliseconds answers took: with quiet children,
// with ones that flood, and with ones that crash.
func (h *harness) busyTimes(ours bool, constant string, body []byte, rounds int) (daemon, limit [3]sample, err error) {
	s, err := h.up(ours, strings.ReplaceAll(loadConf, "@LOOPS@", fmt.Sprint(h.loops)))
	if err != nil {
		return daemon, limit, err
	}
	for range rounds {
		for i, group := range []string{"", "flood", "loop"} {
			d, l, err := s.busy(group, constant, body)
			if err != nil {
				return daemon, limit, fmt.Errorf("%q: %w", group, err)
			}
			daemon[i], limit[i] = append(daemon[i], d...), append(limit[i], l...)
		}
	}
	_, err = s.stop()
	return daemon, limit, err
}

// busy starts a group, measures, and stops it. The group must have done its
// part meanwhile.
func (s *stage) busy(group, constant string, body []byte) (daemon, limit sample, err error) {
	if group != "" {
		if _, err := s.client.StartProcessGroup(s.h.ctx, group, false); err != nil {
			return nil, nil, err
		}
		if err := s.h.pause(s.h.window / 2); err != nil {
			return nil, nil, err
		}
	}
	before := s.work(group)
	if daemon, limit, err = s.paced(constant, body); err != nil {
		return nil, nil, err
	}
	if group == "" {
		return daemon, limit, nil
	}
	// On a busy machine a short window may be too short for any of it.
	err = s.h.until("the group "+group+" has done something", 5*time.Millisecond, func() (bool, error) {
		return s.work(group) != before, nil
	})
	if err != nil {
		return nil, nil, err
	}
	_, err = s.client.StopProcessGroup(s.h.ctx, group, true)
	return daemon, limit, err
}

// work changes as a group does what it is there for.
func (s *stage) work(group string) string {
	if group == "loop" {
		text, _ := os.ReadFile(filepath.Join(s.dir, "main.log"))
		return fmt.Sprint(strings.Count(string(text), "spawned: 'loop"))
	}
	var seen []string
	for i := range writers {
		if info, err := os.Stat(filepath.Join(s.dir, fmt.Sprintf("flood%d.log", i))); err == nil {
			seen = append(seen, fmt.Sprint(info.Size(), info.ModTime()))
		}
	}
	return strings.Join(seen, " ")
}

// paced calls the daemon and the constant server in turns for two windows,
// each call some time after the last.
func (s *stage) paced(constant string, body []byte) (daemon, limit sample, err error) {
	ask, err := request("supervisor.getState")
	if err != nil {
		return nil, nil, err
	}
	var callers [2]*caller
	for i, socket := range []string{s.socket(), constant} {
		if callers[i], err = dial(socket); err != nil {
			return nil, nil, err
		}
		defer callers[i].close()
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	var times [2]sample
	for end := time.Now().Add(2 * s.h.window); time.Now().Before(end) && s.h.ctx.Err() == nil; {
		for i, c := range callers {
			<-tick.C
			begun := time.Now()
			got, err := c.call(ask)
			if err != nil {
				return nil, nil, err
			}
			times[i] = append(times[i], time.Since(begun).Seconds()*1e3)
			if !bytes.Equal(got, body) {
				return nil, nil, fmt.Errorf("the answer is %.200q", got)
			}
		}
	}
	return times[0], times[1], s.h.ctx.Err()
}
