package mainlog

import (
	"context"
	"log/slog"
	"strings"

	"example.org/twiddler/level"
)

// Slog returns a logger for code that knows only log/slog, such as net/http.
// Attributes follow the message as key=value.
func (l *Logger) Slog() *slog.Logger { return slog.New(&handler{log: l}) }

// A handler writes slog's records to the main log.
type handler struct {
	log    *Logger
	attrs  string // of WithAttrs, as they are written
	prefix string // of WithGroup: "group."
}

func (h *handler) Enabled(_ context.Context, lv slog.Level) bool {
	return h.log.Enabled(levelOf(lv))
}

func (h *handler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Message)
	b.WriteString(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		appendAttr(&b, h.prefix, a)
		return true
	})
	h.log.Log(levelOf(r.Level), b.String())
	return nil
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var b strings.Builder
	for _, a := range attrs {
		appendAttr(&b, h.prefix, a)
	}
	return &handler{log: h.log, attrs: h.attrs + b.String(), prefix: h.prefix}
}

func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &handler{log: h.log, attrs: h.attrs, prefix: h.prefix + name + "."}
}

func appendAttr(b *strings.Builder, prefix string, a slog.Attr) {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, member := range v.Group() {
			appendAttr(b, prefix, member)
		}
		return
	}
	if a.Equal(slog.Attr{}) {
		return
	}
	b.WriteByte(' ')
	b.WriteString(prefix)
	b.WriteString(a.Key)
	b.WriteByte('=')
	b.WriteString(v.String())
}

// levelOf maps slog's levels, of which there may be some in between.
func levelOf(lv slog.Level) level.Level {
	switch {
	case lv >= slog.LevelError:
		return level.Error
	case lv >= slog.LevelWarn:
		return level.Warn
	case lv >= slog.LevelInfo:
		return level.Info
	case lv >= slog.LevelDebug:
		return level.Debug
	}
	return level.Trace
}
