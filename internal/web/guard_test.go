package web

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What browsers send with each request.
const (
	firefox  = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	language = "Accept-Language: en"
)

// Who may act how. A site of somebody else can make a browser send everything
// here but the token; headers are what the browser adds.
func TestCrossSite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{}, program("a", "a"))
	strict := newWorld(t, Options{AskPrograms: true}, program("a", "a"))
	own := "token=" + w.token()
	rows := []struct {
		name, method, body string
		headers            []string
		want               int
	}{
		{"program gets", "GET", "", nil, 301},
		{"program posts", "POST", "", nil, 301},
		{"curl", "GET", "", []string{"User-Agent: curl/8.5.0"}, 301},
		{"PowerShell", "GET", "", []string{"User-Agent: Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.22621"}, 301},
		{"own form", "POST", own, []string{firefox, "Origin: http://box:9001", "Sec-Fetch-Site: same-origin"}, 303},
		{"own form, plain HTTP", "POST", own, []string{firefox, "Origin: http://box:9001"}, 303},
		{"own form, old browser", "POST", own, []string{firefox, language}, 303},
		{"own form behind a proxy with https", "POST", own, []string{firefox, "Origin: https://box:9001"}, 303},
		{"own form behind a proxy that renames", "POST", own, []string{firefox, "Origin: https://ops.example.com", "X-Forwarded-Host: ops.example.com"}, 303},
		{"own form behind a proxy, new browser", "POST", own, []string{firefox, "Origin: https://ops.example.com", "Sec-Fetch-Site: same-origin"}, 303},
		{"bookmark", "GET", "", []string{firefox, "Sec-Fetch-Site: none"}, 200},
		{"link from another site", "GET", "", []string{firefox, "Referer: http://evil.example/"}, 200},
		{"image of another site, plain HTTP", "GET", "", []string{firefox, language}, 200},
		{"image of another site, local", "GET", "", []string{firefox, "Sec-Fetch-Site: cross-site"}, 200},
		{"browser with another agent", "GET", "", []string{"User-Agent: x", language}, 200},
		{"token in the address", "GET", own, []string{firefox}, 200},
		{"form without token", "POST", "", []string{firefox, "Origin: http://box:9001", "Sec-Fetch-Site: same-origin"}, 403},
		{"form from before a restart", "POST", "token=AAAAAAAAAAAAAAAAAAAAAAAAAA", []string{firefox, "Origin: http://box:9001"}, 403},
		{"form of another site", "POST", "", []string{firefox, "Origin: http://evil.example"}, 403},
		{"form of another site with our token", "POST", own, []string{firefox, "Origin: http://evil.example"}, 403},
		{"form of another port", "POST", own, []string{firefox, "Origin: http://box:80"}, 403},
		{"form of a sandbox", "POST", own, []string{firefox, "Origin: null"}, 403},
		{"form of a subdomain", "POST", own, []string{firefox, "Origin: http://box:9001", "Sec-Fetch-Site: same-site"}, 403},
		{"script of another site", "POST", own, []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"}, 403},
	}
	for _, row := range rows {
		address, form := "/index.html?action=clearlog&processname=a", row.body
		if row.method == http.MethodGet && row.body != "" {
			address, form = address+"&"+row.body, ""
		}
		got := w.send(row.method, address, form, row.headers...)
		if got.StatusCode != row.want {
			t.Errorf("%s: %s, want %d", row.name, got.Status, row.want)
		}
		asked := strings.Contains(got.body, "Clear the log of a?") && strings.Contains(got.body, w.token())
		if acts := row.want > 300 && row.want < 400; acts == asked {
			t.Errorf("%s: asks for confirmation is %v", row.name, asked)
		}
		if row.want == 303 && got.Header.Get("Location") != "./?message=Log%20for%20a%20cleared" {
			t.Errorf("%s: sent to %q", row.name, got.Header.Get("Location"))
		}
		if got := strict.send(row.method, address, strings.Replace(form, w.token(), strict.token(), 1), row.headers...); got.StatusCode == http.StatusMovedPermanently {
			t.Errorf("%s: obeyed although programs must confirm too", row.name)
		}
	}
	if got := strict.post("/?action=stopall", "token="+strict.token()); got.message() != "All stopped at TIME" {
		t.Errorf("a program that confirms: %s", got.message())
	}
}

