package config

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// overlayBase has a group of each kind.
const overlayBase = `[supervisord]
environment=GLOBAL="g"
[group:mix]
programs=web,one,fast
priority=7
[program:web]
command=/bin/web %(process_num)d
process_name=%(program_name)s_%(process_num)d
numprocs=4
numprocs_start=2
[program:one]
command=/bin/one %(here)s
[fcgi-program:fast]
command=/bin/fast
socket=unix:///tmp/fast.sock
[program:solo]
command=/bin/solo
priority=3
[program:none]
command=/bin/none
process_name=%(program_name)s_%(process_num)d
numprocs=0
[eventlistener:pool]
command=/bin/pool
events=TICK_5
process_name=%(program_name)s_%(process_num)d
numprocs=2
[fcgi-program:fpm]
command=/bin/fpm
socket=unix:///tmp/fpm.sock
process_name=%(program_name)s_%(process_num)d
numprocs=2
`

// differ says how two groups differ, "" if they do not.
func differ(a, b *Group) string {
	if a == nil || b == nil {
		if a == b {
			return ""
		}
		return fmt.Sprintf("one of %v, %v is not there", a, b)
	}
	if ch := a.Changes(b); ch != nil || a.Name != b.Name {
		return fmt.Sprintf("%s and %s: %v", a.Name, b.Name, ch)
	}
	procs := map[string]*Process{}
	for _, p := range a.Processes {
		procs[p.Name] = p
	}
	if len(procs) != len(b.Processes) {
		return fmt.Sprintf("%d and %d processes", len(a.Processes), len(b.Processes))
	}
	for _, p := range b.Processes {
		old := procs[p.Name]
		if old == nil {
			return p.Name + " is new"
		}
		if ch := old.Changes(p); ch != nil || old.Program != p.Program || old.Num != p.Num || old.Kind != p.Kind ||
			old.Group != p.Group || old.ServerURL != p.ServerURL {
			return fmt.Sprintf("%s: %v; %+v and %+v", p.Name, ch, old, p)
		}
	}
	return ""
}

// A changer makes random run-time changes as a change manager does: with new
// values, never in old ones.
type changer struct {
	*testing.T
	rnd *rand.Rand
	c   *Config
}

func (w *changer) section(kind Kind, program string) *Section {
	options := map[string]any{"command": fmt.Sprintf("/bin/x%d ; %%(process_num)d", w.rnd.IntN(3)), "priority": w.rnd.IntN(9),
		"process_name": "%(program_name)s_%(process_num)d", "numprocs": 1 + w.rnd.IntN(3)}
	switch kind {
	case EventListener:
		options["events"] = []string{"TICK_5", "EVENT"}[w.rnd.IntN(2)]
	case FastCGI:
		options["socket"] = fmt.Sprintf("tcp://localhost:%d", 1+w.rnd.IntN(3))
	}
	s, err := NewSection(kind, program, options)
	if err != nil {
		w.Fatal(err)
	}
	return s
}

func (w *changer) read(group string, s *Section) []*Process {
	procs, err := w.c.ReadProgram(group, s)
	if err != nil {
		w.Fatal(err)
	}
	return procs
}

// group makes a group at run time.
func (w *changer) group(name string) *Group {
	kind := []Kind{Programs, Programs, EventListener, FastCGI}[w.rnd.IntN(4)]
	if kind == Programs && w.rnd.IntN(2) == 0 {
		g := &Group{Name: name, Priority: w.rnd.IntN(9)}
		for i := range w.rnd.IntN(3) {
			g.Processes = append(g.Processes, w.read(name, w.section(Programs, fmt.Sprintf("p%d", i)))...)
		}
		return g
	}
	g, err := w.c.ReadGroup(w.section(kind, name))
	if err != nil {
		w.Fatal(err)
	}
	return g
}

