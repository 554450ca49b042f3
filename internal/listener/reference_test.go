package listener

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const python = "/usr/bin/python3"

// requireReference skips the test if the original is not installed.
func requireReference(t *testing.T) {
	t.Helper()
	if err := exec.Command(python, "-c", "import supervisor.dispatchers").Run(); err != nil {
		if os.Getenv("TWIDDLER_REQUIRE_REFERENCE") == "1" {
			t.Fatalf("%s has no module supervisor: %v", python, err)
		}
		t.Skipf("%s has no module supervisor: %v", python, err)
	}
}

// randomSteps is what a listener may write, some of it right. It has no
// length that the original hangs at: 0, and those below.
func randomSteps(rnd *rand.Rand) []step {
	pick := func(choices ...string) string { return choices[rnd.IntN(len(choices))] }
	var steps []step
	for range 1 + rnd.IntN(8) {
		var text string
		switch rnd.IntN(12) {
		case 0, 1, 2, 3:
			text = "READY\n"
		case 4, 5:
			text = pick("RESULT 2\nOK", "RESULT 4\nFAIL", "RESULT 2\nOKREADY\n", "RESULT 3\nOK\n", "RESULT 2\nOK\n")
		case 6:
			text = pick("READY", "READY ", "ready\n", "\n", "R", "RESULT", "RESULT 2", "2", "\xff\n", "zwölf ☃\n")
		case 7:
			text = pick("RESULT ", "XXXXXXX", "RESULT", "", "result ") +
				pick("2", " 2", "2 ", "\t+2\r", "1_1", "_2", "2_", "1__1", "0x2", "2.0", "zwei", "", "02", "+ 2", "2 2", "²") +
				"\nOK" + pick("", "123456789")
		default:
			if rnd.IntN(3) > 0 {
				steps = append(steps, step{send: true})
			}
			continue
		}
		for len(text) > 0 {
			n := 1 + rnd.IntN(len(text))
			steps = append(steps, step{data: text[:n]})
			text = text[n:]
		}
	}
	return steps
}

// TestReference plays the same random listeners to the original and to ours.
func TestReference(t *testing.T) {
	t.Parallel()
	requireReference(t)
	rnd := rand.New(rand.NewPCG(3, 4))
	stories := make([][]step, 10_000)
	for i := range stories {
		stories[i] = randomSteps(rnd)
	}
	cmd := exec.Command(python, "testdata/protocol.py")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(encode(t, stories)), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	answers := json.NewDecoder(bytes.NewReader(out))
	seen := map[string]int{}
	for _, story := range stories {
		var want []string
		if err := answers.Decode(&want); err != nil {
			t.Fatal(err)
		}
		got := slices.DeleteFunc(play(New("el", Default), story), func(line string) bool { return line == "settle" })
		if !slices.Equal(got, want) {
			t.Errorf("%+v\n got %q\nwant %q", story, got, want)
		}
		for _, line := range want {
			seen[strings.Split(line, "'")[0]]++
		}
	}
	// The random listeners must reach everything a listener can.
	for _, line := range []string{"DEBG el: ACKNOWLEDGED -> READY", "DEBG el: ACKNOWLEDGED -> UNKNOWN", "DEBG el: READY -> UNKNOWN",
		"DEBG el: BUSY -> UNKNOWN", "DEBG el: BUSY -> ACKNOWLEDGED", "DEBG el: event was processed", "WARN el: event was rejected",
		"WARN el: bad result line: ", "requeue"} {
		if seen[line] < 50 {
			t.Errorf("only %d stories have %q", seen[line], line)
		}
	}
}

// encode writes a line of JSON for each story; bytes are numbers, since they
// need not be text.
func encode(t *testing.T, stories [][]step) []byte {
	t.Helper()
	var in bytes.Buffer
	for _, story := range stories {
		list := make([]any, len(story))
		for i, s := range story {
			if s.send {
				continue
			}
			numbers := make([]int, len(s.data))
			for j := range len(s.data) {
				numbers[j] = int(s.data[j])
			}
			list[i] = numbers
		}
		if err := json.NewEncoder(&in).Encode(list); err != nil {
			t.Fatal(err)
		}
	}
	return in.Bytes()
}
