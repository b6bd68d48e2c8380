// Package sts is AWS Security Token Service: it trades an ID token for
// temporary credentials, and tells callers who they are.
//
// The exchange reads one directory snapshot, verifies the token with cached
// keys, asks trust.Decide, and mints a sealed session. It writes nothing.
package sts

import (
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/session"
)

// Version is the version of the STS API, by which Query requests name it.
const Version = "2011-06-15"

// Config is what the service needs.
type Config struct {
	SessionKeys  *session.Keys
	ProviderKeys *jwks.Cache
	Random       io.Reader
	// ExtendedClaims are the URLs, with https://, of the providers whose tokens'
	// claims are all condition keys, which AWS does not do. A provider need not
	// be registered yet.
	ExtendedClaims []string
	// PublicURL is the URL under which others reach this server, without a
	// closing slash: the first part of every issuer of its accounts. "" means
	// that no tokens are made.
	PublicURL string
}

// New makes the service. An entry of ExtendedClaims that can be no provider's
// URL is an error.
func New(c Config) (*awsapi.Service, error) {
	s := &service{Config: c, extended: map[string]bool{}, keys: sync.Pool{New: func() any { return new(policy.Context) }}}
	for _, given := range c.ExtendedClaims {
		url, err := providerURL(given)
		if err != nil {
			return nil, err
		}
		s.extended[url] = true
	}
	return awsapi.NewService(
		awsapi.Service{Name: "sts", Version: Version, Namespace: "https://sts.amazonaws.com/doc/2011-06-15/"},
		awsapi.Public("AssumeRoleWithWebIdentity", s.assumeRoleWithWebIdentity),
		awsapi.Signed("GetCallerIdentity", awsapi.NoPermission, getCallerIdentity),
		awsapi.Signed("GetWebIdentityToken", tokenNeeds, s.getWebIdentityToken),
	)
}

type service struct {
	Config
	extended map[string]bool // by the provider's URL without its scheme
	keys     sync.Pool       // of *policy.Context, for the decision of one exchange
}

// providerURL takes the scheme from a provider's URL. The rest is matched byte
// for byte, as IAM keeps it.
func providerURL(given string) (string, error) {
	u, err := url.Parse(given)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || strings.ContainsAny(given, "?#") {
		return "", fmt.Errorf("sts: extended claims: %q is no provider's URL; write it as it was registered, https://gitlab.example.com", given)
	}
	// With such a name in front, a claim would read as one of AWS's own keys.
	if name := strings.ToLower(strings.TrimPrefix(given, "https://")); name == "aws" || name == "sts" {
		return "", fmt.Errorf("sts: extended claims: the claims of %q would pass for AWS's own condition keys, %s:…; give the provider a name with a domain", given, name)
	}
	return strings.TrimPrefix(given, "https://"), nil
}

// callerIdentity is the reply of GetCallerIdentity, which no policy can deny.
type callerIdentity struct{ arn, userID, account string }

func getCallerIdentity(c *awsapi.Call) (awsapi.Result, error) {
	return callerIdentity{arn: c.Caller.ARN, userID: c.Caller.UserID, account: c.Caller.Account}, nil
}

// WriteXML implements awsapi.Result.
func (r callerIdentity) WriteXML(x *awsapi.XML) {
	x.Text("Arn", r.arn)
	x.Text("UserId", r.userID)
	x.Text("Account", r.account)
}
