package rpc

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
)

// signatures are those that Supervisor 4.2.5 answers.
var signatures = map[string]string{
	"supervisor.addProcessGroup":      "boolean string",
	"supervisor.clearAllProcessLogs":  "array",
	"supervisor.clearLog":             "boolean",
	"supervisor.clearProcessLog":      "boolean string",
	"supervisor.clearProcessLogs":     "boolean string",
	"supervisor.getAPIVersion":        "string",
	"supervisor.getAllConfigInfo":     "array",
	"supervisor.getAllProcessInfo":    "array",
	"supervisor.getIdentification":    "string",
	"supervisor.getPID":               "int",
	"supervisor.getProcessInfo":       "struct string",
	"supervisor.getState":             "struct",
	"supervisor.getSupervisorVersion": "string",
	"supervisor.getVersion":           "string",
	"supervisor.readLog":              "string int int",
	"supervisor.readMainLog":          "string int int",
	"supervisor.readProcessLog":       "string string int int",
	"supervisor.readProcessStderrLog": "string string int int",
	"supervisor.readProcessStdoutLog": "string string int int",
	"supervisor.reloadConfig":         "array",
	"supervisor.removeProcessGroup":   "boolean string",
	"supervisor.restart":              "boolean",
	"supervisor.sendProcessStdin":     "boolean string string",
	"supervisor.sendRemoteCommEvent":  "boolean string string",
	"supervisor.shutdown":             "boolean",
	"supervisor.signalAllProcesses":   "array string",
	"supervisor.signalProcess":        "boolean string string",
	"supervisor.signalProcessGroup":   "array string string",
	"supervisor.startAllProcesses":    "array boolean",
	"supervisor.startProcess":         "boolean string boolean",
	"supervisor.startProcessGroup":    "array string boolean",
	"supervisor.stopAllProcesses":     "array boolean",
	"supervisor.stopProcess":          "boolean string boolean",
	"supervisor.stopProcessGroup":     "array string boolean",
	"supervisor.tailProcessLog":       "array string int int",
	"supervisor.tailProcessStderrLog": "array string int int",
	"supervisor.tailProcessStdoutLog": "array string int int",
	"system.listMethods":              "array",
	"system.methodHelp":               "string string",
	"system.methodSignature":          "array string",
	"system.multicall":                "array array",
}

func TestDescription(t *testing.T) {
	t.Parallel()
	w := newWorld(t, programs)
	got, err := w.call("system.listMethods")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, name := range got.([]any) {
		names = append(names, name.(string))
	}
	if len(names) != len(signatures) || !slices.IsSorted(names) {
		t.Errorf("listMethods: %d names, sorted: %v; want %d", len(names), slices.IsSorted(names), len(signatures))
	}
	for name, want := range signatures {
		if !slices.Contains(names, name) {
			t.Errorf("listMethods has no %s", name)
		}
		want = `["` + strings.ReplaceAll(want, " ", `" "`) + `"]`
		if got := w.text("system.methodSignature", name); got != want {
			t.Errorf("methodSignature(%s): %s, want %s", name, got, want)
		}
		if got, err := w.call("system.methodHelp", name); err != nil || !strings.Contains(got.(string), "@return") {
			t.Errorf("methodHelp(%s): %v, %v", name, got, err)
		}
	}
	for _, m := range []string{"system.methodHelp", "system.methodSignature"} {
		if got := w.text(m, "nope"); got != "4 SIGNATURE_UNSUPPORTED" {
			t.Errorf("%s of no method: %s", m, got)
		}
	}
}

func TestMulticall(t *testing.T) {
	t.Parallel()
	w := newWorld(t, programs)
	one := func(name any, params ...any) map[string]any {
		return map[string]any{"methodName": name, "params": params}
	}
	tests := []struct {
		calls any
		want  string
	}{
		{[]any{}, "[]"},
		{[]any{map[string]any{"methodName": "supervisor.getAPIVersion"}, one("supervisor.getIdentification")}, `["3.0" "here"]`},
		{[]any{one("supervisor.startProcess", "cat"), one("supervisor.startProcess", "cat"), one("supervisor.stopProcess", "cat")},
			"[true {60 ALREADY_STARTED: cat} true]"},
		{[]any{one("supervisor.nope"), one("supervisor.getPID", 1), one(nil), map[string]any{}, one(5)},
			"[{1 UNKNOWN_METHOD} {2 INCORRECT_PARAMETERS} {2 INCORRECT_PARAMETERS: No methodName} " +
				"{2 INCORRECT_PARAMETERS: No methodName} {1 UNKNOWN_METHOD}]"},
		{[]any{one("system.multicall", []any{})}, "[{2 INCORRECT_PARAMETERS: Recursive system.multicall forbidden}]"},
		{[]any{map[string]any{"methodName": "supervisor.getState", "params": 5}}, "[{2 INCORRECT_PARAMETERS}]"},
		{[]any{one("system.methodHelp", "nope")}, "[{4 SIGNATURE_UNSUPPORTED}]"},
		{5, "2 INCORRECT_PARAMETERS"},
		{"text", "2 INCORRECT_PARAMETERS"},
		{[]any{5}, "2 INCORRECT_PARAMETERS"},
	}
	for _, tt := range tests {
		if got := w.text("system.multicall", tt.calls); got != tt.want {
			t.Errorf("multicall(%v): %s, want %s", tt.calls, got, tt.want)
		}
	}
}

