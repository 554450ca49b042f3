// Package sample is echo_supervisord_conf: it prints a configuration to begin
// with. The options and what is said of each come from the tables by which a
// configuration is read, so that none can be missing; the prose around them is
// written here.
package sample
