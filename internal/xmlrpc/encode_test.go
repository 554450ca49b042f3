package xmlrpc

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAppendValue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   any
		want string
	}{
		{"", "<string></string>"},
		{`<a> & "b" 'c'`, `<string>&lt;a&gt; &amp; "b" 'c'</string>`},
		{"a\tb\nc", "<string>a\tb\nc</string>"},
		{"a\r\nb\r", "<string>a&#13;\nb&#13;</string>"},
		{"\x1b[31mred\x00\x7f", "<string>\uFFFD[31mred\uFFFD\x7f</string>"},
		{"é日😀", "<string>é日😀</string>"},
		{"cut \xe6\x97", "<string>cut \uFFFD\uFFFD</string>"},
		{"\xff\xfe&\uFFFE\uFFFF", "<string>\uFFFD\uFFFD&amp;\uFFFD\uFFFD</string>"},
		{"\xed\xa0\x80", "<string>\uFFFD\uFFFD\uFFFD</string>"}, // a surrogate
		{0, "<int>0</int>"},
		{math.MaxInt32, "<int>2147483647</int>"},
		{math.MinInt32, "<int>-2147483648</int>"},
		{math.MaxInt32 + 1, "<i8>2147483648</i8>"},
		{int64(math.MinInt64), "<i8>-9223372036854775808</i8>"},
		{int32(-7), "<int>-7</int>"},
		{true, "<boolean>1</boolean>"},
		{false, "<boolean>0</boolean>"},
		{nil, "<nil/>"},
		{0.0, "<double>0.0</double>"},
		{math.Copysign(0, -1), "<double>-0.0</double>"},
		{1e15, "<double>1000000000000000.0</double>"},
		{1e16, "<double>1e+16</double>"},
		{0.0001, "<double>0.0001</double>"},
		{-0.00001, "<double>-1e-05</double>"},
		{1.2345678901234568e+17, "<double>1.2345678901234568e+17</double>"},
		{DateTime("20261123T09:01:02"), "<dateTime.iso8601>20261123T09:01:02</dateTime.iso8601>"},
		{DateTime("<\x00>"), "<dateTime.iso8601>&lt;\uFFFD&gt;</dateTime.iso8601>"},
		{[]byte("\x00\x01\xff binary"), "<base64>\nAAH/IGJpbmFyeQ==\n</base64>"},
		{[]string{"a", "b"}, "<array><data>\n<value><string>a</string></value>\n<value><string>b</string></value>\n</data></array>"},
		{[]string(nil), "<array><data>\n</data></array>"},
		{[]any{1, nil}, "<array><data>\n<value><int>1</int></value>\n<value><nil/></value></data></array>"},
		{Struct{{"b", 1}, {"<a", nil}}, "<struct>\n<member>\n<name>b</name>\n<value><int>1</int></value>\n</member>\n" +
			"<member>\n<name>&lt;a</name>\n<value><nil/></value></member>\n</struct>"},
		{map[string]any{"b": true, "a": ""}, "<struct>\n<member>\n<name>a</name>\n<value><string></string></value>\n</member>\n" +
			"<member>\n<name>b</name>\n<value><boolean>1</boolean></value>\n</member>\n</struct>"},
		{&Fault{10, "BAD_NAME: x"}, "<struct>\n<member>\n<name>faultCode</name>\n<value><int>10</int></value>\n</member>\n" +
			"<member>\n<name>faultString</name>\n<value><string>BAD_NAME: x</string></value>\n</member>\n</struct>"},
		{Array[*Fault]{}, "<array><data>\n</data></array>"},
	} {
		got, err := AppendValue([]byte("before"), c.in)
		if want := "before<value>" + c.want + "</value>"; err != nil || string(got) != want {
			t.Errorf("AppendValue(%#v) = %q, %v, want %q", c.in, got, err, want)
		}
	}
}

func TestAppendMembers(t *testing.T) {
	t.Parallel()
	got := AppendStructStart(nil)
	got = AppendMemberString(got, "s", "<")
	got = AppendMemberInt(got, "i", 1<<40)
	got = AppendMemberBool(got, "b", true)
	got = AppendMemberEnd(AppendNil(AppendMemberStart(got, "n")))
	got = AppendStructEnd(got)
	want, err := AppendValue(nil, Struct{{"s", "<"}, {"i", 1 << 40}, {"b", true}, {"n", Array[*Fault]{}}})
	if text := strings.Replace(string(want), "<value><array><data>\n</data></array></value>", "<value><nil/></value>", 1); err != nil || string(got) != text {
		t.Errorf("got\n%s, %v, want\n%s", got, err, text)
	}
}

// What has no wire form is an error wherever it is, and leaves no half of a
// document behind.
func TestAppendRefuses(t *testing.T) {
	t.Parallel()
	for _, bad := range []any{
		math.NaN(), math.Inf(1), math.Inf(-1), uint8(1), struct{}{}, time.Second, []int{1}, map[string]string{},
		[]any{1, uint(2)}, Struct{{"a", []int{}}}, map[string]any{"a": math.NaN()}, (*int)(nil),
	} {
		before := []byte("before")
		if got, err := AppendResponse(before, bad); err == nil || string(got) != "before" {
			t.Errorf("AppendResponse(%#v) = %q, %v, want an error", bad, got, err)
		}
		if got, err := AppendCall(before, "m", 1, bad); err == nil || string(got) != "before" {
			t.Errorf("AppendCall(%#v) = %q, %v, want an error", bad, got, err)
		}
	}
}

