// Package packaging tests what is around the program: the Debian package, the
// systemd unit and what a container is made of.
package packaging

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// build returns a static binary as releases have it.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "supervisord")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "../cmd/supervisord")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// need skips the test where the system lacks a command, or an original.
func need(t *testing.T, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if _, err := exec.LookPath(path); err != nil {
			t.Skipf("%s is missing", path)
		}
	}
}

// pack builds the Debian package in a version.
func pack(t *testing.T, binary, version, dir string) string {
	t.Helper()
	cmd := exec.Command("deb/build", binary, version, runtime.GOARCH, dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// TestDebContents looks into the package.
func TestDebContents(t *testing.T) {
	t.Parallel()
	need(t, "dpkg-deb")
	binary := filepath.Join(t.TempDir(), "binary")
	if err := os.WriteFile(binary, []byte("program"), 0o755); err != nil {
		t.Fatal(err)
	}
	deb := pack(t, binary, "1.2.3", t.TempDir())
	list, err := exec.Command("dpkg-deb", "--contents", deb).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"-rwxr-xr-x root/root", " ./usr/bin/supervisord\n", " ./usr/bin/supervisorctl -> supervisord\n",
		" ./usr/bin/pidproxy -> supervisord\n", " ./usr/bin/echo_supervisord_conf -> supervisord\n",
		" ./etc/supervisor/conf.d/\n", " ./var/log/supervisor/\n", " ./lib/systemd/system/supervisor.service\n",
		" ./usr/share/doc/twiddler/configuration.md\n", " ./usr/share/doc/twiddler/copyright\n",
	} {
		if !strings.Contains(string(list), want) {
			t.Errorf("no %q in\n%s", want, list)
		}
	}
	// A file of configuration in the package would be overwritten, or asked
	// about.
	if strings.Contains(string(list), "./etc/supervisor/supervisord.conf") {
		t.Error("the package owns the configuration")
	}
	control, err := exec.Command("dpkg-deb", "--field", deb).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Version: 1.2.3\n", "Provides: supervisor", "Conflicts: supervisor\n", "Replaces: supervisor\n",
		"Architecture: " + runtime.GOARCH + "\n"} {
		if !strings.Contains(string(control), want) {
			t.Errorf("no %q in\n%s", want, control)
		}
	}
}

// TestReplace installs the package over Debian's supervisor, in a copy of this
// system.
func TestReplace(t *testing.T) {
	t.Parallel()
	need(t, "dpkg-deb", "dpkg", "unshare", "/etc/init.d/supervisor", "/usr/bin/supervisord")
	if os.Getuid() != 0 {
		t.Skip("it takes root to have a copy of the system")
	}
	probe := exec.Command("unshare", "--mount", "--pid", "--fork", "testdata/sandbox.sh", t.TempDir(), "/bin/true")
	if out, err := probe.CombinedOutput(); err != nil {
		t.Skipf("no copy of the system can be had here: %v\n%s", err, out)
	}
	binary, dir := build(t), t.TempDir()
	script, err := filepath.Abs("testdata/replace.sh")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "--pid", "--fork", "--kill-child", "testdata/sandbox.sh",
		t.TempDir(), "/bin/sh", script, pack(t, binary, "0.0.1", dir), pack(t, binary, "0.0.2", dir))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "== done\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestUnit(t *testing.T) {
	t.Parallel()
	need(t, "systemd-analyze")
	text, err := os.ReadFile("systemd/supervisor.service")
	if err != nil {
		t.Fatal(err)
	}
	// Where the package is not installed there is no such command.
	unit := filepath.Join(t.TempDir(), "supervisor.service")
	text = bytes.ReplaceAll(text, []byte("/usr/bin/supervisord"), []byte("/bin/true"))
	if err := os.WriteFile(unit, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("systemd-analyze", "verify", "--man=no", unit).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestScripts has the shell read the scripts of the package.
func TestScripts(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"deb/build", "deb/init", "deb/postinst", "deb/prerm", "deb/postrm",
		"testdata/replace.sh", "testdata/sandbox.sh"} {
		if out, err := exec.Command("/bin/sh", "-n", name).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// until reads lines until one contains the text.
func until(t *testing.T, lines *bufio.Scanner, text string) {
	t.Helper()
	var all strings.Builder
	for lines.Scan() {
		all.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), text) {
			return
		}
	}
	t.Fatalf("no %q in the log:\n%s", text, all.String())
}

// TestEmptyRoot runs the container's configuration as PID 1 of a system with
// no file but ours: no users, no shell, no library, no time zones.
func TestEmptyRoot(t *testing.T) {
	t.Parallel()
	root := image(t)
	// There is no list of users, and root is one all the same.
	server := inside(t, root, true, "/usr/bin/supervisord", "-n", "-u", "root", "-c", "/etc/supervisord.conf")
	out, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	server.Stdout, server.Stderr = w, w
	if err := server.Start(); err != nil {
		t.Skipf("no process can have an empty root here: %v", err)
	}
	w.Close()
	t.Cleanup(func() { server.Process.Kill() }) // all in its namespace go with it
	lines := bufio.NewScanner(out)
	until(t, lines, "supervisord started with pid 1")
	until(t, lines, "exited: once (exit status 0; expected)")

	control := func(args ...string) string {
		out, err := inside(t, root, false, "/usr/bin/supervisorctl", append([]string{"-c", "/etc/supervisord.conf"}, args...)...).CombinedOutput()
		if err != nil {
			t.Errorf("supervisorctl %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	if got := control("pid"); got != "1\n" {
		t.Errorf("pid is %q", got)
	}
	if got := strings.TrimSpace(control("tail", "once")); got != "4.3.0" {
		t.Errorf("output of the program is %q", got)
	}
	control("shutdown")
	if _, err := io.Copy(io.Discard, out); err != nil {
		t.Error(err)
	}
	if err := server.Wait(); err != nil {
		t.Errorf("supervisord ended with %v", err)
	}
}
