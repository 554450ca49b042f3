package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/errorpage"
	"example.org/twiddler/internal/ini"
	"example.org/twiddler/internal/xmlrpc"
	"example.org/twiddler/level"
)

const (
	maxLogged  = 256      // bytes of a request that a log line shows
	maxStack   = 16 << 10 // bytes of a stack that a log line shows
	firstRead  = 64 << 10 // bytes to make room for before any has arrived
	maxPooled  = 4 << 20  // bytes of a buffer that is kept for later: the states of 2,000 programs
	lingerTime = 2 * time.Second
)

// Values of headers, shared by all answers: nobody may change them.
var contentType = []string{"text/xml"}

// A Logger takes lines for supervisord's own log. It must not block.
type Logger interface {
	Log(lv level.Level, text string)
	Enabled(lv level.Level) bool
}

// A Namespace is what stands before the dot in the names of its methods.
type Namespace struct {
	Name    string
	Methods []ext.Method
}

// A Server answers XML-RPC calls. It is safe for concurrent use. The size of a
// request, and the time it takes to arrive, is for the HTTP server to bound.
type Server struct {
	log     Logger
	methods map[string]*ext.Method // by whole name, "supervisor.getState"
	simple  map[string]string      // whole names by what Python's clients send to call them without parameters
	buffers sync.Pool              // of *[]byte

	lastLength atomic.Pointer[length]
}

// NewServer returns a server of these namespaces and of system, which
// describes them. The error is about a method that could not be called.
func NewServer(log Logger, namespaces []Namespace) (*Server, error) {
	s := &Server{log: log, methods: map[string]*ext.Method{}, simple: map[string]string{}}
	s.buffers.New = func() any { return new([]byte) }
	system := &System{server: s}
	for _, n := range append([]Namespace{{"system", system.Methods()}}, namespaces...) {
		if err := s.add(n); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Server) add(n Namespace) error {
	// A name is one word, a dot and a word. Supervisor 4.2.5, xmlrpc.py,
	// traverse; it accepts others here and never finds them.
	if n.Name == "" || strings.Contains(n.Name, ".") {
		return fmt.Errorf("cannot use %q as an RPC namespace: it must be one word without dots", n.Name)
	}
	if err := ext.Check(n.Methods); err != nil {
		return fmt.Errorf("cannot use RPC namespace %q: %w", n.Name, err)
	}
	for _, m := range n.Methods {
		name := n.Name + "." + m.Name
		if s.methods[name] != nil {
			return fmt.Errorf("cannot use RPC namespace %q: it is there twice", n.Name)
		}
		s.methods[name] = &m
		document, err := xmlrpc.AppendCall(nil, name)
		if err != nil {
			return err
		}
		s.simple[string(document)] = name
	}
	return nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		errorpage.Write(w, http.StatusBadRequest)
		return
	}
	if r.ContentLength < 0 || r.ContentLength == 0 && r.Header.Get("Content-Length") == "" {
		errorpage.Write(w, http.StatusLengthRequired)
		return
	}
	buf := s.buffers.Get().(*[]byte)
	defer s.release(buf)
	var err error
	if *buf, err = readBody((*buf)[:0], r); err != nil {
		errorpage.Write(w, http.StatusBadRequest) // it did not arrive whole
		return
	}
	call, err := s.decode(*buf)
	if err != nil {
		s.logInvalid(*buf, err)
		errorpage.Write(w, http.StatusBadRequest)
		return
	}
	result, err := s.run(r.Context(), call)
	if err == nil {
		*buf, err = xmlrpc.AppendResponse((*buf)[:0], result)
	} else if f, ok := faultOf(err); ok {
		*buf, err = xmlrpc.AppendFault((*buf)[:0], int(f.Code), f.Error()), nil
	}
	switch {
	case err == nil:
		h := w.Header()
		h["Content-Type"] = contentType
		h["Content-Length"] = s.length(len(*buf))
		_, _ = w.Write(*buf) // a client that went away needs no answer
	case r.Context().Err() != nil:
		panic(http.ErrAbortHandler) // nobody is there to be answered
	default:
		s.log.Log(level.Critical, fmt.Sprintf("Handling XML-RPC request with data %s raised an unexpected exception: %v",
			shown([]byte(call.Method)), err))
		errorpage.Write(w, http.StatusInternalServerError)
	}
}

// A length is the value of a Content-Length header. Nobody may change it.
type length struct {
	bytes int
	value []string
}

// length returns the header for a length. That of the last answer is kept:
// what monitoring asks again and again mostly has the same.
func (s *Server) length(bytes int) []string {
	l := s.lastLength.Load()
	if l == nil || l.bytes != bytes {
		l = &length{bytes, []string{strconv.Itoa(bytes)}}
		s.lastLength.Store(l)
	}
	return l.value
}

// release keeps a buffer for later, unless it is one of a kind.
func (s *Server) release(buf *[]byte) {
	if cap(*buf) <= maxPooled {
		s.buffers.Put(buf)
	}
}

