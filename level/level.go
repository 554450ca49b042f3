// Package level names the severities of supervisord's own log.
package level

import (
	"fmt"
	"strings"
)

// A Level is a severity. The numbers are those of Supervisor's loggers.py;
// RPC clients send them.
type Level int

// The seven levels, most severe first.
const (
	Critical Level = 50
	Error    Level = 40
	Warn     Level = 30
	Info     Level = 20
	Debug    Level = 10
	Trace    Level = 5
	Blather  Level = 3
)

var levels = []struct {
	level      Level
	word, name string // as a log line prints it, as loglevel= spells it
}{
	{Critical, "CRIT", "critical"},
	{Error, "ERRO", "error"},
	{Warn, "WARN", "warn"},
	{Info, "INFO", "info"},
	{Debug, "DEBG", "debug"},
	{Trace, "TRAC", "trace"},
	{Blather, "BLAT", "blather"},
}

// String is the four-letter word of a log line.
func (l Level) String() string {
	for _, e := range levels {
		if e.level == l {
			return e.word
		}
	}
	return fmt.Sprintf("LEVEL%d", int(l))
}

// Valid reports whether l is one of the seven.
func (l Level) Valid() bool {
	for _, e := range levels {
		if e.level == l {
			return true
		}
	}
	return false
}

// Parse returns the level that loglevel= or -e spells, in any case.
func Parse(s string) (Level, bool) {
	for _, e := range levels {
		if strings.EqualFold(e.name, s) {
			return e.level, true
		}
	}
	return 0, false
}

// ParseWord returns the level of a four-letter word, in any case.
func ParseWord(s string) (Level, bool) {
	for _, e := range levels {
		if strings.EqualFold(e.word, s) {
			return e.level, true
		}
	}
	return 0, false
}
