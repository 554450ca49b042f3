package ext

import (
	"fmt"
	"math"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A date stands for the date type of a decoder.
type date string

func (d date) Time() (time.Time, error) { return time.Parse("20060102T15:04:05", string(d)) }

// Each row was checked with Python 3.11: str(v), bool(v), int(v). An empty
// number says that int(v) raises, which the client sees as a fault.
var valueRows = []struct {
	python string // the same value in Python
	v      any
	text   string
	truth  bool
	number string
}{
	{"None", nil, "None", false, ""},
	{"True", true, "True", true, "1"},
	{"False", false, "False", false, "0"},
	{"5", 5, "5", true, "5"},
	{"0", 0, "0", false, "0"},
	{"-7", -7, "-7", true, "-7"},
	{"1.5", 1.5, "1.5", true, "1"},
	{"-1.5", -1.5, "-1.5", true, "-1"},
	{"0.0", 0.0, "0.0", false, "0"},
	{"20.0", 20.0, "20.0", true, "20"},
	{"1e-05", 1e-05, "1e-05", true, "0"},
	{"0.0001", 0.0001, "0.0001", true, "0"},
	{"1e15", 1e15, "1000000000000000.0", true, "1000000000000000"},
	{"1e16", 1e16, "1e+16", true, "10000000000000000"},
	{"float('inf')", math.Inf(1), "inf", true, ""},
	{"float('-inf')", math.Inf(-1), "-inf", true, ""},
	{"float('nan')", math.NaN(), "nan", true, ""},
	{"''", "", "", false, ""},
	{"'0'", "0", "0", true, "0"},
	{"'5'", "5", "5", true, "5"},
	{"' +5\\n'", " +5\n", " +5\n", true, "5"},
	{"'1_000'", "1_000", "1_000", true, "1000"},
	{"'1__0'", "1__0", "1__0", true, ""},
	{"'_1'", "_1", "_1", true, ""},
	{"'1_'", "1_", "1_", true, ""},
	{"'-_1'", "-_1", "-_1", true, ""},
	{"'abc'", "abc", "abc", true, ""},
	{"'1.5'", "1.5", "1.5", true, ""},
	{"'0x10'", "0x10", "0x10", true, ""},
	{"'1e3'", "1e3", "1e3", true, ""},
	{"[]", []any{}, "[]", false, ""},
	{"[1]", []any{1}, "[1]", true, ""},
	{"[1, 'a', None, True, 1.5, []]", []any{1, "a", nil, true, 1.5, []any{}}, "[1, 'a', None, True, 1.5, []]", true, ""},
	{"{}", map[string]any{}, "{}", false, ""},
	{"{'a': 1, 'b': ['c']}", map[string]any{"b": []any{"c"}, "a": 1}, "{'a': 1, 'b': ['c']}", true, ""},
	{`["it's"]`, []any{"it's"}, `["it's"]`, true, ""},
	{`['"\'']`, []any{`"'`}, `['"\'']`, true, ""},
	{`['\\\n\r\t\x01\x7f\xa0é']`, []any{"\\\n\r\t\x01\x7f\u00a0é"}, `['\\\n\r\t\x01\x7f\xa0é']`, true, ""},
	{`['\u200b\U000e0001']`, []any{"\u200b\U000e0001"}, `['\u200b\U000e0001']`, true, ""},
	{"datetime.datetime(2026, 11, 23, 12, 41)", date("20261123T12:41:00"), "2026-11-23 12:41:00", true, ""},
}

func TestValues(t *testing.T) {
	t.Parallel()
	for _, row := range valueRows {
		if got := Text(row.v); got != row.text {
			t.Errorf("Text(%s) = %q, want %q", row.python, got, row.text)
		}
		if got := Truth(row.v); got != row.truth {
			t.Errorf("Truth(%s) = %v, want %v", row.python, got, row.truth)
		}
		got := ""
		if n, ok := AsInt(row.v); ok {
			got = fmt.Sprint(n)
		}
		if got != row.number {
			t.Errorf("AsInt(%s) = %q, want %q", row.python, got, row.number)
		}
	}
}

// TestValuesAgainstPython asks Python about the rows above.
func TestValuesAgainstPython(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3")
	}
	var script, want strings.Builder
	script.WriteString(`import datetime
def number(v):
    try: return str(int(v))
    except Exception: return ''
def show(v): print(repr(str(v)), bool(v), number(v), sep='|')
`)
	for _, row := range valueRows {
		fmt.Fprintf(&script, "show(%s)\n", row.python)
		truth := "False"
		if row.truth {
			truth = "True"
		}
		fmt.Fprintf(&want, "%s|%s|%s\n", appendQuoted(nil, row.text), truth, row.number)
	}
	cmd := exec.Command(python, "-c", script.String())
	cmd.Env = append(cmd.Environ(), "PYTHONIOENCODING=utf-8")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python3: %v", err)
	}
	got, expected := strings.Split(string(out), "\n"), strings.Split(want.String(), "\n")
	for i := range expected {
		if i >= len(got) || got[i] != expected[i] {
			t.Errorf("row %d: Python says %q, the table says %q", i, got[min(i, len(got)-1)], expected[i])
		}
	}
}

func TestTextOfBinary(t *testing.T) {
	t.Parallel()
	if got, want := Text([]byte("a\xffb")), "a\uFFFDb"; got != want {
		t.Errorf("Text of binary data = %q, want %q", got, want)
	}
	if got, want := Text([]any{[]byte("a"), date("20261123T12:41:00")}), "['a', '2026-11-23 12:41:00']"; got != want {
		t.Errorf("Text of a list = %q, want %q", got, want)
	}
	if got, want := Text(date("soon")), "soon"; got != want {
		t.Errorf("Text of an odd date = %q, want %q", got, want)
	}
}

func TestAsStruct(t *testing.T) {
	t.Parallel()
	rows := []struct {
		v    any
		want string // by Text; empty if it is none
	}{
		{map[string]any{"a": 1}, "{'a': 1}"},
		{map[string]any{}, "{}"},
		{[]any{}, "{}"},
		{[]any{[]any{"a", 1}, []any{"b", nil}, []any{"a", 2}}, "{'a': 2, 'b': None}"},
		{[]any{[]any{"a"}}, ""},
		{[]any{[]any{"a", 1, 2}}, ""},
		{[]any{[]any{1, 2}}, ""},
		{[]any{"a"}, ""},
		{"ab", ""},
		{5, ""},
		{nil, ""},
		{true, ""},
	}
	for _, row := range rows {
		got := ""
		if m, ok := AsStruct(row.v); ok {
			got = Text(m)
		}
		if got != row.want {
			t.Errorf("AsStruct(%s) = %q, want %q", Text(row.v), got, row.want)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("it's", 1.5, 3)
	f.Add("\\\n\"'\x00\xff", 1e300, -1)
	f.Fuzz(func(t *testing.T, s string, d float64, n int) {
		nested := Text([]any{s, map[string]any{s: d}, n})
		if strings.ContainsAny(nested, "\n\r\x00") {
			t.Errorf("Text of a list has a raw control character: %q", nested)
		}
		if m, ok := AsInt(Text(n)); !ok || m != n {
			t.Errorf("AsInt(Text(%d)) = %d, %v", n, m, ok)
		}
		if g, ok := asFloat(Text(d)); !ok || (g != d && !math.IsNaN(d)) {
			t.Errorf("asFloat(Text(%v)) = %v, %v", d, g, ok)
		}
	})
}
