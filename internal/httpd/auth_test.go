package httpd

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/config"
)

// caller answers who sent a request.
var caller = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	c := ext.CallerOf(r.Context())
	fmt.Fprintf(w, "%s %v %v %d %t %s", c.Account, c.Role, c.Groups, c.UID, c.PID > 0, c.Address)
})

func hashed(t *testing.T, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(hash)
}

func pack(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// get sends a request with these lines in its head and returns the answer.
func get(t *testing.T, s *Server, lines ...string) (*http.Response, string) {
	t.Helper()
	c := dial(t, s)
	c.send("GET /who HTTP/1.1\r\nHost: x\r\n" + strings.Join(append(lines, "", ""), "\r\n"))
	return c.answer()
}

func as(name, password string) string { return "Authorization: Basic " + pack(name+":"+password) }

func who(s *Server) { s.Handle("/who", ext.View, caller) }

func nobody(list ...config.Account) []config.Account {
	for i := range list {
		if list[i].UID == 0 {
			list[i].UID = -1
		}
		if list[i].GID == 0 {
			list[i].GID = -1
		}
	}
	return list
}

func TestAccountsByPassword(t *testing.T) {
	t.Parallel()
	authority := NewAuthority(nobody(
		config.Account{Name: "plain", Password: "it's", Role: ext.View},
		config.Account{Name: "sha", Password: "{SHA}6367c48dd193d56ea7b0baad25b19455e529f5ee", Role: ext.Operate, Groups: []string{"web*"}},
		config.Account{Name: "slow", Password: hashed(t, "secret"), Role: ext.Define, Policy: &ext.Policy{}},
		config.Account{Name: "nopass", Certificate: "x", Role: ext.Admin},
	))
	s := serve(t, config.Server{Username: "boss", Password: "p"}, Options{Authority: authority}, who)
	for _, row := range []struct {
		header, want string // the beginning of the answer; "" for status 401
	}{
		{as("boss", "p"), "boss admin [] "},
		{as("plain", "it's"), "plain view [] "},
		{as("sha", "abc123"), "sha operate [web*] "},
		{as("slow", "secret"), "slow define [] "},
		{as("slow", "secret"), "slow define [] "}, // by its proof
		{"", ""},
		{"Authorization: Bearer x", ""},
		{as("slow", "Secret"), ""},
		{as("nopass", ""), ""},
		{as("", ""), ""},
		{as("sha", "6367c48dd193d56ea7b0baad25b19455e529f5ee"), ""},
	} {
		resp, body := get(t, s, row.header)
		if row.want == "" {
			if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s: %d %s, want 401", row.header, resp.StatusCode, body)
			}
		} else if !strings.HasPrefix(body, row.want) || !strings.HasSuffix(body, " "+s.conf.File) {
			t.Errorf("%s: %d %s, want %s", row.header, resp.StatusCode, body, row.want)
		}
	}
	if authority.accounts.Load().byName["slow"].proof.sum.Load() == nil {
		t.Error("a bcrypt hash is computed for each request")
	}
}

// TestConnectionChangesCaller: a connection is nobody's, and a reread counts
// for those that are open.
func TestConnectionChangesCaller(t *testing.T) {
	t.Parallel()
	authority := NewAuthority(nil)
	s := serve(t, config.Server{}, Options{Authority: authority}, who)
	c := dial(t, s)
	ask := func(line string) string {
		c.send("GET /who HTTP/1.1\r\nHost: x\r\n" + line + "\r\n")
		_, body := c.answer()
		return body
	}
	if got := ask(""); !strings.HasPrefix(got, " admin [] ") {
		t.Errorf("an open server says %q", got)
	}
	a, b := config.Account{Name: "a", Password: "x", Role: ext.View}, config.Account{Name: "b", Password: "x", Role: ext.Operate}
	authority.Set(nobody(a, b))
	for _, row := range [][2]string{{as("a", "x"), "a view"}, {as("b", "x"), "b operate"}, {as("a", "x"), "a view"}} {
		if got := ask(row[0] + "\r\n"); !strings.HasPrefix(got, row[1]) {
			t.Errorf("%s: %q, want %q", row[0], got, row[1])
		}
	}
	authority.Set(nil)
	if got := ask(""); !strings.HasPrefix(got, " admin [] ") {
		t.Errorf("an open server says %q", got)
	}
}

