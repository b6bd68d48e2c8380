package sts_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/awsapi/awsapitest"
	"github.com/daypass/daypass/internal/gitlab"
	"github.com/daypass/daypass/internal/gitlab/instance"
	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/session"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/sts"
)

// Keys are fetched once, discovery and keys, for as many tokens as come.
func TestKeysAreCached(t *testing.T) {
	t.Parallel()
	f := start(t)
	for range 5 {
		f.wantAssumed(t, f.assume(t, f.token(t)))
	}
	if n := f.issuer.asked.Load(); n != 2 {
		t.Errorf("the issuer was asked %d times, want 2", n)
	}
}

// TestRotation: GitLab lets its keys be kept for a day. A new key is known at
// once by its kid; one that was withdrawn is refused when the day is over.
func TestRotation(t *testing.T) {
	t.Parallel()
	f := start(t)
	old := f.issuer.Issuer
	oldToken := func() string {
		job := noError(t)(gitlab.NewJob(gitlab.Job{ServerURL: old.URL(), Project: gitlab.Project{Path: "mygroup/myproject"}, Ref: "main"}, nil)).(*gitlab.Job)
		return f.noted(noError(t)(old.IDToken(job, []string{audience}, f.clock.Now(), rand.Reader)).(string))
	}
	f.wantAssumed(t, f.assume(t, oldToken()))
	f.issuer.use(t, 1)
	f.clock.Advance(23 * time.Hour)
	f.wantAssumed(t, f.assume(t, oldToken())) // still within the set's day
	f.clock.Advance(2 * time.Hour)
	refused := f.assume(t, oldToken())
	wantFault(t, refused, http.StatusBadRequest, "InvalidIdentityToken", noKey)
	f.wantReason(t, refused, old.KeyID())
	f.wantAssumed(t, f.assume(t, f.token(t)))

	// And the other way about: within the day of a set that lacks it.
	f.issuer.use(t, 0)
	f.clock.Advance(time.Minute)
	f.wantAssumed(t, f.assume(t, f.token(t)))
}

func TestIssuerDown(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.wantAssumed(t, f.assume(t, f.token(t)))
	f.issuer.server.Close()
	f.wantAssumed(t, f.assume(t, f.token(t))) // the keys are there
	f.clock.Advance(25 * time.Hour)
	stale := f.assume(t, f.token(t)) // their time is over, and they serve the outage
	f.wantAssumed(t, stale)
	if e := f.eventOf(t, stale); !strings.Contains(e.StaleKeys, "keys that expired at") || !strings.Contains(e.StaleKeys, "connection refused") {
		t.Errorf("the event says of the keys: %q", e.StaleKeys)
	}
	f.clock.Advance(24 * time.Hour)
	refused := f.assume(t, f.token(t))
	wantFault(t, refused, http.StatusBadRequest, "IDPCommunicationError", "Your identity provider could not be reached to retrieve verification keys, please try again")
	f.wantReason(t, refused, "the issuer's keys cannot be fetched")
}

