package s3_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// TestACLs: an ACL can be read, and none can be set but the one that there is.
func TestACLs(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	g.object(t, bucket, "k", "")
	ofBucket, err := g.admin.GetBucketAcl(t.Context(), &s3.GetBucketAclInput{Bucket: &bucket})
	must(t, err)
	ofObject, err := g.admin.GetObjectAcl(t.Context(), &s3.GetObjectAclInput{Bucket: &bucket, Key: aws.String("k")})
	must(t, err)
	for _, grants := range [][]types.Grant{ofBucket.Grants, ofObject.Grants} {
		if len(grants) != 1 || grants[0].Permission != types.PermissionFullControl || grants[0].Grantee.Type != types.TypeCanonicalUser ||
			*grants[0].Grantee.ID != *ofBucket.Owner.ID || *ofObject.Owner.ID != *ofBucket.Owner.ID {
			t.Errorf("grants %+v of owner %v", grants, *ofBucket.Owner.ID)
		}
	}
	put := func(acl types.ObjectCannedACL, grant string) error {
		in := &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("new"), Body: strings.NewReader("x"), ACL: acl}
		if grant != "" {
			in.GrantRead = &grant
		}
		_, err := g.admin.PutObject(t.Context(), in)
		return err
	}
	const none = "AccessControlListNotSupported"
	want(t, "public-read", put(types.ObjectCannedACLPublicRead, ""), none)
	want(t, "a grant", put("", `uri="http://acs.amazonaws.com/groups/global/AllUsers"`), none)
	want(t, "what was refused", get(t, g.admin, bucket, "new"), "NoSuchKey")
	want(t, "bucket-owner-full-control", put(types.ObjectCannedACLBucketOwnerFullControl, ""), "")
	want(t, "private", put(types.ObjectCannedACLPrivate, ""), "")
	_, err = g.admin.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: aws.String("k"), ACL: types.ObjectCannedACLPublicRead})
	want(t, "an upload in parts", err, none)
	_, err = g.admin.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: &bucket, Key: aws.String("new"), CopySource: aws.String(bucket + "/k"), ACL: types.ObjectCannedACLPublicRead})
	want(t, "a copy", err, none)
	_, err = g.admin.PutBucketAcl(t.Context(), &s3.PutBucketAclInput{Bucket: &bucket, ACL: types.BucketCannedACLPrivate})
	want(t, "of the bucket", err, none)
	_, err = g.admin.PutObjectAcl(t.Context(), &s3.PutObjectAclInput{Bucket: &bucket, Key: aws.String("k"), AccessControlPolicy: &types.AccessControlPolicy{
		Owner: ofObject.Owner, Grants: ofObject.Grants,
	}})
	want(t, "what was read", err, "")
	_, err = g.admin.PutObjectAcl(t.Context(), &s3.PutObjectAclInput{Bucket: &bucket, Key: aws.String("none"), ACL: types.ObjectCannedACLBucketOwnerFullControl})
	want(t, "of what is not there", err, "NoSuchKey")
	reply := g.send(t, signed{config: g.AdminConfig, method: http.MethodPut, target: "/" + bucket + "/k?x-amz-acl=public-read", expires: "60"})
	if !strings.Contains(reply.Body, none) {
		t.Errorf("in a presigned URL: %d %s", reply.Status, reply.Body)
	}
}

// TestOwnershipControls: there is one object ownership.
func TestOwnershipControls(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	put := func(ownership types.ObjectOwnership) error {
		_, err := g.admin.PutBucketOwnershipControls(t.Context(), &s3.PutBucketOwnershipControlsInput{
			Bucket: &bucket, OwnershipControls: &types.OwnershipControls{Rules: []types.OwnershipControlsRule{{ObjectOwnership: ownership}}},
		})
		return err
	}
	want(t, "the one", put(types.ObjectOwnershipBucketOwnerEnforced), "")
	want(t, "another", put(types.ObjectOwnershipObjectWriter), "NotImplemented")
	out, err := g.admin.GetBucketOwnershipControls(t.Context(), &s3.GetBucketOwnershipControlsInput{Bucket: &bucket})
	must(t, err)
	if rules := out.OwnershipControls.Rules; len(rules) != 1 || rules[0].ObjectOwnership != types.ObjectOwnershipBucketOwnerEnforced {
		t.Errorf("rules %+v", rules)
	}
	name := bucket + "-writer"
	_, err = g.admin.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name, ObjectOwnership: types.ObjectOwnershipObjectWriter})
	want(t, "a bucket of another", err, "NotImplemented")
}

