package publish_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/doctor"
	"github.com/daypass/daypass/internal/gitlab/instance"
	"github.com/daypass/daypass/internal/publish"
	"github.com/daypass/daypass/internal/publish/bucket"
	"github.com/daypass/daypass/internal/publish/ledger"
	"github.com/daypass/daypass/internal/sdkhttp"
	"github.com/daypass/daypass/internal/server"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

const account = "123456789012"

// daypass is a server of this test.
type daypass struct {
	endpoint string
	pem      []byte // of its certificate, which signs itself
	admin    aws.Config
	nobody   aws.Config
}

// serve runs a server over https until the test ends.
func serve(t *testing.T, change func(*server.Config)) (*daypass, *x509.CertPool) {
	t.Helper()
	dir := t.TempDir()
	ready := filepath.Join(t.TempDir(), "ready")
	cert, key, roots := certificate(t)
	c := server.Config{
		DataDir: dir, Listen: "127.0.0.1:0", Account: account, CertFile: cert, KeyFile: key, ReadyFile: ready,
		Now: time.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler), Roots: x509.NewCertPool(),
	}
	change(&c)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, c) }()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	d := &daypass{pem: read(t, cert)}
	for d.endpoint == "" {
		if text, err := os.ReadFile(ready); err == nil {
			d.endpoint = strings.TrimSpace(string(text))
			break
		}
		select {
		case err := <-ended:
			ended <- nil
			t.Fatal(err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	profile, err := config.LoadSharedConfigProfile(t.Context(), "default", func(o *config.LoadSharedConfigOptions) {
		o.CredentialsFiles, o.ConfigFiles = []string{filepath.Join(dir, "credentials")}, nil
	})
	must(t, err)
	d.nobody = aws.Config{Region: "us-east-1", BaseEndpoint: &d.endpoint, HTTPClient: sdkhttp.Client{Client: &http.Client{Transport: transport}}, Credentials: aws.AnonymousCredentials{}}
	d.admin = d.nobody
	d.admin.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return profile.Credentials, nil })
	return d, roots
}

func pathStyle(o *s3.Options) { o.UsePathStyle = true }

// bucketPolicy gives the public what it needs, or more.
func bucketPolicy(bucket string, more string) *string {
	return aws.String(fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":["arn:aws:s3:::%[1]s/%[2]s","arn:aws:s3:::%[1]s/%[3]s"]}%[4]s]}`,
		bucket, publish.ConfigurationKey, publish.KeysKey, more))
}

// TestBucket is the whole way: a private GitLab, published to a bucket of the
// embedded store; a second Daypass that trusts the public issuer; jobs that are
// admitted before, while and after the key is rotated; and a key that is revoked.
// Before that, each state of the bucket that is refused.
func TestBucket(t *testing.T) {
	t.Parallel()
	const bucket = "oidc"
	store, roots := serve(t, func(c *server.Config) { c.S3.Embedded = true })
	w := &world{t: t, issuer: store.endpoint + "/" + bucket, roots: roots, ledger: filepath.Join(t.TempDir(), "ledger.jsonl")}
	w.serveGitLab()
	admin := s3.NewFromConfig(store.admin, pathStyle)
	target, err := publish.NewS3(publish.S3Config{
		Client: admin, Anonymous: s3.NewFromConfig(store.nobody, pathStyle), Bucket: bucket, Owner: account, MaxAge: 15 * time.Minute,
		Public: []string{publish.ConfigurationKey, publish.KeysKey},
	})
	must(t, err)
	p := w.publisherTo(target)
	prepareBucket(t, admin, bucket, func() (string, error) {
		_, err := p.Follow(t.Context(), w.request("", w.ciKey()))
		return rule(err), err
	})
	r, err := p.Follow(t.Context(), w.request("", w.ciKey()))
	if err != nil || r.Failed {
		t.Fatalf("the first publication: %+v, %v", r, err)
	}
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "bucket's policy") {
		t.Errorf("credentials that may do all are not told of: %v", r.Warnings)
	}
	out, err := admin.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(publish.KeysKey)})
	must(t, err)
	must(t, out.Body.Close())
	if aws.ToString(out.ContentType) != "application/json" || aws.ToString(out.CacheControl) != "public, max-age=900" {
		t.Errorf("the keys are %s, %s", aws.ToString(out.ContentType), aws.ToString(out.CacheControl))
	}

	trusting, _ := serve(t, func(c *server.Config) { c.Now, c.Roots = w.now, roots })
	role := w.trust(trusting)
	exchange := func(token string) error {
		_, err := sts.NewFromConfig(trusting.nobody).AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{RoleArn: &role, RoleSessionName: aws.String("job"), WebIdentityToken: &token})
		return err
	}
	must(t, exchange(w.token()))
	w.deletedByHand(p, admin, bucket)
	w.examined(store, bucket)
	first := w.ciKey()
	w.rotateUnder(p, exchange)
	// The old key leaves when its overlap is over.
	w.pass(26 * time.Hour)
	if _, err = p.Follow(t.Context(), w.request("")); err != nil {
		t.Fatal(err)
	}
	if state := must2(p.State(t.Context())); len(state.Keys) != 1 || state.Keys[0].Thumbprint == first {
		t.Errorf("after the overlap: %+v", state.Keys)
	}
	must(t, exchange(w.token()))

	// A key that leaked goes at once.
	leaked, stolen := w.ciKey(), w.token()
	w.stageAndSwitch(p)
	fresh := w.token()
	p.Canary, p.ProofToken = &publish.Canary{Client: sts.NewFromConfig(trusting.nobody), Role: role, Token: fresh}, fresh
	r, err = p.Revoke(t.Context(), leaked, false)
	if err != nil || !onlyTheClock(r) || !strings.Contains(fmt.Sprint(r.Checks), "canary AssumeRoleWithWebIdentity: passed") {
		t.Fatalf("revoke: %+v, %v", r, err)
	}
	w.pass(16 * time.Minute) // as long as caches may hold it
	if err := exchange(stolen); err == nil || !strings.Contains(err.Error(), "InvalidIdentityToken") {
		t.Errorf("a token of the key that was revoked: %v", err)
	}
	must(t, exchange(w.token()))
	if v := publish.Verify(t.Context(), publish.VerifyConfig{Issuer: w.issuer, Public: publish.Reader{Roots: roots}, Ledger: read(t, w.ledger), Now: w.now}); !v.Verified {
		t.Errorf("verify: %+v", v.Problems)
	}
	w.twoOnBucket(target)
	killedOnBuckets(t, store, roots)
}

