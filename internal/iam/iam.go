// Package iam is AWS Identity and Access Management: OpenID Connect providers,
// roles with their trust and permission policies, users with their groups and
// access keys, and managed policies.
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
	"log/slog"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/jwks"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/store"
)

// Version is the version of the IAM API, by which Query requests name it.
const Version = "2010-05-08"

// Config is what the service needs. Nothing may be nil, where it does not say so.
type Config struct {
	Directory    *directory.Directory
	ProviderKeys *jwks.Cache // asked for a thumbprint where a new provider brings none
	Random       io.Reader   // of unique ids
	// PublicURL is the URL under which others reach this server, without a
	// closing slash; "" means that no account can be made an issuer.
	PublicURL string
	MasterKey Sealer   // of access keys and of an issuer's signing keys
	LastUses  LastUses // of roles and access keys
	// ExtendedClaims are the URLs, with https://, of the providers whose tokens'
	// claims all are condition keys: what a trust policy may ask for.
	ExtendedClaims []string
	Log            *slog.Logger // told of trust policies that admit too much; nil for none
}

// New makes the service.
func New(c Config) (*awsapi.Service, error) {
	if c.Directory == nil || c.ProviderKeys == nil || c.Random == nil || c.MasterKey == nil || c.LastUses == nil {
		return nil, errors.New("iam: the configuration lacks a directory, provider keys, randomness, the master key or last uses")
	}
	s := &service{Config: c, extended: map[string]bool{}}
	for _, url := range c.ExtendedClaims {
		s.extended[strings.TrimPrefix(url, "https://")] = true
	}
	return awsapi.NewService(
		awsapi.Service{Name: "iam", Version: Version, Namespace: "https://iam.amazonaws.com/doc/2010-05-08/"},
		slices.Concat(
			s.providerOperations(), s.roleOperations(), s.policyOperations(), s.userOperations(), s.accessKeyOperations(), s.groupOperations(),
			s.profileOperations(), s.accountOperations(), s.outboundOperations(), simulateOperations(),
			s.detailOperations(),
		)...)
}

// entityOperations are the operations on the policies, boundary and tags of
// roles, users or groups. Groups have neither boundary nor tags.
func (s *service) entityOperations(kind *entityKind) []awsapi.Operation {
	k, noun := entities{s, kind}, capital(kind.noun)
	boundary := heldBoundary(kind)
	operations := []awsapi.Operation{
		signed("Put"+noun+"Policy", k.on, k.putPolicy, boundary),
		signed("Get"+noun+"Policy", k.on, k.getPolicy),
		signed("List"+noun+"Policies", k.on, k.listPolicies),
		signed("Delete"+noun+"Policy", k.on, k.deletePolicy, boundary),
		signed("Attach"+noun+"Policy", k.on, k.attach, policyARNKey, boundary),
		signed("Detach"+noun+"Policy", k.on, k.detach, policyARNKey, boundary),
		signed("ListAttached"+noun+"Policies", k.on, k.listAttached),
	}
	if kind == groups {
		return operations
	}
	return append(append(operations,
		signed("Put"+noun+"PermissionsBoundary", k.on, k.putBoundary, givenBoundary),
		signed("Delete"+noun+"PermissionsBoundary", k.on, k.deleteBoundary, boundary)),
		s.tagOperations(noun, k.on, k.tagged())...)
}

// tagOperations are the three operations on the tags of a kind of thing.
func (s *service) tagOperations(noun string, on target, kind *taggedKind) []awsapi.Operation {
	k := tagging{s, kind}
	return []awsapi.Operation{
		signed("Tag"+noun, on, k.tag, requestTagKeys),
		signed("Untag"+noun, on, k.untag, requestUntagKeys),
		signed("List"+noun+"Tags", on, k.list),
	}
}

type service struct {
	Config
	extended map[string]bool // providers of ExtendedClaims, without scheme
}

// operation is one operation of IAM. It reads its parameters, all of them, and
// returns what it does with them. That is done only if nothing is wrong with the
// parameters and the caller may: what the service's model forbids is told before
// permission is asked, what only IAM itself forbids after (recorded on AWS).
type operation = func(c *awsapi.Call, in *input) execute

// execute does what was asked.
type execute = func() (awsapi.Result, error)

// withoutParameters is an operation that reads none.
func withoutParameters(run func(*awsapi.Call) (awsapi.Result, error)) operation {
	return func(c *awsapi.Call, _ *input) execute {
		return func() (awsapi.Result, error) { return run(c) }
	}
}

// keySetter sets condition keys that an operation adds.
type keySetter = func(*awsapi.Call, *policy.Context)

// signed is an operation that asks for the action of its own name, as every
// operation of IAM does (Service Authorization Reference, "Actions defined by
// AWS Identity and Access Management"). The event of an operation that was
// allowed says on what it acted.
func signed(name string, on target, op operation, keys ...keySetter) awsapi.Operation {
	return inTwoSteps(name, on, op, on.need(name, keys))
}

// creates is signed for an operation that makes a thing. Where it tags the
// thing, the caller must be allowed to do that too (IAM User Guide, "Tags for
// AWS Identity and Access Management resources", permissions required for
// tagging; reported by users of CreateRole).
func creates(name, tagging string, on target, op operation, keys ...keySetter) awsapi.Operation {
	keys = append(keys, requestTagKeys)
	tag := on.need(tagging, keys)
	tag.When = withTags
	return inTwoSteps(name, on, op, on.need(name, keys), tag)
}

// renames is signed for an operation that gives a user or group another name or
// path: the caller must be allowed to do that under the old ARN and under the new
// (IAM User Guide, "Rename an IAM user").
func renames(name string, on, renamed target, op operation) awsapi.Operation {
	to := renamed.need(name, nil)
	to.When = withNewARN
	return inTwoSteps(name, on, op, on.need(name, nil), to)
}

// inTwoSteps has an operation read its parameters before permission is asked,
// and do what it does after.
func inTwoSteps(name string, on target, op operation, needs ...awsapi.Need) awsapi.Operation {
	return awsapi.Signed(name, needs, func(c *awsapi.Call) (awsapi.Result, error) {
		asked, ok := c.Input.(*input)
		if !ok {
			return nil, errors.New("iam: " + name + " is run without its parameters")
		}
		c.Event.Resource = on.Of(c)
		if asked.forbidden != nil {
			return nil, asked.forbidden
		}
		return asked.execute()
	}).Decoding(func(c *awsapi.Call) error {
		in := read(c)
		in.execute = op(c, in)
		c.Input = in
		return in.err()
	})
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
