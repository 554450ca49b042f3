package web

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/proc"
	"example.org/twiddler/internal/sys"
)

// What a program of today asks for, in this order, and the message it is sent
// to. Supervisor 4.2.5, web.py, make_callback.
func TestActions(t *testing.T) {
	t.Parallel()
	quits := program("quits", "quits")
	quits.StartWait = time.Hour
	w := newWorld(t, Options{}, program("cat", "cat"), program("g", "a"), program("g", "b"),
		program("missing", "missing"), program("locked", "locked"), program("broken", "broken"), quits)
	w.fake.FailResolve("run missing", &sys.CommandError{NotFound: true, Text: "can't find it"})
	w.fake.FailResolve("run locked", &sys.CommandError{Text: "no permission"})
	w.fake.FailStart("broken", "no more processes")
	w.fake.ExitAtOnce("quits", 1, 1, 1)
	rows := []struct{ query, want string }{
		{"action=refresh", "Page refreshed at TIME"},
		{"action=refresh&processname=cat", "Page refreshed at TIME"},
		{"action=start&processname=cat", "Process cat started"},
		{"action=start&processname=cat", "ERROR: Process cat: already started"},
		{"action=start&processname=g:a", "Process g:a started"},
		{"action=start&processname=g%3Ab", "Process g:b started"},
		{"action=start&processname=missing", "ERROR: Process missing: no such file"},
		{"action=start&processname=locked", "ERROR: Process locked: file not executable"},
		{"action=start&processname=broken", "ERROR: Process broken: spawn error"},
		{"action=start&processname=quits", "ERROR: Process quits: spawn error"},
		{"action=start&processname=cat:cat", "ERROR: Process cat:cat: already started"},
		{"action=restart&processname=cat", "Process cat restarted"},
		{"action=restart&processname=missing", "Process missing restarted"},
		{"action=stop&processname=cat", "Process cat stopped"},
		{"action=stop&processname=cat", "unexpected rpc fault [70] NOT_RUNNING: cat"},
		{"action=clearlog&processname=g:a", "Log for g:a cleared"},
		{"action=stop&processname=nope", "No such process named nope"},
		{"action=stop&processname=g", "No such process named g"},
		{"action=stop&processname=g:*", "No such process named g:*"},
		{"action=stop&processname=g:", "No such process named g:"},
		{"action=stop&processname=g:c", "No such process named g:c"},
		{"action=wibble&processname=%2Bx+y%zz", "No such process named +x y%zz"},
		{"action=stopall", "All stopped at TIME"},
		{"action=restartall", "All restarted at TIME"},
		{"action=stop", "no redirection but 500 Internal Server Error"},
		{"action=stop&processname=", "no redirection but 500 Internal Server Error"},
		{"action=wibble", "no redirection but 500 Internal Server Error"},
		{"action=wibble&processname=cat", "no redirection but 500 Internal Server Error"},
	}
	for i, row := range rows {
		path := []string{"/?", "/index.html?"}[i%2]
		if m := w.get(path + row.query).message(); m != row.want {
			t.Errorf("%s: %s, want %s", row.query, m, row.want)
		}
	}
	for name, want := range map[string]proc.State{"cat": proc.Running, "g:a": proc.Running, "missing": proc.Stopped} {
		if got := w.state(name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if len(w.lines) == 0 || !strings.Contains(strings.Join(w.lines, "\n"), `Web interface error: "wibble": no such action`) {
		t.Errorf("log: %q", w.lines)
	}
}

// The body goes before the query; of one name the last in the body counts, the
// first in the query.
func TestForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{}, program("a", "a"), program("b", "b"))
	for _, row := range []struct{ query, body, want string }{
		{"action=stop&processname=a&processname=b", "", "unexpected rpc fault [70] NOT_RUNNING: a"},
		{"action=stop&processname=a", "processname=b&processname=a&processname=b", "unexpected rpc fault [70] NOT_RUNNING: b"},
		{"action=stop&processname=a", "processname=&action", "unexpected rpc fault [70] NOT_RUNNING: a"},
		{"", "action=clearlog&processname=a", "Log for a cleared"},
		{"action=stop&processname=%ff", "", "No such process named \uFFFD"},
		{"action=stop;processname=a", "", "no redirection but 500 Internal Server Error"},
	} {
		if got := w.post("/index.html?"+row.query, row.body).message(); got != row.want {
			t.Errorf("%s with %s: %s, want %s", row.query, row.body, got, row.want)
		}
	}
	if got := w.post("/", "action=refresh&x="+strings.Repeat("y", maxForm)); got.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a form over the bound: %s", got.Status)
	}
}

