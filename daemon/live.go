package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/change"
	"example.org/twiddler/internal/childlog"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/event"
	"example.org/twiddler/internal/httpd"
	"example.org/twiddler/internal/mainlog"
	"example.org/twiddler/internal/supervisor"
	"example.org/twiddler/internal/sys/unix"
	"example.org/twiddler/level"
)

// A daemon is one process of supervisord. It may live several times: a
// restart begins anew in the same process, with the same pid.
type daemon struct {
	argv           []string
	flags          *flags
	factories      []ext.Factory
	stdout, stderr io.Writer

	launch    *Launch       // nil in the foreground
	serials   event.Counter // of events; they go on over a restart
	restarted bool
	warned    bool     // that root searches for the configuration
	raised    []string // what was done about limits, for the log
}

// errParent ends the process that only waited for the daemon to be ready.
var errParent = errors.New("the daemon runs in another process")

// spawnWorkers is how many children may be on their way at once. A fork takes
// milliseconds and now and then hundreds of them.
const spawnWorkers = 4

// A life is the time from one reading of the configuration to the end or the
// next restart: all its parts, in the order in which they are made. They end
// in reverse order.
type life struct {
	*daemon
	cfg     atomic.Pointer[config.Config] // as last read
	log     *mainlog.Logger
	syslog  *childlog.Syslog
	files   *childlog.Files
	pump    *childlog.Pump
	system  *unix.System
	loop    *supervisor.Loop
	servers []*httpd.Server
	open    []config.Server // sections of the servers

	authority *httpd.Authority
	changes   *change.Manager
	closers   []func()
}

// live runs supervisord once and reports whether it is to run again.
func (d *daemon) live() (restart bool, err error) {
	cfg, err := d.load()
	if err != nil {
		return false, err
	}
	if err := d.raiseLimits(cfg.Supervisord); err != nil {
		return false, err
	}
	if err := d.detach(cfg); err != nil {
		return false, err
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR2)
	defer signal.Stop(signals)
	l := &life{daemon: d}
	l.cfg.Store(cfg)
	l.authority = httpd.NewAuthority(cfg.Accounts)
	defer l.end()
	if err := l.prepare(); err != nil {
		return false, err
	}
	return l.run(signals)
}

// raiseLimits asks for what the configuration wants at least, at the first
// start.
func (d *daemon) raiseLimits(s config.Supervisord) error {
	if d.restarted {
		return nil
	}
	fds, err := raiseFDs(s.MinFDs)
	if err != nil {
		return &usageError{err}
	}
	if fds > 0 {
		d.raised = append(d.raised, fmt.Sprintf("Increased RLIMIT_NOFILE limit to %d", fds))
	}
	procs, err := raiseProcs(s.MinProcs)
	if err != nil {
		return &usageError{err}
	}
	if procs {
		d.raised = append(d.raised, fmt.Sprintf("Increased RLIMIT_NPROC limit to %d", s.MinProcs))
	}
	return nil
}

// detach goes into the background, at the first start, unless told not to.
func (d *daemon) detach(cfg *config.Config) error {
	if cfg.Supervisord.NoDaemon || d.restarted {
		return nil
	}
	launch, err := Daemonize()
	if err != nil {
		return err
	}
	d.launch = launch
	if launch.Parent {
		return errParent
	}
	return nil
}

// prepare does all that may still go wrong before anything is started.
// Supervisor 4.2.5, supervisord.py, main, with two differences: sockets come
// before the clean-up of logs, so that a second instance on the same sockets
// does no harm, and privileges are dropped before anything is opened there too.
func (l *life) prepare() error {
	s := l.cfg.Load().Supervisord
	lines, err := l.becomeUs(s)
	if err != nil {
		return err
	}
	if err := l.openLog(s); err != nil {
		return err
	}
	l.logInOrder(append(lines, l.cfg.Load().Messages...))
	if l.launch != nil && !l.restarted {
		l.goHome(s)
	}
	if err := l.assemble(); err != nil {
		return err
	}
	if err := l.manage(); err != nil {
		return err
	}
	if err := l.listen(); err != nil {
		return err
	}
	if !s.NoCleanup {
		childlog.CleanAuto(s.ChildLogDir, s.Identifier, func(text string) { l.log.Log(level.Warn, text) })
	}
	l.writePidfile(s)
	if l.launch != nil && !l.restarted {
		return l.launch.Ready()
	}
	return nil
}

