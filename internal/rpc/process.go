package rpc

import (
	"context"
	"strconv"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/supervisor"
	"example.org/twiddler/internal/xmlrpc"
)

// StartProcess starts a process, or each of a group that is not up. It answers
// when they run, or as soon as they are started if wait is false.
//
//	@param string name          name of the process, group:name, or group:* for all of a group
//	@param boolean [wait=true]  whether to wait until it runs
//	@return boolean             always true; for a group the array of startProcessGroup
//	@role operate
//	@scope groups
func (s *Supervisor) StartProcess(ctx context.Context, name string, wait bool) (any, error) {
	if err := s.up(); err != nil {
		return nil, err
	}
	n, whole := supervisor.ParseName(name)
	if err := mayOperate(ctx, n.Group); err != nil {
		return nil, err
	}
	if whole {
		return results(name)(s.loop.StartGroup(ctx, n.Group, wait))
	}
	return done(s.loop.StartProcess(ctx, n, name, wait))
}

// StartProcessGroup starts each process of a group that is not up.
//
//	@param string name          name of the group
//	@param boolean [wait=true]  whether to wait until they run
//	@return array               a struct of name, group, status and description for each process
//	@role operate
//	@scope groups
func (s *Supervisor) StartProcessGroup(ctx context.Context, name string, wait bool) (any, error) {
	if err := s.up(); err != nil {
		return nil, err
	}
	if err := mayOperate(ctx, name); err != nil {
		return nil, err
	}
	return results(name)(s.loop.StartGroup(ctx, name, wait))
}

// StartAllProcesses starts each process that is not up.
//
//	@param boolean [wait=true]  whether to wait until they run
//	@return array               a struct of name, group, status and description for each process
//	@role operate
//	@scope groups
func (s *Supervisor) StartAllProcesses(ctx context.Context, wait bool) (any, error) {
	if err := s.up(); err != nil {
		return nil, err
	}
	return results("")(s.loop.StartAll(ctx, wait))
}

// StopProcess stops a process, or each of a group that is up. It answers when
// they are down, or at once if wait is false.
//
//	@param string name          name of the process, group:name, or group:* for all of a group
//	@param boolean [wait=true]  whether to wait until it is down
//	@return boolean             always true; for a group the array of stopProcessGroup
//	@role operate
//	@scope groups
func (s *Supervisor) StopProcess(ctx context.Context, name string, wait bool) (any, error) {
	if err := s.up(); err != nil {
		return nil, err
	}
	n, whole := supervisor.ParseName(name)
	if err := mayOperate(ctx, n.Group); err != nil {
		return nil, err
	}
	if whole {
		return results(name)(s.loop.StopGroup(ctx, n.Group, wait))
	}
	return done(s.loop.StopProcess(ctx, n, name, wait))
}

// StopProcessGroup stops each process of a group that is up.
//
//	@param string name          name of the group
//	@param boolean [wait=true]  whether to wait until they are down
//	@return array               a struct of name, group, status and description for each process
//	@role operate
//	@scope groups
func (s *Supervisor) StopProcessGroup(ctx context.Context, name string, wait bool) (any, error) {
	if err := s.up(); err != nil {
		return nil, err
	}
	if err := mayOperate(ctx, name); err != nil {
		return nil, err
	}
	return results(name)(s.loop.StopGroup(ctx, name, wait))
}

// StopAllProcesses stops each process that is up.
//
//	@param boolean [wait=true]  whether to wait until they are down
//	@return array               a struct of name, group, status and description for each process
//	@role operate
//	@scope groups
func (s *Supervisor) StopAllProcesses(ctx context.Context, wait bool) (any, error) {
	if err := s.up(); err != nil {
		return nil, err
	}
	return results("")(s.loop.StopAll(ctx, wait))
}

// SignalProcess sends a signal to a process, or to each of a group that has
// one running.
//
//	@param string name    name of the process, group:name, or group:* for all of a group
//	@param string signal  a name, with or without SIG, or a number
//	@return boolean       always true; for a group the array of signalProcessGroup
//	@role operate
//	@scope groups
func (s *Supervisor) SignalProcess(ctx context.Context, name string, signal any) (any, error) {
	if err := s.up(); err != nil {
		return nil, err
	}
	n, whole := supervisor.ParseName(name)
	if err := mayOperate(ctx, n.Group); err != nil {
		return nil, err
	}
	if whole {
		return s.signalGroup(ctx, n.Group, name, signal)
	}
	switch there, err := s.loop.Exists(ctx, n); {
	case err != nil:
		return nil, err
	case !there:
		return nil, fault.New(fault.BadName, name)
	}
	number, err := signalNumber(signal)
	if err != nil {
		return nil, err
	}
	return done(s.loop.SignalProcess(ctx, n, name, number))
}

// SignalProcessGroup sends a signal to each process of a group that runs.
//
//	@param string name    name of the group
//	@param string signal  a name, with or without SIG, or a number
//	@return array         a struct of name, group, status and description for each process
//	@role operate
//	@scope groups
func (s *Supervisor) SignalProcessGroup(ctx context.Context, name string, signal any) (any, error) {
	if err := s.up(); err != nil {
		return nil, err
	}
	if err := mayOperate(ctx, name); err != nil {
		return nil, err
	}
	return s.signalGroup(ctx, name, name, signal)
}