// TestPeer: who is known without saying anything, on a unix socket.
func TestPeer(t *testing.T) {
	t.Parallel()
	uid, gid := os.Getuid(), os.Getgid()
	other := config.Account{Name: "other", Password: "x", UID: uid + 1, GID: gid + 1, Role: ext.View}
	byUID := config.Account{Name: "user", UID: uid, GID: -1, Role: ext.View}
	byGID := config.Account{Name: "group", UID: -1, GID: gid, Role: ext.Operate}
	boss := config.Server{Username: "boss", Password: "p"}
	us := fmt.Sprintf(" %d true ", uid)
	for _, row := range []struct {
		c    config.Server
		list []config.Account
		line string
		want string
	}{
		{config.Server{}, nil, "", " admin []" + us},
		{boss, nil, as("boss", "p"), "boss admin []" + us},
		{boss, nil, "", ""},
		{config.Server{}, []config.Account{other}, "", fmt.Sprintf("uid:%d admin []", uid) + us},
		{config.Server{}, []config.Account{other, byGID}, "", "group operate []" + us},
		{config.Server{}, []config.Account{other, byGID, byUID}, "", "user view []" + us},
		{boss, []config.Account{byUID}, "", "user view []" + us},
		{boss, []config.Account{byUID}, as("boss", "p"), "boss admin []" + us},
		{boss, []config.Account{other}, "", ""},
		{config.Server{}, []config.Account{other}, as("other", "wrong"), ""}, // what is said goes first
		{config.Server{}, []config.Account{other}, as("other", "x"), "other view []" + us},
	} {
		s := serve(t, row.c, Options{Authority: NewAuthority(row.list)}, who)
		resp, body := get(t, s, row.line)
		if row.want == "" && resp.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(body, row.want) {
			t.Errorf("accounts %+v, %q: %d %s, want %s", row.list, row.line, resp.StatusCode, body, row.want)
		}
	}
}

func TestSourceOf(t *testing.T) {
	t.Parallel()
	same := [][2]string{{"192.0.2.1:5", "192.0.2.1:6"}, {"[::ffff:192.0.2.1]:5", "192.0.2.1:6"},
		{"[2001:db8::1]:5", "[2001:db8::2]:5"}, {"[fe80::1%eth0]:5", "[fe80::2%eth1]:6"}, {"@", "@"}}
	for _, pair := range same {
		if sourceOf(pair[0], 7) != sourceOf(pair[1], 7) {
			t.Errorf("%s and %s are not one source", pair[0], pair[1])
		}
	}
	for _, pair := range [][2]string{{"192.0.2.1:5", "192.0.2.2:5"}, {"[2001:db8::1]:5", "[2001:db8:0:1::1]:5"}, {"@", "192.0.2.1:5"}} {
		if sourceOf(pair[0], 7) == sourceOf(pair[1], 7) {
			t.Errorf("%s and %s are one source", pair[0], pair[1])
		}
	}
	if sourceOf("@", 7) == sourceOf("@", 8) {
		t.Error("two users of a socket are one source")
	}
}

func TestLimiter(t *testing.T) {
	t.Parallel()
	var l limiter
	now := time.Unix(1_000_000, 0)
	a, b := sourceOf("192.0.2.1:1", -1), sourceOf("192.0.2.2:1", -1)
	for i := range maxFailures - 1 {
		if l.fail(a, now) || l.blocked(a, now) != 0 {
			t.Errorf("blocked by failure %d", i+1)
		}
	}
	if !l.fail(a, now) || l.blocked(a, now) != blockTime || l.blocked(b, now) != 0 {
		t.Error("the fifth failure does not block its own source alone")
	}
	if l.fail(a, now) {
		t.Error("a block begins twice")
	}
	if got := l.blocked(a, now.Add(blockTime-time.Second)); got != time.Second {
		t.Errorf("a second before its end the block lasts %v", got)
	}
	if l.blocked(a, now.Add(blockTime)) != 0 || l.size.Load() != 0 {
		t.Error("a block does not end")
	}
	// Old failures are forgotten: four now and then never block.
	for i := range 20 {
		at := now.Add(time.Duration(i) * failureWindow)
		for range maxFailures - 1 {
			if l.fail(b, at) {
				t.Fatal("old failures count")
			}
		}
	}
}

