// Package httpd serves HTTP for one [unix_http_server] or [inet_http_server]
// section.
//
// It denies by default: a route cannot be registered without the role that may
// use it, and nothing of a request but its head is looked at before its sender
// is known. Everything from outside is bounded, as the constants in conn.go
// say: connections, the size and age of a request's head and body, and how
// long a client may leave an answer unread. What may last is waiting: a call
// that takes hours to answer, and a connection that is kept open between two
// requests.
//
// The socket file of a unix server has its mode before anybody can connect to
// it, and comes back if something removes it.
package httpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/errorpage"
	"example.org/twiddler/level"
)

// A Logger takes lines for supervisord's own log. It must not block.
type Logger interface {
	Log(lv level.Level, text string)
	Enabled(lv level.Level) bool
}

// Options are what a server needs besides its section.
type Options struct {
	Log      Logger
	Stderr   io.Writer // gets "Unlinking stale socket FILE"; nil for os.Stderr
	MaxConns int       // connections at once; 0 for 1,024
	Body     int64     // bytes of a request's body; 0 for 32 MiB

	// Authority knows the accounts, the same for all servers of a daemon. Nil
	// knows none.
	Authority *Authority
}

// whole is o with the defaults.
func (o Options) whole() Options {
	if o.Stderr == nil {
		o.Stderr = os.Stderr
	}
	if o.Body <= 0 {
		o.Body = defaultBody
	}
	if o.Authority == nil {
		o.Authority = NewAuthority(nil)
	}
	return o
}

// A Server serves one section. Its methods are safe for concurrent use, but
// for Handle, which must not be called after Run.
type Server struct {
	section   string
	conf      config.Server
	own       *login // the user of the section; nil for none
	authority *Authority
	tls       *tlsFiles // nil for none

	log      Logger
	maxBody  int64
	routes   []route
	guard    func(http.Handler) http.Handler // nil for none
	listener *limitListener
	http     *http.Server

	stop    context.Context // ends when streams must
	endAll  context.CancelFunc
	owed    unfinished // answers
	streams unfinished
}

// A route is one pattern, and what it takes to use it.
type route struct {
	path    string // without its leading slashes
	prefix  bool
	role    ext.Role
	handler http.Handler
}

// Listen opens the socket of a section, and answers nobody until Run. An error
// about the socket is a *ListenError.
func Listen(c config.Server, o Options) (*Server, error) {
	o = o.whole()
	files, err := newTLS(c, o.Log)
	if err != nil {
		return nil, &ListenError{Text: fmt.Sprintf("Cannot open an HTTP server: [%s]: %v", c.Section, err), Err: err}
	}
	listener, err := open(c, o)
	if err != nil {
		return nil, err
	}
	if err := exposed(listener, c, o.Authority); err != nil {
		_ = listener.Close()
		return nil, err
	}
	s := newServer(listener, c, o)
	s.tls = files
	return s, nil
}

func newServer(l net.Listener, c config.Server, o Options) *Server {
	o = o.whole()
	if !c.Authenticated(o.Authority.accounts.Load().list) {
		// Supervisor 4.2.5, http.py, make_http_servers.
		o.Log.Log(level.Critical, fmt.Sprintf("Server '%s' running without any HTTP authentication checking", c.Section))
	}
	s := &Server{
		section:   c.Section,
		conf:      c,
		own:       newLogin(c.Username, c.Password),
		authority: o.Authority,
		log:       o.Log,
		maxBody:   o.Body,
		listener:  newLimitListener(l, o.MaxConns),
	}
	s.stop, s.endAll = context.WithCancel(context.Background())
	s.http = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: headTimeout,
		MaxHeaderBytes:    maxHead,
		ConnState:         s.listener.note,
		ConnContext:       s.withConn,
		ErrorLog:          log.New(logWriter{o.Log}, "", 0),
		// Not left to OPTIONS * being answered behind our back.
		DisableGeneralOptionsHandler: true,
	}
	return s
}

// Handle serves requests for pattern with h, to those who have the role. A
// pattern that ends in * matches every path that begins so, any other one
// path; leading slashes do not count. Patterns are tried in the order in which
// they were given. Handle panics without a valid role: nothing is open to
// everybody by accident.
func (s *Server) Handle(pattern string, role ext.Role, h http.Handler) {
	if !role.Valid() {
		panic(fmt.Sprintf("httpd: route %q has no role", pattern))
	}
	if s.guard != nil {
		h = s.guard(h)
	}
	path, prefix := strings.CutSuffix(strings.TrimLeft(pattern, "/"), "*")
	s.routes = append(s.routes, route{path: path, prefix: prefix, role: role, handler: h})
}

