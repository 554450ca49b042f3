package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"example.org/twiddler/ext"
)

// An addCase is one call of AddProgram.
type addCase struct {
	program string
	options map[string]any
}

// addCases has each option with values of each type, and some whole programs.
func addCases() []addCase {
	var cases []addCase
	values := []any{
		int64(5), int64(0), int64(1), int64(2), int64(35), true, false, 2.7, 1.0, 0.0, 1e20, nil, []any{}, []any{int64(0), int64(1)},
		[]any{"a'b", 1.5, nil, true}, map[string]any{}, map[string]any{"A": "1"}, "", "x", " false", "true", "1",
		" 7 ", "%(process_num)s", "%(ENV_GLOBAL)s", "%(ENV_PATH)s", "%(here)s", "%(nope)s", "5%", "3GB", "a b",
		"NONE", "/nope/x", "/tmp/x", "/bin/echo a ; b", "A=1,B=2", "root", "nosuchuser", "TERM", "022", "unexpected",
	}
	for _, o := range programTable() {
		for _, v := range values {
			cases = append(cases, addCase{"x", map[string]any{"command": "/bin/cat", o.Key: v}})
		}
	}
	for _, program := range []string{"a b", "a:b", "a/b", " a ", "it's", "5"} {
		cases = append(cases, addCase{program, map[string]any{"command": "/bin/cat"}})
	}
	return append(cases,
		addCase{"x", map[string]any{}},
		addCase{"x", map[string]any{"command": nil}},
		addCase{"x", map[string]any{"COMMAND": "/bin/ls", "events": "TICK", "socket": "x", "wibble": int64(1)}},
		addCase{"x", map[string]any{"command": "/bin/cat", "numprocs": "2"}},
		addCase{"x", map[string]any{"command": "/bin/cat", "stopasgroup": true, "killasgroup": false}},
		addCase{"x", map[string]any{"command": "%(ENV_A)s %(process_num)02d %(group_name)s", "numprocs": int64(12),
			"process_name": "%(program_name)s_%(process_num)s", "environment": `A="%(ENV_GLOBAL)s"`, "numprocs_start": 1.9}},
	)
}

// forPython keeps numbers with a point from losing it on the way.
func forPython(options map[string]any) map[string]any {
	all := map[string]any{}
	for key, v := range options {
		if f, ok := v.(float64); ok {
			v = json.RawMessage(ext.Repr(f))
		}
		all[key] = v
	}
	return all
}

// differs says why the original has another outcome, "" if it should not.
func (c addCase) differs(answer map[string]any) string {
	v := c.options["command"]
	if _, text := v.(string); !text && v != nil {
		return "a command that is not text breaks the original later"
	}
	if c.options["numprocs"] == 1e20 {
		return "numprocs has a bound"
	}
	if c.options["user"] == 1e20 {
		return "the uid is shown as a whole number"
	}
	if p, ok := answer["processes"].([]any); ok && len(p) == 1 && p[0].(map[string]any)["name"] == "" {
		return "a process without a name breaks the original later"
	}
	return ""
}

// plain reports whether the values mean something all the same, where the
// original breaks.
func (c addCase) plain() bool {
	for key, v := range c.options {
		_, whole := wholeNumber(v)
		_, truth := v.(bool)
		if strings.HasSuffix(key, "_maxbytes") && whole || key == "autorestart" && truth {
			return true
		}
	}
	return false
}

// TestAddProgramReference hands the same options to both.
func TestAddProgramReference(t *testing.T) {
	t.Parallel()
	requireReference(t)
	dir := write(t, map[string]string{"supervisord.conf": "[supervisord]\nenvironment=GLOBAL=g\n[group:g]\n"})
	c, err := Load(realOptions(dir, nil))
	if err != nil {
		t.Fatal(err)
	}
	cases := addCases()
	jobs := make([]map[string]any, len(cases))
	for i, a := range cases {
		jobs[i] = map[string]any{"args": []string{"-c", "supervisord.conf"}, "dir": dir,
			"group": "g", "name": a.program, "add": forPython(a.options)}
	}
	for i, answer := range runJobs(t, jobs) {
		processes, err := c.AddProgram("g", cases[i].program, cases[i].options)
		if complaint := compareAdd(t, cases[i], answer, processes, err); complaint != "" {
			t.Errorf("AddProgram(%q, %v)\n ours: %v, %v\ntheirs: %v\n%s",
				cases[i].program, cases[i].options, dumpAll(processes), err, answer, complaint)
		}
	}
}

// compareAdd says what is wrong with our outcome, "" if nothing is.
func compareAdd(t *testing.T, c addCase, answer map[string]any, processes []*Process, err error) string {
	t.Helper()
	var refused *ProgramError
	if err != nil && !errors.As(err, &refused) {
		return "is no *ProgramError"
	}
	if reason := c.differs(answer); reason != "" {
		if refused == nil || refused.NoDetail || refused.Text == "" {
			return "should be refused with a text: " + reason
		}
		return ""
	}
	switch {
	case answer["error"] != nil:
		if refused == nil || refused.NoDetail || refused.Text != answer["error"] {
			return "wrong text"
		}
	case answer["bare"] != nil:
		if refused == nil || !refused.NoDetail {
			return "should have no detail"
		}
	case answer["crash"] != nil && c.plain():
		if refused != nil {
			return "should be accepted"
		}
	case answer["crash"] != nil:
		if refused == nil || refused.NoDetail || refused.Text == "" {
			return "should be refused with a text"
		}
	case refused != nil:
		return "should be accepted"
	default:
		return compareProcesses(viaJSON(t, map[string]any{"p": dumpAll(processes)})["p"], answer["processes"])
	}
	return ""
}

// compareProcesses compares what was made. Values that the original keeps as
// they came are text in ours.
func compareProcesses(ours, theirs any) string {
	a, b := ours.([]any), theirs.([]any)
	if len(a) != len(b) {
		return "another number of processes"
	}
	for i := range a {
		p, q := a[i].(map[string]any), b[i].(map[string]any)
		if _, text := q["directory"].(string); !text && q["directory"] != nil {
			q["directory"] = p["directory"]
		}
		if url := q["serverurl"]; url != nil && !ext.Truth(url) {
			q["serverurl"] = ""
		}
		if q["directory"] == "" {
			q["directory"] = nil // empty means none in ours
		}
		for _, std := range []string{"stdout_logfile", "stderr_logfile"} {
			if q[std] == "" {
				q[std] = nil
			}
		}
		keys := []string{}
		for key := range q {
			if n, ok := q[key].(float64); ok && n > 1e18 {
				continue // ours saturates
			}
			if !reflect.DeepEqual(p[key], q[key]) {
				keys = append(keys, fmt.Sprintf("%s: %v, want %v", key, p[key], q[key]))
			}
		}
		if slices.Sort(keys); len(keys) > 0 {
			return fmt.Sprint(keys)
		}
	}
	return ""
}

// dumpAll dumps processes.
func dumpAll(processes []*Process) []any {
	all := []any{}
	for _, p := range processes {
		all = append(all, dumpProcess(p))
	}
	return all
}
