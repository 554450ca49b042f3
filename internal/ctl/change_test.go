package ctl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.org/twiddler/client"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/xmlrpc"
)

// planStep is one step of an answer; changes are options with two values each.
func planStep(group, process, action string, changes ...string) xmlrpc.Struct {
	list := []any{}
	for i := 0; i < len(changes); i += 3 {
		list = append(list, xmlrpc.Struct{{Name: "option", Value: changes[i]}, {Name: "old", Value: changes[i+1]}, {Name: "new", Value: changes[i+2]}})
	}
	return xmlrpc.Struct{{Name: "group", Value: group}, {Name: "process", Value: process}, {Name: "action", Value: action}, {Name: "changes", Value: list}}
}

// outcome is the answer of a method that changes something.
func outcome(id int, persisted bool, steps ...any) xmlrpc.Struct {
	return xmlrpc.Struct{{Name: "id", Value: id}, {Name: "persisted", Value: persisted}, {Name: "steps", Value: append([]any{}, steps...)}}
}

func lease(group, program string, ttl int) xmlrpc.Struct {
	return xmlrpc.Struct{{Name: "group", Value: group}, {Name: "program", Value: program}, {Name: "ttl", Value: ttl}}
}

func record(id int, method, reason string, undone int, steps ...any) xmlrpc.Struct {
	return xmlrpc.Struct{{Name: "id", Value: id}, {Name: "time", Value: "2026-01-02T03:04:05Z"}, {Name: "account", Value: "<al>"},
		{Name: "uid", Value: 0}, {Name: "address", Value: "/s.sock"}, {Name: "method", Value: method}, {Name: "reason", Value: reason},
		{Name: "steps", Value: append([]any{}, steps...)}, {Name: "result", Value: "ok"}, {Name: "persisted", Value: undone == 0},
		{Name: "undone", Value: undone}, {Name: "undoes", Value: 0}}
}

// changeMethods answer with an outcome.
func changeMethods() []string {
	return []string{"apply", "update", "addGroup", "removeGroup", "scale", "undo"}
}

func changeFake(t *testing.T, answer any) *fake {
	f := newFake(t)
	for _, method := range changeMethods() {
		f.answer("twiddler."+method, answer)
	}
	f.answer("twiddler.renew", true)
	return f
}

