package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/server"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// TestRotation rotates the key of an issuer that is not ours twice, as
// OpenID Connect Core 1.0 section 10.1.1 describes it, while jobs get tokens and
// trade them: none is lost. What a withdrawn key has signed is refused from the
// next time on that the keys are fetched. The server is in this process for the
// sake of its clock.
func TestRotation(t *testing.T) {
	t.Parallel()
	if lacks := nodeLacks(); lacks != "" {
		lacking(t, lacks)
	}
	r := startRotation(t)
	ofFirst := r.waitForAll("first")
	r.admitted(ofFirst)

	// A key that the set lacks is looked for at most every 30 seconds.
	r.pass(31 * time.Second)
	r.publish("second", "first")
	ofSecond := r.waitForAll("second")
	r.admitted(ofFirst)

	r.pass(31 * time.Second)
	r.publish("third", "second")
	r.waitForAll("third")
	r.admitted(ofSecond)
	r.refused(ofFirst)

	// No token names a new key now: the set is fetched again when its time is
	// over, one hour here.
	r.publish("third")
	r.pass(time.Hour)
	r.waitForAll("third")
	r.refused(ofSecond)
}

const rotationJobs = 4

// rotationTest is an issuer, a server that federates with it, and jobs.
type rotationTest struct {
	t        *testing.T
	keys     io.Writer   // to the issuer's standard input
	said     chan string // from its standard output
	ahead    atomic.Int64
	endpoint string
	trades   chan trade
	failed   chan error // at most one of each job
}

// trade is one token that a job was given credentials for.
type trade struct {
	job        int
	kid, token string
}

func startRotation(t *testing.T) *rotationTest {
	t.Helper()
	dir := t.TempDir()
	r := &rotationTest{t: t, said: make(chan string, 100), trades: make(chan trade, 10_000), failed: make(chan error, rotationJobs)}
	r.must(makeCertificate(filepath.Join(dir, "tls"), "localhost"))
	issuer := r.startIssuer(dir)
	r.startServer(dir)
	r.federate(dir, issuer)

	ctx, stop := context.WithCancel(t.Context())
	var jobs sync.WaitGroup
	for job := range rotationJobs {
		b, err := newBrowser(filepath.Join(dir, "tls", "ca.pem"))
		r.must(err)
		jobs.Go(func() {
			for ctx.Err() == nil {
				token, err := b.idToken(issuer, "deployer", "ann")
				if err == nil {
					err = r.trade(token)
				}
				if err != nil {
					r.failed <- fmt.Errorf("job %d: %w", job, err)
					return
				}
				r.trades <- trade{job, kid(token), token}
			}
		})
	}
	t.Cleanup(func() {
		stop()
		jobs.Wait()
		close(r.failed)
		for err := range r.failed {
			t.Error(err)
		}
	})
	return r
}

func (r *rotationTest) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// startIssuer starts testdata/node/issuer.mjs; its comment says what it does.
func (r *rotationTest) startIssuer(dir string) string {
	r.t.Helper()
	ready := filepath.Join(dir, "issuer.url")
	node := exec.Command("node", filepath.Join(nodeDir, "issuer.mjs"), filepath.Join(dir, "tls"), ready)
	node.Stderr = r.t.Output()
	stdin, err := node.StdinPipe()
	r.must(err)
	stdout, err := node.StdoutPipe()
	r.must(err)
	r.must(node.Start())
	go func() {
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			r.said <- lines.Text()
		}
	}()
	r.t.Cleanup(func() { _ = node.Process.Kill(); _ = node.Wait() })
	r.keys = stdin
	return r.appears(ready)
}

// startServer runs a server whose clock the test moves.
func (r *rotationTest) startServer(dir string) {
	r.t.Helper()
	ca, err := os.ReadFile(filepath.Join(dir, "tls", "ca.pem"))
	r.must(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	ready := filepath.Join(dir, "ready")
	ctx, stop := context.WithCancel(context.WithoutCancel(r.t.Context()))
	ended := make(chan error, 1)
	go func() {
		ended <- server.Run(ctx, server.Config{
			DataDir: filepath.Join(dir, "data"), Listen: "127.0.0.1:0", Account: server.DefaultAccount, ReadyFile: ready, Roots: roots,
			Log: slog.New(slog.DiscardHandler), Random: rand.Reader,
			Now: func() time.Time { return time.Now().Add(time.Duration(r.ahead.Load())) },
		})
	}()
	r.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			r.t.Error(err)
		}
	})
	r.endpoint = r.appears(ready)
}

