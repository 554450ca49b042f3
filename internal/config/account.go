package config

import (
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/ini"
)

// An Account is one [account:x]: who a request may come from beside the user
// of a server, and what it may do.
type Account struct {
	Name string

	// Ways to know it. Each that is set is enough by itself.
	Password    string // plain, {SHA} and hexadecimal, or a bcrypt hash that begins with $2; "" for none
	UID, GID    int    // of the peer of a unix socket; -1 for none
	Certificate string // common name or DNS name of a client's certificate; "" for none

	Role   ext.Role
	Groups []string    // patterns; nil for all
	Policy *ext.Policy // bounds of define; nil for none
}

// account is an [account:x] while it is read.
type account struct {
	Account
	policy ext.Policy
}

const (
	accountPrefix = "account:"
	shaPrefix     = "{SHA}"
	bcryptPrefix  = "{BCRYPT}"
	bcryptSize    = 60
	// Each step doubles the time of a log-in. At 15 it takes seconds.
	minBcrypt, maxBcrypt = 4, 15
	maxPasswordFile      = 4 << 10
)

// accountOptions is the table of [account:x].
var accountOptions = []row[account]{
	{Option{"password", typeText, "", "no log-in by password", ExpandsEnv, "password; hidden as {SHA} and the SHA-1 in hexadecimal, or as a bcrypt hash with or without {BCRYPT}"},
		func(_ *reader, a *account, v string) (err error) {
			a.Password, err = password(v)
			return err
		}},
	{Option{"password_file", typePath, "", "no log-in by password", ExpandsHere, "file with the password in one line, readable for its owner alone; goes before password"},
		func(r *reader, a *account, v string) (err error) {
			a.Password, err = readPassword(r.normal(strip(v)))
			return err
		}},
	{Option{"uid", typeUser, "", "no log-in by user", ExpandsEnv, "user whose processes are known by the kernel on a unix socket"},
		func(r *reader, a *account, v string) (err error) {
			a.UID, err = number(v, func() (int, error) { uid, _, err := r.loader.user(v); return uid, err })
			return err
		}},
	{Option{"gid", typeGroup, "", "no log-in by group", ExpandsEnv, "group whose processes are known by the kernel on a unix socket; not one of their supplementary groups"},
		func(r *reader, a *account, v string) (err error) {
			a.GID, err = number(v, func() (int, error) { return r.lookupGroup(v) })
			if err != nil {
				return wrong("Invalid group %s", ini.Repr(v))
			}
			return nil
		}},
	{Option{"certificate", typeText, "", "no log-in by certificate", ExpandsEnv, "common name or DNS name of a certificate that tls_client_ca of the server has signed"},
		func(_ *reader, a *account, v string) error {
			if a.Certificate = strip(v); a.Certificate == "" {
				return wrong("the name of the certificate is empty")
			}
			return nil
		}},
	{Option{"role", typeRole, "", "an error", ExpandsEnv, "what the account may do; each includes those before it"},
		func(_ *reader, a *account, v string) error {
			role, ok := ext.ParseRole(strings.ToLower(strip(v)))
			if !ok {
				return wrong("%s is no role: it must be view, operate, define or admin", ini.Repr(v))
			}
			a.Role = role
			return nil
		}},
	{Option{"groups", typeMatch, "", "all groups", ExpandsEnv, "groups that the account holds"},
		func(_ *reader, a *account, v string) (err error) { a.Groups, err = matchList(v); return err }},
	{Option{"allowed_users", typeMatch, "", "an error for the role define", ExpandsEnv, "users that defined programs may run as; supervisord's own where they name none"},
		func(_ *reader, a *account, v string) (err error) {
			a.policy.AllowedUsers, err = matchList(v)
			return err
		}},
	{Option{"allowed_commands", typeMatch, "", "an error for the role define", ExpandsEnv, "absolute paths of the executables that defined programs may run"},
		func(_ *reader, a *account, v string) (err error) {
			a.policy.AllowedCommands, err = pathList(v)
			return err
		}},
	{Option{"allowed_directories", typeMatch, "", "none, and logs AUTO or NONE only", ExpandsEnv, "where directory, log files and unix sockets of defined programs may be, with all below"},
		func(_ *reader, a *account, v string) (err error) {
			a.policy.AllowedDirectories, err = pathList(v)
			return err
		}},
	{Option{"allowed_environment", typeMatch, "", "none", ExpandsEnv, "names of variables that defined programs may set; PATH, LD_* and the like are not in *"},
		func(_ *reader, a *account, v string) (err error) {
			a.policy.AllowedEnvironment, err = matchList(v)
			return err
		}},
	{Option{"allowed_groups", typeMatch, "", "as groups", ExpandsEnv, "groups in which the account may define programs, of those that it holds"},
		func(_ *reader, a *account, v string) (err error) {
			a.policy.AllowedGroups, err = matchList(v)
			return err
		}},
	{Option{"max_processes", typeInt, "100", "", ExpandsEnv, "processes in those groups that are not in the configuration file"},
		func(_ *reader, a *account, v string) error {
			err := setInt(&a.policy.MaxProcesses, v)
			if err == nil && a.policy.MaxProcesses < 0 {
				err = wrong("%d is below lower bound (0)", a.policy.MaxProcesses)
			}
			return err
		}},
}

