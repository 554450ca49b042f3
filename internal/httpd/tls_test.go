package httpd

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/config"
)

// A signer is a certificate with its key.
type signer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pair tls.Certificate
}

// issue makes a certificate that by has signed, or itself.
func issue(t *testing.T, name string, by *signer) *signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{strings.ToLower(name) + ".example"},
		BasicConstraintsValid: true, IsCA: by == nil,
	}
	parent, signing := template, key
	if by != nil {
		parent, signing = by.cert, by.key
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signing)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{cert, key, tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key, Leaf: cert}}
}

// save writes the certificate and the key, over what is there.
func (s *signer) save(t *testing.T, cert, key string) {
	t.Helper()
	der, err := x509.MarshalECPrivateKey(s.key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: s.cert.Raw}, key: {Type: "EC PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(name+".new", pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(name+".new", name); err != nil {
			t.Fatal(err)
		}
	}
}

// A tlsWorld is an authority and the files of a server.
type tlsWorld struct {
	ca   *signer
	conf config.Server
}

func newTLSWorld(t *testing.T, clientCA bool) *tlsWorld {
	t.Helper()
	dir := t.TempDir()
	w := &tlsWorld{ca: issue(t, "authority", nil), conf: config.Server{Section: "inet_http_server", Host: "127.0.0.1",
		TLSCertificate: filepath.Join(dir, "cert.pem"), TLSKey: filepath.Join(dir, "key.pem")}}
	issue(t, "first", w.ca).save(t, w.conf.TLSCertificate, w.conf.TLSKey)
	ca := filepath.Join(dir, "ca.pem")
	w.ca.save(t, ca, filepath.Join(dir, "ca.key"))
	if clientCA {
		w.conf.TLSClientCA = ca
	}
	return w
}

func (w *tlsWorld) serve(t *testing.T, o Options) *Server {
	t.Helper()
	if o.Log == nil {
		o.Log = newLog()
	}
	s, err := Listen(w.conf, o)
	if err != nil {
		t.Fatal(err)
	}
	who(s)
	run(t, s)
	return s
}

// ask sends a request over a connection of its own. The status is 0 if there
// is no answer.
func (w *tlsWorld) ask(t *testing.T, s *Server, client *signer, auth string) (status int, body, server string) {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(w.ca.cert)
	c := &tls.Config{RootCAs: pool}
	if client != nil {
		c.Certificates = []tls.Certificate{client.pair}
	}
	h := &http.Client{Transport: &http.Transport{TLSClientConfig: c, DisableKeepAlives: true, ForceAttemptHTTP2: true}, Timeout: 20 * time.Second}
	r, err := http.NewRequest(http.MethodGet, "https://"+s.Addr().String()+"/who", nil)
	if err != nil {
		t.Fatal(err)
	}
	if name, password, ok := strings.Cut(auth, ":"); ok {
		r.SetBasicAuth(name, password)
	}
	resp, err := h.Do(r)
	if err != nil {
		return 0, err.Error(), ""
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.ProtoMajor != 1 {
		t.Errorf("the answer is %s", resp.Proto)
	}
	return resp.StatusCode, string(text), resp.TLS.PeerCertificates[0].Subject.CommonName
}

func TestTLS(t *testing.T) {
	t.Parallel()
	password := config.Account{Name: "a", Password: "x", Role: ext.View}
	certificate := config.Account{Name: "b", Certificate: "ci", Role: ext.Operate}
	dns := config.Account{Name: "c", Certificate: "CI.example", Role: ext.Operate}
	for _, row := range []struct {
		name     string
		clientCA bool
		user     string
		list     []config.Account
		client   string // name of its certificate; "" for none, "stranger" for one of another authority
		auth     string
		status   int
		body     string
	}{
		{name: "open", status: 200, body: " admin"},
		{name: "open, credentials", auth: "x:y", status: 200, body: " admin"},
		{name: "user", user: "u", status: 401},
		{name: "user right", user: "u", auth: "u:p", status: 200, body: "u admin"},
		{name: "user wrong", user: "u", auth: "u:q", status: 401},
		{name: "certificate needed", clientCA: true},
		{name: "certificate is enough", clientCA: true, client: "ci", status: 200, body: "certificate:ci admin"},
		{name: "certificate of a stranger", clientCA: true, client: "stranger"},
		{name: "certificate and user", clientCA: true, user: "u", client: "ci", auth: "u:p", status: 200, body: "u admin"},
		{name: "certificate without user", clientCA: true, user: "u", client: "ci", status: 401},
		{name: "account by password", clientCA: true, list: []config.Account{password}, auth: "a:x", status: 200, body: "a view"},
		{name: "account, nothing said", clientCA: true, list: []config.Account{password}, status: 401},
		{name: "account by certificate", clientCA: true, list: []config.Account{password, certificate}, client: "ci", status: 200, body: "b operate"},
		{name: "account by DNS name", clientCA: true, list: []config.Account{dns}, client: "ci", status: 200, body: "c operate"},
		{name: "account by certificate, others", clientCA: true, list: []config.Account{certificate}, client: "cd", status: 401},
		{name: "account, stranger", clientCA: true, list: []config.Account{certificate}, client: "stranger"},
		{name: "password goes first", clientCA: true, list: []config.Account{password, certificate}, client: "ci", auth: "a:x", status: 200, body: "a view"},
		{name: "no authority", list: []config.Account{certificate}, client: "ci", status: 401},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newTLSWorld(t, row.clientCA)
			if row.user != "" {
				w.conf.Username, w.conf.Password = row.user, "p"
			}
			s := w.serve(t, Options{Authority: NewAuthority(nobody(row.list...))})
			var client *signer
			switch row.client {
			case "":
			case "stranger":
				client = issue(t, "ci", issue(t, "authority", nil))
				client.pair.Leaf = nil
			default:
				client = issue(t, row.client, w.ca)
			}
			status, body, _ := w.ask(t, s, client, row.auth)
			if status != row.status || status == 200 && !strings.HasPrefix(body, row.body) {
				t.Errorf("answered %d %s, want %d %s", status, body, row.status, row.body)
			}
		})
	}
}

