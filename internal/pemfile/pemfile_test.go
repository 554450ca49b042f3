package pemfile

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// files makes a certificate, its key, and files that are neither.
func files(t *testing.T) (dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for name, text := range map[string][]byte{
		"cert":  pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		"key":   pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		"empty": nil,
		"long":  bytes.Repeat([]byte("x"), maxBytes+1),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFiles(t *testing.T) {
	t.Parallel()
	dir := files(t)
	pair := func(cert, key string) error {
		_, err := KeyPair(filepath.Join(dir, cert), filepath.Join(dir, key))
		return err
	}
	pool := func(name string) error {
		_, err := Pool(filepath.Join(dir, name))
		return err
	}
	for what, row := range map[string]struct {
		err  error
		want string // "" for none
	}{
		"a pair":             {pair("cert", "key"), ""},
		"the wrong way":      {pair("key", "cert"), "cert: tls: "},
		"no certificate":     {pair("nosuch", "key"), "nosuch: no such file"},
		"no key":             {pair("cert", "nosuch"), "nosuch: no such file"},
		"an endless file":    {pair("long", "key"), "long: it is longer than certificates are"},
		"a pool":             {pool("cert"), ""},
		"a pool of keys":     {pool("key"), "key holds no certificate"},
		"a pool of nothing":  {pool("empty"), "empty holds no certificate"},
		"a pool that is not": {pool("nosuch"), "nosuch: no such file"},
	} {
		switch {
		case row.want == "" && row.err != nil, row.want != "" && (row.err == nil || !strings.Contains(row.err.Error(), row.want)):
			t.Errorf("%s: %v, want %q", what, row.err, row.want)
		}
	}
}
