//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/pgcluster"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// failover is two nodes, and a primary whose standby takes its place.
type failover struct {
	*nodes
	standby *pgcluster.Cluster
}

func startFailover(t *testing.T, synchronous bool) *failover {
	t.Helper()
	f := &failover{nodes: &nodes{t: t, dir: t.TempDir(), http: &http.Client{Transport: wholeReplies{&http.Transport{MaxIdleConnsPerHost: 16}}}}}
	t.Cleanup(f.http.CloseIdleConnections)
	var err error
	f.db, err = pgcluster.Start(t.Context())
	if errors.Is(err, pgcluster.ErrMissing) {
		lacking(t, err.Error())
	}
	f.must(err)
	t.Cleanup(func() { f.must(f.db.Close()) })
	f.standby, err = f.db.Standby(t.Context(), synchronous)
	f.must(err)
	t.Cleanup(func() { f.must(f.standby.Close()) })
	hosts := fmt.Sprintf("127.0.0.1:%d,127.0.0.1:%d/", f.db.Port, f.standby.Port)
	store := strings.Replace(f.db.URL("postgres"), fmt.Sprintf("127.0.0.1:%d/", f.db.Port), hosts, 1)
	for i := range 2 {
		c := &clusterNode{nodes: f.nodes, name: fmt.Sprintf("node%d", i), listen: "127.0.0.1:0", store: store}
		f.must(os.MkdirAll(filepath.Join(f.dir, c.name), 0o700))
		if i > 0 {
			key, err := os.ReadFile(filepath.Join(f.dir, "node0", "master.key"))
			f.must(err)
			f.must(os.WriteFile(filepath.Join(f.dir, c.name, "master.key"), key, 0o600))
		}
		c.start()
		f.node[i] = c
	}
	profile, err := config.LoadSharedConfigProfile(t.Context(), "default", func(o *config.LoadSharedConfigOptions) {
		o.CredentialsFiles, o.ConfigFiles = []string{filepath.Join(f.dir, "node0", "credentials")}, nil
	})
	f.must(err)
	f.admin = profile.Credentials
	return f
}

// promote ends the primary as its machine's end would, and makes the standby one.
func (f *failover) promote() {
	f.t.Helper()
	f.must(f.db.Crash(f.t.Context()))
	_, err := f.standby.SQL(f.t.Context(), "postgres", "SELECT pg_promote()")
	f.must(err)
}

// eventually asks until it is so, for as long as a failover may take.
func (f *failover) eventually(what string, so func() bool) {
	f.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if so() {
			return
		}
	}
	f.t.Fatalf("%s: it is not so", what)
}

func (f *failover) has(c *clusterNode, user string) (there, answered bool) {
	f.t.Helper()
	_, err := c.iam(f.admin).GetUser(f.t.Context(), &iam.GetUserInput{UserName: &user})
	code, _ := isAnswer(err)
	if err != nil && code != "NoSuchEntity" {
		f.t.Logf("%s: %v", c.name, err)
	}
	return err == nil, err == nil || code == "NoSuchEntity"
}

// knows asks until a node answers: on a busy machine it may just be not ready.
func (f *failover) knows(c *clusterNode, user string) (there bool) {
	f.t.Helper()
	f.eventually(c.name+" answers", func() (answered bool) {
		there, answered = f.has(c, user)
		return answered
	})
	return there
}

// TestFailover: the primary dies under writes, and a synchronous standby takes its
// place. The nodes go on by it, and all that was acknowledged is there.
func TestFailover(t *testing.T) {
	t.Parallel()
	f := startFailover(t, true)
	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	var mu sync.Mutex
	var acknowledged []string
	for i := range 2 {
		load.Go(func() {
			for k := 0; ctx.Err() == nil; k++ {
				name := fmt.Sprintf("user-%d-%d", i, k)
				if _, err := f.node[i].iam(f.admin).CreateUser(ctx, &iam.CreateUserInput{UserName: &name}); err == nil {
					mu.Lock()
					acknowledged = append(acknowledged, name)
					mu.Unlock()
				}
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	count := func() int { mu.Lock(); defer mu.Unlock(); return len(acknowledged) }
	f.eventually("there are writes", func() bool { return count() >= 20 })
	f.promote()
	before := count()
	f.eventually("writes go on", func() bool { return count() >= before+20 })
	stop()
	load.Wait()
	time.Sleep(nodeBound)
	for _, c := range f.node[:2] {
		for _, name := range acknowledged {
			if !f.knows(c, name) {
				t.Errorf("%s lacks %s, which was acknowledged", c.name, name)
			}
		}
	}
	t.Logf("%d writes acknowledged, %d of them before the failover", len(acknowledged), before)
}

// TestFailoverThatLosesWrites: a standby that was behind takes the primary's place, and
// as much is written to it as was lost before a node asks again. The node does not go on
// with what was lost.
func TestFailoverThatLosesWrites(t *testing.T) {
	t.Parallel()
	f := startFailover(t, false)
	create := func(c *clusterNode, name string) {
		t.Helper()
		_, err := c.iam(f.admin).CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String(name)})
		f.must(err)
	}
	create(f.node[0], "kept")
	f.eventually("the standby has it", func() bool {
		has, err := f.standby.SQL(t.Context(), "postgres", "SELECT count(*) FROM daypass_records WHERE key = 'kept'")
		f.must(err)
		return has == "1"
	})
	for _, statement := range []string{"ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()"} {
		_, err := f.standby.SQL(t.Context(), "postgres", statement)
		f.must(err)
	}
	f.eventually("the standby follows no more", func() bool {
		followers, err := f.db.SQL(t.Context(), "postgres", "SELECT count(*) FROM pg_stat_replication")
		f.must(err)
		return followers == "0"
	})
	create(f.node[1], "lost-1")
	create(f.node[1], "lost-2")
	f.eventually("node0 has both", func() bool { there, _ := f.has(f.node[0], "lost-2"); return there })

	f.must(f.node[0].process.Process.Signal(syscall.SIGSTOP))
	f.promote()
	f.eventually("node1 lacks what was lost", func() bool { there, answered := f.has(f.node[1], "lost-1"); return answered && !there })
	create(f.node[1], "new-1")
	create(f.node[1], "new-2")
	f.must(f.node[0].process.Process.Signal(syscall.SIGCONT))
	f.eventually("node0 lacks what was lost", func() bool { there, answered := f.has(f.node[0], "lost-2"); return answered && !there })
	for _, name := range []string{"kept", "new-1", "new-2"} {
		if !f.knows(f.node[0], name) {
			t.Errorf("node0 lacks %s", name)
		}
	}
}
