package xmlrpc

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// A syntaxError is a document that cannot be read, and where.
type syntaxError struct {
	offset int
	text   string
}

func (e *syntaxError) Error() string {
	return fmt.Sprintf("cannot read XML-RPC at byte %d: %s", e.offset, e.text)
}

// A scanner splits a document into tags and character data. It knows as much
// of XML as XML-RPC needs: attributes are checked for form and dropped,
// comments and processing instructions skipped, and there are no entities but
// the five that XML defines, so nothing can expand.
type scanner struct {
	data  []byte // valid UTF-8, without byte order mark
	pos   int
	depth int    // open elements; outside the root there is no character data
	root  bool   // the root element has begun
	empty bool   // the last start tag was <name/>: its end is still to be taken
	buf   []byte // text that is not one piece of data
}

func (s *scanner) errorf(format string, args ...any) error {
	return &syntaxError{s.pos, fmt.Sprintf(format, args...)}
}

// text takes character data, up to the next tag or the end of the document.
// The result is valid until the next call of a method.
func (s *scanner) text() ([]byte, error) {
	if s.empty {
		return nil, nil
	}
	start := s.pos
	for {
		for s.pos < len(s.data) && !textSpecial[s.data[s.pos]] {
			s.pos++
		}
		if s.pos == len(s.data) {
			return s.data[start:], nil
		}
		switch c := s.data[s.pos]; {
		case c == '<' && !s.at("<!") && !s.at("<?"):
			return s.data[start:s.pos], nil
		case c == '<' || c == '&' || c == '\r':
			s.buf = append(s.buf[:0], s.data[start:s.pos]...)
			return s.mixedText()
		case c == ']' && s.at("]]>"):
			return nil, s.errorf("]]> in text")
		}
		s.pos++ // of a ]
	}
}

// textSpecial are the bytes that text looks at twice.
var textSpecial = [256]bool{'<': true, '&': true, '\r': true, ']': true}

// mixedText goes on where text met the first thing that is not plain.
func (s *scanner) mixedText() ([]byte, error) {
	for s.pos < len(s.data) {
		var err error
		switch c := s.data[s.pos]; {
		case c == '<' && (s.at("<!") || s.at("<?")):
			err = s.markup()
		case c == '<':
			return s.buf, nil
		case c == '&':
			err = s.reference()
		case c == ']' && s.at("]]>"):
			err = s.errorf("]]> in text")
		case c == '\r':
			s.lineEnd()
		default:
			s.buf = append(s.buf, c)
			s.pos++
		}
		if err != nil {
			return nil, err
		}
	}
	return s.buf, nil
}

// lineEnd takes CR or CR LF as one line feed, as XML 1.0 2.11 has it.
func (s *scanner) lineEnd() {
	s.buf = append(s.buf, '\n')
	s.pos++
	if s.at("\n") {
		s.pos++
	}
}

// markup takes a comment, a CDATA section, a processing instruction or a
// document type.
func (s *scanner) markup() error {
	switch {
	case s.at("<!--"):
		return s.comment()
	case s.at("<![CDATA["):
		return s.cdata()
	case s.at("<?"):
		return s.instruction()
	case s.at("<!DOCTYPE"):
		return s.doctype()
	}
	return s.errorf("unknown markup")
}

func (s *scanner) comment() error {
	s.pos += len("<!--")
	n := bytes.Index(s.data[s.pos:], []byte("--"))
	if n < 0 {
		return s.errorf("comment without end")
	}
	s.pos += n
	if !s.at("-->") {
		return s.errorf("-- in a comment")
	}
	s.pos += len("-->")
	return nil
}

func (s *scanner) cdata() error {
	if s.depth == 0 {
		return s.errorf("CDATA outside the root element")
	}
	s.pos += len("<![CDATA[")
	n := bytes.Index(s.data[s.pos:], []byte("]]>"))
	if n < 0 {
		return s.errorf("CDATA without end")
	}
	for end := s.pos + n; s.pos < end; {
		if s.data[s.pos] == '\r' {
			s.lineEnd()
			continue
		}
		s.buf = append(s.buf, s.data[s.pos])
		s.pos++
	}
	s.pos += len("]]>")
	return nil
}

// instruction skips <?target …?>. The XML declaration is none: begin has
// taken it, and it may stand nowhere else.
func (s *scanner) instruction() error {
	s.pos += len("<?")
	target := s.name()
	if len(target) == 0 || bytes.EqualFold(target, []byte("xml")) {
		return s.errorf("bad processing instruction")
	}
	n := bytes.Index(s.data[s.pos:], []byte("?>"))
	if n < 0 || n > 0 && !isSpace(s.data[s.pos]) {
		return s.errorf("bad processing instruction")
	}
	s.pos += n + len("?>")
	return nil
}

// doctype skips a document type without an internal subset. One with a subset
// is refused: it could define entities, which are of no use here but to grow
// a small document into a huge one.
func (s *scanner) doctype() error {
	if s.root {
		return s.errorf("document type after the root element's start")
	}
	s.pos += len("<!DOCTYPE")
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; c {
		case '"', '\'':
			n := bytes.IndexByte(s.data[s.pos+1:], c)
			if n < 0 {
				return s.errorf("document type without end")
			}
			s.pos += n + 1
		case '[', '<':
			return s.errorf("document type with declarations")
		case '>':
			s.pos++
			return nil
		}
		s.pos++
	}
	return s.errorf("document type without end")
}

