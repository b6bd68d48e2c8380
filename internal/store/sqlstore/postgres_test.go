package sqlstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/pgcluster"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/sqlstore"
	"github.com/daypass/daypass/internal/store/storetest"
)

// clusterVariable names the cluster's URL to a test that runs itself again.
const clusterVariable = "DAYPASS_TEST_POSTGRES"

// cluster is started once for all tests, by the first that needs it; nil where there is
// no PostgreSQL.
var (
	cluster      *pgcluster.Cluster
	clusterErr   error
	startCluster = sync.OnceFunc(func() { cluster, clusterErr = pgcluster.Start(context.Background()) })
	databases    atomic.Int64
)

func TestMain(m *testing.M) {
	code := m.Run()
	if cluster != nil {
		if err := cluster.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// needCluster skips the test where there is no cluster, which where CI is true fails it.
func needCluster(t testing.TB) {
	t.Helper()
	startCluster()
	if cluster == nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(clusterErr)
		}
		t.Skip(clusterErr)
	}
}

// postgresURL is that of a schema of the test's own.
func postgresURL(t testing.TB) string {
	t.Helper()
	needCluster(t)
	schema := fmt.Sprintf("test_%d", databases.Add(1))
	sqlIn(t, "CREATE SCHEMA "+schema)
	return cluster.URL("postgres", "search_path", schema)
}

func sqlIn(t testing.TB, statements string) string {
	t.Helper()
	output, err := cluster.SQL(t.Context(), "postgres", statements)
	if err != nil {
		t.Fatal(err)
	}
	return output
}

func openPostgres(t testing.TB, url string) *sqlstore.Postgres {
	t.Helper()
	s, err := sqlstore.OpenPostgres(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestPostgresConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store { return openPostgres(t, postgresURL(t)) })
}

func TestPostgresKillDuringWrites(t *testing.T) {
	url := os.Getenv(clusterVariable)
	if url == "" {
		url = postgresURL(t)
		t.Setenv(clusterVariable, url)
	}
	storetest.KillDuringWrites(t, func(ctx context.Context, _ string) (store.Store, error) {
		return sqlstore.OpenPostgres(ctx, url)
	})
}