// The question leads to what was asked for, and to nothing else.
func TestConfirm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{}, program("a", "a"))
	for query, want := range map[string]string{
		"action=stopall":                                  "index.html?action=stopall",
		"action=stopall&processname=a":                    "index.html?action=stopall",
		"action=start&processname=a":                      "index.html?processname=a&action=start",
		"action=stop&processname=%22%3E%3Cscript%3Ex:%26": "index.html?processname=%22%3E%3Cscript%3Ex%3A%26&action=stop",
	} {
		page := parsed(t, w.get("/?"+query, firefox).body)
		forms := page.all("form")
		if len(forms) != 1 || forms[0].attr("action") != want || forms[0].attr("method") != "post" {
			t.Errorf("%s: forms %+v, want %s", query, forms, want)
			continue
		}
		if len(page.all("script")) != 0 {
			t.Errorf("%s: a script", query)
		}
		got := w.post("/"+forms[0].attr("action"), "token="+page.all("input")[0].attr("value"), firefox)
		if got.StatusCode != http.StatusSeeOther {
			t.Errorf("%s confirmed: %s", query, got.Status)
		}
	}
	for _, query := range []string{"action=refresh", "action=wibble", "action=start"} {
		if got := w.get("/?"+query, firefox); strings.Contains(got.body, "Nothing has been done") {
			t.Errorf("%s: asks for confirmation", query)
		}
	}
}

// at returns r as it would arrive at an address.
func at(r *http.Request, address string) *http.Request {
	tcp, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		panic(err)
	}
	return r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, tcp))
}

func TestRebinding(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{Open: func() bool { return true }}, program("a", "a"))
	w.page.hostname = "Box.corp.net"
	guarded := w.page.Guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("through")) }))
	rows := []struct {
		local, host, agent string
		refused            bool
	}{
		{"127.0.0.1:9001", "evil.net:9001", firefox, true},
		{"[::1]:9001", "evil.net:9001", firefox, true},
		{"127.0.0.1:9001", "EVIL.net.:9001", language, true},
		{"127.0.0.1:80", "evil.net", firefox, true},
		{"127.0.0.1:9001", "localhost.evil.net:9001", firefox, true},
		{"127.0.0.1:9001", "evil.net:9001", "User-Agent: curl/8", false},
		{"127.0.0.1:9001", "localhost:9001", firefox, false},
		{"127.0.0.1:9001", "127.0.0.1:9001", firefox, false},
		{"[::1]:9001", "[::1]:9001", firefox, false},
		{"127.0.0.1:80", "[::1]", firefox, false},
		{"127.0.0.1:9001", "box:9001", firefox, false},
		{"127.0.0.1:9001", "box.corp.net:9001", firefox, false},
		{"127.0.0.1:9001", "sv.test:9001", firefox, false},
		{"127.0.0.1:9001", "ops.example.com", firefox, false},   // a proxy on port 80
		{"10.0.0.7:9001", "box7.corp.net:9001", firefox, false}, // a server for other machines
	}
	for _, row := range rows {
		for _, path := range []string{"/", "/tail.html", "/images/icon.png", "/?action=stopall"} {
			r := at(httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil), row.local)
			r.Host = row.host
			name, value, _ := strings.Cut(row.agent, ": ")
			r.Header.Set(name, value)
			for what, h := range map[string]http.Handler{"page": w.page, "guarded": guarded} {
				rec := httptest.NewRecorder()
				h.ServeHTTP(rec, r)
				if refused := rec.Code == http.StatusForbidden; refused != row.refused {
					t.Errorf("%s as %s by %s: %s %s: status %d", row.local, row.host, row.agent, what, path, rec.Code)
				}
				if rec.Code == http.StatusForbidden && what == "page" && !strings.Contains(rec.Body.String(), "<code>http://"+row.local+"/</code>") {
					t.Errorf("the refusal does not say where to go: %s", rec.Body)
				}
			}
		}
	}
	w.page.o.Open = nil // the password is not the other site's
	r := at(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), "127.0.0.1:9001")
	r.Host = "evil.net:9001"
	r.Header.Set("User-Agent", "Mozilla/5.0")
	rec := httptest.NewRecorder()
	if w.page.ServeHTTP(rec, r); rec.Code != http.StatusOK {
		t.Errorf("with a password: status %d", rec.Code)
	}
}

// Routes beside the page's own take no forms of other sites.
func TestGuard(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	guarded := w.page.Guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for _, row := range []struct {
		method, header string
		want           int
	}{
		{"POST", "User-Agent: xmlrpc", 200},
		{"POST", "Origin: http://box:9001", 200},
		{"POST", "Origin: http://evil.net", 403},
		{"POST", "Sec-Fetch-Site: cross-site", 403},
		{"GET", "Sec-Fetch-Site: cross-site", 200},
	} {
		r := httptest.NewRequestWithContext(t.Context(), row.method, "http://box:9001/RPC2", nil)
		name, value, _ := strings.Cut(row.header, ": ")
		r.Header.Set(name, value)
		rec := httptest.NewRecorder()
		if guarded.ServeHTTP(rec, r); rec.Code != row.want {
			t.Errorf("%s with %s: %d, want %d", row.method, row.header, rec.Code, row.want)
		}
	}
}
