package compat

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// A note is one observation of a scenario.
type note struct {
	label string
	text  string
	// key, when set, says that the daemons differ here on purpose and how ours
	// must look.
	key  string
	want string
}

// note records an observation that must be the same on both daemons.
func (s *stage) note(label string, text any) {
	s.notes = append(s.notes, note{label: s.normal(label), text: s.normal(fmt.Sprint(text))})
}

// differs records an observation that differs on purpose: ours must be want,
// the original's must not be. The key is explained in docs/compatibility.md.
func (s *stage) differs(key, label string, text any, want string) {
	s.notes = append(s.notes, note{label: s.normal(label), text: s.normal(fmt.Sprint(text)), key: key, want: want})
}

// A volatile is a part of a text that changes from run to run.
type volatile struct {
	pattern *regexp.Regexp
	with    string
}

func volatiles() []volatile {
	return []volatile{
		{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}`), "TIME"},
		{regexp.MustCompile(`(---[\w.]+-)[a-z0-9_]{8}(\.log)`), "${1}XXXXXXXX$2"},
		{regexp.MustCompile(`uptime \d+:\d\d:\d\d`), "uptime T"},
		{regexp.MustCompile(`[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M`), "DATE"},
		{regexp.MustCompile(`\bpid[ :]\d+`), "pid N"},
		{regexp.MustCompile(`\(\d{2,}\) with SIG`), "(N) with SIG"},
		{regexp.MustCompile(`(<name>(?:start|stop|now|pid)</name>\n<value><int>)[1-9]\d*`), "${1}N"},
		{regexp.MustCompile(`('(?:start|stop|now|pid)': )[1-9]\d*`), "${1}N"},
		{regexp.MustCompile(`Date: [^\r\n]*`), "Date: D"},
	}
}

// normal takes out what must differ between two runs.
func (s *stage) normal(text string) string {
	for _, v := range volatiles() {
		text = v.pattern.ReplaceAllString(text, v.with)
	}
	pairs := []string{s.dir, "$DIR", s.subject.daemon, "$SUPERVISORD", os.Getenv(toolsVar), "$TOOLS"}
	if s.port != 0 {
		pairs = append(pairs, fmt.Sprint(s.port), "$PORT")
	}
	if host, err := os.Hostname(); err == nil && len(host) > 3 {
		pairs = append(pairs, host, "$HOST")
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// compareNotes fails the test for every observation that is not as it has to be.
func compareNotes(t *testing.T, theirs, ours []note) {
	t.Helper()
	for i := range max(len(theirs), len(ours)) {
		if i >= len(theirs) || i >= len(ours) {
			t.Errorf("the original has %d observations, ours has %d", len(theirs), len(ours))
			return
		}
		a, b := theirs[i], ours[i]
		switch {
		case a.label != b.label:
			t.Errorf("observation %d is %q on the original and %q on ours", i, a.label, b.label)
			return
		case b.key == "" && a.text != b.text:
			before, x, y := difference(a.text, b.text)
			t.Errorf("%s\n%soriginal:\n%s\nours:\n%s", a.label, before, indent(x), indent(y))
		case b.key != "" && b.text != b.want:
			t.Errorf("%s (%s)\nwant:\n%s\nours:\n%s", b.label, b.key, indent(b.want), indent(b.text))
		case b.key != "" && a.text == b.text:
			t.Errorf("%s: listed as different (%s) but it is not: %s", b.label, b.key, b.text)
		}
	}
}

// difference cuts two texts down to the lines that differ and a few around
// them; before says how many lines it left out.
func difference(a, b string) (before, x, y string) {
	const around = 4
	left, right := strings.Split(a, "\n"), strings.Split(b, "\n")
	same := 0
	for same < min(len(left), len(right)) && left[same] == right[same] {
		same++
	}
	tail := 0
	for tail < min(len(left), len(right))-same && left[len(left)-1-tail] == right[len(right)-1-tail] {
		tail++
	}
	same, tail = max(0, same-around), max(0, tail-around)
	if same > 0 {
		before = fmt.Sprintf("(after %d equal lines)\n", same)
	}
	return before, strings.Join(left[same:len(left)-tail], "\n"), strings.Join(right[same:len(right)-tail], "\n")
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n    ")
}

// Every difference that a scenario counts on is explained to users.
func TestDifferencesAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	// Keys are string literals that begin with "differs:".
	key := regexp.MustCompile(`"differs:([a-z0-9-]+)"`)
	found := 0
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		text, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range key.FindAllStringSubmatch(string(text), -1) {
			found++
			if !strings.Contains(string(page), "| "+m[1]+" |") {
				t.Errorf("%s uses %q, which docs/compatibility.md does not explain", f.Name(), m[1])
			}
		}
	}
	if found == 0 {
		t.Error("no scenario uses a key: the pattern of this test is wrong")
	}
}
