// Package event is what supervisord announces to event listeners: the types
// of events, what each tells, and the form in which a listener reads it.
//
// It is pure: values in, values out. Who is subscribed, and what waits for
// which listener, is its user's business.
package event

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// An Event is one announcement. Values are independent of what they tell of:
// all is written down when the event is made.
type Event struct {
	Type    Type   // a concrete one
	Payload string // as a listener gets it; mostly UTF-8

	// The process it is about; both "" for events that are about none.
	Group, Process string
}

// HasProcess reports whether the event is about one process, which a result
// handler may then send something to.
func (e Event) HasProcess() bool { return e.Process != "" }

// A StateChange is a change of state of one process.
type StateChange struct {
	Group, Process string
	From, To       string // states by name, as "RUNNING"
	PID            int    // 0 for none; told of Running, Stopping, Stopped and Exited
	Tries          int    // failed starts in a row; told of Starting and Backoff
	Expected       bool   // told of Exited: the exit status was an expected one
}

// Event is the announcement of the change. Supervisor 4.2.5, events.py,
// ProcessStateEvent and those derived from it.
func (c StateChange) Event() Event {
	var b strings.Builder
	fmt.Fprintf(&b, "processname:%s groupname:%s from_state:%s", c.Process, c.Group, c.From)
	typ := OfState(c.To)
	switch typ {
	case ProcessStateStarting, ProcessStateBackoff:
		fmt.Fprintf(&b, " tries:%d", c.Tries)
	case ProcessStateExited:
		expected := 0
		if c.Expected {
			expected = 1
		}
		fmt.Fprintf(&b, " expected:%d pid:%d", expected, c.PID)
	case ProcessStateRunning, ProcessStateStopping, ProcessStateStopped:
		fmt.Fprintf(&b, " pid:%d", c.PID)
	}
	return Event{Type: typ, Payload: b.String(), Group: c.Group, Process: c.Process}
}

// Output is text that a process has written.
type Output struct {
	Group, Process string
	PID            int
	Stderr         bool // which of its channels; false is stdout
	Data           []byte
}

// Log is the announcement of ordinary output. Supervisor 4.2.5, events.py,
// ProcessLogEvent.
func (o Output) Log() Event {
	typ, channel := ProcessLogStdout, "stdout"
	if o.Stderr {
		typ, channel = ProcessLogStderr, "stderr"
	}
	return o.event(typ, " channel:"+channel)
}

// Communication is the announcement of a text between capture tokens.
// Supervisor 4.2.5, events.py, ProcessCommunicationEvent.
func (o Output) Communication() Event {
	typ := ProcessCommunicationStdout
	if o.Stderr {
		typ = ProcessCommunicationStderr
	}
	return o.event(typ, "")
}

func (o Output) event(typ Type, more string) Event {
	text := fmt.Sprintf("processname:%s groupname:%s pid:%d%s\n%s", o.Process, o.Group, o.PID, more, Text(o.Data))
	return Event{Type: typ, Payload: text, Group: o.Group, Process: o.Process}
}

// Remote is what a client sends with sendRemoteCommEvent. Supervisor 4.2.5,
// events.py, RemoteCommunicationEvent.
func Remote(kind, data string) Event {
	return Event{Type: RemoteCommunication, Payload: "type:" + kind + "\n" + data}
}

// GroupChange is the announcement of ProcessGroupAdded or
// ProcessGroupRemoved. Supervisor 4.2.5, events.py, ProcessGroupEvent.
func GroupChange(typ Type, group string) Event {
	return Event{Type: typ, Payload: "groupname:" + group + "\n"}
}

// Text is output as it is shown to people and listeners: itself if it is
// UTF-8, else a remark and its bytes as Python writes them. Supervisor 4.2.5,
// events.py, payload.
func Text(data []byte) string {
	if utf8.Valid(data) {
		return string(data)
	}
	return "Undecodable: " + quote(data)
}

// quote writes data as Python's repr of bytes.
func quote(data []byte) string {
	text := string(data)
	mark := byte('\'')
	if strings.Contains(text, "'") && !strings.Contains(text, `"`) {
		mark = '"'
	}
	out := append(make([]byte, 0, len(data)+3), 'b', mark)
	for _, c := range data {
		switch {
		case c == '\\' || c == mark:
			out = append(out, '\\', c)
		case c == '\t':
			out = append(out, `\t`...)
		case c == '\n':
			out = append(out, `\n`...)
		case c == '\r':
			out = append(out, `\r`...)
		case c >= 0x20 && c < 0x7f:
			out = append(out, c)
		default:
			out = fmt.Appendf(out, `\x%02x`, c)
		}
	}
	return string(append(out, mark))
}
