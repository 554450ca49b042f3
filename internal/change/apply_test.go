package change

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/supervisor"
)

type options = map[string]any

func add(group, program, command string) ext.Change {
	return ext.Change{Action: ext.Add, Group: group, Program: program,
		Options: options{"command": command, "startsecs": 0}}
}

// actions are changes that work, and what they do.
var actions = []struct {
	name    string
	changes []ext.Change
	want    string
}{
	{"add a program", []ext.Change{add("g", "c", "/bin/c")}, "start g:c"},
	{"add one that is not to start", []ext.Change{{Action: ext.Add, Group: "g", Program: "c",
		Options: options{"command": "/bin/c", "autostart": "false"}}}, "add g:c"},
	{"replace a program", []ext.Change{{Action: ext.Replace, Group: "g", Program: "a",
		Options: options{"command": "/bin/other", "startsecs": 0}}}, "restart g:a command=/bin/a>/bin/other"},
	{"replace without a restart", []ext.Change{{Action: ext.Replace, Group: "g", Program: "a",
		Options: options{"command": "/bin/a", "startsecs": 0, "stopwaitsecs": 3}}}, "change g:a stopwaitsecs=10>3"},
	{"replace with secrets", []ext.Change{{Action: ext.Replace, Group: "g", Program: "a",
		Options: options{"command": "/bin/a", "startsecs": 0, "environment": `KEY="secret"`}}}, "restart g:a environment KEY=>***"},
	{"replace one that is down", []ext.Change{{Action: ext.Replace, Group: "g", Program: "b",
		Options: options{"command": "/bin/other", "startsecs": 0, "autostart": false}}}, "change g:b command=/bin/b>/bin/other"},
	{"remove a program", []ext.Change{{Action: ext.Remove, Group: "g", Program: "a"}}, "stop g:a"},
	{"remove one that is down", []ext.Change{{Action: ext.Remove, Group: "g", Program: "b"}}, "remove g:b"},
	{"remove a process", []ext.Change{{Action: ext.Remove, Group: "web", Process: "web_0"}}, "stop web:web_0"},
	{"scale up", []ext.Change{{Action: ext.Scale, Group: "web", Program: "web", Numprocs: 4}}, "start web:web_2, start web:web_3"},
	{"scale down", []ext.Change{{Action: ext.Scale, Group: "web", Program: "web", Numprocs: 1}}, "stop web:web_1"},
	{"add a group of programs", []ext.Change{{Action: ext.Add, Group: "new", Options: options{"priority": 5}, Programs: map[string]map[string]any{
		"x": {"command": "/bin/x", "startsecs": 0}, "y": {"command": "/bin/y", "autostart": false}}}}, "add new:, start new:x, add new:y"},
	{"add an empty group and fill it", []ext.Change{{Action: ext.Add, Group: "new", Kind: ext.KindGroup}, add("new", "x", "/bin/x")}, "add new:, start new:x"},
	{"add a group of one program", []ext.Change{{Action: ext.Add, Group: "new", Options: options{"COMMAND": "/bin/new", "startsecs": 0,
		"numprocs": 2, "process_name": "%(program_name)s%(process_num)d"}}}, "add new:, start new:new0, start new:new1"},
	{"add listeners", []ext.Change{{Action: ext.Add, Group: "new", Kind: ext.KindListener,
		Options: options{"command": "/bin/new", "events": "TICK_60", "startsecs": 0}}}, "add new:, start new:new"},
	{"add fastcgi", []ext.Change{{Action: ext.Add, Group: "new", Kind: ext.KindFastCGI,
		Options: options{"command": "/bin/new", "socket": "tcp://localhost:9001", "autostart": false}}}, "add new:, add new:new"},
	{"replace the priority of a group", []ext.Change{{Action: ext.Replace, Group: "g", Options: options{"priority": 5}}}, "change g: priority=999>5"},
	{"replace the programs of a group", []ext.Change{{Action: ext.Replace, Group: "g", Programs: map[string]map[string]any{
		"a": {"command": "/bin/a", "startsecs": 0}, "z": {"command": "/bin/z", "startsecs": 0}}}}, "start g:z, remove g:b"},
	{"replace the program of a group", []ext.Change{{Action: ext.Replace, Group: "web", Options: options{"command": "/bin/web", "startsecs": 0}}},
		"start web:web, stop web:web_0, stop web:web_1"},
	{"replace listeners", []ext.Change{{Action: ext.Replace, Group: "ears", Options: options{"command": "/bin/ears", "events": "TICK_60",
		"autostart": false}}}, "change ears: events=TICK_5>TICK_60"},
	{"replace fastcgi", []ext.Change{{Action: ext.Replace, Group: "fast", Kind: ext.KindFastCGI, Options: options{"command": "/bin/fast",
		"socket": "tcp://localhost:9003", "autostart": false}}},
		"change fast: socket=tcp://localhost:9002 backlog 0>tcp://localhost:9003 backlog 0, remove fast:fast, add fast:fast"},
	{"replace a group by another kind", []ext.Change{{Action: ext.Replace, Group: "ears", Kind: ext.KindProgram,
		Options: options{"command": "/bin/ears", "startsecs": 0}}}, ""},
	{"remove groups of each kind", []ext.Change{{Action: ext.Remove, Group: "g"}, {Action: ext.Remove, Group: "web"},
		{Action: ext.Remove, Group: "ears"}, {Action: ext.Remove, Group: "fast"}},
		"remove g:, stop g:a, remove g:b, remove web:, stop web:web_0, stop web:web_1, remove ears:, remove ears:ears, remove fast:, remove fast:fast"},
	{"several", []ext.Change{{Action: ext.Remove, Group: "g", Program: "a"}, add("g", "a", "/bin/a2"), add("web", "side", "/bin/side"),
		{Action: ext.Scale, Group: "web", Program: "side", Numprocs: 1}},
		"restart g:a command=/bin/a>/bin/a2, start web:side"},
}

