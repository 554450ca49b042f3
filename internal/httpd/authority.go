package httpd

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"hash/maphash"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/bcrypt"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/config"
)

// turns is how many passwords may be checked at once. Those of one source are
// checked one after the other: many at once must not be more guesses.
const turns = 32

// An Authority knows the accounts, for all servers of a daemon, and counts the
// log-ins that fail. It is safe for concurrent use.
type Authority struct {
	accounts atomic.Pointer[accounts]
	limiter  limiter
	key      []byte // of proofs
	seed     maphash.Seed
	turns    [turns]chan struct{}
}

// NewAuthority returns one that knows these accounts.
func NewAuthority(list []config.Account) *Authority {
	a := &Authority{key: make([]byte, 32), seed: maphash.MakeSeed()}
	_, _ = rand.Read(a.key) // it never fails
	for i := range a.turns {
		a.turns[i] = make(chan struct{}, 1)
	}
	a.Set(list)
	return a
}

// Set replaces the accounts. Requests that have been let in go on.
func (a *Authority) Set(list []config.Account) { a.accounts.Store(newAccounts(list)) }

// accounts are some accounts, ready to be looked up.
type accounts struct {
	list          []config.Account
	byName        map[string]*login
	byUID         map[int]*config.Account
	byGID         map[int]*config.Account
	byCertificate map[string]*config.Account // in lower case
	slowest       *secret                    // the bcrypt hash that takes longest; nil for none
}

// A login is one name with a password.
type login struct {
	name   secret // of the user of a server
	secret secret
	proof  proof
	is     ext.Caller // but for where it comes from
}

func newAccounts(list []config.Account) *accounts {
	a := &accounts{list: list, byName: map[string]*login{}, byUID: map[int]*config.Account{},
		byGID: map[int]*config.Account{}, byCertificate: map[string]*config.Account{}}
	longest := 0
	for i := range list {
		account := &list[i]
		if account.UID >= 0 {
			a.byUID[account.UID] = account
		}
		if account.GID >= 0 {
			a.byGID[account.GID] = account
		}
		if account.Certificate != "" {
			a.byCertificate[strings.ToLower(account.Certificate)] = account
		}
		if account.Password == "" {
			continue
		}
		l := &login{secret: accountSecret(account.Password), is: callerOf(account)}
		a.byName[account.Name] = l
		if cost, err := bcrypt.Cost(l.secret.hash); err == nil && cost > longest {
			longest, a.slowest = cost, &l.secret
		}
	}
	return a
}

// callerOf is what an account may do.
func callerOf(a *config.Account) ext.Caller {
	return ext.Caller{Account: a.Name, Role: a.Role, Groups: a.Groups, Policy: a.Policy}
}

// certified returns the account that a client's certificate belongs to.
func (a *accounts) certified(c *x509.Certificate) *config.Account {
	for _, name := range append([]string{c.Subject.CommonName}, c.DNSNames...) {
		if account := a.byCertificate[strings.ToLower(name)]; name != "" && account != nil {
			return account
		}
	}
	return nil
}

// check compares a name and a password with what own, nil for none, and the
// accounts have. An unknown name takes as long as a wrong password. busy is how
// long nothing of the source is checked; blocked is set by the failure that
// begins such a time. The error is that of ctx, which bounds the waiting for
// other log-ins.
func (a *Authority) check(ctx context.Context, own *login, from source, name, password string) (is *login, busy time.Duration, blocked bool, err error) {
	turn := a.turns[maphash.Comparable(a.seed, from)%turns]
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
		return nil, 0, false, ctx.Err()
	}
	if busy := a.limiter.blocked(from, time.Now()); busy > 0 {
		return nil, busy, false, nil
	}
	known := a.accounts.Load()
	l := known.byName[name]
	if own != nil && own.name.matches(name) {
		l = own
	}
	if a.verify(known, l, password) {
		return l, 0, false, nil
	}
	return nil, 0, a.limiter.fail(from, time.Now()), nil
}

// verify compares a password with that of l, which is nil for an unknown name.
func (a *Authority) verify(known *accounts, l *login, password string) bool {
	if l != nil && l.secret.hash != nil {
		if l.proof.holds(a.key, password) {
			return true
		}
		if !l.secret.matches(password) {
			return false
		}
		l.proof.remember(a.key, password)
		return true
	}
	if l == nil {
		l = &login{} // whose digest no password has
	}
	if l.secret.matches(password) {
		return true
	}
	if known.slowest != nil {
		known.slowest.matches(password) // what it answers does not count, only the time it takes
	}
	return false
}
