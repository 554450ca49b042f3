package childlog

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// startPump returns a running pump, which ends with the test.
func startPump(t testing.TB) *Pump {
	t.Helper()
	p, err := NewPump()
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(p.Run)
	t.Cleanup(func() {
		p.Close()
		wg.Wait()
	})
	return p
}

// pipe returns a descriptor for the pump, and the child's end.
func pipe(t testing.TB) (fd int, w *os.File) {
	t.Helper()
	var fds [2]int
	if err := unix.Pipe(fds[:]); err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		t.Fatal(err)
	}
	w = os.NewFile(uintptr(fds[1]), "child")
	t.Cleanup(func() { w.Close() })
	return fds[0], w
}

// collect returns a stream whose output can be had, and waited for.
func collect(c *collected) *Stream {
	c.more = make(chan struct{}, 1)
	return NewStream(StreamConfig{OnLog: func(data []byte) {
		c.mu.Lock()
		c.text.Write(data)
		c.mu.Unlock()
		select {
		case c.more <- struct{}{}:
		default:
		}
	}})
}

type collected struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func (c *collected) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

func (c *collected) wait(t *testing.T, want string) {
	t.Helper()
	for c.String() != want {
		await(t, fmt.Sprintf("%q", want), c.more)
	}
}

func add(t testing.TB, p *Pump, fd int, s *Stream) *Pipe {
	t.Helper()
	pipe, err := p.Add(fd, s)
	if err != nil {
		t.Fatal(err)
	}
	return pipe
}

func finish(t *testing.T, p *Pump, pipes ...*Pipe) {
	t.Helper()
	done := make(chan struct{})
	p.Finish(pipes, func() { close(done) })
	await(t, "the end of Finish", done)
}

func TestPump(t *testing.T) {
	t.Parallel()
	p := startPump(t)
	var out, errs collected
	fd, stdout := pipe(t)
	a := add(t, p, fd, collect(&out))
	fd, stderr := pipe(t)
	b := add(t, p, fd, collect(&errs))

	fmt.Fprint(stdout, "one\n")
	out.wait(t, "one\n")
	fmt.Fprint(stderr, "oops\n")
	errs.wait(t, "oops\n")
	fmt.Fprint(stdout, "last words")
	stderr.Close()
	// The child is dead, yet somebody holds its stdout.
	finish(t, p, a, b, nil)
	if out.String() != "one\nlast words" {
		t.Errorf("stdout %q", out.String())
	}
	if _, err := stdout.Write([]byte("x")); err == nil {
		t.Error("the pipe is open after Finish")
	}
	finish(t, p, a, b)
}

// At the end of the file a pipe is closed, its stream gets what was held
// back, and its number may be another's when the child is reaped.
func TestEndOfFile(t *testing.T) {
	t.Parallel()
	p := startPump(t)
	var first, second collected
	fd, w := pipe(t)
	s := collect(&first)
	s.capture = &capture{max: 10}
	old := add(t, p, fd, s)
	fmt.Fprint(w, "text<!--")
	w.Close()
	first.wait(t, "text<!--") // flushed by the end alone

	fd, w = pipe(t) // most likely the same number
	young := add(t, p, fd, collect(&second))
	finish(t, p, old)
	fmt.Fprint(w, "alive")
	second.wait(t, "alive")
	finish(t, p, young)
}

// A grandchild that writes for ever does not hold up the end of its parent.
func TestFinishIsBounded(t *testing.T) {
	t.Parallel()
	p := startPump(t)
	var out collected
	fd, w := pipe(t)
	pipe := add(t, p, fd, collect(&out))
	var wg sync.WaitGroup
	wg.Go(func() {
		chunk := make([]byte, 4096)
		for {
			if _, err := w.Write(chunk); err != nil {
				return // closed by Finish
			}
		}
	})
	finish(t, p, pipe)
	wg.Wait()
}

func TestFloodDoesNotStarve(t *testing.T) {
	t.Parallel()
	p := startPump(t)
	var quiet collected
	fd, flood := pipe(t)
	flooding := add(t, p, fd, NewStream(StreamConfig{}))
	var wg sync.WaitGroup
	wg.Go(func() {
		chunk := make([]byte, 64<<10)
		for {
			if _, err := flood.Write(chunk); err != nil {
				return
			}
		}
	})
	fd, w := pipe(t)
	calm := add(t, p, fd, collect(&quiet))
	for i := range 20 {
		fmt.Fprint(w, "x")
		quiet.wait(t, strings.Repeat("x", i+1))
	}
	finish(t, p, flooding, calm)
	wg.Wait()
}

func TestPumpCloses(t *testing.T) {
	t.Parallel()
	p, err := NewPump()
	if err != nil {
		t.Fatal(err)
	}
	var out collected
	fd, w := pipe(t)
	pipe1 := add(t, p, fd, collect(&out))
	ended := make(chan struct{})
	go func() { // ends with Run, which the test waits for
		p.Run()
		close(ended)
	}()
	fmt.Fprint(w, "x")
	out.wait(t, "x")
	p.Close()
	p.Close()
	await(t, "the end of Run", ended)
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("a pipe is open after Close")
	}
	fd, _ = pipe(t)
	if _, err := p.Add(fd, NewStream(StreamConfig{})); err != ErrClosed {
		t.Errorf("Add after Close = %v, want ErrClosed", err)
	}
	_ = unix.Close(fd)
	finish(t, p, pipe1)
}

