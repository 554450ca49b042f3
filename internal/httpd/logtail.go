package httpd

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/errorpage"
	"example.org/twiddler/internal/supervisor"
	"example.org/twiddler/level"
)

const (
	// A follower looks at its file this often. A system watch would cost one
	// of the few inotify instances a user has for each follower.
	followInterval = 100 * time.Millisecond
	endTimeout     = time.Second // for the last words of a stream at the server's end
)

// Processes tells where the logs of processes are; *supervisor.Loop does.
type Processes interface {
	Info(ctx context.Context, name supervisor.Name, spec string) (supervisor.Info, error)
}

// HandleLogTails registers the streams of logs: /logtail/NAME[/stdout|/stderr]
// for the log of a process, /mainlogtail for supervisord's own, whose path
// mainLog returns ("" for none). A stream sends the end of the log and then
// what is added to it, until the client goes. With the query whole=1, that of
// a process sends all of its log, rotated files included, until it is down.
func (s *Server) HandleLogTails(processes Processes, mainLog func() string) {
	s.Handle("/logtail*", ext.View, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, path, err := childLog(r, processes)
		switch {
		case err != nil:
			errorpage.Write(w, http.StatusForbidden)
		case r.URL.RawQuery == "whole=1":
			s.streamWhole(w, r, path, isOver(processes, name, path))
		default:
			s.stream(w, r, path, unbuffered)
		}
	}))
	s.Handle("/mainlogtail*", ext.View, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !ext.CallerOf(r.Context()).HoldsAll() {
			errorpage.Write(w, http.StatusForbidden) // it tells of all groups
			return
		}
		s.stream(w, r, mainLog(), "")
	}))
}

// unbuffered asks proxies to pass a stream on as it comes.
const unbuffered = "X-Accel-Buffering: no\r\n"

// childLog returns the path of the log that a request is about, "" for none,
// and its process.
// The error is that the caller does not hold the group, if there is one.
// Supervisor 4.2.5, http.py, logtail_handler; a path without a process is
// status 500 there.
func childLog(r *http.Request, processes Processes) (name supervisor.Name, path string, err error) {
	_, rest, _ := strings.Cut(strings.TrimLeft(r.URL.Path, "/"), "/")
	spec, channel, given := strings.Cut(rest, "/")
	name, whole := supervisor.ParseName(spec)
	if spec != "" {
		if err := ext.CallerOf(r.Context()).Need(ext.View, name.Group); err != nil {
			return name, "", err
		}
	}
	if whole {
		return name, "", nil
	}
	info, err := processes.Info(r.Context(), name, spec)
	switch {
	case err != nil:
		return name, "", nil
	case !given || channel == "stdout":
		return name, info.StdoutLog, nil
	case channel == "stderr":
		return name, info.StderrLog, nil
	}
	return name, "", nil
}

// A logReader reads a log as it grows; *follower and *wholeLog are ones.
type logReader interface {
	// next returns what is new, valid until the next call; nothing if nothing is.
	next() ([]byte, error)
	close()
	// stat describes the file that is being read.
	stat() (os.FileInfo, error)
}

// stream answers with the end of a log and what follows.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, path, more string) {
	s.serveLog(w, r, path, more, nil, func() (logReader, error) { return follow(path) })
}

// streamWhole answers with a whole log, until its process is over.
func (s *Server) streamWhole(w http.ResponseWriter, r *http.Request, path string, over func() bool) {
	s.serveLog(w, r, path, unbuffered+"Trailer: "+tornTrailer+"\r\n", over, func() (logReader, error) { return readWhole(path) })
}

