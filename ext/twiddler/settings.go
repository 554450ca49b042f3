package twiddler

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"example.org/twiddler/ext"
)

// known are the options of the section.
func known() []string {
	return []string{"whitelist", "persist", "persist_dir", "audit_logfile", "audit_logfile_maxbytes", "audit_logfile_backups"}
}

// settings reads what the section asks of supervisord. An unknown option is an
// error.
func settings(options map[string]string) (ext.Settings, error) {
	var s ext.Settings
	for _, key := range slices.Sorted(maps.Keys(options)) {
		if !slices.Contains(known(), key) {
			return s, fmt.Errorf("unknown option %q; there are %s", key, strings.Join(known(), ", "))
		}
	}
	s.PersistDir, s.PersistAll = options["persist"], options["persist"] != ""
	if dir := options["persist_dir"]; dir != "" {
		if s.PersistAll {
			return s, errors.New("persist and persist_dir are too much: persist=DIR writes down every change, " +
				"persist_dir=DIR only those that ask for it")
		}
		s.PersistDir = dir
	}
	s.AuditFile, s.AuditMaxBytes, s.AuditBackups = options["audit_logfile"], "50MB", 10
	if size, ok := options["audit_logfile_maxbytes"]; ok {
		s.AuditMaxBytes = size
	}
	if text, ok := options["audit_logfile_backups"]; ok {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return s, fmt.Errorf("audit_logfile_backups=%s: it must be a whole number, at least 1", text)
		}
		s.AuditBackups = n
	}
	return s, nil
}