// TestActions makes each change: first to see what it would do, then to do it,
// to take it back, and to take that back.
func TestActions(t *testing.T) {
	t.Parallel()
	for _, a := range actions {
		t.Run(strings.ReplaceAll(a.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			play(t, files, func(o *Options) { withAudit(t, o) }, func(w *world) {
				w.settle()
				before, start := w.everything(), w.wanted()
				dry := w.must(w.Apply(w.ctx, a.changes, ext.How{DryRun: true}))
				if now := w.everything(); now != before {
					t.Fatalf("a dry run changed\n%s\nto\n%s", before, now)
				}
				out := w.must(w.Apply(w.ctx, a.changes, ext.How{Reason: "why not"}))
				if got := told(out); a.want != "" && got != a.want || told(dry) != got || dry.ID != 0 || out.ID != 1 {
					t.Errorf("it did %q (%d), and would have done %q (%d), want %q", got, out.ID, told(dry), dry.ID, a.want)
				}
				w.check()
				after := w.wanted()
				if after == start {
					t.Error("nothing is different")
				}
				w.must(w.Undo(w.ctx, out.ID, ext.How{}))
				if got := w.wanted(); got != start {
					t.Errorf("after the undo there is\n%s\nwant\n%s", got, start)
				}
				w.check()
				w.must(w.Undo(w.ctx, 2, ext.How{}))
				if got := w.wanted(); got != after {
					t.Errorf("after the undo of the undo there is\n%s\nwant\n%s", got, after)
				}
				w.check()
				_, err := w.Undo(w.ctx, 1, ext.How{})
				refuses(t, err, fault.Conflict, "change 1 was undone already, by change 2")
				h, err := w.History(w.ctx, 0, 10)
				if err != nil || len(h) != 3 || h[2].Reason != "why not" || h[2].Undone != 2 || h[1].Undoes != 1 || h[1].Undone != 3 {
					t.Errorf("the history is %+v, %v", h, err)
				}
			})
		})
	}
}

