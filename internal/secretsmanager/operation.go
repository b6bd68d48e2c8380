package secretsmanager

import (
	"errors"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/auth"
	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/store"
)

// operation is one operation with its parameters.
type operation[In any] struct {
	name string
	// id is the member that names the secret; nil for an operation on none.
	id func(*In) string
	// optional says that a request may name none, and is then about "*".
	optional bool
	// check asks of the parameters what the service's model does. Its faults are
	// told before permission is asked.
	check func(*In, *checks)
	// creates gives the name of the secret that the operation makes; nil for others.
	creates func(*In) string
	// keys sets the condition keys of the request; nil for none.
	keys func(*request, *In, *policy.Context)
	// also are permissions beside the one of the operation's own name.
	also []also[In]
	// run does what was asked, once the caller may.
	run func(*request, *In) (any, error)
}

// also is one more permission, of the requests that when tells.
type also[In any] struct {
	action string
	words  string // for people: with tags
	when   func(*In) bool
	all    bool // it is asked for on "*"
}

// request is one request on its way.
type request struct {
	*awsapi.Call
	*service
	in     any
	secret target
}

// on makes the row of the table.
func (o *operation[In]) on(s *service) awsapi.Operation {
	of := func(c *awsapi.Call) (*request, *In) {
		q, _ := c.Input.(*request)
		in, _ := q.in.(*In)
		return q, in
	}
	on := awsapi.Resource{Template: "*", Of: func(*awsapi.Call) string { return "*" }}
	one := o.id != nil || o.creates != nil
	if one {
		on = secretResource(func(c *awsapi.Call) *target { q, _ := of(c); return &q.secret })
	}
	keys := func(c *awsapi.Call, set *policy.Context) {
		q, in := of(c)
		if one {
			q.secret.setKeys(set)
		}
		if o.keys != nil {
			o.keys(q, in, set)
		}
	}
	needs := []awsapi.Need{{Action: "secretsmanager:" + o.name, Resource: on, Keys: keys}}
	for _, more := range o.also {
		need := awsapi.Need{
			Action: "secretsmanager:" + more.action, Resource: on, Keys: keys,
			When: awsapi.When{Words: more.words, Of: func(c *awsapi.Call) bool { _, in := of(c); return more.when(in) }},
		}
		if more.all {
			need.Resource = awsapi.Resource{Template: "*", Of: func(*awsapi.Call) string { return "*" }}
		}
		needs = append(needs, need)
	}
	return awsapi.Signed(o.name, needs, func(c *awsapi.Call) (awsapi.Result, error) {
		q, in := of(c)
		if one {
			c.Event.Resource = q.secret.arn
		}
		answer, err := o.run(q, in)
		if err != nil || answer == nil {
			return nil, err
		}
		return awsapi.JSON{Value: answer}, nil
	}).Decoding(func(c *awsapi.Call) error { return o.decode(s, c) })
}

// decode reads the parameters and finds the secret.
func (o *operation[In]) decode(s *service, c *awsapi.Call) error {
	in := new(In)
	q := &request{Call: c, service: s, in: in}
	c.Input = q
	if len(c.Region) > maxRegion || !region.MatchString(c.Region) {
		return (&awsapi.Fault{Kind: awsapi.SignatureMismatch, Message: "Credential should be scoped to a valid region. "}).
			Because("a secret is in one region, and the request is signed for %.100q", c.Region)
	}
	if err := c.DecodeJSON(in); err != nil {
		return err
	}
	v := &checks{Validation: awsapi.Validation{HideValues: true}}
	if o.id != nil && (!o.optional || o.id(in) != "") {
		v.text("secretId", o.id(in), 2048)
	}
	if o.check != nil {
		o.check(in, v)
	}
	if err := v.err(); err != nil {
		return err
	}
	switch {
	case o.id != nil && o.optional && o.id(in) == "":
		q.secret = target{arn: "*", account: q.Account}
	case o.id != nil:
		q.secret = q.find(o.id(in))
	case o.creates != nil:
		var err error
		q.secret, err = q.future(o.creates(in))
		return err
	}
	return nil
}

// target is the secret that a request names.
type target struct {
	supplied string // as the request names it, which is what a denial repeats
	arn      string // what policies are asked about
	account  string // the owner
	region   string // that the request is signed for
	found    *directory.Secret
	new      bool   // it is to be made
	suffix   string // of one that is to be made
}

// find looks for a secret by its name, its ARN, or its ARN without the last six
// characters. Of another account it must be the whole ARN (Secrets Manager User
// Guide, "Permissions to AWS Secrets Manager secrets for users in a different
// account"). Of one that is not there policies are asked by what was supplied, as
// AWS does: who may read some secrets only is not told which others there are.
func (q *request) find(supplied string) target {
	t := target{supplied: supplied, arn: supplied, account: q.Account, region: q.Region}
	a, name, isARN := secretARN(supplied)
	if !isARN {
		return t.with(q.Snapshot.Secret(q.Account, q.Region, supplied))
	}
	if arn.ValidAccount(a.Account) {
		t.account = a.Account
	}
	if a.Partition != arn.Partition || a.Region != q.Region {
		return t
	}
	if i := len(name) - suffixLength - 1; i > 0 && name[i] == '-' {
		if secret, ok := q.Snapshot.Secret(a.Account, a.Region, name[:i]); ok && secret.Suffix == name[i+1:] {
			return t.with(secret, true)
		}
	}
	if a.Account == q.Account {
		return t.with(q.Snapshot.Secret(a.Account, a.Region, name))
	}
	return t
}

