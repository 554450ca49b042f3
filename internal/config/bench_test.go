package config

import (
	"fmt"
	"strings"
	"testing"
)

// manyPrograms returns n sections as people write them.
func manyPrograms(n int) []string {
	sections := make([]string, n)
	for i := range sections {
		sections[i] = fmt.Sprintf(`[program:worker-%d]
command=/usr/bin/worker --number %d --log %%(here)s/%%(program_name)s_%%(process_num)02d
process_name=%%(program_name)s_%%(process_num)02d
autostart=true
user=alice
environment=HOME="/home/alice",NUMBER="%d"
stdout_logfile=%%(here)s/%%(program_name)s.log
redirect_stderr=true
`, i, i, i)
	}
	return sections
}

// BenchmarkLoad loads 5,000 programs.
func BenchmarkLoad(b *testing.B) {
	dir := write(b, map[string]string{
		"supervisord.conf": "[supervisord]\nenvironment=A=1,B=2\n" + strings.Join(manyPrograms(5000), ""),
	})
	o := testOptions(dir)
	b.ReportAllocs()
	for b.Loop() {
		c, err := Load(o)
		if err != nil || len(c.Groups) != 5000 {
			b.Fatalf("Load: %v", err)
		}
	}
}

// BenchmarkLoadIncluded loads 2,000 programs from a file each.
func BenchmarkLoadIncluded(b *testing.B) {
	files := map[string]string{"supervisord.conf": "[supervisord]\n[include]\nfiles=conf.d/*.conf\n"}
	for i, section := range manyPrograms(2000) {
		files[fmt.Sprintf("conf.d/%d.conf", i)] = section
	}
	o := testOptions(write(b, files))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(o); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDiff compares 5,000 groups.
func BenchmarkDiff(b *testing.B) {
	o := testOptions(write(b, map[string]string{
		"supervisord.conf": "[supervisord]\n" + strings.Join(manyPrograms(5000), ""),
	}))
	live, err := Load(o)
	if err != nil {
		b.Fatal(err)
	}
	available, err := Load(o)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, changed, _ := Diff(live.Groups, available.Groups); len(changed) > 0 {
			b.Fatalf("%d groups have changed", len(changed))
		}
	}
}

// BenchmarkAddProgram adds one program.
func BenchmarkAddProgram(b *testing.B) {
	c := mustLoad(b, "[supervisord]\n"+strings.Join(manyPrograms(1000), ""))
	options := map[string]any{"command": "/bin/ls -l", "autostart": "false", "startsecs": "0"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.AddProgram("g", "ls", options); err != nil {
			b.Fatal(err)
		}
	}
}
