package unix

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"example.org/twiddler/internal/ini"
	"example.org/twiddler/internal/sys"
)

// Resolve implements [sys.System]. The texts and the order of the checks are
// Supervisor's (4.2.5, process.py, get_execv_args; options.py,
// check_execv_args): the first entry of path that has the name at all wins,
// even if it cannot be run.
func (s *System) Resolve(command, path string) (file string, argv []string, err error) {
	argv, err = ini.Split(command)
	if err != nil {
		return "", nil, notExecutable("can't parse command " + ini.Repr(command) + ": " + err.Error())
	}
	if len(argv) == 0 {
		return "", nil, notExecutable("command is empty")
	}
	file, info := find(argv[0], path)
	quoted := ini.Repr(file)
	switch {
	case info == nil:
		return "", nil, &sys.CommandError{NotFound: true, Text: "can't find command " + quoted}
	case info.IsDir():
		return "", nil, notExecutable("command at " + quoted + " is a directory")
	case info.Mode().Perm()&0o111 == 0:
		return "", nil, notExecutable("command at " + quoted + " is not executable")
	case unix.Access(file, unix.X_OK) != nil:
		return "", nil, notExecutable("no permission to run command " + quoted)
	}
	return file, argv, nil
}

// find returns the file that program names. Without one the info is nil and
// the name is the program's, for the error.
func find(program, path string) (string, os.FileInfo) {
	if strings.Contains(program, "/") {
		info, err := os.Stat(program)
		if err != nil {
			return program, nil
		}
		return program, info
	}
	for _, dir := range searchPath(path) {
		file := program // an empty entry is the working directory
		if dir != "" {
			file = strings.TrimSuffix(dir, "/") + "/" + program
		}
		if info, err := os.Stat(file); err == nil {
			return file, info
		}
	}
	return program, nil
}

// searchPath splits path; without one it is the daemon's own, and without
// that the default of Supervisor 4.2.5, options.py, get_path.
func searchPath(path string) []string {
	if path == "" {
		path = os.Getenv("PATH")
	}
	if path == "" {
		return []string{"/bin", "/usr/bin", "/usr/local/bin"}
	}
	return strings.Split(path, ":")
}

func notExecutable(text string) error { return &sys.CommandError{Text: text} }
