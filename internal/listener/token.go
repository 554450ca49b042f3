// Package listener is the protocol that event listeners speak on their
// standard output.
//
// It is pure: a [Machine] takes what a listener wrote, changes its own
// fields, and appends what its owner must do to a list of actions.
package listener

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"example.org/twiddler/level"
)

// State is where a listener is in the protocol, apart from its state as a
// process. The numbers are those of Supervisor 4.2.5, states.py.
type State int

// The four states. Only a Ready listener may be sent an event; a Busy one has
// one that it has not answered; an Unknown one has broken the protocol and is
// not listened to until it is started again.
const (
	Ready        State = 10
	Busy         State = 20
	Acknowledged State = 30
	Unknown      State = 40
)

func (s State) String() string {
	switch s {
	case Ready:
		return "READY"
	case Busy:
		return "BUSY"
	case Acknowledged:
		return "ACKNOWLEDGED"
	case Unknown:
		return "UNKNOWN"
	}
	return fmt.Sprintf("State(%d)", int(s))
}

// Machine is the protocol's state for one listener process. Only its owner may
// touch it; other packages read its exported fields and change them only
// through its methods. Make it with [New].
type Machine struct {
	Name    string // of the process, for log lines
	Handler Handler
	State   State

	buf        []byte // what was written and not yet understood
	inResult   bool   // the line RESULT has been read
	need       int    // bytes of the result, once inResult
	hasProcess bool   // the event in flight is about a process
}

// New returns the machine of a listener that is about to be started.
func New(name string, handler Handler) *Machine {
	return &Machine{Name: name, Handler: handler, State: Acknowledged}
}

// Action is what the owner must do, in order.
type Action interface{ action() }

type (
	// Log writes to the main log.
	Log struct {
		Level level.Level
		Text  string
	}
	// BadLine writes to the main log, at level Warn, that what should be the
	// line RESULT is not: "NAME: bad result line: 'LINE'", with Line as text
	// or, if it is not UTF-8, as undecodable. Supervisor 4.2.5,
	// dispatchers.py, handle_listener_state_change.
	BadLine struct{ Line []byte }
	// WriteStdin sends Data, which may be empty, to the process that the event
	// in flight is about. Whether that succeeds makes no difference to the
	// event.
	WriteStdin struct{ Data []byte }
	// Settle drops the event in flight: it has been handled.
	Settle struct{}
	// Requeue puts the event in flight back at the head of the pool's queue.
	Requeue struct{}
)

func (Log) action()        {}
func (BadLine) action()    {}
func (WriteStdin) action() {}
func (Settle) action()     {}
func (Requeue) action()    {}

// A listener may write anything. Lines and results that are longer than these
// are bad result lines.
const (
	maxLine   = 4 << 10
	maxResult = 16 << 20
)

// The 7 bytes before the length are skipped, whatever they are. Supervisor
// 4.2.5, dispatchers.py, RESULT_TOKEN_START_LEN.
const skipped = len("RESULT ")

// Sent notes that an event has been sent to a Ready listener; hasProcess says
// whether the event is about one process. It logs nothing, as the original.
// In any other state it changes nothing.
func (m *Machine) Sent(hasProcess bool) {
	if m.State == Ready {
		m.State, m.hasProcess = Busy, hasProcess
	}
}

// Gone notes that the listener has ended, and all it wrote has been fed. The
// machine is then as new.
func (m *Machine) Gone(out []Action) []Action {
	if m.State == Busy {
		out = append(out, Requeue{})
	}
	*m = Machine{Name: m.Name, Handler: m.Handler, State: Acknowledged}
	return out
}

// Feed takes what the listener has written to its standard output, in pieces
// of any size, and appends to out. It does not keep data.
func (m *Machine) Feed(data []byte, out []Action) []Action {
	if m.State == Unknown {
		return out
	}
	m.buf = append(m.buf, data...)
	for more := true; more; {
		more, out = m.step(out)
	}
	return out
}