// An issuer that answers, and not with keys.
func TestIssuerAstray(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"a login page": "<html>", "another issuer": `{"issuer":"https://gitlab.com","jwks_uri":"https://gitlab.com/oauth/discovery/keys"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t)
			var handler http.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(answer)) })
			f.issuer.publishes.Store(&handler)
			refused := f.assume(t, f.token(t))
			wantFault(t, refused, http.StatusBadRequest, "InvalidIdentityToken", noKey)
			if !strings.Contains(refused.Body, "provider,  please") {
				t.Error("the sentence has two spaces at AWS")
			}
			f.wantReason(t, refused, "the issuer's keys cannot be fetched")
		})
	}
}

// TestThumbprint: with another thumbprint than the server's the token is
// refused, also when the keys were fetched under the right one before.
func TestThumbprint(t *testing.T) {
	t.Parallel()
	const mismatch = "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint"
	f := start(t)
	f.wantAssumed(t, f.assume(t, f.token(t)))
	for _, thumbprints := range [][]string{{strings.Repeat("0", 40)}, nil} {
		f.putProvider(t, thumbprints...)
		refused := f.assume(t, f.token(t))
		wantFault(t, refused, http.StatusBadRequest, "InvalidIdentityToken", mismatch)
		f.wantReason(t, refused, f.issuer.thumbprint)
	}
	f.putProvider(t, strings.Repeat("0", 40), strings.ToUpper(f.issuer.thumbprint))
	f.wantAssumed(t, f.assume(t, f.token(t)))
}

// A provider that is deleted, or that loses a client id, refuses at once.
func TestProviderChanges(t *testing.T) {
	t.Parallel()
	f := start(t)
	id := store.OIDCProviderID(account, f.issuer.host())
	f.wantAssumed(t, f.assume(t, f.token(t)))
	f.update(t, func(tx store.Tx) error {
		return store.PutRecord(tx, id, store.OIDCProvider{Account: account, URL: f.issuer.host(), ClientIDs: []string{"first"}, Thumbprints: []string{f.issuer.thumbprint}})
	})
	wantFault(t, f.assume(t, f.token(t)), http.StatusBadRequest, "InvalidIdentityToken", notValidated)
	f.update(t, func(tx store.Tx) error { return tx.Delete(id) })
	wantFault(t, f.assume(t, f.token(t)), http.StatusBadRequest, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for "+f.issuer.URL())
}

// TestInstance takes the tutorial's road: an issuer with a private authority
// of its own, known by its thumbprint.
func TestInstance(t *testing.T) {
	t.Parallel()
	i, err := instance.Open(t.Context(), t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	l, err := i.Listen(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() { served <- i.Serve(ctx, l, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	f := &fixture{clock: newClock()}
	f.Server = awsapitest.Start(t, awsapitest.Options{Now: f.clock.Now, Services: func(s *awsapitest.Server) ([]*awsapi.Service, error) {
		keys := jwks.New(jwks.Config{Now: f.clock.Now, AllowLoopback: true, Roots: x509.NewCertPool()})
		service, err := sts.New(sts.Config{ProviderKeys: keys, Random: rand.Reader})
		return []*awsapi.Service{service}, err
	}})
	t.Cleanup(func() { f.wantNoSecrets(t) })
	f.issuer = &issuer{Issuer: i.Issuer}
	f.putProvider(t, i.Thumbprint)
	f.putRole(t, store.Role{Name: "deploy", TrustPolicy: f.trust(account, f.condition(subject))})
	f.wantAssumed(t, f.assume(t, f.token(t)))
}

// TestSessionsLife: a session has its role's present policies, ends with its
// time, and ends with its role, though another is made under its name.
func TestSessionsLife(t *testing.T) {
	t.Parallel()
	f := start(t)
	role := f.putRole(t, store.Role{Name: "deploy", TrustPolicy: f.trust(account, f.condition(subject))})
	a := f.wantAssumed(t, f.assume(t, f.token(t)))
	f.wantTouch(t, a, http.StatusForbidden)
	role.InlinePolicies = []store.InlinePolicy{{Name: "touch", Document: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"probe:*","Resource":"*"}]}`}}
	f.putRole(t, role)
	f.wantTouch(t, a, http.StatusOK)
	role.InlinePolicies[0].Document = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"probe:*","Resource":"*"}]}`
	f.putRole(t, role)
	f.wantTouch(t, a, http.StatusForbidden)
	role.InlinePolicies[0].Document = strings.Replace(role.InlinePolicies[0].Document, "Deny", "Allow", 1)
	// The trust policy is asked when the session is made, and not again.
	role.TrustPolicy = f.trust(account, f.condition("nobody"))
	f.putRole(t, role)
	f.wantTouch(t, a, http.StatusOK)

	again := role
	again.ID = noError(t)(session.NewUniqueID("AROA", rand.Reader)).(string)
	f.putRole(t, again)
	if r := f.wantTouch(t, a, http.StatusForbidden); !strings.Contains(r.Body, "<Code>InvalidClientTokenId</Code>") {
		t.Errorf("after the role was made again: %s", r.Body)
	}
	f.putRole(t, role)
	f.clock.Advance(time.Hour - time.Second) // it began within a second, and ends with a whole one
	f.wantTouch(t, a, http.StatusOK)
	f.clock.Advance(time.Second)
	if r := f.wantTouch(t, a, http.StatusForbidden); !strings.Contains(r.Body, "<Code>ExpiredToken</Code>") {
		t.Errorf("after its time: %s", r.Body)
	}
}
