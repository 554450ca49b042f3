package client

import (
	"context"
	"fmt"

	"example.org/twiddler/internal/xmlrpc"
)

// ListMethods returns the names of all methods, "namespace.method".
func (c *Client) ListMethods(ctx context.Context) ([]string, error) {
	return call(ctx, c, stringList, "system.listMethods")
}

// MethodHelp returns what a method does, for people to read.
func (c *Client) MethodHelp(ctx context.Context, method string) (string, error) {
	return call(ctx, c, as[string], "system.methodHelp", method)
}

// MethodSignature returns words for types: of the result, then of the
// parameters.
func (c *Client) MethodSignature(ctx context.Context, method string) ([]string, error) {
	return call(ctx, c, stringList, "system.methodSignature", method)
}

// A MethodCall is one part of a [Client.Multicall].
type MethodCall struct {
	Method string
	Params []any // as for Client.Call
}

// A MethodResult is the answer to one part of a [Client.Multicall].
type MethodResult struct {
	Value any   // as Client.Call returns it
	Err   error // a *fault.Error for errors.As, or nil
}

// Multicall makes calls in one request, one after the other, and returns as
// many results. A part that fails does not keep the next from being done.
func (c *Client) Multicall(ctx context.Context, calls []MethodCall) ([]MethodResult, error) {
	parts := make([]any, 0, len(calls))
	for _, part := range calls {
		params := part.Params
		if params == nil {
			params = []any{}
		}
		parts = append(parts, Struct{{Name: "methodName", Value: part.Method}, {Name: "params", Value: params}})
	}
	out, err := call(ctx, c, list(methodResult), "system.multicall", parts)
	if err == nil && len(out) != len(calls) {
		return nil, fmt.Errorf("cannot use the answer of system.multicall: %d results for %d calls", len(out), len(calls))
	}
	return out, err
}

// methodResult takes a value as it is. The usual convention wraps each in an
// array of one; Supervisor does not. Supervisor 4.2.5, xmlrpc.py, multicall.
func methodResult(v any) (MethodResult, error) {
	members, ok := v.(map[string]any)
	if !ok {
		return MethodResult{Value: v}, nil
	}
	code, isInt := members["faultCode"].(int)
	text, isString := members["faultString"].(string)
	if isInt && isString && len(members) == 2 {
		return MethodResult{Err: &xmlrpc.Fault{Code: code, Text: text}}, nil
	}
	return MethodResult{Value: v}, nil
}
