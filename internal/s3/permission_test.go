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

// TestConditionKeys asks for what a request says of itself: each key once where
// it is as the policy wants it, and once where it is not.
func TestConditionKeys(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	g.object(t, bucket, "k", "")
	config := g.User(t, "matrix")
	at, objects := "arn:aws:s3:::"+bucket, "arn:aws:s3:::"+bucket+"/*"
	list := func(query string) signed {
		return signed{config: config, method: http.MethodGet, target: "/" + bucket + "?list-type=2" + query}
	}
	read := signed{config: config, method: http.MethodGet, target: "/" + bucket + "/k"}
	presigned, aged, copied := read, read, read
	presigned.expires = "600"
	aged.expires, aged.at = "600", time.Now().Add(-2*time.Minute)
	copied.method, copied.target, copied.header = http.MethodPut, "/"+bucket+"/copy", map[string]string{"X-Amz-Copy-Source": "/" + bucket + "/k"}
	elsewhere := copied
	elsewhere.header = map[string]string{"X-Amz-Copy-Source": "/" + bucket + "/%6b"} // the same object, spelled otherwise
	for _, c := range []struct {
		action, resource, condition string
		admitted, denied            signed
	}{
		{"s3:ListBucket", at, `{"StringLike":{"s3:prefix":"home/*"}}`, list("&prefix=home/a"), list("&prefix=root")},
		{"s3:ListBucket", at, `{"StringEquals":{"s3:delimiter":"/"}}`, list("&delimiter=/"), list("")},
		{"s3:ListBucket", at, `{"NumericLessThanEquals":{"s3:max-keys":"10"}}`, list("&max-keys=10"), list("&max-keys=11")},
		{"s3:ListBucket", at, `{"NumericLessThanEquals":{"s3:max-keys":"10"}}`, list("&max-keys=1"), list("")},
		{"s3:GetObject", objects, `{"StringEquals":{"s3:authType":"REST-QUERY-STRING"}}`, presigned, read},
		{"s3:GetObject", objects, `{"StringEquals":{"s3:authType":"REST-HEADER"}}`, read, presigned},
		{"s3:GetObject", objects, `{"NumericLessThan":{"s3:signatureAge":"60000"}}`, presigned, aged},
		{"s3:GetObject", objects, `{"StringEquals":{"s3:signatureversion":"AWS4-HMAC-SHA256","s3:x-amz-content-sha256":"UNSIGNED-PAYLOAD"}}`, presigned, read},
		{"s3:GetObject s3:PutObject", objects, `{"StringEqualsIfExists":{"s3:x-amz-copy-source":"/` + bucket + `/k"}}`, copied, elsewhere},
	} {
		g.grant(t, "matrix", allow(c.action, c.resource, c.condition))
		if got := g.send(t, c.admitted); got.Status != http.StatusOK {
			t.Errorf("%s: %d %s", c.condition, got.Status, got.Body)
		}
		if got := g.send(t, c.denied); got.Status != http.StatusForbidden {
			t.Errorf("%s, which is not so: %d %s", c.condition, got.Status, got.Body)
		}
	}
	for source, status := range map[string]int{"127.0.0.0/8": 200, "203.0.113.0/24": 403} {
		g.grant(t, "matrix", allow("s3:GetObject", objects, `{"IpAddress":{"aws:SourceIp":"`+source+`"}}`))
		if got := g.send(t, read); got.Status != status {
			t.Errorf("from %s: %d %s", source, got.Status, got.Body)
		}
	}
}

// TestLimits: a permissions boundary and a session policy limit what policies
// allow, and a deny of the bucket wins over all.
func TestLimits(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	g.object(t, bucket, "in/a", "")
	g.object(t, bucket, "out/a", "")
	inside := allow("s3:GetObject", "arn:aws:s3:::"+bucket+"/in/*")
	put(t, g, store.PolicyID(account, "inside"), store.Policy{
		Account: account, Name: "inside", Path: "/", ID: "ANPAAAAAAAAAAAAAAAAAA", DefaultVersion: "v1",
		Versions: []store.PolicyVersion{{ID: "v1", Document: inside}},
	})
	bounded := g.role(t, account, "bounded", allow("s3:*", "*"))
	change(t, g, store.RoleID(account, "bounded"), func(r *store.Role) { r.PermissionsBoundary = "arn:aws:iam::" + account + ":policy/inside" })
	free := g.role(t, account, "free", allow("s3:*", "*"))
	for name, c := range map[string]struct {
		client *s3.Client
		says   string
	}{
		"boundary":       {g.session(t, bounded, ""), "because no permissions boundary allows the s3:GetObject action"},
		"session policy": {g.session(t, free, inside), "because no session policy allows the s3:GetObject action"},
	} {
		want(t, name+", inside", get(t, c.client, bucket, "in/a"), "")
		err := get(t, c.client, bucket, "out/a")
		want(t, name+", outside", err, "AccessDenied")
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %s", name, err, c.says)
		}
	}
	g.putPolicy(t, bucket, `{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"BUCKET/in/*"}`)
	err := get(t, g.session(t, free, ""), bucket, "in/a")
	if code(err) != "AccessDenied" || !strings.Contains(err.Error(), "with an explicit deny in a resource-based policy") {
		t.Errorf("denied by the bucket: %v", err)
	}
}

