package daemon

import (
	"path/filepath"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/change"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/store"
	"example.org/twiddler/internal/sys/unix"
	"example.org/twiddler/level"
)

// manage makes what changes the groups at run time.
func (l *life) manage() error {
	cfg := l.cfg.Load()
	o := change.Options{
		Loop:   l.loop,
		Config: l.cfg.Load,
		Load:   func() (*config.Config, error) { return l.reload(l.cfg.Load()) },
		Policy: l.policyHost(),
		Log:    l.log.Log,
	}
	at, s, err := asked(cfg.RPCInterfaces, l.factories)
	if err != nil {
		return l.unusable(at, err)
	}
	if s.AuditFile != "" {
		size, err := config.ParseSize(s.AuditMaxBytes)
		if err != nil {
			return l.unusable(at, err)
		}
		audit, err := change.OpenAudit(beside(cfg.Here, s.AuditFile), size, s.AuditBackups)
		if err != nil {
			return l.unusable(at, err)
		}
		l.atEnd(func() { _ = audit.Close() }) // each line is on the disk
		o.Audit = audit
	}
	if s.PersistDir != "" {
		kept, err := store.Open(beside(cfg.Here, s.PersistDir), store.Options{})
		if err != nil {
			return usagef("[%s] asks to keep changes: %v", at.Section, err)
		}
		o.Store, o.PersistAll = kept, s.PersistAll
		if err := l.setAside(kept, cfg.SetAside); err != nil {
			return err
		}
	}
	l.changes = change.New(o)
	l.atEnd(l.changes.Close)
	return nil
}

// setAside moves the files out of the way that the start had to do without.
// Where that can't be done there is no start: the next change would write over
// one.
func (l *life) setAside(kept *store.Store, paths []string) error {
	for _, path := range paths {
		to, err := kept.SetAside(path)
		if err != nil {
			return usagef("cannot set %s aside, which cannot be used: %v", path, err)
		}
		l.log.Logf(level.Error, "%s cannot be used and is now %s; the group is as the configuration has it. "+
			"Mend it, give it its name back, and reread", path, to)
	}
	return nil
}

// asked returns what the first section that asks for something asks of
// supervisord, and which it is. The error is about a section that can't be
// used; one whose factory is not known is refused elsewhere.
func asked(sections []config.RPCInterface, factories []ext.Factory) (at config.RPCInterface, s ext.Settings, err error) {
	for _, i := range sections {
		f, err := ext.Lookup(factories, i.Factory)
		if err != nil || f.Settings == nil {
			continue
		}
		asks, err := f.Settings(i.Options)
		switch {
		case err != nil:
			return i, s, err
		case s.PersistDir == "" && s.AuditFile == "":
			at, s = i, asks
		}
	}
	return at, s, nil
}

// overlays reads what was changed at run time and is to outlive a restart. It
// writes nothing: a check of the configuration may run beside the daemon, and a
// start may still come to nothing. path is that of the configuration file, and
// here its directory.
func overlays(path, here string, factories []ext.Factory, s config.Supervisord, sections []config.RPCInterface) ([]*config.Overlay, error) {
	at, asks, err := asked(sections, factories)
	if err != nil {
		problem := config.Problem{File: path, Section: at.Section, Text: err.Error()}
		return nil, &config.Errors{Problems: []config.Problem{problem}}
	}
	if asks.PersistDir == "" {
		return nil, nil
	}
	var o store.Options
	if s.User != "" {
		if u, err := unix.LookupUser(s.User); err == nil {
			o.Owners = []int{u.UID} // whom we become
		}
	}
	return store.Read(beside(here, asks.PersistDir), o)
}

// beside is a path relative to the directory of the configuration file.
func beside(here, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(here, path)
}
