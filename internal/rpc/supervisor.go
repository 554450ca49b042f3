package rpc

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/childlog"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/supervisor"
	"example.org/twiddler/level"
)

// flushTimeout bounds the waiting for a log whose disk is slow.
const flushTimeout = time.Second

// apiVersion is that of the namespace. Supervisor 4.2.5, rpcinterface.py.
const apiVersion = "3.0"

// A MainLog is supervisord's own log.
type MainLog interface {
	Log(lv level.Level, text string)
	Path() string // "" without a file
	// Flush waits until what was logged before is in the file.
	Flush(ctx context.Context) error
	Clear() error
}

// Options are what the namespace supervisor is made of.
type Options struct {
	Loop       *supervisor.Loop
	Groups     Groups // nil for the loop
	Log        MainLog
	Identifier string // of this instance
	Version    string // what getSupervisorVersion answers
	LogSyslog  bool   // the log goes to syslog

	// RemoteEvent tells whoever listens of an event that a client sent. It is
	// nil if nobody can listen.
	RemoteEvent func(ctx context.Context, kind, data string) error
}

// Groups adds groups of the configuration and removes groups.
type Groups interface {
	AddGroup(ctx context.Context, group string) error
	RemoveGroup(ctx context.Context, group string) error
}

// Supervisor is the namespace supervisor, method for method and fault for
// fault that of Supervisor 4.2.5, rpcinterface.py. Its methods are safe for
// concurrent use.
type Supervisor struct {
	o    Options
	loop *supervisor.Loop
}

var _ ext.Extension = (*Supervisor)(nil)

// NewSupervisor returns the namespace. What it needs is complete in o.
func NewSupervisor(o Options) *Supervisor {
	if o.Groups == nil {
		o.Groups = o.Loop
	}
	return &Supervisor{o: o, loop: o.Loop}
}

// up refuses a call while supervisord goes down. It comes first in every
// method but SendRemoteCommEvent. Supervisor 4.2.5, rpcinterface.py, _update.
func (s *Supervisor) up() error {
	if s.loop.Mood() < supervisor.MoodRunning {
		return fault.Bare(fault.ShutdownState)
	}
	return nil
}

// done makes the answer of a method that has none but true.
func done(err error) (bool, error) { return err == nil, err }

// GetAPIVersion answers the version of this interface, which changes when
// clients have to.
//
//	@return string  the version
//	@role view
//	@scope groups
//	@alias getVersion
func (s *Supervisor) GetAPIVersion(context.Context) (string, error) {
	return apiVersion, s.up()
}

// GetSupervisorVersion answers the version of Supervisor that this server
// stands for.
//
//	@return string  the version
//	@role view
//	@scope groups
func (s *Supervisor) GetSupervisorVersion(context.Context) (string, error) {
	return s.o.Version, s.up()
}

// GetIdentification answers the name that the configuration gives to this
// server, to tell several apart.
//
//	@return string  the identifier
//	@role view
//	@scope groups
func (s *Supervisor) GetIdentification(context.Context) (string, error) {
	return s.o.Identifier, s.up()
}

// GetState answers the state of the server: statecode 2 and statename FATAL, 1
// and RUNNING, 0 and RESTARTING, or -1 and SHUTDOWN.
//
//	@return struct  statecode and statename
//	@role view
//	@scope groups
func (s *Supervisor) GetState(context.Context) (any, error) {
	return moodAnswer(s.loop.Mood()), s.up()
}

// GetPID answers the process id of the server.
//
//	@return int  the process id
//	@role view
//	@scope groups
func (s *Supervisor) GetPID(context.Context) (int, error) {
	return os.Getpid(), s.up()
}

// ReadLog answers a part of the server's own log: length bytes from offset, to
// the end if length is 0. A negative offset with length 0 answers the last
// bytes.
//
//	@param int offset  where to begin, in bytes
//	@param int length  how many bytes
//	@return string     that part of the log
//	@role view
//	@alias readMainLog
func (s *Supervisor) ReadLog(ctx context.Context, offset, length int64) (string, error) {
	if err := s.up(); err != nil {
		return "", err
	}
	if s.o.LogSyslog {
		return "", fault.New(fault.NoFile, "syslog") // as if that were its name
	}
	// What a call before this one has caused is to be there.
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	_ = s.o.Log.Flush(ctx) // the log that is there is better than none
	return readLog(s.o.Log.Path(), offset, length)
}

// ClearLog empties the server's own log.
//
//	@return boolean  always true
//	@role admin
func (s *Supervisor) ClearLog(context.Context) (bool, error) {
	if err := s.up(); err != nil {
		return false, err
	}
	path := s.o.Log.Path()
	if _, err := os.Stat(path); path == "" || errors.Is(err, fs.ErrNotExist) {
		return false, fault.Bare(fault.NoFile)
	}
	// Said before, so that the new file begins empty, as the original's does.
	s.o.Log.Log(level.Info, "reopening log file")
	if err := s.o.Log.Clear(); err != nil {
		return false, fault.Bare(fault.Failed)
	}
	return true, nil
}

