package change

import (
	"errors"
	"strings"
	"testing"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
)

// TestUndoConflicts refuses to take back what later changes stand in the way of.
func TestUndoConflicts(t *testing.T) {
	t.Parallel()
	scale := func(n int) ext.Change {
		return ext.Change{Action: ext.Scale, Group: "web", Program: "web", Numprocs: n}
	}
	other := ext.Change{Action: ext.Replace, Group: "g", Program: "a", Options: options{"command": "/bin/other"}}
	remove := ext.Change{Action: ext.Remove, Group: "g", Program: "a"}
	group := ext.Change{Action: ext.Add, Group: "new", Programs: map[string]map[string]any{"x": {"command": "/bin/x"}}}
	for _, c := range []struct {
		name string
		now  []ext.Change // the change that is to be undone, and then the others
		want string
	}{
		{"there again", []ext.Change{remove, add("g", "a", "/bin/a")}, "g:a is there again"},
		{"not there", []ext.Change{add("g", "c", "/bin/c"), {Action: ext.Remove, Group: "g", Program: "c"}}, "g:c is not there any more"},
		{"changed", []ext.Change{add("g", "a2", "/bin/a"), {Action: ext.Replace, Group: "g", Program: "a2", Options: options{"command": "/bin/x"}}}, "g:a2 was changed later"},
		{"no group", []ext.Change{other, {Action: ext.Remove, Group: "g"}}, "group g is not there any more"},
		{"group again", []ext.Change{{Action: ext.Remove, Group: "g"}, {Action: ext.Add, Group: "g"}}, "group g is there again"},
		{"grown", []ext.Change{group, add("new", "y", "/bin/y")}, "new:y was added to the group later"},
		{"changed in a new group", []ext.Change{group, {Action: ext.Replace, Group: "new", Program: "x", Options: options{"command": "/bin/z"}}}, "new:x was changed later"},
		{"priority of a new group", []ext.Change{group, {Action: ext.Replace, Group: "new", Options: options{"priority": 1}}}, "priority of group new was changed later"},
		{"priority", []ext.Change{{Action: ext.Replace, Group: "g", Options: options{"priority": 1}}, {Action: ext.Replace, Group: "g", Options: options{"priority": 2}}}, "priority of group g was changed later"},
		{"scaled away", []ext.Change{scale(4), scale(3)}, "web:web_3 is not there any more"},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			play(t, files, nil, func(w *world) {
				for _, change := range c.now {
					w.do(change)
				}
				before := w.everything()
				_, err := w.Undo(w.ctx, 1, ext.How{})
				refuses(t, err, fault.Conflict, c.want)
				_, err = w.Undo(w.ctx, 99, ext.How{})
				refuses(t, err, fault.BadName, "there is no change 99")
				if now := w.everything(); now != before {
					t.Errorf("a refused undo changed\n%s\nto\n%s", before, now)
				}
			})
		})
	}
}

// TestUndoIndependent takes back a change that later ones have nothing to do
// with.
func TestUndoIndependent(t *testing.T) {
	t.Parallel()
	play(t, files, nil, func(w *world) {
		w.settle()
		w.do(add("g", "c", "/bin/c"))
		w.do(add("g", "d", "/bin/d"))
		w.settle()
		pids := w.fake.Living("d")
		if out := w.must(w.Undo(w.ctx, 1, ext.How{})); told(out) != "stop g:c" {
			t.Errorf("the undo did %s", told(out))
		}
		if now := w.fake.Living("d"); len(now) != 1 || now[0] != pids[0] {
			t.Errorf("d has pids %v, and had %v", now, pids)
		}
	})
}

// TestUndoUnderWay takes a change back whose processes are still on their way
// down for it.
func TestUndoUnderWay(t *testing.T) {
	t.Parallel()
	play(t, files, nil, func(w *world) {
		w.settle()
		start := w.wanted()
		w.fake.Ignore("a", 15)
		out := w.must(w.Apply(w.ctx, []ext.Change{{Action: ext.Replace, Group: "g", Program: "a", Options: options{"command": "/bin/other", "startsecs": 0}}}, ext.How{NoWait: true}))
		back := w.must(w.Undo(w.ctx, out.ID, ext.How{}))
		if back.ID != 2 || w.wanted() != start {
			t.Errorf("the undo is change %d, and there is\n%s\nwant\n%s", back.ID, w.wanted(), start)
		}
		w.check()
	})
}

