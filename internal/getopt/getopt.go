// Package getopt reads command lines as Python's getopt.getopt does, from a
// table of options. Options end at the first operand.
package getopt

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// An Option is one row of the table.
type Option struct {
	// Name is the row's identity for the caller. Rows with the same name are
	// spellings of one setting, such as -h and -?.
	Name  string
	Short byte   // ASCII letter after one hyphen; 0 for none
	Long  string // word after two hyphens; "" for none
	Arg   bool   // takes an argument, in both spellings
	Help  string // for the caller's usage text
}

// A Setting is one option as it was given.
type Setting struct {
	Name  string // of the row
	Flag  string // with its hyphens and in full: "-e", "--loglevel"
	Value string // "" for an option without argument
}

// An Error is a command line that the table does not allow. Its texts are
// those of Python 3.11, getopt.py; supervisord prints them after "Error: ".
type Error struct {
	Flag string // with its hyphens, as far as it is known
	text string
}

// Error is the original's text.
func (e *Error) Error() string { return e.text }

// Parse splits args (without the program's name) into settings, in the order
// given, and operands. Short options may be clustered (-nt), the last with its
// argument glued on (-ncfile); a long one may be shortened to any prefix that
// no other option shares, and takes its argument after = or as the next
// argument. A lone hyphen is an operand, and -- ends the options. An option may
// come twice. The error is an [*Error].
func Parse(args []string, table []Option) (settings []Setting, operands []string, err error) {
	p := parser{args: args, table: table}
	for len(p.args) > 0 {
		arg := p.args[0]
		if len(arg) < 2 || arg[0] != '-' {
			break
		}
		p.args = p.args[1:]
		if arg == "--" {
			break
		}
		if strings.HasPrefix(arg, "--") {
			err = p.long(arg[2:])
		} else {
			err = p.cluster(arg[1:])
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return p.settings, p.args, nil
}

// A parser is between two arguments.
type parser struct {
	table    []Option
	args     []string // not read yet
	settings []Setting
}

// long reads an argument after its two hyphens.
func (p *parser) long(word string) error {
	word, value, hasValue := strings.Cut(word, "=")
	row, err := p.longRow(word)
	if err != nil {
		return err
	}
	flag := "--" + row.Long
	if row.Arg && !hasValue {
		if value, err = p.argument(flag); err != nil {
			return err
		}
	}
	if !row.Arg && hasValue {
		return fail(flag, "option %s must not have an argument")
	}
	p.settings = append(p.settings, Setting{Name: row.Name, Flag: flag, Value: value})
	return nil
}

// longRow finds the row of a long option: the one spelled like that, or else
// the only one that starts like that.
func (p *parser) longRow(word string) (Option, error) {
	var found []Option
	for _, row := range p.table {
		if row.Long == "" || !strings.HasPrefix(row.Long, word) {
			continue
		}
		if row.Long == word {
			return row, nil
		}
		found = append(found, row)
	}
	switch len(found) {
	case 0:
		return Option{}, fail("--"+word, "option %s not recognized")
	case 1:
		return found[0], nil
	}
	return Option{}, fail("--"+word, "option %s not a unique prefix")
}

// cluster reads an argument after its single hyphen.
func (p *parser) cluster(letters string) error {
	for letters != "" {
		// Whole characters: one that is no option is named in the error.
		letter, size := utf8.DecodeRuneInString(letters)
		flag := "-" + letters[:size]
		letters = letters[size:]
		row, ok := p.shortRow(letter)
		if !ok {
			return fail(flag, "option %s not recognized")
		}
		value := ""
		if row.Arg {
			value, letters = letters, ""
			if value == "" {
				var err error
				if value, err = p.argument(flag); err != nil {
					return err
				}
			}
		}
		p.settings = append(p.settings, Setting{Name: row.Name, Flag: flag, Value: value})
	}
	return nil
}

// shortRow finds the row of a short option.
func (p *parser) shortRow(letter rune) (Option, bool) {
	for _, row := range p.table {
		if row.Short != 0 && rune(row.Short) == letter {
			return row, true
		}
	}
	return Option{}, false
}

// argument takes the next argument as the value of flag, whatever it looks
// like.
func (p *parser) argument(flag string) (string, error) {
	if len(p.args) == 0 {
		return "", fail(flag, "option %s requires argument")
	}
	value := p.args[0]
	p.args = p.args[1:]
	return value, nil
}

// fail returns the error about flag; format has one %s for it.
func fail(flag, format string) error {
	return &Error{Flag: flag, text: fmt.Sprintf(format, flag)}
}
