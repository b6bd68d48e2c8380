package revocation_test

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/revocation"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	account  = awsapitest.Account
	provider = "arn:aws:iam::" + account + ":oidc-provider/gitlab.example.com"
	jti      = "id-of-a-token"
)

// fixture is the service behind a front door, and a role with sessions.
type fixture struct {
	*awsapitest.Server
	now  time.Time
	role store.Role
}

func start(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{now: time.Now().Truncate(time.Second)}
	f.Server = awsapitest.Start(t, awsapitest.Options{
		Now: func() time.Time { return f.now },
		Services: func(s *awsapitest.Server) ([]*awsapi.Service, error) {
			service, err := revocation.New(revocation.Config{Directory: s.Directory, Random: rand.Reader})
			return []*awsapi.Service{service}, err
		},
	})
	id, err := session.NewUniqueID("AROA", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f.role = store.Role{
		Account: account, Name: "deploy", Path: "/ci/", ID: id, MaxSessionDuration: 3600,
		TrustPolicy:    `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":"sts:AssumeRole"}}`,
		InlinePolicies: []store.InlinePolicy{{Name: "all", Document: awsapitest.Administrator}},
	}
	f.update(t, func(tx store.Tx) error { return store.PutRecord(tx, store.RoleID(account, "deploy"), f.role) })
	return f
}

func (f *fixture) update(t *testing.T, change func(store.Tx) error) {
	t.Helper()
	if err := f.Directory.Update(t.Context(), change); err != nil {
		t.Fatal(err)
	}
}

// mint makes a session of the role, changed.
func (f *fixture) mint(t *testing.T, change func(*session.Grant)) (aws.Config, string) {
	t.Helper()
	g := &session.Grant{Account: account, RoleID: f.role.ID, RoleName: "deploy", SessionName: "job", IssuedAt: f.now, Expires: f.now.Add(time.Hour)}
	change(g)
	c, err := f.Directory.Snapshot().SessionKeys().Mint(g, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return f.Config(aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}), c.AccessKeyID
}

func (f *fixture) call(t *testing.T, config aws.Config, operation string, parameters ...string) awsapitest.Reply {
	t.Helper()
	v := url.Values{"Action": {operation}, "Version": {revocation.Version}}
	for i := 0; i+1 < len(parameters); i += 2 {
		v.Set(parameters[i], parameters[i+1])
	}
	return f.Post(t, config, "daypass", f.now, v)
}

// lives asks whether a session may still call anything.
func (f *fixture) lives(t *testing.T, config aws.Config) bool {
	t.Helper()
	reply := f.call(t, config, "ListRevocations")
	if reply.Status != http.StatusOK && !strings.Contains(reply.Body, "<Code>InvalidClientTokenId</Code>") {
		t.Fatalf("got %d %s", reply.Status, reply.Body)
	}
	return reply.Status == http.StatusOK
}

func (f *fixture) revoke(t *testing.T, parameters ...string) string {
	t.Helper()
	reply := f.call(t, f.AdminConfig, "RevokeSessions", parameters...)
	_, id, ok := strings.Cut(reply.Body, "<RevocationId>")
	id, _, _ = strings.Cut(id, "<")
	if reply.Status != http.StatusOK || !ok {
		t.Fatalf("got %d %s", reply.Status, reply.Body)
	}
	return id
}

// TestRevoke: each kind ends what it names, and nothing else, until it is
// taken back.
func TestRevoke(t *testing.T) {
	t.Parallel()
	f := start(t)
	plain, plainID := f.mint(t, func(*session.Grant) {})
	chained, _ := f.mint(t, func(g *session.Grant) { g.Ancestors, g.Chained = []string{plainID}, true })
	ofToken, _ := f.mint(t, func(g *session.Grant) { g.Provider, g.TokenID = provider, jti })
	wantLiving := func(p, c, o bool) {
		t.Helper()
		if got := [3]bool{f.lives(t, plain), f.lives(t, chained), f.lives(t, ofToken)}; got != [3]bool{p, c, o} {
			t.Errorf("alive are %v, want %v", got, [3]bool{p, c, o})
		}
	}
	wantLiving(true, true, true)
	id := f.revoke(t, "AccessKeyId", plainID, "Reason", "leaked <here>")
	wantLiving(false, false, true)
	reply := f.call(t, f.AdminConfig, "ListRevocations")
	for _, want := range []string{"<RevocationId>" + id + "</RevocationId>", "<Kind>session</Kind>", "<AccessKeyId>" + plainID + "</AccessKeyId>", "<Reason>leaked &lt;here&gt;</Reason>"} {
		if !strings.Contains(reply.Body, want) {
			t.Errorf("%s\nlacks %s", reply.Body, want)
		}
	}
	if reply := f.call(t, f.AdminConfig, "DeleteRevocation", "RevocationId", id); reply.Status != http.StatusOK {
		t.Errorf("got %d %s", reply.Status, reply.Body)
	}
	wantLiving(true, true, true)
	f.revoke(t, "TokenId", jti, "ProviderArn", provider)
	wantLiving(true, true, false)
	f.revoke(t, "RoleName", "Deploy", "IssuedBefore", f.now.Add(-time.Second).UTC().Format(time.RFC3339))
	wantLiving(true, true, false) // issued later
	f.revoke(t, "RoleName", "deploy")
	wantLiving(false, false, false)
	f.now = f.now.Add(time.Second)
	next, _ := f.mint(t, func(*session.Grant) {})
	if !f.lives(t, next) {
		t.Error("a later session is over as well")
	}
}

func TestRevokeRefusals(t *testing.T) {
	t.Parallel()
	f := start(t)
	poor := f.User(t, "poor")
	narrow := f.User(t, "narrow", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"daypass:RevokeSessions","Resource":"arn:aws:iam::`+account+`:role/other/*"}}`)
	other, err := session.NewAccessKeyID("ASIA", "210987654321", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		config     aws.Config
		operation  string
		parameters []string
		status     int
		code       string
	}{
		"nothing named":          {f.AdminConfig, "RevokeSessions", nil, 400, "ValidationError"},
		"two named":              {f.AdminConfig, "RevokeSessions", []string{"RoleName", "deploy", "TokenId", "x"}, 400, "ValidationError"},
		"no such role":           {f.AdminConfig, "RevokeSessions", []string{"RoleName", "none"}, 404, "NoSuchEntity"},
		"the future":             {f.AdminConfig, "RevokeSessions", []string{"RoleName", "deploy", "IssuedBefore", "2099-01-01T00:00:00Z"}, 400, "ValidationError"},
		"all over":               {f.AdminConfig, "RevokeSessions", []string{"RoleName", "deploy", "IssuedBefore", f.now.Add(-session.MaxDuration).UTC().Format(time.RFC3339)}, 400, "ValidationError"},
		"no time":                {f.AdminConfig, "RevokeSessions", []string{"RoleName", "deploy", "IssuedBefore", "yesterday"}, 400, "ValidationError"},
		"a long-lived key":       {f.AdminConfig, "RevokeSessions", []string{"AccessKeyId", "AKIAIOSFODNN7EXAMPLE"}, 400, "ValidationError"},
		"another account's":      {f.AdminConfig, "RevokeSessions", []string{"AccessKeyId", other}, 400, "ValidationError"},
		"a long reason":          {f.AdminConfig, "RevokeSessions", []string{"TokenId", "x", "Reason", strings.Repeat("a", 257)}, 400, "ValidationError"},
		"without permission":     {poor, "RevokeSessions", []string{"RoleName", "deploy"}, 403, "AccessDenied"},
		"no role, no permission": {poor, "RevokeSessions", []string{"RoleName", "none"}, 403, "AccessDenied"},
		"permission on another":  {narrow, "RevokeSessions", []string{"RoleName", "deploy"}, 403, "AccessDenied"},
		"list":                   {poor, "ListRevocations", nil, 403, "AccessDenied"},
		"delete":                 {poor, "DeleteRevocation", []string{"RevocationId", "x"}, 403, "AccessDenied"},
		"delete what is none":    {f.AdminConfig, "DeleteRevocation", []string{"RevocationId", "x"}, 400, "ValidationError"},
		"delete what is gone":    {f.AdminConfig, "DeleteRevocation", []string{"RevocationId", "00000000-0000-4000-8000-000000000000"}, 404, "NoSuchEntity"},
	} {
		if r := f.call(t, c.config, c.operation, c.parameters...); r.Status != c.status || !strings.Contains(r.Body, "<Code>"+c.code+"</Code>") {
			t.Errorf("%s: got %d %s", name, r.Status, r.Body)
		}
	}
	last := f.now.Add(time.Second - session.MaxDuration).UTC().Format(time.RFC3339)
	if r := f.call(t, f.AdminConfig, "RevokeSessions", "RoleName", "deploy", "IssuedBefore", "2020-01-01T00:00:00Z"); !strings.Contains(r.Body, "have all expired") {
		t.Errorf("got %d %s", r.Status, r.Body)
	}
	if n := len(f.Directory.Snapshot().Revocations(account)); n != 0 {
		t.Errorf("%d revocations were written", n)
	}
	f.revoke(t, "RoleName", "deploy", "IssuedBefore", last) // in the nick of time
}
