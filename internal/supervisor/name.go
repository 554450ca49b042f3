package supervisor

import "strings"

// A Name names one process: the group it is in, and its own name there.
type Name struct{ Group, Process string }

// ParseName reads a process name as operators write it: "group:name", or one
// word for both. whole is set for a whole group, "group:" or "group:*"; then
// Process is empty. Only the first colon counts.
// Supervisor 4.2.5, options.py, split_namespec.
func ParseName(spec string) (name Name, whole bool) {
	group, process, two := strings.Cut(spec, ":")
	switch {
	case !two:
		return Name{Group: group, Process: group}, false
	case process == "" || process == "*":
		return Name{Group: group}, true
	}
	return Name{Group: group, Process: process}, false
}

// Spec is how operators write the name.
func (n Name) Spec() string {
	if n.Group == n.Process {
		return n.Process
	}
	return n.Group + ":" + n.Process
}
