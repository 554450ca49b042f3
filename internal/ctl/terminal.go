package ctl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// A plain terminal reads lines from a file as they come. The wait for one ends
// with its context, without taking anything from the file.
type plain struct {
	file   *os.File
	out    io.Writer // for prompts
	errOut io.Writer // for the prompt of a secret, out of the way of output
	buf    []byte    // read, but not asked for yet
	err    error     // that came after buf
}

func newPlain(file *os.File, out, errOut io.Writer) *plain {
	return &plain{file: file, out: out, errOut: errOut}
}

// maxLine bounds a line, in bytes.
const maxLine = 1 << 20

var errLongLine = errors.New("line is too long")

func (p *plain) command(ctx context.Context, prompt string) (string, error) {
	return p.line(ctx, prompt)
}

// line prints the prompt and returns the next line without its end. What
// follows the last line end is a line if there is anything.
func (p *plain) line(ctx context.Context, prompt string) (string, error) {
	if prompt != "" { // without one, another goroutine may be writing
		if _, err := io.WriteString(p.out, prompt); err != nil {
			return "", err
		}
	}
	for {
		if line, rest, ok := bytes.Cut(p.buf, []byte("\n")); ok {
			p.buf = rest
			return strings.TrimSuffix(string(line), "\r"), nil
		}
		switch {
		case p.err != nil && len(p.buf) > 0:
			line := string(p.buf)
			p.buf = nil
			return line, nil
		case p.err != nil:
			return "", p.err
		case len(p.buf) > maxLine:
			return "", errLongLine
		}
		if err := p.fill(ctx); err != nil {
			return "", err
		}
	}
}

// fill waits until there is something to read, and reads it.
func (p *plain) fill(ctx context.Context) error {
	fd := int(p.file.Fd())
	if err := await(ctx, fd); err != nil {
		return err
	}
	piece := make([]byte, 4096)
	n, err := unix.Read(fd, piece)
	switch {
	case err == unix.EINTR:
	case err != nil:
		p.err = err
	case n == 0:
		p.err = io.EOF
	}
	p.buf = append(p.buf, piece[:max(n, 0)]...)
	return nil
}

// await returns when fd can be read, or with errInterrupted when ctx ends.
func await(ctx context.Context, fd int) error {
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("cannot make a pipe: %v", err)
	}
	defer r.Close()
	defer w.Close()
	defer context.AfterFunc(ctx, func() { _, _ = w.Write([]byte{0}) })()
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(r.Fd()), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(fds, -1)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return fmt.Errorf("cannot wait for input: %v", err)
		case fds[1].Revents != 0:
			return errInterrupted
		case fds[0].Revents != 0:
			return nil
		}
	}
}

// secret reads a line that does not show, if the file is a terminal.
func (p *plain) secret(ctx context.Context, prompt string) (string, error) {
	if mode, err := p.mode(); err == nil {
		silent := *mode
		silent.Lflag &^= unix.ECHO
		// Before the prompt: who sees it may type.
		if err := p.setMode(&silent); err != nil {
			return "", fmt.Errorf("cannot hide the password: %v", err)
		}
		defer func() {
			_ = p.setMode(mode)
			_, _ = io.WriteString(p.errOut, "\n") // the one that did not show
		}()
	}
	if _, err := io.WriteString(p.errOut, prompt); err != nil {
		return "", err
	}
	return p.line(ctx, "")
}

// mode is the mode of the terminal, or an error if the file is none.
func (p *plain) mode() (*unix.Termios, error) {
	return unix.IoctlGetTermios(int(p.file.Fd()), ioctlGetTermios)
}

func (p *plain) setMode(mode *unix.Termios) error {
	return unix.IoctlSetTermios(int(p.file.Fd()), ioctlSetTermios, mode)
}

func (p *plain) close() {}

// isTerminal reports whether f is a terminal.
func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), ioctlGetTermios)
	return err == nil
}

// windowSize is the size of a terminal, or the usual one.
func windowSize(f *os.File) (columns, rows int) {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Col == 0 || size.Row == 0 {
		return 80, 24
	}
	return int(size.Col), int(size.Row)
}
