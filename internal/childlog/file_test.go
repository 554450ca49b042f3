package childlog

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Warnings collects what would go to the main log.
type warnings struct {
	mu    sync.Mutex
	lines []string
}

func (w *warnings) add(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, text)
}

func (w *warnings) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.lines)
}

func TestSharedFile(t *testing.T) {
	t.Parallel()
	var w warnings
	files := NewFiles(w.add)
	path := filepath.Join(t.TempDir(), "log")
	a := open(t, files, path, 10, 1)
	b := open(t, files, filepath.Dir(path)+"/./log", 10, 1)
	if a != b {
		t.Error("two names of one path gave two files")
	}
	a.Write([]byte("01234"))
	b.Write([]byte("56789"))
	a.Close()
	b.Write([]byte("x"))
	wantFile(t, path, "x")
	wantFile(t, path+".1", "0123456789")
	b.Close()
	if open, err := files.Clear(path); open || err != nil {
		t.Errorf("Clear of a closed file = %v, %v, want false", open, err)
	}
	wantFile(t, path, "x")
	if len(w.all()) > 0 {
		t.Errorf("warnings %q", w.all())
	}
}

// A file that was deleted stays deleted until somebody opens its path.
func TestDeletedFile(t *testing.T) {
	t.Parallel()
	files := NewFiles(func(text string) { t.Error(text) })
	path := filepath.Join(t.TempDir(), "log")
	a := open(t, files, path, 0, 0)
	defer a.Close()
	for _, again := range []func(){
		files.Reopen,
		func() { open(t, files, path, 0, 0).Close() },
		func() {
			if open, err := files.Clear(path); !open || err != nil {
				t.Errorf("Clear = %v, %v, want true", open, err)
			}
		},
	} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		a.Write([]byte("into the void\n"))
		if _, err := os.Stat(path); err == nil {
			t.Error("a write made the file again")
		}
		again()
		a.Write([]byte("text\n"))
		wantFile(t, path, "text\n")
	}
}

func TestOpenFails(t *testing.T) {
	t.Parallel()
	files := NewFiles(func(text string) { t.Error(text) })
	dir := filepath.Join(t.TempDir(), "sub")
	if _, err := files.Open(filepath.Join(dir, "log"), 0, 0, 0); !errors.Is(err, unix.ENOENT) {
		t.Errorf("Open = %v, want ENOENT", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f := open(t, files, filepath.Join(dir, "log"), 0, 0)
	f.Write([]byte("text"))
	f.Close()
	wantFile(t, filepath.Join(dir, "log"), "text")
}

// A directory that is removed and comes back.
func TestRemovedDirectory(t *testing.T) {
	t.Parallel()
	var w warnings
	files := NewFiles(w.add)
	dir := filepath.Join(t.TempDir(), "sub")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "log")
	f := open(t, files, path, 0, 0)
	defer f.Close()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	files.Reopen()
	f.Write([]byte("lost\n"))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("text\n"))
	wantFile(t, path, "[twiddler: 5 bytes lost]\ntext\n")
	want := []string{
		fmt.Sprintf("cannot reopen log file %q: no such file or directory", path),
		fmt.Sprintf("cannot write log file %q: open %s: no such file or directory; output is dropped until it can be written", path, path),
		fmt.Sprintf("log file %q can be written again; 5 bytes were lost", path),
	}
	if !slices.Equal(w.all(), want) {
		t.Errorf("warnings %q, want %q", w.all(), want)
	}
}

// A real full disk: a small tmpfs.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, "64k")
	var w warnings
	files := NewFiles(w.add)
	path := filepath.Join(dir, "log")
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 32<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	f := open(t, files, path, 0, 0)
	defer f.Close()
	line := []byte(strings.Repeat("x", 1023) + "\n")
	const lines = 100
	for range lines {
		f.Write(line)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	lost := lines*int64(len(line)) - info.Size()
	if lost <= 0 || f.Dropped() != uint64(lost) {
		t.Errorf("%d bytes dropped, the file lacks %d", f.Dropped(), lost)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("after\n"))
	text, err := os.ReadFile(path)
	if want := fmt.Sprintf("[twiddler: %d bytes lost]\nafter\n", lost); err != nil || !strings.HasSuffix(string(text), "\n"+want) {
		t.Errorf("the file ends in %q, %v, want %q", text[max(0, len(text)-60):], err, want)
	}
	if got := w.all(); len(got) != 2 || !strings.Contains(got[0], "no space left on device") {
		t.Errorf("warnings %q, want one of loss and one of its end", got)
	}
}

