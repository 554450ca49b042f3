package ctl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"example.org/twiddler/client"
)

// maxChanges bounds a file of changes, in bytes.
const maxChanges = 16 << 20

// twiddleApply makes the changes of a file.
func twiddleApply(ctx context.Context, s *session, t client.Twiddler, words []string) error {
	f, words, err := takeFlags(words, flagPlan, flagPersist, flagReason)
	if err != nil {
		return err
	}
	if len(words) != 1 {
		return usageError("twiddle apply requires one file, or - for standard input")
	}
	name, text, err := s.readChanges(words[0])
	if err != nil {
		return usageError(err.Error())
	}
	changes, err := parseChanges(name, text)
	if err != nil {
		return usageError(err.Error())
	}
	return s.applyAll(ctx, t, f, changes)
}

// readChanges returns the text of a file, and what errors call it.
func (s *session) readChanges(path string) (name, text string, err error) {
	file, name := s.stdin, "standard input"
	if path != "-" {
		if file, err = os.Open(path); err != nil {
			return "", "", fmt.Errorf("cannot read the changes: %v", err)
		}
		defer file.Close()
		name = path
	} else if s.interactive {
		return "", "", errors.New("cannot read the changes: the shell itself reads standard input; name a file")
	}
	b, err := io.ReadAll(io.LimitReader(file, maxChanges+1))
	switch {
	case err != nil:
		return "", "", fmt.Errorf("cannot read the changes: %v", err)
	case len(b) > maxChanges:
		return "", "", fmt.Errorf("cannot read the changes: %s has more than %d MiB", name, maxChanges>>20)
	}
	return name, string(b), nil
}

// parseChanges reads a JSON array of changes, with the members that they have
// on the wire.
func parseChanges(name, text string) ([]client.Change, error) {
	root, err := parseJSON(name, text)
	if err != nil {
		return nil, err
	}
	list, ok := root.value.([]node)
	if !ok {
		return nil, root.wrong("want an array of changes, not %s", root.what())
	}
	changes := make([]client.Change, len(list))
	for i, n := range list {
		if changes[i], err = parseChange(n); err != nil {
			return nil, err
		}
	}
	return changes, nil
}

func parseChange(n node) (c client.Change, err error) {
	members, ok := n.value.([]member)
	if !ok {
		return c, n.wrong("a change must be an object, not %s", n.what())
	}
	for _, m := range members {
		switch m.name {
		case "action":
			c.Action, err = m.text()
		case "group":
			c.Group, err = m.text()
		case "program":
			c.Program, err = m.text()
		case "process":
			c.Process, err = m.text()
		case "kind":
			c.Kind, err = m.text()
		case "options":
			c.Options, err = m.table()
		case "programs":
			c.Programs, err = m.tables()
		case "numprocs":
			c.Numprocs, err = m.count()
		case "ttl":
			var n int
			n, err = m.count()
			c.TTL, err = ttl(m, n, err)
		default:
			err = m.wrong("unknown member %q; a change may have action, group, program, process, kind, options, programs, numprocs, ttl", m.name)
		}
		if err != nil {
			return c, err
		}
	}
	switch {
	case c.Action == "":
		return c, n.wrong("a change needs an action: add, replace, remove or scale")
	case c.Action == client.Scale && c.Numprocs == 0:
		return c, n.wrong("scale needs numprocs")
	}
	return c, nil
}
