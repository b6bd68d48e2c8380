// Package retrust turns a trust policy to an issuer that moved to another host:
// its provider's ARN and the prefix of its condition keys.
//
// Source: IAM User Guide, "Available keys for AWS web identity federation": a
// key's prefix is the provider's URL without its scheme.
package retrust

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/daypass/daypass/internal/policy"
)

// Turn gives the trust policy for the issuer at to instead of from, both without
// a scheme. All else stays as it was written. It is an error when nothing names
// from, when a condition key or a provider is written so that it would be left
// behind, and when the engine does not admit the same subjects as before.
func Turn(text, from, to string) (string, error) {
	if from == "" || to == "" || from == to || strings.ContainsAny(from+to, "\"\\*? ") || strings.Contains(from+to, "://") {
		return "", errors.New("from and to are two different hosts, with their path, without https://")
	}
	old, err := policy.Parse(policy.Trust, text)
	if err != nil {
		return "", err
	}
	turned := strings.NewReplacer(`:oidc-provider/`+from+`"`, `:oidc-provider/`+to+`"`, `"`+from+`:`, `"`+to+`:`).Replace(text)
	if turned == text {
		return "", fmt.Errorf("neither a provider nor a condition key names %s", from)
	}
	doc, err := policy.Parse(policy.Trust, turned)
	if err != nil {
		return "", fmt.Errorf("the turned policy: %w", err)
	}
	var tree any
	if err := json.Unmarshal([]byte(turned), &tree); err != nil {
		return "", err
	}
	s := &seen{from: strings.ToLower(from)}
	s.walk(tree)
	if s.left != "" {
		return "", fmt.Errorf("%q still names %s; write it as AWS does, and try again", s.left, from)
	}
	for _, provider := range s.providers {
		before := strings.Replace(provider, ":oidc-provider/"+to, ":oidc-provider/"+from, 1)
		for _, sub := range append(s.values, "nobody") {
			for _, aud := range append(s.values, "nobody") {
				if admits(old, before, from, sub, aud) != admits(doc, provider, to, sub, aud) {
					return "", fmt.Errorf("the turned policy does not decide as before for the subject %q; does it name %s already?", sub, to)
				}
			}
		}
	}
	return turned, nil
}

func admits(doc *policy.Document, provider, host, sub, aud string) bool {
	var ctx policy.Context
	ctx.SetIn(host, "sub", sub)
	ctx.SetIn(host, "aud", aud)
	d := policy.Decide(&policy.Request{
		Action: "sts:AssumeRoleWithWebIdentity", Resource: "arn:aws:iam::123456789012:role/r",
		Principal: policy.Principal{Federated: provider}, Context: &ctx,
	}, []*policy.Document{doc}, nil)
	return d.Allowed()
}

// seen is what a policy mentions: providers, and values with wildcards filled in.
type seen struct {
	from, left        string
	providers, values []string
}

func (s *seen) walk(v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if strings.HasPrefix(strings.ToLower(key), s.from+":") {
				s.left = key
			}
			s.walk(value)
		}
	case []any:
		for _, value := range v {
			s.walk(value)
		}
	case string:
		switch _, host, ok := strings.Cut(v, ":oidc-provider/"); {
		case ok && strings.TrimSuffix(strings.ToLower(host), "/") == s.from:
			s.left = v
		case ok:
			s.providers = append(s.providers, v)
		default:
			s.values = append(s.values, strings.NewReplacer("*", "x", "?", "x").Replace(v))
		}
	}
}
