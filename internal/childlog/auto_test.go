package childlog

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

func TestAutoName(t *testing.T) {
	t.Parallel()
	var n uint64
	next := func() uint64 { n++; return n * 7 }
	dir := t.TempDir()
	name := AutoName(dir, "cat", "stdout", "supervisor", next)
	if filepath.Dir(name) != dir || !regexp.MustCompile(`^cat-stdout---supervisor-[a-z0-9_]{8}\.log$`).MatchString(filepath.Base(name)) {
		t.Errorf("AutoName = %q", name)
	}
	if rel := AutoName(".", "cat", "stdout", "supervisor", next); !filepath.IsAbs(rel) {
		t.Errorf("AutoName in . = %q, want an absolute path", rel)
	}
	if err := Create(name); err != nil {
		t.Fatal(err)
	}
	if err := Create(name); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create again = %v, want fs.ErrExist", err)
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != 0 {
		t.Errorf("Create made %v, %v, want an empty file with mode 0600", info, err)
	}
}

// The names are those that Supervisor 4.2.5 removes and keeps, options.py,
// clear_autochildlogdir.
func TestCleanAuto(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	removed := []string{
		"cat-stdout---a.b-12345678.log",
		"cat-stderr---a.b-12345678.log.1",
		"cat-stderr---a.b-12345678.log.12345",
		"cat-stderr---a.b-12345678.log.bak",
		"cat-stderr---a.b-12345678.logs",
		"x---a.b-y.log",
	}
	kept := []string{
		"cat-stdout---axb-12345678.log", // there the dot is a pattern
		"cat-stdout---other-12345678.log",
		"---a.b-12345678.log",
		"cat-stdout---a.b-.log",
		"cat-stdout---a.b-1234 5678.log",
		"cat-stdout---a.b-12345678.lo",
		"supervisord.log",
	}
	for _, name := range slices.Concat(removed, kept) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stuck := filepath.Join(dir, "it's---a.b-12345678.log")
	if err := os.Mkdir(stuck, 0o700); err != nil {
		t.Fatal(err)
	}
	var warnings []string
	warn := func(text string) { warnings = append(warnings, text) }
	CleanAuto(dir, "a.b", warn)
	CleanAuto(filepath.Join(dir, "absent"), "a.b", warn)

	want := []string{`Failed to clean up "` + stuck + `"`, "Could not clear childlog dir"}
	if !slices.Equal(warnings, want) {
		t.Errorf("warnings %q, want %q", warnings, want)
	}
	left, err := readNames(dir)
	if err != nil {
		t.Fatal(err)
	}
	kept = append(kept, filepath.Base(stuck))
	slices.Sort(left)
	slices.Sort(kept)
	if !slices.Equal(left, kept) {
		t.Errorf("left over %q, want %q", left, kept)
	}
}
