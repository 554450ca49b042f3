package config

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
)

// A PolicyHost is what [CheckPolicy] has to know of the machine.
type PolicyHost struct {
	// Resolve returns the file that the command of a process runs, as its start
	// will find it.
	Resolve func(p *Process) (file string, err error)
	// UserName returns the name of a uid, "" for one that has none.
	UserName func(uid int) string
	// UID is what supervisord runs as, and so does a program without a user.
	UID int
}

// minOpenPort is the first port that takes no privilege.
const minOpenPort = 1024

// harmful are variables that make a command run other code than its own. They
// are not in the pattern "*" alone.
var harmful = []string{
	"PATH", "LD_*", "DYLD_*", "GCONV_PATH", "GLIBC_TUNABLES", "LOCPATH", "NLSPATH", "TMPDIR", "IFS", "ENV", "BASH*", "SHELLOPTS", "PS4",
	"PYTHON*", "PERL*", "RUBY*", "NODE_*", "JAVA_*", "_JAVA_*", "JDK_*", "CLASSPATH", "LUA_*", "PHP*", "GIT_*", "EDITOR", "PAGER",
	"SUPERVISOR_*",
}

// CheckPolicy returns the first thing that keeps a caller from defining procs
// in the group g, nil if nothing does. A caller without a policy may define
// anything in the groups that it holds. live is how many processes there are
// beside procs in the groups that [MayDefine] allows, without those of the
// configuration file.
//
// The error is a fault NOT_PERMITTED that names the process and the bound. It
// reads links in the file system, and asks h: not for a goroutine that must
// not block.
func CheckPolicy(c ext.Caller, h PolicyHost, g *Group, procs []*Process, live int) error {
	if err := MayDefine(c, g.Name); err != nil || c.Policy == nil {
		return err
	}
	v := verdict{caller: c, policy: c.Policy, host: h}
	if n := live + len(procs); n > c.Policy.MaxProcesses {
		return fault.Errorf(fault.NotPermitted, "account %q: group %s: there would be %d processes; max_processes is %d",
			c.Account, g.Name, n, c.Policy.MaxProcesses)
	}
	if err := v.group(g); err != nil {
		return err
	}
	for _, p := range procs {
		if err := v.process(p); err != nil {
			return err
		}
	}
	return nil
}

// MayDefine returns nil if a caller may change what is defined in a group, as
// far as the names of groups go, and otherwise the fault NOT_PERMITTED, which
// is the same whether there is such a group or not.
func MayDefine(c ext.Caller, group string) error {
	if err := c.Need(ext.Define, group); err != nil {
		return err
	}
	if c.Policy == nil || c.Policy.AllowedGroups == nil || matches(c.Policy.AllowedGroups, group) {
		return nil
	}
	v := verdict{caller: c}
	return v.refuse("group "+group, "the account may not define programs in it", "allowed_groups", c.Policy.AllowedGroups)
}

// A verdict is one check in progress.
type verdict struct {
	caller ext.Caller
	policy *ext.Policy
	host   PolicyHost
}

// refuse words a violation.
func (v *verdict) refuse(where, what, key string, allowed []string) error {
	list := "allows nothing"
	if len(allowed) > 0 {
		list = "is " + strings.Join(allowed, ", ")
	}
	return fault.Errorf(fault.NotPermitted, "account %q: %s: %s; %s %s", v.caller.Account, where, what, key, list)
}

// group checks what a group has of its own.
func (v *verdict) group(g *Group) error {
	where := "group " + g.Name
	if g.Kind == EventListener && !v.caller.HoldsAll() {
		return v.refuse(where, "an event listener hears of all groups, and the account does not hold all", "groups", v.caller.Groups)
	}
	s := g.Socket
	switch {
	case s == nil:
		return nil
	case !s.Unix && s.Port < minOpenPort:
		return fault.Errorf(fault.NotPermitted, "account %q: %s: socket has port %d; the ports from %d are allowed",
			v.caller.Account, where, s.Port, minOpenPort)
	case !s.Unix:
		return nil
	case !v.directory(s.Path):
		return v.refuse(where, "socket "+s.Path+" is not in an allowed directory", "allowed_directories", v.policy.AllowedDirectories)
	}
	if s.UID >= 0 && !v.user("", s.UID) {
		return v.refuse(where, fmt.Sprintf("the owner %d of the socket is not allowed", s.UID), "allowed_users", v.policy.AllowedUsers)
	}
	return nil
}

func (v *verdict) process(p *Process) error {
	where := "process " + p.Group + ":" + p.Name
	if strings.ContainsRune(p.Name, '/') || strings.ContainsFunc(p.Name, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		// It becomes a part of the path of an AUTO log.
		return fault.Errorf(fault.NotPermitted, "account %q: %q is no name for a process: it has a slash or a control character",
			v.caller.Account, where)
	}
	if p.Kind == EventListener && !v.caller.HoldsAll() {
		return v.refuse(where, "an event listener hears of all groups, and the account does not hold all", "groups", v.caller.Groups)
	}
	uid, user := p.UID, p.User
	if user == "" {
		uid = v.host.UID
	}
	if !v.user(user, uid) {
		if user == "" {
			user = fmt.Sprintf("of supervisord, %s,", v.name(uid))
		}
		return v.refuse(where, "the user "+user+" is not allowed", "allowed_users", v.policy.AllowedUsers)
	}
	if err := v.environment(where, p); err != nil {
		return err
	}
	if err := v.paths(where, p); err != nil {
		return err
	}
	return v.command(where, p)
}

