// Supervisord-cache is supervisord with the twiddler and the cache of this
// example.
package main

import (
	"example.org/twiddler/daemon"
	cache "example.org/twiddler/examples/extension"
	"example.org/twiddler/ext/twiddler"
)

func main() { daemon.Main(twiddler.Factory, cache.Factory) }