// accounts reads all [account:x] sections, in the order of the file.
func (l *loader) accounts(c *Config) {
	for _, section := range l.doc.Sections() {
		if strings.HasPrefix(section.Name, accountPrefix) {
			c.Accounts = append(c.Accounts, l.account(sourceOf(section), c))
		}
	}
}

// account reads one section, and compares it with those before it.
func (l *loader) account(src *source, c *Config) Account {
	r := &reader{loader: l, src: src, vars: l.hereVars()}
	before := len(r.problems)
	a := account{Account: Account{Name: afterColon(src.name), UID: -1, GID: -1}}
	if err := accountName(a.Name); err != nil {
		r.missing(err)
	}
	readAll(r, accountOptions, &a)
	if !src.has("role") {
		r.missing(wrong("section [%s] has no role; say role = view, operate, define or admin", src.name))
	}
	if !src.has("password") && !src.has("password_file") && !src.has("uid") && !src.has("gid") && !src.has("certificate") {
		r.missing(wrong("section [%s] has no way to know the account: it needs password, password_file, uid, gid or certificate", src.name))
	}
	r.policy(&a)
	if len(r.problems) == before {
		r.distinct(&a, c)
	}
	return a.Account
}

// policy checks what an account that may define programs needs. Nothing is
// allowed that was not said.
func (r *reader) policy(a *account) {
	required := []string{"allowed_users", "allowed_commands"}
	if a.Role == ext.Define {
		for _, key := range required {
			if !r.src.has(key) {
				r.missing(wrong("section [%s] has the role define and no %s; say %s = * for any", r.src.name, key, key))
			}
		}
		a.Policy = &a.policy
		return
	}
	for _, key := range append(required, "allowed_directories", "allowed_environment", "allowed_groups", "max_processes") {
		if a.Role.Valid() && r.src.has(key) {
			r.blame(key, wrong("%s bounds the role define, and [%s] has the role %s", key, r.src.name, a.Role))
		}
	}
}

// distinct refuses two accounts that a request could come from at once.
func (r *reader) distinct(a *account, c *Config) {
	for _, s := range c.Servers {
		if s.Username == a.Name {
			r.missing(wrong("account %s has the name of the user of [%s]", ini.Repr(a.Name), s.Section))
		}
	}
	for _, other := range c.Accounts {
		for key, same := range map[string]bool{
			"uid":         a.UID >= 0 && a.UID == other.UID,
			"gid":         a.GID >= 0 && a.GID == other.GID,
			"certificate": a.Certificate != "" && strings.EqualFold(a.Certificate, other.Certificate),
		} {
			if same {
				r.blame(key, wrong("accounts %s and %s have the same %s", ini.Repr(other.Name), ini.Repr(a.Name), key))
			}
		}
	}
}