func (w *world) publisherTo(target publish.Target) *publish.Publisher {
	return &publish.Publisher{
		Issuer: w.issuer, Target: target, Public: publish.Reader{Roots: w.roots}, Ledger: w.ledger, Now: w.now, By: "ada",
		Wait: 5 * time.Second, For: "daypass", Private: w.roots,
	}
}

// prepareBucket makes the bucket, and asks at each step that is not right yet why
// it is refused.
func prepareBucket(t *testing.T, admin *s3.Client, bucket string, apply func() (string, error)) {
	t.Helper()
	want := func(name, rule string) {
		t.Helper()
		if got, err := apply(); got != rule || err == nil {
			t.Errorf("%s: %v; want the rule %q", name, err, rule)
		}
	}
	want("no bucket", "")
	_, err := admin.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket})
	must(t, err)
	want("no versions", "versioning")
	_, err = admin.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: &bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}})
	must(t, err)
	_, err = admin.DeletePublicAccessBlock(t.Context(), &s3.DeletePublicAccessBlockInput{Bucket: &bucket})
	must(t, err)
	var version *string
	for name, more := range map[string]string{
		"public-list":  `,{"Effect":"Allow","Principal":"*","Action":"s3:ListBucket","Resource":"arn:aws:s3:::` + bucket + `"}`,
		"public-read":  `,{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::` + bucket + `/*"}`,
		"public-write": `,{"Effect":"Allow","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::` + bucket + `/` + publish.KeysKey + `"}`,
	} {
		if name == "public-read" { // seen by the ledger, which is then there
			put, err := admin.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String(publish.LedgerKey), Body: strings.NewReader("")})
			must(t, err)
			version = put.VersionId
		}
		_, err = admin.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: bucketPolicy(bucket, more)})
		must(t, err)
		want(name, name)
		if name == "public-read" {
			_, err = admin.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String(publish.LedgerKey), VersionId: version}) // which leaves no marker
			must(t, err)
		}
	}
	_, err = admin.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: bucketPolicy(bucket, "")})
	must(t, err)
	strange, err := publish.NewS3(publish.S3Config{Client: admin, Bucket: bucket, Owner: "999999999999"})
	must(t, err)
	if _, err := strange.Check(t.Context()); rule(err) != "bucket-owner" {
		t.Errorf("another owner: %v", err)
	}
}

// trust registers the public issuer at a Daypass, with a role for the job.
func (w *world) trust(d *daypass) (role string) {
	w.t.Helper()
	admin := iam.NewFromConfig(d.admin)
	provider, err := admin.CreateOpenIDConnectProvider(w.t.Context(), &iam.CreateOpenIDConnectProviderInput{Url: &w.issuer, ClientIDList: []string{"aud"}, ThumbprintList: []string{strings.Repeat("0", 40)}})
	must(w.t, err)
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + *provider.OpenIDConnectProviderArn +
		`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"` + strings.TrimPrefix(w.issuer, "https://") + `:sub":"project_path:mygroup/myproject:ref_type:branch:ref:main"}}}]}`
	out, err := admin.CreateRole(w.t.Context(), &iam.CreateRoleInput{RoleName: aws.String("job"), AssumeRolePolicyDocument: &document})
	must(w.t, err)
	return *out.Role.Arn
}

