package ctl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOptionErrors: Supervisor 4.2.5, options.py, Options.realize.
func TestOptionErrors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-x"}, "option -x not recognized"},
		{[]string{"-s"}, "option -s requires argument"},
		{[]string{"--history-file", "x"}, "option --history-file not recognized"},
		{[]string{"--interactive=1"}, "option --interactive must not have an argument"},
		{[]string{"-s", "x", "status"}, "invalid value for -s 'x': value 'x' is not a URL"},
		{[]string{"--server", "1:x"}, "invalid value for --serverurl '1:x': value '1:x' is not a URL"},
		{[]string{"-s", "http://a", "--serverurl=http://b"}, "conflicting command line option '--serverurl'"},
		{[]string{"-i", "-i"}, "conflicting command line option '-i'"},
		{[]string{"-c", "/nonexistent/x"}, "could not find config file /nonexistent/x"},
		{[]string{"-c", "/"}, "could not read config file /"},
	} {
		got := runMain(t, "", test.args...)
		want := reply{"", "Error: " + test.want + "\nFor help, use supervisorctl -h\n", 2}
		if got != want {
			t.Errorf("%q = %+v, want %+v", test.args, got, want)
		}
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-h"}, {"-?"}, {"--help"}, {"-ih", "-x"}, {"--he", "status"}} {
		got := runMain(t, "", args...)
		if args[0] == "-ih" {
			// getopt reads all options before any counts.
			if got.code != 2 {
				t.Errorf("%q = %+v", args, got)
			}
			continue
		}
		if got.code != 0 || got.errOut != "" || !strings.HasPrefix(got.out, "Usage: supervisorctl [options]") ||
			!strings.Contains(got.out, "-r VALUE, --history_file=VALUE") {
			t.Errorf("%q = %+v", args, got)
		}
	}
}

func TestIsURL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"http://a": true, "http://a:b": true, "unix:///x": true, "unix://x": true, "a:b": true, "a+b.c-d:e": true, "http:///x": true,
		"": false, "x": false, "http://": false, "http:": false, "://a": false, "1a:b": false, "a b:c": false, "a:?q": false, "a:#f": false,
	} {
		if got := isURL(text); got != want {
			t.Errorf("isURL(%q) = %t", text, got)
		}
	}
}

func TestClientURL(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"unix:///a b?c":          "unix:///a b?c",
		"http://h":               "http://h",
		"http://h:9001/path?q#f": "http://h:9001",
		"http://u:p@h:1/RPC2":    "http://u:p@h:1",
		"http://[::1]:9001/x":    "http://[::1]:9001",
		"https://h:9001/path":    "https://h:9001",
		"HTTP://h":               "Unknown protocol for serverurl HTTP://h",
		"http://[::1]:x":         "Port could not be cast to integer value as 'x'",
		"http://a b":             "cannot use server URL: it is not a URL",
	} {
		got, err := clientURL(raw)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("clientURL(%q) = %q, want %q", raw, got, want)
		}
	}
}

// TestPrecedence: the command line wins over the file, and both credentials
// must be there.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "c")
	if err := os.WriteFile(path, []byte("[supervisorctl]\nserverurl=http://file\nusername=fu\nprompt=%(ENV_PATH)s\nhistory_file=%(here)s/h\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	load := func(args ...string) *options {
		f, err := parseFlags(append([]string{"-c", path}, args...))
		if err != nil {
			t.Fatal(err)
		}
		o, err := configure("supervisorctl", f)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	o := load()
	if o.url != "http://file" || o.username != "fu" || o.credentials || !o.interactive ||
		o.prompt != os.Getenv("PATH") || o.history != filepath.Dir(path)+"/h" {
		t.Errorf("from the file: %+v", o)
	}
	o = load("-s", "http://flag", "-u", "u", "-p", "", "-r", "hist", "status")
	if o.url != "http://flag" || o.username != "u" || !o.credentials || o.interactive || o.history != "hist" {
		t.Errorf("from the command line: %+v", o)
	}
	if o := load("-p", "x", "-i", "status"); !o.credentials || o.username != "fu" || !o.interactive {
		t.Errorf("from both: %+v", o)
	}
}

func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "c")
	for text, want := range map[string]reply{
		"[x]\n":                  {"", "Error: .ini file does not include supervisorctl section\nFor help, use supervisorctl -h\n", 2},
		"[supervisorctl]\nurl\n": {"", "Error: Source contains parsing errors: '" + path + "'\n\t[line  2]: 'url\\n'\n", 1},
		"[supervisorctl]\n[ctlplugin:x]\n": {"",
			"Error: section [ctlplugin:x] does not specify a supervisor.ctl_factory\nFor help, use supervisorctl -h\n", 2},
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := runMain(t, "", "-c", path, "pid"); got != want {
			t.Errorf("%q = %+v, want %+v", text, got, want)
		}
	}
}
