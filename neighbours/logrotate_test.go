package neighbours

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

const logrotate = "/usr/sbin/logrotate"

// A program that writes all the time, with no rotation by the daemon.
const logrotatePrograms = `logfile_maxbytes=0
[program:web]
command=/usr/bin/perl @SCRIPT@ @DIR@/stop
startsecs=0
redirect_stderr=true
stdout_logfile=@DIR@/web.log
stdout_logfile_maxbytes=0
[program:late]
command=/bin/cat
autostart=false
startsecs=0
`

// The daemon has to make the new files; logrotate could also do it.
const logrotateConfig = `@DIR@/web.log @DIR@/main.log {
	rotate 9
	nocompress
	nocreate
	sharedscripts
	postrotate
		kill -USR2 $(cat @DIR@/pid)
	endscript
}
`

func TestLogrotate(t *testing.T) {
	need(t, logrotate, perl)
	compare(t, func(s *site) {
		s.write("logrotate.conf", logrotateConfig)
		s.start(strings.ReplaceAll(logrotatePrograms, "@SCRIPT@", s.script("lines.pl")), nil)
		s.until("there is output", func() bool { return strings.Contains(s.read("web.log"), "line 50\n") })
		const rotations = 3
		for range rotations {
			s.must(logrotate, "--force", "--state", s.path("state"), s.path("logrotate.conf"))
			s.until("the new files are there", func() bool {
				return strings.Count(s.read("web.log"), "\n") > 50 && exists(s.path("main.log"))
			})
		}
		if err := s.rpc.StartProcess(s.Context(), "late", true); err != nil {
			s.Fatal(err)
		}
		s.write("stop", "")
		s.until("the program says it has ended", func() bool { return strings.HasSuffix(s.read("web.log"), "end\n") })
		var all strings.Builder
		for i := rotations; i > 0; i-- {
			all.WriteString(s.read(fmt.Sprintf("web.log.%d", i)))
		}
		s.want("lost or doubled", gaps(all.String()+s.read("web.log")), "none")
		for _, name := range []string{"web.log", "main.log"} {
			info, err := os.Stat(s.path(name))
			if err != nil {
				s.Fatal(err)
			}
			s.note("mode of "+name, info.Mode())
		}
		s.want("main log after", strings.Join(messages(s.read("main.log")), "\n"), "spawned: 'late' with pid N\n"+
			"success: late entered RUNNING state, process has stayed up for > than 0 seconds (startsecs)")
		s.note("main log between", s.read("main.log.1"))
	})
}

// message is a line of the main log: time, level, text, with a pid at the end
// of some.
var message = regexp.MustCompile(`(?m)^\S+ \S+ [A-Z]{4} (.*?)(?:( with pid )\d+)?$`)

func messages(log string) []string {
	var all []string
	for _, m := range message.FindAllStringSubmatch(log, -1) {
		text := m[1]
		if m[2] != "" {
			text += m[2] + "N"
		}
		all = append(all, text)
	}
	return all
}

// gaps says what is wrong with lines that should be numbered from one to an
// end.
func gaps(text string) string {
	lines := strings.Split(text, "\n")
	if len(lines) < 3 || lines[len(lines)-2] != "end" || lines[len(lines)-1] != "" {
		return "there is no end"
	}
	for i, line := range lines[:len(lines)-2] {
		if want := fmt.Sprint("line ", i+1); line != want {
			return fmt.Sprintf("%q instead of %q", line, want)
		}
	}
	return "none"
}

func TestGaps(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"line 1\nline 2\nend\n":         "none",
		"line 1\nline 3\nend\n":         `"line 3" instead of "line 2"`,
		"line 1\nline 1\nline 2\nend\n": `"line 1" instead of "line 2"`,
		"line 1\nline 2\n":              "there is no end",
		"":                              "there is no end",
	} {
		if got := gaps(text); got != want {
			t.Errorf("gaps(%q) = %s, want %s", text, got, want)
		}
	}
}
