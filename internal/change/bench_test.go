package change

import (
	"fmt"
	"testing"

	"example.org/twiddler/ext"
)

// benchWorld has one group of so many processes, none of which starts.
func benchWorld(b *testing.B, n int) *world {
	w := newWorld(b, fmt.Sprintf("[supervisord]\n[program:big]\ncommand=/bin/big\nautostart=false\nnumprocs=%d\n"+
		"process_name=%%(program_name)s_%%(process_num)d\n[program:one]\ncommand=/bin/one\nautostart=false\n[group:g]\nprograms=big,one\n", n), nil)
	b.Cleanup(w.end)
	return w
}

// BenchmarkAddProgram adds programs by the old call: what it takes must not
// depend on how large the group is.
func BenchmarkAddProgram(b *testing.B) {
	for _, n := range []int{0, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := benchWorld(b, n)
			o := options{"command": "/bin/new", "autostart": "false"}
			i := 0
			for b.Loop() {
				i++
				if err := w.AddProgram(w.ctx, "g", fmt.Sprint("new", i), o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkApply adds one program and takes it away again.
func BenchmarkApply(b *testing.B) {
	for _, n := range []int{0, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := benchWorld(b, n)
			c := ext.Change{Action: ext.Add, Group: "g", Program: "new", Options: options{"command": "/bin/new", "autostart": "false"}}
			for b.Loop() {
				w.do(c)
				w.do(ext.Change{Action: ext.Remove, Group: "g", Program: "new"})
			}
		})
	}
}
