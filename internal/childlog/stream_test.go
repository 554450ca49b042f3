package childlog

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.org/twiddler/internal/ini"
)

// A record is what a stream passed on.
type record struct {
	logged, comm, debug, syslog, tapped []string
}

// run writes chunks through a stream with everything switched on.
func (r *record) run(t *testing.T, c StreamConfig, chunks ...string) (log string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	files := NewFiles(func(text string) { t.Error(text) })
	file, err := files.Open(path, 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	c.Process, c.Channel, c.File = "cat", "stdout", file
	c.Syslog = func(line string) { r.syslog = append(r.syslog, line) }
	c.Debug = func(text string) { r.debug = append(r.debug, text) }
	c.OnLog = func(data []byte) { r.logged = append(r.logged, string(data)) }
	c.OnComm = func(data []byte) { r.comm = append(r.comm, string(data)) }
	s := NewStream(c)
	for _, chunk := range chunks {
		p := []byte(chunk)
		s.Write(p)
		clear(p) // it must not be kept
	}
	s.Close()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func always() bool { return true }

// Supervisor 4.2.5, dispatchers.py, POutputDispatcher; it would hold back
// what is shorter than a token.
func TestCapture(t *testing.T) {
	t.Parallel()
	tests := []struct {
		chunks []string
		max    int64
		log    string
		comm   []string
	}{
		{[]string{"plain\n"}, 100, "plain\n", nil},
		{[]string{"a" + beginToken + "b" + endToken + "c"}, 100, "ac", []string{"b"}},
		{[]string{"a<!--XSUP", "ERVISOR:BEGIN-->b<", "!--XSUPERVISOR:END-", "->c"}, 100, "ac", []string{"b"}},
		{[]string{"a<", "b<!", "--c<!--XSUPERVISOR:BEGIN--"}, 100, "a<b<!--c<!--XSUPERVISOR:BEGIN--", nil},
		{[]string{"<<!--XSUPERVISOR:BEGIN-->x", endToken}, 100, "<", []string{"x"}},
		{[]string{beginToken + "a" + beginToken + "b" + endToken}, 100, "", []string{"a" + beginToken + "b"}},
		{[]string{"a" + endToken + "b"}, 100, "a" + endToken + "b", nil},
		{[]string{beginToken + endToken + "b"}, 100, "b", []string{""}},
		{[]string{"a" + beginToken + "never ended", endToken[:5]}, 100, "a", nil},
		{[]string{beginToken, "0123", "4567", "89", endToken}, 8, "", []string{"234" + "56789"}},
		{[]string{beginToken, "0123", "0123456789", endToken}, 8, "", []string{"0123456789"}},
		{[]string{beginToken + "1" + endToken, beginToken + "2" + endToken + "\n"}, 8, "\n", []string{"1", "2"}},
		{[]string{"a" + beginToken + "b" + endToken}, 0, "a" + beginToken + "b" + endToken, nil},
	}
	for _, tt := range tests {
		var r record
		log := r.run(t, StreamConfig{Capture: tt.max}, tt.chunks...)
		if log != tt.log || !slices.Equal(r.comm, tt.comm) {
			t.Errorf("%q, at most %d:\nlog %q, events %q\nwant %q, %q", tt.chunks, tt.max, log, r.comm, tt.log, tt.comm)
		}
	}
}

// How the output is cut into reads makes no difference.
func FuzzCapture(f *testing.F) {
	f.Add("a<!--B", uint64(1))
	f.Add("BBEEBE<<!--", uint64(2))
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		text = strings.NewReplacer("B", beginToken, "E", endToken).Replace(text)
		var wantLog strings.Builder
		var wantComm []string
		for rest, on := text, false; ; on = !on {
			token := beginToken
			if on {
				token = endToken
			}
			before, after, found := strings.Cut(rest, token)
			if on && found {
				wantComm = append(wantComm, before)
			} else if !on {
				wantLog.WriteString(before)
			}
			if rest = after; !found {
				break
			}
		}
		var r record
		log := r.run(t, StreamConfig{Capture: 1 << 40}, cut(text, seed)...)
		if log != wantLog.String() || !slices.Equal(r.comm, wantComm) {
			t.Errorf("%q: log %q, events %q, want %q, %q", text, log, r.comm, wantLog.String(), wantComm)
		}
	})
}

