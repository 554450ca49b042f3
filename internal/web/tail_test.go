package web

import (
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.org/twiddler/internal/config"
)

func TestTail(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789abcde\n", 1<<16) // 1 MiB
	huge := program("huge", "huge")
	huge.Stdout = logged(t, strings.Repeat(long, 5))
	a, none, gone, dir, odd := program("g", "a"), program("none", "none"), program("gone", "gone"), program("dir", "dir"), program("odd", "odd")
	a.Stdout = logged(t, "\nfirst\n"+long)
	gone.Stdout = config.Channel{Log: config.LogFile, Path: t.TempDir() + "/gone"}
	dir.Stdout = config.Channel{Log: config.LogFile, Path: t.TempDir()}
	odd.Stdout = logged(t, "\x1b[1;31mred\x1b[0m <b> \xc3\xa9 \xff\x1b[")
	w := newWorld(t, Options{}, a, none, gone, dir, odd, huge)
	for _, row := range []struct{ query, title, text, limit string }{
		{"processname=g:a", "g:a", long[len(long)-1024:], "1024"},
		{"processname=g%3Aa&limit=10", "g:a", long[len(long)-1024:], "1024"},
		{"processname=g:a&limit=2048", "g:a", long[len(long)-2048:], "2048"},
		{"processname=g:a&limit=-5", "g:a", long[len(long)-1024:], "1024"},
		{"processname=g:a&limit=1x", "g:a", long[len(long)-1024:], "1024"},
		{"processname=g:a&limit=2000000", "g:a", "\nfirst\n" + long, "2000000"},
		{"processname=g:a&limit=99999999999999999999999999", "g:a", "\nfirst\n" + long, fmt.Sprint(maxTail)},
		{"processname=huge&limit=9999999", "huge", strings.Repeat(long, 4), fmt.Sprint(maxTail)},
		{"processname=odd", "odd", "red <b> é \uFFFD", "1024"},
		{"processname=none", "none", "No file for none", "1024"},
		{"processname=gone&limit=4096", "gone", "No file for gone", "4096"},
		{"processname=dir", "dir", "ERROR: unexpected rpc fault [30] FAILED", "1024"},
		{"processname=nope", "nope", "ERROR: unexpected rpc fault [10] BAD_NAME: nope", "1024"},
		{"processname=g", "g", "ERROR: unexpected rpc fault [10] BAD_NAME: g", "1024"},
		{"processname=g:*", "g:*", "ERROR: unexpected rpc fault [10] BAD_NAME: g:*", "1024"},
		{"", "None", "No process name found", ""},
		{"processname=&limit=2048", "None", "No process name found", ""},
	} {
		got := w.get("/tail.html?" + row.query)
		page := parsed(t, got.body)
		if title := page.all("title")[0].Text; got.StatusCode != 200 || title != "Supervisor tail of process "+row.title {
			t.Errorf("%s: %s, title %q", row.query, got.Status, title)
		}
		if text := page.all("pre")[0].Text; text != row.text {
			t.Errorf("%s: %d bytes %.100q, want %d bytes %.100q", row.query, len(text), text, len(row.text), row.text)
		}
		refresh := "" // the address of the link
		for _, link := range page.all("a") {
			if link.Text == "Refresh" {
				refresh = link.attr("href")
			}
		}
		want := ""
		if row.limit != "" {
			want = "tail.html?processname=" + quote(row.title) + "&limit=" + row.limit
		}
		if refresh != want {
			t.Errorf("%s: refresh leads to %q, want %q", row.query, refresh, want)
		}
	}
}

func TestWithoutEscapes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain": "plain", "\x1b[0m": "", "a\x1b[1;2Kb\x1b[": "ab", "a\x1b[12": "a", "\x1b[?25lx": "x", "\x1b[\nx": "\nx", "\x1b[é": "é", "\x1b]0;t\x07": "\x1b]0;t\x07",
	} {
		if got := withoutEscapes(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestStatic(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	entries, err := files.ReadDir("static")
	if err != nil || len(entries) != len(staticNames) {
		t.Errorf("%d files, %d addresses (%v)", len(entries), len(staticNames), err)
	}
	total := 0
	for _, name := range staticNames {
		first := w.get("/" + name)
		total += len(first.body)
		tag, modified := first.Header.Get("Etag"), first.Header.Get("Last-Modified")
		if first.StatusCode != 200 || first.Header.Get("Content-Type") != mediaTypes[path.Ext(name)] || tag == "" ||
			first.Header.Get("Content-Length") != strconv.Itoa(len(first.body)) {
			t.Errorf("%s: %s %v", name, first.Status, first.Header)
		}
		for _, header := range []string{"If-None-Match: " + tag, "If-Modified-Since: " + modified} {
			if got := w.get("/"+name, header); got.StatusCode != http.StatusNotModified || got.body != "" {
				t.Errorf("%s with %s: %s", name, header, got.Status)
			}
		}
		old := time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)
		for _, header := range []string{`If-None-Match: "x"`, "If-Modified-Since: " + old} {
			if got := w.get("/"+name, header); got.StatusCode != 200 || got.body != first.body {
				t.Errorf("%s with %s: %s", name, header, got.Status)
			}
		}
	}
	if total > 30<<10 {
		t.Errorf("%d bytes in all", total)
	}
}
