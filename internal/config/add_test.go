package config

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/proc"
)

// addTo loads a configuration to add programs to.
func addTo(t *testing.T) *Config {
	t.Helper()
	return mustLoad(t, "[supervisord]\nenvironment=GLOBAL=g\n[inet_http_server]\nport=localhost:1\n"+
		"[group:g]\n[eventlistener:l]\ncommand=l\nevents=TICK\n")
}

func TestAddProgram(t *testing.T) {
	t.Parallel()
	c := addTo(t)
	processes, err := c.AddProgram("g", " ls ", map[string]any{
		"COMMAND": "ls -l ; x\n%(group_name)s %(program_name)s %(ENV_GLOBAL)s %(ENV_FOO)s", "autostart": "false",
		"startsecs": int64(0), "numprocs": 2.9, "process_name": "%(program_name)s%(process_num)02d", "wibble": nil,
	})
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, p := range processes {
		names = append(names, p.Group+":"+p.Name)
	}
	if !slices.Equal(names, []string{"g:ls00", "g:ls01"}) {
		t.Errorf("names = %q", names)
	}
	p := processes[0]
	if p.Command != "ls -l ; x\ng ls g bar" || p.AutoStart || p.StartWait != 0 || p.Priority != 999 || p.Kind != Programs {
		t.Errorf("process = %+v", p)
	}
	if len(p.Environment) > 0 {
		t.Errorf("environment = %v: that of [supervisord] must not be inherited", p.Environment)
	}
	if p.ServerURL != "http://localhost:1" || !p.AutoServerURL {
		t.Errorf("server URL = %q", p.ServerURL)
	}
	if len(c.Groups) != 2 || len(c.Groups[1].Processes) != 0 {
		t.Error("the configuration has changed")
	}
}

// TestAddProgramErrors: xmlrpc.md 7.5, the rows of faults.
func TestAddProgramErrors(t *testing.T) {
	t.Parallel()
	c := addTo(t)
	for _, row := range []struct {
		program string
		key     string
		value   any
		want    string // "" for no detail
	}{
		{"x", "command", nil, "program section program:x does not specify a command"},
		{"x", "command", int64(5), "command must be a string, not 5"},
		{"x", "command", []any{"a"}, "command must be a string, not ['a']"},
		{"x y", "command", "x", "Invalid name: 'x y' because of character: ' '"},
		{"x:y", "command", "x", "Invalid name: 'x:y' because of character: ':'"},
		{"x", "autostart", "maybe", "not a valid boolean value: 'maybe'"},
		{"x", "autostart", " false", "not a valid boolean value: ' false'"},
		{"x", "autostart", int64(2), "not a valid boolean value: 2"},
		{"x", "autostart", 0.0, "not a valid boolean value: 0.0"},
		{"x", "autostart", nil, "not a valid boolean value: None"},
		{"x", "autorestart", int64(1), "autorestart must be a boolean or a string, not 1"},
		{"x", "autorestart", "maybe", "invalid 'autorestart' value 'maybe'"},
		{"x", "startsecs", "abc", "invalid literal for int() with base 10: 'abc'"},
		{"x", "startsecs", "1e3", "invalid literal for int() with base 10: '1e3'"},
		{"x", "startsecs", nil, ""},
		{"x", "priority", []any{}, ""},
		{"x", "startsecs", "%(ENV_FOO)s", "Format string '%(ENV_FOO)s' for 'program:x.startsecs' contains names " +
			"('ENV_FOO') which cannot be expanded. Available names: group_name, here, host_node_name, program_name"},
		{"x", "stopsignal", "abc", "value 'abc' is not a valid signal name"},
		{"x", "stopsignal", nil, "stopsignal must be a signal, not None"},
		{"x", "user", "nosuch", "Invalid user name nosuch"},
		{"x", "user", []any{}, ""},
		{"x", "exitcodes", int64(2), "not a valid list of exit codes: 2"},
		{"x", "exitcodes", []any{int64(0), int64(1)}, "not a valid list of exit codes: [0, 1]"},
		{"x", "numprocs", int64(2), "%(process_num) must be present within process_name when numprocs > 1"},
		{"x", "environment", int64(5), "Format string 5 for 'environment' is badly formatted: " +
			"unsupported operand type(s) for %: 'int' and 'dict'"},
		{"x", "umask", int64(18), "18 can not be converted to an octal type"},
		{"x", "stdout_logfile", "/x/y/z", "The directory named as part of the path /x/y/z does not exist"},
		{"x", "stderr_logfile", int64(1), ""},
		{"x", "stdout_logfile_maxbytes", 1.5, "stdout_logfile_maxbytes must be a number or a string, not 1.5"},
		{"x", "serverurl", true, "serverurl must be a string, not True"},
		{"x", "process_name", "", "process_name is empty"},
		{" ", "command", "x", "process_name is empty"},
	} {
		_, err := c.AddProgram("g", row.program, map[string]any{"command": "/bin/cat", row.key: row.value})
		var refused *ProgramError
		if !errors.As(err, &refused) {
			t.Errorf("AddProgram with %s=%v: %v, want *ProgramError", row.key, row.value, err)
			continue
		}
		if refused.NoDetail != (row.want == "") {
			t.Errorf("AddProgram with %s=%v: NoDetail = %v", row.key, row.value, refused.NoDetail)
		}
		want := row.want + " in section 'program:" + row.program + "' (file: 'supervisord.conf')"
		if row.want != "" && refused.Text != want {
			t.Errorf("AddProgram with %s=%v: %q, want %q", row.key, row.value, refused.Text, want)
		}
	}
}

