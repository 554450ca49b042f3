package ctl

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"strings"
	"syscall"

	"example.org/twiddler/fault"
)

var (
	shutdownHelp = []string{"shutdown \tShut the remote supervisord down."}
	reloadHelp   = []string{"reload \t\tRestart the remote supervisord."}
	versionHelp  = []string{"version\t\t\tShow the version of the remote supervisord process"}
	openHelp     = []string{
		"open <url>\tConnect to a remote supervisord process.",
		"\t\t(for UNIX domain socket, use unix:///socket/path)",
	}
	exitHelp = []string{"exit\tExit the supervisor shell."}
	quitHelp = []string{"quit\tExit the supervisor shell."}
)

func shutdown(ctx context.Context, s *session, a args) error {
	if s.unwanted(a, "shutdown", shutdownHelp) {
		return nil
	}
	if really, err := s.confirm(ctx, "Really shut the remote supervisord process down y/N? "); !really {
		return err
	}
	c, err := s.server()
	if err != nil {
		return err
	}
	err = c.Shutdown(ctx)
	switch {
	case err == nil:
		s.say("Shut down")
	case fault.Is(err, fault.ShutdownState):
		s.say("ERROR: already shutting down") // what was asked for happens
	case errors.Is(err, syscall.ECONNREFUSED):
		s.fail(exitGeneric, "ERROR: %s refused connection (already shut down?)", s.url)
	case errors.Is(err, fs.ErrNotExist):
		s.fail(exitGeneric, "ERROR: %s no such file (already shut down?)", s.url)
	default:
		return err
	}
	return nil
}

func reload(ctx context.Context, s *session, a args) error {
	if s.unwanted(a, "reload", reloadHelp) {
		return nil
	}
	if really, err := s.confirm(ctx, "Really restart the remote supervisord process y/N? "); !really {
		return err
	}
	c, err := s.server()
	if err != nil {
		return err
	}
	err = c.Restart(ctx)
	if fault.Is(err, fault.ShutdownState) {
		s.fail(exitGeneric, "ERROR: already shutting down")
		return nil
	}
	if err != nil {
		return err
	}
	s.say("Restarted supervisord")
	return nil
}

// confirm asks a yes-or-no question in the shell; elsewhere the answer is yes.
func (s *session) confirm(ctx context.Context, question string) (bool, error) {
	if !s.interactive {
		return true, nil
	}
	answer, err := s.ask(ctx, question)
	return err == nil && strings.HasPrefix(strings.ToLower(answer), "y"), err
}

func version(ctx context.Context, s *session, a args) error {
	if s.unwanted(a, "version", versionHelp) {
		return nil
	}
	if ok, err := s.upcheck(ctx); !ok {
		return err
	}
	c, err := s.server()
	if err != nil {
		return err
	}
	v, err := c.GetSupervisorVersion(ctx)
	if err != nil {
		return err
	}
	s.say("%s", v)
	return nil
}

// open changes to another server and shows what it runs. The exit status is
// not that server's business.
func open(ctx context.Context, s *session, a args) error {
	u, err := url.Parse(a.text)
	if err != nil || u.Scheme != "unix" && u.Scheme != "http" && u.Scheme != "https" {
		s.fail(exitGeneric, "ERROR: url must be http:// or unix://")
		return nil
	}
	s.url = a.text
	s.forget()
	before := s.status
	err = status(ctx, s, args{})
	if err == nil {
		s.status = before
	}
	return err
}