func TestPumpClosesBeforeRun(t *testing.T) {
	t.Parallel()
	p, err := NewPump()
	if err != nil {
		t.Fatal(err)
	}
	fd, w := pipe(t)
	pipe := add(t, p, fd, NewStream(StreamConfig{}))
	done := make(chan struct{})
	p.Finish([]*Pipe{pipe}, func() { close(done) })
	p.Close()
	await(t, "done", done)
	p.Run()
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("a pipe is open after Close")
	}
}

// A FIFO that nobody reads pauses the pipe that feeds it, and no other.
// Nothing of a burst is lost when it is read after all.
func TestSlowTarget(t *testing.T) {
	t.Parallel()
	p := startPump(t)
	files := NewFiles(func(text string) { t.Error(text) })
	dir := t.TempDir()
	path := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	fd, w := pipe(t)
	slow := add(t, p, fd, NewStream(StreamConfig{File: open(t, files, path, 0, 0)}))
	const size = 2 << 20
	var wg sync.WaitGroup
	halfway := make(chan struct{})
	wg.Go(func() {
		_, _ = w.Write(make([]byte, queueSoft))
		close(halfway)
		_, _ = w.Write(make([]byte, size-queueSoft))
		w.Close()
	})
	await(t, "half of the burst", halfway)
	var other collected
	fd, calm := pipe(t)
	free := add(t, p, fd, collect(&other))
	fmt.Fprint(calm, "text")
	other.wait(t, "text")

	r, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || len(got) != size {
		t.Errorf("read %d bytes, %v, want %d", len(got), err, size)
	}
	wg.Wait()
	finish(t, p, slow, free)
}

// A target that nobody ever reads costs its output, not its writer.
func TestStalledTarget(t *testing.T) {
	t.Parallel()
	var lost warnings
	p := startPump(t)
	files := NewFiles(lost.add)
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	file := open(t, files, path, 0, 0)
	fd, w := pipe(t)
	stuck := add(t, p, fd, NewStream(StreamConfig{File: file}))
	written := make(chan error)
	go func() { // ends when all is taken
		_, err := w.Write(make([]byte, 2<<20))
		written <- err
	}()
	if err := await(t, "the writer", written); err != nil {
		t.Error(err)
	}
	finish(t, p, stuck)
	if err := os.Remove(path); err != nil { // nobody will ever read it
		t.Fatal(err)
	}
}

// Many pipes that come, talk and go while others do.
func TestPumpAtOnce(t *testing.T) {
	t.Parallel()
	p := startPump(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				var out collected
				fd, w := pipe(t)
				pipe := add(t, p, fd, collect(&out))
				fmt.Fprint(w, strings.Repeat("x", 1000))
				w.Close()
				done := make(chan struct{})
				p.Finish([]*Pipe{pipe}, func() { close(done) })
				<-done
				if n := len(out.String()); n != 1000 {
					t.Errorf("got %d bytes, want 1000", n)
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkPump has eight writers at once.
func BenchmarkPump(b *testing.B) {
	for _, size := range []int{100, 4 << 10, 64 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			p := startPump(b)
			file, err := NewFiles(func(string) {}).Open("/dev/null", 0, 0, 0)
			if err != nil {
				b.Fatal(err)
			}
			const writers = 8
			var pipes []*Pipe
			var ends []*os.File
			for range writers {
				fd, w := pipe(b)
				pipes = append(pipes, add(b, p, fd, NewStream(StreamConfig{File: file})))
				ends = append(ends, w)
			}
			chunk := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			b.ResetTimer()
			var wg sync.WaitGroup
			for _, w := range ends {
				wg.Go(func() {
					for range (b.N + writers - 1) / writers {
						_, _ = w.Write(chunk)
					}
				})
			}
			wg.Wait()
			done := make(chan struct{})
			p.Finish(pipes, func() { close(done) })
			<-done
		})
	}
}

// BenchmarkIdlePipes measures what 4,000 idle children with two pipes cost.
func BenchmarkIdlePipes(b *testing.B) {
	const pipes = 8000
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < 2*pipes+100 {
		b.Skipf("the limit of descriptors is %d, %v", limit.Cur, err)
	}
	for b.Loop() {
		p := startPump(b)
		var fds []int
		for range pipes {
			var pair [2]int
			if err := unix.Pipe(pair[:]); err != nil {
				b.Fatal(err)
			}
			_ = unix.SetNonblock(pair[0], true)
			fds = append(fds, pair[0], pair[1])
		}
		before := heap()
		streams := make([]*Pipe, 0, pipes)
		for i := 0; i < len(fds); i += 2 {
			streams = append(streams, add(b, p, fds[i], NewStream(StreamConfig{})))
		}
		b.ReportMetric(float64(heap()-before)/pipes, "B/pipe")
		done := make(chan struct{})
		p.Finish(slices.Clone(streams), func() { close(done) })
		<-done
		for i := 1; i < len(fds); i += 2 {
			_ = unix.Close(fds[i])
		}
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
