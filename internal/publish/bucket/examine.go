package bucket

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/policy"
)

// Finding is one thing that is wrong with a bucket's policy.
type Finding struct {
	Severity string `json:"severity"` // critical, high
	What     string `json:"what"`
	Why      string `json:"why"`
	Fix      string `json:"fix"`
}

// probed are actions that nobody but the owner's own people should be able to
// take. Those that a policy names are probed as well.
var probed = append([]string{
	"s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectAcl", "s3:GetObjectTagging", "s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads",
	"s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectTagging", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetBucketPolicy", "s3:GetBucketAcl",
}, changes...)

// Examine says what is wrong with the text of a bucket's policy: it puts
// requests of strangers to the engine that decides requests. A policy that
// cannot be read is an error. A condition of an Allow cannot be known of a
// stranger; it is taken for met, by looking at the statement without it.
func Examine(text string, l *Layout) ([]Finding, error) {
	doc, err := policy.Parse(policy.Resource, text)
	if err != nil {
		return nil, err
	}
	bare, named, err := withoutConditions(text)
	if err != nil {
		return nil, err
	}
	open, err := policy.Parse(policy.Resource, bare)
	if err != nil {
		return nil, fmt.Errorf("the policy without its conditions: %w", err)
	}
	found := l.unreadable(doc)
	found = append(found, l.tooWide(doc, open, named)...)
	for _, who := range named.others {
		if who != "*" && who != l.Publisher {
			found = append(found, Finding{"high", "the policy allows something to " + who, "nobody but the publisher is meant to have rights of their own here", "take the statement out"})
		}
	}
	return append(found, l.withoutTLS(doc)...), nil
}

var (
	nobody = policy.Principal{Anonymous: true}
	// stranger has an account of AWS that nobody here knows.
	stranger = policy.Principal{ARN: "arn:aws:iam::999999999999:user/stranger", Account: "999999999999", UniqueID: "AIDASTRANGERSTRANGER1"}
)

func allowed(who *policy.Principal, action, resource, secure string, doc *policy.Document) bool {
	var ctx policy.Context
	ctx.Set("aws:SecureTransport", secure)
	if who.ARN != "" {
		ctx.Set("aws:PrincipalArn", who.ARN)
		ctx.Set("aws:PrincipalAccount", who.Account)
	}
	d := policy.Decide(&policy.Request{Action: action, Resource: resource, Principal: *who, Context: &ctx}, []*policy.Document{doc}, nil)
	return d.Allowed()
}

func (l *Layout) unreadable(doc *policy.Document) []Finding {
	var found []Finding
	for _, object := range l.objects() {
		if !allowed(&nobody, "s3:GetObject", object, "true", doc) {
			found = append(found, Finding{
				"high", "nobody without credentials can read " + object,
				"AWS reads the issuer's documents without credentials",
				"allow s3:GetObject on it to the principal \"*\"",
			})
		}
	}
	return found
}

func (l *Layout) tooWide(doc, open *policy.Document, named *mentions) []Finding {
	resources := append(append(l.objects(), l.ARN(), l.ARN()+"/private", l.ARN()+"/.well-known/other"), named.resources...)
	actions := append(slices.Clone(probed), named.actions...)
	slices.Sort(actions)
	var found []Finding
	for _, action := range slices.Compact(actions) {
		for _, resource := range resources {
			if action == "s3:GetObject" && slices.Contains(l.objects(), resource) {
				continue
			}
			who := ""
			switch {
			case allowed(&nobody, action, resource, "true", doc):
				who = "anybody, without credentials, can"
			case allowed(&stranger, action, resource, "true", doc):
				who = "anybody with an AWS account can"
			case allowed(&nobody, action, resource, "true", open) || allowed(&stranger, action, resource, "true", open):
				who = "whoever meets a condition, of any account, can"
			default:
				continue
			}
			found = append(found, l.wide(who, action, resource))
			break // one witness of each action is enough
		}
	}
	return found
}

func (l *Layout) wide(who, action, resource string) Finding {
	f := Finding{"high", fmt.Sprintf("%s %s on %s", who, action, resource), "only the documents of the issuer are meant to be public", "allow the principal \"*\" s3:GetObject on the documents, and nothing else"}
	if strings.HasPrefix(action, "s3:Put") || strings.HasPrefix(action, "s3:Delete") || strings.Contains(action, "*") {
		f.Severity = "critical"
		f.Why = "who can change the keys signs tokens for every role that trusts the issuer"
	}
	return f
}

func (l *Layout) withoutTLS(doc *policy.Document) []Finding {
	// The publisher has rights by IAM, so only a Deny keeps a write without TLS out.
	var ctx policy.Context
	ctx.Set("aws:SecureTransport", "false")
	ctx.Set("aws:PrincipalArn", l.Publisher)
	who := policy.Principal{ARN: l.Publisher, Account: l.Account, RoleARN: l.Publisher}
	for _, object := range l.objects() {
		d := policy.Decide(&policy.Request{Action: "s3:PutObject", Resource: object, Principal: who, Context: &ctx}, []*policy.Document{doc}, nil)
		if d.Effect != policy.ExplicitDeny {
			return []Finding{{"high", "a write without TLS is not denied", "what travels in the clear can be changed on its way", "deny s3:* where aws:SecureTransport is false"}}
		}
	}
	return nil
}

// mentions are the actions and resources that a policy names, wildcards filled in.
type mentions struct{ actions, resources, others []string }

// withoutConditions gives the policy with the conditions of its Allows left out
// and those Denies that have one left out whole, so that it admits no less; and
// what it mentions.
func withoutConditions(text string) (string, *mentions, error) {
	var d map[string]any
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return "", nil, err
	}
	statements, ok := d["Statement"].([]any)
	if !ok {
		statements = []any{d["Statement"]}
	}
	var kept []any
	m := &mentions{}
	for _, s := range statements {
		st, ok := s.(map[string]any)
		if !ok {
			return "", nil, fmt.Errorf("a statement of the policy is no object")
		}
		_, conditional := st["Condition"]
		if conditional && st["Effect"] == "Deny" {
			continue
		}
		delete(st, "Condition")
		kept = append(kept, st)
		if st["Effect"] == "Allow" {
			m.others = append(m.others, principals(st["Principal"])...)
		}
		m.actions = append(m.actions, filled(st["Action"])...)
		m.resources = append(m.resources, filled(st["Resource"])...)
	}
	if len(kept) == 0 {
		// No Allow: the policy itself admits nobody.
		return text, m, nil
	}
	d["Statement"] = kept
	bare, err := json.Marshal(d)
	return string(bare), m, err
}

// principals are the names in a Principal.
func principals(value any) []string {
	var out []string
	switch v := value.(type) {
	case string:
		out = append(out, v)
	case []any:
		for _, e := range v {
			out = append(out, principals(e)...)
		}
	case map[string]any:
		for _, e := range v {
			out = append(out, principals(e)...)
		}
	}
	return out
}

func filled(value any) []string {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	var out []string
	for _, v := range list {
		// What is all wildcard is covered by what is probed anyway.
		if s, ok := v.(string); ok && s != "*" && s != "s3:*" {
			out = append(out, strings.NewReplacer("*", "x", "?", "x").Replace(s))
		}
	}
	return out
}
