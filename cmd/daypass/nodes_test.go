package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/durable"
	"github.com/daypass/daypass/internal/masterkey"
	"github.com/daypass/daypass/internal/pgcluster"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

const (
	nodeCount = 3
	// nodeBound is what the nodes promise: docs/clusters.md, "How nodes agree".
	nodeBound   = time.Second
	nodeReaders = 4
	nodeWriters = 2
	nodeAllows  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetRole","Resource":"*"}]}`
	nodeDenies  = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`
)

// TestNodes has three nodes over one PostgreSQL serve clients while a node is killed,
// the database is restarted, the feed is cut, a node loses the database, and all keys
// are rotated: those of sessions, of an issuer, and the master key. Meanwhile sessions are revoked, roles changed and deleted.
//
// No answer tells of a state that was over for more than the bound when it was asked
// for. Nobody is admitted who asks later than a second after what admitted him was
// taken away. What was acknowledged is there in the end, on every node. Reads fail only
// if they are under way on the node that is killed; writes also if they are under way
// while the database stops.
func TestNodes(t *testing.T) {
	t.Parallel()
	n := startNodes(t)
	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	n.prepare()
	for i := range nodeReaders {
		load.Go(func() { n.readProbe(ctx, i) })
	}
	for i := range nodeWriters {
		load.Go(func() { n.createUsers(ctx, i) })
	}
	load.Go(func() { n.countProbe(ctx) })
	load.Go(func() { n.signTokens(ctx) })
	for kind := range withdrawals {
		load.Go(func() { n.withdraw(ctx, kind) })
	}
	pass := func(d time.Duration) { time.Sleep(d) } // the load goes on

	pass(time.Second)
	n.node[1].kill()
	pass(1500 * time.Millisecond)
	n.node[1].start()
	n.rotateKeys()
	pass(500 * time.Millisecond)
	n.restartDatabase()
	pass(2 * time.Second)
	n.cutFeed()
	pass(time.Second)
	n.rotateKeys()
	n.rotateMaster()
	n.rotateIssuer()
	n.link.stall()
	pass(2500 * time.Millisecond)
	n.link.resume()
	pass(2 * time.Second)
	for range 120 { // two minutes: on a slow machine the load takes longer to show anything
		if n.enough() || t.Failed() {
			break
		}
		pass(time.Second)
	}
	stop()
	load.Wait()
	n.check()
}

// nodes are the nodes, their database, and what was acknowledged to clients.
type nodes struct {
	t     *testing.T
	dir   string
	db    *pgcluster.Cluster
	link  *link // between the last node and the database
	node  [nodeCount]*clusterNode
	admin aws.Credentials
	http  *http.Client
	probe aws.Credentials // of a session that reads the role "probe"

	reads, cut, writes, refused, withdrawn atomic.Int64
	issuerRotated                          atomic.Int64 // when, in nanoseconds

	mu      sync.Mutex
	counts  []acknowledged // of countProbe, in order
	users   []string       // that were acknowledged
	dbDown  time.Time      // when the database was stopped
	dbUp    time.Time      // when it answered again
	slowest time.Duration  // until what was taken away was refused everywhere
}

type acknowledged struct {
	count int
	at    time.Time
}

// clusterNode is one node.
type clusterNode struct {
	*nodes
	name, store, listen string
	endpoint            string
	process             *exec.Cmd
	down                atomic.Bool
	killed              atomic.Int64 // when, in nanoseconds
}

func startNodes(t *testing.T) *nodes {
	t.Helper()
	n := &nodes{t: t, dir: t.TempDir(), http: &http.Client{Transport: wholeReplies{&http.Transport{MaxIdleConnsPerHost: 16}}}}
	t.Cleanup(n.http.CloseIdleConnections)
	var err error
	n.db, err = pgcluster.Start(t.Context())
	if errors.Is(err, pgcluster.ErrMissing) {
		lacking(t, err.Error())
	}
	n.must(err)
	t.Cleanup(func() { n.must(n.db.Close()) })
	_, err = masterkey.Create(filepath.Join(n.dir, "master.key"))
	n.must(err)
	key, err := os.ReadFile(filepath.Join(n.dir, "master.key"))
	n.must(err)
	n.link = newLink(t, n.db.Port)
	n.migrate()
	var starting sync.WaitGroup
	for i := range n.node {
		c := &clusterNode{nodes: n, name: fmt.Sprintf("node%d", i), listen: "127.0.0.1:0", store: n.db.URL("postgres")}
		if i == nodeCount-1 {
			c.store = strings.Replace(c.store, ":"+strconv.Itoa(n.db.Port), ":"+n.link.port(), 1)
		}
		n.must(os.Mkdir(filepath.Join(n.dir, c.name), 0o700))
		n.must(os.WriteFile(filepath.Join(n.dir, c.name, "master.key"), key, 0o600))
		n.node[i] = c
		starting.Go(c.start) // all at once: one makes the account
	}
	starting.Wait()
	made, err := filepath.Glob(filepath.Join(n.dir, "node*", "credentials"))
	n.must(err)
	if len(made) != 1 {
		t.Fatalf("%d nodes made the account: %q", len(made), made)
	}
	profile, err := config.LoadSharedConfigProfile(t.Context(), "default", func(o *config.LoadSharedConfigOptions) {
		o.CredentialsFiles, o.ConfigFiles = made, nil
	})
	n.must(err)
	n.admin = profile.Credentials
	return n
}

func (n *nodes) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

// migrate has one node begin alone, and become a node of a shared store.
func (n *nodes) migrate() {
	n.t.Helper()
	_, err := n.db.SQL(n.t.Context(), "postgres", "CREATE DATABASE moved")
	n.must(err)
	c := &clusterNode{nodes: n, name: "single", listen: "127.0.0.1:0"}
	c.start()
	profile, err := config.LoadSharedConfigProfile(n.t.Context(), "default", func(o *config.LoadSharedConfigOptions) {
		o.CredentialsFiles, o.ConfigFiles = []string{filepath.Join(n.dir, "single", "credentials")}, nil
	})
	n.must(err)
	n.admin = profile.Credentials
	n.must(n.newRole(n.t.Context(), c, "of-before"))
	c.kill()
	c.store = n.db.URL("moved")
	n.says("would be left behind", "serve", "--data", filepath.Join(n.dir, "single"), "--listen", "127.0.0.1:0", "--store", c.store)
	n.says("moved, and read back: ", "migrate-store", "--from", filepath.Join(n.dir, "single"), "--to", c.store)
	n.says("is of a node whose store is in PostgreSQL", "serve", "--data", filepath.Join(n.dir, "single"), "--listen", "127.0.0.1:0")
	n.says("000000000000", "account", "list", "--data", filepath.Join(n.dir, "single"))
	c.start()
	session, err := n.assume(n.t.Context(), c, "of-before")
	n.must(err)
	_, err = c.iam(session).GetRole(n.t.Context(), &iam.GetRoleInput{RoleName: aws.String("of-before")})
	n.must(err)

	other := filepath.Join(n.dir, "other")
	n.must(os.Mkdir(other, 0o700))
	n.says("copy master.key there from another node", "serve", "--data", other, "--listen", "127.0.0.1:0", "--store", c.store)
	_, err = masterkey.Create(filepath.Join(other, "master.key"))
	n.must(err)
	n.says("is another master key", "serve", "--data", other, "--listen", "127.0.0.1:0", "--store", c.store)
	c.kill()
	n.says("moved, and read back: ", "migrate-store", "--from", c.store, "--to", filepath.Join(n.dir, "single"))
	n.says("000000000000", "account", "list", "--data", filepath.Join(n.dir, "single"))
}

// says runs a command to its end, and asks for a part of what it says.
func (n *nodes) says(want string, args ...string) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), 30*time.Second)
	defer cancel()
	output, _ := exec.CommandContext(ctx, filepath.Join(binDir, "daypass"), args...).CombinedOutput() // what it says tells more than its status
	if !strings.Contains(string(output), want) {
		n.t.Errorf("daypass %q does not say %q:\n%s", args, want, output)
	}
}

// start starts the node, at the address that it had.
func (c *clusterNode) start() {
	c.t.Helper()
	data, ready := filepath.Join(c.dir, c.name), filepath.Join(c.dir, c.name+".ready")
	_ = os.Remove(ready) // of one that was killed
	if err := os.MkdirAll(data, 0o700); err != nil {
		c.t.Error(err)
		return
	}
	log, err := os.OpenFile(filepath.Join(c.dir, c.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		c.t.Error(err)
		return
	}
	args := []string{"serve", "--listen", c.listen, "--data", data, "--ready-file", ready}
	if c.store != "" {
		args = append(args, "--store", c.store)
	}
	process := exec.Command(filepath.Join(binDir, "daypass"), args...)
	process.Stderr = log
	if err := process.Start(); err != nil {
		c.t.Error(err)
		return
	}
	c.t.Cleanup(func() {
		_ = process.Process.Kill()
		_ = process.Wait()
		_ = log.Close()
		if c.t.Failed() {
			text, _ := os.ReadFile(log.Name())
			c.t.Logf("%s:\n%s", c.name, text)
		}
	})
	c.process = process
	for range 2400 { // two minutes
		if endpoint, err := os.ReadFile(ready); err == nil {
			c.endpoint = strings.TrimSpace(string(endpoint))
			c.listen = strings.TrimPrefix(c.endpoint, "http://")
			c.down.Store(false)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	c.t.Errorf("%s does not answer", c.name)
}

func (c *clusterNode) kill() {
	c.killed.Store(time.Now().UnixNano())
	c.down.Store(true)
	_ = c.process.Process.Kill()
	_ = c.process.Wait()
}

func (c *clusterNode) options(credentials aws.Credentials) (string, aws.CredentialsProvider) {
	return c.endpoint, aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return credentials, nil })
}

func (c *clusterNode) iam(credentials aws.Credentials) *iam.Client {
	endpoint, provider := c.options(credentials)
	return iam.New(iam.Options{Region: "us-east-1", BaseEndpoint: &endpoint, Retryer: aws.NopRetryer{}, HTTPClient: c.http, Credentials: provider})
}

func (c *clusterNode) sts() *sts.Client {
	endpoint, provider := c.options(c.admin)
	return sts.New(sts.Options{Region: "us-east-1", BaseEndpoint: &endpoint, Retryer: aws.NopRetryer{}, HTTPClient: c.http, Credentials: provider})
}

// isAnswer reports whether a server said what is wrong, and its code.
func isAnswer(err error) (string, bool) {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer.ErrorCode(), true
	}
	return "", false
}

// mayBeCut reports whether a request that got no answer may fail so: the node was
// killed while it was under way.
func (c *clusterNode) mayBeCut(began time.Time) bool {
	return c.down.Load() || time.Unix(0, c.killed.Load()).After(began)
}

// somewhere does a write on one node after the other until it is acknowledged. What it
// does must be good to be done twice.
func (n *nodes) somewhere(ctx context.Context, from int, do func(*clusterNode) error) bool {
	for i := 0; ctx.Err() == nil; i++ {
		c := n.node[(from+i)%nodeCount]
		if c.down.Load() {
			continue // as a load balancer does
		}
		began := time.Now()
		err := do(c)
		if err == nil {
			n.writes.Add(1)
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		n.failedWrite(c, began, err)
		time.Sleep(20 * time.Millisecond)
	}
	return false
}

// failedWrite asks whether a write may fail so.
func (n *nodes) failedWrite(c *clusterNode, began time.Time, err error) {
	code, answered := isAnswer(err)
	if !answered {
		n.cut.Add(1)
		if !c.mayBeCut(began) {
			n.t.Errorf("a write at %s has no answer: %v", c.name, err)
		}
		return
	}
	n.refused.Add(1)
	n.mu.Lock()
	defer n.mu.Unlock()
	stopped := !n.dbDown.IsZero() && time.Now().After(n.dbDown) && (n.dbUp.IsZero() || began.Before(n.dbUp.Add(time.Second)))
	if code != "InternalFailure" && code != "ServiceUnavailable" || !stopped && !n.link.wasStalled(began) {
		n.t.Errorf("a write at %s is refused while the database is there: %v", c.name, err)
	}
}

// prepare makes the role that is read, and a session that reads it.
func (n *nodes) prepare() {
	n.t.Helper()
	ctx := n.t.Context()
	n.must(n.newRole(ctx, n.node[0], "probe"))
	_, err := n.node[0].iam(n.admin).UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: aws.String("probe"), Description: aws.String("0")})
	n.must(err)
	n.counts = []acknowledged{{0, time.Now()}}
	n.probe, err = n.assume(ctx, n.node[0], "probe")
	n.must(err)
	_, err = n.node[0].iam(n.admin).EnableOutboundWebIdentityFederation(ctx, &iam.EnableOutboundWebIdentityFederationInput{})
	n.must(err)
	time.Sleep(nodeBound)
}

func (n *nodes) newRole(ctx context.Context, c *clusterNode, name string) error {
	client := c.iam(n.admin)
	_, err := client.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(crashTrust)})
	if code, _ := isAnswer(err); err != nil && code != "EntityAlreadyExists" { // by an attempt of which nothing was heard
		return err
	}
	_, err = client.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("p"), PolicyDocument: aws.String(nodeAllows)})
	return err
}

func (n *nodes) assume(ctx context.Context, c *clusterNode, name string) (aws.Credentials, error) {
	out, err := c.sts().AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::000000000000:role/" + name), RoleSessionName: aws.String("test")})
	if err != nil {
		return aws.Credentials{}, err
	}
	return aws.Credentials{AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey, SessionToken: *out.Credentials.SessionToken}, nil
}

// readProbe reads the probe's count at all nodes in turn. It must be at least what was
// acknowledged a bound before it was asked for.
func (n *nodes) readProbe(ctx context.Context, i int) {
	for ; ctx.Err() == nil; i++ {
		c := n.node[i%nodeCount]
		if c.down.Load() {
			continue
		}
		began := time.Now()
		out, err := c.iam(n.probe).GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("probe")})
		switch _, answered := isAnswer(err); {
		case ctx.Err() != nil:
			return
		case err != nil && !answered && c.mayBeCut(began):
			n.cut.Add(1)
		case err != nil:
			n.t.Errorf("a read at %s, %v after it began: %v", c.name, time.Since(began), err)
		default:
			n.reads.Add(1)
			got, _ := strconv.Atoi(aws.ToString(out.Role.Description))
			if want := n.countAt(began.Add(-nodeBound)); got < want {
				n.t.Errorf("%s tells %d; %d was acknowledged more than %v before", c.name, got, want, nodeBound)
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// countAt is the count that was acknowledged last before a time.
func (n *nodes) countAt(at time.Time) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	i, _ := slices.BinarySearchFunc(n.counts, at, func(a acknowledged, at time.Time) int { return a.at.Compare(at) })
	if i == 0 {
		return 0
	}
	return n.counts[i-1].count
}

// countProbe counts on, at all nodes in turn.
func (n *nodes) countProbe(ctx context.Context) {
	for count := 1; ctx.Err() == nil; count++ {
		if !n.somewhere(ctx, count, func(c *clusterNode) error {
			_, err := c.iam(n.admin).UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: aws.String("probe"), Description: aws.String(strconv.Itoa(count))})
			return err
		}) {
			return
		}
		n.mu.Lock()
		n.counts = append(n.counts, acknowledged{count, time.Now()})
		n.mu.Unlock()
		time.Sleep(10 * time.Millisecond)
	}
}

// createUsers makes users, each with one attempt, at all nodes in turn.
func (n *nodes) createUsers(ctx context.Context, i int) {
	for k := 0; ctx.Err() == nil; k++ {
		c, name := n.node[(i+k)%nodeCount], fmt.Sprintf("user-%d-%d", i, k)
		if c.down.Load() {
			continue
		}
		began := time.Now()
		_, err := c.iam(n.admin).CreateUser(ctx, &iam.CreateUserInput{UserName: &name})
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			n.failedWrite(c, began, err)
		default:
			n.writes.Add(1)
			n.mu.Lock()
			n.users = append(n.users, name)
			n.mu.Unlock()
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// withdrawals take away what admits a session of a role.
var withdrawals = map[string]func(context.Context, *clusterNode, string, aws.Credentials) error{
	"revoke": func(ctx context.Context, c *clusterNode, _ string, session aws.Credentials) error {
		revoke := exec.CommandContext(ctx, filepath.Join(binDir, "daypass"), "sessions", "revoke", "--access-key-id", session.AccessKeyID, "--endpoint-url", c.endpoint)
		revoke.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+c.admin.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+c.admin.SecretAccessKey,
			"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_REGION=us-east-1")
		output, err := revoke.CombinedOutput()
		if err == nil {
			return nil
		}
		if text := string(output); strings.Contains(text, "(InternalFailure)") || strings.Contains(text, "(ServiceUnavailable)") {
			return &smithy.GenericAPIError{Code: "InternalFailure", Message: text}
		}
		return fmt.Errorf("%w: %s", err, output)
	},
	"change": func(ctx context.Context, c *clusterNode, role string, _ aws.Credentials) error {
		_, err := c.iam(c.admin).PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &role, PolicyName: aws.String("p"), PolicyDocument: aws.String(nodeDenies)})
		return err
	},
	"delete": func(ctx context.Context, c *clusterNode, role string, _ aws.Credentials) error {
		client := c.iam(c.admin)
		_, first := client.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &role, PolicyName: aws.String("p")})
		if code, _ := isAnswer(first); first != nil && code != "NoSuchEntity" {
			return first
		}
		_, err := client.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &role})
		if code, _ := isAnswer(err); code == "NoSuchEntity" {
			return nil
		}
		return err
	},
}

// withdraw makes a role and a session, which every node admits within a second; then it
// takes away what admits it, and no node does a second later.
func (n *nodes) withdraw(ctx context.Context, kind string) {
	for k := 0; ctx.Err() == nil; k++ {
		role := fmt.Sprintf("%s-%d", kind, k)
		var session aws.Credentials
		if !n.somewhere(ctx, k, func(c *clusterNode) (err error) {
			if err = n.newRole(ctx, c, role); err == nil {
				session, err = n.assume(ctx, c, role)
			}
			return err
		}) {
			return
		}
		n.everywhere(ctx, kind, session, time.Now(), true)
		if !n.somewhere(ctx, k+1, func(c *clusterNode) error { return withdrawals[kind](ctx, c, role, session) }) {
			return
		}
		n.everywhere(ctx, kind, session, time.Now(), false)
		n.withdrawn.Add(1)
	}
}

// everywhere asks each node again and again whether it admits a session. From a bound
// after the change on, each must say so, or not.
func (n *nodes) everywhere(ctx context.Context, kind string, session aws.Credentials, changed time.Time, admits bool) {
	var asking sync.WaitGroup
	for _, c := range n.node {
		asking.Go(func() {
			for ctx.Err() == nil && !c.down.Load() {
				began := time.Now()
				_, err := c.iam(session).GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("probe")})
				code, answered := isAnswer(err)
				late := began.Sub(changed) >= nodeBound
				switch {
				case ctx.Err() != nil, err != nil && !answered && c.mayBeCut(began):
					return
				case err != nil && !answered:
					n.t.Errorf("%s at %s: no answer: %v", kind, c.name, err)
				case code == "InternalFailure", code == "ServiceUnavailable":
					n.t.Errorf("%s at %s: %v", kind, c.name, err)
				case late && (err == nil) != admits:
					n.t.Errorf("%s: %v after it was acknowledged, %s says %v", kind, began.Sub(changed), c.name, err)
				}
				if late || (err == nil) == admits && admits {
					return
				}
				if (err == nil) == admits {
					n.mu.Lock()
					n.slowest = max(n.slowest, began.Sub(changed))
					n.mu.Unlock()
					time.Sleep(time.Until(changed.Add(nodeBound))) // and once more then
					continue
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	asking.Wait()
}

func (n *nodes) rotateKeys() {
	n.t.Helper()
	output, err := exec.Command(filepath.Join(binDir, "daypass"), "sessions", "rotate-keys", "--data", filepath.Join(n.dir, "node0")).CombinedOutput()
	if err != nil {
		n.t.Errorf("rotate the keys: %v\n%s", err, output)
	}
}

// rotateMaster rotates the master key from one node, and gives the others its file as
// their operator does, while the command waits for them.
func (n *nodes) rotateMaster() {
	n.t.Helper()
	path := func(node int) string { return filepath.Join(n.dir, fmt.Sprintf("node%d", node), "master.key") }
	before, err := os.ReadFile(path(0))
	n.must(err)
	copied := make(chan error, 1)
	go func() {
		for range 2400 { // two minutes
			text, err := os.ReadFile(path(0))
			if err == nil && !bytes.Equal(text, before) {
				time.Sleep(500 * time.Millisecond) // meanwhile it does not seal
				for node := 1; node < nodeCount && err == nil; node++ {
					err = durable.Replace(path(node), text, 0o600)
				}
				copied <- err
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		copied <- errors.New("the file did not change")
	}()
	output, err := exec.Command(filepath.Join(binDir, "daypass"), "keys", "rotate", "master", "--data", filepath.Join(n.dir, "node0"), "--wait", "30s").CombinedOutput()
	if err := errors.Join(err, <-copied); err != nil || !bytes.Contains(output, []byte("nothing lies under the old key")) {
		n.t.Errorf("rotate the master key: %v\n%s", err, output)
	}
}

// rotateIssuer has the next keys of the account's issuer sign.
func (n *nodes) rotateIssuer() {
	n.t.Helper()
	output, err := exec.Command(filepath.Join(binDir, "daypass"), "keys", "rotate", "issuer", "--data", filepath.Join(n.dir, "node0"), "--sign-now").CombinedOutput()
	if err != nil || !bytes.Contains(output, []byte("sign now")) {
		n.t.Errorf("rotate the issuer's keys: %v\n%s", err, output)
	}
	n.issuerRotated.Store(time.Now().UnixNano())
}

// signTokens asks one node after the other for tokens. From a bound after a rotation on
// they are of the next key.
func (n *nodes) signTokens(ctx context.Context) {
	kids := map[string]bool{}
	for i := 0; ctx.Err() == nil; i++ {
		c := n.node[i%nodeCount]
		if c.down.Load() {
			continue
		}
		began := time.Now()
		out, err := c.sts().GetWebIdentityToken(ctx, &sts.GetWebIdentityTokenInput{Audience: []string{"aud"}, SigningAlgorithm: aws.String("ES384")})
		switch {
		case ctx.Err() != nil, err != nil && c.mayBeCut(began):
		case err != nil:
			n.t.Errorf("%s signs no token: %v", c.name, err)
		default:
			header, _, _ := strings.Cut(*out.WebIdentityToken, ".")
			rotated := n.issuerRotated.Load()
			if isLate := rotated != 0 && began.Sub(time.Unix(0, rotated)) >= nodeBound; isLate && kids[header] && len(kids) == 1 {
				n.t.Errorf("%s signs by the key of before", c.name)
			}
			kids[header] = true
		}
		time.Sleep(50 * time.Millisecond)
	}
	if len(kids) != 2 {
		n.t.Errorf("tokens were signed by %d keys, not 2", len(kids))
	}
}

func (n *nodes) restartDatabase() {
	n.t.Helper()
	n.mu.Lock()
	n.dbDown = time.Now()
	n.mu.Unlock()
	n.must(n.db.Down())
	time.Sleep(500 * time.Millisecond)
	n.must(n.db.Up(n.t.Context()))
	n.mu.Lock()
	n.dbUp = time.Now()
	n.mu.Unlock()
	n.t.Logf("the database was away for %v", n.dbUp.Sub(n.dbDown).Round(time.Millisecond))
}

func (n *nodes) cutFeed() {
	n.t.Helper()
	cut, err := n.db.SQL(n.t.Context(), "postgres", `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'`)
	n.must(err)
	if cut != strconv.Itoa(nodeCount) {
		n.t.Errorf("%s nodes listen, not %d", cut, nodeCount)
	}
}

