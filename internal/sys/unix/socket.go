package unix

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"example.org/twiddler/internal/config"
)

// OpenSocket listens on the socket of a FastCGI group, and returns it as a
// file that children inherit as their stdin. A unix socket that is there is
// replaced, without looking whether anybody listens on it, as Supervisor does
// (4.2.5, options.py, UnixStreamSocketConfig); unlike there, what is no socket
// is left alone.
func OpenSocket(c *config.Socket) (*os.File, error) {
	if !c.Unix {
		return listenTCP(c)
	}
	switch info, err := os.Lstat(c.Path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case info.Mode()&(fs.ModeSocket|fs.ModeSymlink) == 0:
		return nil, fmt.Errorf("cannot replace %q: not a socket", c.Path)
	default:
		if err := os.Remove(c.Path); err != nil {
			return nil, err
		}
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	unix.CloseOnExec(fd)
	if err := bindUnix(fd, c); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), c.URL), nil
}

// bindUnix sets owner and mode before anybody can connect.
func bindUnix(fd int, c *config.Socket) error {
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: c.Path}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	if err := os.Chown(c.Path, c.UID, c.GID); err != nil {
		return err
	}
	if err := os.Chmod(c.Path, c.Mode); err != nil {
		return err
	}
	return os.NewSyscallError("listen", unix.Listen(fd, backlog(c)))
}

// listenTCP binds with SO_REUSEADDR, as net does.
func listenTCP(c *config.Socket) (*os.File, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp4", net.JoinHostPort(c.Host, strconv.Itoa(c.Port)))
	if err != nil {
		return nil, err
	}
	defer l.Close()
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		return nil, err
	}
	fd := int(file.Fd())
	// Children expect to wait in accept. A second listen sets the backlog.
	if err := errors.Join(unix.SetNonblock(fd, false), unix.Listen(fd, backlog(c))); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func backlog(c *config.Socket) int {
	if c.Backlog > 0 {
		return c.Backlog
	}
	return unix.SOMAXCONN
}
