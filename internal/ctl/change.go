package ctl

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/twiddler/client"
	"example.org/twiddler/fault"
)

// Flags of the commands that change what runs.
const (
	flagPlan    = "--plan"
	flagPersist = "--persist"
	flagReason  = "--reason"
	flagTTL     = "--ttl"
	flagStop    = "--stop"
	flagCount   = "-n"
	flagJSON    = "--json"
)

// changeFlags are the flags that were given.
type changeFlags struct {
	plan, persist, stop, json bool

	reason string
	ttl    time.Duration
	count  int // -1 if it was not given

	given []string
}

// any reports whether something is asked that the methods of the Python package
// cannot do.
func (f changeFlags) any() bool { return len(f.given) > 0 }

func (f changeFlags) how() client.How {
	h := client.How{DryRun: f.plan, Reason: f.reason}
	if f.persist {
		h.Persist = &f.persist
	}
	return h
}

// takeFlags takes the flags out of words, wherever they are before a word "--".
func takeFlags(words []string, allowed ...string) (f changeFlags, rest []string, err error) {
	f.count = -1
	for i := 0; i < len(words); i++ {
		word := words[i]
		if word == "--" {
			return f, append(rest, words[i:]...), nil
		}
		name, value, joined := strings.Cut(word, "=")
		if !strings.HasPrefix(word, "--") {
			name, joined = word, false
		}
		if !slices.Contains(allowed, name) {
			if strings.HasPrefix(word, "-") && word != "-" { // which is standard input
				return f, nil, usageError(fmt.Sprintf("unknown option %q: there is %s", name, strings.Join(allowed, ", ")))
			}
			rest = append(rest, word)
			continue
		}
		if slices.Contains(f.given, name) {
			return f, nil, usageError(name + " is given twice")
		}
		f.given = append(f.given, name)
		if takesValue(name) && !joined {
			if i++; i == len(words) || words[i] == "--" {
				return f, nil, usageError(name + " requires a value")
			}
			value = words[i]
		} else if joined && !takesValue(name) {
			return f, nil, usageError(name + " takes no value")
		}
		if err := f.set(name, value); err != nil {
			return f, nil, err
		}
	}
	return f, rest, nil
}

func takesValue(flag string) bool { return flag == flagReason || flag == flagTTL || flag == flagCount }

func (f *changeFlags) set(name, value string) (err error) {
	switch name {
	case flagPlan:
		f.plan = true
	case flagPersist:
		f.persist = true
	case flagStop:
		f.stop = true
	case flagJSON:
		f.json = true
	case flagReason:
		f.reason = value
	case flagTTL:
		f.ttl, err = timeToLive(value)
	case flagCount:
		if f.count, err = strconv.Atoi(value); err != nil || f.count < 1 || f.count > mostHistory {
			err = usageError(fmt.Sprintf("-n must be 1 to %d, not %q", mostHistory, value))
		}
	}
	return err
}

// maxTTL bounds a time to live, in seconds, as the server does.
const maxTTL = 100 * 365 * 24 * 3600

func timeToLive(text string) (time.Duration, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxTTL {
		return 0, usageError(fmt.Sprintf("a time to live is whole seconds from 1 to %d, not %q", maxTTL, text))
	}
	return time.Duration(n) * time.Second, nil
}

// applyOne makes one change, or shows what it would do.
func (s *session) applyOne(ctx context.Context, t client.Twiddler, f changeFlags, c client.Change) error {
	return s.applyAll(ctx, t, f, []client.Change{c})
}

func (s *session) applyAll(ctx context.Context, t client.Twiddler, f changeFlags, changes []client.Change) error {
	out, err := t.Apply(ctx, changes, f.how())
	return s.changed(f, out, err)
}

// changed prints what became of a change.
func (s *session) changed(f changeFlags, out client.Outcome, err error) error {
	if err != nil {
		return newer(err)
	}
	s.showOutcome(out, f.plan)
	return nil
}

func twiddleReplace(ctx context.Context, s *session, t client.Twiddler, words []string) error {
	f, words, err := takeFlags(words, flagPlan, flagPersist, flagReason)
	if err != nil {
		return err
	}
	if len(words) < 2 || words[0] == "--" || words[1] == "--" {
		return usageError("twiddle replace requires a group and a name")
	}
	options, err := programOptions(words[2:])
	if err != nil {
		return err
	}
	return s.applyOne(ctx, t, f, client.Change{Action: client.Replace, Group: words[0], Program: words[1], Options: options})
}