// A FIFO that nobody reads must not hold up the writer. When there is a
// reader at last, it finds what was queued, and a mark for what was not.
func TestSlowFile(t *testing.T) {
	t.Parallel()
	var w warnings
	files := NewFiles(w.add)
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	f := open(t, files, path, 0, 0)
	chunk := []byte(strings.Repeat("x", 64<<10-1) + "\n")
	const chunks = 100
	for range chunks {
		f.Write(chunk)
	}
	r, err := os.OpenFile(path, os.O_RDWR, 0) // its own writer, so that there is no end of the file
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var got strings.Builder
	buf := make([]byte, 1<<20)
	for said := false; !strings.HasSuffix(got.String(), "last\n"); {
		n, err := r.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got.Write(buf[:n])
		if !said && got.Len() >= queueLimit/2 {
			f.Write([]byte("last\n")) // now there is room for it
			said = true
		}
	}
	text := got.String()
	lost := chunks*len(chunk) - strings.Count(text, strings.Repeat("x", 64<<10-1))*len(chunk)
	marked := 0 // more than once, if the first chunk was taken late
	for line := range strings.Lines(text) {
		var n int
		if _, err := fmt.Sscanf(line, "[twiddler: %d bytes lost]\n", &n); err == nil {
			marked += n
		}
	}
	if lost == 0 || uint64(lost) != f.Dropped() || marked != lost || !strings.HasSuffix(text, " bytes lost]\nlast\n") {
		t.Errorf("the reader lacks %d bytes, %d are marked, %d counted; the end is %q", lost, marked, f.Dropped(), text[max(0, len(text)-60):])
	}
	if got := w.all(); len(got) == 0 || !strings.Contains(got[0], "nobody reads it fast enough") {
		t.Errorf("warnings %q, want one that nobody reads", got)
	}
	f.Close()
}

// What is queued at Close is still written, and a file that is opened again
// meanwhile goes on.
func TestSlowFileCloses(t *testing.T) {
	t.Parallel()
	files := NewFiles(func(text string) { t.Error(text) })
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	chunk := []byte(strings.Repeat("x", 200<<10)) // more than a pipe holds
	first := open(t, files, path, 0, 0)
	first.Write(chunk)
	first.Close()
	second := open(t, files, path, 0, 0)
	if first != second {
		t.Error("opened anew while the first had something to write")
	}
	second.Write(chunk)
	second.Close()
	r, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r) // to the end: every writer has closed
	if err != nil || len(got) != 2*len(chunk) {
		t.Errorf("read %d bytes, %v, want %d", len(got), err, 2*len(chunk))
	}
	if err := files.Flush(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAutoFilesDoNotFollow(t *testing.T) {
	t.Parallel()
	files := NewFiles(func(text string) { t.Error(text) })
	path := filepath.Join(t.TempDir(), "log")
	if err := os.Symlink("/dev/null", path); err != nil {
		t.Fatal(err)
	}
	if _, err := files.Open(path, AutoMode, 0, 0); !errors.Is(err, unix.ELOOP) {
		t.Errorf("Open of a link = %v, want ELOOP", err)
	}
	open(t, files, path, 0, 0).Close()
}

// Reopen, Clear, Open, Write, Close and a budget at once: for the race detector.
func TestFilesAtOnce(t *testing.T) {
	t.Parallel()
	files := NewFiles(func(text string) { t.Error(text) })
	files.SetBudget(1)
	dir := t.TempDir()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 100 {
				f := open(t, files, filepath.Join(dir, fmt.Sprint(n%3)), 50, 2)
				f.Write([]byte("some text\n"))
				switch i {
				case 0:
					files.Reopen()
				case 1:
					if _, err := files.Clear(f.Path()); err != nil {
						t.Error(err)
					}
				case 2:
					files.Shed()
				case 3:
					files.SetBudget(n % 3)
				}
				f.Close()
			}
		})
	}
	wg.Wait()
	if left := files.all(); len(left) > 0 {
		t.Errorf("%d files are still open", len(left))
	}
}

func open(t *testing.T, files *Files, path string, maxBytes int64, backups int) *File {
	t.Helper()
	f, err := files.Open(path, 0, maxBytes, backups)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func wantFile(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); string(got) != want {
		t.Errorf("%s holds %q, %v, want %q", filepath.Base(path), got, err, want)
	}
}

// await waits for what another goroutine signals.
func await[T any](t *testing.T, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(20 * time.Second):
		t.Fatalf("waited in vain for %s", what)
	}
	return v
}
