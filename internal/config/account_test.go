package config

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"example.org/twiddler/ext"
)

const (
	testBcrypt = "$2y$04$eImiTXuWVxfM37uY4JANjQuCmZb4fVw0fdcsB1gCdUwzf6Fh0Y1oC"
	testSHA    = "{SHA}82ab876d1387bfafe46cc1c8a2ef074eae50cb1d"
)

func TestAccounts(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"secret": "s3cret\n", "hash": "{BCRYPT}" + testBcrypt, "supervisord.conf": `[supervisord]
[account:viewer]
password = it's
role = view
[account:web-ops]
password_file = %(here)s/secret
uid = alice
gid = wheel
groups = web*, cache
role = Operate
[account:ci]
password_file = %(here)s/hash
uid = 4711
gid = 4712
certificate = ci.example
role = define
allowed_users = app
allowed_commands = /opt/*/bin/*/, *
allowed_directories = /var/log/app/
max_processes = 5
[account:root2]
password = {SHA}82AB876D1387BFAFE46CC1C8A2EF074EAE50CB1D
role = admin
groups = *
`})
	for _, name := range []string{"secret", "hash"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Load(testOptions(dir))
	if err != nil {
		t.Fatal(err)
	}
	want := []Account{
		{Name: "viewer", Password: "it's", UID: -1, GID: -1, Role: ext.View},
		{Name: "web-ops", Password: "s3cret", UID: 1000, GID: 10, Role: ext.Operate, Groups: []string{"web*", "cache"}},
		{Name: "ci", Password: testBcrypt, UID: 4711, GID: 4712, Certificate: "ci.example", Role: ext.Define,
			Policy: &ext.Policy{AllowedUsers: []string{"app"}, AllowedCommands: []string{"/opt/*/bin/*", "*"},
				AllowedDirectories: []string{"/var/log/app"}, MaxProcesses: 5}},
		{Name: "root2", Password: testSHA, UID: -1, GID: -1, Role: ext.Admin, Groups: []string{"*"}},
	}
	if !reflect.DeepEqual(c.Accounts, want) {
		t.Errorf("accounts are\n%+v, want\n%+v", c.Accounts, want)
	}
	if len(c.Messages) != 0 {
		t.Errorf("messages: %v", c.Messages)
	}
}

