package supervisor

import (
	"testing"
	"time"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/proc"
)

// stepAll steps a core that nothing runs under, and fails the test on a fault.
func stepAll(t *testing.T, c *Core, in func(reply func(*fault.Error)) Input) {
	t.Helper()
	answered := false
	for _, e := range c.Step(proc.Moment{Mono: time.Second}, in(func(err *fault.Error) {
		if answered = true; err != nil {
			t.Error(err)
		}
	})) {
		if r, ok := e.(Reply); ok {
			r.Send()
		}
	}
	if !answered {
		t.Fatal("no answer")
	}
}

func become(t *testing.T, c *Core, to *config.Group) {
	t.Helper()
	stepAll(t, c, func(reply func(*fault.Error)) Input {
		return Transition{
			Groups: []GroupChange{{to.Name, c.wanted(to.Name), to}},
			Reply:  func(_ Planned, err *fault.Error) { reply(err) },
			Done:   func(*fault.Error) {},
		}
	})
}

func grow(t *testing.T, c *Core, group, process string) {
	t.Helper()
	stepAll(t, c, func(reply func(*fault.Error)) Input {
		return Apply{
			Edits: []Edit{AddProcesses{group, []*config.Process{someDown(group, process)}}},
			Reply: func(_ Applied, err *fault.Error) { reply(err) },
		}
	})
}

func someDown(group, name string) *config.Process {
	return &config.Process{Spec: proc.Spec{Group: group, Name: name}, Program: name}
}

// roomy is a group whose list of processes has room for more.
func roomy(name string) *config.Group {
	return &config.Group{Name: name, Processes: append(make([]*config.Process, 0, 8), someDown(name, "a"))}
}

// TestOldGroupsStay returns to an earlier value of a group that was added to,
// and adds something else.
func TestOldGroupsStay(t *testing.T) {
	t.Parallel()
	c := NewCore(CoreOptions{})
	first := roomy("web")
	become(t, c, first)
	grow(t, c, "web", "b")
	second := c.wanted("web")
	become(t, c, first)
	grow(t, c, "web", "c")
	grow(t, c, "web", "d")
	if got := second.Processes[1].Name; got != "b" {
		t.Errorf("the process of an earlier value is %s now, and was b", got)
	}
	if third := c.wanted("web"); len(third.Processes) != 3 || third.Processes[1].Name != "c" {
		t.Errorf("the group has %d processes", len(third.Processes))
	}
}

// TestTransitionIsListed adds to a group of the files that a transition made:
// until the files are read again that is the available one too.
func TestTransitionIsListed(t *testing.T) {
	t.Parallel()
	g := roomy("web")
	c := NewCore(CoreOptions{Available: []*config.Group{g}})
	become(t, c, g)
	grow(t, c, "web", "b")
	if n := len(c.configInfo()); n != 2 {
		t.Errorf("%d processes are available, want 2", n)
	}
}
