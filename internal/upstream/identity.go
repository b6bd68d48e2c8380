package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/outbound"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/uuid"
)

// Identity is how the gateway gets credentials without any that are stored: with a
// token of the account's own issuer (outbound federation) it takes a role where
// that issuer is trusted, at AWS or at another Daypass.
//
// The token's sub is "daypass:upstream:SERVICE", which is no ARN: so none that
// GetWebIdentityToken makes, whose sub is the caller's ARN, can pass for it.
type Identity struct {
	Directory *directory.Directory
	// PublicURL is the URL under which others reach this server, of which the
	// issuer's URL is made.
	PublicURL string
	// Account is the issuer's account.
	Account string
	// Service is what the token's sub names.
	Service string
	// RoleARN is the role to take.
	RoleARN string
	// STS is the endpoint that is asked for it; "" is AWS's in Region.
	STS, Region string
	// Roots are the authorities trusted for it, nil for the system's.
	Roots  *x509.CertPool
	Now    func() time.Time
	Random io.Reader
}

const (
	// identityAudience is what AWS's STS wants where a provider has no other.
	identityAudience = "sts.amazonaws.com"
	// identityLifetime is the token's: it is made for one exchange.
	identityLifetime = 5 * time.Minute
	// identityTimeout bounds one request to STS.
	identityTimeout = 30 * time.Second
	// refreshBefore is how long before their end credentials are renewed.
	refreshBefore = 5 * time.Minute
)

// Subject is the sub of the tokens for a service.
func Subject(service string) string { return "daypass:upstream:" + service }

// Credentials are the role's, renewed before they end.
func (i Identity) Credentials() aws.CredentialsProvider {
	client := sts.New(sts.Options{
		Region: i.Region, BaseEndpoint: pointer(i.STS), Credentials: aws.AnonymousCredentials{},
		HTTPClient: &http.Client{Timeout: identityTimeout, Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: i.Roots, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true,
		}},
	})
	role := stscreds.NewWebIdentityRoleProvider(client, i.RoleARN, i, func(o *stscreds.WebIdentityRoleOptions) {
		o.RoleSessionName = "daypass-upstream-" + i.Service
	})
	return aws.NewCredentialsCache(role, func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = refreshBefore })
}

func pointer(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// ErrIdentity says that no token can be made.
var ErrIdentity = errors.New("upstream: no token of the account's issuer")

// GetIdentityToken makes a token. It implements stscreds.IdentityTokenRetriever.
func (i Identity) GetIdentityToken() ([]byte, error) {
	issuer, ok := i.Directory.Snapshot().Outbound(i.Account)
	switch {
	case !ok || !issuer.Enabled:
		return nil, fmt.Errorf("%w: account %s has not enabled outbound federation; aws iam enable-outbound-web-identity-federation does", ErrIdentity, i.Account)
	case i.PublicURL == "":
		return nil, fmt.Errorf("%w: this server does not know the URL under which others reach it; start it with --public-url", ErrIdentity)
	}
	id, err := uuid.NewRandomFromReader(i.Random)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	now := i.Now()
	claims := &outbound.Claims{
		Issuer: outbound.IssuerURL(i.PublicURL, issuer.IssuerID), Audience: []string{identityAudience}, Subject: Subject(i.Service),
		IssuedAt: now, Expires: now.Add(identityLifetime), ID: id.String(), Account: i.Account, Region: i.Region,
	}
	payload, err := claims.Payload()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	token, err := issuer.Keys.Sign(outbound.RS256, payload)
	return []byte(token), err
}