func TestBadAccounts(t *testing.T) {
	t.Parallel()
	const ok = "password=x\nrole=view\n"
	for _, row := range []struct{ text, want string }{
		{"[account:a]\n" + ok + "[account:b]\n", "section [account:b] has no role; say role = view, operate, define or admin"},
		{"[account:a]\nrole=view\n", "section [account:a] has no way to know the account: it needs password, password_file, uid, gid or certificate"},
		{"[account:a]\npassword=\nrole=view\n", "[account:a] password=: the password is empty"},
		{"[account:a]\npassword=x\nrole=root\n", "[account:a] role=root: 'root' is no role: it must be view, operate, define or admin"},
		{"[account:a:b]\n" + ok, "Invalid name: 'a:b' because of character: ':'"},
		{"[account:]\n" + ok, "the name of an account must have 1 to 64 bytes"},
		{"[account:a]\npassword={SHA}12\nrole=view\n", "{SHA} must be followed by the 40 hexadecimal digits"},
		{"[account:a]\npassword=$2y$10$short\nrole=view\n", "a bcrypt hash looks like"},
		{"[account:a]\npassword={BCRYPT}plain\nrole=view\n", "a bcrypt hash looks like"},
		{"[account:a]\npassword=" + strings.Replace(testBcrypt, "$04$", "$31$", 1) + "\nrole=view\n", "the cost 31 of the bcrypt hash is not from 4 to 15"},
		{"[account:a]\npassword_file=/no/such/file\nrole=view\n", "cannot read the password: open /no/such/file"},
		{"[account:a]\npassword_file=/dev/null\nrole=view\n", "/dev/null is not a file"},
		{"[account:a]\npassword_file=%(here)s/supervisord.conf\nrole=view\n", "can be read or changed by others than its owner (mode 0644); say chmod 600"},
		{"[account:a]\nuid=nosuch\nrole=view\n", "[account:a] uid=nosuch: Invalid user name nosuch"},
		{"[account:a]\ngid=nosuch\nrole=view\n", "[account:a] gid=nosuch: Invalid group 'nosuch'"},
		{"[account:a]\nuid=-1\nrole=view\n", "Invalid user id -1"},
		{"[account:a]\ncertificate=\nrole=view\n", "the name of the certificate is empty"},
		{"[account:a]\n" + ok + "groups=\n", "the list is empty; leave the option out, or say * for any"},
		{"[account:a]\n" + ok + "groups=a,[\n", "'[' is not a pattern"},
		{"[account:a]\npassword=x\nrole=define\nallowed_users=x\n", "section [account:a] has the role define and no allowed_commands; say allowed_commands = * for any"},
		{"[account:a]\npassword=x\nrole=define\nallowed_commands=*\n", "section [account:a] has the role define and no allowed_users"},
		{"[account:a]\npassword=x\nrole=define\nallowed_users=x\nallowed_commands=bin/*\n", "'bin/*' is not an absolute path or *"},
		{"[account:a]\npassword=x\nrole=define\nallowed_users=x\nallowed_commands=*\nmax_processes=-1\n", "-1 is below lower bound (0)"},
		{"[account:a]\npassword=x\nrole=admin\nallowed_users=x\n", "allowed_users bounds the role define, and [account:a] has the role admin"},
		{"[account:a]\n" + ok + "uid=1\n[account:b]\nuid=1\nrole=view\n", "accounts 'a' and 'b' have the same uid"},
		{"[account:a]\n" + ok + "gid=10\n[account:b]\ngid=wheel\nrole=view\n", "accounts 'a' and 'b' have the same gid"},
		{"[account:a]\n" + ok + "certificate=C\n[account:b]\ncertificate=c\nrole=view\n", "accounts 'a' and 'b' have the same certificate"},
		{"[unix_http_server]\nfile=/s\nusername=a\npassword=p\n[account:a]\n" + ok, "account 'a' has the name of the user of [unix_http_server]"},
		{"[inet_http_server]\nport=localhost:1\ntls_key=supervisord.conf\n", "section [inet_http_server] has only one of tls_certificate and tls_key"},
		{"[inet_http_server]\nport=localhost:1\ntls_certificate=gone.pem\n", "gone.pem is not an existing file"},
		{"[inet_http_server]\nport=localhost:1\ntls_client_ca=supervisord.conf\n", "has tls_client_ca without tls_certificate and tls_key"},
	} {
		all := mustFail(t, "[supervisord]\n"+row.text).List()
		if !slices.ContainsFunc(all, func(line string) bool { return strings.Contains(line, row.want) }) {
			t.Errorf("Load of %q = %q, want %q", row.text, all, row.want)
		}
	}
}

func TestPasswordFiles(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"p": "filed", "long": strings.Repeat("x", 5000), "lines": "a\nb\n",
		"supervisord.conf": "[supervisord]\n[account:a]\nrole=view\npassword=x\npassword_file=p\n" +
			"[account:b]\nrole=view\npassword_file=long\n[account:c]\nrole=view\npassword_file=lines\n"})
	for _, name := range []string{"p", "long", "lines"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Load(testOptions(dir))
	var all *Errors
	if !errors.As(err, &all) || len(all.Problems) != 2 {
		t.Fatalf("Load = %v, want two problems", err)
	}
	text := strings.Join(all.List(), "\n")
	for _, want := range []string{"longer than a password is", "has more than one line"} {
		if !strings.Contains(text, want) {
			t.Errorf("problems lack %q:\n%s", want, text)
		}
	}
}

