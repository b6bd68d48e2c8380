package s3request

import (
	"slices"
	"strings"
)

// extra is a permission that some requests of an operation need besides.
type extra struct {
	words  string // which requests, for people
	action string // as in row.actions
	when   When
	// source says that the action is on the source of a copy.
	source bool
	asked  func(*Operation) bool
}

// The requests that extras ask about.
var (
	ofACL       = extra{words: "x-amz-acl or x-amz-grant-*", action: "s3:PutObjectAcl", asked: setsACL}
	ofTags      = extra{words: "x-amz-tagging with tags", action: "s3:PutObjectTagging", asked: setsTags}
	ofRetention = extra{words: "x-amz-object-lock-mode, -retain-until-date or -event-hold", action: "s3:PutObjectRetention", asked: setsRetention}
	ofHold      = extra{words: "x-amz-object-lock-legal-hold", action: "s3:PutObjectLegalHold", asked: setsHold}
	ofSource    = extra{words: "the source", action: "s3:GetObject/s3:GetObjectVersion", source: true, asked: always}
)

var (
	writeExtras  = []extra{ofACL, ofTags, ofRetention, ofHold}
	sourceExtras = []extra{ofSource}
	copyExtras   = []extra{
		ofSource, ofACL, ofTags, ofRetention, ofHold,
		{words: "x-amz-tagging-directive is not REPLACE", action: "s3:GetObjectTagging/s3:GetObjectVersionTagging", source: true, when: SourceTagged, asked: copiesTags},
		{words: "x-amz-tagging-directive is not REPLACE", action: "s3:PutObjectTagging", when: SourceTagged, asked: copiesTags},
		{words: "x-amz-object-annotation-directive is not EXCLUDE", action: "s3:GetObjectAnnotation/s3:GetObjectVersionAnnotation", source: true, when: SourceAnnotated, asked: copiesAnnotations},
		{words: "x-amz-object-annotation-directive is not EXCLUDE", action: "s3:PutObjectAnnotation", when: SourceAnnotated, asked: copiesAnnotations},
	}
	bypassExtras = []extra{{words: "x-amz-bypass-governance-retention is true", action: "s3:BypassGovernanceRetention", asked: bypasses}}
	createExtras = []extra{
		{words: "x-amz-acl other than private, or x-amz-grant-*", action: "s3:PutBucketAcl", asked: setsBucketACL},
		{words: "x-amz-bucket-object-lock-enabled is true", action: "s3:PutBucketObjectLockConfiguration", asked: setsBucketLock},
		{words: "x-amz-bucket-object-lock-enabled is true", action: "s3:PutBucketVersioning", asked: setsBucketLock},
		{words: "x-amz-object-ownership", action: "s3:PutBucketOwnershipControls", asked: setsOwnership},
		{words: "tags in the body", action: "s3:TagResource", asked: setsTags},
	}
	replicationExtras = []extra{{words: "the role that the body names", action: passRole, asked: always}}
)

// passRole is on a role of the body.
const passRole = "iam:PassRole"

func always(*Operation) bool { return true }

func (op *Operation) has(name string) bool {
	_, ok := op.headers[name]
	return ok
}

func (op *Operation) hasGrant() bool {
	for name := range op.headers {
		if strings.HasPrefix(name, "x-amz-grant-") {
			return true
		}
	}
	return false
}

func setsACL(op *Operation) bool       { return op.has("x-amz-acl") || op.hasGrant() }
func setsTags(op *Operation) bool      { return len(op.body.tags) > 0 }
func setsHold(op *Operation) bool      { return op.has("x-amz-object-lock-legal-hold") }
func setsOwnership(op *Operation) bool { return op.has("x-amz-object-ownership") }

// setsBucketACL leaves out the ACL that a bucket has anyway (S3 API Reference,
// CreateBucket, Permissions).
func setsBucketACL(op *Operation) bool {
	acl, ok := op.headers["x-amz-acl"]
	return ok && acl != "private" || op.hasGrant()
}

