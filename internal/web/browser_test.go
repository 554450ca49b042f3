package web

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"example.org/twiddler/internal/proc"
)

// A browser is Chromium, told what to do through its driver's plain HTTP.
type browser struct {
	*testing.T
	session string // its address
}

// openBrowser starts one, which ends with the test. Without Chromium the test
// is skipped, unless TWIDDLER_REQUIRE_BROWSER=1.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	driver, err := exec.LookPath("chromedriver")
	if err != nil {
		if os.Getenv("TWIDDLER_REQUIRE_BROWSER") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	profile, err := os.MkdirTemp("", "browser")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(driver, "--port=0") // not bound to the test's context: it must end the browser first
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = os.RemoveAll(profile) // the last of the browser's processes may still write to it
	})
	started := regexp.MustCompile(`started successfully on port (\d+)`)
	port := ""
	for lines := bufio.NewScanner(stdout); port == "" && lines.Scan(); {
		if m := started.FindStringSubmatch(lines.Text()); m != nil {
			port = m[1]
		}
	}
	if port == "" {
		t.Fatal("chromedriver does not say where it listens")
	}
	b := &browser{t, "http://127.0.0.1:" + port + "/session"}
	var answer struct{ SessionID string }
	b.command("", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"timeouts": map[string]any{"implicit": 20000, "pageLoad": 30000, "script": 20000},
		"goog:chromeOptions": map[string]any{"args": []string{
			"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
			"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir=" + profile,
		}},
	}}}, &answer)
	b.session += "/" + answer.SessionID
	t.Cleanup(func() {
		r, err := http.NewRequest(http.MethodDelete, b.session, nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := http.DefaultClient.Do(r); err == nil {
			resp.Body.Close()
		}
	})
	return b
}

// command gives one command and fails the test if it fails. The answer goes to
// into, unless that is nil.
func (b *browser) command(path string, body, into any) {
	b.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		b.Fatal(err)
	}
	resp, err := http.Post(b.session+path, "application/json", bytes.NewReader(data))
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct{ Value json.RawMessage }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		b.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		b.Fatalf("%s %s: %.600s", path, data, answer.Value)
	}
	if into != nil {
		if err := json.Unmarshal(answer.Value, into); err != nil {
			b.Fatal(err)
		}
	}
}

func (b *browser) open(address string) {
	b.Helper()
	b.command("/url", map[string]any{"url": address}, nil)
}

// find waits for an element and returns its handle.
func (b *browser) find(xpath string, args ...any) string {
	b.Helper()
	var element map[string]string
	b.command("/element", map[string]any{"using": "xpath", "value": fmt.Sprintf(xpath, args...)}, &element)
	for _, id := range element {
		return id
	}
	b.Fatalf("no handle for %s", xpath)
	return ""
}

func (b *browser) click(xpath string, args ...any) {
	b.Helper()
	b.command("/element/"+b.find(xpath, args...)+"/click", map[string]any{}, nil)
}

func (b *browser) eval(script string, into any) {
	b.Helper()
	b.command("/execute/sync", map[string]any{"script": "return " + script, "args": []any{}}, into)
}

func (b *browser) devtools(cmd string, params map[string]any) {
	b.Helper()
	b.command("/goog/cdp/execute", map[string]any{"cmd": cmd, "params": params}, nil)
}

// look is a size and a colour scheme of the screen.
func (b *browser) look(width, height int, scheme string) {
	b.Helper()
	b.devtools("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 2, "mobile": width < 500})
	b.devtools("Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]any{"name": "prefers-color-scheme", "value": scheme}}})
}

// picture writes what is on the screen to a file in TWIDDLER_SCREENSHOTS, for
// people to look at.
func (b *browser) picture(name string) {
	b.Helper()
	dir := os.Getenv("TWIDDLER_SCREENSHOTS")
	if dir == "" {
		return
	}
	resp, err := http.Get(b.session + "/screenshot")
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct{ Value string }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		b.Fatal(err)
	}
	data, err := base64.StdEncoding.DecodeString(answer.Value)
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), data, 0o600); err != nil {
		b.Fatal(err)
	}
}

const message = `//div[@class="status_msg"][text()="%s"]`

// stateOf finds the state of a process in the table.
const stateOf = `//tr[td/a[text()="%s"]]/td[@class="status"]/span[text()="%s"]`

// TestBrowser uses the page as people do, with and without JavaScript.
func TestBrowser(t *testing.T) {
	t.Parallel()
	b := openBrowser(t)
	evil := `<img src=x onerror=document.title='owned'>`
	w := newWorld(t, Options{Open: func() bool { return true }}, program("cat", "cat"), program("web", "app"), program("evil", evil))
	server := httptest.NewServer(w.page)
	t.Cleanup(server.Close)
	for _, scripts := range []bool{true, false} {
		b.devtools("Emulation.setScriptExecutionDisabled", map[string]any{"value": !scripts})
		b.open(server.URL)
		b.find(stateOf, "cat", "stopped")
		b.click(`//button[@aria-label="Start cat"]`)
		b.find(message, "Process cat started")
		b.find(stateOf, "cat", "running")
		b.click(`//button[@aria-label="Restart cat"]`)
		b.find(message, "Process cat restarted")
		b.click(`//button[@aria-label="Stop cat"]`)
		b.find(message, "Process cat stopped")
		b.find(stateOf, "cat", "stopped")
		b.click(`//button[@aria-label="Clear Log web:app"]`)
		b.find(message, "Log for web:app cleared")
		b.click(`//button[text()="Restart All"]`)
		b.find(`//div[@class="status_msg"][starts-with(text(),"All restarted at ")]`)
		b.find(stateOf, "web:app", "running")
		b.click(`//button[text()="Stop All"]`)
		b.find(`//div[@class="status_msg"][starts-with(text(),"All stopped at ")]`)
		b.click(`//a[text()="Refresh"]`)
		b.find(`//div[@class="status_msg"][starts-with(text(),"Page refreshed at ")]`)
		b.open(server.URL + "/?action=start&processname=cat") // a bookmark
		b.find(`//h2[text()="Start cat?"]`)
		if got := w.state("cat"); got != proc.Stopped {
			t.Errorf("a bookmark alone has made cat %v", got)
		}
		b.click(`//button[text()="Start"]`)
		b.find(message, "Process cat started")
		w.get("/?action=stopall")
	}
	var title string
	if b.eval("document.title", &title); title != "Supervisor Status" {
		t.Errorf("title %q", title)
	}
}

