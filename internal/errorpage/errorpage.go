// Package errorpage writes the HTTP error answers of Supervisor.
package errorpage

import (
	"fmt"
	"net/http"
	"strconv"
)

// contentType is shared by all answers: nobody may change it.
var contentType = []string{"text/html"}

// Write sends the whole answer for a status that is no success. Headers that
// go with the status, such as Location, are the caller's.
func Write(w http.ResponseWriter, status int) {
	body := Body(status)
	h := w.Header()
	h["Content-Type"] = contentType
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away needs no answer
}

// Body is the page for a status.
// Supervisor 4.2.5, medusa/http_server.py, DEFAULT_ERROR_MESSAGE.
func Body(status int) []byte {
	return fmt.Appendf(nil, "<head>\r\n<title>Error response</title>\r\n</head>\r\n<body>\r\n"+
		"<h1>Error response</h1>\r\n<p>Error code %d.\r\n<p>Message: %s.\r\n</body>\r\n",
		status, http.StatusText(status))
}