// serveLog takes over the connection: only so a client that goes away is
// noticed for sure, since supervisorctl sends an empty line after its request.
func (s *Server) serveLog(w http.ResponseWriter, r *http.Request, path, more string, over func() bool, open func() (logReader, error)) {
	if r.Method != http.MethodGet {
		errorpage.Write(w, http.StatusBadRequest)
		return
	}
	if path == "" {
		errorpage.Write(w, http.StatusNotFound)
		return
	}
	log, err := open()
	if err != nil {
		errorpage.Write(w, http.StatusNotFound)
		return
	}
	if !s.streams.begin() {
		log.close()
		errorpage.Write(w, http.StatusServiceUnavailable)
		return
	}
	nc, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		s.streams.end()
		log.close()
		panic(err) // not a server's connection: a bug of ours
	}
	t := &tail{server: s, conn: nc, path: path, log: log, over: over, chunked: r.ProtoAtLeast(1, 1)}
	// Ends with the client or with the server, which waits for it.
	go t.run(head(r, log, more))
}

// head is the head of the answer. Supervisor 4.2.5, http.py, logtail_handler.
func head(r *http.Request, log logReader, more string) string {
	now := time.Now().UTC()
	modified := now
	if info, err := log.stat(); err == nil {
		modified = info.ModTime().UTC()
	}
	h := fmt.Sprintf("%s 200 OK\r\nServer: %s\r\nDate: %s\r\nLast-Modified: %s\r\nContent-Type: text/plain;charset=utf-8\r\n%s",
		r.Proto, serverName[0], now.Format(http.TimeFormat), modified.Format(http.TimeFormat), more)
	if r.ProtoAtLeast(1, 1) {
		return h + "Transfer-Encoding: chunked\r\n\r\n"
	}
	return h + "\r\n"
}

// A tail is one stream.
type tail struct {
	server  *Server
	conn    net.Conn
	path    string
	log     logReader
	over    func() bool // for a whole log: its process is down; nil otherwise
	chunked bool
	packed  []byte // reused: one chunk with its frame
}

func (t *tail) run(head string) {
	defer t.server.streams.end()
	defer t.log.close()
	defer func() { _ = t.conn.Close() }() // the client is gone or has been told
	defer func() {
		if failure := recover(); failure != nil {
			t.server.log.Log(level.Error, fmt.Sprintf("Server Error: %v: %s\n%s", failure, t.path, debug.Stack()))
		}
	}()
	if c := connOf(t.conn); c != nil {
		c.patience.Store(int64(streamTimeout))
		defer context.AfterFunc(t.server.stop, func() {
			c.patience.Store(int64(endTimeout))
			_ = c.Conn.SetWriteDeadline(time.Now().Add(endTimeout)) // fails only if it is closed
		})()
	}
	gone := make(chan struct{})
	go func() { // ends when the connection does
		defer close(gone)
		var scrap [512]byte
		for {
			if _, err := t.conn.Read(scrap[:]); err != nil {
				return
			}
		}
	}()
	if _, err := t.conn.Write([]byte(head)); err != nil {
		return
	}
	if t.over != nil {
		t.copyWhole(gone)
		return
	}
	t.copy(gone)
}

// copy sends what the log has and what is added to it.
func (t *tail) copy(gone <-chan struct{}) {
	look := time.NewTicker(followInterval)
	defer look.Stop()
	for {
		data, err := t.log.next()
		if err != nil || t.server.stop.Err() != nil {
			_ = t.send(nil) // the end either way
			return
		}
		if len(data) > 0 {
			if t.send(data) != nil {
				return
			}
			continue
		}
		select {
		case <-look.C:
		case <-t.server.stop.Done():
		case <-gone:
			return
		}
	}
}

// send sends one chunk, the last one if data is empty.
func (t *tail) send(data []byte) error {
	if !t.chunked {
		_, err := t.conn.Write(data)
		return err
	}
	t.packed = strconv.AppendInt(t.packed[:0], int64(len(data)), 16)
	t.packed = append(t.packed, "\r\n"...)
	t.packed = append(t.packed, data...)
	t.packed = append(t.packed, "\r\n"...)
	_, err := t.conn.Write(t.packed)
	return err
}
