package change

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/supervisor"
)

// TestPersistence sees what is written down for changes, and when.
func TestPersistence(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	for _, c := range []struct {
		all     bool
		persist *bool
		want    bool
	}{
		{false, nil, false}, {false, &yes, true}, {false, &no, false},
		{true, nil, true}, {true, &yes, true}, {true, &no, false},
	} {
		t.Run(fmt.Sprint(c.all, c.want), func(t *testing.T) {
			t.Parallel()
			play(t, files, func(o *Options) { o.PersistAll = c.all }, func(w *world) {
				for _, a := range actions {
					clear(w.store.texts)
					start := w.wanted()
					out, err := w.Apply(w.ctx, a.changes, ext.How{Persist: c.persist})
					if err != nil {
						t.Fatalf("%s: %v", a.name, err)
					}
					if out.Persisted != c.want || (len(w.store.texts) > 0) != c.want {
						t.Errorf("%s: persisted is %v, and there is %v", a.name, out.Persisted, w.store.texts)
					}
					h, err := w.History(w.ctx, 0, 1)
					if err != nil || h[0].Saved != c.want {
						t.Errorf("%s: the history is %+v, %v", a.name, h, err)
					}
					w.restarted(c.want, start)
					w.must(w.Undo(w.ctx, out.ID, ext.How{Persist: c.persist}))
					if len(w.store.texts) != 0 {
						t.Errorf("%s: after its undo there is %v", a.name, w.store.texts)
					}
				}
			})
		})
	}
}

// restarted sees what a start would begin with: what there is, or else was.
func (w *world) restarted(same bool, was string) {
	w.t.Helper()
	groups := w.load().Groups
	want := was
	if same {
		want = w.wanted()
	}
	if got := describe(groups); got != want {
		w.t.Errorf("after a restart there would be\n%s\nwant\n%s", got, want)
	}
}

// TestFailures has a store, an audit log and a loop that fail: nothing has
// changed then.
func TestFailures(t *testing.T) {
	t.Parallel()
	play(t, files, func(o *Options) { withAudit(t, o); o.PersistAll = true }, func(w *world) {
		w.do(add("g", "c", "/bin/c"))
		before := w.everything()
		w.store.fail = errDisk
		for _, a := range actions {
			if strings.HasPrefix(a.changes[0].Action+a.changes[0].Program, ext.Add+"c") {
				continue // it is there
			}
			_, err := w.Apply(w.ctx, a.changes, ext.How{})
			refuses(t, err, fault.NotSaved, "no space left")
		}
		_, err := w.Apply(w.ctx, []ext.Change{add("g", "d", "/bin/d")}, ext.How{})
		refuses(t, err, fault.NotSaved, "no space left")
		_, err = w.Undo(w.ctx, 1, ext.How{})
		refuses(t, err, fault.NotSaved, "no space left")
		err = w.AddProgram(w.ctx, "g", "d", options{"command": "/bin/d"})
		refuses(t, err, fault.NotSaved, "no space left")
		if now := w.everything(); now != before {
			t.Errorf("a store that fails changed\n%s\nto\n%s", before, now)
		}
		w.store.fail = nil
		if err := w.o.Audit.Close(); err != nil {
			t.Fatal(err)
		}
		_, err = w.Apply(w.ctx, []ext.Change{add("g", "d", "/bin/d")}, ext.How{})
		refuses(t, err, fault.NotSaved, "cannot write the audit log")
		if now := w.everything(); now != before {
			t.Errorf("an audit log that fails changed\n%s\nto\n%s", before, now)
		}
	})
}

// TestNotTakenBack has a store that fails when it is to put back what it wrote.
func TestNotTakenBack(t *testing.T) {
	t.Parallel()
	play(t, files, func(o *Options) { o.PersistAll = true }, func(w *world) {
		fail := func() {
			w.store.fail = errDisk
			if err := w.loop.Shutdown(w.ctx); err != nil {
				t.Error(err)
			}
		}
		w.loop.between.Store(&fail)
		_, err := w.Apply(w.ctx, []ext.Change{add("g", "c", "/bin/c")}, ext.How{})
		refuses(t, err, fault.NotSaved, "SHUTDOWN_STATE; a change was written down and not made, and cannot be taken back: no space left")
		if !w.logged("CRIT a change was written down and not made") {
			t.Error("the main log does not say so")
		}
	})
}

