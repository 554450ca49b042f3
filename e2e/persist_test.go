package e2e

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// keeping is base with a twiddler that keeps changes in the directory state,
// beside the configuration file.
func keeping(option string) string {
	const twiddler = "[group:g]\nprograms="
	return strings.Replace(base, twiddler, option+"\n[group:g]\nprograms=one,two\n[program:one]\ncommand=/bin/cat\n"+
		"[program:two]\ncommand=/bin/cat\nprocess_name=two_%(process_num)d\nnumprocs=2\n[program:solo]\ncommand=/bin/cat\n", 1)
}

func (s *site) overlay(name, text string) {
	s.Helper()
	if err := os.MkdirAll(s.path("state"), 0o700); err != nil {
		s.Fatal(err)
	}
	s.write("state/"+name, text)
}

// Files that a person has written are read at the start, and again by a
// reread.
func TestOverlayFiles(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.overlay("g.conf", "[group:g]\n[remove:one]\n[scale:two]\nnumprocs=3\n[program:three]\ncommand=/bin/cat\nstartsecs=0\n")
	s.overlay("solo.conf", "[group:solo]\nremoved=true\n")
	s.overlay("new.conf", "[group:new]\nwhole=true\n[program:four]\ncommand (quoted)=\"/bin/sh -c 'true \\x3b exec cat'\"\n")
	s.overlay("notes.txt", "not read\n")
	conf := keeping("persist=state")
	s.start(conf)
	for _, name := range []string{"g:two_0", "g:two_1", "g:two_2", "g:three", "new:four"} {
		s.reaches(name, "RUNNING")
	}
	for _, name := range []string{"g:one", "solo"} {
		if got := s.state(name); !strings.Contains(got, "BAD_NAME") {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := fmt.Sprint(s.call("supervisor.reloadConfig")); got != "[[[] [] []]]" {
		t.Errorf("nothing has changed, and a reread says %s", got)
	}
	s.overlay("g.conf", "[group:g]\n[remove:one]\n")
	if err := os.Remove(s.path("state/solo.conf")); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(s.call("supervisor.reloadConfig")); got != "[[[solo] [g] []]]" {
		t.Errorf("two files have changed, and a reread says %s", got)
	}
	s.overlay("g.conf", "[group:g]\n[remove:one]\nx=1\n")
	ctx, cancel := s.bound()
	defer cancel()
	if _, err := s.client.Call(ctx, "supervisor.reloadConfig"); err == nil || !strings.Contains(err.Error(), s.path("state/g.conf")+":3: ") {
		t.Errorf("a reread of a broken file says %v", err)
	}
	if got := s.state("g:three"); got != "RUNNING" {
		t.Error(got)
	}
	if log := s.read("main.log"); strings.Count(log, "INFO Included changes of group \"new\" from \""+s.path("state/new.conf")) == 0 {
		t.Error(log)
	}
}

// A file that is broken does not keep the daemon from its start: it is set
// aside, whole, and its group is as the configuration has it. A check lists
// what is wrong.
func TestBrokenOverlay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	broken := map[string]string{
		"g.conf": "[group:g]\n[program:three]\ncommand=/bin/cat\nstartsecs=soon\n",
		"h.conf": "[group:h]\nwhole=perhaps\n",
	}
	for name, text := range broken {
		s.overlay(name, text)
	}
	s.overlay("h.conf.bad", "from an earlier time\n")
	s.overlay("solo.conf", "[group:solo]\nremoved=true\n")
	s.write("supervisord.conf", keeping("persist=state"))
	status, out := s.run("-t", "-c", s.path("supervisord.conf"))
	for _, want := range []string{
		s.path("state/g.conf") + ":4: [program:three] startsecs=soon: ",
		s.path("state/h.conf") + ":2: [group:h] whole=perhaps: not a valid boolean value: 'perhaps'",
		"2 problems found",
	} {
		if status != 2 || !strings.Contains(out, want) {
			t.Errorf("-t: exit status %d\n%s\nwant %s", status, out, want)
		}
	}
	s.launch()
	s.ready()
	s.reaches("g:one", "RUNNING")
	if got := s.state("g:three") + " " + s.state("solo"); got != "BAD_NAME: g:three BAD_NAME: solo" {
		t.Errorf("three and solo are %q: want neither, by the configuration and the file that is good", got)
	}
	for path, text := range map[string]string{"g.conf.bad": broken["g.conf"], "h.conf.bad.1": broken["h.conf"], "h.conf.bad": "from an earlier time\n"} {
		if got := s.read("state/" + path); got != text {
			t.Errorf("%s has %q", path, got)
		}
	}
	log := s.read("main.log")
	if s.exists("state/g.conf") || s.exists("state/h.conf") || !strings.Contains(log, "startsecs=soon") || !strings.Contains(log, "is now "+s.path("state/g.conf.bad")) {
		t.Errorf("the log does not say what became of them:\n%s", log)
	}
	// A change of the group is written down beside it.
	if status, out := s.ctl("twiddle", "add", "g", "four", "startsecs=0", "--", "/bin/cat"); status != 0 {
		t.Errorf("exit status %d\n%s", status, out)
	}
	if !strings.Contains(s.read("state/g.conf"), "[program:four]") {
		t.Error(s.read("state/g.conf"))
	}
}

// A check reads the directory, and makes none; a start makes it, and refuses
// one that others can write to.
func TestOverlayDirectory(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("supervisord.conf", keeping("persist=state\npersist_dir=state"))
	for flag, want := range map[string]string{"-n": "Could not make twiddler rpc interface", "-t": "persist and persist_dir"} {
		if status, out := s.run(flag, "-c", s.path("supervisord.conf")); status != 2 || !strings.Contains(out, want) {
			t.Errorf("%s: exit status %d\n%s", flag, status, out)
		}
	}
	if log := s.read("main.log"); !strings.Contains(log, "persist and persist_dir") {
		t.Errorf("the log does not say why:\n%s", log)
	}
	s.write("supervisord.conf", keeping("persist=state"))
	status, out := s.run("-t", "-c", s.path("supervisord.conf"))
	if status != 0 || !strings.Contains(out, "good, with 4 processes in 2 groups") || s.exists("state") {
		t.Errorf("exit status %d, directory %v\n%s", status, s.exists("state"), out)
	}
	s.launch()
	s.ready()
	info, err := os.Stat(s.path("state"))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	s.stop(syscall.SIGTERM)
	if err := os.Chmod(s.path("state"), 0o777); err != nil {
		t.Fatal(err)
	}
	if status, out := s.run("-n", "-c", s.path("supervisord.conf")); status != 2 || !strings.Contains(out, "state can be written to by others (mode 0777)") {
		t.Errorf("exit status %d\n%s", status, out)
	}
}

// What is changed while it runs is there after a kill.
func TestChangesOutliveAKill(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start(keeping("persist=state"))
	s.reaches("g:one", "RUNNING")
	s.call("twiddler.addProgramToGroup", "g", "added", map[string]any{"command": "/bin/sh -c 'true ; exec cat'", "startsecs": 0})
	s.call("supervisor.stopProcess", "g:two_1")
	s.call("twiddler.removeProcessFromGroup", "g", "two_1")
	s.reaches("g:added", "RUNNING")
	text := s.read("state/g.conf")
	s.signal(syscall.SIGKILL)
	s.wait()
	s.until("its children have ended", func() bool { return len(s.processes()) == 0 })
	s.launch()
	s.ready()
	for _, name := range []string{"g:one", "g:two_0", "g:added", "solo"} {
		s.reaches(name, "RUNNING")
	}
	if got := s.state("g:two_1"); !strings.Contains(got, "BAD_NAME") {
		t.Errorf("%s\n%s", got, text)
	}
	if got := s.read("state/g.conf"); got != text || !strings.Contains(got, "[scale:two]\nnumprocs = 1\n") {
		t.Errorf("%s\nbefore:\n%s", got, text)
	}
}
