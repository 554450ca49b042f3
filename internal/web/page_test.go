package web

import (
	"encoding/xml"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/supervisor"
)

var update = flag.Bool("update", false, "rewrite the golden pages")

// eachState returns processes that will be in different states, and what a
// world needs to bring them there.
func eachState(t *testing.T, o Options) *world {
	t.Helper()
	fatal, backoff, starting := program("fatal", "fatal"), program("web", "backoff"), program("web", "starting")
	backoff.StartRetries = 1000
	starting.StartWait = time.Hour
	w := newWorld(t, o, program("cat", "cat"), fatal, backoff, starting, program("web", "off"))
	w.fake.FailStart("fatal", "can't <spawn> \"it\"")
	w.fake.FailStart("backoff", slices.Repeat([]string{"too many open files"}, 100)...)
	for _, name := range []string{"cat", "fatal", "web:backoff"} {
		w.get("/?action=start&processname=" + name)
	}
	n, _ := supervisor.ParseName("web:starting")
	if err := w.loop.StartProcess(t.Context(), n, "web:starting", false); err != nil {
		t.Fatal(err)
	}
	return w
}

// The pages are what they were. Look at the difference, then run the test with
// -update.
func TestGolden(t *testing.T) {
	t.Parallel()
	w := eachState(t, Options{})
	empty := newWorld(t, Options{})
	for name, got := range map[string]answer{
		"status":  w.get("/?message=Process+cat+started"),
		"plain":   w.get("/index.html"),
		"failed":  empty.get("/?message=ERROR:+Process+cat:+spawn+error"),
		"empty":   empty.get("/"),
		"confirm": w.get("/?action=stop&processname=cat", firefox),
		"tail":    w.get("/tail.html?processname=cat&limit=4096"),
	} {
		body := strings.NewReplacer(w.token(), "TOKEN", empty.token(), "TOKEN").Replace(got.body)
		parsed(t, body)
		path := filepath.Join("testdata", name+".html")
		if *update {
			if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if body != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, body, want)
		}
	}
}

// Without a description of its own the page has the one of status.
func TestDescription(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{}, program("a", "a"))
	w.page = New(w.loop, Options{})
	if got := w.get("/"); !strings.Contains(got.body, "<td><span>Not started</span></td>") || strings.Contains(got.body, "4.2.5") {
		t.Errorf("page:\n%s", got.body)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{}, program("a", "a"))
	for _, address := range []string{"/", "/index.html?message=x", "/tail.html"} {
		got := w.get(address)
		for name, want := range map[string]string{
			"Content-Type":            "text/html;charset=utf-8",
			"Pragma":                  "no-cache",
			"Cache-Control":           "no-cache",
			"Expires":                 "Thu, 01 Jan 1970 00:00:00 GMT",
			"X-Content-Type-Options":  "nosniff",
			"X-Frame-Options":         "SAMEORIGIN",
			"Referrer-Policy":         "same-origin",
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'",
		} {
			if v := got.Header.Get(name); v != want {
				t.Errorf("%s: %s: %q, want %q", address, name, v, want)
			}
		}
		// The policy forbids what is inline, so there must be none.
		if strings.Contains(got.body, "style=") || strings.Contains(got.body, "<style") || strings.Contains(got.body, "<script>") {
			t.Errorf("%s: something inline:\n%s", address, got.body)
		}
	}
}

// nasty is what somebody might put into a name or a log.
var nasty = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `</title></pre><b>`,
	`javascript:alert(1)`, "a\x00b\x1b[31mred\x07", "\xff\xfe", "&lt;&#60;", `]]>`, "\u202Egnp.exe", "a b/../c?d#e", "-->", "{{.}}",
	"x\r\nSet-Cookie: y", "\uFFFE\uFFFF\x7f",
}

// Nothing that comes from outside becomes markup.
func TestHostileText(t *testing.T) {
	t.Parallel()
	var procs []*config.Process
	for _, s := range nasty {
		p := program(strings.ReplaceAll(s, ":", ""), s)
		p.Stdout = logged(t, s)
		procs = append(procs, p)
	}
	w := newWorld(t, Options{}, procs...)
	w.fake.FailStart(nasty[0], nasty...)
	w.get("/?action=start&processname=" + quote(procs[0].Namespec()))
	plain := shape(parsed(t, w.get("/?message=x").body))
	for _, s := range nasty {
		q := strings.ReplaceAll(quote(s), "/", "%2F")
		for _, address := range []string{"/?message=" + q, "/index.html?x=y&message=" + q} {
			got := w.get(address)
			page := parsed(t, got.body)
			if s := shape(page); s != plain {
				t.Errorf("%s: elements\n%s\nwant\n%s", address, s, plain)
			}
			if d := page.all("div"); !slices.ContainsFunc(d, func(n *node) bool { return n.attr("class") == "status_msg" && n.Text == shown(s) }) {
				t.Errorf("%s: the message is not there:\n%s", address, got.body)
			}
		}
		for _, address := range []string{
			"/tail.html?processname=" + q, "/tail.html?processname=" + quote(strings.ReplaceAll(s, ":", "")+":"+s) + "&limit=" + q,
			"/?action=stop&processname=" + q,
		} {
			page := parsed(t, w.get(address, firefox).body)
			for _, tag := range []string{"script", "img", "b"} {
				for _, n := range page.all(tag) {
					if tag != "img" || n.attr("src") != "images/icon.svg" {
						t.Errorf("%s: <%s> %v", address, tag, n.Attrs)
					}
				}
			}
		}
		if location := w.get("/?action=stop&processname=" + q).Header.Get("Location"); strings.ContainsAny(location, "\r\n<>\" ") {
			t.Errorf("%q: location %q", s, location)
		}
	}
}

