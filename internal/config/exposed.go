package config

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// exposed refuses a server that would let everybody on the network control
// all programs, unless the configuration says that this is meant. When it is
// read again it is about the servers that are open: those of the file are not
// opened, but accounts come and go.
func (l *loader) exposed(c *Config) {
	c.opened = c.Servers
	if l.o.Live != nil {
		c.opened = l.o.Live.opened
	}
	for _, s := range c.opened {
		if s.Unix || s.Port == 0 || s.AllowUnauthenticatedNetwork || s.Authenticated(c.Accounts) || l.onlyLocal(s.Host) {
			continue
		}
		err := s.Exposed()
		p := Problem{Section: s.Section, Text: err.Error()}
		if section := l.doc.Section(s.Section); section != nil {
			p.File, p.Line = section.File, section.Line
		}
		l.addProblem(p, err)
	}
}

// Authenticated reports whether a server knows who its clients are, given the
// accounts there are. On a unix socket it is the file's mode that keeps others
// out.
func (s *Server) Authenticated(accounts []Account) bool {
	return s.Username != "" || s.TLSClientCA != "" || len(accounts) > 0
}

// Exposed is the error about a server that is open to everybody on the
// network.
func (s *Server) Exposed() error {
	where := "all network interfaces"
	if s.Host != "" {
		where = s.Host
	}
	return wrong("[%s] listens on %s without a password, so that everybody who can reach it could run any command: "+
		"set username and password, add an [account:NAME], say port = %s, "+
		"or, if this is meant, allow_unauthenticated_network = true",
		s.Section, where, net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)))
}

// onlyLocal reports whether a server at host can be reached from this machine
// alone. A name that is not known is for the opening to complain of.
func (l *loader) onlyLocal(host string) bool {
	if host == "" {
		return false
	}
	if host == "localhost" {
		return true
	}
	if a, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return a.IsLoopback() || a.Unmap().IsLoopback()
	}
	if l.o.LookupHost == nil {
		return true
	}
	addrs, err := l.o.LookupHost(host)
	return err != nil || !slices.ContainsFunc(addrs, func(a netip.Addr) bool { return !a.Unmap().IsLoopback() })
}
