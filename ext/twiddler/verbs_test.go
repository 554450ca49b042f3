package twiddler

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/ext/exttest"
	"example.org/twiddler/fault"
)

// A ledger is an ext.Changes that writes down what it is asked and answers
// what it was given. Only the goroutine of a test uses it.
type ledger struct {
	asked   []any // what came last: the parameters in order
	outcome ext.Outcome
	leases  []ext.Lease
	records []ext.Record
	unsaved []ext.Unsaved
	err     error
}

func (l *ledger) note(method string, params ...any) error {
	l.asked = append([]any{method}, params...)
	return l.err
}

func (l *ledger) Apply(_ context.Context, changes []ext.Change, how ext.How) (ext.Outcome, error) {
	return l.outcome, l.note("Apply", changes, how)
}

func (l *ledger) Update(_ context.Context, groups []string, how ext.How) (ext.Outcome, error) {
	return l.outcome, l.note("Update", groups, how)
}

func (l *ledger) Undo(_ context.Context, id int64, how ext.How) (ext.Outcome, error) {
	return l.outcome, l.note("Undo", id, how)
}

func (l *ledger) Run(_ context.Context, r ext.Run) (int64, error) { return 7, l.note("Run", r) }

func (l *ledger) Wait(_ context.Context, group, process string) (ext.End, error) {
	return ext.End{State: "EXITED", Status: 3}, l.note("Wait", group, process)
}

func (l *ledger) Renew(_ context.Context, group, program string, ttl time.Duration) error {
	return l.note("Renew", group, program, ttl)
}

func (l *ledger) Leases(context.Context) ([]ext.Lease, error) { return l.leases, l.note("Leases") }

func (l *ledger) History(_ context.Context, offset, limit int) ([]ext.Record, error) {
	return l.records, l.note("History", offset, limit)
}

func (l *ledger) Save(_ context.Context, groups []string) ([]string, error) {
	return []string{"web"}, l.note("Save", groups)
}

func (l *ledger) Unsaved(context.Context) ([]ext.Unsaved, error) { return l.unsaved, l.note("Unsaved") }

func (l *ledger) Export(_ context.Context, groups []string) (string, error) {
	return "; text\n", l.note("Export", groups)
}

// startVerbs returns the extension over a ledger.
func startVerbs(t *testing.T, whitelist string) (*exttest.Host, *ledger, ext.Extension) {
	t.Helper()
	h, e := start(t, whitelist)
	l := &ledger{}
	h.SetChanges(l)
	return h, l, e
}

func yes() *bool { b := true; return &b }
func no() *bool  { b := false; return &b }

type list = []any

// goodVerbs has parameters with which each method succeeds.
var goodVerbs = map[string]list{
	"apply":       {list{dict{"action": "remove", "group": "g"}}},
	"update":      {},
	"addGroup":    {"g", "program", dict{"command": "c"}},
	"removeGroup": {"g"},
	"scale":       {"web:w", 3},
	"undo":        {7},
	"run":         {"job", dict{"command": "c"}},
	"wait":        {"job"},
	"renew":       {"g", 5},
	"getLeases":   {},
	"history":     {},
	"save":        {},
	"diff":        {},
	"export":      {},
}

