package rpc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/twiddler/internal/childlog"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/supervisor"
	"example.org/twiddler/internal/sys/systest"
	"example.org/twiddler/internal/xmlrpc"
	"example.org/twiddler/level"
)

const programs = `
[supervisord]
[program:cat]
command=/bin/cat
autostart=false
startsecs=0
stdout_logfile=DIR/cat.log
stderr_logfile=NONE
[program:many]
command=/bin/many %(process_num)d
process_name=many_%(process_num)d
numprocs=2
autostart=false
startsecs=0
stdout_logfile=NONE
stderr_logfile=NONE
[program:a]
command=/bin/a
priority=2
[program:b]
command=/bin/b
priority=1
[group:g]
programs=a,b
[program:slow]
command=/bin/slow
autostart=false
startsecs=3600
stdout_logfile=NONE
stderr_logfile=NONE
`

// A testLog keeps what is logged; it is the main log too.
type testLog struct {
	path string

	mu    sync.Mutex
	lines []string
	clear error
}

func (l *testLog) Enabled(level.Level) bool    { return true }
func (l *testLog) Flush(context.Context) error { return nil }
func (l *testLog) Path() string                { return l.path }

func (l *testLog) Log(lv level.Level, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, lv.String()+" "+text)
}

func (l *testLog) Clear() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.clear
}

func (l *testLog) find(part string) (string, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.Contains(line, part) {
			return line, true
		}
	}
	return "", false
}

// A world is a supervisor without processes, and the server in front of it.
type world struct {
	t      *testing.T
	dir    string
	fake   *systest.Fake
	loop   *supervisor.Loop
	log    *testLog
	events []string
	reread func() ([]*config.Group, error)
	server *Server
}

// newWorld runs a loop with the groups of a configuration until the end of the
// test. DIR in it is a directory of the test.
func newWorld(t *testing.T, text string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), fake: systest.New(), log: &testLog{}}
	groups := w.load(text)
	w.reread = func() ([]*config.Group, error) { return groups, nil }
	pump, err := childlog.NewPump()
	if err != nil {
		t.Fatal(err)
	}
	w.loop = supervisor.NewLoop(supervisor.Options{
		System:   w.fake,
		Children: w.fake.Notify(),
		Launch: supervisor.LaunchOptions{
			Workers: 2, Pump: pump, Files: childlog.NewFiles(func(string) {}),
			Create: childlog.Create, ErrnoName: error.Error, Log: w.log.Log,
		},
		Core: supervisor.CoreOptions{
			Available: groups,
			AutoName:  func(process, channel string) string { return filepath.Join(w.dir, process+"-"+channel) },
		},
		Log:    w.log.Log,
		Reread: func() ([]*config.Group, error) { return w.reread() },
	})
	var running sync.WaitGroup
	running.Go(pump.Run)
	running.Go(func() { w.loop.Run() })
	t.Cleanup(func() {
		_ = w.loop.Shutdown(context.Background()) // it may be over
		w.wait()
		pump.Close()
		running.Wait()
	})
	var edits []supervisor.Edit
	for _, g := range groups {
		edits = append(edits, supervisor.AddGroup{Group: g})
	}
	if _, err := w.loop.Apply(t.Context(), edits...); err != nil {
		t.Fatal(err)
	}
	s := NewSupervisor(Options{
		Loop: w.loop, Log: w.log, Identifier: "here", Version: "4.2.5",
		RemoteEvent: func(_ context.Context, kind, data string) error {
			w.events = append(w.events, kind+"="+data)
			return nil
		},
	})
	if w.server, err = NewServer(w.log, []Namespace{{"supervisor", s.Methods()}}); err != nil {
		t.Fatal(err)
	}
	return w
}

// load returns the groups of a configuration.
func (w *world) load(text string) []*config.Group {
	w.t.Helper()
	path := filepath.Join(w.dir, "supervisord.conf")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "DIR", w.dir)), 0o600); err != nil {
		w.t.Fatal(err)
	}
	cfg, err := config.Load(config.LoadOptions{Path: path, Cwd: w.dir, TempDir: w.dir, UID: os.Getuid()})
	if err != nil {
		w.t.Fatal(err)
	}
	return cfg.Groups
}

// wait ends the children, however they take signals.
func (w *world) wait() {
	for _, pid := range w.fake.Living("") {
		_ = w.fake.Signal(pid, 9, false) // it may be dead
	}
}

// call calls a method as a client does and returns its answer.
func (w *world) call(method string, params ...any) (any, error) {
	w.t.Helper()
	data, err := xmlrpc.AppendCall(nil, method, params...)
	if err != nil {
		w.t.Fatal(err)
	}
	call, err := w.server.decode(data)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	result, err := w.server.run(ctx, call)
	if err != nil {
		f, ok := faultOf(err)
		if !ok {
			w.t.Fatalf("%s%v: %v", method, params, err)
		}
		data = xmlrpc.AppendFault(nil, int(f.Code), f.Error())
	} else if data, err = xmlrpc.AppendResponse(nil, result); err != nil {
		w.t.Fatalf("%s%v: %v", method, params, err)
	}
	return xmlrpc.DecodeResponse(data)
}

// text is the answer of a method, or its fault, in short.
func (w *world) text(method string, params ...any) string {
	w.t.Helper()
	v, err := w.call(method, params...)
	return short(v, err)
}

func short(v any, err error) string {
	var f *xmlrpc.Fault
	if errors.As(err, &f) {
		return fmt.Sprintf("%d %s", f.Code, f.Text)
	}
	if err != nil {
		return "error " + err.Error()
	}
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("%q", v)
	case []any:
		var parts []string
		for _, e := range v {
			parts = append(parts, short(e, nil))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case map[string]any:
		if v["status"] != nil {
			return fmt.Sprintf("%v:%v=%v %v", v["group"], v["name"], v["status"], v["description"])
		}
		if v["faultCode"] != nil {
			return fmt.Sprintf("{%v %v}", v["faultCode"], v["faultString"])
		}
	}
	return fmt.Sprint(v)
}
