package compat

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// The original has no package supervisor_twiddler here, so these scenarios
// run on ours alone and carry their expectations with them. They come from
// supervisor_twiddler 2.0 on Supervisor 4.2.5.

const twiddlerSection = "[rpcinterface:twiddler]\nsupervisor.rpcinterface_factory = supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface\n"

// twiddled is a configuration with the extension, a group g with a program in
// it, and an empty group.
const twiddled = twiddlerSection + base + "[group:g]\nprograms=file\n[program:file]\ncommand=@CHILD@ wait\nautostart=false\nstartsecs=0\n[group:empty]\nprograms=\n"

// expect makes a call and fails the test if the outcome is another.
func (s *stage) expect(want, method string, params ...any) {
	s.Helper()
	if got := s.normal(s.outcome(method, params...)); got != want {
		s.Errorf("%s\n got %s\nwant %s", callLabel(method, params), got, want)
	}
}

// options are the options of a program, in pairs.
func options(pairs ...any) []member {
	var out []member
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, member{pairs[i].(string), pairs[i+1]})
	}
	return out
}

// waiting are the options of a program that waits, and more.
func (s *stage) waiting(more ...any) []member {
	return append(options("command", tool("child")+" wait", "startsecs", 0), options(more...)...)
}

// The session of the package's documentation, from Python, over TCP and over
// the unix socket.
func TestTwiddlerSession(t *testing.T) {
	needOriginal(t) // its package has the transport for unix sockets
	for _, server := range []string{"http://127.0.0.1:@PORT@", "unix://@DIR@/s.sock"} {
		t.Run(strings.SplitN(server, ":", 2)[0], func(t *testing.T) {
			onOurs(t, func(s *stage) {
				s.start(inet + twiddled)
				server = s.fill(server)
				ls := map[string]string{"command": "ls -l /", "autostart": "false", "autorestart": "false", "startsecs": "0"}
				s.answers(s.python(server, []any{"twiddler.getAPIVersion"}, []any{"twiddler.getGroupNames"}, []any{"twiddler.addProgramToGroup", "g", "ls", ls},
					[]any{"supervisor.startProcess", "g:ls"}),
					"'1.0'", "['empty', 'g']", "True", "True")
				s.reaches("g:ls", "EXITED")
				s.until("the listing is in the log", func() bool { return len(s.ask("supervisor.readProcessLog", "g:ls", 0, 50).(string)) == 50 })
				out := s.python(server, []any{"supervisor.readProcessLog", "g:ls", 0, 50}, []any{"twiddler.removeProcessFromGroup", "g", "ls"},
					[]any{"supervisor.getProcessInfo", "g:ls"}, []any{"twiddler.log", "from Python", "WARN"})
				lines := strings.SplitN(out, "\n", 2)
				if !strings.Contains(lines[0], "-> 'total ") {
					s.Errorf("the log is no listing: %s", lines[0])
				}
				s.answers(lines[1], "True", "<Fault 10: 'BAD_NAME: g:ls'>", "True")
				s.logged("WARN from Python$")
			})
		})
	}
}

// answers checks what a Python client printed for each call.
func (s *stage) answers(out string, want ...string) {
	s.Helper()
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) != len(want) {
		s.Fatalf("%d answers, want %d:\n%s", len(lines), len(want), out)
	}
	for i, line := range lines {
		if _, got, _ := strings.Cut(line, " -> "); got != want[i] {
			s.Errorf("answer %d is %s, want %s", i, line, want[i])
		}
	}
}

