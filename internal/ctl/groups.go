package ctl

import (
	"context"
	"maps"
	"slices"

	"example.org/twiddler/fault"
)

var (
	addHelp    = []string{"add <name> [...]\tActivates any updates in config for process/group"}
	removeHelp = []string{"remove <name> [...]\tRemoves process/group from active config"}
	rereadHelp = []string{"reread \t\t\tReload the daemon's configuration files without add/remove"}
	availHelp  = []string{"avail\t\t\tDisplay all configured processes"}
)

// unwanted reports whether there are arguments where there may be none, and
// says so.
func (s *session) unwanted(a args, name string, help []string) bool {
	if a.text == "" {
		return false
	}
	s.fail(exitGeneric, "Error: %s accepts no arguments", name)
	s.lines(help)
	return true
}

func avail(ctx context.Context, s *session, a args) error {
	if s.unwanted(a, "avail", availHelp) {
		return nil
	}
	c, err := s.server()
	if err != nil {
		return err
	}
	infos, err := c.GetAllConfigInfo(ctx)
	if fault.Is(err, fault.ShutdownState) {
		s.fail(exitGeneric, "ERROR: supervisor shutting down")
		return nil
	}
	if err != nil {
		return err
	}
	for _, i := range infos {
		use, start := "avail", "manual"
		if i.InUse {
			use = "in use"
		}
		if i.AutoStart {
			start = "auto"
		}
		s.say("%-32s %-9s %-9s %d:%d", join(i.Group, i.Name), use, start, i.GroupPriority, i.ProcessPriority)
	}
	return nil
}

func reread(ctx context.Context, s *session, a args) error {
	if s.unwanted(a, "reread", rereadHelp) {
		return nil
	}
	c, err := s.server()
	if err != nil {
		return err
	}
	found, err := c.ReloadConfig(ctx)
	switch {
	case fault.Is(err, fault.ShutdownState):
		s.fail(exitGeneric, "ERROR: supervisor shutting down")
		return nil
	case fault.Is(err, fault.CantReread):
		_, text, _ := faultOf(err)
		s.fail(exitGeneric, "ERROR: %s", text)
		return nil
	case err != nil:
		return err
	}
	words := map[string]string{}
	for _, list := range []struct {
		names []string
		word  string
	}{{found.Added, "available"}, {found.Changed, "changed"}, {found.Removed, "disappeared"}} {
		for _, name := range list.names {
			words[name] = list.word
		}
	}
	for _, name := range slices.Sorted(maps.Keys(words)) {
		s.say("%s: %s", name, words[name])
	}
	if len(words) == 0 {
		s.say("No config updates to processes")
	}
	return nil
}

func addGroups(ctx context.Context, s *session, a args) error {
	c, err := s.server()
	if err != nil {
		return err
	}
	for _, name := range a.words {
		err := c.AddProcessGroup(ctx, name)
		switch {
		case err == nil:
			s.say("%s: added process group", name)
		case fault.Is(err, fault.ShutdownState):
			s.fail(exitGeneric, "ERROR: shutting down")
		case fault.Is(err, fault.AlreadyAdded):
			s.say("ERROR: process group already active") // no failure
		case fault.Is(err, fault.BadName):
			s.fail(exitGeneric, "ERROR: no such process/group: %s", name)
		default:
			return err
		}
	}
	return nil
}

func removeGroups(ctx context.Context, s *session, a args) error {
	c, err := s.server()
	if err != nil {
		return err
	}
	for _, name := range a.words {
		err := c.RemoveProcessGroup(ctx, name)
		switch {
		case err == nil:
			s.say("%s: removed process group", name)
		case fault.Is(err, fault.StillRunning):
			s.fail(exitGeneric, "ERROR: process/group still running: %s", name)
		case fault.Is(err, fault.BadName):
			s.fail(exitGeneric, "ERROR: no such process/group: %s", name)
		default:
			return err
		}
	}
	return nil
}
