package sink

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// syslogPatience is how long a daemon has to take a batch.
const syslogPatience = 10 * time.Second

// Facility and severities (RFC 5424, 6.2.1): 13 is "log audit".
const (
	facilityAudit   = 13
	severityWarning = 4
	severityInfo    = 6
)

// syslogTime is RFC 5424's TIMESTAMP: six digits of a second at most (6.2.3).
// localTime is RFC 3164's (4.1.2), in the machine's zone.
const (
	syslogTime = "2006-01-02T15:04:05.000000Z07:00"
	localTime  = time.Stamp
)

// Syslog is the daemon that NewSyslog sends events to.
type Syslog struct {
	// Address is tcp://HOST:PORT, tls://HOST:PORT, or unix:///PATH of a socket of
	// streams or of datagrams.
	Address string
	// Roots vouch for the daemon with tls; nil is the system's.
	Roots *x509.CertPool
	// Now is the clock that deadlines go by.
	Now func() time.Time
}

type syslog struct {
	network, address, server string
	roots                    *x509.CertPool
	now                      func() time.Time
	host                     string
	conn                     net.Conn
	datagrams                bool
}

// NewSyslog sends messages in the form of RFC 5424, framed by their length (RFC 5425,
// and RFC 6587, 3.4.1). A socket of datagrams, such as /dev/log, gets one each, in the
// form that programs send there (syslog(3); RFC 3164 without the host), since rsyslog
// and journald take others apart wrongly. Syslog acknowledges nothing: an event counts
// as taken once the connection has it, and what is under way when a daemon dies is lost
// to it.
func NewSyslog(c Syslog) (Target, error) {
	u, err := url.Parse(c.Address)
	if err != nil {
		return nil, errors.New("address is no address; write it as tls://HOST:PORT, tcp://HOST:PORT or unix:///PATH")
	}
	s := &syslog{network: u.Scheme, address: u.Host, server: u.Hostname(), roots: c.Roots, now: c.Now}
	switch {
	case (u.Scheme == "tls" || u.Scheme == "tcp") && u.Hostname() != "" && u.Port() != "" && u.Path == "" && u.User == nil:
	case u.Scheme == "unix" && u.Host == "" && u.Path != "":
		s.address = u.Path
	default:
		return nil, errors.New("address is not tls://HOST:PORT, tcp://HOST:PORT or unix:///PATH")
	}
	if s.host, err = os.Hostname(); err != nil {
		return nil, err
	}
	s.host = syslogName(s.host, 255)
	return s, nil
}

func (*syslog) kind() string { return "syslog" }
func (*syslog) plans() bool  { return false }

func (s *syslog) close() {
	if s.conn != nil {
		_ = s.conn.Close() // nothing is under way
		s.conn = nil
	}
}

func (s *syslog) deliver(ctx context.Context, b *batch) error {
	texts, err := b.texts()
	if err != nil {
		return err
	}
	if s.conn != nil && s.hungUp() {
		s.close()
	}
	if s.conn == nil {
		if err := s.dial(ctx); err != nil {
			return err
		}
	}
	deadline := s.now().Add(syslogPatience)
	if end, ok := ctx.Deadline(); ok && end.Before(deadline) {
		deadline = end
	}
	conn := s.conn
	err = conn.SetDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends a write that waits
	defer stop()
	var frames bytes.Buffer
	for i, line := range b.lines {
		if err != nil {
			break
		}
		message := s.message(line.Text, texts[i])
		if s.datagrams {
			_, err = conn.Write(message)
			continue
		}
		frames.WriteString(strconv.Itoa(len(message)))
		frames.WriteByte(' ')
		frames.Write(message)
	}
	if err == nil && frames.Len() > 0 {
		_, err = conn.Write(frames.Bytes())
	}
	if err != nil {
		s.close()
	}
	return err
}

// hungUp reports whether the daemon closed the connection: a write would still seem to
// succeed. A daemon says nothing else, but for what TLS says by itself.
func (s *syslog) hungUp() bool {
	if s.datagrams {
		return false
	}
	for wait := time.Millisecond; wait < time.Second; wait *= 2 {
		if s.conn.SetReadDeadline(s.now().Add(wait)) != nil {
			return true
		}
		_, err := s.conn.Read(make([]byte, 4<<10))
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return true
		}
		// A deadline that was over before Read began, as on a busy machine, had nothing
		// read at all.
		if !unread(s.conn) {
			return false
		}
	}
	return true // it could not be told; a new connection loses nothing that a closed one would
}

func (s *syslog) dial(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, syslogPatience)
	defer cancel()
	d := &net.Dialer{}
	s.datagrams = false
	switch s.network {
	case "tls":
		s.conn, err = (&tls.Dialer{NetDialer: d, Config: &tls.Config{RootCAs: s.roots, ServerName: s.server, MinVersion: tls.VersionTLS12}}).DialContext(ctx, "tcp", s.address)
	case "tcp":
		s.conn, err = d.DialContext(ctx, "tcp", s.address)
	default:
		if s.conn, err = d.DialContext(ctx, "unix", s.address); err != nil {
			s.conn, err = d.DialContext(ctx, "unixgram", s.address)
			s.datagrams = err == nil
		}
	}
	if err != nil {
		s.conn = nil // and no typed nil
	}
	return err
}

// message is the event as the daemon takes it. In RFC 5424's form MSGID is the
// operation.
func (s *syslog) message(line, text []byte) []byte {
	var e struct {
		Time      time.Time
		Operation string
		Fault     string
		Status    int
	}
	_ = json.Unmarshal(line, &e) // the header then says less
	severity := severityInfo
	if e.Fault != "" || e.Status >= 400 {
		severity = severityWarning
	}
	priority := facilityAudit<<3 | severity
	header := fmt.Sprintf("<%d>1 %s %s daypass %d %s - ", priority, e.Time.UTC().Format(syslogTime), s.host, os.Getpid(), syslogName(e.Operation, 32))
	if s.datagrams {
		header = fmt.Sprintf("<%d>%s daypass[%d]: ", priority, e.Time.Local().Format(localTime), os.Getpid())
	}
	return append([]byte(header), text...)
}

// syslogName is a text as a member of the header: printable ASCII, bounded, and "-"
// where there is none.
func syslogName(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, text)
	if text == "" {
		return "-"
	}
	return text[:min(most, len(text))]
}
