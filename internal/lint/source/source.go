// Package source finds roles and their trust policies in texts: a trust policy
// alone, what the aws CLI prints of roles, a Terraform plan or state as JSON, a
// CloudFormation template in JSON or YAML. It says where in the text each stands,
// and what of it could not be read. It is pure: it is given bytes.
//
//   - tree.go: JSON and YAML with places
//   - terraform.go, cloudformation.go: these two; resolve.go: the functions of
//     templates
package source

import (
	"errors"
	"fmt"
	"strings"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/lint"
)

// Role is a role in a text.
type Role struct {
	lint.Role
	// Plain says that the policy is the whole text, or a part of it as it stands, so
	// that it can be written back: the bytes from Start to End.
	Plain      bool
	Start, End int

	line, column int // where the policy begins
	// lines gives for each line of the policy where that stands; nil where the policy
	// is one text on one line.
	lines []place
}

type place struct{ line, column int }

// Locate says where in the text a place of the policy is.
func (r *Role) Locate(line, column int) (fileLine, fileColumn int) {
	switch {
	case line < 1:
		return r.line, r.column
	case r.lines != nil:
		if line > len(r.lines) {
			return r.line, r.column
		}
		return r.lines[line-1].line, r.lines[line-1].column
	case !r.Plain:
		return r.line, r.column
	case line == 1:
		return r.line, r.column + column - 1
	}
	return r.line + line - 1, column
}

// Note is something of a text that could not be read, or is known only in part.
type Note struct {
	Line    int
	Message string
	// Missing says that a role was not examined for it.
	Missing bool
}

// File is what was found in a text.
type File struct {
	Roles     []Role
	Providers []lint.Provider
	Notes     []Note
}

// ErrKind is the error for a text in which nobody would write roles.
var ErrKind = errors.New("source: this is none of: a trust policy, a Terraform plan (terraform show -json), a CloudFormation template, what the aws CLI prints of roles")

// IsDetails reports whether a text is what the aws CLI prints for
// GetAccountAuthorizationDetails, which package archive reads.
func IsDetails(text []byte) bool {
	root, err := readJSON(text)
	return err == nil && root.get("RoleDetailList") != nil
}

// Read finds the roles of a text.
func Read(text []byte) (*File, error) {
	root, err := readJSON(text)
	if err != nil {
		var yamlErr error
		if root, yamlErr = readYAML(text); yamlErr != nil || root.get("Resources") == nil {
			if looksLikeJSON(text) || yamlErr == nil {
				return nil, err
			}
			return nil, yamlErr
		}
	}
	f := &File{}
	switch {
	case root.get("Statement") != nil:
		f.Roles = []Role{{Role: lint.Role{TrustPolicy: string(text)}, Plain: true, End: len(text), line: 1, column: 1}}
	case root.get("planned_values") != nil || root.get("values") != nil && root.get("format_version") != nil:
		readTerraform(f, root)
	case root.get("Resources") != nil:
		readTemplate(f, root, text)
	case root.get("Role") != nil:
		f.described(root.get("Role"), text)
	case root.get("Roles") != nil:
		for _, role := range root.get("Roles").items {
			f.described(role, text)
		}
	default:
		return nil, ErrKind
	}
	for i := range f.Roles {
		f.Roles[i].Providers = f.Providers
	}
	return f, nil
}

func looksLikeJSON(text []byte) bool {
	trimmed := strings.TrimSpace(string(text[:min(len(text), 4096)]))
	return strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[")
}

// described reads a role as the aws CLI prints it.
func (f *File) described(n *node, text []byte) {
	document := n.get("AssumeRolePolicyDocument")
	if document == nil {
		return
	}
	r := Role{Role: lint.Role{Name: n.get("RoleName").string(), ARN: n.get("Arn").string(), MaxSessionDuration: n.get("MaxSessionDuration").number()}, line: document.line, column: document.column}
	r.Account = accountOf(r.ARN)
	r.document(document, text)
	f.Roles = append(f.Roles, r)
}

// document takes a policy that stands in the text: as an object, or as a text.
func (r *Role) document(n *node, text []byte) {
	if n.kind == isString {
		r.TrustPolicy = n.text
		return
	}
	r.TrustPolicy, r.Plain, r.Start, r.End = string(text[n.start:n.end]), true, n.start, n.end
}

func accountOf(name string) string {
	a, err := arn.Parse(name)
	if err != nil || !arn.ValidAccount(a.Account) {
		return ""
	}
	return a.Account
}

func (f *File) note(line int, missing bool, format string, args ...any) {
	f.Notes = append(f.Notes, Note{line, fmt.Sprintf(format, args...), missing})
}

// providerOf is a provider by its URL, in some account.
func providerOf(url string, clientIDs []string) lint.Provider {
	bare := strings.TrimPrefix(url, "https://")
	return lint.Provider{ARN: arn.OIDCProvider(someAccount, bare), URL: bare, ClientIDs: clientIDs}
}
