package supervisor

import (
	"slices"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/proc"
)

// A GroupChange is what becomes of one group: From is what it must be
// configured as now, exactly the value that Groups returned, or nil if it must
// not be there; To is what it is to be, nil for gone.
type GroupChange struct {
	Name     string
	From, To *config.Group
}

// A Transition takes groups from one configuration to another, all or none.
// Only the processes whose own settings differ are touched: what runs and has
// to be another is stopped, and started anew as soon as it is down; what is
// not to be any more is stopped and then forgotten. A later transition may
// change its mind about a process that is still on its way down.
type Transition struct {
	Groups []GroupChange
	DryRun bool // only answer the plan
	Reply  func(Planned, *fault.Error)

	// Done is called once after a Reply without error, when all that had to
	// stop is down, or can't be stopped. A dry run does not call it.
	Done func(*fault.Error)
}

func (Transition) input() {}

// Planned is what a transition does, or would do.
type Planned struct {
	Steps []PlanStep
	Applied
}

// An Action is what a transition does to one process, or to the settings of a
// group.
type Action string

// The actions.
const (
	ActionAdd     Action = "add"     // make it, and leave it down
	ActionStart   Action = "start"   // make it if it is not there, and start it
	ActionStop    Action = "stop"    // stop and forget it
	ActionRemove  Action = "remove"  // forget it; it is down
	ActionRestart Action = "restart" // stop it, and start it with other settings
	ActionChange  Action = "change"  // give it other settings, while it runs or is down
	ActionKeep    Action = "keep"    // leave it as it is
)

// A PlanStep is one line of a plan. Name.Process is "" for a group itself.
type PlanStep struct {
	Name    Name
	Action  Action
	Changes []config.Change
}

// A fate is what becomes of a process as soon as it is down.
type fate struct {
	next    *config.Process // what it is then; nil to be forgotten
	start   bool
	waiting []*transit
}

// A transit is a transition under way.
type transit struct {
	open    int          // processes still to come down
	settled bool         // no more will be told to
	failed  *fault.Error // why one of them can't be stopped
	planned Planned
	done    func(*fault.Error) // nil once it was called
}

// finish says that a transit has come to its end, if it has: nobody is still
// to come down, or somebody can't. Not before the caller knows of its begin.
func (t *transit) finish(out []Effect) []Effect {
	done := t.done
	if done == nil || !t.settled || t.open > 0 && t.failed == nil {
		return out
	}
	t.done = nil
	return append(out, Reply{func() { done(t.failed) }})
}

// wanted is the configuration that a group has, or will have when what leaves
// it has gone; nil for none.
func (c *Core) wanted(name string) *config.Group {
	g := c.byName[name]
	switch {
	case g == nil:
		return nil
	case g.leaving:
		return g.heir
	}
	return g.cfg
}

// wantedGroups are the configurations of all groups, in order of creation.
func (c *Core) wantedGroups() []*config.Group {
	all := make([]*config.Group, 0, len(c.groups))
	for _, g := range c.groups {
		if cfg := c.wanted(g.cfg.Name); cfg != nil {
			all = append(all, cfg)
		}
	}
	return all
}

func (c *Core) transition(now proc.Moment, in Transition, out []Effect) []Effect {
	if err := c.checkTransition(in.Groups); err != nil {
		return append(out, Reply{func() { in.Reply(Planned{}, err) }})
	}
	t := &transit{done: in.Done}
	var moves []move
	for _, ch := range in.Groups {
		moves = c.decide(ch, moves)
	}
	t.planned.Steps = make([]PlanStep, 0, len(moves))
	for _, m := range moves {
		t.planned.Steps = append(t.planned.Steps, PlanStep{m.name, m.action, m.changes})
	}
	reply := Reply{func() { in.Reply(t.planned, nil) }}
	if in.DryRun {
		return append(out, reply)
	}
	out = append(c.carryMoves(now, in.Groups, moves, t, out), reply)
	t.settled = true
	return t.finish(out)
}

