package ext

import (
	"context"
	"testing"

	"example.org/twiddler/fault"
)

func TestCallerMay(t *testing.T) {
	t.Parallel()
	all, web, none := []string(nil), []string{"web*", "cache"}, []string{}
	for _, row := range []struct {
		groups []string
		has    Role
		role   Role
		group  string
		want   bool
	}{
		{all, Admin, Admin, "", true},
		{all, View, View, "", true},
		{all, View, Operate, "web", false},
		{all, Operate, View, "web", true},
		{[]string{"*"}, Operate, Operate, "", true},
		{web, Operate, Operate, "web-1", true},
		{web, Operate, Operate, "cache", true},
		{web, Operate, Operate, "cache2", false},
		{web, Operate, View, "", false},
		{web, Admin, View, "db", false},
		{none, Admin, View, "db", false},
		{none, Admin, View, "", false},
		{[]string{"[", "db"}, View, View, "db", true}, // a malformed pattern matches nothing
		{[]string{"["}, View, View, "[", false},
		{all, 0, View, "", false}, // no role
		{all, Admin, 0, "", false},
		{all, Admin + 1, View, "", false},
	} {
		c := Caller{Role: row.has, Groups: row.groups}
		if got := c.May(row.role, row.group); got != row.want {
			t.Errorf("a caller with role %v for %q: May(%v, %q) = %v", row.has, row.groups, row.role, row.group, got)
		}
		if err := c.Need(row.role, row.group); (err == nil) != row.want || err != nil && !fault.Is(err, fault.NotPermitted) {
			t.Errorf("a caller with role %v for %q: Need(%v, %q) = %v", row.has, row.groups, row.role, row.group, err)
		}
	}
}

func TestCallerNeed(t *testing.T) {
	t.Parallel()
	c := Caller{Account: "ci", Role: Operate, Groups: []string{"web"}}
	for _, row := range []struct {
		role  Role
		group string
		want  string
	}{
		{Operate, "web", ""},
		{Define, "web", `NOT_PERMITTED: account "ci" has the role operate, and this needs define`},
		{View, "", `NOT_PERMITTED: account "ci" holds some groups only, and this needs all`},
		{View, "db", `NOT_PERMITTED: account "ci" does not hold the group "db"`},
	} {
		got := ""
		if err := c.Need(row.role, row.group); err != nil {
			got = err.Error()
		}
		if got != row.want {
			t.Errorf("Need(%v, %q) = %q, want %q", row.role, row.group, got, row.want)
		}
	}
}

func TestCallerOf(t *testing.T) {
	t.Parallel()
	c := CallerOf(context.Background())
	if c.Account != "supervisord" || !c.May(Admin, "") || c.UID != -1 || c.PID != -1 || c.Policy != nil {
		t.Errorf("without a caller it is %+v", c)
	}
	ctx := WithCaller(WithCaller(context.Background(), Caller{Account: "a", Role: Admin}), Caller{Account: "b", Role: View})
	if c := CallerOf(ctx); c.Account != "b" || c.Role != View {
		t.Errorf("the inner caller is %+v", c)
	}
}