// TestPasswordFileFirst: a file goes before what is written in the section.
func TestPasswordFileFirst(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"p": "filed", "supervisord.conf": "[supervisord]\n[account:a]\nrole=view\npassword_file=p\npassword=x\n"})
	if err := os.Chmod(filepath.Join(dir, "p"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(testOptions(dir))
	if err != nil || c.Accounts[0].Password != "filed" {
		t.Errorf("Load = %+v, %v", c, err)
	}
}

// TestExposed: who may listen where without a password.
func TestExposed(t *testing.T) {
	t.Parallel()
	const inet = "[inet_http_server]\nport="
	for text, want := range map[string]string{
		inet + "1\n":                                     "all network interfaces",
		inet + "*:1\n":                                   "all network interfaces",
		inet + "0.0.0.0:1\n":                             "0.0.0.0",
		inet + "[::]:1\n":                                "[::]",
		inet + "192.0.2.1:1\n":                           "192.0.2.1",
		inet + "office:1\n":                              "office",
		inet + "mixed:1\n":                               "mixed",
		inet + "localhost:1\n":                           "",
		inet + "127.0.0.1:1\n":                           "",
		inet + "127.1.2.3:1\n":                           "",
		inet + "[::1]:1\n":                               "",
		inet + "loop:1\n":                                "",
		inet + "nosuch:1\n":                              "", // the opening complains
		"[unix_http_server]\nfile=/s\nchmod=0777\n":      "",
		inet + "1\nusername=u\npassword=p\n":             "",
		inet + "1\nallow_unauthenticated_network=true\n": "",
		inet + "1\nallow_unauthenticated_network=no\n":   "all network interfaces",
		inet + "1\n[account:a]\npassword=x\nrole=view\n": "",
		inet + "1\ntls_certificate=supervisord.conf\ntls_key=supervisord.conf\n":                                 "all network interfaces",
		inet + "1\ntls_certificate=supervisord.conf\ntls_key=supervisord.conf\ntls_client_ca=supervisord.conf\n": "",
	} {
		o := testOptions(write(t, map[string]string{"supervisord.conf": "[supervisord]\n" + text}))
		o.LookupHost = testHosts
		_, err := Load(o)
		if want == "" {
			if err != nil {
				t.Errorf("Load of %q = %v, want no error", text, err)
			}
			continue
		}
		if err == nil || !strings.HasPrefix(err.Error(), "[inet_http_server] listens on "+want+" without a password") ||
			!strings.HasSuffix(err.Error(), "allow_unauthenticated_network = true") {
			t.Errorf("Load of %q = %v, want it to be refused", text, err)
		}
	}
}

func testHosts(name string) ([]netip.Addr, error) {
	loop, other := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.0.2.1")
	switch name {
	case "office":
		return []netip.Addr{other}, nil
	case "mixed":
		return []netip.Addr{loop, other}, nil
	case "loop":
		return []netip.Addr{loop, netip.MustParseAddr("::1")}, nil
	}
	return nil, errors.New("no such host")
}

// TestExposedByReread: a reread opens no server, and must not take away what
// makes an open one safe.
func TestExposedByReread(t *testing.T) {
	t.Parallel()
	const account = "[account:a]\npassword=x\nrole=view\n"
	const open, local = "[inet_http_server]\nport=1\n", "[inet_http_server]\nport=localhost:1\n"
	load := func(live *Config, text string) (*Config, error) {
		o := testOptions(write(t, map[string]string{"supervisord.conf": "[supervisord]\n" + text}))
		o.Live = live
		return Load(o)
	}
	first, err := load(nil, open+account)
	if err != nil {
		t.Fatal(err)
	}
	second, err := load(first, local+account)
	if err != nil {
		t.Fatal(err)
	}
	for _, live := range []*Config{first, second} {
		if _, err := load(live, local); err == nil || !strings.Contains(err.Error(), "without a password") {
			t.Errorf("the last account of an open server can be taken away: %v", err)
		}
	}
	safe, err := load(nil, local)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := load(safe, open); err != nil {
		t.Errorf("a server that a reread does not open is refused: %v", err)
	}
}

func TestServerURLOfTLS(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, "[supervisord]\n[inet_http_server]\nport=localhost:1\ntls_certificate=supervisord.conf\ntls_key=supervisord.conf\n")
	if c.ServerURL != "https://localhost:1" {
		t.Errorf("server URL = %q", c.ServerURL)
	}
}
