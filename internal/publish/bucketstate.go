package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/publish/bucket"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// BucketState reads how a bucket stands: its settings with the caller's credentials,
// and what the public sees without any. What cannot be read is in Unknown. The error
// is of a bucket that is not there, or is not the expected owner's.
func BucketState(ctx context.Context, c S3Config) (*bucket.State, error) {
	_, err := c.Client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &c.Bucket, ExpectedBucketOwner: ownerOf(&c)})
	switch status(err) {
	case 404:
		return nil, fmt.Errorf("publish: there is no bucket %q: make it (daypass publish bucket emit), before somebody else does", c.Bucket)
	case 403:
		return nil, fmt.Errorf("publish: the bucket %q is not of the account %s, or these credentials may not look at it, or it is asked over http, which its policy should refuse: %w", c.Bucket, c.Owner, err)
	}
	if err != nil {
		return nil, fmt.Errorf("publish: the bucket %q: %w", c.Bucket, err)
	}
	r := &stateReader{S3Config: c, state: &bucket.State{Documents: map[string]*bucket.Document{}, Unknown: map[string]string{}}}
	r.access(ctx)
	r.keeping(ctx)
	r.rules(ctx)
	r.public(ctx)
	return r.state, ctx.Err()
}

func ownerOf(c *S3Config) *string {
	if c.Owner == "" {
		return nil
	}
	return &c.Owner
}

type stateReader struct {
	S3Config
	state *bucket.State
}

// known reports whether an answer says how a setting is. none are the codes that say
// that it is not set.
func (r *stateReader) known(what string, err error, none ...string) (is, set bool) {
	if err == nil {
		return true, true
	}
	for _, c := range none {
		if code(err) == c {
			return true, false
		}
	}
	why := code(err)
	if why == "" {
		why = err.Error()
	}
	r.state.Unknown[what] = why
	return false, false
}

func (r *stateReader) access(ctx context.Context) {
	block, err := r.Client.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &r.Bucket, ExpectedBucketOwner: ownerOf(&r.S3Config)})
	if is, set := r.known("the public access block", err, "NoSuchPublicAccessBlockConfiguration"); is {
		r.state.Block = &bucket.Block{}
		if set && block.PublicAccessBlockConfiguration != nil {
			b := block.PublicAccessBlockConfiguration
			*r.state.Block = bucket.Block{BlockACLs: aws.ToBool(b.BlockPublicAcls), IgnoreACLs: aws.ToBool(b.IgnorePublicAcls), BlockPolicy: aws.ToBool(b.BlockPublicPolicy), RestrictBuckets: aws.ToBool(b.RestrictPublicBuckets)}
		}
	}
	owner, err := r.Client.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: &r.Bucket, ExpectedBucketOwner: ownerOf(&r.S3Config)})
	if is, set := r.known("object ownership", err, "OwnershipControlsNotFoundError"); is {
		r.state.Ownership = new(string)
		if set && owner.OwnershipControls != nil && len(owner.OwnershipControls.Rules) > 0 {
			*r.state.Ownership = string(owner.OwnershipControls.Rules[0].ObjectOwnership)
		}
	}
	policy, err := r.Client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &r.Bucket, ExpectedBucketOwner: ownerOf(&r.S3Config)})
	if is, set := r.known("the policy", err, "NoSuchBucketPolicy"); is {
		r.state.Policy = new(string)
		if set {
			*r.state.Policy = aws.ToString(policy.Policy)
		}
	}
	_, err = r.Client.GetBucketWebsite(ctx, &s3.GetBucketWebsiteInput{Bucket: &r.Bucket, ExpectedBucketOwner: ownerOf(&r.S3Config)})
	if is, set := r.known("the web site", err, "NoSuchWebsiteConfiguration"); is {
		r.state.Website = &set
	}
}

