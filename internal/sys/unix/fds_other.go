//go:build !linux

package unix

import "syscall"

// maxInherited bounds the search below. A parent that leaves open what is
// beyond is not known; the limit itself may be in the billions.
const maxInherited = 65536

// CloseOnExec keeps the descriptors from 3 on that this process was started
// with from its children. Call it once, before anything is started. What is
// meant for a child goes to it as a descriptor from 0 to 2.
func CloseOnExec() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	for fd := 3; fd < int(min(uint64(limit.Cur), maxInherited)); fd++ {
		syscall.CloseOnExec(fd)
	}
	return nil
}
