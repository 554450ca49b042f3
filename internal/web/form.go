package web

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
)

// maxForm bounds the body of a form, in bytes. Ours have less than a hundred.
const maxForm = 64 << 10

var errTooLarge = errors.New("form too large")

// A form is what a request asks for.
type form struct {
	process, action, message string
	hasMessage               bool
	limit                    string
	token                    string // from the body alone: addresses are remembered and passed on
}

// readForm merges the query, of which the first value of a name counts, with
// the body, whose last value does and goes before the query's.
// Supervisor 4.2.5, web.py, continue_request.
func readForm(r *http.Request) (form, error) {
	values := map[string]string{}
	parse(r.URL.RawQuery, func(name, value string) {
		if _, ok := values[name]; !ok {
			values[name] = value
		}
	})
	var f form
	if r.Method == http.MethodPost {
		body, err := io.ReadAll(io.LimitReader(r.Body, maxForm+1))
		if err != nil {
			return f, err
		}
		if len(body) > maxForm {
			return f, errTooLarge
		}
		parse(string(body), func(name, value string) {
			values[name] = value
			if name == "token" {
				f.token = value
			}
		})
	}
	f.process, f.action, f.limit = values["processname"], values["action"], values["limit"]
	f.message, f.hasMessage = values["message"]
	return f, nil
}

// parse reads an urlencoded form. What has no value is not there.
// Python 3.11, urllib.parse.parse_qsl.
func parse(s string, set func(name, value string)) {
	for pair := range strings.SplitSeq(s, "&") {
		if name, value, _ := strings.Cut(pair, "="); value != "" {
			set(unquote(name), unquote(value))
		}
	}
}

// unquote undoes the quoting of a form; a percent sign that quotes nothing
// stands for itself.
func unquote(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+':
			b.WriteByte(' ')
		case c == '%' && i+2 < len(s) && nibble(s[i+1]) >= 0 && nibble(s[i+2]) >= 0:
			b.WriteByte(byte(nibble(s[i+1])<<4 | nibble(s[i+2])))
			i += 2
		default:
			b.WriteByte(c)
		}
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}

// nibble is the value of a hexadecimal digit, -1 of anything else.
func nibble(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// address is the host, and the port unless it is 80, under which the client
// knows us. Supervisor 4.2.5, http.py, get_server_url.
func address(r *http.Request) string {
	if r.Host == "" {
		if a, ok := localAddr(r); ok {
			return a.String()
		}
		return "localhost"
	}
	host := strings.TrimSuffix(r.Host, ":")
	return strings.TrimSuffix(host, ":80")
}

// scheme is what clients write before our address.
func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https://"
	}
	return "http://"
}

// localAddr is where a TCP connection arrived.
func localAddr(r *http.Request) (*net.TCPAddr, bool) {
	a, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return a, ok
}
