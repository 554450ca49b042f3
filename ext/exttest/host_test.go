package exttest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
)

type options = map[string]any

// add says what became of an AddProgram to a group "web" that has a process
// "nginx": the processes then there, or the fault.
func add(t *testing.T, group, program string, o options) string {
	t.Helper()
	h := NewHost("db")
	h.SetProcess("web", "nginx", true)
	if err := h.AddProgram(t.Context(), group, program, o); err != nil {
		if got := h.Processes("web"); len(got) != 1 {
			t.Errorf("a refused AddProgram left %v", got)
		}
		return err.Error()
	}
	return strings.Join(h.Processes(group), " ")
}

func TestAddProgram(t *testing.T) {
	t.Parallel()
	const in = " in section 'program:x' (file: 'supervisord.conf')"
	rows := []struct {
		group, program string
		options        options
		want           string
	}{
		{"web", "x", options{"command": "/bin/cat"}, "nginx x"},
		{"db", "x", options{"COMMAND": "/bin/cat"}, "x"},
		{"web", "x", options{"command": "c", "numprocs": "2", "process_name": "%(program_name)s_%(process_num)02d"}, "nginx x_00 x_01"},
		{"web", "x", options{"command": "c", "numprocs": 2, "numprocs_start": 9.5, "process_name": "%(group_name)s%(process_num)d"}, "nginx web10 web9"},
		{"web", "x", options{"command": "c", "process_name": 5}, "nginx 5"},
		{"web", "x", options{"numprocs": 0}, "nginx"},
		{"web", "x", options{"command": "c", "numprocs": -1}, "nginx"},
		{"no", "x", options{}, "BAD_NAME: group: no"},
		{"web", "nginx", options{"command": "c"}, "BAD_NAME: nginx"},
		{"web", "x", options{"command": "c", "process_name": "nginx"}, "BAD_NAME: nginx"},
		{"web", "n", options{"command": "c", "numprocs": 3, "process_name": "ngin%(process_num)s", "numprocs_start": -1}, "nginx ngin-1 ngin0 ngin1"},
		{"web", "x", options{"process_name": "%(program_name)s x"}, "INCORRECT_PARAMETERS: Invalid name: '%(program_name)s x' because of character: ' '" + in},
		{"web", "x", options{"numprocs": 2}, "INCORRECT_PARAMETERS: %(process_num) must be present within process_name when numprocs > 1" + in},
		{"web", "x", options{}, "INCORRECT_PARAMETERS: program section program:x does not specify a command" + in},
		{"web", "x", options{"command": nil}, "INCORRECT_PARAMETERS: program section program:x does not specify a command" + in},
		{"web", "x", options{"command": "c", "numprocs": 2}, "INCORRECT_PARAMETERS: %(process_num) must be present within process_name when numprocs > 1" + in},
		{"web", "x", options{"command": "c", "numprocs": "abc"}, "INCORRECT_PARAMETERS: invalid literal for int() with base 10: 'abc'" + in},
		{"web", "x", options{"command": "c", "numprocs_start": nil}, "INCORRECT_PARAMETERS"},
		{"web", "x", options{"command": "c", "process_name": "a:b c"}, "INCORRECT_PARAMETERS: Invalid name: 'a:b c' because of character: ' '" + in},
		{"web", "x/y", options{"command": "c"}, "INCORRECT_PARAMETERS: Invalid name: 'x/y' because of character: '/' in section 'program:x/y' (file: 'supervisord.conf')"},
		{"web", " ", options{"command": "c"}, "INCORRECT_PARAMETERS: Invalid name: '' in section 'program: ' (file: 'supervisord.conf')"},
		{"web", "x", options{"command": "c", "numprocs": 1000000, "process_name": "%(process_num)s"}, "INCORRECT_PARAMETERS: numprocs is more than the 10000 of this fake" + in},
	}
	for _, row := range rows {
		if got := add(t, row.group, row.program, row.options); got != row.want {
			t.Errorf("AddProgram(%s, %s, %v) = %q, want %q", row.group, row.program, row.options, got, row.want)
		}
	}
}

