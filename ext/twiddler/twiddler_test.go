package twiddler

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/ext/exttest"
)

type dict = map[string]any

// start returns the extension over a host with the groups web, which has a
// running process nginx and a stopped one old, and db, which is empty.
func start(t *testing.T, whitelist string) (*exttest.Host, ext.Extension) {
	h := exttest.NewHost("web", "db")
	h.SetProcess("web", "nginx", true)
	h.SetProcess("web", "old", false)
	return h, exttest.New(t, Factory, h, map[string]string{"whitelist": whitelist})
}

func TestSession(t *testing.T) {
	t.Parallel()
	h, e := start(t, "")
	options := dict{"command": "ls -l", "autostart": "false", "autorestart": "false", "startsecs": "0"}
	exttest.Want(t, e, "1.0", "getAPIVersion")
	exttest.Want(t, e, []string{"web", "db"}, "getGroupNames")
	exttest.Want(t, e, true, "addProgramToGroup", "db", "ls", options)
	if got := h.Options("db", "ls"); fmt.Sprint(got) != fmt.Sprint(options) {
		t.Errorf("the host got %v, want %v", got, options)
	}
	exttest.Want(t, e, true, "removeProcessFromGroup", "db", "ls")
	if got := h.Processes("db"); len(got) != 0 {
		t.Errorf("processes of db are %v, want none", got)
	}
}

