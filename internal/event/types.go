package event

import "fmt"

// Type is a kind of event. The zero value is none.
type Type uint8

// The types, by the names that events= takes. Those that have others below
// them are abstract: they can be subscribed to, and never happen themselves.
// Supervisor 4.2.5, events.py, EventTypes.
const (
	Any Type = iota + 1 // EVENT
	ProcessState
	ProcessStateStopped
	ProcessStateExited
	ProcessStateStarting
	ProcessStateBackoff
	ProcessStateStopping
	ProcessStateFatal
	ProcessStateRunning
	ProcessStateUnknown
	ProcessCommunication
	ProcessCommunicationStdout
	ProcessCommunicationStderr
	ProcessLog
	ProcessLogStdout
	ProcessLogStderr
	RemoteCommunication
	SupervisorStateChange
	SupervisorStateChangeRunning
	SupervisorStateChangeStopping
	Tick
	Tick5
	Tick60
	Tick3600
	ProcessGroup
	ProcessGroupAdded
	ProcessGroupRemoved
	end
)

// types names each type and those right below it.
var types = [end]struct {
	name  string
	below []Type
}{
	Any:          {"EVENT", []Type{ProcessState, ProcessCommunication, ProcessLog, RemoteCommunication, SupervisorStateChange, Tick, ProcessGroup}},
	ProcessState: {"PROCESS_STATE", []Type{ProcessStateStopped, ProcessStateExited, ProcessStateStarting, ProcessStateBackoff, ProcessStateStopping, ProcessStateFatal, ProcessStateRunning, ProcessStateUnknown}},

	ProcessStateStopped:  {"PROCESS_STATE_STOPPED", nil},
	ProcessStateExited:   {"PROCESS_STATE_EXITED", nil},
	ProcessStateStarting: {"PROCESS_STATE_STARTING", nil},
	ProcessStateBackoff:  {"PROCESS_STATE_BACKOFF", nil},
	ProcessStateStopping: {"PROCESS_STATE_STOPPING", nil},
	ProcessStateFatal:    {"PROCESS_STATE_FATAL", nil},
	ProcessStateRunning:  {"PROCESS_STATE_RUNNING", nil},
	ProcessStateUnknown:  {"PROCESS_STATE_UNKNOWN", nil},

	ProcessCommunication:       {"PROCESS_COMMUNICATION", []Type{ProcessCommunicationStdout, ProcessCommunicationStderr}},
	ProcessCommunicationStdout: {"PROCESS_COMMUNICATION_STDOUT", nil},
	ProcessCommunicationStderr: {"PROCESS_COMMUNICATION_STDERR", nil},

	ProcessLog:       {"PROCESS_LOG", []Type{ProcessLogStdout, ProcessLogStderr}},
	ProcessLogStdout: {"PROCESS_LOG_STDOUT", nil},
	ProcessLogStderr: {"PROCESS_LOG_STDERR", nil},

	RemoteCommunication: {"REMOTE_COMMUNICATION", nil},

	SupervisorStateChange:         {"SUPERVISOR_STATE_CHANGE", []Type{SupervisorStateChangeRunning, SupervisorStateChangeStopping}},
	SupervisorStateChangeRunning:  {"SUPERVISOR_STATE_CHANGE_RUNNING", nil},
	SupervisorStateChangeStopping: {"SUPERVISOR_STATE_CHANGE_STOPPING", nil},

	Tick:     {"TICK", []Type{Tick5, Tick60, Tick3600}},
	Tick5:    {"TICK_5", nil},
	Tick60:   {"TICK_60", nil},
	Tick3600: {"TICK_3600", nil},

	ProcessGroup:        {"PROCESS_GROUP", []Type{ProcessGroupAdded, ProcessGroupRemoved}},
	ProcessGroupAdded:   {"PROCESS_GROUP_ADDED", nil},
	ProcessGroupRemoved: {"PROCESS_GROUP_REMOVED", nil},
}

// String is the name that events= takes and a listener reads.
func (t Type) String() string {
	if t == 0 || t >= end {
		return fmt.Sprintf("Type(%d)", uint8(t))
	}
	return types[t].name
}

// Concrete reports whether events of this type itself can happen.
func (t Type) Concrete() bool { return t > 0 && t < end && types[t].below == nil }

// Is reports whether who subscribes to ancestor gets events of type t.
func (t Type) Is(ancestor Type) bool { return ancestor.Set().Has(t) }

// Set is t and all types below it.
func (t Type) Set() Set {
	if t == 0 || t >= end {
		return 0
	}
	all := Set(1) << t
	for _, sub := range types[t].below {
		all |= sub.Set()
	}
	return all
}

// Parse returns the type of a name, written as String does.
func Parse(name string) (Type, bool) {
	for t := Any; t < end; t++ {
		if types[t].name == name {
			return t, true
		}
	}
	return 0, false
}

// Known reports whether events= may have that name, written as String does.
func Known(name string) bool {
	_, ok := Parse(name)
	return ok
}

// OfState returns the type that announces a process's change to a state,
// given by name, or 0 if there is no such state.
func OfState(state string) Type {
	switch state {
	case "STOPPED":
		return ProcessStateStopped
	case "EXITED":
		return ProcessStateExited
	case "STARTING":
		return ProcessStateStarting
	case "BACKOFF":
		return ProcessStateBackoff
	case "STOPPING":
		return ProcessStateStopping
	case "FATAL":
		return ProcessStateFatal
	case "RUNNING":
		return ProcessStateRunning
	case "UNKNOWN":
		return ProcessStateUnknown
	}
	return 0
}

// A Set is what a pool has subscribed to, with all that its names cover; or
// what any pool has. The zero value is empty.
type Set uint32

// Subscribe returns the set of all that the names cover; a name that is not
// [Known] covers nothing. A type is in it once: the original delivers an event
// as many times as there are names that cover it.
func Subscribe(names ...string) Set {
	var s Set
	for _, name := range names {
		if t, ok := Parse(name); ok {
			s |= t.Set()
		}
	}
	return s
}

// Has reports whether events of type t are wanted. It costs next to nothing.
func (s Set) Has(t Type) bool { return s>>t&1 != 0 }
