package ctl

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"example.org/twiddler/client"
	"example.org/twiddler/fault"
)

var runHelp = []string{
	"run [option ...] -- <command> [arg ...]\tRun a command once, as a program that goes by itself after its end",
	"  --wait\t\tShow its output, and exit as it does; Ctrl-C stops it, once more kills it",
	"  --follow\t\tShow its output; Ctrl-C leaves it running",
	"  --name <name>\t\tOf the program (run- and 8 random digits)",
	"  --group <gname>\tA group that is there (one of its own)",
	"  -e <KEY>=<value>\tIn its environment; may be given again",
	"  --user <user>\t\tThe user it runs as",
	"  --directory <dir>\tWhere it runs, on the server",
	"  --ttl <seconds>\tIt is stopped after that time",
	"  --reason <text>\tFor the history",
	"Its standard input is a pipe that nothing comes through: what is typed here does not reach it.",
	"With --wait, a program that a signal ends is exit status 128 and its number; one that is not there 127,",
	"one that cannot be executed 126; one that was stopped by Ctrl-C 130, by SIGTERM 143.",
	"Ex:",
	"run --wait -- /usr/bin/backup --all",
	"run --name import --user www-data -e MODE=fast --ttl 3600 -- /usr/bin/import",
}

// Exit statuses of run, as shells and their like have them.
const (
	exitNotExecutable = 126
	exitNoFile        = 127
	exitSignal        = 128 // and the number of the signal
)

// Flags of run alone.
const (
	flagWait        = "--wait"
	flagFollow      = "--follow"
	flagName        = "--name"
	flagGroup       = "--group"
	flagEnvironment = "-e"
	flagUser        = "--user"
	flagDirectory   = "--directory"
)

func runFlagNames() []string {
	return []string{flagWait, flagFollow, flagName, flagGroup, flagEnvironment, flagUser, flagDirectory, flagTTL, flagReason}
}

// runFlags are the options of run.
type runFlags struct {
	wait, follow                         bool
	name, group, user, directory, reason string
	environment                          []string // KEY=value, quoted for the server
	ttl                                  time.Duration
}

// parseRun cuts the words of run into options and the command after "--".
func parseRun(words []string) (f runFlags, command []string, err error) {
	given := map[string]bool{}
	for i := 0; i < len(words); i++ {
		name, value, joined := words[i], "", false
		if strings.HasPrefix(name, "--") {
			name, value, joined = strings.Cut(name, "=")
		}
		switch {
		case words[i] == "--" && i+1 == len(words):
			return f, nil, usageError("no command after --")
		case words[i] == "--":
			return f, words[i+1:], nil
		case !strings.HasPrefix(name, "-"):
			return f, nil, usageError(fmt.Sprintf("%q is no option of run; the command goes after --", name))
		case !slices.Contains(runFlagNames(), name):
			return f, nil, usageError(fmt.Sprintf("unknown option %q: there is %s", name, strings.Join(runFlagNames(), ", ")))
		case given[name] && name != flagEnvironment:
			return f, nil, usageError(name + " is given twice")
		case name == flagWait || name == flagFollow:
			if joined {
				return f, nil, usageError(name + " takes no value")
			}
		case !joined:
			if i++; i == len(words) || words[i] == "--" {
				return f, nil, usageError(name + " requires a value")
			}
			value = words[i]
		}
		given[name] = true
		if err := f.set(name, value); err != nil {
			return f, nil, err
		}
	}
	return f, nil, usageError("run requires a command, after --")
}

func (f *runFlags) set(name, value string) (err error) {
	switch name {
	case flagWait:
		f.wait = true
	case flagFollow:
		f.follow = true
	case flagEnvironment:
		value, err = quotePair(value)
		f.environment = append(f.environment, value)
	case flagTTL:
		f.ttl, err = timeToLive(value)
	default:
		if value == "" {
			return usageError(name + " requires a value")
		}
		*map[string]*string{flagName: &f.name, flagGroup: &f.group, flagUser: &f.user,
			flagDirectory: &f.directory, flagReason: &f.reason}[name] = value
	}
	return err
}

