package httpd

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"example.org/twiddler/internal/config"
	"example.org/twiddler/level"
)

// maxPEM bounds a file with certificates, in bytes.
const maxPEM = 1 << 20

// A tlsFiles is the TLS side of a server. Its files are looked at before each
// handshake, and read again when they have changed; what cannot be used then
// is logged once, and what was there before goes on.
type tlsFiles struct {
	conf config.Server
	log  Logger

	mu       sync.Mutex
	seen     []os.FileInfo // guarded by mu; the files as last looked at
	optional *tls.Config   // guarded by mu; for clients with or without a certificate
	required *tls.Config   // guarded by mu; for clients with one; the same without tls_client_ca
}

// newTLS reads the files of a server. Without any it returns nil.
func newTLS(c config.Server, log Logger) (*tlsFiles, error) {
	if c.TLSCertificate == "" {
		return nil, nil
	}
	t := &tlsFiles{conf: c, log: log}
	if err := t.readLocked(); err != nil {
		return nil, err
	}
	t.seen = t.look()
	return t, nil
}

// config returns what a handshake goes by. accounts says that a client may
// identify itself in another way than by a certificate.
func (t *tlsFiles) config(accounts bool) *tls.Config {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := t.look(); !same(t.seen, now) {
		t.seen = now
		if err := t.readLocked(); err != nil {
			t.log.Log(level.Warn, fmt.Sprintf("the certificates of [%s] have changed and cannot be used; the old ones stay: %v", t.conf.Section, err))
		} else {
			t.log.Log(level.Info, fmt.Sprintf("read the certificates of [%s] again", t.conf.Section))
		}
	}
	if accounts {
		return t.optional
	}
	return t.required
}

// look returns what the file system says of each file, nil for one that is
// not there.
func (t *tlsFiles) look() []os.FileInfo {
	var all []os.FileInfo
	for _, name := range []string{t.conf.TLSCertificate, t.conf.TLSKey, t.conf.TLSClientCA} {
		info, err := os.Stat(name)
		if name == "" || err != nil {
			info = nil
		}
		all = append(all, info)
	}
	return all
}

// same reports whether no file has changed.
func same(before, after []os.FileInfo) bool {
	for i, b := range before {
		a := after[i]
		if (a == nil) != (b == nil) || a != nil && (!os.SameFile(a, b) || !a.ModTime().Equal(b.ModTime()) || a.Size() != b.Size()) {
			return false
		}
	}
	return true
}

func (t *tlsFiles) readLocked() error {
	certificate, err := readPEM(t.conf.TLSCertificate)
	if err != nil {
		return err
	}
	key, err := readPEM(t.conf.TLSKey)
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return fmt.Errorf("%s and %s: %w", t.conf.TLSCertificate, t.conf.TLSKey, err)
	}
	c := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	if t.conf.TLSClientCA == "" {
		t.optional, t.required = c, c
		return nil
	}
	authority, err := readPEM(t.conf.TLSClientCA)
	if err != nil {
		return err
	}
	c.ClientCAs = x509.NewCertPool()
	if !c.ClientCAs.AppendCertsFromPEM(authority) {
		return fmt.Errorf("%s holds no certificate", t.conf.TLSClientCA)
	}
	c.SessionTicketsDisabled = true // a ticket would outlive the authority that it was given for
	c.ClientAuth = tls.VerifyClientCertIfGiven
	t.optional, t.required = c, c.Clone()
	t.required.ClientAuth = tls.RequireAndVerifyClientCert
	return nil
}

func readPEM(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxPEM+1))
	if err == nil && len(text) > maxPEM {
		err = errors.New("it is longer than certificates are")
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", name, err)
	}
	return text, nil
}