// readBody appends the whole body. Room is made as it arrives, so a length
// that is only claimed costs nothing.
func readBody(dst []byte, r *http.Request) ([]byte, error) {
	length, ended := r.ContentLength, r.ContentLength == 0
	for int64(len(dst)) < length {
		if len(dst) == cap(dst) {
			room := min(length, max(firstRead, 2*int64(cap(dst))))
			if cap(dst) == 0 {
				room = min(length, firstRead)
			}
			dst = append(make([]byte, 0, room), dst...)
		}
		n, err := r.Body.Read(dst[len(dst):min(int64(cap(dst)), length)])
		dst = dst[:len(dst)+n]
		if err != nil && int64(len(dst)) < length {
			return dst, io.ErrUnexpectedEOF
		}
		ended = err != nil
	}
	if !ended {
		// The end makes the connection ready for what follows. Mostly it comes
		// with the last bytes.
		var none [1]byte
		_, _ = r.Body.Read(none[:])
	}
	return dst, nil
}

// decode reads a request. What monitoring asks again and again is known by
// sight.
func (s *Server) decode(data []byte) (xmlrpc.Call, error) {
	if name, ok := s.simple[string(data)]; ok {
		return xmlrpc.Call{Method: name}, nil
	}
	call, err := xmlrpc.DecodeCall(data, xmlrpc.Limits{})
	if err != nil {
		return xmlrpc.Call{}, err
	}
	return *call, nil
}

// logInvalid says what was wrong with a request.
// Supervisor 4.2.5, xmlrpc.py, continue_request.
func (s *Server) logInvalid(data []byte, err error) {
	why := "unmarshallable"
	if errors.Is(err, xmlrpc.ErrNoMethod) {
		why = "no method name"
	}
	s.log.Log(level.Error, fmt.Sprintf("XML-RPC request data %s is invalid: %s", shown(data), why))
}

// shown is data for a log line: quoted, and cut to a bounded length.
func shown(data []byte) string {
	if len(data) > maxLogged {
		return ini.Repr(string(data[:maxLogged])) + "..."
	}
	return ini.Repr(string(data))
}

// run runs the call of one request.
func (s *Server) run(ctx context.Context, call xmlrpc.Call) (any, error) {
	if m := s.methods[call.Method]; m != nil && (m.Role > ext.View || call.Method == multicallName) {
		var cancel context.CancelFunc
		ctx, cancel = linger(ctx)
		defer cancel()
	}
	return s.call(ctx, call.Method, call.Params)
}

// linger returns a context that outlives ctx for a while: what a client asked
// for before it hung up is done, and not only by chance.
func linger(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(lingerTime, cancel) })
	return longer, func() {
		stop()
		cancel()
	}
}

// call runs one method. The error is a fault, ctx.Err(), or *panicError.
func (s *Server) call(ctx context.Context, name string, params []any) (result any, err error) {
	m := s.methods[name]
	if m == nil {
		return nil, fault.Bare(fault.UnknownMethod)
	}
	if err := permit(ctx, name, m); err != nil {
		return nil, err
	}
	if s.log.Enabled(level.Trace) {
		// Supervisor 4.2.5, xmlrpc.py, continue_request.
		s.log.Log(level.Trace, "XML-RPC method called: "+name+"()")
		defer func() { s.logEnd(name, err) }()
	}
	defer func() {
		if failure := recover(); failure != nil {
			stack := debug.Stack()
			err = &panicError{value: failure, stack: stack[:min(len(stack), maxStack)]}
		}
	}()
	result, err = m.Call(ctx, params)
	if err != nil {
		return nil, err
	}
	return wire(result), nil
}

// permit refuses a caller without the role, or without all groups where the
// method takes them. What the method has to do with single groups it asks
// itself.
func permit(ctx context.Context, name string, m *ext.Method) error {
	c := ext.CallerOf(ctx)
	switch {
	case !c.Role.Valid() || m.Role > c.Role:
		return fault.Errorf(fault.NotPermitted, "%s has the role %v; %s needs %v", c, c.Role, name, m.Role)
	case m.Scope != ext.Grouped && !c.HoldsAll():
		return fault.Errorf(fault.NotPermitted, "%s holds some groups only; %s needs all", c, name)
	}
	return nil
}

func (s *Server) logEnd(name string, err error) {
	if err == nil {
		s.log.Log(level.Trace, "XML-RPC method "+name+"() returned successfully")
	} else if f, ok := faultOf(err); ok {
		s.log.Log(level.Trace, fmt.Sprintf("XML-RPC method %s() returned fault: [%d] %s", name, f.Code, f.Error()))
	}
}

// A panicError is a bug in a method.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("%v\n%s", e.value, e.stack) }

// faultOf returns the fault that a method's error is for the client. A bug and
// the end of the request are none.
func faultOf(err error) (*fault.Error, bool) {
	var bug *panicError
	if errors.As(err, &bug) || errors.Is(err, context.Canceled) {
		return nil, false
	}
	return fault.From(err), true
}

// wire replaces the structs of package ext, wherever they are in v, by those
// that package xmlrpc writes.
func wire(v any) any {
	switch v := v.(type) {
	case ext.Struct:
		s := make(xmlrpc.Struct, len(v))
		for i, m := range v {
			s[i] = xmlrpc.Member{Name: m.Name, Value: wire(m.Value)}
		}
		return s
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = wire(v[i])
		}
		return list
	case map[string]any:
		members := make(map[string]any, len(v))
		for name := range v {
			members[name] = wire(v[name])
		}
		return members
	}
	return v
}
