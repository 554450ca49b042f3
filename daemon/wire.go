package daemon

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/childlog"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/httpd"
	"example.org/twiddler/internal/rpc"
	"example.org/twiddler/internal/supervisor"
	"example.org/twiddler/internal/sys/unix"
	"example.org/twiddler/internal/web"
	"example.org/twiddler/level"
)

// assemble makes the parts that supervise.
func (l *life) assemble() error {
	if need, have := descriptors(l.cfg.Load()), maxFDs(); have > 0 && need > have {
		l.log.Logf(level.Warn, "the programs that are configured need %d descriptors, and there are %d: raise the hard limit", need, have)
	}
	warn := func(text string) { l.log.Log(level.Warn, text) }
	l.files = childlog.NewFiles(warn)
	l.atEnd(func() { bounded(l.files.Flush) })
	pump, err := childlog.NewPump()
	if err != nil {
		return fmt.Errorf("cannot read from children: %v", err)
	}
	l.pump = pump
	var pumping sync.WaitGroup
	pumping.Go(pump.Run)
	l.atEnd(func() { pump.Close(); pumping.Wait() })
	l.system = unix.New(unix.Options{UmaskThreads: spawnWorkers})
	l.atEnd(l.system.Close)
	l.loop = supervisor.NewLoop(supervisor.Options{
		System:   l.system,
		Children: l.system.Notify(),
		Launch:   l.launchOptions(),
		Core: supervisor.CoreOptions{
			Available:  append([]*config.Group(nil), l.cfg.Load().Groups...),
			Identifier: l.cfg.Load().Supervisord.Identifier,
			AutoName:   l.autoName,
			Serials:    &l.serials,
			Quiet:      !l.log.Enabled(level.Debug),
		},
		Log:    l.log.Log,
		Reread: l.reread,
	})
	return nil
}

func (l *life) launchOptions() supervisor.LaunchOptions {
	o := supervisor.LaunchOptions{
		Workers:    spawnWorkers,
		Environ:    os.Environ(),
		Path:       os.Getenv("PATH"),
		MaxFDs:     maxFDs(),
		OpenSocket: unix.OpenSocket,
		Files:      l.files,
		Pump:       l.pump,
		Lender:     l.pump,
		StripANSI:  func() bool { return l.cfg.Load().Supervisord.StripANSI },
		Syslog:     l.syslog.Send,
		ErrnoName:  errnoName,
		Create:     childlog.Create,
		Log:        l.log.Log,
	}
	if l.log.Enabled(level.Debug) {
		o.Debug = func(text string) { l.log.Log(level.Debug, text) }
	}
	return o
}

func errnoName(err error) string {
	var e syscall.Errno
	if errors.As(err, &e) {
		return unix.ErrnoName(e)
	}
	return err.Error()
}

// autoName names an AUTO log, for the configuration last read.
func (l *life) autoName(process, channel string) string {
	s := l.cfg.Load().Supervisord
	return childlog.AutoName(s.ChildLogDir, process, channel, s.Identifier, rand.Uint64)
}

func (l *life) reread() ([]*config.Group, error) {
	old := l.cfg.Load()
	cfg, err := l.reload(old)
	if err != nil {
		return nil, err
	}
	l.cfg.Store(cfg)
	l.authority.Set(cfg.Accounts)
	for _, s := range l.open {
		if len(old.Accounts) > 0 && !s.Authenticated(cfg.Accounts) {
			l.log.Logf(level.Critical, "Server '%s' running without any HTTP authentication checking", s.Section)
		}
	}
	return append([]*config.Group(nil), cfg.Groups...), nil
}

// unusable says in the log why an RPC interface can't be made, and returns the
// error in the original's words. Supervisor 4.2.5, http.py, make_http_servers.
func (l *life) unusable(i config.RPCInterface, err error) error {
	l.log.Logf(level.Warn, "cannot make the RPC interface of [%s]: %v", i.Section, err)
	return usagef("Could not make %s rpc interface", i.Name)
}

// descriptors is how many this process needs to run everything that is
// configured: three pipes for each, and some for itself and the log files that
// are being written.
func descriptors(cfg *config.Config) int {
	n := 300
	for _, g := range cfg.Groups {
		n += 3 * len(g.Processes)
	}
	return n
}

// listen opens the sockets and puts the RPC interfaces behind them.
func (l *life) listen() error {
	cfg := l.cfg.Load()
	namespaces, err := l.namespaces(cfg)
	if err != nil {
		return err
	}
	handler, err := rpc.NewServer(l.log, namespaces)
	if err != nil {
		return err
	}
	for _, c := range cfg.Servers {
		for _, i := range cfg.RPCInterfaces {
			l.log.Logf(level.Info, "RPC interface '%s' initialized", i.Name)
		}
		s, err := httpd.Listen(c, httpd.Options{Log: l.log, Stderr: l.stderr, Authority: l.authority})
		if err != nil {
			return &usageError{err}
		}
		l.atEnd(func() { bounded(s.Close) })
		l.handlePages(s, c)
		s.Handle("/RPC2*", ext.View, handler)
		s.HandleLogTails(l.loop, l.log.Path)
		l.servers = append(l.servers, s)
		l.open = append(l.open, c)
	}
	return nil
}

// handlePages puts the status page on a server, and its guard against other
// sites' pages on what is registered after it.
func (l *life) handlePages(s *httpd.Server, c config.Server) {
	page := web.New(l.loop, web.Options{
		Version: Version,
		Open:    func() bool { return !c.Authenticated(l.cfg.Load().Accounts) },
		Log:     l.log.Log,
	})
	for _, r := range page.Routes() {
		s.Handle(r.Pattern, r.Role, page)
	}
	s.Guard(page.Guard)
}

// namespaces makes what clients can call: supervisor, if the configuration
// has it, and the extensions.
func (l *life) namespaces(cfg *config.Config) ([]rpc.Namespace, error) {
	var spaces []rpc.Namespace
	for _, i := range cfg.RPCInterfaces {
		if i.Factory == mainFactory {
			if len(i.Options) > 0 {
				// [DEFAULT] has options for every section, this one too.
				return nil, l.unusable(i, fmt.Errorf("it takes no options, and has %s",
					strings.Join(slices.Sorted(maps.Keys(i.Options)), ", ")))
			}
			main := rpc.NewSupervisor(rpc.Options{
				Loop: l.loop, Groups: l.changes, Log: l.log, Identifier: cfg.Supervisord.Identifier, Version: Version,
				LogSyslog: cfg.Supervisord.LogSyslog, RemoteEvent: l.loop.RemoteEvent,
			})
			spaces = append(spaces, rpc.Namespace{Name: i.Name, Methods: main.Methods()})
			continue
		}
		f, err := ext.Lookup(l.factories, i.Factory)
		if err != nil {
			return nil, usagef("%s cannot be resolved within [%s]: %v", i.Factory, i.Section, err)
		}
		e, err := f.New(host{l}, i.Options)
		if err != nil {
			return nil, l.unusable(i, err)
		}
		spaces = append(spaces, rpc.Namespace{Name: i.Name, Methods: e.Methods()})
	}
	return spaces, nil
}
