package ini

import (
	"fmt"
	"strings"
	"testing"
)

// programs is a file of n programs as they are usually written.
func programs(n int) []byte {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "[program:web%d]\ncommand=/usr/bin/web --port=8%03d --name \"web %d\" ; the server\n"+
			"process_name=%%(program_name)s_%%(process_num)02d\nnumprocs=4\nautostart=true\nautorestart=unexpected\n"+
			"startsecs=5\n; where it writes\nstdout_logfile=/var/log/%%(program_name)s.log\n"+
			"environment=HOME=\"/srv/web\",\n  LANG=\"C\",\n  PORT=\"8000\"\n\n", i, i, i)
	}
	return []byte(b.String())
}

func BenchmarkParse(b *testing.B) {
	text := programs(1000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("x", text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSplit(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Split(`/usr/bin/web --port=8000 --name "web 1" -c 'exec "$0"' --dir=/srv/web\ data`); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExpand(b *testing.B) {
	vars := Vars{}.WithTable("ENV_", map[string]string{"HOME": "/root", "LANG": "C"}).
		With(String("here", "/etc"), String("program_name", "web")).
		With(Int("process_num", 7), Int("numprocs", 10))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Expand("/var/log/%(program_name)s_%(process_num)02d.%(ENV_LANG)s.log", "x", vars); err != nil {
			b.Fatal(err)
		}
	}
}
