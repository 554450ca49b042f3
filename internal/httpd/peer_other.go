//go:build !linux

package httpd

import "net"

// peer knows nobody where the kernel is asked in another way.
func peer(net.Conn) (uid, gid, pid int) { return -1, -1, -1 }
