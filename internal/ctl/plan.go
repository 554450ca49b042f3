package ctl

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"example.org/twiddler/client"
)

// keep is the action of a step that leaves things as they are.
const keep = "keep"

// An actionText is how an action shows: as what would happen, as what has
// happened, and in which colour.
type actionText struct{ would, done, colour string }

func textOf(action string) actionText {
	switch action {
	case "add":
		return actionText{"add", "added", faint}
	case "start":
		return actionText{"start", "started", green}
	case "stop":
		return actionText{"stop and remove", "stopped and removed", red}
	case "remove":
		return actionText{"remove", "removed", faint}
	case "restart":
		return actionText{"restart", "restarted", yellow}
	case "change":
		return actionText{"change", "changed", yellow}
	}
	return actionText{action, action, yellow} // from a server that knows more
}

// showOutcome prints what a change does, with planned what it would do.
func (s *session) showOutcome(out client.Outcome, planned bool) {
	shown, kept := s.showSteps(out.Steps, planned, "")
	switch {
	case shown == 0:
		s.say("nothing to change%s", keptText(": ", kept))
	case planned && kept > 0:
		s.say("%s", keptText("", kept))
	}
	if out.ID == 0 || planned {
		return
	}
	saved := ""
	if out.Persisted {
		saved = ", saved"
	}
	s.say("change %d%s", out.ID, saved)
}

// showSteps prints a line for each step but those that keep something, with
// the options that differ beneath. It returns how many it showed, and how many
// processes are kept.
func (s *session) showSteps(steps []client.Step, planned bool, indent string) (shown, kept int) {
	for _, step := range steps {
		if step.Action == keep {
			if step.Process != "" {
				kept++
			}
			continue
		}
		shown++
		text := textOf(step.Action)
		word := text.done
		if planned {
			word = text.would
		}
		s.raw("%s%s: %s", indent, s.harmless(stepName(step)), s.tint(text.colour, s.harmless(word)))
		for _, c := range step.Changes {
			s.say("%s    %s: %s -> %s", indent, c.Option, optionText(c.Old), optionText(c.New))
		}
	}
	return shown, kept
}

// stepName tells a group from its only process, which may have the same name.
func stepName(step client.Step) string {
	if step.Process == "" {
		return "group " + step.Group
	}
	return join(step.Group, step.Process)
}

func keptText(before string, n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return before + "1 process kept"
	}
	return fmt.Sprintf("%s%d processes kept", before, n)
}

// optionText is a value in one line, quoted if it could be mistaken.
func optionText(v string) string {
	plain := v != "" && v == strings.TrimSpace(v) && utf8.ValidString(v) && v[0] != '"' && !strings.Contains(v, " -> ") &&
		!strings.ContainsFunc(v, unicode.IsControl)
	if plain {
		return v
	}
	return strconv.Quote(v)
}
