package auth_test

import (
	"crypto/rand"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	account = awsapitest.Account
	roleARN = "arn:aws:iam::123456789012:role/ci/deploy"
	caller  = "arn:aws:sts::123456789012:assumed-role/deploy/job-1"
	thing   = "arn:aws:things::123456789012:thing/a"

	invalid  = "The security token included in the request is invalid."
	mismatch = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)

// fixture is a front door with a service "things", whose operations need
// things:OPERATION on a thing, and a role "deploy" with a session of it.
type fixture struct {
	*awsapitest.Server
	now     atomic.Int64 // seconds since 1970, the server's clock
	role    store.Role
	session aws.Credentials
	secrets []string
}

func start(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{}
	f.now.Store(time.Now().Unix())
	f.Server = awsapitest.Start(t, awsapitest.Options{Now: f.clock, Services: func(*awsapitest.Server) ([]*awsapi.Service, error) {
		things, err := newThings()
		return []*awsapi.Service{things}, err
	}})
	f.role = store.Role{Account: account, Name: "deploy", Path: "/ci/", ID: uniqueID(t), MaxSessionDuration: 3600, TrustPolicy: "{}"}
	f.putRole(t, f.role)
	f.session = f.mint(t, f.clock().Add(time.Hour))
	f.secrets = append(f.secrets, f.session.SecretAccessKey, f.session.SessionToken, f.credentials(t, f.AdminConfig).SecretAccessKey)
	t.Cleanup(func() {
		for _, event := range f.Events() {
			for _, secret := range f.secrets {
				if strings.Contains(event, secret) {
					t.Errorf("an event holds a secret: %s", event)
					break
				}
			}
		}
	})
	return f
}

func (f *fixture) clock() time.Time { return time.Unix(f.now.Load(), 0) }

// newThings has one operation that needs one permission, with a condition key
// of its own, and one that needs two.
func newThings() (*awsapi.Service, error) {
	of := awsapi.Resource{
		Template: "arn:aws:things::${Account}:thing/${Name}",
		Of:       func(c *awsapi.Call) string { return "arn:aws:things::" + c.Account + ":thing/" + c.Params.Get("Name") },
	}
	keys := func(c *awsapi.Call, keys *policy.Context) { keys.Set("things:Colour", c.Params.Get("Colour")) }
	nothing := func(*awsapi.Call) (awsapi.Result, error) { return nil, nil }
	return awsapi.NewService(awsapi.Service{Name: "things", Version: "2026-11-21", Namespace: "https://things.example.com/"},
		awsapi.Signed("GetThing", []awsapi.Need{{Action: "things:GetThing", Resource: of, Keys: keys}}, nothing),
		awsapi.Signed("MoveThing", []awsapi.Need{{Action: "things:GetThing", Resource: of}, {Action: "things:PutThing", Resource: of}}, nothing),
	)
}

func uniqueID(t testing.TB) string {
	t.Helper()
	id, err := session.NewUniqueID("AROA", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (f *fixture) putRole(t testing.TB, r store.Role) {
	t.Helper()
	f.update(t, func(tx store.Tx) error { return store.PutRecord(tx, store.RoleID(r.Account, r.Name), r) })
}

func (f *fixture) update(t testing.TB, change func(store.Tx) error) {
	t.Helper()
	if err := f.Directory.Update(t.Context(), change); err != nil {
		t.Fatal(err)
	}
}

// mint makes a session of the role as sts does.
func (f *fixture) mint(t testing.TB, expires time.Time) aws.Credentials {
	t.Helper()
	c, err := f.SessionKeys.Mint(&session.Grant{
		Account: account, RoleID: f.role.ID, RoleName: f.role.Name, SessionName: "job-1",
		IssuedAt: expires.Add(-time.Hour), Expires: expires, Provider: "arn:aws:iam::123456789012:oidc-provider/gitlab.example.com",
		SourceIdentity: "alice", Tags: []session.Tag{{Key: "team", Value: "data"}, {Key: "Cost Center", Transitive: true}},
	}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}
}

func (f *fixture) credentials(t testing.TB, config aws.Config) aws.Credentials {
	t.Helper()
	c, err := config.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// get calls GetThing at the server's time.
func (f *fixture) get(t testing.TB, c aws.Credentials, parameters ...string) awsapitest.Reply {
	t.Helper()
	return f.call(t, "GetThing", c, parameters...)
}

func (f *fixture) call(t testing.TB, action string, c aws.Credentials, parameters ...string) awsapitest.Reply {
	t.Helper()
	form := map[string][]string{"Action": {action}, "Version": {"2026-11-21"}, "Name": {"a"}}
	for i := 0; i+1 < len(parameters); i += 2 {
		form[parameters[i]] = []string{parameters[i+1]}
	}
	return f.Post(t, f.Config(c), "things", f.clock(), form)
}

type fault struct {
	Status        int
	Code, Message string
}

func wantFault(t testing.TB, r awsapitest.Reply, want fault) {
	t.Helper()
	var e struct {
		XMLName xml.Name `xml:"https://things.example.com/ ErrorResponse"`
		Code    string   `xml:"Error>Code"`
		Message string   `xml:"Error>Message"`
	}
	if err := xml.Unmarshal([]byte(r.Body), &e); err != nil {
		t.Fatalf("%d %s: %v", r.Status, r.Body, err)
	}
	if got := (fault{r.Status, e.Code, e.Message}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func wantOK(t testing.TB, r awsapitest.Reply) {
	t.Helper()
	if r.Status != http.StatusOK {
		t.Errorf("got %d %s", r.Status, r.Body)
	}
}

// last is the event of the latest request.
func (f *fixture) last(t testing.TB) *audit.Event {
	t.Helper()
	events := f.Events()
	var e audit.Event
	if err := json.Unmarshal([]byte(events[len(events)-1]), &e); err != nil {
		t.Fatal(err)
	}
	return &e
}

func (f *fixture) wantReason(t testing.TB, kind, reason string) {
	t.Helper()
	e := f.last(t)
	if e.Fault != kind || !strings.Contains(e.Reason, reason) {
		t.Errorf("event says %s, %q; want %s, %q", e.Fault, e.Reason, kind, reason)
	}
}