// A Route is a pattern of [Server.Handle] and the role that it takes.
type Route struct {
	Pattern string
	Role    ext.Role
}

// Routes lists what there is, in the order in which it is tried.
func (s *Server) Routes() []Route {
	all := make([]Route, len(s.routes))
	for i, r := range s.routes {
		all[i] = Route{Pattern: "/" + r.path, Role: r.role}
		if r.prefix {
			all[i].Pattern += "*"
		}
	}
	return all
}

// Guard puts what guard returns in front of all handlers that are registered
// from now on.
func (s *Server) Guard(guard func(http.Handler) http.Handler) { s.guard = guard }

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Run serves until Close, and then returns nil.
func (s *Server) Run() error {
	if u, ok := s.listener.Listener.(*unixListener); ok {
		go u.keep() // ends with Close, which waits for it
	}
	err := s.http.Serve(s.secured())
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("cannot serve [%s]: %w", s.section, err)
}

// secured is the listener that requests come from.
func (s *Server) secured() net.Listener {
	if s.tls == nil {
		return s.listener
	}
	return tls.NewListener(s.listener, &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return s.tls.config(len(s.authority.accounts.Load().list) > 0), nil
	}})
}

// Close ends the server: it answers what was asked before, then closes the
// socket and removes its file if that is still the one it made, and ends the
// streams. Requests that arrive meanwhile are answered too, but nobody waits
// for them. What is not done when ctx ends is cut off.
func (s *Server) Close(ctx context.Context) error {
	s.http.SetKeepAlivesEnabled(false)
	s.owed.wait(ctx)
	s.endAll()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	// Shutdown closes the listener only if Run was called.
	err = errors.Join(err, s.listener.Close())
	s.streams.wait(ctx)
	s.listener.closeAll()
	return err
}

// ServeHTTP implements http.Handler: authentication, then the first route that
// matches. From then on the context has the caller, for [ext.CallerOf].
func (s *Server) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if s.owed.begin() {
		defer s.owed.end()
	}
	w := &response{ResponseWriter: rw}
	w.Header()["Server"] = serverName
	defer s.finish(w, r)
	if r.ContentLength != 0 {
		w.body.bound(r)
	}

	r, who, err := s.admit(r)
	if err != nil {
		refuse(w, err)
		return
	}
	h, role := s.route(r.URL.Path)
	switch {
	case h == nil && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		errorpage.Write(w, http.StatusNotFound)
	case h == nil:
		// The original's last handler is for files, which can only be got.
		// Supervisor 4.2.5, medusa/default_handler.py, handle_request.
		errorpage.Write(w, http.StatusBadRequest)
	case role > who.Role:
		errorpage.Write(w, http.StatusForbidden)
	case r.ContentLength < 0:
		// Chunked: what has no length has no bound. The original does not read
		// it either, and takes the chunks for the next request.
		w.Header()["Connection"] = closeValue
		errorpage.Write(w, http.StatusLengthRequired)
	case r.ContentLength > s.maxBody:
		w.Header()["Connection"] = closeValue
		errorpage.Write(w, http.StatusRequestEntityTooLarge)
	default:
		h.ServeHTTP(w, r)
	}
}

func (s *Server) route(path string) (http.Handler, ext.Role) {
	path = strings.TrimLeft(path, "/")
	for i := range s.routes {
		rt := &s.routes[i]
		if path == rt.path || rt.prefix && strings.HasPrefix(path, rt.path) {
			return rt.handler, rt.role
		}
	}
	return nil, 0
}

// unfinished counts what must end before the server does.
type unfinished struct {
	mu   sync.Mutex
	n    int           // guarded by mu
	none chan struct{} // guarded by mu; nil until somebody waits
}

// begin counts one more, unless somebody waits already. If it reports true,
// end must follow.
func (u *unfinished) begin() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.none != nil {
		return false
	}
	u.n++
	return true
}

func (u *unfinished) end() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.n--
	if u.n == 0 && u.none != nil {
		close(u.none)
	}
}

// wait returns when all that had begun has ended, or when ctx ends.
func (u *unfinished) wait(ctx context.Context) {
	u.mu.Lock()
	if u.none == nil {
		u.none = make(chan struct{})
		if u.n == 0 {
			close(u.none)
		}
	}
	none := u.none
	u.mu.Unlock()
	select {
	case <-none:
	case <-ctx.Done():
	}
}