func TestChangeCalls(t *testing.T) {
	t.Parallel()
	f := changeFake(t, outcome(12, true, planStep("web", "w_1", "start")))
	const done = "web:w_1: started\nchange 12, saved\n"
	const plan = "web:w_1: start\n"
	for _, test := range []struct {
		args       []string
		want, call string
	}{
		{[]string{"twiddle", "add", "--ttl", "60", "web", "w", "startsecs=0", "--", "x", "--plan"}, done,
			"twiddler.apply[[map[action:add group:web options:map[command:x --plan startsecs:0] program:w ttl:60]] map[]]"},
		{[]string{"twiddle add web w --plan --reason='a b' -- x"}, plan,
			"twiddler.apply[[map[action:add group:web options:map[command:x] program:w]] map[dry_run:true reason:a b]]"},
		{[]string{"twiddle", "add", "--persist", "web", "w", "command=x"}, done,
			"twiddler.apply[[map[action:add group:web options:map[command:x] program:w]] map[persist:true]]"},
		{[]string{"twiddle remove --stop web:w_1"}, done, "twiddler.apply[[map[action:remove group:web process:w_1]] map[]]"},
		{[]string{"twiddle remove --plan cat"}, plan, "twiddler.apply[[map[action:remove group:cat process:cat]] map[dry_run:true]]"},
		{[]string{"twiddle replace web w priority=5 -- y"}, done,
			"twiddler.apply[[map[action:replace group:web options:map[command:y priority:5] program:w]] map[]]"},
		{[]string{"twiddle addgroup g"}, done, "twiddler.addGroup[g group map[] map[]]"},
		{[]string{"twiddle addgroup g priority=5 --ttl=60"}, done, "twiddler.addGroup[g group map[priority:5] map[ttl:60]]"},
		{[]string{"twiddle addgroup g -- sleep 1"}, done, "twiddler.addGroup[g program map[command:sleep 1] map[]]"},
		{[]string{"twiddle addgroup g kind=eventlistener events=TICK_5 -- l"}, done,
			"twiddler.addGroup[g eventlistener map[command:l events:TICK_5] map[]]"},
		{[]string{"twiddle addgroup --plan g kind=fcgi-program command=l socket=unix:///x"}, plan,
			"twiddler.addGroup[g fcgi-program map[command:l socket:unix:///x] map[dry_run:true]]"},
		{[]string{"twiddle rmgroup --reason x g"}, done, "twiddler.removeGroup[g map[reason:x]]"},
		{[]string{"twiddle undo 12 --plan"}, plan, "twiddler.undo[12 map[dry_run:true]]"},
		{[]string{"twiddle undo 8589934592"}, done, "twiddler.undo[8589934592 map[]]"},
		{[]string{"scale web=8"}, done, "twiddler.scale[web:web 8 map[]]"},
		{[]string{"scale", "--plan", "web:w=1"}, plan, "twiddler.scale[web:w 1 map[dry_run:true]]"},
		{[]string{"scale", "web=8", "api:worker=2", "--persist"}, done,
			"twiddler.apply[[map[action:scale group:web numprocs:8 program:web] map[action:scale group:api numprocs:2 program:worker]] map[persist:true]]"},
		{[]string{"update --plan"}, plan, "twiddler.update[[] map[dry_run:true]]"},
		{[]string{"update", "web", "--plan", "api"}, plan, "twiddler.update[[web api] map[dry_run:true]]"},
		{[]string{"update all --plan"}, plan, "twiddler.update[[] map[dry_run:true]]"},
		{[]string{"twiddle renew web:w 60"}, "web:w: renewed for 1m0s\n", "twiddler.renew[web:w 60]"},
	} {
		got := runCtl(t, f.URL, "", test.args...)
		if want := (reply{out: test.want}); got != want {
			t.Errorf("%q = %+v, want %+v", test.args, got, want)
		}
		if calls := strings.Join(f.asked(), " "); calls != test.call {
			t.Errorf("%q calls %s\nwant %s", test.args, calls, test.call)
		}
	}
}

