package ctl

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxPEM bounds a file with certificates, in bytes.
const maxPEM = 1 << 20

// tlsConfig is how a server at https:// is verified, and what it is shown; nil
// for what the system has.
func (s *session) tlsConfig() (*tls.Config, error) {
	if !strings.HasPrefix(s.url, "https://") || s.tlsCA == "" && s.tlsCertificate == "" {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.tlsCA != "" {
		text, err := readPEM(s.tlsCA)
		if err != nil {
			return nil, valueError("cannot use tls_ca: " + err.Error())
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, valueError("cannot use tls_ca: " + s.tlsCA + " holds no certificate")
		}
	}
	if s.tlsCertificate != "" {
		pair, err := keyPair(s.tlsCertificate, s.tlsKey)
		if err != nil {
			return nil, valueError("cannot use tls_certificate and tls_key: " + err.Error())
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

func keyPair(certificate, key string) (tls.Certificate, error) {
	cert, err := readPEM(certificate)
	if err != nil {
		return tls.Certificate{}, err
	}
	private, err := readPEM(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, private)
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