// TestPublicAccessBlock: a new bucket blocks all, and what is put is kept.
func TestPublicAccessBlock(t *testing.T) {
	g := start(t, nil)
	name := g.bucket(t) + "-new"
	_, err := g.admin.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name})
	must(t, err)
	blocked := func() string {
		out, err := g.admin.GetPublicAccessBlock(t.Context(), &s3.GetPublicAccessBlockInput{Bucket: &name})
		if err != nil {
			return code(err)
		}
		text := ""
		c := out.PublicAccessBlockConfiguration
		for _, on := range []*bool{c.BlockPublicAcls, c.IgnorePublicAcls, c.BlockPublicPolicy, c.RestrictPublicBuckets} {
			text += map[bool]string{true: "1", false: "0"}[*on]
		}
		return text
	}
	if got := blocked(); got != "1111" {
		t.Errorf("a new bucket: %s", got)
	}
	_, err = g.admin.PutPublicAccessBlock(t.Context(), &s3.PutPublicAccessBlockInput{Bucket: &name, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
		IgnorePublicAcls: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true),
	}})
	must(t, err)
	if got := blocked(); got != "0101" {
		t.Errorf("what was put: %s", got)
	}
	_, err = g.admin.DeletePublicAccessBlock(t.Context(), &s3.DeletePublicAccessBlockInput{Bucket: &name})
	must(t, err)
	if got := blocked(); got != "NoSuchPublicAccessBlockConfiguration" {
		t.Errorf("when it is deleted: %s", got)
	}
}

// TestRestrictPublicBuckets: while a policy is public, it grants others nothing,
// also where it names them.
func TestRestrictPublicBuckets(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	g.object(t, bucket, "a", "")
	named := `{"Effect":"Allow","Principal":{"AWS":"` + other + `"},"Action":"s3:GetObject","Resource":"BUCKET/*"}`
	g.putPolicy(t, bucket, named+`,{"Effect":"Allow","Principal":"*","Action":"s3:ListBucket","Resource":"BUCKET"}`)
	restrict := func(on bool) {
		_, err := g.admin.PutPublicAccessBlock(t.Context(), &s3.PutPublicAccessBlockInput{
			Bucket: &bucket, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{RestrictPublicBuckets: &on},
		})
		must(t, err)
	}
	want(t, "not restricted", get(t, g.foreign, bucket, "a"), "")
	restrict(true)
	want(t, "restricted", get(t, g.foreign, bucket, "a"), "AccessDenied")
	if e := g.lastEvent(t); !strings.Contains(e.Reason, "RestrictPublicBuckets") {
		t.Errorf("reason %q", e.Reason)
	}
	g.putPolicy(t, bucket, named)
	want(t, "a policy that is not public", get(t, g.foreign, bucket, "a"), "")
}

