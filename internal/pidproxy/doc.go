// Package pidproxy is the program of that name. It stands between supervisord
// and a command that leaves the real work to another process, and sends the
// signals it gets to the process that a pidfile names:
//
//	command = pidproxy /run/mysqld/mysqld.pid mysqld_safe
//
// What scripts see of the original is the same: the order of arguments, the
// signals that are passed on (TERM, HUP, INT, USR1, USR2 and QUIT), the
// pidfile read anew for each of them, the status 0 after a stop, and the line
// "Can't read child pidfile". Supervisor 4.2.5, pidproxy.py. It differs where
// the original loses track of what it stands for:
//
//   - After TERM, INT or QUIT it ends when the process of the pidfile has, and
//     the command too. The original ends at once, so that supervisord takes the
//     program for stopped, and a restart meets the old process.
//   - If there is no process to stop by the pidfile, the command itself gets
//     TERM, INT or QUIT. The original goes on, until supervisord kills it and
//     leaves the command behind.
//   - A command that ends by itself is noticed at once, and its exit status is
//     passed on, 128 and the signal's number if a signal ended it. The original
//     looks every five seconds, and exits with 0 whatever happened, also when
//     the command could not be started.
//   - A command without a slash is looked for in the current directory, as the
//     original does, and then on PATH.
//   - Only the first word of a pidfile counts: that of PostgreSQL has more
//     lines. A pid below 2 is refused, since kill means a group by it, or all.
package pidproxy