// check asks every node for all that was acknowledged.
func (n *nodes) check() {
	n.t.Helper()
	for _, c := range n.node {
		there := map[string]bool{}
		for p := iam.NewListUsersPaginator(c.iam(n.admin), &iam.ListUsersInput{}); p.HasMorePages(); {
			page, err := p.NextPage(n.t.Context())
			n.must(err)
			for _, u := range page.Users {
				there[*u.UserName] = true
			}
		}
		for _, name := range n.users {
			if !there[name] {
				n.t.Errorf("%s lacks %s, which was acknowledged", c.name, name)
			}
		}
	}
	n.t.Logf("%d reads; %d writes and %d users acknowledged, %d refused while the database was away; %d requests without an answer; %d withdrawals, each seen by all within %v",
		n.reads.Load(), n.writes.Load(), len(n.users), n.refused.Load(), n.cut.Load(), n.withdrawn.Load(), n.slowest.Round(time.Millisecond))
	if !n.enough() {
		n.t.Error("that is too little to have shown anything")
	}
}

// enough tells whether so much was done that it shows something.
func (n *nodes) enough() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.reads.Load() >= 500 && len(n.counts) >= 50 && len(n.users) >= 50 && n.withdrawn.Load() >= 6
}

// wholeReplies reads each reply to its end before the SDK does. Once it has a reply's
// header, the SDK ends the body of the request, which net/http may still be asking for
// a byte more; net/http takes that for a failed write and closes the connection, of
// whose reply up to 4 KiB were read. It is so with any server that answers fast.
type wholeReplies struct{ *http.Transport }

