package s3upstream

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"syscall"
)

type dial func(ctx context.Context, network, address string) (net.Conn, error)

// patient makes connections that read on when they cannot write. A store that
// refuses a body in its middle answers and closes the connection; net/http would
// give up at the first write that fails, with the answer, which says why,
// unread in the socket.
func patient(d dial) dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := d(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			// A body that breaks off, also because this process is killed, ends in a
			// reset and not as a stream ends that was said to its end: versitygw keeps
			// what had come by then as the object, where nobody signed the bytes.
			if err := tcp.SetLinger(0); err != nil {
				return nil, errors.Join(err, conn.Close())
			}
		}
		return &patientConn{Conn: conn}, nil
	}
}

type patientConn struct {
	net.Conn

	deaf atomic.Bool // the other side reads no more
}

// Write pretends, once the other side has closed. What comes of it is what is
// read: an answer, or the error of a connection without one.
func (c *patientConn) Write(p []byte) (int, error) {
	if c.deaf.Load() {
		return len(p), nil
	}
	n, err := c.Conn.Write(p)
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
		c.deaf.Store(true)
		return len(p), nil
	}
	return n, err
}
