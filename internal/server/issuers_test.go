package server_test

import (
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/gitlab"
	"github.com/daypass/daypass/internal/jwks"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	stsclient "github.com/aws/aws-sdk-go-v2/service/sts"
)

// An issuer that does not exist for this machine, with its keys in a file: its
// provider needs no thumbprint, and its tokens are good.
func TestPinnedIssuer(t *testing.T) {
	t.Parallel()
	keys, err := gitlab.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := gitlab.NewIssuer(gitlab.Config{URL: "https://gitlab.isolated.test", Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	job, err := gitlab.NewJob(gitlab.Job{ServerURL: issuer.URL(), Project: gitlab.Project{Path: "mygroup/myproject"}, Ref: "main"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := issuer.IDToken(job, []string{"aud"}, time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := newConfig(dir)
	file := filepath.Join(t.TempDir(), "keys.json")
	c.Issuers.Providers = map[string]jwks.ProviderSettings{issuer.URL(): {KeysFile: file}}
	wantRefused(t, c, `provider "https://gitlab.isolated.test": keys file: stat`)
	if err := os.WriteFile(file, issuer.KeySet(), 0o600); err != nil {
		t.Fatal(err)
	}
	r := mustStart(t, c)
	admin := iamclient.NewFromConfig(r.administrator(t, dir))
	provider, err := admin.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
		Url: aws.String(issuer.URL()), ClientIDList: []string{"aud"},
	})
	if err != nil {
		t.Fatal(err)
	}
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + *provider.OpenIDConnectProviderArn + `"},"Action":"sts:AssumeRoleWithWebIdentity"}]}`
	if _, err := admin.CreateRole(t.Context(), &iamclient.CreateRoleInput{RoleName: aws.String("deploy"), AssumeRolePolicyDocument: &trust}); err != nil {
		t.Fatal(err)
	}
	_, err = stsclient.NewFromConfig(r.config(aws.Credentials{})).AssumeRoleWithWebIdentity(t.Context(), &stsclient.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String("arn:aws:iam::123456789012:role/deploy"), RoleSessionName: aws.String("job-1"), WebIdentityToken: &token,
	})
	if err != nil {
		t.Error(err)
	}
	r.mustStop(t)
}

// Settings that could not do what they say stop the start, before anything is
// made.
func TestIssuerSettingsThatAreRefused(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	c := newConfig(dir)
	c.Issuers.Proxy = &url.URL{Scheme: "socks5", Host: "proxy"}
	wantRefused(t, c, `proxy "socks5://proxy" is neither an http nor an https URL`)
	if _, err := os.Stat(dir); err == nil {
		t.Error("the data directory was made")
	}
}
