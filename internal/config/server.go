package config

import (
	"os"
	"strings"
)

// server is a server section while it is read.
type server struct {
	Server
	hasUsername, hasPassword bool
}

// authOptions are the options both kinds of servers have.
// Supervisor 4.2.5, options.py, _parse_username_and_password.
var authOptions = []row[server]{
	{Option{"username", typeText, "", "no authentication", ExpandsEnv, "user name that clients must send"},
		func(_ *reader, s *server, v string) error { s.Username, s.hasUsername = v, true; return nil }},
	{Option{"password", typeText, "", "no authentication", ExpandsEnv, "password that clients must send; {SHA} and the SHA-1 in hexadecimal hides it"},
		func(_ *reader, s *server, v string) error { s.Password, s.hasPassword = v, true; return nil }},
}

// inetOptions is the rest of the table of [inet_http_server].
var inetOptions = []row[server]{
	{Option{"port", typeAddress, "", "an error", ExpandsEnv, "address to listen at; no host or * for all interfaces"},
		func(_ *reader, s *server, v string) (err error) {
			s.Host, s.Port, err = inetAddress(v)
			return err
		}},
}

// tlsOptions are ours: the part of the table of [inet_http_server] that is
// read last.
var tlsOptions = []row[server]{
	{Option{"tls_certificate", typePath, "", "no TLS", ExpandsHere, "file with the certificate of the server and those above it, in PEM; read again when it changes"},
		func(r *reader, s *server, v string) (err error) {
			s.TLSCertificate, err = r.existingFile(v)
			return err
		}},
	{Option{"tls_key", typePath, "", "an error with tls_certificate", ExpandsHere, "file with the key of the certificate, in PEM"},
		func(r *reader, s *server, v string) (err error) { s.TLSKey, err = r.existingFile(v); return err }},
	{Option{"tls_client_ca", typePath, "", "clients need no certificate", ExpandsHere, "file with the certificates that those of clients must be signed with, in PEM"},
		func(r *reader, s *server, v string) (err error) { s.TLSClientCA, err = r.existingFile(v); return err }},
	{Option{"allow_unauthenticated_network", typeBool, "false", "", ExpandsEnv, "let everybody who can reach the port control all programs, without a password"},
		func(_ *reader, s *server, v string) (err error) {
			s.AllowUnauthenticatedNetwork, err = boolean(v)
			return err
		}},
}

// fileOptions is the part of the table of [unix_http_server] that is read
// before the authentication, unixOptions what is read after it.
var fileOptions = []row[server]{
	{Option{"file", typePath, "", "an error", ExpandsHere, "path of the socket"},
		func(r *reader, s *server, v string) error { s.File = r.normal(strip(v)); return nil }},
}

var unixOptions = []row[server]{
	{Option{"chown", typeUserGroup, "", "unchanged", ExpandsEnv, "owner of the socket"},
		func(r *reader, s *server, v string) (err error) {
			s.UID, s.GID, err = r.userGroup(v)
			if err != nil {
				return wrong("Invalid sockchown value %s", v)
			}
			return nil
		}},
	{Option{"chmod", typeOctal, "", "0700", ExpandsEnv, "permissions of the socket"},
		func(_ *reader, s *server, v string) error {
			mode, err := octal(v)
			if err != nil {
				return wrong("Invalid chmod value %s", v)
			}
			s.Mode = os.FileMode(mode)
			return nil
		}},
}

const (
	inetServer = "inet_http_server"
	unixServer = "unix_http_server"
)

// servers reads all server sections: inet ones first. A section is one if its
// name starts with the words, whatever follows.
// Supervisor 4.2.5, options.py, server_configs_from_parser.
func (l *loader) servers(c *Config) {
	for _, section := range l.doc.Sections() {
		if strings.HasPrefix(section.Name, inetServer) {
			c.Servers = append(c.Servers, l.inet(sourceOf(section)))
		}
	}
	for _, section := range l.doc.Sections() {
		if strings.HasPrefix(section.Name, unixServer) {
			c.Servers = append(c.Servers, l.unix(sourceOf(section)))
		}
	}
}

// inet reads an [inet_http_server].
func (l *loader) inet(src *source) Server {
	r := &reader{loader: l, src: src, vars: l.envVars()}
	s := server{Server: Server{Section: src.name, UID: -1, GID: -1}}
	r.auth(&s)
	readAll(r, inetOptions, &s)
	if !src.has("port") {
		r.missing(wrong("section [%s] has no port value", src.name))
	}
	r.vars = l.hereVars()
	readAll(r, tlsOptions, &s)
	switch {
	case src.has("tls_certificate") != src.has("tls_key"):
		r.missing(wrong("section [%s] has only one of tls_certificate and tls_key", src.name))
	case src.has("tls_client_ca") && !src.has("tls_certificate"):
		r.missing(wrong("section [%s] has tls_client_ca without tls_certificate and tls_key", src.name))
	}
	return s.Server
}

// unix reads a [unix_http_server].
func (l *loader) unix(src *source) Server {
	r := &reader{loader: l, src: src, vars: l.hereVars()}
	s := server{Server: Server{Section: src.name, Unix: true, Mode: 0o700, UID: -1, GID: -1}}
	readAll(r, fileOptions, &s)
	if !src.has("file") {
		r.missing(wrong("section [%s] has no file value", src.name))
	}
	r.vars = l.envVars()
	r.auth(&s)
	readAll(r, unixOptions, &s)
	return s.Server
}

// auth reads username and password, of which both must be there or none.
func (r *reader) auth(s *server) {
	before := len(r.problems)
	readAll(r, authOptions, s)
	if len(r.problems) == before && s.hasUsername != s.hasPassword {
		r.missing(wrong("Section [%s] contains incomplete authentication: If a username or a password "+
			"is specified, both the username and password must be specified", r.src.name))
	}
}