func twiddleAddGroup(ctx context.Context, s *session, t client.Twiddler, words []string) error {
	f, words, err := takeFlags(words, flagPlan, flagPersist, flagReason, flagTTL)
	if err != nil {
		return err
	}
	if len(words) == 0 || words[0] == "--" {
		return usageError("twiddle addgroup requires a name")
	}
	options, err := sectionOptions(words[1:])
	if err != nil {
		return err
	}
	kind, given := options["kind"].(string)
	delete(options, "kind")
	_, command := options["command"]
	if !given {
		kind = client.KindGroup
		if command {
			kind = client.KindProgram
		}
	}
	switch {
	case !slices.Contains(groupKinds(), kind):
		return usageError(fmt.Sprintf("no kind %q: want %s", kind, strings.Join(groupKinds(), ", ")))
	case kind == client.KindGroup && command:
		return usageError("a group of kind group has no command: add it empty, and programs to it")
	case kind != client.KindGroup && !command:
		return usageError("a group of kind " + kind + " requires a command: add -- and the command, or command=...")
	}
	out, err := t.AddGroup(ctx, words[0], kind, options, f.ttl, f.how())
	return s.changed(f, out, err)
}

func groupKinds() []string {
	return []string{client.KindProgram, client.KindListener, client.KindFastCGI, client.KindGroup}
}

func twiddleRemoveGroup(ctx context.Context, s *session, t client.Twiddler, words []string) error {
	f, words, err := takeFlags(words, flagPlan, flagPersist, flagReason)
	if err != nil {
		return err
	}
	if len(words) != 1 {
		return usageError("twiddle rmgroup requires one group")
	}
	out, err := t.RemoveGroup(ctx, words[0], f.how())
	return s.changed(f, out, err)
}

func twiddleUndo(ctx context.Context, s *session, t client.Twiddler, words []string) error {
	f, words, err := takeFlags(words, flagPlan, flagPersist, flagReason)
	if err != nil {
		return err
	}
	if len(words) != 1 {
		return usageError("twiddle undo requires the id of one change, from twiddle history")
	}
	id, err := strconv.ParseInt(words[0], 10, 64)
	if err != nil || id < 1 {
		return usageError(fmt.Sprintf("%q is no id of a change: it is the number that twiddle history begins with", words[0]))
	}
	out, err := t.Undo(ctx, id, f.how())
	return s.changed(f, out, err)
}

var scaleHelp = []string{
	"scale <name>=<count> [...]\tGive programs another number of processes, all or none; those that stay are not touched",
	"scale --plan <name>=<count> [...]\tOnly show what would happen",
	"Options: --persist writes it down, --reason <text> is for the history",
	"Ex:",
	"scale web=8 api:worker=2",
}

// scale changes how many processes programs have.
func scale(ctx context.Context, s *session, a args) error {
	words, err := a.cut()
	if err != nil {
		return s.twiddleFailed(err)
	}
	f, words, err := takeFlags(words, flagPlan, flagPersist, flagReason)
	if err != nil {
		return s.twiddleFailed(err)
	}
	if len(words) == 0 {
		return s.usage(exitInvalidArgs, "Error: scale requires <name>=<count>", scaleHelp)
	}
	changes, err := scaleChanges(words)
	if err != nil {
		return s.twiddleFailed(err)
	}
	c, err := s.server()
	if err != nil {
		return err
	}
	t := c.Twiddler()
	if len(changes) > 1 {
		return s.twiddleFailed(s.applyAll(ctx, t, f, changes))
	}
	// For a whitelist that has scale, but not apply.
	one := changes[0]
	out, err := t.Scale(ctx, one.Group+":"+one.Program, one.Numprocs, f.how())
	return s.twiddleFailed(s.changed(f, out, err))
}

func scaleChanges(words []string) ([]client.Change, error) {
	changes := make([]client.Change, 0, len(words))
	for i, word := range words {
		name, count, ok := strings.Cut(word, "=")
		group, program, whole := split(name)
		n, err := strconv.Atoi(count)
		switch {
		case !ok || name == "":
			return nil, usageError(fmt.Sprintf("%q is not <name>=<count>", word))
		case whole:
			return nil, usageError(fmt.Sprintf("%q is a whole group: name one program of it", name))
		case err != nil || n < 1:
			return nil, usageError(fmt.Sprintf("%q is no number of processes: it must be 1 or more", count))
		case slices.ContainsFunc(changes, func(c client.Change) bool { return c.Group == group && c.Program == program }):
			return nil, usageError(fmt.Sprintf("%q is given twice", words[i][:len(name)]))
		}
		changes = append(changes, client.Change{Action: client.Scale, Group: group, Program: program, Numprocs: n})
	}
	return changes, nil
}

// unknownMethod reports whether the server cannot do what was asked by a
// method of the twiddler, or does not let anybody.
func unknownMethod(err error) bool {
	return fault.Is(err, fault.UnknownMethod) || fault.Is(err, fault.NotInWhitelist)
}