// TestNoStore asks for what there is no directory for.
func TestNoStore(t *testing.T) {
	t.Parallel()
	play(t, files, func(o *Options) { o.Store = nil }, func(w *world) {
		_, err := w.Apply(w.ctx, []ext.Change{add("g", "c", "/bin/c")}, ext.How{Persist: new(true)})
		refuses(t, err, fault.NotSaved, "there is no directory for changes: set persist or persist_dir")
		_, err = w.Save(w.ctx, nil)
		refuses(t, err, fault.NotSaved, "there is no directory for changes")
		w.do(add("g", "c", "/bin/c"))
	})
}

// TestUnwritable changes something that no file can carry.
func TestUnwritable(t *testing.T) {
	t.Parallel()
	play(t, files, nil, func(w *world) {
		odd := ext.Change{Action: ext.Add, Group: "g", Program: "c\nd", Options: options{"command": "/bin/c"}}
		before := w.everything()
		_, err := w.Apply(w.ctx, []ext.Change{odd}, ext.How{Persist: new(true)})
		if err == nil {
			t.Error("it was written down")
		}
		if now := w.everything(); now != before {
			t.Errorf("what cannot be written down changed\n%s\nto\n%s", before, now)
		}
	})
}

// TestSave writes down what was changed, group by group, and tells what is not.
func TestSave(t *testing.T) {
	t.Parallel()
	play(t, files, nil, func(w *world) {
		w.do(add("g", "c", "/bin/c"))
		w.do(ext.Change{Action: ext.Remove, Group: "web"})
		w.do(ext.Change{Action: ext.Add, Group: "new", TTL: time.Hour})
		w.do(ext.Change{Action: ext.Add, Group: "g", Program: "leased", Options: options{"command": "/bin/leased"}, TTL: time.Hour})
		list, err := w.Unsaved(w.ctx)
		if err != nil || len(list) != 2 || list[0].Group != "g" || list[0].Saved != "" || list[1].Group != "web" || !strings.Contains(list[1].Live, "removed") {
			t.Fatalf("unsaved is %+v, %v", list, err)
		}
		if strings.Contains(list[0].Live, "leased") {
			t.Errorf("what has a lease is to be saved:\n%s", list[0].Live)
		}
		text, err := w.Export(w.ctx, nil)
		if err != nil || text != list[0].Live+"\n"+list[1].Live {
			t.Errorf("export is %v\n%s", err, text)
		}
		define := as(ext.Caller{Account: "x", UID: -1, Role: ext.Define, Groups: []string{"g"}})
		if names, err := w.Save(define, nil); err != nil || !slices.Equal(names, []string{"g"}) {
			t.Errorf("it saved %v, %v", names, err)
		}
		_, err = w.Save(define, []string{"web"})
		refuses(t, err, fault.NotPermitted, `does not hold the group "web"`)
		_, err = w.Export(as(ext.Caller{Account: "x", Role: ext.Operate}), nil)
		refuses(t, err, fault.NotPermitted, "needs define")
		_, err = w.Save(w.ctx, []string{"nope"})
		refuses(t, err, fault.BadName, "group: nope")
		if names, err := w.Save(w.ctx, []string{"web", "web"}); err != nil || !slices.Equal(names, []string{"web"}) {
			t.Errorf("it saved %v, %v", names, err)
		}
		if names, err := w.Save(w.ctx, nil); err != nil || len(names) != 0 {
			t.Errorf("with nothing to save it saved %v, %v", names, err)
		}
		w.do(ext.Change{Action: ext.Remove, Group: "g", Program: "c"})
		if names, err := w.Save(w.ctx, nil); err != nil || !slices.Equal(names, []string{"g"}) || w.store.texts["g"] != "" {
			t.Errorf("what is as in the files is saved as %v, %v", names, err)
		}
	})
}

// olds are two worlds for the old calls: a plain one, and those in which more
// is done for each.
var olds = map[string]func(*testing.T, *Options){
	"plain":   func(*testing.T, *Options) {},
	"audit":   func(t *testing.T, o *Options) { withAudit(t, o) },
	"persist": func(_ *testing.T, o *Options) { o.PersistAll = true },
}

// TestOldCalls makes the calls of supervisor_twiddler: whatever else is done
// for them, they answer the same.
func TestOldCalls(t *testing.T) {
	t.Parallel()
	for name, change := range olds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, files, func(o *Options) { change(t, o) }, func(w *world) {
				w.settle()
				ctx := w.ctx
				if name == "plain" {
					w.oldCalls(t, ext.CallerOf(ctx))
				} else {
					w.oldCalls(t, ext.Caller{Account: "x", UID: 7, Address: "here", Role: ext.Define,
						Policy: &ext.Policy{AllowedUsers: []string{"*"}, AllowedCommands: []string{"*"}, MaxProcesses: 9}})
				}
			})
		})
	}
}

