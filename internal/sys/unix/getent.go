package unix

import (
	"bytes"
	"context"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What getent may take: a directory service that does not answer must not
// hold up a start for long, and nobody is in so many groups.
const (
	getentTime  = 5 * time.Second
	getentBytes = 1 << 20
)

// remoteUser asks getent for an account.
func (n names) remoteUser(key string) (account, bool) {
	// name:password:uid:gid:comment:home:shell
	for _, f := range n.ask("passwd", key) {
		if len(f) < 4 || f[0] == "" {
			continue
		}
		uid, err1 := strconv.Atoi(f[2])
		gid, err2 := strconv.Atoi(f[3])
		if err1 == nil && err2 == nil && (f[0] == key || f[2] == key) {
			return account{User: User{f[0], uid, gid}, remote: true}, true
		}
	}
	return account{}, false
}

// remoteGroup asks getent for the id of a group.
func (n names) remoteGroup(key string) (int, bool) {
	// name:password:gid:members
	for _, f := range n.ask("group", key) {
		if len(f) < 3 {
			continue
		}
		gid, err := strconv.Atoi(f[2])
		if err == nil && (f[0] == key || f[2] == key) {
			return gid, true
		}
	}
	return 0, false
}

// remoteGroups asks getent for the groups that name the user. Not every
// getent can tell them; then they are picked from the list of all groups.
func (n names) remoteGroups(name string) []string {
	for _, f := range n.ask("initgroups", name) {
		if words := strings.Fields(f[0]); len(words) > 0 && words[0] == name {
			return words[1:]
		}
	}
	var gids []string
	for _, f := range n.ask("group") {
		if len(f) == 4 && slices.Contains(strings.Split(f[3], ","), name) {
			gids = append(gids, f[2])
		}
	}
	return gids
}

// ask returns the lines that getent prints, split at colons; none if there is
// no getent, or no such entry, or no answer in time.
func (n names) ask(database string, keys ...string) [][]string {
	for _, key := range keys {
		// A key that looks like an option would be taken for one.
		if key == "" || strings.HasPrefix(key, "-") || strings.ContainsAny(key, ":\n\x00") {
			return nil
		}
	}
	out := n.run(append([]string{database}, keys...))
	var lines [][]string
	for line := range bytes.Lines(out) {
		if text, whole := strings.CutSuffix(string(line), "\n"); whole {
			lines = append(lines, strings.Split(text, ":"))
		}
	}
	return lines
}

// run is the one place where os/exec is used. The supervisor's reaper waits
// for any child and may take the exit status of this one, so what counts is
// the output.
func (n names) run(args []string) []byte {
	getent := n.getent
	if getent == "" {
		path, err := exec.LookPath("getent")
		if err != nil {
			return nil
		}
		getent = path
	}
	ctx, cancel := context.WithTimeout(context.Background(), getentTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, getent, args...)
	out, err := cmd.StdoutPipe()
	if err != nil || cmd.Start() != nil {
		return nil
	}
	// Killing getent would not end the reading if it had a child of its own.
	defer context.AfterFunc(ctx, func() { out.Close() })()
	data, err := io.ReadAll(io.LimitReader(out, getentBytes+1))
	late := err != nil || len(data) > getentBytes
	if late {
		cancel()
	}
	cmd.Wait() // the status may be gone, see above
	if late {
		return nil
	}
	return data
}