// In one chunk the results are those of Supervisor 4.2.5, dispatchers.py,
// stripEscapes; a sequence over two chunks it does not see.
func TestStripANSI(t *testing.T) {
	t.Parallel()
	tests := []struct {
		chunks []string
		want   string
	}{
		{[]string{"plain"}, "plain"},
		{[]string{"\x1b[31mred\x1b[0m."}, "red."},
		{[]string{"a\x1b[6nb\nhello"}, "aello"},
		{[]string{"\x1b[1;31"}, ""},
		{[]string{"a\x1b]0;t\x07b"}, "a\x1b]0;t\x07b"},
		{[]string{"\x1b[\x1b[31mx"}, "x"},
		{[]string{"x\x1b"}, "x\x1b"},
		{[]string{"\x1b[2Ka\x1b[10Gbm!"}, "a!"},
		{[]string{"\x1b[?25h|\x1b[?25l"}, "|"},
		{[]string{"a\x1b", "[31mb"}, "ab"},
		{[]string{"a\x1b[", "31mb"}, "ab"},
		{[]string{"a\x1b[3", "1", "mb"}, "ab"},
		{[]string{"a\x1b", "b"}, "a\x1bb"},
		{[]string{"a\x1b", "\x1b", "[0mb"}, "a\x1bb"},
		{[]string{"a\x1b[5n\n", "hello\n"}, "ahello\n"}, // not understood: at most its chunk goes
	}
	for _, tt := range tests {
		var r record
		log := r.run(t, StreamConfig{StripANSI: always}, tt.chunks...)
		if log != tt.want || strings.Join(r.logged, "") != tt.want {
			t.Errorf("%q: log %q, events %q, want %q", tt.chunks, log, r.logged, tt.want)
		}
	}
}

func FuzzStripANSI(f *testing.F) {
	f.Add("a1bc2de2", uint64(1))
	f.Add("\x1b1\x1b", uint64(3))
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		text = strings.NewReplacer("1", "\x1b[31m", "2", "\x1b[?25;0h", "3", "\x1b").Replace(strings.ReplaceAll(text, "[", ""))
		want := strings.NewReplacer("\x1b[31m", "", "\x1b[?25;0h", "").Replace(text)
		var r record
		if log := r.run(t, StreamConfig{StripANSI: always}, cut(text, seed)...); log != want {
			t.Errorf("%q: log %q, want %q", text, log, want)
		}
	})
}

func TestStripANSISwitchedOff(t *testing.T) {
	t.Parallel()
	asked := 0
	first := func() bool { asked++; return asked == 1 }
	var r record
	if log := r.run(t, StreamConfig{StripANSI: first}, "\x1b[0ma\x1b", "[0mb"); log != "a\x1b[0mb" {
		t.Errorf("log %q, want the second chunk as it came, with what was held back", log)
	}
}

// Captured text has its escape sequences stripped, and none goes over a token.
func TestStripANSIAndCapture(t *testing.T) {
	t.Parallel()
	var r record
	log := r.run(t, StreamConfig{StripANSI: always, Capture: 100},
		"a\x1b[1mb\x1b"+beginToken+"[c\x1b[0md\x1b[1"+endToken+"me")
	if log != "ab\x1bme" || !slices.Equal(r.comm, []string{"[cd"}) {
		t.Errorf("log %q, events %q", log, r.comm)
	}
}