// onlyTheClock: the examination found nothing but that the web server's clock is
// not this test's.
func onlyTheClock(r *publish.Result) bool {
	for i := range r.Doctor.Findings {
		if f := &r.Doctor.Findings[i]; f.Level == doctor.Error && f.Code != "clock-wrong" {
			return false
		}
	}
	return len(r.Checks) == 3
}

// examined: the bucket as the store tells of it, and what of it nobody can tell.
func (w *world) examined(store *daypass, name string) {
	w.t.Helper()
	admin := s3.NewFromConfig(store.admin, pathStyle)
	config := publish.S3Config{
		Client: admin, Anonymous: s3.NewFromConfig(store.nobody, pathStyle), Bucket: name, Owner: account, Public: []string{publish.ConfigurationKey, publish.KeysKey},
	}
	layout := &bucket.Layout{
		Bucket: name, Account: account, Region: "us-east-1", Publisher: "arn:aws:iam::" + account + ":role/publisher",
		Public: []string{publish.ConfigurationKey, publish.KeysKey},
	}
	found := func() (texts []string) {
		state, err := publish.BucketState(w.t.Context(), config)
		must(w.t, err)
		all, err := state.Examine(layout)
		must(w.t, err)
		for _, f := range all {
			texts = append(texts, f.Severity+" "+f.What)
		}
		return texts
	}
	want := func(when string, wanted ...string) {
		w.t.Helper()
		got := found()
		for _, text := range wanted {
			if !slices.ContainsFunc(got, func(has string) bool { return strings.HasPrefix(has, text) }) {
				w.t.Errorf("%s: %q is not found among\n%s", when, text, strings.Join(got, "\n"))
			}
		}
	}
	// The test took the block away, its policy says nothing of TLS, nor lets the ledger be read.
	want("as it is", "high the public access block admits public ACLs", "high a write without TLS is not denied", "critical who asks for "+publish.LedgerKey+" gets status 403")
	_, err := admin.PutPublicAccessBlock(w.t.Context(), &s3.PutPublicAccessBlockInput{Bucket: &name, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
		BlockPublicAcls: aws.Bool(true), IgnorePublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true),
	}})
	must(w.t, err)
	want("blocked", "critical the public access block refuses public policies", "critical who asks for "+publish.KeysKey+" gets status 403")
	_, err = admin.PutPublicAccessBlock(w.t.Context(), &s3.PutPublicAccessBlockInput{Bucket: &name, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
		BlockPublicAcls: aws.Bool(true), IgnorePublicAcls: aws.Bool(true),
	}})
	must(w.t, err)
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":"sts:AssumeRole"}]}`
	_, err = iam.NewFromConfig(store.admin).CreateRole(w.t.Context(), &iam.CreateRoleInput{RoleName: aws.String("publisher"), AssumeRolePolicyDocument: &trust})
	must(w.t, err)
	right, err := bucket.Text((&bucket.Layout{
		Bucket: name, Account: account, Region: "us-east-1", Publisher: layout.Publisher, Public: []string{publish.ConfigurationKey, publish.KeysKey, publish.LedgerKey},
	}).Policy())
	must(w.t, err)
	before, err := admin.GetBucketPolicy(w.t.Context(), &s3.GetBucketPolicyInput{Bucket: &name})
	must(w.t, err)
	layout.Public = append(layout.Public, publish.LedgerKey)
	_, err = admin.PutBucketPolicy(w.t.Context(), &s3.PutBucketPolicyInput{Bucket: &name, Policy: &right})
	must(w.t, err)
	if got := found(); len(got) > 0 {
		w.t.Errorf("a right bucket: %s", strings.Join(got, "\n"))
	}
	_, err = admin.PutBucketPolicy(w.t.Context(), &s3.PutBucketPolicyInput{Bucket: &name, Policy: before.Policy})
	must(w.t, err)
	config.Owner = "999999999999"
	if _, err := publish.BucketState(w.t.Context(), config); err == nil || !strings.Contains(err.Error(), "is not of the account 999999999999") {
		w.t.Errorf("another owner: %v", err)
	}
	config.Owner, config.Bucket = account, "not-there"
	if _, err := publish.BucketState(w.t.Context(), config); err == nil || !strings.Contains(err.Error(), "there is no bucket") {
		w.t.Errorf("no bucket: %v", err)
	}
}