func TestTwiddlerMethods(t *testing.T) {
	onOurs(t, func(s *stage) {
		s.start(twiddled)
		s.expect("1.0", "twiddler.getAPIVersion")
		s.expect("[empty g]", "twiddler.getGroupNames")
		s.expect("fault 2 INCORRECT_PARAMETERS", "twiddler.getAPIVersion", 1)
		s.expect("fault 2 INCORRECT_PARAMETERS", "twiddler.addProgramToGroup", "g", "x")
		s.expect("fault 2 INCORRECT_PARAMETERS", "twiddler.log")
		s.expect("fault 1 UNKNOWN_METHOD", "twiddler.addGroups", "x", 1)
		methods := fmt.Sprint(s.ask("system.listMethods"))
		for name, signature := range map[string]string{
			"twiddler.addProgramToGroup": "[boolean string string struct]", "twiddler.getAPIVersion": "[int]", "twiddler.getGroupNames": "[array]",
			"twiddler.log": "[boolean string string|int]", "twiddler.removeProcessFromGroup": "[boolean string string]",
		} {
			s.expect(signature, "system.methodSignature", name)
			if !strings.Contains(methods, name) {
				s.Errorf("system.listMethods lacks %s: %s", name, methods)
			}
		}
		s.methodsOfOthers()
	})
}

// methodsOfOthers counts the methods that are not the twiddler's: it has more
// than the original, which has five.
func (s *stage) methodsOfOthers() {
	s.Helper()
	all := s.ask("system.listMethods").([]any)
	n := 0
	for _, name := range all {
		if !strings.HasPrefix(name.(string), "twiddler.") {
			n++
		}
	}
	if n != 41 || len(all) < n+5 {
		s.Errorf("there are %d methods, %d of them not the twiddler's, want 41 of those", len(all), n)
	}
}

func TestTwiddlerLog(t *testing.T) {
	onOurs(t, func(s *stage) {
		s.start(strings.Replace(twiddled, "logfile=", "loglevel=debug\nlogfile=", 1))
		for i, level := range []any{"CRIT", "erro", "Warn", 20, "DEBG", 20.0, "INFO"} {
			s.expect("true", "twiddler.log", fmt.Sprintf("line %d 100%%s", i), level)
		}
		s.expect("true", "twiddler.log", "default")
		s.expect("true", "twiddler.log", "", "TRAC")
		s.expect("true", "twiddler.log", 5, 50)
		s.expect("true", "twiddler.log", nothing{}, 40)
		s.expect("true", "twiddler.log", "two\nlines", 30)
		for _, level := range []any{"critical", "error", "20", "", " INFO", 15, nothing{}, true, 40.5, []any{}, []member{}} {
			s.expect("fault 2 INCORRECT_PARAMETERS", "twiddler.log", "never written", level)
		}
		s.logged("WARN two$")
		want := "CRIT line 0 100%s\nERRO line 1 100%s\nWARN line 2 100%s\nINFO line 3 100%s\nDEBG line 4 100%s\nINFO line 5 100%s\nINFO line 6 100%s\n" +
			"INFO default\nCRIT 5\nERRO None\nWARN two\nlines"
		if got := s.mainLog(`line \d|default$|CRIT 5$|None|two|^lines|never|TRAC`); got != want {
			s.Errorf("main log:\n%s\nwant:\n%s", got, want)
		}
	})
}

