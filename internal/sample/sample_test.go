package sample

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"example.org/twiddler/internal/config"
)

// everything is the sample with nothing commented out.
func everything() string {
	return regexp.MustCompile(`(?m)^;([a-z\[])`).ReplaceAllString(Text(), "$1")
}

// load reads a text as the configuration of root on this machine.
func load(t *testing.T, text string) (*config.Config, error) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "supervisord.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"server.pem", "server.key", "ca.pem", "password"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return config.Load(config.LoadOptions{
		Path: path, Cwd: dir, TempDir: dir, Hostname: "host",
		LookupUser:  func(string) (int, int, error) { return 65534, 65534, nil },
		LookupGroup: func(string) (int, error) { return 65534, nil },
	})
}

func TestLoads(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"as it is": Text(), "everything": everything()} {
		cfg, err := load(t, text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, m := range cfg.Messages {
			if !strings.HasPrefix(m.Text, "No file matches via include ") {
				t.Errorf("%s: %s", name, m.Text)
			}
		}
	}
	cfg, err := load(t, Text())
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Servers) != 1 || cfg.Servers[0].File != "/tmp/supervisor.sock" || len(cfg.Groups) != 0 {
		t.Errorf("servers %+v, groups %+v; want the socket alone", cfg.Servers, cfg.Groups)
	}
	if got := cfg.Supervisord.Logfile; got != "/tmp/supervisord.log" {
		t.Errorf("logfile = %s", got)
	}
}

func TestExamples(t *testing.T) {
	t.Parallel()
	for _, k := range config.Sections() {
		for _, o := range k.Options {
			if o.Default == "" && examples[o.Key] == "" {
				t.Errorf("%s in [%s] has neither a default nor an example", o.Key, k.Name)
			}
		}
	}
}

// TestDefaults switches on all options that show a default, and finds that
// nothing changes.
func TestDefaults(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"program", "fcgi-program", "eventlistener"} {
		var kind config.SectionKind
		for _, k := range config.Sections() {
			if k.Name == name+":NAME" {
				kind = k
			}
		}
		least := "[supervisord]\n[" + name + ":x]\n"
		all := least
		_, section, _ := strings.Cut(Text(), "\n;["+name+":")
		section, _, _ = strings.Cut(section, "\n;[")
		for _, o := range kind.Options {
			_, line, _ := strings.Cut(section, "\n;"+o.Key+"=")
			line, _, _ = strings.Cut(line, " ")
			switch {
			case o.Absent == "an error":
				least += o.Key + "=" + line + "\n"
				fallthrough
			case o.Default != "":
				all += o.Key + "=" + line + "\n"
			}
		}
		want, err := load(t, least)
		if err != nil {
			t.Fatal(err)
		}
		got, err := load(t, all)
		if err != nil {
			t.Fatal(err)
		}
		// What an event listener's processes have as priority is nothing that
		// its section can say without the group's. Where a program was written is
		// another place for each.
		for _, cfg := range []*config.Config{want, got} {
			for _, g := range cfg.Groups {
				g.Base, g.Section = nil, nil
				for _, p := range g.Processes {
					p.Priority, p.Section = 0, nil
				}
			}
		}
		if len(got.Groups) != 1 || !reflect.DeepEqual(got.Groups, want.Groups) {
			t.Errorf("%s: the defaults shown are not those in force:\n%+v\n%+v", name, got.Groups[0], want.Groups[0])
		}
	}
}

func TestComplete(t *testing.T) {
	t.Parallel()
	text := everything()
	for _, k := range config.Sections() {
		prefix, _ := strings.CutSuffix(k.Name, "NAME")
		_, section, ok := strings.Cut(text, "\n["+prefix)
		if !ok {
			t.Errorf("no section %s", k.Name)
			continue
		}
		section, _, _ = strings.Cut(section, "\n[")
		for _, o := range k.Options {
			if !strings.Contains(section, "\n"+o.Key+"=") {
				t.Errorf("[%s] has no %s", k.Name, o.Key)
			}
		}
	}
}

// TestActive holds the options that people change in the sample with sed.
func TestActive(t *testing.T) {
	t.Parallel()
	for _, want := range []string{
		"[unix_http_server]", "file=/tmp/supervisor.sock ", "[supervisord]", "logfile=/tmp/supervisord.log ",
		"logfile_maxbytes=50MB ", "logfile_backups=10 ", "loglevel=info ", "pidfile=/tmp/supervisord.pid ",
		"nodaemon=false ", "silent=false ", "minfds=1024 ", "minprocs=200 ", "[rpcinterface:supervisor]",
		"[supervisorctl]", "serverurl=unix:///tmp/supervisor.sock ", ";[include]", ";[inet_http_server]",
		";port=127.0.0.1:9001 ", ";[program:theprogramname]", ";[eventlistener:theeventlistenername]",
		";[group:thegroupname]",
	} {
		if !strings.Contains(Text(), "\n"+want) {
			t.Errorf("no line begins with %q", want)
		}
	}
}

// TestReference has the real Supervisor read the sample, and all of it.
func TestReference(t *testing.T) {
	t.Parallel()
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import supervisor").Run(); err != nil {
		t.Skip("Supervisor is not installed")
	}
	// The original has no such extension until its package is installed.
	all := strings.Replace(everything(), "supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface",
		"supervisor.rpcinterface:make_main_rpcinterface", 1)
	for name, text := range map[string]string{"as it is": Text(), "everything": all} {
		path := filepath.Join(t.TempDir(), "supervisord.conf")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(python, "-c", `import sys
from supervisor.options import ServerOptions, ClientOptions
server = ServerOptions()
server.realize(["-c", sys.argv[1]])
if sys.argv[2] == "as it is":
    ClientOptions().realize(["-c", sys.argv[1], "status"])
print([w for w in server.parse_warnings if "No file matches" not in w])`, path, name).CombinedOutput()
		if err != nil || string(out) != "[]\n" {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestPrint(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	if got := Main([]string{"echo_supervisord_conf", "--ignored"}, &stdout, &stderr); got != 0 || stdout.String() != Text() || stderr.Len() > 0 {
		t.Errorf("status = %d, stderr %q", got, stderr.String())
	}
	if got := Main(nil, full{}, &stderr); got != 1 || !strings.Contains(stderr.String(), "no space left") {
		t.Errorf("full disk: status = %d, stderr %q", got, stderr.String())
	}
}
