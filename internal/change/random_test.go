package change

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/config"
)

// A model is what a series of changes is to come to, in the simplest terms:
// commands by group and process.
type model map[string]map[string]string

func (m model) copy() model {
	next := model{}
	for g, procs := range m {
		next[g] = map[string]string{}
		for p, c := range procs {
			next[g][p] = c
		}
	}
	return next
}

// numbered are the options of a program of any number of processes.
func numberedOptions(command string, n int) options {
	return options{"command": command, "startsecs": 0, "numprocs": n, "process_name": "%(program_name)s_%(process_num)d"}
}

// some makes one change at random, which may be wrong, and does it to the model.
func (m model) some(rnd *rand.Rand) (c ext.Change, ok bool) {
	group := fmt.Sprint("r", rnd.IntN(3))
	program := fmt.Sprint("p", rnd.IntN(3))
	c = ext.Change{Group: group, Program: program}
	procs, here := m[group]
	first, there := procs[program+"_0"]
	n, command := 1+rnd.IntN(4), fmt.Sprint("/bin/c", rnd.IntN(4))
	fill := func(count int, command string) {
		for i := range 10 {
			if name := fmt.Sprint(program, "_", i); i >= count {
				delete(procs, name)
			} else if procs[name] == "" || c.Action != ext.Scale {
				procs[name] = command
			}
		}
	}
	switch rnd.IntN(7) {
	case 0:
		c.Action, c.Program = ext.Add, ""
		if here {
			return c, false
		}
		m[group] = map[string]string{}
		return c, true
	case 1:
		c.Action, c.Program = ext.Remove, ""
		delete(m, group)
		return c, here
	case 2:
		c.Action = ext.Remove
		if ok = here && there; ok {
			fill(0, "")
		}
	case 3, 4:
		c.Action, c.Options = ext.Add, numberedOptions(command, n)
		if ok = here && !there; ok {
			fill(n, command)
		}
	case 5:
		c.Action, c.Options = ext.Replace, numberedOptions(command, n)
		if ok = here && there; ok {
			fill(n, command)
		}
	case 6:
		c.Action, c.Numprocs = ext.Scale, n
		if ok = here && there; ok {
			fill(n, first)
		}
	}
	return c, ok
}

// same sees that the groups of the model are as it says.
func (w *world) same(m model, when string) {
	w.t.Helper()
	groups, err := w.loop.Groups(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	got := model{}
	for _, g := range groups {
		if g.Base != nil {
			continue // of the files
		}
		got[g.Name] = map[string]string{}
		for _, p := range g.Processes {
			got[g.Name][p.Name] = p.Command
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(m) {
		w.t.Fatalf("after %s there is\n%v\nwant\n%v", when, got, m)
	}
}

// merges sees that what would be written down makes the groups again.
func (w *world) merges() {
	w.t.Helper()
	groups, err := w.loop.Groups(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, g := range groups {
		o := config.OverlayOf(g.Base, g)
		if o == nil {
			continue
		}
		again, err := w.cfg.Load().Merge(g.Base, o)
		if err != nil {
			w.t.Fatal(err)
		}
		if a, b := describe([]*config.Group{g}), describe([]*config.Group{again}); a != b {
			w.t.Fatalf("written down and read there is\n%s\nwant\n%s", b, a)
		}
	}
}

// TestRandomChanges makes changes at random, takes some back, updates, and at
// last takes everything back.
func TestRandomChanges(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		play(t, files, nil, func(w *world) {
			rnd := rand.New(rand.NewPCG(seed, 4))
			now, start := model{}, w.wanted()
			past := []model{}
			var undo []int64
			for range 25 {
				next := now.copy()
				changes, good := []ext.Change{}, true
				for range 1 + rnd.IntN(4) {
					c, ok := next.some(rnd)
					changes, good = append(changes, c), good && ok
				}
				if rnd.IntN(3) == 0 {
					changes = append(changes, ext.Change{Action: ext.Scale, Group: "web", Program: "web", Numprocs: 1 + rnd.IntN(4)})
				}
				out, err := w.Apply(w.ctx, changes, ext.How{NoWait: rnd.IntN(2) == 0})
				if (err == nil) != good {
					t.Fatalf("seed %d: %+v: error %v, and it is right: %v", seed, changes, err, good)
				}
				if good && out.ID > 0 {
					undo, past = append(undo, out.ID), append(past, now)
				}
				if good {
					now = next
				}
				w.same(now, fmt.Sprintf("seed %d, %+v", seed, changes))
				w.merges()
				if len(undo) > 0 && rnd.IntN(4) == 0 {
					w.must(w.Undo(w.ctx, undo[len(undo)-1], ext.How{}))
					now, undo, past = past[len(past)-1], undo[:len(undo)-1], past[:len(past)-1]
					w.same(now, fmt.Sprintf("seed %d, an undo", seed))
				}
				if rnd.IntN(8) == 0 {
					w.must(w.Update(w.ctx, nil, ext.How{}))
					w.same(now, fmt.Sprintf("seed %d, an update", seed))
				}
			}
			w.check()
			for i := len(undo) - 1; i >= 0; i-- {
				w.must(w.Undo(w.ctx, undo[i], ext.How{}))
				w.same(past[i], fmt.Sprintf("seed %d, the undo of %d", seed, undo[i]))
			}
			if end := w.wanted(); end != start {
				t.Fatalf("seed %d: at last there is\n%s\nwant\n%s", seed, end, start)
			}
			w.check()
		})
	}
}