// Every way in which a program can be refused; each leaves nothing behind.
func TestTwiddlerAddFaults(t *testing.T) {
	const command = "/bin/cat"
	refusal := func(reason string) string {
		return "fault 2 INCORRECT_PARAMETERS: " + reason + " in section 'program:x' (file: '$DIR/supervisord.conf')"
	}
	onOurs(t, func(s *stage) {
		s.start(twiddled)
		add := func(want string, group, program, opts any) {
			s.Helper()
			s.expect(want, "twiddler.addProgramToGroup", group, program, opts)
		}
		good := options("command", command)
		add("fault 10 BAD_NAME: group: nope", "nope", "x", good)
		add("fault 10 BAD_NAME: group: 5", 5, "x", good)
		add("fault 10 BAD_NAME: group: None", nothing{}, "x", good)
		add("fault 2 INCORRECT_PARAMETERS", []any{}, "x", good)
		for _, bad := range []any{"text", 5, nothing{}, []any{1}} {
			add("fault 2 INCORRECT_PARAMETERS", "g", "x", bad)
		}
		add(refusal("program section program:x does not specify a command"), "g", "x", options())
		add(refusal("program section program:x does not specify a command"), "g", "x", []any{})
		add(refusal("program section program:x does not specify a command"), "g", "x", options("command", nothing{}))
		add("fault 2 INCORRECT_PARAMETERS: Invalid name: 'x y' because of character: ' ' in section 'program:x y' (file: '$DIR/supervisord.conf')", "g", "x y", good)
		for _, c := range []struct {
			name   string
			value  any
			reason string
		}{
			{"autostart", "maybe", "not a valid boolean value: 'maybe'"},
			{"autostart", " false", "not a valid boolean value: ' false'"},
			{"autostart", 2, "not a valid boolean value: 2"},
			{"startsecs", "abc", "invalid literal for int() with base 10: 'abc'"},
			{"startsecs", "1e3", "invalid literal for int() with base 10: '1e3'"},
			{"stopsignal", "abc", "value 'abc' is not a valid signal name"},
			{"user", "nosuch", "Invalid user name nosuch"},
			{"exitcodes", "2;", "not a valid list of exit codes: '2;'"},
			{"numprocs", "2", "%(process_num) must be present within process_name when numprocs > 1"},
			{"killasgroup", "false", "Cannot set stopasgroup=true and killasgroup=false"},
			{"autorestart", "perhaps", "invalid 'autorestart' value 'perhaps'"},
			{"umask", 18, "18 can not be converted to an octal type"},
			{"stdout_logfile", "/nope/file", "The directory named as part of the path /nope/file does not exist"},
			{"directory", "%(nope)s/%%", ""},
		} {
			opts := options("command", command, c.name, c.value)
			if c.name == "killasgroup" {
				opts = append(opts, member{"stopasgroup", "true"})
			}
			if c.reason != "" {
				add(refusal(c.reason), "g", "x", opts)
				continue
			}
			got := s.normal(s.outcome("twiddler.addProgramToGroup", "g", "x", opts))
			prefix := "fault 2 INCORRECT_PARAMETERS: Format string '%(nope)s/%%' for 'program:x.directory' contains names ('nope') which cannot be expanded. Available names: ENV_"
			if !strings.HasPrefix(got, prefix) {
				s.Errorf("unknown expansion: %s", got)
			}
		}
		add(refusal("Format string '/bin/date +%Y' for 'program:x.command' is badly formatted: unsupported format character 'Y' (0x59) at index 12"),
			"g", "x", options("command", "/bin/date +%Y"))
		s.expect("fault 10 BAD_NAME: file", "twiddler.addProgramToGroup", "g", "file", good)
		if n := len(s.ask("supervisor.getAllProcessInfo").([]any)); n != 1 {
			s.Errorf("refused programs were added: %v", s.ask("supervisor.getAllProcessInfo"))
		}
	})
}

// With numprocs a clash of one name adds none of them.
func TestTwiddlerNumprocs(t *testing.T) {
	onOurs(t, func(s *stage) {
		s.start(twiddled)
		many := func(from int) []member {
			return s.waiting("numprocs", 3, "numprocs_start", from, "process_name", "w_%(process_num)02d", "priority", 7)
		}
		s.expect("true", "twiddler.addProgramToGroup", "g", "w", many(5))
		for _, name := range []string{"g:w_05", "g:w_06", "g:w_07"} {
			s.reaches(name, "RUNNING")
		}
		s.expect("fault 10 BAD_NAME: w_07", "twiddler.addProgramToGroup", "g", "v", many(7))
		s.expect("fault 10 BAD_NAME: g:w_08", "supervisor.getProcessInfo", "g:w_08")
		s.expect("true", "twiddler.addProgramToGroup", "empty", "v", many(7))
		s.reaches("empty:w_07", "RUNNING")
		s.expect("fault 10 BAD_NAME: w", "twiddler.removeProcessFromGroup", "g", "w")
		s.expect("true", "twiddler.addProgramToGroup", "empty", "none", s.waiting("numprocs", 0))
	})
}

