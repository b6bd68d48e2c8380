// Package sts is AWS Security Token Service: it trades an ID token for
// temporary credentials, and tells callers who they are.
//
// The exchange reads one directory snapshot, verifies the token with cached
// keys, asks trust.Decide, and mints a sealed session. It writes nothing.
package sts

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/ratelimit"
)

// Version is the version of the STS API, by which Query requests name it.
const Version = "2011-06-15"

// Config is what the service needs.
type Config struct {
	ProviderKeys *jwks.Cache
	Random       io.Reader
	Marks        Marks // needed where OneUseTokens names a provider
	// ExtendedClaims are the URLs, with https://, of the providers whose tokens'
	// claims are all condition keys, which AWS does not do. A provider need not
	// be registered yet.
	ExtendedClaims []string
	// OneUseTokens are the URLs, with https://, of the providers whose tokens can
	// be exchanged once, which AWS does not ask.
	OneUseTokens []string
	// Issuers limits how often tokens of one issuer are exchanged, by its URL without
	// https://. It counts tokens that were verified: who makes tokens up uses nothing of
	// it. nil is no limit.
	Issuers *ratelimit.Limiter[string]
	// PublicURL is the URL under which others reach this server, without a
	// closing slash: the first part of every issuer of its accounts. "" means
	// that no tokens are made.
	PublicURL string
}

// New makes the service. An entry of ExtendedClaims or OneUseTokens that can be
// no provider's URL is an error.
func New(c Config) (*awsapi.Service, error) {
	s := &service{Config: c, extended: map[string]bool{}, oneUse: map[string]bool{}, keys: sync.Pool{New: func() any { return new(policy.Context) }}}
	if len(c.OneUseTokens) > 0 && c.Marks == nil {
		return nil, errors.New("sts: one-use tokens: there is nowhere to remember them")
	}
	if err := s.readProviders(); err != nil {
		return nil, err
	}
	return awsapi.NewService(
		awsapi.Service{Name: "sts", Version: Version, Namespace: "https://sts.amazonaws.com/doc/2011-06-15/"},
		awsapi.Public("AssumeRoleWithWebIdentity", s.assumeRoleWithWebIdentity),
		s.assumeRoleOperation(),
		awsapi.Signed("GetCallerIdentity", awsapi.NoPermission, getCallerIdentity),
		awsapi.Signed("GetSessionToken", awsapi.NoPermission, s.getSessionToken),
		s.federationOperation(),
		awsapi.Signed("GetAccessKeyInfo", []awsapi.Need{{Action: "sts:GetAccessKeyInfo", Resource: untold}}, getAccessKeyInfo),
		awsapi.Signed("DecodeAuthorizationMessage", []awsapi.Need{{Action: "sts:DecodeAuthorizationMessage", Resource: untold}}, decodeAuthorizationMessage),
		s.tokenOperation(),
	)
}

// untold is the resource of an action that has none, of which AWS's denials say
// nothing (reported by users).
var untold = awsapi.Resource{Template: "*", Of: func(*awsapi.Call) string { return "*" }, Untold: true}

type service struct {
	Config
	extended map[string]bool // by the provider's URL without its scheme
	oneUse   map[string]bool // likewise
	keys     sync.Pool       // of *policy.Context, for the decision of one exchange
}

// CheckProviders tells whether New would take the entries of ExtendedClaims and
// OneUseTokens, so that a mistake in them is told before anything is made.
func (c Config) CheckProviders() error {
	return (&service{Config: c, extended: map[string]bool{}, oneUse: map[string]bool{}}).readProviders()
}

func (s *service) readProviders() error {
	for _, list := range []struct {
		what  string
		given []string
		into  map[string]bool
	}{{"extended claims", s.ExtendedClaims, s.extended}, {"one-use tokens", s.OneUseTokens, s.oneUse}} {
		for _, given := range list.given {
			url, err := providerURL(list.what, given)
			if err != nil {
				return err
			}
			list.into[url] = true
		}
	}
	return nil
}

// providerURL takes the scheme from a provider's URL. The rest is matched byte
// for byte, as IAM keeps it.
func providerURL(what, given string) (string, error) {
	u, err := url.Parse(given)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || strings.ContainsAny(given, "?#") {
		return "", fmt.Errorf("sts: %s: %q is no provider's URL; write it as it was registered, https://gitlab.example.com", what, given)
	}
	// With such a name in front, a claim would read as one of AWS's own keys.
	if name := strings.ToLower(strings.TrimPrefix(given, "https://")); name == "aws" || name == "sts" {
		return "", fmt.Errorf("sts: %s: the claims of %q would pass for AWS's own condition keys, %s:…; give the provider a name with a domain", what, given, name)
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