// accountName refuses what a log-in by password could not send or a log could
// not show.
func accountName(s string) error {
	if s == "" || len(s) > 64 {
		return wrong("the name of an account must have 1 to 64 bytes")
	}
	for _, c := range s {
		if c <= ' ' || c == ':' || c == 0x7f {
			return wrong("Invalid name: %s because of character: %s", ini.Repr(s), ini.Repr(string(c)))
		}
	}
	return nil
}

// number is a uid or gid as written, or what a name stands for: the number of
// a client need not have an entry on this machine.
func number(s string, lookup func() (int, error)) (int, error) {
	if n, ok := parseInt(s, 10); ok && n >= 0 && n < 1<<32-1 {
		return int(n), nil
	}
	n, err := lookup()
	if err != nil {
		n = -1
	}
	return n, err
}

// password checks how a password is written, and leaves out {BCRYPT}.
func password(s string) (string, error) {
	hash, is := strings.CutPrefix(s, bcryptPrefix)
	switch {
	case s == "":
		return "", wrong("the password is empty")
	case is || strings.HasPrefix(s, "$2a$") || strings.HasPrefix(s, "$2b$") || strings.HasPrefix(s, "$2y$"):
		return hash, checkBcrypt(hash)
	case strings.HasPrefix(s, shaPrefix):
		sum := strings.ToLower(s[len(shaPrefix):])
		if raw, err := hex.DecodeString(sum); err != nil || len(raw) != 20 {
			return "", wrong("{SHA} must be followed by the 40 hexadecimal digits of a SHA-1")
		}
		return shaPrefix + sum, nil
	}
	return s, nil
}

func checkBcrypt(hash string) error {
	const form = "a bcrypt hash looks like $2y$10$ and 53 more characters"
	if len(hash) != bcryptSize || hash[:2] != "$2" || !strings.Contains("aby", hash[2:3]) || hash[3] != '$' || hash[6] != '$' {
		return wrong(form)
	}
	cost, err := strconv.Atoi(hash[4:6])
	if err != nil {
		return wrong(form)
	}
	if cost < minBcrypt || cost > maxBcrypt {
		return wrong("the cost %d of the bcrypt hash is not from %d to %d", cost, minBcrypt, maxBcrypt)
	}
	for _, c := range hash[7:] {
		if !strings.ContainsRune("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", c) {
			return wrong(form)
		}
	}
	return nil
}

// readPassword reads a file with a password that nobody else can read.
func readPassword(name string) (string, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", wrong("cannot read the password: %v", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	switch {
	case err != nil:
		return "", wrong("cannot read the password: %v", err)
	case !info.Mode().IsRegular():
		return "", wrong("%s is not a file", name)
	case info.Mode().Perm()&0o077 != 0:
		return "", wrong("%s can be read or changed by others than its owner (mode %04o); say chmod 600 %s", name, info.Mode().Perm(), name)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxPasswordFile+1))
	if err == nil && len(text) > maxPasswordFile {
		err = errors.New("it is longer than a password is")
	}
	if err != nil {
		return "", wrong("cannot read the password in %s: %v", name, err)
	}
	line := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if strings.ContainsAny(line, "\r\n") {
		return "", wrong("%s has more than one line", name)
	}
	secret, err := password(line)
	if err != nil {
		return "", wrong("%s: %v", name, err)
	}
	return secret, nil
}

// matchList is patterns with commas. An empty one, which would hold nothing,
// is a mistake.
func matchList(s string) ([]string, error) {
	patterns := list(s)
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil || p == "" {
			return nil, wrong("%s is not a pattern", ini.Repr(p))
		}
	}
	if len(patterns) == 0 {
		return nil, wrong("the list is empty; leave the option out, or say * for any")
	}
	return patterns, nil
}

// pathList is patterns of absolute paths.
func pathList(s string) ([]string, error) {
	patterns, err := matchList(s)
	for i, p := range patterns {
		if p == "*" {
			continue
		}
		if !strings.HasPrefix(p, "/") {
			return nil, wrong("%s is not an absolute path or *", ini.Repr(p))
		}
		patterns[i] = path.Clean(p)
	}
	return patterns, err
}