func (c *Core) checkTransition(changes []GroupChange) *fault.Error {
	if c.mood < MoodRunning {
		return fault.Bare(fault.ShutdownState)
	}
	seen := map[string]bool{}
	for _, ch := range changes {
		if seen[ch.Name] || c.wanted(ch.Name) != ch.From {
			return fault.Errorf(fault.Conflict, "group %s was changed by somebody else meanwhile; look at it again", ch.Name)
		}
		seen[ch.Name] = true
		if ch.To == nil {
			continue
		}
		names := make(map[string]bool, len(ch.To.Processes))
		for _, p := range ch.To.Processes {
			if names[p.Name] {
				return fault.New(fault.BadName, Name{ch.Name, p.Name}.Spec()+" would be there twice")
			}
			names[p.Name] = true
		}
	}
	return nil
}

// A move is a step of a plan and what it takes to make it.
type move struct {
	name    Name
	action  Action
	changes []config.Change
	process *process        // nil for one that is to be made
	to      *config.Process // nil for one that is to go
}

// decide plans one group.
func (c *Core) decide(ch GroupChange, moves []move) []move {
	g := c.byName[ch.Name]
	switch {
	case g == nil && ch.To == nil:
		return moves
	case ch.To == nil:
		return decideGone(g, moves)
	case g == nil || g.leaving && g.restarts(ch.To):
		return decideNew(ch.To, moves)
	}
	changes := g.cfg.Changes(ch.To)
	if len(changes) > 0 {
		moves = append(moves, move{name: Name{Group: ch.Name}, action: ActionChange, changes: changes})
	}
	if g.restarts(ch.To) {
		return decideNew(ch.To, decideGone(g, moves))
	}
	moves = slices.Grow(moves, len(ch.To.Processes))
	stays := make(map[string]bool, len(ch.To.Processes))
	for _, to := range ch.To.Processes {
		stays[to.Name] = true
		moves = append(moves, decideOne(g, to))
	}
	for _, p := range g.procs {
		if !stays[p.name.Process] {
			moves = decideGoing(p, moves)
		}
	}
	return moves
}

// restarts reports whether g can become to only by being made anew.
func (g *group) restarts(to *config.Group) bool {
	return slices.ContainsFunc(g.cfg.Changes(to), func(ch config.Change) bool { return ch.Restart })
}

func decideNew(to *config.Group, moves []move) []move {
	for _, p := range to.Processes {
		moves = append(moves, move{name: Name{to.Name, p.Name}, action: addition(p), to: p})
	}
	return moves
}

func decideGone(g *group, moves []move) []move {
	for _, p := range g.procs {
		moves = decideGoing(p, moves)
	}
	return moves
}

func decideGoing(p *process, moves []move) []move {
	switch {
	case p.leaving():
		return moves
	case p.busy():
		return append(moves, move{name: p.name, action: ActionStop, process: p})
	}
	return append(moves, move{name: p.name, action: ActionRemove, process: p})
}

func addition(p *config.Process) Action {
	if p.AutoStart {
		return ActionStart
	}
	return ActionAdd
}

// decideOne plans a process of a group that stays.
func decideOne(g *group, to *config.Process) move {
	p := g.byName[to.Name]
	if p == nil || p.leaving() {
		return move{name: Name{to.Group, to.Name}, action: addition(to), process: p, to: to}
	}
	m := move{name: p.name, action: ActionKeep, changes: p.willBe().Changes(to), process: p, to: to}
	if len(m.changes) == 0 {
		return m
	}
	m.action = ActionChange
	if p.fate != nil {
		if p.fate.start {
			m.action = ActionRestart // it is on its way down for another one
		}
		return m
	}
	if slices.ContainsFunc(m.changes, func(ch config.Change) bool { return ch.Restart }) {
		switch {
		case p.State.Up():
			m.action = ActionRestart
		case p.State == proc.Fatal && to.AutoStart:
			m.action = ActionStart // what kept it from running may be mended
		}
	}
	return m
}

// willBe is the configuration of p, which is not leaving, or the one that it
// gets when it is down.
func (p *process) willBe() *config.Process {
	if p.fate != nil {
		return p.fate.next
	}
	return p.cfg
}
