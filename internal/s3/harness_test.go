package s3_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"go.uber.org/goleak"

	"github.com/daypass/daypass/internal/audit"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	room "github.com/daypass/daypass/internal/s3"
	"github.com/daypass/daypass/internal/s3store"
	"github.com/daypass/daypass/internal/s3upstream"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"
)

// objects is the embedded store, of which a process has one: the tests share it,
// and tell their buckets apart by names. upstream speaks to it.
var upstream *s3upstream.Client

// withStore runs the tests while the store is open.
type withStore struct{ *testing.M }

// Run implements goleak.TestingM.
func (m withStore) Run() int {
	dir, err := os.MkdirTemp("", "daypass-s3-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // of a test
	objects, err := s3store.Open(context.Background(), s3store.Config{Dir: filepath.Join(dir, "objects"), Now: time.Now})
	if err != nil {
		panic(err)
	}
	if upstream, err = s3upstream.New(objects.Target(), time.Now); err != nil {
		panic(err)
	}
	code := m.M.Run()
	upstream.Close()
	if err := objects.Close(); err != nil {
		panic(err)
	}
	return code
}

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(withStore{m},
		// It sleeps ten seconds at a time, and ends when it wakes after Close.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		// It is started once in a process, for the Date header.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
	)
}

const (
	account = awsapitest.Account
	other   = "210987654321" // another account
)

// gateway is S3 behind a whole front door, with an administrator of each account.
type gateway struct {
	*awsapitest.Server
	admin, foreign *s3.Client
	handler        *room.Handler
}

// bucketNumber tells the buckets of tests apart.
var bucketNumber atomic.Int64

// start stands S3 up; change may be nil.
func start(t *testing.T, change func(*awsapitest.Options)) *gateway {
	t.Helper()
	options := awsapitest.Options{Now: time.Now, Services: func(*awsapitest.Server) ([]*awsapi.Service, error) { return nil, nil }}
	if change != nil {
		change(&options)
	}
	g := &gateway{Server: awsapitest.Start(t, options)}
	handler, err := room.New(room.Config{
		API: g.Handler.(*awsapi.API), Directory: g.Directory, Stores: []room.Store{{Client: upstream}}, Hosts: []string{"s3.localhost"},
	})
	must(t, err)
	listening := httptest.NewServer(handler)
	t.Cleanup(listening.Close)
	g.URL, g.handler = listening.URL, handler
	g.AddAccount(t, other)
	credentials, err := g.AdminConfig.Credentials.Retrieve(t.Context())
	must(t, err)
	g.admin = g.client(g.Config(credentials))
	g.foreign = g.client(g.UserOf(t, other, "administrator", awsapitest.Administrator))
	return g
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// client is the client of S3 that users have.
func (g *gateway) client(config aws.Config) *s3.Client {
	return s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true })
}

// user is a user of the account with inline policies.
func (g *gateway) user(t testing.TB, name string, policies ...string) *s3.Client {
	t.Helper()
	return g.client(g.User(t, name, policies...))
}

// anonymous signs nothing.
func (g *gateway) anonymous() *s3.Client {
	c := g.Config(aws.Credentials{})
	c.Credentials = aws.AnonymousCredentials{}
	return g.client(c)
}

// put writes records of the account.
func put[T any](t testing.TB, g *gateway, id store.ID, record T) {
	t.Helper()
	must(t, g.Directory.Update(t.Context(), func(tx store.Tx) error { return store.PutRecord(tx, id, record) }))
}

// change rewrites a record.
func change[T any](t testing.TB, g *gateway, id store.ID, f func(*T)) {
	t.Helper()
	must(t, g.Directory.Update(t.Context(), func(tx store.Tx) error {
		record, err := store.GetRecord[T](tx, id)
		if err != nil {
			return err
		}
		f(&record)
		return store.PutRecord(tx, id, record)
	}))
}

// grant replaces the policies of a user.
func (g *gateway) grant(t testing.TB, user string, policies ...string) {
	t.Helper()
	change(t, g, store.UserID(account, user), func(u *store.User) {
		u.InlinePolicies = nil
		for i, document := range policies {
			u.InlinePolicies = append(u.InlinePolicies, store.InlinePolicy{Name: fmt.Sprintf("policy%d", i), Document: document})
		}
	})
}

