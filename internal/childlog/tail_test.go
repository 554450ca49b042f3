package childlog

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"
)

// The rows are what Supervisor 4.2.5 answers, options.py, readFile.
func TestRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		offset, length int64
		want           string
		err            error
	}{
		{0, 0, "0123456789", nil},
		{5, 100, "56789", nil},
		{0, 5, "01234", nil},
		{3, 4, "3456", nil},
		{10, 0, "", nil},
		{20, 0, "", nil},
		{20, 5, "", nil},
		{-3, 0, "789", nil},
		{-30, 0, "0123456789", nil},
		{math.MinInt64, 0, "0123456789", nil},
		{math.MaxInt64, math.MaxInt64, "", nil},
		{-3, 2, "", ErrBadArguments},
		{-3, -2, "", ErrBadArguments},
		{3, -2, "", ErrBadArguments},
		{0, -1, "", ErrBadArguments},
	}
	for _, tt := range tests {
		got, err := Read(path, tt.offset, tt.length)
		if string(got) != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("Read(%d, %d) = %q, %v, want %q, %v", tt.offset, tt.length, got, err, tt.want, tt.err)
		}
	}
}

// The rows are what Supervisor 4.2.5 answers, options.py, tailFile.
func TestTail(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		offset, length int64
		want           string
		overflow       bool
	}{
		{0, 0, "", true},
		{0, 5, "56789", true},
		{0, 9, "123456789", true},
		{0, 10, "0123456789", false},
		{0, 15, "0123456789", false},
		{5, 100, "0123456789", false},
		{10, 0, "", false},
		{10, 5, "", false},
		{20, 5, "", false},
		{5, 5, "56789", false},
		{5, 3, "789", true},
		{-3, 0, "", true},
		{-3, 2, "89", true},
		{-3, 20, "0123456789", false},
		{-15, 30, "0123456789", false},
		{3, -2, "", true},
		{0, -1, "", true},
		{8, 4, "6789", false},
		{9, 2, "89", false},
		{1 << 62, 1 << 62, "", false},
		{-1 << 62, 5, "56789", true},
		{math.MaxInt64, math.MaxInt64, "", false},
		{math.MinInt64, math.MinInt64, "", true},
		{5, math.MaxInt64, "0123456789", false},
	}
	for _, tt := range tests {
		got, size, overflow := Tail(path, tt.offset, tt.length)
		if string(got) != tt.want || size != 10 || overflow != tt.overflow {
			t.Errorf("Tail(%d, %d) = %q, %d, %v, want %q, 10, %v", tt.offset, tt.length, got, size, overflow, tt.want, tt.overflow)
		}
	}
}

func TestReadWhatIsNoLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	absent := filepath.Join(dir, "absent")
	if _, err := Read(absent, 0, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Read of an absent file = %v, want fs.ErrNotExist", err)
	}
	if data, size, overflow := Tail(absent, 7, 1); len(data) != 0 || size != 0 || overflow {
		t.Errorf("Tail of an absent file = %q, %d, %v, want nothing at 0", data, size, overflow)
	}
	for _, path := range []string{dir, "/dev/zero"} {
		if _, err := Read(path, 0, 0); err == nil {
			t.Errorf("Read(%q) succeeded", path)
		}
		if data, size, overflow := Tail(path, 7, 1); len(data) != 0 || size != 7 || overflow {
			t.Errorf("Tail(%q) = %q, %d, %v, want nothing at 7", path, data, size, overflow)
		}
	}
}

func TestReadTooBig(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, MaxRead+10); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path, 0, 0); !errors.Is(err, ErrTooBig) {
		t.Errorf("Read of too much = %v, want ErrTooBig", err)
	}
	if data, err := Read(path, -5, 0); len(data) != 5 || err != nil {
		t.Errorf("Read of its end = %d bytes, %v, want 5", len(data), err)
	}
	if data, size, _ := Tail(path, 0, math.MaxInt64); len(data) != MaxRead || size != MaxRead+10 {
		t.Errorf("Tail of too much = %d bytes of %d, want the last %d", len(data), size, MaxRead)
	}
}

func TestValidText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                     "",
		"plain":                "plain",
		"\xa4\xa4g":            "g",
		"\xbcg":                "g",
		"gr\xc3\xbc\xc3":       "grü",
		"x\xf0\x9f\x98":        "x",
		"x\xf0\x9f\x98\x80":    "x😀",
		"a\xffb":               "a\ufffdb",
		"a\xff":                "a\ufffd",
		"\x80\x80\x80\x80a":    "\ufffda",
		"\x98\x80":             "",
		"\xe2\x82\xac\xe2\x82": "€",
	} {
		if got := ValidText([]byte(in)); got != want {
			t.Errorf("ValidText(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzValidText(f *testing.F) {
	f.Add("gr\xc3\xbc\xc3")
	f.Fuzz(func(t *testing.T, s string) {
		got := ValidText([]byte(s))
		if !utf8.ValidString(got) {
			t.Errorf("ValidText(%q) = %q, which is not valid", s, got)
		}
		if utf8.ValidString(s) && got != s {
			t.Errorf("ValidText(%q) = %q, want it as it was", s, got)
		}
	})
}