// secretARN takes the ARN of a secret apart.
func secretARN(s string) (a arn.ARN, name string, ok bool) {
	a, err := arn.Parse(s)
	if err != nil || a.Service != "secretsmanager" || len(a.Resource) < len("secret:") || a.Resource[:len("secret:")] != "secret:" {
		return arn.ARN{}, "", false
	}
	return a, a.Resource[len("secret:"):], true
}

func (t target) with(secret *directory.Secret, ok bool) target {
	if ok {
		t.found, t.arn, t.account = secret, secret.ARN, secret.Account
	}
	return t
}

// future is a secret that is to be made. Policies are asked about the ARN that it
// will have, which its name and "-??????" match (Secrets Manager User Guide,
// "Permissions policy examples", wildcards).
func (q *request) future(name string) (target, error) {
	t := target{supplied: name, account: q.Account, new: true}
	if secret, ok := q.Snapshot.Secret(q.Account, q.Region, name); ok {
		t.suffix, t.arn = secret.Suffix, secret.ARN
		return t, nil
	}
	var err error
	if t.suffix, err = newSuffix(q.Random); err != nil {
		return t, err
	}
	t.arn = arn.Secret(q.Account, q.Region, name, t.suffix)
	return t, nil
}

// secretResource is a secret as needs speak of it.
func secretResource(of func(*awsapi.Call) *target) awsapi.Resource {
	return awsapi.Resource{
		Template: "arn:aws:secretsmanager:${Region}:${Account}:secret:${SecretId}",
		Of:       func(c *awsapi.Call) string { return of(c).arn },
		Shown:    func(c *awsapi.Call) string { return of(c).supplied },
		Owned: func(c *awsapi.Call) (string, *directory.Attached) {
			t := of(c)
			return t.account, t.policy()
		},
	}
}

// policy is the secret's own policy, nil where there is none.
func (t *target) policy() *directory.Attached {
	if t.found == nil {
		return nil
	}
	return t.found.ResourcePolicy()
}

// setKeys sets the condition keys of every operation on a secret.
func (t *target) setKeys(keys *policy.Context) {
	keys.Set("aws:ResourceAccount", t.account)
	if t.new || t.supplied == "" {
		return
	}
	keys.Set("secretsmanager:SecretId", t.arn)
	if t.found == nil {
		return
	}
	keys.Set("secretsmanager:SecretPrimaryRegion", t.found.Region)
	for _, tag := range t.found.Tags {
		keys.Set("aws:ResourceTag/"+tag.Key, tag.Value)
		keys.Set("secretsmanager:ResourceTag/"+tag.Key, tag.Value)
	}
}

// question asks about one secret of several.
func (t *target) question(action string, keys func(*policy.Context)) *auth.Question {
	return &auth.Question{
		Action: "secretsmanager:" + action, Resource: t.arn, Shown: t.supplied, Owner: t.account, Policy: t.policy(), Keys: keys,
	}
}

// existing gives the secret, or the fault that there is none.
func (t *target) existing() (*directory.Secret, error) {
	if t.found == nil {
		return nil, notFound().Because("account %s has no secret %.200q in %s; each region has its own", t.account, t.supplied, t.region)
	}
	return t.found, nil
}

// usable is existing for what one cannot do with a secret that is marked for
// deletion.
func (t *target) usable() (*directory.Secret, error) {
	secret, err := t.existing()
	if err == nil && !secret.Deleted.IsZero() {
		err = markedForDeletion()
	}
	return secret, err
}

// change rewrites the secret's record in one transaction, and gives it as it is
// then. A secret that was deleted since it was asked who may is not there, even if
// one was made again under its name.
func (q *request) change(change func(store.Tx, *store.Secret) error) (*store.Secret, error) {
	secret, err := q.secret.existing()
	if err != nil {
		return nil, err
	}
	id := store.SecretID(secret.Account, secret.Region, secret.Name)
	var record store.Secret
	err = q.Directory.Update(q.Request.Context(), func(tx store.Tx) error {
		var err error
		record, err = store.GetRecord[store.Secret](tx, id)
		if errors.Is(err, store.ErrNotFound) || err == nil && record.ID != secret.ID {
			return notFound()
		}
		if err != nil {
			return err
		}
		if err := change(tx, &record); err != nil {
			return err
		}
		return store.PutRecord(tx, id, record)
	})
	return &record, err
}

// update is change for a secret that is not marked for deletion.
func (q *request) update(change func(store.Tx, *store.Secret) error) (*store.Secret, error) {
	return q.change(func(tx store.Tx, s *store.Secret) error {
		if !s.Deleted.IsZero() {
			return markedForDeletion()
		}
		s.Changed = q.Now.UTC()
		return change(tx, s)
	})
}

// named is the reply of operations that tell no more than which secret it was.
type named struct {
	ARN  string
	Name string
}

func nameOf(s *store.Secret) named {
	return named{ARN: arn.Secret(s.Account, s.Region, s.Name, s.Suffix), Name: s.Name}
}