func TestAppendDocuments(t *testing.T) {
	t.Parallel()
	call, err := AppendCall(nil, "supervisor.startProcess", "g:a", true)
	const wantCall = "<?xml version='1.0'?>\n<methodCall>\n<methodName>supervisor.startProcess</methodName>\n<params>\n" +
		"<param>\n<value><string>g:a</string></value>\n</param>\n<param>\n<value><boolean>1</boolean></value>\n</param>\n</params>\n</methodCall>\n"
	if err != nil || string(call) != wantCall {
		t.Errorf("call = %q, %v, want %q", call, err, wantCall)
	}
	call, err = AppendCall(nil, "a<b")
	const wantEmpty = "<?xml version='1.0'?>\n<methodCall>\n<methodName>a&lt;b</methodName>\n<params>\n</params>\n</methodCall>\n"
	if err != nil || string(call) != wantEmpty {
		t.Errorf("call = %q, %v, want %q", call, err, wantEmpty)
	}
	answer, err := AppendResponse(nil, 5)
	const wantAnswer = "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value><int>5</int></value>\n</param>\n</params>\n</methodResponse>\n"
	if err != nil || string(answer) != wantAnswer {
		t.Errorf("answer = %q, %v, want %q", answer, err, wantAnswer)
	}
}

func TestDateTime(t *testing.T) {
	t.Parallel()
	when := time.Date(2026, 11, 23, 9, 1, 2, 5, time.UTC)
	if got := NewDateTime(when); got != "20261123T09:01:02" {
		t.Errorf("NewDateTime = %q", got)
	}
	for _, text := range []DateTime{"20261123T09:01:02", "20261123T09:01:02Z", "2026-11-23T09:01:02", "2026-11-23T10:01:02+01:00"} {
		if got, err := text.Time(); err != nil || !got.Equal(when.Truncate(time.Second)) {
			t.Errorf("%q: Time = %v, %v", text, got, err)
		}
	}
	for _, text := range []DateTime{"", "2020", "20261323T09:01:02"} {
		if got, err := text.Time(); err == nil {
			t.Errorf("%q: Time = %v, want an error", text, got)
		}
	}
}

// info writes itself, as the answers for many processes do.
type info struct {
	name, group, log string
	pid, start       int64
}

func (p info) AppendXMLRPC(dst []byte) []byte {
	dst = AppendStructStart(dst)
	dst = AppendMemberString(dst, "name", p.name)
	dst = AppendMemberString(dst, "group", p.group)
	dst = AppendMemberInt(dst, "start", p.start)
	dst = AppendMemberInt(dst, "stop", 0)
	dst = AppendMemberInt(dst, "now", p.start+100)
	dst = AppendMemberInt(dst, "state", 20)
	dst = AppendMemberString(dst, "statename", "RUNNING")
	dst = AppendMemberString(dst, "spawnerr", "")
	dst = AppendMemberInt(dst, "exitstatus", 0)
	dst = AppendMemberString(dst, "logfile", p.log)
	dst = AppendMemberString(dst, "stdout_logfile", p.log)
	dst = AppendMemberString(dst, "stderr_logfile", "")
	dst = AppendMemberInt(dst, "pid", p.pid)
	dst = AppendMemberString(dst, "description", "pid 123, uptime 0:01:40")
	return AppendStructEnd(dst)
}

// An answer whose values write themselves is the document that Python writes.
func TestAppenderLayout(t *testing.T) {
	t.Parallel()
	p := info{"p", "g", "/x", 123, 1700000000}
	got, err := AppendResponse(nil, Array[info]{p, p, p})
	if err != nil {
		t.Fatal(err)
	}
	cases := corpus(t)
	n := slices.IndexFunc(cases, func(c corpusCase) bool { return c.Name == "procinfo" })
	if want := cases[n].XML; string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Scalars and appenders are written without allocation beside the buffer.
func TestAppendAllocations(t *testing.T) {
	var buf []byte
	var answers Appender = Array[info]{{"p", "g", "/x", 123, 1700000000}}
	values := []any{"a<b\x00é", 42, true, 1.5, nil, answers}
	write := func() {
		for _, v := range values {
			buf, _ = AppendResponse(buf[:0], v)
		}
		buf = AppendFault(buf[:0], 10, "BAD_NAME: x")
	}
	write()
	if n := testing.AllocsPerRun(100, write); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// Looking at eight bytes at once finds what looking at each finds.
func TestPlainPrefix(t *testing.T) {
	t.Parallel()
	plain := func(c byte) bool {
		return c == '\n' || c == '\t' || c >= ' ' && c < 0x80 && c != '&' && c != '<' && c != '>'
	}
	for length := range 20 {
		for at := range length {
			for c := range 256 {
				text := []byte(strings.Repeat("/", length))
				text[at] = byte(c)
				want := length
				if !plain(byte(c)) {
					want = at
				}
				if got := plainPrefix(string(text)); got != want {
					t.Errorf("plainPrefix(%q) = %d, want %d", text, got, want)
				}
			}
		}
	}
}

func BenchmarkEncodeProcessInfos(b *testing.B) {
	infos := make(Array[info], 1000)
	for i := range infos {
		infos[i] = info{"worker_0123", "workers", "/var/log/supervisor/worker_0123-stdout.log", int64(i), 1700000000}
	}
	var answer Appender = infos
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = AppendResponse(buf[:0], answer)
	}
	b.SetBytes(int64(len(buf)))
}
