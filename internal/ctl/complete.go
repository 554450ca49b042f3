package ctl

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"example.org/twiddler/client"
	"example.org/twiddler/internal/getopt"
)

// completeCommand is the hidden command that completion scripts call.
const completeCommand = "__complete"

// completeTimeout bounds the wait of somebody who pressed Tab.
const completeTimeout = 2 * time.Second

// A candidate is what a word may be completed to.
type candidate struct {
	text string
	help string // one line, or ""
}

// complete returns candidates for the last of words, which follow the name of
// a command. It need not look whether they match.
type complete func(s *session, words []string) []candidate

// candidates are the completions of the last of words; the first is a command.
// Supervisor 4.2.5, supervisorctl.py, complete.
func (s *session) candidates(words []string) []candidate {
	last := words[len(words)-1]
	var all []candidate
	if len(words) == 1 || words[0] == "help" {
		all = completeCommands()
	} else if c, ok := find(words[0]); ok && c.complete != nil {
		all = c.complete(s, words[1:])
	}
	var found []candidate
	for _, c := range all {
		// What a terminal or a shell could take for something else is not offered.
		if strings.HasPrefix(c.text, last) && !strings.ContainsFunc(c.text, harmful) && utf8.ValidString(c.text) {
			found = append(found, c)
		}
	}
	return found
}

func completeCommands() []candidate {
	all := []candidate{{text: "help", help: "Print a list of available actions"}}
	for _, c := range commands() {
		summary := ""
		if len(c.help) > 0 {
			_, summary, _ = strings.Cut(c.help[0], "\t")
		}
		all = append(all, candidate{text: c.name, help: strings.TrimSpace(summary)})
	}
	return all
}

// processInfos asks the server once for each command.
func (s *session) processInfos() []client.ProcessInfo {
	if s.infos != nil {
		return s.infos
	}
	c, err := s.server()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), completeTimeout)
	defer cancel()
	infos, err := c.GetAllProcessInfo(ctx)
	if err != nil {
		return nil // no candidates; the command will say why
	}
	s.infos = infos
	return infos
}

func completeGroups(s *session, _ []string) []candidate {
	var all []candidate
	for _, p := range s.processInfos() {
		if g := (candidate{text: p.Group}); !slices.Contains(all, g) {
			all = append(all, g)
		}
	}
	return all
}

// completeProcesses offers processes, and whole groups where a process has
// another name than its group or the text has a colon.
func completeProcesses(s *session, words []string) []candidate {
	colon := strings.Contains(words[len(words)-1], ":")
	var all []candidate
	seen := map[string]bool{}
	for _, p := range s.processInfos() {
		if !colon && p.Name == p.Group {
			all = append(all, candidate{p.Name, p.StateName})
			continue
		}
		all = append(all, candidate{p.Group + ":" + p.Name, p.StateName})
		if whole := p.Group + ":*"; !seen[whole] {
			seen[whole] = true
			all = append(all, candidate{text: whole})
		}
	}
	return all
}

func completeSignal(s *session, words []string) []candidate {
	if len(words) > 1 {
		return completeProcesses(s, words)
	}
	var all []candidate
	for _, name := range []string{"HUP", "INT", "QUIT", "KILL", "TERM", "USR1", "USR2", "STOP", "CONT", "WINCH"} {
		all = append(all, candidate{text: name}, candidate{text: "SIG" + name})
	}
	return all
}

func completeShells(_ *session, words []string) []candidate {
	if len(words) > 1 {
		return nil
	}
	return []candidate{{text: "bash"}, {text: "fish"}, {text: "zsh"}}
}

// Delimiters of words in the shell: readline's, but for those that names have.
const delimiters = " \t\n`~!@#$%^&()=+[{]}\\|;'\",<>/?"

// completeLine completes the word before the cursor; each candidate ends in a
// blank, or in "=" where a value is to follow.
func (s *session) completeLine(line string, position int) (head string, found []string, rest string) {
	runes := []rune(line)
	before, rest := string(runes[:position]), string(runes[position:])
	words := strings.Fields(before)
	if len(words) == 0 || strings.HasSuffix(before, " ") {
		words = append(words, "")
	}
	from := strings.LastIndexAny(before, delimiters) + 1
	cut := len(words[len(words)-1]) - len(before[from:])
	for _, c := range s.candidates(words) {
		if cut >= 0 && cut <= len(c.text) {
			text := c.text[cut:]
			if !strings.HasSuffix(text, "=") { // a value follows
				text += " "
			}
			found = append(found, text)
		}
	}
	return before[:from], found, rest
}

// completeWords is the hidden command: it prints candidates for the last of
// the words on a command line, one in a line, with a tab and a remark where
// there is one. It is silent about everything that is wrong.
func completeWords(program string, f *flags, out io.Writer) int {
	words := f.operands[1:]
	if len(words) == 0 {
		return 0
	}
	typed, last := words[:len(words)-1], words[len(words)-1]
	given, err := parseFlags(typed)
	if err != nil || given.help {
		return 0
	}
	var found []candidate
	if len(given.operands) == 0 && strings.HasPrefix(last, "-") {
		found = completeOptions(last, optionTable)
	} else if o, err := configure(program, given); err == nil {
		s := &session{options: o, out: io.Discard, errOut: io.Discard}
		defer s.forget()
		found = s.candidates(append(given.operands, last))
	}
	for _, c := range found {
		line := c.text
		if c.help != "" {
			line += "\t" + c.help
		}
		fmt.Fprintln(out, visible(line))
	}
	return 0
}

func completeOptions(last string, table []getopt.Option) []candidate {
	var found []candidate
	for _, o := range table {
		if flag := "--" + o.Long; o.Long != "" && strings.HasPrefix(flag, last) {
			found = append(found, candidate{flag, o.Help})
		}
	}
	return found
}