func (r *stateReader) keeping(ctx context.Context) {
	versions, err := r.Client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &r.Bucket, ExpectedBucketOwner: ownerOf(&r.S3Config)})
	if is, _ := r.known("versioning", err); is {
		r.state.Versioning = aws.String(string(versions.Status))
	}
	encryption, err := r.Client.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &r.Bucket, ExpectedBucketOwner: ownerOf(&r.S3Config)})
	if is, set := r.known("encryption", err, "ServerSideEncryptionConfigurationNotFoundError"); is {
		r.state.Encryption = new(string)
		if set && encryption.ServerSideEncryptionConfiguration != nil {
			for _, rule := range encryption.ServerSideEncryptionConfiguration.Rules {
				if d := rule.ApplyServerSideEncryptionByDefault; d != nil {
					*r.state.Encryption = string(d.SSEAlgorithm)
				}
			}
		}
	}
}

func (r *stateReader) rules(ctx context.Context) {
	out, err := r.Client.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &r.Bucket, ExpectedBucketOwner: ownerOf(&r.S3Config)})
	is, set := r.known("lifecycle rules", err, "NoSuchLifecycleConfiguration")
	if !is {
		return
	}
	var does lifecycle
	if set {
		var keys []string
		for _, key := range append(append([]string{}, r.Public...), LedgerKey) {
			keys = append(keys, r.Prefix+key)
		}
		does = lifecycleOf(out.Rules, keys)
	}
	r.state.Expires, r.state.Forgets, r.state.Archives = &does.expires, &does.forgets, &does.archives
}

// lifecycle is what rules do with objects.
type lifecycle struct{ expires, forgets, archives bool }

// archives are the classes from which nobody can read without restoring first (S3 User
// Guide, "Amazon S3 storage classes").
var archives = map[types.TransitionStorageClass]bool{types.TransitionStorageClassGlacier: true, types.TransitionStorageClassDeepArchive: true}

// lifecycleOf says what the rules that are on do with any of the keys, whose objects
// have no tags.
func lifecycleOf(rules []types.LifecycleRule, keys []string) (does lifecycle) {
	for i := range rules {
		rule := &rules[i]
		if rule.Status != types.ExpirationStatusEnabled || !touches(rule, keys) {
			continue
		}
		if e := rule.Expiration; e != nil {
			does.expires = does.expires || e.Days != nil || e.Date != nil
		}
		does.forgets = does.forgets || rule.NoncurrentVersionExpiration != nil
		for _, t := range rule.Transitions {
			does.archives = does.archives || archives[t.StorageClass]
		}
	}
	return does
}

// touches reports whether a rule is about any of the keys. By the size of objects none
// is left out.
func touches(rule *types.LifecycleRule, keys []string) bool {
	prefix, tagged := aws.ToString(rule.Prefix), false //nolint:staticcheck // the older form of a filter is still in force
	if f := rule.Filter; f != nil {
		prefix, tagged = aws.ToString(f.Prefix), f.Tag != nil
		if f.And != nil {
			prefix, tagged = aws.ToString(f.And.Prefix), len(f.And.Tags) > 0
		}
	}
	return !tagged && slices.ContainsFunc(keys, func(key string) bool { return strings.HasPrefix(key, prefix) })
}

// public asks as anybody does.
func (r *stateReader) public(ctx context.Context) {
	_, err := r.Anonymous.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &r.Bucket, MaxKeys: aws.Int32(1)})
	switch listed := err == nil; {
	case listed || status(err) == 403 || status(err) == 401:
		r.state.Listed = &listed
	default:
		r.known("the listing, unsigned", err)
	}
	for _, key := range append(append([]string{}, r.Public...), LedgerKey) {
		out, err := r.Anonymous.GetObject(ctx, &s3.GetObjectInput{Bucket: &r.Bucket, Key: aws.String(r.Prefix + key)})
		switch {
		case err == nil:
			_ = out.Body.Close() // only its headers count
			r.state.Documents[key] = &bucket.Document{Status: 200, ContentType: aws.ToString(out.ContentType), CacheControl: aws.ToString(out.CacheControl)}
		case status(err) != 0 && !errors.Is(err, context.Canceled):
			r.state.Documents[key] = &bucket.Document{Status: status(err)}
		default:
			r.known(key+", unsigned", err)
		}
	}
}
