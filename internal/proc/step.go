package proc

import (
	"fmt"
	"slices"
	"time"

	"example.org/twiddler/level"
)

// Machine is the state of one process. Only its owner may touch it; other
// packages read its exported fields and change them only through Step.
type Machine struct {
	Spec       *Spec
	State      State
	PID        int           // 0 unless a child exists
	Wake       time.Duration // when to send Tick next, on Moment.Mono; 0 for never
	SpawnErr   string        // why the last start or run ended badly; "" if it did not
	ExitStatus int           // of the last child; -1 if a signal ended it
	Tries      int           // failed starts in a row
	Started    Moment        // the last time a start was tried; zero for never
	Ended      time.Time     // when the last child ended; zero for never

	spawning  bool          // a Spawn effect has been issued and not answered
	stopAfter bool          // Stop arrived while spawning
	dead      bool          // reaped, its output still draining: PID must not be signalled
	held      bool          // supervisord is going down: nothing starts by itself any more
	exit      Exit          // how the child ended, once dead
	born      time.Duration // when the child was there
	died      time.Duration // when it was reaped
}

const sigkill = 9

// Spawning reports whether a start is in flight: asked for, and not answered
// by the operating system yet. From outside the process is STARTING.
func (m *Machine) Spawning() bool { return m.spawning }

// Live reports whether there is a child that may be signalled.
func (m *Machine) Live() bool { return m.PID != 0 && !m.dead }

// LastExit is how the last child ended; zero if none has.
func (m *Machine) LastExit() Exit { return m.exit }

// Killing reports whether the child has been told to stop.
func (m *Machine) Killing() bool { return m.State == Stopping || m.stopAfter }

// Step handles one input at time now. It appends to out and returns it. An
// input that makes no sense in the current state changes nothing.
func (m *Machine) Step(now Moment, in Input, out []Effect) []Effect {
	switch in := in.(type) {
	case Start:
		return m.start(now, out)
	case Stop:
		return m.wantDown(now, out)
	case Hold:
		m.held = true
	case GiveUp:
		// No log line here: Supervisor 4.2.5, process.py, give_up called from
		// ProcessGroup.stop_all.
		if m.State == Backoff {
			return m.enter(Fatal, out)
		}
	case Spawned:
		return m.spawned(now, in, out)
	case SpawnFailed:
		return m.spawnFailed(now, in, out)
	case Reaped:
		if m.Live() {
			return m.reaped(now, in.Exit, out)
		}
	case Drained:
		if m.dead {
			return m.drained(now, out)
		}
	case KillFailed:
		return m.killFailed(in, out)
	case Respec:
		return m.respec(now, in.Spec, out)
	case Tick:
		if m.Wake != 0 && now.Mono >= m.Wake {
			m.Wake = 0
			return m.tick(now, out)
		}
	}
	return out
}

func (m *Machine) start(now Moment, out []Effect) []Effect {
	switch m.State {
	case Stopped, Exited, Fatal:
		return m.spawn(now, out)
	case Stopping:
		return m.logf(out, level.Warn, "process '%s' already running", m.Spec.Name)
	}
	return out
}

func (m *Machine) wantDown(now Moment, out []Effect) []Effect {
	switch {
	case m.State == Backoff:
		// The count of tries is kept: a later start goes on with it.
		// Supervisor 4.2.5, process.py, Subprocess.kill.
		out = m.logf(out, level.Debug, "Attempted to kill %s, which is in BACKOFF state.", m.Spec.Name)
		return m.enter(Stopped, out)
	case m.spawning:
		m.stopAfter = true
	case m.State == Starting || m.State == Running:
		return m.stop(now, out)
	}
	return out
}

func (m *Machine) spawned(now Moment, in Spawned, out []Effect) []Effect {
	if !m.spawning {
		return out
	}
	m.spawning = false
	m.PID, m.born = in.PID, now.Mono
	out = m.logf(out, level.Info, "spawned: '%s' with pid %d", m.Spec.Name, m.PID)
	if m.Spec.StartWait > 0 {
		m.Wake = now.Mono + m.Spec.StartWait
	} else {
		out = m.success(out)
	}
	if in.Exit != nil {
		out = m.reaped(now, *in.Exit, out)
	}
	if m.stopAfter {
		m.stopAfter = false
		out = m.stop(now, out)
	}
	return out
}

func (m *Machine) spawnFailed(now Moment, in SpawnFailed, out []Effect) []Effect {
	if !m.spawning {
		return out
	}
	m.spawning = false
	m.SpawnErr = in.Text
	out = m.logf(out, level.Info, "spawnerr: %s", in.Text)
	out = m.backoff(now, out)
	if m.stopAfter {
		m.stopAfter = false
		if m.State == Backoff {
			out = m.enter(Stopped, out)
		}
	}
	return out
}

func (m *Machine) respec(now Moment, s *Spec, out []Effect) []Effect {
	m.Spec = s
	if m.State != Starting || !m.Live() {
		return out
	}
	if m.Wake = m.born + s.StartWait; m.Wake <= now.Mono {
		return m.success(out)
	}
	return out
}

func (m *Machine) tick(now Moment, out []Effect) []Effect {
	switch m.State {
	case Starting:
		return m.success(out)
	case Backoff:
		if m.held {
			return out
		}
		return m.spawn(now, out)
	case Stopping:
		out = m.logf(out, level.Warn, "killing '%s' (%d) with SIGKILL", m.Spec.Name, m.PID)
		// Armed again, so that it repeats until the child is reaped.
		m.Wake = now.Mono + m.stopWait()
		return m.kill(sigkill, m.Spec.KillAsGroup, out)
	}
	return out
}

