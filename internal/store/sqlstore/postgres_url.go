package sqlstore

import (
	"cmp"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// connectTimeout is how long one host may take to answer, so that the next of several
// is asked while requests still wait.
const connectTimeout = 2 * time.Second

// URLError says that the URL of a database must change. It repeats nothing of it.
type URLError struct{ text string }

func (e *URLError) Error() string { return "sqlstore: the store's URL " + e.text }

// IsPostgresURL reports whether a store is named by the URL of a PostgreSQL database.
func IsPostgresURL(text string) bool {
	return strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://")
}

// WithoutPassword is a database's URL without the password that may be in it.
func WithoutPassword(text string) (string, error) {
	u, err := parsePostgres(text)
	if err != nil {
		return "", err
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	query := u.Query()
	query.Del("password")
	query.Del("sslpassword")
	u.RawQuery = query.Encode()
	return u.String(), nil
}

func parsePostgres(text string) (*url.URL, error) {
	const form = "is none of a PostgreSQL database; write it as postgres://USER@HOST:5432/DATABASE, with the password in PGPASSFILE"
	if !IsPostgresURL(text) {
		return nil, &URLError{form}
	}
	// net/url knows one port; several hosts are HOST1:PORT1,HOST2:PORT2.
	authority, _, _ := strings.Cut(strings.SplitAfterN(text, "://", 2)[1], "/")
	hosts := authority[strings.LastIndexByte(authority, '@')+1:]
	u, err := url.Parse(strings.Replace(text, hosts, "", 1))
	if hosts == "" {
		u, err = url.Parse(text)
	}
	if err != nil || u.Opaque != "" || u.Fragment != "" {
		return nil, &URLError{form}
	}
	u.Host = hosts
	return u, nil
}

// parsePostgresURL reads a URL, and what the environment adds to it.
func parsePostgresURL(text string) (*pgx.ConnConfig, error) {
	u, err := parsePostgres(text)
	if err != nil {
		return nil, err
	}
	query := u.Query()
	if cmp.Or(query.Get("sslmode"), os.Getenv("PGSSLMODE")) == "" {
		mode := "verify-full"
		if bare, err := pgx.ParseConfig(text); err == nil && !slices.ContainsFunc(addresses(bare), func(a address) bool { return !a.isHere() }) {
			mode = "disable"
		}
		query.Set("sslmode", mode)
		u.RawQuery = query.Encode()
	}
	config, err := pgx.ParseConfig(u.String())
	if err != nil { // it may quote the URL
		return nil, &URLError{"cannot be read, or a file that it names; see the documentation of libpq, \"Connection URIs\", for its parts"}
	}
	for _, a := range addresses(config) {
		if !a.isHere() && !a.verified {
			return nil, &URLError{"allows a connection to " + a.host + " on which the server need not show who it is, and whoever stands between could change what is decided; give it sslmode=verify-full, and sslrootcert=FILE where the certificate is not of a public authority"}
		}
	}
	if config.ConnectTimeout == 0 || query.Get("connect_timeout") == "" && os.Getenv("PGCONNECT_TIMEOUT") == "" {
		config.ConnectTimeout = connectTimeout
	}
	if config.ValidateConnect == nil { // of several hosts the one that takes writes
		config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "daypass"
	}
	// A host that vanished is noticed, also by who only listens.
	config.DialFunc = (&net.Dialer{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3,
	}}).DialContext
	return config, nil
}

// address is where a connection may go.
type address struct {
	host     string
	verified bool // the server shows a certificate that is checked
}

func addresses(c *pgx.ConnConfig) []address {
	list := []address{{c.Host, c.TLSConfig != nil && (!c.TLSConfig.InsecureSkipVerify || c.TLSConfig.VerifyPeerCertificate != nil || c.TLSConfig.VerifyConnection != nil)}}
	for _, f := range c.Fallbacks {
		list = append(list, address{f.Host, f.TLSConfig != nil && (!f.TLSConfig.InsecureSkipVerify || f.TLSConfig.VerifyPeerCertificate != nil || f.TLSConfig.VerifyConnection != nil)})
	}
	return list
}

// isHere says whether it is this machine: a socket in the file system, or loopback.
func (a address) isHere() bool {
	if strings.HasPrefix(a.host, "/") || strings.HasPrefix(a.host, "@") || a.host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(a.host)
	return err == nil && ip.Unmap().IsLoopback()
}

// hostsOf names the hosts for a person.
func hostsOf(c *pgx.ConnConfig) string {
	var hosts []string
	for _, a := range addresses(c) {
		if !slices.Contains(hosts, a.host) {
			hosts = append(hosts, a.host)
		}
	}
	return strings.Join(hosts, ", ")
}

// isOfConnection reports whether an error is one of the connection.
func isOfConnection(err error) bool {
	var network net.Error
	return errors.As(err, &network) || pgconn.SafeToRetry(err) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, pgconn.ErrConnClosed) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}
