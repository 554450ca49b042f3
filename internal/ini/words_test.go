package ini

import (
	"errors"
	"maps"
	"testing"
)

// The rows are those of Supervisor 4.4's lexer, run on Python 3.11.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		value string
		want  map[string]string
	}{
		{"", map[string]string{}},
		{" \n", map[string]string{}},
		{"# nothing", map[string]string{}},
		{`A=1,B="x",C='z'`, map[string]string{"A": "1", "B": "x", "C": "z"}},
		{`A="x,y",B='1;2'`, map[string]string{"A": "x,y", "B": "1;2"}},
		{"A=1,", map[string]string{"A": "1"}},
		{"A=1;B=2", map[string]string{"A": "1", "B": "2"}}, // the fourth token may be anything
		{"A=1|B=2", map[string]string{"A": "1", "B": "2"}},
		{"A=1 word B=2", map[string]string{"A": "1", "B": "2"}},
		{"A=a b", map[string]string{"A": "a"}},
		{"A=~x", map[string]string{"A": "~"}},
		{"A=$HOME", map[string]string{"A": "$"}},
		{"A=ab*", map[string]string{"A": "ab"}},
		{`A=""`, map[string]string{"A": ""}},
		{`A="a"b"c"`, map[string]string{"A": "abc"}},
		{`A="x\"y"`, map[string]string{"A": `x"y`}},
		{`A="x\\y"`, map[string]string{"A": `x\y`}},
		{`A="x\ny"`, map[string]string{"A": `x\ny`}},
		{`A='x\y'`, map[string]string{"A": `x\y`}},
		{`A=a\,b`, map[string]string{"A": "a,b"}},
		{"A=a#b", map[string]string{"A": "a"}},
		{"A=a#b\n,B=1", map[string]string{"A": "a", "B": "1"}},
		{`A="a#b"`, map[string]string{"A": "a#b"}},
		{"A=100%", map[string]string{"A": "100"}},
		{`A="100%"`, map[string]string{"A": "100%"}},
		{"A=1,\nB=2", map[string]string{"A": "1", "B": "2"}},
		{"A = 1 , B = 2", map[string]string{"A": "1", "B": "2"}},
		{"A=1,A=2", map[string]string{"A": "2"}},
		{"A=/a.b+c-d(e):f_g", map[string]string{"A": "/a.b+c-d(e):f_g"}},
		{"A==1", map[string]string{"A": "="}},
		{"A=é", map[string]string{"A": "é"}},
		{"A=日本", map[string]string{"A": "日"}}, // no word character
		{`"A B"=1`, map[string]string{"A B": "1"}},
	} {
		got, err := Environment(c.value)
		if err != nil || !maps.Equal(got, c.want) {
			t.Errorf("Environment(%q) = %q, %v, want %q", c.value, got, err, c.want)
		}
	}
}

func TestEnvironmentErrors(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"A=a@b", "A=a=b", "A=a,b", "A={x}", "A=a!b", "A=1 B=2", "A=", "A", "=x", ",A=1",
		"A=1,,B=2", "A=1\nB=2", `A"="1`, "A=1,B", `A"="1,B="x"`,
	} {
		_, err := Environment(value)
		var e *EnvironmentError
		if !errors.As(err, &e) || e.Error() != "Unexpected end of key/value pairs in value '"+value+"'" {
			t.Errorf("Environment(%q) fails with %v", value, err)
		}
	}
	for _, c := range []struct {
		value string
		want  LexError
	}{
		{`A="a`, NoClosingQuotation},
		{"A='a", NoClosingQuotation},
		{`A=a\`, NoEscapedCharacter},
		{`A="a\`, NoEscapedCharacter},
		{`A="a\"`, NoClosingQuotation},
		{`A,B="`, NoClosingQuotation}, // told before what precedes it
		{`A=1,B,C=1,'`, NoClosingQuotation},
	} {
		if _, err := Environment(c.value); !errors.Is(err, c.want) {
			t.Errorf("Environment(%q) fails with %v, want %v", c.value, err, c.want)
		}
	}
}

func TestLexErrorTexts(t *testing.T) {
	t.Parallel()
	_, quotation := Split("'")
	_, escape := Split(`a \`)
	if quotation == nil || quotation.Error() != "No closing quotation" ||
		escape == nil || escape.Error() != "No escaped character" {
		t.Errorf("errors are %q and %q", quotation, escape)
	}
}