// quotePair quotes KEY=value for the option environment.
func quotePair(pair string) (string, error) {
	key, value, ok := strings.Cut(pair, "=")
	switch {
	case !ok || key == "":
		return "", usageError(fmt.Sprintf("%q is not KEY=value", pair))
	case unsendable(pair):
		return "", usageError(fmt.Sprintf("the value of %s cannot be sent: it has to be text, in UTF-8 and without control characters", key))
	}
	return quoteFully(key) + "=" + quoteFully(value), nil
}

// quoteFully quotes a word for where more characters end one than in a command.
func quoteFully(word string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(word, "'", `'"'"'`), "%", "%%") + "'"
}

// unsendable reports whether text has what XML 1.0 has no place for, or would
// make something else of.
func unsendable(text string) bool {
	return !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' || r == 0xfffe || r == 0xffff
	})
}

// request is what the server is asked for.
func (f *runFlags) request(command []string) (client.Run, error) {
	for _, word := range command {
		if unsendable(word) {
			return client.Run{}, usageError(fmt.Sprintf("the word %q cannot be sent: it has to be text, in UTF-8 and without control characters", word))
		}
	}
	// What the command has started is stopped with it.
	options := map[string]any{"command": commandLine(command), "stopasgroup": "true", "killasgroup": "true"}
	if len(f.environment) > 0 {
		options["environment"] = strings.Join(f.environment, ",")
	}
	for option, value := range map[string]string{"user": f.user, "directory": f.directory} {
		if value != "" {
			options[option] = strings.ReplaceAll(value, "%", "%%")
		}
	}
	name := f.name
	if name == "" {
		var random [4]byte
		_, _ = rand.Read(random[:]) // it never fails
		name = "run-" + hex.EncodeToString(random[:])
	}
	return client.Run{Name: name, Group: f.group, Options: options, TTL: f.ttl, Reason: f.reason}, nil
}

// run runs a command once. Standard output has what the program writes, and
// nothing of ours but that it was started; all else is on standard error.
func run(ctx context.Context, s *session, a args) error {
	out, errOut := s.out, s.errOut
	ours := &sharedWriter{out: errOut}
	s.out, s.errOut = ours, ours
	defer func() { s.out, s.errOut = out, errOut }()
	return s.runFailed(s.runWords(ctx, a, out))
}

func (s *session) runWords(ctx context.Context, a args, out io.Writer) error {
	words, err := a.cut()
	if err != nil {
		return err
	}
	f, command, err := parseRun(words)
	if err != nil {
		return err
	}
	request, err := f.request(command)
	if err != nil {
		return err
	}
	c, err := s.server()
	if err != nil {
		return err
	}
	if f.wait || f.follow {
		return s.attendRun(ctx, c, request, f.wait, out)
	}
	started, err := c.Twiddler().Run(ctx, request)
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, s.harmless(started.Namespec()+": started")+"\n")
	return err
}

// runFailed prints why a program could not be run. It returns what the session
// sees to: a password that is wanted, an interrupt.
func (s *session) runFailed(err error) error {
	switch {
	case err == nil:
		return nil
	case fault.Is(err, fault.NoFile):
		s.fail(exitNoFile, "ERROR: there is no such command: %v", err)
		return nil
	case fault.Is(err, fault.NotExecutable):
		s.fail(exitNotExecutable, "ERROR: the command cannot be executed: %v", err)
		return nil
	}
	err = s.twiddleFailed(newer(err))
	if err == nil || errors.Is(err, client.ErrUnauthorized) || errors.Is(err, context.Canceled) {
		return err
	}
	if text, ok := refusal(err); ok {
		s.fail(exitPrivileges, "%s", text)
		return nil
	}
	s.fail(exitGeneric, "ERROR: %v", err)
	return nil
}

func completeRun(s *session, words []string) []candidate {
	if slices.Contains(words[:len(words)-1], "--") {
		return nil
	}
	if len(words) > 1 {
		switch words[len(words)-2] {
		case flagGroup:
			return completeGroups(s, nil)
		case flagName, flagEnvironment, flagUser, flagDirectory, flagTTL, flagReason:
			return nil
		}
	}
	return append(completeFlags(runFlagNames()), candidate{"--", "The command follows"})
}
