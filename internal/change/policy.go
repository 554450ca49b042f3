package change

import "example.org/twiddler/internal/config"

// mayDefine asks the policy of the caller about all that is defined.
func (m *Manager) mayDefine(d *draft) error {
	if d.caller.Policy == nil {
		return nil
	}
	total := d.extra()
	for _, def := range d.defined {
		if err := config.CheckPolicy(d.caller, m.o.Policy, def.group, def.procs, total-len(def.procs)); err != nil {
			return err
		}
	}
	return nil
}

// extra counts the processes that no file has, as they are to be, in the
// groups that the caller may define.
func (d *draft) extra() int {
	n := 0
	count := func(g *config.Group) {
		if g == nil || config.MayDefine(d.caller, g.Name) != nil {
			return
		}
		written := map[string]bool{}
		if base := d.base(g.Name); base != nil {
			for _, p := range base.Processes {
				written[p.Name] = true
			}
		}
		for _, p := range g.Processes {
			if !written[p.Name] {
				n++
			}
		}
	}
	for _, g := range d.live {
		if _, touched := d.to[g.Name]; !touched {
			count(g)
		}
	}
	for _, g := range d.to {
		count(g)
	}
	return n
}
