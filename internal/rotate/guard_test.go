package rotate

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// A disk takes so many bytes more.
type disk struct {
	bytes.Buffer
	room int
}

var errFull = errors.New("no space left")

func (d *disk) Write(p []byte) (int, error) {
	if len(p) > d.room {
		n, _ := d.Buffer.Write(p[:d.room])
		d.room = 0
		return n, errFull
	}
	d.room -= len(p)
	return d.Buffer.Write(p)
}

func gapForTest(l Loss) []byte { return fmt.Appendf(nil, "[%d bytes, %d lines]\n", l.Bytes, l.Lines) }

func TestGuard(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &disk{room: 5}
		g := NewGuard(d, "log", gapForTest)
		const (
			full  = `cannot write log file "log": no space left; output is dropped until it can be written`
			again = `log file "log" can be written again; %d bytes were lost`
		)
		steps := []struct {
			wait   time.Duration
			room   int
			write  string
			notice string
		}{
			{0, 5, "one\n", ""},
			{0, 1, "two\n", full}, // t is written, wo\n is lost
			{0, 0, "three\n", ""}, // said once
			{0, 3, "four\n", ""},  // the marker does not fit
			{0, 99, "five\n", fmt.Sprintf(again, 3+6+5)},
			{0, 0, "six\n", ""}, // too soon for another notice
			{0, 99, "seven\n", ""},
			{time.Hour, 0, "eight\n", full},
			{0, 99, "nine\n", fmt.Sprintf(again, 6)},
		}
		for _, s := range steps {
			time.Sleep(s.wait)
			d.room = s.room
			if got := g.Write([]byte(s.write)); got != s.notice {
				t.Errorf("Write(%q) = %q, want %q", s.write, got, s.notice)
			}
		}
		want := "one\nt\n[9\n[14 bytes, 3 lines]\nfive\n[4 bytes, 1 lines]\nseven\n[6 bytes, 1 lines]\nnine\n"
		if got := d.String(); got != want {
			t.Errorf("the file holds %q, want %q", got, want)
		}
		if got := g.Dropped(); got != 14+4+6 {
			t.Errorf("Dropped() = %d, want 24", got)
		}
	})
}

func TestGuardTellsOfRotation(t *testing.T) {
	t.Parallel()
	g := NewGuard(writerFunc(func(p []byte) (int, error) { return len(p), errors.New("cannot rotate") }), "log", gapForTest)
	if got := g.Write([]byte("x")); got != "cannot rotate" || g.Dropped() != 0 {
		t.Errorf("Write = %q and %d dropped, want the error of the rotation and none", got, g.Dropped())
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
