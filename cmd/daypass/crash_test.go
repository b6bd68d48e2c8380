package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

const (
	crashKills   = 12
	crashClients = 4
	crashRoles   = 6 // of each client
)

// TestKilled: clients change roles, each with its policies' counters, while the
// server is killed again and again. Each reads what it has written; what was
// acknowledged is there when the server is started again, what was under way is
// there whole or not at all, and policies count what is attached.
func TestKilled(t *testing.T) {
	t.Parallel()
	c := &crash{t: t, dir: t.TempDir()}
	c.must(os.Mkdir(c.temporary(), 0o700))
	kill := c.serve(0)
	c.createPolicies()
	clients := make([]*crashClient, crashClients)
	for i := range clients {
		clients[i] = newCrashClient(c, i)
	}
	each := func(do func(*crashClient)) {
		var all sync.WaitGroup
		for _, client := range clients {
			all.Go(func() { do(client) })
		}
		all.Wait()
	}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // G404: when to kill
	for round := range crashKills {
		killed := c.killAmid(kill, 300*time.Millisecond+time.Duration(random.IntN(400))*time.Millisecond, 10*crashClients)
		each((*crashClient).work) // until the server is gone
		<-killed
		if t.Failed() {
			return
		}
		kill = c.serve(round + 1)
		each((*crashClient).settle)
		c.checkCounters(clients)
	}
	if n := c.acknowledged.Load(); n < 10*crashKills*crashClients {
		t.Errorf("only %d writes were acknowledged", n)
	}
	each((*crashClient).clear)
	for _, policy := range c.policies {
		if _, err := c.admin.DeletePolicy(t.Context(), &iam.DeletePolicyInput{PolicyArn: &policy}); err != nil {
			t.Errorf("a policy that nobody uses any more: %v", err)
		}
	}
	kill()
}

// crash is a server that is killed, and its administrator. Its policies are
// attached, but for the last, which is a boundary.
type crash struct {
	t        *testing.T
	dir      string
	args     []string    // of serve, besides
	admin    *iam.Client // of the server that runs now
	objects  *s3.Client  // likewise
	policies []string
	// acknowledged counts the writes that were, of all clients.
	acknowledged atomic.Int64
}

func (c *crash) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// serve starts the real binary, and returns what kills it.
func (c *crash) serve(round int) (kill func()) {
	c.t.Helper()
	ready := filepath.Join(c.dir, fmt.Sprintf("ready-%d", round))
	data := filepath.Join(c.dir, "data")
	server := exec.Command(filepath.Join(binDir, "daypass"), append([]string{"serve", "--listen", "127.0.0.1:0", "--data", data, "--ready-file", ready}, c.args...)...)
	server.Env = append(os.Environ(), "TMPDIR="+c.temporary())
	var log strings.Builder
	server.Stderr = &log
	c.must(server.Start())
	ended := make(chan struct{})
	var how error
	go func() {
		how = server.Wait()
		close(ended)
	}()
	kill = sync.OnceFunc(func() {
		_ = server.Process.Kill() // it fails where the server has ended, which is told below
		<-ended
	})
	c.t.Cleanup(kill)
	for range 2400 { // two minutes
		endpoint, err := os.ReadFile(ready)
		if err == nil {
			c.connect(strings.TrimSpace(string(endpoint)), filepath.Join(data, "credentials"))
			return kill
		}
		select {
		case <-ended:
			c.t.Fatalf("after %d kills the server does not start: %v\n%s", round, how, log.String())
		case <-time.After(50 * time.Millisecond):
		}
	}
	c.t.Fatalf("after %d kills the server does not answer", round)
	return nil
}

// killAmid kills the server after a time, and not before that many writes more are
// acknowledged: on a slow machine it is amid them too. The channel is closed then.
func (c *crash) killAmid(kill func(), after time.Duration, writes int64) (killed <-chan struct{}) {
	enough := c.acknowledged.Load() + writes
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer kill()
		time.Sleep(after)
		for range 2 * 60 * 200 { // two minutes
			if c.acknowledged.Load() >= enough || c.t.Failed() {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	return done
}

func (c *crash) connect(endpoint, credentials string) {
	c.t.Helper()
	profile, err := config.LoadSharedConfigProfile(c.t.Context(), "default", func(o *config.LoadSharedConfigOptions) {
		o.CredentialsFiles, o.ConfigFiles = []string{credentials}, nil
	})
	c.must(err)
	administrator := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return profile.Credentials, nil })
	c.admin = iam.New(iam.Options{Region: "us-east-1", BaseEndpoint: &endpoint, Retryer: aws.NopRetryer{}, Credentials: administrator})
	c.objects = s3.New(s3.Options{Region: "us-east-1", BaseEndpoint: &endpoint, Retryer: aws.NopRetryer{}, Credentials: administrator, UsePathStyle: true})
}