func (w wholeReplies) RoundTrip(r *http.Request) (*http.Response, error) {
	reply, err := w.Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(reply.Body)
	if err = errors.Join(err, reply.Body.Close()); err != nil {
		return nil, err
	}
	reply.Body = io.NopCloser(bytes.NewReader(body))
	return reply, nil
}

// link passes connections on to a port of this machine, or holds them.
type link struct {
	net.Listener

	mu             sync.Mutex
	open           *sync.Cond
	held           bool
	began, resumed time.Time
}

func newLink(t *testing.T, port int) *link {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &link{Listener: l}
	k.open = sync.NewCond(&k.mu)
	t.Cleanup(func() { _ = l.Close(); k.resume() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) //nolint:noctx // ends with the test
			if err != nil {
				_ = client.Close()
				continue
			}
			pass := func(to, from net.Conn) {
				defer func() { _ = to.Close(); _ = from.Close() }()
				_, _ = io.Copy(held{to, k}, from)
			}
			go pass(client, server)
			go pass(server, client)
		}
	}()
	return k
}

func (k *link) port() string {
	_, port, _ := net.SplitHostPort(k.Addr().String())
	return port
}

func (k *link) stall() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.held, k.began, k.resumed = true, time.Now(), time.Time{}
}

func (k *link) resume() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.held, k.resumed = false, time.Now()
	k.open.Broadcast()
}

// wasStalled reports whether it was held at some time after began.
func (k *link) wasStalled(began time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.held || k.resumed.After(began)
}

// isHeld is for who has the lock.
func (k *link) isHeld() bool { return k.held }

// held writes nothing while its link is held.
type held struct {
	io.Writer
	*link
}

func (h held) Write(b []byte) (int, error) {
	h.mu.Lock()
	for h.isHeld() {
		h.open.Wait()
	}
	h.mu.Unlock()
	return h.Writer.Write(b)
}
