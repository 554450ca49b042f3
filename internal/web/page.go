package web

import (
	"fmt"
	"net/http"
	"strings"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/errorpage"
	"example.org/twiddler/internal/proc"
	"example.org/twiddler/internal/supervisor"
)

// head begins a document.
func (p *page) head(title string, live bool) *page {
	p.raw(`<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8" />
  <meta name="viewport" content="width=device-width, initial-scale=1" />
  <meta name="color-scheme" content="light dark" />
  <title>`).text(title).raw(`</title>
  <link href="stylesheets/supervisor.css" rel="stylesheet" type="text/css" />
  <link href="images/icon.png" rel="icon" type="image/png" />
`)
	if live {
		p.raw("  <script src=\"scripts/status.js\" defer=\"defer\"></script>\n")
	}
	return p.raw("</head>\n")
}

// banner is the line at the top.
func (p *page) banner(title string) *page {
	return p.raw("<div id=\"header\">\n<a href=\"index.html\"><img alt=\"Supervisor status\" src=\"images/icon.svg\" width=\"32\" height=\"32\" /></a>\n<h1>").
		text(title).raw("</h1>\n<p id=\"lost\" hidden=\"hidden\">no answer from supervisord</p>\n</div>\n")
}

// foot ends a document.
func (h *Handler) foot(p *page) {
	p.raw(`<div id="footer" class="clr">
<a href="http://supervisord.org">Supervisor</a> <span>`).text(h.o.Version).raw("</span>, by Twiddler\n</div>\n</body>\n</html>\n")
}

// serveStatus serves the status page, and what its buttons ask for.
func (h *Handler) serveStatus(w http.ResponseWriter, r *http.Request, f form) {
	if f.action != "" {
		h.act(w, r, f)
		return
	}
	infos, err := h.loop.AllInfo(r.Context())
	if err != nil {
		errorpage.Write(w, http.StatusInternalServerError)
		return
	}
	p := newPage(r)
	p.Grow(4096 + 1024*len(infos))
	h.status(p, infos, f)
	p.send(w, http.StatusOK)
}

func (h *Handler) status(p *page, infos []supervisor.Info, f form) {
	p.head("Supervisor Status", true)
	p.raw("<body>\n<div id=\"wrapper\">\n").banner("Supervisor")
	p.raw("<div id=\"content\">\n")
	if failed(f.message) {
		p.raw(`<div role="status" class="failed">`)
	} else {
		p.raw(`<div role="status">`)
	}
	if f.hasMessage {
		p.raw(`<div class="status_msg">`).text(f.message).raw("</div>")
	} else {
		p.raw(`<div class="hidden">#</div>`)
	}
	p.raw("</div>\n<form action=\"index.html\" method=\"post\">\n")
	operates := ext.Operate <= p.who.Role
	if operates {
		h.tokenField(p)
	}
	p.raw(`<ul id="buttons" class="clr">
<li class="action-button"><a href="index.html?action=refresh">Refresh</a></li>
`)
	if operates {
		p.raw(`<li class="action-button"><button type="submit" formaction="index.html?action=restartall">Restart All</button></li>
<li class="action-button"><button type="submit" formaction="index.html?action=stopall">Stop All</button></li>
`)
	}
	p.raw("</ul>\n<div id=\"programs\">\n")
	h.table(p, infos)
	p.raw("</div>\n</form>\n</div>\n</div>\n")
	h.foot(p)
}

// failed reports whether a message is one of those that tell of a failure.
func failed(message string) bool {
	return strings.HasPrefix(message, "ERROR: ") || strings.HasPrefix(message, "unexpected rpc fault ") ||
		strings.HasPrefix(message, "No such process ")
}

func (h *Handler) tokenField(p *page) {
	p.raw(`<input type="hidden" name="token" value="`).attr(h.tokenOf(p.who)).raw("\" />\n")
}

// table is all processes, below a line that counts them.
func (h *Handler) table(p *page, infos []supervisor.Info) {
	if len(infos) == 0 {
		p.raw("No programs to manage\n")
		return
	}
	summary(p, infos)
	p.raw(`<table>
<thead>
<tr><th class="state">State</th><th class="desc">Description</th><th class="name">Name</th><th class="action">Action</th></tr>
</thead>
<tbody>
`)
	for i := range infos {
		if i%2 == 1 {
			p.raw(`<tr class="shade">`)
		} else {
			p.raw(`<tr class="">`)
		}
		h.row(p, &infos[i])
	}
	p.raw("</tbody>\n</table>\n")
}

// summary counts the processes by state, those with trouble first.
func summary(p *page, infos []supervisor.Info) {
	count := map[proc.State]int{}
	for i := range infos {
		count[infos[i].State]++
	}
	p.raw(`<ul id="summary">`)
	for _, s := range []proc.State{proc.Fatal, proc.Backoff, proc.Unknown, proc.Running, proc.Starting, proc.Stopping, proc.Exited, proc.Stopped} {
		if n := count[s]; n > 0 {
			// Not the classes of the table: programs count those.
			p.raw(`<li class="is-`).raw(stateClass(s)).raw(`">`).text(fmt.Sprintf("%d %s", n, lower(s))).raw("</li>")
		}
	}
	p.raw("</ul>\n")
}

