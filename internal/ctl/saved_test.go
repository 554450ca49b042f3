package ctl

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"example.org/twiddler/internal/xmlrpc"
)

func TestLeases(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.answer("twiddler.getLeases", []any{lease("web", "w7", 90), lease("cat", "", 3600)})
	f.one(t, "twiddle leases", "web:w7                           1m30s\ncat:*                            1h0m0s\n", 0)
	f.answer("twiddler.getLeases", []any{})
	f.one(t, "twiddle leases", "no leases\n", 0)
}

func TestHistory(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	failed := record(14, "undo", "", 0, planStep("web", "w", "start"))
	failed[8].Value = "CONFLICT: x"
	failed[11].Value = 13
	lease := record(12, "remove", "", 0)
	lease[2].Value, lease[3].Value, lease[4].Value = "", -1, ""
	records := []any{failed, record(13, "apply", "two\nlines", 14, planStep("web", "w", "restart", "command", "a", "b")), lease}
	f.answer("twiddler.history", records)
	const at = " 2026-01-02 03:04:05 "
	got := runCtl(t, f.URL, "", "twiddle history")
	want := "14" + at + "undo: CONFLICT: x, saved, undoes 13 (<al>, uid 0, /s.sock)\n    web:w: start\n" +
		"13" + at + "apply: ok, undone by 14 (<al>, uid 0, /s.sock)\n    reason: \"two\\nlines\"\n    web:w: restarted\n        command: a -> b\n" +
		"12" + at + "remove: ok, saved\n"
	if blurred := blurTimes(got.out); blurred != blurTimes(want) || got.code != 0 {
		t.Errorf("got %s\nwant %s", got.out, want)
	}
	runCtl(t, f.URL, "", "twiddle history -n 3")
	if calls := strings.Join(f.asked(), " "); calls != "twiddler.history[0 20] twiddler.history[0 3]" {
		t.Errorf("calls %s", calls)
	}
	var decoded []map[string]any
	got = runCtl(t, f.URL, "", "twiddle history --json")
	if err := json.Unmarshal([]byte(got.out), &decoded); err != nil || len(decoded) != 3 || decoded[1]["reason"] != "two\nlines" ||
		decoded[0]["id"] != 14.0 || !strings.Contains(got.out, "<al>") {
		t.Errorf("JSON: %v\n%s", err, got.out)
	}
	f.answer("twiddler.history", []any{})
	f.one(t, "twiddle history", "no changes\n", 0)
	f.one(t, "twiddle history --json", "[]\n", 0)
}

// blurTimes takes out the zone of whoever runs the test.
func blurTimes(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if len(line) > 22 && line[0] == '1' {
			lines[i] = line[:2] + line[22:]
		}
	}
	return strings.Join(lines, "\n")
}

func TestSaveAndExport(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.answer("twiddler.save", []any{"web", "old"})
	f.answer("twiddler.export", "; text\n[x]\n")
	f.one(t, "twiddle save", "web: saved\nold: saved\n", 0)
	f.one(t, "twiddle save web", "web: saved\nold: saved\n", 0)
	f.one(t, "twiddle save web all", "web: saved\nold: saved\n", 0)
	f.one(t, "twiddle export", "; text\n[x]\n", 0)
	f.one(t, "twiddle export a b", "; text\n[x]\n", 0)
	if calls := strings.Join(f.asked(), " "); calls != "twiddler.save[[]] twiddler.save[[web]] twiddler.save[[]] twiddler.export[[]] twiddler.export[[a b]]" {
		t.Errorf("calls %s", calls)
	}
	f.answer("twiddler.save", []any{})
	f.one(t, "twiddle save", "nothing to save\n", 0)
}

func TestTwiddleDiff(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.answer("twiddler.diff", []any{
		xmlrpc.Struct{{Name: "group", Value: "web"}, {Name: "saved", Value: "a\nb\n"}, {Name: "live", Value: "a\nc\n"}},
		xmlrpc.Struct{{Name: "group", Value: "new"}, {Name: "saved", Value: ""}, {Name: "live", Value: "x\n"}},
	})
	f.one(t, "twiddle diff", "--- web (saved)\n+++ web (live)\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n--- new (saved)\n+++ new (live)\n@@ -0,0 +1 @@\n+x\n", 0)
	f.answer("twiddler.diff", []any{})
	f.one(t, "twiddle diff", "nothing to save\n", 0)
	var b strings.Builder
	s := &session{out: &b, tty: true, colour: true}
	for line, want := range map[string]string{"+x": "\x1b[32m+x\x1b[0m", "-x": "\x1b[31m-x\x1b[0m", "@@ -1 +1 @@": "\x1b[33m@@ -1 +1 @@\x1b[0m", " x": " x"} {
		if got := s.paintDiff(line); got != want {
			t.Errorf("%q is %q", line, got)
		}
	}
}

// TestUnified has what GNU diff -u prints.
func TestUnified(t *testing.T) {
	t.Parallel()
	lines := func(from, to int, but ...int) string {
		var b strings.Builder
		for i := from; i <= to; i++ {
			text := fmt.Sprint(i)
			for _, n := range but {
				if n == i {
					text += "x"
				}
			}
			b.WriteString(text + "\n")
		}
		return b.String()
	}
	for _, test := range []struct{ old, next, want string }{
		{"", "", ""},
		{"a\n", "a\n", ""},
		{"", "a\nb\n", "@@ -0,0 +1,2 @@|+a|+b"},
		{"a\n", "", "@@ -1 +0,0 @@|-a"},
		{lines(1, 20), lines(1, 20, 2, 9), "@@ -1,12 +1,12 @@| 1|-2|+2x| 3| 4| 5| 6| 7| 8|-9|+9x| 10| 11| 12"},
		{lines(1, 20), lines(1, 20, 2, 10), "@@ -1,5 +1,5 @@| 1|-2|+2x| 3| 4| 5|@@ -7,7 +7,7 @@| 7| 8| 9|-10|+10x| 11| 12| 13"},
		{lines(1, 9), lines(5, 9), "@@ -1,7 +1,3 @@|-1|-2|-3|-4| 5| 6| 7"},
		{"a\nb\nc\n", "a\nc\nb\n", "@@ -1,3 +1,3 @@| a|-b| c|+b"},
	} {
		if got := strings.Join(unified(test.old, test.next), "|"); got != test.want {
			t.Errorf("%q and %q: %s\nwant %s", test.old, test.next, got, test.want)
		}
	}
}

// A comparison gives both texts back, however large it is.
func TestCompareGivesBack(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	random := func(n int) []string {
		lines := make([]string, r.IntN(n))
		for i := range lines {
			lines[i] = string(rune('a' + r.IntN(3)))
		}
		return lines
	}
	for i := range 300 {
		n := 8
		if i == 0 {
			n = 10000
		}
		old, next := random(n), random(n)
		if i == 0 {
			old, next = append(make([]string, 0, 3000), make([]string, 3000)...), append([]string{"x"}, make([]string, 3000)...)
			old[0], old[2999] = "y", "z"
		}
		var back, forth []string
		for _, e := range compareLines(old, next) {
			if e.mark != '+' {
				back = append(back, e.line)
			}
			if e.mark != '-' {
				forth = append(forth, e.line)
			}
		}
		if strings.Join(back, "\n") != strings.Join(old, "\n") || strings.Join(forth, "\n") != strings.Join(next, "\n") {
			t.Fatalf("%q and %q: %q and %q", old, next, back, forth)
		}
	}
}