// user reports whether a program may run as a user: as it is written, if that
// is a name, or as its uid or the name of that.
func (v *verdict) user(written string, uid int) bool {
	if _, number := parseInt(written, 10); written != "" && !number && matches(v.policy.AllowedUsers, written) {
		return true
	}
	if matches(v.policy.AllowedUsers, "") { // "*" alone
		return true
	}
	if uid < 0 {
		return false
	}
	if slices.Contains(v.policy.AllowedUsers, strconv.Itoa(uid)) {
		return true
	}
	name := v.host.UserName(uid)
	return name != "" && matches(v.policy.AllowedUsers, name)
}

// name is how to call a uid.
func (v *verdict) name(uid int) string {
	if name := v.host.UserName(uid); name != "" {
		return name
	}
	return strconv.Itoa(uid)
}

func (v *verdict) environment(where string, p *Process) error {
	for _, name := range slices.Sorted(maps.Keys(p.Environment)) {
		allowed := v.policy.AllowedEnvironment
		if ext.MatchAny(harmful, name) {
			allowed = slices.DeleteFunc(slices.Clone(allowed), func(p string) bool { return p == "*" })
		}
		if !ext.MatchAny(allowed, name) {
			return v.refuse(where, "the variable "+name+" is not allowed", "allowed_environment", v.policy.AllowedEnvironment)
		}
	}
	return nil
}

// paths checks where a process works and writes. All of it is opened with
// supervisord's rights.
func (v *verdict) paths(where string, p *Process) error {
	const key = "allowed_directories"
	if p.Directory != "" && !v.directory(p.Directory) {
		return v.refuse(where, "directory "+p.Directory+" is not an allowed one", key, v.policy.AllowedDirectories)
	}
	for _, file := range []struct {
		name string
		c    *Channel
	}{{"stdout_logfile", &p.Stdout}, {"stderr_logfile", &p.Stderr}} {
		if file.c.Log == LogFile && !v.directory(file.c.Path) {
			return v.refuse(where, file.name+" "+file.c.Path+" is not in an allowed directory", key, v.policy.AllowedDirectories)
		}
	}
	return nil
}

// command checks what a process runs. A relative path would be another file
// after the change to the directory of the program, and one that goes through
// ".." another one than it says.
func (v *verdict) command(where string, p *Process) error {
	const key = "allowed_commands"
	file, err := v.host.Resolve(p)
	if err != nil {
		return v.refuse(where, err.Error(), key, v.policy.AllowedCommands)
	}
	if !plainPath(file) {
		return v.refuse(where, "the command "+file+" must be an absolute path without . and ..", key, v.policy.AllowedCommands)
	}
	if !matches(v.policy.AllowedCommands, file) {
		return v.refuse(where, "the command "+file+" is not allowed", key, v.policy.AllowedCommands)
	}
	return nil
}

// directory reports whether a path, and what it leads to by links, is an
// allowed one or is below it.
func (v *verdict) directory(file string) bool {
	if slices.Contains(v.policy.AllowedDirectories, "*") {
		return true
	}
	if !plainPath(file) || !below(v.policy.AllowedDirectories, file) {
		return false
	}
	real, ok := followed(file)
	if !ok {
		return false
	}
	for _, pattern := range v.policy.AllowedDirectories {
		target, ok := followed(pattern)
		if below([]string{pattern}, real) || ok && below([]string{target}, real) {
			return true
		}
	}
	return false
}

// plainPath reports whether a path says what file it is, links aside.
func plainPath(file string) bool { return strings.HasPrefix(file, "/") && path.Clean(file) == file }

// below reports whether a path, or a directory that it is in, matches one of
// the patterns.
func below(patterns []string, file string) bool {
	for ; ; file = path.Dir(file) {
		if ext.MatchAny(patterns, file) {
			return true
		}
		if file == "/" {
			return false
		}
	}
}

// followed is a path with the links in that part of it followed which exists.
func followed(file string) (string, bool) {
	rest := ""
	for head := file; ; head = path.Dir(head) {
		real, err := filepath.EvalSymlinks(head)
		if err == nil {
			return path.Join(real, rest), true
		}
		if _, lerr := os.Lstat(head); lerr == nil || head == "/" {
			return "", false // a link to nothing, which a file could be made through
		}
		rest = path.Join(path.Base(head), rest)
	}
}

// matches is ext.MatchAny, but for "*" alone, which is anything, slashes
// included.
func matches(patterns []string, name string) bool {
	return slices.Contains(patterns, "*") || name != "" && ext.MatchAny(patterns, name)
}
