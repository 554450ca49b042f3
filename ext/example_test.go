package ext_test

import (
	"context"
	"fmt"

	"example.org/twiddler/ext"
	"example.org/twiddler/ext/exttest"
	"example.org/twiddler/fault"
)

// A greeter is an extension whose method table is written by hand.
type greeter struct {
	host ext.Host
	word string
}

func (g *greeter) Methods() []ext.Method {
	return []ext.Method{
		ext.Bind2(ext.Method{
			Name:      "greet",
			Help:      "greet logs and answers a greeting.",
			Signature: []string{"string", "string", "int"},
			Role:      ext.View,
			Defaults:  []any{1},
		}, g.greet),
	}
}

func (g *greeter) greet(_ context.Context, name string, times int) (string, error) {
	if name == "nobody" {
		return "", fault.New(fault.BadName, name)
	}
	text := fmt.Sprintf("%s, %s (%d)", g.word, name, times)
	g.host.Log(ext.Info, text)
	return text, nil
}

func Example() {
	factory := ext.Factory{
		Name: "greeter",
		New: func(h ext.Host, options map[string]string) (ext.Extension, error) {
			return &greeter{host: h, word: options["word"]}, nil
		},
	}

	// What supervisord does with a section, and a client's calls.
	host := exttest.NewHost()
	e, err := factory.New(host, map[string]string{"word": "Hello"})
	if err != nil {
		fmt.Println(err)
		return
	}
	greet := e.Methods()[0]
	fmt.Println(greet.Call(context.Background(), []any{"web"}))
	fmt.Println(greet.Call(context.Background(), []any{"web", "2"}))
	fmt.Println(greet.Call(context.Background(), []any{"nobody"}))
	fmt.Println(greet.Call(context.Background(), nil))
	fmt.Println(host.Lines())
	// Output:
	// Hello, web (1) <nil>
	// Hello, web (2) <nil>
	// <nil> BAD_NAME: nobody
	// <nil> INCORRECT_PARAMETERS
	// [INFO Hello, web (1) INFO Hello, web (2)]
}
