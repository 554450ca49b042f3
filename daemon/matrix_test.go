package daemon

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"example.org/twiddler/ext"
	"example.org/twiddler/ext/twiddler"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/httpd"
	"example.org/twiddler/internal/rpc"
	"example.org/twiddler/internal/web"
	"example.org/twiddler/internal/xmlrpc"
)

// matrixAccounts are one of each kind. Their names are their passwords.
var matrixAccounts = []ext.Caller{
	{Account: "view", Role: ext.View},
	{Account: "operate", Role: ext.Operate},
	{Account: "define", Role: ext.Define},
	{Account: "admin", Role: ext.Admin},
	{Account: "view-a", Role: ext.View, Groups: []string{"a"}},
	{Account: "operate-a", Role: ext.Operate, Groups: []string{"a"}},
	{Account: "define-a", Role: ext.Define, Groups: []string{"a"}},
	{Account: "admin-a", Role: ext.Admin, Groups: []string{"a"}},
	{Account: "boss", Role: ext.Admin}, // the user of the server
}

// A grant is what somebody decided a method takes. Group says that the method
// names one, as its first parameter.
type grant struct {
	role  ext.Role
	whole bool // all groups
	named bool
}

var (
	looks     = grant{role: ext.View}
	looksAt   = grant{role: ext.View, named: true}
	acts      = grant{role: ext.Operate}
	actsOn    = grant{role: ext.Operate, named: true}
	defines   = grant{role: ext.Define}
	definesIn = grant{role: ext.Define, named: true}
	overAll   = func(role ext.Role) grant { return grant{role: role, whole: true} }
)

// grants has every method there is. One that is missing fails the test: say
// here who may call it.
var grants = map[string]grant{
	"system.listMethods": looks, "system.methodHelp": looks, "system.methodSignature": looks, "system.multicall": looks,

	"supervisor.getAPIVersion": looks, "supervisor.getVersion": looks, "supervisor.getSupervisorVersion": looks,
	"supervisor.getIdentification": looks, "supervisor.getState": looks, "supervisor.getPID": looks,
	"supervisor.readLog": overAll(ext.View), "supervisor.readMainLog": overAll(ext.View), "supervisor.clearLog": overAll(ext.Admin),
	"supervisor.shutdown": overAll(ext.Admin), "supervisor.restart": overAll(ext.Admin), "supervisor.reloadConfig": overAll(ext.Define),
	"supervisor.addProcessGroup": definesIn, "supervisor.removeProcessGroup": definesIn,
	"supervisor.sendProcessStdin": actsOn, "supervisor.sendRemoteCommEvent": overAll(ext.Operate),
	"supervisor.startProcess": actsOn, "supervisor.startProcessGroup": actsOn, "supervisor.startAllProcesses": acts,
	"supervisor.stopProcess": actsOn, "supervisor.stopProcessGroup": actsOn, "supervisor.stopAllProcesses": acts,
	"supervisor.signalProcess": actsOn, "supervisor.signalProcessGroup": actsOn, "supervisor.signalAllProcesses": acts,
	"supervisor.getProcessInfo": looksAt, "supervisor.getAllProcessInfo": looks, "supervisor.getAllConfigInfo": looks,
	"supervisor.readProcessStdoutLog": looksAt, "supervisor.readProcessLog": looksAt, "supervisor.readProcessStderrLog": looksAt,
	"supervisor.tailProcessStdoutLog": looksAt, "supervisor.tailProcessLog": looksAt, "supervisor.tailProcessStderrLog": looksAt,
	"supervisor.clearProcessLogs": actsOn, "supervisor.clearProcessLog": actsOn, "supervisor.clearAllProcessLogs": acts,

	"twiddler.getAPIVersion": looks, "twiddler.getGroupNames": looks, "twiddler.log": overAll(ext.Operate),
	"twiddler.addProgramToGroup": definesIn, "twiddler.removeProcessFromGroup": definesIn,
	"twiddler.apply": defines, "twiddler.undo": defines, "twiddler.save": defines, "twiddler.diff": defines, "twiddler.export": defines,
	"twiddler.addGroup": definesIn, "twiddler.removeGroup": definesIn, "twiddler.scale": definesIn, "twiddler.renew": definesIn,
	"twiddler.run": definesIn, "twiddler.wait": looksAt,
	"twiddler.update": overAll(ext.Admin), "twiddler.history": looks, "twiddler.getLeases": looks,
}

