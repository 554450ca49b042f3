package xmlrpc

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"example.org/twiddler/fault"
)

func callOf(value string) []byte {
	return []byte("<methodCall><methodName>m</methodName><params><param>" + value + "</param></params></methodCall>")
}

func responseOf(value string) []byte {
	return []byte("<methodResponse><params><param>" + value + "</param></params></methodResponse>")
}

// Supervisor 4.2.5, xmlrpc.py, unmarshallers; rows marked + are beyond it.
func TestDecodeCallValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   string
		want any
	}{
		{"<value>bare</value>", "bare"},
		{"<value> </value>", " "},
		{"<value/>", ""},
		{"<value></value>", ""},
		{"<value><string/></value>", ""},
		{"<value><string> a\nb </string></value>", " a\nb "},
		{"<value><string>a\r\nb\rc&#13;d</string></value>", "a\nb\nc\rd"},
		{"<value><![CDATA[<b>\r\n&amp;]]>]]</value>", "<b>\n&amp;]]"},
		{"<value>a<!-- - -->b<?pi x?>c<?pi?>d</value>", "abcd"},
		{"<value>&lt;&gt;&amp;&quot;&apos;&#233;&#x65e5;&#x1F600;&#x9;</value>", "<>&\"'é日😀\t"},
		{"<value><int> 5\n</int></value>", 5},
		{"<value><int>+5</int></value>", 5},
		{"<value><int>-0</int></value>", 0},
		{"<value><i4>-2147483649</i4></value>", -2147483649},
		{"<value><i8>9223372036854775807</i8></value>", math.MaxInt64}, // + (original: a string)
		{"<value><i1>1</i1></value>", 1},                               // +
		{"<value><float>1</float></value>", "1"},
		{"<value><unknown> x </unknown></value>", " x "},
		{"<value><boolean>1</boolean></value>", true},
		{"<value><boolean>0</boolean></value>", false},
		{"<value><boolean>true</boolean></value>", false},
		{"<value><boolean> 1</boolean></value>", false},
		{"<value><boolean/></value>", false},
		{"<value><double>1.5</double></value>", 1.5},
		{"<value><double> -1E3 </double></value>", -1000.0},
		{"<value><double>3</double></value>", 3.0},
		{"<value><base64>\n aGV5\n</base64></value>", "hey"},
		{"<value><base64/></value>", ""},
		{"<value><base64>/w==</base64></value>", []byte{0xff}}, // + (original: HTTP 400)
		{"<value><dateTime.iso8601>20261123T09:01:02</dateTime.iso8601></value>", DateTime("20261123T09:01:02")},
		{"<value><nil/></value>", nil},
		{"<value><ex:nil/></value>", nil},
		{"<value><array><data/></array></value>", []any{}},
		{"<value><array><data><value>a</value> <value><array><data></data></array></value></data></array></value>", []any{"a", []any{}}},
		{"<value><struct/></value>", map[string]any{}},
		{"<value><struct><member><name>a</name><value>1</value></member><member><name>a</name><value>2</value></member></struct></value>", map[string]any{"a": "2"}},
		{"<value><struct><member><name/><value/></member></struct></value>", map[string]any{"": ""}},
		{"<value>ignored<int>5</int>ignored</value>", 5},
		{`<value a="1 > 2" b = '"'><int c=''>5</int ></value >`, 5},
	} {
		call, err := DecodeCall(callOf(c.in), Limits{})
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if len(call.Params) != 1 || !reflect.DeepEqual(call.Params[0], c.want) {
			t.Errorf("%s: got %#v, want %#v", c.in, call.Params, c.want)
		}
	}
}

func TestDecodeCallForms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in     string
		method string
		params []any
	}{
		{"<methodCall><methodName>a.b</methodName></methodCall>", "a.b", nil},
		{"<methodCall><methodName> a.b </methodName><params/></methodCall>", " a.b ", nil},
		{"<x><params></params><methodName>a</methodName></x>", "a", nil},
		{"\xEF\xBB\xBF<?xml version='1.0'?><x><methodName>a</methodName></x>\n<!-- end --><?pi?>", "a", nil},
		{"<?xml version='1.0' encoding='utf-16'?><x><methodName>é</methodName></x>", "é", nil},
		{"<!-- c --> <!DOCTYPE x SYSTEM 'a>b[<'> <x><methodName>a</methodName></x>", "a", nil},
		{"<x xmlns:y='z'><methodName>a</methodName><params>\n<param>\n<value>1</value>\n</param>\n<param><value>2</value></param></params></x>", "a", []any{"1", "2"}},
	} {
		call, err := DecodeCall([]byte(c.in), Limits{})
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if call.Method != c.method || !reflect.DeepEqual(call.Params, c.params) {
			t.Errorf("%s: got %+v", c.in, call)
		}
	}
}

