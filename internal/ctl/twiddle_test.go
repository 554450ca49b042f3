package ctl

import (
	"slices"
	"strings"
	"testing"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/ini"
)

func TestTwiddleCalls(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.answer("twiddler.getGroupNames", []any{"web", "cat"})
	for _, method := range []string{"addProgramToGroup", "removeProcessFromGroup", "log"} {
		f.answer("twiddler."+method, true)
	}
	for _, test := range []struct {
		args       []string
		want, call string
	}{
		{[]string{"twiddle groups"}, "cat\nweb\n", "twiddler.getGroupNames[]"},
		{[]string{"twiddle", "groups"}, "cat\nweb\n", "twiddler.getGroupNames[]"},
		{[]string{"twiddle", "add", "web", "w1", "autostart=false", "environment=A=\"1 2\"", "command=x -y=z"}, "web:w1: added process\n",
			`twiddler.addProgramToGroup[web w1 map[autostart:false command:x -y=z environment:A="1 2"]]`},
		{[]string{"twiddle", "add", "web", "w1", "--", "sh", "-c", "echo 'hi' 100%; exit", "", "--"}, "web:w1: added process\n",
			`twiddler.addProgramToGroup[web w1 map[command:sh -c 'echo '"'"'hi'"'"' 100%%; exit' '' --]]`},
		{[]string{`twiddle add web web 'environment=A="1 2"' -- sleep "1 0"`}, "web: added process\n",
			`twiddler.addProgramToGroup[web web map[command:sleep '1 0' environment:A="1 2"]]`},
		{[]string{"twiddle", "remove", "web:w1"}, "web:w1: removed process\n", "twiddler.removeProcessFromGroup[web w1]"},
		{[]string{"twiddle remove cat"}, "cat: removed process\n", "twiddler.removeProcessFromGroup[cat cat]"},
		{[]string{"twiddle", "log", "hello", "you"}, "", "twiddler.log[hello you 20]"},
		{[]string{"twiddle", "log", "-l", "WARN", "-l"}, "", "twiddler.log[-l 30]"},
	} {
		got := runCtl(t, f.URL, "", test.args...)
		if want := (reply{out: test.want}); got != want {
			t.Errorf("%q = %+v, want %+v", test.args, got, want)
		}
		if calls := strings.Join(f.asked(), " "); calls != test.call {
			t.Errorf("%q calls %s\nwant %s", test.args, calls, test.call)
		}
	}
}

func TestTwiddleUsage(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	for line, want := range map[string]string{
		"twiddle groups x":               "twiddle groups accepts no arguments",
		"twiddle add":                    "twiddle add requires a group and a name",
		"twiddle add g -- x":             "twiddle add requires a group and a name",
		"twiddle add g n":                "a program requires a command: add -- and the command, or command=...",
		"twiddle add g n a=b":            "a program requires a command: add -- and the command, or command=...",
		"twiddle add g n --":             "no command after --",
		"twiddle add g n sleep 1":        `"sleep" is not key=value; a command goes after --`,
		"twiddle add g n a=1 a=2":        `"a" is given twice`,
		"twiddle add g n command=x -- y": "the command is given twice, as command= and after --",
		"twiddle remove":                 "twiddle remove requires one <group>:<process>",
		"twiddle remove a b":             "twiddle remove requires one <group>:<process>",
		"twiddle remove g:*":             "twiddle remove takes one process at a time, not a whole group",
		"twiddle log":                    "twiddle log requires a message",
		"twiddle log -l":                 "-l requires a level",
		"twiddle log -l loud x":          `no level "loud": want critical, error, warn, info, debug, trace or blather`,
		"twiddle add 'x":                 "cannot read the command: No closing quotation",
	} {
		f.one(t, line, "Error: "+want+"\n", 2)
	}
	f.one(t, "twiddle", "Error: twiddle requires a command\n"+strings.Join(twiddleHelp, "\n")+"\n", 2)
	got := runCtl(t, f.URL, "", "twiddle", "gruops")
	if want := (reply{"Error: unknown twiddle command \"gruops\"\n", "hint: did you mean \"groups\"?\n", 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if calls := f.asked(); len(calls) != 0 {
		t.Errorf("calls %q", calls)
	}
}

func TestTwiddleFaults(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	needs := "hint: it needs the section [rpcinterface:twiddler] with supervisor.rpcinterface_factory = " +
		"supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface\n"
	for _, test := range []struct {
		err  error
		line string
		want reply
	}{
		{fault.Bare(fault.UnknownMethod), "twiddle add g n -- x", reply{"ERROR: the server has no twiddler\n", needs, 3}},
		{fault.New(fault.NotInWhitelist, "x"), "twiddle add g n -- x", reply{"ERROR: the server's whitelist does not allow that\n", "", 1}},
		{fault.Bare(fault.ShutdownState), "twiddle remove g:n", reply{"ERROR: supervisor shutting down\n", "", 1}},
		{fault.New(fault.BadName, "group: g"), "twiddle add g n -- x",
			reply{"ERROR: cannot add program \"n\" to group \"g\": no such group: BAD_NAME: group: g\n", "", 1}},
		{fault.New(fault.BadName, "n"), "twiddle add g n -- x",
			reply{"ERROR: cannot add program \"n\" to group \"g\": there is such a process already: BAD_NAME: n\n", "", 1}},
		{fault.New(fault.IncorrectParameters, "bad"), "twiddle add g n -- x", reply{"ERROR: cannot add program \"n\" to group \"g\": INCORRECT_PARAMETERS: bad\n", "", 1}},
		{fault.New(fault.StillRunning, "n"), "twiddle remove g:n",
			reply{"ERROR: process still running: g:n\n", "hint: stop it first: stop g:n\n", 1}},
		{fault.New(fault.BadName, "n"), "twiddle remove g:n", reply{"ERROR: cannot remove \"g:n\": no such process: BAD_NAME: n\n", "", 1}},
	} {
		f.answer("twiddler.addProgramToGroup", test.err)
		f.answer("twiddler.removeProcessFromGroup", test.err)
		if got := runCtl(t, f.URL, "", test.line); got != test.want {
			t.Errorf("%q after %v = %+v, want %+v", test.line, test.err, got, test.want)
		}
	}
}

// TestCommandLine: the server reads the words that were given.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	for _, words := range [][]string{{"sleep", "1"}, {"sh", "-c", `a "b" 'c' \d $e`}, {"", " ", "\t"}, {"é", "100%"}, {"%(x)s"}} {
		line, err := ini.Expand(commandLine(words), "command", ini.Vars{})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ini.Split(line); err != nil || !slices.Equal(got, words) {
			t.Errorf("%q: %q, %v", words, got, err)
		}
	}
}
