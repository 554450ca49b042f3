//go:build !linux

package daemon

import "os"

// executable is the program that runs, by its path.
func executable() (string, error) { return os.Executable() }

// shortName is not needed: the copy is executed by the same path.
func shortName() string { return "" }

func rename(string) {}
