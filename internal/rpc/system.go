package rpc

import (
	"context"
	"maps"
	"slices"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/xmlrpc"
	"example.org/twiddler/level"
)

const (
	multicallName = "system.multicall"
	// maxMulticall bounds the answer of one multicall, in bytes: its calls are
	// few bytes each, and what they answer need not be.
	maxMulticall = 128 << 20
)

// System is the namespace system: it describes all namespaces, and makes one
// request of several calls.
type System struct{ server *Server }

// ListMethods answers the names of all methods of this server.
//
//	@return array  whole names, such as supervisor.getState, in order
//	@role view
//	@scope groups
func (s *System) ListMethods(context.Context) ([]string, error) {
	return slices.Sorted(maps.Keys(s.server.methods)), nil
}

// MethodHelp answers what a method does and how it is called.
//
//	@param string name  whole name of the method
//	@return string      the text
//	@role view
//	@scope groups
func (s *System) MethodHelp(_ context.Context, name string) (string, error) {
	m := s.server.methods[name]
	if m == nil {
		return "", fault.Bare(fault.SignatureUnsupported)
	}
	return m.Help, nil
}

// MethodSignature answers the types that a method takes and returns.
//
//	@param string name  whole name of the method
//	@return array       type words: that of the result, then those of the parameters
//	@role view
//	@scope groups
func (s *System) MethodSignature(_ context.Context, name string) ([]string, error) {
	m := s.server.methods[name]
	if m == nil {
		return nil, fault.Bare(fault.SignatureUnsupported)
	}
	return m.Signature, nil
}

// Multicall carries out several calls one after the other; each begins when
// the one before has its answer. A call is a struct of methodName, and params
// if there are any. A call that fails has a struct of faultCode and
// faultString in the place of its result, and the next ones are carried out
// all the same.
//
//	@param array calls  the calls
//	@return array       the results, in the same order, each as it is
//	@role view
//	@scope groups
func (s *System) Multicall(ctx context.Context, calls []any) (any, error) {
	for _, c := range calls {
		if _, ok := c.(map[string]any); !ok {
			return nil, fault.Bare(fault.IncorrectParameters)
		}
	}
	answer := xmlrpc.AppendArrayStart(nil)
	for _, c := range calls {
		var err error
		if answer, err = s.one(ctx, answer, c.(map[string]any)); err != nil {
			return nil, err
		}
		if len(answer) > maxMulticall {
			return nil, fault.Errorf(fault.Failed, "the answer of %s has more than %d bytes", multicallName, maxMulticall)
		}
	}
	return encoded(xmlrpc.AppendArrayEnd(answer)), nil
}

// one appends the answer of one call. The error is that the client has gone.
func (s *System) one(ctx context.Context, answer []byte, c map[string]any) ([]byte, error) {
	result, err := s.part(ctx, c)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err == nil {
		var whole []byte
		if whole, err = xmlrpc.AppendValue(answer, result); err == nil {
			return append(whole, '\n'), nil
		}
	}
	f, ok := faultOf(err)
	if !ok {
		// A bug. One call of several must not take the others' answers along.
		// Supervisor 4.2.5, xmlrpc.py, multicall.
		s.server.log.Log(level.Critical, "Handling XML-RPC request raised an unexpected exception: "+err.Error())
		f = fault.New(fault.Failed, "unexpected exception")
	}
	answer = (&xmlrpc.Fault{Code: int(f.Code), Text: f.Error()}).AppendXMLRPC(answer)
	return append(answer, '\n'), nil
}

// part runs one call of several.
func (s *System) part(ctx context.Context, c map[string]any) (any, error) {
	if c["methodName"] == nil {
		return nil, fault.New(fault.IncorrectParameters, "No methodName")
	}
	name, _ := c["methodName"].(string) // anything else names no method
	if name == multicallName {
		return nil, fault.New(fault.IncorrectParameters, "Recursive system.multicall forbidden")
	}
	params, given := c["params"]
	list, ok := params.([]any)
	if given && !ok && s.server.methods[name] != nil {
		return nil, fault.Bare(fault.IncorrectParameters)
	}
	return s.server.call(ctx, name, list)
}

// An encoded value is one that is written already.
type encoded []byte

// AppendXMLRPC implements [xmlrpc.Appender].
func (e encoded) AppendXMLRPC(dst []byte) []byte { return append(dst, e...) }

var _ ext.Extension = (*System)(nil)
