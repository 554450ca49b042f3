//go:build !portable

package childlog

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// TestLend reads a listener's pipe in place of the pump, and gives it back.
func TestLend(t *testing.T) {
	t.Parallel()
	p := startPump(t)
	file, err := NewFiles(func(string) {}).Open(filepath.Join(t.TempDir(), "log"), 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	var tapped collected
	tap := collect(&tapped).c.OnLog
	fd, w := pipe(t)
	stdout := add(t, p, fd, NewStream(StreamConfig{File: file, Tap: tap}))
	fmt.Fprint(w, "READY\n")
	tapped.wait(t, "READY\n")
	buf := make([]byte, 100)
	overhear := func(want string) (lent bool) {
		t.Helper()
		for {
			n, lent := p.Overhear(stdout, buf)
			if n > 0 || !lent {
				if string(buf[:n]) != want {
					t.Errorf("overheard %q, want %q", buf[:n], want)
				}
				return lent
			}
		}
	}
	lend := func() {
		t.Helper()
		for !p.Lend(stdout) {
			runtime.Gosched() // the pump is at it
		}
	}

	lend()
	if p.Lend(stdout) {
		t.Error("lent twice")
	}
	fmt.Fprint(w, "OK")
	if !overhear("OK") {
		t.Error("no longer lent after a word")
	}
	p.TakeBack(stdout)
	fmt.Fprint(w, "READY\n")
	tapped.wait(t, "READY\nREADY\n")
	if text, err := os.ReadFile(file.Path()); err != nil || !bytes.HasPrefix(text, []byte("READY\nOK")) {
		t.Errorf("the log has %q, %v", text, err)
	}

	// Much of it goes to the log by way of the pump.
	lend()
	long := bytes.Repeat([]byte("x"), 100)
	read := 0
	for lent := true; lent; read += len(long) {
		w.Write(long)
		lent = overhear(string(long))
	}
	if read != unsaidBytes/100*100+100 {
		t.Errorf("%d bytes read without a line in the log", read)
	}
	lend()
	fmt.Fprint(w, "last")
	overhear("last")
	fmt.Fprint(w, " words")
	finish(t, p, stdout)
	tapped.wait(t, "READY\nREADY\n words")
	if text, _ := os.ReadFile(file.Path()); !bytes.HasSuffix(text, []byte("xlast words")) || len(text) != 14+read+10 {
		t.Errorf("the log ends in %q after %d bytes", text[max(0, len(text)-20):], len(text))
	}
	if _, lent := p.Overhear(stdout, buf); lent || p.Lend(stdout) {
		t.Error("a closed pipe is lent")
	}
}

// TestLendEnds has the pump find out that a pipe that was lent has ended.
func TestLendEnds(t *testing.T) {
	t.Parallel()
	p := startPump(t)
	fd, w := pipe(t)
	stdout := add(t, p, fd, NewStream(StreamConfig{Tap: func([]byte) {}}))
	if !p.Lend(stdout) {
		t.Fatal("not lent")
	}
	w.Close()
	if n, lent := p.Overhear(stdout, make([]byte, 10)); n > 0 || lent {
		t.Errorf("%d bytes, lent %v, want the end", n, lent)
	}
	for isOpen(stdout) {
		runtime.Gosched() // the pump is about to close it
	}
	fd, _ = pipe(t)
	if p.Lend(add(t, p, fd, NewStream(StreamConfig{}))) {
		t.Error("lent a pipe that nobody listens to")
	}
}

func isOpen(p *Pipe) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fd >= 0
}
