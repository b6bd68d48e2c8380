package publish_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/oidc"
	"github.com/daypass/daypass/internal/publish"
	"github.com/daypass/daypass/internal/publish/ledger"
	"github.com/daypass/daypass/internal/sdkhttp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// killEnv holds, as JSON, the publisher that is to be killed.
const killEnv = "DAYPASS_TEST_PUBLISH_KILL"

type victim struct {
	Step, Issuer, Dir, Ledger, Roots string
	Bucket                           *place // in the place of Dir
	Request                          ledger.Request
}

// place is a bucket as a process reaches it.
type place struct {
	Endpoint, Name string
	Credentials    aws.Credentials
}

func (p *place) target(roots *x509.CertPool) (publish.Target, error) {
	client := sdkhttp.Client{Client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}}
	config := aws.Config{Region: "us-east-1", BaseEndpoint: &p.Endpoint, HTTPClient: client, Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return p.Credentials, nil })}
	nobody := config
	nobody.Credentials = aws.AnonymousCredentials{}
	return publish.NewS3(publish.S3Config{
		Client: s3.NewFromConfig(config, pathStyle), Anonymous: s3.NewFromConfig(nobody, pathStyle), Bucket: p.Name, Owner: account, MaxAge: 15 * time.Minute,
		Public: []string{publish.ConfigurationKey, publish.KeysKey},
	})
}

func TestMain(m *testing.M) {
	if text := os.Getenv(killEnv); text != "" {
		os.Exit(runVictim(text))
	}
	os.Exit(m.Run())
}

// runVictim publishes, and kills its process at a step.
func runVictim(text string) int {
	var v victim
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return 1
	}
	roots, err := poolOf(v.Roots)
	if err != nil {
		return 1
	}
	var target publish.Target
	if v.Bucket != nil {
		target, err = v.Bucket.target(roots)
	} else {
		target, err = publish.NewDirectory(v.Dir)
	}
	if err != nil {
		return 1
	}
	p := &publish.Publisher{Issuer: v.Issuer, Target: target, Public: publish.Reader{Roots: roots}, Ledger: v.Ledger, Now: time.Now, By: "victim", Wait: 2 * time.Second, For: "daypass", Private: roots}
	p.SetStep(func(step string) {
		if step == v.Step {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	})
	if _, err := p.Follow(context.Background(), v.Request); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// steps are those between which a publisher can be killed.
var steps = []string{
	"before the intent", "after the intent", "after the keys", "after the keys were read", "after the configuration", "after the configuration was read", "before the end", "after the end",
}

// TestKilled: a publisher that is killed between any two of its writes leaves what
// admits every token that was valid before, and the next one ends its work.
func TestKilled(t *testing.T) {
	t.Parallel()
	for _, step := range steps {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			killedAt(t, newWorld(t), step)
		})
	}
}

// killedOnBuckets is TestKilled with buckets of the embedded store, as they are served
// to the public. A process has one such store: so TestBucket calls it.
func killedOnBuckets(t *testing.T, store *daypass, roots *x509.CertPool) {
	t.Helper()
	admin := s3.NewFromConfig(store.admin, pathStyle)
	credentials, err := store.admin.Credentials.Retrieve(t.Context())
	must(t, err)
	for i, step := range steps {
		bucket := fmt.Sprintf("oidc-%d", i)
		_, err := admin.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket})
		must(t, err)
		_, err = admin.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: &bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}})
		must(t, err)
		_, err = admin.DeletePublicAccessBlock(t.Context(), &s3.DeletePublicAccessBlockInput{Bucket: &bucket})
		must(t, err)
		_, err = admin.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: bucketPolicy(bucket, "")})
		must(t, err)
		t.Run("killed "+step, func(t *testing.T) {
			w := &world{
				t: t, issuer: store.endpoint + "/" + bucket, roots: roots, rootsPEM: store.pem, ledger: filepath.Join(t.TempDir(), "ledger.jsonl"),
				bucket: &place{store.endpoint, bucket, credentials},
			}
			w.serveGitLab()
			killedAt(t, w, step)
		})
	}
}

func killedAt(t *testing.T, w *world, step string) {
	t.Helper()
	kill := func(request ledger.Request) {
		t.Helper()
		text, err := json.Marshal(victim{Step: step, Issuer: w.issuer, Dir: w.dir, Ledger: w.ledger, Roots: string(w.rootsPEM), Bucket: w.bucket, Request: request})
		must(t, err)
		command := exec.CommandContext(t.Context(), os.Args[0])
		command.Env = append(os.Environ(), killEnv+"="+string(text))
		output, err := command.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("the publisher was not killed: %v\n%s", err, output)
		}
	}
	// The first publication: there never is a configuration without its keys.
	kill(w.request("", w.ciKey()))
	if _, there := w.published(publish.ConfigurationKey); there && !w.admits(w.token()) {
		t.Error("there is a configuration, and a token is refused")
	}
	p := w.settled()
	old := w.token()
	w.rotate()
	fresh := w.token()
	kill(w.request(fresh))
	if !w.admits(old) {
		t.Error("a token that was valid is refused")
	}
	must2(p.Follow(t.Context(), w.request(fresh)))
	v := publish.Verify(t.Context(), publish.VerifyConfig{Issuer: w.issuer, Public: publish.Reader{Roots: w.roots}, Ledger: read(t, w.ledger), Now: w.now})
	if !v.Verified || !w.admits(old) || !w.admits(fresh) {
		t.Errorf("afterwards: %+v", v.Problems)
	}
}

// published is a document as the public gets it.
func (w *world) published(key string) (text []byte, there bool) {
	w.t.Helper()
	if w.bucket == nil {
		text, err := os.ReadFile(filepath.Join(w.dir, filepath.FromSlash(key)))
		return text, err == nil
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: w.roots, MinVersion: tls.VersionTLS12}}}
	response, err := client.Get(w.issuer + "/" + strings.TrimPrefix(key, "/"))
	must(w.t, err)
	defer response.Body.Close() //nolint:errcheck // only read
	text, err = io.ReadAll(response.Body)
	must(w.t, err)
	return text, response.StatusCode == http.StatusOK
}

// public is the key set that the public has.
func (w *world) public() *oidc.KeySet {
	w.t.Helper()
	text, there := w.published(publish.KeysKey)
	if !there {
		w.t.Fatal("no keys are public")
	}
	keys, err := oidc.ParseKeySet(text)
	must(w.t, err)
	return keys
}
