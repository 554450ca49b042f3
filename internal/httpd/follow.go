package httpd

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
	"unicode/utf8"
)

const (
	tailSize  = 1024 // bytes of a log that a follower gets at first
	pieceRead = 32 << 10
	// Supervisor 4.2.5, http.py, tail_f_producer; there it ends a chunked
	// answer instead.
	truncatedLine = "==> File truncated <==\n"
)

// A follower reads what is added to a log. Only its owner may use it.
type follower struct {
	path    string
	file    *os.File
	offset  int64
	leaving bool // another file is at the path; the rest of this one is read first
	held    bool // the only new bytes are the start of a character; they go with the next read
	buf     [pieceRead]byte
}

// follow opens a log and goes to its last tailSize bytes.
func follow(path string) (*follower, error) {
	f := &follower{path: path}
	if err := f.open(); err != nil {
		return nil, err
	}
	info, err := f.file.Stat()
	if err != nil {
		f.close()
		return nil, err
	}
	if f.offset = max(0, info.Size()-tailSize); f.offset > 0 {
		f.skipPartialRune()
	}
	return f, nil
}

func (f *follower) close() { _ = f.file.Close() } // it was only read

func (f *follower) stat() (os.FileInfo, error) { return f.file.Stat() }

// next returns what is new, valid until the next call; nothing if nothing is.
func (f *follower) next() ([]byte, error) {
	for {
		n, err := f.file.ReadAt(f.buf[:], f.offset)
		if n > 0 {
			return f.take(f.buf[:n]), nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		info, err := f.file.Stat()
		if err != nil {
			return nil, err
		}
		if info.Size() < f.offset {
			f.offset = 0
			return []byte(truncatedLine), nil
		}
		switch {
		case f.leaving:
			// Nothing was added to the old file before the new one was there.
			f.leaving = false
			if !f.moveOn() {
				return nil, nil
			}
		case f.rotated(info):
			f.leaving = true
		default:
			return nil, nil
		}
	}
}

// take passes on data but for a character that is not whole yet. One that
// stays so is passed on at the second sight of it.
func (f *follower) take(data []byte) []byte {
	cut := partialRune(data)
	if cut == len(data) && f.held {
		cut = 0
	}
	data = data[:len(data)-cut]
	f.held = len(data) == 0
	f.offset += int64(len(data))
	return data
}

// rotated reports whether another file has come to the path. While there is
// none, the old one is followed.
func (f *follower) rotated(old os.FileInfo) bool {
	info, err := os.Stat(f.path)
	return err == nil && !os.SameFile(info, old)
}

// moveOn opens the file that is at the path now.
func (f *follower) moveOn() bool {
	before := f.file
	if err := f.open(); err != nil {
		f.file = before
		return false
	}
	_ = before.Close() // it was only read
	f.offset, f.held = 0, false
	return true
}

func (f *follower) open() (err error) {
	f.file, err = openRegular(f.path)
	return err
}

// openRegular opens a path if it is a file: a pipe would have no end and no
// past.
func openRegular(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "follow", Path: path, Err: errors.ErrUnsupported}
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// skipPartialRune moves to the start of a character.
func (f *follower) skipPartialRune() {
	var b [utf8.UTFMax - 1]byte
	n, _ := f.file.ReadAt(b[:], f.offset) // what fails here fails again in next
	for i := 0; i < n && !utf8.RuneStart(b[i]); i++ {
		f.offset++
	}
}

// partialRune is the number of bytes at the end of data that begin a character
// and do not end it.
func partialRune(data []byte) int {
	for n := 1; n <= min(utf8.UTFMax, len(data)); n++ {
		last := data[len(data)-n:]
		if utf8.RuneStart(last[0]) {
			if utf8.FullRune(last) {
				return 0
			}
			return n
		}
	}
	return 0
}