// check sees that who is to run does, as it is to, and nobody else.
func (w *world) check() {
	w.t.Helper()
	w.settle()
	groups, err := w.loop.Groups(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	birth := map[int]string{}
	for _, b := range w.fake.Births() {
		birth[b.PID] = strings.Join(b.Child.Argv, " ")
	}
	there := 0
	for _, g := range groups {
		for _, p := range g.Processes {
			there++
			info, err := w.loop.Info(context.Background(), supervisor.Name{Group: g.Name, Process: p.Name}, p.Name)
			switch {
			case err != nil:
				w.t.Errorf("%s is wanted: %v", p.Namespec(), err)
			case p.AutoStart && info.PID == 0:
				w.t.Errorf("%s does not run", p.Namespec())
			case info.PID > 0 && birth[info.PID] != p.Command:
				w.t.Errorf("%s runs %s, want %s", p.Namespec(), birth[info.PID], p.Command)
			}
		}
	}
	infos, err := w.loop.AllInfo(context.Background())
	if err != nil || len(infos) != there {
		w.t.Errorf("there are %d processes, want %d (%v)", len(infos), there, err)
	}
}

// refusals are changes that do nothing, and why.
var refusals = []struct {
	name    string
	changes []ext.Change
	code    fault.Code
	text    string
}{
	{"none", nil, fault.IncorrectParameters, "there are no changes"},
	{"action", []ext.Change{{Action: "move", Group: "g"}}, fault.IncorrectParameters, `action must be add, replace, remove or scale, not "move"`},
	{"no group", []ext.Change{{Action: ext.Add}}, fault.IncorrectParameters, "add needs a group"},
	{"field", []ext.Change{{Action: ext.Remove, Group: "g", TTL: 1}}, fault.IncorrectParameters, "remove has no use for ttl"},
	{"kind of a program", []ext.Change{{Action: ext.Add, Group: "g", Program: "x", Kind: "group"}}, fault.IncorrectParameters, `kind and programs belong to a group; program "x" has options only`},
	{"both", []ext.Change{{Action: ext.Remove, Group: "g", Program: "a", Process: "a"}}, fault.IncorrectParameters, "leave one out"},
	{"scale to none", []ext.Change{{Action: ext.Scale, Group: "web", Program: "web"}}, fault.IncorrectParameters, "numprocs of 1 or more"},
	{"negative ttl", []ext.Change{{Action: ext.Add, Group: "x", TTL: -1}}, fault.IncorrectParameters, "ttl must be more than 0"},
	{"add to no group", []ext.Change{add("nope", "c", "/bin/c")}, fault.BadName, "group: nope"},
	{"add what is there", []ext.Change{add("g", "a", "/bin/c")}, fault.AlreadyAdded, "g:a"},
	{"add a group that is there", []ext.Change{{Action: ext.Add, Group: "g"}}, fault.AlreadyAdded, "g"},
	{"add a process that is there", []ext.Change{{Action: ext.Add, Group: "g", Program: "c", Options: options{"command": "/bin/c", "process_name": "a"}}}, fault.AlreadyAdded, "g:a"},
	{"replace what is not", []ext.Change{{Action: ext.Replace, Group: "g", Program: "c", Options: options{"command": "/bin/c"}}}, fault.BadName, "g:c"},
	{"replace no group", []ext.Change{{Action: ext.Replace, Group: "nope", Options: options{"priority": 1}}}, fault.BadName, "group: nope"},
	{"replace by nothing", []ext.Change{{Action: ext.Replace, Group: "g"}}, fault.IncorrectParameters, "replace needs options, programs or both"},
	{"remove what is not", []ext.Change{{Action: ext.Remove, Group: "g", Program: "c"}}, fault.BadName, "g:c"},
	{"remove no group", []ext.Change{{Action: ext.Remove, Group: "nope"}}, fault.BadName, "group: nope"},
	{"scale what is not", []ext.Change{{Action: ext.Scale, Group: "g", Program: "c", Numprocs: 1}}, fault.BadName, "g:c"},
	{"scale without numbers", []ext.Change{{Action: ext.Scale, Group: "g", Program: "a", Numprocs: 2}}, fault.IncorrectParameters, "%(process_num) must be present within process_name"},
	{"scale too far", []ext.Change{{Action: ext.Scale, Group: "web", Program: "web", Numprocs: 1 << 30}}, fault.IncorrectParameters, "above upper bound"},
	{"unknown option", []ext.Change{{Action: ext.Add, Group: "g", Program: "c", Options: options{"comand": "/bin/c"}}}, fault.IncorrectParameters, `did you mean "command"`},
	{"no command", []ext.Change{{Action: ext.Add, Group: "g", Program: "c", Options: options{}}}, fault.IncorrectParameters, "does not specify a command"},
	{"bad value", []ext.Change{{Action: ext.Add, Group: "g", Program: "c", Options: options{"command": "/bin/c", "startsecs": "soon"}}}, fault.IncorrectParameters, "soon"},
	{"no process", []ext.Change{{Action: ext.Add, Group: "g", Program: "c", Options: options{"command": "/bin/c", "numprocs": 0}}}, fault.IncorrectParameters, "would have no process"},
	{"no process in a group", []ext.Change{{Action: ext.Add, Group: "x", Options: options{"command": "/bin/c", "numprocs": 0}}}, fault.IncorrectParameters, "would have no process"},
	{"group option", []ext.Change{{Action: ext.Add, Group: "x", Kind: ext.KindGroup, Options: options{"command": "/bin/c"}}}, fault.IncorrectParameters, `a group has no option "command"`},
	{"bad priority", []ext.Change{{Action: ext.Add, Group: "x", Options: options{"priority": "high"}}}, fault.IncorrectParameters, "priority must be a whole number"},
	{"bad kind", []ext.Change{{Action: ext.Add, Group: "x", Kind: "heap"}}, fault.IncorrectParameters, "kind must be group, program, eventlistener or fcgi-program"},
	{"programs of listeners", []ext.Change{{Action: ext.Add, Group: "x", Kind: ext.KindListener, Programs: map[string]map[string]any{"a": {}}}}, fault.IncorrectParameters, "only a group of the kind group has programs"},
	{"bad name", []ext.Change{{Action: ext.Add, Group: "x:y"}}, fault.IncorrectParameters, `group "x:y"`},
	{"blanks", []ext.Change{{Action: ext.Add, Group: "x "}}, fault.IncorrectParameters, "must not begin or end with a blank"},
	{"blanks of a program", []ext.Change{add("g", "c\t", "/bin/c")}, fault.IncorrectParameters, "must not begin or end with a blank"},
	{"program of listeners", []ext.Change{add("ears", "c", "/bin/c")}, fault.IncorrectParameters, "group ears consists of one eventlistener"},
	{"listeners by options of a group", []ext.Change{{Action: ext.Replace, Group: "ears", Options: options{"priority": 1}}}, fault.IncorrectParameters, "eventlistener:ears"},
	{"the last of three", []ext.Change{add("g", "x", "/bin/x"), {Action: ext.Remove, Group: "web"}, {Action: ext.Add, Group: "g", Program: "y", Options: options{"stopsignal": "HUG"}}},
		fault.IncorrectParameters, "change 3 of 3: "},
	{"twice", []ext.Change{add("g", "x", "/bin/x"), add("g", "x", "/bin/x")}, fault.AlreadyAdded, "change 2 of 2: g:x"},
	{"persistent lease", []ext.Change{{Action: ext.Add, Group: "x", TTL: time.Second}}, fault.IncorrectParameters, "x has a ttl, so it cannot be persistent"},
}

// TestRefusals sees that what is refused leaves everything as it was.
func TestRefusals(t *testing.T) {
	t.Parallel()
	play(t, files, func(o *Options) { withAudit(t, o) }, func(w *world) {
		w.do(ext.Change{Action: ext.Add, Group: "leased", TTL: time.Hour})
		persist := true
		before := w.everything()
		for _, r := range refusals {
			_, err := w.Apply(w.ctx, r.changes, ext.How{Persist: &persist})
			refuses(t, err, r.code, r.text)
			if now := w.everything(); now != before {
				t.Fatalf("%s was refused and changed\n%s\nto\n%s", r.name, before, now)
			}
		}
		_, err := w.Apply(w.ctx, make([]ext.Change, maxChanges+1), ext.How{})
		refuses(t, err, fault.IncorrectParameters, "10001 changes are more than 10000")
		ctx, cancel := context.WithCancel(w.ctx)
		cancel()
		if _, err := w.Apply(ctx, []ext.Change{add("g", "x", "/bin/x")}, ext.How{}); err != context.Canceled {
			t.Errorf("a call whose caller has gone: %v", err)
		}
		if now := w.everything(); now != before {
			t.Errorf("a call whose caller has gone changed\n%s\nto\n%s", before, now)
		}
	})
}

// TestLiveSettings gives a running process other settings, which are in force
// from then on.
func TestLiveSettings(t *testing.T) {
	t.Parallel()
	play(t, files, nil, func(w *world) {
		w.settle()
		before := w.running()
		w.fake.Ignore("a", syscall.SIGTERM)
		w.do(ext.Change{Action: ext.Replace, Group: "g", Program: "a", Options: options{"command": "/bin/a", "startsecs": 0, "stopwaitsecs": 3}})
		if now := w.running(); now != before {
			t.Errorf("who runs was\n%s\nand is\n%s", before, now)
		}
		start := time.Now()
		if err := w.loop.StopProcess(w.ctx, supervisor.Name{Group: "g", Process: "a"}, "g:a", true); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("a stop took %v, want the 3 s of its new stopwaitsecs", took)
		}
	})
}

