package supervisor

import (
	"fmt"
	"os"

	"example.org/twiddler/internal/sys"
	"example.org/twiddler/level"
)

// A socket is the one that the processes of a FastCGI group share. It is there
// while at least one of them is.
type socket struct {
	file  *os.File
	url   string
	users int
}

// acquire returns the descriptor that becomes the stdin of a child, -1 for
// none. The first one of its group makes the socket. Supervisor 4.2.5,
// socket_manager.py.
func (l *launcher) acquire(s Spawn) (fd int, err error) {
	if s.Socket == nil {
		return -1, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	shared := l.sockets[s.Name.Group]
	if shared == nil {
		l.o.Log(level.Info, "Creating socket "+s.Socket.URL)
		file, err := l.o.OpenSocket(s.Socket)
		if err != nil {
			return -1, &sys.StartError{Text: fmt.Sprintf("Could not create FastCGI socket %s: %v", s.Socket.URL, err)}
		}
		shared = &socket{file: file, url: s.Socket.URL}
		l.sockets[s.Name.Group] = shared
	}
	shared.users++
	return int(shared.file.Fd()), nil
}

// releaseOf gives the socket of a start that failed back.
func (l *launcher) releaseOf(s Spawn) {
	if s.Socket != nil {
		l.release(s.Name.Group)
	}
}

// release closes the socket of a group when nobody uses it any more. A unix
// socket's file stays, as the original's does.
func (l *launcher) release(group string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	shared := l.sockets[group]
	shared.users--
	if shared.users > 0 {
		return
	}
	delete(l.sockets, group)
	l.o.Log(level.Info, "Closing socket "+shared.url)
	shared.file.Close()
}