// SignalAllProcesses sends a signal to each process that runs.
//
//	@param string signal  a name, with or without SIG, or a number
//	@return array         a struct of name, group, status and description for each process
//	@role operate
//	@scope groups
func (s *Supervisor) SignalAllProcesses(ctx context.Context, signal any) (any, error) {
	if err := s.up(); err != nil {
		return nil, err
	}
	number, err := signalNumber(signal)
	if fault.Is(err, fault.BadSignal) {
		return s.refuseSignal(ctx, func(supervisor.Info) bool { return true }, err)
	}
	if err != nil {
		return nil, err
	}
	return results("")(s.loop.SignalAll(ctx, number))
}

func (s *Supervisor) signalGroup(ctx context.Context, group, spec string, signal any) (any, error) {
	switch there, err := s.loop.GroupExists(ctx, group); {
	case err != nil:
		return nil, err
	case !there:
		return nil, fault.New(fault.BadName, spec)
	}
	number, err := signalNumber(signal)
	if fault.Is(err, fault.BadSignal) {
		return s.refuseSignal(ctx, func(i supervisor.Info) bool { return i.Group == group }, err)
	}
	if err != nil {
		return nil, err
	}
	return results(spec)(s.loop.SignalGroup(ctx, group, number))
}

// refuseSignal is the answer of a mass call with a bad signal: each process
// that could have got a signal has the fault.
func (s *Supervisor) refuseSignal(ctx context.Context, in func(supervisor.Info) bool, why error) (any, error) {
	infos, err := s.loop.AllInfo(ctx)
	if err != nil {
		return nil, err
	}
	var refused xmlrpc.Array[resultAnswer]
	for _, i := range infos {
		if i.State.Signallable() && in(i) {
			refused = append(refused, resultAnswer{Name: i.Name, Group: i.Group, Err: fault.From(why)})
		}
	}
	return refused, nil
}

// signalNumber reads a signal: a name, a number, or the text of either.
// Supervisor 4.2.5, rpcinterface.py, signalProcess.
func signalNumber(v any) (int, error) {
	text, ok := v.(string)
	if !ok {
		n, ok := ext.AsInt(v)
		if !ok {
			return 0, fault.Bare(fault.IncorrectParameters)
		}
		text = strconv.Itoa(n)
	}
	number, err := config.ParseSignal(text)
	if err != nil {
		return 0, fault.New(fault.BadSignal, ext.Text(v))
	}
	return number, nil
}

// GetProcessInfo answers what is known of a process.
//
//	@param string name  name of the process, or group:name
//	@return struct      the process
//	@role view
//	@scope groups
func (s *Supervisor) GetProcessInfo(ctx context.Context, name string) (any, error) {
	info, err := s.info(ctx, name)
	if err != nil {
		return nil, err
	}
	return infoAnswer(info), nil
}

// GetAllProcessInfo answers what is known of all processes.
//
//	@return array  a struct for each process, by names of group and process
//	@role view
//	@scope groups
func (s *Supervisor) GetAllProcessInfo(ctx context.Context) (any, error) {
	if err := s.up(); err != nil {
		return nil, err
	}
	infos, err := s.loop.AllInfo(ctx)
	if err != nil {
		return nil, err
	}
	return infosAnswer(infos), nil
}

// GetAllConfigInfo answers the configuration of all processes as it was last
// read, which need not be what they run with.
//
//	@return array  a struct for each process, by name
//	@role view
//	@scope groups
func (s *Supervisor) GetAllConfigInfo(ctx context.Context) (any, error) {
	if err := s.up(); err != nil {
		return nil, err
	}
	infos, err := s.loop.ConfigInfo(ctx)
	if err != nil {
		return nil, err
	}
	return configsAnswer(infos), nil
}

// info describes the process that a client named.
func (s *Supervisor) info(ctx context.Context, spec string) (supervisor.Info, error) {
	if err := s.up(); err != nil {
		return supervisor.Info{}, err
	}
	n, whole := supervisor.ParseName(spec)
	if err := ext.CallerOf(ctx).Need(ext.View, n.Group); err != nil {
		return supervisor.Info{}, err
	}
	if whole {
		return supervisor.Info{}, fault.New(fault.BadName, spec)
	}
	return s.loop.Info(ctx, n, spec)
}

// mayOperate refuses a group that the caller does not hold, before anything
// tells whether it is there.
func mayOperate(ctx context.Context, group string) error {
	return ext.CallerOf(ctx).Need(ext.Operate, group)
}

// results makes the answer of a mass call of what the loop answered. A group
// that is not there is named as the client did.
func results(spec string) func([]supervisor.Result, error) (any, error) {
	return func(list []supervisor.Result, err error) (any, error) {
		if fault.Is(err, fault.BadName) {
			return nil, fault.New(fault.BadName, spec)
		}
		if err != nil {
			return nil, err
		}
		answers := make(xmlrpc.Array[resultAnswer], len(list))
		for i, r := range list {
			answers[i] = resultAnswer(r)
		}
		return answers, nil
	}
}
