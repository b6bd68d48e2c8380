package s3_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	room "github.com/daypass/daypass/internal/s3"
	"github.com/daypass/daypass/internal/s3request"
)

// matrixRow is one form of an operation, with exactly the permissions that it
// needs. What it says of BUCKET, VERSIONED, VERSION and UPLOAD is replaced.
type matrixRow struct {
	operation, method, target string
	header                    map[string]string
	body                      string
	// needs are pairs of an action without its prefix and what it is asked on: a
	// bucket, or an object as BUCKET/KEY.
	needs  []string
	status int // of the reply to who has them all
}

const tagsOfOne = `<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>`

// matrix has a row for every operation that is carried out. Rows that take
// something away come after those that need it.
func matrix() []matrixRow {
	object := func(operation, method, query, action string, status int) matrixRow {
		return matrixRow{operation: operation, method: method, target: "/BUCKET/k" + query, needs: []string{action, "BUCKET/k"}, status: status}
	}
	bucket := func(operation, method, query, action string, status int) matrixRow {
		return matrixRow{operation: operation, method: method, target: "/BUCKET" + query, needs: []string{action, "BUCKET"}, status: status}
	}
	with := func(r matrixRow, body string) matrixRow {
		r.body = body
		return r
	}
	headed := func(r matrixRow, name, value string, more ...string) matrixRow {
		r.header, r.needs = map[string]string{name: value}, append(r.needs, more...)
		return r
	}
	return []matrixRow{
		{operation: "ListBuckets", method: "GET", target: "/", needs: []string{"ListAllMyBuckets", "*"}, status: 200},
		{operation: "CreateBucket", method: "PUT", target: "/BUCKET-new", needs: []string{"CreateBucket", "BUCKET-new"}, status: 200},
		{operation: "DeleteBucket", method: "DELETE", target: "/BUCKET-new", needs: []string{"DeleteBucket", "BUCKET-new"}, status: 204},
		bucket("HeadBucket", "HEAD", "", "ListBucket", 200),
		bucket("ListObjects", "GET", "", "ListBucket", 200),
		bucket("ListObjectsV2", "GET", "?list-type=2", "ListBucket", 200),
		bucket("ListObjectVersions", "GET", "?versions", "ListBucketVersions", 200),
		bucket("ListMultipartUploads", "GET", "?uploads", "ListBucketMultipartUploads", 200),
		bucket("GetBucketLocation", "GET", "?location", "GetBucketLocation", 200),
		bucket("GetBucketVersioning", "GET", "?versioning", "GetBucketVersioning", 200),
		with(bucket("PutBucketVersioning", "PUT", "?versioning", "PutBucketVersioning", 200), `<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>`),
		with(bucket("PutBucketTagging", "PUT", "?tagging", "PutBucketTagging", 204), tagsOfOne),
		bucket("GetBucketTagging", "GET", "?tagging", "GetBucketTagging", 200),
		bucket("DeleteBucketTagging", "DELETE", "?tagging", "PutBucketTagging", 204),
		bucket("GetObjectLockConfiguration", "GET", "?object-lock", "GetBucketObjectLockConfiguration", 404),
		with(bucket("PutBucketPolicy", "PUT", "?policy", "PutBucketPolicy", 204),
			`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::BUCKET/secret"}]}`),
		bucket("GetBucketPolicy", "GET", "?policy", "GetBucketPolicy", 200),
		bucket("GetBucketPolicyStatus", "GET", "?policyStatus", "GetBucketPolicyStatus", 200),
		bucket("DeleteBucketPolicy", "DELETE", "?policy", "DeleteBucketPolicy", 204),
		with(bucket("PutPublicAccessBlock", "PUT", "?publicAccessBlock", "PutBucketPublicAccessBlock", 200),
			`<PublicAccessBlockConfiguration><BlockPublicPolicy>true</BlockPublicPolicy></PublicAccessBlockConfiguration>`),
		bucket("GetPublicAccessBlock", "GET", "?publicAccessBlock", "GetBucketPublicAccessBlock", 200),
		bucket("DeletePublicAccessBlock", "DELETE", "?publicAccessBlock", "PutBucketPublicAccessBlock", 204),
		bucket("GetBucketAcl", "GET", "?acl", "GetBucketAcl", 200),
		headed(bucket("PutBucketAcl", "PUT", "?acl", "PutBucketAcl", 400), "X-Amz-Acl", "public-read"),
		bucket("GetBucketOwnershipControls", "GET", "?ownershipControls", "GetBucketOwnershipControls", 200),
		with(bucket("PutBucketOwnershipControls", "PUT", "?ownershipControls", "PutBucketOwnershipControls", 200),
			`<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>`),
		bucket("DeleteBucketOwnershipControls", "DELETE", "?ownershipControls", "PutBucketOwnershipControls", 204),

		with(object("PutObject", "PUT", "", "PutObject", 200), "content"),
		headed(with(object("PutObject", "PUT", "", "PutObject", 200), "content"), "X-Amz-Tagging", "team=red", "PutObjectTagging", "BUCKET/k"),
		headed(with(object("PutObject", "PUT", "", "PutObject", 200), "content"), "X-Amz-Acl", "bucket-owner-full-control", "PutObjectAcl", "BUCKET/k"),
		object("GetObject", "GET", "", "GetObject", 200),
		object("HeadObject", "HEAD", "", "GetObject", 200),
		{operation: "GetObject", method: "GET", target: "/VERSIONED/k?versionId=VERSION", needs: []string{"GetObjectVersion", "VERSIONED/k"}, status: 200},
		headed(object("GetObjectAttributes", "GET", "?attributes", "GetObjectAttributes", 200), "X-Amz-Object-Attributes", "ObjectSize", "GetObject", "BUCKET/k"),
		object("GetObjectTagging", "GET", "?tagging", "GetObjectTagging", 200),
		with(object("PutObjectTagging", "PUT", "?tagging", "PutObjectTagging", 200), tagsOfOne),
		object("DeleteObjectTagging", "DELETE", "?tagging", "DeleteObjectTagging", 204),
		object("GetObjectAcl", "GET", "?acl", "GetObjectAcl", 200),
		headed(object("PutObjectAcl", "PUT", "?acl", "PutObjectAcl", 200), "X-Amz-Acl", "bucket-owner-full-control"),
		{
			operation: "CopyObject", method: "PUT", target: "/BUCKET/copy", header: map[string]string{"X-Amz-Copy-Source": "/BUCKET/k"},
			needs: []string{"PutObject", "BUCKET/copy", "GetObject", "BUCKET/k"}, status: 200,
		},
		{
			operation: "CopyObject", method: "PUT", target: "/BUCKET/copy", header: map[string]string{"X-Amz-Copy-Source": "/BUCKET/tagged"},
			needs: []string{"PutObject", "BUCKET/copy", "GetObject", "BUCKET/tagged", "GetObjectTagging", "BUCKET/tagged", "PutObjectTagging", "BUCKET/copy"}, status: 200,
		},
		{operation: "CreateMultipartUpload", method: "POST", target: "/BUCKET/big?uploads", needs: []string{"PutObject", "BUCKET/big"}, status: 200},
		with(matrixRow{operation: "UploadPart", method: "PUT", target: "/BUCKET/big?partNumber=1&uploadId=UPLOAD", needs: []string{"PutObject", "BUCKET/big"}, status: 200}, "part"),
		{
			operation: "UploadPartCopy", method: "PUT", target: "/BUCKET/big?partNumber=2&uploadId=UPLOAD", header: map[string]string{"X-Amz-Copy-Source": "/BUCKET/k"},
			needs: []string{"PutObject", "BUCKET/big", "GetObject", "BUCKET/k"}, status: 200,
		},
		{operation: "ListParts", method: "GET", target: "/BUCKET/big?uploadId=UPLOAD", needs: []string{"ListMultipartUploadParts", "BUCKET/big"}, status: 200},
		with(matrixRow{operation: "CompleteMultipartUpload", method: "POST", target: "/BUCKET/big?uploadId=UPLOAD", needs: []string{"PutObject", "BUCKET/big"}, status: 400},
			`<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"00000000000000000000000000000000"</ETag></Part></CompleteMultipartUpload>`),
		{operation: "AbortMultipartUpload", method: "DELETE", target: "/BUCKET/big?uploadId=UPLOAD", needs: []string{"AbortMultipartUpload", "BUCKET/big"}, status: 204},
		with(bucket("PutObjectLockConfiguration", "PUT", "?object-lock", "PutBucketObjectLockConfiguration", 409), `<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>`),
		object("GetObjectRetention", "GET", "?retention", "GetObjectRetention", 400),
		with(object("PutObjectRetention", "PUT", "?retention", "PutObjectRetention", 400), `<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2099-01-01T00:00:00Z</RetainUntilDate></Retention>`),
		object("GetObjectLegalHold", "GET", "?legal-hold", "GetObjectLegalHold", 400),
		with(object("PutObjectLegalHold", "PUT", "?legal-hold", "PutObjectLegalHold", 400), `<LegalHold><Status>ON</Status></LegalHold>`),
		object("DeleteObject", "DELETE", "", "DeleteObject", 204),
		{operation: "DeleteObject", method: "DELETE", target: "/VERSIONED/k?versionId=VERSION", needs: []string{"DeleteObjectVersion", "VERSIONED/k"}, status: 204},
	}
}