func (w *world) oldCalls(t *testing.T, c ext.Caller) {
	ctx, start := as(c), w.wanted()
	add := func(group, program string, o options) error { return w.AddProgram(ctx, group, program, o) }
	refuses(t, add("nope", "c", options{"command": "/bin/c"}), fault.BadName, "BAD_NAME: group: nope")
	refuses(t, add("g", "a", options{"command": "/bin/c"}), fault.BadName, "BAD_NAME: a")
	refuses(t, add("g", "c", options{}), fault.IncorrectParameters, "program section program:c does not specify a command")
	refuses(t, w.RemoveProcess(ctx, "nope", "c"), fault.BadName, "BAD_NAME: group: nope")
	refuses(t, w.RemoveProcess(ctx, "g", "c"), fault.BadName, "BAD_NAME: c")
	refuses(t, w.RemoveProcess(ctx, "g", "a"), fault.StillRunning, "STILL_RUNNING: a")
	refuses(t, w.AddProgram(as(ext.Caller{Account: "y", Role: ext.Operate}), "g", "c", nil), fault.NotPermitted, "needs define")
	refuses(t, w.RemoveProcess(as(ext.Caller{Account: "y", Role: ext.Define, Groups: []string{"h"}}), "g", "b"), fault.NotPermitted, "does not hold")
	if err := add("g", "none", options{"command": "/bin/c", "numprocs": 0}); err != nil {
		t.Errorf("a program without processes: %v", err)
	}
	if h, err := w.History(ctx, 0, 9); err != nil || len(h) != 0 || w.wanted() != start {
		t.Errorf("what was refused is in the history: %+v, %v", h, err)
	}
	if err := add("g", "c", options{"command": "/bin/c", "startsecs": "0"}); err != nil {
		t.Fatal(err)
	}
	w.check()
	after := w.wanted()
	if err := w.RemoveProcess(ctx, "g", "b"); err != nil {
		t.Fatal(err)
	}
	h, err := w.History(ctx, 0, 9)
	if err != nil || len(h) != 2 || h[0].Method != "removeProcessFromGroup" || h[1].Method != "addProgramToGroup" || h[1].UID != c.UID ||
		h[1].Address != c.Address || len(h[1].Steps) != 1 || h[1].Steps[0].Action != "start" || h[0].Steps[0].Action != "remove" {
		t.Fatalf("the history is %+v, %v", h, err)
	}
	w.must(w.Undo(ctx, 2, ext.How{}))
	if now := w.wanted(); now != after {
		t.Errorf("an undo made\n%s\nwant\n%s", now, after)
	}
	w.must(w.Undo(ctx, 1, ext.How{}))
	if now := w.wanted(); now != start {
		t.Errorf("an undo made\n%s\nwant\n%s", now, start)
	}
	w.check()
}

// TestOldCallsPolicy has the policy of the caller look at an old call.
func TestOldCallsPolicy(t *testing.T) {
	t.Parallel()
	play(t, files, nil, func(w *world) {
		before := w.everything()
		ctx := as(ext.Caller{Account: "x", UID: -1, Role: ext.Define, Policy: &ext.Policy{MaxProcesses: 9}})
		refuses(t, w.AddProgram(ctx, "g", "c", options{"command": "/bin/c"}), fault.NotPermitted, "allowed_users")
		if now := w.everything(); now != before {
			t.Errorf("what a policy forbids changed\n%s\nto\n%s", before, now)
		}
	})
}

// TestClassicCallsBeside removes and adds groups past the manager.
func TestClassicCallsBeside(t *testing.T) {
	t.Parallel()
	play(t, files, nil, func(w *world) {
		w.do(ext.Change{Action: ext.Add, Group: "new", TTL: time.Minute})
		if _, err := w.loop.Apply(w.ctx, supervisor.RemoveGroup{Name: "new"}); err != nil {
			t.Fatal(err)
		}
		w.do(ext.Change{Action: ext.Add, Group: "new"})
		time.Sleep(2 * time.Minute)
		w.settle()
		if !strings.Contains(w.wanted(), "new program") {
			t.Error("the lease of an earlier group has ended a later one")
		}
	})
}