// role makes a role of an account.
func (g *gateway) role(t testing.TB, account, name string, policies ...string) store.Role {
	t.Helper()
	id, err := session.NewUniqueID("AROA", rand.Reader)
	must(t, err)
	role := store.Role{Account: account, Name: name, Path: "/", ID: id, MaxSessionDuration: 3600, TrustPolicy: "{}"}
	for i, document := range policies {
		role.InlinePolicies = append(role.InlinePolicies, store.InlinePolicy{Name: fmt.Sprintf("policy%d", i), Document: document})
	}
	put(t, g, store.RoleID(account, name), role)
	return role
}

// credentials are those of a session of the role that lasts from an hour before
// expires.
func (g *gateway) credentials(t testing.TB, role store.Role, expires time.Time, limit string) aws.Credentials {
	t.Helper()
	c, err := g.SessionKeys.Mint(&session.Grant{
		Account: role.Account, RoleID: role.ID, RoleName: role.Name, SessionName: "job-1", Policy: limit,
		IssuedAt: expires.Truncate(time.Second).Add(-time.Hour), Expires: expires.Truncate(time.Second),
	}, rand.Reader)
	must(t, err)
	return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}
}

// session is a session of the role, with a session policy or "".
func (g *gateway) session(t testing.TB, role store.Role, limit string) *s3.Client {
	t.Helper()
	return g.client(g.Config(g.credentials(t, role, time.Now().Add(30*time.Minute), limit)))
}

// bucket makes a bucket of the account, and takes its public access block away,
// so that its policy alone decides.
func (g *gateway) bucket(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("bucket-%d", bucketNumber.Add(1))
	_, err := g.admin.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name})
	must(t, err)
	_, err = g.admin.DeletePublicAccessBlock(t.Context(), &s3.DeletePublicAccessBlockInput{Bucket: &name})
	must(t, err)
	return name
}

// object puts an object, tagged if tags are given ("a=b").
func (g *gateway) object(t testing.TB, bucket, key, tags string) *s3.PutObjectOutput {
	t.Helper()
	in := &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("content of " + key)}
	if tags != "" {
		in.Tagging = &tags
	}
	out, err := g.admin.PutObject(t.Context(), in)
	must(t, err)
	return out
}

// putPolicy puts a bucket policy; what it says of "BUCKET" is of the bucket.
func (g *gateway) putPolicy(t testing.TB, bucket, statements string) {
	t.Helper()
	text := `{"Version":"2012-10-17","Statement":[` + strings.ReplaceAll(statements, "BUCKET", "arn:aws:s3:::"+bucket) + `]}`
	_, err := g.admin.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: &text})
	must(t, err)
}

// allow is an identity policy of actions on resources.
func allow(actions, resources string, condition ...string) string {
	text := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":` + list(actions) + `,"Resource":` + list(resources)
	if len(condition) > 0 {
		text += `,"Condition":` + condition[0]
	}
	return text + `}]}`
}

func list(words string) string {
	text, _ := json.Marshal(strings.Fields(words))
	return string(text)
}

// lastEvent is the event that was written last.
func (g *gateway) lastEvent(t testing.TB) audit.Event {
	t.Helper()
	events := g.Events()
	var e audit.Event
	must(t, json.Unmarshal([]byte(events[len(events)-1]), &e))
	return e
}

// code is the code of an error: of one without a body, the status.
func code(err error) string {
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) {
		var unmodelled *smithy.GenericAPIError
		if errors.As(err, &unmodelled) && unmodelled.Message == "" || response.HTTPStatusCode() == 404 && strings.Contains(err.Error(), "NotFound") {
			return fmt.Sprint(response.HTTPStatusCode())
		}
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// want asks for the code of an error, "" for success.
func want(t testing.TB, what string, err error, wanted string) {
	t.Helper()
	if got := code(err); got != wanted {
		t.Errorf("%s: %q (%v), want %q", what, got, err, wanted)
	}
}
