package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// testUsers is who exists in tests.
var testUsers = map[string][2]int{
	"root": {0, 0}, "0": {0, 0}, "alice": {1000, 100}, "1000": {1000, 100}, "1": {1, 1},
}

// testOptions returns what a load in a test takes from outside. dir is where
// it happens.
func testOptions(dir string) LoadOptions {
	return LoadOptions{
		Path:     "supervisord.conf",
		Environ:  []string{"HOME=/home/me", "FOO=bar", "QUOTED=a,b=c"},
		Hostname: "node1",
		Cwd:      dir,
		TempDir:  dir,
		UID:      0,
		LookupUser: func(s string) (int, int, error) {
			if u, ok := testUsers[s]; ok {
				return u[0], u[1], nil
			}
			return -1, -1, errors.New("no such user")
		},
		LookupGroup: func(s string) (int, error) {
			if s == "wheel" || s == "10" {
				return 10, nil
			}
			return -1, errors.New("no such group")
		},
		KnownHandlers: func(spec string) error {
			if spec != defaultHandler {
				return errors.New("no such handler")
			}
			return nil
		},
		KnownEvents: func(name string) bool {
			return slices.Contains([]string{"EVENT", "TICK", "TICK_5", "PROCESS_STATE"}, name)
		},
	}
}

// write writes files below a fresh directory and returns it.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// loadText loads a configuration of one file.
func loadText(t testing.TB, text string) (*Config, error) {
	t.Helper()
	return Load(testOptions(write(t, map[string]string{"supervisord.conf": text})))
}

// mustLoad loads a configuration of one file that is right.
func mustLoad(t testing.TB, text string) *Config {
	t.Helper()
	c, err := loadText(t, text)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return c
}

// mustFail returns the errors of a configuration of one file that is wrong.
func mustFail(t testing.TB, text string) *Errors {
	t.Helper()
	_, err := loadText(t, text)
	var all *Errors
	if !errors.As(err, &all) {
		t.Fatalf("Load of %q = %v, want *Errors", text, err)
	}
	return all
}

// program loads one [program:x] with these lines and returns its processes.
func loadProgram(t testing.TB, lines ...string) ([]*Process, error) {
	t.Helper()
	c, err := loadText(t, "[supervisord]\n[program:x]\n"+strings.Join(lines, "\n")+"\n")
	if err != nil {
		return nil, err
	}
	return c.Groups[0].Processes, nil
}

// texts are the messages at any level.
func texts(messages []Message) []string {
	var all []string
	for _, m := range messages {
		all = append(all, m.Level.String()+" "+m.Text)
	}
	return all
}
