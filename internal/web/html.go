package web

import (
	"net/http"
	"strconv"
	"strings"

	"example.org/twiddler/ext"
)

// markup is HTML of our own. Only constants convert to it without being asked
// to, so what comes from outside cannot be taken for it by accident.
type markup string

// A page is HTML being written. What it writes is well-formed XML too, for
// programs that read pages with such a parser.
type page struct {
	strings.Builder
	who ext.Caller // who asked for it
}

func newPage(r *http.Request) *page { return &page{who: ext.CallerOf(r.Context())} }

var (
	// What XML cannot hold is shown as U+FFFD; terminals' escapes are among it.
	textEscapes = escaper("&", "&amp;", "<", "&lt;", ">", "&gt;")
	attrEscapes = escaper("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;",
		"\t", "&#9;", "\n", "&#10;", "\r", "&#13;")
)

func escaper(pairs ...string) *strings.Replacer {
	for c := range ' ' {
		if !strings.ContainsRune("\t\n\r", c) {
			pairs = append(pairs, string(c), "\uFFFD")
		}
	}
	pairs = append(pairs, "\x7f", "\uFFFD", "\uFFFE", "\uFFFD", "\uFFFF", "\uFFFD")
	return strings.NewReplacer(pairs...)
}

// raw writes HTML as it is.
func (p *page) raw(m markup) *page {
	p.WriteString(string(m))
	return p
}

// text writes s so that it is read as text between tags.
func (p *page) text(s string) *page {
	_, _ = textEscapes.WriteString(p, strings.ToValidUTF8(s, "\uFFFD")) // a Builder does not fail
	return p
}

// attr writes s so that it is read as part of a quoted attribute.
func (p *page) attr(s string) *page {
	_, _ = attrEscapes.WriteString(p, strings.ToValidUTF8(s, "\uFFFD"))
	return p
}

// send sends the whole answer.
func (p *page) send(w http.ResponseWriter, status int) {
	h := w.Header()
	h.Set("Content-Type", "text/html;charset=utf-8")
	forget(h)
	h.Set("Content-Length", strconv.Itoa(p.Len()))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(p.String())) // a client that went away needs no answer
}

// forget tells clients not to answer from memory. It matters most for the
// redirections after an action: a 301 is kept otherwise.
// Supervisor 4.2.5, web.py, MeldView.
func forget(h http.Header) {
	h.Set("Pragma", "no-cache")
	h.Set("Cache-Control", "no-cache")
	h.Set("Expires", "Thu, 01 Jan 1970 00:00:00 GMT")
}

// quote is s as a part of a URL. Python 3.11, urllib.parse.quote.
func quote(s string) string {
	const hexadecimal = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("_.-~/", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hexadecimal[c>>4])
			b.WriteByte(hexadecimal[c&15])
		}
	}
	return b.String()
}
