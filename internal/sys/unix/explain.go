package unix

import (
	"errors"
	"os"
	"syscall"

	"example.org/twiddler/internal/sys"
)

// explain finds out at which step a child failed to start. ForkExec answers
// with a bare errno; so the steps before exec are tried again, one more at a
// time, with programs that cannot run (see fails). That takes a few short
// forks, but only after a failure, and it is never a guess.
func explain(c *sys.Child, attr *syscall.ProcAttr, err error) *sys.StartError {
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		errno = syscall.EINVAL
	}
	switch errno {
	case syscall.EAGAIN:
		return &sys.StartError{Text: "Too many processes in process table to spawn '" + c.Name + "'"}
	case syscall.ENOMEM:
		return forkError(c.Name, errno)
	case syscall.EMFILE, syscall.ENFILE:
		return pipeError(c.Name, errno) // ForkExec has a pipe of its own
	}
	if e, failed := fails(&syscall.ProcAttr{Sys: &syscall.SysProcAttr{Setpgid: true}}); failed {
		return forkError(c.Name, e)
	}
	cred := attr.Sys.Credential
	if reason := credentialFailure(cred); reason != "" {
		return setuidError(cred.Uid, reason)
	}
	if c.Dir != "" {
		try := &syscall.ProcAttr{Dir: c.Dir, Sys: &syscall.SysProcAttr{Credential: cred}}
		if e, failed := fails(try); failed {
			return childError("couldn't chdir to " + c.Dir + ": " + ErrnoName(e))
		}
	}
	return childError("couldn't exec " + c.Argv[0] + ": " + ErrnoName(errno))
}

// fails reports whether a child with these attributes fails before it comes
// to exec, and with which error. Exec of the empty name fails with ENOENT and
// exec of a directory with EACCES; if both children fail alike it was not in
// exec.
func fails(attr *syscall.ProcAttr) (syscall.Errno, bool) {
	_, empty := syscall.ForkExec("", []string{""}, attr)
	_, dir := syscall.ForkExec("/", []string{"/"}, attr)
	errno, ok := errors.AsType[syscall.Errno](empty)
	return errno, ok && empty == dir
}

// credentialFailure says which part of the change of user is refused, "" for
// none. The first two texts are those of Supervisor 4.2.5, options.py,
// drop_privileges; it does not expect the third to happen.
func credentialFailure(cred *syscall.Credential) string {
	if cred == nil {
		return ""
	}
	self := syscall.Credential{Uid: uint32(os.Geteuid()), Gid: uint32(os.Getegid()), Groups: cred.Groups}
	if credentialFails(self) {
		return textSetgroups
	}
	self.Gid = cred.Gid
	if credentialFails(self) {
		return textSetgid
	}
	if credentialFails(*cred) {
		return textSetuid
	}
	return ""
}

func credentialFails(cred syscall.Credential) bool {
	_, failed := fails(&syscall.ProcAttr{Sys: &syscall.SysProcAttr{Credential: &cred}})
	return failed
}

// childError is an error that the child of Supervisor would have found.
func childError(text string) *sys.StartError {
	return &sys.StartError{
		Text:     text,
		ChildLog: "supervisor: " + text + "\nsupervisor: child process was not spawned\n",
	}
}

func forkError(name string, errno syscall.Errno) *sys.StartError {
	return &sys.StartError{Text: "unknown error during fork for '" + name + "': " + ErrnoName(errno)}
}

func pipeError(name string, err error) *sys.StartError {
	errno, _ := errors.AsType[syscall.Errno](err)
	if errno == syscall.EMFILE {
		return &sys.StartError{Text: "too many open files to spawn '" + name + "'", NoFDs: true}
	}
	return &sys.StartError{Text: "unknown error making dispatchers for '" + name + "': " + ErrnoName(errno)}
}
