package change

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
)

func openAudit(t *testing.T, path string, maxBytes int64, backups int) *Audit {
	t.Helper()
	a, err := OpenAudit(path, maxBytes, backups)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() }) // a test may have closed it
	return a
}

func record(id int64) ext.Record { return ext.Record{ID: id, UID: -1, Result: resultOK} }

// auditIDs are the ids in a log, one for each line; a line that is none is 0.
func auditIDs(t *testing.T, path string) []int64 {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var ids []int64
	for l := range strings.Lines(string(text)) {
		var parsed line
		if json.Unmarshal([]byte(l), &parsed) != nil {
			parsed.ID = 0
		}
		ids = append(ids, parsed.ID)
	}
	return ids
}

func wantIDs(t *testing.T, path string, want ...int64) {
	t.Helper()
	if got := auditIDs(t, path); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s has changes %v, want %v", filepath.Base(path), got, want)
	}
}

// TestAuditTorn opens a log whose last line is incomplete, and one that is torn
// while it is open.
func TestAuditTorn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.log")
	a := openAudit(t, path, 0, 1)
	tear := func() {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteString(`{"id":7,"resu`)
		}
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	steps := []func() error{
		func() error { return a.append(record(1), nil) },
		func() error { tear(); a = openAudit(t, path, 0, 1); return a.append(record(2), nil) },
		func() error { tear(); return a.append(record(3), nil) },
	}
	for i, step := range steps {
		if err := step(); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	wantIDs(t, path, 1, 0, 2, 0, 3)
	if got := a.tail(); len(got) != 3 || got[2].ID != 3 {
		t.Errorf("the end of the log is %+v", got)
	}
	if st, err := os.Stat(path); err != nil || st.Mode() != 0o600 {
		t.Errorf("the log has mode %v, %v", st.Mode(), err)
	}
}

// TestAuditRotates bounds the log and its backups.
func TestAuditRotates(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.log")
	one, err := json.Marshal(lineOf(record(1), nil))
	if err != nil {
		t.Fatal(err)
	}
	a := openAudit(t, path, 2*int64(len(one)+1), 2)
	for id := range int64(7) {
		if err := a.append(record(id+1), nil); err != nil {
			t.Fatal(err)
		}
	}
	wantIDs(t, path, 7)
	wantIDs(t, path+".1", 5, 6)
	wantIDs(t, path+".2", 3, 4)
	if _, err := os.Stat(path + ".3"); !os.IsNotExist(err) {
		t.Errorf("there is a third backup: %v", err)
	}
	if got := a.tail(); len(got) != 3 || got[0].ID != 5 {
		t.Errorf("the end of the log is %+v", got)
	}
	long := record(8)
	long.Reason = strings.Repeat("x", 10*len(one))
	if err := a.append(long, nil); err != nil {
		t.Errorf("a line longer than the bound: %v", err)
	}
	wantIDs(t, path, 8)
}

// TestAuditMoved moves the log away, truncates it, and takes its directory.
func TestAuditMoved(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "audit.log")
	a := openAudit(t, path, 0, 1)
	put := func(id int64) {
		t.Helper()
		if err := a.append(record(id), nil); err != nil {
			t.Fatal(err)
		}
	}
	put(1)
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	put(2)
	wantIDs(t, path+".old", 1)
	wantIDs(t, path, 2)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	put(3)
	wantIDs(t, path, 3)
	if err := os.Rename(dir, dir+"2"); err != nil {
		t.Fatal(err)
	}
	if err := a.append(record(4), nil); err == nil || !strings.Contains(err.Error(), "cannot write the audit log") {
		t.Errorf("without its directory: %v", err)
	}
	if err := os.Rename(dir+"2", dir); err != nil {
		t.Fatal(err)
	}
	put(5)
	wantIDs(t, path, 3, 5)
}

