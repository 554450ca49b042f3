package bench

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// forkLoop starts n programs that do nothing, in so many threads, and returns
// their pids and how long it took until all had been executed.
func (h *harness) forkLoop(n, threads int) ([]int, time.Duration, error) {
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		return nil, 0, err
	}
	defer null.Close()
	attr := &syscall.ProcAttr{
		Env: h.environ(), Files: []uintptr{null.Fd(), null.Fd(), null.Fd()},
		Sys: &syscall.SysProcAttr{Setpgid: true},
	}
	pids, errs := make([]int, n), make([]error, threads)
	var all sync.WaitGroup
	begun := time.Now()
	for t := range threads {
		all.Go(func() {
			for i := t; i < n && errs[t] == nil; i += threads {
				pids[i], errs[t] = syscall.ForkExec(sleepPath, []string{sleepPath, "infinity"}, attr)
			}
		})
	}
	all.Wait()
	took := time.Since(begun)
	for _, err := range errs {
		if err != nil {
			return pids, took, err
		}
	}
	return pids, took, nil
}

// reapLoop sends each pid SIGTERM and then waits for each.
func reapLoop(pids []int) (time.Duration, error) {
	begun := time.Now()
	for _, pid := range pids {
		if pid == 0 {
			continue
		}
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
			return 0, err
		}
	}
	for _, pid := range pids {
		if pid == 0 {
			continue
		}
		for {
			if _, err := syscall.Wait4(pid, nil, 0, nil); err == nil {
				break
			} else if err != syscall.EINTR {
				return 0, err
			}
		}
	}
	return time.Since(begun), nil
}

// forkAndReap is what starting and stopping n programs costs the machine. Of
// one thread and as many as our daemon uses, it takes what is faster.
func (h *harness) forkAndReap(n int) (start, stop time.Duration, err error) {
	for _, threads := range []int{1, 4} {
		pids, up, failed := h.forkLoop(n, threads)
		down, failed2 := reapLoop(pids)
		if failed != nil || failed2 != nil {
			return 0, 0, fmt.Errorf("bare loop: %v, %v", failed, failed2)
		}
		if start == 0 || up < start {
			start = up
		}
		if stop == 0 || down < stop {
			stop = down
		}
	}
	return start, stop, nil
}

// role starts this binary as something else. What it returns kills it.
func (h *harness) role(args ...string) (*exec.Cmd, func(), error) {
	cmd := exec.Command(h.self, args...)
	cmd.Env, cmd.Stderr, cmd.Dir = h.environ(), os.Stderr, h.dir
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	return cmd, func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }, nil
}

// constant starts the server that answers body to everything, and returns its
// socket.
func (h *harness) constant(body []byte) (socket string, stop func(), err error) {
	dir, err := h.newDir()
	if err != nil {
		return "", nil, err
	}
	socket = filepath.Join(dir, "s.sock")
	file := filepath.Join(dir, "body")
	if err := os.WriteFile(file, body, 0o644); err != nil {
		return "", nil, err
	}
	_, stop, err = h.role("as-constant", socket, file)
	if err != nil {
		return "", nil, err
	}
	err = h.until("the constant server answers", 5*time.Millisecond, func() (bool, error) {
		c, err := dial(socket)
		if err != nil {
			return false, nil
		}
		c.close()
		return true, nil
	})
	return socket, stop, err
}

// fifo makes a FIFO and opens it so that it never ends.
func fifo(path string) (*os.File, error) {
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_RDWR, 0)
}

// pidRecord is how a child tells its pid: 8 bytes, the lowest first.
func pidRecord(pid int) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(pid)) }

// tinyProgram is a static ELF program for amd64 that writes its pid to a FIFO
// in its first instructions, and then waits for a signal. Any other program
// would spend most of a restart in its own runtime or in the dynamic linker,
// and hide what a supervisor adds.
func tinyProgram(fifo string) []byte {
	const base, header = 0x400000, 64 + 56
	code := []byte{
		0xb8, 2, 0, 0, 0, // mov eax, open
		0x48, 0x8d, 0x3d, 41, 0, 0, 0, // lea rdi, [path]
		0xbe, 1, 0, 0, 0, // mov esi, O_WRONLY
		0x0f, 0x05, // syscall
		0x89, 0xc7, // mov edi, eax
		0xb8, 39, 0, 0, 0, // mov eax, getpid
		0x0f, 0x05, // syscall
		0x50,             // push rax
		0x48, 0x89, 0xe6, // mov rsi, rsp
		0xba, 8, 0, 0, 0, // mov edx, 8
		0xb8, 1, 0, 0, 0, // mov eax, write
		0x0f, 0x05, // syscall
		0xb8, 34, 0, 0, 0, // mov eax, pause
		0x0f, 0x05, // syscall
		0xeb, 0xf7, // jmp to mov eax, pause
	}
	code[8] = byte(len(code) - 12) // the path follows the code
	code = append(append(code, fifo...), 0)
	size := uint64(header + len(code))
	le := binary.LittleEndian
	out := []byte{0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	out = le.AppendUint16(out, 2)  // executable
	out = le.AppendUint16(out, 62) // amd64
	out = le.AppendUint32(out, 1)
	out = le.AppendUint64(out, base+header) // entry
	out = le.AppendUint64(out, 64)          // program headers
	out = le.AppendUint64(out, 0)
	out = le.AppendUint32(out, 0)
	for _, n := range []uint16{64, 56, 1, 0, 0, 0} {
		out = le.AppendUint16(out, n)
	}
	out = le.AppendUint32(out, 1) // load
	out = le.AppendUint32(out, 5) // readable, executable
	for _, n := range []uint64{0, base, base, size, size, 0x1000} {
		out = le.AppendUint64(out, n)
	}
	return append(out, code...)
}
