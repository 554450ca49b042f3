package listener

import "bytes"

// A Handler judges the results of a pool's listeners. The zero value is the
// default one.
type Handler int

// The handlers, each known to configuration files by the name of the Python
// function that it is like.
const (
	// Default accepts exactly OK and rejects all else. Supervisor 4.2.5,
	// dispatchers.py, default_handler.
	Default Handler = iota
	// StdinWrite is Default, and accepts a result that begins with STDIN: too:
	// the rest of it goes to the process the event is about. It is an error if
	// the event is about none. supervisor_twiddler 0.4, resulthandler.py.
	StdinWrite
)

// ParseHandler returns the handler that a value of result_handler= names.
func ParseHandler(spec string) (Handler, bool) {
	switch spec {
	case "supervisor.dispatchers:default_handler":
		return Default, true
	case "supervisor_twiddler.resulthandler:stdin_write_handler":
		return StdinWrite, true
	}
	return 0, false
}

// Outcome is what becomes of an event.
type Outcome int

// The outcomes: the event has been handled; it is to be sent again; it is to
// be sent again, and to another listener since this one can't be trusted.
const (
	Accept Outcome = iota
	Reject
	Fail
)

// A Verdict is a handler's answer to a result.
type Verdict struct {
	Outcome Outcome
	Write   bool   // send Stdin, even if empty, to the process the event is about
	Stdin   []byte // part of the result
}

// Judge judges a result; hasProcess says whether the event is about one
// process.
func (h Handler) Judge(result []byte, hasProcess bool) Verdict {
	if h == StdinWrite {
		if data, ok := bytes.CutPrefix(result, []byte("STDIN:")); ok {
			if !hasProcess {
				return Verdict{Outcome: Fail}
			}
			return Verdict{Outcome: Accept, Write: true, Stdin: data}
		}
	}
	if string(result) != "OK" {
		return Verdict{Outcome: Reject}
	}
	return Verdict{Outcome: Accept}
}
