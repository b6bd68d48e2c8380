package ci

import (
	"fmt"
	"slices"
	"strings"
)

// idTokens reads a map of name to {aud}. The messages after the path are
// GitLab's (its id_token_spec.rb).
func (r *jobReader) idTokens(n *node) {
	prefix := r.prefix + ":id_tokens"
	if n.kind != mapNode {
		r.add(n, "%s config should be a hash", prefix)
		return
	}
	var out []IDToken
	for _, e := range n.entries {
		path := prefix + ":" + e.key
		if !variableName.MatchString(e.key) {
			r.add(e.at, "%s: the name of an ID token becomes a variable: "+
				"it may hold letters, digits and underscores, and not begin with a digit", path)
			continue
		}
		if e.value.kind != mapNode {
			r.addHint(e.value, "write aud below it", "%s id token config should be a hash", path)
			continue
		}
		for _, k := range e.value.entries {
			if k.key != "aud" {
				r.addHint(k.at, nearest(k.key, []string{"aud"}), "%s id token config contains unknown keys: %s", path, k.key)
			}
		}
		aud, ok := e.value.get("aud")
		if !ok || aud.value.kind == nullNode {
			r.addHint(e.at, "aud is whom the token is for, such as sts.amazonaws.com", "%s id token config missing required keys: aud", path)
			continue
		}
		if t, ok := readAud(aud.value); ok {
			t.Name = e.key
			out = append(out, t)
		} else {
			r.add(aud.value, "%s id token aud should be an array of strings or a string", path)
		}
	}
	r.job.IDTokens = out
}

// readAud reads a string or a flat array of strings: not empty, none twice.
func readAud(n *node) (IDToken, bool) {
	items := []*node{n}
	t := IDToken{List: n.kind == sequenceNode}
	if t.List {
		items = n.items
	}
	seen := map[string]bool{}
	for _, item := range items {
		if item.kind != stringNode || item.text == "" || seen[item.text] {
			return IDToken{}, false
		}
		seen[item.text] = true
		t.Aud = append(t.Aud, item.text)
	}
	return t, len(t.Aud) > 0
}

// provider says how one provider of secrets is written.
type provider struct {
	required, optional []string // paths of strings below it
	short              string   // what the parts of the short form are called; "" without one
}

// providers are those of secrets.
//
// Source: GitLab Docs, "CI/CD YAML syntax reference", secrets, and "Use AWS
// Secrets Manager secrets in GitLab CI/CD".
var providers = map[string]provider{
	"vault":                  {required: []string{"path", "field"}, optional: []string{"engine.name", "engine.path"}, short: "vault"},
	"gcp_secret_manager":     {required: []string{"name"}, optional: []string{"version"}},
	"azure_key_vault":        {required: []string{"name"}, optional: []string{"version"}},
	"gitlab_secrets_manager": {required: []string{"name"}, optional: []string{"source"}},
	"aws_secrets_manager": {
		required: []string{"secret_id"},
		optional: []string{"field", "version_id", "version_stage", "region", "role_arn", "role_session_name"},
		short:    "aws",
	},
}

// secrets reads a map of variable to provider.
func (r *jobReader) secrets(n *node) {
	prefix := r.prefix + ":secrets"
	if n.kind != mapNode {
		r.add(n, "%s config should be a hash", prefix)
		return
	}
	for _, e := range n.entries {
		path := prefix + ":" + e.key
		if !variableName.MatchString(e.key) {
			r.add(e.at, "%s: the name of a secret becomes a variable: "+
				"it may hold letters, digits and underscores, and not begin with a digit", path)
			continue
		}
		if e.value.kind != mapNode {
			r.add(e.value, "%s config should be a hash", path)
			continue
		}
		s := r.secret(path, e)
		r.job.Secrets = append(r.job.Secrets, s)
		if s.Provider == "aws_secrets_manager" { // whoever runs the job can ask it
			continue
		}
		r.job.Refused = append(r.job.Refused, fault(e.at, fmt.Sprintf("give its value with --variable %s=VALUE", e.key),
			fmt.Sprintf("%s cannot be fetched here: no %s is asked for secrets", path, strings.ReplaceAll(s.Provider, "_", " "))))
	}
}

