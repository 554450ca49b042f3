package httpd

import (
	"crypto/sha1" //nolint:gosec // the form in which configurations hold passwords
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"example.org/twiddler/ext"
)

// A principal is who a request comes from, and the highest role it has.
type principal struct {
	name string
	role ext.Role
}

// may reports whether p has a role; each includes those before it.
func (p principal) may(role ext.Role) bool { return p.role.Valid() && role <= p.role }

// An authenticator finds out who sent a request. The error is
// errNoCredentials or errMalformed.
type authenticator interface {
	authenticate(r *http.Request) (principal, error)
}

var (
	errNoCredentials = errors.New("no valid credentials")
	errMalformed     = errors.New("malformed credentials")
)

// shaPrefix marks a password that is stored as the hexadecimal of its SHA-1.
const shaPrefix = "{SHA}"

func newAuthenticator(username, password string) authenticator {
	if username == "" {
		return everybody{}
	}
	b := &basic{name: username, username: sha256.Sum256([]byte(username))}
	password, b.hashed = strings.CutPrefix(password, shaPrefix)
	b.password = sha256.Sum256([]byte(password))
	return b
}

// everybody is the authenticator of a server without a username.
type everybody struct{}

func (everybody) authenticate(*http.Request) (principal, error) {
	return principal{role: ext.Admin}, nil
}

// basic knows the one user of a section. It holds and compares digests, so
// that the time it takes says nothing of how much of a guess is right.
type basic struct {
	name               string
	username, password [sha256.Size]byte
	hashed             bool // password is that of the hexadecimal SHA-1
}

func (b *basic) authenticate(r *http.Request) (principal, error) {
	scheme, packed, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Basic") {
		return principal{}, errNoCredentials
	}
	both, err := base64.StdEncoding.DecodeString(strings.TrimSpace(packed))
	if err != nil {
		return principal{}, errMalformed
	}
	// A password may hold colons. Supervisor 4.2.5, medusa/auth_handler.py,
	// handle_request; there, no colon at all is an exception and status 500.
	username, password, ok := strings.Cut(string(both), ":")
	if !ok {
		return principal{}, errMalformed
	}
	if b.hashed {
		sum := sha1.Sum([]byte(password)) //nolint:gosec // see above
		password = hex.EncodeToString(sum[:])
	}
	u, p := sha256.Sum256([]byte(username)), sha256.Sum256([]byte(password))
	same := subtle.ConstantTimeCompare(u[:], b.username[:]) & subtle.ConstantTimeCompare(p[:], b.password[:])
	if same != 1 {
		return principal{}, errNoCredentials
	}
	return principal{name: b.name, role: ext.Admin}, nil
}
