package daemon

import (
	"context"
	"errors"
	"os"
	"strconv"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/supervisor"
	"example.org/twiddler/internal/sys/unix"
)

// host is what extensions reach: each method is one command to the loop.
type host struct{ *life }

func (h host) State(context.Context) ext.State { return ext.State(h.loop.Mood()) }

func (h host) GroupNames(ctx context.Context) ([]string, error) { return h.loop.GroupNames(ctx) }

func (h host) AddProgram(ctx context.Context, group, program string, options map[string]any) error {
	caller := ext.CallerOf(ctx)
	if err := config.MayDefine(caller, group); err != nil {
		return err
	}
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
	edit := supervisor.AddProcesses{Group: group, Processes: procs}
	if caller.Policy == nil {
		return h.loop.Apply(ctx, edit)
	}
	// Counted and added in one step, as far as bounded callers go.
	h.defining.Lock()
	defer h.defining.Unlock()
	live, err := h.defined(ctx, caller)
	if err != nil {
		return err
	}
	if err := config.CheckPolicy(caller, h.policyHost(), &config.Group{Name: group}, procs, live); err != nil {
		return err
	}
	return h.loop.Apply(ctx, edit)
}

// defined counts the processes that the configuration file does not have, in
// the groups in which a caller may define some.
func (h host) defined(ctx context.Context, c ext.Caller) (int, error) {
	infos, err := h.loop.AllInfo(ctx)
	if err != nil {
		return 0, err
	}
	written := map[supervisor.Name]bool{}
	for _, g := range h.cfg.Load().Groups {
		for _, p := range g.Processes {
			written[supervisor.Name{Group: g.Name, Process: p.Name}] = true
		}
	}
	n := 0
	for _, i := range infos {
		if !written[supervisor.Name{Group: i.Group, Process: i.Name}] && config.MayDefine(c, i.Group) == nil {
			n++
		}
	}
	return n, nil
}

// policyHost is what a policy is checked against.
func (h host) policyHost() config.PolicyHost {
	return config.PolicyHost{
		Resolve: func(p *config.Process) (string, error) {
			file, _, err := h.system.Resolve(p.Command, p.Environment["PATH"])
			return file, err
		},
		UserName: func(uid int) string {
			u, err := unix.LookupUser(strconv.Itoa(uid))
			if err != nil {
				return ""
			}
			return u.Name
		},
		UID: os.Getuid(),
	}
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
	if err := config.MayDefine(ext.CallerOf(ctx), group); err != nil {
		return err
	}
	return h.loop.Apply(ctx, supervisor.RemoveProcess{Name: supervisor.Name{Group: group, Process: process}})
}

func (h host) Log(lv ext.Level, text string) { h.log.Log(lv, text) }
