package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/errorpage"
	"example.org/twiddler/internal/supervisor"
	"example.org/twiddler/level"
)

// errNoAction says that a request asks for something that there isn't.
var errNoAction = errors.New("no such action")

// An action is what a button does to a process or to all. It returns the
// message for the page; the texts are those of Supervisor 4.2.5, web.py,
// make_callback.
type action struct {
	label   string
	harm    string // what a confirmation calls it
	all     func(*Handler, context.Context) string
	process func(h *Handler, ctx context.Context, n supervisor.Name, spec string) string
}

// actions are by the name in an address.
var actions = map[string]action{
	"refresh":    {label: "Refresh", all: (*Handler).refresh},
	"stopall":    {label: "Stop All", harm: "stop all programs", all: (*Handler).stopAll},
	"restartall": {label: "Restart All", harm: "restart all programs", all: (*Handler).restartAll},
	"start":      {label: "Start", harm: "start", process: (*Handler).start},
	"stop":       {label: "Stop", harm: "stop", process: (*Handler).stop},
	"restart":    {label: "Restart", harm: "restart", process: (*Handler).restart},
	"clearlog":   {label: "Clear Log", harm: "clear the log of", process: (*Handler).clearLog},
}

// act does what f asks for, or asks back, and answers with a redirection to
// the page with the message.
func (h *Handler) act(w http.ResponseWriter, r *http.Request, f form) {
	a, known := actions[f.action]
	switch {
	case known && a.harm == "":
	case !mayAct(r, f):
		errorpage.Write(w, http.StatusForbidden)
		return
	case known && (a.all != nil || f.process != "") && !h.proven(r, f):
		h.confirm(w, r, f, a)
		return
	}
	ctx, cancel := linger(r.Context())
	defer cancel()
	message, err := h.run(ctx, a, f)
	if err != nil {
		h.fail(w, f, err)
		return
	}
	forget(w.Header())
	if f.token != "" {
		// Our own form: relative, since a proxy may have told the browser
		// another scheme, host and path.
		w.Header().Set("Location", "./?message="+quote(message))
		errorpage.Write(w, http.StatusSeeOther)
		return
	}
	w.Header().Set("Location", scheme(r)+address(r)+"/?message="+quote(message))
	errorpage.Write(w, http.StatusMovedPermanently)
}

// mayAct reports whether the sender of r may do something to the process that
// f names or, without one, to those that it holds. It may not know whether
// there is a process that it does not hold.
func mayAct(r *http.Request, f form) bool {
	who := ext.CallerOf(r.Context())
	if f.process == "" {
		return ext.Operate <= who.Role
	}
	name, _ := supervisor.ParseName(f.process)
	return who.May(ext.Operate, name.Group)
}

func (h *Handler) run(ctx context.Context, a action, f form) (message string, err error) {
	if a.all != nil {
		return a.all(h, ctx), nil
	}
	if f.process == "" {
		return "", errNoAction
	}
	name, whole := supervisor.ParseName(f.process)
	there := false
	if !whole {
		if there, err = h.loop.Exists(ctx, name); err != nil {
			return "", err
		}
	}
	switch {
	case !there:
		return "No such process named " + f.process, nil
	case a.process == nil:
		return "", errNoAction
	}
	return a.process(h, ctx, name, f.process), nil
}

// fail answers what the original does with an exception.
func (h *Handler) fail(w http.ResponseWriter, f form, err error) {
	if h.o.Log != nil {
		h.o.Log(level.Error, fmt.Sprintf("Web interface error: %.200q: %v", f.action, err))
	}
	errorpage.Write(w, http.StatusInternalServerError)
}

// ctime is the time as C and Python write it.
func ctime() string { return time.Now().Format(time.ANSIC) }

func unexpected(err error) string {
	f := fault.From(err)
	return fmt.Sprintf("unexpected rpc fault [%d] %s", f.Code, f.Error())
}

// up refuses what supervisord no longer does while it goes down.
func (h *Handler) up() error {
	if h.loop.Mood() < supervisor.MoodRunning {
		return fault.Bare(fault.ShutdownState)
	}
	return nil
}

func (h *Handler) refresh(context.Context) string { return "Page refreshed at " + ctime() }

func (h *Handler) stopAll(ctx context.Context) string {
	err := h.up()
	if err == nil {
		_, err = h.loop.StopAll(ctx, true)
	}
	if err != nil {
		return unexpected(err)
	}
	return "All stopped at " + ctime()
}

func (h *Handler) restartAll(ctx context.Context) string {
	err := h.up()
	if err == nil {
		_, err = h.loop.StopAll(ctx, true)
	}
	if err == nil {
		_, err = h.loop.StartAll(ctx, true)
	}
	if err != nil {
		return unexpected(err)
	}
	return "All restarted at " + ctime()
}

func (h *Handler) start(ctx context.Context, n supervisor.Name, spec string) string {
	err := h.up()
	if err == nil {
		err = h.loop.StartProcess(ctx, n, spec, true)
	}
	if err == nil {
		return "Process " + spec + " started"
	}
	why := unexpected(err)
	switch fault.From(err).Code {
	case fault.NoFile:
		why = "no such file"
	case fault.NotExecutable:
		why = "file not executable"
	case fault.AlreadyStarted:
		why = "already started"
	case fault.SpawnError:
		why = "spawn error"
	case fault.AbnormalTermination:
		why = "abnormal termination"
	}
	return "ERROR: Process " + spec + ": " + why
}

func (h *Handler) stop(ctx context.Context, n supervisor.Name, spec string) string {
	err := h.up()
	if err == nil {
		err = h.loop.StopProcess(ctx, n, spec, true)
	}
	if err != nil {
		return unexpected(err)
	}
	return "Process " + spec + " stopped"
}

// restart says the same whatever comes of it, as the original does; the page
// that shows the message shows the state as well.
func (h *Handler) restart(ctx context.Context, n supervisor.Name, spec string) string {
	if h.up() == nil {
		_ = h.loop.StopProcess(ctx, n, spec, true)
		_ = h.loop.StartProcess(ctx, n, spec, true)
	}
	return "Process " + spec + " restarted"
}

func (h *Handler) clearLog(ctx context.Context, n supervisor.Name, spec string) string {
	err := h.up()
	if err == nil {
		err = h.loop.ClearLogs(ctx, n, spec)
	}
	if err != nil {
		return unexpected(err)
	}
	return "Log for " + spec + " cleared"
}
