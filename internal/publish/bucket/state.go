package bucket

import (
	"fmt"
	"maps"
	"mime"
	"slices"
	"strings"
)

// State is a bucket as it stands. A nil member is not known, and Unknown says why: a
// store that does not implement a setting, or credentials that may not read it. What
// is not known is a finding, and never taken for good.
type State struct {
	Block      *Block
	Ownership  *string // of objects; "" where none is set
	Versioning *string // Enabled, Suspended, "" for never
	Encryption *string // the algorithm; "" where none is set
	Policy     *string // "" where there is none
	Website    *bool   // it is served as a web site
	Expires    *bool   // a lifecycle rule deletes what is published
	Forgets    *bool   // one deletes earlier versions of it
	Archives   *bool   // one moves it to where nobody can read it at once
	Listed     *bool   // whoever asks unsigned gets its listing
	// Documents are the answers to who asks for the public keys unsigned.
	Documents map[string]*Document
	Unknown   map[string]string // what could not be asked, and why
}

// Block is the bucket's public access block (S3 User Guide, "Blocking public access
// to your Amazon S3 storage").
type Block struct{ BlockACLs, IgnoreACLs, BlockPolicy, RestrictBuckets bool }

// Document is an answer to a reader without credentials.
type Document struct {
	Status                    int
	ContentType, CacheControl string
}

// The severities of findings. One of Unknown says that nobody looked.
const (
	Critical = "critical" // somebody could sign in, or nobody can
	High     = "high"
	Medium   = "medium"
	Unknown  = "unknown"
)

// Examine says what is wrong with a bucket, the policy among it. The error is of a
// policy that cannot be read.
func (s *State) Examine(l *Layout) ([]Finding, error) {
	found, err := s.policy(l)
	if err != nil {
		return nil, err
	}
	found = append(found, s.access()...)
	found = append(found, s.keeping()...)
	found = append(found, s.documents()...)
	for _, what := range slices.Sorted(maps.Keys(s.Unknown)) {
		found = append(found, Finding{Unknown, what + " could not be looked at: " + s.Unknown[what], "what nobody looked at may be wrong", "look with credentials that may read it, or see in the store's own documentation whether it has it"})
	}
	return found, nil
}

func (s *State) policy(l *Layout) ([]Finding, error) {
	switch {
	case s.Policy == nil:
		return nil, nil
	case *s.Policy == "":
		return []Finding{{Critical, "the bucket has no policy", "nobody but its owner reads the documents, so every job is refused", "daypass publish bucket emit policy"}}, nil
	}
	found, err := Examine(*s.Policy, l)
	if err != nil {
		return nil, fmt.Errorf("the bucket's policy: %w", err)
	}
	return found, nil
}

// access is who may read and write besides the policy.
func (s *State) access() []Finding {
	var found []Finding
	add := func(is bool, f Finding) {
		if is {
			found = append(found, f)
		}
	}
	if b := s.Block; b != nil {
		add(b.BlockPolicy || b.RestrictBuckets, Finding{Critical, "the public access block refuses public policies (BlockPublicPolicy, RestrictPublicBuckets)", "nobody but the account reads the documents, so every job is refused", "set both to false for this bucket; the account's own block must allow it too"})
		add(!b.BlockACLs || !b.IgnoreACLs, Finding{High, "the public access block admits public ACLs (BlockPublicAcls, IgnorePublicAcls)", "an ACL could let strangers write, and the policy does not show it", "set both to true"})
	}
	if s.Ownership != nil {
		add(*s.Ownership != "BucketOwnerEnforced", Finding{High, fmt.Sprintf("object ownership is %q, so ACLs count", *s.Ownership), "who uploads an object can own it, and an ACL can let strangers write", "aws s3api put-bucket-ownership-controls … ObjectOwnership=BucketOwnerEnforced"})
	}
	if s.Listed != nil {
		add(*s.Listed, Finding{High, "anybody can list the bucket", "readers need three objects and no list", "allow s3:GetObject on those alone"})
	}
	if s.Website != nil {
		add(*s.Website, Finding{Medium, "the bucket is served as a web site", "that answers by http, and with pages where an object is missing", "aws s3api delete-bucket-website"})
	}
	return found
}

// keeping is what becomes of the objects.
func (s *State) keeping() []Finding {
	var found []Finding
	if s.Versioning != nil && *s.Versioning != "Enabled" {
		found = append(found, Finding{High, "the bucket keeps no versions", "what somebody overwrites or deletes is gone, and nobody can tell what was public", "aws s3api put-bucket-versioning … Status=Enabled"})
	}
	if s.Encryption != nil && strings.HasPrefix(*s.Encryption, "aws:kms") {
		found = append(found, Finding{Critical, "objects are encrypted with a key of KMS", "a reader without credentials may not use the key, so every job is refused", "set SSE-S3 (AES256), and write the documents anew"})
	}
	if s.Expires != nil && *s.Expires {
		found = append(found, Finding{Critical, "a lifecycle rule deletes the documents", "every job is refused from then on", "take the rule out, or leave the documents out of its filter"})
	}
	if s.Archives != nil && *s.Archives {
		found = append(found, Finding{Critical, "a lifecycle rule archives the documents", "what is archived cannot be read without restoring it, so every job is refused from then on", "take the rule out, or leave the documents out of its filter"})
	}
	if s.Forgets != nil && *s.Forgets {
		found = append(found, Finding{Medium, "a lifecycle rule deletes earlier versions", "after that nobody can tell what was public", "take the rule out: the versions are a few kilobytes"})
	}
	return found
}

// documents are what readers get.
func (s *State) documents() []Finding {
	var found []Finding
	for _, key := range slices.Sorted(maps.Keys(s.Documents)) {
		d := s.Documents[key]
		media, _, err := mime.ParseMediaType(d.ContentType)
		switch {
		case d.Status == 404 || d.Status == 403:
			found = append(found, Finding{Critical, fmt.Sprintf("who asks for %s gets status %d", key, d.Status), "it is not there, or not for everybody", "daypass publish apply, and the policy of daypass publish bucket emit policy"})
			continue
		case d.Status != 200:
			found = append(found, Finding{Critical, fmt.Sprintf("who asks for %s gets status %d", key, d.Status), "AWS reads the two documents and goes nowhere else", "let the bucket answer it with 200"})
			continue
		case !strings.HasSuffix(key, ".jsonl") && (err != nil || media != "application/json"):
			found = append(found, Finding{Medium, fmt.Sprintf("%s comes as %q", key, d.ContentType), "readers may ask for application/json", "daypass publish apply writes it so"})
		}
		if !strings.HasSuffix(key, ".jsonl") && d.CacheControl == "" {
			found = append(found, Finding{Medium, key + " comes without Cache-Control", "caches keep it for as long as they like, and a key that goes lives on there", "daypass publish apply writes one (--max-age)"})
		}
	}
	return found
}
