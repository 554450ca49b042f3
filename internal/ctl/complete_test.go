package ctl

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func completeFake(t *testing.T) *fake {
	f := newFake(t)
	f.answer("getAllProcessInfo", []any{
		process("cat", "cat", 20, "RUNNING", ""),
		process("web", "a-1", 20, "RUNNING", ""),
		process("web", "b", 0, "STOPPED", ""),
		process("evil\u202e", "evil\u202e", 0, "STOPPED", ""),
	})
	f.answer("twiddler.getLeases", []any{lease("web", "w7", 90), lease("cat", "", 3600)})
	f.answer("twiddler.history", []any{record(13, "undo", "", 14), record(12, "apply", "", 0)})
	return f
}

// TestCompleteLine: Supervisor 4.2.5, supervisorctl.py, complete. Each
// candidate replaces the word it is for and ends in a blank.
func TestCompleteLine(t *testing.T) {
	t.Parallel()
	f := completeFake(t)
	s := &session{options: &options{url: f.URL}}
	for line, want := range map[string][]string{
		"sta":                         {"start ", "status "},
		"help re":                     {"help reload ", "help remove ", "help reread ", "help restart "},
		"help":                        {"help "},
		"nope ":                       nil,
		"version ":                    nil,
		"update ":                     {"update cat ", "update web "},
		"remove w":                    {"remove web "},
		"start ":                      {"start cat ", "start web:a-1 ", "start web:* ", "start web:b "},
		"start cat w":                 {"start cat web:a-1 ", "start cat web:* ", "start cat web:b "},
		"start web:":                  {"start web:a-1 ", "start web:* ", "start web:b "},
		"stop web:a-":                 {"stop web:a-1 "},
		"tail cat:":                   {"tail cat:cat ", "tail cat:* "},
		"signal US":                   {"signal USR1 ", "signal USR2 "},
		"signal HUP ca":               {"signal HUP cat "},
		"twiddle re":                  {"twiddle remove ", "twiddle renew ", "twiddle replace "},
		"twiddle rmgroup w":           {"twiddle rmgroup web "},
		"twiddle save cat ":           {"twiddle save cat cat ", "twiddle save cat web "},
		"twiddle export w":            {"twiddle export web "},
		"twiddle replace w":           {"twiddle replace web "},
		"twiddle replace --plan web ": {"twiddle replace --plan web a-1 ", "twiddle replace --plan web b "},
		"twiddle replace web b c":     nil,
		"twiddle renew ":              {"twiddle renew web:w7 ", "twiddle renew cat:* "},
		"twiddle undo ":               {"twiddle undo 12 "},
		"twiddle addgroup x":          nil,
		"twiddle addgroup x kind=g":   {"twiddle addgroup x kind=group "},
		"twiddle add --p":             {"twiddle add --plan ", "twiddle add --persist "},
		"twiddle add --ttl 60 w":      {"twiddle add --ttl 60 web "},
		"twiddle remove --st":         {"twiddle remove --stop "},
		"twiddle remove --stop ca":    {"twiddle remove --stop cat:cat ", "twiddle remove --stop cat:* "},
		"twiddle history -":           {"twiddle history -n ", "twiddle history --json "},
		"twiddle undo --":             {"twiddle undo --plan ", "twiddle undo --persist ", "twiddle undo --reason "},
		"twiddle groups -":            nil,
		"run --wa":                    {"run --wait "},
		"run --wait --group w":        {"run --wait --group web "},
		"run --user ":                 nil,
		"run --wait --":               {"run --wait --wait ", "run --wait --follow ", "run --wait --name ", "run --wait --group ", "run --wait --user ", "run --wait --directory ", "run --wait --ttl ", "run --wait --reason ", "run --wait -- "},
		"run -- --":                   nil,
		"scale w":                     {"scale web="},
		"scale cat=2 --pl":            {"scale cat=2 --plan "},
		"update --":                   {"update --plan "},
		"update --plan c":             {"update --plan cat "},
		"twiddle add ":                {"twiddle add cat ", "twiddle add web "},
		"twiddle remove cat":          {"twiddle remove cat:cat ", "twiddle remove cat:* "},
		"twiddle log -l w":            {"twiddle log -l warn "},
		"completion z":                {"completion zsh "},
	} {
		head, found, rest := s.completeLine(line+" tail", len([]rune(line)))
		for i := range found {
			found[i] = head + found[i]
		}
		if !slices.Equal(found, want) || rest != " tail" {
			t.Errorf("%q: %q, %q, want %q", line, found, rest, want)
		}
	}
	if calls := f.asked(); len(calls) != 3 {
		t.Errorf("the server was asked %q for one command", calls)
	}
}

func TestCompleteWithoutServer(t *testing.T) {
	t.Parallel()
	s := &session{options: &options{url: closedPort(t)}}
	if _, found, _ := s.completeLine("start ", 6); found != nil {
		t.Errorf("found %q", found)
	}
	if _, found, _ := s.completeLine("", 0); len(found) != len(commands())+1 {
		t.Errorf("found %q", found)
	}
}

