package sts

import (
	"context"
	"time"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/oidc"
)

// Marks remembers what may be used once; store.Store is one. First is true for
// exactly one caller until the time until, on whatever node.
type Marks interface {
	UseOnce(ctx context.Context, scope, key string, now, until time.Time) (first bool, err error)
}

// useOnce spends a token of a provider whose tokens may be used once. It comes
// last, so that a token that was refused can be tried again with the right role.
// A provider for which it is not asked costs nothing here; for others this is the
// one write of an exchange. A token without a jti cannot be told from another,
// and is refused.
func (s *service) useOnce(c *awsapi.Call, provider *directory.OIDCProvider, claims *oidc.Claims) error {
	if !s.oneUse[provider.URL] {
		return nil
	}
	if claims.ID == "" {
		return invalidToken(notValidated).Because("tokens of %s may be used once, and this one has no jti to know it by", provider.Issuer)
	}
	// Until it is no more admitted by its times.
	first, err := s.Marks.UseOnce(c.Request.Context(), provider.ARN, claims.ID, c.Now, claims.Expires.Add(oidc.Skew+time.Second))
	if err != nil {
		return err
	}
	if !first {
		return invalidToken(notValidated).Because("the token %s was used before, and tokens of %s may be used once; fetch a new one for each exchange", claims.ID, provider.Issuer)
	}
	return nil
}
