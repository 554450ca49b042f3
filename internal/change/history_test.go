package change

import (
	"fmt"
	"runtime"
	"testing"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
)

// TestHistory pages through the history, as callers see it.
func TestHistory(t *testing.T) {
	t.Parallel()
	play(t, files, nil, func(w *world) {
		for i := range 4 {
			w.do(add("g", fmt.Sprint("p", i), "/bin/p"))
			w.do(add("g", fmt.Sprint("q", i), "/bin/q"), add("web", fmt.Sprint("q", i), "/bin/q"))
		}
		ids := func(c ext.Caller, offset, limit int) string {
			h, err := w.History(as(c), offset, limit)
			if err != nil {
				return err.Error()
			}
			text := ""
			for _, r := range h {
				text += fmt.Sprint(" ", r.ID, "/", len(r.Steps))
			}
			return text
		}
		all := ext.Caller{Role: ext.View}
		web := ext.Caller{Account: "w", Role: ext.Define, Groups: []string{"web"}}
		for _, c := range []struct {
			caller        ext.Caller
			offset, limit int
			want          string
		}{
			{all, 0, 3, " 8/2 7/1 6/2"},
			{all, 6, 9, " 2/2 1/1"},
			{all, 9, 9, ""},
			{all, 0, 0, ""},
			{web, 0, 2, " 8/1 6/1"},
			{web, 3, 2, " 2/1"},
			{ext.Caller{Account: "n", Role: ext.View, Groups: []string{"none"}}, 0, 9, ""},
			{all, -1, 9, "INCORRECT_PARAMETERS: offset and limit must not be negative"},
		} {
			if got := ids(c.caller, c.offset, c.limit); got != c.want {
				t.Errorf("%v from %d, %d of them: %s, want %s", c.caller, c.offset, c.limit, got, c.want)
			}
		}
		_, err := w.Undo(as(web), 1, ext.How{})
		refuses(t, err, fault.BadName, "there is no change 1;") // as if it were not there
		_, err = w.Undo(as(web), 8, ext.How{})
		refuses(t, err, fault.NotPermitted, `does not hold the group "g"`)
		_, err = w.Undo(as(ext.Caller{Account: "o", Role: ext.Operate}), 8, ext.How{})
		refuses(t, err, fault.NotPermitted, "needs define")
	})
}

// TestHistoryBounds fills the history with large changes.
func TestHistoryBounds(t *testing.T) {
	t.Parallel()
	var h history
	large := func(n int) *entry {
		h.last++
		e := &entry{Record: ext.Record{ID: h.last, Steps: make([]ext.Step, n)}, deltas: []delta{{}}}
		for range n {
			e.deltas[0].procs = append(e.deltas[0].procs, procDelta{before: &config.Process{}, after: &config.Process{}})
		}
		return e
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range 200 {
		h.add(large(5000))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	t.Logf("200 changes of 5,000 processes keep %d MiB", (int64(after.HeapAlloc)-int64(before.HeapAlloc))>>20)
	if len(h.entries) != maxSteps/5000 || h.steps != maxSteps || h.kept != maxKept {
		t.Errorf("it keeps %d changes, %d steps and %d processes", len(h.entries), h.steps, h.kept)
	}
	for i, e := range h.entries {
		if e.faded != (i < len(h.entries)-maxKept/5000) || e.faded == (e.deltas != nil) {
			t.Errorf("change %d of %d: faded is %v", i, len(h.entries), e.faded)
		}
	}
	h.add(large(2 * maxSteps)) // the newest is kept whatever its size
	if len(h.entries) != 1 || h.entries[0].faded {
		t.Errorf("it keeps %d changes after a very large one", len(h.entries))
	}
	for range 2 * maxHistory {
		h.add(large(1))
	}
	if len(h.entries) != maxHistory || h.steps != maxHistory || h.kept != maxHistory || h.find(h.last) == nil || h.find(1) != nil {
		t.Errorf("it keeps %d changes, %d steps and %d processes", len(h.entries), h.steps, h.kept)
	}
	var m Manager
	d := &draft{m: &m}
	refuses(t, d.takeBack(&entry{faded: true, Record: ext.Record{ID: 3}}), fault.Conflict, "change 3 is too long ago")
}

// TestPolicy counts what a whole change set defines.
func TestPolicy(t *testing.T) {
	t.Parallel()
	play(t, files, nil, func(w *world) {
		bounded := as(ext.Caller{Account: "x", UID: -1, Role: ext.Define, Groups: []string{"g", "mine-*"},
			Policy: &ext.Policy{AllowedUsers: []string{"*"}, AllowedCommands: []string{"/bin/*"}, MaxProcesses: 3}})
		try := func(changes ...ext.Change) error {
			_, err := w.Apply(bounded, changes, ext.How{})
			return err
		}
		mine := ext.Change{Action: ext.Add, Group: "mine-1", Programs: map[string]map[string]any{"x": {"command": "/bin/x"}, "y": {"command": "/bin/y"}}}
		before := w.everything()
		refuses(t, try(mine, add("g", "c", "/bin/c"), add("g", "d", "/bin/d")), fault.NotPermitted, "there would be 4 processes; max_processes is 3")
		refuses(t, try(add("g", "c", "/usr/bin/c")), fault.NotPermitted, "the command /usr/bin/c is not allowed; allowed_commands")
		refuses(t, try(add("g", "c", "/bin/c"), add("web", "c", "/bin/c")), fault.NotPermitted, `change 2 of 2: account "x" does not hold the group "web"`)
		refuses(t, try(ext.Change{Action: ext.Add, Group: "mine-2", Kind: ext.KindListener, Options: options{"command": "/bin/x", "events": "TICK_5"}}),
			fault.NotPermitted, "an event listener hears of all groups")
		if now := w.everything(); now != before {
			t.Errorf("what a policy forbids changed\n%s\nto\n%s", before, now)
		}
		if err := try(mine, add("g", "c", "/bin/c")); err != nil {
			t.Fatal(err)
		}
		refuses(t, try(add("g", "d", "/bin/d")), fault.NotPermitted, "there would be 4 processes")
		if err := try(ext.Change{Action: ext.Remove, Group: "g", Program: "c"}, add("g", "d", "/bin/d")); err != nil {
			t.Error(err)
		}
		w.do(add("g", "e", "/bin/e"), add("g", "f", "/bin/f")) // by somebody without bounds
		if _, err := w.Undo(bounded, 2, ext.How{DryRun: true}); err == nil {
			t.Error("an undo that defines something is within bounds that are exceeded")
		}
		if err := try(ext.Change{Action: ext.Remove, Group: "mine-1"}); err != nil {
			t.Errorf("a removal is against bounds that are exceeded: %v", err)
		}
		if _, err := w.Undo(bounded, 3, ext.How{DryRun: true}); err != nil {
			t.Errorf("an undo that removes is against bounds that are exceeded: %v", err)
		}
	})
}
