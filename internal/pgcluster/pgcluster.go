// Package pgcluster runs a PostgreSQL of one's own, from the server that is installed
// on this machine, in a temporary folder: for tests and benchmarks, which start it
// once and end it. It listens on loopback. It ends with the process that started it,
// however that ends.
package pgcluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrMissing says that there is no PostgreSQL server on this machine.
var ErrMissing = errors.New("there is no PostgreSQL server here (Debian: postgresql)")

// user is the superuser of a cluster; it needs no password.
const user = "daypass"

// startTimeout is how long a server may take to answer.
const startTimeout = 30 * time.Second

// Cluster is a PostgreSQL server and its folder.
type Cluster struct {
	Port int // on 127.0.0.1

	dir, bin string
	owner    owner
	server   *exec.Cmd
	tether   io.Closer // the server ends when it is closed
	output   bytes.Buffer
}

// Installed reports whether this machine has a PostgreSQL server.
func Installed() bool {
	_, err := binaries()
	return err == nil
}

// Start makes a cluster and starts its server. Settings are lines of postgresql.conf;
// without one of fsync, nothing that the machine's death would lose is waited for,
// since the cluster does not outlive it.
func Start(ctx context.Context, settings ...string) (c *Cluster, err error) {
	c = &Cluster{}
	if c.bin, err = binaries(); err != nil {
		return nil, err
	}
	if c.owner, err = findOwner(); err != nil {
		return nil, err
	}
	if c.dir, err = os.MkdirTemp("", "daypass-pg-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	if err := c.owner.take(c.dir); err != nil {
		return nil, err
	}
	if c.Port, err = freePort(ctx); err != nil {
		return nil, err
	}
	initdb := c.command(ctx, "initdb", "--pgdata="+c.data(), "--username="+user, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
	if output, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("pgcluster: initdb: %w\n%s", err, output)
	}
	if err := c.set(append([]string{
		"listen_addresses = '127.0.0.1'", "port = " + strconv.Itoa(c.Port), "unix_socket_directories = ''", "max_connections = 200",
		"shared_buffers = '32MB'", "fsync = off", "full_page_writes = off",
	}, settings...)...); err != nil {
		return nil, err
	}
	return c, c.Up(ctx)
}

// set adds lines to the configuration. The file is the cluster's user's, and is written
// through, not replaced.
func (c *Cluster) set(lines ...string) error {
	f, err := os.OpenFile(filepath.Join(c.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strings.Join(lines, "\n") + "\n")
	return errors.Join(err, f.Close())
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

// binaries is the folder of the newest server that is installed. Debian keeps them out
// of PATH, one folder for each version.
func binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", ErrMissing
	}
	return filepath.Dir(path), nil
}

func version(initdb string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	return n
}

func freePort(ctx context.Context) (int, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	address, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, errors.Join(errors.New("pgcluster: no port"), l.Close())
	}
	return address.Port, l.Close()
}

func (c *Cluster) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, name), args...)
	cmd.Dir = c.dir
	cmd.Env = []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH"), "TZ=UTC"}
	c.owner.run(cmd)
	return cmd
}

// Up starts the server and waits until it answers. Its folder is that of the last run.
func (c *Cluster) Up(ctx context.Context) error {
	// The shell ends the server when its own input ends, which it does with this process.
	const script = `"$1" -D "$2" & server=$!; read -r _; kill -INT $server 2>/dev/null; wait $server`
	c.server = exec.CommandContext(context.WithoutCancel(ctx), "/bin/sh", "-c", script, "sh", filepath.Join(c.bin, "postgres"), c.data())
	c.server.Dir, c.server.Env = c.dir, []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH"), "TZ=UTC"}
	c.owner.run(c.server)
	c.output.Reset()
	c.server.Stdout, c.server.Stderr = &c.output, &c.output
	tether, err := c.server.StdinPipe()
	if err != nil {
		return err
	}
	if err := c.server.Start(); err != nil {
		return fmt.Errorf("pgcluster: %w", err)
	}
	c.tether = tether
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		ready := c.command(ctx, "pg_isready", "--quiet", "--host=127.0.0.1", "--port="+strconv.Itoa(c.Port))
		if ready.Run() == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("pgcluster: the server does not answer: %w", ctx.Err()), c.Down())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Down stops the server, cutting off its clients, and keeps its folder for Up.
