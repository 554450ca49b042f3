package ctl

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"example.org/twiddler/client"
)

func completeTwiddle(s *session, words []string) []candidate {
	last := words[len(words)-1]
	if len(words) == 1 {
		var all []candidate
		for _, name := range slices.Sorted(maps.Keys(twiddleCommands())) {
			all = append(all, candidate{text: name})
		}
		return all
	}
	if strings.HasPrefix(last, "-") {
		return completeFlags(twiddleFlags(words[0]))
	}
	// Flags may stand before the words that are counted here.
	place := len(words) - 1
	for i, word := range words[1 : len(words)-1] {
		if strings.HasPrefix(word, "-") || takesValue(words[i]) {
			place--
		}
	}
	switch words[0] {
	case "add", "rmgroup":
		if place == 1 {
			return completeGroups(s, nil)
		}
	case "save", "export":
		return completeGroups(s, nil)
	case "replace":
		if place == 1 {
			return completeGroups(s, nil)
		}
		return completeMembers(s, words[len(words)-2], place)
	case "remove":
		if place == 1 {
			return completeProcesses(s, []string{last + ":"})
		}
	case "renew":
		if place == 1 {
			return completeLeases(s)
		}
	case "undo":
		if place == 1 {
			return completeChanges(s)
		}
	case "addgroup":
		return completeKinds(place)
	case "log":
		if len(words) == 3 && words[1] == "-l" {
			return []candidate{{text: "critical"}, {text: "error"}, {text: "warn"}, {text: "info"}, {text: "debug"}, {text: "trace"}, {text: "blather"}}
		}
	}
	return nil
}

// twiddleFlags are the flags of a command.
func twiddleFlags(command string) []string {
	switch command {
	case "add", "addgroup":
		return []string{flagPlan, flagPersist, flagReason, flagTTL}
	case "remove":
		return []string{flagPlan, flagPersist, flagReason, flagStop}
	case "replace", "rmgroup", "apply", "undo":
		return []string{flagPlan, flagPersist, flagReason}
	case "history":
		return []string{flagCount, flagJSON}
	}
	return nil
}

func completeFlags(flags []string) []candidate {
	var all []candidate
	for _, f := range flags {
		all = append(all, candidate{text: f})
	}
	return all
}

func completeKinds(place int) []candidate {
	if place == 1 {
		return nil // a new name
	}
	var all []candidate
	for _, kind := range groupKinds() {
		all = append(all, candidate{text: "kind=" + kind})
	}
	return all
}

// completeMembers offers the processes of a group, one of which often has the
// name of its program.
func completeMembers(s *session, group string, place int) []candidate {
	if place != 2 {
		return nil
	}
	var all []candidate
	for _, p := range s.processInfos() {
		if p.Group == group {
			all = append(all, candidate{p.Name, p.StateName})
		}
	}
	return all
}

// asking calls the twiddler for somebody who pressed Tab; errors are no
// candidates.
func asking[T any](s *session, call func(context.Context, client.Twiddler) ([]T, error)) []T {
	c, err := s.server()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), completeTimeout)
	defer cancel()
	found, err := call(ctx, c.Twiddler())
	if err != nil {
		return nil
	}
	return found
}

func completeLeases(s *session) []candidate {
	var all []candidate
	for _, l := range asking(s, func(ctx context.Context, t client.Twiddler) ([]client.Lease, error) { return t.GetLeases(ctx) }) {
		all = append(all, candidate{leaseName(l), l.Left.String()})
	}
	return all
}

// completeChanges offers the changes that can be taken back.
func completeChanges(s *session) []candidate {
	var all []candidate
	for _, r := range asking(s, func(ctx context.Context, t client.Twiddler) ([]client.Record, error) {
		return t.History(ctx, 0, usualHistory)
	}) {
		if r.Undone == 0 {
			all = append(all, candidate{strconv.FormatInt(r.ID, 10), r.Method})
		}
	}
	return all
}

// completeScale offers programs that have the name of their group; those of
// other groups are not known.
func completeScale(s *session, words []string) []candidate {
	if strings.HasPrefix(words[len(words)-1], "-") {
		return completeFlags([]string{flagPlan, flagPersist, flagReason})
	}
	all := completeGroups(s, words)
	for i := range all {
		all[i].text += "="
	}
	return all
}

func completeUpdate(s *session, words []string) []candidate {
	if len(words) == 1 && strings.HasPrefix(words[0], "-") {
		return completeFlags([]string{flagPlan})
	}
	return completeGroups(s, words)
}
