package ctl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"syscall"

	"example.org/twiddler/client"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/ini"
	"example.org/twiddler/level"
)

var twiddleHelp = []string{
	"twiddle groups\t\t\tList the groups",
	"twiddle add <gname> <name> [key=value ...] [-- command ...]",
	"\t\t\t\tAdd a program to a group that exists; keys are those of [program:x]",
	"twiddle remove <gname>:<name>\tRemove a stopped process from its group; with --stop, stop it first",
	"twiddle replace <gname> <name> [key=value ...] [-- command ...]",
	"\t\t\t\tGive a program these options instead of all it has",
	"twiddle addgroup <gname> [kind=...] [key=value ...] [-- command ...]",
	"\t\t\t\tAdd a group of a kind: program, eventlistener, fcgi-program, or an empty group",
	"twiddle rmgroup <gname>\t\tStop the processes of a group and remove it",
	"twiddle apply <file>|-\t\tMake the changes of a JSON array, all or none (- for standard input)",
	"twiddle leases\t\t\tList what goes by itself, and when",
	"twiddle renew <name> <seconds>\tGive a lease a new time: <gname>:<name>, or <gname> for a whole group",
	"twiddle history [-n <count>] [--json]",
	"\t\t\t\tList what was changed, the newest first",
	"twiddle undo <id>\t\tTake a change of the history back",
	"twiddle save [<gname> ...]\tWrite down what was changed, to outlive a restart",
	"twiddle diff\t\t\tShow how what is written down differs from what is live",
	"twiddle export [<gname> ...]\tPrint what was changed, as save writes it",
	"twiddle log [-l level] <message>\tWrite a line to supervisord's log (level: info)",
	"Options of add, remove, replace, addgroup, rmgroup, apply and undo, in front of their words:",
	"  --plan\t\tOnly show what would happen",
	"  --persist\t\tWrite it down as save does, or do not do it at all",
	"  --reason <text>\tFor the history",
	"  --ttl <seconds>\tOf add and addgroup: it goes by itself after that time",
	"Ex:",
	"twiddle add workers w7 autostart=true startsecs=5 -- /usr/bin/worker --queue high",
	"twiddle add --ttl 3600 workers job -- /usr/bin/job",
}

// A twiddleCommand is a word after twiddle.
type twiddleCommand func(context.Context, *session, client.Twiddler, []string) error

func twiddleCommands() map[string]twiddleCommand {
	return map[string]twiddleCommand{
		"add":      twiddleAdd,
		"addgroup": twiddleAddGroup,
		"apply":    twiddleApply,
		"diff":     twiddleDiff,
		"export":   twiddleExport,
		"groups":   twiddleGroups,
		"history":  twiddleHistory,
		"leases":   twiddleLeases,
		"log":      twiddleLog,
		"remove":   twiddleRemove,
		"renew":    twiddleRenew,
		"replace":  twiddleReplace,
		"rmgroup":  twiddleRemoveGroup,
		"save":     twiddleSave,
		"undo":     twiddleUndo,
	}
}

// A usageError is a command line of ours that cannot be understood. Its text
// is the whole of what is wrong.
type usageError string

func (e usageError) Error() string { return string(e) }

// cut returns the words of the arguments. Where a shell has cut the line they
// are kept; a line that came whole is cut as a shell cuts it.
func (a args) cut() ([]string, error) {
	if a.argv != nil {
		return a.argv, nil
	}
	words, err := ini.Split(a.text)
	if err != nil {
		return nil, usageError(fmt.Sprintf("cannot read the command: %v", err))
	}
	return words, nil
}

// twiddle calls the methods of the extension twiddler.
func twiddle(ctx context.Context, s *session, a args) error {
	words, err := a.cut()
	if err != nil {
		return s.twiddleFailed(err)
	}
	if len(words) == 0 {
		return s.usage(exitInvalidArgs, "Error: twiddle requires a command", twiddleHelp)
	}
	run, ok := twiddleCommands()[words[0]]
	if !ok {
		s.fail(exitInvalidArgs, "Error: unknown twiddle command %q", words[0])
		if near := ini.Nearest(words[0], slices.Sorted(maps.Keys(twiddleCommands()))); near != "" {
			s.hint("did you mean %q?", near)
		}
		return nil
	}
	c, err := s.server()
	if err != nil {
		return err
	}
	return s.twiddleFailed(run(ctx, s, c.Twiddler(), words[1:]))
}

