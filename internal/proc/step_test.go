package proc

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/twiddler/level"
)

// A script is what happens to a machine, a word for each input:
//
//	start stop hold giveup tick    as the inputs are called
//	born:PID fail:TEXT             Spawned, SpawnFailed
//	exit:N sig:N                   Reaped, then Drained
//	dies:N                         Reaped alone; drained follows
//	nokill                         KillFailed
//	+1s                            time passes, then a Tick
func play(t *testing.T, m *Machine, script string) []Effect {
	t.Helper()
	now := Moment{Mono: time.Hour, Wall: time.Unix(1e9, 0)}
	var out []Effect
	for _, word := range strings.Fields(script) {
		verb, arg, _ := strings.Cut(word, ":")
		var n int
		fmt.Sscan(arg, &n)
		switch {
		case verb[0] == '+':
			d, err := time.ParseDuration(verb[1:])
			if err != nil {
				t.Fatal(err)
			}
			now.Mono += d
			now.Wall = now.Wall.Add(-48 * time.Hour) // the calendar is of no account
			out = m.Step(now, Tick{}, out)
		case verb == "exit":
			out = m.Step(now, Drained{}, m.Step(now, Reaped{Exit{Code: n}}, out))
		case verb == "sig":
			out = m.Step(now, Drained{}, m.Step(now, Reaped{Exit{Signal: n}}, out))
		default:
			in := map[string]Input{
				"start": Start{}, "stop": Stop{}, "hold": Hold{}, "giveup": GiveUp{}, "tick": Tick{},
				"born": Spawned{PID: n}, "fail": SpawnFailed{Text: arg}, "dies": Reaped{Exit{Code: n}},
				"drained": Drained{}, "nokill": KillFailed{Verb: "killing", Text: "EPERM"},
			}[verb]
			if in == nil {
				t.Fatalf("no such word: %q", word)
			}
			out = m.Step(now, in, out)
		}
	}
	return out
}

// TestTransitions has a row for each rule of the table of transitions of
// Supervisor 4.2.5, process.py: transition, spawn, kill and finish.
func TestTransitions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, script string
		want         State
		path         string // the states it came through, without the first
		log          string // the last line that is not DEBG
	}{
		{"start", "start", Starting, "STARTING", ""},
		{"spawn error", "start fail:no", Backoff, "STARTING BACKOFF", "INFO spawnerr: no"},
		{"too quick", "start born:7 exit:0", Backoff, "STARTING BACKOFF", "WARN exited: p (exit status 0; not expected)"},
		{"too quick, by a signal", "start born:7 sig:9", Backoff, "STARTING BACKOFF",
			"WARN exited: p (terminated by SIGKILL; not expected)"},
		{"one try too many", "start fail:a +1s fail:b +2s fail:c", Fatal, "STARTING BACKOFF STARTING BACKOFF STARTING BACKOFF FATAL",
			"INFO gave up: p entered FATAL state, too many start retries too quickly"},
		{"not before its time", "start fail:a +999ms", Backoff, "STARTING BACKOFF", "INFO spawnerr: a"},
		{"stop in backoff", "start fail:a stop", Stopped, "STARTING BACKOFF STOPPED", "INFO spawnerr: a"},
		{"shutdown in backoff", "start fail:a giveup", Fatal, "STARTING BACKOFF FATAL", "INFO spawnerr: a"},
		{"no try while going down", "start fail:a hold +10s", Backoff, "STARTING BACKOFF", "INFO spawnerr: a"},
		{"success", "start born:7 +1s", Running, "STARTING RUNNING",
			"INFO success: p entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)"},
		{"not yet", "start born:7 +999ms", Starting, "STARTING", "INFO spawned: 'p' with pid 7"},
		{"expected exit", "start born:7 +1s exit:0", Exited, "STARTING RUNNING EXITED", "INFO exited: p (exit status 0; expected)"},
		{"unexpected exit", "start born:7 +1s exit:3", Starting, "STARTING RUNNING EXITED STARTING",
			"WARN exited: p (exit status 3; not expected)"},
		{"unexpected exit while going down", "start born:7 +1s hold exit:3", Exited, "STARTING RUNNING EXITED",
			"WARN exited: p (exit status 3; not expected)"},
		{"stop", "start born:7 +1s stop", Stopping, "STARTING RUNNING STOPPING",
			"INFO success: p entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)"},
		{"stopped", "start born:7 stop exit:0", Stopped, "STARTING STOPPING STOPPED", "INFO stopped: p (exit status 0)"},
		{"stopped with another status", "start born:7 stop exit:1", Stopped, "STARTING STOPPING STOPPED", "WARN stopped: p (exit status 1)"},
		{"stopped by the signal", "start born:7 stop sig:15", Stopped, "STARTING STOPPING STOPPED", "WARN stopped: p (terminated by SIGTERM)"},
		{"killed", "start born:7 stop +5s", Stopping, "STARTING STOPPING", "WARN killing 'p' (7) with SIGKILL"},
		{"start while stopping", "start born:7 stop start", Stopping, "STARTING STOPPING", "WARN process 'p' already running"},
		{"can't be killed", "start born:7 stop nokill", Unknown, "STARTING STOPPING UNKNOWN", "CRIT unknown problem killing p (7):EPERM"},
		{"ended after all", "start born:7 stop nokill exit:0", Stopped, "STARTING STOPPING UNKNOWN STOPPED",
			"CRIT unknown problem killing p (7):EPERM"},
		{"start after an exit", "start born:7 +1s exit:0 start", Starting, "STARTING RUNNING EXITED STARTING",
			"INFO exited: p (exit status 0; expected)"},
		{"dead and draining is not dead yet", "start born:7 +1s dies:0", Running, "STARTING RUNNING",
			"INFO success: p entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)"},
		{"nothing for nobody", "stop giveup tick nokill exit:0 born:3 fail:x drained", Stopped, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := &Machine{Spec: &Spec{Name: "p", Group: "p", StartWait: time.Second, StartRetries: 2,
				AutoRestart: RestartUnexpected, ExitCodes: []int{0}, StopSignal: 15, StopWait: 5 * time.Second}}
			var path []string
			last := ""
			for _, e := range play(t, m, tt.script) {
				switch e := e.(type) {
				case Change:
					path = append(path, e.To.String())
				case Log:
					if e.Level != level.Debug {
						last = e.Level.String() + " " + e.Text
					}
				}
			}
			if m.State != tt.want || strings.Join(path, " ") != tt.path || last != tt.log {
				t.Errorf("%s\ngot  %v by %v, log %q\nwant %v by %v, log %q", tt.script, m.State, path, last, tt.want, tt.path, tt.log)
			}
		})
	}
}