func TestChangeUsage(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	const ttlWords = "a time to live is whole seconds from 1 to 3153600000, not "
	for line, want := range map[string]string{
		"twiddle add --x g n -- c":              `unknown option "--x": there is --plan, --persist, --reason, --ttl`,
		"twiddle add --plan --plan g n -- c":    "--plan is given twice",
		"twiddle add --plan=1 g n -- c":         "--plan takes no value",
		"twiddle add g n --ttl":                 "--ttl requires a value",
		"twiddle add g n --ttl -- c":            "--ttl requires a value",
		"twiddle add g n --ttl 0 -- c":          ttlWords + `"0"`,
		"twiddle add g n --ttl=soon -- c":       ttlWords + `"soon"`,
		"twiddle add g n --ttl=3153600001 -- c": ttlWords + `"3153600001"`,
		"twiddle add --plan g":                  "twiddle add requires a group and a name",
		"twiddle remove --ttl 5 g:n":            `unknown option "--ttl": there is --plan, --persist, --reason, --stop`,
		"twiddle remove --stop g:*":             "twiddle remove takes one process at a time, not a whole group",
		"twiddle replace g":                     "twiddle replace requires a group and a name",
		"twiddle replace g n a=b":               "a program requires a command: add -- and the command, or command=...",
		"twiddle addgroup":                      "twiddle addgroup requires a name",
		"twiddle addgroup -- x":                 "twiddle addgroup requires a name",
		"twiddle addgroup g kind=pool -- x":     `no kind "pool": want program, eventlistener, fcgi-program, group`,
		"twiddle addgroup g kind=group -- x":    "a group of kind group has no command: add it empty, and programs to it",
		"twiddle addgroup g kind=eventlistener": "a group of kind eventlistener requires a command: add -- and the command, or command=...",
		"twiddle addgroup g x":                  `"x" is not key=value; a command goes after --`,
		"twiddle rmgroup":                       "twiddle rmgroup requires one group",
		"twiddle rmgroup a b":                   "twiddle rmgroup requires one group",
		"twiddle rmgroup --stop a":              `unknown option "--stop": there is --plan, --persist, --reason`,
		"twiddle undo":                          "twiddle undo requires the id of one change, from twiddle history",
		"twiddle undo x":                        `"x" is no id of a change: it is the number that twiddle history begins with`,
		"twiddle undo 0":                        `"0" is no id of a change: it is the number that twiddle history begins with`,
		"twiddle renew g":                       "twiddle renew requires a name and seconds",
		"twiddle renew g 1.5":                   ttlWords + `"1.5"`,
		"twiddle leases x":                      "twiddle leases accepts no arguments",
		"twiddle history x":                     "twiddle history accepts no arguments but its options",
		"twiddle history -n 0":                  `-n must be 1 to 1000, not "0"`,
		"twiddle history -n 1001":               `-n must be 1 to 1000, not "1001"`,
		"twiddle history -n":                    "-n requires a value",
		"twiddle history --jsn":                 `unknown option "--jsn": there is -n, --json`,
		"twiddle diff x":                        "twiddle diff accepts no arguments",
		"twiddle save --all":                    "unknown option --all: only names of groups may follow",
		"twiddle apply":                         "twiddle apply requires one file, or - for standard input",
		"twiddle apply /nope":                   "cannot read the changes: open /nope: no such file or directory",
		"scale 'x":                              "cannot read the command: No closing quotation",
		"scale web":                             `"web" is not <name>=<count>`,
		"scale =3":                              `"=3" is not <name>=<count>`,
		"scale web=x":                           `"x" is no number of processes: it must be 1 or more`,
		"scale web=0":                           `"0" is no number of processes: it must be 1 or more`,
		"scale web=-1":                          `"-1" is no number of processes: it must be 1 or more`,
		"scale web:*=1":                         `"web:*" is a whole group: name one program of it`,
		"scale a=1 a:a=2":                       `"a:a" is given twice`,
		"scale --ttl 5 a=1":                     `unknown option "--ttl": there is --plan, --persist, --reason`,
	} {
		f.one(t, line, "Error: "+want+"\n", 2)
	}
	f.one(t, "scale", "Error: scale requires <name>=<count>\n"+strings.Join(scaleHelp, "\n")+"\n", 2)
	if calls := f.asked(); len(calls) != 0 {
		t.Errorf("calls %q", calls)
	}
}

