// Package neighbours holds no code of the product. Its tests run the programs
// that people use around Supervisor: configuration management, an exporter of
// metrics, a test tool, clients in other languages, log rotation and both
// supervisorctls. Each does its work against two daemons, ours and the Python
// original, on the same configuration, and must report the same of both.
//
// tools/setup-neighbours installs these programs. A test is skipped where its
// program is missing, unless TWIDDLER_REQUIRE_NEIGHBOURS=1 is set.
// TWIDDLER_DAEMON names a binary to test instead of building our own.
package neighbours
