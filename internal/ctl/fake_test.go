package ctl

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/xmlrpc"
)

// asCommand makes the test binary supervisorctl.
const asCommand = "TWIDDLER_TEST_AS_SUPERVISORCTL"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(Main(append([]string{"supervisorctl"}, os.Args[1:]...), os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// A fake is a server that answers what it is told to, and remembers what it
// was asked. Safe for concurrent use.
type fake struct {
	*httptest.Server
	password string            // of the user "me"; "" for none
	streams  map[string]string // text by path
	get      http.HandlerFunc  // instead of streams

	mu      sync.Mutex // guards the fields below
	answers map[string]func(params []any) (any, error)
	calls   []string
}

// newFake starts a server that knows its version and nothing else.
func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{answers: map[string]func([]any) (any, error){}, streams: map[string]string{}}
	f.answer("getVersion", "3.0")
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

// answer sets the result of a method of the supervisor namespace, or of any
// other if it has a dot; an error is a fault.
func (f *fake) answer(method string, result any) {
	f.handle(method, func([]any) (any, error) {
		if err, ok := result.(error); ok {
			return nil, err
		}
		return result, nil
	})
}

func (f *fake) handle(method string, handler func(params []any) (any, error)) {
	if !strings.Contains(method, ".") {
		method = "supervisor." + method
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[method] = handler
}

// asked returns the calls since the last time, without those of getVersion.
func (f *fake) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if user, password, _ := r.BasicAuth(); f.password != "" && (user != "me" || password != f.password) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if r.Method == http.MethodGet {
		if f.get != nil {
			f.get(w, r)
			return
		}
		f.stream(w, r)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil || r.URL.Path != "/RPC2" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	call, err := xmlrpc.DecodeCall(body, xmlrpc.Limits{})
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	handler := f.answers[call.Method]
	if !strings.HasSuffix(call.Method, ".getVersion") {
		f.calls = append(f.calls, strings.TrimPrefix(call.Method, "supervisor.")+fmt.Sprint(call.Params))
	}
	f.mu.Unlock()
	var answer []byte
	result, err := any(nil), error(fault.Bare(fault.UnknownMethod))
	if handler != nil {
		result, err = handler(call.Params)
	}
	if err == nil {
		answer, err = xmlrpc.AppendResponse(nil, result)
	}
	if err != nil {
		e, own := fault.From(err), (*xmlrpcFault)(nil)
		answer = xmlrpc.AppendFault(nil, int(e.Code), e.Error())
		if errors.As(err, &own) {
			answer = xmlrpc.AppendFault(nil, own.code, own.text)
		}
	}
	w.Header().Set("Content-Type", "text/xml")
	_, _ = w.Write(answer)
}

// stream sends the text for a path and keeps the stream open.
func (f *fake) stream(w http.ResponseWriter, r *http.Request) {
	text, ok := f.streams[r.URL.Path]
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	_, _ = io.WriteString(w, text)
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// process is what getProcessInfo answers.
func process(group, name string, state int, stateName, description string) xmlrpc.Struct {
	pid := 0
	if state == 20 {
		pid = 4711
	}
	return xmlrpc.Struct{
		{Name: "name", Value: name}, {Name: "group", Value: group}, {Name: "state", Value: state},
		{Name: "statename", Value: stateName}, {Name: "description", Value: description},
		{Name: "pid", Value: pid}, {Name: "start", Value: 100}, {Name: "stop", Value: 0}, {Name: "now", Value: 200},
		{Name: "exitstatus", Value: 0}, {Name: "spawnerr", Value: ""},
		{Name: "stdout_logfile", Value: "/log"}, {Name: "stderr_logfile", Value: ""},
	}
}

// result is one answer of a call for many processes.
func result(group, name string, code int, text string) xmlrpc.Struct {
	return xmlrpc.Struct{
		{Name: "name", Value: name}, {Name: "group", Value: group},
		{Name: "status", Value: code}, {Name: "description", Value: text},
	}
}

// A reply is what a run of supervisorctl leaves.
type reply struct {
	out, errOut string
	code        int
}

// runCtl runs supervisorctl with a configuration that names a server.
func runCtl(t *testing.T, url, stdin string, args ...string) reply {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ctl.conf")
	if err := os.WriteFile(path, []byte("[supervisorctl]\nserverurl="+url+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return runMain(t, stdin, append([]string{"-c", path}, args...)...)
}

func runMain(t *testing.T, stdin string, args ...string) reply {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stdin")
	if err := os.WriteFile(path, []byte(stdin), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var out, errOut bytes.Buffer
	code := Main(append([]string{"supervisorctl"}, args...), in, &out, &errOut)
	return reply{out.String(), errOut.String(), code}
}

// one runs a line as the only argument and compares output and exit status.
func (f *fake) one(t *testing.T, line, want string, code int) {
	t.Helper()
	got := runCtl(t, f.URL, "", line)
	want = strings.ReplaceAll(want, "@URL@", f.URL)
	if got.out != want || got.code != code {
		t.Errorf("%q = %d\n%s\nwant %d\n%s", line, got.code, got.out, code, want)
	}
	if got.errOut != "" {
		t.Errorf("%q writes to standard error: %s", line, got.errOut)
	}
}
