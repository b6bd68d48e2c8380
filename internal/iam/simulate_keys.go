package iam

import (
	"strings"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/policy"
)

// getContextKeysForCustomPolicy lists the condition keys that the policies of
// the request read.
//
// Source: IAM API Reference, GetContextKeysForCustomPolicy.
func getContextKeysForCustomPolicy(c *awsapi.Call, in *input) execute {
	texts := in.documents("PolicyInputList")
	in.check.Required("policyInputList", in.params.HasAny("PolicyInputList"))
	return func() (awsapi.Result, error) {
		return contextKeysOf(nil, texts)
	}
}

// getContextKeysForPrincipalPolicy adds those that the policies of a user or a
// role read.
//
// Source: IAM API Reference, GetContextKeysForPrincipalPolicy.
func getContextKeysForPrincipalPolicy(c *awsapi.Call, in *input) execute {
	given := in.required("PolicySourceArn", minARN, maxARN)
	texts := in.documents("PolicyInputList")
	return func() (awsapi.Result, error) {
		source, err := findPolicySource(c, given)
		if err != nil {
			return nil, err
		}
		return contextKeysOf(source.documents(), texts)
	}
}

func contextKeysOf(documents []*policy.Document, texts []string) (awsapi.Result, error) {
	brought, err := simulatedDocuments(policy.Identity, texts)
	if err != nil {
		return nil, err
	}
	var keys keyList
	for _, document := range append(documents, brought...) {
		keys.add(document)
	}
	return contextKeyNames(keys.names), nil
}

// keyList has each condition key once, as it is first written.
type keyList struct {
	names []string
	had   map[string]bool // by lower case
}

// add adds the keys that a document reads.
func (l *keyList) add(document *policy.Document) {
	for _, key := range document.ContextKeys() {
		folded := strings.ToLower(key)
		if l.had[folded] {
			continue
		}
		if l.had == nil {
			l.had = map[string]bool{}
		}
		l.had[folded] = true
		l.names = append(l.names, key)
	}
}

type contextKeyNames []string

// WriteXML implements awsapi.Result.
func (r contextKeyNames) WriteXML(x *awsapi.XML) { x.Texts("ContextKeyNames", r) }
