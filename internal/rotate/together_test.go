package rotate

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestTogether writes the same lines one by one and gathered, to files that
// rotate: each file must have the same lines, with fewer writes.
func TestTogether(t *testing.T) {
	t.Parallel()
	const lines, maxBytes, backups = 3000, 5000, 30
	content := func(together bool) (text []string, writes int) {
		path := filepath.Join(t.TempDir(), "log")
		f, err := Open(path, Options{MaxBytes: maxBytes, Backups: backups})
		if err != nil {
			t.Fatal(err)
		}
		o := QueueOptions{Limit: 1 << 20, Whole: true}
		if together {
			o.Together = f.Room
		}
		begin := make(chan struct{})
		q := NewQueue(writerFunc(func(p []byte) (int, error) { writes++; return f.Write(p) }), o)
		q.Do(func() { <-begin })
		for i := range lines {
			q.Write(fmt.Appendf(nil, "line %d%s\n", i, strings.Repeat(".", i%40)))
		}
		close(begin)
		if err := q.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range backups + 1 {
			name := path
			if i > 0 {
				name = backup(path, i)
			}
			b, _ := os.ReadFile(name)
			text = append(text, string(b))
		}
		return text, writes
	}
	alone, _ := content(false)
	gathered, writes := content(true)
	if alone[1] == "" || strings.Join(alone, "|") != strings.Join(gathered, "|") {
		t.Errorf("files differ, or none was rotated")
	}
	if writes > lines/4 {
		t.Errorf("%d writes for %d lines", writes, lines)
	}
}

// TestRoomOfOthers checks that lines stay alone where others may write.
func TestRoomOfOthers(t *testing.T) {
	t.Parallel()
	f, err := Open(os.DevNull, Options{MaxBytes: 10})
	if err != nil {
		t.Fatal(err)
	}
	if f.Room() == 0 {
		t.Error("no room in a file that never rotates")
	}
	_ = f.Close()
	if n := f.Room(); n != 0 {
		t.Errorf("room for %d bytes in a closed file", n)
	}
	path := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if n := p.Room(); n != 0 {
		t.Errorf("room for %d bytes in a FIFO", n)
	}
}