// Where a program is sent to. Supervisor 4.2.5, http.py, get_server_url.
func TestLocation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{}, program("a", "a"))
	for host, want := range map[string]string{
		"box:9001":      "http://box:9001/?message=No%20such%20process%20named%20x/y%3Az%22%C3%A9",
		"box:80":        "http://box/?message=No%20such%20process%20named%20x/y%3Az%22%C3%A9",
		"box":           "http://box/?message=No%20such%20process%20named%20x/y%3Az%22%C3%A9",
		"[::1]:80":      "http://[::1]/?message=No%20such%20process%20named%20x/y%3Az%22%C3%A9",
		"127.0.0.1:800": "http://127.0.0.1:800/?message=No%20such%20process%20named%20x/y%3Az%22%C3%A9",
	} {
		got := w.get("//index.html?action=stop&processname=x/y:z%22%C3%A9", "Host: "+host)
		if got.StatusCode != http.StatusMovedPermanently || got.Header.Get("Location") != want {
			t.Errorf("%s: %s %s, want 301 %s", host, got.Status, got.Header.Get("Location"), want)
		}
		if !strings.Contains(got.body, "<p>Error code 301.\r\n<p>Message: Moved Permanently.\r\n") {
			t.Errorf("%s: body %q", host, got.body)
		}
	}
	before := time.Now().Truncate(time.Second)
	_, at, _ := strings.Cut(w.get("/?action=refresh").Header.Get("Location"), "%20at%20")
	when, err := time.ParseInLocation(time.ANSIC, unquote(at), time.Local)
	if err != nil || when.Before(before) || when.After(time.Now()) {
		t.Errorf("refreshed at %q (%v): %v", unquote(at), when, err)
	}
}

// The answer to a start or a stop comes when it is over.
func TestWait(t *testing.T) {
	t.Parallel()
	stubborn := program("stubborn", "stubborn")
	stubborn.StopWait = time.Hour
	w := newWorld(t, Options{}, program("held", "held"), stubborn)
	w.fake.Ignore("stubborn", syscall.SIGTERM)
	release := w.fake.Hold("held")
	for _, row := range []struct {
		query, want string
		before      proc.State
		over        func()
	}{
		{"action=start&processname=held", "Process held started", proc.Starting, release},
		{"action=start&processname=stubborn", "Process stubborn started", proc.Running, func() {}},
		{"action=stop&processname=stubborn", "Process stubborn stopped", proc.Stopping, func() {
			w.fake.Exit(sys.Exit{PID: w.fake.Living("stubborn")[0]})
		}},
	} {
		got := make(chan answer, 1)
		go func() { got <- w.get("/?" + row.query) }()
		_, name, _ := strings.Cut(row.query, "name=")
		for w.state(name) != row.before {
			if t.Context().Err() != nil {
				t.Fatalf("%s: never %v", row.query, row.before)
			}
		}
		if row.before != proc.Running {
			select {
			case a := <-got:
				t.Fatalf("%s: answered %s while %v", row.query, a.message(), row.before)
			default:
			}
		}
		row.over()
		if m := (<-got).message(); m != row.want {
			t.Errorf("%s: %s, want %s", row.query, m, row.want)
		}
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{}, program("a", "a"), program("b", "b"))
	view, operate := &ext.Caller{Account: "v", Role: ext.View}, &ext.Caller{Account: "o", Role: ext.Operate}
	onlyA := &ext.Caller{Account: "a", Role: ext.Operate, Groups: []string{"a"}}
	for _, row := range []struct {
		address string
		who     *ext.Caller
		want    int
	}{
		{"/", view, 200},
		{"/tail.html?processname=a", view, 200},
		{"/?action=refresh", view, 301},
		{"/?action=start&processname=a", view, 403},
		{"/?action=stopall", view, 403},
		{"/?action=wibble", view, 403},
		{"/?action=start&processname=a", operate, 301},
		{"/?action=start&processname=nosuch", operate, 301},
		{"/?action=stop&processname=a", onlyA, 301},
		{"/?action=start&processname=b", onlyA, 403},
		{"/?action=start&processname=nosuch", onlyA, 403},
		{"/?action=start&processname=b:b", onlyA, 403},
		{"/?action=restartall", onlyA, 301},
	} {
		w.who = row.who
		if got := w.get(row.address); got.StatusCode != row.want {
			t.Errorf("%s by %s: %s, want %d", row.address, row.who.Account, got.Status, row.want)
		}
	}
	if a, b := w.state("a"), w.state("b"); a != proc.Running || b != proc.Stopped {
		t.Errorf("after restarting all of a: a is %v, b is %v", a, b)
	}
	for _, r := range w.page.Routes() {
		if got := w.get(r.Pattern); r.Role != ext.View || got.StatusCode != 200 {
			t.Errorf("route %v: %s", r, got.Status)
		}
	}
}

