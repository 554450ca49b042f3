package ctl

import (
	"crypto/tls"
	"strings"

	"example.org/twiddler/internal/pemfile"
)

// tlsConfig is how a server at https:// is verified, and what it is shown; nil
// for what the system has.
func (s *session) tlsConfig() (*tls.Config, error) {
	if !strings.HasPrefix(s.url, "https://") || s.tlsCA == "" && s.tlsCertificate == "" {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.tlsCA != "" {
		pool, err := pemfile.Pool(s.tlsCA)
		if err != nil {
			return nil, valueError("cannot use tls_ca: " + err.Error())
		}
		c.RootCAs = pool
	}
	if s.tlsCertificate != "" {
		pair, err := pemfile.KeyPair(s.tlsCertificate, s.tlsKey)
		if err != nil {
			return nil, valueError("cannot use tls_certificate and tls_key: " + err.Error())
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
