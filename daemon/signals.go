package daemon

import (
	"context"
	"syscall"

	"example.org/twiddler/internal/proc"
	"example.org/twiddler/internal/supervisor"
	"example.org/twiddler/level"
)

// handle does what a signal asks for. Supervisor 4.2.5, supervisord.py,
// handle_signal.
func (l *life) handle(sig syscall.Signal) {
	name := proc.SignalName(int(sig))
	switch sig {
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT:
		l.log.Logf(level.Warn, "received %s indicating exit request", name)
		_ = l.loop.Shutdown(context.Background()) // fails when it is over already
	case syscall.SIGHUP:
		if l.loop.Mood() == supervisor.MoodShutdown {
			l.log.Logf(level.Warn, "ignored %s indicating restart request (shutdown in progress)", name)
			return
		}
		l.log.Logf(level.Warn, "received %s indicating restart request", name)
		_ = l.loop.Restart(context.Background())
	case syscall.SIGUSR2:
		l.log.Logf(level.Info, "received %s indicating log reopen request", name)
		l.log.Log(level.Info, "supervisord logreopen")
		l.log.Reopen()
		l.files.Reopen()
	}
}
