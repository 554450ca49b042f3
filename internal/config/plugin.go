package config

import (
	"strings"

	"example.org/twiddler/internal/ini"
)

const (
	rpcFactory = "supervisor.rpcinterface_factory"
	ctlFactory = "supervisor.ctl_factory"
)

// rpcInterfaceOptions is the table of [rpcinterface:x]; other keys are options
// of the extension.
var rpcInterfaceOptions = []row[RPCInterface]{
	{Option{rpcFactory, typeCallable, "", "an error", ExpandsEnv, "what makes the extension"},
		func(r *reader, i *RPCInterface, v string) error {
			i.Factory = v
			return r.resolve(r.o.KnownFactory, v)
		}},
}

// ctlPluginOptions is the table of [ctlplugin:x], which only supervisorctl
// reads.
var ctlPluginOptions = []row[RPCInterface]{
	{Option{ctlFactory, typeCallable, "", "an error", ExpandsEnv, "what makes the plugin of supervisorctl"},
		func(_ *reader, i *RPCInterface, v string) error { i.Factory = v; return nil }},
}

// plugins reads the sections of extensions: a factory, and options for it.
// Supervisor 4.2.5, options.py, get_plugins.
func (l *loader) plugins(prefix, factory string, table []row[RPCInterface]) []RPCInterface {
	var all []RPCInterface
	for _, section := range l.doc.Sections() {
		if !strings.HasPrefix(section.Name, prefix) {
			continue
		}
		r := l.reader(section, l.envVars())
		i := RPCInterface{Section: section.Name, Name: afterColon(section.Name), Options: map[string]string{}}
		if !r.src.has(factory) {
			r.missing(wrong("section [%s] does not specify a %s", section.Name, factory))
		}
		readAll(r, table, &i)
		for _, o := range section.Options() {
			if o.Key == factory {
				continue
			}
			r.at = o
			value, err := ini.Expand(o.Value, section.Name+"."+o.Key, r.vars)
			if err != nil {
				r.problem(err)
			}
			i.Options[o.Key] = value
		}
		all = append(all, i)
	}
	return all
}
