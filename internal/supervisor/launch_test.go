package supervisor

import (
	"strings"
	"testing"
)

// TestTurns has restarts go past starts that keep an order, and not keep them
// from their turn.
func TestTurns(t *testing.T) {
	t.Parallel()
	l := newLauncher(nil, LaunchOptions{}, nil, nil)
	start := func(name string, ordered bool, priority int) {
		l.add(Spawn{Name: Name{name, name}, Ordered: ordered, Rank: Rank{Group: priority}})
	}
	var order []string
	take := func(n int) {
		for range n {
			s, ok := l.next()
			if !ok {
				t.Fatal("the launcher is closed")
			}
			order = append(order, s.Name.Group)
		}
	}
	for _, name := range []string{"a", "b"} {
		start(name, true, 1)
	}
	start("late", true, 2)
	for _, name := range []string{"r1", "r2", "r3", "r4", "r5"} {
		start(name, false, 0)
	}
	take(6) // the late one must wait for a and b, and holds up nobody
	l.running = 0
	take(2)
	if got, want := strings.Join(order, " "), "r1 a r2 b r3 r4 r5 late"; got != want {
		t.Errorf("began %s, want %s", got, want)
	}
}