func setsRetention(op *Operation) bool {
	return slices.ContainsFunc([]string{"mode", "retain-until-date", "event-hold", "event-hold-duration-days"}, func(name string) bool {
		return op.has("x-amz-object-lock-" + name)
	})
}

func setsBucketLock(op *Operation) bool {
	return strings.EqualFold(op.headers["x-amz-bucket-object-lock-enabled"], "true")
}

func bypasses(op *Operation) bool {
	return strings.EqualFold(op.headers["x-amz-bypass-governance-retention"], "true")
}

// copiesTags and copiesAnnotations: COPY is what counts where no directive is
// (S3 API Reference, CopyObject).
func copiesTags(op *Operation) bool { return op.headers["x-amz-tagging-directive"] != "REPLACE" }

func copiesAnnotations(op *Operation) bool {
	return op.headers["x-amz-object-annotation-directive"] != "EXCLUDE"
}

// extraNeeds are the needs of an extra that is asked for.
func (op *Operation) extraNeeds(e *extra, keys []Key) []Need {
	if e.action == passRole {
		n := op.need(passRole, thing{}, keys)
		n.Resource = op.body.role
		return []Need{n}
	}
	on, version := op.object(), ""
	if e.source {
		on = thing{op.Source.Bucket, op.Source.Key, op.Source.VersionID}
		version = on.version
	}
	n := op.need(ofVersion(e.action, version), on, keys)
	n.When = e.when
	return []Need{n}
}

// checkValues refuses values of headers that nobody could decide by.
func (op *Operation) checkValues() error {
	for _, c := range []struct {
		name, message string
		values        []string
	}{
		{"x-amz-metadata-directive", directiveMetadata, []string{"COPY", "REPLACE"}},
		{"x-amz-tagging-directive", directiveTagging, []string{"COPY", "REPLACE"}},
		{"x-amz-object-annotation-directive", "Unknown annotation directive.", []string{"COPY", "EXCLUDE"}},
		{"x-amz-object-lock-mode", lockModeMessage, []string{"GOVERNANCE", "COMPLIANCE"}},
		{"x-amz-object-lock-legal-hold", holdMessage, []string{"ON", "OFF"}},
		{"x-amz-object-lock-event-hold", "Event Hold must be either of 'ON' or 'OFF'", []string{"ON", "OFF"}},
		{"x-amz-bypass-governance-retention", "The value must be true or false", []string{"true", "false", "True", "False", "TRUE", "FALSE"}},
		{"x-amz-bucket-object-lock-enabled", "The value must be true or false", []string{"true", "false", "True", "False", "TRUE", "FALSE"}},
	} {
		if value, ok := op.headers[c.name]; ok && !slices.Contains(c.values, value) {
			return invalidArgument(c.message, c.name, value)
		}
	}
	for trailer := range strings.SplitSeq(op.headers["x-amz-trailer"], ",") {
		trailer = strings.ToLower(strings.TrimSpace(trailer))
		if trailer != "" && !strings.HasPrefix(trailer, "x-amz-checksum-") {
			return invalidRequest(trailerMessage)
		}
	}
	for _, name := range sortedKeys(op.headers) {
		if groupOf[name] == aclHeaders && op.headers[name] == "" {
			return invalidArgument("The value must not be empty", name, "")
		}
	}
	return op.checkLock()
}

// checkLock asks that a retention be whole and its date be one.
func (op *Operation) checkLock() error {
	const mode, date = "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date"
	if op.has(mode) != op.has(date) {
		name := date
		if op.has(date) {
			name = mode
		}
		return invalidArgument(lockPairMessage, name, "")
	}
	if value, ok := op.headers[date]; ok && !isDate(value) {
		return invalidArgument(lockDateMessage, date, value)
	}
	if value, ok := op.headers["x-amz-tagging"]; ok && op.row.name != "PostObject" {
		return op.readTaggingHeader(value)
	}
	return nil
}
