package client

import (
	"context"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/xmlrpc"
)

var (
	wireSteps = []any{
		members{"group": "web", "process": "", "action": "change", "changes": []any{members{"option": "priority", "old": "1", "new": "2"}}},
		members{"group": "web", "process": "w_0", "action": "keep", "changes": []any{}},
		members{"group": "web", "process": "w_1", "action": "stop"},
	}
	wantSteps = []Step{
		{Group: "web", Action: "change", Changes: []OptionChange{{Option: "priority", Old: "1", New: "2"}}},
		{Group: "web", Process: "w_0", Action: "keep", Changes: []OptionChange{}},
		{Group: "web", Process: "w_1", Action: "stop"},
	}
	wireOutcome = members{"id": 1 << 40, "persisted": true, "steps": wireSteps}
	wantOutcome = Outcome{ID: 1 << 40, Persisted: true, Steps: wantSteps}
	wireRecord  = members{"id": 3, "time": "2026-01-02T03:04:05Z", "account": "a", "uid": 0, "address": "1.2.3.4:5", "method": "apply",
		"reason": "r", "steps": wireSteps[1:2], "result": "ok", "persisted": true, "undone": 4, "undoes": 2}
	wantRecord = Record{ID: 3, Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Account: "a", Address: "1.2.3.4:5", Method: "apply",
		Reason: "r", Steps: wantSteps[1:2], Result: "ok", Saved: true, Undone: 4, Undoes: 2}
)

// changeCases are the methods that answer structs.
func changeCases() []wireCase {
	type C = context.Context
	options := map[string]any{"command": "c", "priority": 5}
	persist, not := true, false
	changes := []Change{
		{Action: Add, Group: "g", Program: "p", Options: options, TTL: time.Minute},
		{Action: Add, Group: "h", Kind: KindGroup, Programs: map[string]map[string]any{"p": options}},
		{Action: Remove, Group: "g", Process: "p_1"},
		{Action: Scale, Group: "g", Program: "p"},
	}
	sent := []any{
		members{"action": "add", "group": "g", "program": "p", "options": options, "ttl": 60},
		members{"action": "add", "group": "h", "kind": "group", "programs": members{"p": options}},
		members{"action": "remove", "group": "g", "process": "p_1"},
		members{"action": "scale", "group": "g", "program": "p", "numprocs": 0},
	}
	return []wireCase{
		{func(x C, c *Client) (any, error) {
			return c.Twiddler().Apply(x, changes, How{DryRun: true, Persist: &persist, NoWait: true, Reason: "r"})
		}, "twiddler.apply", []any{sent, members{"dry_run": true, "persist": true, "wait": false, "reason": "r"}}, wireOutcome, wantOutcome},
		{func(x C, c *Client) (any, error) { return c.Twiddler().Update(x, nil, How{}) }, "twiddler.update", []any{[]any{}, members{}}, wireOutcome, wantOutcome},
		{func(x C, c *Client) (any, error) { return c.Twiddler().Update(x, []string{"a"}, How{Persist: &not}) }, "twiddler.update",
			[]any{[]any{"a"}, members{"persist": false}}, wireOutcome, wantOutcome},
		{func(x C, c *Client) (any, error) {
			return c.Twiddler().AddGroup(x, "g", KindProgram, options, time.Hour, How{Reason: "r"})
		}, "twiddler.addGroup", []any{"g", "program", options, members{"ttl": 3600, "reason": "r"}}, wireOutcome, wantOutcome},
		{func(x C, c *Client) (any, error) {
			return c.Twiddler().AddGroup(x, "g", KindListener, options, 0, How{})
		}, "twiddler.addGroup",
			[]any{"g", "eventlistener", options, members{}}, wireOutcome, wantOutcome},
		{func(x C, c *Client) (any, error) { return c.Twiddler().RemoveGroup(x, "g", How{}) }, "twiddler.removeGroup", []any{"g", members{}}, wireOutcome, wantOutcome},
		{func(x C, c *Client) (any, error) { return c.Twiddler().Scale(x, "web:w", 8, How{}) }, "twiddler.scale", []any{"web:w", 8, members{}}, wireOutcome, wantOutcome},
		{func(x C, c *Client) (any, error) { return c.Twiddler().Undo(x, 1<<40, How{}) }, "twiddler.undo", []any{1 << 40, members{}}, wireOutcome, wantOutcome},
		{func(x C, c *Client) (any, error) {
			return c.Twiddler().Run(x, Run{Name: "p", Group: "g", Options: options, TTL: time.Minute, Reason: "r"})
		}, "twiddler.run", []any{"p", options, members{"group": "g", "ttl": 60, "reason": "r"}},
			members{"id": 4, "group": "g", "process": "p"}, Started{ID: 4, Group: "g", Process: "p"}},
		{func(x C, c *Client) (any, error) { return c.Twiddler().Run(x, Run{Name: "p"}) }, "twiddler.run",
			[]any{"p", members{}, members{}}, members{"id": 4, "group": "p", "process": "p"}, Started{ID: 4, Group: "p", Process: "p"}},
		{func(x C, c *Client) (any, error) { return c.Twiddler().Wait(x, "g:p") }, "twiddler.wait", []any{"g:p"},
			members{"state": "EXITED", "status": -1, "signal": 9, "error": "e"}, End{State: "EXITED", Status: -1, Signal: 9, Error: "e"}},
		{func(x C, c *Client) (any, error) { return c.Twiddler().History(x, 5, 10) }, "twiddler.history", []any{5, 10}, []any{wireRecord}, []Record{wantRecord}},
		{func(x C, c *Client) (any, error) { return c.Twiddler().GetLeases(x) }, "twiddler.getLeases", nil,
			[]any{members{"group": "g", "program": "p", "ttl": 60}}, []Lease{{Group: "g", Program: "p", Left: time.Minute}}},
		{func(x C, c *Client) (any, error) { return c.Twiddler().Diff(x) }, "twiddler.diff", nil,
			[]any{members{"group": "g", "saved": "s", "live": "l"}}, []Unsaved{{Group: "g", Saved: "s", Live: "l"}}},
	}
}