// step makes sense of the next token, if it is there.
func (m *Machine) step(out []Action) (more bool, _ []Action) {
	const ready = "READY\n"
	switch {
	case m.State == Acknowledged && len(m.buf) >= len(ready):
		if string(m.buf[:len(ready)]) != ready {
			return false, m.enter(Unknown, out)
		}
		m.consume(len(ready))
		return true, m.enter(Ready, out)
	case m.State == Ready && len(m.buf) > 0:
		// It speaks without being asked.
		return false, m.enter(Unknown, out)
	case m.State == Busy && !m.inResult:
		return m.line(out)
	case m.State == Busy && len(m.buf) >= m.need:
		return true, m.result(m.consume(m.need), out)
	}
	return false, out
}

// line reads the line RESULT if all of it is there.
func (m *Machine) line(out []Action) (more bool, _ []Action) {
	end := bytes.IndexByte(m.buf, '\n')
	if end < 0 && len(m.buf) <= maxLine {
		return false, out
	}
	if end < 0 || end > maxLine {
		return false, m.badLine(cut(m.buf[:maxLine]), out)
	}
	line := m.consume(end + 1)[:end]
	n, ok := length(line[min(skipped, len(line)):])
	if !ok || n > maxResult {
		return false, m.badLine(line, out)
	}
	m.inResult, m.need = true, n
	return true, out
}

func (m *Machine) badLine(line []byte, out []Action) []Action {
	out = append(out, BadLine{line})
	out = m.enter(Unknown, out)
	return append(out, Requeue{})
}

// result asks the handler about a whole result. Supervisor 4.2.5,
// dispatchers.py, handle_result.
func (m *Machine) result(result []byte, out []Action) []Action {
	m.inResult = false
	v := m.Handler.Judge(result, m.hasProcess)
	switch v.Outcome {
	case Accept:
		if v.Write {
			out = append(out, WriteStdin{v.Stdin})
		}
		out = m.log(level.Debug, "event was processed", out)
		out = m.enter(Acknowledged, out)
		return append(out, Settle{})
	case Reject:
		out = m.log(level.Warn, "event was rejected", out)
		out = m.enter(Acknowledged, out)
	default:
		out = m.log(level.Warn, "event caused an error", out)
		out = m.enter(Unknown, out)
	}
	return append(out, Requeue{})
}

// enter changes the state and logs it. Supervisor 4.2.5, dispatchers.py,
// _change_listener_state.
func (m *Machine) enter(to State, out []Action) []Action {
	out = m.log(level.Debug, fmt.Sprintf("%v -> %v", m.State, to), out)
	m.State = to
	if to == Unknown {
		m.buf, m.inResult = nil, false
		out = m.log(level.Warn, "has entered the UNKNOWN state and will no longer receive events, "+
			"this usually indicates the process violated the eventlistener protocol", out)
	}
	return out
}

func (m *Machine) log(lv level.Level, text string, out []Action) []Action {
	return append(out, Log{lv, m.Name + ": " + text})
}

// consume takes n bytes off the buffer. Nothing writes to them later.
func (m *Machine) consume(n int) []byte {
	taken := m.buf[:n:n]
	if m.buf = m.buf[n:]; len(m.buf) == 0 {
		m.buf = nil
	}
	return taken
}

// cut takes half a character off the end of a line that was cut short.
func cut(line []byte) []byte {
	for i := len(line) - 1; i >= max(0, len(line)-utf8.UTFMax); i-- {
		if utf8.RuneStart(line[i]) {
			if !utf8.FullRune(line[i:]) {
				return line[:i]
			}
			break
		}
	}
	return line
}

// length reads a decimal number that is not negative as Python's int() reads
// bytes: blanks around it, a sign before it and single underscores between its
// digits are allowed. Numbers over maxResult come out as maxResult+1.
func length(text []byte) (n int, ok bool) {
	text = bytes.Trim(text, " \t\n\v\f\r")
	negative := false
	if len(text) > 0 && (text[0] == '+' || text[0] == '-') {
		negative = text[0] == '-'
		text = text[1:]
	}
	digit := false // before this one
	for _, c := range text {
		switch {
		case '0' <= c && c <= '9':
			n = min(n*10+int(c-'0'), maxResult+1)
			digit = true
		case c == '_' && digit:
			digit = false
		default:
			return 0, false
		}
	}
	return n, digit && (!negative || n == 0)
}
