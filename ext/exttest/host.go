// Package exttest helps to test extensions: a Host that behaves like
// supervisord's, and short ways to make an extension and call its methods.
package exttest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
)

// A Host is an [ext.Host] without processes. Groups, processes and log lines
// are kept in memory; states change when the test says so. It answers with the
// faults of the real one, but reads only these options of a program: command,
// numprocs, numprocs_start and process_name. A process that it adds is stopped
// and stays so, whatever its autostart says. Of a caller it asks the role and
// the groups, and not the policy.
//
// It is safe for concurrent use.
type Host struct {
	mu     sync.Mutex
	state  ext.State
	groups []*group
	lines  []Line

	changes ext.Changes
}

var _ ext.Host = (*Host)(nil)

type group struct {
	name      string
	processes []*process
}

type process struct {
	name    string
	running bool
	options map[string]any
}

// A Line is one line of the log.
type Line struct {
	Level ext.Level
	Text  string
}

// NewHost returns a running Host with empty groups of these names.
func NewHost(groups ...string) *Host {
	h := &Host{state: ext.Running}
	for _, name := range groups {
		h.groups = append(h.groups, &group{name: name})
	}
	return h
}

// SetChanges sets what Changes returns; without it that is nil.
func (h *Host) SetChanges(c ext.Changes) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.changes = c
}

// Changes implements ext.Host.
func (h *Host) Changes() ext.Changes {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.changes
}

// SetState sets what State returns.
func (h *Host) SetState(s ext.State) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.state = s
}

// SetProcess makes a process running or stopped, and adds it, and its group,
// if it is not there.
func (h *Host) SetProcess(group, name string, running bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	g := h.addGroupLocked(group)
	p := g.process(name)
	if p == nil {
		p = &process{name: name}
		g.processes = append(g.processes, p)
	}
	p.running = running
}

// AddGroup adds an empty group behind the others, unless it is there.
func (h *Host) AddGroup(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.addGroupLocked(name)
}

// RemoveGroup takes a group away with all that is in it.
func (h *Host) RemoveGroup(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.groups = slices.DeleteFunc(h.groups, func(g *group) bool { return g.name == name })
}

// Processes returns the names of the processes of a group in the order in
// which they were added; nil if there is no such group.
func (h *Host) Processes(group string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	g := h.groupLocked(group)
	if g == nil {
		return nil
	}
	names := make([]string, len(g.processes))
	for i, p := range g.processes {
		names[i] = p.name
	}
	return names
}

// Options returns what a process was added with, its keys in lower case; nil
// if AddProgram did not add it.
func (h *Host) Options(group, name string) map[string]any {
	h.mu.Lock()
	defer h.mu.Unlock()
	g := h.groupLocked(group)
	if g == nil {
		return nil
	}
	p := g.process(name)
	if p == nil {
		return nil
	}
	return maps.Clone(p.options)
}

// Lines returns the log.
func (h *Host) Lines() []Line {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.lines)
}

// State implements [ext.Host].
func (h *Host) State(context.Context) ext.State {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.state
}

// GroupNames implements [ext.Host].
func (h *Host) GroupNames(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	names := make([]string, 0, len(h.groups))
	for _, g := range h.groups {
		if ext.CallerOf(ctx).Holds(g.name) {
			names = append(names, g.name)
		}
	}
	return names, nil
}

// AddProgram implements [ext.Host].
func (h *Host) AddProgram(ctx context.Context, group, program string, options map[string]any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := ext.CallerOf(ctx).Need(ext.Define, group); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	g := h.groupLocked(group)
	if g == nil {
		return fault.New(fault.BadName, "group: "+group)
	}
	section := make(map[string]any, len(options))
	for key, v := range options {
		section[strings.ToLower(key)] = v
	}
	names, err := processNames(group, program, section)
	if errors.Is(err, errNoDetail) {
		return fault.Bare(fault.IncorrectParameters)
	}
	if err != nil {
		return fault.Errorf(fault.IncorrectParameters, "%v in section 'program:%s' (file: 'supervisord.conf')", err, program)
	}
	for _, name := range names {
		if g.process(name) != nil {
			return fault.New(fault.BadName, name)
		}
	}
	for _, name := range names {
		g.processes = append(g.processes, &process{name: name, options: section})
	}
	return nil
}

// RemoveProcess implements [ext.Host].
func (h *Host) RemoveProcess(ctx context.Context, group, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := ext.CallerOf(ctx).Need(ext.Define, group); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	g := h.groupLocked(group)
	if g == nil {
		return fault.New(fault.BadName, "group: "+group)
	}
	p := g.process(name)
	if p == nil {
		return fault.New(fault.BadName, name)
	}
	if p.running {
		return fault.New(fault.StillRunning, name)
	}
	g.processes = slices.DeleteFunc(g.processes, func(other *process) bool { return other == p })
	return nil
}

// Log implements [ext.Host]. Every level is kept.
func (h *Host) Log(lv ext.Level, text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, Line{lv, text})
}

func (h *Host) groupLocked(name string) *group {
	for _, g := range h.groups {
		if g.name == name {
			return g
		}
	}
	return nil
}

func (h *Host) addGroupLocked(name string) *group {
	g := h.groupLocked(name)
	if g == nil {
		g = &group{name: name}
		h.groups = append(h.groups, g)
	}
	return g
}

func (g *group) process(name string) *process {
	for _, p := range g.processes {
		if p.name == name {
			return p
		}
	}
	return nil
}

// String is the line as supervisord's log has it after the time.
func (l Line) String() string { return fmt.Sprintf("%v %s", l.Level, l.Text) }
