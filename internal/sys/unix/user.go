package unix

import (
	"errors"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"example.org/twiddler/internal/ini"
	"example.org/twiddler/internal/sys"
	"example.org/twiddler/level"
)

// Reasons why a change of user was refused. Supervisor 4.2.5, options.py,
// drop_privileges; the last is ours.
const (
	textNonroot   = "Can't drop privilege as nonroot user"
	textSetgroups = "Could not set groups of effective user"
	textSetgid    = "Could not set group id of effective user"
	textSetuid    = "Could not set user id of effective user"
)

// A User is an account of this system.
type User struct {
	Name     string
	UID, GID int
}

// LookupUser returns the user with that name or, if it is a number, that id.
// It may ask a directory service and take some seconds. Supervisor 4.2.5,
// datatypes.py, name_to_uid.
func LookupUser(nameOrUID string) (User, error) {
	u, byID, ok := names{}.user(nameOrUID)
	if !ok {
		return User{}, errors.New("Invalid user " + kindOf(byID) + " " + nameOrUID) // Supervisor's text
	}
	return u.User, nil
}

// LookupGroup returns the id of the group with that name or, if it is a
// number, that id. Supervisor 4.2.5, datatypes.py, name_to_gid.
func LookupGroup(nameOrGID string) (int, error) {
	gid, byID, ok := names{}.group(nameOrGID)
	if !ok {
		return 0, errors.New("Invalid group " + kindOf(byID) + " " + nameOrGID) // Supervisor's text
	}
	return gid, nil
}

func kindOf(byID bool) string {
	if byID {
		return "id"
	}
	return "name"
}

// credential returns what a child needs to become the user, nil if it need
// not change: then its groups stay too. The error is a *sys.StartError.
func (s *System) credential(nameOrUID string) (*syscall.Credential, error) {
	if nameOrUID == "" {
		return nil, nil
	}
	u, reason := s.names.become(nameOrUID)
	if reason != "" {
		shown := nameOrUID
		if u.Name != "" {
			shown = strconv.Itoa(u.UID)
		}
		return nil, childError("couldn't setuid to " + shown + ": " + reason)
	}
	if u.UID == os.Getuid() {
		return nil, nil
	}
	return &syscall.Credential{Uid: uint32(u.UID), Gid: uint32(u.GID), Groups: s.names.groups(u)}, nil
}

func setuidError(uid uint32, reason string) *sys.StartError {
	return childError("couldn't setuid to " + strconv.Itoa(int(uid)) + ": " + reason)
}

// DropPrivileges turns this process into one of the user, if there is one,
// and returns what the main log should say about it, "" for nothing. The
// error's text is Supervisor's, for the usage message (4.2.5, options.py,
// set_uid_or_exit). Call it before anything is opened.
func DropPrivileges(nameOrUID string) (level.Level, string, error) {
	if nameOrUID == "" {
		if os.Getuid() != 0 {
			return level.Info, "", nil
		}
		return level.Critical, "Supervisor is running as root.  " +
			"Privileges were not dropped because no user is specified in the config file.  " +
			"If you intend to run as root, you can set user=root in the config file to avoid this message.", nil
	}
	var n names
	u, reason := n.become(nameOrUID)
	if reason == "" && u.UID != os.Getuid() {
		reason = setUser(u.User, n.groups(u))
	}
	if reason != "" {
		return level.Critical, "", errors.New(reason)
	}
	return level.Info, "Set uid to user " + strconv.Itoa(u.UID) + " succeeded", nil
}

// setUser changes all threads of this process, or says why it could not.
func setUser(u User, groups []uint32) string {
	gids := make([]int, len(groups))
	for i, g := range groups {
		gids[i] = int(g)
	}
	switch {
	case syscall.Setgroups(gids) != nil:
		return textSetgroups
	case syscall.Setgid(u.GID) != nil:
		return textSetgid
	case syscall.Setuid(u.UID) != nil:
		return textSetuid
	}
	return ""
}

// become finds the user and says why this process may not turn into it, ""
// if it may.
func (n names) become(nameOrUID string) (account, string) {
	u, byID, ok := n.user(nameOrUID)
	switch {
	case !ok && byID:
		return account{}, "Can't find uid " + strings.TrimSpace(nameOrUID)
	case !ok:
		return account{}, "Can't find username " + ini.Repr(nameOrUID)
	case u.UID != os.Getuid() && os.Getuid() != 0:
		return u, textNonroot
	}
	return u, ""
}

// names looks up users and groups: first where package os/user does, which in
// a static binary are the files in /etc, then with getent, which knows what
// directory services do.
type names struct {
	getent string // "" to look for it along PATH
}

type account struct {
	User
	remote bool // only getent knows it
}

// user returns an account and whether it was asked for by its number.
func (n names) user(nameOrUID string) (a account, byID, ok bool) {
	_, err := strconv.Atoi(strings.TrimSpace(nameOrUID))
	byID = err == nil
	lookup := user.Lookup
	key := nameOrUID
	if byID {
		lookup, key = user.LookupId, strings.TrimSpace(nameOrUID)
	}
	u, err := lookup(key)
	if err != nil {
		if a, ok = n.remoteUser(key); !ok && (key == "root" || key == "0") {
			// A container made from scratch has no list of users, and root.
			a, ok = account{User: User{Name: "root"}}, true
		}
		return a, byID, ok
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	return account{User: User{u.Username, uid, gid}}, byID, err1 == nil && err2 == nil
}

func (n names) group(nameOrGID string) (gid int, byID, ok bool) {
	_, err := strconv.Atoi(strings.TrimSpace(nameOrGID))
	byID = err == nil
	lookup := user.LookupGroup
	key := nameOrGID
	if byID {
		lookup, key = user.LookupGroupId, strings.TrimSpace(nameOrGID)
	}
	g, err := lookup(key)
	if err != nil {
		gid, ok = n.remoteGroup(key)
		return gid, byID, ok
	}
	gid, err = strconv.Atoi(g.Gid)
	return gid, byID, err == nil
}

// groups returns the primary group first, then every group that names the
// user. The order matters: on some systems setgid overwrites the first of the
// list that setgroups left. Supervisor 4.2.5, options.py, drop_privileges.
func (n names) groups(a account) []uint32 {
	gids := []uint32{uint32(a.GID)}
	for _, g := range n.supplementary(a) {
		gid, err := strconv.ParseUint(g, 10, 32)
		if err == nil && !slices.Contains(gids, uint32(gid)) {
			gids = append(gids, uint32(gid))
		}
	}
	return gids
}

func (n names) supplementary(a account) []string {
	if a.remote {
		return n.remoteGroups(a.Name)
	}
	u := user.User{Username: a.Name, Uid: strconv.Itoa(a.UID), Gid: strconv.Itoa(a.GID)}
	gids, err := u.GroupIds()
	if err != nil {
		return nil // no /etc/group: the primary group is all there is
	}
	return gids
}
