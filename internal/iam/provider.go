package iam

import (
	"errors"
	"net/http"
	"strings"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/store"
)

// Limits of a provider (service model; IAM User Guide, "IAM and AWS STS
// quotas"). A thumbprint is 40 characters; that they are hexadecimal digits is
// not asked (recorded on AWS), one that is not never matches a certificate.
const (
	maxProviders     = 5000 // of one account; AWS has 100, and grants more on request
	maxProviderURL   = 255
	maxClientIDs     = 100
	maxClientID      = 255
	maxThumbprints   = 5
	thumbprintLength = 40
)

func (s *service) providerOperations() []awsapi.Operation {
	return append(s.tagOperations("OpenIDConnectProvider", onProvider, taggedProviders),
		creates("CreateOpenIDConnectProvider", "TagOpenIDConnectProvider", onNewProvider, s.createOpenIDConnectProvider),
		signed("GetOpenIDConnectProvider", onProvider, getOpenIDConnectProvider),
		signed("ListOpenIDConnectProviders", onProviders, withoutParameters(listOpenIDConnectProviders)),
		signed("DeleteOpenIDConnectProvider", onProvider, s.deleteOpenIDConnectProvider),
		signed("AddClientIDToOpenIDConnectProvider", onProvider, s.addClientID),
		signed("RemoveClientIDFromOpenIDConnectProvider", onProvider, s.removeClientID),
		signed("UpdateOpenIDConnectProviderThumbprint", onProvider, s.updateThumbprint),
	)
}

// createOpenIDConnectProvider registers an issuer. Where the request brings no
// thumbprint, the issuer is asked for its certificate, before the transaction
// and only if the provider could be made.
func (s *service) createOpenIDConnectProvider(c *awsapi.Call, in *input) execute {
	provider := store.OIDCProvider{
		Account: c.Account, ClientIDs: distinct(in.list("ClientIDList", 1, maxClientID)),
		Thumbprints: in.thumbprints(), Tags: in.tags(true), Created: now(c),
	}
	given := in.required("Url", 1, maxProviderURL) // told after the lists (recorded on AWS)
	return func() (awsapi.Result, error) {
		var err error
		if provider.URL, err = parseProviderURL(given); err != nil {
			return nil, err
		}
		if err := countClientIDs(provider.ClientIDs); err != nil {
			return nil, err
		}
		taken := alreadyExists("Provider with url https://%s already exists.", provider.URL)
		if _, ok := c.Snapshot.OIDCProvider(c.Account, provider.URL); ok {
			return nil, taken
		}
		// Requests at the same moment may together pass this by a few: the quota
		// bounds what is kept in memory, and guards nothing else.
		if c.Snapshot.Count(c.Account, store.KindOIDCProvider) >= maxProviders {
			return nil, limitExceeded("Cannot exceed quota for OpenIdConnectProvidersPerAccount: %d", maxProviders)
		}
		if len(provider.Thumbprints) == 0 {
			if provider.Thumbprints, err = s.fetchThumbprint(c, "https://"+provider.URL); err != nil {
				return nil, err
			}
		}
		err = s.update(c, func(tx store.Tx) error {
			return insert(tx, store.OIDCProviderID(c.Account, provider.URL), provider, taken)
		})
		if err != nil {
			return nil, err
		}
		return createdProvider{arn.OIDCProvider(c.Account, provider.URL), in.tagsAsSent}, nil
	}
}

// thumbprints reads ThumbprintList, in lower case.
func (in *input) thumbprints() []string {
	thumbprints := in.list("ThumbprintList", thumbprintLength, thumbprintLength)
	if len(thumbprints) > maxThumbprints {
		in.forbid(invalidInput("Thumbprint list must contain fewer than 5 entries.")) // five are taken, as on AWS
	}
	for i := range thumbprints {
		thumbprints[i] = strings.ToLower(thumbprints[i])
	}
	return thumbprints
}

// distinct leaves out what came before, and keeps the order.
func distinct(values []string) []string {
	var kept []string
	had := map[string]bool{}
	for _, v := range values {
		if !had[v] {
			had[v] = true
			kept = append(kept, v)
		}
	}
	return kept
}

