package ctl

import (
	"slices"
	"strings"
	"testing"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/xmlrpc"
)

func reloadAnswer(added, changed, removed []string) []any {
	return []any{[]any{added, changed, removed}}
}

func TestReread(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.answer("reloadConfig", reloadAnswer([]string{"new", "b"}, []string{"a"}, []string{"old"}))
	f.one(t, "reread", "a: changed\nb: available\nnew: available\nold: disappeared\n", 0)
	f.answer("reloadConfig", reloadAnswer(nil, nil, nil))
	f.one(t, "reread", "No config updates to processes\n", 0)
	f.answer("reloadConfig", fault.New(fault.CantReread, "bad file"))
	f.one(t, "reread", "ERROR: CANT_REREAD: bad file\n", 1)
	f.answer("reloadConfig", fault.Bare(fault.ShutdownState))
	f.one(t, "reread", "ERROR: supervisor shutting down\n", 1)
	f.answer("reloadConfig", fault.New(fault.Failed, "x"))
	f.one(t, "reread", exceptionOf(30, "FAILED: x"), 1)
	f.one(t, "reread x", "Error: reread accepts no arguments\n"+rereadHelp[0]+"\n", 1)
}

func TestAvail(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.answer("getAllConfigInfo", []any{
		xmlrpc.Struct{{Name: "name", Value: "a"}, {Name: "group", Value: "a"}, {Name: "inuse", Value: true},
			{Name: "autostart", Value: true}, {Name: "group_prio", Value: 999}, {Name: "process_prio", Value: 5}},
		xmlrpc.Struct{{Name: "name", Value: "b"}, {Name: "group", Value: "g"}, {Name: "inuse", Value: false},
			{Name: "autostart", Value: false}, {Name: "group_prio", Value: 1}, {Name: "process_prio", Value: -2}},
	})
	f.one(t, "avail", "a                                in use    auto      999:5\n"+
		"g:b                              avail     manual    1:-2\n", 0)
	f.answer("getAllConfigInfo", fault.Bare(fault.ShutdownState))
	f.one(t, "avail", "ERROR: supervisor shutting down\n", 1)
	f.one(t, "avail x", "Error: avail accepts no arguments\n"+availHelp[0]+"\n", 1)
}

func TestAddAndRemove(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	faults := map[string]error{
		"active": fault.New(fault.AlreadyAdded, "active"), "nope": fault.New(fault.BadName, "nope"),
		"late": fault.Bare(fault.ShutdownState), "busy": fault.New(fault.StillRunning, "busy"),
		"odd": fault.New(fault.Failed, "odd"),
	}
	handler := func(params []any) (any, error) { return true, faults[params[0].(string)] }
	f.handle("addProcessGroup", handler)
	f.handle("removeProcessGroup", handler)
	f.one(t, "add a", "a: added process group\n", 0)
	f.one(t, "add active", "ERROR: process group already active\n", 0)
	f.one(t, "add nope a", "ERROR: no such process/group: nope\na: added process group\n", 1)
	f.one(t, "add late", "ERROR: shutting down\n", 1)
	f.one(t, "add odd a", exceptionOf(30, "FAILED: odd"), 1)
	f.one(t, "add", "", 0)
	f.one(t, "remove a", "a: removed process group\n", 0)
	f.one(t, "remove busy nope a", "ERROR: process/group still running: busy\n"+
		"ERROR: no such process/group: nope\na: removed process group\n", 1)
	f.one(t, "remove late", exceptionOf(6, "SHUTDOWN_STATE"), 1)
	f.one(t, "remove", "", 0)
}

// updateFake has one group of each kind, and one that does not stop.
func updateFake(t *testing.T) *fake {
	f := newFake(t)
	f.answer("reloadConfig", reloadAnswer([]string{"new"}, []string{"changed"}, []string{"old", "stuck"}))
	f.answer("getAllProcessInfo", []any{process("changed", "p", 20, "RUNNING", ""), process("kept", "p", 20, "RUNNING", "")})
	f.handle("stopProcessGroup", func(params []any) (any, error) {
		if params[0] == "stuck" {
			return []any{result("stuck", "p", 30, "FAILED: x")}, nil
		}
		return []any{}, nil
	})
	f.answer("addProcessGroup", true)
	f.answer("removeProcessGroup", true)
	return f
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	f := updateFake(t)
	all := "old: stopped\nold: removed process group\nstuck: stopped\nstuck: has problems; not removing\n" +
		"changed: stopped\nchanged: updated process group\nnew: added process group\n"
	f.one(t, "update", all, 1)
	want := []string{"twiddler.update[[] map[]]", "reloadConfig[]",
		"stopProcessGroup[old true]", "removeProcessGroup[old]", "stopProcessGroup[stuck true]",
		"stopProcessGroup[changed true]", "removeProcessGroup[changed]", "addProcessGroup[changed]",
		"addProcessGroup[new]"}
	if got := f.asked(); !slices.Equal(got, want) {
		t.Errorf("calls = %q, want %q", got, want)
	}
	f.one(t, "update nope all", all, 1)
	f.one(t, "update new", "new: added process group\n", 0)
	f.one(t, "update changed kept", "changed: stopped\nchanged: updated process group\n", 0)
	// A group that has gone from the file is known only while it has processes.
	f.one(t, "update nope old nope", "ERROR: no such group: nope\nERROR: no such group: old\n"+
		"old: stopped\nold: removed process group\n", 1)
}

func TestUpdateFaults(t *testing.T) {
	t.Parallel()
	f := updateFake(t)
	f.answer("removeProcessGroup", fault.New(fault.StillRunning, "old"))
	f.one(t, "update", "old: stopped\n"+exceptionOf(91, "STILL_RUNNING: old"), 1)
	f.answer("reloadConfig", fault.Bare(fault.ShutdownState))
	f.one(t, "update", "ERROR: already shutting down\n", 1)
	f.answer("reloadConfig", fault.New(fault.CantReread, "it's bad"))
	f.one(t, "update", strings.ReplaceAll(exceptionOf(92, "X"), "'X'", `"CANT_REREAD: it's bad"`), 1)
	f.answer("reloadConfig", reloadAnswer(nil, nil, nil))
	f.one(t, "update", "", 0)
}
