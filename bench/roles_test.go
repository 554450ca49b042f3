package bench

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// roles are what this binary is when it is not the harness: bare forms of a
// supervisor's work, and children whose work can be checked. Each ends by
// itself or by a signal.
func roles() map[string]func(args []string) {
	return map[string]func(args []string){
		"as-constant": serveConstant,
		"as-respawn":  respawn,
		"as-copy":     copyPipes,
		"as-writer":   writeLines,
		"as-burst":    burst,
		"as-listener": listen,
		"as-stamp":    stamp,
	}
}

// must ends a role that cannot do its work; the harness then waits in vain and
// says so.
func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", os.Args[1:], err)
		os.Exit(1)
	}
}

func atoi(text string) int {
	n, err := strconv.Atoi(text)
	must(err)
	return n
}

func forever() {
	for {
		time.Sleep(time.Hour)
	}
}

// serveConstant is what net/http can do at best: it reads each request and
// answers with the content of a file. Arguments: socket, file.
func serveConstant(args []string) {
	body, err := os.ReadFile(args[1])
	must(err)
	l, err := net.Listen("unix", args[0])
	must(err)
	length := strconv.Itoa(len(body))
	must(http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/xml")
		w.Header().Set("Content-Length", length)
		_, _ = w.Write(body)
	})))
}

// respawn starts a program again whenever it has ended, and does nothing else.
// Arguments: the program's.
func respawn(args []string) {
	attr := &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setpgid: true}}
	for {
		pid, err := syscall.ForkExec(args[0], args, attr)
		must(err)
		for {
			if _, err = syscall.Wait4(pid, nil, 0, nil); err != syscall.EINTR {
				break
			}
		}
		must(err)
	}
}

// copyPipes starts writers and copies what they write to a file each, with one
// thread and one buffer for each pipe, or with splice. Arguments: copy or
// splice, directory of the files, number, then those of a writer, to which its
// number is added.
func copyPipes(args []string) {
	var copying sync.WaitGroup
	for i := range atoi(args[2]) {
		var p [2]int
		must(syscall.Pipe2(p[:], syscall.O_CLOEXEC))
		file, err := syscall.Open(fmt.Sprintf("%s/w%d.log", args[1], i), syscall.O_CREAT|syscall.O_WRONLY|syscall.O_CLOEXEC, 0o644)
		must(err)
		cmd := exec.Command(args[3], append(args[4:], strconv.Itoa(i))...)
		w := os.NewFile(uintptr(p[1]), "pipe")
		cmd.Stdout, cmd.Stderr = w, os.Stderr
		must(cmd.Start())
		must(w.Close())
		copying.Go(func() { copyPipe(args[0] == "splice", p[0], file) })
	}
	copying.Wait()
}

func copyPipe(splice bool, from, to int) {
	const size = 64 << 10
	buf := make([]byte, size)
	for {
		var n int
		var err error
		if splice {
			var moved int64
			moved, err = syscall.Splice(from, nil, to, nil, size, 0)
			n = int(moved)
		} else if n, err = syscall.Read(from, buf); n > 0 {
			_, err = syscall.Write(to, buf[:n])
		}
		if err == syscall.EINTR {
			continue
		}
		must(err)
		if n == 0 {
			return
		}
	}
}

// lineLength is that of the lines that writers write, with its end.
const lineLength = 100

// awaitGate returns when the harness has opened the gate, a FIFO that nobody
// writes to, by closing it.
func awaitGate(path string) {
	gate, err := os.OpenFile(path, os.O_RDONLY, 0)
	must(err)
	_, err = io.Copy(io.Discard, gate)
	must(err)
}

