package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A package of tests as the page names it: its place, or that under internal.
type testPackage struct {
	text  string   // of all its tests
	files []string // of its testdata
}

func readPackage(t *testing.T, name string) testPackage {
	t.Helper()
	for _, dir := range []string{filepath.Join("..", name), filepath.Join("..", "internal", name)} {
		paths, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		if len(paths) == 0 {
			continue
		}
		var p testPackage
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			p.text += string(text)
		}
		p.files, _ = filepath.Glob(filepath.Join(dir, "testdata", "*"))
		return p
	}
	return testPackage{}
}

// has reports whether there is a test, and its case if one is named: a case
// stands in the text of the tests, or is a file of theirs.
func (p testPackage) has(test string) bool {
	name, subtest, _ := strings.Cut(test, "/")
	if !strings.Contains(p.text, "\nfunc "+name+"(t *testing.T)") {
		return false
	}
	if subtest == "" || strings.Contains(p.text, `"`+subtest+`"`) {
		return true
	}
	for _, file := range p.files {
		if filepath.Base(file) == subtest {
			return true
		}
	}
	// A case that is named after a section and then itself.
	section, rest, _ := strings.Cut(subtest, " ")
	return strings.Contains(p.text, `"`+section+` "`) && strings.Contains(p.text, `"`+rest+`"`)
}

var (
	coverageRow   = regexp.MustCompile(`(?m)^\| ([^|]+) \| ([^|]+) \|$`)
	differenceKey = regexp.MustCompile(`(?m)^\| ([a-z0-9-]+) \| `)
	evidence      = regexp.MustCompile("`([^`]+)`")
	namedTest     = regexp.MustCompile("`([a-z0-9/]+) (Test[A-Za-z0-9_]+(?:/[^`]+)?)`")
)

// What the page on compatibility calls shown is shown by tests that there are,
// or is explained as a difference.
func TestCoverage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	page, section, found := strings.Cut(string(text), "\n## What shows it\n")
	if !found {
		t.Fatal("docs/compatibility.md has no section on what shows it")
	}
	keys := map[string]bool{}
	for _, m := range differenceKey.FindAllStringSubmatch(page, -1) {
		keys[m[1]] = true
	}
	for _, m := range coverageRow.FindAllStringSubmatch(section, -1) {
		if m[1] == "fact" || strings.Trim(m[1], "-") == "" {
			continue
		}
		shown := evidence.FindAllStringSubmatch(m[2], -1)
		if len(shown) == 0 {
			t.Errorf("nothing shows %q", m[1])
		}
		for _, e := range shown {
			if !strings.Contains(e[1], " ") && !keys[e[1]] {
				t.Errorf("%q counts on the difference %q, which has no row", m[1], e[1])
			}
		}
	}
	packages := map[string]testPackage{}
	tests := namedTest.FindAllStringSubmatch(section, -1)
	for _, m := range tests {
		name, test := m[1], m[2]
		if _, ok := packages[name]; !ok {
			packages[name] = readPackage(t, name)
		}
		if !packages[name].has(test) {
			t.Errorf("there is no test %s in %s", test, name)
		}
	}
	if len(tests) < 200 {
		t.Errorf("only %d tests are named: the pattern of this test is wrong", len(tests))
	}
}
