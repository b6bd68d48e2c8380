package iam

import (
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/awsapi"
	"github.com/daypass/daypass/internal/policy"
)

// getContextKeysForCustomPolicy lists the condition keys that the policies of
// the request read.
//
// Source: IAM API Reference, GetContextKeysForCustomPolicy.
func getContextKeysForCustomPolicy(c *awsapi.Call) (awsapi.Result, error) {
	in := read(c)
	texts := in.documents("PolicyInputList")
	in.check.Required("policyInputList", in.params.HasAny("PolicyInputList"))
	if err := in.err(); err != nil {
		return nil, err
	}
	return contextKeysOf(nil, texts)
}

// getContextKeysForPrincipalPolicy adds those that the policies of a user or a
// role read.
//
// Source: IAM API Reference, GetContextKeysForPrincipalPolicy.
func getContextKeysForPrincipalPolicy(c *awsapi.Call) (awsapi.Result, error) {
	in := read(c)
	given := in.required("PolicySourceArn", minARN, maxARN)
	texts := in.documents("PolicyInputList")
	if err := in.err(); err != nil {
		return nil, err
	}
	source, err := findPolicySource(c, given)
	if err != nil {
		return nil, err
	}
	return contextKeysOf(source.documents(), texts)
}

func contextKeysOf(documents []*policy.Document, texts []string) (awsapi.Result, error) {
	brought, err := simulatedDocuments(policy.Identity, texts)
	if err != nil {
		return nil, err
	}
	var reply contextKeyNames
	for _, document := range append(documents, brought...) {
		reply = appendKeys(reply, document)
	}
	return reply, nil
}

// appendKeys adds the keys that a document reads to a list that has each once.
func appendKeys(keys []string, document *policy.Document) []string {
	for _, key := range document.ContextKeys() {
		if !slices.ContainsFunc(keys, func(had string) bool { return strings.EqualFold(had, key) }) {
			keys = append(keys, key)
		}
	}
	return keys
}

type contextKeyNames []string

// WriteXML implements awsapi.Result.
func (r contextKeyNames) WriteXML(x *awsapi.XML) { x.Texts("ContextKeyNames", r) }
