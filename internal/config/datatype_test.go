package config

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"example.org/twiddler/internal/proc"
	"example.org/twiddler/level"
)

// A valueCase is one input of a datatype: a value, or the text of an error.
// Supervisor 4.2.5, datatypes.py, run on Python 3.11.
type valueCase struct {
	in   string
	want any
	err  string
}

// checkValues runs a datatype over its cases.
func checkValues[T any](t *testing.T, convert func(string) (T, error), cases []valueCase) {
	t.Helper()
	for _, c := range cases {
		got, err := convert(c.in)
		switch {
		case c.err != "":
			if err == nil || err.Error() != c.err {
				t.Errorf("%q = %v, %v, want error %q", c.in, got, err, c.err)
			}
		case err != nil:
			t.Errorf("%q: unexpected error %v", c.in, err)
		case !reflect.DeepEqual(any(got), c.want):
			t.Errorf("%q = %v, want %v", c.in, got, c.want)
		}
	}
}

// literal is the error of Python's int.
func literal(quoted string) string {
	return "invalid literal for int() with base 10: " + quoted
}

func TestInteger(t *testing.T) {
	t.Parallel()
	checkValues(t, integer, []valueCase{
		{in: "0", want: int64(0)},
		{in: " +12\t", want: int64(12)},
		{in: "-7", want: int64(-7)},
		{in: "007", want: int64(7)},
		{in: "1_000_0", want: int64(10000)},
		{in: "٣٤", want: int64(34)},
		{in: "𝟗", want: int64(9)},
		{in: "\u00a05\x1f", want: int64(5)},
		{in: "99999999999999999999", want: int64(math.MaxInt64)},
		{in: "-99999999999999999999", want: int64(-math.MaxInt64)},
		{in: "", err: literal("''")},
		{in: " ", err: literal("' '")},
		{in: "0x10", err: literal("'0x10'")},
		{in: "1.5", err: literal("'1.5'")},
		{in: "_1", err: literal("'_1'")},
		{in: "1_", err: literal("'1_'")},
		{in: "1__0", err: literal("'1__0'")},
		{in: "+-1", err: literal("'+-1'")},
		{in: "- 1", err: literal("'- 1'")},
		{in: "1 2", err: literal("'1 2'")},
		{in: "it's", err: literal(`"it's"`)},
		{in: "²", err: literal("'²'")},
		{in: strings.Repeat("x", 500), err: literal("'" + strings.Repeat("x", 199))},
	})
}

func TestByteSize(t *testing.T) {
	t.Parallel()
	checkValues(t, byteSize, []valueCase{
		{in: "0", want: int64(0)},
		{in: "1024", want: int64(1024)},
		{in: "-1", want: int64(-1)},
		{in: "1KB", want: int64(1 << 10)},
		{in: "50 mb", want: int64(50 << 20)},
		{in: "3Gb", want: int64(3 << 30)},
		{in: "99999999999GB", want: int64(math.MaxInt64)},
		{in: "-99999999999GB", want: int64(math.MinInt64)},
		{in: "", err: literal("''")},
		{in: "KB", err: literal("''")},
		{in: "1K", err: literal("'1k'")},
		{in: "1B", err: literal("'1b'")},
		{in: "1TB", err: literal("'1tb'")},
		{in: "1.5MB", err: literal("'1.5'")},
		{in: "X MB", err: literal("'x '")},
	})
}

func TestOctal(t *testing.T) {
	t.Parallel()
	checkValues(t, octal, []valueCase{
		{in: "022", want: 0o22},
		{in: "22", want: 0o22},
		{in: "0o22", want: 0o22},
		{in: "0O_22", want: 0o22},
		{in: " +7_7 ", want: 0o77},
		{in: "01777", want: 0o777},
		{in: "8", err: "8 can not be converted to an octal type"},
		{in: "", err: " can not be converted to an octal type"},
		{in: "0x1", err: "0x1 can not be converted to an octal type"},
		{in: "0o", err: "0o can not be converted to an octal type"},
		{in: "0o__1", err: "0o__1 can not be converted to an octal type"},
	})
}

func TestBoolean(t *testing.T) {
	t.Parallel()
	cases := []valueCase{}
	for _, word := range []string{"yes", "True", "ON", "1"} {
		cases = append(cases, valueCase{in: word, want: true})
	}
	for _, word := range []string{"no", "False", "OFF", "0"} {
		cases = append(cases, valueCase{in: word, want: false})
	}
	for _, word := range []string{"", "y", "t", "2", "enabled", " true"} {
		cases = append(cases, valueCase{in: word, err: "not a valid boolean value: '" + word + "'"})
	}
	checkValues(t, boolean, cases)
}

func TestAutoRestart(t *testing.T) {
	t.Parallel()
	checkValues(t, autoRestart, []valueCase{
		{in: "Yes", want: proc.RestartAlways},
		{in: "0", want: proc.RestartNever},
		{in: "UNEXPECTED", want: proc.RestartUnexpected},
		{in: "Maybe", err: "invalid 'autorestart' value 'maybe'"},
		{in: "", err: "invalid 'autorestart' value ''"},
	})
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	cases := []valueCase{
		{in: "", want: []int{}},
		{in: "0", want: []int{0}},
		{in: " 0 , 2,2,255", want: []int{0, 2, 2, 255}},
	}
	for _, word := range []string{"0,", "256", "-1", "a", " ", "0;1"} {
		cases = append(cases, valueCase{in: word, err: "not a valid list of exit codes: '" + word + "'"})
	}
	checkValues(t, exitCodes, cases)
}

