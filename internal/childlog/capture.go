package childlog

import "bytes"

// The tokens around text for a PROCESS_COMMUNICATION event. Supervisor 4.2.5,
// events.py, ProcessCommunicationEvent.
const (
	beginToken = "<!--XSUPERVISOR:BEGIN-->"
	endToken   = "<!--XSUPERVISOR:END-->"
)

// A capture is the state of capture mode in one stream.
type capture struct {
	max  int64  // bytes that are kept of one captured text
	on   bool   // between the tokens
	held []byte // the end of the output, if it may be the start of a token
	text []byte // what is captured so far
}

// split hands p out in pieces: text gets what is outside of tokens, token is
// called at each token, before c.on changes. Only what may be the start of
// a token is held back. (The original waits for more than a token's length
// whatever the text is, and loses what it holds when the process exits.)
func (c *capture) split(p []byte, text func([]byte), token func()) {
	if len(c.held) > 0 {
		p = append(c.held, p...)
		c.held = nil
	}
	for {
		before, after, found := bytes.Cut(p, []byte(c.next()))
		if !found {
			break
		}
		text(before)
		token()
		c.on = !c.on
		p = after
	}
	n := len(p) - c.prefix(p)
	c.held = append(c.held, p[n:]...)
	text(p[:n])
}

// add keeps p for the event. When it gets too long, as many bytes as are new
// go from the front: one big piece is kept whole. Supervisor 4.2.5,
// loggers.py, BoundIO.
func (c *capture) add(p []byte) {
	if int64(len(c.text)+len(p)) > c.max {
		c.text = c.text[min(len(p), len(c.text)):]
	}
	c.text = append(c.text, p...)
}

// prefix is the length of the longest end of p that begins a token.
func (c *capture) prefix(p []byte) int {
	token := c.next()
	for n := min(len(token)-1, len(p)); n > 0; n-- {
		if string(p[len(p)-n:]) == token[:n] {
			return n
		}
	}
	return 0
}

// next is the token that changes the state.
func (c *capture) next() string {
	if c.on {
		return endToken
	}
	return beginToken
}
