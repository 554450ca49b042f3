package web

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"example.org/twiddler/internal/sys"
)

// reference starts the real Supervisor with programs that a world has as well,
// and returns how to reach it. Without one the test is skipped, unless
// TWIDDLER_REQUIRE_REFERENCE=1.
func reference(t *testing.T, programs string) http.RoundTripper {
	t.Helper()
	path, err := exec.LookPath("/usr/bin/supervisord")
	if err != nil {
		if os.Getenv("TWIDDLER_REQUIRE_REFERENCE") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir, err := os.MkdirTemp("", "web") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	socket, file := filepath.Join(dir, "s.sock"), filepath.Join(dir, "s.conf")
	conf := "[supervisord]\nnodaemon=true\nlogfile=DIR/s.log\npidfile=DIR/s.pid\nchildlogdir=DIR\n[unix_http_server]\nfile=DIR/s.sock\n" + programs
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(conf, "DIR", dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-c", file)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.Contains(lines.Text(), "supervisord started with pid") {
			return &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", socket)
			}}
		}
	}
	t.Fatal("supervisord has not started")
	return nil
}

var times = regexp.MustCompile(`at%20.*|pid \d+, uptime .*|[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M|Not started`)

// summarize says what a program could read from an answer.
func summarize(t *testing.T, resp *http.Response, body string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	for _, name := range []string{"Pragma", "Cache-Control", "Expires"} {
		fmt.Fprintf(&b, " %q", resp.Header.Get(name))
	}
	if resp.StatusCode != http.StatusOK {
		fmt.Fprintf(&b, " %s\n%s", times.ReplaceAllString(resp.Header.Get("Location"), "TIME"), body)
		return b.String()
	}
	b.WriteString("\n")
	for _, class := range []string{"statusrunning", "statuserror", "statusnominal"} {
		fmt.Fprintf(&b, "%d %s\n", strings.Count(body, `class="`+class+`"`), class)
	}
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		return b.String() + body
	}
	page := parsed(t, body)
	fmt.Fprintf(&b, "title %q\n", page.all("title")[0].Text)
	for _, n := range page.all("div") {
		if class := n.attr("class"); class == "status_msg" || class == "hidden" {
			fmt.Fprintf(&b, "message %s %q\n", class, n.Text)
		}
	}
	for _, n := range page.all("pre") {
		fmt.Fprintf(&b, "text %q\n", n.Text)
	}
	for _, n := range page.all("a") {
		if strings.HasPrefix(n.attr("href"), "tail.html?") && strings.Contains(n.attr("href"), "limit=") && n.Text != "Show more" {
			fmt.Fprintf(&b, "refresh %s\n", n.attr("href"))
		}
	}
	for _, n := range page.all("th") {
		fmt.Fprintf(&b, "column %s %s\n", n.attr("class"), n.Text)
	}
	fmt.Fprintf(&b, "no programs: %v\n", strings.Contains(body, "No programs to manage"))
	for _, row := range page.all("tr") {
		for i := range row.all("td") {
			fmt.Fprintln(&b, cell(row, row.all("td")[i], i))
		}
	}
	for _, n := range append(page.all("a"), page.all("button")...) {
		if address := n.attr("href") + n.attr("formaction"); strings.Contains(address, "action=") && !strings.Contains(address, "processname") {
			fmt.Fprintf(&b, "button %s %s\n", address, n.Text)
		}
	}
	return b.String()
}

func cell(row, td *node, i int) string {
	switch i {
	case 0:
		span := td.all("span")[0]
		return fmt.Sprintf("row %q %s %s %s", row.attr("class"), td.attr("class"), span.attr("class"), span.Text)
	case 1:
		return times.ReplaceAllString(td.all("span")[0].Text, "TIME")
	case 2:
		a := td.all("a")[0]
		return fmt.Sprintf("%s %s %s", a.attr("href"), a.attr("target"), a.Text)
	}
	out := td.attr("class")
	for _, li := range td.all("li") {
		out += " |"
		for _, n := range append(li.all("a"), li.all("button")...) {
			if n.attr("class") != "hidden" {
				out += fmt.Sprintf(" %s %s %s", n.attr("href")+n.attr("formaction"), n.attr("target"), n.Text)
			}
		}
	}
	return out
}