// The texts are what Supervisor 4.2.5 writes to its log at level debug.
func TestDebug(t *testing.T) {
	t.Parallel()
	var r record
	r.run(t, StreamConfig{Capture: 100}, "a\nb\n", "gr\xfc'\x00\n", beginToken+"x"+endToken)
	want := []string{
		"'cat' stdout output:\na\nb\n",
		`'cat' stdout output:` + "\n" + `Undecodable: b"gr\xfc'\x00\n"`,
		"'cat' stdout output:\nx",
		"'cat' stdout emitted a comm event",
	}
	if !slices.Equal(r.debug, want) {
		t.Errorf("debug lines %q, want %q", r.debug, want)
	}
	if want := []string{"a\nb\n", "gr\xfc'\x00\n", "x"}; !slices.Equal(r.logged, want) {
		t.Errorf("PROCESS_LOG %q, want %q", r.logged, want)
	}
}

func TestTap(t *testing.T) {
	t.Parallel()
	var r record
	log := r.run(t, StreamConfig{
		Capture: 100, StripANSI: always,
		Tap: func(data []byte) { r.tapped = append(r.tapped, string(data)) },
	}, "READY\n", "\x1b[0m"+beginToken)
	if log != "READY\n"+beginToken {
		t.Errorf("log %q, want tokens in it and no escape sequences", log)
	}
	if want := []string{"READY\n", "\x1b[0m" + beginToken}; !slices.Equal(r.tapped, want) {
		t.Errorf("tapped %q, want %q", r.tapped, want)
	}
	want := []string{"'cat' stdout output:\n" + `b'READY\n'`, "'cat' stdout output:\n" + `b'\x1b[0m` + beginToken + `'`}
	if !slices.Equal(r.debug, want) {
		t.Errorf("debug lines %q, want %q", r.debug, want)
	}
}

func TestStreamSyslog(t *testing.T) {
	t.Parallel()
	var r record
	r.run(t, StreamConfig{}, "one\n\ntwo\n\n", "par", "tial\n", "\n")
	want := []string{"cat one", "cat ", "cat two", "cat par", "cat tial", "cat "}
	if !slices.Equal(r.syslog, want) {
		t.Errorf("syslog %q, want %q", r.syslog, want)
	}
}

// The expected values are Python's.
func TestQuote(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":               `''`,
		"it's":           `"it's"`,
		`it's "x"`:       `'it\'s "x"'`,
		"a\\b\n\t\r":     `'a\\b\n\t\r'`,
		"\x00\x7f\u0085": `'\x00\x7f\x85'`,
		"grün\u200b😀":    `'grün\u200b😀'`,
	} {
		if got := ini.Repr(in); got != want {
			t.Errorf("Repr(%q) = %s, want %s", in, got, want)
		}
	}
	if got, want := quoteBytes([]byte("a'\xff\n")), `b"a'\xff\n"`; got != want {
		t.Errorf("quoteBytes = %s, want %s", got, want)
	}
}

// cut cuts text into random pieces.
func cut(text string, seed uint64) (pieces []string) {
	rnd := rand.New(rand.NewPCG(seed, 0))
	for len(text) > 0 {
		n := 1 + rnd.IntN(min(len(text), 30))
		pieces = append(pieces, text[:n])
		text = text[n:]
	}
	return pieces
}

func BenchmarkStream(b *testing.B) {
	chunk := []byte(strings.Repeat("127.0.0.1 - - GET /index.html 200\n", 1900))
	file, err := NewFiles(func(string) {}).Open(os.DevNull, 0, 0, 0)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []StreamConfig{{}, {Capture: 1 << 20}, {StripANSI: always}} {
		c.File = file
		b.Run(fmt.Sprintf("capture=%v,strip=%v", c.Capture > 0, c.StripANSI != nil), func(b *testing.B) {
			s := NewStream(c)
			b.SetBytes(int64(len(chunk)))
			b.ReportAllocs()
			for b.Loop() {
				s.Write(chunk)
			}
		})
	}
}
