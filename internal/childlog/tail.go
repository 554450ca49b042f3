package childlog

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// MaxRead is the most that Read and Tail return.
const MaxRead = 128 << 20

var (
	// ErrBadArguments is the fault BAD_ARGUMENTS of a read.
	ErrBadArguments = errors.New("BAD_ARGUMENTS")
	// ErrTooBig says that the part asked for is over MaxRead.
	ErrTooBig = fmt.Errorf("more than %d bytes at once", MaxRead)
	// errNoLog says that there is no reading a log from here.
	errNoLog = errors.New("not a regular file")
)

// Read returns length bytes of the file from offset; a length of 0 means to
// the end, a negative offset the last bytes, with a length of 0. Beyond the
// end there is nothing, which is no error. The error is ErrBadArguments,
// ErrTooBig, or what happened to the file, such as fs.ErrNotExist.
// Supervisor 4.2.5, options.py, readFile.
func Read(path string, offset, length int64) ([]byte, error) {
	if length < 0 || offset < 0 && length != 0 {
		return nil, ErrBadArguments
	}
	file, size, err := openLog(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if offset < 0 {
		offset = max(size+offset, 0)
	}
	return readAt(file, size, offset, length)
}

// Tail returns the window of length bytes at offset, moved back if it reaches
// over the end; when the file has grown beyond the window, the answer is the
// end of the file and overflow. The size is the next offset to ask for. A
// file that is absent gives ("", 0, false), one that can't be read offset as
// its size. Of a window over MaxRead the last bytes are returned. Supervisor
// 4.2.5, options.py, tailFile.
func Tail(path string, offset, length int64) (data []byte, size int64, overflow bool) {
	file, size, err := openLog(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, 0, false
	}
	if err != nil {
		return nil, offset, false
	}
	defer file.Close()
	if size > plus(offset, length) {
		overflow = true
		offset = size - 1
	}
	if plus(offset, length) > size {
		if offset > size-1 {
			length = 0
		}
		offset = size - length
	}
	offset, length = max(offset, 0), max(length, 0)
	length = min(length, size-offset)
	if length > MaxRead {
		offset += length - MaxRead
		length = MaxRead
	}
	if length == 0 {
		return nil, size, overflow
	}
	data, err = readAt(file, size, offset, length)
	if err != nil {
		return nil, size, false
	}
	return data, size, overflow
}

// ValidText makes text of a piece of a log: runes that the cut has split at
// either edge are left out, other bytes that are no UTF-8 become U+FFFD.
func ValidText(data []byte) string {
	for i := 0; i < utf8.UTFMax-1 && len(data) > 0 && data[0]&0xc0 == 0x80; i++ {
		data = data[1:]
	}
	for i := 1; i < utf8.UTFMax && i <= len(data); i++ {
		if end := data[len(data)-i:]; utf8.RuneStart(end[0]) {
			if !utf8.FullRune(end) {
				data = data[:len(data)-i]
			}
			break
		}
	}
	return strings.ToValidUTF8(string(data), string(utf8.RuneError))
}

// openLog opens a regular file for reading. It does not wait for the writer of
// a FIFO.
func openLog(path string) (*os.File, int64, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &os.PathError{Op: "read", Path: path, Err: errNoLog}
	}
	if err != nil {
		_ = file.Close()
		return nil, 0, err
	}
	return file, info.Size(), nil
}

func readAt(file *os.File, size, offset, length int64) ([]byte, error) {
	rest := max(size-offset, 0)
	if length == 0 || length > rest {
		length = rest
	}
	if length > MaxRead {
		return nil, ErrTooBig
	}
	data := make([]byte, length)
	n, err := file.ReadAt(data, offset)
	if err != nil && !errors.Is(err, io.EOF) { // it may have been truncated since
		return nil, err
	}
	return data[:n], nil
}

// plus is a+b without overflow.
func plus(a, b int64) int64 {
	switch {
	case b > 0 && a > math.MaxInt64-b:
		return math.MaxInt64
	case b < 0 && a < math.MinInt64-b:
		return math.MinInt64
	}
	return a + b
}
