package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"example.org/twiddler/internal/event"
	"example.org/twiddler/internal/ini"
	"example.org/twiddler/level"
)

// A loader is one load in progress. Only one goroutine may use it.
type loader struct {
	place
	people

	o        LoadOptions
	tolerant bool
	file     string            // the main file, as given
	here     string            // its directory, absolute
	env      map[string]string // of %(ENV_*)s; replaced, never changed
	global   map[string]string // environment= of [supervisord]
	doc      *ini.Document
	userAt   *Problem // where the user of supervisord is named; its Text is empty

	tables optionTables

	overlaid bool // files of overlays are being read

	problems []Problem
	text     string          // of the first problem, as the original puts it
	first    error           // the same, as it was found
	seen     map[string]bool // problems and messages that need no second mention
	messages []Message
}

// newLoader returns a loader that has not read anything.
func newLoader(o LoadOptions) *loader {
	l := &loader{
		o:        o,
		tolerant: o.Tolerant,
		file:     o.Path,
		env:      map[string]string{},
		seen:     map[string]bool{},
	}
	for _, pair := range o.Environ {
		key, value, _ := strings.Cut(pair, "=")
		if _, twice := l.env[key]; !twice {
			l.env[key] = value
		}
	}
	if o.Live != nil {
		// The names that [supervisord] environment= has added stay for good.
		// Supervisor 4.2.5, options.py, read_config.
		maps.Copy(l.env, o.Live.program.env)
	}
	l.place = place{cwd: o.Cwd, home: homes(o, l.env), dirs: map[string]bool{}}
	l.people = people{lookupUser: o.LookupUser, lookupGroup: o.LookupGroup, users: map[string]person{}}
	if o.LookupUser == nil {
		l.lookupUser = func(name string) (int, int, error) { return -1, -1, wrong("unknown user %s", name) }
	}
	if o.LookupGroup == nil {
		l.lookupGroup = func(name string) (int, error) { return -1, wrong("unknown group %s", name) }
	}
	if o.KnownEvents == nil {
		l.o.KnownEvents = event.Known
	}
	l.here = l.absolute(dirname(o.Path))
	return l
}

// homes returns a function that finds home directories.
func homes(o LoadOptions, env map[string]string) func(string) (string, bool) {
	home, set := env["HOME"]
	return func(user string) (string, bool) {
		if user == "" && set {
			return home, true
		}
		if o.HomeDir == nil {
			return "", false
		}
		return o.HomeDir(user)
	}
}

// once reports whether key is new.
func (l *loader) once(key string) bool {
	if l.seen[key] {
		return false
	}
	l.seen[key] = true
	return true
}

// addProblem records a problem. An option that is wrong for each of many
// processes, or in the eyes of group and program, counts once.
func (l *loader) addProblem(p Problem, err error) {
	if l.text == "" {
		l.text, l.first = p.Text+p.suffix, err
		if l.overlaid {
			l.text = p.String() // the original has no words for it
		}
	}
	if l.once(fmt.Sprintf("%s:%d:%s:%s", p.File, p.Line, p.Section, p.Key) + problemKey(p)) {
		l.problems = append(l.problems, p)
	}
}

// problemKey tells problems apart that no option is to blame for.
func problemKey(p Problem) string {
	if p.Key != "" {
		return ""
	}
	return ":" + p.Text
}

// forgiven makes a problem a message.
func (l *loader) forgiven(p Problem) {
	if l.once(fmt.Sprintf("%s:%d:%s:%s", p.File, p.Line, p.Section, p.Key)) {
		l.say(level.Error, "%s", p)
	}
}

// say adds a message for the main log.
func (l *loader) say(lv level.Level, format string, args ...any) {
	l.messages = append(l.messages, Message{Level: lv, Text: fmt.Sprintf(format, args...)})
}

// err returns all problems so far, nil if there is none.
func (l *loader) err() error {
	if len(l.problems) == 0 {
		return nil
	}
	return &Errors{Problems: l.problems, Messages: l.sortedMessages(), text: l.text}
}

// sortedMessages returns the messages, the gravest first, otherwise in order:
// Supervisor logs them by level.
func (l *loader) sortedMessages() []Message {
	slices.SortStableFunc(l.messages, func(a, b Message) int { return int(b.Level - a.Level) })
	return l.messages
}

// envVars are the names that every option knows.
func (l *loader) envVars() ini.Vars { return ini.Vars{}.WithTable("ENV_", l.env) }

// hereVars are those and here.
func (l *loader) hereVars() ini.Vars { return l.envVars().With(ini.String("here", l.here)) }

// hostVars are those and host_node_name.
func (l *loader) hostVars() ini.Vars {
	return l.hereVars().With(ini.String("host_node_name", l.o.Hostname))
}

// reader returns a reader of one section of the files.
func (l *loader) reader(s *ini.Section, vars ini.Vars) *reader {
	return &reader{loader: l, src: sourceOf(s), vars: vars}
}
