package store

import "time"

// Bucket is a bucket of Amazon S3: whose it is and who may use it. What is in it
// is kept by a store of objects.
type Bucket struct {
	Account  string `json:"account"` // the owner
	Name     string `json:"name"`
	Location string `json:"location,omitempty"` // LocationConstraint; "" is us-east-1
	Store    string `json:"store,omitempty"`    // name of the upstream that has the objects; "" is the embedded store
	Policy   string `json:"policy,omitempty"`   // the bucket policy, the bytes as submitted; "" for none
	// Principals are the users and roles that the policy names, as Role.Principals.
	Principals map[string]string `json:"principals,omitempty"`
	Created    time.Time         `json:"created"`
	// PublicAccess is the public access block; nil is that of a new bucket, which
	// blocks all.
	PublicAccess *PublicAccess `json:"publicAccess,omitempty"`
	CORS         []CORSRule    `json:"cors,omitempty"` // in the order in which they were put
	// Change is the request that creates or deletes the bucket, while it does; nil
	// else. Where the process ends meanwhile it stays: whether the store of objects
	// has the bucket must be asked then.
	Change *BucketChange `json:"change,omitempty"`
}

// BucketChange is a request that creates or deletes a bucket.
type BucketChange struct {
	Request string    `json:"request"` // its id
	Begun   time.Time `json:"begun"`
}

// CORSRule says which pages of other origins a browser lets at the bucket (S3 API
// Reference, CORSRule). It permits nothing: that policies do.
type CORSRule struct {
	ID             string   `json:"id,omitempty"`
	AllowedOrigins []string `json:"allowedOrigins"`           // with one "*" each
	AllowedMethods []string `json:"allowedMethods"`           // GET, PUT, POST, DELETE, HEAD
	AllowedHeaders []string `json:"allowedHeaders,omitempty"` // with one "*" each; without regard to case
	ExposeHeaders  []string `json:"exposeHeaders,omitempty"`
	MaxAgeSeconds  *int32   `json:"maxAgeSeconds,omitempty"` // nil: the rule does not say
}

// PublicAccess is the public access block of a bucket as it was last put (S3 API
// Reference, PublicAccessBlockConfiguration). The two on ACLs are kept and
// decide nothing: ACLs have no say anywhere.
type PublicAccess struct {
	Removed               bool `json:"removed,omitempty"` // it was deleted: nothing is blocked
	BlockPublicACLs       bool `json:"blockPublicAcls,omitempty"`
	IgnorePublicACLs      bool `json:"ignorePublicAcls,omitempty"`
	BlockPublicPolicy     bool `json:"blockPublicPolicy,omitempty"`
	RestrictPublicBuckets bool `json:"restrictPublicBuckets,omitempty"`
}

// Blocked is what the bucket blocks.
func (b *Bucket) Blocked() PublicAccess {
	if b.PublicAccess == nil {
		return PublicAccess{BlockPublicACLs: true, IgnorePublicACLs: true, BlockPublicPolicy: true, RestrictPublicBuckets: true}
	}
	return *b.PublicAccess
}

// BucketID names the record of a bucket. It has no account, so that a name has
// one owner: names of buckets are unique in the installation (S3 User Guide,
// "General purpose bucket naming rules").
func BucketID(name string) ID { return ID{Kind: KindBucket, Key: name} }
