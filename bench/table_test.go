package bench

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// A sample is one figure of each turn, in the order of the turns.
type sample []float64

// quantile is the q-th quantile, 0 to 1, of the nearest rank.
func (s sample) quantile(q float64) float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// median of an even number is the mean of the two in the middle.
func (s sample) median() float64 {
	if len(s)%2 == 1 || len(s) == 0 {
		return s.quantile(0.5)
	}
	sorted := slices.Sorted(slices.Values(s))
	return (sorted[len(s)/2-1] + sorted[len(s)/2]) / 2
}

// show is the median with the quartiles around it.
func (s sample) show(unit string) string {
	switch len(s) {
	case 0:
		return "-"
	case 1:
		return number(s[0]) + " " + unit
	}
	return fmt.Sprintf("%s %s (%s-%s)", number(s.median()), unit, number(s.quantile(0.25)), number(s.quantile(0.75)))
}

// number has three significant digits, and no exponent.
func number(f float64) string {
	digits := 0
	if a := math.Abs(f); a > 0 && a < 100 {
		digits = min(6, 2-int(math.Floor(math.Log10(a))))
	}
	return fmt.Sprintf("%.*f", digits, f)
}

// ratio compares turn by turn, where the turns are pairs, so that what else
// the machine does meanwhile meets both.
func ratio(a, b sample) float64 {
	if len(a) != len(b) {
		return a.median() / b.median()
	}
	var each sample
	for i := range a {
		each = append(each, a[i]/b[i])
	}
	return each.median()
}

// A row is one line of the table. Samples that are empty were not measured.
type row struct {
	what   string
	unit   string
	ours   sample
	limit  sample // what the machine allows
	theirs sample // the original
	others []other
	checks []check
	extra  bool // of no target's, for comparison
}

type other struct {
	name string
	sample
}

// A check is a target, what was measured, and whether that is enough.
type check struct {
	target, measured string
	met              bool
}

// atMost judges a ratio of costs.
func atMost(of string, most, got float64) check {
	return check{fmt.Sprintf("at most %g x %s", most, of), fmt.Sprintf("%.2f x", got), got <= most}
}

// atLeast judges a ratio of rates.
func atLeast(of string, least, got float64) check {
	return check{fmt.Sprintf("at least %g %% of %s", least*100, of), fmt.Sprintf("%.0f %%", got*100), got >= least}
}

// faster judges how many times a cost of the original is ours.
func faster(least float64, theirs, ours sample) []check {
	if len(theirs) == 0 {
		return nil
	}
	got := theirs.median() / ours.median()
	return []check{{fmt.Sprintf("at least %g x faster than Supervisor", least), fmt.Sprintf("%.1f x", got), got >= least}}
}

// writeTable prints two tables in Markdown: the figures, and the targets.
func writeTable(w io.Writer, rows []row, machine string) {
	figures := [][]string{{"what", "ours", "limit", "Supervisor", "others"}}
	targets := [][]string{{"what", "target", "measured", "met"}}
	for _, r := range rows {
		var others []string
		for _, o := range r.others {
			others = append(others, o.name+" "+o.show(r.unit))
		}
		figures = append(figures, []string{r.what, r.ours.show(r.unit), r.limit.show(r.unit), r.theirs.show(r.unit), strings.Join(others, ", ")})
		for _, c := range r.checks {
			met := "yes"
			if !c.met {
				met = "NO"
			}
			targets = append(targets, []string{r.what, c.target, c.measured, met})
		}
	}
	fmt.Fprintf(w, "%s. Medians, quartiles in brackets.\n\n", machine)
	writeMarkdown(w, figures)
	fmt.Fprintln(w)
	writeMarkdown(w, targets)
}

func writeMarkdown(w io.Writer, lines [][]string) {
	width := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for n, line := range lines {
		for i, cell := range line {
			fmt.Fprintf(w, "| %-*s ", width[i], cell)
		}
		fmt.Fprintln(w, "|")
		if n == 0 {
			for i := range line {
				fmt.Fprint(w, "|", strings.Repeat("-", width[i]+2))
			}
			fmt.Fprintln(w, "|")
		}
	}
}

func TestSample(t *testing.T) {
	t.Parallel()
	s := sample{4, 1, 3, 2}
	if got := s.median(); got != 2.5 {
		t.Errorf("median of %v = %v, want 2.5", s, got)
	}
	if got := s.quantile(0.99); got != 4 {
		t.Errorf("p99 of %v = %v, want 4", s, got)
	}
	// Turn 2 met a busy machine, both of its halves.
	if got := ratio(sample{1, 20, 1}, sample{1, 10, 1}); got != 1 {
		t.Errorf("ratio = %v, want 1", got)
	}
	for f, want := range map[float64]string{0: "0", 0.01234: "0.0123", 1.5: "1.50", 42.25: "42.2", 1234.5: "1234"} {
		if got := number(f); got != want {
			t.Errorf("number(%v) = %q, want %q", f, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	writeTable(&out, []row{{
		what: "a", unit: "ms", ours: sample{2, 1, 3}, limit: sample{1}, others: []other{{"runit", sample{5}}},
		checks: []check{atMost("the limit", 1.3, 2), atLeast("the limit", 0.8, 0.9)},
	}}, "2 cores")
	want := `2 cores. Medians, quartiles in brackets.

| what | ours                | limit   | Supervisor | others        |
|------|---------------------|---------|------------|---------------|
| a    | 2.00 ms (1.00-3.00) | 1.00 ms | -          | runit 5.00 ms |

| what | target                     | measured | met |
|------|----------------------------|----------|-----|
| a    | at most 1.3 x the limit    | 2.00 x   | NO  |
| a    | at least 80 % of the limit | 90 %     | yes |
`
	if got := out.String(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
