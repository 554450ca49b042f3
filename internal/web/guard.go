package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/errorpage"
)

// A browser carries out what any page it shows asks for, with the passwords
// that its user has given it. So what comes from a browser must show that it
// comes from our own page; what a program sends needs no proof, since nobody
// can make a program of others send it.

// tokenSize is that of a token before it is written, in bytes.
const tokenSize = 18

// browserHeaders are sent by browsers, and a page of somebody else cannot keep
// all of them back: the language and the agent go with everything.
var browserHeaders = []string{"Origin", "Referer", "Accept-Language", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest"}

// fromBrowser reports whether a browser may have sent r. Sec-Fetch-Site alone
// would not do: browsers leave it out towards plain HTTP that is not on the
// same machine.
func fromBrowser(r *http.Request) bool {
	if slices.ContainsFunc(browserHeaders, func(name string) bool { return r.Header.Get(name) != "" }) {
		return true
	}
	agent := r.Header.Get("User-Agent")
	// PowerShell's web cmdlets say Mozilla, too, and no page makes them act.
	return strings.HasPrefix(agent, "Mozilla/") && !strings.Contains(agent, "PowerShell/")
}

// crossSite reports whether the browser says that a page of another site is
// behind r.
func crossSite(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return false
	case "":
	default:
		return true
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	u, err := url.Parse(origin)
	// A proxy may have put its own idea of a host into Host; the header for
	// what it replaced cannot be set by another site's page.
	return err != nil || u.Host == "" ||
		!strings.EqualFold(u.Host, r.Host) && !strings.EqualFold(u.Host, r.Header.Get("X-Forwarded-Host"))
}

// reserved are the ends of names that nobody can register.
var reserved = []string{".localhost", ".test", ".local", ".internal", ".home.arpa", ".example", ".invalid"}

// rebound reports whether r looks like DNS rebinding: a site has let its own
// name point to this machine, so that the browser takes us for that site and
// lets its page do everything. It needs a full name, our own port, and a server
// that is open to whoever can connect; servers for other machines than this
// one are left out, since there such names are common.
func rebound(r *http.Request, hostname string) bool {
	local, ok := localAddr(r)
	if !ok || !local.IP.IsLoopback() || !fromBrowser(r) {
		return false
	}
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		host, port = r.Host, "80"
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil || port != strconv.Itoa(local.Port) {
		return false // an address, or a proxy of this machine
	}
	if !strings.Contains(host, ".") || host == strings.ToLower(hostname) {
		return false
	}
	return !slices.ContainsFunc(reserved, func(end string) bool { return strings.HasSuffix(host, end) })
}

// tokenOf is the token in the pages of one account. Others know only their own.
func (h *Handler) tokenOf(c ext.Caller) string {
	mac := hmac.New(sha256.New, []byte(h.secret))
	mac.Write([]byte(c.Account))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:tokenSize])
}

// proven reports whether whoever sent r wants what it asks for.
func (h *Handler) proven(r *http.Request, f form) bool {
	if !fromBrowser(r) {
		return !h.o.AskPrograms || h.tokenFits(r, f)
	}
	return r.Method == http.MethodPost && !crossSite(r) && h.tokenFits(r, f)
}

func (h *Handler) tokenFits(r *http.Request, f form) bool {
	return subtle.ConstantTimeCompare([]byte(f.token), []byte(h.tokenOf(ext.CallerOf(r.Context())))) == 1
}

// Guard keeps the pages of other sites from using next through the browser of
// somebody who may: it refuses, with status 403, what is not a plain GET and
// comes from another site, and all that looks like DNS rebinding towards a
// server that asks for no password. Programs are never refused. It is for the
// routes beside this package's own, such as /RPC2.
func (h *Handler) Guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		if !reads && crossSite(r) || h.open() && rebound(r, h.hostname) {
			errorpage.Write(w, http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
