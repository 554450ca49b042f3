package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzLoad: whatever the file says, there is a configuration that is equal to
// itself, or an error with a text and a list.
func FuzzLoad(f *testing.F) {
	for _, c := range goodCases {
		f.Add(c.text)
	}
	for _, c := range badCases {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "include") || len(text) > 1<<16 {
			t.Skip("would read other files, or take long")
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "supervisord.conf"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(testOptions(dir))
		if err != nil {
			var all *Errors
			if !errors.As(err, &all) || err.Error() == "" || len(all.List()) == 0 {
				t.Fatalf("Load: %#v", err)
			}
			for _, line := range all.List() {
				if strings.Contains(line, "\n") {
					t.Errorf("a problem takes more than one line: %q", line)
				}
			}
			return
		}
		for _, g := range c.Groups {
			if !g.Equal(g) {
				t.Errorf("group %q is not equal to itself", g.Name)
			}
		}
	})
}
