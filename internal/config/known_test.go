package config

import (
	"slices"
	"strings"
	"testing"
)

// TestSections: the manual has something to say about every key, and each
// default is a value that its own option takes.
func TestSections(t *testing.T) {
	t.Parallel()
	for _, s := range Sections() {
		if s.Help == "" || len(s.Options) == 0 {
			t.Errorf("[%s] is not described", s.Name)
		}
		seen := map[string]bool{}
		for _, o := range s.Options {
			if seen[o.Key] {
				t.Errorf("[%s] has %s more than once", s.Name, o.Key)
			}
			seen[o.Key] = true
			if o.Help == "" || o.Type == "" || o.Expands.String() == "" || (o.Default == "") == (o.Absent == "") {
				t.Errorf("[%s] %s is not described: %+v", s.Name, o.Key, o)
			}
			if o.Key != strings.ToLower(o.Key) {
				t.Errorf("[%s] %s can never be found", s.Name, o.Key)
			}
		}
	}
}

func TestDefaultsAreAccepted(t *testing.T) {
	t.Parallel()
	text := "[supervisord]\n"
	for _, s := range Sections() {
		if name, ok := strings.CutSuffix(s.Name, "NAME"); ok && !s.Free && name != "group:" && name != accountPrefix {
			text += "[" + name + "x" + name[:1] + "]\ncommand=x\nevents=TICK\nsocket=unix:///x\n"
		} else if s.Name != "supervisord" || s.Free {
			continue
		}
		for _, o := range s.Options {
			if s.Name == "eventlistener:NAME" && o.Key == "priority" {
				continue // -1 is the pool's default and not that of its processes
			}
			if o.Default != "" {
				text += o.Key + "=" + o.Default + "\n"
			}
		}
	}
	explicit := mustLoad(t, text)
	implicit := mustLoad(t, "[supervisord]\n[program:xp]\ncommand=x\n[eventlistener:xe]\ncommand=x\nevents=TICK\n"+
		"[fcgi-program:xf]\ncommand=x\nsocket=unix:///x\n")
	added, changed, removed := Diff(implicit.Groups, explicit.Groups)
	if len(added)+len(changed)+len(removed) != 0 {
		t.Errorf("defaults that are written down differ: %v, %v, %v", added, changed, removed)
	}
}

