package ctl

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/peterh/liner"
	"golang.org/x/sys/unix"
)

// shell shows the status, and then runs the lines that are typed until quit,
// Ctrl-C or the end of input. Supervisor 4.2.5, supervisorctl.py,
// exec_cmdloop.
func (s *session) shell(ctx context.Context) {
	if p, ok := s.terminal.(*plain); ok && s.tty && p.file == os.Stdin && s.out == io.Writer(os.Stdout) &&
		isTerminal(p.file) && liner.TerminalSupported() {
		s.terminal = newEditor(p, s.history, s.completeLine)
	}
	s.inShell = true
	defer s.close()
	defer s.restoreOnSignal()()
	if s.step(ctx, func(ctx context.Context) (string, error) { return "status", nil }) {
		return
	}
	prompt := visible(s.prompt) + "> "
	for {
		read := func(ctx context.Context) (string, error) { return s.terminal.command(ctx, prompt) }
		if s.step(ctx, read) {
			return
		}
	}
}

// step reads and runs one line, and reports whether the shell is to be left.
// Ctrl-C leaves it, but in those commands that end with it.
func (s *session) step(ctx context.Context, read func(context.Context) (string, error)) (leave bool) {
	ctx, stop := s.interruptible(ctx)
	defer stop()
	line, err := read(ctx)
	if err == nil {
		leave, err = s.execute(ctx, line, nil)
		s.forget()
		if err == nil {
			return leave
		}
	}
	// Input that ends, a terminal that went away and Ctrl-C all end in one
	// more line.
	if !errors.Is(err, errAborted) {
		s.say("")
	}
	return true
}

// errAborted is Ctrl-C at the prompt of the editor, which has ended the line.
var errAborted = errors.New("prompt aborted")

// restoreOnSignal gives the terminal back before a signal ends the process.
// The function it returns ends that. A command that attends to signals itself
// sends the process one that is to end it again.
func (s *session) restoreOnSignal() (stop func()) {
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP)
	t := s.terminal
	go func() { // ends with stop
		for {
			select {
			case <-done:
				return
			case sig := <-signals:
				if s.attending.Load() {
					continue
				}
				t.close()
				signal.Reset(sig)
				_ = syscall.Kill(os.Getpid(), sig.(syscall.Signal)) // its default now
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}

// An editor is the terminal of a shell: it edits, completes and remembers
// lines.
type editor struct {
	*plain
	liner           *liner.State
	cooked, editing *unix.Termios
	history         string // path; "" for none
}

// maxHistory bounds what is read of a history file, in bytes.
const maxHistory = 1 << 20

// newEditor takes the process's terminal over for lines of the shell. A
// history file that cannot be read is ignored, as the original does.
func newEditor(p *plain, history string, complete liner.WordCompleter) terminal {
	e := &editor{plain: p, history: history}
	var err error
	if e.cooked, err = p.mode(); err != nil {
		return p
	}
	e.liner = liner.NewLiner()
	if e.editing, err = p.mode(); err != nil {
		_ = e.liner.Close() // it has done nothing
		return p
	}
	// The editor itself clears this only after it has shown the prompt: Ctrl-C
	// in between would be a signal that its wait does not notice.
	e.editing.Lflag &^= unix.ISIG
	e.liner.SetCtrlCAborts(true)
	e.liner.SetTabCompletionStyle(liner.TabPrints)
	e.liner.SetWordCompleter(complete)
	if f, err := os.Open(history); err == nil {
		_, _ = e.liner.ReadHistory(io.LimitReader(f, maxHistory))
		_ = f.Close() // it was only read
	}
	_ = p.setMode(e.cooked) // what fails here fails when a line is read
	return e
}

// command reads a line. The terminal is its old self while the line runs, so
// that Ctrl-C works there.
func (e *editor) command(ctx context.Context, prompt string) (string, error) {
	if err := e.setMode(e.editing); err != nil {
		return "", err
	}
	defer func() { _ = e.setMode(e.cooked) }()
	if ctx.Err() != nil { // by a Ctrl-C that came before the change
		return "", errInterrupted
	}
	line, err := e.liner.Prompt(prompt)
	switch {
	case errors.Is(err, liner.ErrPromptAborted):
		return "", errAborted
	case err != nil:
		return "", err
	case line != "":
		e.liner.AppendHistory(line)
	}
	return line, nil
}

// close writes the history and restores the terminal. A file that cannot be
// written is ignored, as the original does.
func (e *editor) close() {
	if e.history != "" {
		if f, err := os.OpenFile(e.history, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600); err == nil {
			_, _ = e.liner.WriteHistory(f)
			_ = f.Close()
		}
	}
	_ = e.liner.Close()
	_ = e.setMode(e.cooked)
}
