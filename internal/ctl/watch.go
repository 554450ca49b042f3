package ctl

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"example.org/twiddler/client"
)

// watchInterval is how often a watched status is asked for.
const watchInterval = time.Second

// A processJSON is one process of status --json. The names are those of the
// wire.
type processJSON struct {
	Name          string `json:"name"`
	Group         string `json:"group"`
	State         int    `json:"state"`
	StateName     string `json:"statename"`
	Description   string `json:"description"`
	PID           int    `json:"pid"`
	Start         int64  `json:"start"` // seconds since 1970; 0 for never
	Stop          int64  `json:"stop"`
	Now           int64  `json:"now"`
	ExitStatus    int    `json:"exitstatus"`
	SpawnErr      string `json:"spawnerr"`
	StdoutLogfile string `json:"stdout_logfile"`
	StderrLogfile string `json:"stderr_logfile"`
}

// showJSON prints one array, of nothing if need be. What is not JSON goes to
// standard error.
func (s *session) showJSON(shown []client.ProcessInfo, bad []string) error {
	list := make([]processJSON, 0, len(shown))
	for _, p := range shown {
		list = append(list, processJSON{
			Name: p.Name, Group: p.Group, State: int(p.State), StateName: p.StateName, Description: p.Description,
			PID: p.PID, Start: seconds(p.Start), Stop: seconds(p.Stop), Now: seconds(p.Now),
			ExitStatus: p.ExitStatus, SpawnErr: p.SpawnErr,
			StdoutLogfile: p.StdoutLogfile, StderrLogfile: p.StderrLogfile,
		})
	}
	for _, text := range bad {
		_, _ = io.WriteString(s.errOut, visible(text)+"\n")
		s.status = exitStatusUnknown
	}
	encoder := json.NewEncoder(s.out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(list); err != nil {
		return err
	}
	s.noteStates(shown)
	return nil
}

func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// watch shows the status until Ctrl-C: on a terminal as a screen that is drawn
// again every second, elsewhere as a line for every change. A server that goes
// away is waited for.
func (s *session) watch(ctx context.Context, c *client.Client, names []string) error {
	ctx, stop := s.interruptible(ctx)
	defer stop()
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	draw := s.drawChanges()
	if s.tty {
		draw = s.drawScreen
		_, _ = io.WriteString(s.out, "\x1b[2J")
	}
	for {
		all, err := c.GetAllProcessInfo(ctx)
		if ctx.Err() != nil {
			break
		}
		shown, bad := match(all, names)
		if err != nil {
			shown, bad = nil, []string{err.Error()}
		}
		draw(shown, bad)
		select {
		case <-ctx.Done():
		case <-tick.C:
			continue
		}
		break
	}
	s.say("")
	return nil
}

// drawScreen draws over what it drew before, as much as fits.
func (s *session) drawScreen(shown []client.ProcessInfo, bad []string) {
	columns, rows := s.size()
	lines := make([]string, 0, len(shown)+len(bad))
	for _, text := range bad {
		lines = append(lines, cut(visible(text), columns))
	}
	// What does not fit the width is the end of the description: it is cut
	// before colours are put in.
	room := columns - s.nameWidth(shown) - nameGap - stateColumn
	for i := range shown {
		shown[i].Description = cut(visible(shown[i].Description), room)
	}
	lines = append(lines, s.statusLines(shown)...)
	if more := len(lines) - (rows - 1); rows > 2 && more > 0 {
		lines = append(lines[:rows-2], fmt.Sprintf("… and %d more", more+1))
	}
	var b strings.Builder
	b.WriteString("\x1b[H")
	for _, line := range lines {
		b.WriteString(line + "\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	_, _ = io.WriteString(s.out, b.String())
}

// cut shortens text to a number of characters.
func cut(text string, columns int) string {
	if runes := []rune(text); len(runes) > columns {
		return string(runes[:max(columns, 0)])
	}
	return text
}

// drawChanges returns a function that prints the lines of those processes
// whose state or pid is another than the last time.
func (s *session) drawChanges() func(shown []client.ProcessInfo, bad []string) {
	last := map[string]string{}
	return func(shown []client.ProcessInfo, bad []string) {
		now := map[string]string{}
		lines := s.statusLines(shown)
		for i, p := range shown {
			name := p.Namespec()
			now[name] = fmt.Sprintf("%s %d", p.StateName, p.PID)
			if last[name] != now[name] {
				_, _ = io.WriteString(s.out, lines[i]+"\n")
			}
		}
		for _, text := range bad {
			now[text] = text
			if last[text] != text {
				s.say("%s", text)
			}
		}
		last = now
	}
}
