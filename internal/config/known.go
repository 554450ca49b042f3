package config

import (
	"strings"

	"example.org/twiddler/internal/ini"
	"example.org/twiddler/level"
)

// programTable is the whole table of [program:x].
func programTable() []Option {
	return describe(options(programOptions), options(processOptions))
}

// Sections describes all kinds of sections and their options, for the manual.
// The slice is the caller's.
func Sections() []SectionKind {
	auth := options(authOptions)
	return []SectionKind{
		{Name: "supervisord", Help: "supervisord itself", Options: options(supervisordOptions)},
		{Name: "program:NAME", Help: "a program to run", Options: programTable()},
		{Name: "group:NAME", Help: "programs to handle together", Options: options(groupOptions)},
		{Name: "eventlistener:NAME", Help: "a pool of processes that are told of events",
			Options: describe(options(listenerOptions), programTable())},
		{Name: "fcgi-program:NAME", Help: "a program whose processes share a listening socket",
			Options: describe(options(fcgiOptions), programTable())},
		{Name: inetServer, Help: "a server on a TCP port", Options: describe(options(inetOptions), auth, options(tlsOptions))},
		{Name: unixServer, Help: "a server on a unix socket",
			Options: describe(options(fileOptions), options(unixOptions), auth)},
		{Name: accountPrefix + "NAME", Help: "who may do what, beside the users of the servers", Options: options(accountOptions)},
		{Name: "include", Help: "more files to read", Options: options(includeOptions)},
		{Name: "rpcinterface:NAME", Help: "an extension of the XML-RPC interface",
			Options: options(rpcInterfaceOptions), Free: true},
		{Name: "supervisorctl", Help: "supervisorctl", Options: options(controlOptions)},
		{Name: "ctlplugin:NAME", Help: "a plugin of supervisorctl", Options: options(ctlPluginOptions), Free: true},
	}
}

// vocabulary is all section kinds and keys, prepared for looking up.
type vocabulary struct {
	kinds []kindKeys
	all   map[string]bool // keys of any kind
}

// kindKeys is one kind of section.
type kindKeys struct {
	prefix string // "program:"; a section without a name is named exactly so
	label  bool   // anything may follow the prefix
	free   bool
	known  map[string]bool
	keys   []string
}

// newVocabulary returns what the tables know.
func newVocabulary() *vocabulary {
	v := &vocabulary{all: map[string]bool{}}
	for _, s := range Sections() {
		prefix, hasName := strings.CutSuffix(s.Name, "NAME")
		k := kindKeys{prefix: prefix, free: s.Free, known: map[string]bool{},
			label: hasName || prefix == inetServer || prefix == unixServer}
		for _, o := range s.Options {
			k.keys = append(k.keys, o.Key)
			k.known[o.Key], v.all[o.Key] = true, true
		}
		v.kinds = append(v.kinds, k)
	}
	return v
}

// kind returns the kind of a section, nil if it is unknown.
func (v *vocabulary) kind(section string) *kindKeys {
	for i, k := range v.kinds {
		if section == k.prefix || k.label && strings.HasPrefix(section, k.prefix) {
			return &v.kinds[i]
		}
	}
	return nil
}

// warnUnknown has a message for each section and option that nobody reads,
// which the original never mentions. They stay legal: other tools keep keys
// of their own in these files.
func (l *loader) warnUnknown() {
	v := newVocabulary()
	for _, section := range l.doc.Sections() {
		kind := v.kind(section.Name)
		switch {
		case kind == nil:
			l.say(level.Warn, "%s:%d: unknown section [%s]%s",
				section.File, section.Line, section.Name, v.hintSection(section.Name))
		case !kind.free:
			for _, o := range section.Own() {
				if !kind.known[o.Key] {
					l.warnOption(section.Name, o, kind.keys)
				}
			}
		}
	}
	for _, o := range l.doc.Defaults().Own() {
		if !v.all[o.Key] {
			l.warnOption("DEFAULT", o, nil)
		}
	}
}

// warnOption has the message for one option.
func (l *loader) warnOption(section string, o ini.Option, known []string) {
	hint := ""
	if near := ini.Nearest(o.Key, known); near != "" {
		hint = `; did you mean "` + near + `"?`
	}
	l.say(level.Warn, "%s:%d: [%s] has an unknown option %q%s", o.File, o.Line, section, o.Key, hint)
}

// hintSection is the part of a message that names the nearest known section.
func (v *vocabulary) hintSection(section string) string {
	word, rest := section, ""
	if colon := strings.IndexByte(section, ':'); colon >= 0 {
		word, rest = section[:colon+1], section[colon+1:]
	}
	known := make([]string, len(v.kinds))
	for i, k := range v.kinds {
		known[i] = k.prefix
	}
	near := ini.Nearest(word, known)
	switch {
	case near == "":
		return ""
	case !strings.HasSuffix(near, ":"):
		rest = ""
	case rest == "":
		rest = "NAME"
	}
	return "; did you mean [" + near + rest + "]?"
}