// TestTLSLimit: a server with TLS is not Supervisor's, and limits log-ins.
func TestTLSLimit(t *testing.T) {
	t.Parallel()
	w := newTLSWorld(t, false)
	w.conf.Username, w.conf.Password = "u", "p"
	s := w.serve(t, Options{})
	for range maxFailures {
		if status, _, _ := w.ask(t, s, nil, "u:wrong"); status != 401 {
			t.Errorf("answered %d", status)
		}
	}
	if status, _, _ := w.ask(t, s, nil, "u:p"); status != 429 {
		t.Errorf("after five failures: answered %d", status)
	}
}

// TestRotation: new files count for the next connection, and files that do not
// go together change nothing.
func TestRotation(t *testing.T) {
	t.Parallel()
	w := newTLSWorld(t, true)
	log := newLog()
	s := w.serve(t, Options{Log: log})
	client := issue(t, "ci", w.ca)
	serves := func(want string) {
		t.Helper()
		if status, body, name := w.ask(t, s, client, ""); status != 200 || name != want {
			t.Errorf("answered %d %s by %s, want %s", status, body, name, want)
		}
	}
	serves("first")
	second := issue(t, "second", w.ca)
	second.save(t, w.conf.TLSCertificate, filepath.Join(t.TempDir(), "elsewhere"))
	serves("first")
	log.await(t, "WARN the certificates of [inet_http_server] have changed and cannot be used; the old ones stay: ")
	second.save(t, w.conf.TLSCertificate, w.conf.TLSKey)
	serves("second")
	log.await(t, "INFO read the certificates of [inet_http_server] again")

	// Another authority for clients, and the old one's are strangers.
	other := issue(t, "other", nil)
	other.save(t, w.conf.TLSClientCA, filepath.Join(t.TempDir(), "key"))
	if status, body, _ := w.ask(t, s, client, ""); status != 0 {
		t.Errorf("a client of the old authority: answered %d %s", status, body)
	}
	client = issue(t, "ci", other)
	serves("second")
}

// TestAccountsGoAway: who came without a certificate while there were accounts
// is nobody when there are none.
func TestAccountsGoAway(t *testing.T) {
	t.Parallel()
	w := newTLSWorld(t, true)
	authority := NewAuthority(nobody(config.Account{Name: "a", Password: "x", Role: ext.View}))
	s := w.serve(t, Options{Authority: authority})
	pool := x509.NewCertPool()
	pool.AddCert(w.ca.cert)
	h := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, MaxConnsPerHost: 1}, Timeout: 20 * time.Second}
	defer h.CloseIdleConnections()
	for i, want := range []int{200, 401} {
		r, err := http.NewRequest(http.MethodGet, "https://"+s.Addr().String()+"/who", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("a", "x")
		resp, err := h.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("request %d: answered %d, want %d", i, resp.StatusCode, want)
		}
		authority.Set(nil)
	}
}

// TestTLSStream: a stream of a log goes on over TLS, and ends with the server.
func TestTLSStream(t *testing.T) {
	t.Parallel()
	w := newTLSWorld(t, false)
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("first\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Listen(w.conf, Options{Log: newLog()})
	if err != nil {
		t.Fatal(err)
	}
	s.HandleLogTails(nil, func() string { return path })
	run(t, s)
	pool := x509.NewCertPool()
	pool.AddCert(w.ca.cert)
	h := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	resp, err := h.Get("https://" + s.Addr().String() + "/mainlogtail")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	buf := make([]byte, 6)
	if _, err := io.ReadFull(resp.Body, buf); err != nil || string(buf) != "first\n" {
		t.Fatalf("read %q, %v", buf, err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if _, err := f.WriteString("second\n"); err != nil {
		t.Fatal(err)
	}
	buf = make([]byte, 7)
	if _, err := io.ReadFull(resp.Body, buf); err != nil || string(buf) != "second\n" {
		t.Errorf("read %q, %v", buf, err)
	}
}

func TestBadTLSFiles(t *testing.T) {
	t.Parallel()
	w := newTLSWorld(t, true)
	junk := filepath.Join(t.TempDir(), "junk")
	if err := os.WriteFile(junk, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		change func(*config.Server)
		want   string
	}{
		{func(c *config.Server) { c.TLSKey = junk }, junk},
		{func(c *config.Server) { c.TLSCertificate = junk }, junk},
		{func(c *config.Server) { c.TLSClientCA = junk }, "holds no certificate"},
		{func(c *config.Server) { c.TLSKey = "/no/such/key" }, "/no/such/key"},
	} {
		c := w.conf
		row.change(&c)
		if _, err := Listen(c, Options{Log: newLog()}); err == nil || !strings.Contains(err.Error(), row.want) ||
			!strings.Contains(err.Error(), "[inet_http_server]") {
			t.Errorf("Listen = %v, want %s", err, row.want)
		}
	}
}