// TestOnlyWhatDiffers restarts the one process whose settings differ.
func TestOnlyWhatDiffers(t *testing.T) {
	t.Parallel()
	play(t, files, nil, func(w *world) {
		w.settle()
		w.do(ext.Change{Action: ext.Replace, Group: "g", Program: "a", Options: options{"command": "/bin/a2", "startsecs": 0}})
		w.settle()
		if n := len(w.fake.Births()); n != 4 {
			t.Errorf("%d children were started, want those 3 of the start and 1", n)
		}
	})
}

// TestWait waits for a stop or not, and lets others in meanwhile.
func TestWait(t *testing.T) {
	t.Parallel()
	play(t, files, nil, func(w *world) {
		w.settle()
		for _, name := range []string{"a", "web_0", "web_1"} {
			w.fake.Ignore(name, syscall.SIGTERM)
		}
		start := time.Now()
		w.must(w.Apply(w.ctx, []ext.Change{{Action: ext.Remove, Group: "web", Process: "web_0"}}, ext.How{NoWait: true}))
		if took := time.Since(start); took != 0 {
			t.Errorf("without waiting it took %v", took)
		}
		ctx, cancel := context.WithTimeout(w.ctx, time.Second)
		defer cancel()
		_, err := w.Apply(ctx, []ext.Change{{Action: ext.Remove, Group: "web", Process: "web_1"}}, ext.How{})
		if took := time.Since(start); err != context.DeadlineExceeded || took != time.Second {
			t.Errorf("a caller that hangs up: %v after %v", err, took)
		}
		done := make(chan time.Duration)
		go func() {
			_, err := w.Apply(w.ctx, []ext.Change{{Action: ext.Remove, Group: "g", Program: "a"}}, ext.How{})
			if err != nil {
				t.Error(err)
			}
			done <- time.Since(start)
		}()
		w.settle()
		w.do(add("g", "c", "/bin/c")) // while the other one waits
		if took := time.Since(start); took != time.Second {
			t.Errorf("it took %v while somebody waited for a stop", took)
		}
		if took := <-done; took != 11*time.Second {
			t.Errorf("with waiting it took %v, want the second before and stopwaitsecs", took)
		}
		w.check()
		if h, err := w.History(w.ctx, 0, 10); err != nil || len(h) != 4 {
			t.Errorf("the history has %d changes, want 4 (%v)", len(h), err)
		}
	})
}

