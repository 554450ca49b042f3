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
	lost    Loss // since the last successful write
	dropped atomic.Uint64
	midline bool      // the file does not end in a newline
	noticed time.Time // when the last notice was given
	quiet   bool      // the present trouble came too soon after the last for a notice
}

// NewGuard guards w, which notices call name. The marker makes the line that
// stands in the file for a gap.
func NewGuard(w io.Writer, name string, marker func(Loss) []byte) *Guard {
	return &Guard{w: w, name: name, marker: marker}
}

// Dropped is the number of bytes lost so far. Safe for concurrent use.
func (g *Guard) Dropped() uint64 { return g.dropped.Load() }

// Write writes p, after a marker if bytes were lost before it. The notice is
// a line for the main log when trouble begins or ends, "" otherwise.
func (g *Guard) Write(p []byte) (notice string) {
	if g.lost.Bytes > 0 {
		gap := g.lost
		if err := g.mark(); err != nil {
			return g.lose(LossOf(p), err)
		}
		notice = g.resumed(gap)
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

func (g *Guard) mark() error {
	m := g.marker(g.lost)
	if g.midline {
		m = append([]byte{'\n'}, m...)
	}
	n, err := g.w.Write(m)
	if n < len(m) {
		g.midline = g.midline || n > 0
		return err
	}
	g.midline = false
	g.lost = Loss{}
	return nil
}

func (g *Guard) lose(l Loss, cause error) (notice string) {
	if l.Bytes == 0 {
		return ""
	}
	first := g.lost.Bytes == 0
	g.lost = g.lost.Add(l)
	g.dropped.Add(uint64(l.Bytes))
	if !first {
		return ""
	}
	now := time.Now()
	g.quiet = !g.noticed.IsZero() && now.Sub(g.noticed) < noticeEvery
	if g.quiet {
		return ""
	}
	g.noticed = now
	return fmt.Sprintf("cannot write log file %q: %v; output is dropped until it can be written", g.name, cause)
}

func (g *Guard) resumed(gap Loss) string {
	if g.quiet {
		return ""
	}
	return fmt.Sprintf("log file %q can be written again; %d bytes were lost", g.name, gap.Bytes)
}
