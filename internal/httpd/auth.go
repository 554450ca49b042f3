package httpd

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/level"
)

var (
	errNoCredentials = errors.New("no valid credentials")
	errMalformed     = errors.New("malformed credentials")
)

// A busyError refuses to look at credentials for a while: too many were wrong.
type busyError struct{ wait time.Duration }

func (e *busyError) Error() string { return fmt.Sprintf("too many failed log-ins, for %v", e.wait) }

// maxLoggedName bounds what a log line shows of a name, in bytes.
const maxLoggedName = 64

// newLogin is the user of a server's section, who may do everything; nil if
// there is none.
func newLogin(username, password string) *login {
	if username == "" {
		return nil
	}
	return &login{name: nameSecret(username), secret: newSecret(password), is: ext.Caller{Account: username, Role: ext.Admin}}
}

// plain reports whether the server knows no more than Supervisor's do: one
// user, or none.
func (s *Server) plain() bool { return s.tls == nil && len(s.authority.accounts.Load().list) == 0 }

// admit finds out who sent r, and returns r with that in its context. The
// error is errNoCredentials, errMalformed, a *busyError or the context's.
func (s *Server) admit(r *http.Request) (*http.Request, ext.Caller, error) {
	c, _ := r.Context().Value(connKey{}).(*conn)
	who, err := ext.Caller{}, error(nil)
	if s.plain() {
		if who, err = s.plainCaller(r); err == nil && c != nil && c.plain {
			return r, who, nil // the connection's context has it
		}
	} else {
		who, err = s.identify(r, c)
	}
	if err != nil {
		return r, who, err
	}
	if c != nil {
		who = s.at(c, who)
	} else {
		who.UID, who.PID, who.Address = -1, -1, r.RemoteAddr
	}
	return r.WithContext(ext.WithCaller(r.Context(), who)), who, nil
}

// at adds to who where it comes from.
func (s *Server) at(c *conn, who ext.Caller) ext.Caller {
	who.UID, who.PID, who.Address = c.uid, c.pid, c.address
	return who
}

// plainCaller is who a request comes from on a server with one user or none.
func (s *Server) plainCaller(r *http.Request) (ext.Caller, error) {
	if s.own == nil {
		return ext.Caller{Role: ext.Admin}, nil
	}
	name, password, err := credentials(r)
	if err != nil {
		return ext.Caller{}, err
	}
	user, right := s.own.name.matches(name), s.own.secret.matches(password) // both, so that the time says nothing
	if !user || !right {
		return ext.Caller{}, errNoCredentials
	}
	return s.own.is, nil
}

// identify is who a request comes from where there are accounts or TLS. What a
// client says goes before what is known of it: a password, then a certificate,
// then the user it runs as.
func (s *Server) identify(r *http.Request, c *conn) (ext.Caller, error) {
	known := s.authority.accounts.Load()
	certified := r.TLS != nil && len(r.TLS.VerifiedChains) > 0
	if len(known.list) == 0 && s.conf.TLSClientCA != "" && !certified {
		return ext.Caller{}, errNoCredentials // it came when there were accounts
	}
	if r.Header.Get("Authorization") != "" && (s.own != nil || len(known.list) > 0) {
		return s.logIn(r, c)
	}
	if certified {
		leaf := r.TLS.VerifiedChains[0][0]
		if a := known.certified(leaf); a != nil {
			return callerOf(a), nil
		}
		if len(known.list) == 0 && s.own == nil {
			return ext.Caller{Account: "certificate:" + leaf.Subject.CommonName, Role: ext.Admin}, nil
		}
	}
	if c != nil && c.uid >= 0 {
		if who, ok := s.byPeer(known, c); ok {
			return who, nil
		}
	}
	if len(known.list) == 0 && s.own == nil {
		return ext.Caller{Role: ext.Admin}, nil
	}
	return ext.Caller{}, errNoCredentials
}

// byPeer is who the other end of a unix socket is: an account, or somebody who
// can do everything to us anyway.
func (s *Server) byPeer(known *accounts, c *conn) (ext.Caller, bool) {
	a := known.byUID[c.uid]
	if a == nil {
		a = known.byGID[c.gid]
	}
	switch {
	case a != nil:
		return callerOf(a), true
	case s.own == nil && (c.uid == 0 || c.uid == os.Getuid()):
		return ext.Caller{Account: "uid:" + strconv.Itoa(c.uid), Role: ext.Admin}, true
	}
	return ext.Caller{}, false
}

// logIn checks a name and a password. A failure is counted and logged.
func (s *Server) logIn(r *http.Request, c *conn) (ext.Caller, error) {
	name, password, err := credentials(r)
	if err != nil {
		return ext.Caller{}, err
	}
	uid, address := -1, r.RemoteAddr
	if c != nil {
		uid, address = c.uid, c.address
	}
	is, busy, blocked, err := s.authority.check(r.Context(), s.own, sourceOf(r.RemoteAddr, uid), name, password)
	switch {
	case err != nil:
		return ext.Caller{}, err
	case busy > 0:
		return ext.Caller{}, &busyError{busy}
	case is != nil:
		return is.is, nil
	}
	from := address
	if uid >= 0 {
		from = fmt.Sprintf("%s, uid %d", address, uid)
	}
	if len(name) > maxLoggedName {
		name = name[:maxLoggedName]
	}
	s.log.Log(level.Warn, fmt.Sprintf("log-in of %q to [%s] failed (from %s)", name, s.section, from))
	if blocked {
		s.log.Log(level.Warn, fmt.Sprintf("no log-in to [%s] is checked for %v: %d failed (from %s)",
			s.section, blockTime, maxFailures, from))
	}
	return ext.Caller{}, errNoCredentials
}

// credentials are the name and the password that a request brings. The error
// is errNoCredentials or errMalformed.
func credentials(r *http.Request) (name, password string, err error) {
	scheme, packed, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", errNoCredentials
	}
	both, err := base64.StdEncoding.DecodeString(strings.TrimSpace(packed))
	if err != nil {
		return "", "", errMalformed
	}
	// A password may hold colons. Supervisor 4.2.5, medusa/auth_handler.py,
	// handle_request; there, no colon at all is an exception and status 500.
	name, password, ok := strings.Cut(string(both), ":")
	if !ok {
		return "", "", errMalformed
	}
	return name, password, nil
}
