package childlog

import (
	"os"
	"path/filepath"
	"regexp"

	"golang.org/x/sys/unix"

	"example.org/twiddler/internal/ini"
)

// autoLetters is what the random part of a name is made of. Python's
// tempfile, _RandomNameSequence.
const autoLetters = "abcdefghijklmnopqrstuvwxyz0123456789_"

// AutoName is a name for an AUTO log file, such as
// dir/cat-stdout---supervisor-k3v_90ab.log, as an absolute path. The random
// function is called for each of the eight letters. Supervisor 4.2.5,
// options.py, get_autochildlog_name.
func AutoName(dir, process, channel, identifier string, random func() uint64) string {
	var letters [8]byte
	for i := range letters {
		letters[i] = autoLetters[random()%uint64(len(autoLetters))]
	}
	path := filepath.Join(dir, process+"-"+channel+"---"+identifier+"-"+string(letters[:])+".log")
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// Create makes an empty AUTO log file that was not there. If it was, the
// error is fs.ErrExist: try another name.
func Create(path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, AutoMode)
	if err != nil {
		return err
	}
	return file.Close()
}

// CleanAuto removes what earlier runs of the same identifier left in dir: all
// names that begin like an AUTO log file's, whatever follows ".log". What goes
// wrong is one line for warn each. Supervisor 4.2.5, options.py,
// clear_autochildlogdir; there, an identifier with special characters is read
// as a pattern.
func CleanAuto(dir, identifier string, warn func(text string)) {
	auto := regexp.MustCompile(`^.+?---` + regexp.QuoteMeta(identifier) + `-\S+\.log`)
	names, err := readNames(dir)
	if err != nil {
		warn("Could not clear childlog dir")
		return
	}
	for _, name := range names {
		if !auto.MatchString(name) {
			continue
		}
		path := filepath.Join(dir, name)
		if err := unix.Unlink(path); err != nil { // os.Remove would remove directories, too
			warn("Failed to clean up " + ini.Repr(path))
		}
	}
}

func readNames(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}
