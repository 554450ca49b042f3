package config

import "strings"

// goodCases are configurations that both read without an error. None has an
// environment= on which Supervisor 4.2.5 and 4.4 differ.
var goodCases = []referenceCase{
	{name: "empty supervisord", text: "[supervisord]\n"},
	{name: "supervisord options", text: `[supervisord]
logfile=%(here)s/main.log
logfile_maxbytes=1KB
logfile_backups = 0
loglevel=BLATHER
pidfile=x/../y.pid
umask=0o77
nodaemon=TRUE
silent=on
minfds=1_0
minprocs= +5
nocleanup=1
childlogdir=%(here)s
user=root
directory=/tmp
strip_ansi=yes
identifier=id %(ENV_PATH)s
environment=A=1,B="x,y",C='z',LOG="%(here)s"
`, files: map[string]string{"x/empty": ""}},
	{name: "logfile syslog", text: "[supervisord]\nlogfile=syslog\npidfile=AUTO\n"},
	{name: "flags win", text: "[supervisord]\nloglevel=debug\nlogfile=a.log\nminfds=5\nnodaemon=false\n", flags: []Override{
		{"loglevel", "-e", "trace"}, {"logfile", "--logfile", "none"}, {"minfds", "-a", "7"},
		{"nodaemon", "-n", ""}, {"user", "-u", "0"}, {"identifier", "-i", "me"}, {"umask", "-m", "77"},
		{"childlogdir", "-q", "/"}, {"logfile_maxbytes", "-y", "1mb"}, {"strip_ansi", "-t", ""},
	}},
	{name: "program defaults", text: "[supervisord]\n[program:a]\ncommand=/bin/cat\n"},
	{name: "program options", text: `[supervisord]
environment=GLOBAL="g",SHADOW="g"
[program: web ]
command=/bin/cat %(process_num)02d %(numprocs)s %(ENV_GLOBAL)s %(ENV_OWN)s %(program_name)-5s| %%d
process_name=%(group_name)s_%(program_name)s_%(process_num)x
numprocs=12
numprocs_start=-1
priority=5
autostart=off
autorestart=Unexpected
startsecs=-1
startretries=0
exitcodes= 0 , 2,255
stopsignal= sigusr1
stopwaitsecs=٣
stopasgroup=true
user=0
umask=022
directory=/tmp/%(process_num)s
environment=OWN="%(process_num)s",SHADOW="p"
redirect_stderr=true
stdout_logfile=/tmp/%(program_name)s-%%(process_num)s.log
stdout_logfile_maxbytes=%(process_num)sKB
stdout_logfile_backups=%(ENV_OWN)s
stdout_capture_maxbytes=1MB
stdout_events_enabled=true
stdout_syslog=true
stderr_events_enabled=on
serverurl=http://x:%(ENV_GLOBAL)s
`},
	{name: "restart words", text: `[supervisord]
[program:a]
command=a
autorestart=1
[program:b]
command=b
autorestart=NO
stopsignal=0
[program:c]
command=c
stopsignal=rtmin
serverurl= auto
[program:d]
command=d
serverurl=
stopsignal=SIG_SETMASK
`},
	{name: "log names", text: `[supervisord]
[program:a]
command=a
stdout_logfile=NONE
stderr_logfile=/dev/stdout
[program:b]
command=b
stdout_logfile=Syslog
stderr_logfile=off
[program:c]
command=c
stdout_logfile_maxbytes=0
stderr_logfile=relative.log
stderr_logfile_maxbytes=0
[program:d]
command=d
redirect_stderr=true
stderr_logfile=ignored.log
stderr_logfile_maxbytes=0
[program:e]
command=e
redirect_stderr=true
stderr_logfile_maxbytes=0
[program:f]
command=f
redirect_stderr=true
stderr_logfile=syslog
`},
	{name: "no processes", text: "[supervisord]\n[program:a]\nnumprocs=0\n[program:b]\nnumprocs=-3\n"},
	{name: "empty command and name with slash by expansion", text: `[supervisord]
[program:a]
command=
process_name=%(here)s
`},
	{name: "order of groups", text: `[supervisord]
[program:z]
command=z
[program:b]
command=b
priority=999
[program:a]
command=a
priority=1000
[program:first]
command=f
priority=-5
[eventlistener:l]
command=l
events=TICK_5
[group:g]
programs=z,b
priority=3
`},
	{name: "members keep order", text: `[supervisord]
[DEFAULT]
priority=7
[program:z]
command=z
priority=2
[program:b]
command=%(group_name)s %(program_name)s %(here)s
process_name=%(program_name)s_%(process_num)s
numprocs=11
[group:g]
programs = z , b , z
[group:h]
programs=b
[group:empty]
[group:alsoempty]
programs=
`},
	{name: "group named like a program", text: "[supervisord]\n[program:a]\ncommand=a\n[program:b]\ncommand=b\n[group:a]\nprograms=b\npriority=5\n"},
	{name: "listeners", text: `[supervisord]
[eventlistener:a]
command=a
events=tick_5,PROCESS_STATE, tick_5
buffer_size=1
numprocs=2
process_name=a%(process_num)d
redirect_stderr=no
[eventlistener: spaced]
command=%(program_name)s in %(group_name)s
priority=4
events=EVENT
stdout_events_enabled=true
`},
	{name: "all events", text: "[supervisord]\n[eventlistener:a]\ncommand=a\nevents=" + strings.Join(originalEvents, ",") + "\n"},
	{name: "fcgi", text: `[supervisord]
[fcgi-program:a]
command=a
socket=unix:///tmp/../var/%(program_name)s.sock
[fcgi-program:b]
command=b
user=daemon
socket=unix:///tmp/b.sock
socket_mode=0755
socket_backlog=65535
priority=1
[fcgi-program:c]
command=c
socket=unix:///tmp/c.sock
socket_owner=daemon:0
[fcgi-program:d]
command=d
socket=tcp://LocalHost:9002
[fcgi-program:e]
command=e
socket=tcp://x:1
[group:g]
programs=e
`},
	{name: "servers", text: `[supervisord]
environment=PORT="9001"
[unix_http_server2]
file= %(here)s/../b.sock
chmod=0777
chown=root:root
[inet_http_server:a]
port=*:%(ENV_PORT)s
username=u
password={SHA}82ab876d1387bfafe46cc1c8a2ef074eae50cb1d
[unix_http_server]
file=/tmp//a.sock
[inet_http_server]
port=LOCALHOST:1
[inet_http_server:b]
port= 65535
allow_unauthenticated_network=true
`},
	{name: "last inet server is the url", text: "[supervisord]\n[inet_http_server:a]\nport=h:1\n[inet_http_server:b]\nport=:2\nallow_unauthenticated_network=true\n"},
	{name: "plugins", text: `[supervisord]
environment=E="1"
[DEFAULT]
extra=%(ENV_E)s
[rpcinterface:b]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
Key=%(ENV_E)s%%
[rpcinterface:a:b]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
`},
	{name: "includes", text: `[include]
files=conf.d/*.conf %(here)s/none/*.ini
  more.ini conf.d
[program:a]
command=%(here)s
[inet_http_server]
port=%(here)s:1
`, files: map[string]string{
		"conf.d/b.conf":       "[program:a]\nautostart=false\n[program:b]\ncommand=%(here)s\n",
		"conf.d/a.conf":       "[supervisord]\nidentifier=included\n[include]\nfiles=ignored\n",
		"conf.d/.hidden.conf": "[broken",
		"more.ini":            "[program:c]\ncommand=c\n",
	}},
	{name: "twice the same section", text: "[supervisord]\n[program:a]\ncommand=a\nautostart=no\n[program:a]\ncommand=b\n"},
}

// originalEvents are the events that Supervisor itself has; a name that ends
// earlier than others covers them. Supervisor 4.2.5, events.py, EventTypes.
var originalEvents = []string{
	"EVENT",
	"PROCESS_COMMUNICATION", "PROCESS_COMMUNICATION_STDERR", "PROCESS_COMMUNICATION_STDOUT",
	"PROCESS_GROUP", "PROCESS_GROUP_ADDED", "PROCESS_GROUP_REMOVED",
	"PROCESS_LOG", "PROCESS_LOG_STDERR", "PROCESS_LOG_STDOUT",
	"PROCESS_STATE", "PROCESS_STATE_BACKOFF", "PROCESS_STATE_EXITED", "PROCESS_STATE_FATAL",
	"PROCESS_STATE_RUNNING", "PROCESS_STATE_STARTING", "PROCESS_STATE_STOPPED", "PROCESS_STATE_STOPPING",
	"PROCESS_STATE_UNKNOWN",
	"REMOTE_COMMUNICATION",
	"SUPERVISOR_STATE_CHANGE", "SUPERVISOR_STATE_CHANGE_RUNNING", "SUPERVISOR_STATE_CHANGE_STOPPING",
	"TICK", "TICK_3600", "TICK_5", "TICK_60",
}
