package proc

import "fmt"

// A signalName is one name of a signal. Of several names for one number the
// first row is the one that is shown.
type signalName struct {
	name   string // with SIG
	number int
}

// SignalName is the name a signal is shown by, "SIGTERM"; a number without a
// name is "signal 35". Every number has one fixed name: SIGABRT and not
// SIGIOT, SIGPOLL and not SIGIO.
// Supervisor 4.2.5, options.py, signame.
func SignalName(number int) string {
	for _, s := range signalNames {
		if s.number == number {
			return s.name
		}
	}
	return fmt.Sprintf("signal %d", number)
}

// SignalNumber is the number of a signal by its whole name in capitals,
// "SIGTERM", aliases included.
func SignalNumber(name string) (number int, ok bool) {
	for _, s := range signalNames {
		if s.name == name {
			return s.number, true
		}
	}
	return 0, false
}
