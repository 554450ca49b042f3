// Package childlog takes what children write, from the pipe to the log file,
// and what is written to them.
//
// A [Pump] reads all pipes on one goroutine. What it reads goes to the
// pipe's [Stream], which strips escape sequences, picks out captured text,
// and hands the rest to a [File], to syslog, and to the callbacks that want
// events. None of these may wait:
//
//   - A regular file is written at once. Bytes that can't be written, because
//     the disk is full or the directory is gone, are counted, reported once,
//     and marked in the file when it can be written again. Every write tries.
//     A set of files has a bound on descriptors, see [Files.SetBudget].
//   - A target that can make its writer wait (a FIFO, a terminal, the pipe
//     behind /dev/stdout) has a queue of 256 KiB and a goroutine that exists
//     while something is queued. When the queue is full, the pump pauses the
//     pipes that feed this target, and no others, so that a burst is not
//     lost; their children wait as they would for any slow reader. A target
//     that takes nothing for two seconds counts as stalled: until it moves
//     again the pipes are read on and what does not fit is dropped and
//     counted, so no child hangs because nobody reads our output.
//
// A child's stdin is an [Input].
package childlog
