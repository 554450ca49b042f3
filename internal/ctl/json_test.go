package ctl

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"example.org/twiddler/client"
)

func TestParseChanges(t *testing.T) {
	t.Parallel()
	got, err := parseChanges("f", `
[
	{"action": "add", "group": "g", "program": "p", "ttl": 5,
	 "options": {"command": "ö", "priority": 5, "autostart": false, "x": 1.5, "list": [1, [], {}], "e": 1e3}},
	{"action": "add", "group": "h", "kind": "group", "programs": {"a": {"command": "c"}, "b": {}}},
	{"action": "scale", "numprocs": 1, "process": "x"}
] `)
	want := []client.Change{
		{Action: "add", Group: "g", Program: "p", TTL: 5 * time.Second, Options: map[string]any{
			"command": "ö", "priority": 5, "autostart": false, "x": 1.5, "list": []any{1, []any{}, map[string]any{}}, "e": 1000.0}},
		{Action: "add", Group: "h", Kind: "group", Programs: map[string]map[string]any{"a": {"command": "c"}, "b": {}}},
		{Action: "scale", Process: "x", Numprocs: 1},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
}

func TestParseChangesErrors(t *testing.T) {
	t.Parallel()
	const members = "; a change may have action, group, program, process, kind, options, programs, numprocs, ttl"
	deep := `[{"action": "add", "options": {"x": ` + strings.Repeat("[", 62) + strings.Repeat("]", 62) + `}}]`
	for text, want := range map[string]string{
		"":                                    "f:1:1: the text ends too early",
		"  \n ":                               "f:2:2: the text ends too early",
		"[":                                   "f:1:2: the text ends too early",
		"[{\n\"a":                             "f:2:3: the text ends too early",
		"{}":                                  "f:1:1: want an array of changes, not an object",
		`"x"`:                                 "f:1:1: want an array of changes, not a string",
		"[] x":                                "f:1:4: there is more after the end of the array",
		"[1, 2]":                              "f:1:2: a change must be an object, not a number",
		"[[]]":                                "f:1:2: a change must be an object, not an array",
		"[\n {\"action\": \"add\"},\n  true]": "f:3:3: a change must be an object, not a boolean",
		`[{"acton": "add"}]`:                  `f:1:12: unknown member "acton"` + members,
		`[{"é": 1}]`:                          `f:1:8: unknown member "é"` + members,
		`[{"action": "add", "action": "x"}]`:  `f:1:20: "action" is there twice`,
		`[{"action": null}]`:                  "f:1:13: null cannot be sent",
		`[{"group": "g"}]`:                    "f:1:2: a change needs an action: add, replace, remove or scale",
		`[{"action": "scale"}]`:               "f:1:2: scale needs numprocs",
		`[{"group": 5}]`:                      "f:1:12: group must be a string, not a number",
		`[{"options": "x"}]`:                  "f:1:14: options must be an object, not a string",
		`[{"programs": []}]`:                  "f:1:15: programs must be an object, not an array",
		`[{"programs": {"p": 5}}]`:            "f:1:21: p must be an object, not a number",
		`[{"numprocs": "2"}]`:                 "f:1:15: numprocs must be a whole number, not a string",
		`[{"numprocs": 2.5}]`:                 "f:1:15: numprocs must be a whole number from 1 on, not 2.5",
		`[{"numprocs": -1}]`:                  "f:1:15: numprocs must be a whole number from 1 on, not -1",
		`[{"ttl": 0}]`:                        "f:1:10: ttl must be a whole number from 1 on, not 0",
		`[{"ttl": 3153600001}]`:               "f:1:10: ttl must be 1 to 3153600000 seconds, not 3153600001",
		`[{"options": {"a": 99999999999999999999}}]`: "f:1:20: the number 99999999999999999999 is too large",
		`[{"options": {"a": 1e999}}]`:                "f:1:20: the number 1e999 is too large",
		deep:                                         "f:1:98: more than 64 arrays and objects in one another",
	} {
		if got, err := parseChanges("f", text); err == nil || err.Error() != want {
			t.Errorf("%s: %v, %v\nwant %s", text, got, err, want)
		}
	}
	// What is no JSON is the decoder's to name.
	for text, at := range map[string]string{"[x]": "f:1:2: ", "[\n{,}]": "f:2:2: ", "[1 2]": "f:1:4: ", `["a\x"]`: "f:1:2: ", "[1,,2]": "f:1:4: ", "[01]": "f:1:3: "} {
		if _, err := parseChanges("f", text); err == nil || !strings.HasPrefix(err.Error(), at+"invalid character") {
			t.Errorf("%s: %v, want %s", text, err, at)
		}
	}
}

func FuzzParseChanges(f *testing.F) {
	for _, text := range []string{`[{"action":"add","options":{"a":[1,2.5,"x",true]}}]`, "[null]", `{"a":1}`, "[01", "\xff", "[1]]", "[1,]"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		changes, err := parseChanges("f", text)
		if err == nil && changes == nil {
			t.Errorf("%q is neither changes nor an error", text)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "f:") {
			t.Errorf("%q: %v has no place", text, err)
		}
	})
}
