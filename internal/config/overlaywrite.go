package config

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"example.org/twiddler/internal/ini"
)

// Words of the files of overlays that are no options of a program.
const (
	removedKey = "removed"
	wholeKey   = "whole"
	kindKey    = "kind"
	withoutKey = "without"
	inheritKey = "inherit_environment"

	removePrefix = "remove:"
	scalePrefix  = "scale:"

	// quoted follows the key of a value that stands in quotes, because the
	// dialect could not carry it as it is.
	quoted = " (quoted)"
)

// longName is the length in bytes up to which the name of a group becomes that
// of its file. It leaves room for what a writer adds while it writes.
const longName = 200

// OverlayFile is the name of the file of a group's overlay, without its
// directory. Bytes that mean something to a file system or a shell are written
// %XX, and of a name that is too long only the start is kept, with a checksum.
func OverlayFile(group string) string {
	var b strings.Builder
	for i := range len(group) {
		c := group[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-', c == '.' && i > 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	name := b.String()
	if name == "" {
		name = "%" // a file called .conf would be hidden
	}
	if len(name) > longName {
		name = fmt.Sprintf("%s%%%x", name[:longName-64], sha256.Sum256([]byte(group)))
	}
	return name + ".conf"
}

// Render writes the overlay as the text of its file, which [ParseOverlay]
// reads. Every value comes back as it was; the error is about a name that no
// file can hold.
func (o *Overlay) Render() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "; What was changed of the group %q while supervisord ran. supervisord reads this file after\n", o.Group)
	b.WriteString("; its configuration, and writes it anew with each change of the group. You may edit it; without it\n" +
		"; the group is as the configuration has it. Values are as in the configuration, but those of a\n" +
		"; \"key (quoted)\" stand in quotes, with \\n, \\x3b and the like.\n\n")
	if err := title(&b, "group:"+o.Group); err != nil {
		return nil, fmt.Errorf("group %q: %w", o.Group, err)
	}
	o.renderGroup(&b)
	for _, name := range o.Without {
		if err := title(&b, "\n", removePrefix+name); err != nil {
			return nil, fmt.Errorf("group %q, program %q: %w", o.Group, name, err)
		}
	}
	for _, s := range o.Scales {
		if err := renderScale(&b, s.Program, s.Numprocs, s.Without); err != nil {
			return nil, fmt.Errorf("group %q, program %q: %w", o.Group, s.Program, err)
		}
	}
	for i := range o.Programs {
		if err := o.Programs[i].render(&b); err != nil {
			return nil, fmt.Errorf("group %q, program %q: %w", o.Group, o.Programs[i].Section.Program, err)
		}
	}
	back, err := ParseOverlay(OverlayFile(o.Group), b.Bytes())
	if err != nil {
		return nil, fmt.Errorf("group %q cannot be written as a configuration file: %w", o.Group, err)
	}
	if !back.Equal(o) {
		return nil, fmt.Errorf("group %q cannot be written as a configuration file: it would be read as another one", o.Group)
	}
	return b.Bytes(), nil
}

func (o *Overlay) renderGroup(b *bytes.Buffer) {
	if o.Removed {
		fmt.Fprintf(b, "%s = true\n", removedKey)
	}
	if o.Whole {
		fmt.Fprintf(b, "%s = true\n%s = %s\n", wholeKey, kindKey, o.Kind)
	}
	if o.Priority != nil {
		fmt.Fprintf(b, "priority = %d\n", *o.Priority)
	}
}

// title writes the header of a section; the last of the texts is its name.
func title(b *bytes.Buffer, texts ...string) error {
	name := texts[len(texts)-1]
	line := "[" + name + "]\n"
	doc, err := ini.Parse("", []byte(line))
	if err != nil || len(doc.Sections()) != 1 || doc.Sections()[0].Name != name {
		return fmt.Errorf("the name cannot stand in a configuration file; choose one without line breaks and comment signs")
	}
	b.WriteString(strings.Join(texts[:len(texts)-1], "") + line)
	return nil
}

func renderScale(b *bytes.Buffer, program string, numprocs int, gaps []int) error {
	if err := title(b, "\n", scalePrefix+program); err != nil {
		return err
	}
	if numprocs != 0 {
		fmt.Fprintf(b, "numprocs = %d\n", numprocs)
	}
	if len(gaps) > 0 {
		words := make([]string, len(gaps))
		for i, n := range gaps {
			words[i] = strconv.Itoa(n)
		}
		fmt.Fprintf(b, "%s = %s\n", withoutKey, strings.Join(words, ", "))
	}
	return nil
}

// render writes a whole program.
func (p *OverlayProgram) render(b *bytes.Buffer) error {
	nth := ""
	if p.Nth > 1 {
		nth = "/" + strconv.Itoa(p.Nth) // no name has a slash
	}
	if err := title(b, "\n", p.Section.Title()+nth); err != nil {
		return err
	}
	if p.Section.Client {
		fmt.Fprintf(b, "%s = false\n", inheritKey)
	}
	for _, s := range p.Section.Settings {
		if carries(s.Value) {
			fmt.Fprintf(b, "%s = %s\n", s.Key, strings.ReplaceAll(s.Value, "\n", "\n\t"))
		} else {
			fmt.Fprintf(b, "%s%s = %s\n", s.Key, quoted, quote(s.Value))
		}
	}
	if len(p.Without) > 0 {
		return renderScale(b, strip(p.Section.Program)+nth, 0, p.Without)
	}
	return nil
}

// carries reports whether the dialect gives a value back as it was written.
func carries(value string) bool {
	doc, err := ini.Parse("", []byte("[x]\nk = "+strings.ReplaceAll(value, "\n", "\n\t")+"\n"))
	if err != nil || len(doc.Sections()) != 1 {
		return false
	}
	own := doc.Sections()[0].Own()
	return len(own) == 1 && own[0].Value == value
}

// quote writes any value in one line that has no comment sign after a blank.
func quote(value string) string {
	return strings.NewReplacer(" ;", ` \x3b`, " #", ` \x23`).Replace(strconv.Quote(value))
}

// fileOf checks that an overlay stands in its own file.
func fileOf(file, group string) error {
	if got, want := filepath.Base(file), OverlayFile(group); got != want {
		return wrong("the file of group %s must be called %s, not %s", ini.Repr(group), want, got)
	}
	return nil
}