// TestRaces changes groups past the manager, between its two looks at them.
func TestRaces(t *testing.T) {
	t.Parallel()
	play(t, files, func(o *Options) { withAudit(t, o); o.PersistAll = true }, func(w *world) {
		w.settle()
		n := 0
		classic := func() {
			n++
			if err := w.loop.RemoveGroup(w.ctx, "ears"); err != nil {
				t.Error(err)
			}
		}
		once := func() {
			w.loop.between.Store(nil)
			classic()
		}
		w.loop.between.Store(&once)
		out := w.do(add("g", "c", "/bin/c")) // another group: no conflict
		if n != 1 || told(out) != "start g:c" {
			t.Errorf("%d calls came between, and it did %s", n, told(out))
		}
		grow := func() {
			n++
			p := add("g", fmt.Sprint("p", n), "/bin/p").Options
			procs, err := w.cfg.Load().AddProgram("g", fmt.Sprint("p", n), p)
			if err == nil {
				_, err = w.loop.Apply(w.ctx, supervisor.AddProcesses{Group: "g", Processes: procs})
			}
			if err != nil {
				t.Error(err)
			}
		}
		again := func() {
			if n >= 3 {
				w.loop.between.Store(nil)
			}
			grow()
		}
		w.loop.between.Store(&again)
		if out := w.do(add("g", "d", "/bin/d")); told(out) != "start g:d" || n != 4 {
			t.Errorf("after 3 conflicts it did %q (%d)", told(out), n)
		}
		saved := w.store.texts["g"]
		w.loop.between.Store(&grow)
		_, err := w.Apply(w.ctx, []ext.Change{add("g", "e", "/bin/e")}, ext.How{})
		refuses(t, err, fault.Conflict, "group g was changed by somebody else meanwhile")
		if n != 4+maxTries {
			t.Errorf("it was tried %d times, want %d", n-4, maxTries)
		}
		if w.store.texts["g"] != saved {
			t.Errorf("what was not done is written down:\n%s\nbefore it was\n%s", w.store.texts["g"], saved)
		}
		if h, _ := w.History(w.ctx, 0, 10); len(h) != 2 {
			t.Errorf("the history has %d changes, want 2", len(h))
		}
		if !strings.Contains(w.auditText(), `"result":"CONFLICT`) {
			t.Errorf("the audit log does not say that it was not done:\n%s", w.auditText())
		}
		w.loop.between.Store(nil)
		w.check()
	})
}

