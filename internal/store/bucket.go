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
}

// BucketID names the record of a bucket. It has no account, so that a name has
// one owner: names of buckets are unique in the installation (S3 User Guide,
// "General purpose bucket naming rules").
func BucketID(name string) ID { return ID{Kind: KindBucket, Key: name} }
