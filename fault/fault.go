// Package fault holds the errors that cross the RPC boundary.
package fault

import (
	"errors"
	"fmt"
)

// A Code is an XML-RPC fault number. The numbers are wire format: never
// renumber. Supervisor 4.2.5, xmlrpc.py, Faults.
type Code int

// The faults of Supervisor, NotInWhitelist of supervisor_twiddler, and our own
// from 240. There is no number 5.
const (
	UnknownMethod        Code = 1
	IncorrectParameters  Code = 2
	BadArguments         Code = 3
	SignatureUnsupported Code = 4
	ShutdownState        Code = 6
	BadName              Code = 10
	BadSignal            Code = 11
	NoFile               Code = 20
	NotExecutable        Code = 21
	Failed               Code = 30
	AbnormalTermination  Code = 40
	SpawnError           Code = 50
	AlreadyStarted       Code = 60
	NotRunning           Code = 70
	Success              Code = 80 // only as the status of one process in the answer of a mass call
	AlreadyAdded         Code = 90
	StillRunning         Code = 91
	CantReread           Code = 92
	NotInWhitelist       Code = 230 // its text on the wire begins UNKNOWN, as the original's does
	NotPermitted         Code = 240 // the caller lacks the role, the group, or the policy's consent
	Conflict             Code = 241 // somebody else has changed the same thing meanwhile
	NotSaved             Code = 242 // it could not be made to outlive supervisord, and was not done
)

var names = map[Code]string{
	UnknownMethod:        "UNKNOWN_METHOD",
	IncorrectParameters:  "INCORRECT_PARAMETERS",
	BadArguments:         "BAD_ARGUMENTS",
	SignatureUnsupported: "SIGNATURE_UNSUPPORTED",
	ShutdownState:        "SHUTDOWN_STATE",
	BadName:              "BAD_NAME",
	BadSignal:            "BAD_SIGNAL",
	NoFile:               "NO_FILE",
	NotExecutable:        "NOT_EXECUTABLE",
	Failed:               "FAILED",
	AbnormalTermination:  "ABNORMAL_TERMINATION",
	SpawnError:           "SPAWN_ERROR",
	AlreadyStarted:       "ALREADY_STARTED",
	NotRunning:           "NOT_RUNNING",
	Success:              "SUCCESS",
	AlreadyAdded:         "ALREADY_ADDED",
	StillRunning:         "STILL_RUNNING",
	CantReread:           "CANT_REREAD",
	NotPermitted:         "NOT_PERMITTED",
	Conflict:             "CONFLICT",
	NotSaved:             "NOT_SAVED",
}

// String is the name of the fault, UNKNOWN for a number without one.
func (c Code) String() string {
	if s, ok := names[c]; ok {
		return s
	}
	return "UNKNOWN"
}

// An Error is a fault as the client sees it: a number and a text.
type Error struct {
	Code   Code
	Detail string // usually the name the caller sent
	bare   bool   // no detail: the text is the name alone
}

// New returns a fault about detail. An empty detail still shows the colon,
// "BAD_NAME: ", as the original's does for an empty name.
func New(code Code, detail string) *Error { return &Error{Code: code, Detail: detail} }

// Bare returns a fault without detail, "SHUTDOWN_STATE".
func Bare(code Code) *Error { return &Error{Code: code, bare: true} }

// Errorf returns a fault whose detail is formatted.
func Errorf(code Code, format string, args ...any) *Error {
	return New(code, fmt.Sprintf(format, args...))
}

// Error is the faultString: "BAD_NAME: web:nginx".
func (e *Error) Error() string {
	if e.bare {
		return e.Code.String()
	}
	return e.Code.String() + ": " + e.Detail
}

// From turns any error into the fault to send. An error that is not a fault
// already is a bug or a failure of the operating system; the client gets
// FAILED with its text.
func From(err error) *Error {
	var f *Error
	if errors.As(err, &f) {
		return f
	}
	return New(Failed, err.Error())
}

// Is reports whether err is a fault with that code.
func Is(err error, code Code) bool {
	var f *Error
	return errors.As(err, &f) && f.Code == code
}
