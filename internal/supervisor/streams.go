package supervisor

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"syscall"

	"example.org/twiddler/internal/childlog"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/event"
	"example.org/twiddler/internal/sys"
	"example.org/twiddler/level"
)

// streams opens the logs of a child. stderr is nil where it goes to stdout.
// Supervisor 4.2.5, process.py, spawn: the texts.
func (l *launcher) streams(s Spawn, from *origin) (stdout, stderr *childlog.Stream, err error) {
	p := s.Process
	stdout, err = l.stream(p, from, false, s.Logs.Stdout)
	if err == nil && !p.RedirectStderr {
		if stderr, err = l.stream(p, from, true, s.Logs.Stderr); err != nil {
			stdout.Close()
		}
	}
	switch {
	case err == nil:
		return stdout, stderr, nil
	case errors.Is(err, syscall.EMFILE):
		return nil, nil, fmt.Errorf("too many open files to spawn '%s'", p.Name)
	}
	return nil, nil, fmt.Errorf("unknown error making dispatchers for '%s': %s", p.Name, l.o.ErrnoName(err))
}

func (l *launcher) stream(p *config.Process, from *origin, stderr bool, path string) (*childlog.Stream, error) {
	ch, c := p.Stdout, childlog.StreamConfig{Process: p.Name, Channel: "stdout", Debug: l.o.Debug}
	if stderr {
		ch, c.Channel = p.Stderr, "stderr"
	}
	if p.Kind == config.EventListener && !stderr {
		// The protocol's channel: recorded, and nothing else done to it.
		c.Tap = func(data []byte) {
			l.heed.coming.Add(1)
			l.report(Told{from.name, slices.Clone(data)})
		}
	} else {
		l.publish(&c, ch, from, stderr)
	}
	if path != "" {
		mode := fs.FileMode(0o666)
		if ch.Log == config.LogAuto {
			mode = 0o600
		}
		f, err := l.o.Files.Open(path, mode, ch.MaxBytes, ch.Backups)
		if err != nil {
			return nil, err
		}
		c.File = f
	}
	return childlog.NewStream(c), nil
}

// An origin is who writes to a stream. The pid is set before the pump reads.
type origin struct {
	name Name
	pid  int
}

// publish sets what becomes of output beside the log file.
func (l *launcher) publish(c *childlog.StreamConfig, ch config.Channel, from *origin, stderr bool) {
	c.StripANSI, c.Capture = l.o.StripANSI, ch.CaptureMaxBytes
	if ch.Syslog {
		c.Syslog = l.o.Syslog
	}
	hear := func(comm bool, typ event.Type) func([]byte) {
		return func(data []byte) {
			if event.Set(l.wanted.Load()).Has(typ) {
				l.report(Heard{event.Output{
					Group: from.name.Group, Process: from.name.Process, PID: from.pid,
					Stderr: stderr, Data: slices.Clone(data),
				}, comm})
			}
		}
	}
	log, comm := event.ProcessLogStdout, event.ProcessCommunicationStdout
	if stderr {
		log, comm = event.ProcessLogStderr, event.ProcessCommunicationStderr
	}
	if ch.Events {
		c.OnLog = hear(false, log)
	}
	if ch.CaptureMaxBytes > 0 {
		c.OnComm = hear(true, comm)
	}
}

// noteFailure leaves in the child's log what its own last words would have
// been, had it come as far as exec.
func (l *launcher) noteFailure(err error, stdout, stderr *childlog.Stream) {
	var f *sys.StartError
	if errors.As(err, &f) && f.ChildLog != "" {
		if stderr != nil {
			stderr.Write([]byte(f.ChildLog))
		} else {
			stdout.Write([]byte(f.ChildLog))
		}
	}
	stdout.Close()
	if stderr != nil {
		stderr.Close()
	}
}

func (l *launcher) capture(fd int, s *childlog.Stream) *childlog.Pipe {
	if fd < 0 {
		return nil
	}
	pipe, err := l.o.Pump.Add(fd, s)
	if err != nil {
		l.o.Log(level.Critical, fmt.Sprintf("cannot read the output of a child: %v", err))
	}
	return pipe
}
