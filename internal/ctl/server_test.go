package ctl

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.org/twiddler/fault"
)

// closedPort is a URL on which nobody listens.
func closedPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

// TestUnreachable: Supervisor 4.2.5, supervisorctl.py, upcheck, do_status,
// do_shutdown; the commands without a check show an exception.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	closed, missing := closedPort(t), "unix://"+filepath.Join(t.TempDir(), "s")
	const where = ": file: supervisorctl line: 0\n"
	refused := "error: <class 'ConnectionRefusedError'>, [Errno 111] Connection refused" + where
	noFile := "error: <class 'FileNotFoundError'>, [Errno 2] No such file or directory" + where
	for _, test := range []struct {
		url, line, want string
		code            int
	}{
		{closed, "status", closed + " refused connection\n", 4},
		{closed, "start a", closed + " refused connection\n", 4},
		{closed, "version", closed + " refused connection\n", 4},
		{closed, "tail -f a", closed + " refused connection\n", 4},
		{closed, "fg a", closed + " refused connection\n", 4},
		{closed, "shutdown", "ERROR: " + closed + " refused connection (already shut down?)\n", 1},
		{closed, "reload", refused, 1},
		{closed, "reread", refused, 1},
		{closed, "avail", refused, 1},
		{closed, "add a", refused, 1},
		{closed, "add", "", 0},
		{closed, "remove a", refused, 1},
		{closed, "update", refused, 1},
		{closed, "open " + closed, closed + " refused connection\n", 0},
		{closed, "twiddle groups", closed + " refused connection\n", 4},
		{missing, "status", missing + " no such file\n", 4},
		{missing, "pid", missing + " no such file\n", 7},
		{missing, "shutdown", "ERROR: " + missing + " no such file (already shut down?)\n", 1},
		{missing, "reread", noFile, 1},
		{missing, "twiddle groups", missing + " no such file\n", 7},
		{"http://127.0.0.1:abc", "pid", "error: <class 'ValueError'>, Port could not be cast to integer value as 'abc'" + where, 1},
		{"ftp://x", "status", "error: <class 'ValueError'>, Unknown protocol for serverurl ftp://x" + where, 1},
		{"ftp://x", "help help", "help\t\tPrint a list of available actions\nhelp <action>\tPrint help for <action>\n", 0},
	} {
		got := runMain(t, "", "-s", test.url, test.line)
		if got.out != test.want || got.code != test.code || got.errOut != "" {
			t.Errorf("%s at %s = %+v\nwant %d %q", test.line, test.url, got, test.code, test.want)
		}
	}
}

func TestOtherServers(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.answer("getVersion", "4.0")
	sorry := "Sorry, this version of supervisorctl expects to talk to a server with API version 3.0, but the remote version is 4.0.\n"
	f.one(t, "pid", sorry, 5)
	f.one(t, "status", sorry, 4)
	f.answer("getVersion", fault.Bare(fault.UnknownMethod))
	sorry = "Sorry, supervisord responded but did not recognize the supervisor namespace commands that supervisorctl " +
		"uses to control it.  Please check that the [rpcinterface:supervisor] section is enabled in the configuration " +
		"file (see sample.conf).\n"
	f.one(t, "pid", sorry, 3)
	f.one(t, "status", sorry, 4)
	f.answer("getVersion", fault.Bare(fault.ShutdownState))
	f.one(t, "status", exceptionOf(6, "SHUTDOWN_STATE"), 1)
	f.answer("getVersion", &xmlrpcFault{77, "what's that"})
	f.one(t, "pid", strings.Replace(exceptionOf(77, "X"), "'X'", `"what's that"`, 1), 1)
}

// TestNoSupervisor meets servers that are none.
func TestNoSupervisor(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	answers := map[string]string{
		"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n": "error: <class 'xmlrpc.client.ProtocolError'>, <ProtocolError for 127.0.0.1/RPC2: 404 Not Found>",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello":   "error: <class 'Exception'>, cannot use the answer of ",
		"SSH-2.0-OpenSSH_9.2p1\r\n":                           "error: <class 'Exception'>, cannot reach ",
		"":                                                    "error: <class 'http.client.RemoteDisconnected'>, Remote end closed connection without response",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n<?xml version": "error: <class 'http.client.RemoteDisconnected'>",
	}
	for answer, want := range answers {
		served := make(chan struct{})
		go func() { // ends with the one connection
			defer close(served)
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = conn.Write([]byte(answer))
		}()
		got := runCtl(t, "http://"+l.Addr().String(), "", "status")
		<-served
		if !strings.HasPrefix(got.out, want) || strings.Count(got.out, "\n") != 1 || got.code != 1 {
			t.Errorf("after %q: %+v\nwant 1 %q", answer, got, want)
		}
	}
}

func TestShutdownAndReload(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.answer("shutdown", true)
	f.answer("restart", true)
	f.one(t, "shutdown", "Shut down\n", 0)
	f.one(t, "reload", "Restarted supervisord\n", 0)
	f.answer("shutdown", fault.Bare(fault.ShutdownState))
	f.answer("restart", fault.Bare(fault.ShutdownState))
	f.one(t, "shutdown", "ERROR: already shutting down\n", 0)
	f.one(t, "reload", "ERROR: already shutting down\n", 1)
	f.answer("shutdown", fault.New(fault.Failed, "x"))
	f.one(t, "shutdown", exceptionOf(30, "FAILED: x"), 1)
	f.one(t, "shutdown now", "Error: shutdown accepts no arguments\n"+shutdownHelp[0]+"\n", 1)
	f.one(t, "reload now", "Error: reload accepts no arguments\n"+reloadHelp[0]+"\n", 1)
}

