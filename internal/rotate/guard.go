package rotate

import (
	"bytes"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// A Loss is what could not be written.
type Loss struct{ Bytes, Lines int64 }

// LossOf is the loss of all of p.
func LossOf(p []byte) Loss {
	return Loss{int64(len(p)), int64(bytes.Count(p, []byte{'\n'}))}
}

// Add returns the sum of two losses.
func (l Loss) Add(m Loss) Loss { return Loss{l.Bytes + m.Bytes, l.Lines + m.Lines} }

// noticeEvery is the least time between two notices about one file: a disk
// that is full to the last block would make one for every chunk.
const noticeEvery = time.Minute

// A Guard is the last step before a file. It counts the bytes that can't be
// written, and marks the gap in the file when writing works again. Nothing
// has to tell it that the trouble is over: every write tries.
//
// Only its owner may touch it, except for Dropped.
type Guard struct {
	w       io.Writer
	name    string
	marker  func(Loss) []byte
	midline bool                    // the file does not end in a newline
	trouble atomic.Pointer[trouble] // nil for most files: until bytes are lost
}

// A trouble is what a Guard knows about lost bytes, of all times.
type trouble struct {
	lost    Loss // since the last successful write
	dropped atomic.Uint64
	noticed time.Time // when the last notice was given
	quiet   bool      // the present trouble came too soon after the last for a notice
}

// NewGuard guards w, which notices call name. The marker makes the line that
// stands in the file for a gap.
func NewGuard(w io.Writer, name string, marker func(Loss) []byte) *Guard {
	return &Guard{w: w, name: name, marker: marker}
}

// Dropped is the number of bytes lost so far. Safe for concurrent use.
func (g *Guard) Dropped() uint64 {
	if t := g.trouble.Load(); t != nil {
		return t.dropped.Load()
	}
	return 0
}

// Write writes p, after a marker if bytes were lost before it. The notice is
// a line for the main log when trouble begins or ends, "" otherwise.
func (g *Guard) Write(p []byte) (notice string) {
	if t := g.trouble.Load(); t != nil && t.lost.Bytes > 0 {
		gap := t.lost
		if err := g.mark(t); err != nil {
			return g.lose(LossOf(p), err)
		}
		if !t.quiet {
			notice = fmt.Sprintf("log file %q can be written again; %d bytes were lost", g.name, gap.Bytes)
		}
	}
	n, err := g.w.Write(p)
	if n > 0 {
		g.midline = p[n-1] != '\n'
	}
	switch {
	case n < len(p):
		if trouble := g.lose(LossOf(p[n:]), err); trouble != "" {
			return trouble
		}
	case err != nil:
		return err.Error() // all is written, something else went wrong
	}
	return notice
}

// Lose counts bytes that were dropped on their way here, because of cause.
func (g *Guard) Lose(l Loss, cause error) (notice string) { return g.lose(l, cause) }

// mark writes the marker for t's gap.
func (g *Guard) mark(t *trouble) error {
	m := g.marker(t.lost)
	if g.midline {
		m = append([]byte{'\n'}, m...)
	}
	n, err := g.w.Write(m)
	if n < len(m) {
		g.midline = g.midline || n > 0
		return err
	}
	g.midline = false
	t.lost = Loss{}
	return nil
}

func (g *Guard) lose(l Loss, cause error) (notice string) {
	if l.Bytes == 0 {
		return ""
	}
	t := g.trouble.Load()
	if t == nil {
		t = new(trouble)
		g.trouble.Store(t)
	}
	first := t.lost.Bytes == 0
	t.lost = t.lost.Add(l)
	t.dropped.Add(uint64(l.Bytes))
	if !first {
		return ""
	}
	now := time.Now()
	t.quiet = !t.noticed.IsZero() && now.Sub(t.noticed) < noticeEvery
	if t.quiet {
		return ""
	}
	t.noticed = now
	return fmt.Sprintf("cannot write log file %q: %v; output is dropped until it can be written", g.name, cause)
}
