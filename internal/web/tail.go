package web

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strconv"
	"strings"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/childlog"
	"example.org/twiddler/internal/supervisor"
)

// How much of a log a page shows, in bytes. The original has no maximum.
const (
	minTail = 1024
	maxTail = 4 << 20
)

// serveTail serves the end of a process's output.
// Supervisor 4.2.5, web.py, TailView.
func (h *Handler) serveTail(w http.ResponseWriter, r *http.Request, f form) {
	name, text, limit := "None", "No process name found", tailLimit(f.limit)
	if f.process != "" {
		name, text = f.process, h.tail(r.Context(), f.process, limit)
	}
	p := newPage(r)
	p.head("Supervisor tail of process "+name, false)
	p.raw("<body class=\"tail\">\n<div id=\"wrapper\">\n").banner(name)
	p.raw("<div id=\"content\">\n<ul class=\"clr\" id=\"buttons\">\n")
	if f.process != "" {
		q := quote(f.process)
		refresh := "tail.html?processname=" + q + "&limit="
		p.link(refresh+strconv.Itoa(limit), "Refresh")
		if limit < maxTail {
			p.link(refresh+strconv.Itoa(min(8*limit, maxTail)), "Show more")
		}
		p.link("logtail/"+q, "Tail -f Stdout").link("logtail/"+q+"/stderr", "Tail -f Stderr")
	}
	p.link("index.html", "Status")
	p.raw("</ul>\n<pre>").text(text).raw("</pre>\n</div>\n</div>\n")
	h.foot(p)
	p.send(w, http.StatusOK)
}

// link writes one of the buttons above a page that only lead somewhere.
func (p *page) link(address, label string) *page {
	return p.raw(`<li class="action-button"><a href="`).attr(address).raw(`">`).text(label).raw("</a></li>\n")
}

// tailLimit reads how much a client wants. What is no number is the least.
func tailLimit(s string) int {
	for _, c := range s {
		if c < '0' || c > '9' {
			return minTail
		}
	}
	n, err := strconv.Atoi(s)
	if err != nil && s != "" {
		return maxTail // more digits than an int has
	}
	return min(max(n, minTail), maxTail)
}

// tail is the last bytes of a log, or why there are none.
func (h *Handler) tail(ctx context.Context, spec string, limit int) string {
	data, err := h.readTail(ctx, spec, limit)
	switch {
	case err == nil:
		return withoutEscapes(childlog.ValidText(data))
	case fault.Is(err, fault.NoFile):
		return "No file for " + spec
	}
	f := fault.From(err)
	return fmt.Sprintf("ERROR: unexpected rpc fault [%d] %s", f.Code, f.Error())
}

// readTail has the faults of readProcessStdoutLog.
func (h *Handler) readTail(ctx context.Context, spec string, limit int) ([]byte, error) {
	if err := h.up(); err != nil {
		return nil, err
	}
	name, whole := supervisor.ParseName(spec)
	if err := ext.CallerOf(ctx).Need(ext.View, name.Group); err != nil {
		return nil, err
	}
	if whole {
		return nil, fault.New(fault.BadName, spec)
	}
	info, err := h.loop.Info(ctx, name, spec)
	if err != nil {
		return nil, err
	}
	if info.StdoutLog == "" {
		return nil, fault.Bare(fault.NoFile)
	}
	data, err := childlog.Read(info.StdoutLog, -int64(limit), 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.Bare(fault.NoFile)
	case err != nil:
		return nil, fault.Bare(fault.Failed)
	}
	return data, nil
}

// withoutEscapes leaves out what tells a terminal of colours and the like:
// from ESC [ to the letter that ends it.
func withoutEscapes(s string) string {
	before, rest, found := strings.Cut(s, "\x1b[")
	if !found {
		return s
	}
	var b strings.Builder
	for found {
		b.WriteString(before)
		end := strings.IndexFunc(rest, func(c rune) bool { return c < ' ' || c > '?' })
		if end >= 0 && '@' <= rest[end] && rest[end] <= '~' {
			end++
		}
		if end < 0 {
			return b.String() // cut off
		}
		before, rest, found = strings.Cut(rest[end:], "\x1b[")
	}
	b.WriteString(before)
	return b.String()
}