// writeLines writes numbered lines to its standard output, 64 KiB at a time,
// and says when it is ready and when it is done. Arguments: FIFO to report to,
// gate, bytes, number of the writer.
func writeLines(args []string) {
	report, err := os.OpenFile(args[0], os.O_WRONLY, 0)
	must(err)
	gate, err := os.OpenFile(args[1], os.O_RDONLY, 0)
	must(err)
	_, err = report.WriteString("r")
	must(err)
	_, err = io.Copy(io.Discard, gate)
	must(err)
	var buf []byte
	for i := range atoi(args[2]) / lineLength {
		buf = fmt.Appendf(buf, "%0*d\n", lineLength-1, i)
		if len(buf) > 64<<10 {
			writeAll(buf)
			buf = buf[:0]
		}
	}
	writeAll(buf)
	_, err = report.WriteString("d")
	must(err)
	if len(args) == 3 {
		forever() // supervised: its end is not what is measured
	}
}

func writeAll(data []byte) {
	for len(data) > 0 {
		n, err := syscall.Write(1, data)
		if err == syscall.EINTR {
			continue
		}
		must(err)
		data = data[n:]
	}
}

// payloadLength is that of the data of one event.
const payloadLength = 256

// burst writes numbered events to its standard output, as fast as they are
// read. Arguments: gate, number of events.
func burst(args []string) {
	awaitGate(args[0])
	const begin, end = "<!--XSUPERVISOR:BEGIN-->", "<!--XSUPERVISOR:END-->"
	var buf []byte
	for i := range atoi(args[1]) {
		buf = append(buf, begin...)
		buf = fmt.Appendf(buf, "%0*d", payloadLength, i)
		buf = append(buf, end...)
		if len(buf) > 16<<10 {
			writeAll(buf)
			buf = buf[:0]
		}
	}
	writeAll(buf)
	forever()
}

// listen is an event listener that answers at once. When it has seen all
// events it writes to a file how many came, how many of them in order, and the
// nanoseconds from the first to the last. Arguments: file, number of events.
func listen(args []string) {
	want := atoi(args[1])
	in := &reader{fd: 0}
	var first time.Time
	ordered := 0
	writeAll([]byte("READY\n"))
	for i := range want {
		payload := in.event()
		if i == 0 {
			first = time.Now()
		}
		data := bytes.TrimLeft(payload[bytes.IndexByte(payload, '\n')+1:], "0")
		if string(data) == strconv.Itoa(i) || i == 0 && len(data) == 0 {
			ordered++
		}
		writeAll([]byte("RESULT 2\nOKREADY\n"))
	}
	took := time.Since(first)
	must(os.WriteFile(args[0]+".new", fmt.Appendf(nil, "%d %d %d", want, ordered, took), 0o644))
	must(os.Rename(args[0]+".new", args[0]))
	forever()
}

// A reader reads events from a descriptor that blocks, with no more system
// calls than there are chunks.
type reader struct {
	fd   int
	buf  [64 << 10]byte
	data []byte // not yet used
}

func (r *reader) fill() {
	n := copy(r.buf[:], r.data)
	for {
		got, err := syscall.Read(r.fd, r.buf[n:])
		if err == syscall.EINTR {
			continue
		}
		must(err)
		if got == 0 {
			os.Exit(0)
		}
		r.data = r.buf[:n+got]
		return
	}
}

// event returns the payload of the next event, valid until the one after it.
func (r *reader) event() []byte {
	end := bytes.IndexByte(r.data, '\n')
	for ; end < 0; end = bytes.IndexByte(r.data, '\n') {
		r.fill()
	}
	length := bytes.LastIndex(r.data[:end], []byte("len:"))
	n := end + 1 + atoi(string(r.data[length+4:end]))
	for len(r.data) < n {
		r.fill()
	}
	payload := r.data[end+1 : n]
	r.data = r.data[n:]
	return payload
}

// stamp tells its pid to a FIFO and waits, as the tiny program does where
// there is one. Arguments: FIFO.
func stamp(args []string) {
	file, err := os.OpenFile(args[0], os.O_WRONLY, 0)
	must(err)
	_, err = file.Write(pidRecord(os.Getpid()))
	must(err)
	forever()
}
