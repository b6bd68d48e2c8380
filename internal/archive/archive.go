// Package archive is an account as files: a directory of plain JSON, to be kept
// under version control and read by people. It also reads the file that the aws
// CLI prints for GetAccountAuthorizationDetails.
//
//	account.json                    the account's number and alias
//	oidc-providers/URL.json
//	policies/NAME/policy.json       a managed policy, and each of its versions:
//	policies/NAME/v1.json
//	groups/NAME/group.json
//	groups/NAME/inline/POLICY.json
//	users/NAME/user.json            inline policies as of groups
//	roles/NAME/role.json            inline policies as of groups
//	roles/NAME/trust-policy.json
//	instance-profiles/NAME.json
//
// Policy documents are files of their own and hold the document byte for byte,
// without a newline behind it. All other files are JSON in one format, members in
// one order: the same account gives the same bytes.
//
// Files are named after what they hold, in lower case, since the names of IAM are
// compared so, and escaped; see fileName. Which spelling is right says the member
// name inside.
//
// What is in no archive: secrets (access keys, the keys of outbound federation),
// and what is counted or comes and goes (uses of policies, times of last use,
// revocations).
//
// The package knows the form of files and nothing of what IAM admits; package iam
// checks that. Reading finds everything that is wrong and says where.
package archive

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/account"
	"github.com/daypass/daypass/internal/store"
)

// format marks account.json as ours; another form of files is another number.
const format = "daypass-account-1"

// Limits of what is read, in bytes and files. A record of the store has at most
// 1 MiB; the details of an account are all of it in one file.
const (
	maxFile    = 2 << 20
	maxDetails = 512 << 20
	maxFiles   = 1 << 20
)

const accountFileName = "account.json"

// kindDirs are the directories of an archive.
var kindDirs = []string{"oidc-providers", "policies", "groups", "users", "roles", "instance-profiles"}

// The files. What is left out where it is empty may be left out by a person too;
// an id and the times are then made up.

type accountFile struct {
	Format  string    `json:"format"`
	Account string    `json:"account"`
	Created time.Time `json:"created,omitzero"`
	Alias   string    `json:"alias,omitempty"`
}

type providerFile struct {
	URL         string      `json:"url"`
	ClientIDs   []string    `json:"clientIds,omitempty"`
	Thumbprints []string    `json:"thumbprints,omitempty"`
	Tags        []store.Tag `json:"tags,omitempty"`
	Created     time.Time   `json:"created,omitzero"`
}

type policyFile struct {
	Name           string        `json:"name"`
	Path           string        `json:"path"`
	ID             string        `json:"id,omitempty"`
	Description    string        `json:"description,omitempty"`
	DefaultVersion string        `json:"defaultVersion"`
	LastVersion    int           `json:"lastVersion,omitempty"`
	Versions       []versionFile `json:"versions"`
	Tags           []store.Tag   `json:"tags,omitempty"`
	Created        time.Time     `json:"created,omitzero"`
	Updated        time.Time     `json:"updated,omitzero"`
}

type versionFile struct {
	ID      string    `json:"id"`
	Created time.Time `json:"created,omitzero"`
}

type groupFile struct {
	Name             string    `json:"name"`
	Path             string    `json:"path"`
	ID               string    `json:"id,omitempty"`
	InlinePolicies   []string  `json:"inlinePolicies,omitempty"`
	AttachedPolicies []string  `json:"attachedPolicies,omitempty"`
	Created          time.Time `json:"created,omitzero"`
}

type userFile struct {
	Name                string      `json:"name"`
	Path                string      `json:"path"`
	ID                  string      `json:"id,omitempty"`
	Groups              []string    `json:"groups,omitempty"` // names
	InlinePolicies      []string    `json:"inlinePolicies,omitempty"`
	AttachedPolicies    []string    `json:"attachedPolicies,omitempty"`
	PermissionsBoundary string      `json:"permissionsBoundary,omitempty"`
	Tags                []store.Tag `json:"tags,omitempty"`
	Created             time.Time   `json:"created,omitzero"`
}

type roleFile struct {
	Name                string            `json:"name"`
	Path                string            `json:"path"`
	ID                  string            `json:"id,omitempty"`
	Description         *string           `json:"description,omitempty"`
	MaxSessionDuration  int               `json:"maxSessionDuration,omitempty"`
	Principals          map[string]string `json:"principals,omitempty"` // see store.Role
	InlinePolicies      []string          `json:"inlinePolicies,omitempty"`
	AttachedPolicies    []string          `json:"attachedPolicies,omitempty"`
	PermissionsBoundary string            `json:"permissionsBoundary,omitempty"`
	Tags                []store.Tag       `json:"tags,omitempty"`
	Created             time.Time         `json:"created,omitzero"`
}

type profileFile struct {
	Name    string      `json:"name"`
	Path    string      `json:"path"`
	ID      string      `json:"id,omitempty"`
	Role    string      `json:"role,omitempty"`
	Tags    []store.Tag `json:"tags,omitempty"`
	Created time.Time   `json:"created,omitzero"`
}

// maxName is how long one name in a path may be, escaped; beyond, it is cut into
// parts of partBytes, each a directory, the last one the file.
const (
	maxName   = 200
	partBytes = 60
)

// fileName gives the path of a thing below its directory, without ".json": the
// name in lower case, and each byte that is not safe on every file system as % and
// two digits. Of the url of a provider, in which case counts, capital letters are
// escaped as well, by exact. Two things have two paths, on file systems also that
// do not tell case, and a path can be read back.
//
// A part of a long name that is not its last has % at its end, which no escape
// has.
func fileName(name string, exact bool) string {
	if !exact {
		name = account.Key(name)
	}
	if whole := escape(name); len(whole) <= maxName {
		return whole
	}
	var parts strings.Builder
	for len(name) > partBytes {
		parts.WriteString(escape(name[:partBytes]) + "%/")
		name = name[partBytes:]
	}
	return parts.String() + escape(name)
}

// devices are names that Windows keeps for itself, whatever stands behind a dot.
var devices = []string{"con", "prn", "aux", "nul", "com", "lpt"}

func escape(name string) string {
	var b strings.Builder
	stem, _, _ := strings.Cut(name, ".")
	stem = strings.TrimRight(stem, "0123456789")
	for i := range len(name) {
		c := name[i]
		safe := c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("+=,@_-", c) >= 0 ||
			c == '.' && i > 0 && i < len(name)-1 // neither hidden, nor ".." nor dropped
		for _, device := range devices {
			safe = safe && (i > 0 || stem != device)
		}
		if safe {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}

// unescape is the inverse of fileName, but for the case of letters where the
// name was not exact. It does not ask whether fileName gives this path.
func unescape(path string) (string, error) {
	path = strings.ReplaceAll(path, "%/", "")
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] != '%' {
			b.WriteByte(path[i])
			continue
		}
		if i+2 >= len(path) {
			return "", fmt.Errorf("archive: %q ends in the middle of an escape", path)
		}
		c, err := strconv.ParseUint(path[i+1:i+3], 16, 8)
		if err != nil {
			return "", fmt.Errorf("archive: %q has a broken escape", path)
		}
		b.WriteByte(byte(c))
		i += 2
	}
	return b.String(), nil
}
