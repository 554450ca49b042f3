package neighbours

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

const (
	ansible       = "/usr/bin/ansible-playbook"
	ansibleModule = "/usr/lib/python3/dist-packages/ansible_collections/community/general/plugins/modules/supervisorctl.py"
)

// The programs of the playbooks. Those that get a signal ignore it.
const ansiblePrograms = `[program:web]
command=/bin/cat
[program:idle]
command=/bin/sh -c "trap '' USR1; exec /bin/cat"
autostart=false
[program:w]
command=/bin/cat
numprocs=2
process_name=w_%(process_num)02d
startsecs=0
[group:grp]
programs=w
[program:newp]
command=/bin/cat
startsecs=0
[program:bad]
command=/nonexistent
autostart=false
`

// What a task of the module supervisorctl reports. The rest of a result is
// the module's own.
type ansibleResult struct {
	Changed  bool     `json:"changed"`
	Failed   bool     `json:"failed"`
	Msg      string   `json:"msg"`
	Name     string   `json:"name"`
	State    string   `json:"state"`
	Affected []string `json:"affected"`
	Code     int      `json:"rc"`
	Stdout   string   `json:"stdout"`
	Stderr   string   `json:"stderr"`
}

// playbook runs a playbook and notes what its tasks report. It returns one
// word for each of them.
func (s *site) playbook(name string) string {
	s.Helper()
	s.env = append(s.env, "ANSIBLE_STDOUT_CALLBACK=json", "ANSIBLE_LOCALHOST_WARNING=false", "ANSIBLE_INVENTORY_UNPARSED_WARNING=false",
		"ANSIBLE_LOCAL_TEMP="+s.path("local"), "ANSIBLE_REMOTE_TEMP="+s.path("remote"), "ANSIBLE_NOCOLOR=1", "LC_ALL=C.UTF-8")
	vars, err := json.Marshal(map[string]any{
		"ansible_python_interpreter": python, "port": s.port,
		"a": map[string]string{"config": s.path("supervisord.conf"), "supervisorctl_path": s.ctl},
	})
	if err != nil {
		s.Fatal(err)
	}
	out := s.must(ansible, "-i", "localhost,", "-e", string(vars), s.script(name))
	var report struct {
		Plays []struct {
			Tasks []struct {
				Hosts map[string]ansibleResult `json:"hosts"`
			} `json:"tasks"`
		} `json:"plays"`
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		s.Fatalf("%v: %s", err, out)
	}
	var words []string
	for _, play := range report.Plays {
		for i, task := range play.Tasks {
			result := task.Hosts["localhost"]
			s.note(fmt.Sprintf("task %d", i), fmt.Sprintf("%+v", result))
			switch {
			case result.Failed:
				words = append(words, "failed")
			case result.Changed:
				words = append(words, "changed")
			default:
				words = append(words, "ok")
			}
		}
	}
	return strings.Join(words, " ")
}

func needAnsible(t *testing.T) {
	t.Helper()
	need(t, ansible, ansibleModule)
}

// A playbook as people write them: each state the module knows, for programs,
// a group, one that cannot start and one that does not exist.
func TestAnsible(t *testing.T) {
	needAnsible(t)
	compare(t, func(s *site) {
		s.start(ansiblePrograms, map[string]string{"web": "RUNNING", "grp:w_00": "RUNNING", "grp:w_01": "RUNNING", "newp": "RUNNING"})
		s.want("tasks", s.playbook("ansible-playbook.yml"),
			"changed ok changed changed changed changed changed changed failed failed")
		_, out, _ := s.run("", s.ctl, "-c", s.path("supervisord.conf"), "status")
		s.note("status at the end", out)
	})
}

// The same module with the address and the password of a server on top of the
// configuration, in check mode, and with a wrong password.
func TestAnsibleServerURL(t *testing.T) {
	needAnsible(t)
	compare(t, func(s *site) {
		s.start(ansiblePrograms, map[string]string{"web": "RUNNING", "newp": "RUNNING"})
		s.want("tasks", s.playbook("ansible-server.yml"), "ok changed changed ok failed")
	})
}
