// Package pemfile reads certificates and keys from files.
package pemfile

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxBytes bounds one file: what is longer is none of certificates.
const maxBytes = 1 << 20

// KeyPair reads a certificate, with those between it and its authority, and
// its key. The error names the file.
func KeyPair(certificate, key string) (tls.Certificate, error) {
	cert, err := read(certificate)
	if err != nil {
		return tls.Certificate{}, err
	}
	private, err := read(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	pair, err := tls.X509KeyPair(cert, private)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("%s and %s: %w", certificate, key, err)
	}
	return pair, nil
}

// Pool reads the certificates of authorities. The error names the file.
func Pool(name string) (*x509.CertPool, error) {
	text, err := read(name)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate", name)
	}
	return pool, nil
}

func read(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err == nil && len(text) > maxBytes {
		err = errors.New("it is longer than certificates are")
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", name, err)
	}
	return text, nil
}
