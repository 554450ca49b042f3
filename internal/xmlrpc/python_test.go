package xmlrpc

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// python runs testdata/peer.py and decodes what it prints into out.
func python(t *testing.T, mode string, in, out any) {
	t.Helper()
	program, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("needs python3")
	}
	stdin, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "testdata/peer.py", mode)
	cmd.Stdin = strings.NewReader(string(stdin))
	cmd.Stderr = os.Stderr
	stdout, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(stdout, out); err != nil {
		t.Fatal(err)
	}
}

// tagged is the form in which peer.py prints a value.
func tagged(v any) any {
	switch v := v.(type) {
	case int:
		return map[string]any{"int": strconv.Itoa(v)}
	case float64:
		return map[string]any{"double": v}
	case DateTime:
		return map[string]any{"date": string(v)}
	case []byte:
		return map[string]any{"base64": base64.StdEncoding.EncodeToString(v)}
	case []any:
		list := []any{}
		for _, e := range v {
			list = append(list, tagged(e))
		}
		return list
	case map[string]any:
		members := []any{}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			members = append(members, []any{name, tagged(v[name])})
		}
		return map[string]any{"struct": members}
	}
	return v
}

// untagHex turns Python's exact spelling of a double into the double.
func untagHex(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = untagHex(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = untagHex(v[name])
		}
		if text, ok := v["double"].(string); ok {
			f, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return err
			}
			v["double"] = f
		}
	}
	return v
}

// What Python writes, we read as the same values, and write as the same bytes.
func TestPythonWrites(t *testing.T) {
	t.Parallel()
	var pairs [][2]any
	python(t, "write", nil, &pairs)
	if len(pairs) != 400 {
		t.Fatalf("%d documents, want 400", len(pairs))
	}
	for _, pair := range pairs {
		doc := pair[0].(string)
		var params []any
		var again []byte
		if strings.Contains(doc, "<methodCall>") {
			call, err := DecodeCall([]byte(doc), Limits{})
			if err != nil {
				t.Errorf("%q: %v", doc, err)
				continue
			}
			params = call.Params
			again, err = AppendCall(nil, call.Method, params...)
			if err != nil {
				t.Errorf("%q: %v", doc, err)
			}
		} else {
			v, err := DecodeResponse([]byte(doc))
			if err != nil {
				t.Errorf("%q: %v", doc, err)
				continue
			}
			params = []any{v}
			again, err = AppendResponse(nil, v)
			if err != nil {
				t.Errorf("%q: %v", doc, err)
			}
		}
		if got, want := tagged(params), untagHex(pair[1]); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %v, want %v", doc, got, want)
		}
		if string(again) != doc {
			t.Errorf("written again:\n%s\nwant\n%s", again, doc)
		}
	}
}

// odd makes values that are hard to write: any bytes in strings and names,
// and integers of any width.
func odd(r *rand.Rand, depth int) (in, want any) {
	kinds := 6
	if depth > 0 {
		kinds = 8
	}
	switch r.IntN(kinds) {
	case 0:
		n := int(r.Uint64()) >> r.IntN(64)
		return n, n
	case 1:
		f := math.Float64frombits(r.Uint64())
		if math.IsNaN(f) || math.IsInf(f, 0) {
			f = 0.5
		}
		return f, f
	case 2:
		b := []byte(oddText(r))
		return b, b
	case 3:
		b := r.IntN(2) == 0
		return b, b
	case 6:
		var list, wants []any
		for range r.IntN(4) {
			v, w := odd(r, depth-1)
			list, wants = append(list, v), append(wants, w)
		}
		return list, append([]any{}, wants...)
	case 7:
		var members Struct
		wants := map[string]any{}
		for i := range r.IntN(4) {
			v, w := odd(r, depth-1)
			name := fmt.Sprint(i, oddText(r))
			members = append(members, Member{name, v})
			wants[readable(name)] = w
		}
		return members, wants
	}
	s := oddText(r)
	return s, readable(s)
}

func oddText(r *rand.Rand) string {
	var b []byte
	for range r.IntN(20) {
		switch r.IntN(4) {
		case 0:
			b = append(b, byte(r.IntN(256)))
		case 1:
			b = append(b, "<>&\r\n\t]]>\x00\x1b\"'"[r.IntN(13)])
		case 2:
			b = append(b, string(rune(r.IntN(0x110000)))...)
		default:
			b = append(b, "\uFFFE\uFFFF\uFFFD\u0080\u2028"[3*r.IntN(3)])
		}
	}
	return string(b)
}

// What we write, Python reads: always, whatever the bytes.
func TestPythonReads(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(47, 11))
	var docs [][]byte
	var wants []any
	for range 300 {
		in, want := odd(r, 3)
		doc, err := AppendResponse(nil, in)
		if err != nil {
			t.Fatalf("%#v: %v", in, err)
		}
		docs, wants = append(docs, doc), append(wants, map[string]any{"method": nil, "params": []any{tagged(want)}})
		method := "m" + oddText(r)
		if doc, err = AppendCall(nil, method, in); err != nil {
			t.Fatalf("%#v: %v", in, err)
		}
		docs, wants = append(docs, doc), append(wants, map[string]any{"method": readable(method), "params": []any{tagged(want)}})
	}
	text := oddText(r)
	docs, wants = append(docs, AppendFault(nil, 30, text)), append(wants, map[string]any{"fault": []any{30.0, readable(text)}})
	var got []any
	python(t, "read", docs, &got)
	if len(got) != len(docs) {
		t.Fatalf("%d answers for %d documents", len(got), len(docs))
	}
	for i := range docs {
		if g := untagHex(got[i]); !reflect.DeepEqual(g, wants[i]) {
			t.Errorf("%q:\ngot  %v\nwant %v", docs[i], g, wants[i])
		}
	}
}