func TestChangeFaults(t *testing.T) {
	t.Parallel()
	old := reply{"ERROR: the server has no twiddler that can do this\n",
		"hint: it needs the section [rpcinterface:twiddler] with supervisor.rpcinterface_factory = " +
			"supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface, and to be no Supervisor in Python\n", 3}
	f := newFake(t)
	lines := []string{"twiddle add --plan g n -- x", "twiddle remove --stop g:n", "twiddle replace g n -- x", "twiddle addgroup g",
		"twiddle rmgroup g", "twiddle undo 1", "twiddle renew g 5", "twiddle leases", "twiddle history", "twiddle history --json",
		"twiddle save", "twiddle diff", "twiddle export", "scale a=1", "scale a=1 b=2", "update --plan"}
	for _, line := range lines {
		if got := runCtl(t, f.URL, "", line); got != old {
			t.Errorf("%q = %+v, want %+v", line, got, old)
		}
	}
	for _, test := range []struct {
		err  error
		want string
		code int
	}{
		{fault.New(fault.Conflict, "web was changed"), "ERROR: CONFLICT: web was changed\n", 1},
		{fault.New(fault.NotSaved, "disk full"), "ERROR: NOT_SAVED: disk full\n", 1},
		{fault.New(fault.NotPermitted, "x"), "ERROR: x\n", 4},
		{fault.New(fault.NotInWhitelist, "x"), "ERROR: the server's whitelist does not allow that\n", 1},
		{fault.Bare(fault.ShutdownState), "ERROR: supervisor shutting down\n", 1},
		{fault.New(fault.IncorrectParameters, "change 2: bad"), "ERROR: INCORRECT_PARAMETERS: change 2: bad\n", 1},
	} {
		for _, method := range append(changeMethods(), "renew", "getLeases", "history", "save", "diff", "export") {
			f.answer("twiddler."+method, test.err)
		}
		for _, line := range lines {
			f.one(t, line, test.want, test.code)
		}
	}
	down := closedPort(t)
	if got := runCtl(t, down, "", "scale a=1"); got.code != 4 || got.out != down+" refused connection\n" {
		t.Errorf("without a server: %+v", got)
	}
}

// What runs is not stopped by a remove that was not told to.
func TestRemoveOfRunning(t *testing.T) {
	t.Parallel()
	f := changeFake(t, outcome(0, false, planStep("web", "w", "stop")))
	for _, line := range []string{"twiddle remove --persist web:w", "twiddle remove --plan web:w"} {
		want := reply{"ERROR: process still running: web:w\n", "hint: stop it first: stop web:w\n", 1}
		if got := runCtl(t, f.URL, "", line); got != want {
			t.Errorf("%q = %+v, want %+v", line, got, want)
		}
	}
	f.one(t, "twiddle remove --plan --stop web:w", "web:w: stop and remove\n", 0)
	f.asked()
	f.answer("twiddler.apply", outcome(3, true, planStep("web", "w", "remove")))
	f.one(t, "twiddle remove --persist web:w", "web:w: removed\nchange 3, saved\n", 0)
	const call = "twiddler.apply[[map[action:remove group:web process:w]] map["
	if got, want := strings.Join(f.asked(), " "), call+"dry_run:true persist:true]] "+call+"persist:true]]"; got != want {
		t.Errorf("calls %s\nwant %s", got, want)
	}
}

// What would happen, what did, and how little is said of what is kept.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	all := []any{
		planStep("web", "", "change", "priority", "1", "2"), planStep("web", "a", "keep"),
		planStep("web", "b", "restart", "command", "sleep 1", "sleep 2", "environment X", "***", "***"),
		planStep("web", "c", "change", "stopwaitsecs", "", " 5"), planStep("web", "d", "start"), planStep("web", "e", "keep"),
		planStep("cat", "cat", "stop"), planStep("new", "", "add"), planStep("new", "n", "add"), planStep("old", "", "remove"),
		planStep("old", "o", "remove"), planStep("x", "x", "explode", "a", "b -> c", "\"q\"\n"),
	}
	const details = "    command: sleep 1 -> sleep 2\n    environment X: *** -> ***\n"
	f := changeFake(t, outcome(0, false, all...))
	f.one(t, "twiddle undo --plan 1", "group web: change\n    priority: 1 -> 2\nweb:b: restart\n"+details+
		"web:c: change\n    stopwaitsecs: \"\" -> \" 5\"\nweb:d: start\ncat: stop and remove\ngroup new: add\nnew:n: add\n"+
		"group old: remove\nold:o: remove\nx: explode\n    a: \"b -> c\" -> \"\\\"q\\\"\\n\"\n2 processes kept\n", 0)
	f = changeFake(t, outcome(7, false, all...))
	f.one(t, "twiddle undo 1", "group web: changed\n    priority: 1 -> 2\nweb:b: restarted\n"+details+
		"web:c: changed\n    stopwaitsecs: \"\" -> \" 5\"\nweb:d: started\ncat: stopped and removed\ngroup new: added\nnew:n: added\n"+
		"group old: removed\nold:o: removed\nx: explode\n    a: \"b -> c\" -> \"\\\"q\\\"\\n\"\nchange 7\n", 0)
	f = changeFake(t, outcome(0, false, all[1]))
	f.one(t, "update --plan", "nothing to change: 1 process kept\n", 0)
	f = changeFake(t, outcome(0, false))
	f.one(t, "twiddle undo 1", "nothing to change\n", 0)
	f = changeFake(t, true)
	if got := runCtl(t, f.URL, "", "twiddle undo 1"); got.code != 1 || !strings.Contains(got.out, "cannot use the answer of twiddler.undo") {
		t.Errorf("a wrong answer: %+v", got)
	}
}

