package ctl

import (
	"fmt"
	"slices"
	"strings"
)

// diffContext is how many equal lines are shown around those that differ.
const diffContext = 3

// maxDiffCells bounds the table of a comparison; what would need more is shown
// as removed and added whole.
const maxDiffCells = 4 << 20

// An edit is one line of a comparison: ' ' for both, '-' for the old text only,
// '+' for the new.
type edit struct {
	mark byte
	line string
}

// unified are the hunks of a unified diff, without the head; none for equal
// texts.
func unified(old, next string) []string {
	edits := compareLines(textLines(old), textLines(next))
	var out []string
	for _, h := range hunks(edits) {
		oldAt, newAt := 1, 1
		for _, e := range edits[:h.from] {
			oldAt += count(e, '-')
			newAt += count(e, '+')
		}
		oldN, newN := 0, 0
		for _, e := range edits[h.from:h.to] {
			oldN += count(e, '-')
			newN += count(e, '+')
		}
		out = append(out, fmt.Sprintf("@@ -%s +%s @@", span(oldAt, oldN), span(newAt, newN)))
		for _, e := range edits[h.from:h.to] {
			out = append(out, string(e.mark)+e.line)
		}
	}
	return out
}

// count is 1 if the line is one of the text that mark stands for.
func count(e edit, mark byte) int {
	if e.mark == ' ' || e.mark == mark {
		return 1
	}
	return 0
}

// span is where a hunk lies in a text. GNU diffutils 3.8, Detailed Unified
// Format: an empty one is after the line named.
func span(at, n int) string {
	switch n {
	case 0:
		return fmt.Sprintf("%d,0", at-1)
	case 1:
		return fmt.Sprint(at)
	}
	return fmt.Sprintf("%d,%d", at, n)
}

func textLines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

type hunk struct{ from, to int }

// hunks are the parts of a comparison that differ, with context.
func hunks(edits []edit) []hunk {
	var all []hunk
	for i, e := range edits {
		if e.mark == ' ' {
			continue
		}
		from, to := max(0, i-diffContext), min(len(edits), i+1+diffContext)
		if last := len(all) - 1; last >= 0 && from <= all[last].to {
			all[last].to = to
		} else {
			all = append(all, hunk{from, to})
		}
	}
	return all
}

// compareLines finds a longest common subsequence.
func compareLines(old, next []string) []edit {
	head := 0
	for head < min(len(old), len(next)) && old[head] == next[head] {
		head++
	}
	tail := 0
	for tail < min(len(old), len(next))-head && old[len(old)-1-tail] == next[len(next)-1-tail] {
		tail++
	}
	edits := marked(' ', old[:head])
	edits = append(edits, compareMiddle(old[head:len(old)-tail], next[head:len(next)-tail])...)
	return append(edits, marked(' ', old[len(old)-tail:])...)
}

func marked(mark byte, lines []string) []edit {
	edits := make([]edit, len(lines))
	for i, line := range lines {
		edits[i] = edit{mark, line}
	}
	return edits
}

func compareMiddle(old, next []string) []edit {
	width := len(next) + 1
	if (len(old)+1)*width > maxDiffCells {
		return slices.Concat(marked('-', old), marked('+', next))
	}
	// common[i*width+j] is the length of what old[i:] and next[j:] share.
	common := make([]int32, (len(old)+1)*width)
	for i := len(old) - 1; i >= 0; i-- {
		for j := len(next) - 1; j >= 0; j-- {
			if old[i] == next[j] {
				common[i*width+j] = common[(i+1)*width+j+1] + 1
			} else {
				common[i*width+j] = max(common[(i+1)*width+j], common[i*width+j+1])
			}
		}
	}
	var edits []edit
	i, j := 0, 0
	for i < len(old) && j < len(next) {
		switch {
		case old[i] == next[j]:
			edits = append(edits, edit{' ', old[i]})
			i, j = i+1, j+1
		case common[(i+1)*width+j] >= common[i*width+j+1]:
			edits = append(edits, edit{'-', old[i]})
			i++
		default:
			edits = append(edits, edit{'+', next[j]})
			j++
		}
	}
	return slices.Concat(edits, marked('-', old[i:]), marked('+', next[j:]))
}
