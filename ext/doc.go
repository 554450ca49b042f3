// Package ext is the API for extensions of supervisord.
//
// An extension adds one namespace of RPC methods to a running supervisord, as
// a Python rpcinterface factory does for Supervisor. It is a Go package of
// its own, listed in the main function of a supervisord built with it:
//
//	func main() { daemon.Main(twiddler.Factory, cache.Factory) }
//
// and switched on by a section of the configuration file, whose suffix is the
// namespace that clients call:
//
//	[rpcinterface:cache]
//	supervisor.rpcinterface_factory = cache
//
// The directory examples/extension is a complete one to copy from.
//
// # Life cycle
//
//  1. main lists the [Factory] values. Two with the same name or alias are a
//     mistake in the program and panic before anything else happens.
//  2. Once the configuration has been read, the factory of each
//     [rpcinterface:x] section is looked up by the name that stands in the
//     section, and its New is called with the [Host] and the other options of
//     the section, as expanded text. A factory that is not there, or a New
//     that returns an error, ends the start with exit status 2. New must not
//     call the Host, which does not run yet; it may keep it.
//  3. Methods is called once. [Check] says what is wrong with the answer; a
//     namespace that does not pass it is refused.
//  4. From then on clients call the methods, several at a time, until
//     supervisord ends or restarts. There is no call at the end. A restart
//     goes through all this again, with new values from New; what an
//     extension kept in memory is gone.
//
// A section is one extension, however many HTTP servers there are. Its
// methods answer on all of them.
//
// # What an extension can rely on
//
//   - Each method of Host is one atomic command: it is carried out whole or
//     not at all, and in one step as seen by everybody else. Two calls in a row
//     are two steps; anything may happen between them.
//   - Host is safe for concurrent use, and none of its methods takes a
//     callback. So no code of an extension runs on the goroutine that owns the
//     processes, and a slow extension delays only its own callers.
//   - The faults of Host are [*fault.Error] with the text that Supervisor's
//     clients know. Return them as they are.
//   - The context of a call ends when its client has gone or supervisord
//     stops. It bounds waiting; it undoes nothing.
//   - The number of parameters is right and each has the Go type that the
//     method asks for, when methods are published with [Bind0] to [Bind4].
//   - A panic in a method is logged with its stack and answered with an HTTP
//     error. Supervisord and its children go on.
//
// # What it owes
//
//   - Methods are called from many goroutines: protect what they share.
//   - Every method has a [Role]. Who may call it is decided outside, before
//     the call. An account may hold some groups only; such callers get no
//     further than the methods whose [Scope] is Grouped, and those look at
//     [CallerOf] before they show or change anything of a group. The methods of
//     Host do it by themselves.
//   - What comes from a client is of any size and any type that XML-RPC can
//     say. Bound what is kept of it.
//   - An error that is not a [*fault.Error] reaches the client as FAILED with
//     its text; keep secrets out of it.
//
// # Values
//
// Parameters are string, int, float64, bool, nil, []any, map[string]any, and
// []byte for binary data that is no text. A date is a value with a method
// Time() (time.Time, error), without a zone. Results may be string, bool,
// int, float64, []string, []any, map[string]any (sorted by key on the wire),
// [Struct] (in order), and any value with a method
//
//	AppendXMLRPC(dst []byte) []byte
//
// that appends itself as one whole <value> element.
//
// # Writing one
//
// Write plain methods of the form func(ctx, A, B) (R, error), with the wire
// types and the role in the doc comment, and have tools/rpcdoc check them and
// write the method table:
//
//	//go:generate go run example.org/twiddler/tools/rpcdoc -type Cache
//
//	// Fetch returns what is stored under a key, or the fault BAD_NAME.
//	//
//	//	@param string key   what store was called with
//	//	@return string      the data
//	//	@role view
//	func (c *Cache) Fetch(ctx context.Context, key string) (any, error) { ... }
//
// The name on the wire is fetch. The comment is also the answer to
// system.methodHelp, the types are that to system.methodSignature. A table
// written by hand does as well; the package example shows one.
//
// Test it with package exttest, whose Host behaves like the real one.
package ext