// appears is the text of a file that another process writes.
func (r *rotationTest) appears(path string) string {
	r.t.Helper()
	for range 2400 { // two minutes
		text, err := os.ReadFile(path)
		if err == nil {
			return strings.TrimSpace(string(text))
		}
		time.Sleep(50 * time.Millisecond)
	}
	r.t.Fatalf("%s did not appear within two minutes", path)
	return ""
}

// federate registers the issuer, and makes a role for its user ann.
func (r *rotationTest) federate(dir, issuer string) {
	r.t.Helper()
	// Not the default configuration: the caller's own AWS settings are in it.
	profile, err := config.LoadSharedConfigProfile(r.t.Context(), "default", func(o *config.LoadSharedConfigOptions) {
		o.CredentialsFiles, o.ConfigFiles = []string{filepath.Join(dir, "data", "credentials")}, nil
	})
	r.must(err)
	client := iam.New(iam.Options{
		Region: "us-east-1", BaseEndpoint: &r.endpoint,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return profile.Credentials, nil }),
	})
	provider, err := client.CreateOpenIDConnectProvider(r.t.Context(), &iam.CreateOpenIDConnectProviderInput{Url: &issuer, ClientIDList: []string{"deployer"}})
	r.must(err)
	trust := fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Federated": %q},
		"Action": "sts:AssumeRoleWithWebIdentity", "Condition": {"StringEquals": {%q: "ann"}}}]}`,
		*provider.OpenIDConnectProviderArn, strings.TrimPrefix(issuer, "https://")+":sub")
	_, err = client.CreateRole(r.t.Context(), &iam.CreateRoleInput{RoleName: aws.String("deploy"), AssumeRolePolicyDocument: &trust})
	r.must(err)
}

// trade exchanges one token for credentials.
func (r *rotationTest) trade(token string) error {
	client := sts.New(sts.Options{Region: "us-east-1", BaseEndpoint: &r.endpoint, Retryer: aws.NopRetryer{}})
	_, err := client.AssumeRoleWithWebIdentity(context.Background(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String("arn:aws:iam::" + server.DefaultAccount + ":role/deploy"), RoleSessionName: aws.String("job"), WebIdentityToken: &token,
	})
	return err
}

// pass lets time go by for the server.
func (r *rotationTest) pass(d time.Duration) { r.ahead.Add(int64(d)) }

// publish has the issuer publish these keys, and sign with the first of them.
func (r *rotationTest) publish(names ...string) {
	r.t.Helper()
	line := "keys " + strings.Join(names, " ")
	_, err := io.WriteString(r.keys, line+"\n")
	r.must(err)
	deadline := time.After(30 * time.Second)
	for {
		select {
		case said := <-r.said: // warnings are among it
			if said == line {
				return
			}
		case <-deadline:
			r.t.Fatalf("the issuer did not answer to %q", line)
		}
	}
}

// waitForAll waits until each job has traded three more tokens of that key, so
// that none is on its way with another, and returns the last.
func (r *rotationTest) waitForAll(kid string) (token string) {
	r.t.Helper()
	for len(r.trades) > 0 { // those of before do not count
		<-r.trades
	}
	var traded [rotationJobs]int
	deadline := time.After(time.Minute)
	for slices.Min(traded[:]) < 3 {
		select {
		case trade := <-r.trades:
			if trade.kid == kid {
				traded[trade.job]++
				token = trade.token
			}
		case err := <-r.failed:
			r.t.Fatal(err)
		case <-deadline:
			r.t.Fatalf("the jobs have traded %v tokens of the key %s", traded, kid)
		}
	}
	return token
}

func (r *rotationTest) admitted(token string) {
	r.t.Helper()
	if err := r.trade(token); err != nil {
		r.t.Errorf("a valid token of the key %s: %v", kid(token), err)
	}
}

func (r *rotationTest) refused(token string) {
	r.t.Helper()
	err := r.trade(token)
	var fault smithy.APIError
	if !errors.As(err, &fault) || fault.ErrorCode() != "InvalidIdentityToken" || !strings.HasPrefix(fault.ErrorMessage(), "Couldn't retrieve verification key") {
		r.t.Errorf("a token of the withdrawn key %s: %v", kid(token), err)
	}
}

// kid is the key id in a token's header.
func kid(token string) string {
	text, _, _ := strings.Cut(token, ".")
	header, err := base64.RawURLEncoding.DecodeString(text)
	var fields struct {
		KeyID string `json:"kid"`
	}
	if err != nil || json.Unmarshal(header, &fields) != nil {
		return ""
	}
	return fields.KeyID
}
