package ext

import (
	"context"
	"errors"
	"strings"
	"testing"

	"example.org/twiddler/fault"
)

// show publishes a function that answers its parameter, to see what became of
// the value that a client sent.
func show[A any]() Method {
	return Bind1(Method{Name: "show"}, func(_ context.Context, a A) (any, error) { return a, nil })
}

func TestBindConverts(t *testing.T) {
	t.Parallel()
	const bad = "INCORRECT_PARAMETERS"
	text, number, wide := show[string](), show[int](), show[int64]()
	float, truth, dict := show[float64](), show[bool](), show[map[string]any]()
	list, words, raw, anything := show[[]any](), show[[]string](), show[[]byte](), show[any]()
	rows := []struct {
		name   string
		method Method
		in     any
		want   string // the Python text of the result, or the fault
	}{
		{"string", text, "a", "a"},
		{"string", text, 5, bad},
		{"string", text, nil, bad},
		{"string", text, true, bad},
		{"int", number, 5, "5"},
		{"int", number, "5", "5"},
		{"int", number, 2.7, "2"},
		{"int", number, -2.7, "-2"},
		{"int", number, true, "1"},
		{"int", number, "abc", bad},
		{"int", number, "9223372036854775808", bad},
		{"int", number, 9.3e18, bad},
		{"int", number, -9.3e18, bad},
		{"int", number, nil, bad},
		{"int", number, []any{1}, bad},
		{"int64", wide, "-5", "-5"},
		{"int64", wide, map[string]any{}, bad},
		{"float64", float, 1.5, "1.5"},
		{"float64", float, 2, "2.0"},
		{"float64", float, " 2.5 ", "2.5"},
		{"float64", float, true, "1.0"},
		{"float64", float, "0x10p0", bad},
		{"float64", float, nil, bad},
		{"bool", truth, "0", "True"}, // as xmlrpc clients of Supervisor get it
		{"bool", truth, "", "False"},
		{"bool", truth, 0, "False"},
		{"bool", truth, nil, "False"},
		{"bool", truth, []any{nil}, "True"},
		{"struct", dict, map[string]any{"a": 1}, "{'a': 1}"},
		{"struct", dict, []any{[]any{"a", 1}}, "{'a': 1}"},
		{"struct", dict, "a", bad},
		{"array", list, []any{1}, "[1]"},
		{"array", list, "ab", bad},
		{"strings", words, []any{"a", "b"}, "[a b]"},
		{"strings", words, []any{"a", 1}, bad},
		{"strings", words, "a", bad},
		{"bytes", raw, []byte("a"), "a"},
		{"bytes", raw, "a", bad},
		{"any", anything, nil, "None"},
		{"any", anything, 1.5, "1.5"},
	}
	for _, row := range rows {
		got := ""
		v, err := row.method.Call(t.Context(), []any{row.in})
		if err != nil {
			got = err.Error()
		} else {
			got = Text(v)
		}
		if got != row.want {
			t.Errorf("%s from %s = %q, want %q", row.name, Text(row.in), got, row.want)
		}
	}
}

func TestBindCountsAndDefaults(t *testing.T) {
	t.Parallel()
	join := func(parts ...string) (string, error) { return strings.Join(parts, ","), nil }
	none := Bind0(Method{}, func(context.Context) (string, error) { return join("none") })
	one := Bind1(Method{Defaults: []any{"x"}}, func(_ context.Context, a string) (string, error) { return join(a) })
	two := Bind2(Method{Defaults: []any{"y"}}, func(_ context.Context, a, b string) (string, error) { return join(a, b) })
	three := Bind3(Method{Defaults: []any{"y", "z"}}, func(_ context.Context, a, b, c string) (string, error) { return join(a, b, c) })
	four := Bind4(Method{}, func(_ context.Context, a, b, c, d string) (string, error) { return join(a, b, c, d) })
	const bad = "INCORRECT_PARAMETERS"
	rows := []struct {
		method Method
		params string // one letter each
		want   string
	}{
		{none, "", "none"}, {none, "a", bad},
		{one, "", "x"}, {one, "a", "a"}, {one, "ab", bad},
		{two, "", bad}, {two, "a", "a,y"}, {two, "ab", "a,b"}, {two, "abc", bad},
		{three, "", bad}, {three, "a", "a,y,z"}, {three, "ab", "a,b,z"}, {three, "abc", "a,b,c"}, {three, "abcd", bad},
		{four, "abc", bad}, {four, "abcd", "a,b,c,d"}, {four, "abcde", bad},
	}
	for _, row := range rows {
		var params []any
		for _, r := range row.params {
			params = append(params, string(r))
		}
		got := ""
		if v, err := row.method.Call(t.Context(), params); err != nil {
			got = err.Error()
		} else {
			got = v.(string)
		}
		if got != row.want {
			t.Errorf("call with %q = %q, want %q", row.params, got, row.want)
		}
	}
}

