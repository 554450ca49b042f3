package event

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"testing"
)

const python = "/usr/bin/python3"

// requireReference skips the test if the original is not installed.
func requireReference(t *testing.T) {
	t.Helper()
	if err := exec.Command(python, "-c", "import supervisor.events").Run(); err != nil {
		if os.Getenv("TWIDDLER_REQUIRE_REFERENCE") == "1" {
			t.Fatalf("%s has no module supervisor: %v", python, err)
		}
		t.Skipf("%s has no module supervisor: %v", python, err)
	}
}

// A sample is one event to compare, for both sides.
type sample struct {
	Type       string `json:"type"`
	Group      string `json:"group"`
	Process    string `json:"process"`
	From       string `json:"from"`
	PID        int    `json:"pid"`
	Tries      int    `json:"tries"`
	Expected   bool   `json:"expected"`
	Data       []int  `json:"data"`
	Serial     uint64 `json:"serial"`
	PoolSerial uint64 `json:"poolSerial"`
}

func (s sample) data() []byte {
	out := make([]byte, len(s.Data))
	for i, b := range s.Data {
		out[i] = byte(b)
	}
	return out
}

func (s sample) event(t *testing.T) Event {
	typ, ok := Parse(s.Type)
	if !ok {
		t.Fatalf("no type %s", s.Type)
	}
	out := Output{Group: s.Group, Process: s.Process, PID: s.PID, Data: s.data(),
		Stderr: typ == ProcessLogStderr || typ == ProcessCommunicationStderr}
	switch {
	case typ.Is(ProcessState):
		return StateChange{Group: s.Group, Process: s.Process, From: s.From, To: s.Type[len("PROCESS_STATE_"):],
			PID: s.PID, Tries: s.Tries, Expected: s.Expected}.Event()
	case typ.Is(ProcessLog):
		return out.Log()
	case typ.Is(ProcessCommunication):
		return out.Communication()
	case typ == RemoteCommunication:
		return Remote(s.Group, string(s.data()))
	case typ.Is(ProcessGroup):
		return GroupChange(typ, s.Group)
	}
	return Event{Type: typ}
}

// pick returns one of the choices.
func pick[T any](rnd *rand.Rand, choices ...T) T { return choices[rnd.IntN(len(choices))] }

func randomSample(rnd *rand.Rand) sample {
	var concrete []string
	for typ := Any; typ < end; typ++ {
		if typ.Concrete() && !typ.Is(Tick) { // the original's needs a daemon
			concrete = append(concrete, typ.String())
		}
	}
	s := sample{
		Type:       pick(rnd, concrete...),
		Group:      pick(rnd, "group", "größe", "a.b-c", ""),
		Process:    pick(rnd, "cat", "cat_00", "zwölf"),
		From:       pick(rnd, "STOPPED", "STARTING", "RUNNING", "BACKOFF", "STOPPING", "EXITED", "FATAL", "UNKNOWN"),
		PID:        pick(rnd, 0, 1, 4711),
		Tries:      rnd.IntN(5),
		Expected:   rnd.IntN(2) == 0,
		Serial:     pick(rnd, 0, 7, uint64(math.MaxInt64)),
		PoolSerial: uint64(rnd.IntN(100)),
	}
	text := pick(rnd, "", "one\n", "a\nb\n\n", "dätä €😀", "it's", `"`, `'"\`, "\x00\x1b[0m\x7f\t\r")
	for _, b := range []byte(text) {
		s.Data = append(s.Data, int(b))
	}
	if s.Type != "REMOTE_COMMUNICATION" && rnd.IntN(2) == 0 { // XML-RPC sends text alone
		at := rnd.IntN(len(s.Data) + 1)
		s.Data = slices.Insert(s.Data, at, rnd.IntN(256))
	}
	return s
}

// TestReference makes the same events with the original and with ours.
func TestReference(t *testing.T) {
	t.Parallel()
	requireReference(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	samples := make([]sample, 2000)
	var in bytes.Buffer
	for i := range samples {
		samples[i] = randomSample(rnd)
		if err := json.NewEncoder(&in).Encode(samples[i]); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(python, "testdata/payloads.py")
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(bytes.NewReader(out))
	read := func(into any) {
		line, err := answers.ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(line, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var covers map[string][]string
	read(&covers)
	compareNames(t, covers)
	for _, s := range samples {
		var want string
		read(&want)
		h := Header{Server: "me", Pool: "pool", Serial: s.Serial, PoolSerial: s.PoolSerial}
		if got := string(h.Append(nil, s.event(t))); got != want {
			t.Errorf("%+v\n got %q\nwant %q", s, got, want)
		}
	}
}

func compareNames(t *testing.T, covers map[string][]string) {
	t.Helper()
	for name, want := range covers {
		typ, ok := Parse(name)
		if !ok {
			t.Errorf("no type %s", name)
			continue
		}
		var got []string
		for sub := Any; sub < end; sub++ {
			if sub.Is(typ) {
				got = append(got, sub.String())
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s covers %v, want %v", name, got, want)
		}
	}
	if got, want := int(end-Any), len(covers); got != want {
		t.Errorf("%d types, want %d", got, want)
	}
}
