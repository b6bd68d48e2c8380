package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/archive"
	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/oidc"
)

// FetchKeys fetches an issuer's keys as a Daypass server does, certificates and
// addresses checked. The issuer is one that the user names, and never one that
// only a token names.
func FetchKeys(ctx context.Context, issuer string, thumbprints []string, roots *x509.CertPool, now func() time.Time) (*oidc.KeySet, error) {
	named := IssuerConfig{URL: issuer}
	cache := jwks.New(jwks.Config{Now: now, AllowLoopback: named.onLoopback(), Roots: roots})
	keys, err := cache.Keys(ctx, jwks.Provider{Issuer: issuer, Thumbprints: thumbprints}, "")
	if err != nil {
		return nil, errors.New(jwks.Reason(err))
	}
	return keys.KeySet, nil
}

// RoleFromArchive finds a role in an account that was written to files, by daypass
// export or by the aws CLI for GetAccountAuthorizationDetails. Asked is the
// role's name or ARN.
func RoleFromArchive(path, asked string) (RoleConfig, error) {
	a, err := archive.Read(path)
	if err != nil {
		return RoleConfig{}, err
	}
	c := RoleConfig{From: path}
	name := asked
	if strings.HasPrefix(asked, "arn:") {
		c.ARN = asked
		account, of, ok := arn.RoleName(asked)
		if !ok {
			return RoleConfig{}, fmt.Errorf("%s is no role's ARN", shown(asked))
		}
		if name = of; account != a.Account.ID {
			return RoleConfig{}, fmt.Errorf("%s holds account %s, and the role is of account %s", path, a.Account.ID, account)
		}
	}
	for i := range a.Account.Roles {
		role := &a.Account.Roles[i]
		if !strings.EqualFold(role.Name, name) {
			continue
		}
		c.Made, c.TrustPolicy = arn.Role(a.Account.ID, role.Path, role.Name), role.TrustPolicy
		c.NoProviders = "such a file does not tell the account's providers"
		if !a.Details {
			c.Providers = []RoleProvider{}
			for _, p := range a.Account.Providers {
				c.Providers = append(c.Providers, RoleProvider{URL: p.URL, ClientIDs: p.ClientIDs})
			}
		}
		return c, nil
	}
	return RoleConfig{}, fmt.Errorf("%s has no role %s among %s", path, shown(name), number(len(a.Account.Roles), "role"))
}
