package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// image makes a directory like that of the Dockerfile, with one program.
func image(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("it takes root to change the root")
	}
	root := t.TempDir()
	for _, dir := range []string{"usr/bin", "etc/supervisord.d", "run", "tmp", "dev"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	conf, err := os.ReadFile("docker/supervisord.conf")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"etc/supervisord.conf":        string(conf),
		"etc/supervisord.d/once.conf": "[program:once]\ncommand=supervisord -v\nstartsecs=0\nautorestart=false\n",
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(build(t), filepath.Join(root, "usr/bin/supervisord")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("supervisord", filepath.Join(root, "usr/bin/supervisorctl")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mknod(filepath.Join(root, "dev/null"), syscall.S_IFCHR|0o666, 1<<8|3); err != nil {
		t.Skipf("no device can be made here: %v", err)
	}
	return root
}

// inside is a command in another root, with an empty environment, and as its
// PID 1 if first is true.
func inside(t *testing.T, root string, first bool, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := &exec.Cmd{Path: name, Args: append([]string{name}, args...), Env: []string{}, Dir: "/"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	if first {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWPID
	}
	return cmd
}