// shown is what is left of s on a page.
func shown(s string) string {
	s = strings.NewReplacer("\x00", "\uFFFD", "\x1b", "\uFFFD", "\x07", "\uFFFD", "\x7f", "\uFFFD", "\uFFFE", "\uFFFD", "\uFFFF", "\uFFFD", "\r\n", "\n").
		Replace(strings.ToValidUTF8(s, "\uFFFD"))
	return s
}

// shape is all elements and the names of their attributes.
func shape(n *node) string {
	var b strings.Builder
	var walk func(n *node, depth int)
	walk = func(n *node, depth int) {
		b.WriteString(strings.Repeat(" ", depth) + n.XMLName.Local)
		for _, a := range n.Attrs {
			b.WriteString(" " + a.Name.Local)
			if strings.HasPrefix(a.Name.Local, "on") || strings.HasPrefix(strings.ToLower(a.Value), "javascript:") {
				b.WriteString("!")
			}
		}
		b.WriteString("\n")
		for i := range n.Nodes {
			walk(&n.Nodes[i], depth+1)
		}
	}
	walk(n, 0)
	return b.String()
}

// Every byte and many runes survive as text, or as U+FFFD.
func TestEscape(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for c := range rune(0x300) {
		all.WriteRune(c)
	}
	for c := range 256 {
		all.WriteByte(byte(c))
	}
	all.WriteString("\uD7FF\uE000\uFFFD\uFFFE\uFFFF\U0001F600\U0010FFFF")
	p := new(page)
	p.raw(`<p title="`).attr(all.String()).raw(`">`).text(all.String()).raw("</p>")
	var n node
	if err := xml.Unmarshal([]byte(p.String()), &n); err != nil {
		t.Fatal(err)
	}
	want := strings.Map(func(c rune) rune {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f || c == 0xFFFE || c == 0xFFFF {
			return '\uFFFD'
		}
		return c
	}, strings.ToValidUTF8(all.String(), "\uFFFD"))
	if got := n.attr("title"); got != want {
		t.Errorf("attribute: %q, want %q", got, want)
	}
	if want = strings.ReplaceAll(want, "\r", "\n"); n.Text != want { // as parsers have it
		t.Errorf("text: %q, want %q", n.Text, want)
	}
}

// Python 3.11, urllib.parse.quote and parse_qsl.
func TestQuote(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a:b": "a%3Ab", "a b+c": "a%20b%2Bc", "/_.-~": "/_.-~", "é%": "%C3%A9%25", "\xff": "%FF", "*!'()": "%2A%21%27%28%29",
	} {
		if got := quote(in); got != want {
			t.Errorf("quote(%q) = %q, want %q", in, got, want)
		}
		if got := unquote(quote(in)); got != strings.ToValidUTF8(in, "\uFFFD") {
			t.Errorf("unquote(quote(%q)) = %q", in, got)
		}
	}
	for in, want := range map[string]string{"%": "%", "%4": "%4", "%zz%41%4g": "%zzA%4g", "a+b%2b": "a b+", "%C3%A9%ff": "é\uFFFD", "%4a%4A": "JJ"} {
		if got := unquote(in); got != want {
			t.Errorf("unquote(%q) = %q, want %q", in, got, want)
		}
	}
}

// The methods that each path takes. Supervisor 4.2.5, observed.
func TestMethods(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{}, program("a", "a"))
	for _, row := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/", 200}, {"GET", "", 200}, {"GET", "//", 200}, {"GET", "///index.html", 200},
		{"POST", "/", 200}, {"POST", "/tail.html", 200}, {"POST", "/ok.html", 200},
		{"HEAD", "/", 404}, {"HEAD", "/index.html", 404}, {"HEAD", "/ok.html", 404},
		{"PUT", "/", 400}, {"DELETE", "/index.html", 400}, {"OPTIONS", "/tail.html", 400},
		{"POST", "/stylesheets/supervisor.css", 400}, {"HEAD", "/stylesheets/supervisor.css", 200},
		{"GET", "/nosuch", 404}, {"GET", "/static/supervisor.css", 404}, {"GET", "/images/../web.go", 404}, {"GET", "/images", 404},
		{"GET", "/index.htm", 404}, {"POST", "/nosuch", 400},
	} {
		if got := w.send(row.method, row.path, ""); got.StatusCode != row.want {
			t.Errorf("%s %s: %s, want %d", row.method, row.path, got.Status, row.want)
		}
	}
	if got := w.post("/", "", "Content-Length: "); got.StatusCode != http.StatusLengthRequired {
		t.Errorf("a form without a length: %s", got.Status)
	}
	got := w.get("/ok.html")
	if got.body != "OK" || got.Header.Get("Content-Type") != "text/plain" || got.Header.Get("Content-Length") != "2" {
		t.Errorf("ok.html: %v %q", got.Header, got.body)
	}
}