// temporary is the server's folder for temporary files.
func (c *crash) temporary() string { return filepath.Join(c.dir, "tmp") }

func (c *crash) createPolicies() {
	c.t.Helper()
	for _, name := range []string{"read", "write", "boundary"} {
		out, err := c.admin.CreatePolicy(c.t.Context(), &iam.CreatePolicyInput{PolicyName: &name, PolicyDocument: aws.String(crashDocument)})
		c.must(err)
		c.policies = append(c.policies, *out.Policy.Arn)
	}
}

const (
	crashDocument = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}`
	crashTrust    = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:AssumeRole"}]}`
)

// checkCounters asks that policies count what the roles have.
func (c *crash) checkCounters(clients []*crashClient) {
	c.t.Helper()
	attached, bounded := map[string]int32{}, false
	for _, client := range clients {
		for _, role := range client.roles {
			for _, policy := range role.Attached {
				attached[policy]++
			}
			bounded = bounded || role.Boundary
		}
	}
	for _, policy := range c.policies {
		out, err := c.admin.GetPolicy(c.t.Context(), &iam.GetPolicyInput{PolicyArn: &policy})
		c.must(err)
		if got := *out.Policy.AttachmentCount; got != attached[policy] {
			c.t.Errorf("%s counts %d attachments, and there are %d", policy, got, attached[policy])
		}
	}
	if !bounded {
		return
	}
	_, err := c.admin.DeletePolicy(c.t.Context(), &iam.DeletePolicyInput{PolicyArn: &c.policies[2]})
	var conflict *types.DeleteConflictException
	if !errors.As(err, &conflict) {
		c.t.Errorf("a policy that is a boundary is deleted: %v", err)
	}
}

// crashRole is the state of a role.
type crashRole struct {
	There    bool
	Boundary bool
	Inline   bool
	Attached []string // ARNs, sorted
}

// crashClient changes roles of its own, one after the other.
type crashClient struct {
	*crash
	random *rand.Rand
	prefix string
	roles  []crashRole // as acknowledged
	// doubt is the role of the write that was under way when the server was
	// killed, -1 for none, and what that write would make of it.
	doubt int
	after crashRole
}

func newCrashClient(c *crash, n int) *crashClient {
	return &crashClient{
		crash: c, random: rand.New(rand.NewPCG(3, uint64(n))), //nolint:gosec // G115, G404: a small number, and what to do
		prefix: fmt.Sprintf("client%d-", n), roles: make([]crashRole, crashRoles), doubt: -1,
	}
}

func (c *crashClient) name(i int) string { return fmt.Sprintf("%srole%d", c.prefix, i) }

// work writes, and reads what it wrote, until the server is gone.
func (c *crashClient) work() {
	for {
		i := c.random.IntN(len(c.roles))
		write, after := c.next(i)
		if err := write(); err != nil {
			c.lost(err)
			c.doubt, c.after = i, after
			return
		}
		c.acknowledged.Add(1)
		c.roles[i] = after
		got, err := c.read(i)
		if err != nil {
			c.lost(err)
			return
		}
		if !same(after, got) {
			c.t.Errorf("%s is %+v, after %+v was written", c.name(i), got, after)
			return
		}
	}
}

// lost asks that an error is that of a server that is gone, and no answer.
func (c *crashClient) lost(err error) {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		c.t.Errorf("the server answered: %v", err)
	}
}

