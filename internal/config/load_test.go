package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"example.org/twiddler/level"
)

// TestAllProblems: every problem is found, the first is the original's, and
// one that shows in several places counts once.
func TestAllProblems(t *testing.T) {
	t.Parallel()
	err := mustFail(t, `[supervisord]
loglevel=loud
[program:a]
command=a %(nope)s
startsecs=x
numprocs=2
priority=high
[program:b]
command=b
autostart=perhaps
environment=A
  B
[group:g]
programs=b,c
[group:h]
programs=b
[inet_http_server]
username=u
[eventlistener:l]
`)
	if want := "bad logging level name 'loud'"; err.Error() != want {
		t.Errorf("Error() = %q, want %q", err.Error(), want)
	}
	want := []string{
		`supervisord.conf:2: [supervisord] loglevel=loud: bad logging level name 'loud'`,
		`supervisord.conf:10: [program:b] autostart=perhaps: not a valid boolean value: 'perhaps'`,
		`supervisord.conf:11: [program:b] environment=A\nB: Unexpected end of key/value pairs in value 'A\nB'`,
		`supervisord.conf:14: [group:g] programs=b,c: [program:b] names unknown program or fcgi-program c`,
		`supervisord.conf:7: [program:a] priority=high: invalid literal for int() with base 10: 'high'`,
		`supervisord.conf:5: [program:a] startsecs=x: invalid literal for int() with base 10: 'x'`,
		`supervisord.conf:6: [program:a] numprocs=2: %(process_num) must be present within process_name when numprocs > 1`,
		`supervisord.conf:4: [program:a] command=a %(nope)s: Format string 'a %(nope)s' for 'program:a.command' contains names ('nope') which cannot be expanded. Available names: ENV_FOO, ENV_HOME, ENV_QUOTED, group_name, here, host_node_name, numprocs, process_num, program_name`,
		`supervisord.conf:19: [eventlistener:l]: [eventlistener:l] section requires an "events" line`,
		`supervisord.conf:19: [eventlistener:l]: program section eventlistener:l does not specify a command`,
		`supervisord.conf:17: [inet_http_server]: Section [inet_http_server] contains incomplete authentication: If a username or a password is specified, both the username and password must be specified`,
		`supervisord.conf:17: [inet_http_server]: section [inet_http_server] has no port value`,
	}
	if got := err.List(); !slices.Equal(got, want) {
		t.Errorf("List() =\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestSuffix: config.md 5.6, where the section and the file are named.
func TestSuffix(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"supervisord.conf": "[supervisord]\n[include]\nfiles=a.ini\n",
		"a.ini":            "[program:x]\ncommand=x\numask=9\n",
	})
	_, err := Load(testOptions(dir))
	want := fmt.Sprintf("9 can not be converted to an octal type in section 'program:x' (file: '%s/a.ini')", dir)
	if err == nil || err.Error() != want {
		t.Errorf("Load = %v, want %s", err, want)
	}
}

func TestSyntaxProblems(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"junk\n": {`supervisord.conf:1: no section header before 'junk\n'`},
		"[supervisord]\na\n[x]\nb\n": {
			`supervisord.conf:2: cannot understand 'a\n'`, `supervisord.conf:4: cannot understand 'b\n'`,
		},
	} {
		if got := mustFail(t, text).List(); !slices.Equal(got, want) {
			t.Errorf("List() for %q = %q, want %q", text, got, want)
		}
	}
	err := mustFail(t, "[supervisord]\n# \xff\n")
	if !strings.Contains(err.Error(), "can't decode byte 0xff") || err.Problems[0].Line != 2 {
		t.Errorf("Load of bytes that are not UTF-8 = %v at %+v", err, err.Problems)
	}
}

func TestNoFile(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"dir/x": ""})
	for path, want := range map[string]string{
		"none.conf": "could not find config file none.conf",
		"dir":       "could not read config file dir",
	} {
		o := testOptions(dir)
		o.Path = path
		if _, err := Load(o); err == nil || err.Error() != want {
			t.Errorf("Load(%q) = %v, want %s", path, err, want)
		}
	}
}