func (r *jobReader) secret(path string, e entry) Secret {
	s := Secret{Name: e.key, File: true, Position: e.at.position()}
	known := []string{"file", "token"}
	for name := range providers {
		known = append(known, name)
	}
	slices.Sort(known)
	r.unknownKeys(path, e.value, known)
	for _, k := range e.value.entries {
		v := k.value
		p, isProvider := providers[k.key]
		switch {
		case v.kind == nullNode:
		case k.key == "file":
			if b := r.flag(path+" file", v); b != nil {
				s.File = *b
			}
		case k.key == "token":
			if s.Token = v.text; v.kind != stringNode || !strings.HasPrefix(v.text, "$") {
				r.addHint(v, "write the variable of an ID token, such as $VAULT_ID_TOKEN", "%s token should be a string", path)
			}
		case isProvider && s.Provider != "":
			r.add(k.at, "%s config must use exactly one of these keys: %s, %s", path, s.Provider, k.key)
		case isProvider:
			s.Provider = k.key
			s.Settings = r.providerSettings(path+":"+k.key, p, v)
		}
	}
	if s.Provider == "" {
		r.add(e.value, "%s config must use exactly one of these keys: vault, gcp_secret_manager, azure_key_vault, "+
			"aws_secrets_manager, gitlab_secrets_manager", path)
	}
	if s.Token == "" && (s.Provider == "gcp_secret_manager" || s.Provider == "azure_key_vault") {
		r.add(e.value, "%s token is required with %s", path, strings.ReplaceAll(s.Provider, "_", " "))
	}
	return s
}

// providerSettings reads what is below a provider.
func (r *jobReader) providerSettings(path string, p provider, n *node) map[string]string {
	out := map[string]string{}
	switch {
	case n.kind == stringNode && p.short != "":
		r.shortSecret(path, p.short, n, out)
		return out
	case n.kind != mapNode:
		r.add(n, "%s config should be a hash", path)
		return out
	}
	words := slices.Concat(p.required, p.optional)
	var known []string
	for _, w := range words {
		first, _, _ := strings.Cut(w, ".")
		known = append(known, first)
	}
	r.unknownKeys(path, n, known)
	for _, w := range words {
		at := n
		for part := range strings.SplitSeq(w, ".") {
			e, ok := at.get(part)
			if !ok {
				at = nil
				break
			}
			at = e.value
		}
		switch {
		case at == nil || at.kind == nullNode:
			if slices.Contains(p.required, w) {
				r.add(n, "%s config missing required keys: %s", path, w)
			}
		case at.kind == stringNode, at.kind == numberNode:
			out[w] = at.text
		default:
			r.add(at, "%s %s should be a string", path, w)
		}
	}
	if out["version_id"] != "" && out["version_stage"] != "" {
		r.add(n, "%s config these keys cannot be used together: version_id, version_stage", path)
	}
	return out
}

// shortSecret takes vault's path/field@engine and AWS's id#field apart.
func (r *jobReader) shortSecret(path, form string, n *node, out map[string]string) {
	if form == "aws" {
		id, field, _ := strings.Cut(n.text, "#")
		if out["secret_id"] = id; id == "" {
			r.add(n, "%s secret id can't be blank", path)
		}
		if field != "" {
			out["field"] = field
		}
		return
	}
	rest, engine, _ := strings.Cut(n.text, "@")
	i := strings.LastIndexByte(rest, '/')
	if i <= 0 || i == len(rest)-1 {
		r.addHint(n, "write path/to/secret/field@engine", "%s config should be a hash", path)
		return
	}
	out["path"], out["field"] = rest[:i], rest[i+1:]
	out["engine.name"], out["engine.path"] = "kv-v2", "kv-v2"
	if engine != "" {
		out["engine.path"] = engine
	}
}
