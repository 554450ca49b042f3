//go:build linux

package unix

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestLookupUser(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"root", "0", " 0 "} {
		if u, err := LookupUser(name); err != nil || u != (User{"root", 0, 0}) {
			t.Errorf("LookupUser(%q) = %v, %v", name, u, err)
		}
	}
	for name, want := range map[string]string{
		"nosuchuser":  "Invalid user name nosuchuser",
		"54321987":    "Invalid user id 54321987",
		"-1":          "Invalid user id -1",
		"":            "Invalid user name ",
		"--help":      "Invalid user name --help",
		"root:x:0":    "Invalid user name root:x:0",
		"root\npeter": "Invalid user name root\npeter",
	} {
		if u, err := LookupUser(name); err == nil || err.Error() != want {
			t.Errorf("LookupUser(%q) = %v, %v, want %s", name, u, err, want)
		}
	}
}

func TestLookupGroup(t *testing.T) {
	t.Parallel()
	g, err := user.LookupGroupId("0")
	if err != nil {
		t.Skip(err)
	}
	for _, name := range []string{g.Name, "0"} {
		if gid, err := LookupGroup(name); err != nil || gid != 0 {
			t.Errorf("LookupGroup(%q) = %d, %v", name, gid, err)
		}
	}
	for name, want := range map[string]string{
		"nosuchgroup": "Invalid group name nosuchgroup",
		"54321987":    "Invalid group id 54321987",
	} {
		if gid, err := LookupGroup(name); err == nil || err.Error() != want {
			t.Errorf("LookupGroup(%q) = %d, %v, want %s", name, gid, err, want)
		}
	}
}

// Users that only a directory service knows come from getent; here it is the
// test binary under that name.
func TestGetent(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	n := names{getent: filepath.Join(t.TempDir(), "getent")}
	if err := os.Symlink(self, n.getent); err != nil {
		t.Fatal(err)
	}
	want := account{User: User{"ldapuser", 70001, 70002}, remote: true}
	for _, key := range []string{"ldapuser", "70001"} {
		if got, _, ok := n.user(key); !ok || got != want {
			t.Errorf("user(%q) = %v, %v, want %v", key, got, ok, want)
		}
	}
	if got := n.groups(want); !slices.Equal(got, []uint32{70002, 70010, 70011}) {
		t.Errorf("groups from initgroups: %v", got)
	}
	listed := account{User: User{"listed", 70003, 70004}, remote: true}
	if got := n.groups(listed); !slices.Equal(got, []uint32{70004, 70020, 70022}) {
		t.Errorf("groups from the list: %v", got)
	}
	if gid, _, ok := n.group("ldapgroup"); !ok || gid != 70030 {
		t.Errorf("group = %d, %v", gid, ok)
	}
	// Answers that are too long, cut off, about another, or no answer.
	for _, key := range []string{"endless", "cut", "other", "short", "nobody-knows", "-ldapuser"} {
		if got, _, ok := n.user(key); ok {
			t.Errorf("user(%q) = %v, want none", key, got)
		}
	}
	if _, ok := (names{getent: "/nope"}).remoteUser("ldapuser"); ok {
		t.Error("an answer without getent")
	}
}

// fakeGetent is getent of a system with a directory service.
func fakeGetent(args []string) int {
	switch strings.Join(args, " ") {
	case "passwd ldapuser", "passwd 70001":
		fmt.Println("ldapuser:*:70001:70002:A User:/home/ldapuser:/bin/bash")
	case "initgroups ldapuser":
		fmt.Println("ldapuser              70010 70002 70011")
	case "group":
		fmt.Print("a:*:70020:x,listed\nb:*:70021:listedtoo\nc:*:70022:listed,x\n")
	case "group ldapgroup":
		fmt.Println("ldapgroup:*:70030:")
	case "passwd endless":
		for {
			if _, err := fmt.Println(strings.Repeat("x", 4096)); err != nil {
				return 1
			}
		}
	case "passwd cut":
		fmt.Print("cut:*:70001:70002:A User")
	case "passwd other":
		fmt.Println("another:*:70001:70002:A User:/:/bin/sh")
	case "passwd short":
		fmt.Println("short:*")
	default:
		return 2
	}
	return 0
}

