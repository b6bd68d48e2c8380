package s3request

import (
	"slices"
	"strings"
)

// row is one operation of the table.
type row struct {
	name   string
	method string
	on     Resource
	// sub is the sub-resource: a query parameter that, by being there, makes a
	// request another operation. "" for none.
	sub string
	// with is a parameter that must be there beside it, without which a request
	// is another operation or none: id, partNumber. "" for none.
	with string
	// copies says that x-amz-copy-source must be there. Where it is false, the
	// header makes a request another operation or none.
	copies bool
	// parameters of the query that the operation takes besides, apart by spaces.
	parameters string
	headers    headerGroup
	// actions that every request needs. Of two with a slash between them the
	// second counts where a version is named.
	actions []string
	extras  []extra
	// decides says that the permissions depend on the body.
	decides bool
	traits  Traits
	// refused names why the operation is not served; "" for those that are.
	refused string
}

// The traits that occur.
var (
	reads      = Traits{Idempotent: true}
	readsBy    = Traits{Body: Document, Idempotent: true}
	puts       = Traits{Writes: true, Body: Document, Idempotent: true}
	changes    = Traits{Writes: true, Idempotent: true}
	uploads    = Traits{Writes: true, Body: Stream}
	uploadsYet = Traits{Writes: true, Body: Stream, Idempotent: true}
	makes      = Traits{Writes: true}
	makesBy    = Traits{Writes: true, Body: Document}
	postsForm  = Traits{Writes: true, Body: Form}
)

// table is every operation that is known, served or not.
var table = slices.Concat(serviceRows, bucketRows, configurationRows, objectRows, multipartRows, objectPartRows, refusedRows)

var serviceRows = []row{
	{
		name: "ListBuckets", method: "GET", on: Service, traits: reads, actions: []string{"s3:ListAllMyBuckets"},
		parameters: "max-buckets continuation-token prefix bucket-region",
	},
}

// subResources says how S3 calls a sub-resource in errors: by the resource type of
// its access log's operations (S3 User Guide, "Amazon S3 server access log
// format", Operation). Recorded on S3 are BUCKETPOLICY, TORRENT, UPLOAD and
// PART; the others are written as that page writes such types.
var subResources = map[string]string{
	"abac": "ABAC", "accelerate": "ACCELERATE", "acl": "ACL", "analytics": "ANALYTICS", "annotation": "ANNOTATION",
	"attributes": "ATTRIBUTES", "cors": "CORS", "delete": "MULTI_OBJECT_DELETE", "encryption": "ENCRYPTION",
	"intelligent-tiering": "INTELLIGENT_TIERING", "inventory": "INVENTORY", "legal-hold": "LEGAL_HOLD",
	"lifecycle": "LIFECYCLE", "location": "LOCATION", "logging": "LOGGING_STATUS",
	"metadataAnnotationTable": "METADATA_ANNOTATION_TABLE", "metadataConfiguration": "METADATA_CONFIGURATION",
	"metadataInventoryTable": "METADATA_INVENTORY_TABLE", "metadataJournalTable": "METADATA_JOURNAL_TABLE",
	"metadataTable": "METADATA_TABLE", "metrics": "METRICS", "notification": "NOTIFICATION",
	"object-lock": "OBJECT_LOCK_CONFIGURATION", "ownershipControls": "OWNERSHIP_CONTROLS", "policy": "BUCKETPOLICY",
	"policyStatus": "POLICY_STATUS", "publicAccessBlock": "PUBLIC_ACCESS_BLOCK", "renameObject": "RENAME",
	"replication": "REPLICATION", "requestPayment": "REQUEST_PAYMENT", "restore": "RESTORE", "retention": "RETENTION",
	"select": "SELECT", "session": "SESSION", "tagging": "TAGGING", "torrent": "TORRENT", "uploadId": "UPLOAD",
	"uploads": "UPLOADS", "versioning": "VERSIONING", "versions": "BUCKETVERSIONS", "website": "WEBSITE",
}

// operationParameter is what SDKs add to name the operation. S3 leaves it out of
// account; here it must name the one that was found.
const operationParameter = "x-id"

// isPlainParameter tells of parameters that any request may have: those of
// signatures, and those that begin with "x-", which S3 writes to the access log
// and leaves out of account (S3 User Guide, "Amazon S3 server access log
// format", custom access log information) and a proxy has no reason to pass on.
func isPlainParameter(name string) bool {
	return strings.HasPrefix(name, "x-") || slices.Contains(signatureParameters, name)
}

func (r *row) takes(parameter string) bool {
	if parameter == r.sub || parameter == r.with {
		return true
	}
	for p := range strings.FieldsSeq(r.parameters) {
		if p == parameter {
			return true
		}
	}
	return false
}

// listing are the parameters that all listings of objects have.
const listing = "prefix delimiter max-keys encoding-type "

// overrides are the parameters of a read that replace headers of its reply.
const overrides = "versionId partNumber response-cache-control response-content-disposition response-content-encoding " +
	"response-content-language response-content-type response-expires"

// needing makes a list of actions in a row of one line.
func needing(actions ...string) []string { return actions }
