package change

import (
	"context"
	"syscall"
	"testing"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
)

// TestTwoAtOnce has somebody change what another caller is waiting for.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	play(t, files, nil, func(w *world) {
		w.settle()
		for _, name := range []string{"a", "web_0", "web_1"} {
			w.fake.Ignore(name, syscall.SIGTERM)
		}
		first := make(chan error)
		go func() {
			ctx := ext.WithCaller(w.ctx, ext.Caller{Account: "first", Role: ext.Admin})
			_, err := w.Apply(ctx, []ext.Change{{Action: ext.Remove, Group: "web", Process: "web_0"}}, ext.How{})
			first <- err
		}()
		w.settle()
		before := w.everything()
		for _, changes := range [][]ext.Change{
			{{Action: ext.Scale, Group: "web", Program: "web", Numprocs: 2}},
			{add("g", "c", "/bin/c"), {Action: ext.Scale, Group: "web", Program: "web", Numprocs: 3}},
		} {
			_, err := w.Apply(w.ctx, changes, ext.How{})
			refuses(t, err, fault.Conflict, `web:web_0 is being changed by change 1 of account "first"; try again when that is done`)
		}
		if after := w.everything(); after != before {
			t.Errorf("what was refused changed\n%s\nto\n%s", before, after)
		}
		w.do(add("g", "c", "/bin/c")) // something else
		if err := <-first; err != nil {
			t.Error(err)
		}
		w.check()
	})
}

// TestNobodyWaits lets others change what is on its way down for a caller that
// has gone.
func TestNobodyWaits(t *testing.T) {
	t.Parallel()
	play(t, files, nil, func(w *world) {
		w.settle()
		w.fake.Ignore("web_0", syscall.SIGTERM)
		ctx, cancel := context.WithTimeout(w.ctx, time.Second)
		defer cancel()
		_, err := w.Apply(ctx, []ext.Change{{Action: ext.Remove, Group: "web", Process: "web_0"}}, ext.How{})
		if err != context.DeadlineExceeded {
			t.Errorf("a caller that hangs up: %v", err)
		}
		w.do(ext.Change{Action: ext.Scale, Group: "web", Program: "web", Numprocs: 2})
		w.check()
		if len(w.passages) > 0 {
			t.Errorf("%d callers are still waited for", len(w.passages))
		}
	})
}
