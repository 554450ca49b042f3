package config

import (
	"os"
	"path"
	"strings"
)

// A place is where paths are understood: a current directory, the homes of
// users, and the file system.
type place struct {
	cwd  string
	home func(user string) (string, bool) // "" is the user we run as

	dirs map[string]bool // what isDir found out, for the length of one load
}

// expandUser replaces ~ and ~user at the start, as Python's os.path.expanduser.
// A user without a home leaves the path as it is.
func (p *place) expandUser(s string) string {
	if !strings.HasPrefix(s, "~") {
		return s
	}
	user, rest := s[1:], ""
	if slash := strings.IndexByte(s, '/'); slash >= 0 {
		user, rest = s[1:slash], s[slash:]
	}
	home, ok := p.home(user)
	if !ok {
		return s
	}
	if full := strings.TrimRight(home, "/") + rest; full != "" {
		return full
	}
	return "/"
}

// absolute is Python's os.path.abspath.
func (p *place) absolute(s string) string {
	if !strings.HasPrefix(s, "/") {
		s = p.cwd + "/" + s
	}
	clean := path.Clean(s)
	if strings.HasPrefix(s, "//") && !strings.HasPrefix(s, "///") {
		return "/" + clean // POSIX leaves the meaning of two slashes open, so Python keeps them
	}
	return clean
}

// normal is Supervisor 4.2.5, options.py, normalize_path.
func (p *place) normal(s string) string { return p.absolute(p.expandUser(s)) }

// isDir reports whether s, relative to cwd, is a directory.
func (p *place) isDir(s string) bool {
	if s == "" {
		return false
	}
	if is, known := p.dirs[s]; known {
		return is
	}
	full := s
	if !strings.HasPrefix(s, "/") {
		full = p.cwd + "/" + s
	}
	info, err := os.Stat(full)
	is := err == nil && info.IsDir()
	p.dirs[s] = is
	return is
}

// existingDirectory is Supervisor 4.2.5, datatypes.py, existing_directory.
func (p *place) existingDirectory(s string) (string, error) {
	full := p.expandUser(s)
	if !p.isDir(full) {
		return "", wrong("%s is not an existing directory", s)
	}
	return full, nil
}

// existingDirPath is Supervisor 4.2.5, datatypes.py, existing_dirpath: the
// path of a file in a directory that exists. With an error, the path is still
// the one that is meant.
func (p *place) existingDirPath(s string) (string, error) {
	full := p.expandUser(s)
	if dir := dirname(full); dir != "" && !p.isDir(dir) {
		return full, wrong("The directory named as part of the path %s does not exist", s)
	}
	return full, nil
}

// existingFile is the absolute path of a file that is there.
func (p *place) existingFile(s string) (string, error) {
	full := p.normal(strip(s))
	if info, err := os.Stat(full); err != nil || info.IsDir() {
		return full, wrong("%s is not an existing file", s)
	}
	return full, nil
}

// dirname is Python's os.path.dirname.
func dirname(s string) string {
	head := s[:strings.LastIndexByte(s, '/')+1]
	if trimmed := strings.TrimRight(head, "/"); trimmed != "" {
		return trimmed
	}
	return head
}

// join is Python's os.path.join of a directory and a path.
func join(dir, s string) string {
	switch {
	case strings.HasPrefix(s, "/"):
		return s
	case dir == "" || strings.HasSuffix(dir, "/"):
		return dir + s
	}
	return dir + "/" + s
}
