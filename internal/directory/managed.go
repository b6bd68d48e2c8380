package directory

import (
	"iter"
	"strings"
	"sync"

	"github.com/daypass/daypass/internal/arn"
	"github.com/daypass/daypass/internal/managedpolicy"
	"github.com/daypass/daypass/internal/policy"
	"github.com/daypass/daypass/internal/store"
)

// awsPolicies are the AWS managed policies, compiled when one is first asked for.
// They are no records: each account of each snapshot has the same.
var awsPolicies = sync.OnceValue(func() *awsCatalog {
	catalog := &awsCatalog{byARN: map[string]*Policy{}}
	for _, p := range managedpolicy.All() {
		read, err := policy.Parse(policy.Identity, p.Document)
		if err != nil {
			panic("directory: " + p.Name + ": " + err.Error()) // a document of ours; the tests of managedpolicy read each
		}
		compiled := &Policy{
			Policy: store.Policy{
				Account: arn.AWS, Name: p.Name, Path: p.Path, ID: p.ID, Description: p.Description, DefaultVersion: p.DefaultVersion,
				Versions: []store.PolicyVersion{{ID: p.DefaultVersion, Document: p.Document, Created: p.Updated}},
				Created:  p.Created, Updated: p.Updated,
			},
			ARN:      p.ARN(),
			document: &document{kind: policy.Identity, text: p.Document, kept: read},
		}
		catalog.byARN[strings.ToLower(compiled.ARN)] = compiled
		catalog.all = append(catalog.all, compiled)
	}
	return catalog
})

type awsCatalog struct {
	all   []*Policy          // in order of their names in lower case
	byARN map[string]*Policy // by the ARN in lower case
}

// AWSPoliciesAfter gives the AWS managed policies in order of their names in
// lower case, from the first that comes after the given name ("" for all).
func (s *Snapshot) AWSPoliciesAfter(name string) iter.Seq[*Policy] {
	name = strings.ToLower(name)
	return func(yield func(*Policy) bool) {
		for _, p := range awsPolicies().all {
			if strings.ToLower(p.Name) > name && !yield(p) {
				return
			}
		}
	}
}

// Uses tells how many roles, users and groups of an account have a managed policy
// attached, and of how many it is the permissions boundary. A customer managed
// policy's record knows; of an AWS managed policy they are counted.
func (s *Snapshot) Uses(account string, p *Policy) (attached, bounded int) {
	if p.Account != arn.AWS {
		return p.AttachmentCount, p.BoundaryCount
	}
	for range s.AttachedTo(account, p.ARN, "") {
		attached++
	}
	for range s.BoundedBy(account, p.ARN, "") {
		bounded++
	}
	return attached, bounded
}
