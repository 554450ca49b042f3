package supervisor

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mutations are ways to break the core. The simulation must notice each.
var mutations = []struct{ name, file, old, new string }{
	{"early exits are forgotten", "core.go",
		"c.early[in.PID] = in.Exit", "_ = in.Exit"},
	{"a stop is lost while the spawn is in flight", "../proc/step.go",
		"m.stopAfter = true", "m.stopAfter = false"},
	{"a dead child is signalled", "../proc/step.go",
		"if m.dead {\n\t\treturn m.enter(Stopping, out)", "if false {\n\t\treturn m.enter(Stopping, out)"},
	{"SIGKILL comes at once", "../proc/step.go",
		"m.Wake = now.Mono + max(m.Spec.StopWait, 0)", "m.Wake = now.Mono + 1"},
	{"startsecs is ignored", "../proc/step.go",
		"m.Wake = now.Mono + m.Spec.StartWait", "m.Wake = now.Mono + m.Spec.StartWait/2"},
	{"one try too many", "../proc/step.go",
		"if tries > m.Spec.StartRetries {", "if tries > m.Spec.StartRetries+1 {"},
	{"no wait between tries", "../proc/step.go",
		"m.Wake = now.Mono + time.Duration(tries)*time.Second", "m.Wake = now.Mono + time.Duration(tries)"},
	{"autorestart=unexpected restarts the expected", "../proc/step.go",
		"m.Spec.AutoRestart == RestartUnexpected && !expected", "m.Spec.AutoRestart == RestartUnexpected"},
	{"restarts go on during a shutdown", "../proc/step.go",
		"if !m.held && m.restarts(expected) {", "if m.restarts(expected) {"},
	{"wakes follow the calendar", "../proc/step.go",
		"m.PID, m.born = in.PID, now.Mono", "m.PID, m.born = in.PID, now.Mono-time.Duration(now.Wall.Unix()-1e9)*time.Second"},
	{"the latest wake comes first", "wake.go",
		"return a < b", "return a > b"},
	{"a waiter is answered and kept", "waiter.go",
		"case w.then != nil:", "case w.then == nil && p.State == 20:\n\t\t\tkept = append(kept, w)\n\t\t\tout = reply(out, w.reply, err)\n\t\tcase w.then != nil:"},
	{"edits are not checked together", "edit.go",
		"if err := d.check(e); err != nil {", "if err := d.check(e); err != nil && e == edits[0] {"},
	{"a running process may be removed", "edit.go",
		"if p := d.core.find(e.Name); p != nil && p.busy() {", "if p := d.core.find(e.Name); p != nil && p.PID != 0 {"},
	{"priorities do not matter in a shutdown", "shutdown.go",
		"d.groups[len(d.groups)-1].cfg.Priority == priority {", "priority < 1e9 {"},
	{"a rejected event is lost", "pool.go",
		"p.queue = slices.Insert(p.queue, 0, e)", "_ = slices.Insert(p.queue, 0, e)"},
	{"a listener is served before startsecs", "pool.go",
		"l.State == proc.Running && l.ear.State", "l.State.Up() && l.ear.State"},
	{"a transition may start from what is not there", "transition.go",
		"seen[ch.Name] || c.wanted(ch.Name) != ch.From", "seen[ch.Name]"},
	{"a dry run is meant", "transition.go",
		"if in.DryRun {", "if in.DryRun && c.inFlight > 1e9 {"},
	{"a change of mind is not heeded", "carry.go",
		"	case p.fate != nil:\n\t\tp.fate.next = to", "	case p.fate != nil:"},
	{"who waits for a transition is forgotten", "carry.go",
		"f.waiting = p.fate.waiting", "f.waiting = nil"},
	{"a group stays when all have left it", "carry.go",
		"if g == nil || !g.leaving || len(g.procs) > 0 {", "if g == nil || !g.leaving || len(g.procs) >= 0 {"},
	{"any change is a restart", "transition.go",
		"return ch.Restart }) {\n\t\tswitch {", "return ch.Option != \"\" }) {\n\t\tswitch {"},
	{"the pid table keeps the dead", "core.go",
		"delete(c.byPID, in.PID)\n", ""},
}

// TestMutations breaks the core on purpose, in one way after the other, and
// sees the simulation or a transcript fail each time.
func TestMutations(t *testing.T) {
	if testing.Short() || os.Getenv("TWIDDLER_MUTANT") != "" {
		t.Skip("builds and runs the simulation once for each mutation")
	}
	t.Parallel()
	for _, m := range mutations {
		t.Run(strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) {
			overlay := mutate(t, m.file, m.old, m.new)
			cmd := exec.Command("go", "test", "-overlay", overlay, "-run", "TestSimulation|TestTranscripts", "-seeds", "600", "-timeout", "60s", ".")
			cmd.Env = append(os.Environ(), "TWIDDLER_MUTANT=1")
			out, err := cmd.CombinedOutput()
			switch {
			case err == nil:
				t.Errorf("the tests pass although %s", m.name)
			case strings.Contains(string(out), "build failed"):
				t.Errorf("the mutation does not build:\n%s", out)
			}
		})
	}
}

// mutate returns an overlay in which one piece of one file is replaced.
func mutate(t *testing.T, file, old, new string) string {
	path, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(text), old) != 1 {
		t.Fatalf("%s has %q %d times, want once", file, old, strings.Count(string(text), old))
	}
	dir := t.TempDir()
	mutant := filepath.Join(dir, filepath.Base(file))
	if err := os.WriteFile(mutant, []byte(strings.Replace(string(text), old, new, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {path: mutant}})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(name, overlay, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}
