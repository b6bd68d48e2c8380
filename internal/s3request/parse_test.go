package s3request

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTarget reads bucket and key from host and path.
func TestTarget(t *testing.T) {
	t.Parallel()
	hosts := []string{"s3.example.com", "example.com", "localhost:9000", "[::1]"}
	tests := []struct {
		host, target string
		bucket, key  string
	}{
		{"s3.example.com", "/", "", ""},
		{"s3.example.com", "/?max-buckets=1", "", ""},
		{"s3.example.com", "/bkt", "bkt", ""},
		{"s3.example.com", "/bkt/", "bkt", ""},
		{"s3.example.com:8443", "/bkt/k", "bkt", "k"},
		{"S3.Example.COM", "/bkt/k", "bkt", "k"},
		{"s3.example.com", "/my.bkt.name/k", "my.bkt.name", "k"},
		{"s3.example.com", "/%62kt/k", "bkt", "k"},
		{"s3.example.com", "/bkt//", "bkt", "/"},
		{"s3.example.com", "/bkt//a//b/", "bkt", "/a//b/"},
		{"s3.example.com", "/bkt/../a/./..", "bkt", "../a/./.."},
		{"s3.example.com", "/bkt/%2e%2e/a", "bkt", "../a"},
		{"s3.example.com", "/bkt/a%2Fb", "bkt", "a/b"},
		{"s3.example.com", "/bkt/a%252Fb", "bkt", "a%2Fb"},
		{"s3.example.com", "/bkt/a+b%2B%20", "bkt", "a+b+ "},
		{"s3.example.com", "/bkt/%C3%A9%F0%9F%98%80", "bkt", "é😀"},
		{"s3.example.com", "/bkt/a%00%0A%3F%23", "bkt", "a\x00\n?#"},
		{"s3.example.com", "/bkt/a\\b;c=d&e@:", "bkt", "a\\b;c=d&e@:"},
		{"s3.example.com", "/bkt/k?versionId=%3D", "bkt", "k"},
		{"bkt.s3.example.com", "/", "bkt", ""},
		{"BKT.s3.example.com:443", "/k", "bkt", "k"},
		{"my.bkt.s3.example.com", "//k", "my.bkt", "/k"},
		{"bkt.s3.example.com", "/bkt/k", "bkt", "bkt/k"},
		{"other.example.com", "/k", "other", "k"},
		{"localhost:9000", "/bkt/k", "bkt", "k"},
		{"bkt.localhost:9000", "/k", "bkt", "k"},
		{"[::1]:9000", "/bkt/k", "bkt", "k"},
		{"s3-control.s3.example.com", "/k", "s3-control", "k"},
	}
	for _, tt := range tests {
		op, err := Parse(&Request{Method: "GET", Host: tt.host, RequestURI: tt.target}, hosts...)
		if err != nil {
			t.Errorf("%s%s: %v", tt.host, tt.target, err)
			continue
		}
		if op.Bucket != tt.bucket || op.Key != tt.key {
			t.Errorf("%s%s is bucket %q, key %q, want %q, %q", tt.host, tt.target, op.Bucket, op.Key, tt.bucket, tt.key)
		}
	}
	op, err := Parse(&Request{Method: "GET", Host: "any:1", RequestURI: "/bkt/k"})
	if err != nil || op.Bucket != "bkt" || op.Key != "k" {
		t.Errorf("without hosts: %+v, %v", op, err)
	}
}