func TestVerbs(t *testing.T) {
	t.Parallel()
	options := dict{"command": "c", "startsecs": 5, "autostart": false}
	bare := ext.How{}
	for _, row := range []struct {
		method string
		params list
		want   list
	}{
		{"apply", list{list{}}, list{"Apply", []ext.Change{}, bare}},
		{"apply", list{list{
			dict{"action": "add", "group": "g", "program": "p", "options": options, "ttl": 60},
			dict{"action": "add", "group": "g", "kind": "group", "programs": dict{"a": options, "b": dict{}}, "options": dict{"priority": 5}},
			dict{"action": "remove", "group": "g", "process": "p_1"},
			dict{"action": "scale", "group": "g", "program": "p", "numprocs": "0"},
			dict{"action": "replace", "group": "g", "program": "p", "options": options},
		}, dict{"dry_run": true, "persist": true, "wait": false, "reason": "r"}}, list{"Apply", []ext.Change{
			{Action: ext.Add, Group: "g", Program: "p", Options: options, TTL: time.Minute},
			{Action: ext.Add, Group: "g", Kind: ext.KindGroup, Options: dict{"priority": 5}, Programs: map[string]map[string]any{"a": options, "b": {}}},
			{Action: ext.Remove, Group: "g", Process: "p_1"},
			{Action: ext.Scale, Group: "g", Program: "p"},
			{Action: ext.Replace, Group: "g", Program: "p", Options: options},
		}, ext.How{DryRun: true, Persist: yes(), NoWait: true, Reason: "r"}}},
		{"apply", list{list{}, list{list{"persist", false}}}, list{"Apply", []ext.Change{}, ext.How{Persist: no()}}},
		{"update", nil, list{"Update", []string{}, bare}},
		{"update", list{list{"a", "b"}, dict{"dry_run": true}}, list{"Update", []string{"a", "b"}, ext.How{DryRun: true}}},
		{"addGroup", list{"g", "program", options}, list{"Apply", []ext.Change{{Action: ext.Add, Group: "g", Kind: "program", Options: options}}, bare}},
		{"addGroup", list{"g", "eventlistener", options, dict{"ttl": 5, "reason": "x"}},
			list{"Apply", []ext.Change{{Action: ext.Add, Group: "g", Kind: "eventlistener", Options: options, TTL: 5 * time.Second}}, ext.How{Reason: "x"}}},
		{"addGroup", list{"g", "group", dict{"priority": 1, "programs": dict{"p": options}}},
			list{"Apply", []ext.Change{{Action: ext.Add, Group: "g", Kind: "group", Options: dict{"priority": 1}, Programs: map[string]map[string]any{"p": options}}}, bare}},
		{"addGroup", list{"g", "group", dict{}}, list{"Apply", []ext.Change{{Action: ext.Add, Group: "g", Kind: "group", Options: dict{}}}, bare}},
		{"removeGroup", list{"g", dict{"wait": false}}, list{"Apply", []ext.Change{{Action: ext.Remove, Group: "g"}}, ext.How{NoWait: true}}},
		{"scale", list{"web:w", "8"}, list{"Apply", []ext.Change{{Action: ext.Scale, Group: "web", Program: "w", Numprocs: 8}}, bare}},
		{"scale", list{"w", 0, dict{"persist": true}}, list{"Apply", []ext.Change{{Action: ext.Scale, Group: "w", Program: "w"}}, ext.How{Persist: yes()}}},
		{"undo", list{1 << 40, dict{"dry_run": true}}, list{"Undo", int64(1 << 40), ext.How{DryRun: true}}},
		{"run", list{"job", options}, list{"Run", ext.Run{Name: "job", Options: options}}},
		{"run", list{"job", options, dict{"group": "g", "ttl": 60, "reason": "r"}},
			list{"Run", ext.Run{Name: "job", Options: options, Group: "g", TTL: time.Minute, Reason: "r"}}},
		{"wait", list{"g:job"}, list{"Wait", "g", "job"}},
		{"wait", list{"job"}, list{"Wait", "job", "job"}},
		{"renew", list{"g:p", 1}, list{"Renew", "g", "p", time.Second}},
		{"renew", list{"g:", 60}, list{"Renew", "g", "", time.Minute}},
		{"renew", list{"g:*", 60}, list{"Renew", "g", "", time.Minute}},
		{"renew", list{"g", maxTTL}, list{"Renew", "g", "", maxTTL * time.Second}},
		{"getLeases", nil, list{"Leases"}},
		{"history", nil, list{"History", 0, 20}},
		{"history", list{5, 0}, list{"History", 5, 0}},
		{"history", list{0, 1 << 30}, list{"History", 0, maxHistory}},
		{"save", nil, list{"Save", []string{}}},
		{"save", list{list{"web"}}, list{"Save", []string{"web"}}},
		{"diff", nil, list{"Unsaved"}},
		{"export", list{list{"web"}}, list{"Export", []string{"web"}}},
	} {
		_, l, e := startVerbs(t, "")
		if _, err := exttest.Call(t, e, row.method, row.params...); err != nil {
			t.Errorf("%s%v: %v", row.method, row.params, err)
		}
		if !reflect.DeepEqual(l.asked, row.want) {
			t.Errorf("%s%v asks for %+v\nwant %+v", row.method, row.params, l.asked, row.want)
		}
	}
}

const (
	howMembers    = "it may have dry_run, persist, wait, reason"
	changeMembers = "it may have action, group, program, process, kind, options, numprocs, ttl, programs"
	ttlWords      = "ttl must be 1 to 3153600000 seconds, not "
)