// An oldServerError is an unknown method of those that the Python package does
// not have: there may be a twiddler, but not one that can do it.
type oldServerError struct{ error }

func (e oldServerError) Unwrap() error { return e.error }

// newer makes an unknown method an oldServerError.
func newer(err error) error {
	if fault.Is(err, fault.UnknownMethod) {
		return oldServerError{err}
	}
	return err
}

const twiddlerHint = "it needs the section [rpcinterface:twiddler] with " +
	"supervisor.rpcinterface_factory = supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface"

// twiddleFailed prints the errors that a person can do something about and
// returns the others.
func (s *session) twiddleFailed(err error) error {
	var usage usageError
	var old oldServerError
	var f *fault.Error
	switch {
	case errors.As(err, &usage):
		s.fail(exitInvalidArgs, "Error: %s", string(usage))
	case errors.As(err, &old):
		s.fail(exitUnimplemented, "ERROR: the server has no twiddler that can do this")
		s.hint("%s, and to be no Supervisor in Python", twiddlerHint)
	case fault.Is(err, fault.UnknownMethod):
		s.fail(exitUnimplemented, "ERROR: the server has no twiddler")
		s.hint("%s", twiddlerHint)
	case fault.Is(err, fault.NotInWhitelist):
		s.fail(exitGeneric, "ERROR: the server's whitelist does not allow that")
	case fault.Is(err, fault.ShutdownState):
		s.fail(exitGeneric, "ERROR: supervisor shutting down")
	case fault.Is(err, fault.NotPermitted):
		s.fail(exitPrivileges, "ERROR: %s", strings.Replace(err.Error(), fault.NotPermitted.String()+": ", "", 1))
	case errors.As(err, &f):
		s.fail(exitGeneric, "ERROR: %v", err)
	case errors.Is(err, syscall.ECONNREFUSED):
		s.fail(exitPrivileges, "%s refused connection", s.url)
	case errors.Is(err, fs.ErrNotExist):
		s.fail(exitNotRunning, "%s no such file", s.url)
	default:
		return err
	}
	return nil
}

func twiddleGroups(ctx context.Context, s *session, t client.Twiddler, words []string) error {
	if len(words) > 0 {
		return usageError("twiddle groups accepts no arguments")
	}
	names, err := t.GetGroupNames(ctx)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(slices.Values(names)) {
		s.say("%s", name)
	}
	return nil
}

func twiddleAdd(ctx context.Context, s *session, t client.Twiddler, words []string) error {
	f, words, err := takeFlags(words, flagPlan, flagPersist, flagReason, flagTTL)
	if err != nil {
		return err
	}
	if len(words) < 2 || words[0] == "--" || words[1] == "--" {
		return usageError("twiddle add requires a group and a name")
	}
	group, name := words[0], words[1]
	options, err := programOptions(words[2:])
	if err != nil {
		return err
	}
	if f.any() {
		return s.applyOne(ctx, t, f, client.Change{Action: client.Add, Group: group, Program: name, Options: options, TTL: f.ttl})
	}
	if err := t.AddProgramToGroup(ctx, group, name, options); err != nil {
		return wordFault(err, "there is such a process already", "cannot add program %q to group %q", name, group)
	}
	s.say("%s: added process", join(group, name))
	return nil
}

// programOptions reads the options of a program, which needs a command.
func programOptions(words []string) (map[string]any, error) {
	options, err := sectionOptions(words)
	if err != nil {
		return nil, err
	}
	if _, ok := options["command"]; !ok {
		return nil, usageError("a program requires a command: add -- and the command, or command=...")
	}
	return options, nil
}

