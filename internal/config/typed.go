package config

import (
	"math"
	"strconv"
	"strings"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/ini"
)

// untype turns a value that a client sent for an option into the text that
// means the same in a file. ok is false where the value counts as absent. The
// original hands the value itself to functions made for text; where they
// happen to take it, so do we. Where they end in HTTP 500 there, a value that
// plainly means something is taken, and the error for others is our own.
func untype(o *Option, v any) (text string, ok bool, err error) {
	if s, is := v.(string); is {
		return s, true, nil
	}
	switch o.Type {
	case typeInt:
		text, err = untypeInt(v)
	case typeBool:
		text, err = untypeBool(v)
	case typeRestart:
		if b, is := v.(bool); is {
			text = ext.Text(b) // as a Python client would write it; HTTP 500 there
		} else {
			err = notText(o, v, "a boolean or a string")
		}
	case typeBytes:
		if n, is := wholeNumber(v); is {
			text = strconv.FormatInt(n, 10) // HTTP 500 there
		} else {
			err = notText(o, v, "a number or a string")
		}
	case typeSignal:
		text, err = untypeSignal(o, v)
	case typeExitCodes:
		text, err = untypeExitCodes(v)
	case typeEnvironment:
		err = wrong("Format string %s for 'environment' is badly formatted: "+
			"unsupported operand type(s) for %%: %s and 'dict'", ext.Repr(v), ini.Repr(pythonType(v)))
	case typeName:
		text = ext.Text(v)
		if _, bad := checkName(text); bad != nil {
			err = wrong("%s", strings.Replace(bad.Error(), ini.Repr(text), text, 1)) // no quotes around what is no text
		}
		return text, true, err
	case typeLogFile:
		if v == nil {
			return "NONE", true, nil
		}
		err = errNoDetail
	case typeUser:
		if v != nil {
			text, err = untypeInt(v)
		}
	case typeOctal:
		if v != nil {
			err = wrong("%s can not be converted to an octal type", ext.Text(v))
		}
	case typeText:
		text = ext.Text(v)
	case typeURL:
		if ext.Truth(v) {
			err = notText(o, v, "a string")
		} // else no URL, which is not the same as AUTO
	default:
		if v != nil || o.Type != typeCommand {
			err = notText(o, v, "a string")
		}
	}
	return text, v != nil || o.Type == typeExitCodes, err
}

// notText is the error where the original breaks.
func notText(o *Option, v any, want string) error {
	return wrong("%s must be %s, not %s", o.Key, want, ext.Repr(v))
}

// untypeInt is Python's int of a number.
func untypeInt(v any) (string, error) {
	switch v := v.(type) {
	case bool:
		if v {
			return "1", nil
		}
		return "0", nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "", errNoDetail
		}
		return strconv.FormatFloat(math.Trunc(v), 'f', -1, 64), nil
	}
	if n, ok := wholeNumber(v); ok {
		return strconv.FormatInt(n, 10), nil
	}
	return "", errNoDetail
}

// untypeSignal takes a number, which the original shows without quotes.
func untypeSignal(o *Option, v any) (string, error) {
	text, err := untypeInt(v)
	if err != nil {
		return "", notText(o, v, "a signal")
	}
	if _, err := ParseSignal(text); err != nil {
		return "", wrong("value %s is not a valid signal number", ext.Repr(v))
	}
	return text, nil
}

// wholeNumber returns the value of any of the integer types of a decoder.
func wholeNumber(v any) (int64, bool) {
	switch v := v.(type) {
	case int:
		return int64(v), true
	case int32:
		return int64(v), true
	case int64:
		return v, true
	}
	return 0, false
}

// untypeBool takes what looks like a boolean word when Python prints it.
func untypeBool(v any) (string, error) {
	text := ext.Text(v)
	if _, err := boolean(text); err != nil {
		return "", wrong("not a valid boolean value: %s", ext.Repr(v))
	}
	return text, nil
}

// untypeExitCodes takes what is false in Python as an empty list.
func untypeExitCodes(v any) (string, error) {
	if !ext.Truth(v) {
		return "", nil
	}
	return "", wrong("not a valid list of exit codes: %s", ext.Repr(v))
}

// pythonType is the name of a value's type in Python.
func pythonType(v any) string {
	switch v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case float64:
		return "float"
	case []any:
		return "list"
	case map[string]any:
		return "dict"
	}
	if _, ok := wholeNumber(v); ok {
		return "int"
	}
	return "object"
}