// TestAbsenceOfAll: who may not list is not told of what is absent, in whichever
// way one asks.
func TestAbsenceOfAll(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	g.object(t, bucket, "k", "")
	objects := "arn:aws:s3:::" + bucket + "/*"
	blind := g.User(t, "blind", allow("s3:Get* s3:Put* s3:DeleteObject s3:ListMultipartUploadParts", objects))
	seeing := g.User(t, "seeing", allow("s3:Get* s3:Put* s3:DeleteObject s3:ListMultipartUploadParts", objects), allow("s3:ListBucket", "arn:aws:s3:::"+bucket))
	none := func(method, query string, header map[string]string) signed {
		return signed{method: method, target: "/" + bucket + "/none" + query, header: header}
	}
	tags := none(http.MethodPut, "?tagging", nil)
	tags.body = `<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>`
	for _, c := range []struct {
		what          string
		request       signed
		blind, seeing int
	}{
		{"GetObject", none(http.MethodGet, "", nil), 403, 404},
		{"HeadObject", none(http.MethodHead, "", nil), 403, 404},
		{"GetObjectAttributes", none(http.MethodGet, "?attributes", map[string]string{"X-Amz-Object-Attributes": "ObjectSize"}), 403, 404},
		{"GetObjectTagging", none(http.MethodGet, "?tagging", nil), 403, 404},
		{"PutObjectTagging", tags, 403, 404},
		{"GetObjectAcl", none(http.MethodGet, "?acl", nil), 403, 404},
		{"CopyObject", signed{method: http.MethodPut, target: "/" + bucket + "/copy", header: map[string]string{"X-Amz-Copy-Source": "/" + bucket + "/none"}}, 403, 404},
		{"DeleteObject", none(http.MethodDelete, "", nil), 204, 204},
		{"ListParts of no upload", none(http.MethodGet, "?uploadId=none", nil), 404, 404},
		{"an object that is there", signed{method: http.MethodGet, target: "/" + bucket + "/k"}, 200, 200},
		{"a bucket that is not", signed{method: http.MethodGet, target: "/" + bucket + "-none/k"}, 404, 404},
	} {
		for config, status := range map[*aws.Config]int{&blind: c.blind, &seeing: c.seeing} {
			c.request.config = *config
			if got := g.send(t, c.request); got.Status != status {
				t.Errorf("%s: %d %s, want %d", c.what, got.Status, got.Body, status)
			}
		}
	}
}

// TestCopyAcrossAccounts: source and destination are asked for by themselves, of
// which the policy of each bucket has a say.
func TestCopyAcrossAccounts(t *testing.T) {
	g := start(t, nil)
	source, destination := g.bucket(t), g.bucket(t)
	g.object(t, source, "a", "")
	copies := func() error {
		_, err := g.foreign.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: &destination, Key: aws.String("a"), CopySource: aws.String(source + "/a")})
		return err
	}
	want(t, "neither", copies(), "AccessDenied")
	g.putPolicy(t, destination, `{"Effect":"Allow","Principal":{"AWS":"`+other+`"},"Action":"s3:PutObject","Resource":"BUCKET/*"}`)
	err := copies()
	want(t, "the destination alone", err, "AccessDenied")
	if strings.Contains(err.Error(), "not authorized to perform") {
		t.Errorf("another account is told whose policy says no: %v", err)
	}
	if e := g.lastEvent(t); e.Action != "s3:GetObject" || e.Resource != "arn:aws:s3:::"+source+"/a" {
		t.Errorf("event of %s on %s", e.Action, e.Resource)
	}
	g.putPolicy(t, source, `{"Effect":"Allow","Principal":{"AWS":"`+other+`"},"Action":"s3:GetObject","Resource":"BUCKET/*"}`)
	want(t, "both", copies(), "")
}

