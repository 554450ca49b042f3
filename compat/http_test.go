package compat

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// A conversation is one connection on which requests are written by hand.
type conversation struct {
	*stage
	conn net.Conn
	in   *bufio.Reader
}

func (s *stage) dial() *conversation {
	s.Helper()
	conn, err := net.Dial("unix", s.path("s.sock"))
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return &conversation{s, conn, bufio.NewReader(conn)}
}

func (c *conversation) send(text string) {
	c.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.Fatal(err)
	}
}

// receive notes the next answer: its head but for the date and the order of
// its fields, and its body. Whether the connection stays open is judged by
// what the server does, not by what it says.
func (c *conversation) receive(label string) {
	c.Helper()
	c.note(label, c.answer())
}

// answer reads the next answer.
func (c *conversation) answer() string {
	c.Helper()
	status, err := c.in.ReadString('\n')
	if err != nil {
		return "(closed)"
	}
	var fields []string
	length := 0
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			c.Fatalf("%v after %q", err, fields)
		}
		if line == "\r\n" {
			break
		}
		fmt.Sscanf(line, "Content-Length: %d", &length)
		if name, value, _ := strings.Cut(line, ": "); name != "Connection" {
			fields = append(fields, http.CanonicalHeaderKey(name)+": "+value)
		}
	}
	slices.Sort(fields)
	body := make([]byte, length)
	if _, err := io.ReadFull(c.in, body); err != nil {
		c.Fatal(err)
	}
	return status + strings.Join(fields, "") + string(body)
}

// ended notes whether the server closes the connection now.
func (c *conversation) ended(label string) {
	c.Helper()
	_, err := c.in.ReadByte()
	c.note(label+": closed", err == io.EOF)
}

// request is a POST of an XML-RPC document.
func request(path, version, headers, body string) string {
	return fmt.Sprintf("POST %s HTTP/%s\r\nHost: x\r\nContent-Length: %d\r\n%s\r\n%s", path, version, len(body), headers, body)
}

const getState = "<?xml version='1.0'?><methodCall><methodName>supervisor.getState</methodName></methodCall>"

func TestRequests(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base)
		for _, r := range []struct{ label, text string }{
			{"plain", request("/RPC2", "1.1", "", getState)},
			{"slash", request("/RPC2/", "1.1", "", getState)},
			{"longer path", request("/RPC2x/foo?bar", "1.1", "", getState)},
			{"escaped path", request("/%52PC2", "1.1", "", getState)},
			{"keep alive", request("/RPC2", "1.0", "Connection: Keep-Alive\r\n", getState)},
			{"odd headers", request("/RPC2", "1.1", "content-TYPE: image/png\r\nAccept: x\r\nUser-Agent: \r\n", getState)},
			{"no document", request("/RPC2", "1.1", "", "hello")},
			{"half a document", request("/RPC2", "1.1", "", getState[:40])},
			{"no method", request("/RPC2", "1.1", "", "<methodCall></methodCall>")},
			{"empty method", request("/RPC2", "1.1", "", "<methodCall><methodName></methodName></methodCall>")},
			{"bad int", request("/RPC2", "1.1", "", strings.Replace(getState, "</methodName>", "</methodName><params><param><value><int></int></value></param></params>", 1))},
			{"bad double", request("/RPC2", "1.1", "", strings.Replace(getState, "</methodName>", "</methodName><params><param><value><double>x</double></value></param></params>", 1))},
			{"get", "GET /RPC2 HTTP/1.1\r\nHost: x\r\n\r\n"},
			{"put", strings.Replace(request("/RPC2", "1.1", "", getState), "POST", "PUT", 1)},
			{"unknown file", "GET /nosuchfile HTTP/1.1\r\nHost: x\r\n\r\n"},
			{"logtail of nothing", "GET /logtail/nosuch HTTP/1.1\r\nHost: x\r\n\r\n"},
		} {
			c := s.dial()
			c.send(r.text)
			c.receive(r.label)
		}
		s.note("log", s.finalLog("is invalid"))
	})
}