func TestDecodeCallNoMethod(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"<methodCall/>", "<methodCall></methodCall>", "<methodCall><methodName/></methodCall>",
		"<methodCall><methodName></methodName><params/></methodCall>",
	} {
		if _, err := DecodeCall([]byte(in), Limits{}); !errors.Is(err, ErrNoMethod) {
			t.Errorf("%s: got %v, want ErrNoMethod", in, err)
		}
	}
}

// Every value here is refused in a call and in an answer.
func TestDecodeRefusesValues(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"", "text", "<int>5</int>", "<value><int></int></value>", "<value><int/></value>", "<value><int>5 5</int></value>",
		"<value><int>1_000</int></value>", "<value><int>0x10</int></value>", "<value><int>9223372036854775808</int></value>",
		"<value><double></double></value>", "<value><double>nan</double></value>", "<value><double>inf</double></value>",
		"<value><double>0x1p4</double></value>", "<value><double>1_0.0</double></value>", "<value><double>1e999</double></value>",
		"<value><base64>a</base64></value>", "<value><base64>####</base64></value>",
		"<value><array/></value>", "<value><array><value/></array></value>", "<value><array><data><int>1</int></data></array></value>",
		"<value><array><data/><data/></array></value>",
		"<value><struct><value/></struct></value>", "<value><struct><member/></struct></value>",
		"<value><struct><member><name>a</name></member></struct></value>",
		"<value><struct><member><value>a</value><name>a</name></member></struct></value>",
		"<value><struct><member><name>a</name><value/><value/></member></struct></value>",
		"<value><int>1</int><int>2</int></value>", "<value><string>a<b/>c</string></value>", "<value/><value/>",
		"<value>&unknown;</value>", "<value>&</value>", "<value>& ;</value>", "<value>&#;</value>", "<value>&#x;</value>",
		"<value>&#0;</value>", "<value>&#27;</value>", "<value>&#xD800;</value>", "<value>&#xFFFE;</value>", "<value>&#1114112;</value>",
		"<value>&#-1;</value>", "<value>&#X41;</value>", "<value>&#99999999999999999999999;</value>",
		"<value>]]></value>", "<value>a&amp;]]></value>", "<value><![CDATA[</value>", "<value><!-- -- --></value>", "<value><!-- </value>",
		"<value><!ENTITY a 'b'></value>", "<value><!DOCTYPE a></value>", "<value><?xml version='1.0'?></value>", "<value><?pi</value>",
		"<value><? pi?></value>", "<value><?pi+?></value>",
		"<value a></value>", "<value a=b></value>", "<value a='1'b='2'></value>", "<value a='<'></value>", "<value a='</value>",
		"<value =''></value>", "<1value></1value>", "< value></value>", "<value></ value>", "<value></valu>", "<value></values>", "<value/ >",
		"<value></value", "<value", "<", "\uFFFE", "<value>\uFFFF</value>", "\xff", "<value>\xe6\x97</value>",
	} {
		if call, err := DecodeCall(callOf(in), Limits{}); err == nil {
			t.Errorf("call %q: got %#v, want an error", in, call.Params)
		} else if errors.Is(err, ErrNoMethod) {
			t.Errorf("call %q: got ErrNoMethod", in)
		}
		if got, err := DecodeResponse(responseOf(in)); err == nil {
			t.Errorf("answer %q: got %#v, want an error", in, got)
		}
	}
}

