package ctl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"syscall"

	"example.org/twiddler/client"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/ini"
)

// apiVersion is what a server must answer to getVersion. Supervisor 4.2.5,
// rpcinterface.py, API_VERSION.
const apiVersion = "3.0"

// A session is one run of supervisorctl. Only its goroutine may use it.
type session struct {
	*options
	terminal terminal
	stdin    *os.File
	out      io.Writer // standard output: all that the original prints
	errOut   io.Writer // hints, and failures to follow a log
	tty      bool      // out is a terminal
	colour   bool
	size     func() (columns, rows int) // of the terminal; only if tty
	status   int                        // exit status so far

	// interruptible returns a context that Ctrl-C ends.
	interruptible func(context.Context) (context.Context, context.CancelFunc)

	// attending says that a command sees to the signals that would end the shell.
	attending atomic.Bool
	inShell   bool

	api   *client.Client       // made when needed; see server
	infos []client.ProcessInfo // for completion, until the next command
}

// A terminal is what a person types on, or what stands in for one.
type terminal interface {
	// command reads a line of the shell. It may offer editing and completion.
	command(ctx context.Context, prompt string) (string, error)
	// line reads an answer or a line for a process.
	line(ctx context.Context, prompt string) (string, error)
	// secret reads a line without showing it.
	secret(ctx context.Context, prompt string) (string, error)
	// close gives the terminal back as it was.
	close()
}

// The end of input is io.EOF; errInterrupted is Ctrl-C.
var errInterrupted = errors.New("interrupted")

func newSession(o *options, stdin *os.File, stdout, stderr io.Writer) *session {
	s := &session{options: o, stdin: stdin, out: stdout, errOut: stderr, interruptible: interruptible}
	if f, ok := stdout.(*os.File); ok && isTerminal(f) {
		s.tty = true
		s.colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
		s.size = func() (int, int) { return windowSize(f) }
	}
	s.terminal = newPlain(stdin, stdout, stderr)
	return s
}

func (s *session) close() {
	s.terminal.close()
	s.forget()
}

// say prints one line. On a terminal, control characters in it show harmlessly.
func (s *session) say(format string, args ...any) {
	text := s.harmless(fmt.Sprintf(format, args...))
	// A terminal that went away shows when the next line is read.
	_, _ = io.WriteString(s.out, text+"\n")
}

// raw prints one line that is harmless already, and may have colours.
func (s *session) raw(format string, args ...any) {
	_, _ = fmt.Fprintf(s.out, format+"\n", args...)
}

// fail prints one line and sets the exit status.
func (s *session) fail(status int, format string, args ...any) {
	s.say(format, args...)
	s.status = status
}

// hint adds a remark of our own, never on standard output.
func (s *session) hint(format string, args ...any) {
	text := fmt.Sprintf("hint: "+format, args...)
	_, _ = io.WriteString(s.errOut, visible(text)+"\n")
}

// A valueError is what the original raises as ValueError.
type valueError string

func (e valueError) Error() string { return string(e) }

// server returns the client for the server in use.
func (s *session) server() (*client.Client, error) {
	if s.api != nil {
		return s.api, nil
	}
	target, err := clientURL(s.url)
	if err != nil {
		return nil, err
	}
	var options []client.Option
	if s.credentials {
		options = append(options, client.Credentials(s.username, s.password))
	}
	secured, err := s.tlsConfig()
	if err != nil {
		return nil, err
	}
	options = append(options, client.TLS(secured))
	c, err := client.New(target, options...)
	if err != nil {
		return nil, valueError(err.Error())
	}
	s.api = c
	return c, nil
}

// forget closes the connection. One that has idled for as long as a person
// thinks may be half dead.
func (s *session) forget() {
	if s.api != nil {
		s.api.Close()
		s.api = nil
	}
}

// clientURL is the URL of a server without what the original ignores in it:
// path and query. Supervisor 4.2.5, xmlrpc.py, SupervisorTransport.
func clientURL(raw string) (string, error) {
	if strings.HasPrefix(raw, "unix://") {
		return raw, nil
	}
	scheme := "http://"
	if strings.HasPrefix(raw, "https://") {
		scheme = "https://"
	}
	host, ok := strings.CutPrefix(raw, scheme)
	if !ok {
		return "", valueError("Unknown protocol for serverurl " + raw)
	}
	if end := strings.IndexAny(host, "/?#"); end >= 0 {
		host = host[:end]
	}
	u, err := url.Parse(scheme + host)
	if err == nil {
		return u.String(), nil
	}
	_, port, _ := strings.Cut(host[strings.LastIndexByte(host, ']')+1:], ":")
	if strings.Trim(port, "0123456789") != "" {
		return "", valueError("Port could not be cast to integer value as " + ini.Repr(port))
	}
	return "", valueError("cannot use server URL: it is not a URL")
}

// upcheck asks whether the server is there and speaks our language. If not it
// has said so, or returns the error to print. Supervisor 4.2.5,
// supervisorctl.py, upcheck.
func (s *session) upcheck(ctx context.Context) (ok bool, err error) {
	c, err := s.server()
	if err != nil {
		return false, err
	}
	version, err := c.Call(ctx, "supervisor.getVersion")
	switch {
	case err == nil && version == apiVersion:
		return true, nil
	case err == nil:
		s.fail(exitNotInstalled, "Sorry, this version of supervisorctl expects to talk to a server with API version %s, "+
			"but the remote version is %v.", apiVersion, version)
	case fault.Is(err, fault.UnknownMethod):
		s.fail(exitUnimplemented, "Sorry, supervisord responded but did not recognize the supervisor namespace commands "+
			"that supervisorctl uses to control it.  Please check that the [rpcinterface:supervisor] section is enabled "+
			"in the configuration file (see sample.conf).")
	case errors.Is(err, syscall.ECONNREFUSED):
		s.fail(exitPrivileges, "%s refused connection", s.url)
	case errors.Is(err, fs.ErrNotExist):
		s.fail(exitNotRunning, "%s no such file", s.url)
	default:
		return false, err
	}
	return false, nil
}
