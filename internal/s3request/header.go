package s3request

import (
	"slices"
	"strings"
)

// headerPrefix begins the headers that are S3's own. A query parameter that
// begins so is such a header, or part of a signature.
const headerPrefix = "x-amz-"

// headerGroup is a set of headers that an operation takes because they ask for
// more than it: permissions, mostly.
type headerGroup uint16

const (
	aclHeaders       headerGroup = 1 << iota // a canned ACL, or grants
	taggingHeaders                           // the tags of a new object
	lockHeaders                              // retention and legal hold of a new object
	copyHeaders                              // what is copied, of which parts
	directiveHeaders                         // of the metadata, tags and annotations of a copy
	bypassHeaders                            // x-amz-bypass-governance-retention
	bucketHeaders                            // of a new bucket
)

// groupOf lists the headers of the groups. On an operation without the group
// they are refused.
var groupOf = map[string]headerGroup{
	"x-amz-acl":                                                   aclHeaders,
	"x-amz-grant-full-control":                                    aclHeaders,
	"x-amz-grant-read":                                            aclHeaders,
	"x-amz-grant-read-acp":                                        aclHeaders,
	"x-amz-grant-write":                                           aclHeaders,
	"x-amz-grant-write-acp":                                       aclHeaders,
	"x-amz-tagging":                                               taggingHeaders,
	"x-amz-object-lock-mode":                                      lockHeaders,
	"x-amz-object-lock-retain-until-date":                         lockHeaders,
	"x-amz-object-lock-legal-hold":                                lockHeaders,
	"x-amz-object-lock-event-hold":                                lockHeaders,
	"x-amz-object-lock-event-hold-duration-days":                  lockHeaders,
	"x-amz-copy-source":                                           copyHeaders,
	"x-amz-copy-source-range":                                     copyHeaders,
	"x-amz-copy-source-if-match":                                  copyHeaders,
	"x-amz-copy-source-if-none-match":                             copyHeaders,
	"x-amz-copy-source-if-modified-since":                         copyHeaders,
	"x-amz-copy-source-if-unmodified-since":                       copyHeaders,
	"x-amz-source-expected-bucket-owner":                          copyHeaders,
	"x-amz-copy-source-server-side-encryption-customer-algorithm": copyHeaders,
	"x-amz-copy-source-server-side-encryption-customer-key":       copyHeaders,
	"x-amz-copy-source-server-side-encryption-customer-key-md5":   copyHeaders,
	"x-amz-metadata-directive":                                    directiveHeaders,
	"x-amz-tagging-directive":                                     directiveHeaders,
	"x-amz-object-annotation-directive":                           directiveHeaders,
	"x-amz-bypass-governance-retention":                           bypassHeaders,
	"x-amz-bucket-object-lock-enabled":                            bucketHeaders,
	"x-amz-object-ownership":                                      bucketHeaders,
	"x-amz-bucket-namespace":                                      bucketHeaders,
}

// plainHeaders ask for no permission, and may stand on any operation: S3
// refuses them where they make no sense. A name that ends in a hyphen is all
// that begin so. (The headers of every operation's page in the API Reference.)
var plainHeaders = []string{
	"x-amz-checksum-", "x-amz-client-token", "x-amz-confirm-remove-self-bucket-access",
	"x-amz-bucket-object-lock-token", "x-amz-content-sha256", "x-amz-date", "x-amz-decoded-content-length",
	"x-amz-expected-bucket-owner", "x-amz-if-match-", "x-amz-max-parts", "x-amz-meta-", "x-amz-mfa",
	"x-amz-mp-object-size", "x-amz-object-attributes", "x-amz-object-if-match", "x-amz-optional-object-attributes",
	"x-amz-part-number-marker", "x-amz-region-set", "x-amz-request-payer", "x-amz-sdk-checksum-algorithm",
	"x-amz-security-token", "x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id",
	"x-amz-server-side-encryption-bucket-key-enabled", "x-amz-server-side-encryption-context",
	"x-amz-server-side-encryption-customer-algorithm", "x-amz-server-side-encryption-customer-key",
	"x-amz-server-side-encryption-customer-key-md5", "x-amz-skip-destination-validation", "x-amz-storage-class",
	"x-amz-trailer", "x-amz-transition-default-minimum-object-size", "x-amz-user-agent",
	"x-amz-website-redirect-location",
}

