package neighbours

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	perl       = "/usr/bin/perl"
	perlClient = "/usr/share/perl5/RPC/XML/Client.pm"
)

const twiddlerSection = `[rpcinterface:twiddler]
supervisor.rpcinterface_factory = supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface
`

// A caller makes calls with some client on a server, and returns one line of
// JSON for each of them: the value with its type as the client has it, or the
// fault.
type caller func(s *site, url string, calls [][]any) []string

// callWith runs a script that reads calls and prints answers.
func (s *site) callWith(calls [][]any, program string, args ...string) []string {
	s.Helper()
	in, err := json.Marshal(calls)
	if err != nil {
		s.Fatal(err)
	}
	code, out, diag := s.run(string(in), program, args...)
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if code != 0 || len(lines) != len(calls) {
		s.Fatalf("%s %q exits with %d and %d answers of %d\n%s%s", program, args, code, len(lines), len(calls), out, diag)
	}
	return lines
}

func callPerl(s *site, url string, calls [][]any) []string {
	s.Helper()
	return s.callWith(calls, perl, s.script("calls.pl"), url)
}

// needPerl skips a test without Perl's RPC::XML.
func needPerl(t *testing.T) caller {
	t.Helper()
	need(t, perl, perlClient)
	return callPerl
}

// needNode skips a test without npm's xmlrpc, and finds where npm has it.
func needNode(t *testing.T) caller {
	t.Helper()
	need(t)
	node, err := exec.LookPath("node")
	if err != nil {
		lacks(t, "node")
	}
	root, err := exec.Command("npm", "root", "--global").Output()
	modules := strings.TrimSpace(string(root))
	if err != nil || !exists(filepath.Join(modules, "xmlrpc")) {
		lacks(t, "npm's xmlrpc")
	}
	return func(s *site, url string, calls [][]any) []string {
		s.Helper()
		s.env = append(s.env, "NODE_PATH="+modules, "NODE_NO_WARNINGS=1")
		return s.callWith(calls, node, s.script("calls.js"), url)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// What clients of all kinds do: states and structs, every type a value may
// have, text beyond ASCII, faults, and a call of calls.
func session() [][]any {
	return [][]any{
		{"supervisor.getState"},
		{"supervisor.getAPIVersion"},
		{"supervisor.getIdentification"},
		{"supervisor.getAllProcessInfo"},
		{"supervisor.getProcessInfo", "grp:w_01"},
		{"supervisor.getAllConfigInfo"},
		{"supervisor.sendProcessStdin", "idle", "zwölf"},
		{"supervisor.startProcess", "nope"},
		{"supervisor.startProcess", "web", true},
		{"supervisor.startProcess"},
		{"supervisor.startProcess", "gone", false},
		{"supervisor.stopProcess", "idle"},
		{"supervisor.nosuch"},
		{"supervisor.stopProcessGroup", "web", true},
		{"supervisor.startProcessGroup", "web", true},
		{"supervisor.signalProcess", "web", "CONT"},
		{"supervisor.signalProcess", "web", "NOPE"},
		{"system.multicall", []any{
			map[string]any{"methodName": "supervisor.getState", "params": []any{}},
			map[string]any{"methodName": "supervisor.stopProcess", "params": []any{"nope"}},
		}},
		{"system.methodSignature", "supervisor.startProcess"},
		{"system.listMethods"},
		{"supervisor.reloadConfig"},
	}
}

// clientPrograms end in one whose log shows its standard input.
const clientPrograms = exporterPrograms + "[program:cat]\ncommand=/bin/cat\nstdout_logfile=@DIR@/cat.log\nstartsecs=0\n"

// autorestart is the member of a program's configuration with its comma.
var autorestart = regexp.MustCompile(`"autorestart":[^,]*,`)

func playSession(s *site, call caller, url string) {
	s.Helper()
	s.start(clientPrograms, map[string]string{"web": "RUNNING", "cat": "RUNNING", "done": "EXITED", "gone": "FATAL", "grp:w_00": "RUNNING", "grp:w_01": "RUNNING"})
	url = strings.NewReplacer("@PORT@", fmt.Sprint(s.port), "@DIR@", s.dir).Replace(url)
	calls := session()
	for i, answer := range call(s, url, calls) {
		// Supervisor 4.3 has this member, the original here not yet.
		s.note(fmt.Sprint(calls[i]), autorestart.ReplaceAllString(answer, ""))
	}
	// More than a buffer of any pipe or socket between the two.
	line := "zwölf ]]>\t" + strings.Repeat("ü€ &<>", 2000)
	more := [][]any{{"supervisor.sendProcessStdin", "cat", line + "\n"}}
	s.note("a long line", call(s, url, more))
	s.until("the long line is back", func() bool { return s.read("cat.log") == line+"\n" })
	more = [][]any{
		{"supervisor.readProcessStdoutLog", "cat", 0, 0},
		{"supervisor.readProcessStdoutLog", "cat", 0, 20},
		{"supervisor.tailProcessStdoutLog", "cat", 0, 100000},
		{"supervisor.tailProcessStdoutLog", "cat", 0, 10},
		{"supervisor.clearProcessLogs", "cat"},
		{"supervisor.readProcessStdoutLog", "cat", 0, 0},
		{"supervisor.shutdown"},
	}
	for i, answer := range call(s, url, more) {
		s.note(fmt.Sprint(more[i]), strings.ReplaceAll(answer, strings.TrimPrefix(line, "zwölf ]]>\t"), "$REST"))
	}
	<-s.exited
}

const (
	overTCP  = "http://me:secret@127.0.0.1:@PORT@/RPC2"
	overUnix = "unix:@DIR@/s.sock"
	locked   = "http://me:wrong@127.0.0.1:@PORT@/RPC2"
)

func TestPerl(t *testing.T) {
	call := needPerl(t)
	compare(t, func(s *site) { playSession(s, call, overTCP) })
}

func TestNode(t *testing.T) {
	call := needNode(t)
	compare(t, func(s *site) { playSession(s, call, overTCP) })
}

func TestNodeUnixSocket(t *testing.T) {
	call := needNode(t)
	compare(t, func(s *site) { playSession(s, call, overUnix) })
}

func TestWrongPassword(t *testing.T) {
	withPerl, withNode := needPerl(t), needNode(t)
	compare(t, func(s *site) {
		s.start("", nil)
		s.until("it answers", func() bool { _, err := s.rpc.GetState(s.Context()); return err == nil })
		url := strings.ReplaceAll(locked, "@PORT@", fmt.Sprint(s.port))
		s.note("Perl", withPerl(s, url, [][]any{{"supervisor.getState"}}))
		s.note("node", withNode(s, url, [][]any{{"supervisor.getState"}}))
	})
}

// A program added to a group while the daemon runs, as a client of
// supervisor_twiddler does it.
func TestTwiddling(t *testing.T) {
	for name, with := range map[string]struct {
		needs func(*testing.T) caller
		yes   string
	}{"perl": {needPerl, `{"type":"boolean","value":1}`}, "node": {needNode, `{"value":true}`}} {
		t.Run(name, func(t *testing.T) {
			call, yes := with.needs(t), with.yes
			onOurs(t, func(s *site) {
				s.start(twiddlerSection+exporterPrograms, map[string]string{"web": "RUNNING"})
				url := strings.ReplaceAll(overTCP, "@PORT@", fmt.Sprint(s.port))
				program := map[string]any{"command": "/bin/cat", "startsecs": "0", "autostart": "true", "environment": "A=\"ä\""}
				answers := call(s, url, [][]any{
					{"twiddler.getGroupNames"},
					{"twiddler.addProgramToGroup", "grp", "new", program},
					{"twiddler.addProgramToGroup", "grp", "new", program},
					{"twiddler.addProgramToGroup", "nope", "new", program},
				})
				s.reaches("grp:new", "RUNNING")
				answers = append(answers, call(s, url, [][]any{
					{"supervisor.stopProcess", "grp:new"},
					{"twiddler.removeProcessFromGroup", "grp", "new"},
					{"supervisor.getProcessInfo", "grp:new"},
				})...)
				for i, want := range []string{`["done","gone","grp","idle","web"]`, yes, `"BAD_NAME: new"`, `"BAD_NAME: group: nope"`,
					yes, yes, `"BAD_NAME: grp:new"`} {
					if !strings.Contains(answers[i], want) {
						t.Errorf("answer %d is %s, want %s", i, answers[i], want)
					}
				}
			})
		})
	}
}