// TestLimiterIsBounded: whoever has many addresses gets others forgotten that
// failed now and then, but sets free none that is blocked.
func TestLimiterIsBounded(t *testing.T) {
	t.Parallel()
	var l limiter
	now := time.Unix(1_000_000, 0)
	at := func(i int) source { return sourceOf(fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255), -1) }
	for range maxFailures {
		l.fail(at(0), now)
	}
	for i := 1; i < 3*maxSources; i++ {
		l.fail(at(i), now.Add(time.Duration(i)*time.Millisecond))
		if len(l.sources) > maxSources {
			t.Fatalf("%d sources are remembered", len(l.sources))
		}
	}
	if l.blocked(at(0), now.Add(30*time.Second)) == 0 {
		t.Error("a block is forgotten for others")
	}
	l.fail(at(1), now.Add(time.Hour))
	if n := l.size.Load(); n != 1 {
		t.Errorf("%d sources are remembered after an hour, want 1", n)
	}
}

func TestFailedLogIns(t *testing.T) {
	t.Parallel()
	authority := NewAuthority(nobody(config.Account{Name: "a", Password: hashed(t, "right"), Role: ext.View}))
	inBubble(t, Options{Authority: authority}, config.Server{Section: "inet_http_server", Username: "u", Password: "p"}, who,
		func(t *testing.T, s *Server, p *pipeListener) {
			ask := func(line string) *http.Response {
				c := p.dial(t)
				c.send("GET /who HTTP/1.1\r\nHost: x\r\n" + line + "\r\n\r\n")
				resp, _ := c.answer()
				return resp
			}
			for range 10 {
				if got := ask("X: y").StatusCode; got != 401 { // a browser that asks first
					t.Errorf("without credentials: %d", got)
				}
			}
			for i, line := range []string{as("a", "wrong"), as("u", "wrong"), as("nobody\n\x1b", "x"), as(strings.Repeat("n", 500), "x"), as("a", "")} {
				if got := ask(line).StatusCode; got != 401 {
					t.Errorf("failure %d: %d", i+1, got)
				}
			}
			log := s.log.(*testLog)
			for _, want := range []string{`WARN log-in of "a" to [inet_http_server] failed (from pipe)`, `"nobody\n\x1b"`,
				`of "` + strings.Repeat("n", maxLoggedName) + `" to`, "no log-in to [inet_http_server] is checked for 1m0s: 5 failed"} {
				if _, ok := log.find(want); !ok {
					t.Errorf("no line with %s in the log: %q", want, log.lines)
				}
			}
			resp := ask(as("a", "right"))
			if resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") != "60" {
				t.Errorf("after five failures: %d, Retry-After %q", resp.StatusCode, resp.Header.Get("Retry-After"))
			}
			time.Sleep(59 * time.Second) // in fake time
			if resp := ask(as("u", "p")); resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "1" {
				t.Errorf("a second before the end: %d, Retry-After %q", resp.StatusCode, resp.Header.Get("Retry-After"))
			}
			time.Sleep(time.Second)
			for _, line := range []string{as("a", "right"), as("u", "p")} {
				if got := ask(line).StatusCode; got != 200 {
					t.Errorf("after the block: %d", got)
				}
			}
		})
}