// change makes one change.
func (w *changer) change(g *Group) *Group {
	next := *g
	next.Processes = slices.Clone(g.Processes)
	pick := func() *Process { return next.Processes[w.rnd.IntN(len(next.Processes))] }
	drop := func(program string) {
		next.Processes = slices.DeleteFunc(next.Processes, func(p *Process) bool { return p.Program == program })
	}
	what := w.rnd.IntN(8)
	if len(next.Processes) == 0 && what >= 2 && what <= 5 {
		what = 0
	}
	switch what {
	case 0: // add or replace a program
		s := w.section(Programs, fmt.Sprintf("new%d", w.rnd.IntN(3)))
		drop(s.Program)
		next.Processes = append(next.Processes, w.read(g.Name, s)...)
	case 1: // as addProgramToGroup does, beside one of that name
		name := []string{"web", "added", "pool", g.Name}[w.rnd.IntN(4)]
		procs, err := w.c.AddProgram(g.Name, name, map[string]any{"command": "x # y", "process_name": fmt.Sprintf("beside%d_%%(process_num)d", w.rnd.IntN(3)), "numprocs": 2})
		if err != nil {
			w.Fatal(err)
		}
		if !slices.ContainsFunc(next.Processes, func(p *Process) bool { return p.Name == procs[0].Name || p.Name == procs[1].Name }) {
			next.Processes = append(next.Processes, procs...)
		}
	case 2: // remove a process
		p := pick()
		next.Processes = slices.DeleteFunc(next.Processes, func(o *Process) bool { return o == p })
	case 3: // remove a program
		drop(pick().Program)
	case 4: // scale
		w.scale(&next, pick())
	case 5: // replace a program; a group of listeners or FastCGI as a whole
		p := pick()
		if g.Kind != Programs && p.Program == g.Name && g.Section.Kind == p.Section.Kind {
			own, err := w.c.ReadGroup(w.section(g.Kind, g.Name))
			if err != nil {
				w.Fatal(err)
			}
			own.Base = g.Base
			return own
		}
		drop(p.Program)
		next.Processes = append(next.Processes, w.read(g.Name, w.section(Programs, p.Program))...)
	case 6:
		next.Priority = w.rnd.IntN(9)
	case 7:
		other := w.group(g.Name)
		other.Base = g.Base
		return other
	}
	seen := map[string]bool{}
	next.Processes = slices.DeleteFunc(next.Processes, func(p *Process) bool {
		twice := seen[p.Name]
		seen[p.Name] = true
		return twice
	})
	return &next
}

// scale keeps the processes that there are.
func (w *changer) scale(next *Group, of *Process) {
	if !strings.Contains(func() string { v, _ := of.Section.Lookup("process_name"); return v }(), "process_num") {
		return
	}
	n := 1 + w.rnd.IntN(5)
	procs, err := w.c.Resize(next.Name, of.Section, n)
	if err != nil {
		w.Fatal(err)
	}
	same := func(p *Process) bool { return p.Program == of.Program && p.Section.sameProgram(of.Section) }
	var keep []*Process
	for _, p := range next.Processes {
		if !same(p) || p.Num < of.First+n {
			keep = append(keep, p)
		}
	}
	for _, p := range procs {
		if !slices.ContainsFunc(keep, func(o *Process) bool { return o.Name == p.Name }) {
			keep = append(keep, p)
		}
	}
	next.Processes = keep
}

// Whatever was changed at run time, the overlay has all of it, in memory and
// as a file.
func TestOverlayOfRandomChanges(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, overlayBase)
	if len(c.Files) != 5 || c.Base("mix") != c.Base("mix").Base {
		t.Fatalf("%d groups of files", len(c.Files))
	}
	kinds := map[string]int{}
	for seed := range uint64(3000) {
		w := &changer{t, rand.New(rand.NewPCG(seed, 1)), c}
		var base, live *Group
		if w.rnd.IntN(4) > 0 {
			base = c.Files[w.rnd.IntN(len(c.Files))]
			live = base
		} else {
			live = w.group("fresh")
		}
		for range w.rnd.IntN(6) {
			live = w.change(live)
		}
		if w.rnd.IntN(20) == 0 && base != nil {
			live = nil
		}
		o := OverlayOf(base, live)
		if o == nil {
			if d := differ(base, live); d != "" {
				t.Fatalf("seed %d: no overlay, but %s", seed, d)
			}
			kinds["unchanged"]++
			continue
		}
		text, err := o.Render()
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		back, err := ParseOverlay("/x/"+OverlayFile(o.Group), text)
		if err != nil || !back.Equal(o) {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		again, err := c.Merge(base, back)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		if d := differ(live, again); d != "" {
			t.Fatalf("seed %d: %s\n%s", seed, d, text)
		}
		if again != nil && again.Base != base {
			t.Fatalf("seed %d: base %p, want %p", seed, again.Base, base)
		}
		kinds[kindOfOverlay(o)]++
	}
	for _, kind := range []string{"unchanged", "removed", "whole program", "whole eventlistener", "whole fcgi-program", "changed"} {
		if kinds[kind] < 20 {
			t.Errorf("only %d were %s: %v", kinds[kind], kind, kinds)
		}
	}
}

func kindOfOverlay(o *Overlay) string {
	switch {
	case o.Removed:
		return "removed"
	case o.Whole:
		return "whole " + o.Kind.String()
	}
	return "changed"
}

