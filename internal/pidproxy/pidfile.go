package pidproxy

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// pidfileBytes is how much of a pidfile is read; the pid is its first word.
const pidfileBytes = 4096

// readPid returns the pid that is the first word of a file.
func readPid(path string) (int, error) {
	// A FIFO in its place must not make us deaf for signals.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return 0, errors.New("not a regular file")
	}
	text, err := io.ReadAll(io.LimitReader(f, pidfileBytes))
	if err != nil {
		return 0, err
	}
	words := strings.Fields(string(text))
	if len(words) == 0 {
		return 0, errors.New("empty")
	}
	pid, err := strconv.Atoi(words[0])
	switch {
	case err != nil:
		return 0, err
	case pid < 2 || pid == os.Getpid():
		return 0, fmt.Errorf("refusing to signal process %d", pid)
	}
	return pid, nil
}
