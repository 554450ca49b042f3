package supervisor

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/proc"
)

var update = flag.Bool("update", false, "rewrite the transcripts")

// TestTranscripts replays testdata/*.txt. Lines that begin with ">" are
// operators, "<" the operating system, "+" time passing, "#" remarks; every
// other line is an effect the core must have, in that order.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := replay(t, string(want))
			if *update {
				if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// A player turns the lines of a transcript into inputs.
type player struct {
	t    *testing.T
	out  strings.Builder
	core *Core
	now  proc.Moment
}

func replay(t *testing.T, script string) string {
	p := &player{t: t, now: proc.Moment{Mono: time.Second, Wall: time.Unix(1e9, 0)}}
	p.core = NewCore(CoreOptions{
		Identifier: "test",
		AutoName:   func(process, channel string) string { return process + "-" + channel + ".log" },
	})
	for line := range strings.Lines(script) {
		switch {
		case strings.TrimSpace(line) == "", line[0] == '#':
			p.out.WriteString(line)
		case strings.IndexByte("><+", line[0]) >= 0:
			p.out.WriteString(line)
			p.show(p.core.Step(p.now, p.input(line[0], strings.Fields(line[1:]))))
		}
	}
	return p.out.String()
}

func (p *player) answer(what ...string) func(*fault.Error) {
	return func(err *fault.Error) {
		text := "ok"
		if err != nil {
			text = err.Error()
		}
		fmt.Fprintf(&p.out, "    answer %s: %s\n", strings.Join(what, " "), text)
	}
}

func (p *player) results(what string) func([]Result, *fault.Error) {
	return func(rs []Result, err *fault.Error) {
		p.answer(what)(err)
		for _, r := range rs {
			p.answer("-", r.Group+":"+r.Name)(r.Err)
		}
	}
}

func (p *player) input(kind byte, w []string) Input {
	switch kind {
	case '+':
		d, err := time.ParseDuration(w[0])
		if err != nil {
			p.t.Fatal(err)
		}
		p.now.Mono += d
		p.now.Wall = p.now.Wall.Add(d)
		return Tick{}
	case '<':
		return p.system(w)
	}
	return p.operator(w)
}

func (p *player) operator(w []string) Input {
	arg := ""
	if len(w) > 1 {
		arg = w[1]
	}
	n := parseName(arg)
	reply := p.answer(w...)
	applied := func(a Applied, err *fault.Error) {
		p.answer(w[0], arg)(err)
		if len(a.AutoLogs) > 0 {
			fmt.Fprintf(&p.out, "    create %s\n", strings.Join(a.AutoLogs, " "))
		}
	}
	switch w[0] {
	case "add":
		return Apply{Edits: []Edit{p.addition(arg, w[2:])}, Reply: applied}
	case "want", "plan":
		to, ok := p.addition(arg, w[2:]).(AddGroup)
		if !ok {
			to = AddGroup{&config.Group{Name: n.Group, Priority: 999, Processes: p.processes(arg, w[2:])}}
		}
		return p.want(w[0] == "plan", n.Group, to.Group)
	case "unwant":
		return p.want(false, arg, nil)
	case "remove":
		return Apply{Edits: []Edit{RemoveProcess{n}}, Reply: applied}
	case "removegroup":
		return Apply{Edits: []Edit{RemoveGroup{arg}}, Reply: applied}
	case "start":
		return StartProcess{Name: n, As: arg, Wait: true, Reply: reply}
	case "run":
		over := func(e Ended) {
			fmt.Fprintf(&p.out, "    over %s: %v, %d, %v %s\n", arg, e.State, e.Status, e.Exit, e.SpawnErr)
		}
		return StartProcess{Name: n, As: arg, Reply: reply, Ended: over}
	case "launch":
		return StartProcess{Name: n, As: arg, Reply: reply}
	case "stop":
		return StopProcess{n, arg, true, reply}
	case "signal":
		return SignalProcess{n, arg, 1, reply}
	case "startall":
		return StartMany{"", true, nil, true, nil, p.results("startall")}
	case "stopall":
		return StopMany{"", true, nil, true, p.results("stopall")}
	case "shutdown":
		return Shutdown{Reply: func() { reply(nil) }}
	case "restart":
		return Shutdown{Restart: true, Reply: func() { reply(nil) }}
	}
	p.t.Fatalf("no such operator's line: %q", w)
	return nil
}

func (p *player) system(w []string) Input {
	n := parseName(w[1])
	switch w[0] {
	case "spawned":
		return Spawned{n, number(p.t, w[2]), nil}
	case "nospawn":
		return Spawned{n, 0, errors.New(strings.Join(w[2:], " "))}
	case "exited":
		return Reaped{number(p.t, w[1]), proc.Exit{Code: number(p.t, w[2])}}
	case "killed":
		return Reaped{number(p.t, w[1]), proc.Exit{Signal: number(p.t, w[2])}}
	case "drained":
		return Drained{n}
	case "nokill":
		return KillFailed{PID: number(p.t, w[1]), Text: "operation not permitted"}
	}
	p.t.Fatalf("no such line of the operating system: %q", w)
	return nil
}

// addition reads "web:a,b startsecs=2 …": processes for a group, which is
// made if it is not there.
func (p *player) addition(arg string, options []string) Edit {
	group, _, _ := strings.Cut(arg, ":")
	procs := p.processes(arg, options)
	if p.core.byName[group] != nil {
		return AddProcesses{group, procs}
	}
	priority := 999
	if len(procs) > 0 {
		priority = procs[0].Priority
	}
	return AddGroup{&config.Group{Name: group, Priority: priority, Processes: procs}}
}

// want is a transition of one group, that waits.
func (p *player) want(dry bool, group string, to *config.Group) Input {
	reply := func(planned Planned, err *fault.Error) {
		p.answer("want", group)(err)
		for _, s := range planned.Steps {
			fmt.Fprintf(&p.out, "      %s %s", s.Action, s.Name.Spec())
			for _, ch := range s.Changes {
				fmt.Fprintf(&p.out, " %s:%s->%s", ch.Option, ch.Old, ch.New)
			}
			p.out.WriteString("\n")
		}
	}
	return Transition{Groups: []GroupChange{{group, p.core.wanted(group), to}}, DryRun: dry, Reply: reply, Done: p.answer("end of want", group)}
}

func (p *player) processes(arg string, options []string) []*config.Process {
	group, names, _ := strings.Cut(arg, ":")
	var procs []*config.Process
	for _, name := range strings.FieldsFunc(names, func(r rune) bool { return r == ',' }) {
		c := &config.Process{Spec: proc.Spec{
			Name: name, Group: group, StartWait: time.Second, StartRetries: 3, StopSignal: 15,
			StopWait: 10 * time.Second, AutoRestart: proc.RestartUnexpected, ExitCodes: []int{0},
		}, Priority: 999, UID: -1, Umask: -1}
		for _, o := range options {
			key, value, _ := strings.Cut(o, "=")
			switch key {
			case "startsecs":
				c.StartWait = time.Duration(number(p.t, value)) * time.Second
			case "startretries":
				c.StartRetries = number(p.t, value)
			case "autorestart":
				c.AutoRestart = proc.Restart(number(p.t, value))
			case "autostart":
				c.AutoStart = true
			case "auto":
				c.Stdout.Log = config.LogAuto
			case "priority":
				c.Priority = number(p.t, value)
			case "command":
				c.Command = value
			case "maxbytes":
				c.Stdout.MaxBytes = int64(number(p.t, value))
			case "stopwaitsecs":
				c.StopWait = time.Duration(number(p.t, value)) * time.Second
			default:
				p.t.Fatalf("no such option: %q", o)
			}
		}
		procs = append(procs, c)
	}
	return procs
}

func (p *player) show(effects []Effect) {
	for _, e := range effects {
		switch e := e.(type) {
		case Notify:
			fmt.Fprintf(&p.out, "    %s %v -> %v\n", e.Name.Process, e.Change.From, e.Change.To)
		case Reply:
			e.Send()
		case Log:
			fmt.Fprintf(&p.out, "    %v %s\n", e.Level, e.Text)
		case Spawn:
			fmt.Fprintf(&p.out, "    spawn %s\n", e.Name.Process)
		case Kill:
			group := ""
			if e.Group {
				group = " group"
			}
			fmt.Fprintf(&p.out, "    kill %d %d%s\n", e.PID, e.Signal, group)
		case Drain:
			fmt.Fprintf(&p.out, "    drain %s\n", e.Name.Process)
		case Relimit:
			fmt.Fprintf(&p.out, "    relimit %s\n", e.Process.Name)
		default:
			fmt.Fprintf(&p.out, "    %T %+v\n", e, e)
		}
	}
	if p.core.Done() {
		p.out.WriteString("    done\n")
	}
}

func parseName(s string) Name {
	group, process, ok := strings.Cut(s, ":")
	if !ok {
		process = group
	}
	return Name{group, process}
}

func number(t *testing.T, s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
