//go:build profile

package daemon

import (
	"fmt"
	"os"
	"runtime/pprof"
)

// profileVar names the directory that profiles go to.
const profileVar = "TWIDDLER_PROFILES"

// profile samples this process until stop, and writes the result to the
// directory, for make profile. It is in no binary that is shipped.
func profile() (stop func()) {
	dir := os.Getenv(profileVar)
	if dir == "" {
		return func() {}
	}
	file, err := os.Create(fmt.Sprintf("%s/%d.pprof", dir, os.Getpid()))
	if err == nil {
		err = pprof.StartCPUProfile(file)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot write a profile:", err)
		return func() {}
	}
	return func() {
		pprof.StopCPUProfile()
		if err := file.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "cannot write a profile:", err)
		}
	}
}
