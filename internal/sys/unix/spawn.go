package unix

import (
	"syscall"

	"example.org/twiddler/internal/sys"
)

// Start implements [sys.System]. The texts of errors are those of Supervisor
// 4.2.5, process.py, spawn. There is one difference on purpose: what goes
// wrong in the child before its program runs (user, directory, exec) is an
// error here with its reason, where Supervisor sees a child that exits with
// status 127. What that child would have written to its stderr is ChildLog.
func (s *System) Start(c *sys.Child) (sys.Started, error) {
	cred, err := s.credential(c.User)
	if err != nil {
		return sys.Started{}, err
	}
	p, err := openPipes(c)
	if err != nil {
		return sys.Started{}, pipeError(c.Name, err)
	}
	attr := &syscall.ProcAttr{
		Dir:   c.Dir,
		Env:   c.Env,
		Files: []uintptr{uintptr(p.child[0]), uintptr(p.child[1]), uintptr(p.child[2])},
		Sys:   &syscall.SysProcAttr{Setpgid: true, Credential: cred},
	}
	var pid int
	s.withUmask(c.Umask, func() { pid, err = syscall.ForkExec(c.File, c.Argv, attr) })
	p.closeChildEnds(c)
	if err != nil {
		p.closeOwnEnds()
		return sys.Started{}, explain(c, attr, err)
	}
	return sys.Started{PID: pid, Stdin: p.own[0], Stdout: p.own[1], Stderr: p.own[2]}, nil
}

// pipes are the two ends of a child's descriptors 0, 1 and 2; -1 for none.
type pipes struct {
	child [3]int
	own   [3]int
}

// openPipes makes what c needs. Our ends don't block; the child's do, for
// that is what programs expect.
func openPipes(c *sys.Child) (*pipes, error) {
	p := &pipes{child: [3]int{-1, -1, -1}, own: [3]int{-1, -1, -1}}
	for fd := range 3 {
		if err := p.open(c, fd); err != nil {
			p.closeChildEnds(c)
			p.closeOwnEnds()
			return nil, err
		}
	}
	return p, nil
}

func (p *pipes) open(c *sys.Child, fd int) error {
	switch {
	case fd == 0 && c.Socket >= 0:
		p.child[0] = c.Socket
		return nil
	case fd == 2 && c.RedirectStderr:
		p.child[2] = p.child[1]
		return nil
	}
	r, w, err := pipe()
	if err != nil {
		return err
	}
	if fd == 0 {
		p.child[0], p.own[0] = r, w
	} else {
		p.child[fd], p.own[fd] = w, r
	}
	return setNonblock(p.own[fd])
}

// closeChildEnds leaves the socket, which is the caller's.
func (p *pipes) closeChildEnds(c *sys.Child) {
	if c.RedirectStderr {
		p.child[2] = -1
	}
	if c.Socket >= 0 {
		p.child[0] = -1
	}
	closeAll(p.child)
}

func (p *pipes) closeOwnEnds() { closeAll(p.own) }

func closeAll(fds [3]int) {
	for _, fd := range fds {
		if fd >= 0 {
			syscall.Close(fd)
		}
	}
}