// TestAddProgramTyped: xmlrpc.md 7.5, the values that the original takes.
func TestAddProgramTyped(t *testing.T) {
	t.Parallel()
	c := addTo(t)
	for _, row := range []struct {
		key   string
		value any
		check func(p *Process) bool
	}{
		{"priority", true, func(p *Process) bool { return p.Priority == 1 }},
		{"priority", 2.7, func(p *Process) bool { return p.Priority == 2 }},
		{"priority", -2.7, func(p *Process) bool { return p.Priority == -2 }},
		{"autostart", int64(0), func(p *Process) bool { return !p.AutoStart }},
		{"autostart", false, func(p *Process) bool { return !p.AutoStart }},
		{"stopsignal", int64(9), func(p *Process) bool { return p.StopSignal == 9 }},
		{"stopsignal", true, func(p *Process) bool { return p.StopSignal == 1 }},
		{"stopsignal", 2.9, func(p *Process) bool { return p.StopSignal == 2 }},
		{"exitcodes", int64(0), func(p *Process) bool { return len(p.ExitCodes) == 0 }},
		{"exitcodes", nil, func(p *Process) bool { return len(p.ExitCodes) == 0 }},
		{"exitcodes", "", func(p *Process) bool { return len(p.ExitCodes) == 0 }},
		{"stdout_logfile", nil, func(p *Process) bool { return p.Stdout.Log == LogNone }},
		{"umask", nil, func(p *Process) bool { return p.Umask == -1 }},
		{"user", int64(1000), func(p *Process) bool { return p.UID == 1000 }},
		{"user", true, func(p *Process) bool { return p.UID == 1 }},
		{"user", nil, func(p *Process) bool { return p.UID == -1 && p.User == "" }},
		{"directory", int64(5), func(p *Process) bool { return p.Directory == "5" }},
		{"directory", nil, func(p *Process) bool { return p.Directory == "" }},
		{"process_name", int64(5), func(p *Process) bool { return p.Name == "5" }},
		{"process_name", nil, func(p *Process) bool { return p.Name == "None" }},
		{"process_name", []any{int64(1)}, func(p *Process) bool { return p.Name == "[1]" }},
		{"serverurl", nil, func(p *Process) bool { return p.AutoServerURL }},
		{"serverurl", false, func(p *Process) bool { return !p.AutoServerURL && p.ServerURL == "" }},
		{"command", "", func(p *Process) bool { return p.Command == "" }},
		{"stdout_logfile_maxbytes", int64(7), func(p *Process) bool { return p.Stdout.MaxBytes == 7 }},
		{"autorestart", true, func(p *Process) bool { return p.AutoRestart == proc.RestartAlways }},
		{"autorestart", false, func(p *Process) bool { return p.AutoRestart == proc.RestartNever }},
		{"stdout_logfile_maxbytes", "3GB", func(p *Process) bool { return p.Stdout.MaxBytes == 3<<30 }},
		{"environment", `A="%(process_num)s",B="%(ENV_GLOBAL)s"`, func(p *Process) bool {
			return maps.Equal(p.Environment, map[string]string{"A": "0", "B": "g"})
		}},
	} {
		processes, err := c.AddProgram("g", "x", map[string]any{"command": "/bin/cat", row.key: row.value})
		if err != nil || len(processes) != 1 {
			t.Errorf("AddProgram with %s=%v: %d processes, %v", row.key, row.value, len(processes), err)
			continue
		}
		if !row.check(processes[0]) {
			t.Errorf("AddProgram with %s=%v: %+v", row.key, row.value, processes[0])
		}
	}
	if processes, err := c.AddProgram("g", "x", map[string]any{"command": "x", "numprocs": "0"}); err != nil || len(processes) != 0 {
		t.Errorf("AddProgram with numprocs=0: %d processes, %v", len(processes), err)
	}
}

func TestPythonFloat(t *testing.T) {
	t.Parallel()
	for f, want := range map[float64]string{
		1.5: "1.5", 1: "1.0", 0: "0.0", -2: "-2.0", 1e16: "1e+16", 1e15: "1000000000000000.0", 1e-5: "1e-05", 0.0001: "0.0001",
	} {
		if got := ext.Repr(f); got != want {
			t.Errorf("ext.Repr(%g) = %s, want %s", f, got, want)
		}
	}
	got := ext.Repr(map[string]any{"b": []any{nil, true, "it's"}, "a": 1})
	if want := `{'a': 1, 'b': [None, True, "it's"]}`; got != want {
		t.Errorf("Repr = %s, want %s", got, want)
	}
}
