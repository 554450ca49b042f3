package compat

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
)

// A member is one member of a struct, in the order of the wire.
type member struct {
	name  string
	value any
}

// A nothing is the XML-RPC extension <nil/>, a verbatim any other <value>.
type (
	nothing  struct{}
	verbatim string
)

// A failure is a fault as the wire has it.
type failure struct {
	code int
	text string
}

func (f *failure) Error() string { return fmt.Sprintf("fault %d %s", f.code, f.text) }

// document is a request for one call. The suite has a codec of its own, since
// the daemon's must not judge itself.
func document(method string, params []any) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<?xml version='1.0'?>\n<methodCall>\n<methodName>%s</methodName>\n<params>\n", escape(method))
	for _, p := range params {
		fmt.Fprintf(&b, "<param>\n%s</param>\n", encode(p))
	}
	b.WriteString("</params>\n</methodCall>\n")
	return b.String()
}

func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// encode writes one parameter. Only the suite's own values reach it.
func encode(v any) string {
	switch v := v.(type) {
	case string:
		return "<value><string>" + escape(v) + "</string></value>\n"
	case int:
		return fmt.Sprintf("<value><int>%d</int></value>\n", v)
	case bool:
		return fmt.Sprintf("<value><boolean>%d</boolean></value>\n", map[bool]int{true: 1}[v])
	case float64:
		return fmt.Sprintf("<value><double>%v</double></value>\n", v)
	case nothing:
		return "<value><nil/></value>\n"
	case verbatim:
		return "<value>" + string(v) + "</value>\n"
	case []any:
		var b strings.Builder
		for _, e := range v {
			b.WriteString(encode(e))
		}
		return "<value><array><data>\n" + b.String() + "</data></array></value>\n"
	case []member:
		var b strings.Builder
		for _, m := range v {
			fmt.Fprintf(&b, "<member>\n<name>%s</name>\n%s</member>\n", escape(m.name), encode(m.value))
		}
		return "<value><struct>\n" + b.String() + "</struct></value>\n"
	}
	panic(fmt.Sprintf("no such parameter: %#v", v))
}

// An answer is what came back for one call.
type answer struct {
	status int
	body   string
}

// post makes one call on the unix socket.
func (s *stage) post(method string, params ...any) (answer, error) {
	resp, err := s.http.Post("http://daemon/RPC2", "text/xml", strings.NewReader(document(method, params)))
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusUnauthorized {
		return answer{}, errors.New(resp.Status)
	}
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, string(body)}, err
}

// value decodes an answer. The error is a *failure for a fault.
func (a answer) value() (any, error) {
	if a.status != http.StatusOK {
		return nil, fmt.Errorf("HTTP %d", a.status)
	}
	d := xml.NewDecoder(strings.NewReader(a.body))
	fault := false
	for {
		tok, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("no value in %q: %w", a.body, err)
		}
		start, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		fault = fault || start.Name.Local == "fault"
		if start.Name.Local != "value" {
			continue
		}
		v, err := decode(d)
		if f, ok := v.(map[string]any); ok && fault && err == nil {
			return nil, &failure{f["faultCode"].(int), f["faultString"].(string)}
		}
		return v, err
	}
}

// decode reads the rest of a <value>.
func decode(d *xml.Decoder) (any, error) {
	var text strings.Builder
	var v any
	for {
		tok, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch tok := tok.(type) {
		case xml.CharData:
			text.Write(tok)
		case xml.StartElement:
			text.Reset()
			switch tok.Name.Local {
			case "array":
				v, err = decodeArray(d)
			case "struct":
				v, err = decodeStruct(d)
			default:
				v, err = decodeScalar(d, tok.Name.Local)
			}
			if err != nil {
				return nil, err
			}
		case xml.EndElement:
			if v == nil {
				v = text.String()
			}
			return v, nil
		}
	}
}

func decodeScalar(d *xml.Decoder, kind string) (any, error) {
	tok, err := d.Token()
	if err != nil {
		return nil, err
	}
	text := ""
	if chars, ok := tok.(xml.CharData); ok {
		text = string(chars)
		if err := d.Skip(); err != nil {
			return nil, err
		}
	}
	switch kind {
	case "int", "i8":
		return strconv.Atoi(text)
	case "boolean":
		return text == "1", nil
	case "double":
		return strconv.ParseFloat(text, 64)
	case "string":
		return text, nil
	}
	return nil, fmt.Errorf("no daemon answers a <%s>", kind)
}

