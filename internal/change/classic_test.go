package change

import (
	"strings"
	"testing"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
)

// TestClassic makes the changes that Supervisor has, which are remembered and
// can be undone like others.
func TestClassic(t *testing.T) {
	t.Parallel()
	play(t, files, func(o *Options) { withAudit(t, o) }, func(w *world) {
		w.settle()
		ctx := ext.WithCaller(w.ctx, ext.Caller{Account: "ann", Role: ext.Admin})
		refuses(t, w.AddGroup(ctx, "nope"), fault.BadName, "nope")
		refuses(t, w.AddGroup(ctx, "web"), fault.AlreadyAdded, "web")
		refuses(t, w.RemoveGroup(ctx, "web"), fault.StillRunning, "web")
		before := w.wanted()
		if err := w.RemoveGroup(ctx, "ears"); err != nil {
			t.Fatal(err)
		}
		h, err := w.History(w.ctx, 0, 10)
		if err != nil || len(h) != 1 || h[0].Method != "removeProcessGroup" || h[0].Account != "ann" || told(ext.Outcome{Steps: h[0].Steps}) == "" {
			t.Fatalf("the history has %+v, %v", h, err)
		}
		w.must(w.Undo(w.ctx, h[0].ID, ext.How{}))
		if after := w.wanted(); after != before {
			t.Errorf("after the undo there is\n%s\nwant\n%s", after, before)
		}
		if err := w.RemoveGroup(ctx, "ears"); err != nil {
			t.Fatal(err)
		}
		if err := w.AddGroup(ctx, "ears"); err != nil {
			t.Fatal(err)
		}
		if log := w.auditText(); strings.Count(log, "\n") != 4 || !strings.Contains(log, `"account":"ann"`) || !strings.Contains(log, `"method":"addProcessGroup"`) {
			t.Errorf("the audit log has\n%s", log)
		}
		w.check()
	})
}
