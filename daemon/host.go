package daemon

import (
	"context"
	"os"
	"strconv"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/sys/unix"
)

// host is what extensions reach: each method is one command to the loop.
type host struct{ *life }

func (h host) State(context.Context) ext.State { return ext.State(h.loop.Mood()) }

func (h host) GroupNames(ctx context.Context) ([]string, error) { return h.loop.GroupNames(ctx) }

func (h host) AddProgram(ctx context.Context, group, program string, options map[string]any) error {
	return h.changes.AddProgram(ctx, group, program, options)
}

func (h host) RemoveProcess(ctx context.Context, group, process string) error {
	return h.changes.RemoveProcess(ctx, group, process)
}

func (h host) Changes() ext.Changes { return h.changes }

func (h host) Log(lv ext.Level, text string) { h.log.Log(lv, text) }

// policyHost is what a policy is checked against.
func (l *life) policyHost() config.PolicyHost {
	return config.PolicyHost{
		Resolve: func(p *config.Process) (string, error) {
			file, _, err := l.system.Resolve(p.Command, p.Environment["PATH"])
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