func TestVerbsRefuse(t *testing.T) {
	t.Parallel()
	one := func(c dict) list { return list{list{c}} }
	for _, row := range []struct {
		method string
		params list
		want   string // after INCORRECT_PARAMETERS
	}{
		{"apply", list{"x"}, ""},
		{"apply", list{list{}, "x"}, ""},
		{"apply", list{list{dict{"action": "remove", "group": "g"}, 5}}, ": change 2 must be a struct"},
		{"apply", one(dict{"actoin": "add"}), `: change 1: unknown member "actoin"; ` + changeMembers},
		{"apply", one(dict{"group": 5}), ": change 1: group must be a string"},
		{"apply", one(dict{"options": "x"}), ": change 1: options must be a struct"},
		{"apply", one(dict{"programs": list{}}), ": change 1: programs must be a struct"},
		{"apply", one(dict{"programs": dict{"b": 1, "a": 2}}), `: change 1: programs: "a" must be a struct of options`},
		{"apply", one(dict{"action": "scale", "numprocs": 2.5}), ": change 1: numprocs must be a whole number"},
		{"apply", one(dict{"action": "scale", "numprocs": true}), ": change 1: numprocs must be a whole number"},
		{"apply", one(dict{"action": "scale", "numprocs": "many"}), ": change 1: numprocs must be a whole number"},
		{"apply", one(dict{"ttl": 0}), ": change 1: " + ttlWords + "0"},
		{"apply", one(dict{"ttl": -1}), ": change 1: " + ttlWords + "-1"},
		{"apply", one(dict{"ttl": "soon"}), ": change 1: ttl must be a whole number"},
		{"apply", one(dict{"ttl": maxTTL + 1}), ": change 1: " + ttlWords + "3153600001"},
		{"apply", list{list{}, dict{"dryrun": true}}, `: how: unknown member "dryrun"; ` + howMembers},
		{"apply", list{list{}, dict{"persist": false, "ttl": 5}}, `: how: unknown member "ttl"; ` + howMembers},
		{"apply", list{list{}, dict{"dry_run": 1}}, ": how: dry_run must be a boolean"},
		{"apply", list{list{}, dict{"persist": "yes"}}, ": how: persist must be a boolean"},
		{"apply", list{list{}, dict{"wait": nil}}, ": how: wait must be a boolean"},
		{"apply", list{list{}, dict{"reason": 5}}, ": how: reason must be a string"},
		{"update", list{"web"}, ""},
		{"update", list{list{5}}, ""},
		{"update", list{list{}, dict{"x": 1}}, `: how: unknown member "x"; ` + howMembers},
		{"addGroup", list{"g", "program", "x"}, ""},
		{"addGroup", list{"g", "program", dict{}, dict{"x": 1}}, `: how: unknown member "x"; ` + howMembers + ", ttl"},
		{"addGroup", list{"g", "program", dict{}, dict{"ttl": 0}}, ": how: " + ttlWords + "0"},
		{"addGroup", list{"g", "group", dict{"programs": "p"}}, ": options: programs must be a struct"},
		{"addGroup", list{"g", "group", dict{"programs": dict{"p": "c"}}}, `: options: programs: "p" must be a struct of options`},
		{"run", list{"job", dict{}, dict{"dry_run": true}}, `: how: unknown member "dry_run"; it may have ttl, group, reason`},
		{"run", list{"job", dict{}, dict{"ttl": 0}}, ": how: " + ttlWords + "0"},
		{"run", list{"job"}, ""},
		{"wait", list{5}, ""},
		{"removeGroup", list{5}, ""},
		{"removeGroup", list{"g", dict{"ttl": 1}}, `: how: unknown member "ttl"; ` + howMembers},
		{"scale", list{"g", "x"}, ""},
		{"scale", list{"g"}, ""},
		{"scale", list{"g", 1, dict{"ttl": 1}}, `: how: unknown member "ttl"; ` + howMembers},
		{"undo", list{"x"}, ""},
		{"undo", list{1, dict{"x": 1}}, `: how: unknown member "x"; ` + howMembers},
		{"renew", list{"g", 0}, ": " + ttlWords + "0"},
		{"renew", list{"g", maxTTL + 1}, ": " + ttlWords + "3153600001"},
		{"history", list{-1}, ": offset and limit must not be negative, and are -1 and 20"},
		{"history", list{0, -2}, ": offset and limit must not be negative, and are 0 and -2"},
		{"save", list{"web"}, ""},
		{"export", list{list{nil}}, ""},
		{"diff", list{1}, ""},
	} {
		_, l, e := startVerbs(t, "")
		exttest.WantFault(t, e, "INCORRECT_PARAMETERS"+row.want, row.method, row.params...)
		if l.asked != nil {
			t.Errorf("%s%v asks for %v", row.method, row.params, l.asked)
		}
	}
}

