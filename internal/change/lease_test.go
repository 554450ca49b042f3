package change

import (
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
)

func leased(group, program string, ttl time.Duration) ext.Change {
	c := ext.Change{Action: ext.Add, Group: group, Program: program, TTL: ttl, Options: options{"command": "/bin/leased", "startsecs": 0}}
	return c
}

// after waits until so much has passed, and nothing moves.
func (w *world) after(d time.Duration) {
	time.Sleep(d) // fake time
	w.settle()
}

// there reports whether there is a process of that name that is wanted.
func (w *world) there(process string) bool { return strings.Contains(w.wanted(), " "+process+"(") }

// TestLeases lets programs and groups go when their time has come.
func TestLeases(t *testing.T) {
	t.Parallel()
	play(t, files, nil, func(w *world) {
		w.do(leased("g", "c", 10*time.Second), leased("new", "", 20*time.Second))
		all, err := w.Leases(w.ctx)
		want := []ext.Lease{{Group: "g", Program: "c", Left: 10 * time.Second}, {Group: "new", Left: 20 * time.Second}}
		if err != nil || !slices.Equal(all, want) {
			t.Errorf("leases are %v, %v, want %v", all, err, want)
		}
		w.after(9 * time.Second)
		if err := w.Renew(w.ctx, "g", "c", 10*time.Second); err != nil {
			t.Error(err)
		}
		w.after(9 * time.Second)
		if !w.there("c") || !w.there("new") {
			t.Errorf("something went too early:\n%s", w.wanted())
		}
		w.after(time.Second)
		if w.there("c") || !w.there("new") || len(w.fake.Living("c")) != 0 {
			t.Errorf("after its lease c is still there, or new is not:\n%s", w.wanted())
		}
		w.after(time.Second)
		if w.there("new") || len(w.fake.Living("new")) != 0 || !w.logged("INFO removed new: the lease of new was not renewed") {
			t.Errorf("after its lease new is still there:\n%s", w.wanted())
		}
		h, err := w.History(w.ctx, 0, 1)
		if err != nil || h[0].Account != "lease" || h[0].Method != "lease" {
			t.Errorf("the history is %+v, %v", h, err)
		}
		refuses(t, w.Renew(w.ctx, "g", "c", time.Second), fault.BadName, "g:c has no lease")
		refuses(t, w.Renew(w.ctx, "g", "c", 0), fault.IncorrectParameters, "ttl must be more than 0")
		refuses(t, w.Renew(as(ext.Caller{Account: "x", Role: ext.Operate}), "g", "c", 1), fault.NotPermitted, "needs define")
	})
}

// TestLeaseOfAnother sees that a lease ends with what it is for, and does not
// fall upon what has its name later.
func TestLeaseOfAnother(t *testing.T) {
	t.Parallel()
	remove := ext.Change{Action: ext.Remove, Group: "g", Program: "c"}
	gone := ext.Change{Action: ext.Remove, Group: "new"}
	for name, story := range map[string]func(w *world){
		"two changes": func(w *world) { w.do(leased("g", "c", time.Minute)); w.do(remove); w.do(leased("g", "c", 0)) },
		"one change":  func(w *world) { w.do(leased("g", "c", time.Minute)); w.do(remove, leased("g", "c", 0)) },
		"a group":     func(w *world) { w.do(leased("new", "", time.Minute)); w.do(gone, leased("new", "", 0)) },
		"by process": func(w *world) {
			w.do(leased("g", "c", time.Minute))
			w.do(ext.Change{Action: ext.Remove, Group: "g", Process: "c"})
			w.do(leased("g", "c", 0))
		},
		"old calls": func(w *world) {
			c := leased("g", "c", time.Minute)
			c.Options["autostart"] = false
			w.do(c)
			if err := w.RemoveProcess(w.ctx, "g", "c"); err != nil {
				w.t.Error(err)
			}
			if err := w.AddProgram(w.ctx, "g", "c", c.Options); err != nil {
				w.t.Error(err)
			}
		},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			play(t, files, nil, func(w *world) {
				story(w)
				if all, err := w.Leases(w.ctx); err != nil || len(all) != 0 {
					t.Errorf("leases are %v, %v", all, err)
				}
				before := w.wanted()
				w.after(time.Hour)
				if now := w.wanted(); now != before {
					t.Errorf("the lease of something else made\n%s\nof\n%s", now, before)
				}
			})
		})
	}
}