// Shutdown stops all processes and then the server. The answer comes before.
//
//	@return boolean  always true
//	@role admin
func (s *Supervisor) Shutdown(ctx context.Context) (bool, error) {
	if err := s.up(); err != nil {
		return false, err
	}
	return done(s.loop.Shutdown(ctx))
}

// Restart stops all processes, reads the configuration anew and starts again,
// with the same process id. The answer comes before.
//
//	@return boolean  always true
//	@role admin
func (s *Supervisor) Restart(ctx context.Context) (bool, error) {
	if err := s.up(); err != nil {
		return false, err
	}
	return done(s.loop.Restart(ctx))
}

// ReloadConfig reads the configuration again, and answers the names of the
// groups that differ from those that are live. It changes none of them: that
// is for addProcessGroup and removeProcessGroup.
//
//	@return array  of one array of three: names of added, of changed, of removed groups
//	@role define
func (s *Supervisor) ReloadConfig(ctx context.Context) ([]any, error) {
	if err := s.up(); err != nil {
		return nil, err
	}
	added, changed, removed, err := s.loop.Reload(ctx)
	return []any{[]any{added, changed, removed}}, err
}

// AddProcessGroup makes a group of the configuration live. Those of its
// processes that start by themselves do so soon after.
//
//	@param string name  name of the group
//	@return boolean     always true
//	@role define
//	@scope groups
func (s *Supervisor) AddProcessGroup(ctx context.Context, name string) (bool, error) {
	if err := s.up(); err != nil {
		return false, err
	}
	if err := config.MayDefine(ext.CallerOf(ctx), name); err != nil {
		return false, err
	}
	return done(s.o.Groups.AddGroup(ctx, name))
}

// RemoveProcessGroup forgets a group, all of whose processes are stopped.
//
//	@param string name  name of the group
//	@return boolean     always true
//	@role define
//	@scope groups
func (s *Supervisor) RemoveProcessGroup(ctx context.Context, name string) (bool, error) {
	if err := s.up(); err != nil {
		return false, err
	}
	if err := config.MayDefine(ext.CallerOf(ctx), name); err != nil {
		return false, err
	}
	return done(s.o.Groups.RemoveGroup(ctx, name))
}

// SendProcessStdin writes text to the standard input of a process, as UTF-8
// and with no line end added.
//
//	@param string name   name of the process
//	@param string chars  what to write
//	@return boolean      always true
//	@role operate
//	@scope groups
func (s *Supervisor) SendProcessStdin(ctx context.Context, name string, chars any) (bool, error) {
	if err := s.up(); err != nil {
		return false, err
	}
	var data []byte
	switch c := chars.(type) {
	case string:
		data = []byte(c)
	case []byte: // base64 that is not UTF-8
		data = c
	case nil:
		return false, fault.Bare(fault.IncorrectParameters)
	default:
		return false, fault.New(fault.IncorrectParameters, ext.Text(chars))
	}
	n, whole := supervisor.ParseName(name)
	if err := mayOperate(ctx, n.Group); err != nil {
		return false, err
	}
	if whole {
		return false, fault.New(fault.BadName, name)
	}
	return done(s.loop.WriteStdin(ctx, n, name, data))
}

// SendRemoteCommEvent tells the event listeners of supervisord of an event:
// they get it as REMOTE_COMMUNICATION.
//
//	@param string type  what the event is called
//	@param string data  what it says
//	@return boolean     always true
//	@role operate
func (s *Supervisor) SendRemoteCommEvent(ctx context.Context, kind, data any) (bool, error) {
	if s.o.RemoteEvent == nil {
		return true, nil // nobody listens, which is no fault
	}
	return done(s.o.RemoteEvent(ctx, eventText(kind), eventText(data)))
}

func eventText(v any) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return ext.Text(v)
}

// readLog reads a part of a log, whose path is "" for none.
// Supervisor 4.2.5, rpcinterface.py, _readProcessLog and readLog.
func readLog(path string, offset, length int64) (string, error) {
	if path == "" {
		return "", fault.Bare(fault.NoFile)
	}
	data, err := childlog.Read(path, offset, length)
	switch {
	case err == nil:
		return childlog.ValidText(data), nil
	case errors.Is(err, fs.ErrNotExist):
		return "", fault.New(fault.NoFile, path)
	case errors.Is(err, childlog.ErrBadArguments):
		return "", fault.Bare(fault.BadArguments)
	case errors.Is(err, childlog.ErrTooBig):
		return "", fault.New(fault.Failed, err.Error())
	}
	return "", fault.Bare(fault.Failed)
}
