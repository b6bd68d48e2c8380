package s3

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/s3upstream"
)

// ACLs are disabled, as in the buckets that S3 makes since April 2023: the owner
// of a bucket owns all that is in it, and policies alone decide (S3 User Guide,
// "Controlling ownership of objects and disabling ACLs for your bucket", bucket
// owner enforced). An ACL can be read, and is always the same; to set another is
// refused, and no ACL ever reaches a store.

// enforced is the one object ownership that there is.
const enforced = "BucketOwnerEnforced"

const xsi = "http://www.w3.org/2001/XMLSchema-instance"

type grantee struct {
	Xsi  string `xml:"xmlns:xsi,attr,omitempty"`
	Type string `xml:"xsi:type,attr,omitempty"`
	ID   string
}

type aclGrant struct {
	Grantee    grantee
	Permission string
}

type accessControlPolicy struct {
	XMLName xml.Name `xml:"AccessControlPolicy"`
	Xmlns   string   `xml:"xmlns,attr,omitempty"`
	Owner   owner
	Grants  []aclGrant `xml:"AccessControlList>Grant"`
}

// fullControl is the ACL of all buckets and objects of an account.
func fullControl(account string) accessControlPolicy {
	id := canonicalUser(account)
	return accessControlPolicy{
		Xmlns: namespace, Owner: owner{ID: id},
		Grants: []aclGrant{{Grantee: grantee{Xsi: xsi, Type: "CanonicalUser", ID: id}, Permission: "FULL_CONTROL"}},
	}
}

func (q *request) getBucketACL() (*answer, error) {
	at, err := q.place(q.op.Bucket)
	if err != nil {
		return nil, err
	}
	if err := q.mustExist(at); err != nil {
		return nil, err
	}
	return document(fullControl(at.account))
}

// putBucketACL refuses whatever is put, private included (as users of S3
// published it).
func (q *request) putBucketACL() (*answer, error) { return nil, noACLs() }

// putObjectACL takes what the object has anyway: bucket-owner-full-control, or
// that in XML (same page). All else is refused, private included (as users of S3
// published it).
func (q *request) putObjectACL() (*answer, error) {
	at, err := q.place(q.op.Bucket)
	if err != nil {
		return nil, err
	}
	canned, has := q.op.Header("x-amz-acl")
	switch {
	case q.grants() != "":
		return nil, noACLs()
	case has:
		if canned != ownerFullControl {
			return nil, noACLs()
		}
	default:
		var asked accessControlPolicy
		if err := xml.Unmarshal(q.document, &asked); err != nil {
			return nil, fault("MalformedACLError", http.StatusBadRequest, "The XML you provided was not well-formed or did not validate against our published schema").because(err)
		}
		id := canonicalUser(at.account)
		if len(asked.Grants) != 1 || asked.Grants[0].Permission != "FULL_CONTROL" || asked.Grants[0].Grantee.ID != id || asked.Owner.ID != id {
			return nil, noACLs()
		}
	}
	if err := q.mustExist(at); err != nil {
		return nil, err
	}
	return empty(http.StatusOK), nil
}

func noACLs() *refused {
	return fault("AccessControlListNotSupported", http.StatusBadRequest, "The bucket does not allow ACLs")
}

const ownerFullControl = "bucket-owner-full-control"

// grants is the name of a header that grants something, "" for none.
func (q *request) grants() string {
	for _, permission := range []string{"full-control", "read", "read-acp", "write", "write-acp"} {
		if name := "x-amz-grant-" + permission; q.hasHeader(name) {
			return name
		}
	}
	return ""
}

func (q *request) hasHeader(name string) bool {
	_, has := q.op.Header(name)
	return has
}

// checkACL refuses an ACL for what is made that is not the one that it has
// anyway. Of a new object private is taken for that too, since who owns the
// bucket owns the object; what S3 says to it is not known.
func (q *request) checkACL() error {
	canned, has := q.op.Header("x-amz-acl")
	switch q.op.Name {
	case "PutBucketAcl", "PutObjectAcl":
		return nil // which see to it themselves
	case "CreateBucket":
		if q.grants() != "" || has && canned != "private" {
			return fault("InvalidBucketAclWithObjectOwnership", http.StatusBadRequest, "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting")
		}
		if ownership, has := q.op.Header("x-amz-object-ownership"); has && ownership != enforced {
			return fault("NotImplemented", http.StatusNotImplemented, "A header you provided implies functionality that is not implemented").
				with("Header", "x-amz-object-ownership")
		}
		return nil
	}
	if q.grants() != "" || has && !slices.Contains([]string{"private", ownerFullControl}, canned) {
		return noACLs()
	}
	return nil
}

