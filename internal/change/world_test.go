package change

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/childlog"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/supervisor"
	"example.org/twiddler/internal/sys/systest"
	"example.org/twiddler/level"
)

// files is what most tests begin with.
const files = `
[supervisord]
[program:web]
command=/bin/web
process_name=%(program_name)s_%(process_num)d
numprocs=2
startsecs=0
[program:a]
command=/bin/a
startsecs=0
[program:b]
command=/bin/b
startsecs=0
autostart=false
[group:g]
programs=a,b
[eventlistener:ears]
command=/bin/ears
events=TICK_5
autostart=false
[fcgi-program:fast]
command=/bin/fast
socket=tcp://localhost:9002
autostart=false
`

// nopPump finds every pipe empty.
type nopPump struct{}

func (nopPump) Add(int, *childlog.Stream) (*childlog.Pipe, error) { return nil, nil }
func (nopPump) FinishEmpty([]*childlog.Pipe) bool                 { return false }
func (nopPump) Finish(_ []*childlog.Pipe, done func())            { go done() }

// A fakeStore keeps texts, as a directory does.
type fakeStore struct {
	mu     sync.Mutex
	texts  map[string]string
	fail   error // of the next writes
	writes int
}

func (s *fakeStore) Write(_ context.Context, overlays map[string]*config.Overlay) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	s.writes++
	for group, o := range overlays {
		if o == nil {
			delete(s.texts, group)
			continue
		}
		text, err := o.Render()
		if err != nil {
			return err
		}
		s.texts[group] = string(text)
	}
	return nil
}

func (s *fakeStore) read() ([]*config.Overlay, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*config.Overlay
	for group, text := range s.texts {
		o, err := config.ParseOverlay(config.OverlayFile(group), []byte(text))
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b *config.Overlay) int { return strings.Compare(a.Group, b.Group) })
	return all, nil
}

// A testLoop lets a test come between two looks at the groups.
type testLoop struct {
	*supervisor.Loop
	between atomic.Pointer[func()] // before each Transit
}

func (l *testLoop) Transit(ctx context.Context, changes ...supervisor.GroupChange) ([]supervisor.PlanStep, func(context.Context) error, error) {
	if f := l.between.Load(); f != nil {
		(*f)()
	}
	return l.Loop.Transit(ctx, changes...)
}

// A world is a manager over a supervisor without processes, in fake time.
type world struct {
	*Manager
	t     testing.TB
	ctx   context.Context
	dir   string
	fake  *systest.Fake
	loop  *testLoop
	store *fakeStore
	cfg   atomic.Pointer[config.Config]
	over  chan bool

	mu    sync.Mutex
	lines []string
}

// play runs f in a world that begins with a configuration, and ends it.
func play(t *testing.T, text string, change func(*Options), f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, text, change)
		f(w)
		w.end()
	})
}

func newWorld(t testing.TB, text string, change func(*Options)) *world {
	w := &world{t: t, ctx: t.Context(), dir: t.TempDir(), fake: systest.New(), loop: &testLoop{}, over: make(chan bool, 1),
		store: &fakeStore{texts: map[string]string{}}}
	w.write(text)
	w.cfg.Store(w.load())
	w.loop.Loop = supervisor.NewLoop(supervisor.Options{
		System:   w.fake,
		Children: w.fake.Notify(),
		Launch: supervisor.LaunchOptions{
			Workers: 2, Pump: nopPump{}, Files: childlog.NewFiles(func(string) {}),
			ErrnoName: error.Error, Log: w.log, Create: func(string) error { return nil },
		},
		Core: supervisor.CoreOptions{
			Available: w.cfg.Load().Groups,
			AutoName:  func(string, string) string { return "" },
			Quiet:     true,
		},
		Log: w.log,
		Reread: func() ([]*config.Group, error) {
			cfg, err := w.tryLoad()
			if err != nil {
				return nil, err
			}
			w.cfg.Store(cfg)
			return cfg.Groups, nil
		},
	})
	o := Options{Loop: w.loop, Config: w.cfg.Load, Load: w.tryLoad, Store: w.store, Log: w.log,
		Policy: config.PolicyHost{
			Resolve:  func(p *config.Process) (string, error) { return strings.Fields(p.Command)[0], nil },
			UserName: func(int) string { return "nobody" },
		}}
	if change != nil {
		change(&o)
	}
	w.Manager = New(o)
	go func() { w.over <- w.loop.Run() }()
	var groups []*config.Group
	seen := map[string]bool{}
	for _, g := range w.cfg.Load().Groups {
		if !seen[g.Name] {
			groups = append(groups, g)
		}
		seen[g.Name] = true
	}
	if err := w.loop.Begin(w.ctx, groups); err != nil {
		t.Fatal(err)
	}
	return w
}