func (c *Cluster) Down() error {
	if c.server == nil {
		return nil
	}
	_ = c.tether.Close()
	err := c.server.Wait()
	c.server = nil
	if err != nil {
		return fmt.Errorf("pgcluster: %w\n%s", err, c.output.Bytes())
	}
	return nil
}

// Crash ends the server at once, as its machine's end would, and keeps its folder.
func (c *Cluster) Crash(ctx context.Context) error {
	stop := c.command(ctx, "pg_ctl", "stop", "--pgdata="+c.data(), "--mode=immediate", "--wait")
	output, err := stop.CombinedOutput()
	_ = c.Down() // it did not end well, which was the purpose
	if err != nil {
		return fmt.Errorf("pgcluster: pg_ctl: %w\n%s", err, output)
	}
	return nil
}

// Standby starts a server that follows this one, which waits for it with each commit if
// synchronous is true. SELECT pg_promote() makes it a primary.
func (c *Cluster) Standby(ctx context.Context, synchronous bool) (s *Cluster, err error) {
	s = &Cluster{bin: c.bin, owner: c.owner}
	if s.dir, err = os.MkdirTemp("", "daypass-pg-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := s.owner.take(s.dir); err != nil {
		return nil, err
	}
	if s.Port, err = freePort(ctx); err != nil {
		return nil, err
	}
	copied := s.command(ctx, "pg_basebackup", "--pgdata="+s.data(), "--host=127.0.0.1", "--port="+strconv.Itoa(c.Port), "--username="+user,
		"--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync")
	if output, err := copied.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("pgcluster: pg_basebackup: %w\n%s", err, output)
	}
	if err := s.set("port = " + strconv.Itoa(s.Port)); err != nil {
		return nil, err
	}
	if err := s.Up(ctx); err != nil {
		return nil, err
	}
	if !synchronous {
		return s, nil
	}
	for _, statement := range []string{"ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"} {
		if _, err := c.SQL(ctx, "postgres", statement); err != nil {
			return nil, err
		}
	}
	for ctx.Err() == nil { // until it counts as one
		state, err := c.SQL(ctx, "postgres", "SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')")
		if err != nil || state == "1" {
			return s, err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return s, ctx.Err()
}

// Close stops the server and removes its folder.
func (c *Cluster) Close() error { return errors.Join(c.Down(), os.RemoveAll(c.dir)) }

// URL names a database, with parameters of libpq as pairs of name and value.
func (c *Cluster) URL(database string, parameters ...string) string {
	query := url.Values{}
	for i := 0; i+1 < len(parameters); i += 2 {
		query.Set(parameters[i], parameters[i+1])
	}
	return (&url.URL{
		Scheme: "postgres", User: url.User(user), Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(c.Port)),
		Path: "/" + database, RawQuery: query.Encode(),
	}).String()
}

// SQL carries out statements in a database, and gives what they print, without
// headings.
func (c *Cluster) SQL(ctx context.Context, database, statements string) (string, error) {
	psql := c.command(ctx, "psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1",
		"--host=127.0.0.1", "--port="+strconv.Itoa(c.Port), "--username="+user, "--dbname="+database, "--command="+statements)
	output, err := psql.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("pgcluster: psql: %w\n%s", err, output)
	}
	return string(bytes.TrimSpace(output)), nil
}

// Put writes a file into the server's folder, for the server alone, and gives its path.
func (c *Cluster) Put(name string, content []byte) (string, error) {
	path := filepath.Join(c.data(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return "", err
	}
	return path, c.owner.take(path)
}