// What HTTP asks of both sides and the original does not: ours is net/http.
func TestStricterHTTP(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base)
		noHost := s.dial()
		noHost.send(strings.Replace(request("/RPC2", "1.1", "", getState), "Host: x\r\n", "", 1))
		s.differs("differs:host-header", "without a host", lineOne(noHost.answer()), "HTTP/1.1 400 Bad Request: missing required Host header")
		noBlank := s.dial()
		noBlank.send(strings.Replace(request("/RPC2", "1.1", "", getState), "Length: ", "Length:", 1))
		s.differs("differs:header-blank", "no blank after the colon", lineOne(noBlank.answer()), "HTTP/1.1 200 OK")
		last := s.dial()
		last.send(request("/RPC2", "1.1", "Connection: close\r\n", getState))
		text, err := io.ReadAll(last.in)
		s.differs("differs:connection-header", "says that it closes", fmt.Sprint(strings.Contains(string(text), "Connection: close\r\n"), err), "true <nil>")
	})
}

func lineOne(text string) string { return strings.TrimSpace(strings.SplitN(text, "\n", 2)[0]) }

func TestRequestWithoutLength(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base)
		for _, head := range []string{"", "Transfer-Encoding: chunked\r\n"} {
			c := s.dial()
			c.send("POST /RPC2 HTTP/1.1\r\nHost: x\r\n" + head + "\r\n")
			c.receive("length " + head)
		}
	})
}

// Which connections stay open for another request.
func TestConnections(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base)
		for _, r := range []struct {
			label, version, headers string
			open                    bool
		}{
			{"1.1", "1.1", "", true},
			{"1.1 close", "1.1", "Connection: close\r\n", false},
			{"1.1 Close", "1.1", "Connection: Close\r\n", false},
			{"1.0", "1.0", "", false},
			{"1.0 keep-alive", "1.0", "Connection: keep-alive\r\n", true},
		} {
			c := s.dial()
			c.send(request("/RPC2", r.version, r.headers, getState))
			c.receive(r.label)
			if !r.open {
				c.ended(r.label)
				continue
			}
			c.send(request("/RPC2", r.version, r.headers, getState))
			c.receive(r.label + " again")
		}
		c := s.dial()
		c.send(request("/RPC2", "1.1", "", getState) + request("/RPC2", "1.1", "", getState))
		c.receive("pipelined first")
		c.receive("pipelined second")
		half := s.dial()
		half.send("POST /RPC2 HTTP/1.1\r\nContent-Le")
		half.conn.Close()
		s.call("supervisor.getState")
	})
}

// A client that hangs up while it waits does not undo what it asked for, and
// others are served meanwhile.
func TestHangUp(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "[program:p]\ncommand=@CHILD@ ignore 15 out ready until @DIR@/go exit 0\nstartsecs=0\nautostart=false\nstopwaitsecs=30\nstdout_logfile=@DIR@/out\n")
		s.ask("supervisor.startProcess", "p")
		s.content("out", "ready")
		c := s.dial()
		c.send(request("/RPC2", "1.1", "", document("supervisor.stopProcess", []any{"p"})))
		s.reaches("p", "STOPPING")
		c.conn.Close()
		s.call("supervisor.getState")
		s.write("go", "")
		s.reaches("p", "STOPPED")
		s.note("main log", s.finalLog("stopped|Traceback|rror"))
	})
}

// What a value may be written as.
func TestInboundTypes(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "[program:p]\ncommand=@CHILD@ out 0123456789 wait\nstartsecs=0\nstdout_logfile=@DIR@/out\n")
		s.content("out", "9")
		for _, name := range []string{"p", "<string>p</string>", "<string> p </string>", " p", "<base64>cA==</base64>", "<wibble>p</wibble>", "<string><![CDATA[p]]></string>", "&#112;", "<string></string>", ""} {
			s.note("name "+name, s.answer("supervisor.readProcessLog", verbatim(name), 0, 3))
		}
		for _, offset := range []string{"<int> 1 </int>", "<i4>1</i4>", "<i8>1</i8>", "<int>+1</int>", "<string>1</string>", "1", "<double>1.9</double>", "<boolean>1</boolean>", "<boolean>true</boolean>", "<i2>1</i2>"} {
			s.note("offset "+offset, s.answer("supervisor.readProcessLog", "p", verbatim(offset), 3))
		}
		for _, value := range []string{"<dateTime.iso8601>2020</dateTime.iso8601>", "<int>x</int>", "<double></double>", "<int>1.5</int>"} {
			s.note("value "+value, s.answer("supervisor.getState", verbatim(value)))
		}
		for _, doc := range []string{
			"<?xml version='1.0' encoding='ISO-8859-1'?><wrong><methodName>supervisor.getState</methodName></wrong>",
			"<methodCall><methodName>supervisor.getState</methodName><params></params></methodCall>",
			"<methodCall><!-- comment --><methodName>supervisor.getState</methodName><params/></methodCall>",
			"\ufeff<methodCall><methodName>supervisor.getState</methodName></methodCall>",
			"<methodCall><methodName>supervisor.getState</methodName></methodCall>trailing",
		} {
			c := s.dial()
			c.send(request("/RPC2", "1.1", "", doc))
			c.receive(doc)
		}
	})
}

