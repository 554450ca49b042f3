package supervisor

import (
	"cmp"
	"slices"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/event"
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
	open    int  // processes still to come down
	settled bool // no more will be told to
	planned Planned
	done    func(*fault.Error) // nil once it was called
}

// finish says that a transit has come to its end.
func (t *transit) finish(err *fault.Error, out []Effect) []Effect {
	done := t.done
	if done == nil {
		return out
	}
	t.done = nil
	return append(out, Reply{func() { done(err) }})
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
	for _, m := range moves {
		t.planned.Steps = append(t.planned.Steps, PlanStep{m.name, m.action, m.changes})
	}
	reply := Reply{func() { in.Reply(t.planned, nil) }}
	if in.DryRun {
		return append(out, reply)
	}
	out = append(c.carryMoves(now, in.Groups, moves, t, out), reply)
	if t.settled = true; t.open == 0 {
		return t.finish(nil, out)
	}
	return out
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
	m := move{name: p.name, action: ActionKeep, changes: p.cfg.Changes(to), process: p, to: to}
	if len(m.changes) == 0 {
		return m
	}
	m.action = ActionChange
	if slices.ContainsFunc(m.changes, func(ch config.Change) bool { return ch.Restart }) {
		switch {
		case p.State.Up(), p.fate != nil && p.fate.start:
			m.action = ActionRestart
		case p.State == proc.Fatal && to.AutoStart:
			m.action = ActionStart // what kept it from running may be mended
		}
	}
	return m
}

// leaving reports whether p is to be forgotten when it is down.
func (p *process) leaving() bool { return p.fate != nil && p.fate.next == nil }

// carryMoves makes the plan true. Starts come last, by rank.
func (c *Core) carryMoves(now proc.Moment, changes []GroupChange, moves []move, t *transit, out []Effect) []Effect {
	var fresh []*process
	heirs := map[string]bool{}
	for _, ch := range changes {
		out = c.shapeGroup(now, ch, out)
		g := c.byName[ch.Name]
		heirs[ch.Name] = g != nil && g.leaving
	}
	for _, m := range moves {
		g := c.byName[m.name.Group]
		switch {
		case m.name.Process == "" || m.to != nil && heirs[m.name.Group]:
			// Done by shapeGroup, or left to the heir.
		case m.process == nil:
			p := c.newProcess(g, m.to)
			g.put(p)
			t.planned.add(p)
			fresh = append(fresh, p)
		default:
			out = c.carryMove(now, m, t, out)
			if m.action == ActionStart && m.process.fate == nil {
				fresh = append(fresh, m.process)
			}
		}
	}
	for _, ch := range changes {
		if g := c.byName[ch.Name]; g != nil && !g.leaving {
			g.arrange()
		}
		out = c.vacate(now, ch.Name, out)
	}
	slices.SortStableFunc(fresh, func(a, b *process) int { return a.rank().compare(b.rank()) })
	for _, p := range fresh {
		if p.cfg.AutoStart && c.find(p.name) == p {
			out = c.feedRanked(now, p, proc.Start{}, true, out)
		}
	}
	return out
}

func (r Rank) compare(o Rank) int {
	return cmp.Or(cmp.Compare(r.Group, o.Group), cmp.Compare(r.Process, o.Process))
}

// shapeGroup gives a group its new settings, makes it, or marks it as leaving.
func (c *Core) shapeGroup(now proc.Moment, ch GroupChange, out []Effect) []Effect {
	g := c.byName[ch.Name]
	switch {
	case g == nil && ch.To == nil:
	case g == nil:
		bare := *ch.To
		bare.Processes = nil
		g = c.makeGroup(now, &bare)
		g.cfg = ch.To
		out = c.emit(event.GroupChange(event.ProcessGroupAdded, ch.Name), out)
	case ch.To == nil:
		g.leaving, g.heir = true, nil
	case g.restarts(ch.To):
		g.leaving, g.heir = true, ch.To
		for _, p := range g.procs {
			if p.fate != nil {
				p.fate.next = nil
			}
		}
	default:
		g.leaving, g.heir = false, nil
		if g.listed < 0 {
			g.listed = slices.Index(c.available, ch.To)
		}
		c.reconfigure(g, ch.To)
		if g.pool != nil {
			out = g.pool.reshape(ch.To, out)
			c.resubscribed(now)
		}
	}
	return out
}

// carryMove makes one step of a plan true for a process that is there.
func (c *Core) carryMove(now proc.Moment, m move, t *transit, out []Effect) []Effect {
	p := m.process
	switch m.action {
	case ActionKeep, ActionChange:
		out = c.change(now, p, m.to, out)
	case ActionRemove:
		c.forget(p)
	case ActionStop:
		out = c.doom(now, p, &fate{}, t, out)
	case ActionRestart:
		out = c.doom(now, p, &fate{next: m.to, start: true}, t, out)
	case ActionStart, ActionAdd:
		if p.busy() {
			return c.doom(now, p, &fate{next: m.to, start: m.action == ActionStart}, t, out)
		}
		out = c.change(now, p, m.to, out)
	}
	return out
}

