package ini

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Parse reads the text of one file. file is its name in positions and error
// texts and is not opened.
//
// The dialect is RawConfigParser of Python 3.11 with inline comments after ;
// and #, not strict. The error is a [*DecodeError], a [*MissingHeaderError] or
// a [*ParseErrors]; then there is no document.
// Supervisor 4.2.5, options.py, UnhosedConfigParser.
func Parse(file string, text []byte) (*Document, error) {
	if err := checkUTF8(file, text); err != nil {
		return nil, err
	}
	p := parser{file: file, doc: newDocument()}
	rest := universalNewlines(string(text))
	for rest != "" {
		line := rest
		if end := strings.IndexByte(rest, '\n'); end >= 0 {
			line = rest[:end+1]
		}
		rest = rest[len(line):]
		p.number++
		if err := p.line(line); err != nil {
			return nil, err
		}
	}
	p.close()
	if p.bad != nil {
		return nil, p.bad
	}
	return p.doc, nil
}

// A parser is in the middle of a file, between two lines.
type parser struct {
	file    string
	doc     *Document
	number  int // of the current line
	indent  int // of the last line that was not a continuation
	section *Section
	bad     *ParseErrors

	open   bool // a value that deeper lines continue
	option Option
	more   []string // its further lines
}

// line takes the next line, its newline included.
func (p *parser) line(line string) error {
	content, comment := cutComment(line)
	content = trimSpace(content)
	if content == "" {
		if p.open && !comment {
			p.more = append(p.more, "")
		}
		return nil
	}
	indent := indentation(line)
	if p.open && indent > p.indent {
		p.more = append(p.more, content)
		return nil
	}
	p.indent = indent
	if name, ok := header(content); ok {
		p.close()
		p.section = p.doc.ensure(name, p.file, p.number)
		return nil
	}
	if p.section == nil {
		return &MissingHeaderError{File: p.file, Line: p.number, Text: line}
	}
	at := strings.IndexAny(content, "=:")
	if at < 0 {
		p.reject(line) // the value before it stays open
		return nil
	}
	p.close()
	key := trimSpaceRight(content[:at])
	if key == "" {
		p.reject(line)
		return nil
	}
	p.open = true
	p.option = Option{
		Key:   strings.ToLower(key),
		Value: trimSpace(content[at+1:]),
		File:  p.file,
		Line:  p.number,
	}
	return nil
}

// close ends the open value and stores it.
func (p *parser) close() {
	if !p.open {
		return
	}
	if len(p.more) > 0 {
		lines := append([]string{p.option.Value}, p.more...)
		p.option.Value = trimSpaceRight(strings.Join(lines, "\n"))
		p.more = p.more[:0]
	}
	p.section.set(p.option)
	p.open = false
}

// reject remembers a line that is nothing of what a line can be.
func (p *parser) reject(line string) {
	if p.bad == nil {
		p.bad = &ParseErrors{File: p.file}
	}
	p.bad.Lines = append(p.bad.Lines, BadLine{Line: p.number, Text: line})
}

// cutComment returns the line up to its comment, and whether it has one.
//
// An inline comment starts at a ; or # that follows a blank, quoted or not.
// The two characters are looked for in step, as in Python: the first ; and the
// first # are weighed against each other, then the second ones, and so on. In
// "a;b ;c #d" the first # is a comment and the first ; is none, so the value
// is "a;b ;c". Python 3.11, configparser.py, RawConfigParser._read.
func cutComment(line string) (content string, comment bool) {
	if t := trimSpace(line); t != "" && (t[0] == ';' || t[0] == '#') {
		return "", true
	}
	semicolon, hash := -1, -1
	for searchOn := true; searchOn; {
		cut := len(line)
		searchOn = false
		for _, c := range []struct {
			prefix byte
			at     *int
		}{{';', &semicolon}, {'#', &hash}} {
			if *c.at == len(line) {
				continue
			}
			next := strings.IndexByte(line[*c.at+1:], c.prefix)
			if next < 0 {
				*c.at = len(line)
				continue
			}
			*c.at += 1 + next
			searchOn = true
			if before, _ := utf8.DecodeLastRuneInString(line[:*c.at]); isSpace(before) {
				cut = min(cut, *c.at)
			}
		}
		if cut < len(line) {
			return line[:cut], true
		}
	}
	return line, false
}

// header returns the name in "[name]". It reaches to the last bracket, and
// what follows is ignored.
func header(content string) (string, bool) {
	if content[0] != '[' {
		return "", false
	}
	end := strings.LastIndexByte(content, ']')
	if end < 2 {
		return "", false
	}
	return content[1:end], true
}

// indentation is the number of blanks the line starts with, in characters.
func indentation(line string) int {
	n := 0
	for _, r := range line {
		if !isSpace(r) {
			break
		}
		n++
	}
	return n
}

// universalNewlines makes each of \r\n, \r and \n a \n, as Python's open does.
func universalNewlines(text string) string {
	if !strings.Contains(text, "\r") {
		return text
	}
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
}

// isSpace is Python's str.isspace, which holds the four separators of ASCII
// for blanks as well.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f
}

// trimSpace is Python's str.strip.
func trimSpace(s string) string { return strings.TrimFunc(s, isSpace) }

// trimSpaceRight is Python's str.rstrip.
func trimSpaceRight(s string) string { return strings.TrimRightFunc(s, isSpace) }
