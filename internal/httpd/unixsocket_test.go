package httpd

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"example.org/twiddler/internal/config"
)

const inUse = "Another program is already listening on a port that one of our HTTP servers is configured to use.  " +
	"Shut this program down first before starting supervisord."

// stale leaves a socket file that nobody listens at.
func stale(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func unixConf(path string) config.Server {
	return config.Server{Section: "unix_http_server", Unix: true, File: path, Mode: 0o700, UID: -1, GID: -1}
}

func listen(t *testing.T, c config.Server, stderr *bytes.Buffer) (*Server, error) {
	t.Helper()
	s, err := Listen(c, Options{Log: newLog(), Stderr: stderr})
	if err == nil {
		t.Cleanup(func() { _ = s.Close(context.Background()) }) // may have been closed
	}
	return s, err
}

func TestSocketFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "s.sock")
	c := unixConf(path)
	c.Mode = 0o612
	c.UID, c.GID = os.Getuid(), os.Getgid()
	s, err := listen(t, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := info.Mode(), fs.ModeSocket|0o612; got != want {
		t.Errorf("the mode of the socket is %v, want %v", got, want)
	}
	if names, _ := os.ReadDir(dir); len(names) != 1 {
		t.Errorf("%s holds %v, want the socket alone", dir, names)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close: %v, want no file", err)
	}
}

func TestCloseLeavesTheFileOfAnother(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.sock")
	s, err := listen(t, unixConf(path), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	stale(t, path)
	if err := s.Close(context.Background()); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the file of another is gone: %v", err)
	}
}

func TestWhatIsAtThePath(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		prepare func(t *testing.T, path string)
		err     string // "" if the server takes the path
	}{
		{"stale socket", stale, ""},
		{"empty file", func(t *testing.T, path string) { write(t, path, "") }, ""},
		{"dangling link", func(t *testing.T, path string) { symlink(t, "nowhere", path) }, ""},
		{"file", func(t *testing.T, path string) { write(t, path, "text") },
			"Cannot open an HTTP server: socket.error reported errno.EEXIST (17)"},
		{"directory", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "Cannot open an HTTP server: socket.error reported errno.EEXIST (17)"},
		{"live socket", func(t *testing.T, path string) {
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
		}, inUse},
		// It accepts nobody; the original would wait for it for ever.
		{"hung owner", func(t *testing.T, path string) { fullSocket(t, path) }, inUse},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "s")
			tt.prepare(t, path)
			var stderr bytes.Buffer
			_, err := listen(t, unixConf(path), &stderr)
			if got := text(err); got != tt.err {
				t.Errorf("Listen: %q, want %q", got, tt.err)
			}
			said := "Unlinking stale socket " + path + "\n"
			if tt.err != "" {
				said = ""
			}
			if got := stderr.String(); got != said {
				t.Errorf("standard error got %q, want %q", got, said)
			}
			if _, err := os.Lstat(path); err != nil {
				t.Errorf("the path: %v", err)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func symlink(t *testing.T, to, path string) {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}

// fullSocket listens at path with a queue that is full.
func fullSocket(t *testing.T, path string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: path}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		c, err := net.DialTimeout("unix", path, 100*time.Millisecond)
		if err != nil {
			return
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	t.Fatal("the queue does not fill")
}

func TestListenErrors(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = busy.Close() })
	_, port, _ := net.SplitHostPort(busy.Addr().String())
	n, _ := strconv.Atoi(port)
	tests := []struct {
		c    config.Server
		want string
	}{
		{config.Server{Host: "127.0.0.1", Port: n}, inUse},
		{config.Server{Host: "192.0.2.1", Port: 0}, "Cannot open an HTTP server: socket.error reported errno.EADDRNOTAVAIL (99)"},
		{unixConf("/nonexistent/dir/s.sock"), "Cannot open an HTTP server: socket.error reported errno.ENOENT (2)"},
	}
	for _, tt := range tests {
		_, err := listen(t, tt.c, nil)
		if got := text(err); got != tt.want {
			t.Errorf("Listen(%+v): %q, want %q", tt.c, got, tt.want)
		}
		var le *ListenError
		if !errors.As(err, &le) {
			t.Errorf("Listen(%+v): a %T, want a *ListenError", tt.c, err)
		}
	}
}

func TestChownText(t *testing.T) {
	t.Parallel()
	c := unixConf("/s.sock")
	c.UID, c.GID = 7, 8
	got := listenError(c, &chownError{&fs.PathError{Op: "lchown", Path: c.File, Err: syscall.EPERM}}).Error()
	want := `Not permitted to chown /s.sock to uid/gid (7, 8); adjust "sockchown" value in config file or on command line ` +
		`to values that the current user (` + userName() + `) can successfully chown`
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The temporary name must not make a path too long that would do.
func TestLongPath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, strings.Repeat("x", maxSunPath-len(dir)-1))
	if _, err := listen(t, unixConf(path), nil); err != nil {
		t.Errorf("a path of %d bytes: %v", len(path), err)
	}
}

