package config

import (
	"strconv"
	"strings"
)

// people answers who a user or group is, and remembers it for the length of
// one load: thousands of programs may name the same user.
type people struct {
	lookupUser  func(string) (uid, gid int, err error)
	lookupGroup func(string) (gid int, err error)

	users map[string]person
}

// A person is one answer.
type person struct {
	uid, gid int
	err      error
}

// user is Supervisor 4.2.5, datatypes.py, name_to_uid and gid_for_uid: a
// decimal uid that has an entry, or a name.
func (p *people) user(s string) (uid, gid int, err error) {
	if who, ok := p.users[s]; ok {
		return who.uid, who.gid, who.err
	}
	var who person
	if n, ok := parseInt(s, 10); ok {
		if who.uid, who.gid, who.err = p.lookupUser(strconv.FormatInt(n, 10)); who.err != nil {
			who = person{-1, -1, wrong("Invalid user id %s", s)}
		}
	} else if who.uid, who.gid, who.err = p.lookupUser(s); who.err != nil {
		who = person{-1, -1, wrong("Invalid user name %s", s)}
	}
	p.users[s] = who
	return who.uid, who.gid, who.err
}

// userGroup is Supervisor 4.2.5, datatypes.py, colon_separated_user_group.
// Without a group, gid is -1.
func (p *people) userGroup(s string) (uid, gid int, err error) {
	user, group, both := strings.Cut(s, ":")
	if uid, _, err = p.user(user); err != nil {
		return -1, -1, wrong("Invalid user:group definition %s", s)
	}
	if !both {
		return uid, -1, nil
	}
	if n, ok := parseInt(group, 10); ok {
		group = strconv.FormatInt(n, 10)
	}
	if gid, err = p.lookupGroup(group); err != nil {
		return -1, -1, wrong("Invalid user:group definition %s", s)
	}
	return uid, gid, nil
}
