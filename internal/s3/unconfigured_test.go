package s3_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	room "github.com/daypass/daypass/internal/s3"
)

// ofS3 is the namespace of S3's documents.
const ofS3 = ` xmlns="http://s3.amazonaws.com/doc/2006-03-01/"`

// unconfiguredRows are what S3 answered in September 2026 for a bucket of that
// day (as users published it), but for the request's ids, XML's declaration and the
// two forms of an element without content. The encryption is that of Daypass.
var unconfiguredRows = map[string]string{
	"abac":                         "<AbacStatus" + ofS3 + "><Status>Disabled</Status></AbacStatus>",
	"accelerate":                   "<AccelerateConfiguration" + ofS3 + "></AccelerateConfiguration>",
	"analytics":                    "<ListBucketAnalyticsConfigurationsResult" + ofS3 + "><IsTruncated>false</IsTruncated></ListBucketAnalyticsConfigurationsResult>",
	"analytics&id=x":               "<Error><Code>NoSuchConfiguration</Code><Message>The specified configuration does not exist.</Message></Error>",
	"cors":                         "<Error><Code>NoSuchCORSConfiguration</Code><Message>The CORS configuration does not exist</Message><BucketName>BUCKET</BucketName></Error>",
	"encryption":                   "<Error><Code>ServerSideEncryptionConfigurationNotFoundError</Code><Message>The server side encryption configuration was not found</Message><BucketName>BUCKET</BucketName></Error>",
	"intelligent-tiering":          "<ListIntelligentTieringConfigurationsResult" + ofS3 + "><IsTruncated>false</IsTruncated></ListIntelligentTieringConfigurationsResult>",
	"inventory":                    "<ListInventoryConfigurationsResult" + ofS3 + "><IsTruncated>false</IsTruncated></ListInventoryConfigurationsResult>",
	"lifecycle":                    "<Error><Code>NoSuchLifecycleConfiguration</Code><Message>The lifecycle configuration does not exist</Message><BucketName>BUCKET</BucketName></Error>",
	"location":                     "<LocationConstraint" + ofS3 + "></LocationConstraint>",
	"logging":                      "<BucketLoggingStatus" + ofS3 + "></BucketLoggingStatus>",
	"metrics":                      "<ListMetricsConfigurationsResult" + ofS3 + "><IsTruncated>false</IsTruncated></ListMetricsConfigurationsResult>",
	"metrics&continuation-token=":  "<ListMetricsConfigurationsResult" + ofS3 + "><IsTruncated>false</IsTruncated><ContinuationToken></ContinuationToken></ListMetricsConfigurationsResult>",
	"metrics&continuation-token=x": "<Error><Code>MalformedContinuationToken</Code><Message>The continuation-token you provided invalid.</Message></Error>",
	"notification":                 "<NotificationConfiguration" + ofS3 + "></NotificationConfiguration>",
	"object-lock":                  "<Error><Code>ObjectLockConfigurationNotFoundError</Code><Message>Object Lock configuration does not exist for this bucket</Message><BucketName>BUCKET</BucketName></Error>",
	"ownershipControls":            "<OwnershipControls" + ofS3 + "><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>",
	"policy":                       "<Error><Code>NoSuchBucketPolicy</Code><Message>The bucket policy does not exist</Message><BucketName>BUCKET</BucketName></Error>",
	"policyStatus":                 "<Error><Code>NoSuchBucketPolicy</Code><Message>The bucket policy does not exist</Message><BucketName>BUCKET</BucketName></Error>",
	"publicAccessBlock":            "<PublicAccessBlockConfiguration" + ofS3 + "><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>",
	"replication":                  "<Error><Code>ReplicationConfigurationNotFoundError</Code><Message>The replication configuration was not found</Message><BucketName>BUCKET</BucketName></Error>",
	"requestPayment":               "<RequestPaymentConfiguration" + ofS3 + "><Payer>BucketOwner</Payer></RequestPaymentConfiguration>",
	"tagging":                      "<Error><Code>NoSuchTagSet</Code><Message>The TagSet does not exist</Message><BucketName>BUCKET</BucketName></Error>",
	"versioning":                   "<VersioningConfiguration" + ofS3 + "></VersioningConfiguration>",
	"website":                      "<Error><Code>NoSuchWebsiteConfiguration</Code><Message>The specified bucket does not have a website configuration</Message><BucketName>BUCKET</BucketName></Error>",
}

var (
	idsOfReply = regexp.MustCompile(`<\?xml[^>]*\?>\s*|<(RequestId|HostId)>[^<]*</(RequestId|HostId)>`)
	emptyTag   = regexp.MustCompile(`<(\w+)([^>]*)/>`)
)

