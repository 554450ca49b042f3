package ini

import "strings"

// Nearest returns the known word that word is most likely a misspelling of,
// the first of several equally near, or "" if none is near: at most one change
// in two to four characters, two in up to eight, three in longer words. A
// change adds, drops or replaces a character or swaps two neighbours; case
// does not count.
func Nearest(word string, known []string) string {
	w := []rune(strings.ToLower(word))
	best, limit := "", min(3, 1+(len(w)-1)/4, len(w)-1)
	for _, k := range known {
		// Only a nearer one replaces what has been found.
		if d := distance(w, []rune(strings.ToLower(k)), limit); d <= limit {
			best, limit = k, d-1
		}
	}
	return best
}

// distance is the number of changes between a and b, or some number above
// limit if it is more than limit.
func distance(a, b []rune, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
