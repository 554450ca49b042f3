package web

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/childlog"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/proc"
	"example.org/twiddler/internal/supervisor"
	"example.org/twiddler/internal/sys/systest"
	"example.org/twiddler/level"
)

// A world is a supervisor without processes, and the page in front of it.
type world struct {
	*testing.T
	dir  string
	fake *systest.Fake
	loop *supervisor.Loop
	page *Handler
	who  *ext.Caller // who asks; nil for supervisord itself

	mu    sync.Mutex
	lines []string // guarded by mu: the log
}

// program returns a process as a configuration would have it: up at once when
// it is started, and not before.
func program(group, name string) *config.Process {
	return &config.Process{
		Spec:    proc.Spec{Name: name, Group: group, StopSignal: 15},
		Command: "run " + name, UID: -1, Umask: -1,
	}
}

// newWorld runs a loop with the processes until the end of the test.
func newWorld(t *testing.T, o Options, procs ...*config.Process) *world {
	t.Helper()
	w := &world{T: t, dir: t.TempDir(), fake: systest.New()}
	pump, err := childlog.NewPump()
	if err != nil {
		t.Fatal(err)
	}
	w.loop = supervisor.NewLoop(supervisor.Options{
		System:   w.fake,
		Children: w.fake.Notify(),
		Launch: supervisor.LaunchOptions{
			Workers: 1, Pump: pump, Files: childlog.NewFiles(func(string) {}),
			Create: childlog.Create, ErrnoName: error.Error, Log: w.log,
		},
		Log: w.log,
	})
	var pumping, running sync.WaitGroup
	pumping.Go(pump.Run)
	running.Go(func() { w.loop.Run() })
	t.Cleanup(func() {
		_ = w.loop.Shutdown(context.Background()) // it may be over
		for _, pid := range w.fake.Living("") {
			_ = w.fake.Signal(pid, 9, false) // it may be dead
		}
		running.Wait()
		pump.Close()
		pumping.Wait()
	})
	var edits []supervisor.Edit
	groups := map[string]*config.Group{}
	for _, p := range procs {
		g := groups[p.Group]
		if g == nil {
			g = &config.Group{Name: p.Group}
			groups[p.Group] = g
			edits = append(edits, supervisor.AddGroup{Group: g})
		}
		g.Processes = append(g.Processes, p)
	}
	if _, err := w.loop.Apply(t.Context(), edits...); err != nil {
		t.Fatal(err)
	}
	o.Version, o.Describe, o.Log = "4.2.5", describe, w.log
	w.page = New(w.loop, o)
	return w
}

func (w *world) log(lv level.Level, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, lv.String()+" "+text)
}

// describe is without times, which differ from run to run.
func describe(i *supervisor.Info) string {
	switch i.State {
	case proc.Running:
		return fmt.Sprintf("pid %d, uptime 0:00:00", i.PID)
	case proc.Backoff, proc.Fatal:
		return i.SpawnErr
	case proc.Stopped, proc.Exited:
		return "Not started"
	}
	return ""
}

// An answer is what came back.
type answer struct {
	*http.Response
	body string
}

// token is that of the pages of who asks.
func (w *world) token() string {
	if w.who != nil {
		return w.page.tokenOf(*w.who)
	}
	return w.page.tokenOf(ext.CallerOf(context.Background()))
}

// get asks for an address as a program does.
func (w *world) get(address string, headers ...string) answer {
	w.Helper()
	return w.send(http.MethodGet, address, "", headers...)
}

// post posts a form; each header is "Name: value".
func (w *world) post(address, form string, headers ...string) answer {
	w.Helper()
	return w.send(http.MethodPost, address, form, headers...)
}

func (w *world) send(method, address, form string, headers ...string) answer {
	w.Helper()
	r := httptest.NewRequestWithContext(w.Context(), method, "http://box:9001"+address, strings.NewReader(form))
	r.Header.Set("Content-Length", fmt.Sprint(len(form)))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
		if name == "Host" {
			r.Host = value
		}
	}
	if w.who != nil {
		r = r.WithContext(ext.WithCaller(r.Context(), *w.who))
	}
	rec := httptest.NewRecorder()
	w.page.ServeHTTP(rec, r)
	return answer{rec.Result(), rec.Body.String()}
}

// message is the message of a redirection, with its time taken out.
func (a answer) message() string {
	_, quoted, found := strings.Cut(a.Header.Get("Location"), "?message=")
	if !found {
		return "no redirection but " + a.Status
	}
	text, err := url.PathUnescape(quoted)
	if err != nil {
		return err.Error()
	}
	if before, _, timed := strings.Cut(text, " at "); timed {
		return before + " at TIME"
	}
	return text
}

// state is the state of a process now.
func (w *world) state(name string) proc.State {
	w.Helper()
	n, _ := supervisor.ParseName(name)
	info, err := w.loop.Info(w.Context(), n, name)
	if err != nil {
		w.Fatal(err)
	}
	return info.State
}

// logged returns a channel with a file that holds text.
func logged(t *testing.T, text string) config.Channel {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Channel{Log: config.LogFile, Path: path}
}

// A node is an element of a page.
type node struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Text    string     `xml:",chardata"`
	Nodes   []node     `xml:",any"`
}

func (n *node) attr(name string) string {
	for _, a := range n.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// all returns n and what is in it, with that tag.
func (n *node) all(tag string) []*node {
	var found []*node
	if n.XMLName.Local == tag {
		found = append(found, n)
	}
	for i := range n.Nodes {
		found = append(found, n.Nodes[i].all(tag)...)
	}
	return found
}

// parsed reads a page as XML, which knows no excuses.
func parsed(t *testing.T, body string) *node {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(body))
	d.Entity = map[string]string{"copy": "©"} // the original's page has it
	var root node
	if err := d.Decode(&root); err != nil {
		t.Fatalf("not well-formed: %v\n%s", err, body)
	}
	if rest := body[d.InputOffset():]; strings.TrimSpace(rest) != "" {
		t.Fatalf("more after the end: %q", rest)
	}
	return &root
}
