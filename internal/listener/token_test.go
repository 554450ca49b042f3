package listener

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"example.org/twiddler/internal/event"
)

// A step is something that a listener writes, or the sending of an event to
// it, if it is ready.
type step struct {
	data    string
	send    bool
	without bool // the event is about no process
	gone    bool // the listener ends
}

func write(data string) step { return step{data: data} }

// play returns what a machine does, a line for each action.
func play(m *Machine, story []step) []string {
	var out []Action
	for _, s := range story {
		switch {
		case s.send:
			m.Sent(!s.without)
		case s.gone:
			out = m.Gone(out)
		default:
			out = m.Feed([]byte(s.data), out)
		}
	}
	lines := []string{}
	for _, a := range out {
		switch a := a.(type) {
		case Log:
			lines = append(lines, fmt.Sprintf("%v %s", a.Level, a.Text))
		case BadLine:
			lines = append(lines, fmt.Sprintf("WARN %s: bad result line: '%s'", m.Name, event.Text(a.Line)))
		case WriteStdin:
			lines = append(lines, fmt.Sprintf("stdin %q", a.Data))
		case Settle:
			lines = append(lines, "settle")
		case Requeue:
			lines = append(lines, "requeue")
		}
	}
	return lines
}

// What the log says, as written by Supervisor 4.2.5, dispatchers.py.
const (
	toReady   = "DEBG el: ACKNOWLEDGED -> READY"
	processed = "DEBG el: event was processed"
	rejected  = "WARN el: event was rejected"
	failed    = "WARN el: event caused an error"
	toAck     = "DEBG el: BUSY -> ACKNOWLEDGED"
	toUnknown = "DEBG el: BUSY -> UNKNOWN"
	lost      = "WARN el: has entered the UNKNOWN state and will no longer receive events, " +
		"this usually indicates the process violated the eventlistener protocol"
)

// story is a row of the protocol's table: what happens, and what comes of it.
type story struct {
	name  string
	steps []step
	want  []string
	state State
}

func (c story) run(t *testing.T, handler Handler) {
	t.Helper()
	m := New("el", handler)
	if got := play(m, c.steps); !slices.Equal(got, c.want) {
		t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
	}
	if m.State != c.state {
		t.Errorf("%s: state %v, want %v", c.name, m.State, c.state)
	}
	if m.State == Unknown && m.buf != nil {
		t.Errorf("%s: keeps %q", c.name, m.buf)
	}
}