// TestMatrix: of every operation that is carried out, exactly the permissions
// named make it pass, and without any one of them it is denied in AWS's words, by
// the name of the one that is missing, in the reply and in the event.
func TestMatrix(t *testing.T) {
	g := start(t, nil)
	config := g.User(t, "matrix")
	in := g.matrixBuckets(t)
	had := map[string]bool{"DeleteObjects": true} // TestDeleteObjects
	for i, row := range matrix() {
		had[row.operation] = true
		in.fill(&row)
		t.Run(fmt.Sprintf("%02d_%s", i, row.operation), func(t *testing.T) { g.checkRow(t, config, &row) })
	}
	for _, operation := range room.CarriedOut() {
		if !had[operation] {
			t.Errorf("%s is carried out and has no row here", operation)
		}
	}
}

// matrixNames are what rows speak of.
type matrixNames struct{ bucket, versioned, version, upload string }

func (g *gateway) matrixBuckets(t *testing.T) *matrixNames {
	t.Helper()
	n := &matrixNames{bucket: g.bucket(t), versioned: g.bucket(t)}
	g.object(t, n.bucket, "k", "")
	g.object(t, n.bucket, "tagged", "team=red")
	_, err := g.admin.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: &n.versioned, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	must(t, err)
	n.version = *g.object(t, n.versioned, "k", "").VersionId
	upload, err := g.admin.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &n.bucket, Key: aws.String("big")})
	must(t, err)
	n.upload = *upload.UploadId
	return n
}