// TestRecord is about what is remembered of a child that has gone.
func TestRecord(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		script, spawnErr string
		status, tries    int
	}{
		{"start born:7 +1s hold exit:3", "Bad exit code 3", 3, 0},
		{"start born:7 +1s hold sig:11", "Bad exit code -1", -1, 0},
		{"start born:7 +1s hold exit:0", "", 0, 0},
		{"start born:7 exit:3", "Exited too quickly (process log may have details)", 0, 1},
		{"start born:7 stop exit:3", "", 3, 0},
		{"start born:7 +1s exit:3", "", 0, 0}, // started again: all is forgotten
		{"start fail:a stop start", "", 0, 1}, // the count of tries is kept
		{"start fail:a +1s born:8 +1s", "", 0, 0},
	} {
		m := &Machine{Spec: &Spec{Name: "p", StartWait: time.Second, StartRetries: 2, AutoRestart: RestartUnexpected, ExitCodes: []int{0}}}
		play(t, m, tt.script)
		if m.SpawnErr != tt.spawnErr || m.ExitStatus != tt.status || m.Tries != tt.tries {
			t.Errorf("%s: spawnerr %q, status %d, tries %d; want %q, %d, %d",
				tt.script, m.SpawnErr, m.ExitStatus, m.Tries, tt.spawnErr, tt.status, tt.tries)
		}
	}
}

// TestSignals is about what is sent to whom.
func TestSignals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		script        string
		asGroup, kill bool
		want          []Kill
	}{
		{"start born:7 stop", false, false, []Kill{{7, 10, false}}},
		{"start born:7 stop", true, true, []Kill{{7, 10, true}}},
		{"start born:7 stop +2s +2s", false, true, []Kill{{7, 10, false}, {7, 9, true}, {7, 9, true}}},
		{"start stop", false, false, nil},
		{"start stop born:7", false, false, []Kill{{7, 10, false}}},
		{"start born:7 dies:0 stop +9s", false, false, nil},
	} {
		m := &Machine{Spec: &Spec{Name: "p", StartWait: time.Second, StopSignal: 10, StopWait: 2 * time.Second,
			StopAsGroup: tt.asGroup, KillAsGroup: tt.kill}}
		var got []Kill
		for _, e := range play(t, m, tt.script) {
			if k, ok := e.(Kill); ok {
				got = append(got, k)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: sent %v, want %v", tt.script, got, tt.want)
		}
	}
}

func TestNamespec(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]Spec{"a": {Name: "a", Group: "a"}, "g:a": {Name: "a", Group: "g"}} {
		if got := s.Namespec(); got != want {
			t.Errorf("%+v is %q, want %q", s, got, want)
		}
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	for s, want := range map[State]string{
		Stopped: "STOPPED 0 down", Starting: "STARTING 10 up signallable", Running: "RUNNING 20 up signallable",
		Backoff: "BACKOFF 30 up", Stopping: "STOPPING 40 signallable", Exited: "EXITED 100 down",
		Fatal: "FATAL 200 down", Unknown: "UNKNOWN 1000 down",
	} {
		got := fmt.Sprintf("%v %d", s, int(s))
		if s.Up() {
			got += " up"
		}
		if s.Down() {
			got += " down"
		}
		if s.Signallable() {
			got += " signallable"
		}
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
