package childlog

import "errors"

const (
	// readBytes is the most that is read from a pipe at once, as in the
	// original: events and syslog messages are cut by it. Supervisor 4.2.5,
	// options.py, readfd.
	readBytes = 128 << 10

	// finishBytes bounds what is read of a dead child's pipe: a grandchild
	// may hold it and write for ever. It is the most a pipe can hold unless
	// root has raised the limit.
	finishBytes = 1 << 20
)

// ErrClosed is the answer after Close.
var ErrClosed = errors.New("closed")