// TestGuessesAtOnce: many guesses at the same time are no more than some one
// after the other, and those of a blocked source are not looked at.
func TestGuessesAtOnce(t *testing.T) {
	t.Parallel()
	a := NewAuthority(nobody(config.Account{Name: "a", Password: "right", Role: ext.View}))
	var wg sync.WaitGroup
	var mu sync.Mutex
	checked := 0
	for range 200 {
		wg.Go(func() {
			is, busy, _, err := a.check(t.Context(), nil, source{}, "a", "wrong")
			if is != nil || err != nil {
				t.Errorf("check = %v, %v", is, err)
			}
			if busy == 0 {
				mu.Lock()
				checked++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if checked != maxFailures {
		t.Errorf("%d guesses were looked at, want %d", checked, maxFailures)
	}
	if is, busy, _, _ := a.check(t.Context(), nil, source{}, "a", "right"); is != nil || busy == 0 {
		t.Error("the right password gets past a block")
	}
	if is, _, _, _ := a.check(t.Context(), nil, source{uid: 5}, "a", "right"); is == nil {
		t.Error("one source blocks another")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for i := range a.turns {
		a.turns[i] <- struct{}{}
	}
	if _, _, _, err := a.check(ctx, nil, source{uid: 5}, "a", "right"); !errors.Is(err, context.Canceled) {
		t.Errorf("a client that has gone waits for its turn: %v", err)
	}
}

// TestUnknownNameIsCompared: an unknown name goes the way of a known one.
func TestUnknownNameIsCompared(t *testing.T) {
	t.Parallel()
	list := nobody(config.Account{Name: "fast", Password: "x", Role: ext.View},
		config.Account{Name: "slow", Password: hashed(t, "y"), Role: ext.View})
	a := NewAuthority(list)
	if known := a.accounts.Load(); known.slowest != &known.byName["slow"].secret {
		t.Error("there is nothing to compare an unknown name's password with")
	}
	// Its right password must not let anybody in under another name.
	for _, name := range []string{"fast", "nobody"} {
		if is, _, _, _ := a.check(t.Context(), nil, source{uid: len(name)}, name, "y"); is != nil {
			t.Errorf("%s gets in with the password of another", name)
		}
	}
}

// TestPlainServerHasNoLimit: without accounts and TLS it is Supervisor's.
func TestPlainServerHasNoLimit(t *testing.T) {
	t.Parallel()
	log := newLog()
	s := serve(t, config.Server{Username: "u", Password: "p"}, Options{Log: log}, who)
	for range 2 * maxFailures {
		if resp, _ := get(t, s, as("u", "wrong")); resp.StatusCode != 401 {
			t.Errorf("answered %d", resp.StatusCode)
		}
	}
	if resp, _ := get(t, s, as("u", "p")); resp.StatusCode != 200 {
		t.Errorf("answered %d", resp.StatusCode)
	}
	if line, ok := log.find("log-in"); ok {
		t.Errorf("logged %s", line)
	}
}

func TestOpenToNetwork(t *testing.T) {
	t.Parallel()
	some := NewAuthority(nobody(config.Account{Name: "a", Password: "x", Role: ext.View}))
	for _, row := range []struct {
		c         config.Server
		authority *Authority
		ok        bool
	}{
		{config.Server{}, nil, false},
		{config.Server{Host: "0.0.0.0"}, nil, false},
		{config.Server{Host: "127.0.0.1"}, nil, true},
		{config.Server{}, some, true},
		{config.Server{Username: "u", Password: "p"}, nil, true},
		{config.Server{AllowUnauthenticatedNetwork: true}, nil, true},
	} {
		row.c.Section = "inet_http_server"
		s, err := Listen(row.c, Options{Log: newLog(), Authority: row.authority})
		if (err == nil) != row.ok {
			t.Errorf("Listen(%+v) = %v", row.c, err)
		}
		if err == nil {
			if err := s.Close(t.Context()); err != nil {
				t.Error(err)
			}
		} else if !strings.Contains(err.Error(), "allow_unauthenticated_network = true") {
			t.Errorf("the error does not say what to do: %v", err)
		}
	}
}

// TestAdmitWithoutConnection: a request that did not come from our listener
// has its caller as well.
func TestAdmitWithoutConnection(t *testing.T) {
	t.Parallel()
	s := newServer(nil, config.Server{Username: "u", Password: "p"}, Options{Log: newLog()})
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET / HTTP/1.1\r\nHost: x\r\n" + as("u", "p") + "\r\n\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	r, _, err = s.admit(r)
	if c := ext.CallerOf(r.Context()); err != nil || c.Account != "u" || c.UID != -1 {
		t.Errorf("caller is %+v, %v", c, err)
	}
}

func BenchmarkAccountCall(b *testing.B) {
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.DefaultCost)
	if err != nil {
		b.Fatal(err)
	}
	a := NewAuthority(nobody(config.Account{Name: "a", Password: string(hash), Role: ext.View}))
	for b.Loop() {
		if is, _, _, err := a.check(b.Context(), nil, source{}, "a", "secret"); is == nil || err != nil {
			b.Fatal(err)
		}
	}
}