// The table follows what happens while somebody looks, and keeps the focus.
func TestBrowserFollows(t *testing.T) {
	t.Parallel()
	b := openBrowser(t)
	w := newWorld(t, Options{}, program("cat", "cat"), program("web", "app"))
	server := httptest.NewServer(w.page)
	t.Cleanup(server.Close)
	b.open(server.URL)
	b.find(stateOf, "cat", "stopped")
	b.eval(`(window.same = true, document.querySelector("[aria-label='Start web:app']").focus())`, nil)
	w.get("/?action=start&processname=cat")
	b.find(stateOf, "cat", "running")
	var kept bool
	if b.eval(`window.same && document.activeElement.getAttribute("aria-label") === "Start web:app"`, &kept); !kept {
		t.Error("the page was loaded again, or the focus is lost")
	}
	server.CloseClientConnections()
	server.Close()
	b.find(`//p[@id="lost"][not(@hidden)]`)
}

// Another site can't act through the browser of somebody who may, whatever it
// tries.
func TestBrowserCrossSite(t *testing.T) {
	t.Parallel()
	b := openBrowser(t)
	w := newWorld(t, Options{}, program("cat", "cat"))
	server := httptest.NewServer(w.page)
	t.Cleanup(server.Close)
	w.get("/?action=start&processname=cat")
	attack := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		stop := server.URL + "/?action=stopall"
		rw.Header().Set("Content-Type", "text/html")
		switch r.URL.Path {
		case "/form":
			fmt.Fprintf(rw, `<form method="post" action="%s"></form><script>document.forms[0].submit()</script>`, stop)
		case "/silent": // no referrer, no origin
			fmt.Fprintf(rw, `<meta name="referrer" content="no-referrer"><form method="post" action="%s"></form><script>document.forms[0].submit()</script>`, stop)
		case "/image":
			fmt.Fprintf(rw, `<img src="%s" onerror="document.title='done'">`, stop)
		case "/fetch":
			fmt.Fprintf(rw, `<script>fetch("%s", {method: "POST", mode: "no-cors", credentials: "include", body: new URLSearchParams({token: "x"})}).finally(() => document.title='done')</script>`, stop)
		case "/frame":
			fmt.Fprintf(rw, `<iframe src="%s" onload="document.title='done'"></iframe>`, stop)
		}
	}))
	t.Cleanup(attack.Close)
	// Another port is another origin of the same site, another name another site.
	for _, host := range []string{attack.URL, strings.Replace(attack.URL, "127.0.0.1", "localhost", 1)} {
		for _, path := range []string{"/form", "/silent", "/image", "/fetch", "/frame"} {
			b.open(host + path)
			switch path {
			case "/form", "/silent":
				b.find(`//h2[text()="Stop all programs?"]`)
			default:
				b.find(`//title[text()="done"]`)
			}
			if got := w.state("cat"); got != proc.Running {
				t.Fatalf("%s%s: cat is %v", host, path, got)
			}
		}
	}
}

// The page fits the screens it is for.
func TestBrowserLooks(t *testing.T) {
	t.Parallel()
	b := openBrowser(t)
	w := eachState(t, Options{})
	long := program("a-group-with-a-long-name", strings.Repeat("and-a-process-with-a-longer-one-", 4))
	long.Stdout = logged(t, strings.Repeat("2026-11-23 10:00:01 INFO  a line of a log, and now one without blanks: "+strings.Repeat("x", 200)+"\n", 8))
	big := newWorld(t, Options{}, program("cat", "cat"), long, program("web", "one"))
	for _, query := range []string{"/?action=start&processname=cat", "/?action=start&processname=" + long.Namespec()} {
		big.get(query)
	}
	pages := map[string]http.Handler{"states": w.page, "long": big.page, "none": newWorld(t, Options{}).page}
	for _, size := range [][2]int{{320, 640}, {390, 844}, {768, 1024}, {1280, 800}} {
		for _, scheme := range []string{"light", "dark"} {
			b.look(size[0], size[1], scheme)
			for name, h := range pages {
				server := httptest.NewServer(h)
				addresses := map[string]string{"status": "/?message=Process+cat+started", "failure": "/?message=ERROR:+Process+cat:+spawn+error"}
				if name == "long" {
					addresses["tail"] = "/tail.html?processname=" + long.Namespec()
					addresses["confirm"] = "/?action=stop&processname=" + long.Namespec()
				}
				for kind, address := range addresses {
					b.open(server.URL + address)
					var extra int
					if b.eval("document.documentElement.scrollWidth - innerWidth", &extra); extra > 0 {
						t.Errorf("%s %s at %v: %d pixels too wide", name, kind, size, extra)
					}
					b.picture(fmt.Sprintf("%s-%s-%d-%s", name, kind, size[0], scheme))
				}
				server.Close()
			}
		}
	}
}