func TestChildOfAnotherUser(t *testing.T) {
	t.Parallel()
	needRoot(t)
	nobody, err := LookupUser("nobody")
	if err != nil {
		t.Skip(err)
	}
	for _, name := range []string{"nobody", strconv.Itoa(nobody.UID)} {
		c := child("report")
		c.User = name
		got := theWorld().fields(t, c)
		if want := fmt.Sprint(nobody.UID, nobody.UID, nobody.GID, nobody.GID); got["ids"] != want {
			t.Errorf("ids = %s, want %s", got["ids"], want)
		}
		groups := names{}.groups(account{User: nobody})
		slices.Sort(groups)
		if want := strings.Trim(fmt.Sprint(groups), "[]"); got["groups"] != want {
			t.Errorf("groups = %s, want %s", got["groups"], want)
		}
	}
	// The directory is entered with the user's rights.
	c := child("report")
	c.User = "nobody"
	c.Dir = t.TempDir()
	if err := os.Chmod(c.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	want := "couldn't chdir to " + c.Dir + ": EACCES"
	if _, err := theWorld().Start(c); err == nil || err.Error() != want {
		t.Errorf("Start = %v, want %s", err, want)
	}
}

// A user of several groups, if this system has one.
func TestSupplementaryGroups(t *testing.T) {
	t.Parallel()
	needRoot(t)
	data, err := os.ReadFile("/etc/group")
	if err != nil {
		t.Skip(err)
	}
	for line := range strings.Lines(string(data)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) != 4 || f[3] == "" || strings.Contains(f[3], ",") || f[3] == "root" {
			continue
		}
		c := child("report")
		c.User = f[3]
		got := strings.Fields(theWorld().fields(t, c)["groups"])
		if !slices.Contains(got, f[2]) || len(got) < 2 {
			t.Errorf("groups of %s = %v, want %s and the primary", f[3], got, f[2])
		}
		return
	}
	t.Skip("nobody is in a second group")
}

// Being asked to become who one is changes nothing, not even the groups.
func TestSameUser(t *testing.T) {
	t.Parallel()
	w := theWorld()
	before := w.fields(t, child("report"))
	c := child("report")
	c.User = strconv.Itoa(os.Getuid())
	after := w.fields(t, c)
	for _, key := range []string{"ids", "groups"} {
		if before[key] != after[key] {
			t.Errorf("%s = %q, was %q", key, after[key], before[key])
		}
	}
}

func TestDropPrivileges(t *testing.T) {
	t.Parallel()
	needRoot(t)
	nobody, err := LookupUser("nobody")
	if err != nil {
		t.Skip(err)
	}
	for _, tt := range []struct{ user, want string }{
		{"", "CRIT Supervisor is running as root.  Privileges were not dropped because no user is specified in the config file.  If you intend to run as root, you can set user=root in the config file to avoid this message.; then 0 0"},
		{"root", "INFO Set uid to user 0 succeeded; then 0 0"},
		{"nobody", fmt.Sprintf("INFO Set uid to user %d succeeded; then %d %d", nobody.UID, nobody.UID, nobody.GID)},
		{"nosuchuser", "Can't find username 'nosuchuser'; then 0 0"},
		{"54321987", "Can't find uid 54321987; then 0 0"},
	} {
		out, _ := theWorld().run(t, child("drop:"+tt.user))
		if out != tt.want {
			t.Errorf("DropPrivileges(%q): %s, want %s", tt.user, out, tt.want)
		}
	}
	c := child("drop:root")
	c.User = "nobody"
	want := fmt.Sprintf("Can't drop privilege as nonroot user; then %d %d", nobody.UID, nobody.GID)
	if out, _ := theWorld().run(t, c); out != want {
		t.Errorf("as nobody: %s, want %s", out, want)
	}
	c = child("start:unprivileged")
	c.User = "nobody"
	if out, _ := theWorld().run(t, c); out != "couldn't setuid to 0: Can't drop privilege as nonroot user" {
		t.Errorf("Start as nobody: %s", out)
	}
}

// drop prints what DropPrivileges said and who the process is then.
func drop(name string) int {
	level, text, err := DropPrivileges(name)
	if text != "" {
		fmt.Print(level, " ", text)
	}
	if err != nil {
		fmt.Print(err)
	}
	fmt.Printf("; then %d %d", os.Getuid(), os.Getgid())
	return 0
}
