package supervisor

import (
	"testing"
	"time"

	"example.org/twiddler/internal/proc"
)

func TestDescribe(t *testing.T) {
	t.Parallel()
	then := time.Date(2026, 11, 23, 9, 5, 7, 0, time.Local)
	tests := []struct {
		i    Info
		want string
	}{
		{Info{State: proc.Running, PID: 7}, "pid 7, uptime 0:00:00"},
		{Info{State: proc.Running, PID: 7, Uptime: -time.Minute}, "pid 7, uptime 0:00:00"},
		{Info{State: proc.Running, PID: 7, Uptime: 3723*time.Second + 900*time.Millisecond}, "pid 7, uptime 1:02:03"},
		{Info{State: proc.Running, PID: 7, Uptime: 24 * time.Hour}, "pid 7, uptime 1 day, 0:00:00"},
		{Info{State: proc.Running, PID: 7, Uptime: 300*time.Hour + time.Second}, "pid 7, uptime 12 days, 12:00:01"},
		{Info{State: proc.Backoff, SpawnErr: "Exited too quickly (process log may have details)"},
			"Exited too quickly (process log may have details)"},
		{Info{State: proc.Fatal, Name: "x", Group: "g"}, `unknown error (try "tail x")`},
		{Info{State: proc.Stopped}, "Not started"},
		{Info{State: proc.Exited, Start: then, Stop: then}, "Nov 23 09:05 AM"},
		{Info{State: proc.Stopped, Start: then, Stop: then.Add(4 * time.Hour)}, "Nov 23 01:05 PM"},
		{Info{State: proc.Starting, Start: then}, ""},
		{Info{State: proc.Stopping, Start: then}, ""},
		{Info{State: proc.Unknown, Start: then}, ""},
	}
	for _, tt := range tests {
		if got := tt.i.Description(); got != tt.want {
			t.Errorf("%+v.Description() = %q, want %q", tt.i, got, tt.want)
		}
	}
}
