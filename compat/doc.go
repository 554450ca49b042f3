// Package compat holds no code of the product. Its tests run one set of
// scenarios against two daemons, ours and the Python original, and compare
// what a client sees: answers and faults, states over time, log files, lines
// of the main log, exit statuses and what real clients print.
//
// A scenario is one function: a configuration, some steps and the
// observations it notes. It runs once on each daemon, in a fresh directory,
// and both lists of observations must be equal once the volatile parts (pids,
// times, directories) are taken out. What differs on purpose is noted with a
// key that docs/compatibility.md explains.
//
// The original is /usr/bin/supervisord, Debian's package of Supervisor 4.2.5.
// Where it is missing the comparing tests are skipped, unless
// TWIDDLER_REQUIRE_REFERENCE=1 is set. TWIDDLER_DAEMON names a binary to test
// instead of building our own.
package compat
