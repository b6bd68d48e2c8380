// Package managedpolicy is the AWS managed policies, arn:aws:iam::aws:policy/…,
// that tutorials, modules and pipelines name.
//
// Names, paths, default versions and times are AWS's, from published listings of
// IAM's answers up to May 2026; they were not repeated for Daypass. The documents
// are not: each is written here to what the AWS Managed Policy Reference says
// that the policy is for. A document never allows what AWS's does not, and may
// allow less, where AWS's has grown with services and console pages that few
// need. Those that only read hold no write, and no action known to answer with a
// secret, also where AWS's do. Exceptions are AmazonSSMReadOnlyAccess and
// AmazonS3ReadOnlyAccess, which are every Get of their service, and the token by
// which images are pulled.
//
// A document is a file in documents, under the policy's name; table.go holds
// the rest. docs/managed-policies.md lists them; its test writes it.
package managedpolicy

import (
	"crypto/sha256"
	"embed"
	"encoding/base32"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/daypass/daypass/internal/arn"
)

// Policy is one AWS managed policy. All callers see the same one: it must not
// be changed.
type Policy struct {
	Name string
	Path string // "/", "/job-function/", "/service-role/"
	// Description says what the policy is for, in words of ours.
	Description string
	// ID is ANPA and 17 letters and digits. It is AWS's where an answer of IAM
	// that shows it was published; otherwise it follows from the ARN, and stays.
	ID string
	// DefaultVersion is AWS's, and the only version that there is here.
	DefaultVersion string
	// Document is of the grammar policy.Identity.
	Document         string
	Created, Updated time.Time // AWS's
}

// ARN is the name by which the policy is attached. Where others have an account
// it has "aws".
func (p *Policy) ARN() string { return arn.Policy("aws", p.Path, p.Name) }

// All gives the policies in order of their names in lower case.
func All() []*Policy { return slices.Clone(catalog().all) }

// Find gives the policy with that ARN. Letters may be of either case, as in
// every name in IAM; the path is part of the ARN.
func Find(policyARN string) (*Policy, bool) {
	p, ok := catalog().byARN[strings.ToLower(policyARN)]
	return p, ok
}

type policies struct {
	all   []*Policy
	byARN map[string]*Policy // by the ARN in lower case
}

//go:embed documents/*.json
var documents embed.FS

// catalog is put together when it is first asked for.
var catalog = sync.OnceValue(func() *policies {
	c := &policies{byARN: make(map[string]*Policy, len(table))}
	for _, p := range table {
		if p.Path == "" {
			p.Path = "/"
		}
		if p.ID == "" {
			p.ID = derivedID(p.ARN())
		}
		document, err := documents.ReadFile("documents/" + p.Name + ".json")
		if err != nil {
			panic("managedpolicy: " + err.Error()) // a policy without a file; the tests see each
		}
		p.Document = strings.TrimSuffix(string(document), "\n")
		c.all = append(c.all, &p)
		c.byARN[strings.ToLower(p.ARN())] = &p
	}
	slices.SortFunc(c.all, func(a, b *Policy) int {
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return c
})

// derivedID makes an id of the form of AWS's from an ARN: the same in every
// build and on every node.
func derivedID(policyARN string) string {
	sum := sha256.Sum256([]byte(policyARN))
	return "ANPA" + base32.StdEncoding.EncodeToString(sum[:])[:17]
}

// at reads a time of the table.
func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic("managedpolicy: " + err.Error())
	}
	return t
}