func (n *matrixNames) fill(row *matrixRow) {
	names := strings.NewReplacer("BUCKET", n.bucket, "VERSIONED", n.versioned, "VERSION", n.version, "UPLOAD", n.upload)
	row.target, row.body = names.Replace(row.target), names.Replace(row.body)
	row.needs = slices.Clone(row.needs)
	for i := 1; i < len(row.needs); i += 2 {
		row.needs[i-1] = "s3:" + row.needs[i-1]
		if row.needs[i] != "*" {
			row.needs[i] = "arn:aws:s3:::" + names.Replace(row.needs[i])
		}
	}
	for name, value := range row.header {
		row.header[name] = names.Replace(value)
	}
}

func (g *gateway) checkRow(t *testing.T, config aws.Config, row *matrixRow) {
	t.Helper()
	request := signed{config: config, method: row.method, target: row.target, header: row.header, body: row.body}
	for missing := 0; missing < len(row.needs); missing += 2 {
		var policies []string
		for i := 0; i < len(row.needs); i += 2 {
			if i != missing {
				policies = append(policies, allow(row.needs[i], row.needs[i+1]))
			}
		}
		g.grant(t, "matrix", policies...)
		g.checkDenied(t, g.send(t, request), row, row.needs[missing], row.needs[missing+1])
	}
	var policies []string
	for i := 0; i < len(row.needs); i += 2 {
		policies = append(policies, allow(row.needs[i], row.needs[i+1]))
	}
	g.grant(t, "matrix", policies...)
	got := g.send(t, request)
	if e := g.lastEvent(t); got.Status != row.status || e.Operation != row.operation || e.Status != row.status {
		t.Errorf("with all permissions: %d %s, want %d; event of %s with %d, %s", got.Status, got.Body, row.status, e.Operation, e.Status, e.Reason)
	}
}