// rest are the parameters behind the first one of methods that name a group or
// a process.
var rest = map[string][]any{
	"supervisor.sendProcessStdin": {"x"}, "supervisor.signalProcess": {"CONT"}, "supervisor.signalProcessGroup": {"CONT"},
	"supervisor.readProcessStdoutLog": {0, 0}, "supervisor.readProcessLog": {0, 0}, "supervisor.readProcessStderrLog": {0, 0},
	"supervisor.tailProcessStdoutLog": {0, 0}, "supervisor.tailProcessLog": {0, 0}, "supervisor.tailProcessStderrLog": {0, 0},
	"twiddler.addProgramToGroup":      {"p", map[string]any{}}, // it has no command, which is found out last
	"twiddler.removeProcessFromGroup": {"nosuch"},
	"twiddler.addGroup":               {"nokind", map[string]any{}},
	"twiddler.removeGroup":            {map[string]any{"dry_run": true}},
	"twiddler.scale":                  {2, map[string]any{"dry_run": true}},
	"twiddler.renew":                  {5},
	"twiddler.run":                    {map[string]any{"autostart": "true"}}, // which it cannot have
}

// A matrix is a daemon with the accounts, in this process.
type matrix struct {
	*testing.T
	life    *life
	methods map[string]ext.Method
	server  *httpd.Server
}

const matrixConf = `[supervisord]
logfile = %(here)s/log
nodaemon = true
silent = true
[unix_http_server]
file = %(here)s/s
username = boss
password = boss
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[rpcinterface:twiddler]
supervisor.rpcinterface_factory = twiddler
[program:a]
command = /bin/cat
autostart = false
startsecs = 0
[program:b]
command = /bin/cat
autostart = false
startsecs = 0
`

