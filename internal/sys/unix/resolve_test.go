//go:build linux

package unix

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"example.org/twiddler/internal/sys"
)

func TestResolve(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{
		"a/tool": 0o755, "b/tool": 0o755, "a/plain": 0o644, "b/plain": 0o755, "b/it's": 0o644, "d/tool": 0o010,
	} {
		path := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(path), 0o755)
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	os.MkdirAll(filepath.Join(dir, "a/folder"), 0o755)
	a, b, d := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "d")
	path := "/nope:" + a + "/:" + b
	for _, tt := range []struct {
		command, path, file string
		argv                []string
		err                 string
	}{
		{"tool", path, a + "/tool", []string{"tool"}, ""},
		{"tool", b + ":" + a, b + "/tool", []string{"tool"}, ""},
		{`tool 'x y' "\"" #z $HOME`, path, a + "/tool", []string{"tool", "x y", `"`, "#z", "$HOME"}, ""},
		{a + "/../b/tool", "", a + "/../b/tool", []string{a + "/../b/tool"}, ""},
		{"sh", "", "", []string{"sh"}, ""},
		// The first that is there wins, even if it cannot be run.
		{"plain", path, "", nil, "command at '" + a + "/plain' is not executable"},
		{"folder", path, "", nil, "command at '" + a + "/folder' is a directory"},
		{`"it's"`, b, "", nil, `command at "` + b + `/it's" is not executable`},
		{"gone", path, "", nil, "can't find command 'gone'"},
		{a + "/gone", path, "", nil, "can't find command '" + a + "/gone'"},
		{"/etc/passwd/x", path, "", nil, "can't find command '/etc/passwd/x'"},
		{"resolve.go", ":" + a, "", nil, "command at 'resolve.go' is not executable"},
		{`""`, a, "", nil, "command at '" + a + "/' is a directory"},
		{"  ", path, "", nil, "command is empty"},
		{"tool 'x", path, "", nil, `can't parse command "tool 'x": No closing quotation`},
		{`tool \`, path, "", nil, `can't parse command 'tool \\': No escaped character`},
		{"tool", d, "root:" + d + "/tool", []string{"tool"}, "no permission to run command '" + d + "/tool'"},
	} {
		if tt.file == "root:"+d+"/tool" {
			if os.Getuid() != 0 { // may run what anybody may
				tt.file, tt.argv = "", nil
			} else {
				tt.file, tt.err = d+"/tool", ""
			}
		}
		file, argv, err := theWorld().Resolve(tt.command, tt.path)
		if tt.err == "" && (err != nil || tt.file != "" && file != tt.file || !slices.Equal(argv, tt.argv)) {
			t.Errorf("Resolve(%q, %q) = %q, %q, %v, want %q, %q", tt.command, tt.path, file, argv, err, tt.file, tt.argv)
		}
		if tt.err != "" && (err == nil || err.Error() != tt.err) {
			t.Errorf("Resolve(%q, %q) = %q, %v, want error %s", tt.command, tt.path, file, err, tt.err)
		}
	}
}

func TestResolveErrorKinds(t *testing.T) {
	t.Parallel()
	for command, notFound := range map[string]bool{"/nope": true, "nope-nope": true, "/": false, "": false, "'": false} {
		_, _, err := theWorld().Resolve(command, "")
		e, ok := errors.AsType[*sys.CommandError](err)
		if !ok || e.NotFound != notFound {
			t.Errorf("Resolve(%q) = %v, want NotFound %v", command, err, notFound)
		}
	}
}

func TestErrnoName(t *testing.T) {
	t.Parallel()
	for errno, want := range map[int]string{2: "ENOENT", 8: "ENOEXEC", 11: "EAGAIN", 35: "EDEADLOCK", 95: "ENOTSUP", 117: "EUCLEAN", 999: "999"} {
		if got := ErrnoName(syscall.Errno(errno)); got != want {
			t.Errorf("ErrnoName(%d) = %s, want %s", errno, got, want)
		}
	}
}
