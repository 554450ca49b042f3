package ctl

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"
)

// help lists the commands, or explains one. Supervisor 4.2.5,
// supervisorctl.py, do_help.
func help(_ context.Context, s *session, a args) error {
	if a.text == "" {
		var original, ours []string
		for _, c := range commands() {
			if c.ours {
				ours = append(ours, c.name)
			} else {
				original = append(original, c.name)
			}
		}
		s.topics("default", original)
		s.topics("twiddler", ours)
		return nil
	}
	if a.text == "help" {
		s.say("help\t\tPrint a list of available actions")
		s.say("help <action>\tPrint help for <action>")
		return nil
	}
	if c, ok := find(a.text); ok && len(c.help) > 0 {
		s.lines(c.help)
		return nil
	}
	s.say("*** No help on %s", a.text)
	return nil
}

// helpWidth is what a list of commands may be wide. Python 3.11, cmd.py.
const helpWidth = 79

// topics lists commands under a heading, as the original does those of each
// plugin.
func (s *session) topics(heading string, names []string) {
	heading += " commands (type help <topic>):"
	s.say("")
	s.say("%s", heading)
	s.say("%s", strings.Repeat("=", utf8.RuneCountInString(heading)))
	s.lines(columns(names, helpWidth))
	s.say("")
}

// columns arranges words column by column in as few lines as fit the width.
// Cells are padded to their column; blanks at the end of a line stay. Python
// 3.11, cmd.py, columnize.
func columns(words []string, width int) []string {
	for rows := 1; rows < len(words); rows++ {
		if lines, fits := arrange(words, rows, width); fits {
			return lines
		}
	}
	return slices.Clone(words)
}

func arrange(words []string, rows, width int) (lines []string, fits bool) {
	lines = make([]string, rows)
	total := -2
	for first := 0; first < len(words); first += rows {
		column := words[first:min(first+rows, len(words))]
		widest := 0
		for _, w := range column {
			widest = max(widest, len(w))
		}
		total += widest + 2
		for i, w := range column {
			if first > 0 {
				lines[i] += "  "
			}
			lines[i] += w + strings.Repeat(" ", widest-len(w))
		}
	}
	return lines, total <= width
}