// TestRefused has requests that are no one operation.
func TestRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("k", 1025)
	tests := []struct {
		line    string
		headers string // apart by semicolons
		code    string
		text    string // in the message or an element
	}{
		// Two sub-resources.
		{"GET /bkt?versions&acl", "", "InvalidArgument", "Conflicting query string parameters: acl, versions"},
		{"GET /bkt?versioning&acl", "", "InvalidArgument", "Conflicting query string parameters: acl, versioning"},
		{"GET /bkt?%61cl&versions=", "", "InvalidArgument", "acl, versions"},
		{"PUT /bkt/k?tagging&acl", "", "InvalidArgument", "acl, tagging"},
		{"DELETE /bkt/k?tagging&uploadId=u", "", "InvalidArgument", "tagging, uploadId"},
		{"POST /bkt/k?uploads&uploadId=u", "", "InvalidArgument", "uploadId, uploads"},
		{"GET /bkt/k?partNumber=1&tagging", "", "InvalidArgument", "partNumber, tagging"},
		{"GET /bkt?list-type=2&acl", "", "InvalidArgument", "Unexpected query string parameter"},
		{"GET /bkt?session&acl", "", "InvalidArgument", "acl, session"},
		// Names that nearly are.
		{"GET /bkt?ACL", "", "InvalidArgument", "Unexpected query string parameter"},
		{"DELETE /bkt/k?Tagging", "", "InvalidArgument", "Unexpected"},
		{"DELETE /bkt/k?versionid=v", "", "InvalidArgument", "Unexpected"},
		{"DELETE /bkt/k?%2561cl", "", "InvalidArgument", "Unexpected"},
		{"DELETE /bkt/k?acl%00", "", "InvalidArgument", "Unexpected"},
		{"DELETE /bkt/k?+tagging", "", "InvalidArgument", "Unexpected"},
		{"PUT /bkt/k?newSubResource", "", "InvalidArgument", "newSubResource"},
		{"GET /bkt?foo=bar", "", "InvalidArgument", "foo"},
		{"GET /bkt/k?x-id=PutObject", "", "InvalidArgument", "x-id"},
		{"GET /?x-id=ListDirectoryBuckets", "", "NotImplemented", "S3 Express"},
		// Twice.
		{"GET /bkt?prefix=a&prefix=b", "", "InvalidArgument", "more than one value"},
		{"GET /bkt?acl&acl", "", "InvalidArgument", "more than one value"},
		{"GET /bkt?acl&%61cl", "", "InvalidArgument", "more than one value"},
		{"GET /bkt/k?versionId=a&versionId=b", "", "InvalidArgument", "more than one value"},
		{"PUT /bkt/k?x-amz-acl=private&X-Amz-Acl=public-read", "", "InvalidArgument", "more than one value"},
		{"PUT /bkt/k?x-amz-acl=private", "x-amz-acl=public-read", "InvalidArgument", "more than one value"},
		{"PUT /bkt/k", "x-amz-acl=private;x-amz-acl=public-read", "InvalidArgument", "more than one value"},
		{"PUT /bkt/k", "x-amz-copy-source=src/a;x-amz-copy-source=src/b", "InvalidArgument", "more than one value"},
		{"PUT /bkt/k", "if-none-match=*;if-none-match=*", "InvalidArgument", "more than one value"},
		// Targets.
		{"GET /bkt/%", "", "InvalidURI", "Couldn't parse the specified URI."},
		{"GET /bkt/%2", "", "InvalidURI", ""},
		{"GET /bkt/%zz", "", "InvalidURI", ""},
		{"GET /bkt/%ff", "", "InvalidURI", ""},
		{"GET /bkt/%C0%AF", "", "InvalidURI", ""},
		{"GET /bkt/é", "", "InvalidURI", ""},
		{"GET /bkt/k#f", "", "InvalidURI", ""},
		{"GET /bkt/k?versionId=%f", "", "InvalidURI", ""},
		{"GET /bkt?prefix=a;acl", "", "InvalidURI", ""},
		{"GET /bkt?=a", "", "InvalidURI", ""},
		{"GET //bkt/k", "", "InvalidURI", ""},
		{"GET http://s3.example.com/bkt", "", "InvalidURI", ""},
		{"OPTIONS *", "", "InvalidURI", ""},
		{"GET /bkt/" + strings.Repeat("%20", 6000), "", "InvalidURI", ""},
		{"GET /bkt/" + long, "", "KeyTooLongError", "Your key is too long"},
		{"GET /bkt/" + strings.Repeat("%C3%A9", 513), "", "KeyTooLongError", "1026"},
		// Buckets.
		{"GET /ab", "", "InvalidBucketName", "The specified bucket is not valid."},
		{"GET /" + strings.Repeat("b", 64), "", "InvalidBucketName", ""},
		{"GET /Bkt/k", "", "InvalidBucketName", "Bkt"},
		{"GET /b_t/k", "", "InvalidBucketName", ""},
		{"GET /-bkt/k", "", "InvalidBucketName", ""},
		{"GET /bkt./k", "", "InvalidBucketName", ""},
		{"GET /b..t/k", "", "InvalidBucketName", ""},
		{"GET /192.168.5.4/k", "", "InvalidBucketName", ""},
		{"GET /bkt%2Fk", "", "InvalidBucketName", "bkt/k"},
		{"GET /%2E%2E/k", "", "InvalidBucketName", ""},
		{"GET /bkt%20/k", "", "InvalidBucketName", ""},
		{"PUT /xn--bkt", "", "InvalidBucketName", ""},
		{"PUT /sthree-bkt", "", "InvalidBucketName", ""},
		{"PUT /amzn-s3-demo-bkt", "", "InvalidBucketName", ""},
		// Other services.
		{"GET /bkt--euc1-az1--x-s3/k", "", "NotImplemented", "S3 Express"},
		{"GET /ap-1234-s3alias/k", "", "NotImplemented", "access point aliases"},
		{"GET /ap-1234--ol-s3/k", "", "NotImplemented", "Object Lambda"},
		{"GET /m1234.mrap/k", "", "NotImplemented", "Multi-Region"},
		{"GET /tables--table-s3/k", "", "NotImplemented", "S3 Tables"},
		{"GET /arn%3Aaws%3As3%3Aeu-west-1%3A1%3Aaccesspoint%2Fap/k", "", "NotImplemented", "ARNs"},
		{"GET /arn:aws:s3:eu-west-1:1:accesspoint/ap/k", "", "NotImplemented", "ARNs"},
		{"GET /v20180820/tags/x", "", "NotImplemented", "S3 Control"},
		{"GET /bkt", "x-amz-account-id=1", "NotImplemented", "S3 Control"},
		{"POST /WriteGetObjectResponse", "", "NotImplemented", "Object Lambda"},
		{"GET /bkt?session", "", "NotImplemented", "CreateSession"},
		{"PUT /bkt/k?renameObject", "x-amz-rename-source=/bkt/a", "NotImplemented", "RenameObject"},
		{"PUT /bkt/k?encryption", "", "NotImplemented", "UpdateObjectEncryption"},
		{"PUT /bkt/k", "x-amz-write-offset-bytes=1", "NotImplemented", "appending"},
		{"POST /bkt?metadataTable", "", "NotImplemented", "CreateBucketMetadataTableConfiguration"},
		// Methods.
		{"POST /", "", "MethodNotAllowed", "SERVICE"},
		{"PATCH /bkt", "", "MethodNotAllowed", "BUCKET"},
		{"POST /bkt/k", "", "MethodNotAllowed", "OBJECT"},
		{"get /bkt/k", "", "MethodNotAllowed", "OBJECT"},
		{"HEAD /bkt?acl", "", "MethodNotAllowed", "ACL"},
		{"POST /bkt?policy", "", "MethodNotAllowed", "BUCKETPOLICY"},
		{"PUT /bkt/k?uploadId=u", "", "MethodNotAllowed", "UPLOAD"},
		{"GET /bkt/k?uploadId=u&partNumber=1", "", "MethodNotAllowed", "PART"},
		{"GET /bkt?torrent", "", "MethodNotAllowed", "TORRENT"},
		{"POST /bkt", "", "PreconditionFailed", "Bucket POST must be of the enclosure-type multipart/form-data"},
		{"POST /bkt?key=a&policy=b", "content-type=multipart/form-data", "MethodNotAllowed", "BUCKETPOLICY"},
		{"POST /bkt?key=a", "content-type=multipart/form-data", "InvalidArgument", "Unexpected"},
		// Sub-resources elsewhere.
		{"GET /bkt/k?versions", "", "InvalidRequest", "There is no such thing as the ?versions sub-resource for a key"},
		{"GET /bkt/k?policy", "", "InvalidRequest", "?policy"},
		{"DELETE /bkt/k?policy", "", "InvalidRequest", "?policy"},
		{"GET /bkt/k?logging", "", "NoLoggingStatusForKey", ""},
		{"POST /bkt/k?delete", "", "InvalidRequest", "?delete"},
		{"GET /bkt?uploadId=u", "", "InvalidRequest", "A key must be specified"},
		{"GET /bkt?partNumber=1", "", "InvalidRequest", "Object must have a valid key name."},
		{"GET /?acl", "", "MethodNotAllowed", "ACL"},
		// Parameters.
		{"GET /bkt?versionId=v", "", "InvalidArgument", "This operation does not accept a version-id."},
		{"PUT /bkt/k?versionId=v", "", "InvalidArgument", "This operation does not accept a version-id."},
		{"POST /bkt/k?uploads&versionId=v", "", "InvalidArgument", "version-id"},
		{"GET /bkt/k?versionId=", "", "InvalidArgument", "Version id cannot be the empty string"},
		{"DELETE /bkt/k?versionId", "", "InvalidArgument", "Version id cannot be the empty string"},
		{"GET /bkt/k?uploadId=", "", "NoSuchUpload", ""},
		{"PUT /bkt/k?partNumber=1", "", "InvalidArgument", "does not accept partNumber without uploadId"},
		{"PUT /bkt/k?partNumber=0&uploadId=u", "", "InvalidArgument", "Part number must be an integer between 1 and 10000"},
		{"PUT /bkt/k?partNumber=10001&uploadId=u", "", "InvalidArgument", "10000"},
		{"PUT /bkt/k?partNumber=%2B1&uploadId=u", "", "InvalidArgument", "10000"},
		{"GET /bkt?list-type=1", "", "InvalidArgument", "Unexpected"},
		{"GET /bkt?list-type", "", "InvalidArgument", "Unexpected"},
		{"GET /bkt?continuation-token=t", "", "InvalidArgument", "continuation-token only supported in REST.GET.BUCKET with list-type=2"},
		{"GET /bkt?start-after=t", "", "InvalidArgument", "startAfter only supported"},
		{"GET /bkt?list-type=2&marker=t", "", "InvalidArgument", "Marker unsupported"},
		{"GET /bkt?max-keys=-01", "", "InvalidArgument", "Argument maxKeys must be an integer between 0 and 2147483647"},
		{"GET /bkt?max-keys=abc", "", "InvalidArgument", "Provided max-keys not an integer or within integer range"},
		{"GET /bkt?max-keys=2147483648", "", "InvalidArgument", "Provided max-keys"},
		{"GET /bkt?max-keys=%2B1", "", "InvalidArgument", "Provided max-keys"},
		{"GET /bkt?website=1", "", "InvalidArgument", "The website parameter must not have a value"},
		{"PUT /bkt?inventory", "", "InvalidRequest", "id"},
		{"GET /bkt?inventory&id=", "", "InvalidArgument", "id"},
		{"POST /bkt/k?select", "", "InvalidRequest", "select-type"},
		{"POST /bkt/k?select&select-type=1", "", "InvalidArgument", "select-type"},
		{"PUT /bkt/k?annotation", "", "InvalidRequest", "annotationName"},
		{"PUT /bkt/k?annotationName=a", "", "InvalidArgument", "Unexpected"},
		{"PUT /bkt/k?response-content-type=a", "", "InvalidArgument", "Unexpected"},
		// Headers.
		{"GET /bkt/k", "x-amz-copy-source=src/a", "InvalidArgument", "You can only specify a copy source header for copy requests."},
		{"POST /bkt/k?uploads", "x-amz-copy-source=src/a", "InvalidArgument", "copy source header"},
		{"PUT /bkt/k?tagging&x-amz-copy-source=src/a", "", "InvalidArgument", "copy source header"},
		{"PUT /bkt", "x-amz-copy-source=src/a", "InvalidArgument", "copy source header"},
		{"PUT /bkt/k?uploadId=u&partNumber=1", "x-amz-acl=private", "NotImplemented", "A header you provided implies functionality"},
		{"PUT /bkt/k?tagging", "x-amz-tagging=a=b", "NotImplemented", "x-amz-tagging"},
		{"PUT /bkt/k", "x-amz-bypass-governance-retention=true", "NotImplemented", ""},
		{"POST /bkt", "content-type=multipart/form-data;x-amz-tagging=a=b", "NotImplemented", "x-amz-tagging"},
		{"PUT /bkt/k", "x-amz-tagging-directive=COPY", "NotImplemented", ""},
		{"PUT /bkt/k", "x-amz-trailer=x-amz-checksum-crc32, x-amz-acl", "InvalidRequest", "x-amz-trailer"},
		{"PUT /bkt/k", "x-amz-tagging=a=b&A=c", "InvalidTag", "Cannot provide multiple Tags with the same key"},
		{"PUT /bkt/k", "x-amz-unheard-of=1", "NotImplemented", "x-amz-unheard-of"},
		{"PUT /bkt/k?X-Amz-Unheard-Of=1", "", "NotImplemented", "x-amz-unheard-of"},
		{"PUT /bkt/k", "x-amz-acl=", "InvalidArgument", "must not be empty"},
		{"PUT /bkt/k", "x-amz-tagging=a=b&a=c", "InvalidArgument", "without tag name duplicates"},
		{"PUT /bkt/k", "x-amz-tagging=a=b&%61=c", "InvalidArgument", "without tag name duplicates"},
		{"PUT /bkt/k", "x-amz-tagging=%zz=c", "InvalidArgument", "URLEncoded"},
		{"PUT /bkt/k", "x-amz-tagging==c", "InvalidTag", ""},
		{"PUT /bkt/k", "x-amz-tagging=a&b&c&d&e&f&g&h&i&j&k", "BadRequest", "Object tags cannot be greater than 10"},
		{"PUT /bkt/k", "x-amz-object-lock-mode=GOVERNANCE", "InvalidArgument", "must both be supplied"},
		{"PUT /bkt/k", "x-amz-object-lock-mode=governance;x-amz-object-lock-retain-until-date=2030-01-01T00:00:00Z", "InvalidArgument", "wormMode"},
		{"PUT /bkt/k", "x-amz-object-lock-mode=GOVERNANCE;x-amz-object-lock-retain-until-date=2030", "InvalidArgument", "ISO 8601"},
		{"PUT /bkt/k", "x-amz-object-lock-legal-hold=on", "InvalidArgument", "Legal Hold"},
		{"DELETE /bkt/k", "x-amz-bypass-governance-retention=yes", "InvalidArgument", "true or false"},
		{"PUT /bkt/k", "x-amz-copy-source=src/a;x-amz-tagging-directive=replace", "InvalidArgument", "Unknown tagging directive."},
		{"PUT /bkt/k", "x-amz-copy-source=src/a;x-amz-metadata-directive=", "InvalidArgument", "Unknown metadata directive."},
		// Copy sources.
		{"PUT /bkt/k", "x-amz-copy-source=", "InvalidArgument", "Copy Source must mention the source bucket and key"},
		{"PUT /bkt/k", "x-amz-copy-source=src", "InvalidArgument", "Copy Source must mention"},
		{"PUT /bkt/k", "x-amz-copy-source=src/", "InvalidArgument", "Copy Source must mention"},
		{"PUT /bkt/k", "x-amz-copy-source=//src/a", "InvalidArgument", "Copy Source must mention"},
		{"PUT /bkt/k", "x-amz-copy-source=Src/a", "InvalidArgument", "Invalid copy source bucket name"},
		{"PUT /bkt/k", "x-amz-copy-source=src/%zz", "InvalidArgument", "Invalid copy source encoding"},
		{"PUT /bkt/k", "x-amz-copy-source=src/%ff", "InvalidArgument", "Invalid copy source encoding"},
		{"PUT /bkt/k", "x-amz-copy-source=src/a?versionId=", "InvalidArgument", "Version id cannot be the empty string"},
		{"PUT /bkt/k", "x-amz-copy-source=src/a?versionid=v", "InvalidArgument", "Invalid copy source object key"},
		{"PUT /bkt/k", "x-amz-copy-source=src/a?b", "InvalidArgument", "Invalid copy source object key"},
		{"PUT /bkt/k", "x-amz-copy-source=src/a?versionId=v&x=y", "InvalidArgument", "Invalid copy source object key"},
		{"PUT /bkt/k", "x-amz-copy-source=src/a?versionId=v?versionId=w", "InvalidArgument", "Invalid copy source object key"},
		{"PUT /bkt/k", "x-amz-copy-source=src/a%3FversionId=v", "InvalidArgument", "Invalid copy source object key"},
		{"PUT /bkt/k", "x-amz-copy-source=src/a%3FversionId%3Dv?versionId=w", "InvalidArgument", "Invalid copy source object key"},
		{"PUT /bkt/k", "x-amz-copy-source=arn:aws:s3:eu-west-1:1:accesspoint/ap/object/k", "NotImplemented", "ARNs"},
		{"PUT /bkt/k", "x-amz-copy-source=arn%3Aaws%3As3%3Aeu-west-1%3A1%3Aaccesspoint%2Fap%2Fobject%2Fk", "NotImplemented", "ARNs"},
		{"PUT /bkt/k", "x-amz-copy-source=/ap-1-s3alias/k", "NotImplemented", "access point aliases"},
		{"PUT /bkt/k", "x-amz-copy-source=src/" + long, "KeyTooLongError", ""},
	}
	for _, tt := range tests {
		var headers []string
		if tt.headers != "" {
			headers = strings.Split(tt.headers, ";")
		}
		op, err := parse(t, tt.line, headers...)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%.80s %.80s: %+v, %v", tt.line, tt.headers, op, err)
			continue
		}
		all := e.Message
		for _, element := range e.Elements {
			all += "|" + element.Value
		}
		if e.Code != tt.code || !strings.Contains(all, tt.text) {
			t.Errorf("%.80s %.80s: %s %s, want %s with %q", tt.line, tt.headers, e.Code, all, tt.code, tt.text)
		}
		if e.Status < 400 || e.Status > 501 || e.Message == "" {
			t.Errorf("%.80s: status %d, message %q", tt.line, e.Status, e.Message)
		}
	}
}

