package s3request

// The services whose operations are not served.
const (
	ofExpress  = "S3 Express One Zone"
	ofLambda   = "Object Lambda"
	ofMetadata = "S3 Metadata, which makes tables in S3 Tables"
	ofKMS      = "it changes keys in KMS"
)

// refusedRows are operations of the API Reference that are known and not served,
// so that they are refused by name. Those that only other hosts or headers know
// are refused in bucket.go.
var refusedRows = []row{
	{name: "ListDirectoryBuckets", method: "GET", on: Service, with: "max-directory-buckets", parameters: "continuation-token", refused: ofExpress},
	{name: "CreateSession", method: "GET", on: Bucket, sub: "session", refused: ofExpress},
	{name: "RenameObject", method: "PUT", on: Object, sub: "renameObject", refused: ofExpress},
	{name: "UpdateObjectEncryption", method: "PUT", on: Object, sub: "encryption", parameters: "versionId", refused: ofKMS},
	{name: "CreateBucketMetadataConfiguration", method: "POST", on: Bucket, sub: "metadataConfiguration", refused: ofMetadata},
	{name: "GetBucketMetadataConfiguration", method: "GET", on: Bucket, sub: "metadataConfiguration", refused: ofMetadata},
	{name: "DeleteBucketMetadataConfiguration", method: "DELETE", on: Bucket, sub: "metadataConfiguration", refused: ofMetadata},
	{name: "CreateBucketMetadataTableConfiguration", method: "POST", on: Bucket, sub: "metadataTable", refused: ofMetadata},
	{name: "GetBucketMetadataTableConfiguration", method: "GET", on: Bucket, sub: "metadataTable", refused: ofMetadata},
	{name: "DeleteBucketMetadataTableConfiguration", method: "DELETE", on: Bucket, sub: "metadataTable", refused: ofMetadata},
	{name: "UpdateBucketMetadataInventoryTableConfiguration", method: "PUT", on: Bucket, sub: "metadataInventoryTable", refused: ofMetadata},
	{name: "UpdateBucketMetadataJournalTableConfiguration", method: "PUT", on: Bucket, sub: "metadataJournalTable", refused: ofMetadata},
	{name: "UpdateBucketMetadataAnnotationTableConfiguration", method: "PUT", on: Bucket, sub: "metadataAnnotationTable", refused: ofMetadata},
}
