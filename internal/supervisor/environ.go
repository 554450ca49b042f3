package supervisor

import (
	"maps"
	"slices"
	"strings"

	"example.org/twiddler/internal/config"
)

// environ is the environment that supervisord itself was started with.
type environ struct {
	keys, pairs []string
}

func newEnviron(pairs []string) *environ {
	e := &environ{}
	for _, pair := range pairs {
		if key, _, ok := strings.Cut(pair, "="); ok {
			e.keys = append(e.keys, key)
			e.pairs = append(e.pairs, pair)
		}
	}
	return e
}

// child returns the environment of one child: ours, what tells it who it is,
// then its own settings, which may replace all of these. Supervisor 4.2.5,
// process.py, _spawn_as_child.
func (e *environ) child(p *config.Process) []string {
	own := make(map[string]string, len(p.Environment)+4)
	own["SUPERVISOR_ENABLED"] = "1"
	if p.ServerURL != "" {
		own["SUPERVISOR_SERVER_URL"] = p.ServerURL
	}
	own["SUPERVISOR_PROCESS_NAME"] = p.Name
	own["SUPERVISOR_GROUP_NAME"] = p.Group
	maps.Copy(own, p.Environment)

	env := make([]string, 0, len(e.pairs)+len(own))
	for i, key := range e.keys {
		if _, replaced := own[key]; !replaced {
			env = append(env, e.pairs[i])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(own)) {
		env = append(env, key+"="+own[key])
	}
	return env
}
