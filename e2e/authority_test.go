package e2e

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.org/twiddler/client"
	"example.org/twiddler/fault"
)

// The page on security has commands that were run, against the example that it
// names.
func TestSecurityCommands(t *testing.T) {
	t.Parallel()
	s := newExample(t)
	text, err := os.ReadFile("../examples/accounts.conf")
	if err != nil {
		t.Fatal(err)
	}
	s.write("examples/accounts.conf", s.local(string(text)))
	s.connect("run/accounts.sock")
	s.exec(exec.Command("bin/supervisord", "-s", "-c", "examples/accounts.conf"))
	s.ready()
	s.settled()
	all := blocks(t, "docs/security.md")
	if len(all) < 5 {
		t.Fatalf("docs/security.md shows %d blocks of commands", len(all))
	}
	for _, want := range all {
		s.shell("docs/security.md", s.local(want))
	}
}

// A port that is open to everybody is refused at the start and by -t, and is
// opened if the option says so.
func TestOpenPortIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	open := base + "[inet_http_server]\nport=*:@PORT@\n"
	s.write("supervisord.conf", open)
	for _, flag := range []string{"-n", "-t"} {
		status, out := s.run(flag, "-c", s.path("supervisord.conf"))
		if status != 2 || !strings.Contains(out, "allow_unauthenticated_network = true") {
			t.Errorf("%s: exit status %d\n%s", flag, status, out)
		}
	}
	if s.exists("pid") {
		t.Error("it has started")
	}
	s.start(open + "allow_unauthenticated_network=true\n")
	s.until("it is logged", func() bool { return s.times("CRIT Server 'inet_http_server' running without any HTTP") == 1 })
	if status := s.stop(syscall.SIGTERM); status != 0 {
		t.Errorf("exit status %d", status)
	}
	// Accounts do as well, and a reread that takes them away is refused.
	account := "[account:a]\nrole=view\npassword=x\n"
	s.start(open + account)
	s.write("supervisord.conf", open)
	ctx, cancel := s.bound()
	defer cancel()
	if _, err := s.client.Call(ctx, "supervisor.reloadConfig"); !fault.Is(err, fault.CantReread) || !strings.Contains(err.Error(), "without a password") {
		t.Errorf("reread without accounts: %v", err)
	}
	if _, err := s.as("", "").Call(ctx, "supervisor.getState"); err == nil {
		t.Error("the port is open to everybody")
	}
}

// as is a client on the TCP port, with a name and a password if there is one.
func (s *site) as(name, password string) *client.Client {
	s.Helper()
	c, err := client.New(fmt.Sprintf("http://127.0.0.1:%d", s.port), client.Credentials(name, password))
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(c.Close)
	return c
}

const accountsBase = base + "[inet_http_server]\nport=127.0.0.1:@PORT@\n"