// What the overlay does not touch is the same value.
func TestMergeKeepsProcesses(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, overlayBase)
	base := c.Base("mix")
	o := parseOverlay(t, "mix.conf", "[group:mix]\n[remove:one]\n[scale:web]\nnumprocs=5\nwithout=3\n")
	g, err := c.Merge(base, o)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{"web_2": true, "web_4": true, "web_5": true, "web_6": false, "fast": true}
	if len(g.Processes) != len(want) {
		t.Errorf("%d processes", len(g.Processes))
	}
	for _, p := range g.Processes {
		if kept, ok := want[p.Name]; !ok || slices.Contains(base.Processes, p) != kept {
			t.Errorf("%s: same value %v", p.Name, !kept)
		}
	}
	same, err := c.Merge(base, parseOverlay(t, "mix.conf", "[group:mix]\npriority=7\n"))
	if err != nil || same != base {
		t.Errorf("an overlay that changes nothing: %v, %v", same, err)
	}
}

// A program that uses numprocs is read anew when it is merged, since that is
// what the number means to all of its processes.
func TestMergeReadsNumprocs(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, "[supervisord]\n[program:w]\nprocess_name=w%(process_num)d\nnumprocs=2\ncommand=w %(process_num)d/%(numprocs)d\n")
	g, err := c.Merge(c.Base("w"), parseOverlay(t, "w.conf", "[group:w]\n[scale:w]\nnumprocs=3\n"))
	if err != nil || len(g.Processes) != 3 {
		t.Fatal(g, err)
	}
	for i, p := range g.Processes {
		if want := fmt.Sprintf("w %d/3", i); p.Command != want {
			t.Errorf("%s: %s, want %s", p.Name, p.Command, want)
		}
	}
	if again, err := c.Merge(c.Base("w"), OverlayOf(c.Base("w"), g)); err != nil || differ(g, again) != "" {
		t.Errorf("%v, %v", err, differ(g, again))
	}
}

// A program that a client added does not inherit the environment of
// supervisord, now and after a restart; one of a file does.
func TestOverlayKeepsClientPrograms(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, overlayBase)
	base := c.Base("solo")
	added, err := c.AddProgram("solo", "added", map[string]any{"command": "x ; y", "environment": `A="1"`})
	if err != nil {
		t.Fatal(err)
	}
	live := *base
	live.Processes = append(slices.Clone(base.Processes), added...)
	live.Processes = append(live.Processes, (&changer{t, rand.New(rand.NewPCG(1, 1)), c}).read("solo", &Section{Program: "typed",
		Settings: []Setting{{"command", "y"}}})...)
	text, err := OverlayOf(base, &live).Render()
	if err != nil {
		t.Fatal(err)
	}
	g, err := c.Merge(base, parseOverlay(t, "solo.conf", string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"added": "A=1", "typed": "GLOBAL=g"} {
		i := slices.IndexFunc(g.Processes, func(p *Process) bool { return p.Name == name })
		var got []string
		for k, v := range g.Processes[i].Environment {
			got = append(got, k+"="+v)
		}
		if strings.Join(got, ",") != want {
			t.Errorf("%s has %v, want %s", name, got, want)
		}
	}
	if !strings.Contains(string(text), "\ninherit_environment = false\nenvironment = A=\"1\"\ncommand (quoted) = \"x \\x3b y\"\n") {
		t.Errorf("%s", text)
	}
}