func newMatrix(t *testing.T) *matrix {
	t.Helper()
	dir, err := os.MkdirTemp("", "m") // short: a socket is in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	text := matrixConf
	for _, a := range matrixAccounts[:len(matrixAccounts)-1] {
		text += fmt.Sprintf("[account:%s]\npassword = %s\nrole = %v\n", a.Account, a.Account, a.Role)
		if a.Groups != nil {
			text += "groups = " + strings.Join(a.Groups, ",") + "\n"
		}
		if a.Role == ext.Define {
			text += "allowed_users = *\nallowed_commands = *\n"
		}
	}
	path := filepath.Join(dir, "c.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d := &daemon{argv: []string{"supervisord"}, flags: &flags{path: path}, factories: []ext.Factory{twiddler.Factory}, stdout: io.Discard, stderr: io.Discard}
	cfg, err := d.load()
	if err != nil {
		t.Fatal(err)
	}
	l := &life{daemon: d, authority: httpd.NewAuthority(cfg.Accounts)}
	l.cfg.Store(cfg)
	t.Cleanup(l.end)
	for _, err := range []error{l.openLog(cfg.Supervisord), l.assemble(), l.manage(), l.listen()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var running sync.WaitGroup
	running.Go(func() { l.loop.Run() })
	t.Cleanup(func() { _ = l.loop.Shutdown(context.Background()); running.Wait() })
	if err := l.startGroups(); err != nil {
		t.Fatal(err)
	}
	m := &matrix{T: t, life: l, server: l.servers[0], methods: map[string]ext.Method{}}
	running.Go(func() { _ = m.server.Run() })
	t.Cleanup(func() { _ = m.server.Close(context.Background()) })
	m.readMethods(cfg)
	return m
}

// readMethods takes the tables of all namespaces.
func (m *matrix) readMethods(cfg *config.Config) {
	spaces, err := m.life.namespaces(cfg)
	if err != nil {
		m.Fatal(err)
	}
	for _, n := range append(spaces, rpc.Namespace{Name: "system", Methods: new(rpc.System).Methods()}) {
		for _, method := range n.Methods {
			m.methods[n.Name+"."+method.Name] = method
		}
	}
}

// ask sends a request as an account, "" for nobody.
func (m *matrix) ask(account, method, address, body string) (status int, text string) {
	m.Helper()
	r, err := http.NewRequestWithContext(m.Context(), method, "http://box"+address, strings.NewReader(body))
	if err != nil {
		m.Fatal(err)
	}
	if account != "" {
		r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(account+":"+account)))
	}
	c := &http.Client{
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
			return net.Dial("unix", m.server.Addr().String())
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := c.Do(r)
	if err != nil {
		m.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if strings.Contains(address, "logtail") && resp.StatusCode == 200 {
		return resp.StatusCode, "" // it goes on
	}
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		m.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// call calls a method and returns what it answers.
func (m *matrix) call(account, method string, params ...any) (any, error) {
	m.Helper()
	body, err := xmlrpc.AppendCall(nil, method, params...)
	if err != nil {
		m.Fatal(err)
	}
	status, text := m.ask(account, http.MethodPost, "/RPC2", string(body))
	if status != http.StatusOK {
		m.Fatalf("%s as %q: status %d", method, account, status)
	}
	return xmlrpc.DecodeResponse([]byte(text))
}

// refused reports whether an error is the fault of somebody who may not.
func refused(err error) bool {
	var f *xmlrpc.Fault
	return errors.As(err, &f) && f.Code == int(fault.NotPermitted)
}

// may is what an account is granted, for a group or, with "", without one.
func may(a ext.Caller, g grant, group string) bool {
	return a.Role >= g.role && (!g.whole || a.Groups == nil) && (group == "" || a.Groups == nil || slices.Contains(a.Groups, group))
}

// TestMatrix tries each account against each method and each route.
func TestMatrix(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	t.Run("declared", func(t *testing.T) { m.declared(t) })
	t.Run("methods", func(t *testing.T) { m.everyMethod(t) })
	t.Run("groups", func(t *testing.T) { m.everyGroup(t) })
	for _, group := range []string{"a", "b"} {
		_, _ = m.call("admin", "supervisor.addProcessGroup", group) // it may still be there
	}
	t.Run("lists", func(t *testing.T) { m.lists(t) })
	t.Run("routes", func(t *testing.T) { m.routes(t) })
}

// declared compares the live table with the decisions above.
func (m *matrix) declared(t *testing.T) {
	listed, err := m.call("view-a", "system.listMethods")
	if err != nil {
		t.Fatal(err)
	}
	names := listed.([]any)
	if len(names) != len(grants) || len(names) != len(m.methods) {
		t.Errorf("%d methods are listed, %d in the tables, %d decided on", len(names), len(m.methods), len(grants))
	}
	for _, name := range names {
		g, ok := grants[name.(string)]
		if !ok {
			t.Errorf("%s: nobody has decided who may call it: add it to grants", name)
			continue
		}
		method := m.methods[name.(string)]
		if method.Role != g.role || (method.Scope == ext.Whole) != g.whole {
			t.Errorf("%s is declared for %v, scope %d; want %+v", name, method.Role, method.Scope, g)
		}
	}
}

// everyMethod calls each method with far too many parameters: who may call it
// is told so, and nothing is done.
func (m *matrix) everyMethod(t *testing.T) {
	many := make([]any, 9)
	for i := range many {
		many[i] = "x"
	}
	for name, g := range grants {
		for _, a := range matrixAccounts {
			_, err := m.call(a.Account, name, many...)
			if want := !may(a, g, ""); err == nil || refused(err) != want {
				t.Errorf("%s by %s: %v, want it refused: %v", name, a.Account, err, want)
			}
			if name == "system.multicall" {
				continue
			}
			inside, err := m.call(a.Account, "system.multicall", []any{map[string]any{"methodName": name, "params": many}})
			if err != nil {
				t.Errorf("%s in a multicall by %s: %v", name, a.Account, err)
				continue
			}
			answer, _ := inside.([]any)[0].(map[string]any)
			if want := !may(a, g, ""); (answer["faultCode"] == int(fault.NotPermitted)) != want {
				t.Errorf("%s in a multicall by %s: %v, want it refused: %v", name, a.Account, answer, want)
			}
		}
		body, err := xmlrpc.AppendCall(nil, name, many...)
		if err != nil {
			t.Fatal(err)
		}
		if status, _ := m.ask("", http.MethodPost, "/RPC2", string(body)); status != http.StatusUnauthorized {
			t.Errorf("%s by nobody: status %d", name, status)
		}
	}
}

// everyGroup calls the methods that name a group or a process, about one that
// some accounts hold, one that only those hold that hold all, and one that is
// not there.
func (m *matrix) everyGroup(t *testing.T) {
	for name, g := range grants {
		if !g.named {
			continue
		}
		for _, a := range matrixAccounts {
			for _, group := range []string{"a", "b", "nosuch"} {
				specs := []string{group}
				if m.methods[name].Params[0] == "name" && !strings.HasSuffix(name, "Group") {
					specs = append(specs, group+":"+group, group+":*", group+":nosuch")
				}
				for _, spec := range specs {
					_, err := m.call(a.Account, name, append([]any{spec}, rest[name]...)...)
					if want := !may(a, g, group); refused(err) != want {
						t.Errorf("%s(%s) by %s: %v, want it refused: %v", name, spec, a.Account, err, want)
					}
					if refused(err) && a.Role >= g.role && !strings.Contains(err.Error(), fmt.Sprintf("does not hold the group %q", group)) {
						t.Errorf("%s(%s) by %s: %v", name, spec, a.Account, err)
					}
				}
			}
		}
	}
}

// lists calls what is about all processes.
func (m *matrix) lists(t *testing.T) {
	for name, params := range map[string][]any{
		"supervisor.stopAllProcesses": {true}, "supervisor.startAllProcesses": {true}, "supervisor.signalAllProcesses": {"CONT"},
		"supervisor.getAllProcessInfo": {}, "supervisor.getAllConfigInfo": {}, "supervisor.clearAllProcessLogs": {}, "twiddler.getGroupNames": {},
	} {
		for _, a := range matrixAccounts {
			if !may(a, grants[name], "") {
				continue
			}
			for _, group := range []string{"a", "b"} { // so that a mass call has something to act on
				method := "supervisor.startProcess"
				if name == "supervisor.startAllProcesses" {
					method = "supervisor.stopProcess"
				}
				_, _ = m.call("admin", method, group, true) // it may be so already
			}
			answer, err := m.call(a.Account, name, params...)
			if err != nil {
				t.Errorf("%s by %s: %v", name, a.Account, err)
				continue
			}
			want := "[a b]"
			if a.Groups != nil {
				want = "[a]"
			}
			if got := fmt.Sprint(groupsIn(answer)); got != want {
				t.Errorf("%s by %s is about %s, want %s", name, a.Account, got, want)
			}
		}
	}
}

// groupsIn are the groups of a list, in order.
func groupsIn(answer any) []string {
	var all []string
	for _, e := range answer.([]any) {
		switch e := e.(type) {
		case string:
			all = append(all, e)
		case map[string]any:
			all = append(all, e["group"].(string))
		}
	}
	slices.Sort(all)
	return all
}

// routes asks for each route.
func (m *matrix) routes(t *testing.T) {
	want := []string{"/RPC2*", "/logtail*", "/mainlogtail*"}
	for _, r := range new(web.Handler).Routes() {
		want = append(want, r.Pattern)
	}
	var got []string
	for _, r := range m.server.Routes() {
		got = append(got, r.Pattern)
		if r.Role != ext.View {
			t.Errorf("route %s takes the role %v; say below who may use it", r.Pattern, r.Role)
		}
		path := strings.TrimSuffix(r.Pattern, "*")
		if status, _ := m.ask("", http.MethodGet, path, ""); status != http.StatusUnauthorized {
			t.Errorf("%s by nobody: status %d", path, status)
		}
		for _, a := range matrixAccounts {
			want := a.Role >= r.Role && (r.Pattern != "/mainlogtail*" || a.Groups == nil)
			if status, _ := m.ask(a.Account, http.MethodGet, path, ""); (status != http.StatusForbidden) != want {
				t.Errorf("%s by %s: status %d, want it served: %v", path, a.Account, status, want)
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("there are the routes %v, and this test knows %v", got, want)
	}
	for _, a := range matrixAccounts {
		for _, group := range []string{"a", "b", "nosuch"} {
			for address, g := range map[string]grant{"/logtail/" + group: looksAt, "/logtail/" + group + ":x/stderr": looksAt,
				"/?action=start&processname=" + group: actsOn, "/?action=stop&processname=" + group + ":x": actsOn, "/?action=clearlog&processname=" + group: actsOn} {
				status, _ := m.ask(a.Account, http.MethodGet, address, "")
				if want := may(a, g, group); (status != http.StatusForbidden) != want {
					t.Errorf("%s by %s: status %d, want it served: %v", address, a.Account, status, want)
				}
			}
		}
		_, page := m.ask(a.Account, http.MethodGet, "/", "")
		if got, want := strings.Contains(page, "logtail/b"), a.Groups == nil; got != want {
			t.Errorf("the page of %s shows the group b: %v", a.Account, got)
		}
		if got, want := strings.Contains(page, "<button"), a.Role >= ext.Operate; got != want {
			t.Errorf("the page of %s has buttons: %v", a.Account, got)
		}
	}
}
