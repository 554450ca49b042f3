package daemon

import (
	"context"
	"errors"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/supervisor"
)

// host is what extensions reach: each method is one command to the loop.
type host struct{ *life }

func (h host) State(context.Context) ext.State { return ext.State(h.loop.Mood()) }

func (h host) GroupNames(ctx context.Context) ([]string, error) { return h.loop.GroupNames(ctx) }

func (h host) AddProgram(ctx context.Context, group, program string, options map[string]any) error {
	there, err := h.loop.GroupExists(ctx, group)
	if err != nil {
		return err
	}
	if !there {
		return fault.New(fault.BadName, "group: "+group)
	}
	procs, err := h.cfg.Load().AddProgram(group, program, options)
	if err != nil {
		return incorrect(err)
	}
	return h.loop.Apply(ctx, supervisor.AddProcesses{Group: group, Processes: procs})
}

// incorrect is the fault for a program that can't be made of its options.
func incorrect(err error) error {
	var p *config.ProgramError
	if errors.As(err, &p) && p.NoDetail {
		return fault.Bare(fault.IncorrectParameters)
	}
	return fault.New(fault.IncorrectParameters, err.Error())
}

func (h host) RemoveProcess(ctx context.Context, group, process string) error {
	return h.loop.Apply(ctx, supervisor.RemoveProcess{Name: supervisor.Name{Group: group, Process: process}})
}

func (h host) Log(lv ext.Level, text string) { h.log.Log(lv, text) }