func decodeArray(d *xml.Decoder) (any, error) {
	out := []any{}
	for {
		tok, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if tok.Name.Local == "value" {
				v, err := decode(d)
				if err != nil {
					return nil, err
				}
				out = append(out, v)
			}
		case xml.EndElement:
			if tok.Name.Local == "array" {
				return out, nil
			}
		}
	}
}

func decodeStruct(d *xml.Decoder) (any, error) {
	out := map[string]any{}
	name := ""
	for {
		tok, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			switch tok.Name.Local {
			case "name":
				if err := d.DecodeElement(&name, &tok); err != nil {
					return nil, err
				}
			case "value":
				if out[name], err = decode(d); err != nil {
					return nil, err
				}
			}
		case xml.EndElement:
			if tok.Name.Local == "struct" {
				return out, nil
			}
		}
	}
}

// call makes a call and notes the answer, the whole body byte for byte.
func (s *stage) call(method string, params ...any) {
	s.Helper()
	s.note(callLabel(method, params), s.answer(method, params...))
}

// callUnordered makes a call whose results come in the order in which
// processes happened to finish, and notes them sorted.
func (s *stage) callUnordered(method string, params ...any) {
	s.Helper()
	body, end, _ := strings.Cut(s.answer(method, params...), "</data></array></value>\n</param>")
	results := append(strings.Split(body, "<value><struct>\n"), end)
	slices.Sort(results[1 : len(results)-1])
	s.note(callLabel(method, params), strings.Join(results, "<value><struct>\n"))
}

// callDiffers makes a call whose answer differs on purpose. An answer that is
// a fault is written "fault CODE TEXT", any other as Go prints the value.
func (s *stage) callDiffers(key, want, method string, params ...any) {
	s.Helper()
	s.differs(key, callLabel(method, params), s.outcome(method, params...), want)
}

func callLabel(method string, params []any) string {
	words := make([]string, len(params))
	for i, p := range params {
		words[i] = fmt.Sprintf("%#v", p)
	}
	return method + "(" + strings.Join(words, ", ") + ")"
}

// answer is the body of an answer, or its HTTP status if that is not 200.
func (s *stage) answer(method string, params ...any) string {
	s.Helper()
	a, err := s.post(method, params...)
	if err != nil {
		s.Fatalf("%s: %v\nmain log:\n%s", callLabel(method, params), err, s.read("main.log"))
	}
	if a.status != http.StatusOK {
		return fmt.Sprintf("HTTP %d", a.status)
	}
	return a.body
}

// outcome is an answer in short: its value as Go prints it, its fault or its
// HTTP status.
func (s *stage) outcome(method string, params ...any) string {
	s.Helper()
	a, err := s.post(method, params...)
	if err != nil {
		s.Fatalf("%s: %v\nmain log:\n%s", callLabel(method, params), err, s.read("main.log"))
	}
	v, err := a.value()
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(v)
}

// ask makes a call that has to work and returns its value.
func (s *stage) ask(method string, params ...any) any {
	s.Helper()
	a, err := s.post(method, params...)
	if err != nil {
		s.Fatalf("%s: %v\nmain log:\n%s", callLabel(method, params), err, s.read("main.log"))
	}
	v, err := a.value()
	if err != nil {
		s.Fatalf("%s: %v\nmain log:\n%s", callLabel(method, params), err, s.read("main.log"))
	}
	return v
}

// info is what getProcessInfo says of a process.
func (s *stage) info(name string) map[string]any {
	s.Helper()
	return s.ask("supervisor.getProcessInfo", name).(map[string]any)
}

// reaches waits until a process is in a state. One that runs has got as far as
// its own program: a signal before that may be lost in the original.
func (s *stage) reaches(name string, states ...string) {
	s.Helper()
	s.until(fmt.Sprintf("%s is %v", name, states), func() bool {
		info := s.info(name)
		return slices.Contains(states, info["statename"].(string)) && !s.stillForked(info["pid"].(int))
	})
}

// stillForked reports whether a child is yet a copy of the daemon.
func (s *stage) stillForked(pid int) bool {
	daemon, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", s.cmd.Process.Pid))
	if pid == 0 || err != nil {
		return false
	}
	child, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && string(child) == string(daemon)
}

// running waits until these processes run.
func (s *stage) running(names ...string) {
	s.Helper()
	for _, name := range names {
		s.reaches(name, "RUNNING")
	}
}

// say writes a line to the standard input of a process.
func (s *stage) say(name, line string) {
	s.Helper()
	s.ask("supervisor.sendProcessStdin", name, line+"\n")
}