func TestAddProgramIsAllOrNothing(t *testing.T) {
	t.Parallel()
	h := NewHost("web")
	h.SetProcess("web", "w1", false)
	o := options{"command": "c", "numprocs": 3, "process_name": "w%(process_num)d"}
	if err := h.AddProgram(t.Context(), "web", "w", o); err == nil || err.Error() != "BAD_NAME: w1" {
		t.Errorf("AddProgram over w1 = %v, want BAD_NAME: w1", err)
	}
	if got := fmt.Sprint(h.Processes("web")); got != "[w1]" {
		t.Errorf("processes are %s, want [w1]", got)
	}
}

func TestOptionsAreKept(t *testing.T) {
	t.Parallel()
	h := NewHost("web")
	if err := h.AddProgram(t.Context(), "web", "x", options{"Command": "c", "priority": 5}); err != nil {
		t.Fatal(err)
	}
	if got := ext.Text(h.Options("web", "x")); got != "{'command': 'c', 'priority': 5}" {
		t.Errorf("options are %s", got)
	}
	h.SetProcess("web", "file", false)
	if h.Options("web", "file") != nil || h.Options("web", "no") != nil || h.Options("no", "x") != nil || h.Processes("no") != nil {
		t.Error("something is known of what AddProgram did not add")
	}
}

func TestRemoveProcess(t *testing.T) {
	t.Parallel()
	h := NewHost()
	h.SetProcess("web", "a", true)
	h.SetProcess("web", "b", false)
	for _, row := range []struct{ group, process, want string }{
		{"no", "a", "BAD_NAME: group: no"},
		{"web", "no", "BAD_NAME: no"},
		{"web", "a", "STILL_RUNNING: a"},
		{"web", "b", ""},
		{"web", "b", "BAD_NAME: b"},
	} {
		got := ""
		if err := h.RemoveProcess(t.Context(), row.group, row.process); err != nil {
			got = err.Error()
		}
		if got != row.want {
			t.Errorf("RemoveProcess(%s, %s) = %q, want %q", row.group, row.process, got, row.want)
		}
	}
	h.SetProcess("web", "a", false)
	if err := h.RemoveProcess(t.Context(), "web", "a"); err != nil {
		t.Errorf("RemoveProcess of a stopped process: %v", err)
	}
	if names, _ := h.GroupNames(t.Context()); fmt.Sprint(names) != "[web]" {
		t.Errorf("groups are %v; the empty one should stay", names)
	}
}

func TestGroupsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	h := NewHost("b", "a")
	h.AddGroup("c")
	h.AddGroup("a")
	h.RemoveGroup("b")
	h.AddGroup("b")
	if names, err := h.GroupNames(t.Context()); err != nil || fmt.Sprint(names) != "[a c b]" {
		t.Errorf("GroupNames = %v, %v; want [a c b]", names, err)
	}
}

func TestStateAndLog(t *testing.T) {
	t.Parallel()
	h := NewHost()
	if got := h.State(t.Context()); got != ext.Running {
		t.Errorf("State = %v, want RUNNING", got)
	}
	h.SetState(ext.Shutdown)
	if got := h.State(t.Context()); got != ext.Shutdown {
		t.Errorf("State = %v, want SHUTDOWN", got)
	}
	h.Log(ext.Warn, "50%\n")
	h.Log(ext.Blather, "")
	if got := fmt.Sprintf("%q", fmt.Sprint(h.Lines())); got != `"[WARN 50%\n BLAT ]"` {
		t.Errorf("Lines = %s", got)
	}
}

func TestEndedContext(t *testing.T) {
	t.Parallel()
	h := NewHost("web")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.GroupNames(ctx)
	for i, err := range []error{err, h.AddProgram(ctx, "web", "x", options{"command": "c"}), h.RemoveProcess(ctx, "web", "x")} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("call %d with an ended context = %v", i, err)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	h := NewHost("web")
	var wg sync.WaitGroup
	for i := range 8 {
		name := fmt.Sprint("p", i)
		wg.Go(func() {
			for range 50 {
				h.Log(ext.Info, name)
				if err := h.AddProgram(t.Context(), "web", name, options{"command": "c"}); err != nil {
					t.Errorf("AddProgram: %v", err)
				}
				if err := h.RemoveProcess(t.Context(), "web", name); err != nil {
					t.Errorf("RemoveProcess: %v", err)
				}
			}
		})
	}
	wg.Wait()
	if len(h.Processes("web")) != 0 || len(h.Lines()) != 400 {
		t.Errorf("%d processes and %d lines are left, want 0 and 400", len(h.Processes("web")), len(h.Lines()))
	}
}

// A recorder is a test that notes failures rather than failing.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(r)
}

