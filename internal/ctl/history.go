package ctl

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"example.org/twiddler/client"
)

// Bounds of twiddle history, in changes: what it shows unasked, and the most
// that a server answers.
const (
	usualHistory = 20
	mostHistory  = 1000
)

func twiddleLeases(ctx context.Context, s *session, t client.Twiddler, words []string) error {
	if len(words) > 0 {
		return usageError("twiddle leases accepts no arguments")
	}
	leases, err := t.GetLeases(ctx)
	if err != nil {
		return newer(err)
	}
	for _, l := range leases {
		s.say("%-32s %v", leaseName(l), l.Left)
	}
	if len(leases) == 0 {
		s.say("no leases")
	}
	return nil
}

// leaseName is a name that renew takes.
func leaseName(l client.Lease) string {
	if l.Program == "" {
		return l.Group + ":*"
	}
	return l.Group + ":" + l.Program
}

func twiddleRenew(ctx context.Context, s *session, t client.Twiddler, words []string) error {
	if len(words) != 2 {
		return usageError("twiddle renew requires a name and seconds")
	}
	ttl, err := timeToLive(words[1])
	if err != nil {
		return err
	}
	if err := t.Renew(ctx, words[0], ttl); err != nil {
		return newer(err)
	}
	s.say("%s: renewed for %v", words[0], ttl)
	return nil
}

func twiddleHistory(ctx context.Context, s *session, t client.Twiddler, words []string) error {
	f, words, err := takeFlags(words, flagCount, flagJSON)
	if err != nil {
		return err
	}
	if len(words) > 0 {
		return usageError("twiddle history accepts no arguments but its options")
	}
	if f.count < 0 {
		f.count = usualHistory
	}
	if f.json {
		return s.historyJSON(ctx, f.count)
	}
	records, err := t.History(ctx, 0, f.count)
	if err != nil {
		return newer(err)
	}
	for _, r := range records {
		s.say("%d %s %s: %s%s", r.ID, r.Time.Local().Format(time.DateTime), r.Method, recordResult(r), recordCaller(r))
		if r.Reason != "" {
			s.say("    reason: %s", optionText(r.Reason))
		}
		s.showSteps(r.Steps, r.Result != "ok", "    ")
	}
	if len(records) == 0 {
		s.say("no changes")
	}
	return nil
}

// historyJSON prints the records as they come, in one array.
func (s *session) historyJSON(ctx context.Context, count int) error {
	c, err := s.server()
	if err != nil {
		return err
	}
	records, err := c.Call(ctx, "twiddler.history", 0, count)
	if err != nil {
		return newer(err)
	}
	encoder := json.NewEncoder(s.out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(records)
}

func recordResult(r client.Record) string {
	text := r.Result
	if r.Saved {
		text += ", saved"
	}
	if r.Undoes != 0 {
		text += fmt.Sprintf(", undoes %d", r.Undoes)
	}
	if r.Undone != 0 {
		text += fmt.Sprintf(", undone by %d", r.Undone)
	}
	return text
}

// recordCaller is what is known of who asked, in brackets.
func recordCaller(r client.Record) string {
	var known []string
	if r.Account != "" {
		known = append(known, r.Account)
	}
	if r.UID >= 0 {
		known = append(known, fmt.Sprintf("uid %d", r.UID))
	}
	if r.Address != "" {
		known = append(known, r.Address)
	}
	if len(known) == 0 {
		return ""
	}
	return " (" + strings.Join(known, ", ") + ")"
}