// end shuts everything down; whoever ignores signals is killed.
func (w *world) end() {
	w.Close()
	_ = w.loop.Shutdown(context.Background()) // it may be over
	for _, pid := range w.fake.Living("") {
		w.fake.Signal(pid, 9, false)
	}
	<-w.over
	if w.o.Audit != nil {
		_ = w.o.Audit.Close() // a test may have closed it
	}
}

func (w *world) log(lv level.Level, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, lv.String()+" "+text)
}

func (w *world) logged(part string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.lines, func(l string) bool { return strings.Contains(l, part) })
}

// write gives the configuration file another text.
func (w *world) write(text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, "supervisord.conf"), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) tryLoad() (*config.Config, error) {
	return config.Load(config.LoadOptions{
		Path: filepath.Join(w.dir, "supervisord.conf"), Cwd: w.dir, TempDir: w.dir, UID: os.Getuid(), Live: w.cfg.Load(),
		Overlays: func(config.Supervisord, []config.RPCInterface) ([]*config.Overlay, error) { return w.store.read() },
	})
}

func (w *world) load() *config.Config {
	w.t.Helper()
	cfg, err := w.tryLoad()
	if err != nil {
		w.t.Fatal(err)
	}
	return cfg
}

// as is the context of what an account does.
func as(c ext.Caller) context.Context { return ext.WithCaller(context.Background(), c) }

// settle waits until nothing moves.
func (w *world) settle() { synctest.Wait() }

// do applies changes that have to work.
func (w *world) do(changes ...ext.Change) ext.Outcome {
	w.t.Helper()
	return w.must(w.Apply(w.ctx, changes, ext.How{}))
}

func (w *world) must(out ext.Outcome, err error) ext.Outcome {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// refuses checks the fault of a call.
func refuses(t testing.TB, err error, code fault.Code, part string) {
	t.Helper()
	if err == nil || !fault.Is(err, code) || !strings.Contains(err.Error(), part) {
		t.Errorf("got error %v, want %v with %q", err, code, part)
	}
}

// told is an outcome in short, without what is kept.
func told(out ext.Outcome) string {
	var words []string
	for _, s := range out.Steps {
		if s.Action == "keep" {
			continue
		}
		word := s.Action + " " + s.Group + ":" + s.Process
		for _, c := range s.Changes {
			word += fmt.Sprintf(" %s=%s>%s", c.Option, c.Old, c.New)
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

// wanted is the groups as they are to be, in short.
func (w *world) wanted() string {
	w.t.Helper()
	groups, err := w.loop.Groups(context.Background())
	if err != nil {
		return err.Error()
	}
	return describe(groups)
}

// describe is groups in short, in any order.
func describe(groups []*config.Group) string {
	var lines []string
	for _, g := range groups {
		text := fmt.Sprintf("%s %v %d %s:", g.Name, g.Kind, g.Priority, strings.Join(g.Events, "+"))
		if g.Socket != nil {
			text += " " + g.Socket.URL
		}
		procs := slices.Clone(g.Processes)
		slices.SortFunc(procs, func(a, b *config.Process) int { return strings.Compare(a.Name, b.Name) })
		for _, p := range procs {
			text += fmt.Sprintf(" %s(%s %v %v)", p.Name, strings.TrimPrefix(p.Command, "/bin/"), p.StopWait, p.Environment)
		}
		lines = append(lines, text)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// running is who runs, with their pids.
func (w *world) running() string {
	w.t.Helper()
	infos, err := w.loop.AllInfo(context.Background())
	if err != nil {
		return err.Error()
	}
	var words []string
	for _, i := range infos {
		if i.PID > 0 {
			words = append(words, fmt.Sprintf("%s:%s %d %v", i.Group, i.Name, i.PID, i.State))
		}
	}
	return strings.Join(words, "\n")
}

// everything is all that a refused change must leave alone.
func (w *world) everything() string {
	w.t.Helper()
	w.settle()
	records, err1 := w.History(context.Background(), 0, 1000)
	leases, err2 := w.Leases(context.Background())
	if err := errors.Join(err1, err2); err != nil {
		w.t.Fatal(err)
	}
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	return fmt.Sprintf("%s\n%s\nstore %v\nhistory %v\nleases %v\ngone %v\naudit %s",
		w.wanted(), w.running(), w.store.texts, records, leases, w.gone, w.auditText())
}

func (w *world) auditText() string {
	if w.o.Audit == nil {
		return ""
	}
	text, err := os.ReadFile(w.o.Audit.path)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// withAudit gives a manager an audit log.
func withAudit(t testing.TB, o *Options) {
	t.Helper()
	a, err := OpenAudit(filepath.Join(t.TempDir(), "audit.log"), 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	o.Audit = a
}
