package config

import (
	"os"
	"strconv"
	"strings"

	"example.org/twiddler/internal/ini"
)

// fcgi is a [fcgi-program:x] while its group is read.
type fcgi struct {
	Group
	userUID, userGID int // of user; -1 for none
	owned, moded     bool
	url              string
	urlRead          bool // and not wrong already
}

// fcgiOptions is the part of the table of [fcgi-program:x] that the group
// reads; the rest is that of programs.
// Supervisor 4.2.5, options.py, process_groups_from_parser.
var fcgiOptions = []row[fcgi]{
	priorityOption("999", func(f *fcgi) *int { return &f.Priority }),
	{Option{"user", typeUser, "", "as supervisord", ExpandsHere, "user the processes run as, and owner of the socket"},
		func(r *reader, f *fcgi, v string) (err error) {
			f.userUID, f.userGID, err = r.loader.user(v)
			return r.forgive(err)
		}},
	{Option{"socket_backlog", typeInt, "", "the system's maximum", ExpandsHere, "connections that may wait for the socket"},
		func(_ *reader, f *fcgi, v string) error {
			err := setInt(&f.Socket.Backlog, v)
			if n := f.Socket.Backlog; err == nil && (n < 1 || n > 65535) {
				err = wrong("Invalid socket_backlog value %d", n)
			}
			return err
		}},
	{Option{"socket_owner", typeUserGroup, "", "user and its group, if it is not who we are", ExpandsHere, "owner of a unix socket"},
		func(r *reader, f *fcgi, v string) (err error) {
			f.owned = true
			f.Socket.UID, f.Socket.GID, err = r.userGroup(v)
			if err != nil {
				return wrong("Invalid socket_owner value %s", v)
			}
			return nil
		}},
	{Option{"socket_mode", typeOctal, "", "0700", ExpandsHere, "permissions of a unix socket"},
		func(_ *reader, f *fcgi, v string) error {
			f.moded = true
			mode, err := octal(v)
			if err != nil {
				return wrong("Invalid socket_mode value %s", v)
			}
			f.Socket.Mode = os.FileMode(mode)
			return nil
		}},
	{Option{"socket", typeURL, "", "an error", ExpandsSocket, "unix:///path or tcp://host:port the processes get as stdin"},
		func(_ *reader, f *fcgi, v string) error { f.url, f.urlRead = v, true; return nil }},
}

// fcgiGroup reads a [fcgi-program:x] that is a group of its own.
func (l *loader) fcgiGroup(src *source) *Group {
	r := &reader{loader: l, src: src, vars: l.hereVars()}
	f := &fcgi{userUID: -1, userGID: -1}
	f.Kind, f.Section = FastCGI, l.sectionOf(src)
	f.Socket = &Socket{UID: -1, GID: -1, Mode: 0o700}
	f.Name = r.sectionName()
	for i := range fcgiOptions {
		if fcgiOptions[i].Key == "socket" {
			r.vars = r.vars.With(ini.String("program_name", f.Name))
		}
		read(r, &fcgiOptions[i], f)
	}
	if !src.has("socket") || f.urlRead && f.url == "" {
		r.blame("socket", wrong("[%s] section requires a \"socket\" line", src.name))
	} else if err := f.listen(r); err != nil {
		r.blame("socket", wrong("%v in [%s] socket", err, src.name))
	}
	f.Processes = l.processes(src, f.Name, FastCGI)
	return &f.Group
}

// listen reads the address of the socket. Two of its texts show how the
// original's errors look: a format and its argument, as a Python tuple.
// Supervisor 4.2.5, options.py, parse_fcgi_socket.
func (f *fcgi) listen(r *reader) error {
	if !f.urlRead {
		return nil // it could not be expanded, which has been reported
	}
	if path, ok := strings.CutPrefix(f.url, "unix://"); ok {
		if !strings.HasPrefix(path, "/") {
			return wrong("('Unix socket path %%s is not an absolute path', %s)", ini.Repr(path))
		}
		f.Socket.Unix, f.Socket.Path = true, r.normal(path)
		f.Socket.URL = "unix://" + f.Socket.Path
		if !f.owned && f.userUID >= 0 && f.userUID != r.o.UID {
			f.Socket.UID, f.Socket.GID = f.userUID, f.userGID
		}
		return nil
	}
	if f.owned || f.moded {
		return wrong("socket_owner and socket_mode params should only be used with a Unix domain socket")
	}
	host, number, ok := tcpAddress(f.url)
	if !ok {
		return wrong("('Bad socket format %%s', %s)", ini.Repr(f.url))
	}
	n, err := port(number)
	if err != nil {
		return err
	}
	f.Socket.Host, f.Socket.Port, f.Socket.Mode = strings.ToLower(host), n, 0
	f.Socket.URL = "tcp://" + f.Socket.Host + ":" + strconv.Itoa(n)
	return nil
}

// tcpAddress splits tcp://host:port; neither part may be empty, the host has
// no blanks and no colons.
func tcpAddress(url string) (host, number string, ok bool) {
	rest, ok := strings.CutPrefix(url, "tcp://")
	if !ok {
		return "", "", false
	}
	host, number, ok = strings.Cut(strings.TrimSuffix(rest, "\n"), ":")
	if !ok || host == "" || number == "" || strings.ContainsFunc(host, isSpace) {
		return "", "", false
	}
	for _, r := range number {
		if digit(r) < 0 {
			return "", "", false
		}
	}
	return host, number, true
}
