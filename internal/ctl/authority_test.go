package ctl

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.org/twiddler/fault"
)

// TestNotPermitted: what an account may not do is said in plain words, with
// an exit status of its own.
func TestNotPermitted(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	role := fault.New(fault.NotPermitted, `account "v" has the role view; supervisor.x needs admin`)
	group := fault.New(fault.NotPermitted, `account "v" does not hold the group "db"`)
	for _, method := range []string{"shutdown", "restart", "reloadConfig", "getAllProcessInfo", "readLog", "addProcessGroup", "stopAllProcesses"} {
		f.answer(method, role)
	}
	for _, method := range []string{"startProcess", "startProcessGroup", "stopProcess", "getProcessInfo", "clearProcessLogs"} {
		f.answer(method, group)
	}
	const plain = "ERROR: account \"v\" has the role view; supervisor.x needs admin\n"
	for _, line := range []string{"shutdown", "reload", "reread", "update", "status", "maintail", "add x", "stop all"} {
		f.one(t, line, plain, exitPrivileges)
	}
	f.one(t, "start db", "db: ERROR (account \"v\" does not hold the group \"db\")\n", exitPrivileges)
	f.one(t, "start db:*", "db: ERROR (account \"v\" does not hold the group \"db\")\n", exitPrivileges)
	f.one(t, "clear db:x", "db:x: ERROR (account \"v\" does not hold the group \"db\")\n", exitPrivileges)
	f.one(t, "stop a db", "a: ERROR (account \"v\" does not hold the group \"db\")\n"+
		"db: ERROR (account \"v\" does not hold the group \"db\")\n", exitPrivileges)
	f.one(t, "pid db", "ERROR: account \"v\" does not hold the group \"db\"\n", exitPrivileges)
	f.answer("twiddler.addProgramToGroup", fault.New(fault.NotPermitted, `account "v": process db:x: no`))
	f.one(t, "twiddle add db x command=/bin/cat", "ERROR: cannot add program \"x\" to group \"db\": account \"v\": process db:x: no\n", exitPrivileges)
	// One of several results.
	f.answer("startAllProcesses", []any{result("a", "a", 80, "OK"), result("db", "db", 240, group.Error())})
	f.one(t, "start all", "a: started\ndb: ERROR (account \"v\" does not hold the group \"db\")\n", exitPrivileges)
}

func TestRefusingStatuses(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{
		http.StatusForbidden:       "ERROR: @URL@ answers 403 Forbidden: the account may not do that\n",
		http.StatusTooManyRequests: "ERROR: @URL@ checks no password for 42s, since too many were wrong\n",
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "42")
			w.WriteHeader(status)
		}))
		defer s.Close()
		(&fake{Server: s}).one(t, "status", want, exitPrivileges)
	}
}

// TestTLS talks to a server whose certificate no system trusts, and which
// wants one of ours.
func TestTLS(t *testing.T) {
	t.Parallel()
	f := &fake{answers: map[string]func([]any) (any, error){}, streams: map[string]string{}}
	f.answer("getVersion", "3.0")
	f.answer("getSupervisorVersion", "9")
	f.get = func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("the log\n")) }
	f.Server = httptest.NewUnstartedServer(f)
	f.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	f.StartTLS()
	t.Cleanup(f.Close)
	dir := t.TempDir()
	pair := f.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert": {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, "key": {Type: "PRIVATE KEY", Bytes: key}, "junk": {Type: "JUNK"}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const all = "tls_ca=%(here)s/cert\ntls_certificate=%(here)s/cert\ntls_key=%(here)s/key\n"
	for _, row := range []struct {
		options, command, want string // a part of the output
		code                   int
	}{
		{all, "version", "9\n", 0},
		{all, "maintail -f", "the log\n", 0},
		{"", "version", "certificate signed by unknown authority", 1},
		{"tls_ca=%(here)s/cert\n", "version", "error: ", 1}, // the server ends the handshake
		{"tls_ca=%(here)s/gone\n", "version", "cannot use tls_ca: open " + dir + "/gone", 1},
		{"tls_ca=%(here)s/junk\n", "version", "cannot use tls_ca: " + dir + "/junk holds no certificate", 1},
		{"tls_certificate=%(here)s/cert\ntls_key=%(here)s/junk\n", "version", "cannot use tls_certificate and tls_key: ", 1},
	} {
		path := filepath.Join(dir, "ctl.conf")
		if err := os.WriteFile(path, []byte("[supervisorctl]\nserverurl="+f.URL+"\n"+row.options), 0o600); err != nil {
			t.Fatal(err)
		}
		got := runMain(t, "", "-c", path, row.command)
		if !strings.Contains(got.out, row.want) || got.code != row.code {
			t.Errorf("%s with %q = %d %s%s, want %d %s", row.command, row.options, got.code, got.out, got.errOut, row.code, row.want)
		}
	}
	path := filepath.Join(dir, "half.conf")
	if err := os.WriteFile(path, []byte("[supervisorctl]\ntls_key=x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := runMain(t, "", "-c", path, "version"); got.code != exitInvalidArgs || !strings.Contains(got.errOut, "has only one of tls_certificate and tls_key") {
		t.Errorf("half of a pair = %+v", got)
	}
}