func TestProtocol(t *testing.T) {
	t.Parallel()
	send, gone := step{send: true}, step{gone: true}
	busy := func(steps ...step) []step { return append([]step{write("READY\n"), send}, steps...) }
	bad := func(line string) []string {
		return []string{toReady, "WARN el: bad result line: '" + line + "'", toUnknown, lost, "requeue"}
	}
	good := []string{toReady, processed, toAck, "settle"}
	for _, c := range []story{
		{"silence", nil, []string{}, Acknowledged},
		{"no verdict below six bytes", []step{write("XYZ")}, []string{}, Acknowledged},
		{"ready", []step{write("READY\n")}, []string{toReady}, Ready},
		{"no greeting", []step{write("READY?")}, []string{"DEBG el: ACKNOWLEDGED -> UNKNOWN", lost}, Unknown},
		{"ready twice", []step{write("READY\nREADY\n")}, []string{toReady, "DEBG el: READY -> UNKNOWN", lost}, Unknown},
		{"speaks unasked", []step{write("READY\n"), write("x")}, []string{toReady, "DEBG el: READY -> UNKNOWN", lost}, Unknown},
		{"event to nobody", []step{send, write("READY\n")}, []string{toReady}, Ready},
		{"event in flight", busy(), []string{toReady}, Busy},
		{"one event at a time", busy(send, send), []string{toReady}, Busy},
		{"OK", busy(write("RESULT 2\nOK")), good, Acknowledged},
		{"OK and ready", busy(write("RESULT 2\nOKREADY\n")), append(slices.Clone(good), toReady), Ready},
		{"line feed after OK", busy(write("RESULT 2\nOK\nREADY\n")), append(slices.Clone(good), "DEBG el: ACKNOWLEDGED -> UNKNOWN", lost), Unknown},
		{"FAIL", busy(write("RESULT 4\nFAIL")), []string{toReady, rejected, toAck, "requeue"}, Acknowledged},
		{"other case", busy(write("RESULT 2\nok")), []string{toReady, rejected, toAck, "requeue"}, Acknowledged},
		{"the word is not looked at", busy(write("XXXXXXX2\nOK")), good, Acknowledged},
		{"Python's integers", busy(write("RESULT \t+0_2 \r\nOK")), good, Acknowledged},
		{"minus nothing", busy(write("RESULT -0\n")), []string{toReady, rejected, toAck, "requeue"}, Acknowledged},
		{"no number", busy(write("RESULT two\n")), bad("RESULT two"), Unknown},
		{"short line", busy(write("OK\n")), bad("OK"), Unknown},
		{"empty line", busy(write("\n")), bad(""), Unknown},
		{"not text", busy(write("RESULT \xff'\n")), bad(`Undecodable: b"RESULT \xff'"`), Unknown},
		{"after a bad line", busy(write("RESULT x\nREADY\n"), write("READY\n"), send), bad("RESULT x"), Unknown},
		// These four hang the original, or fill its memory.
		{"empty result", busy(write("RESULT 0\n")), []string{toReady, rejected, toAck, "requeue"}, Acknowledged},
		{"negative", busy(write("RESULT -1\n")), bad("RESULT -1"), Unknown},
		{"huge", busy(write("RESULT 99999999999999999999\n")), bad("RESULT 99999999999999999999"), Unknown},
		{"long line", busy(write(strings.Repeat("é", maxLine))), bad(strings.Repeat("é", maxLine/2)), Unknown},
		{"long line, half a rune", busy(write("x" + strings.Repeat("é", maxLine))), bad("x" + strings.Repeat("é", maxLine/2-1)), Unknown},
		{"longest line", busy(write("RESULT " + strings.Repeat(" ", maxLine-8) + "2\nOK")), good, Acknowledged},
		{"longest result", busy(write(fmt.Sprintf("RESULT %d\n", maxResult)), write(strings.Repeat("x", maxResult))),
			[]string{toReady, rejected, toAck, "requeue"}, Acknowledged},
		{"longer result", busy(write(fmt.Sprintf("RESULT %d\n", maxResult+1))), bad(fmt.Sprintf("RESULT %d", maxResult+1)), Unknown},
		{"dies unknown", []step{write("READY\nx"), gone}, []string{toReady, "DEBG el: READY -> UNKNOWN", lost}, Acknowledged},
		{"dies ready", []step{write("READY\n"), gone, write("READY\n")}, []string{toReady, toReady}, Ready},
		{"dies busy", busy(gone), []string{toReady, "requeue"}, Acknowledged},
		{"dies within its line", busy(write("RESULT"), gone, write("READY\n")), []string{toReady, "requeue", toReady}, Ready},
		{"dies within its result", busy(write("RESULT 2\nO"), gone, write("READY\n"), send, write("RESULT 2\nOK")),
			append([]string{toReady, "requeue"}, good...), Acknowledged},
		{"answers, then dies", busy(write("RESULT 2\nOK"), gone), good, Acknowledged},
	} {
		c.run(t, Default)
	}
}

// supervisor_twiddler 0.4, resulthandler.py.
func TestStdinWrite(t *testing.T) {
	t.Parallel()
	busy := func(result string) []step {
		return []step{write("READY\n"), {send: true}, write(fmt.Sprintf("RESULT %d\n%s", len(result), result))}
	}
	nobody := func(result string) []step {
		steps := busy(result)
		steps[1].without = true
		return steps
	}
	reject := []string{toReady, rejected, toAck, "requeue"}
	for _, c := range []story{
		{"text", busy("STDIN:hello\n"), []string{toReady, `stdin "hello\n"`, processed, toAck, "settle"}, Acknowledged},
		{"nothing", busy("STDIN:"), []string{toReady, `stdin ""`, processed, toAck, "settle"}, Acknowledged},
		{"bytes", busy("STDIN:\xff\x00"), []string{toReady, `stdin "\xff\x00"`, processed, toAck, "settle"}, Acknowledged},
		{"twice", busy("STDIN:STDIN:OK"), []string{toReady, `stdin "STDIN:OK"`, processed, toAck, "settle"}, Acknowledged},
		{"OK", busy("OK"), []string{toReady, processed, toAck, "settle"}, Acknowledged},
		{"FAIL", busy("FAIL"), reject, Acknowledged},
		{"ok", busy("ok"), reject, Acknowledged},
		{"lower case", busy("stdin:x"), reject, Acknowledged},
		{"empty", busy(""), reject, Acknowledged},
		{"no process", nobody("STDIN:x"), []string{toReady, failed, toUnknown, lost, "requeue"}, Unknown},
		{"no process, OK", nobody("OK"), []string{toReady, processed, toAck, "settle"}, Acknowledged},
		{"no process, FAIL", nobody("FAIL"), reject, Acknowledged},
	} {
		c.run(t, StdinWrite)
	}
	story{"default handler", busy("STDIN:x"), reject, Acknowledged}.run(t, Default)
}

