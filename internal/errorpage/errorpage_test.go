package errorpage_test

import (
	"net/http/httptest"
	"strconv"
	"testing"

	"example.org/twiddler/internal/errorpage"
)

// The lengths were measured on Supervisor 4.2.5.
func TestLength(t *testing.T) {
	t.Parallel()
	for status, length := range map[int]int{301: 142, 400: 136, 401: 137, 404: 134, 411: 140, 500: 146} {
		if got := len(errorpage.Body(status)); got != length {
			t.Errorf("the page for %d has %d bytes, want %d", status, got, length)
		}
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	const want = "<head>\r\n<title>Error response</title>\r\n</head>\r\n<body>\r\n<h1>Error response</h1>\r\n" +
		"<p>Error code 404.\r\n<p>Message: Not Found.\r\n</body>\r\n"
	w := httptest.NewRecorder()
	errorpage.Write(w, 404)
	if w.Code != 404 || w.Body.String() != want {
		t.Errorf("answered %d %q, want 404 %q", w.Code, w.Body, want)
	}
	if got := w.Header().Get("Content-Type"); got != "text/html" {
		t.Errorf("Content-Type is %q, want text/html", got)
	}
	if got := w.Header().Get("Content-Length"); got != strconv.Itoa(len(want)) {
		t.Errorf("Content-Length is %q, want %d", got, len(want))
	}
}
