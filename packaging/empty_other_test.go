//go:build !linux

package packaging

import (
	"os/exec"
	"testing"
)

func image(t *testing.T) string {
	t.Skip("namespaces of processes are Linux's")
	return ""
}

func inside(*testing.T, string, bool, string, ...string) *exec.Cmd { return nil }
