// Package iam is AWS Identity and Access Management: OpenID Connect providers,
// roles with their trust and permission policies, and managed policies.
//
// An operation is one function. It reads its parameters with input, which
// gathers everything that is wrong with them; it reads from the snapshot that
// the request began with; and it writes in one transaction, in which it checks
// again whatever the answer depends on (that a thing exists, is not in use, is
// within its quota). The table in New says which permission each asks for, and
// resource.go on what.
//
// Names are unique within an account without regard to case; the spelling that
// made a thing is the one that comes back. Policy documents are kept byte for
// byte. A parameter whose effect Daypass cannot give is refused by name.
//
// Source: IAM API Reference, version 2010-05-08, and the public service model.
package iam

import (
	"errors"
	"io"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/store"
)

// Version is the version of the IAM API, by which Query requests name it.
const Version = "2010-05-08"

// Config is what the service needs. Nothing may be nil, but for what outbound
// federation needs.
type Config struct {
	Directory    *directory.Directory
	ProviderKeys *jwks.Cache // asked for a thumbprint where a new provider brings none
	Random       io.Reader   // of unique ids
	// PublicURL is the URL under which others reach this server, without a
	// closing slash; "" means that no account can be made an issuer.
	PublicURL string
	MasterKey Sealer // of an issuer's signing keys; needed with PublicURL
}

// New makes the service.
func New(c Config) (*awsapi.Service, error) {
	if c.Directory == nil || c.ProviderKeys == nil || c.Random == nil {
		return nil, errors.New("iam: the configuration lacks a directory, provider keys or randomness")
	}
	if c.PublicURL != "" && c.MasterKey == nil {
		return nil, errors.New("iam: the configuration has a public URL and lacks the master key that seals signing keys")
	}
	s := &service{Config: c}
	return awsapi.NewService(
		awsapi.Service{Name: "iam", Version: Version, Namespace: "https://iam.amazonaws.com/doc/2010-05-08/"},

		signed("CreateOpenIDConnectProvider", onNewProvider, s.createOpenIDConnectProvider),
		signed("GetOpenIDConnectProvider", onProvider, getOpenIDConnectProvider),
		signed("ListOpenIDConnectProviders", onProviders, listOpenIDConnectProviders),
		signed("DeleteOpenIDConnectProvider", onProvider, s.deleteOpenIDConnectProvider),

		signed("CreateRole", onNewRole, s.createRole),
		signed("GetRole", onRole, getRole),
		signed("ListRoles", onRolePath, listRoles),
		signed("DeleteRole", onRole, s.deleteRole),
		signed("UpdateAssumeRolePolicy", onRole, s.updateAssumeRolePolicy),

		signed("PutRolePolicy", onRole, s.putRolePolicy),
		signed("GetRolePolicy", onRole, getRolePolicy),
		signed("ListRolePolicies", onRole, listRolePolicies),
		signed("DeleteRolePolicy", onRole, s.deleteRolePolicy),

		signed("CreatePolicy", onNewPolicy, s.createPolicy),
		signed("GetPolicy", onPolicy, getPolicy),
		signed("GetPolicyVersion", onPolicy, getPolicyVersion),
		signed("ListPolicies", onPolicyPath, listPolicies),
		signed("DeletePolicy", onPolicy, s.deletePolicy),

		signedWith(policyARNKey, "AttachRolePolicy", onRole, s.attachRolePolicy),
		signedWith(policyARNKey, "DetachRolePolicy", onRole, s.detachRolePolicy),
		signed("ListAttachedRolePolicies", onRole, listAttachedRolePolicies),

		signed("EnableOutboundWebIdentityFederation", onNothing, s.enableOutboundWebIdentityFederation),
		signed("DisableOutboundWebIdentityFederation", onNothing, s.disableOutboundWebIdentityFederation),
		signed("GetOutboundWebIdentityFederationInfo", onNothing, s.getOutboundWebIdentityFederationInfo),

		signed("SimulateCustomPolicy", onNothing, simulateCustomPolicy),
		signed("SimulatePrincipalPolicy", onPolicySource, simulatePrincipalPolicy),
		signed("GetContextKeysForCustomPolicy", onNothing, getContextKeysForCustomPolicy),
		signed("GetContextKeysForPrincipalPolicy", onPolicySource, getContextKeysForPrincipalPolicy),
	)
}

type service struct{ Config }

// signed is an operation that asks for the action of its own name, as every
// operation of IAM does (Service Authorization Reference, "Actions defined by
// AWS Identity and Access Management").
func signed(name string, on awsapi.Resource, run func(*awsapi.Call) (awsapi.Result, error)) awsapi.Operation {
	return signedWith(nil, name, on, run)
}

// signedWith is signed with condition keys that the operation adds. The event
// of an operation that was allowed says on what it acted.
func signedWith(keys func(*awsapi.Call, *policy.Context), name string, on awsapi.Resource, run func(*awsapi.Call) (awsapi.Result, error)) awsapi.Operation {
	return awsapi.Signed(name, []awsapi.Need{{Action: "iam:" + name, Resource: on, Keys: keys}},
		func(c *awsapi.Call) (awsapi.Result, error) {
			c.Event.Resource = on.Of(c)
			return run(c)
		})
}

// update carries out one transaction. Nothing in f may wait for the network:
// the store takes one transaction at a time.
//
// White space is free of AWS's quotas and not of the store's: a role whose
// documents are padded beyond what one record holds is refused.
func (s *service) update(c *awsapi.Call, f func(store.Tx) error) error {
	err := s.Directory.Update(c.Request.Context(), f)
	var tooLarge *store.LimitError
	if errors.As(err, &tooLarge) {
		return limitExceeded("The documents of this entity have more than %d bytes, white space included. Send them without padding.", tooLarge.Max).
			Because("%s", tooLarge.Error())
	}
	return err
}
