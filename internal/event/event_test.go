package event

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// Each row is what one event of the original says. Supervisor 4.2.5,
// events.py.
func TestPayload(t *testing.T) {
	t.Parallel()
	change := func(from, to string) Event {
		return StateChange{Group: "g", Process: "p", From: from, To: to, PID: 42, Tries: 3, Expected: true}.Event()
	}
	output := Output{Group: "g", Process: "p", PID: 42, Data: []byte("one\ntwo")}
	binary := Output{Group: "g", Process: "p", PID: 42, Stderr: true, Data: []byte("it's \xff\n")}
	for _, c := range []struct {
		event Event
		typ   Type
		want  string
	}{
		{change("STOPPED", "STARTING"), ProcessStateStarting, "processname:p groupname:g from_state:STOPPED tries:3"},
		{change("STARTING", "BACKOFF"), ProcessStateBackoff, "processname:p groupname:g from_state:STARTING tries:3"},
		{change("STARTING", "RUNNING"), ProcessStateRunning, "processname:p groupname:g from_state:STARTING pid:42"},
		{change("RUNNING", "STOPPING"), ProcessStateStopping, "processname:p groupname:g from_state:RUNNING pid:42"},
		{change("STOPPING", "STOPPED"), ProcessStateStopped, "processname:p groupname:g from_state:STOPPING pid:42"},
		{change("RUNNING", "EXITED"), ProcessStateExited, "processname:p groupname:g from_state:RUNNING expected:1 pid:42"},
		{StateChange{Group: "g", Process: "p", From: "RUNNING", To: "EXITED", PID: 42}.Event(), ProcessStateExited,
			"processname:p groupname:g from_state:RUNNING expected:0 pid:42"},
		{StateChange{Group: "g", Process: "p", From: "BACKOFF", To: "STOPPED"}.Event(), ProcessStateStopped,
			"processname:p groupname:g from_state:BACKOFF pid:0"},
		{change("BACKOFF", "FATAL"), ProcessStateFatal, "processname:p groupname:g from_state:BACKOFF"},
		{change("STOPPING", "UNKNOWN"), ProcessStateUnknown, "processname:p groupname:g from_state:STOPPING"},
		{output.Log(), ProcessLogStdout, "processname:p groupname:g pid:42 channel:stdout\none\ntwo"},
		{binary.Log(), ProcessLogStderr, "processname:p groupname:g pid:42 channel:stderr\nUndecodable: b\"it's \\xff\\n\""},
		{output.Communication(), ProcessCommunicationStdout, "processname:p groupname:g pid:42\none\ntwo"},
		{binary.Communication(), ProcessCommunicationStderr, "processname:p groupname:g pid:42\nUndecodable: b\"it's \\xff\\n\""},
		{Remote("a:b c", "x\n"), RemoteCommunication, "type:a:b c\nx\n"},
		{Remote("", ""), RemoteCommunication, "type:\n"},
		{GroupChange(ProcessGroupAdded, "g"), ProcessGroupAdded, "groupname:g\n"},
		{GroupChange(ProcessGroupRemoved, "g"), ProcessGroupRemoved, "groupname:g\n"},
	} {
		if c.event.Type != c.typ || c.event.Payload != c.want {
			t.Errorf("%v %q, want %v %q", c.event.Type, c.event.Payload, c.typ, c.want)
		}
		about := c.typ.Is(ProcessState) || c.typ.Is(ProcessLog) || c.typ.Is(ProcessCommunication)
		if c.event.HasProcess() != about || about && (c.event.Group != "g" || c.event.Process != "p") {
			t.Errorf("%v is about %q in %q", c.typ, c.event.Process, c.event.Group)
		}
	}
}

