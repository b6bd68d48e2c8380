package s3_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/daypass/daypass/internal/store"
)

func get(t *testing.T, c *s3.Client, bucket, key string) error {
	t.Helper()
	out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err == nil {
		must(t, out.Body.Close())
	}
	return err
}

// TestAnonymous: who does not sign gets what the bucket policy gives everyone, if
// the bucket does not block that.
func TestAnonymous(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	g.object(t, bucket, "public/a", "")
	g.object(t, bucket, "private/b", "")
	want(t, "without a policy", get(t, g.anonymous(), bucket, "public/a"), "AccessDenied")
	g.putPolicy(t, bucket, `{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"BUCKET/public/*"}`)
	want(t, "what is public", get(t, g.anonymous(), bucket, "public/a"), "")
	want(t, "what is not", get(t, g.anonymous(), bucket, "private/b"), "AccessDenied")
	want(t, "what is not there", get(t, g.anonymous(), bucket, "public/none"), "AccessDenied")
	if reply := g.send(t, signed{method: "PUT", target: "/" + bucket + "/public/a", body: "x"}); reply.Status != http.StatusForbidden {
		t.Errorf("anonymous put: %d %s", reply.Status, reply.Body)
	}
	if reply := g.send(t, signed{method: "GET", target: "/"}); reply.Status != http.StatusForbidden {
		t.Errorf("anonymous list of buckets: %d %s", reply.Status, reply.Body)
	}
	_, err := g.admin.PutPublicAccessBlock(t.Context(), &s3.PutPublicAccessBlockInput{Bucket: &bucket, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
		RestrictPublicBuckets: aws.Bool(true), BlockPublicPolicy: aws.Bool(true),
	}})
	must(t, err)
	want(t, "what is blocked", get(t, g.anonymous(), bucket, "public/a"), "AccessDenied")
	want(t, "the owner's own", get(t, g.admin, bucket, "public/a"), "")
	_, err = g.admin.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::` + bucket + `/*"}]}`)})
	want(t, "a public policy where those are blocked", err, "AccessDenied")
	// A new bucket blocks all, as on S3 since 2023.
	_, err = g.admin.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket + "-new")})
	must(t, err)
	_, err = g.admin.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String(bucket + "-new"), Policy: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::` + bucket + `-new/*"}]}`)})
	want(t, "a public policy of a new bucket", err, "AccessDenied")
}

// TestAcrossAccounts: the bucket's policy and the caller's must both allow.
func TestAcrossAccounts(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	g.object(t, bucket, "a", "")
	want(t, "without a policy", get(t, g.foreign, bucket, "a"), "AccessDenied")
	poor := g.client(g.UserOf(t, other, "poor"))
	g.putPolicy(t, bucket, `{"Effect":"Allow","Principal":{"AWS":"`+other+`"},"Action":"s3:GetObject","Resource":"BUCKET/*"}`)
	want(t, "both allow", get(t, g.foreign, bucket, "a"), "")
	want(t, "the caller's own do not", get(t, poor, bucket, "a"), "AccessDenied")
	_, err := g.foreign.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("a"), Body: strings.NewReader("x")})
	want(t, "another action", err, "AccessDenied")
	_, err = g.foreign.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket})
	want(t, "the same name", err, "BucketAlreadyExists")
	listed, err := g.foreign.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	must(t, err)
	for _, b := range listed.Buckets {
		if *b.Name == bucket {
			t.Error("another account's bucket is listed")
		}
	}
	_, err = g.admin.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("a"), ExpectedBucketOwner: aws.String(other)})
	want(t, "another owner than expected", err, "AccessDenied")
}

// TestBucketPolicy: a deny wins over an administrator, a name is who had it, and a
// policy that cannot be read denies.
func TestBucketPolicy(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	g.object(t, bucket, "a", "")
	g.object(t, bucket, "sealed", "")
	g.putPolicy(t, bucket, `{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"BUCKET/sealed"}`)
	want(t, "denied by the bucket", get(t, g.admin, bucket, "sealed"), "AccessDenied")
	if e := g.lastEvent(t); e.Decision != "ExplicitDeny" || !strings.Contains(strings.Join(e.Documents, " "), "policy of bucket "+bucket) {
		t.Errorf("event: %s by %q", e.Decision, e.Documents)
	}
	want(t, "not denied", get(t, g.admin, bucket, "a"), "")
	reader := g.user(t, "reader")
	want(t, "without any policy", get(t, reader, bucket, "a"), "AccessDenied")
	g.putPolicy(t, bucket, `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::`+account+`:user/reader"},"Action":"s3:GetObject","Resource":"BUCKET/*"}`)
	want(t, "named by the bucket", get(t, reader, bucket, "a"), "")
	again := g.user(t, "reader")
	want(t, "another one of that name", get(t, again, bucket, "a"), "AccessDenied")
	change(t, g, store.BucketID(bucket), func(b *store.Bucket) { b.Policy = `{"Version":` })
	want(t, "a policy that cannot be read", get(t, g.admin, bucket, "a"), "AccessDenied")
}

// TestConditions asks for keys that only S3 has.
func TestConditions(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	g.object(t, bucket, "red", "team=red")
	g.object(t, bucket, "blue", "team=blue")
	at, objects := "arn:aws:s3:::"+bucket, "arn:aws:s3:::"+bucket+"/*"
	user := g.user(t, "conditions",
		allow("s3:GetObject", objects, `{"StringEquals":{"s3:ExistingObjectTag/team":"red"}}`),
		allow("s3:ListBucket", at, `{"StringEquals":{"s3:prefix":"re"}}`),
		allow("s3:PutObject s3:PutObjectTagging", objects, `{"StringEquals":{"s3:RequestObjectTag/team":"red"}}`),
	)
	want(t, "an object that has the tag", get(t, user, bucket, "red"), "")
	want(t, "one that has another", get(t, user, bucket, "blue"), "AccessDenied")
	_, err := user.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: aws.String("re")})
	want(t, "the prefix", err, "")
	_, err = user.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
	want(t, "no prefix", err, "AccessDenied")
	_, err = user.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("new"), Body: strings.NewReader("x"), Tagging: aws.String("team=red")})
	want(t, "a put with the tag", err, "")
	_, err = user.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("new"), Body: strings.NewReader("x"), Tagging: aws.String("team=blue")})
	want(t, "a put with another", err, "AccessDenied")
}

// TestSessions: a session has its role's policies as they are, less what its
// session policy and its role's boundary leave, and ends with them.
func TestSessions(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	g.object(t, bucket, "a", "")
	role := g.role(t, account, "job", allow("s3:*", "*"))
	want(t, "the role's", get(t, g.session(t, role, ""), bucket, "a"), "")
	want(t, "less than the role's", get(t, g.session(t, role, allow("s3:GetObject", "arn:aws:s3:::other/*")), bucket, "a"), "AccessDenied")
	expired := g.client(g.Config(g.credentials(t, role, time.Now().Add(-time.Minute), "")))
	want(t, "one that is over", get(t, expired, bucket, "a"), "ExpiredToken")
	session := g.session(t, role, "")
	change(t, g, store.RoleID(account, "job"), func(r *store.Role) { r.PermissionsBoundary = "arn:aws:iam::" + account + ":policy/gone" })
	want(t, "a boundary that is gone", get(t, session, bucket, "a"), "AccessDenied")
	must(t, g.Directory.Update(t.Context(), func(tx store.Tx) error { return tx.Delete(store.RoleID(account, "job")) }))
	want(t, "a role that is gone", get(t, session, bucket, "a"), "InvalidAccessKeyId")
}

// TestAbsence: who may not list is not told that an object is absent.
func TestAbsence(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	lister := g.user(t, "lister", allow("s3:GetObject", "arn:aws:s3:::"+bucket+"/*"), allow("s3:ListBucket", "arn:aws:s3:::"+bucket))
	getter := g.user(t, "getter", allow("s3:GetObject", "arn:aws:s3:::"+bucket+"/*"))
	want(t, "who may list", get(t, lister, bucket, "none"), "NoSuchKey")
	want(t, "who may not", get(t, getter, bucket, "none"), "AccessDenied")
	want(t, "no such bucket", get(t, getter, bucket+"-none", "a"), "NoSuchBucket")
}

// TestSignatures: what is wrong with who asks is told in S3's words, and nothing
// of the client's secrets is in an event.
func TestSignatures(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	role := g.role(t, account, "signer", allow("s3:*", "*"))
	good := g.credentials(t, role, time.Now().Add(30*time.Minute), "")
	wrong, damaged, unknown := good, good, aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "x"}
	wrong.SecretAccessKey = "wrong"
	damaged.SessionToken = "damaged" + good.SessionToken
	for _, c := range []struct {
		name        string
		credentials aws.Credentials
		at          time.Time
		status      int
		body        []string
	}{
		{"good", good, time.Time{}, 200, []string{"<ListBucketResult"}},
		{"wrong secret", wrong, time.Time{}, 403, []string{"<Code>SignatureDoesNotMatch</Code>", "<StringToSign>AWS4-HMAC-SHA256", "<CanonicalRequest>GET", "<AWSAccessKeyId>" + good.AccessKeyID}},
		{"unknown key", unknown, time.Time{}, 403, []string{"<Code>InvalidAccessKeyId</Code><Message>The AWS Access Key Id you provided does not exist in our records.</Message><AWSAccessKeyId>AKIAIOSFODNN7EXAMPLE</AWSAccessKeyId>"}},
		{"damaged token", damaged, time.Time{}, 400, []string{"<Code>InvalidToken</Code><Message>The provided token is malformed or otherwise invalid.</Message><Token-0>"}},
		{"old", good, time.Now().Add(-time.Hour), 403, []string{"<Code>RequestTimeTooSkewed</Code><Message>The difference between the request time and the current time is too large.</Message>", "<MaxAllowedSkewMilliseconds>900000</MaxAllowedSkewMilliseconds>"}},
	} {
		got := g.send(t, signed{config: g.Config(c.credentials), method: "GET", target: "/" + bucket + "?list-type=2", at: c.at})
		if got.Status != c.status {
			t.Errorf("%s: %d %s", c.name, got.Status, got.Body)
		}
		for _, part := range c.body {
			if !strings.Contains(got.Body, part) {
				t.Errorf("%s: %s\nlacks %s", c.name, got.Body, part)
			}
		}
	}
	for _, event := range g.Events() {
		for _, secret := range []string{good.SecretAccessKey, good.SessionToken, "CanonicalRequest"} {
			if strings.Contains(event, secret) {
				t.Errorf("an event holds a secret: %s", event)
			}
		}
	}
}
