package s3request

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/policy"

	"github.com/google/go-cmp/cmp"
)

// parse parses a request of a line: method, target, then headers as name=value.
func parse(t testing.TB, line string, headers ...string) (*Operation, error) {
	t.Helper()
	method, target, ok := strings.Cut(line, " ")
	if !ok {
		t.Fatalf("%q is no request", line)
	}
	r := &Request{Method: method, Host: "s3.example.com", RequestURI: target, Header: map[string][]string{}}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, "=")
		name = http.CanonicalHeaderKey(name)
		r.Header[name] = append(r.Header[name], value)
	}
	return Parse(r, "s3.example.com")
}

func mustParse(t testing.TB, line string, headers ...string) *Operation {
	t.Helper()
	op, err := parse(t, line, headers...)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return op
}

// needsOf writes the needs of an operation, one a line: action, resource, when.
func needsOf(t testing.TB, op *Operation) []string {
	t.Helper()
	needs, err := op.Needs()
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{}
	for i := range needs {
		line := needs[i].Action + " " + strings.TrimPrefix(needs[i].Resource, "arn:aws:s3:::")
		if needs[i].When != Always {
			line += " " + needs[i].When.String()
		}
		lines = append(lines, line)
	}
	return lines
}

// TestNeeds has a row for each row of the mapping, and for each further
// permission.
func TestNeeds(t *testing.T) {
	t.Parallel()
	const version = "&versionId=v1"
	tests := []struct {
		line    string // several methods are apart by bars, as are the actions of each
		headers string // apart by semicolons
		name    string
		body    string
		needs   string // apart by semicolons
	}{
		{line: "GET /", name: "ListBuckets", needs: "s3:ListAllMyBuckets *"},
		{line: "PUT /bkt", name: "CreateBucket", needs: "s3:CreateBucket bkt"},
		{line: "PUT /bkt", headers: "x-amz-acl=private", name: "CreateBucket", needs: "s3:CreateBucket bkt"},
		{line: "PUT /bkt", headers: "x-amz-acl=public-read", name: "CreateBucket", needs: "s3:CreateBucket bkt; s3:PutBucketAcl bkt"},
		{line: "PUT /bkt", headers: "x-amz-grant-write-acp=id=1", name: "CreateBucket", needs: "s3:CreateBucket bkt; s3:PutBucketAcl bkt"},
		{line: "PUT /bkt", headers: "x-amz-bucket-object-lock-enabled=true", name: "CreateBucket", needs: "s3:CreateBucket bkt; s3:PutBucketObjectLockConfiguration bkt; s3:PutBucketVersioning bkt"},
		{line: "PUT /bkt", headers: "x-amz-bucket-object-lock-enabled=false", name: "CreateBucket", needs: "s3:CreateBucket bkt"},
		{line: "PUT /bkt", headers: "x-amz-object-ownership=ObjectWriter", name: "CreateBucket", needs: "s3:CreateBucket bkt; s3:PutBucketOwnershipControls bkt"},
		{line: "PUT /bkt", body: "<CreateBucketConfiguration><Tags><Tag><Key>k</Key><Value>v</Value></Tag></Tags></CreateBucketConfiguration>", name: "CreateBucket", needs: "s3:CreateBucket bkt; s3:TagResource bkt"},
		{line: "DELETE /bkt", name: "DeleteBucket", needs: "s3:DeleteBucket bkt"},
		{line: "HEAD /bkt", name: "HeadBucket", needs: "s3:ListBucket bkt"},
		{line: "GET /bkt", name: "ListObjects", needs: "s3:ListBucket bkt"},
		{line: "GET /bkt/?list-type=2", name: "ListObjectsV2", needs: "s3:ListBucket bkt"},
		{line: "GET /bkt?versions", name: "ListObjectVersions", needs: "s3:ListBucketVersions bkt"},
		{line: "GET /bkt?uploads", name: "ListMultipartUploads", needs: "s3:ListBucketMultipartUploads bkt"},
		{line: "GET /bkt?location", name: "GetBucketLocation", needs: "s3:GetBucketLocation bkt"},
		{line: "GET|PUT /bkt?versioning", name: "GetBucketVersioning|PutBucketVersioning", needs: "s3:GetBucketVersioning bkt|s3:PutBucketVersioning bkt"},
		{line: "GET|PUT /bkt?acl", name: "GetBucketAcl|PutBucketAcl", needs: "s3:GetBucketAcl bkt|s3:PutBucketAcl bkt"},
		{line: "GET|PUT|DELETE /bkt?policy", name: "GetBucketPolicy|PutBucketPolicy|DeleteBucketPolicy", needs: "s3:GetBucketPolicy bkt|s3:PutBucketPolicy bkt|s3:DeleteBucketPolicy bkt"},
		{line: "GET /bkt?policyStatus", name: "GetBucketPolicyStatus", needs: "s3:GetBucketPolicyStatus bkt"},
		{line: "GET|PUT|DELETE /bkt?cors", name: "GetBucketCors|PutBucketCors|DeleteBucketCors", needs: "s3:GetBucketCORS bkt|s3:PutBucketCORS bkt|s3:PutBucketCORS bkt"},
		{line: "GET|PUT|DELETE /bkt?lifecycle", name: "GetBucketLifecycleConfiguration|PutBucketLifecycleConfiguration|DeleteBucketLifecycle", needs: "s3:GetLifecycleConfiguration bkt|s3:PutLifecycleConfiguration bkt|s3:PutLifecycleConfiguration bkt"},
		{line: "GET|PUT|DELETE /bkt?encryption", name: "GetBucketEncryption|PutBucketEncryption|DeleteBucketEncryption", needs: "s3:GetEncryptionConfiguration bkt|s3:PutEncryptionConfiguration bkt|s3:PutEncryptionConfiguration bkt"},
		{line: "GET|PUT|DELETE /bkt?tagging", name: "GetBucketTagging|PutBucketTagging|DeleteBucketTagging", needs: "s3:GetBucketTagging bkt|s3:PutBucketTagging bkt|s3:PutBucketTagging bkt"},
		{line: "GET|PUT|DELETE /bkt?website", name: "GetBucketWebsite|PutBucketWebsite|DeleteBucketWebsite", needs: "s3:GetBucketWebsite bkt|s3:PutBucketWebsite bkt|s3:DeleteBucketWebsite bkt"},
		{line: "GET|PUT /bkt?logging", name: "GetBucketLogging|PutBucketLogging", needs: "s3:GetBucketLogging bkt|s3:PutBucketLogging bkt"},
		{line: "GET|PUT /bkt?notification", name: "GetBucketNotificationConfiguration|PutBucketNotificationConfiguration", needs: "s3:GetBucketNotification bkt|s3:PutBucketNotification bkt"},
		{line: "GET|PUT /bkt?requestPayment", name: "GetBucketRequestPayment|PutBucketRequestPayment", needs: "s3:GetBucketRequestPayment bkt|s3:PutBucketRequestPayment bkt"},
		{line: "GET|PUT /bkt?accelerate", name: "GetBucketAccelerateConfiguration|PutBucketAccelerateConfiguration", needs: "s3:GetAccelerateConfiguration bkt|s3:PutAccelerateConfiguration bkt"},
		{line: "GET|DELETE /bkt?replication", name: "GetBucketReplication|DeleteBucketReplication", needs: "s3:GetReplicationConfiguration bkt|s3:PutReplicationConfiguration bkt"},
		{
			line: "PUT /bkt?replication", body: "<ReplicationConfiguration><Role>arn:aws:iam::1:role/r</Role><Rule/><Rule/></ReplicationConfiguration>",
			name: "PutBucketReplication", needs: "s3:PutReplicationConfiguration bkt; iam:PassRole arn:aws:iam::1:role/r",
		},
		{line: "GET|PUT|DELETE /bkt?publicAccessBlock", name: "GetPublicAccessBlock|PutPublicAccessBlock|DeletePublicAccessBlock", needs: "s3:GetBucketPublicAccessBlock bkt|s3:PutBucketPublicAccessBlock bkt|s3:PutBucketPublicAccessBlock bkt"},
		{line: "GET|PUT|DELETE /bkt?ownershipControls", name: "GetBucketOwnershipControls|PutBucketOwnershipControls|DeleteBucketOwnershipControls", needs: "s3:GetBucketOwnershipControls bkt|s3:PutBucketOwnershipControls bkt|s3:PutBucketOwnershipControls bkt"},
		{line: "GET|PUT /bkt?object-lock", name: "GetObjectLockConfiguration|PutObjectLockConfiguration", needs: "s3:GetBucketObjectLockConfiguration bkt|s3:PutBucketObjectLockConfiguration bkt"},
		{line: "GET|DELETE /bkt?inventory&id=1", name: "GetBucketInventoryConfiguration|DeleteBucketInventoryConfiguration", needs: "s3:GetInventoryConfiguration bkt|s3:PutInventoryConfiguration bkt"},
		{line: "PUT /bkt?inventory&id=1", body: "<InventoryConfiguration/>", name: "PutBucketInventoryConfiguration", needs: "s3:PutInventoryConfiguration bkt"},
		{line: "GET /bkt?inventory", name: "ListBucketInventoryConfigurations", needs: "s3:GetInventoryConfiguration bkt"},
		{line: "GET|PUT|DELETE /bkt?metrics&id=1", name: "GetBucketMetricsConfiguration|PutBucketMetricsConfiguration|DeleteBucketMetricsConfiguration", needs: "s3:GetMetricsConfiguration bkt|s3:PutMetricsConfiguration bkt|s3:PutMetricsConfiguration bkt"},
		{line: "GET /bkt?metrics", name: "ListBucketMetricsConfigurations", needs: "s3:GetMetricsConfiguration bkt"},
		{line: "GET|PUT|DELETE /bkt?id=1&analytics", name: "GetBucketAnalyticsConfiguration|PutBucketAnalyticsConfiguration|DeleteBucketAnalyticsConfiguration", needs: "s3:GetAnalyticsConfiguration bkt|s3:PutAnalyticsConfiguration bkt|s3:PutAnalyticsConfiguration bkt"},
		{line: "GET /bkt?analytics", name: "ListBucketAnalyticsConfigurations", needs: "s3:GetAnalyticsConfiguration bkt"},
		{line: "GET|PUT|DELETE /bkt?intelligent-tiering&id=1", name: "GetBucketIntelligentTieringConfiguration|PutBucketIntelligentTieringConfiguration|DeleteBucketIntelligentTieringConfiguration", needs: "s3:GetIntelligentTieringConfiguration bkt|s3:PutIntelligentTieringConfiguration bkt|s3:PutIntelligentTieringConfiguration bkt"},
		{line: "GET /bkt?intelligent-tiering", name: "ListBucketIntelligentTieringConfigurations", needs: "s3:GetIntelligentTieringConfiguration bkt"},
		{line: "GET|PUT /bkt?abac", name: "GetBucketAbac|PutBucketAbac", needs: "s3:GetBucketAbac bkt|s3:PutBucketAbac bkt"},

		{line: "GET|HEAD /bkt/k", name: "GetObject|HeadObject", needs: "s3:GetObject bkt/k|s3:GetObject bkt/k"},
		{line: "GET|HEAD /bkt/k?x=" + version, name: "GetObject|HeadObject", needs: "s3:GetObjectVersion bkt/k|s3:GetObjectVersion bkt/k"},
		{line: "GET /bkt/k?partNumber=2&response-content-type=text/plain", name: "GetObject", needs: "s3:GetObject bkt/k"},
		{line: "GET /bkt/k?attributes", name: "GetObjectAttributes", needs: "s3:GetObjectAttributes bkt/k; s3:GetObject bkt/k"},
		{line: "GET /bkt/k?attributes" + version, name: "GetObjectAttributes", needs: "s3:GetObjectVersionAttributes bkt/k; s3:GetObjectVersion bkt/k"},
		{line: "PUT /bkt/k", name: "PutObject", needs: "s3:PutObject bkt/k"},
		{line: "PUT /bkt/k", headers: "x-amz-acl=private", name: "PutObject", needs: "s3:PutObject bkt/k; s3:PutObjectAcl bkt/k"},
		{line: "PUT /bkt/k", headers: "x-amz-grant-read=id=1", name: "PutObject", needs: "s3:PutObject bkt/k; s3:PutObjectAcl bkt/k"},
		{line: "PUT /bkt/k?X-Amz-Acl=public-read", name: "PutObject", needs: "s3:PutObject bkt/k; s3:PutObjectAcl bkt/k"},
		{line: "PUT /bkt/k", headers: "x-amz-tagging=a=b", name: "PutObject", needs: "s3:PutObject bkt/k; s3:PutObjectTagging bkt/k"},
		{line: "PUT /bkt/k", headers: "x-amz-tagging=", name: "PutObject", needs: "s3:PutObject bkt/k"},
		{line: "PUT /bkt/k", headers: "x-amz-object-lock-mode=GOVERNANCE;x-amz-object-lock-retain-until-date=2030-01-01T00:00:00Z", name: "PutObject", needs: "s3:PutObject bkt/k; s3:PutObjectRetention bkt/k"},
		{line: "PUT /bkt/k", headers: "x-amz-object-lock-legal-hold=ON", name: "PutObject", needs: "s3:PutObject bkt/k; s3:PutObjectLegalHold bkt/k"},
		{line: "POST /bkt/k?uploads", headers: "x-amz-acl=private;x-amz-tagging=a=b", name: "CreateMultipartUpload", needs: "s3:PutObject bkt/k; s3:PutObjectAcl bkt/k; s3:PutObjectTagging bkt/k"},
		{
			line: "PUT /bkt/k", headers: "x-amz-copy-source=/src/a%2Fb", name: "CopyObject",
			needs: "s3:PutObject bkt/k; s3:GetObject src/a/b; s3:GetObjectTagging src/a/b if the source has tags; s3:PutObjectTagging bkt/k if the source has tags; " +
				"s3:GetObjectAnnotation src/a/b if the source has annotations; s3:PutObjectAnnotation bkt/k if the source has annotations",
		},
		{
			line: "PUT /bkt/k", headers: "x-amz-copy-source=src/a?versionId=v;x-amz-object-annotation-directive=EXCLUDE", name: "CopyObject",
			needs: "s3:PutObject bkt/k; s3:GetObjectVersion src/a; s3:GetObjectVersionTagging src/a if the source has tags; s3:PutObjectTagging bkt/k if the source has tags",
		},
		{
			line: "PUT /bkt/k?x-amz-object-annotation-directive=EXCLUDE", headers: "x-amz-copy-source=src/a;x-amz-tagging-directive=REPLACE;x-amz-tagging=a=b;x-amz-acl=private",
			name: "CopyObject", needs: "s3:PutObject bkt/k; s3:GetObject src/a; s3:PutObjectAcl bkt/k; s3:PutObjectTagging bkt/k",
		},
		{line: "PUT /bkt/k?partNumber=1&uploadId=u", name: "UploadPart", needs: "s3:PutObject bkt/k"},
		{line: "PUT /bkt/k?partNumber=1&uploadId=u", headers: "x-amz-copy-source=src/a", name: "UploadPartCopy", needs: "s3:PutObject bkt/k; s3:GetObject src/a"},
		{line: "PUT /bkt/k?partNumber=1&uploadId=u", headers: "x-amz-copy-source=src/a?versionId=v", name: "UploadPartCopy", needs: "s3:PutObject bkt/k; s3:GetObjectVersion src/a"},
		{line: "POST|DELETE|GET /bkt/k?uploadId=u", name: "CompleteMultipartUpload|AbortMultipartUpload|ListParts", needs: "s3:PutObject bkt/k|s3:AbortMultipartUpload bkt/k|s3:ListMultipartUploadParts bkt/k"},
		{line: "DELETE /bkt/k", name: "DeleteObject", needs: "s3:DeleteObject bkt/k"},
		{line: "DELETE /bkt/k?versionId=null", headers: "x-amz-bypass-governance-retention=true", name: "DeleteObject", needs: "s3:DeleteObjectVersion bkt/k; s3:BypassGovernanceRetention bkt/k"},
		{line: "DELETE /bkt/k", headers: "x-amz-bypass-governance-retention=false", name: "DeleteObject", needs: "s3:DeleteObject bkt/k"},
		{
			line: "POST /bkt?delete", headers: "x-amz-bypass-governance-retention=true", name: "DeleteObjects",
			body:  "<Delete><Object><Key>a</Key></Object><Object><Key>b/c</Key><VersionId>v</VersionId></Object><Quiet>true</Quiet></Delete>",
			needs: "s3:DeleteObject bkt/a; s3:BypassGovernanceRetention bkt/a; s3:DeleteObjectVersion bkt/b/c; s3:BypassGovernanceRetention bkt/b/c",
		},
		{line: "GET|PUT /bkt/k?acl", name: "GetObjectAcl|PutObjectAcl", needs: "s3:GetObjectAcl bkt/k|s3:PutObjectAcl bkt/k"},
		{line: "GET|PUT /bkt/k?acl" + version, name: "GetObjectAcl|PutObjectAcl", needs: "s3:GetObjectVersionAcl bkt/k|s3:PutObjectVersionAcl bkt/k"},
		{line: "GET|DELETE /bkt/k?tagging", name: "GetObjectTagging|DeleteObjectTagging", needs: "s3:GetObjectTagging bkt/k|s3:DeleteObjectTagging bkt/k"},
		{line: "GET|DELETE /bkt/k?tagging" + version, name: "GetObjectTagging|DeleteObjectTagging", needs: "s3:GetObjectVersionTagging bkt/k|s3:DeleteObjectVersionTagging bkt/k"},
		{line: "PUT /bkt/k?tagging", body: tagging, name: "PutObjectTagging", needs: "s3:PutObjectTagging bkt/k"},
		{line: "PUT /bkt/k?tagging" + version, body: tagging, name: "PutObjectTagging", needs: "s3:PutObjectVersionTagging bkt/k"},
		{line: "GET /bkt/k?retention", name: "GetObjectRetention", needs: "s3:GetObjectRetention bkt/k"},
		{line: "PUT /bkt/k?retention", body: retention, name: "PutObjectRetention", needs: "s3:PutObjectRetention bkt/k"},
		{line: "PUT /bkt/k?retention" + version, headers: "x-amz-bypass-governance-retention=true", body: "<Retention/>", name: "PutObjectRetention", needs: "s3:PutObjectRetention bkt/k; s3:BypassGovernanceRetention bkt/k"},
		{line: "GET /bkt/k?legal-hold", name: "GetObjectLegalHold", needs: "s3:GetObjectLegalHold bkt/k"},
		{line: "PUT /bkt/k?legal-hold", body: "<LegalHold><Status>ON</Status></LegalHold>", name: "PutObjectLegalHold", needs: "s3:PutObjectLegalHold bkt/k"},
		{line: "POST /bkt/k?restore", body: "<RestoreRequest><Days>1</Days></RestoreRequest>", name: "RestoreObject", needs: "s3:RestoreObject bkt/k"},
		{line: "POST /bkt/k?select&select-type=2", name: "SelectObjectContent", needs: "s3:GetObject bkt/k"},
		{line: "GET /bkt/k?torrent", name: "GetObjectTorrent", needs: "s3:GetObjectTorrent bkt/k"},
		{line: "GET|DELETE|PUT /bkt/k?annotation&annotationName=n", name: "GetObjectAnnotation|DeleteObjectAnnotation|PutObjectAnnotation", needs: "s3:GetObjectAnnotation bkt/k|s3:DeleteObjectAnnotation bkt/k|s3:PutObjectAnnotation bkt/k"},
		{line: "GET /bkt/k?annotation" + version, name: "ListObjectAnnotations", needs: "s3:ListObjectVersionAnnotations bkt/k"},
	}
	covered := map[string]bool{"PostObject": true} // TestForm
	for _, tt := range tests {
		methods, target, _ := strings.Cut(tt.line, " ")
		target = strings.Replace(target, "?x=&", "?", 1)
		names, needs := strings.Split(tt.name, "|"), strings.Split(tt.needs, "|")
		for i, method := range strings.Split(methods, "|") {
			var headers []string
			if tt.headers != "" {
				headers = strings.Split(tt.headers, ";")
			}
			op := mustParse(t, method+" "+target, headers...)
			covered[op.Name] = true
			if op.NeedsBody() && tt.body == "" && op.Name != "CreateBucket" {
				t.Errorf("%s %s: the row has no body", method, target)
				continue
			}
			if err := op.ReadBody([]byte(tt.body)); err != nil {
				t.Errorf("%s %s: %v", method, target, err)
				continue
			}
			if op.Name != names[i] {
				t.Errorf("%s %s is %s, want %s", method, target, op.Name, names[i])
			}
			if diff := cmp.Diff(strings.Split(needs[i], "; "), needsOf(t, op)); diff != "" {
				t.Errorf("%s %s %s (-want +got):\n%s", method, target, tt.headers, diff)
			}
		}
	}
	for _, r := range table {
		if r.refused == "" && !covered[r.name] {
			t.Errorf("no row is about %s", r.name)
		}
	}
}