// TestCompleteCommand: the hidden command minds options, and is silent.
func TestCompleteCommand(t *testing.T) {
	t.Parallel()
	f := completeFake(t)
	for _, test := range []struct {
		words []string
		want  string
	}{
		{[]string{"-s", f.URL, "start", "web:a"}, "web:a-1\tRUNNING\n"},
		{[]string{"-s", f.URL, "stop", "cat", "c"}, "cat\tRUNNING\n"},
		{[]string{"-s", f.URL, "rel"}, "reload\tRestart the remote supervisord.\n"},
		{[]string{"--serv"}, "--serverurl\ttalk to this server: http://host:port, https://host:port or unix:///path\n"},
		{[]string{"-s", f.URL, "--hel"}, "--help\tprint this text and exit\n"},
		{[]string{"-c", "/nope", "start", ""}, ""},
		{[]string{"-c", ""}, ""},
		{[]string{"-x", ""}, ""},
		{[]string{"-h", ""}, ""},
		{nil, ""},
		{[]string{"-s", closedPort(t), "start", ""}, ""},
	} {
		got := runMain(t, "", append([]string{"__complete"}, test.words...)...)
		if want := (reply{out: test.want}); got != want {
			t.Errorf("%q = %+v, want %+v", test.words, got, want)
		}
	}
}

func TestCompletionScripts(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "fish", "zsh"} {
		got := runMain(t, "", "completion", shell)
		if got.code != 0 || !strings.Contains(got.out, "__complete") || !strings.Contains(got.out, "_supervisorctl") ||
			strings.Contains(got.out, "@NAME@") || strings.Contains(got.out, "@FUNC@") {
			t.Errorf("%s: %+v", shell, got)
		}
	}
	if got, want := runMain(t, "", "completion"), "Error: completion requires the name of one shell: bash, fish, zsh\n"; got.out != want || got.code != 2 {
		t.Errorf("%+v", got)
	}
	if got, want := runMain(t, "", "completion", "bsh"), "Error: no completion for \"bsh\": want bash, fish, zsh (did you mean \"bash\"?)\n"; got.out != want || got.code != 2 {
		t.Errorf("%+v", got)
	}
}

// TestBashCompletes runs the script as bash does on Tab.
func TestBashCompletes(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is not installed")
	}
	f := completeFake(t)
	f.answer("getAllProcessInfo", []any{process("web", "a b$(id)", 20, "RUNNING", ""), process("web", "c", 20, "RUNNING", "")})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctl := filepath.Join(t.TempDir(), "supervisorctl")
	if err := os.Symlink(self, ctl); err != nil {
		t.Fatal(err)
	}
	script := runMain(t, "", "completion", "bash").out
	for line, want := range map[string][]string{
		ctl + " -s " + f.URL + " sta":         {"start", "status"},
		ctl + " -s " + f.URL + " start ":      {`web:a\ b\$\(id\)`, "web:*", "web:c"},
		ctl + " -s " + f.URL + " start web:":  {`a\ b\$\(id\)`, "*", "c"},
		ctl + " -s " + f.URL + " start web:c": {"c"},
		ctl + " -s " + f.URL + " version ":    nil,
	} {
		cmd := exec.Command(bash, "--norc", "-c", script+`
COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDBREAKS=" :"
_supervisorctl
for c in "${COMPREPLY[@]}"; do echo "$c"; done`, "bash", line)
		cmd.Env = append(os.Environ(), asCommand+"=1")
		out, err := cmd.CombinedOutput()
		if got := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n"); err != nil || !slices.Equal(got, want) && (want != nil || string(out) != "") {
			t.Errorf("%q: %q, want %q (%v)", line, got, want, err)
		}
	}
}

// TestOtherShellsComplete asks fish itself, and runs the function for zsh
// without its line editor.
func TestOtherShellsComplete(t *testing.T) {
	t.Parallel()
	f := completeFake(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "supervisorctl")); err != nil {
		t.Fatal(err)
	}
	const zsh = `
compdef() { :; }
_describe() { print -rl -- "${found[@]}"; }
_files() { print files; }
source $1
words=(${=2} "$3") CURRENT=$(( ${#words} ))
_supervisorctl`
	for shell, test := range map[string]struct{ args, want []string }{
		"fish": {[]string{"--no-config", "-c", `source $argv[1]; complete -C "$argv[2] $argv[3]"`},
			[]string{"web:*", "web:a-1\tRUNNING", "web:b\tSTOPPED"}},
		"zsh": {[]string{"-f", "-c", zsh, "zsh"}, []string{`web\:*:`, `web\:a-1:RUNNING`, `web\:b:STOPPED`}},
	} {
		path, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("%s is not installed", shell)
			continue
		}
		script := filepath.Join(dir, "script."+shell)
		if err := os.WriteFile(script, []byte(runMain(t, "", "completion", shell).out), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(path, append(test.args, script, "supervisorctl -s "+f.URL+" start", "web:")...)
		cmd.Env = append(os.Environ(), asCommand+"=1", "PATH="+dir+":"+os.Getenv("PATH"), "HOME="+dir)
		out, err := cmd.CombinedOutput()
		got := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
		slices.Sort(got)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q (%v)", shell, got, test.want, err)
		}
	}
}
