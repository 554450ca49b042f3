package ctl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"unicode/utf8"

	"example.org/twiddler/client"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/ini"
	"example.org/twiddler/internal/xmlrpc"
)

// exceptionLine is what the original prints for an exception that no command
// handles. File and line are those of its own source there; here they are the
// same for all. Supervisor 4.2.5, supervisorctl.py, onecmd.
func exceptionLine(err error) string {
	class, text := exception(err)
	return fmt.Sprintf("error: %s, %s: file: supervisorctl line: 0", class, text)
}

// errnoClasses are the Python classes of errors that have one of their own.
var errnoClasses = map[syscall.Errno]string{
	syscall.ECONNREFUSED: "ConnectionRefusedError",
	syscall.ECONNRESET:   "ConnectionResetError",
	syscall.ECONNABORTED: "ConnectionAbortedError",
	syscall.EPIPE:        "BrokenPipeError",
	syscall.ENOENT:       "FileNotFoundError",
	syscall.ENOTDIR:      "NotADirectoryError",
	syscall.EACCES:       "PermissionError",
	syscall.EPERM:        "PermissionError",
	syscall.ETIMEDOUT:    "TimeoutError",
}

// exception words an error as Python shows the exception that the original
// raises in its place: its class, and its text.
func exception(err error) (class, text string) {
	var (
		status *client.StatusError
		errno  syscall.Errno
		dns    *net.DNSError
		value  valueError
	)
	code, faultText, isFault := faultOf(err)
	switch {
	case isFault:
		return "<class 'xmlrpc.client.Fault'>", faultRepr(code, faultText)
	case errors.As(err, &status):
		return "<class 'xmlrpc.client.ProtocolError'>", "<ProtocolError for 127.0.0.1/RPC2: " + status.Status + ">"
	case errors.As(err, &value):
		return "<class 'ValueError'>", string(value)
	case errors.As(err, &dns):
		return "<class 'socket.gaierror'>", "[Errno -2] Name or service not known"
	case errors.As(err, &errno):
		name, known := errnoClasses[errno]
		if !known {
			name = "OSError"
		}
		return "<class '" + name + "'>", fmt.Sprintf("[Errno %d] %s", int(errno), capital(errno.Error()))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "<class 'http.client.RemoteDisconnected'>", "Remote end closed connection without response"
	case errors.Is(err, errNoInput):
		return "<class 'EOFError'>", "EOF when reading a line"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "<class 'TimeoutError'>", "timed out"
	}
	return "<class 'Exception'>", err.Error()
}

// errNoInput is the end of input where an answer was asked for.
var errNoInput = errors.New("EOF when reading a line")

// faultOf returns number and text of a fault, if err is one. The text is the
// one on the wire, whoever wrote it.
func faultOf(err error) (code fault.Code, text string, ok bool) {
	var f *xmlrpc.Fault
	if !errors.As(err, &f) {
		return 0, "", false
	}
	return fault.Code(f.Code), f.Text, true
}

// withoutCode is the text of a fault without its name.
func withoutCode(code fault.Code, text string) string {
	return strings.TrimPrefix(text, code.String()+": ")
}

// refusal says in the words of an operator that the server does not let the
// account do something, or does not let anybody log in. Supervisor has neither.
func refusal(err error) (string, bool) {
	if code, text, ok := faultOf(err); ok {
		return "ERROR: " + withoutCode(code, text), code == fault.NotPermitted
	}
	var status *client.StatusError
	switch {
	case !errors.As(err, &status):
	case status.Code == http.StatusForbidden:
		return fmt.Sprintf("ERROR: %s answers %s: the account may not do that", status.URL, status.Status), true
	case status.Code == http.StatusTooManyRequests:
		wait := "a while"
		if status.RetryAfter > 0 {
			wait = status.RetryAfter.String()
		}
		return fmt.Sprintf("ERROR: %s checks no password for %s, since too many were wrong", status.URL, wait), true
	}
	return "", false
}

// faultRepr is how Python shows a fault.
func faultRepr(code fault.Code, text string) string {
	return fmt.Sprintf("<Fault %d: %s>", int(code), ini.Repr(text))
}

// capital writes an error of the system as the C library does.
func capital(s string) string {
	_, size := utf8.DecodeRuneInString(s)
	return strings.ToUpper(s[:size]) + s[size:]
}
