//go:build !portable

package childlog

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// TestFinishEmpty has pipes that their child left empty closed at once, and
// nothing done to others.
func TestFinishEmpty(t *testing.T) {
	t.Parallel()
	p := startPump(t)
	file, err := NewFiles(func(string) {}).Open(filepath.Join(t.TempDir(), "log"), 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd, w := pipe(t)
	empty := add(t, p, fd, NewStream(StreamConfig{File: file}))
	var out collected
	fd, v := pipe(t)
	heard := add(t, p, fd, collect(&out))

	if p.FinishEmpty([]*Pipe{empty, heard}) {
		t.Error("a stream that reports was not waited for")
	}
	fmt.Fprint(v, "alive")
	out.wait(t, "alive")

	// While the pump copies from it, nobody waits for it.
	empty.mu.Lock()
	if p.FinishEmpty([]*Pipe{empty}) {
		t.Error("a pipe in use was taken to be empty")
	}
	fmt.Fprint(w, "x")
	empty.mu.Unlock()
	for !p.FinishEmpty([]*Pipe{nil, empty}) {
		runtime.Gosched() // the pump is about to copy it
	}
	if text, err := os.ReadFile(file.Path()); err != nil || string(text) != "x" {
		t.Errorf("the log has %q, %v, want the last words", text, err)
	}
	for {
		if _, err := io.WriteString(w, "y"); err != nil {
			break // the pump has closed it
		}
	}
	for !p.FinishEmpty([]*Pipe{empty}) {
		runtime.Gosched() // the pump may still be at it; a closed pipe is empty
	}
	finish(t, p, heard)
}