// change gives p other settings, now if nothing speaks against it.
func (c *Core) change(now proc.Moment, p *process, to *config.Process, out []Effect) []Effect {
	switch {
	case p.fate != nil:
		p.fate.next = to
	case !p.busy():
		out = c.replace(now, p, to, out)
	case slices.ContainsFunc(p.cfg.Changes(to), func(ch config.Change) bool { return ch.Restart }):
		p.fate = &fate{next: to} // an operator has told it to stop
	default:
		old := p.cfg
		out = c.adopt(now, p, to, out)
		if old.Stdout.Limits() != to.Stdout.Limits() || old.Stderr.Limits() != to.Stderr.Limits() {
			out = append(out, Relimit{to, p.logs})
		}
	}
	return out
}

// adopt gives p settings that differ in nothing a child is started with.
func (c *Core) adopt(now proc.Moment, p *process, to *config.Process, out []Effect) []Effect {
	p.cfg = to
	return c.feed(now, p, proc.Respec{Spec: &to.Spec}, out)
}

// replace makes p, which is down, another process of the same name. An AUTO
// log that stays one goes on.
func (c *Core) replace(now proc.Moment, p *process, to *config.Process, out []Effect) []Effect {
	old, logs := p.cfg, p.logs
	out = c.adopt(now, p, to, out)
	c.nameLogs(p)
	if old.Stdout.Log == config.LogAuto && to.Stdout.Log == config.LogAuto {
		p.logs.Stdout = logs.Stdout
	}
	if old.Stderr.Log == config.LogAuto && p.logs.Stderr != "" && to.Stderr.Log == config.LogAuto && logs.Stderr != "" {
		p.logs.Stderr = logs.Stderr
	}
	return out
}

// doom decides what becomes of p when it is down, and tells it to stop.
func (c *Core) doom(now proc.Moment, p *process, f *fate, t *transit, out []Effect) []Effect {
	if p.fate != nil {
		f.waiting = p.fate.waiting
	}
	t.open++
	f.waiting = append(f.waiting, t)
	p.fate = f
	return c.feed(now, p, proc.Stop{}, out)
}

// meetFate does with p what was decided for when it is down.
func (c *Core) meetFate(now proc.Moment, p *process, out []Effect) []Effect {
	f := p.fate
	if p.busy() {
		if p.State == proc.Unknown {
			for _, t := range f.waiting {
				out = t.finish(fault.Errorf(fault.Failed, "%s can't be stopped: %s", p.name.Spec(), p.SpawnErr), out)
			}
		}
		return out
	}
	p.fate = nil
	if f.next != nil {
		out = c.replace(now, p, f.next, out)
	} else {
		c.forget(p)
	}
	for _, t := range f.waiting {
		if t.open--; t.open == 0 && t.settled {
			out = t.finish(nil, out)
		}
	}
	if f.next == nil {
		return c.vacate(now, p.name.Group, out)
	}
	if f.start && c.mood == MoodRunning {
		out = c.feedRanked(now, p, proc.Start{}, true, out)
	}
	return out
}

// forget takes p, which is down, out of its group.
func (c *Core) forget(p *process) {
	g := p.group
	if g.byName[p.name.Process] == p {
		delete(g.byName, p.name.Process)
	}
	g.procs = slices.DeleteFunc(g.procs, func(o *process) bool { return o == p })
}

// vacate ends a leaving group when its last process has gone, and makes its
// heir.
func (c *Core) vacate(now proc.Moment, name string, out []Effect) []Effect {
	g := c.byName[name]
	if g == nil || !g.leaving || len(g.procs) > 0 {
		return out
	}
	heir := g.heir
	out = c.removeGroup(now, g, out)
	if heir == nil || c.mood < MoodRunning {
		return out
	}
	made, out := c.apply(now, AddGroup{heir}, nil, nil, out)
	for _, p := range made {
		if p.cfg.AutoStart {
			out = c.feedRanked(now, p, proc.Start{}, true, out)
		}
	}
	return out
}

// arrange puts the processes of g in the order of its configuration, those
// that are leaving last.
func (g *group) arrange() {
	place := make(map[string]int, len(g.cfg.Processes))
	for i, p := range g.cfg.Processes {
		place[p.Name] = i
	}
	at := func(p *process) int {
		if i, ok := place[p.name.Process]; ok {
			return i
		}
		return len(place)
	}
	slices.SortStableFunc(g.procs, func(a, b *process) int { return at(a) - at(b) })
}