// deletedByHand: what somebody deletes is told by verify, and the next run puts it
// back.
func (w *world) deletedByHand(p *publish.Publisher, admin *s3.Client, bucket string) {
	w.t.Helper()
	for _, key := range []string{publish.KeysKey, publish.ConfigurationKey} {
		_, err := admin.DeleteObject(w.t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
		must(w.t, err)
		verify := func() *publish.Verification {
			return publish.Verify(w.t.Context(), publish.VerifyConfig{Issuer: w.issuer, Public: publish.Reader{Roots: w.roots}, Ledger: read(w.t, w.ledger), Now: w.now})
		}
		if v := verify(); v.Verified {
			w.t.Errorf("%s is deleted, and verify finds nothing", key)
		}
		if r, err := p.Follow(w.t.Context(), w.request("")); err != nil || r.Failed {
			w.t.Errorf("%s is deleted, and not put back: %+v, %v", key, r, err)
		}
		if v := verify(); !v.Verified {
			w.t.Errorf("%s was put back: %+v", key, v.Problems)
		}
	}
}

// stageAndSwitch publishes GitLab's next key, waits until no cache is without it,
// and has GitLab sign with it.
func (w *world) stageAndSwitch(p *publish.Publisher) {
	w.t.Helper()
	next := w.t.TempDir()
	must(w.t, os.CopyFS(next, os.DirFS(w.gitlabDir)))
	kid, err := instance.RotateKey(next, false)
	must(w.t, err)
	i, err := instance.Open(w.t.Context(), next, time.Now())
	must(w.t, err)
	stage := ledger.Request{By: "ada", Approve: []string{kid}}
	for _, k := range must2(ledger.ParseKeys(i.Issuer.KeySet())) {
		if k.Thumbprint() == kid {
			stage.Stage = append(stage.Stage, k)
		}
	}
	must2(p.Follow(w.t.Context(), stage))
	w.pass(16 * time.Minute)
	must(w.t, os.WriteFile(filepath.Join(w.gitlabDir, "signing-keys.pem"), read(w.t, next, "signing-keys.pem"), 0o600))
	w.gitlab, err = instance.Open(w.t.Context(), w.gitlabDir, time.Now())
	must(w.t, err)
	must2(p.Follow(w.t.Context(), w.request("")))
	if state := must2(p.State(w.t.Context())); len(state.Keys) != 2 {
		w.t.Errorf("after the switch: %+v", state.Keys)
	}
}

// rotateUnder rotates the key while jobs run, of which none is refused.
func (w *world) rotateUnder(p *publish.Publisher, exchange func(string) error) {
	w.t.Helper()
	stop := make(chan struct{})
	var jobs sync.WaitGroup
	var tokens sync.Map
	tokens.Store("old", w.token())
	var done, refused atomic.Int64
	jobs.Go(func() {
		for refused.Load() == 0 {
			select {
			case <-stop:
				return
			default:
			}
			tokens.Range(func(name, token any) bool {
				done.Add(1)
				if err := exchange(token.(string)); err != nil {
					refused.Add(1)
					w.t.Errorf("the %s token, which is valid, is refused: %v", name, err)
				}
				return true
			})
		}
	})
	w.stageAndSwitch(p)
	tokens.Store("new", w.token())
	w.pass(16 * time.Minute) // all caches read anew
	before := done.Load()
	for deadline := time.Now().Add(time.Minute); done.Load() < before+10 && refused.Load() == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Errorf("%d exchanges", done.Load()-before)
			break
		}
	}
	close(stop)
	jobs.Wait()
}

// twoOnBucket has two publishers at once on the bucket, after a rotation.
func (w *world) twoOnBucket(target publish.Target) {
	w.t.Helper()
	w.rotate()
	request := w.request(w.token())
	var all sync.WaitGroup
	for i := range 3 {
		p := w.publisherTo(target)
		p.Ledger = filepath.Join(w.t.TempDir(), "ledger.jsonl")
		p.By = fmt.Sprint("publisher ", i)
		all.Go(func() {
			if _, err := p.Follow(context.WithoutCancel(w.t.Context()), request); err != nil && !errors.Is(err, publish.ErrChanged) {
				w.t.Errorf("%s: %v", p.By, err)
			}
		})
	}
	all.Wait()
	object, err := target.Get(w.t.Context(), publish.LedgerKey)
	must(w.t, err)
	v := publish.Verify(w.t.Context(), publish.VerifyConfig{Issuer: w.issuer, Public: publish.Reader{Roots: w.roots}, Ledger: object.Body, Upstream: w.upstream, Now: w.now})
	if !v.Verified || len(v.Keys) != 2 {
		w.t.Errorf("after publishers at once: %+v", v)
	}
}