// Refused in calls only, or in answers only.
func TestDecodeStrictness(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"<value>\x1b[1mbold\x1b[0m\x00</value>",
		"<value><dateTime.iso8601>2020</dateTime.iso8601></value>",
		"<value><dateTime.iso8601>20201301T00:00:00</dateTime.iso8601></value>",
		"<value><dateTime.iso8601/></value>",
	} {
		if _, err := DecodeCall(callOf(in), Limits{}); err == nil {
			t.Errorf("call %q: no error", in)
		}
		if _, err := DecodeResponse(responseOf(in)); err != nil {
			t.Errorf("answer %q: %v", in, err)
		}
	}
	for _, in := range []string{"<value><unknown>1</unknown></value>", "<value><boolean>true</boolean></value>", "<value><boolean/></value>"} {
		if _, err := DecodeCall(callOf(in), Limits{}); err != nil {
			t.Errorf("call %q: %v", in, err)
		}
		if v, err := DecodeResponse(responseOf(in)); err == nil {
			t.Errorf("answer %q: got %#v, want an error", in, v)
		}
	}
	got, err := DecodeResponse(responseOf("<value>\x1b[1mbold\x00</value>"))
	if err != nil || got != "\x1b[1mbold\x00" {
		t.Errorf("got %q, %v, want the control characters", got, err)
	}
}

func TestDecodeRefusesDocuments(t *testing.T) {
	t.Parallel()
	const body = "<methodName>a</methodName>"
	for _, in := range []string{
		"", " ", "text", "{}", "<!-- c -->", "<?xml version='1.0'?>", "<?xml version='1.0'",
		"<x>" + body, "<x>" + body + "</y>", "<x>" + body + "</x><x/>", "<x>" + body + "</x>text", "text<x>" + body + "</x>",
		"&#32;<x>" + body + "</x>", "<![CDATA[ ]]><x>" + body + "</x>", "<x>" + body + "</x><![CDATA[ ]]>",
		" <?xml version='1.0'?><x>" + body + "</x>", "<x>" + body + "</x><!DOCTYPE x>",
		"<x>" + body + body + "</x>", "<x>" + body + "<params/><params/></x>", "<x>" + body + "<other/></x>",
		"<x><methodName>a<b/></methodName></x>", "<x>" + body + "<params><value/></params></x>", "<x>" + body + "<params><param/></params></x>",
		"<!DOCTYPE x [<!ENTITY a 'b'>]><x><methodName>&a;</methodName></x>", "<!DOCTYPE x []><x>" + body + "</x>", "<!DOCTYPE x 'a><x>" + body + "</x>",
		"<!DOCTYPE x", "\xEF\xBB\xBF\xEF\xBB\xBF<x>" + body + "</x>",
	} {
		if call, err := DecodeCall([]byte(in), Limits{}); err == nil || errors.Is(err, ErrNoMethod) {
			t.Errorf("%q: got %+v, %v, want a syntax error", in, call, err)
		}
	}
	for _, in := range []string{
		"<methodResponse/>", "<html><params><param><value/></param></params></html>", "<methodResponse><params/></methodResponse>",
		"<methodResponse><params><param><value/></param><param><value/></param></params></methodResponse>",
		"<methodResponse><other/></methodResponse>", "<methodResponse><fault/></methodResponse>",
		"<methodResponse><fault><value>text</value></fault></methodResponse>", "<methodResponse><fault><value><struct/></value></fault></methodResponse>",
		"<methodResponse><params><param><value/></param></params><fault/></methodResponse>",
		"<?xml version='1.0' encoding='utf-16'?>" + string(responseOf("<value/>")),
	} {
		if v, err := DecodeResponse([]byte(in)); err == nil {
			t.Errorf("%q: got %#v, want an error", in, v)
		}
	}
}

// A document cut anywhere is an error, never a value.
func TestDecodeTruncated(t *testing.T) {
	t.Parallel()
	for _, c := range corpus(t) {
		doc := strings.TrimRight(c.XML, "\n")
		if len(doc) > 10000 {
			continue
		}
		for n := range len(doc) {
			v, err := DecodeResponse([]byte(doc[:n]))
			var f *Fault
			if err == nil || errors.As(err, &f) {
				t.Fatalf("%s cut at %d: got %#v, %v", c.Name, n, v, err)
			}
		}
	}
}

func TestDecodeEncodings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ decl, text, want string }{
		{`<?xml version='1.0' encoding='iso-8859-1'?>`, "caf\xe9", "café"},
		{`<?xml version="1.0" encoding = "ISO-8859-1" standalone="yes"?>`, "\xff\x1b", "ÿ\x1b"},
		{`<?xml version='1.0' encoding='us-ascii'?>`, "&#233;", "é"},
		{`<?xml version='1.0' encoding='UTF-8'?>`, "é", "é"},
		{"\xEF\xBB\xBF<?xml version='1.0'?>\n", "é", "é"},
	} {
		got, err := DecodeResponse(append([]byte(c.decl), responseOf("<value>"+c.text+"</value>")...))
		if err != nil || got != c.want {
			t.Errorf("%s: got %q, %v, want %q", c.decl, got, err, c.want)
		}
	}
}

