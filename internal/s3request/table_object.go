package s3request

// writes are the headers that an operation takes which makes an object.
const writes = aclHeaders | taggingHeaders | lockHeaders

var objectRows = []row{
	{
		name: "GetObject", method: "GET", on: Object, traits: reads, parameters: overrides,
		actions: needing("s3:GetObject/s3:GetObjectVersion"),
	},
	{
		name: "HeadObject", method: "HEAD", on: Object, traits: reads, parameters: overrides,
		actions: needing("s3:GetObject/s3:GetObjectVersion"),
	},
	{
		name: "PutObject", method: "PUT", on: Object, traits: uploads, headers: writes,
		actions: needing("s3:PutObject"), extras: writeExtras,
	},
	{
		name: "CopyObject", method: "PUT", on: Object, copies: true, traits: makes,
		headers: writes | copyHeaders | directiveHeaders,
		actions: needing("s3:PutObject"), extras: copyExtras,
	},
	{
		name: "DeleteObject", method: "DELETE", on: Object, traits: makes, parameters: "versionId", headers: bypassHeaders,
		actions: needing("s3:DeleteObject/s3:DeleteObjectVersion"), extras: bypassExtras,
	},
	{
		name: "GetObjectAttributes", method: "GET", on: Object, sub: "attributes", traits: reads, parameters: "versionId",
		actions: needing("s3:GetObjectAttributes/s3:GetObjectVersionAttributes", "s3:GetObject/s3:GetObjectVersion"),
	},
	{
		name: "SelectObjectContent", method: "POST", on: Object, sub: "select", with: "select-type", traits: readsBy,
		actions: needing("s3:GetObject"),
	},
	{
		name: "RestoreObject", method: "POST", on: Object, sub: "restore", parameters: "versionId", traits: makesBy,
		actions: needing("s3:RestoreObject"), decides: true,
	},
	{
		name: "GetObjectTorrent", method: "GET", on: Object, sub: "torrent", traits: reads,
		actions: needing("s3:GetObjectTorrent"),
	},
}

var multipartRows = []row{
	{
		name: "CreateMultipartUpload", method: "POST", on: Object, sub: "uploads", traits: makes, headers: writes,
		actions: needing("s3:PutObject"), extras: writeExtras,
	},
	{
		name: "UploadPart", method: "PUT", on: Object, sub: "uploadId", with: "partNumber", traits: uploadsYet,
		actions: needing("s3:PutObject"),
	},
	{
		name: "UploadPartCopy", method: "PUT", on: Object, sub: "uploadId", with: "partNumber", copies: true, traits: changes,
		headers: copyHeaders, actions: needing("s3:PutObject"), extras: sourceExtras,
	},
	{
		name: "CompleteMultipartUpload", method: "POST", on: Object, sub: "uploadId", traits: makesBy,
		actions: needing("s3:PutObject"),
	},
	{
		name: "AbortMultipartUpload", method: "DELETE", on: Object, sub: "uploadId", traits: changes,
		actions: needing("s3:AbortMultipartUpload"),
	},
	{
		name: "ListParts", method: "GET", on: Object, sub: "uploadId", traits: reads,
		parameters: "max-parts part-number-marker encoding-type", actions: needing("s3:ListMultipartUploadParts"),
	},
}

var objectPartRows = []row{
	{
		name: "GetObjectAcl", method: "GET", on: Object, sub: "acl", parameters: "versionId", traits: reads,
		actions: needing("s3:GetObjectAcl/s3:GetObjectVersionAcl"),
	},
	{
		name: "PutObjectAcl", method: "PUT", on: Object, sub: "acl", parameters: "versionId", traits: puts, headers: aclHeaders,
		actions: needing("s3:PutObjectAcl/s3:PutObjectVersionAcl"),
	},
	{
		name: "GetObjectTagging", method: "GET", on: Object, sub: "tagging", parameters: "versionId", traits: reads,
		actions: needing("s3:GetObjectTagging/s3:GetObjectVersionTagging"),
	},
	{
		name: "PutObjectTagging", method: "PUT", on: Object, sub: "tagging", parameters: "versionId", traits: puts,
		actions: needing("s3:PutObjectTagging/s3:PutObjectVersionTagging"), decides: true,
	},
	{
		name: "DeleteObjectTagging", method: "DELETE", on: Object, sub: "tagging", parameters: "versionId", traits: changes,
		actions: needing("s3:DeleteObjectTagging/s3:DeleteObjectVersionTagging"),
	},
	{
		name: "GetObjectRetention", method: "GET", on: Object, sub: "retention", parameters: "versionId", traits: reads,
		actions: needing("s3:GetObjectRetention"),
	},
	{
		name: "PutObjectRetention", method: "PUT", on: Object, sub: "retention", parameters: "versionId", traits: puts,
		headers: bypassHeaders, actions: needing("s3:PutObjectRetention"), extras: bypassExtras, decides: true,
	},
	{
		name: "GetObjectLegalHold", method: "GET", on: Object, sub: "legal-hold", parameters: "versionId", traits: reads,
		actions: needing("s3:GetObjectLegalHold"),
	},
	{
		name: "PutObjectLegalHold", method: "PUT", on: Object, sub: "legal-hold", parameters: "versionId", traits: puts,
		actions: needing("s3:PutObjectLegalHold"), decides: true,
	},
	{
		name: "GetObjectAnnotation", method: "GET", on: Object, sub: "annotation", with: "annotationName", parameters: "versionId",
		traits: reads, actions: needing("s3:GetObjectAnnotation/s3:GetObjectVersionAnnotation"),
	},
	{
		name: "ListObjectAnnotations", method: "GET", on: Object, sub: "annotation", traits: reads,
		parameters: "versionId annotation-prefix continuation-token max-annotation-results",
		actions:    needing("s3:ListObjectAnnotations/s3:ListObjectVersionAnnotations"),
	},
	{
		name: "PutObjectAnnotation", method: "PUT", on: Object, sub: "annotation", with: "annotationName", parameters: "versionId",
		traits: uploadsYet, actions: needing("s3:PutObjectAnnotation/s3:PutObjectVersionAnnotation"),
	},
	{
		name: "DeleteObjectAnnotation", method: "DELETE", on: Object, sub: "annotation", with: "annotationName",
		parameters: "versionId", traits: changes, headers: bypassHeaders, extras: bypassExtras,
		actions: needing("s3:DeleteObjectAnnotation/s3:DeleteObjectVersionAnnotation"),
	},
}
