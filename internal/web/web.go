// Package web is the status page: the one that Supervisor has, with its
// addresses, parameters, messages and titles, drawn anew.
//
// A program may use it as it does the original's. A browser may look at
// everything by GET; to act it must send the token that our own page holds, and
// is asked for a confirmation where it does not. Nothing needs JavaScript.
package web

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/errorpage"
	"example.org/twiddler/internal/supervisor"
	"example.org/twiddler/level"
)

// Options are what the page needs besides the loop.
type Options struct {
	Version string // shown at the foot

	// Describe is the line about a process that the table shows; nil for
	// [supervisor.Info.Description].
	Describe func(*supervisor.Info) string

	// Open reports whether the server asks nobody who he is, now. Nil is false.
	Open func() bool

	// AskPrograms has programs confirm actions as browsers must. Otherwise
	// those that get or post an action without a token, as they can with
	// Supervisor, are obeyed.
	AskPrograms bool

	Log func(lv level.Level, text string) // must not block
}

// A Handler serves the pages of one server. It is safe for concurrent use.
type Handler struct {
	o        Options
	loop     *supervisor.Loop
	secret   string // tokens are made of
	hostname string // of this machine; "" if it is not known
	since    time.Time
}

// New returns a handler. Its tokens are its own: a page that another one has
// sent can't act through it without confirmation.
func New(loop *supervisor.Loop, o Options) *Handler {
	if o.Describe == nil {
		o.Describe = (*supervisor.Info).Description
	}
	hostname, _ := os.Hostname() // without it, one name less is trusted
	return &Handler{o: o, loop: loop, secret: rand.Text(), hostname: hostname, since: time.Now()}
}

// A Route is a path that a server must pass on, and the role it takes.
type Route struct {
	Pattern string
	Role    ext.Role
}

// open is Options.Open.
func (h *Handler) open() bool { return h.o.Open != nil && h.o.Open() }

// Routes returns all that the handler serves. Looking is enough for each:
// actions have the same paths, and ask whether [ext.CallerOf] the request may
// operate. What is shown is what the caller holds.
func (h *Handler) Routes() []Route {
	routes := []Route{{"/", ext.View}, {"/index.html", ext.View}, {"/tail.html", ext.View}, {"/ok.html", ext.View}}
	for _, name := range staticNames {
		routes = append(routes, Route{"/" + name, ext.View})
	}
	return routes
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimLeft(r.URL.Path, "/")
	serve := h.view(path)
	secure(w.Header())
	switch {
	case h.open() && rebound(r, h.hostname):
		h.refuse(w, r)
	case serve == nil || r.Method == http.MethodHead:
		serveStatic(w, r, path, h.since)
	case r.Method != http.MethodGet && r.Method != http.MethodPost:
		errorpage.Write(w, http.StatusBadRequest)
	case r.Method == http.MethodPost && r.ContentLength <= 0 && r.Header.Get("Content-Length") == "":
		errorpage.Write(w, http.StatusLengthRequired)
	default:
		f, err := readForm(r)
		switch {
		case err == nil:
			serve(w, r, f)
		case errors.Is(err, errTooLarge):
			errorpage.Write(w, http.StatusRequestEntityTooLarge)
		default:
			errorpage.Write(w, http.StatusBadRequest) // it did not arrive whole
		}
	}
}

// view returns what serves a path, nil for a file. HEAD is for files alone.
// Supervisor 4.2.5, web.py, supervisor_ui_handler.
func (h *Handler) view(path string) func(http.ResponseWriter, *http.Request, form) {
	switch path {
	case "", "index.html":
		return h.serveStatus
	case "tail.html":
		return h.serveTail
	case "ok.html":
		return serveOK
	}
	return nil
}

func serveOK(w http.ResponseWriter, _ *http.Request, _ form) {
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", strconv.Itoa(len("OK")))
	_, _ = w.Write([]byte("OK")) // a client that went away needs no answer
}

// secure sets what keeps a browser from doing more with an answer than showing
// it. Referrers stay, towards ourselves: without them a form's origin would be
// hidden as well.
func secure(header http.Header) {
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; "+
		"connect-src 'self'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'")
	header.Set("X-Frame-Options", "SAMEORIGIN")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
}

// lingerTime is how long an action goes on for a client that has left: long
// enough for the second half of a restart.
const lingerTime = 5 * time.Minute

// linger returns a context that outlives ctx for a while: what somebody asked
// for is done, even if they don't wait for the answer.
func linger(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(lingerTime, cancel) })
	return longer, func() {
		stop()
		cancel()
	}
}
