package daemon

import (
	"os"
	"strings"
)

// executable is the program that runs, even if its file has been replaced or
// removed since.
func executable() (string, error) { return "/proc/self/exe", nil }

// shortName is the name that ps -C, pgrep and killall know this process by,
// "" if it cannot be read.
func shortName() string {
	name, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(name), "\n")
}

// rename sets the short name; the kernel took it from the path executed,
// which is that of [executable]. Without /proc or the right, it stays "exe".
func rename(name string) {
	if name != "" {
		_ = os.WriteFile("/proc/self/comm", []byte(name), 0)
	}
}
