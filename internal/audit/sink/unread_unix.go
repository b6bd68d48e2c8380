//go:build unix

package sink

import (
	"crypto/tls"
	"net"
	"syscall"
)

// unread reports whether there is something to read, the end being such, that nobody has
// read yet. It takes nothing away.
func unread(conn net.Conn) bool {
	if secure, is := conn.(*tls.Conn); is {
		conn = secure.NetConn()
	}
	socket, is := conn.(syscall.Conn)
	if !is {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return true // it is closed
	}
	var peeked error
	err = raw.Control(func(fd uintptr) {
		_, _, peeked = syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK)
	})
	return err != nil || peeked != syscall.EAGAIN // which says that there is nothing
}
