package main

import (
	"os"
	"strings"
	"testing"

	"example.org/twiddler/internal/config"
)

// TestUpToDate compares the manual with what would be written.
func TestUpToDate(t *testing.T) {
	t.Parallel()
	want, err := manual(prose)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("docs/configuration.md is not what tools/confdoc writes: run go generate ./tools/confdoc")
	}
}

func TestComplete(t *testing.T) {
	t.Parallel()
	text, err := manual(prose)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range config.Sections() {
		for _, o := range k.Options {
			if !strings.Contains(string(text), "| `"+o.Key+"` |") {
				t.Errorf("no row for %s of [%s]", o.Key, k.Name)
			}
		}
	}
	if strings.Contains(string(text), "| | |\n") {
		t.Error("a table has a row without default and expansion")
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	for prose, want := range map[string]string{
		"":                       "has no place for [",
		`{{options "nonesuch"}}`: `no kind of section is called "nonesuch"`,
		`{{options "include"`:    "unclosed action",
		`{{options "include"}}{{options "include"}}`: "it was there before",
	} {
		if _, err := manual(prose); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", prose, err, want)
		}
	}
}
