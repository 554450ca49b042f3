package ctl

import (
	"context"
	"slices"

	"example.org/twiddler/client"
	"example.org/twiddler/fault"
)

var updateHelp = []string{
	"update\t\t\tReload config and add/remove as necessary, and will restart affected programs",
	"update all\t\tReload config and add/remove as necessary, and will restart affected programs",
	"update <gname> [...]\tUpdate specific groups",
	"update --plan [...]\tOnly show what would happen",
}

// update makes the live groups those of the configuration files: of all, or of
// the groups named. Where the server has a twiddler, only the processes whose
// own settings differ are touched; the lines of groups are the same.
// Supervisor 4.2.5, supervisorctl.py, do_update.
func update(ctx context.Context, s *session, a args) error {
	c, err := s.server()
	if err != nil {
		return err
	}
	names := slices.DeleteFunc(slices.Clone(a.words), func(w string) bool { return w == flagPlan })
	plan := len(names) < len(a.words)
	if slices.Contains(names, "all") {
		names = nil
	}
	if plan {
		out, err := c.Twiddler().Update(ctx, names, client.How{DryRun: true})
		return s.twiddleFailed(s.changed(changeFlags{plan: true}, out, err))
	}
	if len(names) > 0 {
		return s.updateSome(ctx, c, names)
	}
	out, err := c.Twiddler().Update(ctx, nil, client.How{})
	if !unknownMethod(err) {
		return s.updated(out, err)
	}
	found, ok, err := s.reloadConfig(ctx, c)
	if !ok {
		return err
	}
	return s.apply(ctx, c, found, func(string) bool { return true })
}

// updateSome updates the groups that are named. The names that are neither live
// groups nor in the files are complained of, and do not keep the others from
// it.
func (s *session) updateSome(ctx context.Context, c *client.Client, names []string) error {
	found, ok, err := s.reloadConfig(ctx, c)
	if !ok {
		return err
	}
	wanted := func(group string) bool { return slices.Contains(names, group) }
	known, err := s.checkGroups(ctx, c, names, found)
	if err != nil {
		return err
	}
	if len(known) > 0 { // none would be all
		out, err := c.Twiddler().Update(ctx, known, client.How{})
		if !unknownMethod(err) {
			return s.updated(out, err)
		}
	}
	return s.apply(ctx, c, found, wanted)
}

// reloadConfig has the files read again. If that is refused it has said so, or
// returns the error to print.
func (s *session) reloadConfig(ctx context.Context, c *client.Client) (found client.Reload, ok bool, err error) {
	found, err = c.ReloadConfig(ctx)
	if fault.Is(err, fault.ShutdownState) {
		s.fail(exitGeneric, "ERROR: already shutting down")
		return found, false, nil
	}
	return found, err == nil, err
}

// checkGroups complains of names that are neither live groups nor new ones, and
// returns those that something can be done for, each once.
func (s *session) checkGroups(ctx context.Context, c *client.Client, names []string, found client.Reload) (known []string, err error) {
	infos, err := c.GetAllProcessInfo(ctx)
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			continue
		}
		live := slices.ContainsFunc(infos, func(p client.ProcessInfo) bool { return p.Group == name })
		if !live && !slices.Contains(found.Added, name) {
			s.fail(exitGeneric, "ERROR: no such group: %s", name)
			// Groups without processes are named by a reread only.
			if !slices.Contains(found.Changed, name) && !slices.Contains(found.Removed, name) {
				continue
			}
		}
		known = append(known, name)
	}
	return known, nil
}