func TestDecodeFault(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code int
		text string
		want *fault.Error
	}{
		{10, "BAD_NAME: web:nginx", fault.New(fault.BadName, "web:nginx")},
		{10, "BAD_NAME: ", fault.New(fault.BadName, "")},
		{6, "SHUTDOWN_STATE", fault.Bare(fault.ShutdownState)},
		{230, "UNKNOWN: addProgramToGroup", fault.New(fault.NotInWhitelist, "addProgramToGroup")},
		{77, "other server", fault.New(77, "other server")},
	} {
		_, err := DecodeResponse(AppendFault(nil, c.code, c.text))
		if err == nil || err.Error() != c.text {
			t.Errorf("%d %q: error %v", c.code, c.text, err)
		}
		var got *fault.Error
		if !errors.As(err, &got) || *got != *c.want {
			t.Errorf("%d %q: fault %#v, want %#v", c.code, c.text, got, c.want)
		}
	}
}

func TestDecodeLimits(t *testing.T) {
	t.Parallel()
	nested := func(n int) []byte {
		return callOf(strings.Repeat("<value><array><data>", n) + strings.Repeat("</data></array></value>", n))
	}
	many := func(n int) []byte {
		return callOf("<value><array><data>" + strings.Repeat("<value/>", n-1) + "</data></array></value>")
	}
	for _, c := range []struct {
		name   string
		doc    []byte
		limits Limits
		ok     bool
	}{
		{"64 deep", nested(64), Limits{}, true},
		{"65 deep", nested(65), Limits{}, false},
		{"3 deep of 3", nested(3), Limits{Depth: 3}, true},
		{"4 deep of 3", nested(4), Limits{Depth: 3}, false},
		{"million deep", nested(1_000_000), Limits{}, false},
		{"all values", many(1 << 18), Limits{}, true},
		{"one value too many", many(1<<18 + 1), Limits{}, false},
		{"10 values of 10", many(10), Limits{Values: 10}, true},
		{"11 values of 10", many(11), Limits{Values: 10}, false},
		{"elements without end", []byte(strings.Repeat("<a>", 1_000_000)), Limits{}, false},
		{"structs without end", callOf(strings.Repeat("<value><struct><member><name/>", 1_000_000)), Limits{}, false},
	} {
		if _, err := DecodeCall(c.doc, c.limits); (err == nil) != c.ok {
			t.Errorf("%s: error %v, want ok %v", c.name, err, c.ok)
		}
	}
}

// Entities that double each other are the classic way to make gigabytes of a
// small document.
func TestDecodeEntityBomb(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("<!DOCTYPE x [<!ENTITY e0 'xxxxxxxxxx'>")
	for i := range 30 {
		fmt.Fprintf(&b, "<!ENTITY e%d '&e%d;&e%d;'>", i+1, i, i)
	}
	b.WriteString("]><x><methodName>&e30;</methodName></x>")
	if call, err := DecodeCall([]byte(b.String()), Limits{}); err == nil {
		t.Errorf("got a method of %d bytes, want an error", len(call.Method))
	}
}

// The memory a document may cost is what callers choose their bound by.
func TestDecodeMemoryIsBounded(t *testing.T) {
	const members = 40_000
	doc := callOf("<value><struct>" + strings.Repeat("<member><name/><value/></member>", members) + "</struct></value>")
	list := callOf("<value><array><data>" + strings.Repeat("<value/>", members) + "</data></array></value>")
	for _, doc := range [][]byte{doc, list} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := DecodeCall(doc, Limits{}); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(30*len(doc)); got > most {
			t.Errorf("%d bytes of document cost %d, want at most %d", len(doc), got, most)
		}
	}
}

func BenchmarkDecodeStartProcess(b *testing.B) {
	doc, err := AppendCall(nil, "supervisor.startProcess", "workers:worker_0123", true)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeCall(doc, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeThreeProcessInfos(b *testing.B) {
	p := info{"p", "g", "/x", 123, 1700000000}
	doc, err := AppendResponse(nil, Array[info]{p, p, p})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeResponse(doc); err != nil {
			b.Fatal(err)
		}
	}
}