func TestTwiddlerRemove(t *testing.T) {
	onOurs(t, func(s *stage) {
		s.start(twiddled)
		remove := func(want string, group, process any) {
			s.Helper()
			s.expect(want, "twiddler.removeProcessFromGroup", group, process)
		}
		s.expect("true", "twiddler.addProgramToGroup", "g", "x", s.waiting("autostart", false))
		remove("fault 10 BAD_NAME: group: nope", "nope", "x")
		remove("fault 10 BAD_NAME: nope", "g", "nope")
		remove("fault 10 BAD_NAME: g:x", "g", "g:x")
		remove("fault 10 BAD_NAME", "g", nothing{})
		remove("fault 2 INCORRECT_PARAMETERS", "g", []any{})
		s.expect("true", "supervisor.startProcess", "g:x")
		remove("fault 91 STILL_RUNNING: x", "g", "x")
		s.expect("true", "supervisor.stopProcess", "g:x")
		remove("true", "g", "x")
		remove("fault 10 BAD_NAME: x", "g", "x")
		remove("true", "g", "file")
		s.expect("[]", "supervisor.startProcessGroup", "g")
		s.expect("[]", "supervisor.getAllProcessInfo")
		s.expect("[empty g]", "twiddler.getGroupNames")
	})
}

// A program that starts by itself and is removed in the same breath must not
// leave a child that belongs to nobody, as it does in the original.
func TestTwiddlerAddAndRemove(t *testing.T) {
	onOurs(t, func(s *stage) {
		s.start(twiddled)
		calls := []any{
			options("methodName", "twiddler.addProgramToGroup", "params", []any{"g", "x", s.waiting("startsecs", 0)}),
			options("methodName", "twiddler.removeProcessFromGroup", "params", []any{"g", "x"}),
		}
		out := s.outcome("system.multicall", calls)
		switch {
		case out == "[true true]":
			s.until("nothing runs", func() bool { return len(children(s.cmd.Process.Pid)) == 0 })
			s.expect("fault 10 BAD_NAME: g:x", "supervisor.getProcessInfo", "g:x")
		case strings.HasPrefix(out, "[true ") && strings.Contains(out, "STILL_RUNNING: x"):
			s.reaches("g:x", "RUNNING")
		default:
			s.Errorf("multicall answers %s", out)
		}
	})
}