func TestEnvelope(t *testing.T) {
	t.Parallel()
	h := Header{Server: "supervisor", Pool: "listener", Serial: 21, PoolSerial: 10}
	for _, c := range []struct {
		event Event
		want  string
	}{
		{Event{Type: SupervisorStateChangeRunning}, "eventname:SUPERVISOR_STATE_CHANGE_RUNNING len:0\n"},
		{GroupChange(ProcessGroupAdded, "g"), "eventname:PROCESS_GROUP_ADDED len:12\ngroupname:g\n"},
		{Remote("t", "dätä"), "eventname:REMOTE_COMMUNICATION len:11\ntype:t\ndätä"},
		{Event{Type: Tick5, Payload: "\xff€"}, "eventname:TICK_5 len:2\n\xff€"},
	} {
		want := "before ver:3.0 server:supervisor serial:21 pool:listener poolserial:10 " + c.want
		if got := string(h.Append([]byte("before "), c.event)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestCounter(t *testing.T) {
	t.Parallel()
	var c Counter
	got := []uint64{c.Next(), c.Next()}
	c = math.MaxInt64 - 1
	got = append(got, c.Next(), c.Next(), c.Next(), c.Next())
	if want := []uint64{0, 1, math.MaxInt64 - 1, math.MaxInt64, 0, 1}; !slices.Equal(got, want) {
		t.Errorf("%d, want %d", got, want)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	concrete := 0
	for typ := Any; typ < end; typ++ {
		if back, ok := Parse(typ.String()); !ok || back != typ {
			t.Errorf("Parse(%q) = %v, %t", typ, back, ok)
		}
		if typ.Concrete() {
			concrete++
		}
		if typ.Concrete() != (typ.Set() == Set(1)<<typ) {
			t.Errorf("%v is concrete: %t, and covers %b", typ, typ.Concrete(), typ.Set())
		}
		if !typ.Is(Any) || !typ.Is(typ) {
			t.Errorf("%v is not an EVENT, or not itself", typ)
		}
		// A name that another begins with covers it.
		for sub := Any; sub < end; sub++ {
			if want := typ == Any || strings.HasPrefix(sub.String()+"_", typ.String()+"_"); sub.Is(typ) != want {
				t.Errorf("%v is %v: %t, want %t", sub, typ, sub.Is(typ), want)
			}
		}
		if word, ok := strings.CutPrefix(typ.String(), "PROCESS_STATE_"); ok && OfState(word) != typ {
			t.Errorf("OfState(%q) = %v", word, OfState(word))
		}
	}
	if concrete != 20 {
		t.Errorf("%d concrete types, want 20", concrete)
	}
	for _, name := range []string{"", "event", "PROCESS", "PROCESS_STATE_", "TICK_10", " TICK", "PROCESS_STATE_SPAWNING"} {
		if Known(name) {
			t.Errorf("%q is known", name)
		}
	}
	if got := OfState("SPAWNING"); got != 0 {
		t.Errorf("OfState(SPAWNING) = %v", got)
	}
	if got := Type(0).String() + " " + end.String(); got != "Type(0) Type(28)" {
		t.Error(got)
	}
}

func TestSubscribe(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		names   []string
		has     []Type
		lacking []Type
	}{
		{nil, nil, []Type{0, Any, Tick5, end}},
		{[]string{"NONE"}, nil, []Type{0, Any, Tick5}},
		{[]string{"EVENT"}, []Type{Tick5, ProcessGroupRemoved, ProcessStateStopped}, []Type{0, end}},
		{[]string{"TICK_60", "PROCESS_STATE"}, []Type{Tick60, ProcessStateUnknown}, []Type{Tick5, ProcessLogStdout}},
		{[]string{"PROCESS_STATE", "PROCESS_STATE_RUNNING"}, []Type{ProcessStateRunning}, []Type{RemoteCommunication}},
	} {
		s := Subscribe(c.names...)
		for _, typ := range c.has {
			if !s.Has(typ) {
				t.Errorf("%v lacks %v", c.names, typ)
			}
		}
		for _, typ := range c.lacking {
			if s.Has(typ) {
				t.Errorf("%v has %v", c.names, typ)
			}
		}
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	var c Clock
	at := func(text string) time.Time {
		now, err := time.Parse(time.RFC3339Nano, "2024-05-06T"+text+"Z")
		if err != nil {
			t.Fatal(err)
		}
		return now
	}
	for _, row := range []struct {
		now  string
		want string // the events
	}{
		{"09:59:58.9", ""}, // the first look sends nothing
		{"09:59:59.999", ""},
		{"10:00:00", "TICK_5 when:1714989600 TICK_60 when:1714989600 TICK_3600 when:1714989600"},
		{"10:00:04.999", ""},
		{"10:00:05.1", "TICK_5 when:1714989605"},
		{"10:02:59", "TICK_5 when:1714989775 TICK_60 when:1714989720"}, // a jump: one event
		{"10:01:00", "TICK_5 when:1714989660 TICK_60 when:1714989660"}, // back
	} {
		var got []string
		for _, e := range c.Due(at(row.now), nil) {
			got = append(got, e.Type.String(), e.Payload)
		}
		if text := strings.Join(got, " "); text != row.want {
			t.Errorf("%s: %q, want %q", row.now, text, row.want)
		}
	}
	if got := c.Due(time.Unix(-1, 0), nil); len(got) != 3 || got[0].Payload != "when:-5" {
		t.Errorf("before the epoch: %v", got)
	}
}

func TestUntilTick(t *testing.T) {
	t.Parallel()
	now := time.Unix(7200+58, 500_000_000)
	for _, c := range []struct {
		names []string
		want  time.Duration
	}{
		{nil, 0},
		{[]string{"REMOTE_COMMUNICATION"}, 0},
		{[]string{"TICK_5"}, 1500 * time.Millisecond},
		{[]string{"TICK_60"}, 1500 * time.Millisecond},
		{[]string{"TICK_3600"}, 3541500 * time.Millisecond},
		{[]string{"EVENT"}, 1500 * time.Millisecond},
	} {
		if got := UntilTick(now, Subscribe(c.names...)); got != c.want {
			t.Errorf("%v: %v, want %v", c.names, got, c.want)
		}
	}
	// A whole period is left at its beginning.
	if got := UntilTick(time.Unix(60, 0), Subscribe("TICK_5")); got != 5*time.Second {
		t.Errorf("at the beginning: %v", got)
	}
}

// However the data look, a listener that reads characters finds the whole
// payload.
func FuzzEnvelope(f *testing.F) {
	f.Add("p", []byte("one"))
	f.Add("größe", []byte("\xff'\x00"))
	f.Fuzz(func(t *testing.T, process string, data []byte) {
		e := Output{Group: "g", Process: process, PID: 1, Data: data}.Log()
		wire := Header{Server: "s", Pool: "p"}.Append(nil, e)
		head, payload, _ := bytes.Cut(wire, []byte("\n"))
		fields := strings.Fields(string(head))
		if want := fmt.Sprintf("len:%d", utf8.RuneCount(payload)); len(fields) != 7 || fields[6] != want {
			t.Fatalf("%q, want %s at the end", head, want)
		}
		if string(payload) != e.Payload {
			t.Errorf("payload %q, want %q", payload, e.Payload)
		}
		if utf8.ValidString(process) && !utf8.Valid(payload) {
			t.Errorf("payload is not UTF-8: %q", payload)
		}
	})
}

func BenchmarkWanted(b *testing.B) {
	wanted := Subscribe("TICK_60", "PROCESS_LOG")
	for b.Loop() {
		if wanted.Has(OfState("RUNNING")) {
			b.Fatal("it is not")
		}
	}
}

func BenchmarkEnvelope(b *testing.B) {
	c := StateChange{Group: "group", Process: "process", From: "STARTING", To: "RUNNING", PID: 4711}
	h := Header{Server: "supervisor", Pool: "pool", Serial: 12345, PoolSerial: 12345}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = h.Append(buf[:0], c.Event())
	}
}
