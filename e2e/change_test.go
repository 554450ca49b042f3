package e2e

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.org/twiddler/client"
	"example.org/twiddler/fault"
)

// ctl runs supervisorctl on the site's socket, with words as a shell cuts them.
func (s *site) ctl(words ...string) (status int, output string) {
	s.Helper()
	s.write("ctl.conf", "[supervisorctl]\nserverurl=unix://@DIR@/s.sock\n")
	return s.run(append([]string{"ctl", "-c", s.path("ctl.conf")}, words...)...)
}

// says runs a line of supervisorctl that has to succeed, with this output.
func (s *site) says(line, want string) {
	s.Helper()
	if status, got := s.ctl(line); status != 0 || got != want {
		s.Errorf("%s: exit status %d\n%swant\n%s", line, status, got, want)
	}
}

// all are the processes by name.
func (s *site) all() map[string]client.ProcessInfo {
	s.Helper()
	infos, err := s.client.GetAllProcessInfo(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	found := map[string]client.ProcessInfo{}
	for _, p := range infos {
		found[p.Namespec()] = p
	}
	return found
}

// pidsBut are the pids of all processes but some, by name.
func (s *site) pidsBut(names ...string) map[string]int {
	s.Helper()
	pids := map[string]int{}
	for name, p := range s.all() {
		if !slices.Contains(names, name) {
			pids[name] = p.PID
		}
	}
	return pids
}

// allRun waits until every process is up.
func (s *site) allRun() {
	s.Helper()
	s.until("all run", func() bool {
		for _, p := range s.all() {
			if p.State != client.Running {
				return false
			}
		}
		return true
	})
}

// team is a group of three programs, a program of three processes, and one of
// one.
const team = `[group:team]
programs=a,b,c
[program:a]
command=/bin/cat
startsecs=0
[program:b]
command=/bin/cat
startsecs=0
[program:c]
command=/bin/cat
startsecs=0
[program:web]
command=/bin/cat
startsecs=0
numprocs=3
process_name=web_%(process_num)d
[program:solo]
command=/bin/cat
startsecs=0
autorestart=true
`

func startTeam(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	s.start(base + team)
	s.allRun()
	return s
}

// An update restarts what differs, and nothing else; its plan says so before,
// and changes nothing.
func TestUpdateTouchesWhatDiffers(t *testing.T) {
	t.Parallel()
	s := startTeam(t)
	s.says("update --plan", "nothing to change: 7 processes kept\n")
	text := strings.Replace(base+team, "[program:b]\ncommand=/bin/cat", "[program:b]\ncommand=/bin/cat -u", 1)
	text = strings.Replace(text, "programs=a,b,c", "programs=a,b,c,d\npriority=5\n[program:d]\ncommand=/bin/cat\nautostart=false", 1)
	text = strings.Replace(text, "autorestart=true", "autorestart=true\nstopwaitsecs=3", 1)
	text = strings.Replace(text, "[program:web]\n", "[program:new]\nstartsecs=0\n", 1)
	text = strings.Replace(text, "numprocs=3\nprocess_name=web_%(process_num)d\n", "", 1)
	s.write("supervisord.conf", text)
	before := s.all()
	s.says("update --plan", `solo: change
    stopwaitsecs: 10 -> 3
group team: change
    priority: 999 -> 5
team:b: restart
    command: /bin/cat -> /bin/cat -u
team:d: add
group web: remove
web:web_0: stop and remove
web:web_1: stop and remove
web:web_2: stop and remove
group new: add
new: start
2 processes kept
`)
	if after := s.all(); !maps.EqualFunc(before, after, func(a, b client.ProcessInfo) bool { return a.PID == b.PID }) {
		t.Errorf("a plan has changed\n%v\nto\n%v", before, after)
	}
	plan, err := s.client.Twiddler().Update(t.Context(), nil, client.How{DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	kept := s.pidsBut("team:b", "team:d", "web:web_0", "web:web_1", "web:web_2", "new")
	s.says("update", `web: stopped
web: removed process group
solo: updated process group
solo: changed
    stopwaitsecs: 10 -> 3
team: updated process group
team:b: restarted
    command: /bin/cat -> /bin/cat -u
team:d: added
new: added process group
`)
	s.reaches("team:b", "RUNNING")
	s.reaches("new", "RUNNING")
	if got := s.pidsBut("team:b", "team:d", "new"); !maps.Equal(got, kept) {
		t.Errorf("others were touched: %v became %v", kept, got)
	}
	if after := s.all(); after["team:b"].PID == before["team:b"].PID || after["team:d"].State != client.Stopped {
		t.Errorf("%+v", after)
	}
	records, err := s.client.Twiddler().History(t.Context(), 0, 5)
	done := slices.DeleteFunc(plan.Steps, func(st client.Step) bool { return st.Action == "keep" })
	if err != nil || len(records) != 1 || records[0].Method != "update" || !reflect.DeepEqual(records[0].Steps, done) {
		t.Errorf("%v\nwas planned as\n%+v\nand done as\n%+v", err, done, records)
	}
	s.says("update", "")
}

// Some groups only, names that there are not, and a file that is broken.
func TestUpdateOfSomeGroups(t *testing.T) {
	t.Parallel()
	s := startTeam(t)
	text := strings.ReplaceAll(base+team, "/bin/cat", "/bin/cat -u")
	s.write("supervisord.conf", text)
	kept := s.pidsBut("solo")
	if status, out := s.ctl("update", "nope", "solo"); status != 1 || out !=
		"ERROR: no such group: nope\nsolo: stopped\nsolo: updated process group\nsolo: restarted\n    command: /bin/cat -> /bin/cat -u\n" {
		t.Errorf("exit status %d\n%s", status, out)
	}
	s.reaches("solo", "RUNNING")
	if got := s.pidsBut("solo"); !maps.Equal(got, kept) {
		t.Errorf("others were touched: %v became %v", kept, got)
	}
	if status, out := s.ctl("update", "nope"); status != 1 || out != "ERROR: no such group: nope\n" {
		t.Errorf("exit status %d\n%s", status, out)
	}
	s.write("supervisord.conf", text+"[program:x]\n")
	for _, line := range []string{"update", "update --plan"} {
		if status, out := s.ctl(line); status != 1 || !strings.Contains(out, "CANT_REREAD: ") || !strings.Contains(out, "does not specify a command") {
			t.Errorf("%s: exit status %d\n%s", line, status, out)
		}
	}
	if got := s.pidsBut("solo"); !maps.Equal(got, kept) {
		t.Errorf("others were touched: %v became %v", kept, got)
	}
}

// A list with one bad change changes nothing, and says which and why.
func TestChangesAreAtomic(t *testing.T) {
	t.Parallel()
	s := startTeam(t)
	before := s.pidsBut()
	const good = `{"action": "scale", "group": "web", "program": "web", "numprocs": 1}, {"action": "remove", "group": "solo"}`
	for bad, want := range map[string]string{
		`{"action": "add", "group": "team", "program": "x", "options": {"command": "cat", "startsecs": "soon"}}`: "INCORRECT_PARAMETERS: change 3 of 3: invalid literal for int() with base 10: 'soon' in section 'program:x'",
		`{"action": "add", "group": "team", "program": "a", "options": {"command": "cat"}}`:                      "ALREADY_ADDED: change 3 of 3: team:a",
		`{"action": "remove", "group": "nope"}`:                                                                  "BAD_NAME: change 3 of 3: group: nope",
		`{"action": "remove", "group": "team", "process": "x", "numprocs": 2}`:                                   "INCORRECT_PARAMETERS: change 3 of 3: remove has no use for numprocs",
	} {
		s.write("changes.json", "["+good+",\n"+bad+"]")
		for _, words := range [][]string{{"--plan"}, nil} {
			status, out := s.ctl(append([]string{"twiddle", "apply", s.path("changes.json")}, words...)...)
			if status != 1 || !strings.Contains(out, "ERROR: "+want) {
				t.Errorf("%s: exit status %d\n%s", bad, status, out)
			}
		}
	}
	if after := s.pidsBut(); !maps.Equal(before, after) {
		t.Errorf("%v became %v", before, after)
	}
	s.says("twiddle history", "no changes\n")
	s.write("changes.json", "["+good+"]")
	s.says("twiddle apply "+s.path("changes.json"), "web:web_1: stopped and removed\nweb:web_2: stopped and removed\n"+
		"group solo: removed\nsolo: stopped and removed\nchange 1\n")
	if got := slices.Sorted(maps.Keys(s.all())); fmt.Sprint(got) != "[team:a team:b team:c web:web_0]" {
		t.Error(got)
	}
}

// Settings that need no restart hold for the process that runs.
func TestLiveSettings(t *testing.T) {
	t.Parallel()
	s := startTeam(t)
	pid := s.all()["solo"].PID
	s.says("twiddle replace solo solo startsecs=0 autorestart=false -- /bin/cat", "solo: changed\n    autorestart: true -> false\nchange 1\n")
	if got := s.all()["solo"]; got.PID != pid || got.State != client.Running {
		t.Errorf("%+v, was pid %d", got, pid)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.reaches("solo", "EXITED")
	s.says("twiddle undo 1", "solo: changed\n    autorestart: false -> true\nchange 2\n")
	s.says("start solo", "solo: started\n")
	pid = s.all()["solo"].PID
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.until("it is back", func() bool { p := s.all()["solo"]; return p.State == client.Running && p.PID != pid })
}

// Groups of all kinds come and go while it runs.
func TestGroupsAtRunTime(t *testing.T) {
	t.Parallel()
	s := startTeam(t)
	kept := s.pidsBut()
	s.says("twiddle addgroup mixed priority=3", "group mixed: added\nchange 1\n")
	s.says("twiddle add --reason x mixed one startsecs=0 -- cat", "mixed:one: started\nchange 2\n")
	s.says("twiddle addgroup api numprocs=2 process_name='api_%(process_num)d' startsecs=0 -- cat",
		"group api: added\napi:api_0: started\napi:api_1: started\nchange 3\n")
	s.says(`twiddle addgroup ears kind=eventlistener events=PROCESS_GROUP startsecs=0 -- sh -c 'echo READY; head -c 60 >&2; cat'`,
		"group ears: added\nears: started\nchange 4\n")
	s.reaches("ears", "RUNNING")
	s.says("twiddle addgroup fast kind=fcgi-program socket=unix://"+s.path("f.sock")+" startsecs=0 -- sleep 600", "group fast: added\nfast: started\nchange 5\n")
	for _, name := range []string{"mixed:one", "api:api_0", "api:api_1", "fast"} {
		s.reaches(name, "RUNNING")
	}
	s.until("the listener has heard of the group", func() bool {
		text, err := s.client.ReadProcessStderrLog(t.Context(), "ears", 0, 0)
		return err == nil && strings.Contains(text, "eventname:PROCESS_GROUP_ADDED") || strings.Contains(text, "ver:3.0")
	})
	if !s.exists("f.sock") {
		t.Error("there is no socket")
	}
	s.says("twiddle add g x startsecs=0 -- cat", "g:x: added process\n")
	for _, group := range []string{"mixed", "ears", "fast"} {
		if status, out := s.ctl("twiddle rmgroup " + group); status != 0 || !strings.HasPrefix(out, "group "+group+": removed\n") {
			t.Errorf("%s: exit status %d\n%s", group, status, out)
		}
	}
	if out, err := s.client.Twiddler().RemoveGroup(t.Context(), "api", client.How{}); err != nil || len(out.Steps) != 3 {
		t.Errorf("%+v, %v", out, err)
	}
	if got := s.pidsBut("g:x"); !maps.Equal(got, kept) {
		t.Errorf("others were touched: %v became %v", kept, got)
	}
	if status, out := s.ctl("twiddle rmgroup api"); status != 1 || out != "ERROR: BAD_NAME: group: api\n" {
		t.Errorf("exit status %d\n%s", status, out)
	}
}

func TestScaleKeepsTheOthers(t *testing.T) {
	t.Parallel()
	s := startTeam(t)
	kept := s.pidsBut()
	s.says("scale web=6", "web:web_3: started\nweb:web_4: started\nweb:web_5: started\nchange 1\n")
	s.allRun()
	if got := s.pidsBut("web:web_3", "web:web_4", "web:web_5"); !maps.Equal(got, kept) {
		t.Errorf("others were touched: %v became %v", kept, got)
	}
	s.says("scale --plan web=2 team:a=1", "web:web_2: stop and remove\nweb:web_3: stop and remove\nweb:web_4: stop and remove\nweb:web_5: stop and remove\n5 processes kept\n")
	s.says("scale web=2", "web:web_2: stopped and removed\nweb:web_3: stopped and removed\nweb:web_4: stopped and removed\nweb:web_5: stopped and removed\nchange 2\n")
	delete(kept, "web:web_2")
	if got := s.pidsBut(); !maps.Equal(got, kept) {
		t.Errorf("others were touched: %v became %v", kept, got)
	}
	s.says("scale web=2", "nothing to change: 2 processes kept\n")
	for line, want := range map[string]string{
		"scale nope=2":       "ERROR: BAD_NAME: group: nope\n",
		"scale team:x=2":     "ERROR: BAD_NAME: team:x\n",
		"scale web=1 team=2": "ERROR: BAD_NAME: change 2 of 2: team\n",
	} {
		if status, out := s.ctl(line); status != 1 || out != want {
			t.Errorf("%s: exit status %d\n%s", line, status, out)
		}
	}
	if status, out := s.ctl("scale team:a=2"); status != 1 || !strings.Contains(out, "%(process_num) must be present within process_name when numprocs > 1") {
		t.Errorf("exit status %d\n%s", status, out)
	}
}

// What is not renewed goes by itself; what is, stays.
func TestLeases(t *testing.T) {
	t.Parallel()
	s := startTeam(t)
	kept := s.pidsBut()
	s.says("twiddle add --ttl 3600 team job startsecs=0 -- cat", "team:job: started\nchange 1\n")
	s.says("twiddle addgroup --ttl 1 short startsecs=0 -- cat", "group short: added\nshort: started\nchange 2\n")
	s.says("twiddle add --ttl 3600 team stays startsecs=0 -- cat", "team:stays: started\nchange 3\n")
	s.until("the group has gone", func() bool { return strings.Contains(s.state("short"), "BAD_NAME") })
	if got := s.state("team:job"); got != "RUNNING" {
		t.Errorf("team:job: %s", got)
	}
	if err := s.client.Twiddler().Renew(t.Context(), "team:job", time.Second); err != nil {
		t.Error(err)
	}
	s.until("the program has gone", func() bool { return strings.Contains(s.state("team:job"), "BAD_NAME") })
	leases, err := s.client.Twiddler().GetLeases(t.Context())
	if err != nil || len(leases) != 1 || leases[0].Program != "stays" || leases[0].Left < time.Minute {
		t.Errorf("%+v, %v", leases, err)
	}
	if status, out := s.ctl("twiddle renew team:job 60"); status != 1 || out != "ERROR: BAD_NAME: team:job has no lease\n" {
		t.Errorf("exit status %d\n%s", status, out)
	}
	s.says("twiddle renew team:stays 7200", "team:stays: renewed for 2h0m0s\n")
	records, err := s.client.Twiddler().History(t.Context(), 0, 1)
	if err != nil || len(records) != 1 || records[0].Account != "lease" || records[0].UID != -1 || records[0].Reason != "the lease of team:job was not renewed" {
		t.Errorf("%+v, %v", records, err)
	}
	if got := s.pidsBut("team:stays"); !maps.Equal(got, kept) {
		t.Errorf("others were touched: %v became %v", kept, got)
	}
}

// Changes are taken back while what they made is still so.
func TestUndoAndHistory(t *testing.T) {
	t.Parallel()
	s := startTeam(t)
	before := slices.Sorted(maps.Keys(s.all()))
	s.says("twiddle remove --stop --reason broken team:b", "team:b: stopped and removed\nchange 1\n")
	s.says("scale web=4", "web:web_3: started\nchange 2\n")
	s.says("scale web=5", "web:web_4: started\nchange 3\n")
	s.says("scale web=3", "web:web_3: stopped and removed\nweb:web_4: stopped and removed\nchange 4\n")
	if status, out := s.ctl("twiddle undo 2"); status != 1 || out != "ERROR: CONFLICT: web:web_3 is not there any more\n" {
		t.Errorf("exit status %d\n%s", status, out)
	}
	s.says("twiddle undo --plan 1", "team:b: start\n2 processes kept\n")
	s.says("twiddle undo 1", "team:b: started\nchange 5\n")
	if status, out := s.ctl("twiddle undo 1"); status != 1 || !strings.HasPrefix(out, "ERROR: CONFLICT: change 1 was undone already, by change 5") {
		t.Errorf("exit status %d\n%s", status, out)
	}
	if _, err := s.client.Twiddler().Undo(t.Context(), 99, client.How{}); !fault.Is(err, fault.BadName) {
		t.Errorf("undo of nothing: %v", err)
	}
	if got := slices.Sorted(maps.Keys(s.all())); !slices.Equal(got, before) {
		t.Errorf("%v became %v", before, got)
	}
	records, err := s.client.Twiddler().History(t.Context(), 0, 10)
	if err != nil || len(records) != 5 {
		t.Fatalf("%+v, %v", records, err)
	}
	first, last := records[4], records[0]
	if first.Undone != 5 || first.Reason != "broken" || first.Address != s.path("s.sock") || first.UID != syscall.Getuid() ||
		time.Since(first.Time).Abs() > time.Hour || last.Undoes != 1 || last.Method != "undo" {
		t.Errorf("%+v\n%+v", first, last)
	}
	some, err := s.client.Twiddler().History(t.Context(), 1, 2)
	if err != nil || len(some) != 2 || some[0].ID != 4 || some[1].ID != 3 {
		t.Errorf("%+v, %v", some, err)
	}
}

// Python's clients do all of it, over a unix socket as well.
func TestPythonChanges(t *testing.T) {
	t.Parallel()
	needReference(t, "import supervisor.xmlrpc")
	s := startTeam(t)
	script := `
import sys, xmlrpc.client
from supervisor.xmlrpc import SupervisorTransport
t = xmlrpc.client.ServerProxy('http://127.0.0.1', transport=SupervisorTransport(None, None, 'unix://' + sys.argv[1])).twiddler
def steps(answer): return [(s['group'], s['process'], s['action']) for s in answer['steps'] if s['action'] != 'keep']
def fault(call, *params):
    try: call(*params)
    except xmlrpc.client.Fault as f: return f.faultCode, f.faultString
print(steps(t.scale('web', 4)))
plan = t.apply([{'action': 'remove', 'group': 'web', 'process': 'web_0'}], {'dry_run': True})
done = t.apply([{'action': 'remove', 'group': 'web', 'process': 'web_0'}], {'reason': 'x'})
print(plan['steps'] == done['steps'], steps(done), plan['id'])
print(steps(t.undo(done['id'])))
print(steps(t.addGroup('h', 'program', {'command': 'cat', 'autostart': False}, {'ttl': 60})), t.getLeases()[0]['group'])
print(t.renew('h', 90), steps(t.removeGroup('h', {})), t.getLeases())
print([r['method'] for r in t.history(0, 2)], t.update(['solo'])['id'], 'numprocs = 4' in t.export(['web']))
print([d['group'] for d in t.diff()], fault(t.save))
print(fault(t.apply, [{'action': 'add', 'group': 'team', 'program': 'x', 'optoins': {}}]))
print(fault(t.scale, 'web', 'many'), fault(t.undo, 99))
`
	out, err := exec.Command(python, "-c", script, s.path("s.sock")).CombinedOutput()
	want := `[('web', 'web_3', 'start')]
True [('web', 'web_0', 'stop')] 0
[('web', 'web_0', 'start')]
[('h', '', 'add'), ('h', 'h', 'add')] h
True [('h', '', 'remove'), ('h', 'h', 'remove')] []
['apply', 'apply'] 0 True
['web'] (242, 'NOT_SAVED: there is no directory for changes: set persist or persist_dir in the section of the twiddler')
(2, 'INCORRECT_PARAMETERS: change 1: unknown member "optoins"; it may have action, group, program, process, kind, options, numprocs, ttl, programs')
(2, 'INCORRECT_PARAMETERS') (10, 'BAD_NAME: there is no change 99; the history has those that are known')
`
	if err != nil || string(out) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, out, want)
	}
}

// What was written down is there after a kill and after a restart; what was
// not is not.
func TestSavedChangesStay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	conf := strings.Replace(base, "[group:g]", "persist_dir=state\n[group:g]", 1) + team
	s.start(conf)
	s.allRun()
	s.says("scale --persist web=4", "web:web_3: started\nchange 1, saved\n")
	s.says("twiddle rmgroup --persist solo", "group solo: removed\nsolo: stopped and removed\nchange 2, saved\n")
	s.says("twiddle addgroup lab startsecs=0 -- cat", "group lab: added\nlab: started\nchange 3\n")
	s.says("twiddle add g x startsecs=0 -- cat", "g:x: added process\n")
	s.says("twiddle save g", "g: saved\n")
	s.says("twiddle add --ttl 3600 team job startsecs=0 -- cat", "team:job: started\nchange 5\n")
	if status, out := s.ctl("twiddle diff"); status != 0 || !strings.Contains(out, "+++ lab (live)\n") || strings.Contains(out, "+++ g ") || strings.Contains(out, "team") {
		t.Errorf("exit status %d\n%s", status, out)
	}
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		s.signal(sig)
		s.wait()
		s.until("its children have ended", func() bool { return len(s.processes()) == 0 })
		s.launch()
		s.ready()
		s.allRun()
		if got := slices.Sorted(maps.Keys(s.all())); fmt.Sprint(got) != "[g:x team:a team:b team:c web:web_0 web:web_1 web:web_2 web:web_3]" {
			t.Errorf("after %v: %v", sig, got)
		}
		s.says("twiddle diff", "nothing to save\n")
		s.says("update", "")
	}
	// A person deletes the files: the configuration is back.
	for _, name := range []string{"g.conf", "web.conf"} {
		if err := os.Remove(s.path("state", name)); err != nil {
			t.Fatal(err)
		}
	}
	s.says("update", "g: stopped\ng: updated process group\ng:x: stopped and removed\nweb: updated process group\nweb:web_3: stopped and removed\n")
}
