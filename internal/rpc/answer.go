package rpc

import (
	"math"
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
// Supervisor 4.2.5, rpcinterface.py, getProcessInfo.
func (a infoAnswer) AppendXMLRPC(dst []byte) []byte {
	i := (*supervisor.Info)(&a)
	dst = xmlrpc.AppendStructStart(dst)
	dst = appendText(dst, open+"name"+shut, i.Name)
	dst = appendText(dst, open+"group"+shut, i.Group)
	dst = appendNumber(dst, open+"start"+shut, seconds(i.Start))
	dst = appendNumber(dst, open+"stop"+shut, seconds(i.Stop))
	dst = appendNumber(dst, open+"now"+shut, seconds(i.Now))
	dst = appendNumber(dst, open+"state"+shut, int64(i.State))
	dst = appendText(dst, open+"statename"+shut, i.State.String())
	dst = appendText(dst, open+"spawnerr"+shut, i.SpawnErr)
	dst = appendNumber(dst, open+"exitstatus"+shut, int64(i.ExitStatus))
	dst = appendText(dst, open+"logfile"+shut, i.StdoutLog)
	dst = appendText(dst, open+"stdout_logfile"+shut, i.StdoutLog)
	dst = appendText(dst, open+"stderr_logfile"+shut, i.StderrLog)
	dst = appendNumber(dst, open+"pid"+shut, int64(i.PID))
	dst = appendText(dst, open+"description"+shut, i.Description())
	return xmlrpc.AppendStructEnd(dst)
}

// Around the name of a member. To put them together when compiling, and not to
// look for characters to escape, halves the time of a long list.
const (
	open = "<member>\n<name>"
	shut = "</name>\n"
)

func appendText(dst []byte, head, v string) []byte {
	return xmlrpc.AppendMemberEnd(xmlrpc.AppendString(append(dst, head...), v))
}

func appendNumber(dst []byte, head string, v int64) []byte {
	return xmlrpc.AppendMemberEnd(xmlrpc.AppendInt(append(dst, head...), v))
}

// infosAnswer is a list of processes.
type infosAnswer []supervisor.Info

// AppendXMLRPC implements [xmlrpc.Appender].
func (a infosAnswer) AppendXMLRPC(dst []byte) []byte {
	dst = xmlrpc.AppendArrayStart(dst)
	for i := range a {
		dst = append(infoAnswer(a[i]).AppendXMLRPC(dst), '\n')
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
