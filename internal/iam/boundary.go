package iam

import (
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/store"
)

// boundary reads the parameter PermissionsBoundary, "" where it was not sent.
func (in *input) boundary() string {
	if !in.params.Has("PermissionsBoundary") {
		return ""
	}
	value, _ := in.text("PermissionsBoundary", minARN, maxARN)
	if !isPolicyARN(value) {
		in.forbid(invalidInput("ARN " + value + " is not valid."))
	}
	in.partition(value)
	return value
}

// putBoundary sets the permissions boundary of a role or user.
func (k entities) putBoundary(c *awsapi.Call, in *input) execute {
	owner, given := k.name(in), in.boundary()
	in.check.Required("permissionsBoundary", in.params.Has("PermissionsBoundary"))
	return func() (awsapi.Result, error) {
		return nil, k.changeEntity(c, owner, func(tx store.Tx, e *entity) error { return setBoundary(tx, c, e, given) })
	}
}

func (k entities) deleteBoundary(c *awsapi.Call, in *input) execute {
	owner := k.name(in)
	return func() (awsapi.Result, error) {
		return nil, k.changeEntity(c, owner, func(tx store.Tx, e *entity) error {
			if *e.Boundary == "" {
				return noSuchEntity("The %s with name %s does not have a permissions boundary.", k.noun, e.name)
			}
			return dropBoundary(tx, c, e)
		})
	}
}

// setBoundary puts a boundary in place of the one that was there, and counts
// both on their policies.
func setBoundary(tx store.Tx, c *awsapi.Call, e *entity, given string) error {
	if given == "" {
		return nil
	}
	if isReserved(given) {
		return e.reservedPolicy()
	}
	if err := dropBoundary(tx, c, e); err != nil {
		return err
	}
	stored, ok, err := countUse(tx, c, given, func(p *store.Policy) { p.BoundaryCount++ })
	if err == nil && !ok {
		err = noSuchEntity("Scope ARN: %s does not exist or is not attachable.", given)
	}
	*e.Boundary = stored
	return err
}

// dropBoundary takes the boundary away, where there is one.
func dropBoundary(tx store.Tx, c *awsapi.Call, e *entity) error {
	if *e.Boundary == "" {
		return nil
	}
	_, _, err := countUse(tx, c, *e.Boundary, func(p *store.Policy) { p.BoundaryCount-- })
	*e.Boundary = ""
	return err
}

// The condition key iam:PermissionsBoundary (Service Authorization Reference,
// condition keys of IAM) is the boundary that the request sets, of what makes an
// entity or sets its boundary, and otherwise the one that the entity has. Who may
// give permissions only within a boundary must not choose which of the two it is.

// givenBoundary sets the key to the boundary that the request sets.
func givenBoundary(c *awsapi.Call, keys *policy.Context) {
	if given := c.Params.Get("PermissionsBoundary"); given != "" {
		keys.Set("iam:PermissionsBoundary", spelled(c, given))
	}
}

// heldBoundary sets the key to the boundary that the entity has.
func heldBoundary(k *entityKind) keySetter {
	return func(c *awsapi.Call, keys *policy.Context) {
		if e, ok := k.find(c, c.Params.Get(k.parameter)); ok && e.Boundary != nil && *e.Boundary != "" {
			keys.Set("iam:PermissionsBoundary", *e.Boundary)
		}
	}
}

// writeBoundary writes the element of a role or user that has a boundary.
func writeBoundary(x *awsapi.XML, policyARN string) {
	if policyARN == "" {
		return
	}
	x.Open("PermissionsBoundary")
	x.Text("PermissionsBoundaryType", "Policy")
	x.Text("PermissionsBoundaryArn", policyARN)
	x.Close()
}
