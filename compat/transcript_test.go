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
			t.Errorf("%s\n%s", a.label, indent(difference(a.text, b.text)))
		case b.key != "" && b.text != b.want:
			t.Errorf("%s (%s)\nwant:\n%s\nours:\n%s", b.label, b.key, indent(b.want), indent(b.text))
		case b.key != "" && a.text == b.text:
			t.Errorf("%s: listed as different (%s) but it is not: %s", b.label, b.key, b.text)
		}
	}
}

// difference lists the lines that only one of two texts has, each after the
// last line that both have.
func difference(original, ours string) string {
	const most = 60
	a, b := strings.Split(original, "\n"), strings.Split(ours, "\n")
	common := longestCommon(a, b)
	var out []string
	for i, j := 0, 0; (i < len(a) || j < len(b)) && len(out) < most; {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			if i+1 < len(a) && j+1 < len(b) && a[i+1] != b[j+1] {
				out = append(out, "       "+a[i])
			}
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			out = append(out, "theirs "+a[i])
			i++
		default:
			out = append(out, "ours   "+b[j])
			j++
		}
	}
	return strings.Join(out, "\n")
}

// longestCommon tells for each pair of tails of two texts how many lines they
// have in common, in order.
func longestCommon(a, b []string) [][]int {
	n := make([][]int, len(a)+1)
	for i := range n {
		n[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			n[i][j] = max(n[i+1][j], n[i][j+1])
			if a[i] == b[j] {
				n[i][j] = n[i+1][j+1] + 1
			}
		}
	}
	return n
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
