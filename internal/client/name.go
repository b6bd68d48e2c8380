package client

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
)

// maxSessionName is the most characters of a role session's name, of which AWS takes
// [\w+=,.@-]{2,64} (STS API Reference, RoleSessionName).
const (
	maxSessionName = 64
	minSessionName = 2
	nameHash       = 6 // hexadecimal digits that tell apart what was cut
)

// nameTemplates are what sessions are called where nobody says: by the claims of the
// CI system's tokens that name the job. The first of whose claims the token has all
// is taken.
var nameTemplates = []string{
	"gitlab-{project_id}-{pipeline_id}-{job_id}",
	"github-{repository_id}-{run_id}-{run_attempt}",
	"buildkite-{pipeline_slug}-{build_number}",
	"terraform-{terraform_run_id}",
	"bitbucket-{pipelineUuid}-{stepUuid}",
}

var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

// SessionName makes a session's name of a template: {CLAIM} is a claim of the token,
// {env:NAME} an environment variable. Characters that AWS does not take become "-".
// What is too long is cut at its front, where names of one system are alike. What lost
// something either way gets six digits of a hash of the whole, so that two jobs, or
// the branches a/b and a-b, stay two.
//
// "" is the template of the CI system. A claim or a variable that is not there is an
// error: a name that lacks what tells jobs apart would hide who did what.
func SessionName(template string, token *Token, env map[string]string) (string, error) {
	if template != "" {
		name, missing := fillName(template, token, env)
		if missing != "" {
			return "", fmt.Errorf("client: the session's name %q wants %s, which is not there", template, missing)
		}
		return validName(name)
	}
	for _, each := range nameTemplates {
		if name, missing := fillName(each, token, env); missing == "" {
			return validName(name)
		}
	}
	// Nothing is known of the job but its subject: the token tells it from others.
	return validName("daypass-" + token.Claim("sub") + "-" + hashOf(token.raw)[:12])
}

func fillName(template string, token *Token, env map[string]string) (name, missing string) {
	name = placeholder.ReplaceAllStringFunc(template, func(hole string) string {
		key := hole[1 : len(hole)-1]
		variable, isVariable := strings.CutPrefix(key, "env:")
		value := token.Claim(key)
		if isVariable {
			value = env[variable]
		}
		if value == "" && missing == "" {
			missing = "the claim " + key
			if isVariable {
				missing = "the variable " + variable
			}
		}
		return value
	})
	return name, missing
}

var notInName = regexp.MustCompile(`[^A-Za-z0-9_+=,.@-]+`)

func validName(name string) (string, error) {
	valid := strings.Trim(notInName.ReplaceAllString(name, "-"), "-")
	if len(valid) > maxSessionName || valid != name && valid != "" {
		sum := sha256.Sum256([]byte(name))
		hash := "-" + hex.EncodeToString(sum[:])[:nameHash]
		valid = strings.TrimLeft(valid[max(0, len(valid)-(maxSessionName-len(hash))):], "-") + hash
	}
	if len(valid) < minSessionName {
		return "", fmt.Errorf("client: the session's name %q is too short; AWS STS takes 2 to 64 characters of letters, digits and _+=,.@-", name)
	}
	return valid, nil
}