// TestAuditUnusable refuses what is no file.
func TestAuditUnusable(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/dev/full", t.TempDir(), filepath.Join(t.TempDir(), "none", "audit.log")} {
		if _, err := OpenAudit(path, 0, 1); err == nil || !strings.Contains(err.Error(), "cannot open the audit log") || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestAuditFull fills the disk, in a process of its own: the line that does
// not fit leaves nothing, and the next one that does is whole.
func TestAuditFull(t *testing.T) {
	t.Parallel()
	const mark = "TWIDDLER_AUDIT_FULL"
	if path := os.Getenv(mark); path != "" {
		fill(t, path)
		return
	}
	path := filepath.Join(t.TempDir(), "audit.log")
	cmd := exec.Command(os.Args[0], "-test.run=^TestAuditFull$", "-test.v")
	cmd.Env = append(os.Environ(), mark+"="+path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	wantIDs(t, path, 1, 3)
}

func fill(t *testing.T, path string) {
	a := openAudit(t, path, 0, 1)
	if err := a.append(record(1), nil); err != nil {
		t.Fatal(err)
	}
	size := a.size
	limit := func(n uint64) {
		var now syscall.Rlimit
		err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &now)
		if now.Cur = n; err == nil {
			err = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &now)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	limit(uint64(size) + 20) // a piece of the next line fits
	if err := a.append(record(2), nil); err == nil || !strings.Contains(err.Error(), "cannot write the audit log") {
		t.Errorf("on a full disk: %v", err)
	}
	if st, err := os.Stat(path); err != nil || st.Size() != size {
		t.Errorf("a failed line made the log %d bytes of %d (%v)", st.Size(), size, err)
	}
	limit(uint64(size) + 10_000)
	if err := a.append(record(3), nil); err != nil {
		t.Error(err)
	}
}

// TestAuditLines sees what stands in the log of changes, what does not, and
// that the history goes on after a restart.
func TestAuditLines(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.log")
	auditing := func(o *Options) { o.Audit = openAudit(t, path, 0, 1) }
	secret := ext.Change{Action: ext.Add, Group: "g", Program: "c", Options: options{"command": "/bin/c", "environment": `TOKEN="hunter2",B="hunter2"`}}
	caller := ext.Caller{Account: "anna", UID: 7, Address: "1.2.3.4:5", Role: ext.Admin}
	play(t, files, auditing, func(w *world) {
		w.must(w.Apply(as(caller), []ext.Change{secret}, ext.How{Reason: "a test"}))
		other := secret
		other.Action, other.Options = ext.Replace, options{"command": "/bin/c", "environment": `TOKEN="hunter3"`}
		w.do(other)
		if err := w.AddProgram(w.ctx, "g", "d", options{"command": "/bin/d", "environment": `TOKEN="hunter2"`}); err != nil {
			t.Error(err)
		}
		if err := w.AddProgram(w.ctx, "g", "d", options{"command": "/bin/d", "environment": `A="hunter2`}); err == nil {
			t.Error("an environment without its end was taken")
		}
		down := func() {
			if err := w.loop.Shutdown(w.ctx); err != nil {
				t.Error(err)
			}
		}
		w.must(w.Undo(w.ctx, 2, ext.How{}))
		w.loop.between.Store(&down)
		_, err := w.Apply(w.ctx, []ext.Change{{Action: ext.Replace, Group: "g", Program: "c", Options: options{"command": "/bin/c", "environment": `X="hunter2"`}}}, ext.How{})
		refuses(t, err, fault.ShutdownState, "")
		text := w.auditText()
		if strings.Contains(text, "hunter") {
			t.Errorf("there is a secret in the log:\n%s", text)
		}
		for _, part := range []string{`"account":"anna","uid":7,"address":"1.2.3.4:5","method":"apply","reason":"a test"`, `"environment":"B=***,TOKEN=***"`,
			`"section":"program:c"`, `"result":"SHUTDOWN_STATE"`, `"undoes":2`} {
			if !strings.Contains(text, part) {
				t.Errorf("the log does not have %s:\n%s", part, text)
			}
		}
	})
	play(t, files, auditing, func(w *world) {
		h, err := w.History(w.ctx, 0, 9)
		if err != nil || len(h) != 4 || h[3].Account != "anna" || h[3].UID != 7 || len(h[3].Steps) != 1 || h[2].Undone != 4 || h[0].Undoes != 2 {
			t.Errorf("after a restart the history is %+v, %v", h, err)
		}
		_, err = w.Undo(w.ctx, 1, ext.How{})
		refuses(t, err, fault.Conflict, "change 1 was made before the last start of supervisord")
		if out := w.do(add("g", "z", "/bin/z")); out.ID != 6 {
			t.Errorf("the next change is %d, want 6: 5 was not made", out.ID)
		}
	})
}