func TestHere(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"etc/s.conf": "[supervisord]\nidentifier=%(here)s\n[program:x]\ncommand=%(here)s\n"})
	o := testOptions(filepath.Join(dir, "etc"))
	o.Path = "../etc/s.conf"
	c, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	here := filepath.Join(dir, "etc")
	if c.Here != here || c.Supervisord.Identifier != here || c.Groups[0].Processes[0].Command != here || c.Path != o.Path {
		t.Errorf("here = %q, %q, %q, want %q; path %q", c.Here, c.Supervisord.Identifier,
			c.Groups[0].Processes[0].Command, here, c.Path)
	}
}

func TestUnknown(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, `[supervisord]
logfil=x
[program:web]
command=x
autostrat=true
dependent_startup=true
numprocs=2
process_name=%(process_num)s
[progam:web]
command=x
[program]
[supervisorctl]
serverurl=:::
color=1
[rpcinterface:x]
supervisor.rpcinterface_factory=a:b
anything=1
[ctlplugin:y]
supervisor.ctl_factory=a:b
anything=1
[inet_http_server9]
port=localhost:1
file=x
[somebody:else]
[DEFAULT]
wibble=1
priority=5
`)
	want := []string{
		`WARN supervisord.conf:2: [supervisord] has an unknown option "logfil"; did you mean "logfile"?`,
		`WARN supervisord.conf:5: [program:web] has an unknown option "autostrat"; did you mean "autostart"?`,
		`WARN supervisord.conf:6: [program:web] has an unknown option "dependent_startup"`,
		`WARN supervisord.conf:9: unknown section [progam:web]; did you mean [program:web]?`,
		`WARN supervisord.conf:11: unknown section [program]; did you mean [program:NAME]?`,
		`WARN supervisord.conf:14: [supervisorctl] has an unknown option "color"`,
		`WARN supervisord.conf:23: [inet_http_server9] has an unknown option "file"`,
		`WARN supervisord.conf:24: unknown section [somebody:else]`,
		`WARN supervisord.conf:26: [DEFAULT] has an unknown option "wibble"`,
	}
	if got := texts(c.Messages); !slices.Equal(got, want) {
		t.Errorf("messages =\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"supervisord.conf": `[supervisord]
[include]
files=a.ini none*.ini
[program:p]
command=p
numprocs=2
process_name=p
 %(process_num)d
stdout_logfile_maxbytes=0
redirect_stderr=true
stderr_logfile=x
[program:s]
command=s
stdout_logfile=syslog
[program:t]
command=t
stderr_logfile=none
[group:g]
programs=s,t,s
[group:t]
`, "a.ini": ""})
	c, err := Load(testOptions(dir))
	if err != nil {
		t.Fatal(err)
	}
	auto := "WARN For [program:p], AUTO logging used for stdout_logfile without rollover, set maxbytes > 0 to avoid filling up filesystem unintentionally"
	redirect := "WARN For [program:p], redirect_stderr=true but stderr_logfile has also been set to a filename, the filename has been ignored"
	syslog := "WARN For [program:s], stdout_logfile=syslog but this is deprecated and will be removed.  Use stdout_syslog=true to enable syslog instead."
	want := []string{
		`WARN No file matches via include "` + dir + `/none*.ini"`,
		syslog, syslog, auto, redirect, auto, redirect,
		`WARN group "g" has more than one process "s"; only the last one is used`,
		`INFO Included extra file "` + dir + `/a.ini" during parsing`,
	}
	if got := texts(c.Messages); !slices.Equal(got, want) {
		t.Errorf("messages =\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestUnreadableInclude(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"supervisord.conf": "[supervisord]\n[include]\nfiles=*.ini\n"})
	if err := os.Symlink("loop.ini", filepath.Join(dir, "loop.ini")); err != nil {
		t.Fatal(err)
	}
	c, err := Load(testOptions(dir))
	if err != nil {
		t.Fatal(err)
	}
	got := texts(c.Messages)
	if len(got) != 2 || !strings.Contains(got[0], "WARN cannot read an included file: open "+dir+"/loop.ini:") {
		t.Errorf("messages = %q, want one about a file that cannot be read, and that it was tried", got)
	}
}

// TestTolerant: a program that cannot start does not keep the others from it.
func TestTolerant(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"supervisord.conf": `[supervisord]
[program:a]
command=a
user=nosuch
numprocs=2
process_name=%(process_num)s
[program:b]
command=b
stdout_logfile=/nope/b.log
[fcgi-program:c]
command=c
user=4242
socket=unix:///tmp/c
`})
	o := testOptions(dir)
	if _, err := Load(o); err == nil || !strings.HasPrefix(err.Error(), "Invalid user name nosuch in section") {
		t.Errorf("Load without Tolerant = %v", err)
	}
	o.Tolerant = true
	c, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"ERRO supervisord.conf:4: [program:a] user=nosuch: Invalid user name nosuch",
		"ERRO supervisord.conf:9: [program:b] stdout_logfile=/nope/b.log: The directory named as part of the path /nope/b.log does not exist",
		"ERRO supervisord.conf:12: [fcgi-program:c] user=4242: Invalid user id 4242",
	}
	if got := texts(c.Messages); !slices.Equal(got, want) {
		t.Errorf("messages = %q, want %q", got, want)
	}
	if p := c.Groups[0].Processes[1]; p.User != "nosuch" || p.UID != -1 {
		t.Errorf("process of an unknown user = %+v", p)
	}
	if p := c.Groups[1].Processes[0]; p.Stdout.Path != "/nope/b.log" || p.Stdout.Log != LogFile {
		t.Errorf("process with a log nowhere = %+v", p.Stdout)
	}
	if s := c.Groups[2].Socket; s.UID != -1 || s.GID != -1 {
		t.Errorf("socket of an unknown user = %+v", s)
	}
	if _, err := c.AddProgram("a", "x", map[string]any{"command": "x", "user": "nosuch"}); err == nil {
		t.Error("AddProgram is tolerant, and must not be")
	}
}

// TestTolerantOnly: everything else stays an error.
func TestTolerantOnly(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"[supervisord]\nlogfile=/nope/x\n",
		"[supervisord]\nuser=nosuch\n",
		"[supervisord]\n[program:x]\ncommand=x\numask=9\n",
		"[supervisord]\n[program:x]\ncommand=x\nuser=\n", // or it would run as we do
		"[supervisord]\n[unix_http_server]\nfile=x\nchown=nosuch\n",
	} {
		o := testOptions(write(t, map[string]string{"supervisord.conf": text}))
		o.Tolerant = true
		if _, err := Load(o); err == nil {
			t.Errorf("Load of %q went well", text)
		}
	}
}

// TestLive: what stays when a configuration is read again.
func TestLive(t *testing.T) {
	t.Parallel()
	const program = "[program:x]\ncommand=%(ENV_A)s\n"
	first := mustLoad(t, "[supervisord]\nenvironment=A=1\n[inet_http_server]\nport=localhost:1\n"+program)
	dir := write(t, map[string]string{
		"supervisord.conf": "[supervisord]\nuser=nosuch\nidentifier=%(ENV_A)s\n[inet_http_server]\nport=2\n" + program,
	})
	o := testOptions(dir)
	if _, err := Load(o); err == nil {
		t.Error("without Live, ENV_A is known")
	}
	o.Live = first
	c, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	if c.ServerURL != "http://localhost:1" || c.Groups[0].Processes[0].ServerURL != c.ServerURL {
		t.Errorf("server URL = %q, want the live one", c.ServerURL)
	}
	if c.Supervisord.Identifier != "1" {
		t.Errorf("identifier = %q, want the live ENV_A", c.Supervisord.Identifier)
	}
	if _, changed, _ := Diff(first.Groups, c.Groups); !slices.Equal(changed, []string{"x"}) {
		t.Errorf("changed = %v, want x: its environment is another one", changed)
	}
}

// TestServerURL: the first unix server, else the last inet one.
func TestServerURL(t *testing.T) {
	t.Parallel()
	inet := "[inet_http_server:a]\nport=H:1\n[inet_http_server:b]\nport=*:2\nallow_unauthenticated_network=true\n"
	unix := "[unix_http_server:a]\nfile=/a\n[unix_http_server:b]\nfile=/b\n"
	for text, want := range map[string]string{
		"": "", inet: "http://localhost:2", "[inet_http_server]\nport=H:1\n": "http://h:1", inet + unix: "unix:///a",
	} {
		c := mustLoad(t, "[supervisord]\n"+text+"[program:auto]\ncommand=x\n[program:none]\ncommand=x\nserverurl=\n"+
			"[program:own]\ncommand=x\nserverurl=http://own\n[program:word]\ncommand=x\nserverurl= Auto\n")
		got := []string{c.ServerURL}
		for _, g := range c.Groups {
			got = append(got, g.Processes[0].ServerURL)
		}
		if !slices.Equal(got, []string{want, want, "", "http://own", want}) {
			t.Errorf("server URLs = %q, want %q", got, want)
		}
	}
}

func TestOverrides(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"supervisord.conf": "[supervisord]\nuser=nosuch\nloglevel=debug\nnodaemon=false\nsubreaper=true\n"})
	o := testOptions(dir)
	o.Overrides = []Override{
		{"user", "-u", "alice"}, {"loglevel", "-e", "TRACE"}, {"nodaemon", "--nodaemon", ""},
		{"configuration", "-c", "x"}, {"profile_options", "--profile_options", "calls"},
	}
	c, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	if s := c.Supervisord; s.User != "alice" || s.LogLevel != level.Trace || !s.NoDaemon || !s.Subreaper {
		t.Errorf("with flags: %+v", s)
	}
	o.Overrides = append(o.Overrides, Override{"configuration", "--configuration", "y"})
	if _, err := Load(o); err == nil || err.Error() != "conflicting command line option '--configuration'" {
		t.Errorf("Load with -c two times = %v", err)
	}
	o.Overrides = []Override{{"wibble", "--wibble", ""}}
	if _, err := Load(o); err == nil || err.Error() != "option --wibble not recognized" {
		t.Errorf("Load with an unknown option = %v", err)
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, `[supervisord]
environment=A="global",B="%(ENV_FOO)s",C="it\"s"
[program:x]
command=%(ENV_A)s %(ENV_D)s %(ENV_FOO)s
environment=A="own",D="%(ENV_A)s",E="%(process_num)d%%"
[program:y]
command=y
`)
	want := map[string]string{"A": "own", "B": "bar", "C": `it"s`, "D": "global", "E": "0%"}
	p := c.Groups[0].Processes[0]
	if !maps.Equal(p.Environment, want) {
		t.Errorf("environment = %v, want %v", p.Environment, want)
	}
	if p.Command != "own global bar" {
		t.Errorf("command = %q", p.Command)
	}
	if got := c.Groups[1].Processes[0].Environment; !maps.Equal(got, c.Supervisord.Environment) {
		t.Errorf("environment of another = %v", got)
	}
}

// TestBareConversion: the original pastes its whole environment there.
func TestBareConversion(t *testing.T) {
	t.Parallel()
	if _, err := loadProgram(t, "command=date +%s"); err == nil || !strings.HasPrefix(err.Error(),
		"Format string 'date +%s' for 'program:x.command' is badly formatted: not enough arguments") {
		t.Errorf("Load of a bare %%s = %v", err)
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	o := testOptions(write(t, map[string]string{"supervisord.conf": "[supervisord]\n[rpcinterface:r]\n" +
		"supervisor.rpcinterface_factory=a:b\n[eventlistener:l]\ncommand=l\nevents=TICK\nresult_handler=c:d\n"}))
	o.KnownFactory = func(spec string) error {
		if spec != "a:b" {
			t.Errorf("KnownFactory(%q)", spec)
		}
		return errors.New("No module named 'a'")
	}
	o.KnownHandlers = func(string) error { return errors.New("") }
	_, err := Load(o)
	var all *Errors
	if !errors.As(err, &all) {
		t.Fatalf("Load = %v", err)
	}
	got := []string{all.Problems[0].Text, all.Problems[1].Text}
	want := []string{
		"a:b cannot be resolved within [rpcinterface:r]: No module named 'a'",
		"c:d cannot be resolved within [eventlistener:l]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("problems = %q, want %q", got, want)
	}
}

func TestManyProcesses(t *testing.T) {
	t.Parallel()
	_, err := loadProgram(t, "command=x", "process_name=%(process_num)s", "numprocs=100001")
	if err == nil || !strings.Contains(err.Error(), "numprocs is above upper bound (100000)") {
		t.Errorf("Load with too many processes = %v", err)
	}
}

func TestPlugins(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, "[supervisord]\n[rpcinterface:twiddler]\nsupervisor.rpcinterface_factory = m:f\nWhitelist = a, %(ENV_FOO)s\n")
	want := []RPCInterface{{Section: "rpcinterface:twiddler", Name: "twiddler", Factory: "m:f",
		Options: map[string]string{"whitelist": "a, bar"}}}
	if !reflect.DeepEqual(c.RPCInterfaces, want) {
		t.Errorf("RPCInterfaces = %+v, want %+v", c.RPCInterfaces, want)
	}
}
