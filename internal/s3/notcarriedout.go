package s3

import (
	"net/http"
	"strings"
)

// instead says of each operation that nobody carries out what there is in its
// place. A store's own rules about who may read (websites), whom it tells
// (notifications, replication) or what becomes of objects (lifecycle) would be
// ones that nobody here decides about, so they are not handed on.
var instead = map[string]string{
	"PutBucketAbac":                            "Tags of a bucket decide nothing: attribute-based access control cannot be enabled. Name the buckets in policies.",
	"PutBucketAccelerateConfiguration":         "Transfer acceleration cannot be enabled: there is one endpoint. Suspended is taken.",
	"PutBucketAnalyticsConfiguration":          "Storage class analysis is not served: there is nothing that analyses. Count by ListObjectsV2.",
	"PutBucketEncryption":                      "Default encryption is not served: Daypass encrypts no objects. Encrypt the file system of the data directory, or set it in the store behind.",
	"PutBucketIntelligentTieringConfiguration": "S3 Intelligent-Tiering is not served: there is one storage class. Leave the objects where they are.",
	"PutBucketInventoryConfiguration":          "S3 Inventory is not served: nothing writes inventories. List by ListObjectsV2.",
	"PutBucketLifecycleConfiguration":          "Lifecycle rules are not served: nothing here expires objects. Delete them by a scheduled job, or set the rules in the store behind.",
	"PutBucketLogging":                         "Server access logs are not served; an empty BucketLoggingStatus is taken. Every request is in the event log of the server.",
	"PutBucketMetricsConfiguration":            "Request metrics are not served. Every request is in the event log of the server.",
	"PutBucketNotificationConfiguration":       "Event notifications are not served: nobody would be told; an empty NotificationConfiguration is taken. Every request is in the event log of the server.",
	"PutBucketReplication":                     "Replication is not served. Copy by a scheduled job (aws s3 sync), or set it in the store behind.",
	"PutBucketRequestPayment":                  "Requester Pays is not served: nothing here is charged for. The payer BucketOwner is taken.",
	"PutBucketWebsite":                         "Static websites are not served. Serve the objects by a web server that reads the bucket, or allow GetObject by a bucket policy.",

	"RestoreObject":       "Restoring is not served: the object is archived by the store behind. Restore it there.",
	"SelectObjectContent": "S3 Select is not served (AWS closed it to new customers in July 2024). Get the object, and select in the client.",
	"GetObjectTorrent":    "BitTorrent is not served (S3 ended it). Get the object.",

	"GetObjectAnnotation":    noAnnotations,
	"ListObjectAnnotations":  noAnnotations,
	"PutObjectAnnotation":    noAnnotations,
	"DeleteObjectAnnotation": noAnnotations,
}

const noAnnotations = "Annotations of objects are not served: no store here keeps them. Keep what describes an object in its metadata or tags."

// notCarriedOut refuses an operation that the caller may call, by a sentence of
// ours: S3 has none, since it carries them all out.
func (q *request) notCarriedOut() *refused {
	message := instead[q.op.Name]
	if message == "" {
		message = "This is not implemented: " + q.op.Name
	}
	return fault("NotImplemented", http.StatusNotImplemented, message).with("ResourceType", strings.ToUpper(q.op.Name))
}

// archived are the storage classes from which S3 restores (S3 API Reference,
// RestoreObject; of the last one only some objects).
var archived = setOf("GLACIER", "DEEP_ARCHIVE", "INTELLIGENT_TIERING")

// restoreObject says of an object that is there to be read that it is (S3 API
// Reference, InvalidObjectState). A store behind may have others.
func (q *request) restoreObject() (*answer, error) {
	at, err := q.place(q.op.Bucket)
	if err != nil {
		return nil, err
	}
	header, err := q.head(at)
	if err != nil {
		return nil, err
	}
	class := header.Get("X-Amz-Storage-Class")
	if archived[class] {
		return nil, q.notCarriedOut()
	}
	if class == "" {
		class = "STANDARD"
	}
	return nil, fault("InvalidObjectState", http.StatusForbidden, "Restore is not allowed for the object's current storage class").with("StorageClass", class)
}