// TestUnconfigured reads every configuration of a bucket that nobody configured.
func TestUnconfigured(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t) + "-new"
	if got := g.send(t, signed{config: g.AdminConfig, method: http.MethodPut, target: "/" + bucket}); got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	for query, row := range unconfiguredRows {
		got := g.send(t, signed{config: g.AdminConfig, method: http.MethodGet, target: "/" + bucket + "?" + query})
		body := emptyTag.ReplaceAllString(strings.TrimSpace(idsOfReply.ReplaceAllString(got.Body, "")), "<$1$2></$1>")
		if want := strings.ReplaceAll(row, "BUCKET", bucket); body != want || (got.Status == http.StatusOK) != !strings.Contains(row, "<Error>") {
			t.Errorf("?%s: %d %s\nwant %s", query, got.Status, body, want)
		}
		if missing := g.send(t, signed{config: g.AdminConfig, method: http.MethodGet, target: "/no-such-bucket?" + query}); missing.Status != http.StatusNotFound || !strings.Contains(missing.Body, "<Code>NoSuchBucket</Code>") {
			t.Errorf("?%s of no bucket: %d %s", query, missing.Status, missing.Body)
		}
	}
}

// TestNotCarriedOut: what is refused although it is permitted says what there is
// instead, in a sentence of its own.
func TestNotCarriedOut(t *testing.T) {
	carriedOut, sentences := room.CarriedOut(), room.Instead()
	for operation, line := range describe(t) {
		if strings.HasPrefix(line.needs, "not served: ") || operation == "PostObject" || slices.Contains(carriedOut, operation) {
			continue
		}
		if sentence := sentences[operation]; !strings.Contains(sentence, ". ") || !strings.HasSuffix(sentence, ".") {
			t.Errorf("%s is refused by %q: it does not say what to do", operation, sentence)
		}
	}
}

// TestMalformedDocuments: what is not understood in a document is refused, and not
// taken for what it does not say.
func TestMalformedDocuments(t *testing.T) {
	g := start(t, nil)
	bucket := g.bucket(t)
	for _, row := range []struct{ query, body, code string }{
		{"publicAccessBlock", "<PublicAccessBlockConfiguration/>", ""},
		{"publicAccessBlock", "<!-- all --><PublicAccessBlockConfiguration" + ofS3 + "><BlockPublicPolicy> true </BlockPublicPolicy><IgnorePublicAcls>1</IgnorePublicAcls></PublicAccessBlockConfiguration>\n", ""},
		{"publicAccessBlock", "<PublicAccessBlockConfiguration><BlockPublicPolicies>true</BlockPublicPolicies></PublicAccessBlockConfiguration>", "MalformedXML"},
		{"publicAccessBlock", "<PublicAccessBlockConfiguration><BlockPublicPolicy>True</BlockPublicPolicy></PublicAccessBlockConfiguration>", "MalformedXML"},
		{"publicAccessBlock", "<PublicAccessBlockConfiguration><BlockPublicPolicy/></PublicAccessBlockConfiguration>", "MalformedXML"},
		{"publicAccessBlock", "<PublicAccessBlockConfiguration><BlockPublicPolicy>true</BlockPublicPolicy><BlockPublicPolicy>false</BlockPublicPolicy></PublicAccessBlockConfiguration>", "MalformedXML"},
		{"publicAccessBlock", "<PublicAccessBlockConfiguration on=\"\"/>", "MalformedXML"},
		{"publicAccessBlock", "<PublicAccessBlockConfiguration>true</PublicAccessBlockConfiguration>", "MalformedXML"},
		{"publicAccessBlock", "<PublicAccessBlockConfiguration xmlns=\"urn:other\"/>", "MalformedXML"},
		{"publicAccessBlock", "<!DOCTYPE x><PublicAccessBlockConfiguration/>", "MalformedXML"},
		{"publicAccessBlock", "<PublicAccessBlockConfiguration/><PublicAccessBlockConfiguration/>", "MalformedXML"},
		{"publicAccessBlock", "<PublicAccessBlockConfiguration/>x", "MalformedXML"},
		{"publicAccessBlock", "{}", "MalformedXML"},
		{"publicAccessBlock", "", "MalformedXML"},
		{"ownershipControls", "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>", ""},
		{"ownershipControls", "<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>", "NotImplemented"},
		{"ownershipControls", "<OwnershipControls><Rule><ObjectOwnership>Enforced</ObjectOwnership></Rule></OwnershipControls>", "MalformedXML"},
		{"ownershipControls", "<OwnershipControls><Rule/></OwnershipControls>", "MalformedXML"},
		{"ownershipControls", "<OwnershipControls/>", "MalformedXML"},
		{"logging", "<BucketLoggingStatus>x</BucketLoggingStatus>", "MalformedXML"},
		{"notification", "<BucketLoggingStatus/>", "MalformedXML"},
		{"accelerate", "<AccelerateConfiguration/>", "MalformedXML"},
	} {
		got := g.send(t, signed{config: g.AdminConfig, method: http.MethodPut, target: "/" + bucket + "?" + row.query, body: row.body})
		if row.code == "" && got.Status != http.StatusOK || row.code != "" && !strings.Contains(got.Body, "<Code>"+row.code+"</Code>") {
			t.Errorf("?%s %s: %d %s, want %s", row.query, row.body, got.Status, got.Body, row.code)
		}
	}
}
