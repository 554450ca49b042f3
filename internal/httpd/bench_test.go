package httpd

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/rpc"
	"example.org/twiddler/internal/xmlrpc"
	"example.org/twiddler/level"
)

// quiet is a log that wants nothing.
type quiet struct{}

func (quiet) Log(level.Level, string)  {}
func (quiet) Enabled(level.Level) bool { return false }

// state stands in for the namespace supervisor.
func state(context.Context) (any, error) {
	return xmlrpc.Struct{{Name: "statecode", Value: 1}, {Name: "statename", Value: "RUNNING"}}, nil
}

// BenchmarkCall compares a call, through all of the server, with an
// http.Server that answers as many bytes and does nothing else.
func BenchmarkCall(b *testing.B) {
	request := "<?xml version='1.0'?>\n<methodCall>\n<methodName>supervisor.getState</methodName>\n<params>\n</params>\n</methodCall>\n"
	handler, err := rpc.NewServer(quiet{}, []rpc.Namespace{{Name: "supervisor", Methods: []ext.Method{
		ext.Bind0(ext.Method{Name: "getState", Signature: []string{"struct"}, Role: ext.View}, state),
	}}})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("server", func(b *testing.B) {
		s, err := Listen(unixConf(filepath.Join(b.TempDir(), "s")), Options{Log: quiet{}})
		if err != nil {
			b.Fatal(err)
		}
		s.Handle("/RPC2*", ext.View, handler)
		go func() { _ = s.Run() }()
		defer func() { _ = s.Close(context.Background()) }()
		calls(b, s.Addr().String(), request)
	})
	b.Run("constant", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "s")
		l, err := net.Listen("unix", path)
		if err != nil {
			b.Fatal(err)
		}
		body, err := xmlrpc.AppendResponse(nil, xmlrpc.Struct{{Name: "statecode", Value: 1}, {Name: "statename", Value: "RUNNING"}})
		if err != nil {
			b.Fatal(err)
		}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "text/xml")
			_, _ = w.Write(body)
		})}
		go func() { _ = server.Serve(l) }()
		defer func() { _ = server.Close() }()
		calls(b, path, request)
	})
}

// calls sends requests over one connection.
func calls(b *testing.B, path, body string) {
	c, err := net.Dial("unix", path)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	request := fmt.Sprintf("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	r := bufio.NewReader(c)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := io.WriteString(c, request); err != nil {
			b.Fatal(err)
		}
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				b.Fatal(err)
			}
			if strings.HasPrefix(line, "</methodResponse>") {
				break
			}
		}
	}
}
