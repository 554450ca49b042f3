package ctl

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"example.org/twiddler/internal/ini"
)

var completionHelp = []string{
	"completion bash|fish|zsh\tPrint a script that completes commands and names in that shell",
	"Ex:",
	"source <(supervisorctl completion bash)",
	"supervisorctl completion zsh >~/.zsh/_supervisorctl\t(a directory in $fpath)",
	"supervisorctl completion fish | source",
}

// The scripts ask the hidden command for every candidate, so they need not
// change when commands do. @NAME@ is the program, @FUNC@ a name for functions.
var (
	//go:embed scripts/bash
	bashScript string
	//go:embed scripts/fish
	fishScript string
	//go:embed scripts/zsh
	zshScript string
)

func script(shell string) (text string, ok bool) {
	switch shell {
	case "bash":
		return bashScript, true
	case "fish":
		return fishScript, true
	case "zsh":
		return zshScript, true
	}
	return "", false
}

// completion is the command in the shell of supervisorctl.
func completion(_ context.Context, s *session, a args) error {
	if status := printScript(s.program, a.words, s.out); status != 0 {
		s.status = status
	}
	return nil
}

// printScript prints the completion script of a shell.
func printScript(program string, words []string, out io.Writer) int {
	shells := []string{"bash", "fish", "zsh"}
	if len(words) != 1 {
		fmt.Fprintln(out, "Error: completion requires the name of one shell: "+strings.Join(shells, ", "))
		return exitInvalidArgs
	}
	text, ok := script(words[0])
	if !ok {
		fmt.Fprintf(out, "Error: no completion for %q: want %s", words[0], strings.Join(shells, ", "))
		if near := ini.Nearest(words[0], shells); near != "" {
			fmt.Fprintf(out, " (did you mean %q?)", near)
		}
		fmt.Fprintln(out)
		return exitInvalidArgs
	}
	name := path.Base(program)
	if !isWord(name) {
		name = "supervisorctl"
	}
	function := "_" + strings.Map(func(r rune) rune {
		if r == '-' || r == '.' {
			return '_'
		}
		return r
	}, name)
	fmt.Fprint(out, strings.NewReplacer("@NAME@", name, "@FUNC@", function).Replace(text))
	return 0
}

// isWord reports whether a name means itself in any shell.
func isWord(name string) bool {
	return name != "" && !slices.ContainsFunc([]byte(name), func(c byte) bool {
		return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '-' && c != '_' && c != '.'
	})
}
