package childlog

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// stdin returns an Input and the child's end.
func stdin(t *testing.T) (*Input, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	fd, err := unix.FcntlInt(w.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	i := NewInput(fd)
	t.Cleanup(i.Close)
	return i, r
}

func TestInput(t *testing.T) {
	t.Parallel()
	i, r := stdin(t)
	for _, text := range []string{"one\n", "", "two\n"} {
		if err := i.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	i.Close()
	i.Close()
	if got, err := io.ReadAll(r); string(got) != "one\ntwo\n" {
		t.Errorf("read %q, %v", got, err)
	}
	if err := i.Write([]byte("x")); !errors.Is(err, ErrClosed) {
		t.Errorf("Write after Close = %v, want ErrClosed", err)
	}
}

// A child that does not read: what it gets later is in order and whole.
func TestInputQueues(t *testing.T) {
	t.Parallel()
	i, r := stdin(t)
	var want []byte
	for n := 0; ; n++ {
		p := bytes.Repeat([]byte{byte('a' + n%26)}, 10007)
		err := i.Write(p)
		if errors.Is(err, ErrFull) {
			break
		}
		if err != nil || len(want) > 2*inputBytes {
			t.Fatalf("%d bytes queued, Write = %v", len(want), err)
		}
		want = append(want, p...)
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("read other bytes than were written, %v", err)
	}
	// The queue is empty: a single write may be of any size.
	big := bytes.Repeat([]byte("0123456789"), 300000)
	for err := ErrFull; err != nil; { // the writer may not have noticed yet
		if err = i.Write(big); err != nil && !errors.Is(err, ErrFull) {
			t.Fatal(err)
		}
	}
	got = make([]byte, len(big))
	if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, big) {
		t.Errorf("read other bytes than were written, %v", err)
	}
}

func TestInputClosesWhileFull(t *testing.T) {
	t.Parallel()
	i, r := stdin(t)
	if err := i.Write(make([]byte, 500000)); err != nil {
		t.Fatal(err)
	}
	i.Close()
	// The end of the file comes after what the pipe held.
	if got, err := io.ReadAll(r); err != nil || len(got) >= 500000 {
		t.Errorf("read %d bytes, %v, want an end before all", len(got), err)
	}
}

func TestInputOfDeadChild(t *testing.T) {
	t.Parallel()
	i, r := stdin(t)
	r.Close()
	for range 2 {
		if err := i.Write([]byte("x")); !errors.Is(err, ErrClosed) {
			t.Errorf("Write = %v, want ErrClosed", err)
		}
	}

	i, r = stdin(t)
	if err := i.Write(make([]byte, 500000)); err != nil {
		t.Fatal(err)
	}
	r.Close()
	var err error
	for n := 0; !errors.Is(err, ErrClosed); n++ { // until the writer has noticed, or the queue is full
		if err = i.Write([]byte("x")); errors.Is(err, ErrFull) {
			t.Fatal("the writer never noticed")
		}
	}
}
