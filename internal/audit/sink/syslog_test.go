package sink_test

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/audit/sink"
)

// message is RFC 5424's form as it is written here, local what programs send to /dev/log.
var local = regexp.MustCompile(`^<(\d+)>([A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d) daypass\[\d+\]: (\{.*\})$`)

var message = regexp.MustCompile(`^<(\d+)>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) [!-~]+ daypass \d+ AssumeRoleWithWebIdentity - (\{.*\})$`)

// daemon takes messages from a listener of streams.
type daemon struct {
	mu       sync.Mutex
	messages []string
	open     []net.Conn
}

func (d *daemon) serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		d.mu.Lock()
		d.open = append(d.open, conn)
		d.mu.Unlock()
		go d.read(conn)
	}
}

func (d *daemon) read(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // only read
	r := bufio.NewReader(conn)
	for {
		length, err := r.ReadString(' ')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSpace(length))
		if err != nil {
			d.note("no length: " + length)
			return
		}
		text := make([]byte, n)
		if _, err := io.ReadFull(r, text); err != nil {
			return
		}
		d.note(string(text))
	}
}

func (d *daemon) note(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.messages = append(d.messages, text)
}

func (d *daemon) got() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.messages...)
}

func (d *daemon) hangUp() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, conn := range d.open {
		_ = conn.Close()
	}
	d.open = nil
}

// sequences are those of the messages, each of which has a form.
func sequences(t *testing.T, form *regexp.Regexp, messages []string) []uint64 {
	t.Helper()
	var all []uint64
	for _, m := range messages {
		parts := form.FindStringSubmatch(m)
		if parts == nil || parts[1] != strconv.Itoa(13<<3|6) {
			t.Fatalf("%q is no message", m)
		}
		var e struct{ Sequence uint64 }
		if err := json.Unmarshal([]byte(parts[3]), &e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e.Sequence)
	}
	return all
}

// TestSyslogStreams: over TCP, TLS and a socket in the file system each event comes
// once and in order, also after the daemon hung up between two batches, and on a machine
// so busy that the deadline of each read is over before the read begins.
func TestSyslogStreams(t *testing.T) {
	t.Parallel()
	vouched := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(vouched.Close)
	trusted := &receiver{Server: vouched}
	busy := func() time.Time { return time.Now().Add(-2 * time.Second) }
	for name, now := range map[string]func() time.Time{"tcp": time.Now, "tls": time.Now, "unix": time.Now, "tcp, busy": busy, "unix, busy": busy} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			network, _, _ := strings.Cut(name, ",")
			var l net.Listener
			var err error
			config := sink.Syslog{Now: now}
			if network == "unix" {
				path := filepath.Join(t.TempDir(), "log")
				l, err = net.Listen("unix", path)
				config.Address = "unix://" + path
			} else {
				l, err = net.Listen("tcp", "127.0.0.1:0")
			}
			if err != nil {
				t.Fatal(err)
			}
			if network != "unix" {
				config.Address = network + "://" + l.Addr().String()
			}
			if network == "tls" {
				config.Roots = trusted.roots()
				l = tls.NewListener(l, &tls.Config{Certificates: vouched.TLS.Certificates, MinVersion: tls.VersionTLS12})
			}
			d := &daemon{}
			go d.serve(l)
			t.Cleanup(func() { _ = l.Close(); d.hangUp() })
			target, err := sink.NewSyslog(config)
			if err != nil {
				t.Fatal(err)
			}
			record := openLog(t, filepath.Join(t.TempDir(), "events.jsonl"))
			all, stop := run(t, record, os.Stderr, sink.Config{Name: "log", Target: target})
			write(t, record, 30)
			eventually(t, "30 messages", func() bool { return len(d.got()) == 30 })
			eventually(t, "they are taken", func() bool { return all.Status()[0].Behind == 0 })
			d.hangUp()
			time.Sleep(50 * time.Millisecond) // the end of the connection is on its way
			write(t, record, 5)
			eventually(t, "35 messages", func() bool { return len(d.got()) == 35 })
			eventually(t, "they are taken too", func() bool { return all.Status()[0].Behind == 0 })
			stop()
			wantOnce(t, sequences(t, message, d.got()), 1, 35)
		})
	}
}

// TestSyslogDatagrams: as /dev/log takes them. A daemon that is not there gets what it
// missed when it comes.
func TestSyslogDatagrams(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	target, err := sink.NewSyslog(sink.Syslog{Address: "unix://" + path, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	record := openLog(t, filepath.Join(t.TempDir(), "events.jsonl"))
	all, _ := run(t, record, io.Discard, sink.Config{Name: "log", Target: target})
	write(t, record, 5)
	eventually(t, "a failure", func() bool { return all.Status()[0].Failure != "" })
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // only read
	var messages []string
	text := make([]byte, 64<<10)
	for len(messages) < 5 {
		if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := conn.Read(text)
		if err != nil {
			t.Fatal(err)
		}
		messages = append(messages, string(text[:n]))
	}
	wantOnce(t, sequences(t, local, messages), 1, 5)
}