// The files have changed since: what the overlay does not name follows them.
func TestMergeWithOtherFiles(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, files, overlay, want, message string }{
		{"untouched programs follow", "[program:a]\ncommand=new\n[program:b]\ncommand=b\n[group:g]\nprograms=a,b\n",
			"[group:g]\n[remove:b]\n[program:c]\ncommand=c\n", "a=new c=c", ""},
		{"a removed program is gone", "[program:a]\ncommand=a\n[group:g]\nprograms=a\n",
			"[group:g]\n[remove:b]\n", "a=a", "g.conf:2: group \"g\": program 'b', which it removes"},
		{"a scaled program is gone", "[program:a]\ncommand=a\n[group:g]\nprograms=a\n",
			"[group:g]\n\n[scale:b]\nnumprocs=2\n", "a=a", "g.conf:3: group \"g\": program 'b', whose processes it changes"},
		{"the group is gone", "", "[group:g]\n[program:c]\ncommand=c\n", "-", "g.conf:1: group \"g\": the group is not in the configuration any more, and"},
		{"the removed group is gone", "", "[group:g]\nremoved=true\n", "-", "g.conf:1: group \"g\": the group is not in the configuration any more;"},
		{"a name is taken", "[program:a]\ncommand=a\nprocess_name=x\n[group:g]\nprograms=a\n",
			"[group:g]\n[program:c]\ncommand=c\nprocess_name=x\n", "x=c", "more than one process 'x'"},
		{"the group is of the files now", "[program:g]\ncommand=a\n", "[group:g]\nwhole=true\n[program:g]\ncommand=c\n", "g=c", "not as the configuration has it"},
		{"another kind", "[program:g]\ncommand=a\n", "[group:g]\n[eventlistener:g]\ncommand=c\nevents=TICK_5\n", "g=a", "can only be in a group of event listeners"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			o := testOptions(write(t, map[string]string{"supervisord.conf": "[supervisord]\n" + row.files}))
			o.Overlays = func(Supervisord, []RPCInterface) ([]*Overlay, error) {
				return []*Overlay{parseOverlay(t, "g.conf", row.overlay)}, nil
			}
			c, err := Load(o)
			if err != nil {
				t.Fatal(err)
			}
			got := "-"
			if len(c.Groups) > 0 {
				var words []string
				for _, p := range c.Groups[0].Processes {
					words = append(words, p.Name+"="+p.Command)
				}
				got = strings.Join(words, " ")
			}
			if got != row.want {
				t.Errorf("%s, want %s", got, row.want)
			}
			if all := strings.Join(texts(c.Messages), "\n"); !strings.Contains(all, row.message) {
				t.Errorf("no %q in\n%s", row.message, all)
			}
		})
	}
}

// A program that has no process in the files can be given some.
func TestMergeScalesFromNone(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, overlayBase)
	g, err := c.Merge(c.Base("none"), parseOverlay(t, "none.conf", "[group:none]\n[scale:none]\nnumprocs=2\n"))
	if err != nil || len(g.Processes) != 2 || g.Processes[1].Name != "none_1" {
		t.Errorf("%+v, %v", g, err)
	}
}

// A pool whose events were changed keeps its processes, which were made of the
// old section; a program that a client added is not the file's because it has
// the same options.
func TestOverlayOfKeptProcesses(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, overlayBase)
	base := c.Base("pool")
	live, err := c.ReadGroup(base.Section.With("events", "EVENT"))
	if err != nil {
		t.Fatal(err)
	}
	live.Base, live.Processes = base, base.Processes
	o := OverlayOf(base, live)
	if len(o.Programs) != 1 || o.Programs[0].Section != live.Section || len(o.Scales)+len(o.Without) > 0 {
		t.Fatalf("%+v", o)
	}
	if again, err := c.Merge(base, o); err != nil || differ(live, again) != "" {
		t.Errorf("%v: %s", err, differ(live, again))
	}

	client := *c.Base("solo").Section
	client.Client = true
	next := *c.Base("solo")
	if next.Processes, err = c.ReadProgram("solo", &client); err != nil {
		t.Fatal(err)
	}
	if o := OverlayOf(c.Base("solo"), &next); o == nil || len(o.Programs) != 1 || !o.Programs[0].Section.Client {
		t.Errorf("%+v", o)
	}
}

// What is wrong with a value is told with the line of the overlay.
func TestOverlayProblems(t *testing.T) {
	t.Parallel()
	o := testOptions(write(t, map[string]string{"supervisord.conf": overlayBase}))
	o.Overlays = func(Supervisord, []RPCInterface) ([]*Overlay, error) {
		return []*Overlay{
			parseOverlay(t, "mix.conf", "[group:mix]\n\n[program:web]\ncommand=x\nstartsecs=soon\n[program:new]\n[scale:one]\nnumprocs=2\n"),
			parseOverlay(t, "p.conf", "[group:p]\nwhole=true\nkind=eventlistener\n"),
		}, &Errors{Problems: []Problem{{File: "bad.conf", Line: 3, Text: "is bad"}}}
	}
	_, err := Load(o)
	var all *Errors
	if !errors.As(err, &all) {
		t.Fatal(err)
	}
	want := []string{
		"bad.conf:3: is bad",
		"mix.conf:5: [program:web] startsecs=soon: invalid literal for int() with base 10: 'soon'",
		"mix.conf:7: [program:one] numprocs=2: %(process_num) must be present within process_name when numprocs > 1",
		"mix.conf:6: [program:new]: program section program:new does not specify a command",
		"p.conf:1: [group:p]: a group of kind eventlistener needs a section [eventlistener:p]",
	}
	if err.Error() != want[0] {
		t.Errorf("%v", err)
	}
	if got := all.List(); !slices.Equal(got, want) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
}

func parseOverlay(t *testing.T, file, text string) *Overlay {
	t.Helper()
	o, err := ParseOverlay(file, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return o
}