// TestDeletions: of a request with several objects each is asked for by itself;
// quiet tells of denials alone, and the event tells of the first.
func TestDeletions(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	_, err := g.admin.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: &bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	must(t, err)
	version := g.object(t, bucket, "mine/a", "").VersionId
	g.object(t, bucket, "theirs/b", "")
	client := g.user(t, "deleter", allow("s3:DeleteObject", "arn:aws:s3:::"+bucket+"/mine/*"))
	out, err := client.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Quiet: aws.Bool(true), Objects: []types.ObjectIdentifier{
		{Key: aws.String("mine/a"), VersionId: version}, {Key: aws.String("mine/a")}, {Key: aws.String("theirs/b")},
	}}})
	must(t, err)
	if e := g.lastEvent(t); e.Status != 200 || e.Code != "AccessDenied" || e.Action != "s3:DeleteObjectVersion" || e.Resource != "arn:aws:s3:::"+bucket+"/mine/a" {
		t.Errorf("event with %d %s of %s on %s", e.Status, e.Code, e.Action, e.Resource)
	}
	if len(out.Deleted) != 0 || len(out.Errors) != 2 || aws.ToString(out.Errors[0].VersionId) != *version || *out.Errors[1].Key != "theirs/b" {
		t.Errorf("deleted %+v, errors %+v", out.Deleted, out.Errors)
	}
	if !strings.Contains(*out.Errors[0].Message, "s3:DeleteObjectVersion") || !strings.Contains(*out.Errors[1].Message, "s3:DeleteObject on") {
		t.Errorf("errors %q, %q", *out.Errors[0].Message, *out.Errors[1].Message)
	}
	want(t, "what was allowed", get(t, g.admin, bucket, "mine/a"), "NoSuchKey")
	want(t, "what was not", get(t, g.admin, bucket, "theirs/b"), "")
}

// TestPresignedHeaders: what a presigned URL carries in the place of headers
// counts as such, for permissions and for the store.
func TestPresignedHeaders(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	config := g.User(t, "matrix", allow("s3:PutObject", "arn:aws:s3:::"+bucket+"/*"))
	tagged := signed{config: config, method: http.MethodPut, target: "/" + bucket + "/k?x-amz-tagging=team%3Dred", expires: "60", body: "x"}
	if got := g.send(t, tagged); got.Status != http.StatusForbidden || !strings.Contains(got.Body, "s3:PutObjectTagging") {
		t.Errorf("without s3:PutObjectTagging: %d %s", got.Status, got.Body)
	}
	g.grant(t, "matrix", allow("s3:PutObject s3:PutObjectTagging", "arn:aws:s3:::"+bucket+"/*"))
	if got := g.send(t, tagged); got.Status != http.StatusOK {
		t.Errorf("with it: %d %s", got.Status, got.Body)
	}
	out, err := g.admin.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: &bucket, Key: aws.String("k")})
	must(t, err)
	if len(out.TagSet) != 1 || *out.TagSet[0].Value != "red" {
		t.Errorf("tags %+v", out.TagSet)
	}
}

// TestPostNeeds is TestMatrix for a form upload.
func TestPostNeeds(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	credentials, err := g.User(t, "matrix").Credentials.Retrieve(t.Context())
	must(t, err)
	form := upload{
		credentials: credentials, fileName: "f", content: "content",
		fields: [][2]string{{"key", "k"}, {"acl", "bucket-owner-full-control"}, {"tagging", "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"}},
	}
	var needs []matrixNeed
	for _, action := range []string{"s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectTagging"} {
		needs = append(needs, matrixNeed{action, "arn:aws:s3:::" + bucket + "/k"})
	}
	row := matrixRow{operation: "PostObject", request: signed{method: http.MethodPost}, needs: needs}
	for missing := range needs {
		g.grantAll(t, needs, missing)
		g.checkDenied(t, g.post(t, bucket, form), &row, needs[missing])
	}
	g.grantAll(t, needs, -1)
	if got := g.post(t, bucket, form); got.Status != http.StatusNoContent {
		t.Errorf("with all permissions: %d %s", got.Status, got.Body)
	}
}
