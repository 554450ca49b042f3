package xmlrpc

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The oracle reads a call by the rules of DecodeCall, but from a tree that
// encoding/xml makes: slow, and with nothing in common with the scanner.

var errOracle = errors.New("the oracle refuses")

type node struct {
	name     string
	text     string
	children []*node
}

func oracleTree(data []byte) (*node, error) {
	dec := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(string(data), "\uFEFF")))
	dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	top := &node{}
	stack := []*node{top}
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		inner := stack[len(stack)-1]
		switch token := token.(type) {
		case xml.StartElement:
			name := token.Name.Local
			child := &node{name: name[strings.LastIndexByte(name, ':')+1:]}
			inner.children = append(inner.children, child)
			stack = append(stack, child)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			inner.text += string(token)
		}
	}
	if len(top.children) != 1 {
		return nil, errOracle
	}
	return top.children[0], nil
}

func oracleCall(data []byte) (*Call, error) {
	root, err := oracleTree(data)
	if err != nil {
		return nil, err
	}
	call := &Call{}
	for _, child := range root.children {
		switch child.name {
		case "methodName":
			call.Method = child.text
		case "params":
			for _, param := range child.children {
				if len(param.children) != 1 {
					return nil, errOracle
				}
				v, err := oracleValue(param.children[0])
				if err != nil {
					return nil, err
				}
				call.Params = append(call.Params, v)
			}
		}
	}
	return call, nil
}

func oracleValue(n *node) (any, error) {
	if len(n.children) == 0 {
		return n.text, nil
	}
	typed := n.children[0]
	trimmed := strings.Trim(typed.text, " \t\r\n")
	switch typed.name {
	case "int", "i1", "i2", "i4", "i8":
		return strconv.Atoi(trimmed)
	case "boolean":
		return typed.text == "1", nil
	case "double":
		return strconv.ParseFloat(trimmed, 64)
	case "nil":
		return nil, nil
	case "base64":
		text := strings.NewReplacer(" ", "", "\t", "", "\n", "", "\r", "").Replace(typed.text)
		b, err := base64.StdEncoding.DecodeString(text)
		if utf8.Valid(b) {
			return string(b), err
		}
		return b, err
	case "dateTime.iso8601":
		return DateTime(trimmed), nil
	case "array":
		return oracleArray(typed)
	case "struct":
		return oracleStruct(typed)
	}
	return typed.text, nil
}

func oracleArray(n *node) (any, error) {
	if len(n.children) != 1 {
		return nil, errOracle
	}
	list := []any{}
	for _, child := range n.children[0].children {
		v, err := oracleValue(child)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func oracleStruct(n *node) (any, error) {
	members := map[string]any{}
	for _, child := range n.children {
		if len(child.children) != 2 {
			return nil, errOracle
		}
		v, err := oracleValue(child.children[1])
		if err != nil {
			return nil, err
		}
		members[child.children[0].text] = v
	}
	return members, nil
}
