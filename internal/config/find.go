package config

import "strings"

// Find returns the configuration file that is used when none is named: the
// first of six candidates that exists, as it is written there. Candidates that
// are relative are relative to cwd. The error has Supervisor's text.
// Supervisor 4.2.5, options.py, Options.__init__.
func Find(argv0, cwd string, exists func(path string) bool) (string, error) {
	base := dirname(dirname(argv0))
	candidates := []string{
		join(base, "etc/supervisord.conf"),
		join(base, "supervisord.conf"),
		"supervisord.conf",
		"etc/supervisord.conf",
		"/etc/supervisord.conf",
		"/etc/supervisor/supervisord.conf",
	}
	for _, path := range candidates {
		if exists(join(cwd, path)) {
			return path, nil
		}
	}
	return "", wrong("No config file found at default paths (%s); use the -c option to specify a config file "+
		"at a different path", strings.Join(candidates, ", "))
}
