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
	"slices"

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
		slices.Concat(s.providerOperations(), s.roleOperations(), s.policyOperations(), s.otherOperations())...)
}

func (s *service) providerOperations() []awsapi.Operation {
	return []awsapi.Operation{
		creates("CreateOpenIDConnectProvider", "TagOpenIDConnectProvider", onNewProvider, s.createOpenIDConnectProvider),
		signed("GetOpenIDConnectProvider", onProvider, getOpenIDConnectProvider),
		signed("ListOpenIDConnectProviders", onProviders, listOpenIDConnectProviders),
		signed("DeleteOpenIDConnectProvider", onProvider, s.deleteOpenIDConnectProvider),
	}
}

func (s *service) roleOperations() []awsapi.Operation {
	return append(s.entityOperations(roles),
		creates("CreateRole", "TagRole", onNewRole, s.createRole, boundaryKey(roles)),
		signed("GetRole", onRole, getRole),
		signed("ListRoles", onRolePath, listRoles),
		signed("DeleteRole", onRole, s.deleteRole),
		signed("UpdateAssumeRolePolicy", onRole, s.updateAssumeRolePolicy),
		signed("UpdateRole", onRole, s.updateRole),
		signed("UpdateRoleDescription", onRole, s.updateRoleDescription),
	)
}

func (s *service) policyOperations() []awsapi.Operation {
	return []awsapi.Operation{
		creates("CreatePolicy", "TagPolicy", onNewPolicy, s.createPolicy),
		signed("GetPolicy", onPolicy, getPolicy),
		signed("GetPolicyVersion", onPolicy, getPolicyVersion),
		signed("ListPolicies", onPolicyPath, listPolicies),
		signed("DeletePolicy", onPolicy, s.deletePolicy),
	}
}

func (s *service) otherOperations() []awsapi.Operation {
	return []awsapi.Operation{
		signed("EnableOutboundWebIdentityFederation", onNothing, s.enableOutboundWebIdentityFederation),
		signed("DisableOutboundWebIdentityFederation", onNothing, s.disableOutboundWebIdentityFederation),
		signed("GetOutboundWebIdentityFederationInfo", onNothing, s.getOutboundWebIdentityFederationInfo),

		signed("SimulateCustomPolicy", onNothing, simulateCustomPolicy),
		signed("SimulatePrincipalPolicy", onPolicySource, simulatePrincipalPolicy),
		signed("GetContextKeysForCustomPolicy", onNothing, getContextKeysForCustomPolicy),
		signed("GetContextKeysForPrincipalPolicy", onPolicySource, getContextKeysForPrincipalPolicy),
	}
}

// entityOperations are the operations on the policies, boundary and tags of
// roles, users or groups. Groups have neither boundary nor tags.
func (s *service) entityOperations(k *entityKind) []awsapi.Operation {
	noun := capital(k.noun)
	boundary := boundaryKey(k)
	operations := []awsapi.Operation{
		signed("Put"+noun+"Policy", k.on, s.putPolicy(k), boundary),
		signed("Get"+noun+"Policy", k.on, getInlinePolicy(k)),
		signed("List"+noun+"Policies", k.on, listInlinePolicies(k)),
		signed("Delete"+noun+"Policy", k.on, s.deleteInlinePolicy(k), boundary),
		signed("Attach"+noun+"Policy", k.on, s.attachPolicy(k), policyARNKey, boundary),
		signed("Detach"+noun+"Policy", k.on, s.detachPolicy(k), policyARNKey, boundary),
		signed("ListAttached"+noun+"Policies", k.on, listAttachedPolicies(k)),
	}
	if k == groups {
		return operations
	}
	return append(append(operations,
		signed("Put"+noun+"PermissionsBoundary", k.on, s.putBoundary(k), boundary),
		signed("Delete"+noun+"PermissionsBoundary", k.on, s.deleteBoundary(k), boundary)),
		s.tagOperations(noun, "List"+noun+"Tags", k.on, k.tagged())...)
}

// tagOperations are the three operations on the tags of a kind of thing.
func (s *service) tagOperations(noun, list string, on target, k *taggedKind) []awsapi.Operation {
	return []awsapi.Operation{
		signed("Tag"+noun, on, s.tag(k), requestTagKeys),
		signed("Untag"+noun, on, s.untag(k), requestUntagKeys),
		signed(list, on, listTags(k)),
	}
}

type service struct{ Config }

// operation is what an operation does once its caller was let in.
type operation = func(*awsapi.Call) (awsapi.Result, error)

// keySetter sets condition keys that an operation adds.
type keySetter = func(*awsapi.Call, *policy.Context)

// signed is an operation that asks for the action of its own name, as every
// operation of IAM does (Service Authorization Reference, "Actions defined by
// AWS Identity and Access Management"). The event of an operation that was
// allowed says on what it acted.
func signed(name string, on target, run operation, keys ...keySetter) awsapi.Operation {
	return awsapi.Signed(name, []awsapi.Need{on.need(name, keys)}, noting(on, run))
}

// creates is signed for an operation that makes a thing. Where it tags the
// thing, the caller must be allowed to do that too (IAM User Guide, "Tags for
// AWS Identity and Access Management resources", permissions required for
// tagging).
func creates(name, tagging string, on target, run operation, keys ...keySetter) awsapi.Operation {
	keys = append(keys, requestTagKeys)
	tag := on.need(tagging, keys)
	tag.When = withTags
	return awsapi.Signed(name, []awsapi.Need{on.need(name, keys), tag}, noting(on, run))
}

// need is the permission for an action on a target.
func (t target) need(action string, keys []keySetter) awsapi.Need {
	return awsapi.Need{Action: "iam:" + action, Resource: t.Resource, Keys: func(c *awsapi.Call, of *policy.Context) {
		t.setKeys(c, of)
		for _, set := range keys {
			set(c, of)
		}
	}}
}

func noting(on target, run operation) operation {
	return func(c *awsapi.Call) (awsapi.Result, error) {
		c.Event.Resource = on.Of(c)
		return run(c)
	}
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