// Whether supervisord ends comes before the whitelist, and both before what a
// call was given; only the number of parameters comes first.
func TestVerbsAreAdmitted(t *testing.T) {
	t.Parallel()
	bad := map[string]list{
		"apply": {list{5}}, "addGroup": {"g", "group", dict{}, dict{"ttl": 0}}, "renew": {"g", 0}, "history": {-1},
	}
	for method, params := range goodVerbs {
		if wrong, ok := bad[method]; ok {
			params = wrong
		}
		h, l, e := startVerbs(t, "none")
		exttest.WantFault(t, e, "UNKNOWN: "+method, method, params...)
		h.SetState(ext.Shutdown)
		exttest.WantFault(t, e, "SHUTDOWN_STATE", method, params...)
		exttest.WantFault(t, e, "INCORRECT_PARAMETERS", method, 1, 2, 3, 4, 5)
		if l.asked != nil {
			t.Errorf("%s asks for %v", method, l.asked)
		}
		_, l, e = startVerbs(t, "x, "+method)
		if _, err := exttest.Call(t, e, method, goodVerbs[method]...); err != nil || l.asked == nil {
			t.Errorf("%s on the whitelist: %v, asks for %v", method, err, l.asked)
		}
	}
	if all := len((&Twiddler{}).Methods()); all != len(good)+len(goodVerbs) {
		t.Errorf("%d methods, of which %d are tested", all, len(good)+len(goodVerbs))
	}
}

// Faults go through as they are, whoever they come from.
func TestVerbsFail(t *testing.T) {
	t.Parallel()
	for method, params := range goodVerbs {
		_, l, e := startVerbs(t, "")
		l.err = fault.New(fault.Conflict, "web was changed meanwhile")
		exttest.WantFault(t, e, "CONFLICT: web was changed meanwhile", method, params...)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	_, l, e := startVerbs(t, "")
	l.outcome = ext.Outcome{ID: 1 << 33, Persisted: true, Steps: []ext.Step{
		{Group: "web", Action: "change", Changes: []ext.OptionChange{{Option: "priority", Old: "1", New: "2"}}},
		{Group: "web", Process: "w_0", Action: "keep"},
	}}
	l.leases = []ext.Lease{{Group: "g", Left: 1500 * time.Millisecond}, {Group: "g", Program: "p", Left: -time.Second}}
	l.records = []ext.Record{{
		ID: 3, Time: time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600)), Account: "a", UID: -1, Address: "1.2.3.4:5",
		Method: "apply", Reason: "r", Steps: l.outcome.Steps[1:], Result: "ok", Saved: true, Undone: 4, Undoes: 2,
	}}
	l.unsaved = []ext.Unsaved{{Group: "web", Saved: "s", Live: "l"}}
	const keep = `[{group web} {process w_0} {action keep} {changes []}]`
	const changed = `[{id 8589934592} {persisted true} {steps [` +
		`[{group web} {process } {action change} {changes [[{option priority} {old 1} {new 2}]]}] ` + keep + `]}]`
	for method, want := range map[string]string{
		"apply": changed, "update": changed, "addGroup": changed, "removeGroup": changed, "scale": changed, "undo": changed,
		"renew":     "true",
		"getLeases": "[[{group g} {program } {ttl 2}] [{group g} {program p} {ttl 0}]]",
		"history": "[[{id 3} {time 2026-01-02T02:04:05Z} {account a} {uid -1} {address 1.2.3.4:5} {method apply} {reason r} " +
			"{steps [" + keep + "]} {result ok} {persisted true} {undone 4} {undoes 2}]]",
		"save":   "[web]",
		"diff":   "[[{group web} {saved s} {live l}]]",
		"export": "; text\n",
	} {
		got, err := exttest.Call(t, e, method, goodVerbs[method]...)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s answers %v, %v\nwant %s", method, got, err, want)
		}
	}
	_, _, e = startVerbs(t, "")
	for _, method := range strings.Fields("getLeases history diff") {
		exttest.Want(t, e, list{}, method)
	}
}
