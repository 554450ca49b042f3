package bench

import (
	"fmt"
	"sync"
	"time"
)

// measureTwiddle adds programs at run time.
func measureTwiddle(h *harness) error {
	s, err := h.up(true, "[group:few]\nprograms=\n[group:many]\nprograms=\n[group:busy]\nprograms=\n")
	if err != nil {
		return err
	}
	t := &twiddling{h: h, stage: s}
	if _, err := t.addMany("many", "m", h.crowd, 4, false); err != nil {
		return err
	}
	if n, err := t.count("many"); err != nil || n != h.crowd {
		return fmt.Errorf("%d programs in the group, want %d: %v", n, h.crowd, err)
	}
	for _, f := range []func() error{t.costs, t.rates, t.starts} {
		if err := f(); err != nil {
			return err
		}
	}
	_, err = s.stop()
	return err
}

// twiddling is one daemon with a group of many programs and one of none.
type twiddling struct {
	h     *harness
	stage *stage
}

// options of what is added: a program that does nothing.
func options(autostart bool) map[string]any {
	return map[string]any{"command": sleepPath + " infinity", "autostart": fmt.Sprint(autostart), "startsecs": "0"}
}

// do makes calls over so many connections, and returns how long all of them
// took together. What is asked for is built before.
func (t *twiddling) do(clients int, requests [][]byte) (time.Duration, error) {
	callers, errs := make([]*caller, clients), make([]error, clients)
	for i := range callers {
		c, err := dial(t.stage.socket())
		if err != nil {
			return 0, err
		}
		defer c.close()
		callers[i] = c
	}
	want := same([]byte("<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value><boolean>1</boolean></value>\n</param>\n</params>\n</methodResponse>\n"))
	var all sync.WaitGroup
	begun := time.Now()
	for i, c := range callers {
		all.Go(func() {
			for n := i; n < len(requests) && errs[i] == nil; n += clients {
				body, err := c.call(requests[n])
				if err == nil {
					err = want(body)
				}
				errs[i] = err
			}
		})
	}
	all.Wait()
	took := time.Since(begun)
	for _, err := range errs {
		if err != nil {
			return took, err
		}
	}
	return took, nil
}

func (t *twiddling) addMany(group, prefix string, n, clients int, autostart bool) (time.Duration, error) {
	requests, err := requestsOf(n, func(i int) ([]byte, error) {
		return request("twiddler.addProgramToGroup", group, fmt.Sprintf("%s%d", prefix, i), options(autostart))
	})
	if err != nil {
		return 0, err
	}
	return t.do(clients, requests)
}

func (t *twiddling) removeMany(group, prefix string, n int) error {
	requests, err := requestsOf(n, func(i int) ([]byte, error) {
		return request("twiddler.removeProcessFromGroup", group, fmt.Sprintf("%s%d", prefix, i))
	})
	if err != nil {
		return err
	}
	_, err = t.do(4, requests)
	return err
}

func requestsOf(n int, f func(i int) ([]byte, error)) ([][]byte, error) {
	out := make([][]byte, n)
	for i := range out {
		var err error
		if out[i], err = f(i); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// count is how many programs a group has.
func (t *twiddling) count(group string) (int, error) {
	all, err := t.stage.client.GetAllProcessInfo(t.h.ctx)
	n := 0
	for _, p := range all {
		if p.Group == group {
			n++
		}
	}
	return n, err
}

// costs compares one add after the other into a group of none and of many.
// After each batch the groups are as before.
func (t *twiddling) costs() error {
	h := t.h
	r := row{what: fmt.Sprintf("add a program to a group of %d", h.crowd), unit: "us"}
	const batch = 20 // the group of none stays next to empty
	for range h.rounds {
		var total [2]time.Duration
		n := 0
		for ; n < h.adds; n += batch {
			for i, group := range []string{"few", "many"} {
				took, err := t.addMany(group, "x", batch, 1, false)
				if err != nil {
					return err
				}
				total[i] += took
				if err := t.removeMany(group, "x", batch); err != nil {
					return err
				}
			}
		}
		r.limit = append(r.limit, total[0].Seconds()*1e6/float64(n))
		r.ours = append(r.ours, total[1].Seconds()*1e6/float64(n))
	}
	if n, err := t.count("many"); err != nil || n != h.crowd {
		return fmt.Errorf("%d programs in the group at the end, want %d: %v", n, h.crowd, err)
	}
	got := ratio(r.ours, r.limit)
	r.checks = []check{{"the cost for an empty group (as limit), within 10 %", fmt.Sprintf("%+.0f %%", 100*(got-1)), got <= 1.1}}
	h.add(r)
	return nil
}

// rates is how many programs can be added in a second.
func (t *twiddling) rates() error {
	h := t.h
	for _, group := range []string{"few", "many"} {
		n := map[string]int{"few": 0, "many": h.crowd}[group]
		r := row{what: fmt.Sprintf("adds to a group of %d, 4 clients", n), unit: "/s"}
		for range h.rounds {
			took, err := t.addMany(group, "r", h.adds, 4, false)
			if err != nil {
				return err
			}
			r.ours = append(r.ours, float64(h.adds)/took.Seconds())
			if got, err := t.count(group); err != nil || got != n+h.adds {
				return fmt.Errorf("%d programs in the group, want %d: %v", got, n+h.adds, err)
			}
			if err := t.removeMany(group, "r", h.adds); err != nil {
				return err
			}
		}
		got := r.ours.median()
		r.checks = []check{{"over 8000/s", fmt.Sprintf("%.0f/s", got), got > 8000}}
		h.add(r)
	}
	return nil
}

// starts adds programs that start by themselves, until all of them run.
func (t *twiddling) starts() error {
	h := t.h
	r := row{what: fmt.Sprintf("add and start %d programs", h.adds), unit: "ms"}
	for i := range h.rounds {
		bare, _, err := h.forkAndReap(h.adds)
		if err != nil {
			return err
		}
		r.limit = append(r.limit, bare.Seconds()*1e3)
		before, begun := len(children(t.stage.pid())), time.Now()
		if _, err := t.addMany("busy", fmt.Sprintf("s%d.", i), h.adds, 4, true); err != nil {
			return err
		}
		when, err := t.stage.running(before + h.adds)
		if err != nil {
			return err
		}
		r.ours = append(r.ours, when.Sub(begun).Seconds()*1e3)
	}
	r.checks = []check{atMost("the bare fork/exec loop", 1.5, ratio(r.ours, r.limit))}
	h.add(r)
	return nil
}
