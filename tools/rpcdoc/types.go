package main

import (
	"go/ast"
	"go/types"
	"strings"
)

// paramWords are the Go types that package ext converts parameters to.
var paramWords = map[string]string{
	"string":         "string",
	"int":            "int",
	"int64":          "int",
	"float64":        "double",
	"bool":           "boolean",
	"map[string]any": "struct",
	"[]any":          "array",
	"[]string":       "array",
	"[]byte":         "base64",
	"any":            anyWord,
	"interface{}":    anyWord,
}

// anyWord stands for a Go type that fits every word.
const anyWord = "*"

const maxParams = 4 // there is no Bind5

// checkTypes compares the tags with the Go types.
func (s *source) checkTypes(fn *ast.FuncDecl, d *doc) error {
	names, exprs := flatten(fn.Type.Params)
	if len(exprs) == 0 || types.ExprString(exprs[0]) != "context.Context" {
		return s.errorf(d.pos, "the first parameter of %s must be a context.Context", fn.Name.Name)
	}
	names, exprs = names[1:], exprs[1:]
	if len(exprs) > maxParams {
		return s.errorf(d.pos, "%s has %d parameters; %d are the most there can be", fn.Name.Name, len(exprs), maxParams)
	}
	if len(exprs) != len(d.params) {
		return s.errorf(d.pos, "%s has %d parameters but %d @param tags", fn.Name.Name, len(exprs), len(d.params))
	}
	for i, e := range exprs {
		tag, typ := d.params[i], types.ExprString(e)
		word, ok := paramWords[typ]
		if !ok {
			return s.errorf(e.Pos(), "no value of a client converts to a %s", typ)
		}
		if word != anyWord && word != tag.typeWord() {
			return s.errorf(tag.pos, "parameter %s is a %s, so its type is %s, not %s", names[i], typ, word, tag.typeWord())
		}
		// Another parameter's name tells that the tags are in the wrong order.
		for j, other := range names {
			if j != i && tag.name == other {
				return s.errorf(tag.pos, "parameter %d is %s, not %s", i+1, names[i], tag.name)
			}
		}
	}
	return s.checkResult(fn, d)
}

func (s *source) checkResult(fn *ast.FuncDecl, d *doc) error {
	_, exprs := flatten(fn.Type.Results)
	if len(exprs) != 2 || types.ExprString(exprs[1]) != "error" {
		return s.errorf(d.pos, "%s must return a value and an error", fn.Name.Name)
	}
	word := s.resultWord(exprs[0], 0)
	if word != anyWord && word != d.result.typeWord() {
		return s.errorf(d.result.pos, "%s returns a %s, so its type is %s, not %s",
			fn.Name.Name, types.ExprString(exprs[0]), word, d.result.typeWord())
	}
	return nil
}

// resultWord is the type that a result has on the wire, anyWord if the source
// of this package alone does not tell.
func (s *source) resultWord(e ast.Expr, depth int) string {
	if word, ok := paramWords[types.ExprString(e)]; ok {
		return word
	}
	switch e := e.(type) {
	case *ast.ArrayType:
		return "array"
	case *ast.MapType, *ast.StructType:
		return "struct"
	case *ast.SelectorExpr:
		if strings.HasSuffix(e.Sel.Name, "Struct") {
			return "struct"
		}
	case *ast.Ident:
		if e.Name == "Struct" {
			return "struct"
		}
		// A type may be defined by another, a few steps at most.
		if under, ok := s.named[e.Name]; ok && depth < 8 {
			return s.resultWord(under, depth+1)
		}
	}
	return anyWord
}

// flatten lists each parameter with its type; "a, b string" is two.
func flatten(fields *ast.FieldList) (names []string, exprs []ast.Expr) {
	if fields == nil {
		return nil, nil
	}
	for _, f := range fields.List {
		if len(f.Names) == 0 {
			names, exprs = append(names, "_"), append(exprs, f.Type)
		}
		for _, n := range f.Names {
			names, exprs = append(names, n.Name), append(exprs, f.Type)
		}
	}
	return names, exprs
}
