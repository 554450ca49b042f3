//go:build !race

package compat

// raceEnabled says that our daemon is to be built with the race detector too.
const raceEnabled = false
