package s3_test

// matrixRows are the operations that are carried out, a line for each form: the
// operation, the request, its headers, the permissions that it needs, the answer
// to who has them, and its body. BUCKET, VERSIONED and LOCKED are buckets, the
// last with Object Lock; UPLOAD and WHOLE are uploads. What takes something away
// comes after those that need it.
const matrixRows = `ListBuckets | GET / |  | ListAllMyBuckets * | 200
CreateBucket | PUT /NEW |  | CreateBucket NEW | 200
CreateBucket | PUT /NEW-locked | X-Amz-Bucket-Object-Lock-Enabled: true; X-Amz-Object-Ownership: BucketOwnerEnforced | CreateBucket NEW-locked, PutBucketObjectLockConfiguration NEW-locked, PutBucketVersioning NEW-locked, PutBucketOwnershipControls NEW-locked | 200
CreateBucket | PUT /NEW-public | X-Amz-Acl: public-read | CreateBucket NEW-public, PutBucketAcl NEW-public | 400 InvalidBucketAclWithObjectOwnership
CreateBucket | PUT /NEW-tagged |  | CreateBucket NEW-tagged, TagResource NEW-tagged | 200 | <CreateBucketConfiguration><Tags><Tag><Key>a</Key><Value>b</Value></Tag></Tags></CreateBucketConfiguration>
DeleteBucket | DELETE /NEW |  | DeleteBucket NEW | 204
HeadBucket | HEAD /BUCKET |  | ListBucket BUCKET | 200
ListObjects | GET /BUCKET |  | ListBucket BUCKET | 200
ListObjectsV2 | GET /BUCKET?list-type=2 |  | ListBucket BUCKET | 200
ListObjectVersions | GET /BUCKET?versions |  | ListBucketVersions BUCKET | 200
ListMultipartUploads | GET /BUCKET?uploads |  | ListBucketMultipartUploads BUCKET | 200
GetBucketLocation | GET /BUCKET?location |  | GetBucketLocation BUCKET | 200
GetBucketVersioning | GET /BUCKET?versioning |  | GetBucketVersioning BUCKET | 200
PutBucketVersioning | PUT /NEW-locked?versioning |  | PutBucketVersioning NEW-locked | 200 | <VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>
PutBucketTagging | PUT /BUCKET?tagging |  | PutBucketTagging BUCKET | 204 | <Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>
GetBucketTagging | GET /BUCKET?tagging |  | GetBucketTagging BUCKET | 200
DeleteBucketTagging | DELETE /BUCKET?tagging |  | PutBucketTagging BUCKET | 204
PutObjectLockConfiguration | PUT /LOCKED?object-lock |  | PutBucketObjectLockConfiguration LOCKED | 200 | <ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>
GetObjectLockConfiguration | GET /LOCKED?object-lock |  | GetBucketObjectLockConfiguration LOCKED | 200
PutBucketPolicy | PUT /BUCKET?policy |  | PutBucketPolicy BUCKET | 204 | {"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::BUCKET/secret"}]}
GetBucketPolicy | GET /BUCKET?policy |  | GetBucketPolicy BUCKET | 200
GetBucketPolicyStatus | GET /BUCKET?policyStatus |  | GetBucketPolicyStatus BUCKET | 200
DeleteBucketPolicy | DELETE /BUCKET?policy |  | DeleteBucketPolicy BUCKET | 204
PutPublicAccessBlock | PUT /BUCKET?publicAccessBlock |  | PutBucketPublicAccessBlock BUCKET | 200 | <PublicAccessBlockConfiguration><BlockPublicPolicy>true</BlockPublicPolicy></PublicAccessBlockConfiguration>
GetPublicAccessBlock | GET /BUCKET?publicAccessBlock |  | GetBucketPublicAccessBlock BUCKET | 200
DeletePublicAccessBlock | DELETE /BUCKET?publicAccessBlock |  | PutBucketPublicAccessBlock BUCKET | 204
GetBucketAcl | GET /BUCKET?acl |  | GetBucketAcl BUCKET | 200
PutBucketAcl | PUT /BUCKET?acl | X-Amz-Acl: public-read | PutBucketAcl BUCKET | 400 AccessControlListNotSupported
GetBucketOwnershipControls | GET /BUCKET?ownershipControls |  | GetBucketOwnershipControls BUCKET | 200
PutBucketOwnershipControls | PUT /BUCKET?ownershipControls |  | PutBucketOwnershipControls BUCKET | 200 | <OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>
DeleteBucketOwnershipControls | DELETE /BUCKET?ownershipControls |  | PutBucketOwnershipControls BUCKET | 204
PutBucketCors | PUT /BUCKET?cors |  | PutBucketCORS BUCKET | 200 | <CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>
GetBucketCors | GET /BUCKET?cors |  | GetBucketCORS BUCKET | 200
DeleteBucketCors | DELETE /BUCKET?cors |  | PutBucketCORS BUCKET | 204
GetBucketLifecycleConfiguration | GET /BUCKET?lifecycle |  | GetLifecycleConfiguration BUCKET | 404 NoSuchLifecycleConfiguration
DeleteBucketLifecycle | DELETE /BUCKET?lifecycle |  | PutLifecycleConfiguration BUCKET | 204
GetBucketReplication | GET /BUCKET?replication |  | GetReplicationConfiguration BUCKET | 404 ReplicationConfigurationNotFoundError
DeleteBucketReplication | DELETE /BUCKET?replication |  | PutReplicationConfiguration BUCKET | 204
GetBucketWebsite | GET /BUCKET?website |  | GetBucketWebsite BUCKET | 404 NoSuchWebsiteConfiguration
DeleteBucketWebsite | DELETE /BUCKET?website |  | DeleteBucketWebsite BUCKET | 204
GetBucketEncryption | GET /BUCKET?encryption |  | GetEncryptionConfiguration BUCKET | 404 ServerSideEncryptionConfigurationNotFoundError
DeleteBucketEncryption | DELETE /BUCKET?encryption |  | PutEncryptionConfiguration BUCKET | 204
GetBucketLogging | GET /BUCKET?logging |  | GetBucketLogging BUCKET | 200
PutBucketLogging | PUT /BUCKET?logging |  | PutBucketLogging BUCKET | 200 | <BucketLoggingStatus/>
PutBucketLogging | PUT /BUCKET?logging |  | PutBucketLogging BUCKET | 501 NotImplemented | <BucketLoggingStatus><LoggingEnabled><TargetBucket>b</TargetBucket></LoggingEnabled></BucketLoggingStatus>
GetBucketNotificationConfiguration | GET /BUCKET?notification |  | GetBucketNotification BUCKET | 200
PutBucketNotificationConfiguration | PUT /BUCKET?notification |  | PutBucketNotification BUCKET | 200 | <NotificationConfiguration/>
PutBucketNotificationConfiguration | PUT /BUCKET?notification |  | PutBucketNotification BUCKET | 501 NotImplemented | <NotificationConfiguration><EventBridgeConfiguration/></NotificationConfiguration>
GetBucketRequestPayment | GET /BUCKET?requestPayment |  | GetBucketRequestPayment BUCKET | 200
PutBucketRequestPayment | PUT /BUCKET?requestPayment |  | PutBucketRequestPayment BUCKET | 200 | <RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>
PutBucketRequestPayment | PUT /BUCKET?requestPayment |  | PutBucketRequestPayment BUCKET | 501 NotImplemented | <RequestPaymentConfiguration><Payer>Requester</Payer></RequestPaymentConfiguration>
PutBucketRequestPayment | PUT /BUCKET?requestPayment |  | PutBucketRequestPayment BUCKET | 400 MalformedXML | <RequestPaymentConfiguration><Payer>Nobody</Payer></RequestPaymentConfiguration>
GetBucketAccelerateConfiguration | GET /BUCKET?accelerate |  | GetAccelerateConfiguration BUCKET | 200
PutBucketAccelerateConfiguration | PUT /BUCKET?accelerate |  | PutAccelerateConfiguration BUCKET | 200 | <AccelerateConfiguration><Status>Suspended</Status></AccelerateConfiguration>
PutBucketAccelerateConfiguration | PUT /BUCKET?accelerate |  | PutAccelerateConfiguration BUCKET | 501 NotImplemented | <AccelerateConfiguration><Status>Enabled</Status></AccelerateConfiguration>
GetBucketAbac | GET /BUCKET?abac |  | GetBucketAbac BUCKET | 200
PutBucketAbac | PUT /BUCKET?abac |  | PutBucketAbac BUCKET | 200 | <AbacStatus><Status>Disabled</Status></AbacStatus>
PutBucketAbac | PUT /BUCKET?abac |  | PutBucketAbac BUCKET | 501 NotImplemented | <AbacStatus><Status>Enabled</Status></AbacStatus>
ListBucketInventoryConfigurations | GET /BUCKET?inventory |  | GetInventoryConfiguration BUCKET | 200
ListBucketInventoryConfigurations | GET /BUCKET?inventory&continuation-token=x |  | GetInventoryConfiguration BUCKET | 400 MalformedContinuationToken
GetBucketInventoryConfiguration | GET /BUCKET?inventory&id=x |  | GetInventoryConfiguration BUCKET | 404 NoSuchConfiguration
DeleteBucketInventoryConfiguration | DELETE /BUCKET?inventory&id=x |  | PutInventoryConfiguration BUCKET | 404 NoSuchConfiguration
ListBucketMetricsConfigurations | GET /BUCKET?metrics |  | GetMetricsConfiguration BUCKET | 200
ListBucketMetricsConfigurations | GET /BUCKET?metrics&continuation-token=x |  | GetMetricsConfiguration BUCKET | 400 MalformedContinuationToken
GetBucketMetricsConfiguration | GET /BUCKET?metrics&id=x |  | GetMetricsConfiguration BUCKET | 404 NoSuchConfiguration
DeleteBucketMetricsConfiguration | DELETE /BUCKET?metrics&id=x |  | PutMetricsConfiguration BUCKET | 404 NoSuchConfiguration
ListBucketAnalyticsConfigurations | GET /BUCKET?analytics |  | GetAnalyticsConfiguration BUCKET | 200
ListBucketAnalyticsConfigurations | GET /BUCKET?analytics&continuation-token=x |  | GetAnalyticsConfiguration BUCKET | 400 MalformedContinuationToken
GetBucketAnalyticsConfiguration | GET /BUCKET?analytics&id=x |  | GetAnalyticsConfiguration BUCKET | 404 NoSuchConfiguration
DeleteBucketAnalyticsConfiguration | DELETE /BUCKET?analytics&id=x |  | PutAnalyticsConfiguration BUCKET | 404 NoSuchConfiguration
ListBucketIntelligentTieringConfigurations | GET /BUCKET?intelligent-tiering |  | GetIntelligentTieringConfiguration BUCKET | 200
ListBucketIntelligentTieringConfigurations | GET /BUCKET?intelligent-tiering&continuation-token=x |  | GetIntelligentTieringConfiguration BUCKET | 400 MalformedContinuationToken
GetBucketIntelligentTieringConfiguration | GET /BUCKET?intelligent-tiering&id=x |  | GetIntelligentTieringConfiguration BUCKET | 404 NoSuchConfiguration
DeleteBucketIntelligentTieringConfiguration | DELETE /BUCKET?intelligent-tiering&id=x |  | PutIntelligentTieringConfiguration BUCKET | 404 NoSuchConfiguration
RestoreObject | POST /BUCKET/k?restore |  | RestoreObject BUCKET/k | 403 InvalidObjectState | <RestoreRequest><Days>1</Days></RestoreRequest>
PutObject | PUT /BUCKET/k |  | PutObject BUCKET/k | 200 | content
PutObject | PUT /BUCKET/k | X-Amz-Acl: bucket-owner-full-control; X-Amz-Tagging: team=red | PutObject BUCKET/k, PutObjectAcl BUCKET/k, PutObjectTagging BUCKET/k | 200 | content
PutObject | PUT /LOCKED/put | X-Amz-Object-Lock-Mode: GOVERNANCE; X-Amz-Object-Lock-Retain-Until-Date: 2099-01-01T00:00:00Z; X-Amz-Object-Lock-Legal-Hold: ON | PutObject LOCKED/put, PutObjectRetention LOCKED/put, PutObjectLegalHold LOCKED/put | 200 | content
GetObject | GET /BUCKET/k |  | GetObject BUCKET/k | 200
GetObject | GET /VERSIONED/k?versionId=VERSION |  | GetObjectVersion VERSIONED/k | 200
HeadObject | HEAD /BUCKET/k |  | GetObject BUCKET/k | 200
HeadObject | HEAD /VERSIONED/k?versionId=VERSION |  | GetObjectVersion VERSIONED/k | 200
GetObjectAttributes | GET /BUCKET/k?attributes | X-Amz-Object-Attributes: ObjectSize | GetObjectAttributes BUCKET/k, GetObject BUCKET/k | 200
GetObjectAttributes | GET /VERSIONED/k?attributes&versionId=VERSION | X-Amz-Object-Attributes: ObjectSize | GetObjectVersionAttributes VERSIONED/k, GetObjectVersion VERSIONED/k | 200
PutObjectTagging | PUT /BUCKET/k?tagging |  | PutObjectTagging BUCKET/k | 200 | <Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>
PutObjectTagging | PUT /VERSIONED/k?tagging&versionId=VERSION |  | PutObjectVersionTagging VERSIONED/k | 200 | <Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>
GetObjectTagging | GET /BUCKET/k?tagging |  | GetObjectTagging BUCKET/k | 200
GetObjectTagging | GET /VERSIONED/k?tagging&versionId=VERSION |  | GetObjectVersionTagging VERSIONED/k | 200
DeleteObjectTagging | DELETE /BUCKET/k?tagging |  | DeleteObjectTagging BUCKET/k | 204
DeleteObjectTagging | DELETE /VERSIONED/k?tagging&versionId=VERSION |  | DeleteObjectVersionTagging VERSIONED/k | 204
GetObjectAcl | GET /BUCKET/k?acl |  | GetObjectAcl BUCKET/k | 200
GetObjectAcl | GET /VERSIONED/k?acl&versionId=VERSION |  | GetObjectVersionAcl VERSIONED/k | 200
PutObjectAcl | PUT /BUCKET/k?acl | X-Amz-Acl: bucket-owner-full-control | PutObjectAcl BUCKET/k | 200
PutObjectAcl | PUT /VERSIONED/k?acl&versionId=VERSION | X-Amz-Acl: public-read | PutObjectVersionAcl VERSIONED/k | 400 AccessControlListNotSupported
CopyObject | PUT /BUCKET/copy | X-Amz-Copy-Source: /BUCKET/k | PutObject BUCKET/copy, GetObject BUCKET/k | 200
CopyObject | PUT /BUCKET/copy | X-Amz-Copy-Source: /VERSIONED/k?versionId=VERSION | PutObject BUCKET/copy, GetObjectVersion VERSIONED/k | 200
CopyObject | PUT /BUCKET/copy | X-Amz-Copy-Source: /BUCKET/tagged | PutObject BUCKET/copy, GetObject BUCKET/tagged, GetObjectTagging BUCKET/tagged, PutObjectTagging BUCKET/copy | 200
CopyObject | PUT /BUCKET/copy | X-Amz-Copy-Source: /VERSIONED/tagged?versionId=TAGGEDVERSION | PutObject BUCKET/copy, GetObjectVersion VERSIONED/tagged, GetObjectVersionTagging VERSIONED/tagged, PutObjectTagging BUCKET/copy | 200
CopyObject | PUT /BUCKET/copy | X-Amz-Copy-Source: /BUCKET/tagged; X-Amz-Tagging-Directive: REPLACE; X-Amz-Acl: bucket-owner-full-control | PutObject BUCKET/copy, GetObject BUCKET/tagged, PutObjectAcl BUCKET/copy | 200
CopyObject | PUT /LOCKED/copy | X-Amz-Copy-Source: /BUCKET/k; X-Amz-Object-Lock-Mode: GOVERNANCE; X-Amz-Object-Lock-Retain-Until-Date: 2099-01-01T00:00:00Z; X-Amz-Object-Lock-Legal-Hold: ON | PutObject LOCKED/copy, GetObject BUCKET/k, PutObjectRetention LOCKED/copy, PutObjectLegalHold LOCKED/copy | 200
CreateMultipartUpload | POST /BUCKET/big?uploads |  | PutObject BUCKET/big | 200
CreateMultipartUpload | POST /LOCKED/big?uploads | X-Amz-Acl: bucket-owner-full-control; X-Amz-Tagging: team=red; X-Amz-Object-Lock-Mode: GOVERNANCE; X-Amz-Object-Lock-Retain-Until-Date: 2099-01-01T00:00:00Z; X-Amz-Object-Lock-Legal-Hold: ON | PutObject LOCKED/big, PutObjectAcl LOCKED/big, PutObjectTagging LOCKED/big, PutObjectRetention LOCKED/big, PutObjectLegalHold LOCKED/big | 200
UploadPart | PUT /BUCKET/big?partNumber=1&uploadId=UPLOAD |  | PutObject BUCKET/big | 200 | part
UploadPartCopy | PUT /BUCKET/big?partNumber=2&uploadId=UPLOAD | X-Amz-Copy-Source: /BUCKET/k | PutObject BUCKET/big, GetObject BUCKET/k | 200
UploadPartCopy | PUT /BUCKET/big?partNumber=2&uploadId=UPLOAD | X-Amz-Copy-Source: /VERSIONED/k?versionId=VERSION | PutObject BUCKET/big, GetObjectVersion VERSIONED/k | 200
ListParts | GET /BUCKET/big?uploadId=UPLOAD |  | ListMultipartUploadParts BUCKET/big | 200
CompleteMultipartUpload | POST /BUCKET/whole?uploadId=WHOLE |  | PutObject BUCKET/whole | 200 | <CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"ETAG"</ETag></Part></CompleteMultipartUpload>
AbortMultipartUpload | DELETE /BUCKET/big?uploadId=UPLOAD |  | AbortMultipartUpload BUCKET/big | 204
PutObjectRetention | PUT /LOCKED/k?retention |  | PutObjectRetention LOCKED/k | 200 | <Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2099-01-01T00:00:00Z</RetainUntilDate></Retention>
PutObjectRetention | PUT /LOCKED/k?retention | X-Amz-Bypass-Governance-Retention: true | PutObjectRetention LOCKED/k, BypassGovernanceRetention LOCKED/k | 200 | <Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2098-01-01T00:00:00Z</RetainUntilDate></Retention>
GetObjectRetention | GET /LOCKED/k?retention |  | GetObjectRetention LOCKED/k | 200
PutObjectLegalHold | PUT /LOCKED/k?legal-hold |  | PutObjectLegalHold LOCKED/k | 200 | <LegalHold><Status>OFF</Status></LegalHold>
GetObjectLegalHold | GET /LOCKED/k?legal-hold |  | GetObjectLegalHold LOCKED/k | 200
DeleteObject | DELETE /BUCKET/gone |  | DeleteObject BUCKET/gone | 204
DeleteObject | DELETE /VERSIONED/gone?versionId=GONEVERSION |  | DeleteObjectVersion VERSIONED/gone | 204
DeleteObject | DELETE /LOCKED/k?versionId=HELDVERSION | X-Amz-Bypass-Governance-Retention: true | DeleteObjectVersion LOCKED/k, BypassGovernanceRetention LOCKED/k | 204
DeleteObjects | POST /BUCKET?delete |  | DeleteObject BUCKET/gone-too | 200 | <Delete><Object><Key>gone-too</Key></Object></Delete>
DeleteObjects | POST /VERSIONED?delete | X-Amz-Bypass-Governance-Retention: true | DeleteObjectVersion VERSIONED/k, BypassGovernanceRetention VERSIONED/k | 200 | <Delete><Object><Key>k</Key><VersionId>VERSION</VersionId></Object></Delete>`
