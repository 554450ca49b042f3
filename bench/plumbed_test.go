package bench

import (
	"fmt"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// forkPlumbed is forkLoop in four threads for children that a supervisor could
// look after: each has three pipes of its own, two log files are made and
// open for it. It is no limit, but what a supervisor must do at least.
func (h *harness) forkPlumbed(n int) (time.Duration, error) {
	dir, err := h.newDir()
	if err != nil {
		return 0, err
	}
	const threads = 4
	pids, errs, ours := make([]int, n), make([]error, threads), make([][]int, threads)
	var all sync.WaitGroup
	begun := time.Now()
	for t := range threads {
		all.Go(func() {
			for i := t; i < n && errs[t] == nil; i += threads {
				var open []int
				pids[i], open, errs[t] = h.plumbed(filepath.Join(dir, "child", fmt.Sprint(i)))
				ours[t] = append(ours[t], open...)
			}
		})
	}
	all.Wait()
	took := time.Since(begun)
	_, failed := reapLoop(pids)
	for t, fds := range ours {
		for _, fd := range fds {
			syscall.Close(fd)
		}
		if failed == nil {
			failed = errs[t]
		}
	}
	return took, failed
}

// plumbed starts one child with logs at path. What it returns as open is to be
// closed, error or not.
func (h *harness) plumbed(path string) (pid int, open []int, err error) {
	for _, suffix := range []string{"out", "err"} {
		fd, err := syscall.Open(path+suffix, syscall.O_CREAT|syscall.O_WRONLY|syscall.O_APPEND|syscall.O_CLOEXEC, 0o644)
		if err != nil {
			return 0, open, err
		}
		open = append(open, fd)
	}
	var theirs []uintptr
	defer func() {
		for _, fd := range theirs {
			syscall.Close(int(fd))
		}
	}()
	for fd := range 3 {
		var p [2]int
		if err := syscall.Pipe2(p[:], syscall.O_CLOEXEC); err != nil {
			return 0, open, err
		}
		if fd > 0 {
			p[0], p[1] = p[1], p[0]
		}
		theirs, open = append(theirs, uintptr(p[0])), append(open, p[1])
	}
	attr := &syscall.ProcAttr{Env: h.environ(), Files: theirs, Sys: &syscall.SysProcAttr{Setpgid: true}}
	pid, err = syscall.ForkExec(sleepPath, []string{sleepPath, "infinity"}, attr)
	return pid, open, err
}
