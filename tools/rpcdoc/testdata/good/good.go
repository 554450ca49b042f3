// Package good has one of everything that rpcdoc publishes.
package good

import (
	"context"

	"example.org/twiddler/ext"
)

// Notes is a namespace with a pointer as receiver.
type Notes struct{ lines []any }

type lines []line

type line struct{ Text string }

// Methods would be replaced by the table; another exported method that is not
// a procedure is not allowed.

// Add appends a line, with a `*` in "quotes", to what there is; see the
// list:
//
//   - one
//   - two
//
// It answers how many lines there are.
//
//	@param string text       what to add,
//	                         in one | line
//	@param int [times=1]     how often
//	@param string|int [level="a]b"]  something of two types
//	@return int              the number of lines
//	@role define
//	@scope groups
//	@alias append
//	@alias push
func (n *Notes) Add(_ context.Context, text string, times int, level any) (int, error) {
	for range times {
		n.put(text)
	}
	return len(n.lines), nil
}

// GetPID shows that initials keep their case inside a name.
//
//	@return int
//	@role view
func (n *Notes) GetPID(context.Context) (int, error) { return 1, nil }

// URLFor begins with initials.
//
//	@param struct options
//	@param boolean [deep=true]
//	@param double [scale=1.5]
//	@param nil|string [who=nil]
//	@return struct  its parts
//	@role operate
//
//go:noinline
func (n *Notes) URLFor(_ context.Context, options map[string]any, deep bool, scale float64, who any) (ext.Struct, error) {
	return ext.Struct{{Name: "deep", Value: deep}, {Name: "scale", Value: scale}, {Name: "who", Value: who}}, nil
}

// All has another name on the wire, and a result whose type is the package's
// own.
//
//	@return array
//	@role admin
//	@name list
func (n *Notes) All(context.Context) (lines, error) { return nil, nil }

func (n *Notes) put(text string) { n.lines = append(n.lines, text) }

// Clock is a namespace without state.
type Clock struct{}

// Version is called by value.
//
//	@return int  a number, although the text of one is sent
//	@role view
func (Clock) Version(context.Context) (any, error) { return "1", nil }