// dropACL takes what was checked here out of what the store is told.
func dropACL(header http.Header) {
	for name := range header {
		if lower := strings.ToLower(name); lower == "x-amz-acl" || lower == "x-amz-object-ownership" || strings.HasPrefix(lower, "x-amz-grant-") {
			delete(header, name)
		}
	}
}

type ownershipControls struct {
	XMLName xml.Name `xml:"OwnershipControls"`
	Xmlns   string   `xml:"xmlns,attr,omitempty"`
	Rules   []struct {
		ObjectOwnership string
	} `xml:"Rule"`
}

func (q *request) getOwnershipControls() (*answer, error) {
	controls := ownershipControls{Xmlns: namespace}
	controls.Rules = append(controls.Rules, struct{ ObjectOwnership string }{enforced})
	return document(controls)
}

// putOwnershipControls takes what is so anyway. Others would give ACLs a say.
func (q *request) putOwnershipControls() (*answer, error) {
	root, err := parseDocument(q.document, "OwnershipControls")
	if err != nil {
		return nil, err
	}
	if len(root.Children) != 1 {
		return nil, malformedXML()
	}
	if err := root.Children[0].check("Rule"); err != nil {
		return nil, err
	}
	var ownerships []string
	if err := root.Children[0].texts(map[string]*[]string{"ObjectOwnership": &ownerships}); err != nil {
		return nil, err
	}
	switch ownership, _, err := one(ownerships); {
	case err != nil:
		return nil, err
	case !slices.Contains([]string{enforced, "BucketOwnerPreferred", "ObjectWriter"}, ownership):
		return nil, malformedXML()
	case ownership != enforced:
		return nil, fault("NotImplemented", http.StatusNotImplemented,
			"Object ownership other than BucketOwnerEnforced is not served: ACLs are disabled in all buckets.")
	}
	return empty(http.StatusOK), nil
}

// deleteOwnershipControls leaves a bucket as a new one is, which has ACLs
// disabled. On S3 ACLs have a say afterwards; here they never have.
func (q *request) deleteOwnershipControls() (*answer, error) { return empty(http.StatusNoContent), nil }

func (q *request) getObjectACL() (*answer, error) {
	at, err := q.place(q.op.Bucket)
	if err != nil {
		return nil, err
	}
	if err := q.mustExist(at); err != nil {
		return nil, err
	}
	return document(fullControl(at.account))
}

// mustExist asks the store whether the bucket, object or version is there of
// which something is answered here.
func (q *request) mustExist(at *place) error {
	_, err := q.head(at)
	return err
}

// head is mustExist, and what the store says of what is there.
func (q *request) head(at *place) (http.Header, error) {
	query := url.Values{}
	if q.op.VersionID != "" {
		query.Set("versionId", q.op.VersionID)
	}
	a, err := q.send(at, &s3upstream.Request{Method: http.MethodHead, Bucket: q.op.Bucket, Key: q.op.Key, Query: query, Header: http.Header{}})
	if err != nil {
		return nil, err
	}
	a.close()
	switch {
	case a.status == http.StatusOK:
		return a.header, nil
	case a.status == http.StatusNotFound && q.op.Key == "":
		return nil, noSuchBucket(q.op.Bucket)
	case a.status == http.StatusNotFound:
		if err := q.askAbsence(); err != nil {
			return nil, err
		}
		if q.op.VersionID != "" {
			return nil, fault("NoSuchVersion", http.StatusNotFound, "The specified version does not exist.").with("Key", q.op.Key).with("VersionId", q.op.VersionID)
		}
		return nil, fault("NoSuchKey", http.StatusNotFound, "The specified key does not exist.").with("Key", q.op.Key)
	case a.status == http.StatusMethodNotAllowed: // the version is a delete marker
		return nil, fault("MethodNotAllowed", http.StatusMethodNotAllowed, "The specified method is not allowed against this resource.")
	case a.status == http.StatusBadRequest && q.op.VersionID != "": // it is none that the store could have made
		return nil, fault("InvalidArgument", http.StatusBadRequest, "Invalid version id specified").with("ArgumentName", "versionId").with("ArgumentValue", q.op.VersionID)
	}
	return nil, storeFault("the store does not say whether the object is there; it answered " + http.StatusText(a.status))
}