// becomeUs takes on the identity and the limits that the configuration asks
// for, and returns what the log is to say about it.
func (l *life) becomeUs(s config.Supervisord) ([]config.Message, error) {
	var lines []config.Message
	if !l.restarted {
		unix.IgnoreSignals()
		forgetStart()
		if err := unix.CloseOnExec(); err != nil {
			return nil, err
		}
	}
	lv, text, err := unix.DropPrivileges(s.User)
	if err != nil {
		return nil, &usageError{err}
	}
	if text != "" {
		lines = append(lines, config.Message{Level: lv, Text: text})
	}
	if l.restarted {
		return lines, nil
	}
	for _, text := range l.raised {
		lines = append(lines, config.Message{Level: level.Info, Text: text})
	}
	if s.Subreaper {
		if err := unix.Subreaper(); err != nil {
			return nil, fmt.Errorf("cannot become a subreaper: %v", err)
		}
	}
	return lines, nil
}

func (l *life) openLog(s config.Supervisord) error {
	l.syslog = childlog.NewSyslog(filepath.Base(l.argv[0]))
	l.atEnd(l.syslog.Close)
	o := mainlog.Options{
		Path:     s.Logfile,
		MaxBytes: s.LogfileMaxBytes,
		Backups:  s.LogfileBackups,
		Level:    s.LogLevel,
	}
	if s.LogSyslog {
		o.Path, o.Syslog = "", l.syslog.Send
	}
	if s.NoDaemon && !s.Silent {
		o.Copy = l.stdout
	}
	log, err := mainlog.Open(o)
	if err != nil {
		return fmt.Errorf("cannot open log file %q: %v", s.Logfile, err)
	}
	l.log = log
	l.atEnd(func() { log.Close() })
	return nil
}

// logInOrder writes what was said before the log was open: what is most
// severe first. Supervisor 4.2.5, options.py, make_logger.
func (l *life) logInOrder(lines []config.Message) {
	for _, lv := range []level.Level{level.Critical, level.Error, level.Warn, level.Info} {
		for _, m := range lines {
			if m.Level == lv {
				l.log.Log(lv, m.Text)
			}
		}
	}
}

// goHome takes the directory and umask of a daemon. In the foreground neither
// applies. Supervisor 4.2.5, options.py, daemonize.
func (l *life) goHome(s config.Supervisord) {
	l.log.Log(level.Info, "daemonizing the supervisord process")
	if s.Directory != "" {
		if err := os.Chdir(s.Directory); err != nil {
			l.log.Logf(level.Critical, "can't chdir into '%s': %v", s.Directory, err)
		} else {
			l.log.Logf(level.Info, "set current directory: '%s'", s.Directory)
		}
	}
	syscall.Umask(int(s.Umask))
}

func (l *life) writePidfile(s config.Supervisord) {
	pidfile, err := WritePidfile(s.Pidfile)
	if err != nil {
		l.log.Log(level.Critical, err.Error())
		return
	}
	l.atEnd(func() {
		if err := pidfile.Remove(); err != nil {
			l.log.Log(level.Warn, err.Error())
		}
	})
	l.log.Logf(level.Info, "supervisord started with pid %d", os.Getpid())
}

// run supervises until a shutdown or restart is over.
func (l *life) run(signals <-chan os.Signal) (restart bool, err error) {
	over := make(chan bool, 1)
	go func() { over <- l.loop.Run() }() // ends when everything is down; read below
	if err := l.startGroups(); err != nil {
		return false, err
	}
	for _, s := range l.servers {
		// Ends with Close, in end.
		go func() {
			if err := s.Run(); err != nil {
				l.log.Logf(level.Critical, "HTTP server failed: %v", err)
			}
		}()
	}
	for {
		select {
		case sig := <-signals:
			l.handle(sig.(syscall.Signal))
		case restart := <-over:
			return restart, nil
		}
	}
}

// startGroups makes the configured groups live. Of two with one name the first
// wins.
func (l *life) startGroups() error {
	var groups []*config.Group
	seen := map[string]bool{}
	for _, g := range l.cfg.Load().Groups {
		if !seen[g.Name] {
			seen[g.Name] = true
			groups = append(groups, g)
		}
	}
	return l.loop.Begin(context.Background(), groups)
}

func (l *life) atEnd(f func()) { l.closers = append(l.closers, f) }

// end undoes what was made, last first.
func (l *life) end() {
	for i := len(l.closers) - 1; i >= 0; i-- {
		l.closers[i]()
	}
}

// endTimeout bounds how long the end waits for a client or a slow log.
const endTimeout = 3 * time.Second

func bounded(f func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
	defer cancel()
	_ = f(ctx)
}
