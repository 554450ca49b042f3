package httpd

import (
	"bufio"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"example.org/twiddler/internal/errorpage"
	"example.org/twiddler/level"
)

// Values of headers that are the same in every answer. They are shared: nobody
// may change them.
var (
	serverName  = []string{"Medusa/1.12"}
	closeValue  = []string{"close"}
	basicRealm  = []string{`Basic realm="default"`}
	allowedLine = strings.NewReplacer("\r", "", "\n", "")
)

// maxStack bounds the stack that a panic writes to the log, in bytes.
const maxStack = 16 << 10

// A response remembers what was sent, for the access line and for a handler
// that panics. It is all that we allocate for a request.
type response struct {
	http.ResponseWriter
	status   int // 0 until the head is sent
	bytes    int64
	hijacked bool
	body     body // of the request
}

// Unwrap serves http.ResponseController.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *response) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Hijack implements http.Hijacker, so that a stream's end is known to it.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.hijacked = true
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// refuse answers a request whose sender is not known.
func refuse(w http.ResponseWriter, err error) {
	var busy *busyError
	if errors.As(err, &busy) {
		h := w.Header()
		h["Connection"] = closeValue
		h["Retry-After"] = []string{strconv.Itoa(int(math.Ceil(busy.wait.Seconds())))}
		errorpage.Write(w, http.StatusTooManyRequests)
		return
	}
	if !errors.Is(err, errNoCredentials) {
		errorpage.Write(w, http.StatusBadRequest)
		return
	}
	h := w.Header()
	h["Connection"] = closeValue
	h["WWW-Authenticate"] = basicRealm // spelt as the original does
	errorpage.Write(w, http.StatusUnauthorized)
}

// finish ends a request: a panic becomes a log line and, if nothing was sent
// yet, status 500; anything else an access line. A stream has none: the
// original writes it at its end.
func (s *Server) finish(w *response, r *http.Request) {
	if failure := recover(); failure != nil {
		if failure == http.ErrAbortHandler { //nolint:errorlint // a panic value, compared as net/http does
			panic(failure)
		}
		stack := debug.Stack()
		s.log.Log(level.Error, fmt.Sprintf("Server Error: %v: %s %s\n%s", failure,
			r.Method, r.URL.Path, stack[:min(len(stack), maxStack)]))
		if w.status != 0 || w.hijacked {
			panic(http.ErrAbortHandler) // the client must see that its answer is not whole
		}
		w.Header()["Connection"] = closeValue
		errorpage.Write(w, http.StatusInternalServerError)
	}
	if !w.hijacked && s.log.Enabled(level.Trace) {
		s.log.Log(level.Trace, accessLine(w, r, time.Now()))
	}
}

// accessLine is what the original writes for each request; the bytes are those
// of the body. Supervisor 4.2.5, medusa/http_server.py, log_date_string.
func accessLine(w *response, r *http.Request, now time.Time) string {
	host, port, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host, port = "localhost", "0" // a unix socket
	}
	return fmt.Sprintf("%s:%s - - [%s] \"%s\" %d %d", host, port, now.Format("02/Jan/2006:15:04:05 -0700"),
		allowedLine.Replace(r.Method+" "+r.RequestURI+" "+r.Proto), w.status, w.bytes)
}

// A logWriter is where net/http writes what goes wrong outside of a handler.
type logWriter struct{ log Logger }

func (l logWriter) Write(p []byte) (int, error) {
	lv, text := level.Warn, strings.TrimSuffix(string(p), "\n")
	if strings.Contains(text, "TLS handshake error") {
		lv = level.Debug // whoever looks for open ports makes one
	}
	l.log.Log(lv, text)
	return len(p), nil
}