// failing returns what f reports to its test.
func failing(t *testing.T, f func(testing.TB)) string {
	r := &recorder{TB: t}
	func() {
		defer func() {
			if p := recover(); p != nil && p != any(r) {
				panic(p)
			}
		}()
		f(r)
	}()
	return strings.Join(r.failures, "; ")
}

type table []ext.Method

func (t table) Methods() []ext.Method { return t }

// one is an extension with one method, which returns v.
func one(v any) table {
	return table{ext.Bind0(ext.Method{Name: "get", Signature: []string{"array"}, Role: ext.View},
		func(context.Context) (any, error) {
			if f, ok := v.(*fault.Error); ok {
				return nil, f
			}
			return v, nil
		})}
}

func TestCallReports(t *testing.T) {
	t.Parallel()
	good := []any{1, ext.Struct{{Name: "a", Value: map[string]any{"b": []string{"c"}}}}, true, 1.5}
	rows := []struct {
		name string
		f    func(testing.TB)
		want string
	}{
		{"good", func(tb testing.TB) { Want(tb, one(good), any(good), "get") }, ""},
		{"other", func(tb testing.TB) { Want(tb, one(1), 2, "get") }, "get[] = 1, <nil>; want 2"},
		{"fault", func(tb testing.TB) { WantFault(tb, one(fault.New(fault.BadName, "x")), "BAD_NAME: x", "get") }, ""},
		{"no fault", func(tb testing.TB) { WantFault(tb, one(1), "BAD_NAME: x", "get") }, "get[] = 1, <nil>; want the fault BAD_NAME: x"},
		{"count", func(tb testing.TB) { WantFault(tb, one(1), "INCORRECT_PARAMETERS", "get", 1) }, ""},
		{"missing", func(tb testing.TB) { _, _ = Call(tb, one(1), "put") }, `there is no method "put"`},
		{"nil", func(tb testing.TB) { _, _ = Call(tb, one(nil), "get") }, "get[] returned a <nil>, which cannot be sent"},
		{"deep", func(tb testing.TB) {
			_, _ = Call(tb, one([]any{map[string]any{"a": ext.Struct{{Name: "b", Value: uint(1)}}}}), "get")
		}, "get[] returned a uint, which cannot be sent"},
	}
	for _, row := range rows {
		if got := failing(t, row.f); got != row.want {
			t.Errorf("%s: reported %q, want %q", row.name, got, row.want)
		}
	}
}

func TestNewReports(t *testing.T) {
	t.Parallel()
	made := func(e ext.Extension, err error) ext.Factory {
		return ext.Factory{Name: "f", New: func(ext.Host, map[string]string) (ext.Extension, error) { return e, err }}
	}
	noRole := one(1)
	noRole[0].Role = 0
	rows := []struct {
		factory ext.Factory
		want    string
	}{
		{made(one(1), nil), ""},
		{made(nil, errors.New("no")), `extension "f" with map[]: no`},
		{made(noRole, nil), `extension "f": method "get" has no role`},
	}
	for _, row := range rows {
		if got := failing(t, func(tb testing.TB) { New(tb, row.factory, NewHost(), nil) }); got != row.want {
			t.Errorf("New reported %q, want %q", got, row.want)
		}
	}
}

// TestHostKnowsCallers: a caller that does not hold a group does not learn of
// it, either.
func TestHostKnowsCallers(t *testing.T) {
	t.Parallel()
	h := NewHost("a", "b")
	ctx := ext.WithCaller(t.Context(), ext.Caller{Account: "x", Role: ext.Define, Groups: []string{"a"}})
	if names, err := h.GroupNames(ctx); err != nil || len(names) != 1 || names[0] != "a" {
		t.Errorf("GroupNames = %v, %v; want a alone", names, err)
	}
	options := map[string]any{"command": "/bin/cat"}
	for group, want := range map[string]bool{"a": true, "b": false, "nosuch": false} {
		if err := h.AddProgram(ctx, group, "p", options); (err == nil) != want || err != nil && !fault.Is(err, fault.NotPermitted) {
			t.Errorf("AddProgram to %s = %v", group, err)
		}
		if err := h.RemoveProcess(ctx, group, "p"); (err == nil) != want || err != nil && !fault.Is(err, fault.NotPermitted) {
			t.Errorf("RemoveProcess from %s = %v", group, err)
		}
	}
}