// fetchThumbprint asks the issuer. AWS's text for its code is not known; this one
// begins as AWS's console does, by which people look it up (GitLab's
// documentation, "Configure OpenID Connect in AWS", troubleshooting), and then
// says why, and the way round.
func (s *service) fetchThumbprint(c *awsapi.Call, issuer string) ([]string, error) {
	thumbprint, err := s.ProviderKeys.Thumbprint(c.Request.Context(), issuer)
	if err != nil {
		reason := jwks.Reason(err)
		return nil, awsapi.Error(http.StatusBadRequest, "OpenIdIdpCommunicationError",
			"Could not connect to openid configuration of provider: "+issuer+": "+reason+". Mend that, or give ThumbprintList, with which the issuer is not asked.").
			Because("the thumbprint of %s cannot be fetched: %s", issuer, reason)
	}
	if thumbprint == "" { // the keys are pinned from a file
		return nil, nil
	}
	return []string{strings.ToLower(thumbprint)}, nil
}

// findProvider finds a provider of the caller's account by its ARN.
func findProvider(c *awsapi.Call, given string) (*directory.OIDCProvider, bool) {
	url, ok := ownProviderURL(c, given)
	if !ok {
		return nil, false
	}
	return c.Snapshot.OIDCProvider(c.Account, url)
}

func getOpenIDConnectProvider(c *awsapi.Call, in *input) execute {
	given := in.providerARN()
	return func() (awsapi.Result, error) {
		provider, ok := findProvider(c, given)
		if !ok {
			return nil, noSuchProvider(given)
		}
		return foundProvider{provider}, nil
	}
}

func listOpenIDConnectProviders(c *awsapi.Call) (awsapi.Result, error) {
	return providerList(c.Snapshot.OIDCProviders(c.Account)), nil
}

// deleteOpenIDConnectProvider refuses to delete what is not there. The API
// Reference says that it would succeed; AWS does not (recorded).
func (s *service) deleteOpenIDConnectProvider(c *awsapi.Call, in *input) execute {
	given := in.providerARN()
	return func() (awsapi.Result, error) {
		missing := noSuchEntity("OpenId connect Provider %s cannot be found.", given)
		url, ok := ownProviderURL(c, given)
		if !ok {
			return nil, missing
		}
		err := s.update(c, func(tx store.Tx) error {
			err := tx.Delete(store.OIDCProviderID(c.Account, url))
			if errors.Is(err, store.ErrNotFound) {
				return missing
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if before, ok := c.Snapshot.OIDCProvider(c.Account, url); ok {
			s.forgetKeys(&before.OIDCProvider)
		}
		return nil, nil
	}
}

// ownProviderURL gives the url of a provider's ARN, and whether the ARN is one
// of the caller's account.
func ownProviderURL(c *awsapi.Call, given string) (string, bool) {
	url, ok := arn.OIDCProviderURL(given)
	return url, ok && given == arn.OIDCProvider(c.Account, url)
}

type createdProvider struct {
	arn  string
	tags []store.Tag
}

// WriteXML implements awsapi.Result.
func (r createdProvider) WriteXML(x *awsapi.XML) {
	x.Text("OpenIDConnectProviderArn", r.arn)
	writeSomeTags(x, r.tags)
}

type foundProvider struct{ *directory.OIDCProvider }

// WriteXML implements awsapi.Result.
func (r foundProvider) WriteXML(x *awsapi.XML) {
	x.Text("Url", r.URL)
	x.Texts("ClientIDList", r.ClientIDs)
	x.Texts("ThumbprintList", r.Thumbprints)
	x.Time("CreateDate", r.Created)
	writeTags(x, r.Tags)
}

type providerList []*directory.OIDCProvider

// WriteXML implements awsapi.Result.
func (r providerList) WriteXML(x *awsapi.XML) {
	x.Open("OpenIDConnectProviderList")
	for _, p := range r {
		x.Open("member")
		x.Text("Arn", p.ARN)
		x.Close()
	}
	x.Close()
}