func TestNamespace(t *testing.T) {
	t.Parallel()
	_, e := start(t, "")
	var got []string
	for _, m := range e.Methods()[:5] {
		got = append(got, fmt.Sprintf("%s %v %v", m.Name, m.Signature, m.Role))
	}
	// What the original's system.methodSignature answers.
	want := []string{
		"getAPIVersion [int] view",
		"getGroupNames [array] view",
		"log [boolean string string|int] operate",
		"addProgramToGroup [boolean string string struct] define",
		"removeProcessFromGroup [boolean string string] define",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("methods are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// good has parameters with which each method succeeds.
var good = map[string][]any{
	"getAPIVersion":          {},
	"getGroupNames":          {},
	"log":                    {"hello"},
	"addProgramToGroup":      {"db", "x", dict{"command": "c"}},
	"removeProcessFromGroup": {"web", "old"},
}

func TestParameterCountComesFirst(t *testing.T) {
	t.Parallel()
	h, e := start(t, "none")
	h.SetState(ext.Shutdown)
	for method, params := range good {
		exttest.WantFault(t, e, "INCORRECT_PARAMETERS", method, append([]any{1, 2, 3}, params...)...)
		if len(params) > 0 {
			exttest.WantFault(t, e, "INCORRECT_PARAMETERS", method, params[1:]...)
		}
	}
}

func TestShutdownComesBeforeWhitelist(t *testing.T) {
	t.Parallel()
	h, e := start(t, "none")
	h.SetState(ext.Shutdown)
	for method, params := range good {
		exttest.WantFault(t, e, "SHUTDOWN_STATE", method, params...)
	}
	if got := h.Lines(); len(got) != 0 {
		t.Errorf("the log has %v", got)
	}
}

func TestRestartLetsCallsThrough(t *testing.T) {
	t.Parallel()
	h, e := start(t, "")
	h.SetState(ext.Restarting)
	for method, params := range good {
		if _, err := exttest.Call(t, e, method, params...); err != nil {
			t.Errorf("%s during a restart: %v", method, err)
		}
	}
}

func TestWhitelistComesBeforeParameters(t *testing.T) {
	t.Parallel()
	h, e := start(t, "none")
	exttest.WantFault(t, e, "UNKNOWN: log", "log", "x", "no level")
	exttest.WantFault(t, e, "UNKNOWN: addProgramToGroup", "addProgramToGroup", "no", "x", 5)
	exttest.WantFault(t, e, "UNKNOWN: removeProcessFromGroup", "removeProcessFromGroup", "no", "x")
	if got := h.Processes("web"); len(got) != 2 {
		t.Errorf("processes of web are %v", got)
	}
}

func TestWhitelist(t *testing.T) {
	t.Parallel()
	const all = "getAPIVersion getGroupNames log addProgramToGroup removeProcessFromGroup"
	for whitelist, open := range map[string]string{
		"":                       all,
		"log":                    "log",
		" log ,\ngetAPIVersion":  "getAPIVersion log",
		"getAPIVersion,":         "getAPIVersion",
		",":                      "",
		" ":                      "",
		"twiddler.getAPIVersion": "",
		"getapiversion":          "",
		"*":                      "",
		"addProgramToGroup,removeProcessFromGroup,wibble": "addProgramToGroup removeProcessFromGroup",
	} {
		_, e := start(t, whitelist)
		var got []string
		for method := range strings.FieldsSeq(all) {
			_, err := exttest.Call(t, e, method, good[method]...)
			if err == nil {
				got = append(got, method)
			} else if err.Error() != "UNKNOWN: "+method {
				t.Errorf("%s with whitelist %q: %v", method, whitelist, err)
			}
		}
		if strings.Join(got, " ") != open {
			t.Errorf("whitelist %q opens %v, want %s", whitelist, got, open)
		}
		if all := len((&Twiddler{}).Methods()); len(e.Methods()) != all {
			t.Errorf("whitelist %q lists %d methods, want all %d", whitelist, len(e.Methods()), all)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	_, err := Factory.New(exttest.NewHost(), map[string]string{"whitelist": "", "wibble": "1", "zz": "2"})
	if want := `unknown option "wibble"; there are whitelist, persist, persist_dir, audit_logfile, audit_logfile_maxbytes, audit_logfile_backups`; err == nil || err.Error() != want {
		t.Errorf("New = %v, want %s", err, want)
	}
	if _, err := Factory.New(exttest.NewHost(), nil); err != nil {
		t.Errorf("New without options: %v", err)
	}
	if _, err := ext.Lookup([]ext.Factory{Factory}, "supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface"); err != nil {
		t.Errorf("the original's factory name: %v", err)
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	const bad = "INCORRECT_PARAMETERS"
	rows := []struct {
		params []any
		want   string // the line, or the fault
	}{
		{[]any{"hello"}, "INFO hello"},
		{[]any{""}, "INFO "},
		{[]any{"100% %s\na"}, "INFO 100% %s\na"},
		{[]any{5}, "INFO 5"},
		{[]any{nil}, "INFO None"},
		{[]any{[]any{1, "a"}}, "INFO [1, 'a']"},
		{[]any{"x", "CRIT"}, "CRIT x"},
		{[]any{"x", "erro"}, "ERRO x"},
		{[]any{"x", "Warn"}, "WARN x"},
		{[]any{"x", "info"}, "INFO x"},
		{[]any{"x", "debg"}, "DEBG x"},
		{[]any{"x", "TRAC"}, "TRAC x"},
		{[]any{"x", "BLAT"}, "BLAT x"},
		{[]any{"x", 50}, "CRIT x"},
		{[]any{"x", 40}, "ERRO x"},
		{[]any{"x", 30}, "WARN x"},
		{[]any{"x", 20}, "INFO x"},
		{[]any{"x", 10}, "DEBG x"},
		{[]any{"x", 5}, "TRAC x"},
		{[]any{"x", 3}, "BLAT x"},
		{[]any{"x", 20.0}, "INFO x"},
		{[]any{"x", "critical"}, bad},
		{[]any{"x", "error"}, bad},
		{[]any{"x", "20"}, bad},
		{[]any{"x", ""}, bad},
		{[]any{"x", " INFO"}, bad},
		{[]any{"x", 15}, bad},
		{[]any{"x", 0}, bad},
		{[]any{"x", nil}, bad},
		{[]any{"x", true}, bad},
		{[]any{"x", 40.5}, bad},
		{[]any{"x", 1e300}, bad},
		{[]any{"x", []any{}}, bad},
		{[]any{"x", dict{}}, bad},
	}
	for _, row := range rows {
		h, e := start(t, "")
		if row.want == bad {
			exttest.WantFault(t, e, bad, "log", row.params...)
			if got := h.Lines(); len(got) != 0 {
				t.Errorf("log%v wrote %v", row.params, got)
			}
			continue
		}
		exttest.Want(t, e, true, "log", row.params...)
		if got := h.Lines(); len(got) != 1 || got[0].String() != row.want {
			t.Errorf("log%v wrote %v, want %s", row.params, got, row.want)
		}
	}
}

// A moment is a date as a decoder has it.
type moment struct{}

func (moment) Time() (time.Time, error) { return time.Unix(0, 0).UTC(), nil }

func TestAddProgramToGroup(t *testing.T) {
	t.Parallel()
	const bad = "INCORRECT_PARAMETERS"
	command := dict{"command": "c"}
	rows := []struct {
		group, program, options any
		want                    string // the processes of web, or the fault
	}{
		{"web", "x", command, "[nginx old x]"},
		{"web", "x", []any{[]any{"command", "c"}}, "[nginx old x]"},
		{"web", 5, command, "[nginx old 5]"},
		{"web", true, command, "[nginx old True]"},
		{"web", 5.5, command, "[nginx old 5.5]"},
		{"web", nil, command, "[nginx old None]"},
		{"web", []any{1}, command, "[nginx old [1]]"},
		{"web", "nginx", command, "BAD_NAME: nginx"},
		{"web", "x", []any{}, "INCORRECT_PARAMETERS: program section program:x does not specify a command in section 'program:x' (file: 'supervisord.conf')"},
		{"no", "x", command, "BAD_NAME: group: no"},
		{"", "x", command, "BAD_NAME: group: "},
		{5, "x", command, "BAD_NAME: group: 5"},
		{1.5, "x", command, "BAD_NAME: group: 1.5"},
		{true, "x", command, "BAD_NAME: group: True"},
		{nil, "x", command, "BAD_NAME: group: None"},
		{moment{}, "x", command, "BAD_NAME: group: 1970-01-01 00:00:00"},
		{[]any{}, "x", command, bad},
		{dict{}, "x", command, bad},
		{"web", "x", "command=c", bad},
		{"web", "x", 5, bad},
		{"web", "x", nil, bad},
		{"web", "x", []any{"command"}, bad},
		{"no", "x", 5, "BAD_NAME: group: no"}, // the group is looked up first
		{nil, "x", 5, "BAD_NAME: group: None"},
	}
	for _, row := range rows {
		h, e := start(t, "")
		got := ""
		if v, err := exttest.Call(t, e, "addProgramToGroup", row.group, row.program, row.options); err != nil {
			got = err.Error()
		} else if got = fmt.Sprint(h.Processes("web")); v != true {
			t.Errorf("the result is %v, want true", v)
		}
		if got != row.want {
			t.Errorf("addProgramToGroup(%v, %v, %v) = %q, want %q", row.group, row.program, row.options, got, row.want)
		}
	}
}

func TestRemoveProcessFromGroup(t *testing.T) {
	t.Parallel()
	const bad = "INCORRECT_PARAMETERS"
	rows := []struct {
		group, process any
		want           string // the fault; empty for none
	}{
		{"web", "old", ""},
		{"web", "nginx", "STILL_RUNNING: nginx"},
		{"web", "web:old", "BAD_NAME: web:old"},
		{"web", "no", "BAD_NAME: no"},
		{"web", 5, "BAD_NAME: 5"},
		{"web", 1.5, "BAD_NAME: 1.5"},
		{"web", false, "BAD_NAME: False"},
		{"web", nil, "BAD_NAME"},
		{"web", []any{}, bad},
		{"web", dict{}, bad},
		{"no", "old", "BAD_NAME: group: no"},
		{"no", 5, "BAD_NAME: group: no"},
		{"no", nil, "BAD_NAME: group: no"},
		{"no", []any{}, "BAD_NAME: group: no"},
		{5, "old", "BAD_NAME: group: 5"},
		{nil, nil, "BAD_NAME: group: None"},
		{[]any{}, "old", bad},
		{dict{}, nil, bad},
	}
	for _, row := range rows {
		h, e := start(t, "")
		if row.want == "" {
			exttest.Want(t, e, true, "removeProcessFromGroup", row.group, row.process)
			if got := fmt.Sprint(h.Processes("web")); got != "[nginx]" {
				t.Errorf("processes of web are %s, want [nginx]", got)
			}
			continue
		}
		exttest.WantFault(t, e, row.want, "removeProcessFromGroup", row.group, row.process)
	}
}

func TestEndedContextIsNoFault(t *testing.T) {
	t.Parallel()
	_, e := start(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, m := range e.Methods()[3:5] {
		params := good[m.Name]
		if _, err := m.Call(ctx, params); !errors.Is(err, context.Canceled) {
			t.Errorf("%s with an ended context: %v", m.Name, err)
		}
		odd := append([]any{}, params...)
		odd[len(odd)-1] = []any{1}
		if _, err := m.Call(ctx, odd); !errors.Is(err, context.Canceled) {
			t.Errorf("%s%v with an ended context: %v", m.Name, odd, err)
		}
	}
}
