package ctl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
)

// tornTrailer is in the trailer of a whole log that may lack a part.
const tornTrailer = "X-Log-Torn"

// errTorn says that not all of a log could be had.
var errTorn = errors.New("the log was cleared, or rotated away before it could be read: a part may be missing")

// A writeError is why the output of a program cannot be passed on.
type writeError struct{ error }

func (e writeError) Unwrap() error { return e.error }

// An outlet notes which errors are those of writing.
type outlet struct{ out io.Writer }

func (o outlet) Write(p []byte) (int, error) {
	n, err := o.out.Write(p)
	if err != nil {
		err = writeError{err}
	}
	return n, err
}

// copyLog copies all that a process writes to a channel, byte for byte, until
// it is down and everything has been copied.
func (s *session) copyLog(ctx context.Context, name, channel string, out io.Writer) error {
	response, done, err := s.openStream(ctx, "/logtail/"+url.PathEscape(name)+"/"+channel+"?whole=1")
	if err != nil {
		return err
	}
	defer done()
	if _, err := io.Copy(outlet{out}, response.Body); err != nil {
		return err
	}
	if response.Trailer.Get(tornTrailer) != "" {
		return errTorn
	}
	return nil
}

// logError says why the output of a program was not passed on.
func logError(channel string, err error) string {
	var status statusError
	var write writeError
	switch {
	case errors.As(err, &write):
		return fmt.Sprintf("cannot write its %s: %v", channel, write.error)
	case errors.As(err, &status):
		return fmt.Sprintf("cannot read its %s: the server answers with status %d", channel, int(status))
	}
	return fmt.Sprintf("cannot read its %s: %v", channel, err)
}
