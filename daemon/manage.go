package daemon

import (
	"path/filepath"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/change"
	"example.org/twiddler/internal/config"
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
	l.changes = change.New(o)
	l.atEnd(l.changes.Close)
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

// beside is a path relative to the directory of the configuration file.
func beside(here, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(here, path)
}
