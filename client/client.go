// Package client speaks to a supervisord, this project's or the original
// Supervisor 3 and 4, over its XML-RPC interface.
//
//	c, err := client.New("unix:///run/supervisor.sock")
//	...
//	err = c.StartProcess(ctx, "web:nginx", true)
//	if fault.Is(err, fault.AlreadyStarted) { ... }
//
// Every call takes as long as the server needs, which may be hours for one
// that waits for a process: bound it with its context. Ending the context ends
// the waiting, not what the server has begun.
package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"example.org/twiddler/internal/xmlrpc"
)

// Errors for errors.Is. A fault that the server answers is a *fault.Error for
// errors.As, any answer with another status than 200 a *[StatusError].
var (
	// ErrRefused: nobody listens on the port or the socket.
	ErrRefused error = syscall.ECONNREFUSED
	// ErrNoSocket: the file of a unix socket does not exist.
	ErrNoSocket = fs.ErrNotExist
	// ErrUnauthorized: name and password are wrong, or missing.
	ErrUnauthorized = errors.New("wrong or missing name and password")
	// ErrTooLarge: the answer is larger than the bound, see [MaxResponse].
	ErrTooLarge = errors.New("answer too large")
)

// A StatusError is an HTTP answer that is no XML-RPC. The original answers 500
// to some wrong arguments, 400 to what it cannot read, 401 without password.
type StatusError struct {
	URL    string // of the server, without password
	Code   int    // 404
	Status string // "404 Not Found"
	// RetryAfter is how long the server wants to be left alone, 0 for not: one
	// that was sent too many wrong passwords answers 429 for a while.
	RetryAfter time.Duration
}

func (e *StatusError) Error() string { return fmt.Sprintf("%s answers %s", e.URL, e.Status) }

// Is makes the status 401 an [ErrUnauthorized].
func (e *StatusError) Is(target error) bool {
	return target == ErrUnauthorized && e.Code == http.StatusUnauthorized
}

// Types of parameters and results of [Client.Call] that are not Go's own.
type (
	// Struct is a struct parameter whose members keep their order.
	Struct = xmlrpc.Struct
	// Member is one named value of a Struct.
	Member = xmlrpc.Member
	// DateTime is a point in time as the wire spells it.
	DateTime = xmlrpc.DateTime
)

// A Client calls one server. It keeps connections open between calls. It is
// safe for concurrent use.
type Client struct {
	shown              string // the server's URL for messages, without password
	endpoint           string
	username, password string
	maxResponse        int64
	http               *http.Client
	transport          *http.Transport
}

// An Option changes what [New] makes.
type Option func(*Client)

// Credentials sends name and password with every call, at once rather than
// after a first refusal. Without a name, nothing is sent.
func Credentials(username, password string) Option {
	return func(c *Client) { c.username, c.password = username, password }
}

// TLS sets how a server at an https:// URL is verified, and which certificate
// it is shown. Without it, it must have one that the system trusts.
func TLS(config *tls.Config) Option {
	return func(c *Client) { c.transport.TLSClientConfig = config }
}

// MaxResponse bounds an answer, in bytes of XML. The default is 256 MiB.
func MaxResponse(bytes int64) Option {
	return func(c *Client) { c.maxResponse = bytes }
}

const defaultMaxResponse = 256 << 20

// New returns a client of the server at rawURL, unix:///path/of/socket or
// http://host:port or https://host:port. It does not connect. The path of an
// HTTP URL is /RPC2 if it has none; a name and password in the URL are used
// unless [Credentials] are given. Proxies of the environment are not used.
func New(rawURL string, options ...Option) (*Client, error) {
	transport := &http.Transport{
		DisableCompression:  true, // a small answer could unpack to a huge one
		MaxIdleConnsPerHost: 4,
	}
	c := &Client{
		maxResponse: defaultMaxResponse,
		transport:   transport,
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	if path, ok := strings.CutPrefix(rawURL, "unix://"); ok {
		if path == "" {
			return nil, fmt.Errorf("cannot use server URL %q: it has no path", rawURL)
		}
		c.shown, c.endpoint = rawURL, "http://localhost/RPC2"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		}
	} else if err := c.setHTTP(rawURL); err != nil {
		return nil, err
	}
	for _, option := range options {
		option(c)
	}
	return c, nil
}

func (c *Client) setHTTP(rawURL string) error {
	u, err := url.Parse(rawURL)
	if err != nil {
		// The error repeats the URL, and with it the password.
		return errors.New("cannot use server URL: it is not a URL")
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("cannot use server URL %q: want unix://, http:// or https://", u.Redacted())
	case u.Host == "":
		return fmt.Errorf("cannot use server URL %q: it has no host", u.Redacted())
	case u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("cannot use server URL %q: it has a query", u.Redacted())
	}
	c.username = u.User.Username()
	c.password, _ = u.User.Password()
	u.User = nil
	c.shown = u.String()
	if u.Path == "" || u.Path == "/" {
		u.Path = "/RPC2"
	}
	c.endpoint = u.String()
	return nil
}

// Close closes the connections that no call is using. The client remains
// usable.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Call calls any method. Parameters are string, bool, int, int32, int64,
// float64, nil, []any, []string, map[string]any, []byte, [Struct] and
// [DateTime]; the result is string, bool, int, float64, nil, []any,
// map[string]any, []byte or DateTime. A call is sent once: an error that is
// neither a fault nor a [StatusError], ErrRefused or ErrNoSocket may come
// after the server has done what was asked.
func (c *Client) Call(ctx context.Context, method string, params ...any) (any, error) {
	body, err := xmlrpc.AppendCall(nil, method, params...)
	if err != nil {
		return nil, err
	}
	answer, err := c.post(ctx, body)
	if err != nil {
		return nil, err
	}
	result, err := xmlrpc.DecodeResponse(answer)
	var fault *xmlrpc.Fault
	if err != nil && !errors.As(err, &fault) {
		return nil, fmt.Errorf("cannot use the answer of %s: %w", c.shown, err)
	}
	return result, err
}

// post sends body and returns the body of the answer.
func (c *Client) post(ctx context.Context, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "text/xml")
	request.Header.Set("User-Agent", "twiddler")
	if c.username != "" {
		request.SetBasicAuth(c.username, c.password)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.failed("reach", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		// Reading the small body of an error keeps the connection open; how that
		// goes does not matter.
		_, _ = io.CopyN(io.Discard, response.Body, 1<<14)
		after, _ := strconv.ParseUint(response.Header.Get("Retry-After"), 10, 16) // 0 without one
		return nil, &StatusError{URL: c.shown, Code: response.StatusCode, Status: response.Status, RetryAfter: time.Duration(after) * time.Second}
	}
	return c.read(response)
}

func (c *Client) read(response *http.Response) ([]byte, error) {
	if response.ContentLength > c.maxResponse {
		return nil, c.failed("read from", ErrTooLarge)
	}
	var answer bytes.Buffer
	// What the header promises is trusted for the first MiBs only: the states
	// of some thousand processes.
	answer.Grow(int(min(max(response.ContentLength, 0), 8<<20)) + bytes.MinRead)
	n, err := answer.ReadFrom(io.LimitReader(response.Body, c.maxResponse+1))
	if err != nil {
		return nil, c.failed("read from", err)
	}
	if n > c.maxResponse {
		return nil, c.failed("read from", ErrTooLarge)
	}
	return answer.Bytes(), nil
}

func (c *Client) failed(verb string, err error) error {
	var wrapped *url.Error // says Post and the address, which is not the user's
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return fmt.Errorf("cannot %s %s: %w", verb, c.shown, err)
}
