package config

import "strings"

// bad makes a case of one [program:x] with these lines.
func bad(name string, lines ...string) referenceCase {
	return referenceCase{name: name, text: "[supervisord]\n[program:x]\ncommand=/bin/cat\n" + strings.Join(lines, "\n") + "\n"}
}

// in makes a case of one other section with these lines.
func in(section, name string, lines ...string) referenceCase {
	return referenceCase{name: section + " " + name, text: "[supervisord]\n[" + section + "]\n" + strings.Join(lines, "\n") + "\n"}
}

// sup makes a case of [supervisord] with these lines.
func sup(name string, lines ...string) referenceCase {
	return referenceCase{name: "supervisord " + name, text: "[supervisord]\n" + strings.Join(lines, "\n") + "\n"}
}

// flag makes a case of a command line.
func flag(flags ...Override) referenceCase {
	name := "flag"
	for _, f := range flags {
		name += " " + f.Flag + " " + f.Value
	}
	return referenceCase{name: name, text: "[supervisord]\nloglevel=nonsense\n", flags: flags}
}

// badCases are configurations that both refuse.
var badCases = []referenceCase{
	{name: "no supervisord section", text: "[program:a]\ncommand=a\n"},
	{name: "no header", text: "command=a\n"},
	{name: "parse errors", text: "[supervisord]\nnonsense\n[program:a]\nmore nonsense\n"},
	{name: "include without files", text: "[supervisord]\n[include]\n"},
	{name: "include bad format", text: "[supervisord]\n[include]\nfiles=%(nope\n"},
	{name: "broken included file", text: "[supervisord]\n[include]\nfiles=a.ini\n", files: map[string]string{"a.ini": "junk\n"}},
	{name: "broken included line", text: "[supervisord]\n[include]\nfiles=a.ini\n", files: map[string]string{"a.ini": "[x]\njunk\n"}},
	{name: "program in included file", text: "[supervisord]\n[include]\nfiles=*.ini\n", files: map[string]string{"it's.ini": "[program:x]\nautostart=no\n"}},
	{name: "section continued in included file", text: "[supervisord]\n[include]\nfiles=*.ini\n[program:x]\nautostart=no\n",
		files: map[string]string{"a.ini": "[program:x]\npriority=b\n"}},

	flag(Override{"loglevel", "-e", "loud"}),
	flag(Override{"loglevel", "--loglevel", "warning"}),
	flag(Override{"minfds", "-a", "x"}),
	flag(Override{"umask", "-m", "9"}),
	flag(Override{"directory", "-d", "/nope"}),
	flag(Override{"logfile", "-l", "/nope/x"}),
	flag(Override{"logfile_maxbytes", "-y", "1tb"}),
	flag(Override{"loglevel", "-e", "info"}, Override{"loglevel", "--loglevel", "info"}),
	flag(Override{"nodaemon", "-n", ""}, Override{"nodaemon", "-n", ""}),
	flag(Override{"user", "-u", "nosuchuser"}),
	{name: "flag user", text: "[supervisord]\nuser=alsonot\n", flags: []Override{{"user", "-u", "nosuchuser"}}},

	sup("minfds", "minfds=many"),
	sup("minprocs", "minprocs="),
	sup("directory", "directory=/nope"),
	sup("user", "user=nosuchuser"),
	sup("uid", "user=4242424"),
	sup("empty user", "user="),
	sup("user is last", "user=nosuchuser", "[inet_http_server]", "port=x"),
	sup("umask", "umask=8"),
	sup("logfile", "logfile=/nope/x.log"),
	sup("logfile_maxbytes", "logfile_maxbytes=1TB"),
	sup("logfile_backups", "logfile_backups=1.5"),
	sup("loglevel", "loglevel=Warning"),
	sup("empty loglevel", "loglevel="),
	sup("pidfile", "pidfile=~nosuchuser/x"),
	sup("nodaemon", "nodaemon=y"),
	sup("silent", "silent="),
	sup("childlogdir", "childlogdir=relative"),
	sup("nocleanup", "nocleanup=2"),
	sup("strip_ansi", "strip_ansi=t"),
	sup("environment", "environment=A"),
	sup("environment quote", `environment=A="x`),
	// Supervisor 4.2.5 expands it twice and says supervisord.environment here.
	{name: "supervisord environment name", text: "[supervisord]\nenvironment=A=%(nope)s\n",
		ours: "Format string 'A=%(nope)s' for 'environment' contains names ('nope') which cannot be " +
			"expanded. Available names: ENV_HOME, ENV_LC_ALL, ENV_PATH, here, host_node_name"},
	sup("format", "identifier=50%"),
	sup("format char", "identifier=%(here)b"),
	sup("format type", "identifier=%(here)d"),
	sup("order", "umask=x", "minfds=x", "[program:x]"),

	bad("priority", "priority=high"),
	bad("priority in its group", "priority=high", "[group:g]", "programs=x"),
	bad("priority name", "priority=%(program_name)s"),
	bad("autostart", "autostart=maybe"),
	bad("autostart empty", "autostart="),
	bad("autorestart", "autorestart=MAYBE"),
	bad("startsecs", "startsecs=0x10"),
	bad("startsecs underscore", "startsecs=_1"),
	bad("startretries", "startretries="),
	bad("long number", "startretries="+strings.Repeat("x", 300)),
	bad("exitcodes", "exitcodes=0,"),
	bad("exitcodes range", "exitcodes=0,256"),
	bad("exitcodes text", "exitcodes=a'b"),
	bad("stopsignal", "stopsignal=NOPE"),
	bad("stopsignal number", "stopsignal=35"),
	bad("stopsignal plus", "stopsignal=RTMIN+1"),
	bad("stopwaitsecs", "stopwaitsecs=1s"),
	bad("stopasgroup", "stopasgroup=true", "killasgroup=false"),
	bad("numprocs", "numprocs=2"),
	bad("numprocs text", "numprocs=x"),
	bad("numprocs_start", "numprocs_start=x"),
	bad("once names", "startsecs=%(process_num)d"),
	bad("user", "user=nosuchuser"),
	bad("uid", "user=4242424"),
	bad("empty user", "user="),
	bad("umask", "umask=abc"),
	bad("process_name", "process_name=a b"),
	bad("process_name colon", "process_name=a:/b"),
	bad("process_name format", "process_name=%(nope)s"),
	bad("redirect_stderr", "redirect_stderr=x"),
	bad("capture", "stdout_capture_maxbytes=1k"),
	bad("events", "stderr_events_enabled=x"),
	bad("environment", "environment=A=1 B=2"),
	bad("environment name", "environment=A='%(ENV_NOPE)s'"),
	bad("environment own name", "environment=A=1,B='%(ENV_A)s'"),
	bad("directory", "directory=%(nope)s"),
	bad("stdout_logfile", "stdout_logfile=/nope/x"),
	bad("stderr_logfile", "stderr_logfile=nope/x", "redirect_stderr=true"),
	bad("logfile second expansion", "stdout_logfile=%%d"),
	bad("logfile second name", "stdout_logfile=%%(nope)s"),
	bad("backups", "stdout_logfile_backups=x"),
	bad("maxbytes", "stderr_logfile_maxbytes=10 MiB"),
	bad("syslog", "stdout_syslog=x"),
	bad("command format", "command=date +%Y"),
	bad("command percent", "command=echo 5%"),
	bad("command name", "command=%(process_nam)s"),
	bad("serverurl", "serverurl=%(numprocs)s"),
	in("program:x", "without command", "autostart=true"),
	in("program:", "empty name without command"),
	in("program:a b", "name", "command=a"),
	in("program:a/b", "name", "command=a"),
	in("program:a:b", "name", "command=a"),
	{name: "name in a group", text: "[supervisord]\n[program:a b]\ncommand=a\n[group:g]\nprograms=a b\n"},
	{name: "first error of several", text: "[supervisord]\n[program:b]\ncommand=b\nstartsecs=x\nautostart=x\n[program:a]\n[group:g]\nprograms=a\n"},

	in("group:a b", "name"),
	in("group:g", "unknown member", "programs=a"),
	in("group:g", "trailing comma", "programs=a,", "[program:a]", "command=a"),
	in("group:g", "second unknown", "programs=a,c", "[program:a]", "command=a"),
	in("group:g", "listener", "programs=l", "[eventlistener:l]", "command=a", "events=EVENT"),
	in("group:g", "ambiguous", "programs=a", "[program:a]", "command=a", "[fcgi-program:a]", "command=a"),
	in("group:g", "priority", "priority=x"),

	in("eventlistener:l", "priority", "priority=x"),
	in("eventlistener:l", "buffer_size", "buffer_size=0"),
	in("eventlistener:l", "buffer_size text", "buffer_size=x"),
	in("eventlistener:l", "no events", "command=a"),
	in("eventlistener:l", "empty events", "command=a", "events="),
	in("eventlistener:l", "unknown event", "command=a", "events=TICK_5,nope"),
	in("eventlistener:l", "empty event", "command=a", "events=TICK_5,"),
	in("eventlistener:l", "redirect_stderr", "command=a", "events=TICK_5", "redirect_stderr=1"),
	in("eventlistener:l", "redirect_stderr text", "command=a", "events=TICK_5", "redirect_stderr=x"),
	in("eventlistener:l", "no command", "events=TICK_5"),
	in("eventlistener:a/b", "name", "command=a", "events=TICK_5"),

	in("fcgi-program:f", "no socket", "command=a"),
	in("fcgi-program:f", "empty socket", "command=a", "socket="),
	in("fcgi-program:f", "bad socket", "command=a", "socket=it's"),
	in("fcgi-program:f", "relative socket", "command=a", "socket=unix://a"),
	in("fcgi-program:f", "tcp without port", "command=a", "socket=tcp://a"),
	in("fcgi-program:f", "tcp port", "command=a", "socket=tcp://a:0"),
	in("fcgi-program:f", "tcp big port", "command=a", "socket=tcp://a:70000"),
	in("fcgi-program:f", "tcp6", "command=a", "socket=tcp://[::1]:90"),
	in("fcgi-program:f", "tcp owner", "command=a", "socket=tcp://a:1", "socket_owner=root"),
	in("fcgi-program:f", "tcp mode", "command=a", "socket=tcp://a:1", "socket_mode=1"),
	in("fcgi-program:f", "owner", "command=a", "socket=unix:///a", "socket_owner=nosuch"),
	in("fcgi-program:f", "mode", "command=a", "socket=unix:///a", "socket_mode=9"),
	in("fcgi-program:f", "backlog", "command=a", "socket=unix:///a", "socket_backlog=0"),
	in("fcgi-program:f", "backlog text", "command=a", "socket=unix:///a", "socket_backlog=x"),
	in("fcgi-program:f", "user", "command=a", "socket=unix:///a", "user=nosuch"),
	in("fcgi-program:f", "socket name", "command=a", "socket=unix:///%(process_num)s"),
	in("fcgi-program:f", "no command", "socket=unix:///a"),
	in("fcgi-program:a b", "name", "socket=unix:///a"),

	in("inet_http_server", "no port", "username=a", "password=b"),
	in("inet_http_server", "port", "port=x"),
	in("inet_http_server", "port zero", "port=0"),
	in("inet_http_server", "host without port", "port=h:"),
	in("inet_http_server", "host and text", "port=h:abc"),
	in("inet_http_server", "port below", "port=h:0"),
	in("inet_http_server", "port above", "port=:70000"),
	in("inet_http_server", "here", "port=%(here)s"),
	in("inet_http_server:a", "half authentication", "port=1", "username=a"),
	in("unix_http_server", "half authentication", "file=/tmp/a", "password="),
	in("unix_http_server", "no file", "chmod=x"),
	in("unix_http_server", "chmod", "file=a", "chmod=9"),
	in("unix_http_server", "chown", "file=a", "chown=nosuch:root"),
	in("unix_http_server", "chown group", "file=a", "chown=root:nosuch"),
	in("unix_http_server", "password percent", "file=a", "username=a", "password=5%"),

	in("rpcinterface:r", "no factory", "a=b"),
	in("rpcinterface:r", "format", "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface", "a=%"),
}
