// Package systest is an operating system without processes, for tests of what
// runs children.
//
// A [Fake] behaves: its children live until a signal or the test ends them,
// turn up in Reap once, and are gone for Signal from then on. It uses no
// clock and starts no goroutine, so it works in a testing/synctest bubble if
// it was made in it.
package systest

import (
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"

	"example.org/twiddler/internal/sys"
)

// A Fake is a [sys.System]. Its methods are safe for concurrent use.
type Fake struct {
	notify chan os.Signal

	mu       sync.Mutex // guards the fields below
	last     int        // pid given most recently
	children map[int]*child
	births   []Birth
	dead     []sys.Exit
	signals  []Signal
	commands map[string]*sys.CommandError
	programs map[string]*program // by process name
}

var _ sys.System = (*Fake)(nil)

// A Birth is one child that was started.
type Birth struct {
	PID   int
	Child sys.Child
}

// A Signal is one call of Signal, whether it reached a child or not.
type Signal struct {
	PID, Sig int
	Group    bool
}

// child is one that has not been reaped.
type child struct {
	name string
	dead bool
}

// program is what the test has said about the children of one name.
type program struct {
	failures []string // for the next starts
	instant  []int    // exit codes of the next starts
	held     chan struct{}
	deaf     []int // signals that do nothing
	handled  map[int]int
	refuse   error
}

// New returns a Fake whose first child has pid 101.
func New() *Fake {
	return &Fake{
		notify:   make(chan os.Signal, 1),
		last:     100,
		children: map[int]*child{},
		commands: map[string]*sys.CommandError{},
		programs: map[string]*program{},
	}
}

// Notify returns the channel that gets a value when a child has died.
func (f *Fake) Notify() <-chan os.Signal { return f.notify }

// FailResolve makes Resolve answer err for command; nil makes it work again.
func (f *Fake) FailResolve(command string, err *sys.CommandError) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commands[command] = err
}

// FailStart makes the next starts of the process fail, one for each text.
func (f *Fake) FailStart(name string, texts ...string) {
	f.with(name, func(p *program) { p.failures = append(p.failures, texts...) })
}

// ExitAtOnce makes the next children of the process die before Start has
// returned their pids, one for each exit code.
func (f *Fake) ExitAtOnce(name string, codes ...int) {
	f.with(name, func(p *program) { p.instant = append(p.instant, codes...) })
}

// Hold makes starts of the process wait until release is called.
func (f *Fake) Hold(name string) (release func()) {
	held := make(chan struct{})
	f.with(name, func(p *program) { p.held = held })
	return sync.OnceFunc(func() {
		f.with(name, func(p *program) {
			if p.held == held {
				p.held = nil
			}
		})
		close(held)
	})
}

// Ignore makes children of the process ignore these signals. SIGKILL cannot
// be ignored.
func (f *Fake) Ignore(name string, sigs ...syscall.Signal) {
	f.with(name, func(p *program) {
		for _, sig := range sigs {
			p.deaf = append(p.deaf, int(sig))
		}
	})
}

// Handle makes children of the process exit with code when they get sig.
func (f *Fake) Handle(name string, sig syscall.Signal, code int) {
	f.with(name, func(p *program) {
		if p.handled == nil {
			p.handled = map[int]int{}
		}
		p.handled[int(sig)] = code
	})
}

// Refuse makes signals to children of the process fail with err, as if they
// belonged to somebody else; nil makes them work again.
func (f *Fake) Refuse(name string, err error) {
	f.with(name, func(p *program) { p.refuse = err })
}

// Resolve splits command at blanks and finds every program in /bin.
func (f *Fake) Resolve(command, _ string) (string, []string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.commands[command]; err != nil {
		return "", nil, err
	}
	argv := strings.Fields(command)
	if len(argv) == 0 {
		return "", nil, &sys.CommandError{Text: "command is empty"}
	}
	file := argv[0]
	if !strings.Contains(file, "/") {
		file = "/bin/" + file
	}
	return file, argv, nil
}