func TestColoursOfSteps(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	s := &session{out: &b, tty: true, colour: true}
	for action, want := range map[string]string{
		"start": "32mstart", "stop": "31mstop and remove", "restart": "33mrestart", "change": "33mchange", "add": "2madd", "remove": "2mremove",
	} {
		b.Reset()
		s.showSteps([]client.Step{{Group: "a\x1b", Process: "b", Action: action,
			Changes: []client.OptionChange{{Option: "o", Old: "x", New: "y\u202e"}}}}, true, "")
		if got, want := b.String(), "a^[:b: \x1b["+want+"\x1b[0m\n    o: x -> y<U+202E>\n"; got != want {
			t.Errorf("%s: %q, want %q", action, got, want)
		}
	}
}

func TestApplyFile(t *testing.T) {
	t.Parallel()
	f := changeFake(t, outcome(1, false, planStep("g", "p", "start")))
	path := filepath.Join(t.TempDir(), "changes.json")
	const text = `[{"action": "add", "group": "g", "program": "p", "options": {"command": "c"}, "ttl": 60},
 {"action": "scale", "group": "g", "program": "p", "numprocs": 2}]`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	const call = "twiddler.apply[[map[action:add group:g options:map[command:c] program:p ttl:60] " +
		"map[action:scale group:g numprocs:2 program:p]] map["
	for _, test := range []struct {
		stdin string
		args  []string
		want  string
		call  string
	}{
		{"", []string{"twiddle", "apply", path}, "g:p: started\nchange 1\n", call + "]]"},
		{text, []string{"twiddle", "apply", "-", "--plan"}, "g:p: start\n", call + "dry_run:true]]"},
		{"[]", []string{"twiddle apply -"}, "g:p: started\nchange 1\n", "twiddler.apply[[] map[]]"},
	} {
		got := runCtl(t, f.URL, test.stdin, test.args...)
		if got != (reply{out: test.want}) {
			t.Errorf("%q = %+v", test.args, got)
		}
		if calls := strings.Join(f.asked(), " "); calls != test.call {
			t.Errorf("%q calls %s\nwant %s", test.args, calls, test.call)
		}
	}
	got := runCtl(t, f.URL, "[", "twiddle apply -")
	if want := (reply{"Error: standard input:1:2: the text ends too early\n", "", 2}); got != want {
		t.Errorf("a broken text: %+v", got)
	}
	got = runCtl(t, f.URL, strings.Repeat(" ", maxChanges)+"[]", "twiddle apply -")
	if want := (reply{"Error: cannot read the changes: standard input has more than 16 MiB\n", "", 2}); got != want {
		t.Errorf("a long text: %+v", got)
	}
	// In the shell, standard input holds the commands.
	got = runCtl(t, f.URL, "twiddle apply -\nexit\n")
	if !strings.Contains(got.out, "Error: cannot read the changes: the shell itself reads standard input; name a file\n") {
		t.Errorf("in the shell: %+v", got)
	}
}