// TestRefusedHosts asks that hosts of others are refused, by name where they
// have one.
func TestRefusedHosts(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"other.org":             hostMessage,
		"notexample.com":        hostMessage,
		"example.com.":          hostMessage,
		".example.com":          "The specified bucket is not valid.",
		"":                      hostMessage,
		"127.0.0.1":             hostMessage,
		"a/b.example.com":       "The specified bucket is not valid.",
		"%62kt.example.com":     "The specified bucket is not valid.",
		"bkt.example.com:80:80": hostMessage,
		"ap-123456789012.s3-accesspoint.eu-west-1.amazonaws.com":       "access points",
		"123456789012.s3-control.eu-west-1.amazonaws.com":              "S3 Control",
		"ol-123456789012.s3-object-lambda.eu-west-1.amazonaws.com":     "Object Lambda",
		"b--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com": "S3 Express",
	} {
		op, err := Parse(&Request{Method: "GET", Host: host, RequestURI: "/key"}, "example.com")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v, want %q", host, op, err, want)
		}
	}
}

// TestErrors asks for all of an error.
func TestErrors(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]*Error{
		"GET /bkt?versions&acl": {
			Code: "InvalidArgument", Status: 400, Message: "Conflicting query string parameters: acl, versions",
			Elements: []Element{{"ArgumentName", "ResourceType"}, {"ArgumentValue", "acl"}},
		},
		"HEAD /bkt?tagging": {
			Code: "MethodNotAllowed", Status: 405, Message: methodMessage, Allow: []string{"GET", "PUT", "DELETE"},
			Elements: []Element{{"Method", "HEAD"}, {"ResourceType", "TAGGING"}},
		},
		"GET /B":           {Code: "InvalidBucketName", Status: 400, Message: bucketNameMessage, Elements: []Element{{"BucketName", "B"}}},
		"GET /bkt/%":       {Code: "InvalidURI", Status: 400, Message: uriMessage, Elements: []Element{{"URI", "/bkt/%"}}},
		"GET /bkt?session": {Code: "NotImplemented", Status: 501, Message: "This is not implemented: CreateSession (S3 Express One Zone)"},
	} {
		_, err := parse(t, line)
		var got *Error
		if !errors.As(err, &got) {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
	}
}

