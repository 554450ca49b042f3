package neighbours

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

const exporter = "/usr/bin/prometheus-node-exporter"

// Programs in all states that last.
const exporterPrograms = `[program:web]
command=/bin/cat
[program:idle]
command=/bin/cat
autostart=false
[program:done]
command=/bin/sh -c "exit 3"
autorestart=false
startsecs=0
[program:gone]
command=/nonexistent
startretries=0
[program:w]
command=/bin/cat
numprocs=2
process_name=w_%(process_num)02d
startsecs=0
[group:grp]
programs=w
`

var listening = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

// scrape runs the exporter on the address of a daemon and returns its metrics
// about the daemon, sorted. Times are taken out: only zero stays.
func (s *site) scrape(url string) string {
	s.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		s.Fatal(err)
	}
	defer r.Close()
	cmd := exec.CommandContext(s.Context(), exporter, "--collector.disable-defaults", "--collector.supervisord",
		"--collector.supervisord.url="+url, "--web.listen-address=127.0.0.1:0", "--web.disable-exporter-metrics")
	cmd.Stderr, cmd.Env = w, s.env
	err = cmd.Start()
	w.Close()
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = cmd.Process.Signal(syscall.SIGTERM); _ = cmd.Wait() }()
	address := ""
	for lines := bufio.NewScanner(r); address == "" && lines.Scan(); {
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			address = m[1]
		}
	}
	if address == "" {
		s.Fatal("the exporter does not listen")
	}
	resp, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		s.Fatal(err)
	}
	return supervisordMetrics(string(body))
}

// startTime is a sample whose value is the time of a start.
var startTime = regexp.MustCompile(`(node_supervisord_start_time_seconds\{.*\}) [1-9].*`)

func supervisordMetrics(body string) string {
	var kept []string
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "node_supervisord_") || strings.HasPrefix(line, "node_scrape_collector_success") {
			kept = append(kept, startTime.ReplaceAllString(line, "$1 N"))
		}
	}
	slices.Sort(kept)
	return strings.Join(kept, "")
}

func TestNodeExporter(t *testing.T) {
	need(t, exporter)
	compare(t, func(s *site) {
		s.start(exporterPrograms, map[string]string{"web": "RUNNING", "done": "EXITED", "gone": "FATAL", "grp:w_00": "RUNNING", "grp:w_01": "RUNNING"})
		tcp := "http://me:secret@127.0.0.1:" + fmt.Sprint(s.port) + "/RPC2"
		for _, url := range []string{tcp, "unix://" + s.path("s.sock")} {
			text := s.scrape(url)
			for _, sample := range []string{
				`node_scrape_collector_success{collector="supervisord"} 1`,
				`node_supervisord_up{group="web",name="web"} 1`,
				`node_supervisord_up{group="grp",name="w_01"} 1`,
				`node_supervisord_exit_status{group="done",name="done"} 3`,
				`node_supervisord_start_time_seconds{group="web",name="web"} N`,
				`node_supervisord_state{group="gone",name="gone"} 200`,
			} {
				if !strings.Contains(text, sample+"\n") {
					s.Errorf("the exporter on %s does not say %s:\n%s", url, sample, text)
				}
			}
			s.note("metrics over "+url[:4], text)
		}
	})
}

// Metrics of a daemon that asks for a password they do not have.
func TestNodeExporterWithoutPassword(t *testing.T) {
	need(t, exporter)
	compare(t, func(s *site) {
		s.start(exporterPrograms, map[string]string{"web": "RUNNING"})
		s.want("metrics", s.scrape("http://127.0.0.1:"+fmt.Sprint(s.port)+"/RPC2"),
			"node_scrape_collector_success{collector=\"supervisord\"} 0\n")
	})
}
