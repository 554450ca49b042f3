package rpc

import (
	"context"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/childlog"
	"example.org/twiddler/internal/supervisor"
)

// ReadProcessStdoutLog answers a part of what a process wrote to its standard
// output: length bytes from offset, to the end if length is 0. A negative
// offset with length 0 answers the last bytes.
//
//	@param string name  name of the process, or group:name
//	@param int offset   where to begin, in bytes
//	@param int length   how many bytes
//	@return string      that part of the log
//	@role view
//	@scope groups
//	@alias readProcessLog
func (s *Supervisor) ReadProcessStdoutLog(ctx context.Context, name string, offset, length int64) (string, error) {
	info, err := s.info(ctx, name)
	if err != nil {
		return "", err
	}
	return readLog(info.StdoutLog, offset, length)
}

// ReadProcessStderrLog answers a part of what a process wrote to its standard
// error: length bytes from offset, to the end if length is 0. A negative
// offset with length 0 answers the last bytes.
//
//	@param string name  name of the process, or group:name
//	@param int offset   where to begin, in bytes
//	@param int length   how many bytes
//	@return string      that part of the log
//	@role view
//	@scope groups
func (s *Supervisor) ReadProcessStderrLog(ctx context.Context, name string, offset, length int64) (string, error) {
	info, err := s.info(ctx, name)
	if err != nil {
		return "", err
	}
	return readLog(info.StderrLog, offset, length)
}

// TailProcessStdoutLog answers the end of what a process wrote to its standard
// output, for a client that follows it: length bytes at offset, or at the end
// if the log is shorter or has grown beyond.
//
//	@param string name  name of the process, or group:name
//	@param int offset   where to begin, in bytes
//	@param int length   how many bytes
//	@return array       the text, the next offset, and whether some was left out
//	@role view
//	@scope groups
//	@alias tailProcessLog
func (s *Supervisor) TailProcessStdoutLog(ctx context.Context, name string, offset, length int64) ([]any, error) {
	info, err := s.info(ctx, name)
	if err != nil {
		return nil, err
	}
	return tailLog(info.StdoutLog, offset, length), nil
}

// TailProcessStderrLog answers the end of what a process wrote to its standard
// error, for a client that follows it: length bytes at offset, or at the end
// if the log is shorter or has grown beyond.
//
//	@param string name  name of the process, or group:name
//	@param int offset   where to begin, in bytes
//	@param int length   how many bytes
//	@return array       the text, the next offset, and whether some was left out
//	@role view
//	@scope groups
func (s *Supervisor) TailProcessStderrLog(ctx context.Context, name string, offset, length int64) ([]any, error) {
	info, err := s.info(ctx, name)
	if err != nil {
		return nil, err
	}
	return tailLog(info.StderrLog, offset, length), nil
}

// tailLog answers the end of a log, whose path is "" for none.
func tailLog(path string, offset, length int64) []any {
	if path == "" {
		return []any{"", 0, false}
	}
	data, size, overflow := childlog.Tail(path, offset, length)
	return []any{childlog.ValidText(data), size, overflow}
}

// ClearProcessLogs empties the logs of a process that has them open.
//
//	@param string name  name of the process, or group:name
//	@return boolean     always true
//	@role operate
//	@scope groups
//	@alias clearProcessLog
func (s *Supervisor) ClearProcessLogs(ctx context.Context, name string) (bool, error) {
	if err := s.up(); err != nil {
		return false, err
	}
	n, whole := supervisor.ParseName(name)
	if err := mayOperate(ctx, n.Group); err != nil {
		return false, err
	}
	if whole {
		return false, fault.New(fault.BadName, name)
	}
	return done(s.loop.ClearLogs(ctx, n, name))
}

// ClearAllProcessLogs empties the logs of all processes that have them open.
//
//	@return array  a struct of name, group, status and description for each process
//	@role operate
//	@scope groups
func (s *Supervisor) ClearAllProcessLogs(ctx context.Context) (any, error) {
	if err := s.up(); err != nil {
		return nil, err
	}
	return results("")(s.loop.ClearAllLogs(ctx))
}