func TestRemovedSocketComesBack(t *testing.T) {
	t.Parallel()
	removals := []struct {
		name   string
		remove func(t *testing.T, path string)
	}{
		{"removed", func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Error(err)
			}
		}},
		{"renamed", func(t *testing.T, path string) {
			if err := os.Rename(path, path+".old"); err != nil {
				t.Error(err)
			}
		}},
		{"directory removed", func(t *testing.T, path string) {
			// The directory goes before the socket in it does, so that there is
			// none when the socket is to come back.
			gone := filepath.Join(t.TempDir(), "gone")
			if err := os.Rename(filepath.Dir(path), gone); err != nil {
				t.Error(err)
			}
			if err := os.Remove(filepath.Join(gone, filepath.Base(path))); err != nil {
				t.Error(err)
			}
			if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
				t.Error(err)
			}
		}},
	}
	for _, tt := range removals {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			log := newLog()
			dir := filepath.Join(t.TempDir(), "d")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "s.sock")
			s := serve(t, config.Server{File: path}, Options{Log: log}, echo)
			before := dial(t, s)
			ask := func(c *client) {
				c.send("GET /RPC2 HTTP/1.1\r\nHost: x\r\n\r\n")
				if resp, _ := c.answer(); resp.StatusCode != 200 {
					t.Errorf("answered %d, want 200", resp.StatusCode)
				}
			}
			ask(before) // so that it has been accepted
			for range 2 {
				tt.remove(t, path)
				log.await(t, "WARN socket "+path+" was removed; made it again")
				log.mu.Lock()
				log.lines = nil
				log.mu.Unlock()
				ask(before)
				ask(dial(t, s))
				if info, err := os.Lstat(path); err != nil || info.Mode() != fs.ModeSocket|0o700 {
					t.Errorf("the new socket: %v, %v", info, err)
				}
			}
		})
	}
}

// Changes of the file that leave it in its place are none of our business.
func TestTouchedSocketStays(t *testing.T) {
	t.Parallel()
	log := newLog()
	s := serve(t, config.Server{}, Options{Log: log}, echo)
	path := s.Addr().String()
	before, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil { // so that there is something to wait for
		t.Fatal(err)
	}
	log.await(t, "made it again")
	after, err := os.Lstat(path)
	if err != nil || os.SameFile(before, after) {
		t.Errorf("%v, %v: want another file", after, err)
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	if n := strings.Count(strings.Join(log.lines, "\n"), "made it again"); n != 1 {
		t.Errorf("the socket was made again %d times, want once", n)
	}
}

func TestTakenPathIsLeft(t *testing.T) {
	t.Parallel()
	log := newLog()
	s := serve(t, config.Server{}, Options{Log: log}, echo)
	path := s.Addr().String()
	other := path + ".other"
	l, err := net.Listen("unix", other)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if err := os.Rename(other, path); err != nil {
		t.Fatal(err)
	}
	log.await(t, "WARN cannot bring back socket "+path+": another program has put something there")
	if err := s.Close(context.Background()); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the socket of another is gone: %v", err)
	}
}

func TestIPv6(t *testing.T) {
	t.Parallel()
	if l, err := net.Listen("tcp6", "[::1]:0"); err != nil {
		t.Skipf("no IPv6 here: %v", err)
	} else {
		l.Close()
	}
	for _, host := range []string{"::1", "[::1]"} {
		s, err := Listen(config.Server{Section: "inet_http_server", Host: host}, Options{Log: newLog()})
		if err != nil {
			t.Errorf("host %s: %v", host, err)
			continue
		}
		if got := s.Addr().(*net.TCPAddr).IP.String(); got != "::1" {
			t.Errorf("host %s listens on %s", host, got)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestTCP(t *testing.T) {
	t.Parallel()
	log := newLog()
	s, err := Listen(config.Server{Section: "inet_http_server", Host: "127.0.0.1"}, Options{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	echo(s)
	run(t, s)
	c := dial(t, s)
	c.send("GET /RPC2 HTTP/1.1\r\nHost: x\r\n\r\n")
	if resp, _ := c.answer(); resp.StatusCode != 200 {
		t.Errorf("answered %d, want 200", resp.StatusCode)
	}
	if line := log.await(t, "TRAC 127.0.0.1:"); strings.Contains(line, ":0 - -") {
		t.Errorf("no port in %q", line)
	}
}
