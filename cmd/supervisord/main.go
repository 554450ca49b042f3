// Supervisord keeps programs running and changes what runs without restarting
// anything.
package main

import (
	"example.org/twiddler/daemon"
	"example.org/twiddler/ext/twiddler"
)

func main() { daemon.Main(twiddler.Factory) }
