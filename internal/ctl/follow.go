package ctl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// followLog shows a log as it grows, until Ctrl-C or until the server closes
// it. shown is the path as the user knows it. The exit status says nothing of
// the outcome; the original's does not either. Supervisor 4.2.5,
// supervisorctl.py, _tailf, and http_client.py.
func (s *session) followLog(ctx context.Context, path, shown string) error {
	s.say("%s", pressCtrlC)
	ctx, stop := s.interruptible(ctx)
	defer stop()
	err := s.stream(ctx, path, s.logWriter(s.out))
	if ctx.Err() != nil {
		s.say("")
		return nil
	}
	s.streamFailed(shown, err)
	return nil
}

// streamFailed prints why a log could not be followed, if it could not.
func (s *session) streamFailed(shown string, err error) {
	var status statusError
	switch {
	case err == nil:
		return
	case errors.As(err, &status):
		fmt.Fprintf(s.errOut, "%s Cannot read, status code %d\n", visible(s.url+shown), int(status))
	default:
		class, text := exception(err)
		fmt.Fprintf(s.errOut, "%s Cannot connect, error: %s (%s)\n", visible(s.url+shown), class, visible(text))
	}
}

// A statusError is an answer other than 200.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("status code %d", int(e)) }

// stream copies what the server sends for path to w, until the server ends it
// or ctx does. A stream that breaks off after it has begun is no error.
func (s *session) stream(ctx context.Context, path string, w io.Writer) error {
	response, done, err := s.openStream(ctx, path)
	if err != nil {
		return err
	}
	defer done()
	_, _ = io.Copy(w, response.Body)
	return nil
}

// openStream asks for a stream; done gives its connection back.
func (s *session) openStream(ctx context.Context, path string) (response *http.Response, done func(), err error) {
	base := "http://localhost"
	// Not with keep-alives off: after "Connection: close" the original holds
	// back what it sends until there are 64 KiB of it.
	transport := &http.Transport{DisableCompression: true}
	if socket, ok := strings.CutPrefix(s.url, "unix://"); ok {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		}
	} else {
		if base, err = clientURL(s.url); err != nil {
			return nil, nil, err
		}
		if transport.TLSClientConfig, err = s.tlsConfig(); err != nil {
			return nil, nil, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("User-Agent", "Supervisor HTTP Client")
	request.Header.Set("Accept", "*/*")
	if s.credentials && s.password != "" {
		request.SetBasicAuth(s.username, s.password)
	}
	response, err = transport.RoundTrip(request)
	if err != nil {
		transport.CloseIdleConnections()
		return nil, nil, err
	}
	done = func() {
		_ = response.Body.Close() // it was only read
		transport.CloseIdleConnections()
	}
	if response.StatusCode != http.StatusOK {
		done()
		return nil, nil, statusError(response.StatusCode)
	}
	return response, done, nil
}