// textCases are the other methods that change things, or tell of changes.
func textCases() []wireCase {
	type C = context.Context
	return []wireCase{
		{func(x C, c *Client) (any, error) { return noResult(c.Twiddler().Renew(x, "g:p", time.Minute)) }, "twiddler.renew", []any{"g:p", 60}, true, nil},
		{func(x C, c *Client) (any, error) { return c.Twiddler().Save(x) }, "twiddler.save", []any{[]any{}}, []string{"g"}, []string{"g"}},
		{func(x C, c *Client) (any, error) { return c.Twiddler().Save(x, "g") }, "twiddler.save", []any{[]any{"g"}}, []string{}, []string{}},
		{func(x C, c *Client) (any, error) { return c.Twiddler().Export(x, "g") }, "twiddler.export", []any{[]any{"g"}}, "text", "text"},
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	for _, wire := range append(changeCases(), textCases()...) {
		var sent *xmlrpc.Call
		c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			sent, _ = xmlrpc.DecodeCall(body, xmlrpc.Limits{})
			answer(t, wire.answer)(w, r)
		}))
		got, err := wire.call(t.Context(), c)
		if err != nil || !reflect.DeepEqual(got, wire.want) {
			t.Errorf("%s: got %#v, %v\nwant %#v", wire.method, got, err, wire.want)
		}
		if sent == nil || sent.Method != wire.method || !reflect.DeepEqual(sent.Params, wire.params) {
			t.Errorf("sent %+v\nwant %s%v", sent, wire.method, wire.params)
		}
	}
}

func TestChangesWrongAnswer(t *testing.T) {
	t.Parallel()
	for _, wrong := range []any{
		1.5, nil, false, []any{1.5}, []any{members{"steps": 5, "group": 5}}, members{}, members{"steps": 5},
		members{"steps": []any{5}}, members{"steps": []any{members{"changes": []any{5}}}}, members{"steps": []any{}, "id": "x"},
		[]any{members{"steps": []any{}, "time": "yesterday", "ttl": "x", "saved": 5}},
	} {
		c := serve(t, answer(t, wrong))
		for _, wire := range append(changeCases(), textCases()...) {
			if got, err := wire.call(t.Context(), c); err == nil {
				t.Errorf("%s answers %v: got %#v, %v, want an error", wire.method, wrong, got, err)
			}
		}
	}
}

// What the wire cannot carry is not sent cut off; faults come through.
func TestChangesRefused(t *testing.T) {
	t.Parallel()
	calls := 0
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		_, _ = w.Write(xmlrpc.AppendFault(nil, int(fault.Conflict), "CONFLICT: web was changed"))
	}))
	half := 1500 * time.Millisecond
	_, first := c.Twiddler().Apply(t.Context(), []Change{{Action: Add}, {Action: Add, TTL: half}}, How{})
	_, second := c.Twiddler().AddGroup(t.Context(), "g", KindGroup, nil, half, How{})
	for i, err := range []error{first, second, c.Twiddler().Renew(t.Context(), "g", half)} {
		if err == nil || !strings.HasSuffix(err.Error(), "a time to live has to be whole seconds, and is 1.5s") {
			t.Errorf("%d: %v", i, err)
		}
	}
	if calls != 0 {
		t.Errorf("%d calls were sent", calls)
	}
	if _, err := c.Twiddler().Undo(t.Context(), 1, How{}); !fault.Is(err, fault.Conflict) || err.Error() != "CONFLICT: web was changed" {
		t.Errorf("undo: %v", err)
	}
}