// TestHeaderNames asks that the case of names does not matter, and what the
// operation has to say of headers and parameters.
func TestHeaderNames(t *testing.T) {
	t.Parallel()
	op, err := Parse(&Request{Method: "PUT", RequestURI: "/bkt/k?X-AMZ-Tagging=a%3Db&x-cache-buster=1&Signature=x", Header: map[string][]string{
		"x-AMZ-acl": {" private "}, "X-Amz-Meta-A": {"1", "2"}, "Authorization": {"secret"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if acl, ok := op.Header("X-Amz-Acl"); acl != "private" || !ok {
		t.Errorf("acl %q", acl)
	}
	if tags, ok := op.Header("x-amz-tagging"); tags != "a=b" || !ok {
		t.Errorf("tagging %q", tags)
	}
	if _, ok := op.Header("Authorization"); ok {
		t.Error("a header is kept that nobody asked for")
	}
	if value, ok := op.Parameter("x-cache-buster"); value != "1" || !ok {
		t.Errorf("parameter %q", value)
	}
	if _, ok := op.Parameter("X-AMZ-Tagging"); ok {
		t.Error("a header of the query is a parameter")
	}
	_, err = Parse(&Request{Method: "PUT", RequestURI: "/bkt/k", Header: map[string][]string{"x-amz-acl": {"private"}, "X-Amz-Acl": {"public-read"}}})
	if err == nil {
		t.Error("a header in two cases is taken")
	}
}

// TestSource writes sources as it reads them.
func TestSource(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]Source{
		"src/a":                         {"src", "a", ""},
		"/src/a":                        {"src", "a", ""},
		"%2Fsrc%2Fa%2Fb":                {"src", "a/b", ""},
		"src//a/../b":                   {"src", "/a/../b", ""},
		"src/a+b%2B%2520":               {"src", "a+b+%20", ""},
		"src/é":                         {"src", "é", ""},
		"src/a%3Fb":                     {"src", "a?b", ""},
		"src/a b?versionId=v%2F1":       {"src", "a b", "v/1"},
		"src/a?versionId=null":          {"src", "a", "null"},
		"src/versionId=1?versionId=%3F": {"src", "versionId=1", "?"},
	} {
		op := mustParse(t, "PUT /bkt/k", "x-amz-copy-source="+header)
		if *op.Source != want {
			t.Errorf("%s is %+v, want %+v", header, *op.Source, want)
		}
		again := mustParse(t, "PUT /bkt/k", "x-amz-copy-source="+op.Source.Header())
		if *again.Source != want {
			t.Errorf("%s is written %s, which is %+v", header, op.Source.Header(), *again.Source)
		}
	}
}

// TestOneOperation asks each request of a large family whether it is one
// operation, by a count that Parse does not make: the rows that have its method,
// resource, sub-resource, parameters and copy source.
func TestOneOperation(t *testing.T) {
	t.Parallel()
	methods := []string{"GET", "HEAD", "PUT", "POST", "DELETE", "PATCH"}
	words := []string{"id", "list-type", "select-type", "partNumber", "annotationName", "versionId", "prefix", "max-directory-buckets"}
	for sub := range subResources {
		words = append(words, sub)
	}
	slices.Sort(words)
	values := map[string]string{"list-type": "2", "select-type": "2", "partNumber": "1", "website": ""}
	found := map[string]bool{}
	for _, method := range methods {
		for _, path := range []string{"/", "/bkt", "/bkt/k"} {
			for i, first := range words {
				for _, second := range append([]string{""}, words[i+1:]...) {
					for _, copies := range []bool{false, true} {
						query := []string{}
						for _, word := range []string{first, second} {
							value, ok := values[word]
							if !ok {
								value = "v"
							}
							if word != "" {
								query = append(query, word+"="+value)
							}
						}
						r := &Request{Method: method, RequestURI: path + "?" + strings.Join(query, "&"), Header: map[string][]string{"Content-Type": {"multipart/form-data"}}}
						if copies {
							r.Header["X-Amz-Copy-Source"] = []string{"src/a"}
						}
						op, err := Parse(r)
						if err != nil {
							continue
						}
						found[op.Name] = true
						if matching := rowsOf(op, method, copies); len(matching) != 1 || matching[0] != op.Name {
							t.Errorf("%s %s is %s, and could be %v", method, r.RequestURI, op.Name, matching)
						}
					}
				}
			}
		}
	}
	if len(found) < 80 {
		t.Errorf("%d operations are in the family", len(found))
	}
}

// rowsOf counts by itself what an operation could be.
func rowsOf(op *Operation, method string, copies bool) []string {
	var names []string
	for _, r := range table {
		if r.refused != "" || r.method != method || r.on != op.On || r.copies != copies {
			continue
		}
		matches := true
		for sub := range subResources {
			_, there := op.parameters[sub]
			matches = matches && there == (sub == r.sub)
		}
		for _, other := range table {
			if other.with == "" || other.method != r.method || other.on != r.on || other.sub != r.sub {
				continue
			}
			_, there := op.parameters[other.with]
			matches = matches && there == (other.with == r.with)
		}
		if matches {
			names = append(names, r.name)
		}
	}
	return names
}

// TestLists has lists of names in one line and in several, as SDKs send them.
func TestLists(t *testing.T) {
	for _, lines := range [][]string{{"ETag,ObjectSize"}, {"ETag", "ObjectSize"}} {
		op, err := Parse(&Request{
			Method: "GET", Host: "localhost", RequestURI: "/bkt/k?attributes", Header: http.Header{"X-Amz-Object-Attributes": lines},
		})
		if err != nil {
			t.Errorf("%q: %v", lines, err)
			continue
		}
		if got, _ := op.Header("x-amz-object-attributes"); got != "ETag,ObjectSize" {
			t.Errorf("%q is read as %q", lines, got)
		}
	}
}
