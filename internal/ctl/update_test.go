package ctl

import (
	"slices"
	"testing"

	"example.org/twiddler/fault"
)

// Where the server can, an update touches what differs only, and says so in
// the lines that programs look for.
func TestUpdateByTwiddler(t *testing.T) {
	t.Parallel()
	f := updateFake(t)
	f.answer("twiddler.update", outcome(3, true,
		planStep("new", "", "add"), planStep("new", "n", "start"),
		planStep("kept", "kept", "keep"),
		planStep("web", "a", "keep"), planStep("web", "b", "restart", "command", "x", "y"), planStep("web", "c", "change", "priority", "1", "2"),
		planStep("web", "d", "start"), planStep("web", "e", "stop"),
		planStep("all", "p", "restart"), planStep("all", "q", "remove"),
		planStep("sub", "", "change", "priority", "1", "2"), planStep("sub", "s", "keep"),
		planStep("old", "", "remove"), planStep("old", "o", "stop"),
		planStep("empty", "", "add"),
	))
	f.one(t, "update", "old: stopped\nold: removed process group\n"+
		"web: updated process group\nweb:b: restarted\n    command: x -> y\nweb:c: changed\n    priority: 1 -> 2\nweb:d: started\nweb:e: stopped and removed\n"+
		"all: stopped\nall: updated process group\nall:p: restarted\nall:q: removed\n"+
		"sub: updated process group\n"+
		"new: added process group\nempty: added process group\n", 0)
	if got, want := f.asked(), []string{"twiddler.update[[] map[]]"}; !slices.Equal(got, want) {
		t.Errorf("calls = %q, want %q", got, want)
	}
	f.answer("twiddler.update", outcome(0, false, planStep("web", "a", "keep")))
	f.one(t, "update all", "", 0)
	f.one(t, "update nope new new", "ERROR: no such group: nope\n", 1)
	want := []string{"twiddler.update[[] map[]]", "reloadConfig[]", "getAllProcessInfo[]", "twiddler.update[[new] map[]]"}
	if got := f.asked(); !slices.Equal(got, want) {
		t.Errorf("calls = %q, want %q", got, want)
	}
	// Nothing that is known must not become everything.
	f.one(t, "update nope", "ERROR: no such group: nope\n", 1)
	if got := f.asked(); slices.Contains(got, "twiddler.update[[] map[]]") {
		t.Errorf("calls = %q", got)
	}
}

func TestUpdateByTwiddlerFaults(t *testing.T) {
	t.Parallel()
	f := updateFake(t)
	for _, test := range []struct {
		err  error
		want string
		code int
	}{
		{fault.Bare(fault.ShutdownState), "ERROR: already shutting down\n", 1},
		{fault.New(fault.CantReread, "bad"), exceptionOf(92, "CANT_REREAD: bad"), 1},
		{fault.New(fault.Conflict, "web"), "ERROR: CONFLICT: web\n", 1},
		{fault.New(fault.NotPermitted, "x"), "ERROR: x\n", 4},
	} {
		f.answer("twiddler.update", test.err)
		f.one(t, "update", test.want, test.code)
		f.one(t, "update new", test.want, test.code)
	}
	// A whitelist without it leaves the classic way.
	f.answer("twiddler.update", fault.New(fault.NotInWhitelist, "update"))
	f.one(t, "update new", "new: added process group\n", 0)
}
