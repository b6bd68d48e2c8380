package awsapi

import (
	"fmt"
	"slices"
	"sync"

	"github.com/daypass/daypass/internal/auth"
	"github.com/daypass/daypass/internal/directory"
	"github.com/daypass/daypass/internal/policy"
)

// maxAsked is the longest text, in bytes, that policies are asked about. The
// longest that an operation takes is an ARN of 2048 characters; the reasons of a
// denial repeat the text for every statement.
const maxAsked = 4 * 2048

// authorize asks for every need of the operation. Reasons are worked out only
// for a no.
func authorize(c *Call) error {
	for i := range c.operation.needs {
		need := &c.operation.needs[i]
		if need.Action == "" || need.When.Of != nil && !need.When.Of(c) { // NoPermission, or not asked for
			continue
		}
		q := &auth.Question{Action: need.Action, Resource: need.Resource.Of(c), Untold: need.Resource.Untold}
		if need.Resource.Shown != nil {
			q.Shown = need.Resource.Shown(c)
		}
		if need.Resource.Owned != nil {
			q.Owner, q.Policy = need.Resource.Owned(c)
		}
		if need.Keys != nil {
			q.Keys = func(keys *policy.Context) { need.Keys(c, keys) }
		}
		if tooLong(q) {
			return Invalid(fmt.Sprintf("The request names a resource of more than %d bytes.", maxAsked)).
				Because("no resource has such a name; nothing was decided about it")
		}
		if need.Trust != nil {
			role, ok := need.Trust(c)
			if !ok {
				return bareDenial(c, q).Because("there is no role %s", q.Resource)
			}
			ask := func(why *policy.Reasons) auth.Answer { return c.Caller.DecideTrust(c.asked, q, role, why) }
			if err := decideBy(ask, c.Caller, c.asked, q); err != nil {
				return trustDenial(c, q, role, err)
			}
			continue
		}
		if err := decide(c.Caller, c.asked, q); err != nil {
			return err
		}
	}
	return nil
}

// Ask asks for one permission more than the operation's needs: for what is found
// only while it runs, such as each secret of a list. The error is a *Fault of the
// kind AccessDenied, whose message is for the caller.
func (c *Call) Ask(q *auth.Question) error {
	if c.Caller == nil {
		return &Fault{Kind: Internal, Reason: "a permission was asked for before it was known who asks"}
	}
	if tooLong(q) {
		return Invalid(fmt.Sprintf("The request names a resource of more than %d bytes.", maxAsked))
	}
	if f := decide(c.Caller, c.asked, q); f != nil {
		return f
	}
	return nil
}

// decide asks one question by the caller's policies and the resource's.
func decide(caller *auth.Caller, asked *auth.Request, q *auth.Question) *Fault {
	return decideBy(func(why *policy.Reasons) auth.Answer { return caller.Decide(asked, q, why) }, caller, asked, q)
}

// decideBy asks one question, and again for the reasons of a no.
func decideBy(ask func(*policy.Reasons) auth.Answer, caller *auth.Caller, asked *auth.Request, q *auth.Question) *Fault {
	if ask(nil).Allowed() {
		return nil
	}
	why := &policy.Reasons{}
	denial := caller.Denial(q, ask(why))
	documents := caller.Documents()
	if q.Policy != nil {
		documents = append(documents, q.Policy.Source)
	}
	return &Fault{
		Kind: AccessDenied, Message: denial, Reason: denial,
		Why: why, Documents: documents, Action: q.Action, Resource: q.Resource, Denied: denied(caller, asked, q),
	}
}

func denied(caller *auth.Caller, asked *auth.Request, q *auth.Question) *Denied {
	return &Denied{PrincipalID: caller.UserID, PrincipalName: caller.UserName(), PrincipalARN: caller.ARN, Keys: caller.Keys(asked, q)}
}

// bareDenial is AWS's sentence for an action on a role's trust. It says neither
// whether there is such a role nor whose policy said no (recorded on AWS).
func bareDenial(c *Call, q *auth.Question) *Fault {
	return &Fault{
		Kind:    AccessDenied,
		Message: "User: " + c.Caller.ARN + " is not authorized to perform: " + q.Action + " on resource: " + q.Resource,
		Action:  q.Action, Resource: q.Resource, Denied: denied(c.Caller, c.asked, q),
	}
}

// trustDenial tells the client what bareDenial does, and the operator the rest.
func trustDenial(c *Call, q *auth.Question, role *directory.Role, f *Fault) *Fault {
	bare := bareDenial(c, q)
	bare.Reason, bare.Why = f.Reason, f.Why
	bare.Documents = slices.Concat(f.Documents, []string{"trust policy of " + role.ARN})
	return bare
}

// measured are contexts that tooLong uses again.
var measured = sync.Pool{New: func() any { return new(policy.Context) }}

// tooLong reports whether a question holds a text beyond maxAsked.
func tooLong(q *auth.Question) bool {
	if len(q.Resource) > maxAsked || len(q.Shown) > maxAsked {
		return true
	}
	if q.Keys == nil {
		return false
	}
	keys := measured.Get().(*policy.Context)
	defer measured.Put(keys)
	keys.Reset()
	q.Keys(keys)
	for _, key := range keys.Keys() {
		values, _, _ := keys.Get(key)
		for _, value := range values {
			if len(key) > maxAsked || len(value) > maxAsked {
				return true
			}
		}
	}
	return false
}