func TestBindRefusesEachBadParameter(t *testing.T) {
	t.Parallel()
	m := Bind4(Method{}, func(_ context.Context, a, b, c, d string) (string, error) { return "called", nil })
	for i := range 4 {
		params := []any{"a", "b", "c", "d"}
		params[i] = 5
		if _, err := m.Call(t.Context(), params); !fault.Is(err, fault.IncorrectParameters) {
			t.Errorf("call with an int as parameter %d: error %v, want INCORRECT_PARAMETERS", i, err)
		}
	}
}

func TestBindPassesErrorWithoutResult(t *testing.T) {
	t.Parallel()
	want := errors.New("no")
	m := Bind0(Method{}, func(context.Context) (string, error) { return "half", want })
	if v, err := m.Call(t.Context(), nil); v != nil || err != want {
		t.Errorf("Call = %v, %v; want nil, %v", v, err, want)
	}
}

func TestBindPanicsOnTypeWithoutConversion(t *testing.T) {
	t.Parallel()
	defer func() {
		if r := recover(); r == nil || !strings.Contains(r.(string), `"odd"`) {
			t.Errorf("panic = %v, want one that names the method", r)
		}
	}()
	Bind2(Method{Name: "odd"}, func(_ context.Context, _ string, _ chan int) (bool, error) { return true, nil })
}

func TestCheck(t *testing.T) {
	t.Parallel()
	good := func(change func(*Method)) []Method {
		m := Bind1(Method{Name: "getIt", Signature: []string{"boolean", "string|int"}, Params: []string{"name"}, Role: View},
			func(context.Context, any) (bool, error) { return true, nil })
		change(&m)
		return []Method{m}
	}
	rows := []struct {
		methods []Method
		want    string // part of the error; empty for none
	}{
		{good(func(*Method) {}), ""},
		{good(func(m *Method) { m.Params = nil }), ""},
		{good(func(m *Method) { m.Name = "_hidden" }), `"_hidden" has a name`},
		{good(func(m *Method) { m.Name = "a.b" }), "has a name"},
		{good(func(m *Method) { m.Name = "" }), "has a name"},
		{good(func(m *Method) { m.Role = 0 }), "has no role"},
		{good(func(m *Method) { m.Role = Admin + 1 }), "has no role"},
		{good(func(m *Method) { m.Call = nil }), "has no Call"},
		{good(func(m *Method) { m.Signature = nil }), "has no signature"},
		{good(func(m *Method) { m.Signature[1] = "string|bool" }), `unknown type "bool"`},
		{good(func(m *Method) { m.Params = []string{"a", "b"} }), "2 parameter names and 1 parameters"},
		{good(func(m *Method) { m.Defaults = []any{1, 2} }), "2 defaults"},
		{append(good(func(*Method) {}), good(func(*Method) {})...), "there twice"},
	}
	for i, row := range rows {
		err := Check(row.methods)
		if row.want == "" && err != nil {
			t.Errorf("row %d: Check = %v, want no error", i, err)
		}
		if row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("row %d: Check = %v, want one with %q", i, err, row.want)
		}
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"view", "operate", "define", "admin"} {
		r, ok := ParseRole(word)
		if !ok || r.String() != word || !r.Valid() {
			t.Errorf("ParseRole(%q) = %v, %v", word, r, ok)
		}
	}
	if r, ok := ParseRole(""); ok || r.Valid() || r.String() != "none" {
		t.Errorf("ParseRole of nothing = %v, %v", r, ok)
	}
	if View >= Operate || Operate >= Define || Define >= Admin {
		t.Error("roles are out of order")
	}
}

func BenchmarkCall(b *testing.B) {
	m := Bind2(Method{Defaults: []any{true}}, func(_ context.Context, name string, wait bool) (bool, error) { return wait, nil })
	params := []any{"web:nginx", true}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Call(b.Context(), params); err != nil {
			b.Fatal(err)
		}
	}
}
