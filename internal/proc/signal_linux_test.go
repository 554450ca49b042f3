package proc

import "testing"

// Supervisor 4.2.5, options.py, signame, on Linux: one fixed name a number.
func TestSignalName(t *testing.T) {
	t.Parallel()
	for number, want := range map[int]string{
		1: "SIGHUP", 6: "SIGABRT", 7: "SIGBUS", 9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV",
		15: "SIGTERM", 16: "SIGSTKFLT", 17: "SIGCHLD", 29: "SIGPOLL", 31: "SIGSYS",
		34: "SIGRTMIN", 64: "SIGRTMAX", 0: "signal 0", 32: "signal 32", 35: "signal 35",
		63: "signal 63", 65: "signal 65", -1: "signal -1",
	} {
		if got := SignalName(number); got != want {
			t.Errorf("SignalName(%d) = %q, want %q", number, got, want)
		}
	}
}

func TestSignalNumber(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{
		"SIGTERM": 15, "SIGCLD": 17, "SIGIOT": 6, "SIGIO": 29, "SIGPOLL": 29, "SIGSTKFLT": 16,
		"SIGRTMIN": 34, "SIGRTMAX": 64,
	} {
		if got, ok := SignalNumber(name); !ok || got != want {
			t.Errorf("SignalNumber(%q) = %d, %v, want %d", name, got, ok, want)
		}
	}
	for _, name := range []string{"TERM", "sigterm", "SIG", "SIGRTMIN+1", "", "SIG_IGN"} {
		if got, ok := SignalNumber(name); ok {
			t.Errorf("SignalNumber(%q) = %d, want no such signal", name, got)
		}
	}
}