// Basic authentication in front of everything, with a plain and with a hashed
// password.
func TestAuthentication(t *testing.T) {
	const plain, hashed = "pa:ss", "{SHA}5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8" // "password"
	for _, c := range []struct{ name, stored, password string }{{"plain", plain, plain}, {"hashed", hashed, "password"}} {
		t.Run(c.name, func(t *testing.T) {
			compare(t, func(s *stage) {
				conf := strings.Replace(base, "s.sock\n", "s.sock\nusername=user\npassword="+c.stored+"\n", 1) + "[program:p]\ncommand=@CHILD@ wait\n"
				s.write("supervisord.conf", conf)
				s.launch("-n", "-c", s.path("supervisord.conf"))
				s.logged("started with")
				s.logged("spawned")
				for _, credentials := range []string{
					"", basic("user:" + c.password), basic("user:wrong"), basic("user:"), basic("other:" + c.password), basic("user:" + c.stored + "x"),
					strings.Replace(basic("user:"+c.password), "Basic", "bASIC", 1),
					strings.Replace(basic("user:"+c.password), "Basic", "Digest", 1), basic(c.password),
				} {
					for _, what := range []string{request("/RPC2", "1.1", credentials, getState), "GET /nosuchfile HTTP/1.1\r\nHost: x\r\n" + credentials + "\r\n"} {
						conn := s.dial()
						conn.send(what)
						if credentials == basic(c.password) {
							continue // no colon: the original fails with 500
						}
						conn.receive(strings.SplitN(what, " ", 2)[0] + " with " + credentials)
					}
				}
				s.note("log", s.finalLog("CRIT Server"))
				s.http.Transport = authorized{s.http.Transport, "user", c.password}
			})
		})
	}
}

func basic(pair string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(pair)) + "\r\n"
}

// authorized adds credentials to the suite's own calls.
type authorized struct {
	http.RoundTripper
	user, password string
}

func (a authorized) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.SetBasicAuth(a.user, a.password)
	return a.RoundTripper.RoundTrip(r)
}

// The streams that supervisorctl tail -f follows.
func TestLogStreams(t *testing.T) {
	compare(t, func(s *stage) {
		s.start(base + "[program:p]\ncommand=@CHILD@ flood 100 20 out start serve\nstartsecs=0\nstdout_logfile=@DIR@/out\nstderr_logfile=@DIR@/err\n" + idle("q") + "[group:g]\nprograms=q\n")
		s.content("out", "start")
		for _, path := range []string{"/logtail/p", "/logtail/p/stdout", "/logtail/p:p", "/mainlogtail"} {
			s.follow(path)
		}
		for _, path := range []string{"/logtail/nope", "/logtail/p/nope", "/logtail/g:*", "/logtail/g:nope", "/logtail/g:q"} {
			resp, err := s.http.Get("http://daemon" + path)
			if err != nil {
				s.Fatal(err)
			}
			resp.Body.Close()
			s.note(path, resp.Status)
		}
	})
}

// follow notes the head and the first bytes of a stream, then lets a program
// write and waits until the line comes through.
func (s *stage) follow(path string) {
	s.Helper()
	resp, err := s.http.Get("http://daemon" + path)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	resp.Header.Del("Last-Modified")
	resp.Header.Del("Date")
	s.note(path, fmt.Sprint(resp.Status, resp.Header, resp.TransferEncoding))
	in := bufio.NewReader(resp.Body)
	fresh := "fresh-" + strings.ReplaceAll(path, "/", "-")
	if path == "/mainlogtail" {
		s.ask("supervisor.startProcess", "g:q")
	} else {
		line, err := in.ReadString('\n')
		s.note(path+" begins", fmt.Sprint(line, err))
		s.say("p", "out "+fresh)
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			s.Fatal(err)
		}
		if line == fresh+"\n" || strings.Contains(line, "spawned: 'q'") {
			return
		}
	}
}