// odd is a namespace whose methods fail in all ways there are.
func odd() []ext.Method {
	m := func(name string) ext.Method {
		return ext.Method{Name: name, Signature: []string{"struct"}, Role: ext.View}
	}
	return []ext.Method{
		ext.Bind0(m("panic"), func(context.Context) (any, error) { panic("oh") }),
		ext.Bind0(m("error"), func(context.Context) (any, error) { return nil, os.ErrPermission }),
		ext.Bind0(m("fault"), func(context.Context) (any, error) { return nil, fault.Errorf(fault.Code(555), "%s", "x") }),
		ext.Bind0(m("wrong"), func(context.Context) (any, error) { return make(chan int), nil }),
		ext.Bind0(m("big"), func(context.Context) (any, error) { return strings.Repeat("x", maxMulticall/2), nil }),
		ext.Bind0(m("nest"), func(context.Context) (any, error) {
			return ext.Struct{
				{Name: "z", Value: []any{ext.Struct{{Name: "y", Value: 1}}}},
				{Name: "a", Value: map[string]any{"x": ext.Struct{}}},
			}, nil
		}),
	}
}

func TestOddMethods(t *testing.T) {
	t.Parallel()
	w := newWorld(t, programs)
	if err := w.server.add(Namespace{"odd", odd()}); err != nil {
		t.Fatal(err)
	}
	for method, want := range map[string]string{
		"odd.error": "30 FAILED: permission denied",
		"odd.fault": "555 UNKNOWN: x",
		"odd.nest":  "map[a:map[x:map[]] z:[map[y:1]]]",
	} {
		if got := w.text(method); got != want {
			t.Errorf("%s: %s, want %s", method, got, want)
		}
	}
	calls := []any{}
	for _, name := range []string{"panic", "wrong", "error"} {
		calls = append(calls, map[string]any{"methodName": "odd." + name})
	}
	want := "[{30 FAILED: unexpected exception} {30 FAILED: cannot write a chan int as XML-RPC} {30 FAILED: permission denied}]"
	if got := w.text("system.multicall", calls); got != want {
		t.Errorf("multicall: %s, want %s", got, want)
	}
	if line, ok := w.log.find("CRIT"); !ok || !strings.Contains(line, "rpc.odd") {
		t.Errorf("no stack in %q", line)
	}
	big := map[string]any{"methodName": "odd.big"}
	if got := w.text("system.multicall", []any{big, big, big, big}); !strings.HasPrefix(got, "30 FAILED: the answer of system.multicall has") {
		t.Errorf("multicall without an end: %.100s", got)
	}
}

func TestRefusedNamespaces(t *testing.T) {
	t.Parallel()
	noRole := odd()
	noRole[0].Role = 0
	for _, n := range []Namespace{{"a.b", odd()}, {"", odd()}, {"x", noRole}, {"system", (&System{}).Methods()}} {
		if _, err := NewServer(&testLog{}, []Namespace{n}); err == nil {
			t.Errorf("namespace %q is accepted", n.Name)
		}
	}
}

// The order of members is not seen in a decoded answer.
func TestNestedOrder(t *testing.T) {
	t.Parallel()
	s, err := NewServer(&testLog{}, []Namespace{{"odd", odd()}})
	if err != nil {
		t.Fatal(err)
	}
	body := post(t, s, "<methodCall><methodName>odd.nest</methodName></methodCall>").Body.Bytes()
	if z, a := bytes.Index(body, []byte("<name>z</name>")), bytes.Index(body, []byte("<name>a</name>")); z < 0 || z > a {
		t.Errorf("members are sorted in %s", body)
	}
}
