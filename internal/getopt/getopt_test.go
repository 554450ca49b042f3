package getopt

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// supervisord is the table of the daemon. Supervisor 4.2.5, options.py,
// Options and ServerOptions.
func supervisord() []Option {
	return []Option{
		{Name: "help", Short: 'h', Long: "help"},
		{Name: "help", Short: '?'},
		{Name: "configuration", Short: 'c', Long: "configuration", Arg: true},
		{Name: "version", Short: 'v', Long: "version"},
		{Name: "nodaemon", Short: 'n', Long: "nodaemon"},
		{Name: "user", Short: 'u', Long: "user", Arg: true},
		{Name: "umask", Short: 'm', Long: "umask", Arg: true},
		{Name: "directory", Short: 'd', Long: "directory", Arg: true},
		{Name: "logfile", Short: 'l', Long: "logfile", Arg: true},
		{Name: "logfile_maxbytes", Short: 'y', Long: "logfile_maxbytes", Arg: true},
		{Name: "logfile_backups", Short: 'z', Long: "logfile_backups", Arg: true},
		{Name: "loglevel", Short: 'e', Long: "loglevel", Arg: true},
		{Name: "nocleanup", Short: 'k', Long: "nocleanup"},
		{Name: "minprocs", Long: "minprocs", Arg: true},
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args     string // separated by blanks
		settings string // flag=value
		operands string
	}{
		{"", "", ""},
		{"-n", "-n=", ""},
		{"-nk", "-n= -k=", ""},
		{"-c file", "-c=file", ""},
		{"-cfile", "-c=file", ""},
		{"-ncfile", "-n= -c=file", ""},
		{"-nc file", "-n= -c=file", ""},
		{"-c=file", "-c==file", ""},
		{"-c -n", "-c=-n", ""},
		{"-c --", "-c=--", ""},
		{"--configuration file", "--configuration=file", ""},
		{"--configuration=file", "--configuration=file", ""},
		{"--configuration=", "--configuration=", ""},
		{"--configuration=a=b", "--configuration=a=b", ""},
		{"--configuration -n", "--configuration=-n", ""},
		{"--config=file", "--configuration=file", ""},
		{"--c file", "--configuration=file", ""},
		{"--nod", "--nodaemon=", ""},
		{"--logfile x", "--logfile=x", ""}, // the beginning of two others
		{"--logfile_m x", "--logfile_maxbytes=x", ""},
		{"-?", "-?=", ""},
		{"-c a -c b", "-c=a -c=b", ""},
		{"status -n", "", "status -n"},
		{"-n status -k web", "-n=", "status -k web"},
		{"-n -- -k", "-n=", "-k"},
		{"--", "", ""},
		{"-", "", "-"},
		{"-n - -k", "-n=", "- -k"},
	} {
		settings, operands, err := Parse(strings.Fields(c.args), supervisord())
		if err != nil {
			t.Errorf("Parse(%s) fails: %v", c.args, err)
		}
		var shown []string
		for _, s := range settings {
			shown = append(shown, s.Flag+"="+s.Value)
		}
		if got := strings.Join(shown, " "); got != c.settings {
			t.Errorf("Parse(%s) sets %q, want %q", c.args, got, c.settings)
		}
		if got := strings.Join(operands, " "); got != c.operands {
			t.Errorf("Parse(%s) leaves %q, want %q", c.args, got, c.operands)
		}
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ args, flag, text string }{
		{"-x", "-x", "option -x not recognized"},
		{"-nx", "-x", "option -x not recognized"},
		{"-é", "-é", "option -é not recognized"},
		{"-:", "-:", "option -: not recognized"},
		{"--x", "--x", "option --x not recognized"},
		{"--x=1", "--x", "option --x not recognized"},
		{"--configurations", "--configurations", "option --configurations not recognized"},
		{"-c", "-c", "option -c requires argument"},
		{"-nc", "-c", "option -c requires argument"},
		{"--conf", "--configuration", "option --configuration requires argument"},
		{"--nodaemon=1", "--nodaemon", "option --nodaemon must not have an argument"},
		{"--nodaemon=", "--nodaemon", "option --nodaemon must not have an argument"},
		{"--nod=1", "--nodaemon", "option --nodaemon must not have an argument"},
		{"--log", "--log", "option --log not a unique prefix"},
		{"--no", "--no", "option --no not a unique prefix"},
		{"--=x", "--", "option -- not a unique prefix"},
		{"-n --x -y", "--x", "option --x not recognized"},
	} {
		settings, operands, err := Parse(strings.Fields(c.args), supervisord())
		var e *Error
		if !errors.As(err, &e) || e.Error() != c.text || e.Flag != c.flag {
			t.Errorf("Parse(%s) fails with %v, want %q about %s", c.args, err, c.text, c.flag)
		}
		if settings != nil || operands != nil {
			t.Errorf("Parse(%s) = %v, %v with an error", c.args, settings, operands)
		}
	}
}

func TestParseNamesTheRow(t *testing.T) {
	t.Parallel()
	settings, _, err := Parse([]string{"-?", "--help", "-h", "--vers"}, supervisord())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range settings {
		names = append(names, s.Name)
	}
	if want := []string{"help", "help", "help", "version"}; !slices.Equal(names, want) {
		t.Errorf("names are %q, want %q", names, want)
	}
}

// TestParseCorpus runs random command lines, with the answers of Python 3.11's
// getopt.getopt for the same table.
func TestParseCorpus(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/getopt-cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Args     []string
		Settings [][2]string
		Operands []string
		Error    string
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 300 {
		t.Errorf("corpus has only %d command lines", len(cases))
	}
	for _, c := range cases {
		settings, operands, err := Parse(c.Args, supervisord())
		if err != nil || c.Error != "" {
			if err == nil || err.Error() != c.Error {
				t.Errorf("Parse(%q) fails with %v, want %q", c.Args, err, c.Error)
			}
			continue
		}
		same := slices.EqualFunc(settings, c.Settings, func(s Setting, want [2]string) bool {
			return s.Flag == want[0] && s.Value == want[1]
		})
		if !same || !slices.Equal(operands, c.Operands) {
			t.Errorf("Parse(%q) = %v, %q, want %q, %q", c.Args, settings, operands, c.Settings, c.Operands)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "-nc\x00file\x00status", "--log\x00x", "--config=a\x00--\x00-n", "-\xff", "-?\x00-"} {
		f.Add(seed)
	}
	table := supervisord()
	f.Fuzz(func(t *testing.T, joined string) {
		args := strings.Split(joined, "\x00")
		settings, operands, err := Parse(args, table)
		if err != nil {
			return
		}
		if rest := args[len(args)-len(operands):]; !slices.Equal(rest, operands) {
			t.Errorf("Parse(%q): operands %q are not the end", args, operands)
		}
		// What was understood, written out in full, means the same.
		var full []string
		for _, s := range settings {
			full = append(full, s.Flag)
			if takesArgument(table, s.Name) {
				full = append(full, s.Value)
			}
		}
		full = append(append(full, "--"), operands...)
		again, left, err := Parse(full, table)
		if err != nil || !slices.Equal(again, settings) || !slices.Equal(left, operands) {
			t.Errorf("Parse(%q) = %v, %q, %v; want the same as for %q: %v, %q", full, again, left, err, args, settings, operands)
		}
	})
}

// takesArgument tells whether the row of that name has an argument.
func takesArgument(table []Option, name string) bool {
	return slices.ContainsFunc(table, func(o Option) bool { return o.Name == name && o.Arg })
}
