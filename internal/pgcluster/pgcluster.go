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
	conf := "listen_addresses = '127.0.0.1'\nport = " + strconv.Itoa(c.Port) + "\nunix_socket_directories = ''\nmax_connections = 200\nshared_buffers = '32MB'\nfsync = off\nfull_page_writes = off\n"
	for _, line := range settings {
		conf += line + "\n"
	}
	// The file is the cluster's user's, and is written through, not replaced.
	f, err := os.OpenFile(filepath.Join(c.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	if _, err := f.WriteString(conf); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	return c, c.Up(ctx)
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
