package rpc

import (
	"strings"

	"example.org/twiddler/internal/supervisor"
)

// SplitName reads a process name as operators write it: "group:name", or one
// word for both. whole is set for a whole group, "group:" or "group:*"; then
// Process is empty. Only the first colon counts.
// Supervisor 4.2.5, options.py, split_namespec.
func SplitName(spec string) (name supervisor.Name, whole bool) {
	group, process, two := strings.Cut(spec, ":")
	switch {
	case !two:
		return supervisor.Name{Group: group, Process: group}, false
	case process == "" || process == "*":
		return supervisor.Name{Group: group}, true
	}
	return supervisor.Name{Group: group, Process: process}, false
}
