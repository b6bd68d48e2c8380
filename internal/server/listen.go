package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/crypto/acme/autocert"
)

// listen binds the address, or takes the socket that who started this process has bound
// (see activated). Credentials never travel in the clear beyond this machine: without a
// certificate only loopback is served.
func listen(ctx context.Context, c *Config) (*listener, error) {
	if (c.CertFile == "") != (c.KeyFile == "") {
		return nil, optionErrorf("server: --tls-cert and --tls-key go together; give both or neither")
	}
	d, err := bind(ctx, c)
	if err != nil {
		return nil, err
	}
	address, ok := d.Addr().(*net.TCPAddr)
	let := c.Limits.bounded(d) // below TLS: net/http must see what is above it
	l := &listener{Listener: let, door: d, endpoint: "http://" + d.Addr().String(), loopback: ok && address.IP.IsLoopback()}
	if c.ACME != nil {
		l.kept = newCertificates(c)
		l.acme = c.ACME.manager(c, l.kept)
		settings := l.acme.TLSConfig()
		settings.MinVersion = tls.VersionTLS12
		settings.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return l.kept.certificate(hello.Context(), l.acme, hello)
		}
		l.Listener, l.endpoint = tls.NewListener(let, settings), "https://"+d.Addr().String()
		return l, nil
	}
	if c.CertFile == "" {
		if !l.loopback {
			return nil, errors.Join(
				optionErrorf("server: %s is not loopback, and credentials must not travel unencrypted; give a certificate with --tls-cert and --tls-key, or listen on 127.0.0.1", d.name), l.Close())
		}
		return l, nil
	}
	own, err := loadCertificate(c)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	l.Listener = tls.NewListener(let, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: own.get, NextProtos: []string{"h2", "http/1.1"}})
	l.endpoint = "https://" + d.Addr().String()
	return l, nil
}

// listener is what is served on, over TLS or not.
type listener struct {
	net.Listener

	door     *door
	endpoint string
	loopback bool
	acme     *autocert.Manager // nil: the certificate comes from files, or there is none
	kept     *certificates     // of acme; it has no store before that is open
}

// door is a listener that can be shut before it is closed: who comes meanwhile waits, for
// the next process that has the same socket.
type door struct {
	*net.TCPListener

	name   string // as the operator gave it
	shut   atomic.Bool
	closed chan struct{}
	once   sync.Once
}

func newDoor(l net.Listener, name string) (*door, error) {
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return nil, errors.Join(fmt.Errorf("server: the socket that was handed over is %s, and one of TCP is served", l.Addr().Network()), l.Close())
	}
	return &door{TCPListener: tcp, name: name, closed: make(chan struct{})}, nil
}

// Accept implements net.Listener.
func (d *door) Accept() (net.Conn, error) {
	conn, err := d.TCPListener.Accept()
	if err != nil && d.shut.Load() {
		<-d.closed
		return nil, net.ErrClosed
	}
	return conn, err
}

// Shut lets nobody in any more.
func (d *door) Shut() error {
	d.shut.Store(true)
	return d.SetDeadline(time.Unix(1, 0))
}

// Close implements net.Listener.
func (d *door) Close() error {
	d.once.Do(func() { close(d.closed) })
	return d.TCPListener.Close()
}

func bind(ctx context.Context, c *Config) (*door, error) {
	if l, err := activated(os.Getpid(), os.Getenv); err != nil {
		return nil, err
	} else if l != nil {
		return newDoor(l, l.Addr().String())
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return nil, optionErrorf("server: --listen %q is not HOST:PORT", c.Listen)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		hint := ""
		if errors.Is(err, syscall.EADDRINUSE) {
			hint = "; stop what listens there, or give another address with --listen"
		}
		return nil, fmt.Errorf("server: %w%s", err, hint)
	}
	return newDoor(l, c.Listen)
}

// The first descriptor that is handed to a process, and the variables that say so
// (sd_listen_fds(3)).
const (
	firstDescriptor   = 3
	listenPIDVariable = "LISTEN_PID"
	listenFDsVariable = "LISTEN_FDS"
)

// activated is the socket that systemd, or what does as it does, has bound for this
// process: it stays bound while one process ends and the next begins, so that clients
// wait for a moment in its queue and none is refused. nil where there is none. One socket
// is taken, which must be of TCP and listen.
func activated(pid int, getenv func(string) string) (net.Listener, error) {
	n, err := strconv.Atoi(getenv(listenFDsVariable))
	switch {
	case getenv(listenPIDVariable) != strconv.Itoa(pid), getenv(listenFDsVariable) == "": // for another process, or nobody
		return nil, nil //nolint:nilnil // see above
	case err != nil:
		return nil, fmt.Errorf("server: %s is no number: %q", listenFDsVariable, getenv(listenFDsVariable))
	case n < 1:
		return nil, nil //nolint:nilnil // see above
	case n > 1:
		return nil, fmt.Errorf("server: %s hands over %d sockets, and one is served; name one address in the unit's ListenStream=", listenFDsVariable, n)
	}
	file := os.NewFile(firstDescriptor, "the socket of "+listenFDsVariable)
	l, err := net.FileListener(file) // a copy
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("server: the socket that was handed over: %w", err)
	}
	return l, nil
}

// notify tells systemd of the service's state, as Type=notify asks; where nobody asks,
// nothing (sd_notify(3)).
func notify(ctx context.Context, state string, getenv func(string) string) error {
	path := getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	if path[0] == '@' { // of the abstract namespace
		path = "\x00" + path[1:]
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unixgram", path)
	if err != nil {
		return fmt.Errorf("server: tell the service manager: %w", err)
	}
	_, err = conn.Write([]byte(state))
	if err := errors.Join(err, conn.Close()); err != nil {
		return fmt.Errorf("server: tell the service manager: %w", err)
	}
	return nil
}
