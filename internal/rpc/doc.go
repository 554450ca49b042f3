// Package rpc is the XML-RPC interface: a handler for /RPC2, and the methods
// of the namespaces supervisor and system.
//
// A method is a plain Go method with a doc comment; methods_gen.go, which
// rpcdoc writes from those, is the table that calls are looked up in. Nothing
// that a client sends is ever used to find Go code in another way.
//
// Methods run in the goroutine of the request and may wait for as long as they
// like. A client that hangs up undoes nothing: what it asked for goes on, and
// only the waiting for it ends.
package rpc

//go:generate go run ../../tools/rpcdoc -type Supervisor,System -doc ../../docs/reference-supervisor.md
