//go:build !linux

package mainlog

import "testing"

// smallDisk skips the test: a memory file system is mounted differently here.
func smallDisk(t *testing.T, _ string) string {
	t.Skip("no small file system to mount")
	return ""
}