// TestPageOfCaller: a page shows what its reader holds, and no button that it
// may not press.
func TestPageOfCaller(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{}, program("a", "a"), program("b", "secret"))
	for _, row := range []struct {
		who     ext.Caller
		buttons int
		secret  bool
	}{
		{ext.Caller{Account: "v", Role: ext.View}, 0, true},
		{ext.Caller{Account: "va", Role: ext.View, Groups: []string{"a"}}, 0, false},
		{ext.Caller{Account: "oa", Role: ext.Operate, Groups: []string{"a"}}, 4, false}, // all of a, start, clear log
		{ext.Caller{Account: "o", Role: ext.Operate}, 6, true},
	} {
		w.who = &row.who
		body := w.get("/").body
		if n := strings.Count(body, "<button"); n != row.buttons {
			t.Errorf("%s sees %d buttons, want %d:\n%s", row.who.Account, n, row.buttons, body)
		}
		if got := strings.Contains(body, "secret"); got != row.secret {
			t.Errorf("%s sees the other group: %v", row.who.Account, got)
		}
		if got := strings.Contains(body, "token"); got != (row.buttons > 0) {
			t.Errorf("%s gets a token: %v", row.who.Account, got)
		}
	}
	w.who = &ext.Caller{Account: "va", Role: ext.View, Groups: []string{"a"}}
	there, not := w.get("/tail.html?processname=b:secret").body, w.get("/tail.html?processname=b:nosuch").body
	if !strings.Contains(there, "NOT_PERMITTED") || strings.ReplaceAll(there, "secret", "nosuch") != not {
		t.Errorf("the tail tells what is there:\n%s\n%s", there, not)
	}
}

// TestTokenOfAnother: the token of one account is of no use to another.
func TestTokenOfAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{AskPrograms: true}, program("a", "a"))
	w.who = &ext.Caller{Account: "x", Role: ext.Operate}
	own := w.token()
	if got := w.post("/?action=stopall", "token="+own); got.message() != "All stopped at TIME" {
		t.Errorf("with its own token: %s", got.Status)
	}
	w.who = &ext.Caller{Account: "y", Role: ext.Operate}
	if got := w.post("/?action=stopall", "token="+own); got.StatusCode != http.StatusForbidden {
		t.Errorf("with the token of another: %s", got.Status)
	}
}

// What the page says while supervisord goes down.
func TestShutdown(t *testing.T) {
	t.Parallel()
	last := program("last", "last")
	last.StopWait = time.Hour
	w := newWorld(t, Options{}, last, program("a", "a"))
	w.fake.Ignore("last", syscall.SIGTERM)
	if m := w.get("/?action=start&processname=last").message(); m != "Process last started" {
		t.Fatal(m)
	}
	if err := w.loop.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"action=refresh":                "Page refreshed at TIME",
		"action=start&processname=a":    "ERROR: Process a: unexpected rpc fault [6] SHUTDOWN_STATE",
		"action=stop&processname=a":     "unexpected rpc fault [6] SHUTDOWN_STATE",
		"action=clearlog&processname=a": "unexpected rpc fault [6] SHUTDOWN_STATE",
		"action=restart&processname=a":  "Process a restarted",
		"action=stopall":                "unexpected rpc fault [6] SHUTDOWN_STATE",
		"action=restartall":             "unexpected rpc fault [6] SHUTDOWN_STATE",
	} {
		if got := w.get("/?" + query).message(); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	if got := w.get("/"); got.StatusCode != 200 || !strings.Contains(got.body, ">stopping</span>") {
		t.Errorf("page: %s\n%s", got.Status, got.body)
	}
	if got := w.get("/tail.html?processname=a"); !strings.Contains(got.body, "<pre>ERROR: unexpected rpc fault [6] SHUTDOWN_STATE</pre>") {
		t.Errorf("tail: %s", got.body)
	}
}

func TestClearLog(t *testing.T) {
	t.Parallel()
	p := program("a", "a")
	p.Stdout = logged(t, "old\n")
	w := newWorld(t, Options{}, p)
	if m := w.get("/?action=start&processname=a").message(); m != "Process a started" {
		t.Fatal(m)
	}
	if m := w.get("/?action=clearlog&processname=a").message(); m != "Log for a cleared" {
		t.Fatal(m)
	}
	if got := w.get("/tail.html?processname=a"); !strings.Contains(got.body, "<pre></pre>") {
		t.Errorf("after clearing: %s", got.body)
	}
}