func TestVersion(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.answer("getSupervisorVersion", "4.3.0")
	f.one(t, "version", "4.3.0\n", 0)
	f.one(t, "version x", "Error: version accepts no arguments\n"+versionHelp[0]+"\n", 1)
}

// TestQuestions: -i asks, and then does not go on as a shell.
func TestQuestions(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.answer("shutdown", true)
	const question = "Really shut the remote supervisord process down y/N? "
	for answer, want := range map[string]string{
		"y\n": "Shut down\n", "Yes, please\n": "Shut down\n", "yo": "Shut down\n", "n\n": "", "\n": "", " y\n": "",
		"": "error: <class 'EOFError'>, EOF when reading a line: file: supervisorctl line: 0\n",
	} {
		got := runCtl(t, f.URL, answer, "-i", "shutdown")
		if got.out != question+want {
			t.Errorf("answer %q: %q, want %q", answer, got.out, question+want)
		}
		if calls := f.asked(); (len(calls) == 1) != (want == "Shut down\n") {
			t.Errorf("answer %q: calls %q", answer, calls)
		}
	}
}

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.password = "secret"
	f.answer("getAllProcessInfo", []any{process("a", "a", 20, "RUNNING", "pid 1")})
	f.answer("shutdown", true)
	want := "Server requires authentication\nerror: <class 'xmlrpc.client.ProtocolError'>, " +
		"<ProtocolError for 127.0.0.1/RPC2: 401 Unauthorized>: file: supervisorctl line: 0\n"
	for _, args := range [][]string{{"status"}, {"-u", "me", "status"}, {"-p", "secret", "status"},
		{"-u", "me", "-p", "no", "shutdown"}, {"-u", "me", "-p", "", "reread"}} {
		if got := runCtl(t, f.URL, "", args...); got.out != want || got.code != 1 {
			t.Errorf("%q = %+v", args, got)
		}
	}
	const line = "a                                RUNNING   pid 1\n"
	if got := runCtl(t, f.URL, "", "-u", "me", "-p", "secret", "status"); got.out != line || got.code != 0 {
		t.Errorf("with the password: %+v", got)
	}
	// The shell asks until it is right, and keeps the answer.
	got := runCtl(t, f.URL, "me\nwrong\nme\nsecret\nstatus\n")
	asks := "Server requires authentication\nUsername:\n"
	if want := asks + asks + line + "supervisor> " + line + "supervisor> \n"; got.out != want || got.code != 0 {
		t.Errorf("shell:\n%s\nwant\n%s", got.out, want)
	}
	if want := "Password:Password:"; got.errOut != want {
		t.Errorf("shell asks %q on standard error, want %q", got.errOut, want)
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	f, other := newFake(t), newFake(t)
	f.answer("getAllProcessInfo", []any{process("a", "a", 0, "STOPPED", "Not started")})
	other.answer("getAllProcessInfo", []any{process("b", "b", 0, "STOPPED", "Not started")})
	other.answer("getSupervisorVersion", "9")
	lineOf := func(name string) string { return name + "                                STOPPED   Not started\n" }
	for _, url := range []string{"", "foo", "ftp://x", "/path", "localhost:9001"} {
		f.one(t, "open "+url, "ERROR: url must be http:// or unix://\n", 1)
	}
	f.one(t, "open "+other.URL, lineOf("b"), 0)
	got := runCtl(t, f.URL, "open "+other.URL+"\nversion\nquit\n")
	want := lineOf("a") + "supervisor> " + lineOf("b") + "supervisor> 9\nsupervisor> \n"
	if got.out != want || got.code != 0 {
		t.Errorf("shell:\n%s\nwant\n%s", got.out, want)
	}
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	// Not t.TempDir: the path of a socket has room for some 100 bytes.
	dir, err := os.MkdirTemp("", "ctl")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	f := newFake(t)
	f.answer("getPID", 42)
	server := &http.Server{Handler: f}
	defer server.Close()
	go func() { _ = server.Serve(l) }() // ends with Close
	got := runMain(t, "", "-s", "unix://"+path, "pid")
	if got.out != "42\n" || got.code != 0 {
		t.Errorf("%+v", got)
	}
}

func TestPlugins(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.answer("getPID", 42)
	path := filepath.Join(t.TempDir(), "c")
	text := "[supervisorctl]\nserverurl=" + f.URL + "\n[ctlplugin:wild]\nsupervisor.ctl_factory = a.b:make\nx=y\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got := runMain(t, "", "-c", path, "pid")
	want := "warning: [ctlplugin:wild]: cannot load the plugin \"a.b:make\": it is written in Python; its commands are missing\n"
	if got.out != "42\n" || got.code != 0 || got.errOut != want {
		t.Errorf("%+v", got)
	}
	if calls := f.asked(); !slices.Equal(calls, []string{"getPID[]"}) {
		t.Errorf("calls = %q", calls)
	}
}
