package iam

import (
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/store"
)

// putPolicy adds an inline policy to an entity, or replaces the document of the
// one of that name, which keeps its spelling.
func (k entities) putPolicy(c *awsapi.Call, in *input) execute {
	owner, name, document := k.name(in), in.policyName(), in.document("PolicyDocument")
	return func() (awsapi.Result, error) {
		if err := identityPolicy(document); err != nil {
			return nil, err
		}
		return nil, k.changeEntity(c, owner, func(_ store.Tx, e *entity) error {
			if i := inlinePolicy(e, name); i >= 0 {
				(*e.Inline)[i].Document = document
			} else {
				*e.Inline = append(*e.Inline, store.InlinePolicy{Name: name, Document: document})
			}
			total := 0
			for _, p := range *e.Inline {
				total += size(p.Document)
			}
			if total > k.maxInline {
				return limitExceeded("Maximum policy size of %d bytes exceeded for %s %s", k.maxInline, k.noun, e.name)
			}
			return nil
		})
	}
}

// getPolicy answers with the names as the request spells them (recorded on AWS).
func (k entities) getPolicy(c *awsapi.Call, in *input) execute {
	owner, name := k.name(in), in.policyName()
	return func() (awsapi.Result, error) {
		e, err := k.lookup(c, owner)
		if err != nil {
			return nil, err
		}
		i := inlinePolicy(e, name)
		if i < 0 {
			return nil, k.noSuchPolicy(name)
		}
		return foundInlinePolicy{k.entityKind, owner, name, (*e.Inline)[i].Document}, nil
	}
}

func (k entities) listPolicies(c *awsapi.Call, in *input) execute {
	owner, p := k.name(in), in.page()
	return func() (awsapi.Result, error) {
		e, err := k.lookup(c, owner)
		if err != nil {
			return nil, err
		}
		names := make([]string, 0, len(*e.Inline))
		for _, policy := range *e.Inline {
			names = append(names, policy.Name)
		}
		var reply policyNames
		reply.names, reply.next = cut(p, foldedAfter(names, p.after), strings.ToLower, func(string) bool { return true })
		return reply, nil
	}
}

func (k entities) deletePolicy(c *awsapi.Call, in *input) execute {
	owner, name := k.name(in), in.policyName()
	return func() (awsapi.Result, error) {
		return nil, k.changeEntity(c, owner, func(_ store.Tx, e *entity) error {
			i := inlinePolicy(e, name)
			if i < 0 {
				return k.noSuchPolicy(name)
			}
			*e.Inline = slices.Delete(*e.Inline, i, i+1)
			return nil
		})
	}
}

// inlinePolicy finds an inline policy by name without regard to case, -1 where
// there is none.
func inlinePolicy(e *entity, name string) int {
	return slices.IndexFunc(*e.Inline, func(p store.InlinePolicy) bool { return strings.EqualFold(p.Name, name) })
}

func (k *entityKind) noSuchPolicy(name string) *awsapi.Fault {
	return noSuchEntity("The %s policy with name %s cannot be found.", k.noun, name)
}

type foundInlinePolicy struct {
	kind                  *entityKind
	owner, name, document string
}

// WriteXML implements awsapi.Result.
func (r foundInlinePolicy) WriteXML(x *awsapi.XML) {
	x.Text(r.kind.parameter, r.owner)
	x.Text("PolicyName", r.name)
	x.Text("PolicyDocument", percentEncode(r.document))
}

type policyNames struct {
	names []string
	next  string
}

// WriteXML implements awsapi.Result.
func (r policyNames) WriteXML(x *awsapi.XML) {
	x.Texts("PolicyNames", r.names)
	writeNext(x, r.next)
}