// checkDenied asks that what is missing be named.
func (g *gateway) checkDenied(t *testing.T, got reply, row *matrixRow, action, resource string) {
	t.Helper()
	of := ` on resource: "` + resource + `"`
	if resource == "*" {
		of = ""
	}
	sentence := "User: arn:aws:iam::" + account + ":user/matrix is not authorized to perform: " + action + of +
		" because no identity-based policy allows the " + action + " action"
	told := strings.NewReplacer("&#34;", `"`, "&quot;", `"`).Replace(got.Body)
	if got.Status != http.StatusForbidden || row.method != http.MethodHead && !strings.Contains(told, "<Code>AccessDenied</Code><Message>"+sentence+"</Message>") {
		t.Errorf("without %s: %d %s\nwant AccessDenied: %s", action, got.Status, told, sentence)
	}
	e := g.lastEvent(t)
	if e.Operation != row.operation || e.Status != http.StatusForbidden || e.Code != "AccessDenied" || e.Message != sentence || e.Reason == "" {
		t.Errorf("event of %s with status %d, %s: %s, reason %q", e.Operation, e.Status, e.Code, e.Message, e.Reason)
	}
	if e.Decision != "ImplicitDeny" || e.Reasons == nil || e.Encoded == "" || e.Action != action || e.Resource != resource {
		t.Errorf("event: decision %q, reasons %v, encoded %t, action %q, resource %q", e.Decision, e.Reasons, e.Encoded != "", e.Action, e.Resource)
	}
}

// TestNotServed: what is in the table and not carried out, and what the table
// refuses, is refused as not implemented to who may do everything.
func TestNotServed(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	var table strings.Builder
	must(t, s3request.Describe(&table))
	carriedOut := room.CarriedOut()
	for line := range strings.Lines(table.String()) {
		column := strings.Split(line, "\t")
		method, target, ok := strings.Cut(column[1], " ")
		if slices.Contains(carriedOut, column[0]) || !ok || strings.Contains(target, " ") || method != http.MethodGet && method != http.MethodDelete {
			continue
		}
		target = strings.NewReplacer("BUCKET", bucket, "KEY", "key").Replace(target)
		got := g.send(t, signed{config: g.AdminConfig, method: method, target: target})
		if got.Status < 400 || strings.Contains(got.Body, "<Code>InternalError</Code>") {
			t.Errorf("%s: %d %s", column[0], got.Status, got.Body)
		}
	}
}

// TestDeleteObjects: each object is asked for by itself.
func TestDeleteObjects(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	for _, key := range []string{"mine/a", "mine/b", "theirs/c"} {
		g.object(t, bucket, key, "")
	}
	client := g.user(t, "deleter", allow("s3:DeleteObject", "arn:aws:s3:::"+bucket+"/mine/*"))
	out, err := client.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Objects: []types.ObjectIdentifier{
		{Key: aws.String("mine/a")}, {Key: aws.String("theirs/c")}, {Key: aws.String("mine/b")},
	}}})
	must(t, err)
	if len(out.Deleted) != 2 || len(out.Errors) != 1 || *out.Errors[0].Key != "theirs/c" || *out.Errors[0].Code != "AccessDenied" ||
		!strings.Contains(*out.Errors[0].Message, "s3:DeleteObject on resource: \"arn:aws:s3:::"+bucket+"/theirs/c\"") {
		t.Errorf("deleted %v, errors %+v", out.Deleted, out.Errors)
	}
	left, err := g.admin.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
	must(t, err)
	if len(left.Contents) != 1 || *left.Contents[0].Key != "theirs/c" {
		t.Errorf("left %+v", left.Contents)
	}
	if e := g.lastEvent(t); e.Operation != "ListObjectsV2" {
		t.Errorf("event %+v", e)
	}
}
