package httpd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"example.org/twiddler/internal/config"
)

// A ListenError says why a server's socket cannot be opened. Its text is what
// the original prints after "Error: ".
type ListenError struct {
	Text string
	Err  error
}

func (e *ListenError) Error() string { return e.Text }

// Unwrap returns the failure of the operating system.
func (e *ListenError) Unwrap() error { return e.Err }

// open opens the socket of one section.
func open(c config.Server, o Options) (net.Listener, error) {
	if c.Unix {
		l, err := listenUnix(c, o)
		if err != nil {
			return nil, listenError(c, err)
		}
		return l, nil
	}
	// Without an address the original listens on all of IPv4 and nothing else.
	// Supervisor 4.2.5, http.py, supervisor_http_server.
	network, host := "tcp4", c.Host
	if strings.Contains(host, ":") {
		// The original knows no such addresses; they are written as in a URL.
		network, host = "tcp6", strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), network, net.JoinHostPort(host, strconv.Itoa(c.Port)))
	if err != nil {
		return nil, listenError(c, err)
	}
	return l, nil
}

// exposed refuses a socket that everybody on the network could use. It is the
// last word: the configuration knows a host by its name only.
func exposed(l net.Listener, c config.Server, a *Authority) error {
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok || addr.IP.IsLoopback() || c.AllowUnauthenticatedNetwork || c.Authenticated(a.accounts.Load().list) {
		return nil
	}
	err := c.Exposed()
	return &ListenError{Text: err.Error(), Err: err}
}

// listenError words err. Supervisor 4.2.5, options.py, openhttpservers, and
// http.py, supervisor_af_unix_http_server.
func listenError(c config.Server, err error) *ListenError {
	var chown *chownError
	var errno syscall.Errno
	text := "Cannot open an HTTP server: socket.error reported "
	switch {
	case errors.As(err, &chown) && errors.Is(err, syscall.EPERM):
		text = fmt.Sprintf("Not permitted to chown %s to uid/gid (%d, %d); adjust \"sockchown\" value in config file "+
			"or on command line to values that the current user (%s) can successfully chown", c.File, c.UID, c.GID, userName())
	case errors.Is(err, syscall.EADDRINUSE):
		text = "Another program is already listening on a port that one of our HTTP servers is configured to use.  " +
			"Shut this program down first before starting supervisord."
	case errors.As(err, &errno):
		text += fmt.Sprintf("errno.%s (%d)", unix.ErrnoName(errno), int(errno))
	case isDNS(err):
		text += "-2" // EAI_NONAME, the number that Python's resolver reports
	default:
		text += err.Error()
	}
	return &ListenError{Text: text, Err: err}
}

func isDNS(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns)
}

func userName() string {
	u, err := user.Current()
	if err != nil {
		return strconv.Itoa(syscall.Getuid())
	}
	return u.Username
}
