package config

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// other has a value for each option of a program that is not its default; in
// live are the options that a running process need not be restarted for.
var (
	other = map[string]string{
		"command": "/bin/false", "directory": "/", "user": "0", "umask": "077", "serverurl": "http://x:1",
		"redirect_stderr": "true", "priority": "5", "autostart": "false", "autorestart": "true",
		"startsecs": "9", "startretries": "9", "exitcodes": "7", "stopsignal": "HUP", "stopwaitsecs": "9",
		"stopasgroup": "true", "killasgroup": "true", "environment": `A="x"`,
		"stdout_logfile": "NONE", "stdout_logfile_maxbytes": "7", "stdout_logfile_backups": "7",
		"stdout_capture_maxbytes": "7", "stdout_events_enabled": "true", "stdout_syslog": "true",
		"stderr_logfile": "/tmp/x.log", "stderr_logfile_maxbytes": "7", "stderr_logfile_backups": "7",
		"stderr_capture_maxbytes": "7", "stderr_events_enabled": "true", "stderr_syslog": "true",
	}
	live = []string{"priority", "autostart", "autorestart", "startsecs", "startretries", "exitcodes", "stopsignal",
		"stopwaitsecs", "stopasgroup", "killasgroup", "stdout_logfile_maxbytes", "stdout_logfile_backups",
		"stderr_logfile_maxbytes", "stderr_logfile_backups"}
	// What makes other processes, or names them anew, is not a change of one.
	identity = []string{"numprocs", "numprocs_start", "process_name"}
)

func readOne(t *testing.T, c *Config, options map[string]any) *Process {
	t.Helper()
	s, err := NewSection(Programs, "web", options)
	if err != nil {
		t.Fatal(err)
	}
	procs, err := c.ReadProgram("web", s)
	if err != nil || len(procs) != 1 {
		t.Fatalf("%v: %v, %v", options, procs, err)
	}
	return procs[0]
}

func TestEveryOptionIsCompared(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, "[supervisord]\n")
	base := readOne(t, c, map[string]any{"command": "/bin/true"})
	if got := base.Changes(readOne(t, c, map[string]any{"command": "/bin/true"})); got != nil {
		t.Errorf("the same options differ: %v", got)
	}
	for _, o := range programTable() {
		if slices.Contains(identity, o.Key) {
			continue
		}
		value, ok := other[o.Key]
		if !ok {
			t.Errorf("no other value for %s in this test", o.Key)
			continue
		}
		options := map[string]any{"command": "/bin/true"}
		options[o.Key] = value
		changed := readOne(t, c, options)
		options[o.Key] = value
		got := base.Changes(changed)
		i := slices.IndexFunc(got, func(ch Change) bool { return strings.HasPrefix(ch.Option, o.Key) })
		switch {
		case i < 0:
			t.Errorf("%s=%s is not seen: %v", o.Key, value, got)
		case got[i].Restart == slices.Contains(live, o.Key):
			t.Errorf("%s: restart %v", o.Key, got[i].Restart)
		case got[i].Old == got[i].New:
			t.Errorf("%s: %v", o.Key, got[i])
		}
	}
}

func TestEnvironmentIsHidden(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, "[supervisord]\n")
	a := readOne(t, c, map[string]any{"command": "x", "environment": `A="secret",B="1"`})
	b := readOne(t, c, map[string]any{"command": "x", "environment": `B="hidden",C="also"`})
	want := []Change{
		{"environment A", "***", "", true}, {"environment B", "***", "***", true}, {"environment C", "", "***", true},
	}
	if got := a.Changes(b); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func TestSectionSurvives(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, "[supervisord]\n[program:web]\ncommand=/bin/web %(process_num)d %(here)s ; comment\nnumprocs=2\n"+
		"process_name=%(program_name)s-%(process_num)s\nnobody_knows=x\nenvironment=A=\"1\"\n")
	g := c.Groups[0]
	s := g.Processes[0].Section
	if s != g.Processes[1].Section || g.Base != g || s.Title() != "program:web" {
		t.Fatalf("section %+v, base %p of %p", s, g.Base, g)
	}
	if _, ok := s.Lookup("nobody_knows"); ok {
		t.Error("an unknown option is kept")
	}
	again, err := c.ReadProgram("web", s)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range again {
		if ch := p.Changes(g.Processes[i]); ch != nil || p.Num != i || !maps.Equal(p.Environment, g.Processes[i].Environment) {
			t.Errorf("%s read again: %v, number %d", p.Name, ch, p.Num)
		}
	}
	more, err := c.Resize("web", s, 12)
	if err != nil || len(more) != 12 {
		t.Errorf("resized: %d, %v", len(more), err)
	}
	if _, ok := s.Lookup("numprocs"); !ok || len(s.Settings) != 4 {
		t.Errorf("the section changed: %+v", s.Settings)
	}
}

func TestNewSection(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		kind    Kind
		options map[string]any
		want    string
	}{
		{Programs, map[string]any{"comand": "x"}, `[program:p] has no option 'comand'; did you mean "command"?`},
		{Programs, map[string]any{"command": []any{}}, `program:p.command: command must be a string, not []`},
		{Programs, map[string]any{"events": "TICK_5"}, `[program:p] has no option 'events'`},
		{EventListener, map[string]any{"Events": "TICK_5"}, ""},
		{FastCGI, map[string]any{"socket": "unix:///tmp/x"}, ""},
	} {
		_, err := NewSection(row.kind, "p", row.options)
		if got := text(err); got != row.want {
			t.Errorf("%v: %q, want %q", row.options, got, row.want)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestReadGroup(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, "[supervisord]\n")
	for _, row := range []struct {
		kind    Kind
		options map[string]any
		want    string
	}{
		{Programs, map[string]any{"command": "x", "numprocs": 2}, "%(process_num) must be present within process_name when numprocs > 1"},
		{Programs, map[string]any{"command": "x", "priority": 7}, ""},
		{EventListener, map[string]any{"command": "x"}, `[eventlistener:g] section requires an "events" line`},
		{EventListener, map[string]any{"command": "x", "events": "TICK_5"}, ""},
		{FastCGI, map[string]any{"command": "x"}, `[fcgi-program:g] section requires a "socket" line`},
		{FastCGI, map[string]any{"command": "x", "socket": "tcp://localhost:1"}, ""},
	} {
		s, err := NewSection(row.kind, "g", row.options)
		if err != nil {
			t.Fatal(err)
		}
		g, err := c.ReadGroup(s)
		if got := text(err); !strings.HasPrefix(got, row.want) || row.want == "" && got != "" {
			t.Errorf("%v: %q, want %q", row.options, got, row.want)
		}
		if err == nil && (g.Kind != row.kind || g.Base != nil || len(g.Processes) != 1 || g.Processes[0].Section != s) {
			t.Errorf("%v: %+v", row.options, g)
		}
	}
}