// TestShutdown makes changes while supervisord shuts down.
func TestShutdown(t *testing.T) {
	t.Parallel()
	play(t, files, func(o *Options) { withAudit(t, o); o.PersistAll = true }, func(w *world) {
		w.settle()
		w.fake.Ignore("a", syscall.SIGTERM)
		done := make(chan error)
		go func() {
			_, err := w.Apply(w.ctx, []ext.Change{{Action: ext.Remove, Group: "g", Program: "a"}}, ext.How{})
			done <- err
		}()
		w.settle()
		if err := w.loop.Shutdown(w.ctx); err != nil {
			t.Fatal(err)
		}
		w.settle()
		saved, audit := fmt.Sprint(w.store.texts), w.auditText()
		_, err := w.Apply(w.ctx, []ext.Change{add("g", "c", "/bin/c")}, ext.How{})
		refuses(t, err, fault.ShutdownState, "")
		err = w.AddProgram(w.ctx, "g", "d", options{"command": "/bin/d"})
		refuses(t, err, fault.ShutdownState, "")
		if fmt.Sprint(w.store.texts) != saved || w.auditText() != audit {
			t.Error("what was refused left a trace")
		}
		if err := <-done; err != nil {
			t.Errorf("the wait for a stop that the shutdown did not prevent: %v", err)
		}
	})
}
