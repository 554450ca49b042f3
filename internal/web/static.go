package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"slices"
	"time"

	"example.org/twiddler/internal/errorpage"
)

//go:embed static
var files embed.FS

// staticNames are the files that are served, by the addresses of the original
// where it has them too. status.js is ours.
var staticNames = []string{
	"stylesheets/supervisor.css",
	"scripts/status.js",
	"images/icon.png",
	"images/icon.svg",
	"images/supervisor.gif",
	"images/rule.gif",
	"images/state0.gif",
	"images/state1.gif",
	"images/state2.gif",
	"images/state3.gif",
}

// mediaTypes are by the end of a name: what the machine's own table says would
// differ from one to the next.
var mediaTypes = map[string]string{
	".css": "text/css",
	".js":  "text/javascript",
	".png": "image/png",
	".svg": "image/svg+xml",
	".gif": "image/gif",
}

// serveStatic serves one of the files, which clients keep but ask for again.
func serveStatic(w http.ResponseWriter, r *http.Request, name string, since time.Time) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		errorpage.Write(w, http.StatusBadRequest)
		return
	}
	if !slices.Contains(staticNames, name) {
		errorpage.Write(w, http.StatusNotFound)
		return
	}
	data, err := files.ReadFile("static/" + path.Base(name))
	if err != nil {
		panic(err) // the name is in the table, so the file is missing in the source
	}
	sum := sha256.Sum256(data)
	h := w.Header()
	h.Set("Content-Type", mediaTypes[path.Ext(name)])
	h.Set("Cache-Control", "no-cache")
	h.Set("Etag", `"`+hex.EncodeToString(sum[:8])+`"`)
	http.ServeContent(w, r, "", since, bytes.NewReader(data))
}