func TestParseHandler(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		spec string
		want Handler
		ok   bool
	}{
		{"supervisor.dispatchers:default_handler", Default, true},
		{"supervisor_twiddler.resulthandler:stdin_write_handler", StdinWrite, true},
		{"supervisor_stdout:event_handler", 0, false},
		{"", 0, false},
	} {
		if got, ok := ParseHandler(c.spec); got != c.want || ok != c.ok {
			t.Errorf("ParseHandler(%q) = %v, %t", c.spec, got, ok)
		}
	}
}

func TestStateNames(t *testing.T) {
	t.Parallel()
	if got := fmt.Sprint(Ready, Busy, Acknowledged, Unknown, State(0)); got != "READY BUSY ACKNOWLEDGED UNKNOWN State(0)" {
		t.Error(got)
	}
	for state, number := range map[State]int{Ready: 10, Busy: 20, Acknowledged: 30, Unknown: 40} {
		if int(state) != number {
			t.Errorf("%v is %d", state, state)
		}
	}
}

// What was handed out must not change when the listener writes on.
func TestResultsAreIndependent(t *testing.T) {
	t.Parallel()
	m := New("el", StdinWrite)
	m.Feed([]byte("READY\n"), nil)
	m.Sent(true)
	out := m.Feed([]byte("RESULT 9\nSTDIN:oneREA"), nil)
	out = m.Feed([]byte("DY\n"), out)
	data := out[0].(WriteStdin).Data
	_ = append(data, "xxxx"...)
	m.Sent(true)
	m.Feed([]byte("RESULT 9\nSTDIN:two"), nil)
	if string(data) != "one" || m.State != Acknowledged {
		t.Errorf("%q, %v", data, m.State)
	}
}

// fuzzStory makes steps of a text: its bytes are written, up to each "!",
// where an event is sent.
func fuzzStory(text string) []step {
	var story []step
	for i, part := range strings.Split(text, "!") {
		if i > 0 {
			story = append(story, step{send: true})
		}
		story = append(story, write(part))
	}
	return story
}

// In whatever pieces its output arrives, a listener is understood the same.
func FuzzChunks(f *testing.F) {
	for _, text := range []string{"READY\n!RESULT 2\nOKREADY\n!RESULT 4\nFAIL", "READY\n!RESULT 7\nSTDIN:x", "READY\n!RESULT 0\nREADY\n!",
		"READY\n!RESULT -1\n", "READY\n\n", "nonsense", "READY\n!RESULT 9999999999999999\n", "READY\n!\xff\n"} {
		f.Add(text, uint64(1))
	}
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		whole := fuzzStory(text)
		var pieces []step
		for _, s := range whole {
			for !s.send && len(s.data) > 1 && rnd.IntN(4) > 0 {
				n := 1 + rnd.IntN(len(s.data)-1)
				pieces = append(pieces, write(s.data[:n]))
				s.data = s.data[n:]
			}
			pieces = append(pieces, s)
		}
		one, many := New("el", StdinWrite), New("el", StdinWrite)
		want, got := play(one, whole), play(many, pieces)
		if !slices.Equal(got, want) || one.State != many.State {
			t.Errorf("%+v\nin pieces %q, %v\nas a whole %q, %v", pieces, got, many.State, want, one.State)
		}
		checkBalance(t, text, one, want)
	})
}

// checkBalance checks that every event that was sent is settled, put back or
// still in flight.
func checkBalance(t *testing.T, text string, m *Machine, lines []string) {
	t.Helper()
	sent, done := 0, 0
	for _, line := range lines {
		switch line {
		case toReady:
			sent++
		case "settle", "requeue":
			done++
		}
	}
	busy := m.State == Busy
	if busy {
		done++
	}
	if done > sent || len(m.buf) > maxResult {
		t.Errorf("%q: %d events for at most %d, %d bytes kept", text, done, sent, len(m.buf))
	}
	if busy != slices.Contains(play(m, []step{{gone: true}}), "requeue") {
		t.Errorf("%q: the event in flight is not put back", text)
	}
}

func BenchmarkAnswer(b *testing.B) {
	m := New("el", Default)
	ready, ok := []byte("READY\n"), []byte("RESULT 2\nOK")
	var out []Action
	b.ReportAllocs()
	for b.Loop() {
		out = m.Feed(ready, out[:0])
		m.Sent(true)
		out = m.Feed(ok, out[:0])
	}
}
