package childlog

import (
	"bytes"
	"unicode/utf8"

	"example.org/twiddler/internal/ini"
)

// StreamConfig says where one channel of one process goes. The slices that
// the functions get are valid during the call only. They are called on the
// pump's goroutine, so they must not wait.
type StreamConfig struct {
	Process, Channel string            // "cat", "stdout"
	File             *File             // nil for none; the Stream closes it
	StripANSI        func() bool       // asked for each chunk; nil: never
	Capture          int64             // bytes kept of a captured text; 0 for no capture mode
	Syslog           func(line string) // nil for none; gets "cat line"
	Debug            func(text string) // nil for none; gets the lines for the main log at level debug
	OnLog            func(data []byte) // PROCESS_LOG; nil when not enabled
	OnComm           func(data []byte) // PROCESS_COMMUNICATION; nil when nobody wants it
	Tap              func(data []byte) // raw bytes before anything else: a listener's protocol; nil for none
}

// A Stream is one channel of one run of a process. Its pump alone calls it.
type Stream struct {
	c       StreamConfig
	ansi    *stripper // nil until escape sequences are stripped
	capture *capture  // nil without capture mode
}

// NewStream returns a stream that begins outside of captured text.
func NewStream(c StreamConfig) *Stream {
	s := &Stream{c: c}
	// A listener's stdout is its protocol: nothing is captured there.
	if c.Capture > 0 && c.Tap == nil {
		s.capture = &capture{max: c.Capture}
	}
	return s
}

// Write takes a chunk of output. It does not keep p.
func (s *Stream) Write(p []byte) {
	if len(p) == 0 {
		return
	}
	if s.c.Tap != nil {
		s.c.Tap(p)
	}
	s.record(p)
}

// logs reports whether record does anything with the output of a listener.
func (s *Stream) logs() bool {
	return s.c.File != nil || s.c.Debug != nil || s.c.Syslog != nil || s.c.OnLog != nil
}

// record is Write without the Tap.
func (s *Stream) record(p []byte) {
	if s.c.Tap != nil && s.c.Debug != nil { // as it came, and as Python shows bytes
		s.c.Debug(s.outputText(quoteBytes(p)))
	}
	if s.capture != nil {
		s.capture.split(p, s.text, s.token)
		return
	}
	s.text(p)
}

// Close passes on what may have become a token or an escape sequence, and
// closes the file. A captured text without an end is dropped.
func (s *Stream) Close() {
	if s.capture != nil {
		held := s.capture.held
		s.capture.held = nil
		s.text(held)
	}
	if s.ansi != nil {
		s.put(s.ansi.flush())
	}
	if s.c.File != nil {
		s.c.File.Close()
		s.c.File = nil
	}
}

// park asks the pump to pause this stream's pipe while its file is slow.
func (s *Stream) park(resume func()) bool {
	return s.c.File != nil && s.c.File.park(resume)
}

// plain reports whether all that the stream was given is where it belongs as
// soon as Write has returned, and nobody has to hear of it.
func (s *Stream) plain() bool {
	return s.c.Tap == nil && s.c.OnLog == nil && s.c.OnComm == nil && s.ansi == nil && s.capture == nil
}

// text takes output without tokens.
func (s *Stream) text(p []byte) {
	if len(p) == 0 {
		return
	}
	if s.c.StripANSI != nil && s.c.StripANSI() {
		if s.ansi == nil {
			s.ansi = new(stripper)
		}
		p = s.ansi.strip(p)
	} else if s.ansi != nil {
		s.put(s.ansi.flush()) // it has just been switched off
		s.ansi = nil
	}
	s.put(p)
}

// token is called at a token. No escape sequence goes across one.
func (s *Stream) token() {
	if s.ansi != nil {
		s.put(s.ansi.flush())
	}
	if !s.capture.on {
		return
	}
	text := s.capture.text
	s.capture.text = nil
	if s.c.OnComm != nil {
		s.c.OnComm(text)
	}
	if s.c.Debug != nil {
		// Supervisor 4.2.5, dispatchers.py, toggle_capturemode.
		s.c.Debug(ini.Repr(s.c.Process) + " " + s.c.Channel + " emitted a comm event")
	}
}

// put sends text where it belongs. Captured text is kept out of the log, yet
// shown to the main log and to events. Supervisor 4.2.5, dispatchers.py, _log.
func (s *Stream) put(p []byte) {
	if len(p) == 0 {
		return
	}
	if s.capture != nil && s.capture.on {
		s.capture.add(p)
	} else {
		s.log(p)
	}
	if s.c.Debug != nil && s.c.Tap == nil {
		text := string(p)
		if !utf8.Valid(p) {
			text = "Undecodable: " + quoteBytes(p)
		}
		s.c.Debug(s.outputText(text))
	}
	if s.c.OnLog != nil {
		s.c.OnLog(p)
	}
}

func (s *Stream) log(p []byte) {
	if s.c.File != nil {
		s.c.File.Write(p)
	}
	if s.c.Syslog == nil {
		return
	}
	// A chunk that ends within a line gives two messages. Supervisor 4.2.5,
	// loggers.py, SyslogHandler.
	for line := range bytes.SplitSeq(bytes.TrimRight(p, "\n"), []byte{'\n'}) {
		s.c.Syslog(s.c.Process + " " + string(line))
	}
}

// outputText is the main log's form of a chunk. Supervisor 4.2.5,
// dispatchers.py, POutputDispatcher._log.
func (s *Stream) outputText(text string) string {
	return ini.Repr(s.c.Process) + " " + s.c.Channel + " output:\n" + text
}
