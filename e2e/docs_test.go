package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// documents are the Markdown files of the repository, relative to it.
func documents(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/decisions/*.md", "examples/*/*.md"} {
		paths, err := filepath.Glob(filepath.Join("..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, paths...)
	}
	return found
}

var link = regexp.MustCompile(`\]\(([^)#:\s]+)(#[^)]*)?\)`)

// What a document links to is there.
func TestLinks(t *testing.T) {
	t.Parallel()
	links := 0
	for _, path := range documents(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			links++
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", path, m[1], err)
			}
		}
	}
	if links < 10 {
		t.Errorf("only %d links found", links)
	}
}

// The architecture draws the rows that the test of imports keeps.
func TestArchitectureRows(t *testing.T) {
	t.Parallel()
	want := importRows(t)
	text, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	row := 0
	for _, m := range regexp.MustCompile("(?m)^\\| (\\d*) ?\\| `([a-z/-]+)` \\|").FindAllStringSubmatch(string(text), -1) {
		if m[1] != "" {
			row, _ = strconv.Atoi(m[1])
		}
		got[m[2]] = row
	}
	for path, row := range want {
		if got[path] != row {
			t.Errorf("%s is in row %d of imports_test.go and in row %d of docs/architecture.md", path, row, got[path])
		}
	}
	for path := range got {
		if want[path] == 0 {
			t.Errorf("docs/architecture.md has a row for %s, imports_test.go has none", path)
		}
	}
}

// importRows are the rows of imports_test.go, counted from 1, by package.
func importRows(t *testing.T) map[string]int {
	t.Helper()
	text, err := os.ReadFile("../imports_test.go")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]int{}
	for i, m := range regexp.MustCompile(`(?s)\{\[\]string\{(.*?)\}, "`).FindAllStringSubmatch(string(text), -1) {
		for _, path := range regexp.MustCompile(`"([^"]+)"`).FindAllStringSubmatch(m[1], -1) {
			rows[path[1]] = i + 1
		}
	}
	if len(rows) < 20 {
		t.Fatalf("only %d packages found in imports_test.go", len(rows))
	}
	return rows
}
