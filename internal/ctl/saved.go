package ctl

import (
	"context"
	"io"
	"strings"

	"example.org/twiddler/client"
)

func twiddleSave(ctx context.Context, s *session, t client.Twiddler, words []string) error {
	groups, err := groupWords(words)
	if err != nil {
		return err
	}
	saved, err := t.Save(ctx, groups...)
	if err != nil {
		return newer(err)
	}
	for _, group := range saved {
		s.say("%s: saved", group)
	}
	if len(saved) == 0 {
		s.say("nothing to save")
	}
	return nil
}

func twiddleExport(ctx context.Context, s *session, t client.Twiddler, words []string) error {
	groups, err := groupWords(words)
	if err != nil {
		return err
	}
	text, err := t.Export(ctx, groups...)
	if err != nil {
		return newer(err)
	}
	_, err = io.WriteString(s.out, s.harmless(text))
	return err
}

func twiddleDiff(ctx context.Context, s *session, t client.Twiddler, words []string) error {
	if len(words) > 0 {
		return usageError("twiddle diff accepts no arguments")
	}
	all, err := t.Diff(ctx)
	if err != nil {
		return newer(err)
	}
	for _, u := range all {
		s.say("--- %s (saved)", u.Group)
		s.say("+++ %s (live)", u.Group)
		for _, line := range unified(u.Saved, u.Live) {
			s.raw("%s", s.paintDiff(s.harmless(line)))
		}
	}
	if len(all) == 0 {
		s.say("nothing to save")
	}
	return nil
}

func (s *session) paintDiff(line string) string {
	switch line[0] {
	case '+':
		return s.tint(green, line)
	case '-':
		return s.tint(red, line)
	case '@':
		return s.tint(yellow, line)
	}
	return line
}

// groupWords are the names of groups, none for all.
func groupWords(words []string) ([]string, error) {
	for _, word := range words {
		if strings.HasPrefix(word, "-") {
			return nil, usageError("unknown option " + word + ": only names of groups may follow")
		}
		if word == "all" {
			return nil, nil
		}
	}
	return words, nil
}
