package httpd

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // a form in which configurations hold passwords
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/bcrypt"
)

const (
	// shaPrefix marks a password that is stored as the hexadecimal of its SHA-1.
	shaPrefix = "{SHA}"
	// bcryptPrefix begins every bcrypt hash; a version and the cost follow.
	bcryptPrefix = "$2"
)

// A secret is what a password is compared with. It holds and compares digests,
// so that the time it takes says nothing of how much of a guess is right.
type secret struct {
	hash   []byte            // bcrypt; nil for none
	digest [sha256.Size]byte // otherwise: of the password, or of the hexadecimal of its SHA-1
	sha    bool
}

// newSecret reads a password as a server's section has it: plain or {SHA}.
func newSecret(password string) secret {
	var s secret
	password, s.sha = strings.CutPrefix(password, shaPrefix)
	s.digest = sha256.Sum256([]byte(password))
	return s
}

// nameSecret is for names, which are compared like passwords.
func nameSecret(name string) secret { return secret{digest: sha256.Sum256([]byte(name))} }

// accountSecret reads a password as an account has it, which may be a bcrypt
// hash, too.
func accountSecret(password string) secret {
	if strings.HasPrefix(password, bcryptPrefix) && len(password) == 60 {
		return secret{hash: []byte(password)}
	}
	return newSecret(password)
}

// matches compares a password. With a bcrypt hash that takes long, as it is
// meant to.
func (s *secret) matches(password string) bool {
	if s.hash != nil {
		return bcrypt.CompareHashAndPassword(s.hash, []byte(password)) == nil
	}
	if s.sha {
		sum := sha1.Sum([]byte(password)) //nolint:gosec // see above
		password = hex.EncodeToString(sum[:])
	}
	digest := sha256.Sum256([]byte(password))
	return subtle.ConstantTimeCompare(digest[:], s.digest[:]) == 1
}

// A proof remembers the password that a bcrypt hash was last seen to match, as
// an HMAC, so that not each request takes as long as the first. The zero value
// remembers none; it is safe for concurrent use.
type proof struct {
	sum atomic.Pointer[[sha256.Size]byte]
}

func proofOf(key []byte, password string) *[sha256.Size]byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(password))
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	return &sum
}

func (p *proof) holds(key []byte, password string) bool {
	seen := p.sum.Load()
	return seen != nil && subtle.ConstantTimeCompare(seen[:], proofOf(key, password)[:]) == 1
}

func (p *proof) remember(key []byte, password string) { p.sum.Store(proofOf(key, password)) }
