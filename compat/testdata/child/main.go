// Command child is what the scenarios supervise. Its arguments are a little
// program, carried out word by word; see verbs.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// verbs maps a word to how many words it takes and what it does with them.
func verbs() map[string]verb {
	return map[string]verb{
		"out":     {1, func(a []string) { fmt.Println(a[0]) }},
		"err":     {1, func(a []string) { fmt.Fprintln(os.Stderr, a[0]) }},
		"raw":     {1, func(a []string) { os.Stdout.WriteString(unquote(a[0])) }},
		"rawerr":  {1, func(a []string) { os.Stderr.WriteString(unquote(a[0])) }},
		"exit":    {1, func(a []string) { os.Exit(number(a[0])) }},
		"die":     {1, func(a []string) { die(syscall.Signal(number(a[0]))) }},
		"wait":    {0, func([]string) { forever() }},
		"for":     {1, func(a []string) { <-time.After(time.Duration(number(a[0])) * time.Millisecond) }},
		"until":   {1, func(a []string) { until(a[0]) }},
		"touch":   {1, func(a []string) { must(os.WriteFile(a[0], nil, 0o666)) }},
		"pidfile": {1, func(a []string) { must(os.WriteFile(a[0], []byte(fmt.Sprint(os.Getpid())), 0o644)) }},
		"ignore":  {1, func(a []string) { signal.Ignore(syscall.Signal(number(a[0]))) }},
		"trap":    {1, func(a []string) { trap(syscall.Signal(number(a[0])), -1) }},
		"quit":    {2, func(a []string) { trap(syscall.Signal(number(a[0])), number(a[1])) }},
		"env":     {1, func(a []string) { printEnv(a[0]) }},
		"environ": {0, func([]string) { fmt.Println(strings.Join(slices.Sorted(slices.Values(os.Environ())), "\n")) }},
		"args":    {0, func([]string) { fmt.Printf("%q\n", os.Args); os.Exit(0) }},
		"cwd":     {0, func([]string) { printCwd() }},
		"umask":   {0, func([]string) { fmt.Printf("umask %03o\n", syscall.Umask(0)) }},
		"ids":     {0, func([]string) { printIDs() }},
		"leader":  {0, func([]string) { printGroup() }},
		"flood":   {2, func(a []string) { flood(number(a[0]), number(a[1])) }},
		"spawn":   {1, func(a []string) { spawn(strings.Split(a[0], ",")) }},
		"serve":   {0, func([]string) { serve() }},
		"listen":  {1, func(a []string) { listen(a[0]) }},
		"echo":    {0, func([]string) { echo() }},
	}
}

type verb struct {
	args int
	do   func(args []string)
}

func main() { perform(os.Args[1:]) }

// perform carries out a list of words.
func perform(words []string) {
	known := verbs()
	for len(words) > 0 {
		v, ok := known[words[0]]
		if !ok || len(words) < 1+v.args {
			fmt.Fprintf(os.Stderr, "child: cannot do %q\n", words)
			os.Exit(99)
		}
		v.do(words[1 : 1+v.args])
		words = words[1+v.args:]
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		os.Exit(98)
	}
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	must(err)
	return n
}

// unquote is Go's notation without the quotes, so that configurations can
// name any byte.
func unquote(text string) string {
	out, err := strconv.Unquote(`"` + text + `"`)
	must(err)
	return out
}

func forever() {
	for {
		time.Sleep(time.Hour)
	}
}

// die ends this process by a signal, even one that this runtime catches.
func die(sig syscall.Signal) {
	signal.Reset(sig)
	must(syscall.Kill(os.Getpid(), sig))
	forever()
}

// until waits for a file.
func until(path string) {
	for {
		if _, err := os.Stat(path); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// trap prints a line for each arrival of a signal and then exits unless code
// is negative.
func trap(sig syscall.Signal, code int) {
	c := make(chan os.Signal, 8)
	signal.Notify(c, sig)
	go func() {
		for range c {
			fmt.Printf("got signal %d\n", int(sig))
			if code >= 0 {
				os.Exit(code)
			}
		}
	}()
}

func printEnv(names string) {
	for name := range strings.SplitSeq(names, ",") {
		value, ok := os.LookupEnv(name)
		if !ok {
			value = "(unset)"
		}
		fmt.Printf("%s=%s\n", name, value)
	}
}

func printCwd() {
	dir, err := os.Readlink("/proc/self/cwd")
	must(err)
	fmt.Println("cwd", dir)
}

func printIDs() {
	groups, err := os.Getgroups()
	must(err)
	fmt.Printf("uid %d gid %d groups %v\n", os.Getuid(), os.Getgid(), groups)
}

// printGroup says how this process stands to its parent.
func printGroup() {
	sid, _, errno := syscall.RawSyscall(syscall.SYS_GETSID, 0, 0, 0)
	parent, _, errno2 := syscall.RawSyscall(syscall.SYS_GETSID, uintptr(os.Getppid()), 0, 0)
	if errno != 0 || errno2 != 0 {
		must(errno)
	}
	fmt.Printf("leads its group: %t, shares its parent's session: %t\n", syscall.Getpgrp() == os.Getpid(), sid == parent)
}

// flood writes lines of a given length, numbered.
func flood(lines, length int) {
	w := bufio.NewWriter(os.Stdout)
	for i := range lines {
		fmt.Fprintf(w, "%0*d\n", length-1, i)
	}
	w.Flush()
}

// spawn starts this program again with other words; it stays in this
// process's group and shares its output.
func spawn(words []string) {
	cmd := exec.Command(os.Args[0], words...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	must(cmd.Start())
}

// serve carries out each line of standard input.
func serve() {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		perform(strings.Fields(in.Text()))
	}
}

// echo prints each line of standard input.
func echo() {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		fmt.Printf("read %q\n", in.Text())
	}
	fmt.Println("end of input")
}

// listen is an event listener that accepts all events and writes them to a
// file, each followed by a line of dashes.
func listen(path string) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	must(err)
	in := bufio.NewReader(os.Stdin)
	for {
		fmt.Print("READY\n")
		header, err := in.ReadString('\n')
		must(err)
		_, length, _ := strings.Cut(strings.TrimSpace(header), "len:")
		payload := make([]byte, number(length))
		_, err = io.ReadFull(in, payload)
		must(err)
		_, err = fmt.Fprintf(file, "%s%s\n---\n", header, payload)
		must(err)
		fmt.Print("RESULT 2\nOK")
	}
}
