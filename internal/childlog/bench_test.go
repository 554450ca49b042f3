package childlog

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// The cost of a line in a file that is open, which is what a busy child
// costs: with and without a look at the size.
func BenchmarkWrite(b *testing.B) {
	for _, maxBytes := range []int64{0, 50 << 20} {
		b.Run(fmt.Sprintf("max=%d", maxBytes), func(b *testing.B) {
			files := NewFiles(func(text string) { b.Error(text) })
			f, err := files.Open(filepath.Join(b.TempDir(), "log"), 0, maxBytes, 1)
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			line := make([]byte, 100)
			for b.Loop() {
				f.Write(line)
			}
		})
	}
}

// Lines to many open files in turn, from as many goroutines as there are
// processors: what they share is what makes it slow.
func BenchmarkWriteMany(b *testing.B) {
	files := NewFiles(func(text string) { b.Error(text) })
	dir := b.TempDir()
	var all [64]*File
	for i := range all {
		f, err := files.Open(filepath.Join(dir, fmt.Sprint(i)), 0, 50<<20, 1)
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		all[i] = f
	}
	line := make([]byte, 100)
	var next atomic.Uint32
	b.RunParallel(func(pb *testing.PB) {
		for i := next.Add(17); pb.Next(); i++ {
			all[i%uint32(len(all))].Write(line)
		}
	})
}

// Lines to ten times as many files as may be open: each write closes one file
// and opens another.
func BenchmarkWriteSuspended(b *testing.B) {
	const count = 1000
	files := NewFiles(func(text string) { b.Error(text) })
	files.SetBudget(count / 10)
	all := openMany(b, files, count)
	line := make([]byte, 100)
	for i := 0; b.Loop(); i++ {
		all[i%count].Write(line)
	}
	b.StopTimer()
	for _, f := range all {
		f.Close()
	}
}

// BenchmarkQuietFiles reports what a quiet file costs, open and suspended.
func BenchmarkQuietFiles(b *testing.B) {
	const count = 10_000
	for _, budget := range []int{0, 100} {
		b.Run(fmt.Sprintf("budget=%d", budget), func(b *testing.B) {
			for b.Loop() {
				files := NewFiles(func(text string) { b.Error(text) })
				files.SetBudget(budget)
				before := heap()
				all := openMany(b, files, count)
				b.ReportMetric(float64(heap()-before)/count, "B/file")
				for _, f := range all {
					f.Close()
				}
			}
		})
	}
}

// BenchmarkQuietChildren reports what a child costs that has said a line on
// stdout and on stderr, and says nothing now.
func BenchmarkQuietChildren(b *testing.B) {
	const children = 1000
	for b.Loop() {
		files := NewFiles(func(text string) { b.Error(text) })
		files.SetBudget(100)
		p := startPump(b)
		fds := make([]int, 0, 2*children)
		ends := make([]int, 0, 2*children)
		for range 2 * children {
			var pair [2]int
			if err := errors.Join(unix.Pipe(pair[:]), unix.SetNonblock(pair[0], true)); err != nil {
				b.Skip(err) // too few descriptors
			}
			fds, ends = append(fds, pair[0]), append(ends, pair[1])
		}
		before := heap()
		pipes := make([]*Pipe, 0, 2*children)
		for i, f := range openMany(b, files, 2*children) {
			pipes = append(pipes, add(b, p, fds[i], NewStream(StreamConfig{Process: "program", Channel: "stdout", File: f})))
		}
		for _, fd := range ends {
			if _, err := unix.Write(fd, []byte("ready\n")); err != nil {
				b.Error(err)
			}
		}
		done := make(chan struct{})
		p.Finish(nil, func() { close(done) }) // comes after what is readable now, most likely
		<-done
		b.ReportMetric(float64(heap()-before)/children, "B/child")
		done = make(chan struct{})
		p.Finish(pipes, func() { close(done) })
		<-done
		for _, fd := range ends {
			_ = unix.Close(fd)
		}
	}
}

func openMany(b *testing.B, files *Files, count int) []*File {
	b.Helper()
	dir := b.TempDir()
	all := make([]*File, count)
	for i := range all {
		f, err := files.Open(filepath.Join(dir, fmt.Sprintf("program-%05d-stdout---supervisor-abcdefgh.log", i)), AutoMode, 50<<20, 10)
		if err != nil {
			b.Skip(err) // too few descriptors
		}
		all[i] = f
	}
	return all
}