// updated prints what an update of the twiddler did: the lines of the classic
// one, in its order, and what became of the processes of changed groups.
func (s *session) updated(out client.Outcome, err error) error {
	switch {
	case fault.Is(err, fault.ShutdownState):
		s.fail(exitGeneric, "ERROR: already shutting down")
		return nil
	case fault.Is(err, fault.CantReread):
		return err // as classic, for those who look for it
	case err != nil && isFault(err):
		return s.twiddleFailed(err)
	case err != nil:
		return err
	}
	groups := groupSteps(out.Steps)
	for _, g := range groups {
		if g.became == "removed" {
			s.say("%s: stopped", g.name)
			s.say("%s: removed process group", g.name)
		}
	}
	for _, g := range groups {
		if g.became != "updated" {
			continue
		}
		if g.stopped {
			s.say("%s: stopped", g.name)
		}
		s.say("%s: updated process group", g.name)
		s.showSteps(g.processes, false, "")
	}
	for _, g := range groups {
		if g.became == "added" {
			s.say("%s: added process group", g.name)
		}
	}
	return nil
}

func isFault(err error) bool {
	_, _, ok := faultOf(err)
	return ok
}

// A groupOutcome is what became of one group.
type groupOutcome struct {
	name      string
	became    string        // "added", "removed" or "updated"; "" if nothing did
	stopped   bool          // all that was in it was, before it became what it is
	processes []client.Step // those that were not kept
}

// groupSteps sorts steps by group, in the order in which groups come.
func groupSteps(steps []client.Step) []groupOutcome {
	var order []string
	byGroup := map[string][]client.Step{}
	for _, step := range steps {
		if byGroup[step.Group] == nil {
			order = append(order, step.Group)
		}
		byGroup[step.Group] = append(byGroup[step.Group], step)
	}
	all := make([]groupOutcome, len(order))
	for i, name := range order {
		all[i] = sumGroup(name, byGroup[name])
	}
	return all
}

func sumGroup(name string, steps []client.Step) groupOutcome {
	g := groupOutcome{name: name, stopped: true}
	actions := map[string]int{}
	for _, step := range steps {
		switch {
		case step.Process == "" && step.Action == "add":
			g.became = "added"
		case step.Process == "" && step.Action == "remove":
			g.became = "removed"
		case step.Process == "" && step.Action != keep:
			g.became = "updated"
		case step.Process != "":
			actions[step.Action]++
			if step.Action != keep {
				g.processes = append(g.processes, step)
			}
		}
	}
	g.stopped = actions[keep]+actions["change"] == 0 && actions["restart"]+actions["stop"]+actions["remove"] > 0
	if g.became == "" && len(g.processes) > 0 {
		g.became = "updated"
	}
	return g
}

// apply carries out what a reread has found for the groups that are wanted.
// Any fault ends it: the original does not go on either.
func (s *session) apply(ctx context.Context, c *client.Client, found client.Reload, wanted func(string) bool) error {
	for _, group := range found.Removed {
		if wanted(group) {
			if err := s.applyRemoved(ctx, c, group); err != nil {
				return err
			}
		}
	}
	for _, group := range found.Changed {
		if wanted(group) {
			if err := s.applyChanged(ctx, c, group); err != nil {
				return err
			}
		}
	}
	for _, group := range found.Added {
		if wanted(group) {
			if err := c.AddProcessGroup(ctx, group); err != nil {
				return err
			}
			s.say("%s: added process group", group)
		}
	}
	return nil
}

func (s *session) applyRemoved(ctx context.Context, c *client.Client, group string) error {
	results, err := c.StopProcessGroup(ctx, group, true)
	if err != nil {
		return err
	}
	s.say("%s: stopped", group)
	if slices.ContainsFunc(results, func(r client.Result) bool { return fault.Code(r.Status) == fault.Failed }) {
		s.fail(exitGeneric, "%s: has problems; not removing", group)
		return nil
	}
	if err := c.RemoveProcessGroup(ctx, group); err != nil {
		return err
	}
	s.say("%s: removed process group", group)
	return nil
}

func (s *session) applyChanged(ctx context.Context, c *client.Client, group string) error {
	if _, err := c.StopProcessGroup(ctx, group, true); err != nil {
		return err
	}
	s.say("%s: stopped", group)
	if err := c.RemoveProcessGroup(ctx, group); err != nil {
		return err
	}
	if err := c.AddProcessGroup(ctx, group); err != nil {
		return err
	}
	s.say("%s: updated process group", group)
	return nil
}
