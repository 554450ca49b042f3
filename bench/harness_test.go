package bench

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// originalDaemon is the real Supervisor, as Debian's package installs it.
const (
	originalDaemon = "/usr/bin/supervisord"
	originalCtl    = "/usr/bin/supervisorctl"
)

// sizes are how much is done. Where both forms measure, they do the same work.
type sizes struct {
	judge    bool
	programs int // of the rows about 1,000 programs
	crowd    int // of the rows about 5,000
	rounds   int // turns of ours and the limit
	theirs   int // turns of the original, which takes longer
	settle   time.Duration
	idle     time.Duration // watched for wake-ups
	window   time.Duration // of load, for each turn
	adds     int           // programs added in one turn
	restarts int           // kills in one turn
	logBytes int           // for each of the 8 writers
	events   int           // in one burst
	runs     int           // of supervisorctl
	loops    int           // programs that end as soon as they are started
}

func longSizes() sizes {
	return sizes{
		judge: true, programs: 1000, crowd: 5000, rounds: 7, theirs: 3, settle: 10 * time.Second,
		idle: 60 * time.Second, window: time.Second, adds: 400, restarts: 60, logBytes: 48 << 20, events: 20_000, runs: 20, loops: 100,
	}
}

func shortSizes() sizes {
	return sizes{
		programs: 12, crowd: 24, rounds: 1, theirs: 1, settle: 100 * time.Millisecond,
		idle: 300 * time.Millisecond, window: 100 * time.Millisecond, adds: 8, restarts: 2, logBytes: 1 << 18, events: 100, runs: 1, loops: 5,
	}
}

// A harness holds what all measurements share. It is used by one goroutine.
type harness struct {
	sizes
	ctx      context.Context
	dir      string // removed at the end
	self     string // this binary, for roles
	daemon   string // ours
	original bool   // whether the original is installed
	twiddler bool   // whether its twiddler extension is
	progress io.Writer
	rows     []row
	serial   int // of directories
}

// A measurement adds rows.
type measurement struct {
	name string
	run  func(*harness) error
}

func measurements() []measurement {
	return []measurement{
		{"start", measureStart},
		{"memory", measureMemory},
		{"rpc", measureRPC},
		{"info", measureInfo},
		{"twiddle", measureTwiddle},
		{"restart", measureRestart},
		{"logs", measureLogs},
		{"load", measureLoad},
		{"events", measureEvents},
		{"ctl", measureCtl},
		{"size", measureSize},
	}
}

func names() string {
	var out []string
	for _, m := range measurements() {
		out = append(out, m.name)
	}
	return strings.Join(out, ", ")
}

// newHarness builds our daemon as make build does.
func newHarness(ctx context.Context, s sizes, progress io.Writer) (*harness, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	// A short path: that of a unix socket has room for some 100 bytes.
	dir, err := os.MkdirTemp("/tmp", "bench")
	if err != nil {
		return nil, err
	}
	h := &harness{sizes: s, ctx: ctx, dir: dir, self: self, daemon: filepath.Join(dir, "supervisord"), progress: progress}
	if path := os.Getenv("TWIDDLER_DAEMON"); path != "" {
		err = os.Symlink(path, h.daemon)
	} else {
		err = h.build(ctx)
	}
	if err != nil {
		h.close()
		return nil, err
	}
	_, missing := os.Stat(originalDaemon)
	h.original = missing == nil
	h.twiddler = h.original && exec.CommandContext(ctx, "/usr/bin/python3", "-c", "import supervisor_twiddler").Run() == nil
	return h, nil
}

// build makes our daemon with the profile that make build has.
func (h *harness) build(ctx context.Context) error {
	const main = "example.org/twiddler/cmd/supervisord"
	dir, err := exec.CommandContext(ctx, "go", "list", "-f", "{{.Dir}}", main).Output()
	if err != nil {
		return fmt.Errorf("cannot find the source of supervisord: %w", err)
	}
	profile := filepath.Join(strings.TrimSpace(string(dir)), "shipped.pgo")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-pgo", profile, "-ldflags", "-s -w", "-o", h.daemon, main)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build supervisord: %w\n%s", err, text)
	}
	return nil
}

// close kills whatever is left and removes all files.
func (h *harness) close() {
	killMarked(h.dir)
	if err := os.RemoveAll(h.dir); err != nil {
		fmt.Fprintln(h.progress, "cannot remove the harness's directory:", err)
	}
}

// run does the measurements whose name matches. One that fails does not keep
// the next from being done.
func (h *harness) run(only *regexp.Regexp) error {
	var errs []error
	for _, m := range measurements() {
		if !only.MatchString(m.name) || h.ctx.Err() != nil {
			continue
		}
		begun, before := time.Now(), len(h.rows)
		if err := m.run(h); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", m.name, err))
			fmt.Fprintf(h.progress, "%-8s failed: %v\n", m.name, err)
		}
		killMarked(h.dir)
		fmt.Fprintf(h.progress, "%-8s %d rows in %.1fs\n", m.name, len(h.rows)-before, time.Since(begun).Seconds())
	}
	return errors.Join(append(errs, h.ctx.Err())...)
}

func (h *harness) add(r row) { h.rows = append(h.rows, r) }

// newDir makes a directory of its own for one daemon or limit.
func (h *harness) newDir() (string, error) {
	h.serial++
	dir := filepath.Join(h.dir, fmt.Sprint(h.serial))
	return dir, os.MkdirAll(filepath.Join(dir, "child"), 0o755)
}

// until waits for a condition that nobody announces.
func (h *harness) until(what string, every time.Duration, cond func() (bool, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	const patience = 90 * time.Second
	deadline := time.After(patience)
	for {
		if ok, err := cond(); ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-deadline:
			return fmt.Errorf("waited %v in vain until %s", patience, what)
		case <-h.ctx.Done():
			return h.ctx.Err()
		}
	}
}

// pause lets time pass that is part of a measurement.
func (h *harness) pause(d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-h.ctx.Done():
		return h.ctx.Err()
	}
}

// machine says what the run was made on.
func (h *harness) machine() string {
	load, _ := os.ReadFile("/proc/loadavg")
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return fmt.Sprintf("%d cores, Linux %s, %s, load at the end %s", runtime.NumCPU(),
		strings.TrimSpace(string(kernel)), runtime.Version(), strings.Join(firstFields(string(load), 3), " "))
}

func firstFields(text string, n int) []string {
	f := strings.Fields(text)
	return f[:min(n, len(f))]
}

// measureSize looks at the binary.
func measureSize(h *harness) error {
	info, err := os.Stat(h.daemon)
	if err != nil {
		return err
	}
	file, err := elf.Open(h.daemon)
	if err != nil {
		return err
	}
	defer file.Close()
	static := file.Section(".interp") == nil && file.Section(".symtab") == nil
	mb := float64(info.Size()) / 1e6
	h.add(row{
		what: "binary, stripped static", unit: "MB", ours: sample{mb},
		checks: []check{
			{"below 15 MB", fmt.Sprintf("%.1f MB", mb), mb < 15},
			{"static and stripped", fmt.Sprint(static), static},
		},
	})
	return nil
}
