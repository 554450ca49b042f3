package neighbours

import (
	"encoding/json"
	"fmt"
	"testing"
)

const testinfraPackage = "/usr/lib/python3/dist-packages/testinfra/modules/supervisor.py"

// What the tool says of one program, or why it says nothing.
type testinfraService struct {
	Name    string `json:"name"`
	Running bool   `json:"is_running"`
	Status  string `json:"status"`
	PID     int    `json:"pid"`
	Error   string `json:"error"`
}

// testinfra asks for the given names, or for all services if there are none.
func (s *site) testinfra(names ...string) []testinfraService {
	s.Helper()
	out := s.must(python, append([]string{s.script("services.py"), s.ctl, s.path("supervisord.conf")}, names...)...)
	var all []testinfraService
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		s.Fatalf("%v: %s", err, out)
	}
	for i := range all {
		if all[i].Status == "RUNNING" {
			info, err := s.rpc.GetProcessInfo(s.Context(), all[i].Name)
			if err != nil {
				s.Fatal(err)
			}
			if all[i].PID != info.PID {
				s.Errorf("the pid of %s is %d, want %d", all[i].Name, all[i].PID, info.PID)
			}
			all[i].PID = 1 // differs from run to run
		}
	}
	return all
}

func TestTestinfra(t *testing.T) {
	need(t, testinfraPackage)
	compare(t, func(s *site) {
		s.start(exporterPrograms, map[string]string{"web": "RUNNING", "done": "EXITED", "gone": "FATAL", "grp:w_00": "RUNNING", "grp:w_01": "RUNNING"})
		all := s.testinfra("web", "idle", "done", "gone", "grp:w_00", "nope")
		for i, want := range []testinfraService{
			{"web", true, "RUNNING", 1, ""},
			{"idle", false, "STOPPED", 0, ""},
			{"done", false, "EXITED", 0, ""},
			{"gone", false, "FATAL", 0, ""},
			{"grp:w_00", true, "RUNNING", 1, ""},
		} {
			if all[i] != want {
				s.Errorf("on %s: %+v, want %+v", s.name, all[i], want)
			}
		}
		s.note("services", fmt.Sprintf("%+v", all))
		// The tool takes a program that does not run for a failure.
		s.note("all, some stopped", fmt.Sprintf("%+v", s.testinfra()))
	})
}

func TestTestinfraServices(t *testing.T) {
	need(t, testinfraPackage)
	compare(t, func(s *site) {
		s.start("[program:web]\ncommand=/bin/cat\nstartsecs=0\n[program:b]\ncommand=/bin/cat\nstartsecs=0\npriority=1\n",
			map[string]string{"web": "RUNNING", "b": "RUNNING"})
		s.want("all", fmt.Sprintf("%+v", s.testinfra()),
			"[{Name:b Running:true Status:RUNNING PID:1 Error:} {Name:web Running:true Status:RUNNING PID:1 Error:}]")
	})
}