const (
	tagging   = "<Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><TagSet><Tag><Key>env</Key><Value>prod</Value></Tag><Tag><Key>Team</Key><Value/></Tag></TagSet></Tagging>"
	retention = "<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>2030-01-11T00:00:00.000Z</RetainUntilDate></Retention>"
)

// TestNoNeeds asks that there are none of the zero operation, and none before
// the body was read.
func TestNoNeeds(t *testing.T) {
	t.Parallel()
	if needs, err := new(Operation).Needs(); err == nil || needs != nil {
		t.Errorf("the zero operation needs %v, %v", needs, err)
	}
	for _, line := range []string{"PUT /bkt", "POST /bkt?delete", "PUT /bkt/k?tagging"} {
		op := mustParse(t, line)
		if needs, err := op.Needs(); !errors.Is(err, ErrBodyUnread) || needs != nil {
			t.Errorf("%s: %v, %v", line, needs, err)
		}
		if err := op.ReadBody([]byte("<x/>")); err == nil {
			t.Errorf("%s: a body of another kind is read", line)
		}
		if _, err := op.Needs(); !errors.Is(err, ErrBodyUnread) {
			t.Errorf("%s: after a body that cannot be read: %v", line, err)
		}
	}
}

// keysOfNeed are the keys that the first need with the action sets, written as
// key=value; a multivalued key's values are in brackets.
func keysOfNeed(t testing.TB, op *Operation, action string, s *Surroundings) []string {
	t.Helper()
	needs, err := op.Needs()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(needs, func(n Need) bool { return n.Action == action })
	if i < 0 {
		t.Fatalf("%s does not need %s", op.Name, action)
	}
	var c policy.Context
	needs[i].Set(&c, s)
	lines := []string{}
	for _, key := range c.Keys() {
		values, multi, _ := c.Get(key)
		line := key + "=" + strings.Join(values, ",")
		if multi {
			line = key + "=[" + strings.Join(values, ",") + "]"
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

// TestKeys asks which condition keys an action gets of a request.
func TestKeys(t *testing.T) {
	t.Parallel()
	tests := []struct {
		line, headers, body, action string
		want                        string // apart by bars, sorted
	}{
		{line: "GET /bkt", action: "s3:ListBucket"},
		{line: "GET /bkt?list-type=2&prefix=&delimiter=/&max-keys=007", action: "s3:ListBucket", want: "s3:delimiter=/|s3:max-keys=7|s3:prefix="},
		{line: "GET /bkt?prefix=a+b%2Bc%252F&max-keys=", action: "s3:ListBucket", want: "s3:prefix=a b+c%2F"},
		{line: "GET /bkt?versions&prefix=p", action: "s3:ListBucketVersions", want: "s3:prefix=p"},
		{line: "GET /bkt?uploads&prefix=p", action: "s3:ListBucketMultipartUploads"},
		{line: "GET /bkt/k?versionId=v%201", action: "s3:GetObjectVersion", want: "s3:versionid=v 1"},
		{line: "GET /bkt/k?retention&versionId=v", action: "s3:GetObjectRetention"},
		{line: "GET /bkt/k", headers: "if-match=e;x-amz-content-sha256=UNSIGNED-PAYLOAD", action: "s3:GetObject", want: "s3:x-amz-content-sha256=UNSIGNED-PAYLOAD"},
		{
			line: "PUT /bkt/k", action: "s3:PutObject",
			headers: "x-amz-acl=private;x-amz-storage-class=GLACIER;x-amz-server-side-encryption=aws:kms;x-amz-server-side-encryption-aws-kms-key-id=arn:k;if-none-match=*;x-amz-website-redirect-location=/x;x-amz-tagging=a=b%26c&d=",
			want:    "s3:ObjectCreationOperation=true|s3:RequestObjectTag/a=b&c|s3:RequestObjectTag/d=|s3:RequestObjectTagKeys=[a,d]|s3:if-none-match=*|s3:x-amz-acl=private|s3:x-amz-server-side-encryption-aws-kms-key-id=arn:k|s3:x-amz-server-side-encryption=aws:kms|s3:x-amz-storage-class=GLACIER|s3:x-amz-website-redirect-location=/x",
		},
		{line: "PUT /bkt/k", headers: "x-amz-acl=private;x-amz-storage-class=GLACIER;x-amz-tagging=a=b", action: "s3:PutObjectAcl", want: "s3:x-amz-acl=private|s3:x-amz-storage-class=GLACIER"},
		{line: "PUT /bkt/k", headers: "x-amz-acl=private;x-amz-tagging=a=b", action: "s3:PutObjectTagging", want: "s3:RequestObjectTag/a=b|s3:RequestObjectTagKeys=[a]"},
		{line: "PUT /bkt/k", headers: "x-amz-server-side-encryption-customer-algorithm=AES256;if-match=e", action: "s3:PutObject", want: "s3:ObjectCreationOperation=true|s3:if-match=e|s3:x-amz-server-side-encryption-customer-algorithm=AES256"},
		{line: "PUT /bkt/k", headers: "x-amz-grant-read=id=1;x-amz-grant-full-control=id=2;x-amz-grant-read-acp=id=3;x-amz-grant-write-acp=id=4", action: "s3:PutObjectAcl", want: "s3:x-amz-grant-full-control=id=2|s3:x-amz-grant-read-acp=id=3|s3:x-amz-grant-read=id=1|s3:x-amz-grant-write-acp=id=4"},
		{line: "PUT /bkt?acl", headers: "x-amz-grant-write=id=1", action: "s3:PutBucketAcl", want: "s3:x-amz-grant-write=id=1"},
		{line: "PUT /bkt/k", headers: "x-amz-copy-source=%73rc/%61;x-amz-metadata-directive=REPLACE", action: "s3:PutObject", want: "s3:ObjectCreationOperation=true|s3:x-amz-copy-source=%73rc/%61|s3:x-amz-metadata-directive=REPLACE"},
		{line: "PUT /bkt/k", headers: "x-amz-copy-source=src/a?versionId=v;x-amz-metadata-directive=REPLACE", action: "s3:GetObjectVersion", want: "s3:versionid=v"},
		{line: "PUT /bkt/k?uploadId=u&partNumber=1", action: "s3:PutObject", want: "s3:ObjectCreationOperation=false"},
		{line: "POST /bkt/k?uploads", action: "s3:PutObject", want: "s3:ObjectCreationOperation=false"},
		{line: "POST /bkt/k?uploadId=u", headers: "if-none-match=*", action: "s3:PutObject", want: "s3:ObjectCreationOperation=true|s3:if-none-match=*"},
		{line: "PUT /bkt/k", headers: "x-amz-object-lock-mode=COMPLIANCE;x-amz-object-lock-retain-until-date=2030-01-11T00:00:00Z;x-amz-object-lock-legal-hold=OFF", action: "s3:PutObject", want: "s3:ObjectCreationOperation=true|s3:object-lock-legal-hold=OFF|s3:object-lock-mode=COMPLIANCE|s3:object-lock-remaining-retention-days=10|s3:object-lock-retain-until-date=2030-01-11T00:00:00Z"},
		{line: "PUT /bkt/k", headers: "x-amz-object-lock-legal-hold=OFF", action: "s3:PutObjectLegalHold", want: "s3:object-lock-legal-hold=OFF"},
		{line: "PUT /bkt/k?retention", body: retention, action: "s3:PutObjectRetention", want: "s3:object-lock-mode=COMPLIANCE|s3:object-lock-remaining-retention-days=10|s3:object-lock-retain-until-date=2030-01-11T00:00:00.000Z"},
		{line: "PUT /bkt/k?retention", body: "<Retention><EventHold>ON</EventHold><EventHoldDuration><Days>3</Days></EventHoldDuration></Retention>", action: "s3:PutObjectRetention", want: "s3:object-lock-event-hold-duration-days=3|s3:object-lock-event-hold=ON"},
		{line: "PUT /bkt/k?legal-hold", body: "<LegalHold><Status>OFF</Status></LegalHold>", action: "s3:PutObjectLegalHold", want: "s3:object-lock-legal-hold=OFF"},
		{line: "PUT /bkt/k?tagging", body: tagging, action: "s3:PutObjectTagging", want: "s3:RequestObjectTag/Team=|s3:RequestObjectTag/env=prod|s3:RequestObjectTagKeys=[env,Team]"},
		{line: "PUT /bkt/k?tagging&versionId=v", body: tagging, action: "s3:PutObjectVersionTagging", want: "s3:RequestObjectTag/Team=|s3:RequestObjectTag/env=prod|s3:RequestObjectTagKeys=[env,Team]|s3:versionid=v"},
		{
			line: "PUT /bkt", headers: "x-amz-acl=private;x-amz-object-ownership=ObjectWriter;x-amz-bucket-namespace=account-regional", action: "s3:CreateBucket",
			body: "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint><Tags><Tag><Key>a</Key><Value>b</Value></Tag></Tags></CreateBucketConfiguration>",
			want: "aws:RequestTag/a=b|aws:TagKeys=[a]|s3:locationconstraint=eu-west-1|s3:x-amz-acl=private|s3:x-amz-bucket-namespace=account-regional|s3:x-amz-object-ownership=ObjectWriter",
		},
		{line: "PUT /bkt?inventory&id=i", body: "<InventoryConfiguration><Id>i</Id><OptionalFields><Field>Size</Field><Field>ETag</Field></OptionalFields></InventoryConfiguration>", action: "s3:PutInventoryConfiguration", want: "s3:InventoryAccessibleOptionalFields=[Size,ETag]"},
		{line: "PUT /bkt?replication", body: "<ReplicationConfiguration><Role>arn:aws:iam::1:role/r</Role></ReplicationConfiguration>", action: "iam:PassRole", want: "iam:PassedToService=s3.amazonaws.com"},
		{line: "DELETE /bkt/k", headers: "if-match=e", action: "s3:DeleteObject", want: "s3:if-match=e"},
		{line: "DELETE /bkt/k?versionId=v", headers: "if-match=e", action: "s3:DeleteObjectVersion", want: "s3:versionid=v"},
		{line: "POST /bkt?delete", body: "<Delete><Object><Key>k</Key><ETag>e</ETag></Object></Delete>", action: "s3:DeleteObject", want: "s3:if-match=e"},
		{line: "POST /bkt?delete", body: "<Delete><Object><Key>k</Key><VersionId>v</VersionId></Object></Delete>", action: "s3:DeleteObjectVersion", want: "s3:versionid=v"},
		{line: "GET /bkt/k?annotation&annotation-prefix=p&max-annotation-results=3", action: "s3:ListObjectAnnotations", want: "s3:annotation-prefix=p|s3:max-annotation-results=3"},
		{line: "PUT /bkt/k?annotation&annotationName=n", headers: "x-amz-object-if-match=e", action: "s3:PutObjectAnnotation", want: "s3:x-amz-object-if-match=e"},
	}
	now := &Surroundings{Now: time.Date(2030, 1, 1, 0, 0, 1, 0, time.UTC)}
	for _, tt := range tests {
		var headers []string
		if tt.headers != "" {
			headers = strings.Split(tt.headers, ";")
		}
		op := mustParse(t, tt.line, headers...)
		if err := op.ReadBody([]byte(tt.body)); err != nil {
			t.Errorf("%s: %v", tt.line, err)
			continue
		}
		want := []string{}
		if tt.want != "" {
			want = strings.Split(tt.want, "|")
		}
		if diff := cmp.Diff(want, keysOfNeed(t, op, tt.action, now)); diff != "" {
			t.Errorf("%s %s, %s (-want +got):\n%s", tt.line, tt.headers, tt.action, diff)
		}
	}
}

// TestSurroundings asks for the keys of every action.
func TestSurroundings(t *testing.T) {
	t.Parallel()
	signed := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	full := Surroundings{Algorithm: "AWS4-HMAC-SHA256", Signed: signed, Now: signed.Add(1500 * time.Millisecond), TLSVersion: "1.3", ResourceAccount: "123456789012"}
	presigned := full
	presigned.InQuery = true
	header := "s3:ResourceAccount=123456789012|s3:TlsVersion=1.3|s3:authType=REST-HEADER|s3:signatureAge=1500|s3:signatureversion=AWS4-HMAC-SHA256"
	for _, tt := range []struct {
		s    Surroundings
		line string
		want string
	}{
		{full, "GET /bkt/k", header},
		{presigned, "GET /bkt/k?X-Amz-Signature=1", strings.Replace(header, "HEADER", "QUERY-STRING", 1) + "|s3:x-amz-content-sha256=UNSIGNED-PAYLOAD"},
		{presigned, "GET /bkt/k?X-Amz-Content-Sha256=ab", strings.Replace(header, "HEADER", "QUERY-STRING", 1) + "|s3:x-amz-content-sha256=ab"},
		{Surroundings{TLSVersion: "1.2"}, "GET /bkt/k", "s3:TlsVersion=1.2"},
		{Surroundings{}, "GET /bkt/k", ""},
	} {
		got := strings.Join(keysOfNeed(t, mustParse(t, tt.line), "s3:GetObject", &tt.s), "|")
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.line, got, tt.want)
		}
	}
}

// TestExistingTags asks which needs are about stored tags, and of what object.
func TestExistingTags(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"GET /bkt/k?versionId=v": "s3:GetObjectVersion bkt k v",
		"GET /bkt/k?acl":         "s3:GetObjectAcl bkt k ",
		"GET /bkt/k?legal-hold":  "",
		"PUT /bkt/k":             "",
		"DELETE /bkt/k":          "",
		"DELETE /bkt/k?tagging":  "s3:DeleteObjectTagging bkt k ",
		"GET /bkt":               "",
	} {
		needs, err := mustParse(t, line).Needs()
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for i := range needs {
			n := &needs[i]
			var c policy.Context
			n.SetExistingTags(&c, map[string]string{"a": "b"})
			if _, _, present := c.Get("s3:ExistingObjectTag/a"); present != n.ExistingTags {
				t.Errorf("%s: %s has the key: %t", line, n.Action, present)
			}
			if n.ExistingTags {
				got += strings.Join([]string{n.Action, n.Bucket, n.Key, n.VersionID}, " ")
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	op := mustParse(t, "PUT /bkt/k", "x-amz-copy-source=src/a?versionId=v")
	needs, _ := op.Needs()
	if i := slices.IndexFunc(needs, func(n Need) bool { return n.ExistingTags }); needs[i].Bucket != "src" || needs[i].Key != "a" || needs[i].VersionID != "v" {
		t.Errorf("the tags of %+v are asked for", needs[i])
	}
}

// TestExistenceNeed is on the bucket, without keys of a listing.
func TestExistenceNeed(t *testing.T) {
	t.Parallel()
	need := mustParse(t, "GET /bkt/k?versionId=v").ExistenceNeed()
	if need.Action != "s3:ListBucket" || need.Resource != "arn:aws:s3:::bkt" || need.Bucket != "bkt" || need.Key != "" || len(need.Keys) != 0 {
		t.Errorf("%+v", need)
	}
}

// TestBucketTags are of needs on a bucket and its objects.
func TestBucketTags(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int{"GET /": 0, "GET /bkt": 2, "GET /bkt/k": 2} {
		needs, err := mustParse(t, line).Needs()
		if err != nil {
			t.Fatal(err)
		}
		var c policy.Context
		needs[0].SetBucketTags(&c, map[string]string{"a": "b"})
		if got := c.Keys(); len(got) != want {
			t.Errorf("%s: %q", line, got)
		}
	}
}

// TestForm reads form uploads.
func TestForm(t *testing.T) {
	t.Parallel()
	post := func() *Operation { return mustParse(t, "POST /bkt", "content-type=Multipart/Form-Data; boundary=x") }
	op := post()
	if !op.NeedsBody() || op.Name != "PostObject" || op.Body != Form {
		t.Errorf("%+v", op)
	}
	if err := op.ReadForm([]Field{
		{"Key", "user/${filename}"},
		{"ACL", "public-read"},
		{"tagging", tagging},
		{"x-amz-storage-class", "GLACIER"},
		{"policy", "e30="},
		{"x-amz-signature", "ab"},
		{"X-Amz-Algorithm", "AWS4-HMAC-SHA256"},
		{"x-ignore-me", "1"},
		{"Content-Type", "a/b"},
	}, `C:\dir\file name.txt`); err != nil {
		t.Fatal(err)
	}
	want := []string{"s3:PutObject bkt/user/file name.txt", "s3:PutObjectAcl bkt/user/file name.txt", "s3:PutObjectTagging bkt/user/file name.txt"}
	if diff := cmp.Diff(want, needsOf(t, op)); diff != "" {
		t.Error(diff)
	}
	keys := keysOfNeed(t, op, "s3:PutObject", &Surroundings{Algorithm: "AWS4-HMAC-SHA256"})
	for _, key := range []string{"s3:x-amz-acl=public-read", "s3:x-amz-storage-class=GLACIER", "s3:RequestObjectTag/env=prod", "s3:authType=POST", "s3:ObjectCreationOperation=true"} {
		if !slices.Contains(keys, key) {
			t.Errorf("%s is not among %q", key, keys)
		}
	}
	for name, fields := range map[string][]Field{
		"UserKeyMustBeSpecified": {{"acl", "private"}},
		"KeyTooLongError":        {{"key", strings.Repeat("k", 1025)}},
		"InvalidArgument: twice": {{"key", "a"}, {"KEY", "b"}},
		"InvalidArgument: acl":   {{"key", "a"}, {"acl", "private"}, {"x-amz-acl", "public-read"}},
		"InvalidArgument: field": {{"key", "a"}, {"unknown", "b"}},
		"InvalidArgument: other": {{"key", "a"}, {"bucket", "other"}},
		"NotImplemented":         {{"key", "a"}, {"x-amz-unknown", "b"}},
		"InvalidArgument: copy":  {{"key", "a"}, {"x-amz-copy-source", "src/b"}},
		"MalformedXML":           {{"key", "a"}, {"tagging", "<a/>"}},
	} {
		op := post()
		code, _, _ := strings.Cut(name, ":")
		var e *Error
		if err := op.ReadForm(fields, "f"); !errors.As(err, &e) || e.Code != code {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := op.Needs(); !errors.Is(err, ErrBodyUnread) {
			t.Errorf("%s: needs of a form that was refused: %v", name, err)
		}
	}
}

// TestKeysOfTable asks that the table of keys has no action that nothing needs,
// and no key that no request gives.
func TestKeysOfTable(t *testing.T) {
	t.Parallel()
	actions := map[string]bool{"s3:DeleteObject": true, "s3:DeleteObjectVersion": true}
	for _, r := range table {
		all := slices.Clone(r.actions)
		for i := range r.extras {
			all = append(all, r.extras[i].action)
		}
		for _, action := range all {
			for part := range strings.SplitSeq(action, "/") {
				actions[part] = true
			}
		}
	}
	given := map[string]bool{
		"s3:versionid": true, "s3:ExistingObjectTag/": true, "s3:RequestObjectTag/": true, "s3:RequestObjectTagKeys": true,
		"aws:RequestTag/": true, "aws:TagKeys": true, "s3:locationconstraint": true, "s3:ObjectCreationOperation": true,
		"iam:PassedToService": true, "s3:InventoryAccessibleOptionalFields": true, "s3:object-lock-remaining-retention-days": true,
	}
	for _, name := range slices.Concat(parameterKeys, headerKeys) {
		given["s3:"+name] = true
	}
	for _, name := range lockKeys {
		given["s3:object-lock-"+name] = true
	}
	for _, action := range slices.Sorted(maps.Keys(keysOf)) {
		if !actions[action] {
			t.Errorf("%s has keys and nothing needs it", action)
		}
		for key := range strings.FieldsSeq(keysOf[action]) {
			if !given[key] {
				t.Errorf("%s of %s is given by no request", key, action)
			}
		}
	}
}
