package supervisor

import (
	"fmt"
	"strconv"
	"time"

	"example.org/twiddler/internal/proc"
)

// Description is the line about a process that status shows.
// Supervisor 4.2.5, rpcinterface.py, _interpretProcessInfo.
func (i *Info) Description() string {
	switch i.State {
	case proc.Running:
		var buf [64]byte // the text is one allocation
		return string(i.AppendRunning(buf[:0]))
	case proc.Backoff, proc.Fatal:
		if i.SpawnErr == "" {
			return fmt.Sprintf("unknown error (try \"tail %s\")", i.Name)
		}
		return i.SpawnErr
	case proc.Stopped, proc.Exited:
		if i.Start.IsZero() {
			return "Not started"
		}
		return i.Stop.Local().Format("Jan 02 03:04 PM")
	}
	return ""
}

// AppendRunning appends the Description of a process that is RUNNING, which is
// plain ASCII: "pid 4711, uptime 0:00:05".
func (i *Info) AppendRunning(dst []byte) []byte {
	dst = strconv.AppendInt(append(dst, "pid "...), int64(i.PID), 10)
	return appendUptime(append(dst, ", uptime "...), i.Uptime)
}

// appendUptime appends Python's text of a timedelta in whole seconds:
// "1 day, 2:03:04".
func appendUptime(dst []byte, d time.Duration) []byte {
	s := max(int64(d/time.Second), 0)
	if days := s / 86400; days > 0 {
		dst = append(strconv.AppendInt(dst, days, 10), " day"...)
		if days > 1 {
			dst = append(dst, 's')
		}
		dst = append(dst, ", "...)
	}
	dst = strconv.AppendInt(dst, s/3600%24, 10)
	for _, n := range []int64{s / 60 % 60, s % 60} {
		dst = append(dst, ':', byte('0'+n/10), byte('0'+n%10))
	}
	return dst
}