// TestLeaseUndone takes back changes of what has a lease: what comes back has
// one again.
func TestLeaseUndone(t *testing.T) {
	t.Parallel()
	play(t, files, func(o *Options) { o.PersistAll = true }, func(w *world) {
		w.do(leased("g", "c", time.Minute))
		w.after(30 * time.Second)
		w.must(w.Undo(w.ctx, 1, ext.How{}))
		if all, _ := w.Leases(w.ctx); len(all) != 0 || w.there("c") {
			t.Errorf("after the undo there are leases %v, and\n%s", all, w.wanted())
		}
		w.must(w.Undo(w.ctx, 2, ext.How{}))
		if all, _ := w.Leases(w.ctx); len(all) != 1 || all[0].Left != time.Minute {
			t.Errorf("after the undo of the undo there are leases %v", all)
		}
		if len(w.store.texts) != 0 {
			t.Errorf("what has a lease is written down: %v", w.store.texts)
		}
		w.after(time.Minute)
		if w.there("c") {
			t.Error("it is there after its lease")
		}
	})
}

// TestLeaseFails has a store that fails when a lease ends: it is tried again.
func TestLeaseFails(t *testing.T) {
	t.Parallel()
	play(t, files, func(o *Options) { withAudit(t, o) }, func(w *world) {
		w.do(leased("g", "c", 10*time.Second))
		audit := w.o.Audit
		use := func(a *Audit) {
			w.Manager.mu.Lock()
			defer w.Manager.mu.Unlock()
			w.o.Audit = a
		}
		use(&Audit{path: w.dir + "/none/audit.log", file: audit.file})
		w.after(10 * time.Second)
		if !w.there("c") || !w.logged("ERRO cannot remove g:c, whose lease has run out; trying again in 5s: NOT_SAVED") {
			t.Errorf("it is gone without a trace, or nothing was logged: %q", w.lines)
		}
		if err := w.Renew(w.ctx, "g", "c", 8*time.Second); err != nil {
			t.Errorf("it can't be renewed although it is there: %v", err)
		}
		w.after(8 * time.Second)
		use(audit)
		w.after(expireAgain - time.Second)
		if !w.there("c") {
			t.Error("it was removed before it was to be tried again")
		}
		w.after(time.Second)
		if w.there("c") {
			t.Error("it was not tried again")
		}
	})
}

// TestLeaseDuringChange lets a lease run out while a change of the same group
// is being decided.
func TestLeaseDuringChange(t *testing.T) {
	t.Parallel()
	play(t, files, nil, func(w *world) {
		w.do(leased("g", "c", 10*time.Second))
		late := func() {
			w.loop.between.Store(nil)
			time.Sleep(10 * time.Second) // until it runs out
		}
		w.loop.between.Store(&late)
		w.do(add("g", "d", "/bin/d"))
		w.settle()
		if w.there("c") || !w.there("d") {
			t.Errorf("there is\n%s", w.wanted())
		}
		w.check()
	})
}

// TestCloseWaitsForNothing ends a manager while a change hangs.
func TestCloseWaitsForNothing(t *testing.T) {
	t.Parallel()
	play(t, files, nil, func(w *world) {
		w.do(leased("g", "c", 10*time.Second))
		hang := make(chan bool)
		stuck := func() {
			w.loop.between.Store(nil)
			<-hang
		}
		w.loop.between.Store(&stuck)
		done := make(chan error)
		go func() {
			_, err := w.Apply(w.ctx, []ext.Change{add("g", "d", "/bin/d")}, ext.How{})
			done <- err
		}()
		w.settle()
		if err := w.Renew(w.ctx, "g", "c", time.Minute); err != nil {
			t.Error(err)
		}
		if h, err := w.History(w.ctx, 0, 9); err != nil || len(h) != 1 {
			t.Errorf("the history is %v, %v", h, err)
		}
		w.leases.close()
		close(hang)
		if err := <-done; err != nil {
			t.Error(err)
		}
		w.after(time.Hour)
		if !w.there("c") {
			t.Error("a lease went on after the end")
		}
		w.do(leased("g", "e", time.Second))
		w.after(time.Hour)
		if !w.there("e") {
			t.Error("a lease began after the end")
		}
	})
}