// stopWait is stopwaitsecs, and never nothing: a child that can't be killed
// must not be signalled without pause.
func (m *Machine) stopWait() time.Duration { return max(m.Spec.StopWait, 100*time.Millisecond) }

func (m *Machine) spawn(now Moment, out []Effect) []Effect {
	m.SpawnErr, m.ExitStatus, m.exit = "", 0, Exit{}
	m.Started = now
	m.spawning = true
	out = m.enter(Starting, out)
	return append(out, Spawn{})
}

func (m *Machine) success(out []Effect) []Effect {
	m.Tries = 0
	out = m.enter(Running, out)
	return m.logf(out, level.Info,
		"success: %s entered RUNNING state, process has stayed up for > than %d seconds (startsecs)",
		m.Spec.Name, int(m.Spec.StartWait/time.Second))
}

func (m *Machine) stop(now Moment, out []Effect) []Effect {
	if m.dead {
		return m.enter(Stopping, out)
	}
	out = m.enter(Stopping, out)
	m.Wake = now.Mono + max(m.Spec.StopWait, 0)
	return m.kill(m.Spec.StopSignal, m.Spec.StopAsGroup, out)
}

func (m *Machine) kill(sig int, group bool, out []Effect) []Effect {
	as := ""
	if group {
		as = "process group "
	}
	out = m.logf(out, level.Debug, "killing %s (pid %d) %swith signal %s", m.Spec.Name, m.PID, as, SignalName(sig))
	return append(out, Kill{m.PID, sig, group})
}

// reaped notes that the child is gone. From here on its pid may belong to
// another process; the state changes when its output is in the log.
func (m *Machine) reaped(now Moment, exit Exit, out []Effect) []Effect {
	m.dead, m.exit, m.died, m.Ended, m.Wake = true, exit, now.Mono, now.Wall, 0
	return append(out, Drain{})
}

func (m *Machine) drained(now Moment, out []Effect) []Effect {
	pid := m.PID
	m.dead, m.PID = false, 0
	m.ExitStatus = m.exit.status()
	expected := m.exit.Signal == 0 && slices.Contains(m.Spec.ExitCodes, m.exit.Code)
	name, why := m.Spec.Name, m.exit.String()

	switch {
	case m.State == Stopping:
		lv := level.Warn
		if expected {
			lv = level.Info
		}
		out = m.logf(out, lv, "stopped: %s (%s)", name, why)
		return m.enterFrom(Stopped, pid, false, out)

	case m.State == Unknown:
		// The original asserts here, and ends. Now that the child is gone the
		// process is known again.
		return m.enterFrom(Stopped, pid, false, out)

	case m.State == Starting && m.died-m.born < m.Spec.StartWait:
		m.ExitStatus = 0
		m.SpawnErr = "Exited too quickly (process log may have details)"
		out = m.logf(out, level.Warn, "exited: %s (%s; not expected)", name, why)
		return m.backoff(now, out)
	}

	if m.State == Starting {
		// It lived long enough, and nobody has said so yet.
		out = m.enterFrom(Running, pid, false, out)
	}
	m.Tries = 0
	if expected {
		out = m.logf(out, level.Info, "exited: %s (%s; expected)", name, why)
	} else {
		m.SpawnErr = fmt.Sprintf("Bad exit code %d", m.exit.status())
		out = m.logf(out, level.Warn, "exited: %s (%s; not expected)", name, why)
	}
	out = m.enterFrom(Exited, pid, expected, out)
	if !m.held && m.restarts(expected) {
		out = m.spawn(now, out)
	}
	return out
}

func (m *Machine) restarts(expected bool) bool {
	return m.Spec.AutoRestart == RestartAlways || m.Spec.AutoRestart == RestartUnexpected && !expected
}

// backoff gives up after StartRetries more tries, or waits one second longer
// than the last time, without a ceiling. Supervisor 4.2.5, process.py,
// change_state and transition.
func (m *Machine) backoff(now Moment, out []Effect) []Effect {
	m.Tries++
	tries := m.Tries
	out = m.enter(Backoff, out)
	if tries > m.Spec.StartRetries {
		m.Tries = 0
		out = m.enter(Fatal, out)
		return m.logf(out, level.Info, "gave up: %s entered FATAL state, too many start retries too quickly", m.Spec.Name)
	}
	m.Wake = now.Mono + time.Duration(tries)*time.Second
	return out
}

func (m *Machine) killFailed(in KillFailed, out []Effect) []Effect {
	if !m.Live() {
		return out
	}
	out = m.logf(out, level.Critical, "unknown problem %s %s (%d):%s", in.Verb, m.Spec.Name, m.PID, in.Text)
	m.SpawnErr = in.Text
	return m.enter(Unknown, out)
}

func (m *Machine) enter(to State, out []Effect) []Effect {
	return m.enterFrom(to, m.PID, false, out)
}

// enterFrom is enter for a change that tells of a child that has just gone.
func (m *Machine) enterFrom(to State, pid int, expected bool, out []Effect) []Effect {
	from := m.State
	if from == to {
		return out
	}
	m.State, m.Wake = to, 0
	if to == Fatal {
		m.Tries = 0
	}
	return append(out, Change{From: from, To: to, PID: pid, Tries: m.Tries, Expected: expected})
}

func (m *Machine) logf(out []Effect, lv level.Level, format string, args ...any) []Effect {
	return append(out, Log{lv, fmt.Sprintf(format, args...)})
}