// A reread makes accounts count, for connections that are open too.
func TestRereadOfAccounts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start(accountsBase + steady)
	c := s.as("a", "new")
	ctx, cancel := s.bound()
	defer cancel()
	try := func(what string, want error) {
		t.Helper()
		_, err := c.Call(ctx, "supervisor.stopProcessGroup", "nosuch")
		switch {
		case want == client.ErrUnauthorized && !strings.Contains(fmt.Sprint(err), "401"):
			t.Errorf("%s: %v", what, err)
		case want != client.ErrUnauthorized && !fault.Is(err, fault.From(want).Code):
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	reread := func(text string) {
		t.Helper()
		s.write("supervisord.conf", accountsBase+steady+text)
		s.call("supervisor.reloadConfig") // over the socket, as who started supervisord
	}
	try("open", fault.Bare(fault.BadName))
	reread("[account:a]\nrole=view\npassword=old\n")
	try("with another password", client.ErrUnauthorized)
	reread("[account:a]\nrole=view\npassword=new\n")
	try("with the role view", fault.Bare(fault.NotPermitted))
	reread("[account:a]\nrole=operate\npassword=new\n")
	try("with the role operate", fault.Bare(fault.BadName))
	reread("[account:a]\nrole=operate\ngroups=g\npassword=new\n")
	try("without the group", fault.Bare(fault.NotPermitted))
	reread("[account:b]\nrole=operate\npassword=new\n")
	try("without the account", client.ErrUnauthorized)
	reread("")
	try("open again", fault.Bare(fault.BadName))
	s.until("it is logged", func() bool { return s.times("CRIT Server 'inet_http_server' running without any HTTP") == 2 })
}

// Users of the machine are known on the unix socket.
func TestAccountsOfUsers(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 || exec.Command("setpriv", "--reuid=65534", "--regid=65533", "--clear-groups", "true").Run() != nil {
		t.Skip("needs root and setpriv")
	}
	s := newSite(t)
	conf := strings.Replace(base, "s.sock\n", "s.sock\nchmod=0777\n", 1) + steady
	s.start(conf + "[account:u]\nuid=65534\nrole=view\n[account:g]\ngid=65533\nrole=operate\ngroups=nosuch\n")
	// The others must get at the program and at the socket.
	if err := os.Link(daemonPath(), s.path("supervisord")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(s.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ uid, gid, command, want string }{
		{"65534", "65533", "status", "steady"},
		{"65534", "65533", "stop steady", `account "u" has the role view; supervisor.stopProcess needs operate`},
		{"65532", "65533", "stop steady", `account "g" does not hold the group "steady"`},
		{"65532", "65533", "shutdown", `account "g" has the role operate; supervisor.shutdown needs admin`},
		{"65532", "65532", "status", "Server requires authentication"},
		{"0", "0", "status", "steady"},
	} {
		cmd := exec.Command("setpriv", "--reuid="+row.uid, "--regid="+row.gid, "--clear-groups",
			s.path("supervisord"), "ctl", "-s", "unix://"+s.path("s.sock"), row.command)
		cmd.Dir = "/"
		out, _ := cmd.CombinedOutput() // the status follows from what is printed
		if !strings.Contains(string(out), row.want) {
			t.Errorf("%s as %s:%s prints\n%swant %s", row.command, row.uid, row.gid, out, row.want)
		}
	}
}

// What Python sees of a refusal, inside of a multicall too, and of a policy.
func TestAuthorityFromPython(t *testing.T) {
	t.Parallel()
	needReference(t, "import xmlrpc.client")
	s := newSite(t)
	s.start(accountsBase + steady + "[account:v]\nrole=view\npassword=p\n" +
		"[account:d]\nrole=define\ngroups=g\npassword=p\nallowed_users=*\nallowed_commands=/bin/cat\n")
	script := s.fill(`import xmlrpc.client as x
def at(name): return x.ServerProxy('http://%s:p@127.0.0.1:@PORT@/RPC2' % name)
def tell(f, *a):
    try: print(f(*a))
    except x.Fault as e: print(e.faultCode, e.faultString)
tell(at('v').supervisor.shutdown)
for answer in at('v').system.multicall([{'methodName': 'supervisor.getAPIVersion'}, {'methodName': 'supervisor.shutdown'}]): print(answer)
tell(at('d').twiddler.addProgramToGroup, 'g', 'p', {'command': '/bin/cat'})
tell(at('d').twiddler.addProgramToGroup, 'g', 'q', {'command': '/bin/sh'})
tell(at('d').twiddler.addProgramToGroup, 'steady', 'q', {'command': '/bin/cat'})
print([p['name'] for p in at('d').supervisor.getAllProcessInfo()])
`)
	want := `240 NOT_PERMITTED: account "v" has the role view; supervisor.shutdown needs admin
3.0
{'faultCode': 240, 'faultString': 'NOT_PERMITTED: account "v" has the role view; supervisor.shutdown needs admin'}
True
240 NOT_PERMITTED: account "d": process g:q: the command /bin/sh is not allowed; allowed_commands is /bin/cat
240 NOT_PERMITTED: account "d" does not hold the group "steady"
['p']
`
	out, err := exec.Command(python, "-c", script).CombinedOutput()
	if err != nil || string(out) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, out, want)
	}
}

// certificate writes name.pem and name.key, signed by those of by, or by
// itself.
func (s *site) certificate(name, by string) {
	s.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: by == "", BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	parent, signer := template, key
	if by != "" {
		first := func(name string) []byte {
			block, _ := pem.Decode([]byte(s.read(name)))
			return block.Bytes
		}
		if parent, err = x509.ParseCertificate(first(by + ".pem")); err != nil {
			s.Fatal(err)
		}
		if signer, err = x509.ParseECPrivateKey(first(by + ".key")); err != nil {
			s.Fatal(err)
		}
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		s.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		s.Fatal(err)
	}
	s.write(name+".pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})))
	s.write(name+".key", string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})))
}

// Supervisorctl talks TLS, with and without a certificate, and a new
// certificate of the server needs no restart.
func TestTLS(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.certificate("ca", "")
	s.certificate("server", "ca")
	s.certificate("deploy", "ca")
	s.start(accountsBase + "tls_certificate=@DIR@/server.pem\ntls_key=@DIR@/server.key\ntls_client_ca=@DIR@/ca.pem\n" + steady +
		"[account:c]\ncertificate=deploy\nrole=operate\n" +
		"[account:off]\npassword=off\nrole=view\n")
	const ca = "[supervisorctl]\nserverurl=https://127.0.0.1:@PORT@\ntls_ca=@DIR@/ca.pem\n"
	s.write("ctl.conf", ca+"tls_certificate=@DIR@/deploy.pem\ntls_key=@DIR@/deploy.key\n")
	s.write("password.conf", ca+"username=off\npassword=off\n")
	s.write("nobody.conf", ca)
	ctl := func(conf string, args ...string) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		var out bytes.Buffer
		cmd := exec.CommandContext(ctx, daemonPath(), append([]string{"ctl", "-c", s.path(conf)}, args...)...)
		cmd.Stdout, cmd.Stderr = &out, &out
		_ = cmd.Run() // its status follows from what is printed
		return out.String()
	}
	for i := range 2 {
		for _, row := range [][3]string{
			{"ctl.conf", "restart steady", "steady: stopped\nsteady: started\n"},
			{"ctl.conf", "shutdown", `account "c" has the role operate; supervisor.shutdown needs admin`},
			{"password.conf", "stop steady", `account "off" has the role view`},
			{"nobody.conf", "status", "Server requires authentication"},
		} {
			if got := ctl(row[0], row[1]); !strings.Contains(got, row[2]) {
				t.Errorf("round %d, %s: %s prints\n%swant %s", i, row[0], row[1], got, row[2])
			}
		}
		s.certificate("server", "ca")
	}
	if got := s.times("read the certificates of [inet_http_server] again"); got != 1 {
		t.Errorf("the new certificate was read %d times", got)
	}
}
