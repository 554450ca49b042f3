package httpd

import (
	"net"

	"golang.org/x/sys/unix"
)

// peer asks the kernel who connected to a unix socket: the process's effective
// user and group at that time. All are -1 if it is none.
func peer(nc net.Conn) (uid, gid, pid int) {
	c, ok := nc.(*net.UnixConn)
	if !ok {
		return -1, -1, -1
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, -1, -1
	}
	var cred *unix.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) {
		cred, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil || failed != nil {
		return -1, -1, -1
	}
	return int(cred.Uid), int(cred.Gid), int(cred.Pid)
}