// Values of other types than string, as clients in Python send them.
func TestTwiddlerTypedValues(t *testing.T) {
	onOurs(t, func(s *stage) {
		s.start(twiddled)
		add := func(name string, more ...any) {
			s.Helper()
			s.expect("true", "twiddler.addProgramToGroup", "g", name, s.waiting(append([]any{"autostart", false}, more...)...))
		}
		add("ints", "startretries", 5, "stopwaitsecs", 2.7, "priority", 3, "numprocs", 1, "stdout_logfile_backups", true)
		add("bools", "redirect_stderr", true, "killasgroup", 1, "stopasgroup", 0)
		add("signal", "stopsignal", 10, "exitcodes", "0, 3")
		add("nothing", "user", nothing{}, "umask", nothing{}, "directory", nothing{}, "stdout_logfile", nothing{}, "exitcodes", nothing{})
		add("upper", "STARTSECS", "0", "wibble", "ignored")
		s.expect("true", "twiddler.addProgramToGroup", "g", "pairs", []any{[]any{"command", "/bin/cat"}, []any{"autostart", "no"}})
		s.expect("true", "twiddler.addProgramToGroup", "g", 5, s.waiting("autostart", false))
		s.expect("true", "twiddler.addProgramToGroup", "g", "named", s.waiting("autostart", false, "process_name", 7))
		byName := map[string]map[string]any{}
		for _, c := range s.ask("supervisor.getAllConfigInfo").([]any) {
			byName[c.(map[string]any)["name"].(string)] = c.(map[string]any)
		}
		for _, c := range []struct {
			name, key string
			want      any
		}{
			{"ints", "startretries", 5}, {"ints", "stopwaitsecs", 2}, {"ints", "process_prio", 3}, {"ints", "stdout_logfile_backups", 1},
			{"bools", "redirect_stderr", true}, {"bools", "killasgroup", true}, {"signal", "stopsignal", 10}, {"nothing", "stdout_logfile", "none"},
			{"nothing", "uid", "none"}, {"upper", "startsecs", 0}, {"pairs", "command", "/bin/cat"}, {"5", "autostart", false}, {"7", "group", "g"},
		} {
			if got := byName[c.name][c.key]; got != c.want {
				s.Errorf("%s of %s is %v, want %v", c.key, c.name, got, c.want)
			}
		}
		if got := fmt.Sprint(byName["nothing"]["exitcodes"]); got != "[]" {
			s.Errorf("exit codes are %s", got)
		}
		// What broke the original, or its later calls, is refused.
		for _, bad := range [][]any{{"command", 5}, {"command", []any{"ls"}}, {"autorestart", true}, {"stdout_logfile_maxbytes", []any{}}, {"serverurl", 5},
			{"environment", options("A", "1")}, {"startsecs", nothing{}}, {"autostart", 0.0}, {"stdout_logfile", 5}} {
			opts := options("command", "/bin/cat", "autostart", false)
			for i, o := range opts {
				if o.name == bad[0] {
					opts = append(opts[:i], opts[i+1:]...)
					break
				}
			}
			got := s.outcome("twiddler.addProgramToGroup", "g", "bad", append(opts, options(bad...)...))
			if bad[0] == "autorestart" {
				if got != "true" && !strings.HasPrefix(got, "fault 2 ") {
					s.Errorf("%v: %s", bad, got)
				}
				continue
			}
			if !strings.HasPrefix(got, "fault 2 INCORRECT_PARAMETERS") {
				s.Errorf("%v: %s", bad, got)
			}
		}
	})
}

func TestTwiddlerWhitelist(t *testing.T) {
	onOurs(t, func(s *stage) {
		s.start(strings.Replace(twiddled, "make_twiddler_rpcinterface\n", "make_twiddler_rpcinterface\nwhitelist = getAPIVersion, log\n", 1))
		s.expect("1.0", "twiddler.getAPIVersion")
		s.expect("true", "twiddler.log", "hello")
		s.expect("fault 230 UNKNOWN: getGroupNames", "twiddler.getGroupNames")
		s.expect("fault 230 UNKNOWN: addProgramToGroup", "twiddler.addProgramToGroup", "nope", "x", 5)
		s.expect("fault 230 UNKNOWN: removeProcessFromGroup", "twiddler.removeProcessFromGroup", "g", "x")
		s.expect("fault 2 INCORRECT_PARAMETERS", "twiddler.removeProcessFromGroup")
		s.methodsOfOthers()
	})
}

func TestTwiddlerDeclaration(t *testing.T) {
	onOurs(t, func(s *stage) {
		s.start(strings.Replace(twiddled, "rpcinterface:twiddler]", "rpcinterface:other]", 1))
		s.expect("1.0", "other.getAPIVersion")
		s.expect("fault 1 UNKNOWN_METHOD", "twiddler.getAPIVersion")
		s.logged("INFO RPC interface 'other' initialized$")
	})
	t.Run("unknown option", func(t *testing.T) {
		onOurs(t, func(s *stage) {
			s.write("bad.conf", strings.Replace(twiddled, "make_twiddler_rpcinterface\n", "make_twiddler_rpcinterface\nwibble = 1\n", 1))
			code, _, diag := s.run("", s.subject.daemon, "-n", "-s", "-c", s.path("bad.conf"))
			want := "Error: Could not make twiddler rpc interface"
			if code != 2 || !strings.Contains(diag, want) {
				s.Errorf("exit status %d, %s, want 2, %s", code, diag, want)
			}
		})
	})
}