// reference takes &name; or &#number; and appends what it stands for.
func (s *scanner) reference() error {
	const longest = len("&#x0010FFFF;") + 20 // zeros may lead; nobody writes more
	rest := s.data[s.pos:]
	n := bytes.IndexByte(rest[:min(len(rest), longest)], ';')
	if n < 0 {
		return s.errorf("& without ;")
	}
	switch name := rest[1:n]; string(name) {
	case "lt":
		s.buf = append(s.buf, '<')
	case "gt":
		s.buf = append(s.buf, '>')
	case "amp":
		s.buf = append(s.buf, '&')
	case "quot":
		s.buf = append(s.buf, '"')
	case "apos":
		s.buf = append(s.buf, '\'')
	default:
		r, ok := charRef(name)
		if !ok || s.depth == 0 {
			return s.errorf("unknown reference %q", rest[:n+1])
		}
		s.buf = utf8.AppendRune(s.buf, r)
	}
	s.pos += n + 1
	return nil
}

// charRef reads "#233" or "#xE9".
func charRef(name []byte) (rune, bool) {
	digits, ok := bytes.CutPrefix(name, []byte("#"))
	base := 10
	if hex, isHex := bytes.CutPrefix(digits, []byte("x")); isHex {
		digits, base = hex, 16
	}
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(string(digits), base, 21)
	return rune(n), err == nil && validRune(rune(n))
}

// start takes the next start tag, and the character data before it, which
// means nothing between elements. At an end tag it takes nothing and reports
// false.
func (s *scanner) start() (name []byte, ok bool, err error) {
	if _, err := s.text(); err != nil {
		return nil, false, err
	}
	if s.empty || s.at("</") {
		return nil, false, nil
	}
	if s.pos == len(s.data) {
		return nil, false, s.errorf("document ends too early")
	}
	s.pos++
	if name = s.name(); len(name) == 0 {
		return nil, false, s.errorf("bad name of an element")
	}
	if err := s.attributes(); err != nil {
		return nil, false, err
	}
	s.depth++
	s.root = true
	return name, true, nil
}

// attributes takes the rest of a start tag.
func (s *scanner) attributes() error {
	for {
		spaces := s.space()
		switch {
		case s.at(">"):
			s.pos++
			return nil
		case s.at("/>"):
			s.pos += len("/>")
			s.empty = true
			return nil
		case spaces == 0 || len(s.name()) == 0:
			return s.errorf("bad start tag")
		}
		s.space()
		if !s.at("=") {
			return s.errorf("attribute without value")
		}
		s.pos++
		s.space()
		if err := s.attributeValue(); err != nil {
			return err
		}
	}
}

func (s *scanner) attributeValue() error {
	if !s.at(`"`) && !s.at("'") {
		return s.errorf("attribute without value")
	}
	n := bytes.IndexByte(s.data[s.pos+1:], s.data[s.pos])
	if n < 0 {
		return s.errorf("attribute without end")
	}
	if bytes.IndexByte(s.data[s.pos+1:s.pos+1+n], '<') >= 0 {
		return s.errorf("< in an attribute")
	}
	s.pos += n + 2
	return nil
}

// end takes character data and then the end tag of the element called name.
func (s *scanner) end(name []byte) error {
	if !s.empty {
		if _, err := s.text(); err != nil {
			return err
		}
		if !s.at("</") {
			return s.errorf("expected </%s>", name)
		}
		s.pos += len("</")
		if n := len(name); len(s.data)-s.pos > n && s.data[s.pos+n] == '>' && bytes.Equal(s.data[s.pos:s.pos+n], name) {
			s.pos += n + 1 // as everybody writes it
			s.depth--
			return nil
		}
		if got := s.name(); !bytes.Equal(got, name) {
			return s.errorf("expected </%s>", name)
		}
		s.space()
		if !s.at(">") {
			return s.errorf("bad end tag")
		}
		s.pos++
	}
	s.empty = false
	s.depth--
	return nil
}

// name takes a name and returns it, empty if there is none here.
func (s *scanner) name() []byte {
	start := s.pos
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		if c|0x20 < 'a' || c|0x20 > 'z' {
			if !isName(c, s.pos == start) {
				break
			}
		}
		s.pos++
	}
	return s.data[start:s.pos]
}

// isName treats every character beyond ASCII as a letter. XML excludes a few;
// to tell them apart changes nothing in a protocol whose names are ASCII.
func isName(c byte, first bool) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_', c == ':', c >= utf8.RuneSelf:
		return true
	case '0' <= c && c <= '9', c == '-', c == '.':
		return !first
	}
	return false
}

// space takes white space and counts it.
func (s *scanner) space() int {
	start := s.pos
	for s.pos < len(s.data) && isSpace(s.data[s.pos]) {
		s.pos++
	}
	return s.pos - start
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func (s *scanner) at(prefix string) bool {
	return len(s.data)-s.pos >= len(prefix) && string(s.data[s.pos:s.pos+len(prefix)]) == prefix
}
