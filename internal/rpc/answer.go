package rpc

import (
	"math"
	"strconv"
	"time"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/proc"
	"example.org/twiddler/internal/supervisor"
	"example.org/twiddler/internal/xmlrpc"
)

// The answers write themselves: one of a thousand structs is one pass over one
// buffer. The order of the members is that of Supervisor 4.2.5 on the wire.

// A moodAnswer is the answer of getState.
type moodAnswer supervisor.Mood

// AppendXMLRPC implements [xmlrpc.Appender].
func (m moodAnswer) AppendXMLRPC(dst []byte) []byte {
	dst = xmlrpc.AppendStructStart(dst)
	dst = xmlrpc.AppendMemberInt(dst, "statecode", int64(m))
	dst = xmlrpc.AppendMemberString(dst, "statename", supervisor.Mood(m).String())
	return xmlrpc.AppendStructEnd(dst)
}

// A resultAnswer is what a mass call did to one process.
type resultAnswer supervisor.Result

// AppendXMLRPC implements [xmlrpc.Appender].
// Supervisor 4.2.5, rpcinterface.py, make_allfunc.
func (r resultAnswer) AppendXMLRPC(dst []byte) []byte {
	code, text := fault.Success, "OK"
	if r.Err != nil {
		code, text = r.Err.Code, r.Err.Error()
	}
	dst = xmlrpc.AppendStructStart(dst)
	dst = xmlrpc.AppendMemberString(dst, "name", r.Name)
	dst = xmlrpc.AppendMemberString(dst, "group", r.Group)
	dst = xmlrpc.AppendMemberInt(dst, "status", int64(code))
	dst = xmlrpc.AppendMemberString(dst, "description", text)
	return xmlrpc.AppendStructEnd(dst)
}

// An infoAnswer is one process.
type infoAnswer supervisor.Info

// AppendXMLRPC implements [xmlrpc.Appender].
func (a infoAnswer) AppendXMLRPC(dst []byte) []byte {
	return new(moments).appendInfo(dst, (*supervisor.Info)(&a))
}

// What is written around the values of a struct. Put together when compiling,
// the end of one member and the beginning of the next are one copy; this and
// not to look for characters to escape where there are none makes a third of
// the time of a long list.
const (
	open      = "<member>\n<name>"
	text      = "</name>\n<value><string>"
	number    = "</name>\n<value><int>"
	textEnd   = "</string></value>\n</member>\n"
	numberEnd = "</int></value>\n</member>\n"
)

// appendInfo writes one process. No number has more than the 32 bits of an
// int: times are kept within, and the rest has them from the system.
// Supervisor 4.2.5, rpcinterface.py, getProcessInfo.
func (m *moments) appendInfo(dst []byte, i *supervisor.Info) []byte {
	dst = append(xmlrpc.AppendStructStart(dst), open+"name"+text...)
	dst = xmlrpc.AppendText(dst, i.Name)
	dst = append(dst, textEnd+open+"group"+text...)
	dst = xmlrpc.AppendText(dst, i.Group)
	dst = append(dst, textEnd+open+"start"+number...)
	dst = m.start.append(dst, seconds(i.Start))
	dst = append(dst, numberEnd+open+"stop"+number...)
	dst = strconv.AppendInt(dst, seconds(i.Stop), 10)
	dst = append(dst, numberEnd+open+"now"+number...)
	dst = m.now.append(dst, seconds(i.Now))
	dst = append(dst, numberEnd+open+"state"+number...)
	dst = strconv.AppendInt(dst, int64(i.State), 10)
	dst = append(dst, numberEnd+open+"statename"+text...)
	dst = append(dst, i.State.String()...)
	dst = append(dst, textEnd+open+"spawnerr"+text...)
	dst = xmlrpc.AppendText(dst, i.SpawnErr)
	dst = append(dst, textEnd+open+"exitstatus"+number...)
	dst = strconv.AppendInt(dst, int64(i.ExitStatus), 10)
	dst = append(dst, numberEnd+open+"logfile"+text...)
	start := len(dst)
	dst = xmlrpc.AppendText(dst, i.StdoutLog)
	end := len(dst)
	dst = append(dst, textEnd+open+"stdout_logfile"+text...)
	dst = append(dst, dst[start:end]...)
	dst = append(dst, textEnd+open+"stderr_logfile"+text...)
	dst = xmlrpc.AppendText(dst, i.StderrLog)
	dst = append(dst, textEnd+open+"pid"+number...)
	dst = strconv.AppendInt(dst, int64(i.PID), 10)
	dst = append(dst, numberEnd+open+"description"+text...)
	if i.State == proc.Running {
		dst = i.AppendRunning(dst)
	} else {
		dst = xmlrpc.AppendText(dst, i.Description())
	}
	return xmlrpc.AppendStructEnd(append(dst, textEnd...))
}

// moments are times in a list that are mostly those of the process before.
type moments struct{ start, now moment }

// A moment is a number whose text is kept. The zero value is none.
type moment struct {
	n    int64
	text []byte
}

func (m *moment) append(dst []byte, n int64) []byte {
	if n != m.n || m.text == nil {
		m.n, m.text = n, strconv.AppendInt(m.text[:0], n, 10)
	}
	return append(dst, m.text...)
}