// What the rest of the daemon sees of an added program.
func TestTwiddlerAndReload(t *testing.T) {
	onOurs(t, func(s *stage) {
		s.start(twiddled)
		names := func(key, method string) string {
			s.Helper()
			var out []string
			for _, c := range s.ask(method).([]any) {
				out = append(out, c.(map[string]any)[key].(string))
			}
			return strings.Join(out, " ")
		}
		s.expect("true", "twiddler.addProgramToGroup", "g", "added", s.waiting())
		s.reaches("g:added", "RUNNING")
		if got := names("name", "supervisor.getAllConfigInfo"); got != "added file" {
			s.Errorf("before a reread the configuration has %q", got)
		}
		s.expect("fault 90 ALREADY_ADDED: g", "supervisor.addProcessGroup", "g")
		s.expect("fault 91 STILL_RUNNING: g", "supervisor.removeProcessGroup", "g")
		s.expect("[[[] [g] []]]", "supervisor.reloadConfig")
		s.expect("[[[] [g] []]]", "supervisor.reloadConfig")
		if got := names("name", "supervisor.getAllConfigInfo"); got != "file" {
			s.Errorf("after a reread the configuration has %q", got)
		}
		if got := names("name", "supervisor.getAllProcessInfo"); got != "added file" {
			s.Errorf("after a reread the processes are %q", got)
		}
		s.expect("true", "supervisor.stopProcess", "g:added")
		s.expect("true", "supervisor.removeProcessGroup", "g")
		s.expect("[empty]", "twiddler.getGroupNames")
		s.expect("true", "supervisor.addProcessGroup", "g")
		s.expect("[empty g]", "twiddler.getGroupNames")
		if got := names("name", "supervisor.getAllProcessInfo"); got != "file" {
			s.Errorf("after the group was added again the processes are %q", got)
		}
		s.expect("[[[] [] []]]", "supervisor.reloadConfig")
	})
}

// A restart forgets what was added; its children are stopped.
func TestTwiddlerAndRestart(t *testing.T) {
	onOurs(t, func(s *stage) {
		s.start(twiddled)
		s.expect("true", "twiddler.addProgramToGroup", "g", "added", s.waiting())
		s.reaches("g:added", "RUNNING")
		s.signal(syscall.SIGHUP)
		s.until("it is back", func() bool { return s.times("started with") == 2 })
		s.ready()
		s.expect("fault 10 BAD_NAME: g:added", "supervisor.getProcessInfo", "g:added")
		s.logged(`stopped: added \(terminated by SIGTERM\)`)
	})
}

// The real supervisorctl drives added programs like all others, and update
// takes them away again.
func TestTwiddlerAndCtl(t *testing.T) {
	needOriginal(t)
	onOurs(t, func(s *stage) {
		s.start(twiddled)
		s.expect("true", "twiddler.addProgramToGroup", "g", "added", s.waiting("stdout_logfile", s.path("added.out")))
		s.reaches("g:added", "RUNNING")
		for _, c := range []struct{ line, want string }{
			{"status g:added", "g:added                          RUNNING   pid N, uptime T\n"},
			{"restart g:added", "g:added: stopped\ng:added: started\n"},
			{"start g:*", "g:file: started\n"},
			{"update", "g: stopped\ng: updated process group\n"},
			{"status g:added", "g:added: ERROR (no such process)\n"},
			{"status g:*", "g:file                           STOPPED   Not started\n"},
		} {
			_, out, _ := s.run("", originalCtl, append([]string{"-c", s.path("supervisord.conf")}, strings.Fields(c.line)...)...)
			if got := s.normal(out); got != c.want {
				s.Errorf("%s prints\n%swant\n%s", c.line, got, c.want)
			}
		}
	})
}