// next draws a write that changes a role, and what it makes of it.
func (c *crashClient) next(i int) (write func() error, after crashRole) {
	ctx, name, role := c.t.Context(), c.name(i), c.roles[i]
	after = role
	after.Attached = slices.Clone(role.Attached)
	boundary, policy := &c.policies[2], c.policies[c.random.IntN(2)]
	at, attached := slices.BinarySearch(after.Attached, policy)
	switch choice := c.random.IntN(4); {
	case !role.There:
		in := &iam.CreateRoleInput{
			RoleName: &name, AssumeRolePolicyDocument: aws.String(crashTrust), Description: &name,
			Tags: []types.Tag{{Key: aws.String("name"), Value: &name}},
		}
		after = crashRole{There: true, Boundary: choice < 2}
		if after.Boundary {
			in.PermissionsBoundary = boundary
		}
		return func() error { _, err := c.admin.CreateRole(ctx, in); return err }, after
	case choice == 0 && role.Boundary:
		after.Boundary = false
		return func() error {
			_, err := c.admin.DeleteRolePermissionsBoundary(ctx, &iam.DeleteRolePermissionsBoundaryInput{RoleName: &name})
			return err
		}, after
	case choice == 0:
		after.Boundary = true
		return func() error {
			_, err := c.admin.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: &name, PermissionsBoundary: boundary})
			return err
		}, after
	case choice == 1 && role.Inline:
		after.Inline = false
		return func() error {
			_, err := c.admin.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &name, PolicyName: aws.String("inline")})
			return err
		}, after
	case choice == 1:
		after.Inline = true
		return func() error {
			_, err := c.admin.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("inline"), PolicyDocument: aws.String(crashDocument)})
			return err
		}, after
	case choice == 2 && !role.Inline && len(role.Attached) == 0:
		return func() error { _, err := c.admin.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &name}); return err }, crashRole{}
	case attached:
		after.Attached = slices.Delete(after.Attached, at, at+1)
		return func() error {
			_, err := c.admin.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: &name, PolicyArn: &policy})
			return err
		}, after
	default:
		after.Attached = slices.Insert(after.Attached, at, policy)
		return func() error {
			_, err := c.admin.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &name, PolicyArn: &policy})
			return err
		}, after
	}
}

// read is a role as the server has it. One that lacks what it was made with is an
// error of the test.
func (c *crashClient) read(i int) (role crashRole, err error) {
	ctx, name := c.t.Context(), c.name(i)
	found, err := c.admin.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	var gone *types.NoSuchEntityException
	if errors.As(err, &gone) {
		return role, nil
	}
	if err != nil {
		return role, err
	}
	if r := found.Role; aws.ToString(r.Description) != name || len(r.Tags) != 1 || *r.Tags[0].Value != name || r.AssumeRolePolicyDocument == nil {
		c.t.Errorf("%s is not whole: %+v", name, r)
	}
	attached, err := c.admin.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: &name})
	if err != nil {
		return role, err
	}
	inline, err := c.admin.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: &name})
	if err != nil {
		return role, err
	}
	role = crashRole{There: true, Boundary: found.Role.PermissionsBoundary != nil, Inline: len(inline.PolicyNames) > 0}
	for _, policy := range attached.AttachedPolicies {
		role.Attached = append(role.Attached, *policy.PolicyArn)
	}
	slices.Sort(role.Attached)
	return role, nil
}

// settle holds all roles against what was acknowledged, and finds out what became
// of the write that was under way.
func (c *crashClient) settle() {
	for i := range c.roles {
		got, err := c.read(i)
		if err != nil {
			c.t.Errorf("read %s after a start: %v", c.name(i), err)
			return
		}
		if c.doubt == i && same(got, c.after) {
			c.roles[i] = got
		}
		if !same(got, c.roles[i]) {
			c.t.Errorf("%s is %+v after a start; %+v was acknowledged, and %+v under way (of role %d)", c.name(i), got, c.roles[i], c.after, c.doubt)
		}
	}
	c.doubt, c.after = -1, crashRole{}
}

// same leaves out of account whether a list is nil or empty.
func same(a, b crashRole) bool {
	return a.There == b.There && a.Boundary == b.Boundary && a.Inline == b.Inline && slices.Equal(a.Attached, b.Attached)
}

// clear takes all away.
func (c *crashClient) clear() {
	ctx := c.t.Context()
	for i, role := range c.roles {
		if !role.There {
			continue
		}
		name := c.name(i)
		var errs []error
		for _, policy := range role.Attached {
			_, err := c.admin.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: &name, PolicyArn: &policy})
			errs = append(errs, err)
		}
		if role.Inline {
			_, err := c.admin.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &name, PolicyName: aws.String("inline")})
			errs = append(errs, err)
		}
		_, err := c.admin.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &name})
		if err := errors.Join(append(errs, err)...); err != nil {
			c.t.Errorf("clear %s: %v", name, err)
		}
	}
}