// sectionOptions reads key=value words, and the command after a word "--".
func sectionOptions(words []string) (map[string]any, error) {
	options := map[string]any{}
	for i, word := range words {
		if word == "--" {
			if _, twice := options["command"]; twice {
				return nil, usageError("the command is given twice, as command= and after --")
			}
			if i+1 == len(words) {
				return nil, usageError("no command after --")
			}
			options["command"] = commandLine(words[i+1:])
			return options, nil
		}
		key, value, ok := strings.Cut(word, "=")
		if !ok || key == "" {
			return nil, usageError(fmt.Sprintf("%q is not key=value; a command goes after --", word))
		}
		if _, twice := options[key]; twice {
			return nil, usageError(fmt.Sprintf("%q is given twice", key))
		}
		options[key] = value
	}
	return options, nil
}

// commandLine writes words so that the server reads the same words: quoted for
// its splitting, and with % doubled for its expansion.
func commandLine(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = word
		if word == "" || strings.ContainsFunc(word, func(r rune) bool {
			return r > 0x7f || !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_", r)
		}) {
			quoted[i] = "'" + strings.ReplaceAll(word, "'", `'"'"'`) + "'"
		}
	}
	return strings.ReplaceAll(strings.Join(quoted, " "), "%", "%%")
}

func twiddleRemove(ctx context.Context, s *session, t client.Twiddler, words []string) error {
	f, words, err := takeFlags(words, flagPlan, flagPersist, flagReason, flagStop)
	if err != nil {
		return err
	}
	if len(words) != 1 {
		return usageError("twiddle remove requires one <group>:<process>")
	}
	group, process, whole := split(words[0])
	if whole {
		return usageError("twiddle remove takes one process at a time, not a whole group")
	}
	if f.any() {
		return s.removeByApply(ctx, t, f, client.Change{Action: client.Remove, Group: group, Process: process})
	}
	if err := t.RemoveProcessFromGroup(ctx, group, process); err != nil {
		if fault.Is(err, fault.StillRunning) {
			s.stillRunning(words[0])
			return nil
		}
		return wordFault(err, "no such process", "cannot remove %q", words[0])
	}
	s.say("%s: removed process", join(group, process))
	return nil
}

// removeByApply makes sure that a process which runs is stopped only if that
// was asked for: the server would stop it.
func (s *session) removeByApply(ctx context.Context, t client.Twiddler, f changeFlags, c client.Change) error {
	if f.stop {
		return s.applyOne(ctx, t, f, c)
	}
	how := f.how()
	how.DryRun = true
	plan, err := t.Apply(ctx, []client.Change{c}, how)
	switch {
	case err != nil:
		return newer(err)
	case slices.ContainsFunc(plan.Steps, func(step client.Step) bool { return step.Action == "stop" }):
		s.stillRunning(join(c.Group, c.Process))
		return nil
	case f.plan:
		return s.changed(f, plan, nil)
	}
	return s.applyOne(ctx, t, f, c)
}

func (s *session) stillRunning(name string) {
	s.fail(exitGeneric, "ERROR: process still running: %s", name)
	s.hint("stop it first: stop %s", name)
}

func twiddleLog(ctx context.Context, s *session, t client.Twiddler, words []string) error {
	severity := level.Info
	if len(words) > 0 && words[0] == "-l" {
		if len(words) < 2 {
			return usageError("-l requires a level")
		}
		var ok bool
		if severity, ok = level.Parse(words[1]); !ok {
			return usageError(fmt.Sprintf("no level %q: want critical, error, warn, info, debug, trace or blather", words[1]))
		}
		words = words[2:]
	}
	if len(words) == 0 {
		return usageError("twiddle log requires a message")
	}
	return t.Log(ctx, strings.Join(words, " "), severity)
}

// wordFault says what could not be done before the fault says why; taken is
// what BAD_NAME means if it is not about the group. It leaves alone what is not
// about the request itself.
func wordFault(err error, taken, format string, args ...any) error {
	var f *fault.Error
	if !errors.As(err, &f) {
		return err
	}
	switch f.Code {
	case fault.UnknownMethod, fault.NotInWhitelist, fault.ShutdownState:
		return err
	case fault.BadName:
		if strings.HasPrefix(f.Detail, "group: ") {
			taken = "no such group"
		}
		format += ": " + taken
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