// Start gives birth to a child without pipes.
func (f *Fake) Start(c *sys.Child) (sys.Started, error) {
	f.mu.Lock()
	held := f.program(c.Name).held
	f.mu.Unlock()
	if held != nil {
		<-held
	}

	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.program(c.Name)
	if len(p.failures) > 0 {
		text := p.failures[0]
		p.failures = p.failures[1:]
		return sys.Started{}, &sys.StartError{Text: text}
	}
	f.last++
	pid := f.last
	f.children[pid] = &child{name: c.Name}
	birth := Birth{pid, *c}
	birth.Child.Argv = slices.Clone(c.Argv)
	birth.Child.Env = slices.Clone(c.Env)
	f.births = append(f.births, birth)
	if len(p.instant) > 0 {
		f.die(sys.Exit{PID: pid, Code: p.instant[0]})
		p.instant = p.instant[1:]
	}
	return sys.Started{PID: pid, Stdin: -1, Stdout: -1, Stderr: -1}, nil
}

// Signal does to the child what sig does to a program without handlers, or
// what the test has said. A child that died but was not reaped takes every
// signal, as a zombie does.
func (f *Fake) Signal(pid, sig int, group bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.signals = append(f.signals, Signal{pid, sig, group})
	c, ok := f.children[pid]
	if !ok {
		return syscall.ESRCH
	}
	p := f.program(c.name)
	if p.refuse != nil {
		return p.refuse
	}
	if c.dead {
		return nil
	}
	code, handled := p.handled[sig]
	switch {
	case sig == int(syscall.SIGKILL):
		f.die(sys.Exit{PID: pid, Signal: sig})
	case handled:
		f.die(sys.Exit{PID: pid, Code: code})
	case slices.Contains(p.deaf, sig) || harmless(syscall.Signal(sig)):
	default:
		f.die(sys.Exit{PID: pid, Signal: sig})
	}
	return nil
}

// harmless reports whether sig does not end a program by default.
func harmless(sig syscall.Signal) bool {
	return slices.Contains([]syscall.Signal{0, syscall.SIGCHLD, syscall.SIGCONT, syscall.SIGSTOP,
		syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGURG, syscall.SIGWINCH}, sig)
}

// Reap returns the children that have died since the last call, in that order.
func (f *Fake) Reap() []sys.Exit {
	f.mu.Lock()
	defer f.mu.Unlock()
	dead := f.dead
	f.dead = nil
	for _, e := range dead {
		delete(f.children, e.PID)
	}
	return dead
}

// Exit ends a living child; a pid that is no child's is a stranger that was
// adopted. It reports false if the child is dead already.
func (f *Fake) Exit(e sys.Exit) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c, ok := f.children[e.PID]; ok && c.dead {
		return false
	}
	f.die(e)
	return true
}

// Living returns the pids of the living children of the process, oldest
// first; of all processes if name is "".
func (f *Fake) Living(name string) []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	var pids []int
	for pid, c := range f.children {
		if !c.dead && (name == "" || name == c.name) {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

// Births returns all children that were started, in that order.
func (f *Fake) Births() []Birth {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.births)
}

// Signals returns all signals that were sent, in that order.
func (f *Fake) Signals() []Signal {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.signals)
}

func (f *Fake) with(name string, change func(*program)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f.program(name))
}

// program is called with mu held.
func (f *Fake) program(name string) *program {
	p, ok := f.programs[name]
	if !ok {
		p = &program{}
		f.programs[name] = p
	}
	return p
}

// die is called with mu held.
func (f *Fake) die(e sys.Exit) {
	if c, ok := f.children[e.PID]; ok {
		c.dead = true
	}
	f.dead = append(f.dead, e)
	select {
	case f.notify <- syscall.SIGCHLD:
	default: // a value is waiting already
	}
}