// otherHeaders belong to services that are not served.
var otherHeaders = []struct{ prefix, what string }{
	{"x-amz-account-id", "S3 Control"},
	{"x-amz-outpost-id", "S3 on Outposts"},
	{"x-amz-request-route", "WriteGetObjectResponse (Object Lambda)"},
	{"x-amz-request-token", "WriteGetObjectResponse (Object Lambda)"},
	{"x-amz-fwd-", "WriteGetObjectResponse (Object Lambda)"},
	{"x-amz-create-session-mode", "CreateSession (S3 Express One Zone)"},
	{"x-amz-s3session-token", "sessions of S3 Express One Zone"},
	{"x-amz-rename-source", "RenameObject (S3 Express One Zone)"},
	{"x-amz-write-offset-bytes", "appending to objects (S3 Express One Zone)"},
	{"x-amz-object-lock-event-hold-duration-years", "event holds in years"},
}

// signatureParameters are those of a signature in the query. They are looked at
// by whoever verifies it. Of Signature Version 2, which is not served, they are
// known as well, so that it is its own sentence that the client is told.
var signatureParameters = []string{
	"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-signedheaders",
	"x-amz-signature", "x-amz-security-token", "x-amz-content-sha256", "x-amz-region-set",
	"AWSAccessKeyId", "Signature", "Expires",
}

// otherwiseRead are the headers that are no x-amz-* and are read here.
var otherwiseRead = []string{"if-match", "if-none-match", "content-type"}

// lists are the headers that are lists of names, which clients also send a line
// each (aws-sdk-go-v2, GetObjectAttributes). No permission depends on them.
var lists = []string{"x-amz-object-attributes", "x-amz-optional-object-attributes"}

// readHeaders takes the headers that matter from the request and, where an
// x-amz-* parameter stands for one, from the query. Each that is no list may be
// there once: of two values, servers take the first, the last or both.
func (op *Operation) readHeaders(r *Request, t *target) error {
	op.headers = map[string]string{}
	for name, values := range r.Header {
		name = strings.ToLower(name)
		if !strings.HasPrefix(name, headerPrefix) && !slices.Contains(otherwiseRead, name) {
			continue
		}
		_, twice := op.headers[name]
		if !twice && len(values) > 1 && slices.Contains(lists, name) {
			values = []string{strings.Join(values, ",")}
		}
		if twice || len(values) > 1 {
			if strings.HasPrefix(name, "x-amz-meta-") {
				continue // S3 joins them; nobody decides by them
			}
			return invalidArgument(twiceMessage, name, "")
		}
		if len(values) == 1 {
			op.headers[name] = strings.Trim(values[0], " \t")
		}
	}
	if t.twice != "" {
		return invalidArgument(twiceMessage, t.twice, t.query[t.twice])
	}
	_, signed := t.query["x-amz-signature"]
	_, algorithm := t.query["x-amz-algorithm"]
	op.presigned = signed || algorithm
	for name, value := range t.query {
		if !strings.HasPrefix(name, headerPrefix) {
			continue
		}
		delete(t.query, name)
		if slices.Contains(signatureParameters, name) && name != "x-amz-content-sha256" {
			continue
		}
		if _, twice := op.headers[name]; twice {
			return invalidArgument(twiceMessage, name, value)
		}
		op.headers[name] = value
	}
	return nil
}

// checkHeaders refuses headers that the operation does not take.
func (op *Operation) checkHeaders() error {
	for _, name := range sortedKeys(op.headers) {
		switch group, grouped := groupOf[name]; {
		case !strings.HasPrefix(name, headerPrefix):
		case grouped && group&op.row.headers != 0:
		case name == "x-amz-copy-source":
			return invalidArgument(notCopyMessage, name, op.headers[name])
		case grouped || !isPlain(name):
			return headerNotImplemented(name)
		}
	}
	return nil
}

func isPlain(name string) bool {
	return slices.ContainsFunc(plainHeaders, func(plain string) bool {
		return name == plain || strings.HasSuffix(plain, "-") && strings.HasPrefix(name, plain)
	})
}

func sortedKeys(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
