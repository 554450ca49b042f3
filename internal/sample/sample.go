package sample

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"example.org/twiddler/internal/config"
)

// Main prints the sample and returns the exit status: 0, or 1 if stdout does
// not take it. Arguments are ignored. Supervisor 4.2.5, confecho.py.
func Main(_ []string, stdout, stderr io.Writer) int {
	if _, err := io.WriteString(stdout, Text()); err != nil {
		fmt.Fprintf(stderr, "echo_supervisord_conf: cannot print the sample: %v\n", err)
		return 1
	}
	return 0
}

// A block is one section of the sample.
type block struct {
	kind   string            // as config.Sections names it
	header string            // the section's name
	prose  string            // what stands before it
	active []string          // keys that are not commented out; none: nor is the header
	values map[string]string // by key, where neither the default nor the common example is right
}

// column is where the remarks begin.
const column = 45

// Text is the sample. It loads as it is, in Supervisor too; with every comment
// sign before an option removed it still does, once the extension is built in.
func Text() string {
	var b strings.Builder
	comment(&b, preamble)
	kinds := map[string]config.SectionKind{}
	for _, k := range config.Sections() {
		kinds[k.Name] = k
	}
	for _, s := range blocks {
		write(&b, s, kinds[s.kind])
	}
	for _, k := range config.Sections() {
		if slices.ContainsFunc(blocks, func(s block) bool { return s.kind == k.Name }) {
			continue
		}
		header := strings.ReplaceAll(k.Name, "NAME", "thename")
		write(&b, block{kind: k.Name, header: header, prose: "This section describes " + k.Help + "."}, k)
	}
	return b.String()
}

// comment writes prose.
func comment(b *strings.Builder, prose string) {
	for line := range strings.Lines(strings.TrimSpace(prose)) {
		b.WriteString(strings.TrimRight("; "+line, " \n") + "\n")
	}
}

// write writes one section.
func write(b *strings.Builder, s block, kind config.SectionKind) {
	b.WriteByte('\n')
	comment(b, s.prose)
	b.WriteByte('\n')
	off := ";"
	if len(s.active) > 0 {
		off = ""
	}
	fmt.Fprintf(b, "%s[%s]\n", off, s.header)
	for _, o := range sorted(kind.Options) {
		off := ";"
		if slices.Contains(s.active, o.Key) {
			off = ""
		}
		value, ok := s.values[o.Key]
		if !ok {
			value = cmp.Or(o.Default, examples[o.Key])
		}
		line := fmt.Sprintf("%s%s=%s", off, o.Key, value)
		fmt.Fprintf(b, "%-*s ; %s\n", column, line, remark(o, value))
	}
}

// remark is what is said of an option. Its default is said where another value
// is shown.
func remark(o config.Option, value string) string {
	switch {
	case o.Default == "" && o.Absent == "an error":
		return o.Help + "; required"
	case o.Default == "" && o.Absent != value:
		return o.Help + "; default: " + o.Absent
	case o.Default != "" && o.Default != value:
		return o.Help + "; default: " + o.Default
	}
	return o.Help
}

// leading are the keys that say what a section is about, in the order in which
// one would write them. The others follow in the order of their table.
var leading = []string{
	"file", "port", "logfile", "logfile_maxbytes", "logfile_backups", "loglevel", "pidfile", "nodaemon",
	"silent", "minfds", "minprocs", "role", "groups", "command", "socket", "events", "process_name", "numprocs",
	"numprocs_start", "directory", "user", "umask", "programs", "priority",
}

// sorted returns the options with the leading ones first.
func sorted(options []config.Option) []config.Option {
	place := func(o config.Option) int {
		if i := slices.Index(leading, o.Key); i >= 0 {
			return i
		}
		return len(leading)
	}
	options = slices.Clone(options)
	slices.SortStableFunc(options, func(a, b config.Option) int { return place(a) - place(b) })
	return options
}

// examples are values for options without a default.
var examples = map[string]string{
	"allowed_commands":    "/opt/app/bin/*",
	"allowed_directories": "/var/log/app",
	"allowed_environment": "APP_*",
	"allowed_groups":      "app-*",
	"allowed_users":       "nobody",
	"certificate":         "client.example.com",
	"gid":                 "1000",
	"groups":              "app-*",
	"password_file":       "%(here)s/password",
	"role":                "define",
	"tls_ca":              "%(here)s/ca.pem",
	"tls_certificate":     "%(here)s/server.pem",
	"tls_client_ca":       "%(here)s/ca.pem",
	"tls_key":             "%(here)s/server.key",
	"uid":                 "1000",

	"childlogdir":    "/tmp",
	"chmod":          "0700",
	"chown":          "nobody:nogroup",
	"command":        "/bin/cat",
	"directory":      "/tmp",
	"environment":    `KEY="value",OTHER="two words"`,
	"events":         "PROCESS_STATE,TICK_60",
	"file":           "/tmp/supervisor.sock",
	"files":          "conf.d/*.conf",
	"history_file":   "~/.supervisorctl_history",
	"killasgroup":    "false",
	"password":       "secret",
	"port":           "127.0.0.1:9001",
	"programs":       "theprogramname",
	"socket":         "unix:///tmp/%(program_name)s.sock",
	"socket_backlog": "128",
	"socket_mode":    "0700",
	"socket_owner":   "nobody:nogroup",
	"umask":          "022",
	"user":           "nobody",
	"username":       "user",

	"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface",
	"supervisor.ctl_factory":          "module:callable",
}