func lower(s proc.State) string { return strings.ToLower(s.String()) }

// stateClass is the class of a state. Supervisor 4.2.5, web.py,
// css_class_for_state.
func stateClass(s proc.State) markup {
	switch s {
	case proc.Running:
		return "statusrunning"
	case proc.Fatal, proc.Backoff:
		return "statuserror"
	}
	return "statusnominal"
}

// row is one process. Supervisor 4.2.5, web.py, actions_for_process.
func (h *Handler) row(p *page, i *supervisor.Info) {
	name := supervisor.Name{Group: i.Group, Process: i.Name}.Spec()
	q := quote(name)
	p.raw("\n<td class=\"status\"><span class=\"").raw(stateClass(i.State)).raw(`">`).text(lower(i.State)).raw("</span></td>\n<td><span>").
		text(h.o.Describe(i)).raw("</span></td>\n<td><a href=\"tail.html?processname=").attr(q).raw(`" target="_blank">`).text(name).raw("</a></td>\n<td class=\"action\">\n<ul>\n")
	may := p.who.May(ext.Operate, i.Group)
	switch {
	case may && i.State == proc.Running:
		button(p, "restart", name, q)
		button(p, "stop", name, q)
	case may && (i.State == proc.Stopped || i.State == proc.Exited || i.State == proc.Fatal):
		button(p, "start", name, q)
		p.raw("<li></li>\n")
	default:
		p.raw("<li></li>\n<li></li>\n")
	}
	if may {
		button(p, "clearlog", name, q)
	}
	tailLink(p, "Tail -f Stdout", name, "logtail/"+q)
	tailLink(p, "Tail -f Stderr", name, "logtail/"+q+"/stderr")
	p.raw("</ul>\n</td>\n</tr>\n")
}

// button is an action on one process. Its address is that of the original's
// link, but it is posted, together with the token of the form around it.
func button(p *page, act, name, quoted string) {
	label := actions[act].label
	p.raw(`<li><button type="submit" formaction="index.html?processname=`).attr(quoted).raw("&amp;action=").attr(act).
		raw(`" aria-label="`).attr(label + " " + name).raw(`">`).text(label).raw("</button></li>\n")
}

func tailLink(p *page, label, name, address string) {
	p.raw(`<li><a href="`).attr(address).raw(`" name="`).attr(label).raw(`" target="_blank" aria-label="`).attr(label + " " + name).
		raw(`">`).text(label).raw("</a></li>\n")
}

// confirm asks whether what f asks for is really meant, since the browser that
// sent it cannot show that it is: a bookmark, a page from before a restart, or
// somebody else's page.
func (h *Handler) confirm(w http.ResponseWriter, r *http.Request, f form, a action) {
	status := http.StatusOK
	if r.Method == http.MethodPost {
		status = http.StatusForbidden // for programs; people see the page
	}
	target, what := "index.html?action="+quote(f.action), a.harm
	if a.process != nil {
		target = "index.html?processname=" + quote(f.process) + "&action=" + quote(f.action)
		what += " " + f.process
	}
	p := newPage(r)
	p.head("Supervisor Status", false)
	p.raw("<body>\n<div id=\"wrapper\">\n").banner("Supervisor")
	p.raw("<div id=\"content\">\n<form class=\"ask\" action=\"").attr(target).raw("\" method=\"post\">\n")
	h.tokenField(p)
	p.raw("<h2>").text(strings.ToUpper(what[:1]) + what[1:] + "?").
		raw("</h2>\n<p>Nothing has been done yet. This was asked for by a link, by another site, or by a page that is out of date.</p>\n" +
			"<ul id=\"buttons\" class=\"clr\">\n<li class=\"action-button\"><button type=\"submit\">").text(a.label).
		raw("</button></li>\n<li class=\"action-button\"><a href=\"index.html\">Cancel</a></li>\n</ul>\n</form>\n</div>\n</div>\n")
	h.foot(p)
	p.send(w, status)
}

// refuse answers a request under a name that should not be ours.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request) {
	local, _ := localAddr(r)
	p := newPage(r)
	p.head("Supervisor Status", false)
	p.raw("<body>\n<div id=\"wrapper\">\n").banner("Supervisor")
	p.raw("<div id=\"content\">\n<div class=\"ask\">\n<h2>Not under this name</h2>\n<p>").text(r.Host).
		raw(" is not known to be this machine, and this server asks for no password. Open <code>").text(scheme(r) + local.String() + "/").
		raw("</code> instead, or set a username and a password for the server.</p>\n</div>\n</div>\n</div>\n")
	h.foot(p)
	p.send(w, http.StatusForbidden)
}
