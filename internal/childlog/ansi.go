package childlog

import "bytes"

// The bytes that end an escape sequence. Others that ECMA-48 knows, such as G
// and n, do not. Supervisor 4.2.5, dispatchers.py, ANSI_TERMINATORS.
const ansiEnds = "HfABCDRsuJKhlpm"

// A stripper removes escape sequences: from ESC [ to the first terminator, or
// to the end of the chunk if there is none in it. Unlike the original it
// recognises a sequence that is split over two chunks.
type stripper struct {
	escape  bool // an ESC at the end of the last chunk is held back
	inside  bool // the last chunk ended in a sequence that may go on
	scratch []byte
}

// strip returns p without sequences: p itself, or a slice that is valid until
// the next call.
func (s *stripper) strip(p []byte) []byte {
	if !s.escape && !s.inside && bytes.IndexByte(p, 0x1b) < 0 {
		return p
	}
	out := s.scratch[:0]
	if s.escape {
		s.escape = false
		if len(p) > 0 && p[0] == '[' {
			s.inside, p = true, p[1:]
		} else {
			out = append(out, 0x1b)
		}
	}
	if s.inside {
		p = s.skip(p)
	}
	for len(p) > 0 {
		i := bytes.Index(p, []byte("\x1b["))
		if i < 0 {
			if last := len(p) - 1; p[last] == 0x1b {
				s.escape, p = true, p[:last]
			}
			out = append(out, p...)
			break
		}
		out = append(out, p[:i]...)
		p = s.skip(p[i+2:])
	}
	s.scratch = out
	if cap(out) > 4<<10 {
		s.scratch = nil // thousands of streams: keep only what is small
	}
	return out
}

// flush returns what is held back and forgets the sequence it is in.
func (s *stripper) flush() []byte {
	held := s.escape
	s.escape, s.inside = false, false
	if held {
		return []byte{0x1b}
	}
	return nil
}

// skip returns what follows the sequence that p is in. A sequence goes on in
// the next chunk only as long as all of it is what a sequence is made of:
// otherwise one that the original does not understand would eat the next line.
func (s *stripper) skip(p []byte) []byte {
	if i := bytes.IndexAny(p, ansiEnds); i >= 0 {
		s.inside = false
		return p[i+1:]
	}
	s.inside = true
	for _, c := range p {
		if c < 0x20 || c > 0x3f {
			s.inside = false
			break
		}
	}
	return nil
}
