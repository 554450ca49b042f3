package ext

import (
	"context"
	"testing"
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
