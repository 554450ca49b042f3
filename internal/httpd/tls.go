package httpd

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"

	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/pemfile"
	"example.org/twiddler/level"
)

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
	pair, err := pemfile.KeyPair(t.conf.TLSCertificate, t.conf.TLSKey)
	if err != nil {
		return err
	}
	c := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	if t.conf.TLSClientCA == "" {
		t.optional, t.required = c, c
		return nil
	}
	if c.ClientCAs, err = pemfile.Pool(t.conf.TLSClientCA); err != nil {
		return err
	}
	c.SessionTicketsDisabled = true // a ticket would outlive the authority that it was given for
	c.ClientAuth = tls.VerifyClientCertIfGiven
	t.optional, t.required = c, c.Clone()
	t.required.ClientAuth = tls.RequireAndVerifyClientCert
	return nil
}