func TestParseSignal(t *testing.T) {
	t.Parallel()
	checkValues(t, ParseSignal, []valueCase{
		{in: "TERM", want: 15},
		{in: " sigusr1 ", want: 10},
		{in: "15", want: 15},
		{in: "0", want: 0},
		{in: "CLD", want: 17},
		{in: "POLL", want: 29},
		{in: "IOT", want: 6},
		{in: "STKFLT", want: 16},
		{in: "RTMIN", want: 34},
		{in: "RTMAX", want: 64},
		{in: "34", want: 34},
		{in: "SIG_IGN", want: 1},
		{in: "_dfl", want: 0},
		{in: "SIG_DFL", want: 0},
		{in: "SIG_SETMASK", want: 2},
		{in: "RTMIN+1", err: "value 'RTMIN+1' is not a valid signal name"},
		{in: "", err: "value '' is not a valid signal name"},
		{in: "nope", err: "value 'nope' is not a valid signal name"},
		{in: "32", err: "value '32' is not a valid signal number"},
		{in: "35", err: "value '35' is not a valid signal number"},
		{in: "63", err: "value '63' is not a valid signal number"},
		{in: "65", err: "value '65' is not a valid signal number"},
		{in: "-1", err: "value '-1' is not a valid signal number"},
		{in: "99999999999999999999", err: "value '99999999999999999999' is not a valid signal number"},
	})
}

func TestLogLevel(t *testing.T) {
	t.Parallel()
	checkValues(t, logLevel, []valueCase{
		{in: "Critical", want: level.Critical},
		{in: "blather", want: level.Blather},
		{in: "warning", err: "bad logging level name 'warning'"},
		{in: "20", err: "bad logging level name '20'"},
		{in: "crit", err: "bad logging level name 'crit'"},
		{in: "", err: "bad logging level name ''"},
	})
}

func TestName(t *testing.T) {
	t.Parallel()
	checkValues(t, checkName, []valueCase{
		{in: " a ", want: "a"},
		{in: "", want: ""},
		{in: "a\tb", want: "a\tb"},
		{in: "a b:c", err: "Invalid name: 'a b:c' because of character: ' '"},
		{in: "a/b:c", err: "Invalid name: 'a/b:c' because of character: ':'"},
		{in: " a/b", err: "Invalid name: ' a/b' because of character: '/'"},
	})
}

func TestList(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]string{
		"": nil, "a": {"a"}, " a , b\n,c,": {"a", "b", "c", ""},
	} {
		if got := list(in); !reflect.DeepEqual(got, want) {
			t.Errorf("list(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestInetAddress(t *testing.T) {
	t.Parallel()
	convert := func(s string) (string, error) {
		host, number, err := inetAddress(s)
		return fmt.Sprintf("%s:%d", host, number), err
	}
	checkValues(t, convert, []valueCase{
		{in: "9001", want: ":9001"},
		{in: ":9001", want: ":9001"},
		{in: "*:1", want: ":1"},
		{in: "LocalHost:65535", want: "localhost:65535"},
		{in: "[::1]:80", want: "[::1]:80"},
		{in: "x", err: "not a valid port number: 'x' "},
		{in: "0", err: "not a valid port number: '0' "},
		{in: "65536", err: "not a valid port number: '65536' "},
		{in: "host:", err: "no port number specified in ''"},
		{in: "host:abc", err: literal("'abc'")},
		{in: "host:0", err: "0 is below lower bound (1)"},
		{in: "host:70000", err: "70000 is above upper bound (65535)"},
	})
}

func TestSeconds(t *testing.T) {
	t.Parallel()
	if got := seconds(-3); got != -3*time.Second {
		t.Errorf("seconds(-3) = %v", got)
	}
	if got := seconds(math.MaxInt64); got < 290*365*24*time.Hour {
		t.Errorf("seconds of a huge number = %v, want the most there is", got)
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	l := newLoader(LoadOptions{
		Cwd: "/cwd", Environ: []string{"HOME=/home/me/"},
		HomeDir: func(user string) (string, bool) { return "/home/" + user, user == "alice" },
	})
	for in, want := range map[string]string{
		"":            "/cwd",
		"a//b/../c":   "/cwd/a/c",
		"~":           "/home/me",
		"~/x":         "/home/me/x",
		"~alice/x":    "/home/alice/x",
		"~nobody/x":   "/cwd/~nobody/x",
		"x~":          "/cwd/x~",
		"/a/./b/":     "/a/b",
		"//a/b":       "//a/b",
		"///a":        "/a",
		"//":          "//",
		"../../../up": "/up",
	} {
		if got := l.normal(in); got != want {
			t.Errorf("normal(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"": "", "a": "", "/": "/", "/a": "/", "a/b": "a", "a//b": "a", "/a/b/": "/a/b", "//a": "//",
	} {
		if got := dirname(in); got != want {
			t.Errorf("dirname(%q) = %q, want %q", in, got, want)
		}
	}
	root := newLoader(LoadOptions{Cwd: "/", Environ: []string{"HOME=/"}})
	if got := root.expandUser("~"); got != "/" {
		t.Errorf("expandUser(~) = %q with HOME=/", got)
	}
}