// updates are stories of files that change, and of changes beside them.
var updates = []struct {
	name  string
	first []ext.Change
	how   ext.How
	edit  [2]string         // of the main file
	store map[string]string // edited there: old=new, or "" to delete
	only  []string          // groups
	want  string            // of the update
}{
	{"nothing", nil, ext.How{}, [2]string{}, nil, nil, ""},
	{"one process", nil, ext.How{}, [2]string{"command=/bin/a", "command=/bin/a2"}, nil, nil, "restart g:a command=/bin/a>/bin/a2"},
	{"a live setting", nil, ext.How{}, [2]string{"command=/bin/a", "stopwaitsecs=4\ncommand=/bin/a"}, nil, nil, "change g:a stopwaitsecs=10>4"},
	{"numprocs", nil, ext.How{}, [2]string{"numprocs=2", "numprocs=3"}, nil, nil, "start web:web_2"},
	{"a new group", nil, ext.How{}, [2]string{"[group:g]", "[program:new]\ncommand=/bin/new\n[group:g]"}, nil, nil, "add new:, start new:new"},
	{"a group that goes", nil, ext.How{}, [2]string{"[eventlistener:ears]\ncommand=/bin/ears\nevents=TICK_5\nautostart=false\n", ""}, nil, nil, "remove ears:, remove ears:ears"},
	{"another group", nil, ext.How{}, [2]string{"command=/bin/a", "command=/bin/a2"}, nil, []string{"web"}, ""},
	{"added stays", []ext.Change{add("g", "c", "/bin/c")}, ext.How{}, [2]string{"command=/bin/a", "command=/bin/a2"}, nil, nil, "restart g:a command=/bin/a>/bin/a2"},
	{"replaced stays", []ext.Change{{Action: ext.Replace, Group: "g", Program: "a", Options: options{"command": "/bin/mine"}}}, ext.How{},
		[2]string{"command=/bin/a", "command=/bin/a2"}, nil, nil, ""},
	{"scaled stays", []ext.Change{{Action: ext.Scale, Group: "web", Program: "web", Numprocs: 3}}, ext.How{},
		[2]string{"[group:g]", "priority=7\n[group:g]"}, nil, nil, "change g:b priority=999>7"},
	{"removed stays removed", []ext.Change{{Action: ext.Remove, Group: "web"}}, ext.How{}, [2]string{}, nil, nil, ""},
	{"a new group stays", []ext.Change{{Action: ext.Add, Group: "new"}, add("new", "x", "/bin/x")}, ext.How{}, [2]string{}, nil, nil, ""},
	{"a leased group stays", []ext.Change{{Action: ext.Remove, Group: "web"}, {Action: ext.Add, Group: "web", TTL: time.Hour}}, ext.How{}, [2]string{}, nil, nil, ""},
	{"a leased program stays", []ext.Change{{Action: ext.Add, Group: "g", Program: "c", Options: options{"command": "/bin/c"}, TTL: time.Hour}}, ext.How{},
		[2]string{"command=/bin/a", "command=/bin/a2"}, nil, nil, "restart g:a command=/bin/a>/bin/a2"},
	{"saved stays", []ext.Change{add("g", "c", "/bin/c")}, ext.How{Persist: new(true)}, [2]string{"command=/bin/a", "command=/bin/a2"}, nil, nil, "restart g:a command=/bin/a>/bin/a2"},
	{"a person deletes a file", []ext.Change{add("g", "c", "/bin/c")}, ext.How{Persist: new(true)}, [2]string{}, map[string]string{"g": ""}, nil, "stop g:c"},
	{"a person edits a file", []ext.Change{add("g", "c", "/bin/c")}, ext.How{Persist: new(true)}, [2]string{}, map[string]string{"g": "/bin/c=/bin/d"}, nil, "restart g:c command=/bin/c>/bin/d"},
	{"of a new group", []ext.Change{{Action: ext.Add, Group: "new"}, add("new", "x", "/bin/x")}, ext.How{Persist: new(true)}, [2]string{}, map[string]string{"new": ""}, nil, "remove new:, stop new:x"},
	{"of a removed group", []ext.Change{{Action: ext.Remove, Group: "web"}}, ext.How{Persist: new(true)}, [2]string{}, map[string]string{"web": ""}, nil, "add web:, start web:web_0, start web:web_1"},
	{"of another group", []ext.Change{add("g", "c", "/bin/c")}, ext.How{Persist: new(true)}, [2]string{}, map[string]string{"g": ""}, []string{"web"}, ""},
	{"two of a name", nil, ext.How{}, [2]string{"[group:g]", "[group:web]\nprograms=b\npriority=1000\n[group:g]"}, nil, nil, ""},
}

