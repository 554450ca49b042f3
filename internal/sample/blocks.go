package sample

// preamble is the head of the sample.
const preamble = `
Configuration of supervisord and supervisorctl. Every option there is stands
below. Those behind a comment sign are off, and show their default; where a
default can't be shown, the remark at the end of the line tells it.

How this file is read:
 - A comment begins with a semicolon or a number sign, at the start of a line
   or after a blank. Quotes do not protect from that: a command that needs
   such a sign after a blank belongs into a script.
 - A line that is indented more than its option continues the value.
 - %(ENV_HOME)s is the environment variable HOME of supervisord, %(here)s the
   directory of this file. Neither $HOME nor, in most places, ~ is expanded.
   A percent sign of your own is written twice.
 - Only environment= takes quotes away. In all other values they are part of
   what you write, and command= splits its value as a shell would.

"supervisord -t -c FILE" checks a file and starts nothing.

The paths here are in /tmp since that exists everywhere. Choose others before
you rely on them: many systems remove old files from /tmp, and without its
socket supervisord can't be reached by supervisorctl.
`

// blocks are the sections with their prose, in the order of the sample.
// Supervisor 4.2.5, skel/sample.conf, has the same ones active.
var blocks = []block{
	{
		kind: "unix_http_server", header: "unix_http_server", active: []string{"file"},
		prose: `
Where supervisorctl, and every other client on this machine, reaches
supervisord. Who may write to the socket may do everything. With a username
there must be a password, and supervisorctl needs the same.`,
	},
	{
		kind: "inet_http_server", header: "inet_http_server",
		prose: `
The same for clients that come over TCP, and the status page for browsers. It
is off. Who reaches this port may run any command as supervisord's user, with
nothing but the password to keep him from it, and without tls_certificate the
password crosses the network in the clear: bind it to the loopback address or
to a network that you trust, and never to the internet. A port that other
machines can reach needs a password, an account, or the last option here.`,
	},
	{
		kind: "account:NAME", header: "account:theaccountname",
		prose: `
Somebody who may do something, and nothing else, beside the users of the
servers. While there is such a section, every request must come from one of
them or from a user of a server. One way to identify is enough. What begins
with allowed_, and max_processes, is for the role define alone.`,
	},
	{
		kind: "supervisord", header: "supervisord",
		active: []string{"logfile", "logfile_maxbytes", "logfile_backups", "loglevel", "pidfile", "nodaemon",
			"silent", "minfds", "minprocs"},
		values: map[string]string{"logfile": "/tmp/supervisord.log", "pidfile": "/tmp/supervisord.pid"},
		prose: `
Supervisord itself. The levels of loglevel are critical, error, warn, info,
debug, trace and blather. In a container or under systemd, run it with
nodaemon=true or with the option -n.`,
	},
	{
		kind: "rpcinterface:NAME", header: "rpcinterface:supervisor",
		active: []string{"supervisor.rpcinterface_factory"},
		prose: `
The methods that supervisorctl and the status page call. Keep this section.`,
	},
	{
		kind: "rpcinterface:NAME", header: "rpcinterface:twiddler",
		values: map[string]string{"supervisor.rpcinterface_factory": "supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface"},
		prose: `
Methods that add and remove programs while supervisord runs. Each extension
has a section of this kind; its further options go to the extension.`,
	},
	{
		kind: "supervisorctl", header: "supervisorctl", active: []string{"serverurl"},
		values: map[string]string{"serverurl": "unix:///tmp/supervisor.sock"},
		prose: `
How supervisorctl reaches supervisord: unix:// and the file of the socket, or
http://host:port for a server on TCP. User name and password are those of
that server.`,
	},
	{
		kind: "program:NAME", header: "program:theprogramname",
		prose: `
A program to run. Its name comes after the colon, and there may be any number
of these sections. A command without a slash is looked for on PATH. It must
stay in the foreground: supervisord takes a command that puts itself into the
background for one that has ended.`,
	},
	{
		kind: "fcgi-program:NAME", header: "fcgi-program:thefcgiprogramname",
		prose: `
A FastCGI program. Supervisord opens the socket and gives it to each of the
processes as standard input.`,
	},
	{
		kind: "eventlistener:NAME", header: "eventlistener:theeventlistenername",
		values: map[string]string{"command": "/path/to/listener"},
		prose: `
A program that is told of events over its standard input, and answers on its
standard output. It starts before other programs: its pool has the priority
-1 unless you set one.`,
	},
	{
		kind: "group:NAME", header: "group:thegroupname",
		prose: `
Programs that are started and stopped as one, under the name thegroupname:*.
A program of a group is no longer a group of its own.`,
	},
	{
		kind: "ctlplugin:NAME", header: "ctlplugin:thepluginname",
		prose: `
A plugin of supervisorctl, with options of its own.`,
	},
	{
		kind: "include", header: "include",
		prose: `
More files to read, with blanks or line ends between the patterns. Those that
are relative begin at the directory of this file. An [include] of an included
file is ignored.`,
	},
}