// What is committed is durable, whatever the database says by default; who waits for
// the lock sees what was committed meanwhile.
func TestPostgresSettings(t *testing.T) {
	t.Parallel()
	url := postgresURL(t)
	sqlIn(t, `ALTER DATABASE postgres SET default_transaction_isolation = 'serializable'; ALTER DATABASE postgres SET synchronous_commit = off`)
	defer sqlIn(t, `ALTER DATABASE postgres RESET ALL`)
	var wg sync.WaitGroup
	for range 3 {
		s := openPostgres(t, url)
		wg.Go(func() {
			for range 20 {
				if _, err := put(s, "a", "1"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if revision, err := openPostgres(t, url).Revision(t.Context()); err != nil || revision != 60 {
		t.Errorf("revision %d, %v", revision, err)
	}
}

func TestPostgresOpenedByManyAtOnce(t *testing.T) {
	t.Parallel()
	url := postgresURL(t)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			s, err := sqlstore.OpenPostgres(t.Context(), url)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := put(s, fmt.Sprint(i), "1"); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if revision, err := openPostgres(t, url).Revision(t.Context()); err != nil || revision != 4 {
		t.Fatalf("revision %d, %v; want 4", revision, err)
	}
}

// Tables of a newer version are refused, and so are those of an older one, until
// somebody says that they are to be brought up to date.
func TestPostgresVersions(t *testing.T) {
	t.Parallel()
	url := postgresURL(t)
	schema := url[strings.LastIndexByte(url, '=')+1:]
	s := openPostgres(t, url)
	if _, err := put(s, "a", "1"); err != nil {
		t.Fatal(err)
	}
	sqlIn(t, "INSERT INTO "+schema+".daypass_schema (version_id, is_applied) VALUES (999, true)")
	if _, err := sqlstore.OpenPostgres(t.Context(), url); !errors.Is(err, sqlstore.ErrNewerSchema) {
		t.Errorf("a newer schema: %v", err)
	}
	if err := sqlstore.UpgradePostgres(t.Context(), url); !errors.Is(err, sqlstore.ErrNewerSchema) {
		t.Errorf("a newer schema is to be upgraded: %v", err)
	}
	sqlIn(t, "DELETE FROM "+schema+".daypass_schema WHERE version_id > 1; DROP TABLE "+schema+".daypass_marks, "+schema+".daypass_letters")
	if _, err := sqlstore.OpenPostgres(t.Context(), url); !errors.Is(err, sqlstore.ErrOlderSchema) || !strings.Contains(err.Error(), "daypass upgrade-store") {
		t.Errorf("an older schema: %v", err)
	}
	if err := sqlstore.UpgradePostgres(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	s = openPostgres(t, url)
	if !use(t, s, "a", noon, noon.Add(time.Hour)) {
		t.Error("no mark can be set")
	}
	if r, err := s.Get(t.Context(), store.RoleID("123456789012", "a")); err != nil || string(r.Document) != "1" {
		t.Errorf("after the upgrade: %+v, %v", r, err)
	}
}

// proxy passes connections on to the cluster, and cuts all at once when it is told.
type proxy struct {
	net.Listener

	mu    sync.Mutex
	conns []net.Conn
	onWay func(fromClient []byte) (cut bool) // nil: all passes
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l}
	t.Cleanup(func() { _ = l.Close(); p.cut() })
	go p.serve(fmt.Sprintf("127.0.0.1:%d", cluster.Port))
	return p
}

func (p *proxy) serve(to string) {
	for {
		client, err := p.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", to) //nolint:noctx // of a test
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, client, server)
		p.mu.Unlock()
		go func() { _, _ = io.Copy(client, server); _ = client.Close() }()
		go func() {
			defer func() { _ = server.Close() }()
			buffer := make([]byte, 1<<20)
			for {
				n, err := client.Read(buffer)
				if err != nil {
					return
				}
				p.mu.Lock()
				onWay := p.onWay
				p.mu.Unlock()
				cut := onWay != nil && onWay(buffer[:n])
				if cut { // the server gets it, and the client no answer
					_ = client.Close()
				}
				if _, err := server.Write(buffer[:n]); err != nil || cut {
					return
				}
			}
		}()
	}
}

func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

func (p *proxy) during(f func([]byte) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.onWay = f
}

func (p *proxy) url(t *testing.T) string {
	t.Helper()
	_, port, err := net.SplitHostPort(p.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(postgresURL(t), fmt.Sprint(":", cluster.Port, "/"), ":"+port+"/", 1)
}

// A connection that is lost while a transaction commits: the writer learns whether it
// did. The one that the server heard of did, the other did not.
func TestPostgresLostWhileItCommits(t *testing.T) {
	t.Parallel()
	for _, heard := range []bool{true, false} {
		t.Run(fmt.Sprint("heard ", heard), func(t *testing.T) {
			t.Parallel()
			needCluster(t)
			p := newProxy(t)
			s := openPostgres(t, p.url(t))
			var lost atomic.Bool
			p.during(func(sent []byte) bool {
				if !bytes.Contains(sent, []byte("commit")) || !lost.CompareAndSwap(false, true) {
					return false
				}
				if !heard {
					clear(sent) // no message of the protocol begins so
				}
				return true
			})
			revision, err := put(s, "a", "1")
			if !lost.Load() {
				t.Fatal("nothing was lost")
			}
			_, there := s.Get(t.Context(), store.RoleID("123456789012", "a"))
			if heard && (err != nil || revision != 1 || there != nil) {
				t.Errorf("it committed: %d, %v; %v", revision, err, there)
			}
			if !heard && (err == nil || !strings.Contains(err.Error(), "nothing is written") || errors.Is(err, sqlstore.ErrOutcomeUnknown) || !errors.Is(there, store.ErrNotFound)) {
				t.Errorf("it did not commit: %v; %v", err, there)
			}
			if next, err := put(s, "b", "1"); err != nil || heard && next != 2 || !heard && next != 1 {
				t.Errorf("the next revision is %d, %v", next, err)
			}
			// Of a mark it is not known; it is never first twice.
			lost.Store(false)
			if first, err := s.UseOnce(t.Context(), "tokens", "a", noon, noon.Add(time.Hour)); first || err == nil || !lost.Load() {
				t.Errorf("UseOnce = %v, %v", first, err)
			}
			if first := use(t, s, "a", noon, noon.Add(time.Hour)); first == heard {
				t.Errorf("afterwards it is first: %v", first)
			}
		})
	}
}

// Connections that were lost between two calls are no error of the second.
func TestPostgresLostBetween(t *testing.T) {
	t.Parallel()
	needCluster(t)
	p := newProxy(t)
	s := openPostgres(t, p.url(t))
	for i := range 5 {
		if _, err := put(s, fmt.Sprint(i), "1"); err != nil {
			t.Fatal(err)
		}
		if !use(t, s, fmt.Sprint(i), noon, noon.Add(time.Hour)) {
			t.Error("not first")
		}
		p.cut()
		if _, err := s.Get(t.Context(), store.RoleID("123456789012", fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
		p.cut()
	}
}

// The feed tells of writes by others, says when it is lost, and each feed of its own
// store.
func TestPostgresFeed(t *testing.T) {
	t.Parallel()
	needCluster(t)
	p := newProxy(t)
	url := p.url(t)
	s, other := openPostgres(t, url), openPostgres(t, url)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	told, ended := make(chan struct{}, 100), make(chan error, 1)
	listen := func() { ended <- s.Listen(ctx, func() { told <- struct{}{} }) }
	go listen()
	<-told // it listens
	if _, err := put(other, "a", "1"); err != nil {
		t.Fatal(err)
	}
	<-told
	p.cut()
	if err := <-ended; err == nil {
		t.Error("a feed that is lost is no error")
	}
	go listen()
	<-told
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
}

func TestPostgresURLs(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for _, url := range []string{
		"postgres://u:" + secret + "@db.example.com/d?sslmode=disable", "postgres://u:" + secret + "@db.example.com/d?sslmode=prefer",
		"postgres://u:" + secret + "@db.example.com/d?sslmode=require", "postgres://u:" + secret + "@localhost,db.example.com/d?sslmode=disable",
		"postgres://u:" + secret + "@db.example.com/d?sslrootcert=/none", "postgres://u:" + secret + "@db.example.com:port/d",
		"postgres://u:" + secret + "%zz@localhost/d", "mysql://u:" + secret + "@localhost/d", "host=localhost password=" + secret, "",
	} {
		_, err := sqlstore.OpenPostgres(t.Context(), url)
		var wrong *sqlstore.URLError
		if !errors.As(err, &wrong) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", url, err)
		}
	}
	// One that nobody answers at is an error of another kind, without the password.
	_, err := sqlstore.OpenPostgres(t.Context(), "postgres://u:"+secret+"@127.0.0.1:1/d")
	var wrong *sqlstore.URLError
	if err == nil || errors.As(err, &wrong) || strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), "database d at 127.0.0.1") {
		t.Errorf("nobody answers: %v", err)
	}
	for url, want := range map[string]string{
		"postgres://u:" + secret + "@h1:1,h2:2/d?password=" + secret + "&sslmode=verify-full": "postgres://u@h1:1,h2:2/d?sslmode=verify-full",
		"postgresql:///d?host=/run/postgresql":                                                "postgresql:///d?host=%2Frun%2Fpostgresql",
	} {
		if got, err := sqlstore.WithoutPassword(url); err != nil || got != want {
			t.Errorf("%s without the password: %q, %v", url, got, err)
		}
	}
}

// Of several hosts the one that answers is taken.
func TestPostgresSeveralHosts(t *testing.T) {
	t.Parallel()
	url := postgresURL(t)
	host := fmt.Sprintf("127.0.0.1:%d", cluster.Port)
	s := openPostgres(t, strings.Replace(url, host, "127.0.0.1:1,"+host, 1))
	if _, err := put(s, "a", "1"); err != nil {
		t.Error(err)
	}
}