// TestUpdate merges what the files say, as they are edited, with run-time
// changes.
func TestUpdate(t *testing.T) {
	t.Parallel()
	for _, u := range updates {
		t.Run(strings.ReplaceAll(u.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			play(t, files, nil, func(w *world) {
				w.settle()
				if len(u.first) > 0 {
					w.must(w.Apply(w.ctx, u.first, u.how))
				}
				w.write(strings.Replace(files, u.edit[0], u.edit[1], 1))
				for group, edit := range u.store {
					old, next, _ := strings.Cut(edit, "=")
					if w.store.texts[group] = strings.ReplaceAll(w.store.texts[group], old, next); old == "" {
						delete(w.store.texts, group)
					}
				}
				before := w.everything()
				dry := w.must(w.Update(w.ctx, u.only, ext.How{DryRun: true}))
				if now := w.everything(); now != before {
					t.Fatalf("a dry run changed\n%s\nto\n%s", before, now)
				}
				out := w.must(w.Update(w.ctx, u.only, ext.How{}))
				if told(out) != u.want || told(dry) != u.want || (out.ID > 0) != (u.want != "") {
					t.Errorf("it did %q (%d), and would have done %q, want %q", told(out), out.ID, told(dry), u.want)
				}
				w.check()
				after := w.wanted()
				if again := w.must(w.Update(w.ctx, u.only, ext.How{})); told(again) != "" {
					t.Errorf("an update that finds nothing new did %s", told(again))
				}
				if out.ID == 0 {
					return
				}
				w.must(w.Undo(w.ctx, out.ID, ext.How{}))
				w.check()
				w.must(w.Undo(w.ctx, out.ID+1, ext.How{}))
				if now := w.wanted(); now != after {
					t.Errorf("an undo of the undo made\n%s\nof\n%s", now, after)
				}
			})
		})
	}
}

// TestUpdateLater updates one group after another: an edit of a file counts
// when its group is updated.
func TestUpdateLater(t *testing.T) {
	t.Parallel()
	play(t, files, func(o *Options) { o.PersistAll = true }, func(w *world) {
		w.do(add("g", "c", "/bin/c"))
		w.store.texts["g"] = strings.ReplaceAll(w.store.texts["g"], "/bin/c", "/bin/d")
		if out := w.must(w.Update(w.ctx, []string{"web"}, ext.How{})); told(out) != "" {
			t.Errorf("an update of web did %s", told(out))
		}
		if out := w.must(w.Update(w.ctx, []string{"g"}, ext.How{})); told(out) != "restart g:c command=/bin/c>/bin/d" {
			t.Errorf("an update of g did %s", told(out))
		}
		if !strings.Contains(w.store.texts["g"], "/bin/d") {
			t.Errorf("what a person wrote was replaced by\n%s", w.store.texts["g"])
		}
	})
}

// TestGroupComesBack takes a group out of the files, updates, and puts it back.
func TestGroupComesBack(t *testing.T) {
	t.Parallel()
	play(t, files, nil, func(w *world) {
		without := strings.Replace(files, "[group:g]\nprograms=a,b\n", "", 1)
		w.write(without)
		w.must(w.Update(w.ctx, nil, ext.How{}))
		if list, err := w.Unsaved(w.ctx); err != nil || len(list) != 0 {
			t.Errorf("what the files do not have is unsaved: %v, %v", list, err)
		}
		w.write(files)
		w.must(w.Update(w.ctx, nil, ext.How{}))
		if !strings.Contains(w.wanted(), "\ng program") {
			t.Errorf("the group is not there again:\n%s", w.wanted())
		}
	})
}

// TestDuplicates updates from files that have a process twice, which the
// original takes.
func TestDuplicates(t *testing.T) {
	t.Parallel()
	twice := strings.Replace(files, "command=/bin/b\n", "command=/bin/b\nprocess_name=a\n", 1)
	play(t, twice, nil, func(w *world) {
		w.must(w.Update(w.ctx, nil, ext.How{}))
		w.do(add("g", "c", "/bin/c"))
		w.check()
		if !strings.Contains(w.wanted(), "a(b ") {
			t.Errorf("the last one is not used:\n%s", w.wanted())
		}
	})
}

// TestUpdateRefused has files that do not load, names that are not there, and
// callers that may not.
func TestUpdateRefused(t *testing.T) {
	t.Parallel()
	play(t, files, nil, func(w *world) {
		before := w.everything()
		_, err := w.Update(w.ctx, []string{"nope"}, ext.How{})
		refuses(t, err, fault.BadName, "group: nope")
		_, err = w.Update(as(ext.Caller{Account: "x", Role: ext.Define}), nil, ext.How{})
		refuses(t, err, fault.NotPermitted, "has the role define, and this needs admin")
		w.write("[supervisord]\n[program:x]\n")
		for _, dry := range []bool{false, true} {
			_, err = w.Update(w.ctx, nil, ext.How{DryRun: dry})
			refuses(t, err, fault.CantReread, "does not specify a command")
		}
		if now := w.everything(); now != before {
			t.Errorf("a refused update changed\n%s\nto\n%s", before, now)
		}
	})
}

// errDisk is what a store fails with.
var errDisk = errors.New("no space left on device")
