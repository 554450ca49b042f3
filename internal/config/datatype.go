package config

import (
	"fmt"
	"slices"
	"strings"

	"example.org/twiddler/internal/ini"
	"example.org/twiddler/internal/proc"
	"example.org/twiddler/level"
)

var (
	truthy = []string{"yes", "true", "on", "1"}
	falsy  = []string{"no", "false", "off", "0"}
)

// boolean is Supervisor 4.2.5, datatypes.py, boolean.
func boolean(s string) (bool, error) {
	word := strings.ToLower(s)
	switch {
	case slices.Contains(truthy, word):
		return true, nil
	case slices.Contains(falsy, word):
		return false, nil
	}
	return false, wrong("not a valid boolean value: %s", ini.Repr(s))
}

// autoRestart is Supervisor 4.2.5, datatypes.py, auto_restart.
func autoRestart(s string) (proc.Restart, error) {
	word := strings.ToLower(s)
	switch {
	case slices.Contains(truthy, word):
		return proc.RestartAlways, nil
	case slices.Contains(falsy, word):
		return proc.RestartNever, nil
	case word == "unexpected":
		return proc.RestartUnexpected, nil
	}
	return 0, wrong("invalid 'autorestart' value %s", ini.Repr(word))
}

// exitCodes is Supervisor 4.2.5, datatypes.py, list_of_exitcodes. An empty
// list expects no exit at all.
func exitCodes(s string) ([]int, error) {
	codes := []int{}
	if s == "" {
		return codes, nil
	}
	for item := range strings.SplitSeq(s, ",") {
		n, ok := parseInt(item, 10)
		if !ok || n < 0 || n > 255 {
			return nil, wrong("not a valid list of exit codes: %s", ini.Repr(s))
		}
		codes = append(codes, int(n))
	}
	return codes, nil
}

// signalWords are names of Python's signal module that look like signals and
// are none; the original takes them, and their numbers.
var signalWords = map[string]int{
	"SIG_DFL": 0, "SIG_IGN": 1, "SIG_BLOCK": 0, "SIG_UNBLOCK": 1, "SIG_SETMASK": 2,
}

// ParseSignal returns the number of a signal given as a number or as a name,
// with or without SIG, in any case. 0 is a signal that does nothing. The error
// has the text of Supervisor 4.2.5, datatypes.py, signal_number.
func ParseSignal(s string) (int, error) {
	if n, ok := parseInt(s, 10); ok {
		// 0 is in the original's list because of SIG_DFL.
		if n == 0 || n > 0 && n < 128 && proc.SignalName(int(n)) != fmt.Sprintf("signal %d", n) {
			return int(n), nil
		}
		return 0, wrong("value %s is not a valid signal number", ini.Repr(s))
	}
	name := strings.ToUpper(strip(s))
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if n, ok := proc.SignalNumber(name); ok {
		return n, nil
	}
	if n, ok := signalWords[name]; ok {
		return n, nil
	}
	return 0, wrong("value %s is not a valid signal name", ini.Repr(s))
}

// SignalName is the one name that a signal is shown by, "SIGTERM".
func SignalName(number int) string { return proc.SignalName(number) }

// logLevel is Supervisor 4.2.5, datatypes.py, logging_level.
func logLevel(s string) (level.Level, error) {
	l, ok := level.Parse(s)
	if !ok {
		return 0, wrong("bad logging level name %s", ini.Repr(s))
	}
	return l, nil
}

// checkName is Supervisor 4.2.5, datatypes.py, process_or_group_name: what would
// break listeners and addresses is refused.
func checkName(s string) (string, error) {
	trimmed := strip(s)
	for _, c := range " :/" {
		if strings.ContainsRune(trimmed, c) {
			return "", wrong("Invalid name: %s because of character: %s", ini.Repr(s), ini.Repr(string(c)))
		}
	}
	return trimmed, nil
}

// list is Supervisor 4.2.5, datatypes.py, list_of_strings.
func list(s string) []string {
	if s == "" {
		return nil
	}
	items := strings.Split(s, ",")
	for i := range items {
		items[i] = strip(items[i])
	}
	return items
}

// port is Supervisor 4.2.5, datatypes.py, port_number.
func port(s string) (int, error) {
	n, err := integer(s)
	switch {
	case err != nil:
		return 0, err
	case n < 1:
		return 0, wrong("%d is below lower bound (1)", n)
	case n > 0xffff:
		return 0, wrong("%d is above upper bound (65535)", n)
	}
	return int(n), nil
}

// inetAddress is Supervisor 4.2.5, datatypes.py, inet_address. The host is ""
// for all interfaces.
func inetAddress(s string) (host string, number int, err error) {
	colon := strings.LastIndexByte(s, ':')
	if colon < 0 {
		if number, err = port(s); err != nil {
			return "", 0, wrong("not a valid port number: %s ", ini.Repr(s))
		}
		return "", number, nil
	}
	if s[colon+1:] == "" {
		return "", 0, wrong("no port number specified in ''")
	}
	if number, err = port(s[colon+1:]); err != nil {
		return "", 0, err
	}
	if host = strings.ToLower(s[:colon]); host == "*" {
		host = ""
	}
	return host, number, nil
}
