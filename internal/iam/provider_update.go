package iam

import (
	"errors"
	"slices"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/store"
)

// addClientID registers one more audience, behind the others. One that is
// registered stays where it is (recorded on AWS).
func (s *service) addClientID(c *awsapi.Call, in *input) execute {
	given, clientID := in.providerARN(), in.required("ClientID", 1, maxClientID)
	return func() (awsapi.Result, error) {
		return nil, s.changeProvider(c, given, func(p *store.OIDCProvider) error {
			if slices.Contains(p.ClientIDs, clientID) {
				return nil
			}
			p.ClientIDs = append(p.ClientIDs, clientID)
			return countClientIDs(p.ClientIDs)
		})
	}
}

// removeClientID takes an audience away. One that is not registered is none to
// take (IAM API Reference, RemoveClientIDFromOpenIDConnectProvider).
func (s *service) removeClientID(c *awsapi.Call, in *input) execute {
	given, clientID := in.providerARN(), in.required("ClientID", 1, maxClientID)
	return func() (awsapi.Result, error) {
		return nil, s.changeProvider(c, given, func(p *store.OIDCProvider) error {
			p.ClientIDs = slices.DeleteFunc(p.ClientIDs, func(id string) bool { return id == clientID })
			return nil
		})
	}
}

// countClientIDs asks for the quota of audiences.
func countClientIDs(clientIDs []string) error {
	if len(clientIDs) > maxClientIDs {
		return limitExceeded("Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: %d", maxClientIDs)
	}
	return nil
}

// updateThumbprint puts another list in place of the whole list. From then on no
// token is verified with keys that were fetched under the old one.
func (s *service) updateThumbprint(c *awsapi.Call, in *input) execute {
	given, thumbprints := in.providerARN(), in.thumbprints()
	in.check.Required("thumbprintList", in.params.HasAny("ThumbprintList"))
	if len(thumbprints) == 0 {
		in.forbid(invalidInput("Thumbprint list must contain at least one entry."))
	}
	return func() (awsapi.Result, error) {
		var before store.OIDCProvider
		err := s.changeProvider(c, given, func(p *store.OIDCProvider) error {
			before = *p
			p.Thumbprints = thumbprints
			return nil
		})
		if err == nil {
			s.forgetKeys(&before)
		}
		return nil, err
	}
}

// providerARN reads the parameter that names a provider.
func (in *input) providerARN() string { return in.arn("OpenIDConnectProviderArn", "oidc-provider/") }

// noSuchProvider is AWS's sentence for GetOpenIDConnectProvider (recorded). That
// the operations which change a provider or tell its tags say the same is a
// guess; DeleteOpenIDConnectProvider does not.
func noSuchProvider(given string) *awsapi.Fault {
	return noSuchEntity("OpenIDConnect Provider not found for arn %s", given)
}

// changeProvider rewrites one provider in a transaction.
func (s *service) changeProvider(c *awsapi.Call, given string, change func(*store.OIDCProvider) error) error {
	return s.update(c, func(tx store.Tx) error { return changeProviderIn(tx, c, given, change) })
}

// changeProviderIn is changeProvider inside a transaction. The ARN tells the
// whole key, so that the provider is the one for which the caller was authorised.
func changeProviderIn(tx store.Tx, c *awsapi.Call, given string, change func(*store.OIDCProvider) error) error {
	url, ok := ownProviderURL(c, given)
	if !ok {
		return noSuchProvider(given)
	}
	err := changeRecord(tx, store.OIDCProviderID(c.Account, url), change)
	if errors.Is(err, store.ErrNotFound) {
		return noSuchProvider(given)
	}
	return err
}

// forgetKeys drops the keys that were fetched for a provider as it was before it
// was changed or deleted. Accounts that have registered the same issuer with the
// same thumbprints share its keys: theirs are kept, so that no account can take
// from another the keys that serve while the issuer is down.
func (s *service) forgetKeys(before *store.OIDCProvider) {
	snapshot := s.Directory.Snapshot()
	for _, account := range snapshot.Accounts() {
		if account.Account == before.Account {
			continue
		}
		if p, ok := snapshot.OIDCProvider(account.Account, before.URL); ok && slices.Equal(p.Thumbprints, before.Thumbprints) {
			return
		}
	}
	s.ProviderKeys.Forget(jwks.Provider{Issuer: "https://" + before.URL, Thumbprints: before.Thumbprints})
}

// taggedProviders are providers for the operations on tags.
var taggedProviders = &taggedKind{
	distinguishesCase: true,
	refusesNoKeys:     true,
	read:              (*input).providerARN,
	find: func(c *awsapi.Call, given string) ([]store.Tag, error) {
		p, ok := findProvider(c, given)
		if !ok {
			return nil, noSuchProvider(given)
		}
		return p.Tags, nil
	},
	change: func(tx store.Tx, c *awsapi.Call, given string, f func(*[]store.Tag) error) error {
		return changeProviderIn(tx, c, given, func(p *store.OIDCProvider) error { return f(&p.Tags) })
	},
}
