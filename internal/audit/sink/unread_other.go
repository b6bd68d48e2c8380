//go:build !unix

package sink

import "net"

// unread cannot be told here: see hungUp for what that means.
func unread(net.Conn) bool { return false }