// TestPolicyStatus asks which policies are public.
func TestPolicyStatus(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	for _, c := range []struct {
		principal, condition string
		public               bool
	}{
		{`"*"`, ``, true},
		{`{"AWS":"*"}`, ``, true},
		{`{"AWS":"` + other + `"}`, ``, false},
		{`"*"`, `{"StringEquals":{"aws:PrincipalAccount":"` + other + `"}}`, false},
		{`"*"`, `{"StringEquals":{"aws:PrincipalAccount":"*"}}`, true},
		{`"*"`, `{"StringLike":{"aws:PrincipalArn":"arn:aws:iam::` + other + `:role/*"}}`, true},
		{`"*"`, `{"StringEqualsIfExists":{"aws:PrincipalAccount":"` + other + `"}}`, true},
		{`"*"`, `{"StringNotEquals":{"aws:PrincipalAccount":"` + other + `"}}`, true},
		{`"*"`, `{"StringEquals":{"s3:ExistingObjectTag/a":"b"}}`, true},
		{`"*"`, `{"Bool":{"aws:SecureTransport":"true"}}`, true},
		{`"*"`, `{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, false},
		{`"*"`, `{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","0.0.0.0/1"]}}`, true},
		{`"*"`, `{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, true},
		{`"*"`, `{"IpAddress":{"aws:SourceIp":"2001:db8::/31"}}`, true},
		{`"*"`, `{"IpAddress":{"aws:SourceIp":"2001:db8::/32"}}`, false},
		{`"*"`, `{"StringLike":{"aws:userid":"AROAEXAMPLEEXAMPLEXXX:*"}}`, false},
	} {
		statement := `{"Effect":"Allow","Principal":` + c.principal + `,"Action":"s3:GetObject","Resource":"BUCKET/*"`
		if c.condition != "" {
			statement += `,"Condition":` + c.condition
		}
		g.putPolicy(t, bucket, statement+`}`)
		out, err := g.admin.GetBucketPolicyStatus(t.Context(), &s3.GetBucketPolicyStatusInput{Bucket: &bucket})
		must(t, err)
		if *out.PolicyStatus.IsPublic != c.public {
			t.Errorf("%s with %s: public %t", c.principal, c.condition, *out.PolicyStatus.IsPublic)
		}
	}
	g.putPolicy(t, bucket, `{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"BUCKET/*"}`)
	out, err := g.admin.GetBucketPolicyStatus(t.Context(), &s3.GetBucketPolicyStatusInput{Bucket: &bucket})
	must(t, err)
	if *out.PolicyStatus.IsPublic {
		t.Error("a denial is public")
	}
}

// TestExpectedOwner: the buckets of a request are of whom the client expects.
func TestExpectedOwner(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	g.object(t, bucket, "a", "")
	for owner, wanted := range map[string]string{account: "", other: "AccessDenied", "me": "InvalidBucketOwnerAWSAccountID"} {
		_, err := g.admin.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket, ExpectedBucketOwner: &owner})
		want(t, "a listing, of "+owner, err, wanted)
		_, err = g.admin.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{
			Bucket: &bucket, ExpectedBucketOwner: &owner, Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: aws.String("none")}}},
		})
		want(t, "deletions, of "+owner, err, wanted)
		_, err = g.admin.CopyObject(t.Context(), &s3.CopyObjectInput{
			Bucket: &bucket, Key: aws.String("b"), CopySource: aws.String(bucket + "/a"), ExpectedBucketOwner: aws.String(account), ExpectedSourceBucketOwner: &owner,
		})
		want(t, "the source of a copy, of "+owner, err, wanted)
	}
}

// TestOwners: listings tell of the account that owns the bucket, and nothing of
// the store's own user.
func TestOwners(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	const tricky = "<Owner>x</Owner>&"
	g.object(t, bucket, tricky, "")
	upload := g.upload(t, bucket, "big")
	buckets, err := g.admin.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	must(t, err)
	for _, target := range []string{"", "?list-type=2&fetch-owner=true", "?versions", "?uploads", "/big?uploadId=" + upload} {
		got := g.send(t, signed{config: g.AdminConfig, method: http.MethodGet, target: "/" + bucket + target})
		told := strings.Contains(got.Body, "<Owner><ID>"+*buckets.Owner.ID+"</ID></Owner>")
		if target == "?versions" { // of which the embedded store tells no owners
			told = !strings.Contains(got.Body, "<Owner>")
		}
		if got.Status != http.StatusOK || !told || strings.Contains(got.Body, "<ID>daypass") {
			t.Errorf("%q: %d %s", target, got.Status, got.Body)
		}
	}
	listed, err := g.admin.ListObjects(t.Context(), &s3.ListObjectsInput{Bucket: &bucket})
	must(t, err)
	if len(listed.Contents) != 1 || *listed.Contents[0].Key != tricky {
		t.Errorf("listed %+v", listed.Contents)
	}
}

// TestTagsOfNewBucket: they are kept, and a bucket whose tags the store refuses is
// not made.
func TestTagsOfNewBucket(t *testing.T) {
	g := start(t, nil)
	name := g.bucket(t) + "-tagged"
	create := func(value string) error {
		_, err := g.admin.CreateBucket(t.Context(), &s3.CreateBucketInput{
			Bucket: &name, CreateBucketConfiguration: &types.CreateBucketConfiguration{Tags: []types.Tag{{Key: aws.String("team"), Value: &value}}},
		})
		return err
	}
	want(t, "a value that S3 does not take", create("red & blue"), "InvalidTag")
	_, err := g.admin.GetBucketLocation(t.Context(), &s3.GetBucketLocationInput{Bucket: &name})
	want(t, "the bucket", err, "NoSuchBucket")
	must(t, create("red + blue"))
	out, err := g.admin.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: &name})
	must(t, err)
	if len(out.TagSet) != 1 || *out.TagSet[0].Key != "team" || *out.TagSet[0].Value != "red + blue" {
		t.Errorf("tags %+v", out.TagSet)
	}
}