// TestTablesKnowTheOriginal: every key of config.md 6, and no other but ours.
func TestTablesKnowTheOriginal(t *testing.T) {
	t.Parallel()
	program := strings.Fields(`autorestart autostart command directory environment exitcodes killasgroup numprocs
		numprocs_start priority process_name redirect_stderr serverurl startretries startsecs stderr_capture_maxbytes
		stderr_events_enabled stderr_logfile stderr_logfile_backups stderr_logfile_maxbytes stderr_syslog
		stdout_capture_maxbytes stdout_events_enabled stdout_logfile stdout_logfile_backups stdout_logfile_maxbytes
		stdout_syslog stopasgroup stopsignal stopwaitsecs umask user`)
	want := map[string][]string{
		"supervisord": strings.Fields(`childlogdir directory environment identifier logfile logfile_backups
			logfile_maxbytes loglevel minfds minprocs nocleanup nodaemon pidfile silent strip_ansi subreaper umask user`),
		"program:NAME":       program,
		"group:NAME":         {"priority", "programs"},
		"eventlistener:NAME": append([]string{"buffer_size", "events", "result_handler"}, program...),
		"fcgi-program:NAME":  append([]string{"socket", "socket_backlog", "socket_mode", "socket_owner"}, program...),
		"inet_http_server":   strings.Fields("allow_unauthenticated_network password port tls_certificate tls_client_ca tls_key username"),
		"account:NAME": strings.Fields(`allowed_commands allowed_directories allowed_environment allowed_groups allowed_users
			certificate gid groups max_processes password password_file role uid`),
		"unix_http_server":  {"chmod", "chown", "file", "password", "username"},
		"include":           {"files"},
		"rpcinterface:NAME": {rpcFactory},
		"supervisorctl":     strings.Fields("history_file password prompt serverurl tls_ca tls_certificate tls_key username"),
		"ctlplugin:NAME":    {ctlFactory},
	}
	for _, s := range Sections() {
		var got []string
		for _, o := range s.Options {
			got = append(got, o.Key)
		}
		slices.Sort(got)
		slices.Sort(want[s.Name])
		if !slices.Equal(got, want[s.Name]) {
			t.Errorf("[%s] knows %v, want %v", s.Name, got, want[s.Name])
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		argv0  string
		exists []string
		want   string
	}{
		{"/opt/x/bin/supervisord", []string{"/opt/x/etc/supervisord.conf", "/opt/x/supervisord.conf"}, "/opt/x/etc/supervisord.conf"},
		{"/opt/x/bin/supervisord", []string{"/opt/x/supervisord.conf", "/cwd/supervisord.conf"}, "/opt/x/supervisord.conf"},
		{"/opt/x/bin/supervisord", []string{"/cwd/supervisord.conf", "/etc/supervisord.conf"}, "supervisord.conf"},
		{"supervisord", []string{"/cwd/etc/supervisord.conf", "/cwd/supervisord.conf"}, "etc/supervisord.conf"},
		{"bin/supervisord", []string{"/cwd/etc/supervisord.conf"}, "etc/supervisord.conf"},
		{"./a/b/supervisord", []string{"/cwd/./a/etc/supervisord.conf"}, "./a/etc/supervisord.conf"},
		{"x", []string{"/etc/supervisord.conf", "/etc/supervisor/supervisord.conf"}, "/etc/supervisord.conf"},
		{"x", []string{"/etc/supervisor/supervisord.conf"}, "/etc/supervisor/supervisord.conf"},
	} {
		got, err := Find(row.argv0, "/cwd", func(path string) bool { return slices.Contains(row.exists, path) })
		if err != nil || got != row.want {
			t.Errorf("Find(%q) = %q, %v, want %q", row.argv0, got, err, row.want)
		}
	}
	_, err := Find("/usr/bin/supervisord", "/cwd", func(string) bool { return false })
	want := "No config file found at default paths (/usr/etc/supervisord.conf, /usr/supervisord.conf, supervisord.conf, " +
		"etc/supervisord.conf, /etc/supervisord.conf, /etc/supervisor/supervisord.conf); use the -c option to specify a " +
		"config file at a different path"
	if err == nil || err.Error() != want {
		t.Errorf("Find = %v, want %s", err, want)
	}
}

func TestLoadControl(t *testing.T) {
	t.Parallel()
	control := func(text string) (*Control, error) {
		return LoadControl(testOptions(write(t, map[string]string{"supervisord.conf": text})))
	}
	c, err := control(`[supervisorctl]
serverurl=unix://~/x/../%(ENV_FOO)s.sock
username=%(ENV_FOO)s
prompt=p
history_file=~/h
[ctlplugin:x]
supervisor.ctl_factory=a:b
key=5%%
[program:x]
autostart=wrong
`)
	if err != nil {
		t.Fatal(err)
	}
	if c.ServerURL != "unix:///home/me/bar.sock" || c.Username != "bar" || !c.HasUsername || c.HasPassword ||
		c.Prompt != "p" || c.HistoryFile != "/home/me/h" {
		t.Errorf("Control = %+v", c)
	}
	if len(c.Plugins) != 1 || c.Plugins[0].Name != "x" || c.Plugins[0].Factory != "a:b" || c.Plugins[0].Options["key"] != "5%" {
		t.Errorf("Plugins = %+v", c.Plugins)
	}
	c, err = control("[supervisorctl]\n")
	if err != nil || c.ServerURL != "http://localhost:9001" || c.Prompt != "supervisor" || c.HistoryFile != "" {
		t.Errorf("Control of an empty section = %+v, %v", c, err)
	}
	for text, want := range map[string]string{
		"[supervisord]\n":                        ".ini file does not include supervisorctl section",
		"[supervisorctl]\nprompt=%(here)s\n":     "Format string '%(here)s' for 'supervisorctl.prompt' contains names ('here') which cannot be expanded. Available names: ENV_FOO, ENV_HOME, ENV_QUOTED",
		"[supervisorctl]\n[ctlplugin:x]\n":       "section [ctlplugin:x] does not specify a supervisor.ctl_factory",
		"[supervisorctl]\nnonsense\n":            "Source contains parsing errors: 'supervisord.conf'\n\t[line  2]: 'nonsense\\n'",
		"[include]\nfiles=supervisord.conf\n":    ".ini file does not include supervisorctl section",
		"[supervisorctl]\nserverurl=%(nope)s:\n": "Format string '%(nope)s:' for 'supervisorctl.serverurl' contains names ('nope') which cannot be expanded. Available names: ENV_FOO, ENV_HOME, ENV_QUOTED, here",
	} {
		if _, err := control(text); err == nil || err.Error() != want {
			t.Errorf("LoadControl of %q = %v, want %s", text, err, want)
		}
	}
}