// infosAnswer is a list of processes.
type infosAnswer []supervisor.Info

// AppendXMLRPC implements [xmlrpc.Appender].
func (a infosAnswer) AppendXMLRPC(dst []byte) []byte {
	dst = xmlrpc.AppendArrayStart(dst)
	var m moments
	for i := range a {
		dst = append(m.appendInfo(dst, &a[i]), '\n')
	}
	return xmlrpc.AppendArrayEnd(dst)
}

// seconds is t as the wire has it: 0 for never, and within 32 bits.
// Supervisor 4.2.5, rpcinterface.py, capped_int.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return min(max(t.Unix(), math.MinInt32), math.MaxInt32)
}

// configsAnswer is a list of configurations of processes.
type configsAnswer []supervisor.ConfigInfo

// AppendXMLRPC implements [xmlrpc.Appender].
func (a configsAnswer) AppendXMLRPC(dst []byte) []byte {
	dst = xmlrpc.AppendArrayStart(dst)
	for i := range a {
		dst = append(appendConfig(dst, &a[i]), '\n')
	}
	return xmlrpc.AppendArrayEnd(dst)
}

// appendConfig writes what one process is configured to do. The member
// autorestart is that of 4.4, where true cannot be encoded; a size over 32
// bits is an i8, where the original's whole answer is status 500.
// Supervisor 4.2.5, rpcinterface.py, getAllConfigInfo.
func appendConfig(dst []byte, c *supervisor.ConfigInfo) []byte {
	p := c.Process
	dst = xmlrpc.AppendStructStart(dst)
	dst = xmlrpc.AppendMemberBool(dst, "autostart", p.AutoStart)
	dst = appendRestart(dst, p.AutoRestart)
	dst = xmlrpc.AppendMemberString(dst, "directory", orNone(p.Directory))
	if p.UID >= 0 {
		dst = xmlrpc.AppendMemberInt(dst, "uid", int64(p.UID))
	} else {
		dst = xmlrpc.AppendMemberString(dst, "uid", "none")
	}
	dst = xmlrpc.AppendMemberString(dst, "command", p.Command)
	dst = appendCodes(dst, p.ExitCodes)
	dst = xmlrpc.AppendMemberString(dst, "group", p.Group)
	dst = xmlrpc.AppendMemberInt(dst, "group_prio", int64(c.GroupPriority))
	dst = xmlrpc.AppendMemberBool(dst, "inuse", c.InUse)
	dst = xmlrpc.AppendMemberBool(dst, "killasgroup", p.KillAsGroup)
	dst = xmlrpc.AppendMemberString(dst, "name", p.Name)
	dst = xmlrpc.AppendMemberInt(dst, "process_prio", int64(p.Priority))
	dst = xmlrpc.AppendMemberBool(dst, "redirect_stderr", p.RedirectStderr)
	dst = xmlrpc.AppendMemberInt(dst, "startretries", int64(p.StartRetries))
	dst = xmlrpc.AppendMemberInt(dst, "startsecs", int64(p.StartWait/time.Second))
	dst = appendChannel(dst, "stdout", &p.Stdout, c.StdoutLog)
	dst = xmlrpc.AppendMemberInt(dst, "stopsignal", int64(p.StopSignal))
	dst = xmlrpc.AppendMemberInt(dst, "stopwaitsecs", int64(p.StopWait/time.Second))
	dst = appendChannel(dst, "stderr", &p.Stderr, c.StderrLog)
	serverURL := p.ServerURL
	if p.AutoServerURL {
		serverURL = "" // the original finds it out when it starts the process
	}
	dst = xmlrpc.AppendMemberString(dst, "serverurl", orNone(serverURL))
	return xmlrpc.AppendStructEnd(dst)
}

func appendChannel(dst []byte, name string, ch *config.Channel, path string) []byte {
	dst = xmlrpc.AppendMemberInt(dst, name+"_capture_maxbytes", ch.CaptureMaxBytes)
	dst = xmlrpc.AppendMemberBool(dst, name+"_events_enabled", ch.Events)
	dst = xmlrpc.AppendMemberString(dst, name+"_logfile", orNone(path))
	dst = xmlrpc.AppendMemberInt(dst, name+"_logfile_backups", int64(ch.Backups))
	dst = xmlrpc.AppendMemberInt(dst, name+"_logfile_maxbytes", ch.MaxBytes)
	return xmlrpc.AppendMemberBool(dst, name+"_syslog", ch.Syslog)
}

func appendRestart(dst []byte, r proc.Restart) []byte {
	if r == proc.RestartUnexpected {
		return xmlrpc.AppendMemberString(dst, "autorestart", "unexpected")
	}
	return xmlrpc.AppendMemberBool(dst, "autorestart", r == proc.RestartAlways)
}

func appendCodes(dst []byte, codes []int) []byte {
	dst = xmlrpc.AppendMemberStart(dst, "exitcodes")
	dst = xmlrpc.AppendArrayStart(dst)
	for _, c := range codes {
		dst = append(xmlrpc.AppendInt(dst, int64(c)), '\n')
	}
	return xmlrpc.AppendMemberEnd(xmlrpc.AppendArrayEnd(dst))
}

// orNone is how the answer spells what is not set.
func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
