package config

import (
	"slices"
	"strings"
)

// defaultHandler is the result_handler that takes OK and nothing else.
const defaultHandler = "supervisor.dispatchers:default_handler"

// listenerOptions is the part of the table of [eventlistener:x] that the pool
// reads; the rest is that of programs.
// Supervisor 4.2.5, options.py, process_groups_from_parser.
var listenerOptions = []row[Group]{
	priorityOption("-1", func(g *Group) *int { return &g.Priority }),
	{Option{"buffer_size", typeInt, "10", "", ExpandsHere, "events kept for the pool while no listener is ready"},
		func(r *reader, g *Group, v string) error {
			err := setInt(&g.BufferSize, v)
			if err == nil && g.BufferSize < 1 {
				err = wrong("[%s] section sets invalid buffer_size (%d)", r.src.name, g.BufferSize)
			}
			return err
		}},
	{Option{"result_handler", typeCallable, defaultHandler, "", ExpandsHere, "what judges the results of listeners"},
		func(r *reader, g *Group, v string) error {
			g.ResultHandler = v
			return r.resolve(r.o.KnownHandlers, v)
		}},
	{Option{"events", typeList, "", "an error", ExpandsHere, "events that are sent to the pool"},
		setEvents},
	{Option{"redirect_stderr", typeBool, "false", "", ExpandsHere, "must not be true: stdout of a listener is its protocol channel"},
		func(r *reader, _ *Group, v string) error {
			on, err := boolean(v)
			if err == nil && on {
				err = wrong("[%s] section sets redirect_stderr=true but this is not allowed "+
					"because it will interfere with the eventlistener protocol", r.src.name)
			}
			return err
		}},
}

// resolve asks whether a module:callable is known.
func (r *reader) resolve(known func(string) error, spec string) error {
	if known == nil {
		return nil
	}
	err := known(spec)
	switch {
	case err == nil:
		return nil
	case err.Error() == "":
		return wrong("%s cannot be resolved within [%s]", spec, r.src.name)
	}
	return wrong("%s cannot be resolved within [%s]: %v", spec, r.src.name, err)
}

// setEvents reads events=, names in any case.
func setEvents(r *reader, g *Group, v string) error {
	g.Events = nil
	var unknown error
	for _, word := range list(strings.ToUpper(v)) {
		if unknown == nil && !r.o.KnownEvents(word) {
			unknown = wrong("Unknown event type %s in [%s] events", word, r.src.name)
		}
		g.Events = append(g.Events, word)
	}
	slices.Sort(g.Events)
	g.Events = slices.Compact(g.Events)
	if len(g.Events) == 0 {
		return eventsRequired(r)
	}
	return unknown
}

// eventsRequired is the error of a pool without events.
func eventsRequired(r *reader) error {
	return wrong("[%s] section requires an \"events\" line", r.src.name)
}

// pool reads an [eventlistener:x].
func (l *loader) pool(src *source) *Group {
	r := &reader{loader: l, src: src, vars: l.hereVars()}
	g := &Group{Name: afterColon(src.name), Kind: EventListener, Section: l.sectionOf(src)}
	for i := range listenerOptions {
		read(r, &listenerOptions[i], g)
		if listenerOptions[i].Key == "events" && !src.has("events") {
			r.missing(eventsRequired(r))
		}
	}
	g.Processes = l.processes(src, g.Name, EventListener)
	return g
}
