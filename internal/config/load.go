package config

import (
	"cmp"
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"example.org/twiddler/internal/ini"
	"example.org/twiddler/level"
)

// maxFile bounds one configuration file, in bytes.
const maxFile = 64 << 20

// Load reads, checks and types a whole configuration. The error is an
// [*Errors] that holds all problems found; then there is no configuration. It
// reads files and may ask for users: not for a goroutine that must not block.
func Load(o LoadOptions) (*Config, error) {
	l := newLoader(o)
	l.tables = newOptionTables()
	l.checkOverrides()
	if !l.readFiles() {
		return nil, l.err()
	}
	c := &Config{Path: o.Path, Here: l.here}
	l.supervisord(c)
	c.RPCInterfaces = l.plugins("rpcinterface:", rpcFactory, rpcInterfaceOptions)
	l.groups(c)
	l.servers(c)
	l.accounts(c)
	l.exposed(c)
	l.finish(c)
	l.overlays(c)
	l.warnUnknown()
	if err := l.err(); err != nil {
		return nil, err
	}
	c.Messages = l.sortedMessages()
	o.Live, o.Overrides, o.Overlays = nil, nil, nil
	c.program = programContext{o: o, env: l.env, tables: l.tables}
	return c, nil
}

// finish does what Supervisor does when the file has been read: the command
// line wins, paths become absolute, children learn of a server.
// Supervisor 4.2.5, options.py, ServerOptions.realize.
func (l *loader) finish(c *Config) {
	l.applyOverrides(&c.Supervisord)
	l.checkSupervisordUser(&c.Supervisord)
	s := &c.Supervisord
	if s.LogSyslog = s.Logfile == "syslog"; s.LogSyslog {
		s.Logfile = ""
	} else {
		s.Logfile = l.normal(s.Logfile)
	}
	s.Pidfile = l.normal(s.Pidfile)
	c.ServerURL = serverURL(c.Servers)
	if l.o.Live != nil {
		c.ServerURL = l.o.Live.ServerURL
	}
	for _, g := range c.Groups {
		c.tellServer(g.Processes)
	}
}

// tellServer gives new processes our server's address.
func (c *Config) tellServer(fresh []*Process) {
	for _, p := range fresh {
		if p.AutoServerURL {
			p.ServerURL = c.ServerURL
		}
	}
}

// serverURL is the server that children are told of: the first unix one, else
// the last inet one. Supervisor 4.2.5, options.py, ServerOptions.realize.
func serverURL(servers []Server) string {
	url := ""
	for _, s := range servers {
		if s.Unix {
			return "unix://" + s.File
		}
		scheme := "http://"
		if s.TLSCertificate != "" {
			scheme = "https://"
		}
		url = scheme + cmp.Or(s.Host, "localhost") + ":" + strconv.Itoa(s.Port)
	}
	return url
}

// readFiles reads the main file and those it includes. It returns false if
// that makes no document to go on with.
func (l *loader) readFiles() bool {
	text, err := l.readMain()
	if err != nil {
		l.addProblem(Problem{Text: err.Error()}, err)
		return false
	}
	if l.doc = l.parse(l.file, text); l.doc == nil {
		return false
	}
	if section := l.doc.Section("include"); section != nil && !l.include(section) {
		return false
	}
	if l.doc.Section("supervisord") == nil {
		err := wrong(".ini file does not include supervisord section")
		l.addProblem(Problem{File: l.file, Text: err.Error()}, err)
		return false
	}
	return true
}

// readMain returns the text of the main file.
func (l *loader) readMain() ([]byte, error) {
	full := join(l.cwd, l.file)
	if _, err := os.Stat(full); err != nil {
		return nil, wrong("could not find config file %s", l.file)
	}
	text, err := readFile(full)
	if err != nil {
		return nil, wrong("could not read config file %s", l.file)
	}
	return text, nil
}

// readFile reads a file that is not longer than maxFile.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = wrong("%s is longer than %d bytes", path, maxFile)
	}
	return text, err
}

// parse parses one file. With an error it records the problems and returns
// nil.
func (l *loader) parse(file string, text []byte) *ini.Document {
	doc, err := ini.Parse(file, text)
	if err == nil {
		return doc
	}
	if l.text == "" {
		l.text, l.first = err.Error(), err
	}
	for _, p := range syntaxProblems(file, err) {
		l.addProblem(p, err)
	}
	return nil
}

// includeOptions is the table of [include].
var includeOptions = []row[[]string]{
	{Option{Key: "files", Type: typePatterns, Absent: "an error", Expands: ExpandsHost,
		Help: "files to read after this one, relative to its directory"},
		func(_ *reader, patterns *[]string, v string) error {
			*patterns = strings.FieldsFunc(v, isSpace)
			return nil
		}},
}

// include reads the files that [include] names, in order. It returns false if
// one of them cannot be parsed.
func (l *loader) include(section *ini.Section) bool {
	l.doc.ReplaceHere(l.here)
	if _, ok := section.Lookup("files"); !ok {
		err := wrong(".ini file has [include] section, but no files setting")
		l.addProblem(Problem{File: section.File, Line: section.Line, Section: "include", Text: err.Error()}, err)
		return false
	}
	var patterns []string
	r := l.reader(section, l.hostVars())
	read(r, &includeOptions[0], &patterns)
	base := dirname(l.absolute(l.file))
	for _, pattern := range patterns {
		pattern = join(base, pattern)
		names := ini.Glob(pattern)
		if len(names) == 0 {
			l.say(level.Warn, "No file matches via include \"%s\"", pattern)
		}
		slices.Sort(names)
		for _, name := range names {
			l.includeFile(name)
		}
	}
	return len(l.problems) == 0
}

// includeFile reads one included file, if it can be read.
// Supervisor 4.2.5, options.py, UnhosedConfigParser.read.
func (l *loader) includeFile(name string) {
	l.say(level.Info, "Included extra file \"%s\" during parsing", name)
	text, err := readFile(name)
	if errors.Is(err, syscall.EISDIR) {
		return
	}
	if err != nil {
		// The original skips it without a word.
		l.say(level.Warn, "cannot read an included file: %v", err)
		return
	}
	if doc := l.parse(name, text); doc != nil {
		l.doc.Merge(doc)
		l.doc.ReplaceHere(l.absolute(dirname(name)))
	}
}
