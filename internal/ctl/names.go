package ctl

import "strings"

// split cuts a name at its first colon into group and process; a process of
// its own group is both. whole says that the entire group is meant: "g:*" or
// "g:". Supervisor 4.2.5, options.py, split_namespec.
func split(name string) (group, process string, whole bool) {
	group, process, found := strings.Cut(name, ":")
	switch {
	case !found:
		return name, name, false
	case process == "" || process == "*":
		return group, "", true
	}
	return group, process, false
}

// join is the name of a process as it is shown. Supervisor 4.2.5, options.py,
// make_namespec.
func join(group, process string) string {
	if group == process {
		return process
	}
	return group + ":" + process
}
