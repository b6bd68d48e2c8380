package upstream

import (
	"github.com/daypass/daypass/internal/auth"
	"github.com/daypass/daypass/internal/awsrequest"
	"github.com/daypass/daypass/internal/policy"
)

// authorize asks for every need of the operation.
func (q *request) authorize() error {
	needs, err := q.op.Needs(&q.scope)
	if err != nil {
		q.Event.Action = q.op.Action()
		return asFault(err)
	}
	for _, need := range needs {
		if err := q.ask(need); err != nil {
			return err
		}
	}
	return nil
}

// ask asks for one need. What is of another account than the caller's is denied:
// its owner's policies are not known here.
func (q *request) ask(need *awsrequest.Need) error {
	question := &auth.Question{
		Action: need.Action, Resource: need.Resource, Keys: need.Set,
		// Of an action that has no resource none is told.
		Untold: need.Resource == "*",
	}
	if need.Account != "" && need.Account != q.scope.Account {
		question.Owner = need.Account
	}
	open := &policy.Open{Any: need.Open, Prefix: need.Prefix, Keys: need.AsksTags}
	if need.Tagged != "" && !need.Open {
		if _, _, hangs := q.Caller.HangsOn(need.Action, need.Resource, open); hangs {
			tags, err := q.tagsOf(need.Tagged)
			if err != nil {
				return err
			}
			need.SetTags(tags)
		}
	}
	open.Keys = need.Unknown
	return q.AskOpen(question, open)
}