// TestReference asks the real Supervisor and ours for the same, one after the
// other, and compares what a program could read from the answers.
func TestReference(t *testing.T) {
	t.Parallel()
	real := reference(t, `
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[program:cat]
command=/bin/cat
autostart=false
startsecs=0
stdout_logfile=NONE
stderr_logfile=NONE
[program:missing]
command=/nonexistent/program
autostart=false
[program:locked]
command=/etc/passwd
autostart=false
[program:b]
command=/bin/cat
autostart=false
startsecs=0
[program:a]
command=/bin/cat
autostart=false
startsecs=0
[group:g]
programs=b,a
[program:a-b]
command=/bin/cat
autostart=false
`)
	w := newWorld(t, Options{}, program("cat", "cat"), program("missing", "missing"), program("locked", "locked"),
		program("g", "b"), program("g", "a"), program("a-b", "a-b"))
	w.fake.FailResolve("run missing", &sys.CommandError{NotFound: true, Text: "x"})
	w.fake.FailResolve("run locked", &sys.CommandError{Text: "x"})
	for _, request := range []string{
		"GET /", "GET /index.html", "GET //index.html?message=a%3Cb%26c%22d%27+e", "GET /?message=", "GET /?message=1&message=2", "POST /?message=1 message=2&message=3",
		"GET /?action=refresh", "GET /?action=start&processname=cat", "GET /", "GET /?action=start&processname=cat", "POST / action=restart&processname=cat",
		"GET /?action=start&processname=missing", "GET /?action=start&processname=locked", "GET /?action=start&processname=g:a", "GET /index.html",
		"GET /?action=clearlog&processname=g%3Aa", "GET /?action=clearlog&processname=nope", "GET /?action=stop&processname=g:a", "GET /?action=stop&processname=g:a",
		"GET /?action=stop&processname=g:*", "GET /?action=stop&processname=g:", "GET /?action=stop&processname=:", "GET /?action=stop&processname=*", "GET /?action=stop&processname=x%20y%2Fz%3C%zz%C3%A9",
		"GET /?action=wibble", "GET /?action=wibble&processname=cat", "GET /?action=wibble&processname=nope", "GET /?action=start", "GET /?action=&processname=cat",
		"POST /index.html?action=stop&processname=nope processname=cat", "GET /?action=stopall", "GET /",
		"GET /tail.html", "GET /tail.html?processname=", "GET /tail.html?processname=cat", "GET /tail.html?processname=cat&limit=5000", "GET /tail.html?processname=nope&limit=5x",
		"GET /tail.html?processname=g:*&limit=-1", "GET /tail.html?processname=%3Cb%3E%22%27%26&limit=0000002048",
		"GET /ok.html", "POST /ok.html x=y", "HEAD /", "HEAD /index.html", "PUT /", "GET /nosuch.html", "POST /nosuch.html a=b", "GET /images/nosuch.gif", "DELETE /ok.html",
	} {
		want, got := round(t, request, real), round(t, request, handled{w.page})
		if got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", request, got, want)
		}
	}
}

// handled carries requests to a handler.
type handled struct{ http.Handler }

func (h handled) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	r.Header.Set("Content-Length", fmt.Sprint(r.ContentLength))
	if r.Body == nil {
		r.Body = http.NoBody
	}
	h.ServeHTTP(rec, r)
	return rec.Result(), nil
}

func round(t *testing.T, request string, over http.RoundTripper) string {
	t.Helper()
	method, rest, _ := strings.Cut(request, " ")
	address, form, _ := strings.Cut(rest, " ")
	path, query, _ := strings.Cut(address, "?")
	r, err := http.NewRequestWithContext(t.Context(), method, "http://box:9001", strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	r.URL = &url.URL{Scheme: "http", Host: "box:9001", Path: path, RawQuery: query}
	resp, err := over.RoundTrip(r)
	if err != nil {
		t.Fatalf("%s: %v", request, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodHead { // the original sends one, which nobody may read
		body = nil
	}
	return summarize(t, resp, string(body))
}
